"""What would change: each line of a proposal beside the same line as it stands now, recomputed by the act's room."""

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any, NamedTuple

from django.utils.translation import gettext as _

from fund.governance import config
from fund.governance.approval import Kind, Proposal
from fund.money import Currency
from portal.officers import words


class Change(NamedTuple):
    """``now`` is recomputed at this moment; ``differs`` where it is not what would be signed."""

    label: Any
    proposed: str
    now: str
    differs: bool


type Comparison = Callable[[dict[str, Any], datetime], list[Change]]

COMPARISONS: dict[str, Comparison] = {}


def compares(kind: Kind) -> Callable[[Comparison], Comparison]:
    """Register how a kind's payload is compared with the present."""

    def register(comparison: Comparison) -> Comparison:
        COMPARISONS[kind] = comparison
        return comparison

    return register


def since(proposal: Proposal, *, now: datetime) -> list[Change]:
    """The comparison of a proposal; empty where the room of the act offers none."""
    comparison = COMPARISONS.get(proposal.kind)
    return comparison(json.loads(proposal.payload), now) if comparison else []


def change(label: Any, proposed: Any, now: Any) -> Change:
    return Change(label, words.plain(proposed), words.plain(now), proposed != now)


@compares(Kind.CONFIG)
def _setting(payload: dict[str, Any], now: datetime) -> list[Change]:
    current = config.get(payload["key"], at=now)
    proposed = payload["value"]
    if not isinstance(current, dict):
        return [change(_("Value of the setting"), proposed, current)]
    return [
        Change(name, _entry(proposed, name), _entry(current, name), proposed.get(name) != current.get(name))
        for name in dict.fromkeys([*current, *proposed])
    ]


def _entry(values: dict[str, Any], name: str) -> str:
    return (
        words.setting({name: values[name]})
        if name in values and name in set(Currency)
        else words.plain(values.get(name, _("not set")))
    )
