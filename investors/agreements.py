"""Agreements (D14): texts by kind, version and language with their SHA-256, and who accepted which, when."""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund import rows
from fund.append_only import AppendOnly
from fund.governance import audit
from fund.refusal import Refusal
from investors.people import Investor

TEXTS = Path(__file__).resolve().parent / "agreements_texts"
SHIPPED_SINCE = datetime(2026, 1, 1, tzinfo=UTC)
LANGUAGES = ("en", "ja")


class NotInForce(Refusal):
    """The text is not in force, or not in this version."""

    code = "agreement_not_in_force"


class Kind(models.TextChoices):
    """What a citizen accepts before taking part."""

    PRE_CONTRACT = "pre_contract", _("Pre-contract document")
    PROSPECTUS = "prospectus", _("Prospectus")
    TERMS = "terms", _("Terms")
    PRIVACY = "privacy", _("Privacy notice")


FOR_JOINING = tuple(Kind)


class Agreement(AppendOnly):
    """One text. ``sha256`` (hex) is the database's own work. ``code``, as ``terms:2``, names all languages of it."""

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16, choices=Kind)
    version = models.PositiveSmallIntegerField()
    language = models.CharField(max_length=2, choices=[("en", "English"), ("ja", "日本語")])
    title = models.CharField(max_length=120)
    text = models.TextField()
    sha256 = models.CharField(max_length=64, editable=False)
    in_force_from = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(
                name="agreement_kind", condition=Q(kind__in=["pre_contract", "prospectus", "terms", "privacy"])
            ),
            models.CheckConstraint(name="agreement_language", condition=Q(language__in=["en", "ja"])),
            models.UniqueConstraint(fields=["kind", "version", "language"], name="agreement_one_text"),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            pgtrigger.Trigger(
                name="digest_of_text",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="NEW.sha256 := encode(sha256(convert_to(NEW.text, 'UTF8')), 'hex'); RETURN NEW;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} ({self.language})"

    @property
    def code(self) -> str:
        return f"{self.kind}:{self.version}"


class Acceptance(AppendOnly):
    """An investor accepted this text, with the hash it had (D14)."""

    id = models.BigAutoField(primary_key=True)
    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="acceptances")
    agreement = models.ForeignKey(Agreement, on_delete=models.PROTECT, related_name="+")
    sha256 = models.CharField(max_length=64)
    accepted_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [models.UniqueConstraint(fields=["investor", "agreement"], name="acceptance_once")]

    def __str__(self) -> str:
        return f"investor {self.investor_id}, agreement {self.agreement_id}"


def ship() -> None:
    """Bring in the texts that ship with the system (``<kind>.<version>.<language>.md``); again changes nothing."""
    shipped = []
    for path in sorted(TEXTS.glob("*.md")):
        kind, version, language = path.name.split(".")[:3]
        text = path.read_text()
        title = text.partition("\n")[0].removeprefix("# ")
        shipped.append(
            Agreement(
                kind=kind, version=int(version), language=language, title=title, text=text, in_force_from=SHIPPED_SINCE
            )
        )
    Agreement.objects.bulk_create(shipped, ignore_conflicts=True)


def in_force(*, kinds: Iterable[str], at: datetime) -> list[Agreement]:
    """The newest version in force of each kind, in each language."""
    found = Agreement.objects.filter(kind__in=list(kinds), in_force_from__lte=at)
    return list(found.order_by("kind", "language", "-version").distinct("kind", "language"))


