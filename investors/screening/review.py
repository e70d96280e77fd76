"""Hits before the officers (D15): read for a purpose, cleared or confirmed with a reason. Nobody else can."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from fund.governance import audit
from fund.governance.officers import Duty, NotOnDuty, Officer
from fund.refusal import Refusal
from investors import vault
from investors.applications import Answer, Application, Status
from investors.people import Investor
from investors.screening.models import STANDING, Hit, HitDecision
from investors.vault import Purpose

FROM = {
    Hit.State.CLEARED: (Hit.State.OPEN, Hit.State.CONFIRMED),
    Hit.State.CONFIRMED: (Hit.State.OPEN, Hit.State.CLEARED),
}


class CannotDecideHit(Refusal):
    """The hit cannot be decided so: no reason was given, it was decided meanwhile, or it has lapsed."""

    code = "cannot_decide_hit"


@dataclass(frozen=True)
class Case:
    """A hit with both sides, opened for an officer. ``name`` as the step ``name`` calls its parts.

    ``evidence``: ``listed`` (the name that is alike), ``writing`` (of the citizen's name), ``name_score``, ``birth``
    (a ``match.Agreement``). ``reasons`` are those given so far, oldest first.
    """

    hit: Hit
    evidence: dict[str, str | int]
    name: dict[str, str]
    birth_date: date
    reasons: list[tuple[HitDecision, str]]


def waiting() -> QuerySet[Hit]:
    """Open hits, the oldest first."""
    return Hit.objects.filter(state=Hit.State.OPEN).select_related("entry", "investor").order_by("opened_at", "pk")


def standing(*, investor: Investor) -> QuerySet[Hit]:
    """The hits because of which a citizen cannot take part: open or confirmed."""
    return Hit.objects.filter(investor=investor, state__in=STANDING).order_by("pk")


def read(*, hit_id: UUID | str, officer: Officer, now: datetime) -> Case:
    """Open a case with the citizen's name and birth date; the reading is logged. Raises NotOnDuty."""
    _on_duty(officer, now)
    hit = Hit.objects.select_related("entry", "investor").get(pk=hit_id)
    audit.record(
        actor=officer.actor, verb="open", subject=str(hit), now=now, purpose=Purpose.SCREENING.value,
        investor=hit.investor_id,
    )  # fmt: skip
    opened = partial(vault.read, purpose=Purpose.SCREENING, actor=officer.actor, now=now)
    name, birth = _person(hit.investor, opened)
    return Case(
        hit=hit,
        evidence=json.loads(opened(hit, "evidence")),
        name=name,
        birth_date=birth,
        reasons=[(one, opened(one, "reason")) for one in hit.decisions.order_by("decided_at")],
    )


@transaction.atomic
def decide(*, hit_id: UUID | str, officer: Officer, outcome: str, reason: str, now: datetime) -> HitDecision:
    """Clear a hit (another person) or confirm it (the listed person); what was found before can be revised.

    A cleared pair does not come back unless the entry or the citizen's name or birth date changes.
    Raises NotOnDuty, and CannotDecideHit without a reason or when the hit stands so already or has lapsed.
    """
    _on_duty(officer, now)
    found = Hit.State(outcome)
    if found not in FROM:
        raise CannotDecideHit(_("A hit is cleared or confirmed."))
    if not reason.strip():
        raise CannotDecideHit(_("Please say why: the next officer has to understand it."))
    if Hit.objects.filter(pk=hit_id, state__in=FROM[found]).update(state=found) != 1:
        raise CannotDecideHit(_("This hit was decided meanwhile or has lapsed."))
    hit = Hit.objects.get(pk=hit_id)
    decision = HitDecision(hit=hit, outcome=found, officer=officer, decided_at=now)
    vault.seal(decision, "reason", reason)
    decision.save(force_insert=True)
    audit.record(actor=officer.actor, verb=f"hit_{found.value}", subject=str(hit), now=now, investor=hit.investor_id)
    return decision


def _on_duty(officer: Officer, now: datetime) -> None:
    if not officer.in_office(now) or not officer.has(Duty.ONBOARDING):
        raise NotOnDuty(_("Your duties do not include this."), duty=Duty.ONBOARDING)


def _person(investor: Investor, opened: Callable[[Investor | Answer, str], str]) -> tuple[dict[str, str], date]:
    """The name and birth date of an approved citizen's record, else of the newest application."""
    if investor.state == Investor.State.APPROVED:
        return json.loads(opened(investor, "name")), date.fromisoformat(opened(investor, "birth_date"))
    application = Application.objects.filter(investor=investor).exclude(status=Status.DRAFT).latest("pk")
    rows = Answer.objects.filter(application=application, step__in=["name", "birth"])
    told = {row.step: json.loads(opened(row, "content")) for row in rows}
    return told["name"], date.fromisoformat(told["birth"]["birth_date"])
