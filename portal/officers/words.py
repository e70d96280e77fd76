"""What a proposal says, in words: every value of its payload, so that nobody signs what was not shown.

Each kind of act has a reader that takes what it knows out of the payload. What no reader knew is shown as it stands.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import override

from fund.governance import config
from fund.governance.approval import Kind, Proposal
from fund.money import Currency
from portal.officers import shown
from portal.officers.room import Line

type Payload = dict[str, Any]
type Reader = Callable[[Proposal, Payload], "Words"]


@dataclass
class Words:
    """``act``: the one sentence of what happens when both keys are turned; ``lines``: everything it rests on."""

    act: str
    lines: list[Line] = field(default_factory=list)


READERS: dict[str, Reader] = {}


def reads(kind: Kind) -> Callable[[Reader], Reader]:
    """Register the reader of a kind's payloads."""

    def register(reader: Reader) -> Reader:
        READERS[kind] = reader
        return reader

    return register


def of(proposal: Proposal, *, language: str) -> Words:
    """The proposal in words, in one language."""
    payload: Payload = json.loads(proposal.payload)
    with override(language):
        reader = READERS.get(proposal.kind)
        words = reader(proposal, payload) if reader else unknown(proposal)
        words.lines += [Line(key, plain(value)) for key, value in payload.items()]
    return words


def plain(value: Any) -> str:
    """A value without a reader, so that nothing of it is lost."""
    match value:
        case bool() | None:
            return json.dumps(value)
        case str() | int():
            return str(value)
        case list() if all(isinstance(one, str | int) for one in value):
            return ", ".join(str(one) for one in value)
        case dict() if all(isinstance(one, str | int) for one in value.values()):
            return " · ".join(f"{key}: {one}" for key, one in value.items())
        case _:
            return json.dumps(value, ensure_ascii=False, indent=1)


def setting(value: Any) -> str:
    """A setting's value; amounts by currency are money."""
    if isinstance(value, dict) and value and set(value) <= set(Currency):
        return " · ".join(shown.minor(value[currency], currency) for currency in Currency if currency in value)
    return plain(value)


def instant(text: str) -> str:
    return shown.instant(datetime.fromisoformat(text))


def day(text: str) -> str:
    return shown.day(date.fromisoformat(text))


def unknown(proposal: Proposal) -> Words:
    """Of an act without a reader: its kind; the payload follows as it stands."""
    return Words(_("%(kind)s for %(subject)s") % {"kind": proposal.get_kind_display(), "subject": proposal.subject})


@reads(Kind.CONFIG)
def _setting(proposal: Proposal, payload: Payload) -> Words:
    key = payload.pop("key")
    value = setting(payload.pop("value"))
    declared = config.DECLARED.get(key)
    words = Words(_("The setting “%(meaning)s” becomes: %(value)s") % {
        "meaning": declared.meaning if declared else key, "value": value
    })  # fmt: skip
    words.lines = [
        Line(_("Setting"), key),
        Line(_("New value"), value),
        Line(_("Effective from"), instant(payload.pop("effective_from"))),
    ]
    return words
