"""From facts to a PDF that is kept: bilingual, tagged (PDF/UA-1), its fonts in it, by one template for all kinds.

A kind of document is one file beside this one: it finds whom to write to as a set, and lays out a ``Layout`` for each.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from fund import envelope
from fund.holders import Holder
from investors import people
from investors.vault import Purpose
from portal import archive
from portal.archive import Kind, Owner, Paper
from portal.templatetags import figures

HERE = Path(__file__).parent
FONTS = settings.NODE_MODULES / "@expo-google-fonts/noto-sans-jp/400Regular"
LANGUAGES = ("en", "ja")
FOOT = _("Anybody can check on the fund’s site, under “Check a document”, that this file is genuine.")
AT_ONCE = 50  # documents of a piece of work: some two seconds

type Both = dict[str, str]  # a text by its language


def both(write: Any, *asked: Any) -> Both:
    """A message, a plain text, or what a function writes, in both languages."""
    told = {}
    for language in LANGUAGES:
        with translation.override(language):
            told[language] = str(write(*asked) if callable(write) else write)
    return told


@dataclass(frozen=True)
class Part:
    """A piece of a document under a heading: rows of label and value, or a table; every cell in both languages.

    ``head`` names the columns; a table without rows is left out by whoever lays it out.
    """

    title: Both
    head: Sequence[Both]
    rows: Sequence[dict[str, Both]] = ()
    table: Sequence[Sequence[Both]] = ()
    notes: Sequence[Both] = ()


@dataclass(frozen=True)
class Layout:
    """One document of one citizen or partner: what it is about, and what stands in it."""

    owner: Owner
    kind: Kind
    subject: str
    title: Both
    lead: Sequence[Both]
    parts: Sequence[Part]


def row(label: Any, write: Any, *asked: Any) -> dict[str, Both]:
    return {"label": both(label), "value": both(write, *asked)}


def issue(layouts: Sequence[Layout], *, now: datetime) -> int:
    """Make and keep what is new: another version where the facts of a document have changed; returns how many."""
    if not layouts:
        return 0
    before = archive.newest(
        kind=layouts[0].kind,
        subjects=[one.subject for one in layouts],
        owners=[one.owner for one in layouts],
    )
    made = [_paper(one, before.get((one.owner, one.subject)), now) for one in layouts]
    return len(Paper.objects.bulk_create([one for one in made if one is not None]))


def _paper(one: Layout, before: Paper | None, now: datetime) -> Paper | None:
    facts = {"title": one.title, "lead": one.lead, "parts": [asdict(part) for part in one.parts],
             "addressee": addressee(one.owner, now), "kind": one.kind.value}  # fmt: skip
    fingerprint = envelope.blind_index(json.dumps(facts, sort_keys=True), purpose="document")
    if before is not None and bytes(before.facts) == fingerprint:
        return None
    version = before.version + 1 if before else 1
    number = archive.number(one.kind, one.subject, version)
    more = {"number": number, "made": both(figures.day, now.date()), "foot": both(FOOT), "copy": _copy(one.owner)}
    pdf = typeset(facts | more, now=now)
    return archive.paper(
        owner=one.owner,
        kind=one.kind,
        subject=one.subject,
        version=version,
        facts=fingerprint,
        pdf=pdf,
        now=now,
    )


def _copy(owner: Owner) -> str:
    """A mark in the file, so that namesakes with the same figures do not have the same file; it reveals nobody."""
    return envelope.blind_index(f"{type(owner).__name__} {owner.pk}", purpose="copy").hex()[:16]


def addressee(owner: Owner, now: datetime) -> list[str]:
    """The name of the citizen as it is written in each of its scripts; that of a partner is public."""
    if isinstance(owner, Holder):
        return [owner.name_en, owner.name_ja]
    told = people.name(investor=owner, purpose=Purpose.CORRESPONDENCE, actor="system", now=now)
    scripts = (("family_kanji", "given_kanji"), ("given_latin", "family_latin"))
    return [name for script in scripts if (name := " ".join(filter(None, map(told.get, script))))]


@cache
def _compiler() -> typst.Compiler:
    """One a process: it reads the font once."""
    return typst.Compiler(HERE / "paper.typ", root=HERE, font_paths=[FONTS], ignore_system_fonts=True)


def typeset(paper: dict[str, Any], *, now: datetime) -> bytes:
    """The PDF of a document's facts; the same facts at the same time give the same bytes."""
    pdf = _compiler().compile(
        format="pdf",
        sys_inputs={"paper": json.dumps(paper)},
        pdf_standards=["ua-1"],
        timestamp=now.replace(microsecond=0),
    )
    assert isinstance(pdf, bytes)
    return pdf
