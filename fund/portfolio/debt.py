"""Money borrowed on the facilities (D40)."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from fund.ledger import post
from fund.ledger.models import Event
from fund.money import Money
from fund.portfolio.models import Facility, FacilityBalance
from fund.portfolio.valuation import Refused, move, require_past


@transaction.atomic
def borrow(
    *, facility: Facility, money: Money, bank_account: str, day: date, now: datetime, event_id: UUID
) -> FacilityBalance:
    """Draw on a facility. Raises Refused: another currency, over its limit, a day before its last balance."""
    held, drawn = _last(facility, money, day, now)
    if drawn + money.amount > held.limit:
        raise Refused(_("This is more than is left of the facility."), code="over_limit", left=held.limit - drawn)
    move(Event.BORROWING, event_id, post.Line(f"bank:{bank_account}", f"debt:{money.currency}", money.amount), day)
    return FacilityBalance.objects.create(facility=held, effective_on=day, drawn=drawn + money.amount)


@transaction.atomic
def repay(
    *, facility: Facility, money: Money, bank_account: str, day: date, now: datetime, event_id: UUID
) -> FacilityBalance:
    """Pay back to a facility. Raises Refused: another currency, over what is drawn, a day before its last balance."""
    held, drawn = _last(facility, money, day, now)
    if money.amount > drawn:
        raise Refused(_("This is more than is drawn."), code="over_drawn", drawn=drawn)
    move(Event.BORROWING, event_id, post.Line(f"debt:{money.currency}", f"bank:{bank_account}", money.amount), day)
    return FacilityBalance.objects.create(facility=held, effective_on=day, drawn=drawn - money.amount)


def record_drawn(*, facility: Facility, effective_on: date, drawn: Money, now: datetime) -> FacilityBalance:
    """Record what the lender says is drawn, interest included; for a day that has one it is the correction."""
    if drawn.currency != facility.currency:
        raise Refused(_("This facility is in another currency."), code="wrong_currency")
    require_past(effective_on, now)
    return FacilityBalance.objects.create(facility=facility, effective_on=effective_on, drawn=drawn.amount)


def drawn(*, on: date) -> list[FacilityBalance]:
    """The newest balance of each facility on a day, by code."""
    latest = FacilityBalance.objects.filter(effective_on__lte=on).order_by("facility", "-effective_on", "-id")
    return list(latest.distinct("facility").select_related("facility"))


def _last(facility: Facility, money: Money, day: date, now: datetime) -> tuple[Facility, int]:
    """The facility, locked until the commit, and what is drawn on it."""
    held = Facility.objects.select_for_update(no_key=True).get(pk=facility.pk)
    last = FacilityBalance.objects.filter(facility=held).order_by("-effective_on", "-id").first()
    if money.currency != held.currency:
        raise Refused(_("This facility is in another currency."), code="wrong_currency")
    if last is not None and day < last.effective_on:
        raise Refused(_("The facility has a later balance already."), code="later_balance", day=last.effective_on)
    require_past(day, now)
    return held, last.drawn if last else 0
