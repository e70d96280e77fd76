"""Correcting published NAVs (D43, decision 18): the wrong day and every published day after it become new versions.

Later NAVs were carried on from the wrong one: their classes' shares and their fees rest on it. So they are valued again
with it, in their order, as one act. What was published stays beside the new versions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from fund.governance import approval, audit, outbox
from fund.governance.officers import Officer
from fund.money import Money
from fund.nav import checks, prices, strike, value
from fund.nav.models import ClassNav, Nav
from fund.nav.value import Figures, Refused
from fund.portfolio import fees, position
from fund.units import UnitClass

SUBJECT = approval.Kind.CORRECTION.value  # one correction at a time


@dataclass(frozen=True)
class Error:
    """By how much a published price was wrong, in percent of the right one: positive where it was too high."""

    unit_class: UnitClass
    wrong: Decimal
    right: Decimal

    @property
    def percent(self) -> Decimal:
        return prices.error(wrong=self.wrong, right=self.right)

    def above(self, limit_percent: Decimal) -> bool:
        """Whether it is larger than a limit, judged on the exact prices."""
        return abs(self.wrong - self.right) * 100 > limit_percent * self.right


@transaction.atomic
def revalue(*, day: date, now: datetime) -> list[Nav]:
    """Value a published day, and all published days after it, as books, marks and rates stand now: as drafts.

    Nothing that is published changes. Raises ``rates.Unknown``, and Refused: not_published; unchanged, when every
    figure comes out as it was published.
    """
    strike.one_at_a_time()
    drafts: list[Nav] = []
    for one in standing(day=day):
        previous = drafts[-1] if drafts else one.previous
        drafts.append(strike.keep(_figures(one.valuation_day, previous, drafts), now=now, corrects=one))
    if not drafts or drafts[0].valuation_day != day:
        raise Refused(_("No NAV of this day is published."), code="not_published")
    if all(_same(draft) for draft in drafts):
        raise Refused(_("Valued again, every figure comes out as it was published."), code="unchanged")
    audit.record(actor="system", verb="revalue", subject=f"nav:{drafts[0]}", now=now, days=len(drafts))
    return drafts


def standing(*, day: date) -> list[Nav]:
    """The published NAVs that hold, from a day on, oldest first: of each day the newest version."""
    rows = Nav.objects.filter(state=Nav.State.PUBLISHED, valuation_day__gte=day).select_related("previous")
    return list(rows.order_by("valuation_day", "-version").distinct("valuation_day"))


def together(*, draft: Nav) -> list[Nav]:
    """All drafts of a draft's correction, oldest first: those that were valued with it."""
    rows = Nav.objects.exclude(corrects=None).filter(valued_at=draft.valued_at)
    return list(rows.select_related("corrects", "previous").order_by("valuation_day"))


def errors(*, nav: Nav) -> list[Error]:
    """The errors of the version that a NAV corrects, by class; a class that had no price then or now has none."""
    before = {one.unit_class_id: one.price for one in ClassNav.objects.filter(nav=nav.corrects_id)}
    rows = nav.classes.select_related("unit_class").order_by("unit_class")
    return [
        Error(one.unit_class, wrong, one.price)
        for one in rows
        if one.price is not None and (wrong := before.get(one.unit_class_id)) is not None
    ]


def findings(*, drafts: Sequence[Nav]) -> list[checks.Finding]:
    """What the checks find about a correction, the blocking ones first."""
    found = [*checks.trial_balance(), *(one for draft in drafts for one in checks.of_figures(draft))]
    found += [
        checks.changed()
        for place, draft in enumerate(drafts)
        if not checks.stands(draft, _figures(draft.valuation_day, draft.previous, drafts[:place]))
    ]
    return sorted(found, key=lambda one: not one.blocking)


def propose(
    *, drafts: Sequence[Nav], owed: Mapping[str, list[dict[str, str]]], officer: Officer, now: datetime, reason: str
) -> approval.Proposal:
    """Put a correction up for approval: its figures, its errors and what is owed (``redemption.correction``).

    Raises Refused: reason_needed; overtaken; newer_version; what a check blocks.
    """
    _require_standing(drafts)
    if Nav.objects.filter(valued_at__gt=drafts[0].valued_at, valuation_day=drafts[0].valuation_day).exists():
        raise Refused(_("This day has been valued again since."), code="newer_version")
    if not reason.strip():
        raise Refused(_("A correction needs a recorded reason."), code="reason_needed")
    found = findings(drafts=drafts)
    strike.require_sound(found, reason)
    payload = {
        "navs": [_facts(draft) for draft in drafts],
        **owed,
        "findings": strike.told(found),
        "reason": reason,
    }
    return approval.propose(
        kind=approval.Kind.CORRECTION, subject=SUBJECT, payload=payload, officer=officer, now=now, reason=reason
    )


def proposed(*, proposal: approval.Proposal) -> list[Nav]:
    """The drafts that a proposal is about, oldest first."""
    first = proposal.facts["navs"][0]
    return together(draft=Nav.objects.get(valuation_day=first["day"], version=first["version"]))


def publish(*, drafts: Sequence[Nav], proposal: approval.Proposal, now: datetime) -> None:
    """Publish the approved versions, inside the transaction of the act. Raises Refused: overtaken."""
    strike.one_at_a_time()
    _require_standing(drafts)
    for draft in drafts:
        strike.stamp(draft, proposal, now)
    audit.record(actor="system", verb="correct", subject=f"nav:{drafts[0]}", now=now, days=len(drafts))
    outbox.leave(topic="nav.corrected", subject=str(drafts[0]), now=now, nav=drafts[0].pk)


def _figures(day: date, previous: Nav | None, before: Sequence[Nav]) -> Figures:
    """The figures of a day as if the versions before it were published; charging the fee on them is taken back."""
    with transaction.atomic():
        for one in before:
            fees.charge_from(valuation_day=one.valuation_day, net=Money(one.net, position.BASE))
        struck = value.figures(day=day, previous=previous)
        transaction.set_rollback(True)
    return struck


def _same(draft: Nav) -> bool:
    """Whether a draft has the figures of the version that it corrects."""
    names = ("usd_jpy", "gross", "debt", "accruals", "net")
    columns = ("unit_class", "units", "value_base", "value", "price")
    before = draft.corrects
    return (
        before is not None
        and all(getattr(draft, name) == getattr(before, name) for name in names)
        and set(draft.classes.values_list(*columns)) == set(before.classes.values_list(*columns))
    )


def _require_standing(drafts: Sequence[Nav]) -> None:
    """The drafts replace exactly the NAVs that hold now from their first day on."""
    if [one.pk for one in standing(day=drafts[0].valuation_day)] != [draft.corrects_id for draft in drafts]:
        raise Refused(_("Another NAV was published since this one was valued. Value the day again."), code="overtaken")


def _facts(draft: Nav) -> dict[str, Any]:
    assert draft.corrects is not None
    found = {one.unit_class.pk: f"{one.percent:f}" for one in errors(nav=draft)}
    return {**strike.facts(draft), "corrects": draft.corrects.version, "errors": found}