ACCEPT = f"""
    WITH texts AS (
        SELECT id, kind || ':' || version AS code, sha256 FROM investors_agreement
         WHERE kind || ':' || version = ANY(%(codes)s) AND language = %(language)s::text AND in_force_from <= %(now)s
    ), accepted AS (
        INSERT INTO investors_acceptance (investor_id, agreement_id, sha256, accepted_at)
        SELECT %(investor)s, id, sha256, %(now)s FROM texts
         WHERE (SELECT count(*) FROM texts) = cardinality(%(codes)s::text[])
         ORDER BY code ON CONFLICT DO NOTHING RETURNING agreement_id
    ), acts AS (
        {audit.INTO} SELECT %(now)s, %(actor)s, 'accept', code,
                            jsonb_build_object('language', %(language)s::text, 'sha256', sha256)
          FROM texts JOIN accepted ON agreement_id = id ORDER BY code
    )
    SELECT code FROM texts
"""


def accept(*, investor: Investor, codes: Iterable[str], language: str, now: datetime) -> None:
    """Record that an investor accepts these texts as read in a language; accepting again changes nothing.

    Raises NotInForce when a code names no text in force at ``now``; then none is accepted.
    """
    wanted = sorted(set(codes))
    found = rows.ask(
        ACCEPT,
        {"codes": wanted, "language": language, "now": now, "investor": investor.pk, "actor": investor.actor},
    )
    if missing := sorted(set(wanted) - {code for (code,) in found}):
        raise NotInForce(_("This agreement is not in force in this version."), agreement=missing[0])


def accepted(*, investor: Investor) -> set[str]:
    """The codes of all agreements that an investor has accepted, in whichever language."""
    rows = Acceptance.objects.filter(investor=investor).values_list("agreement__kind", "agreement__version")
    return {f"{kind}:{version}" for kind, version in rows}


def changes(*, before: Agreement, after: Agreement) -> list[str]:
    """What a new version changes, part by part: ``- `` gone, ``+ `` new, two blanks unchanged (D14)."""
    compared = difflib.ndiff(_parts(before), _parts(after))
    return [line for line in compared if not line.startswith("? ")]


def _parts(one: Agreement) -> list[str]:
    """Headings, items of lists and whole paragraphs: how their lines were broken is no change."""
    between = "" if one.language == "ja" else " "
    parts: list[str] = []
    for block in one.text.split("\n\n"):
        begun = False
        for line in filter(None, map(str.strip, block.splitlines())):
            alone = line.startswith(("#", "- ", "* "))
            if begun and not alone:
                parts[-1] += between + line
            else:
                parts.append(line)
            begun = not line.startswith("#")
    return parts


@dataclass(frozen=True)
class Change:
    """What is new in a text since the version somebody accepted. ``lines``: (added, removed, same or gap; text)."""

    before: Agreement
    after: Agreement
    lines: list[tuple[str, str]]


def changed_since(*, investor: Investor, texts: Iterable[Agreement]) -> list[Change]:
    """For those of the texts of which the investor has accepted an older version only: what changed since that one.

    Compared are the two versions in the language of the new text, whichever was read then.
    """
    latest: dict[str, int] = {}
    for kind, version in Acceptance.objects.filter(investor=investor).values_list(
        "agreement__kind", "agreement__version"
    ):
        latest[kind] = max(version, latest.get(kind, 0))
    found = []
    for after in texts:
        if latest.get(after.kind, after.version) < after.version:
            older = Agreement.objects.filter(kind=after.kind, version=latest[after.kind], language=after.language)
            found += [Change(before, after, readable(changes(before=before, after=after))) for before in older]
    return found


def readable(lines: list[str]) -> list[tuple[str, str]]:
    """The lines that differ, each with the line before and after it; what lies between is a gap."""
    told = [(MARKS[line[:2]], line[2:].strip().lstrip("# ")) for line in lines if line[2:].strip()]
    near = {place + step for place, (mark, _text) in enumerate(told) if mark != "same" for step in (-1, 0, 1)}
    shown: list[tuple[str, str]] = []
    for place, line in enumerate(told):
        if place in near:
            shown.append(line)
        elif not shown or shown[-1][0] != "gap":
            shown.append(("gap", ""))
    return shown


MARKS = {"+ ": "added", "- ": "removed", "  ": "same"}
