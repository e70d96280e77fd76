"""Money borrowed on the facilities, and the interest on it as it accrues by the day (D40)."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from fund.governance import audit
from fund.governance.approval import Proposal
from fund.ledger import post
from fund.ledger.models import Event
from fund.money import Currency, Money, yearly_fee
from fund.portfolio import accruals, investments
from fund.portfolio.accruals import ONE_DAY
from fund.portfolio.models import Expense, Facility, FacilityBalance, FacilityTerms
from fund.portfolio.movements import Refused, move, require_past


@transaction.atomic
def borrow(
    *, facility: Facility, money: Money, bank_account: str, day: date, now: datetime, event_id: UUID, proposal: Proposal
) -> FacilityBalance:
    """Draw on a facility. The database refuses it without two keys.

    Raises Refused: another currency, over its limit, a day before its last balance.
    """
    held, drawn = last(facility, lock=True)
    require_possible(held, drawn, money, day, now)
    lines = [post.Line(f"bank:{bank_account}", f"debt:{money.currency}", money.amount)]
    move(Event.BORROWING, event_id, lines, day)
    return _moved(held, drawn, money.amount, day, event_id, proposal)


@transaction.atomic
def repay(
    *, facility: Facility, money: Money, bank_account: str, day: date, now: datetime, event_id: UUID, proposal: Proposal
) -> FacilityBalance:
    """Pay back to a facility. The database refuses it without two keys.

    Raises Refused: another currency, over what is drawn, a day before its last balance.
    """
    held, drawn = last(facility, lock=True)
    require_possible(held, drawn, -money, day, now)
    lines = [post.Line(f"debt:{money.currency}", f"bank:{bank_account}", money.amount)]
    move(Event.BORROWING, event_id, lines, day)
    return _moved(held, drawn, -money.amount, day, event_id, proposal)


def _moved(
    facility: Facility, drawn: int, moved: int, day: date, event_id: UUID, proposal: Proposal
) -> FacilityBalance:
    return FacilityBalance.objects.create(
        event_id=event_id, proposal=proposal, facility=facility, effective_on=day, drawn=drawn + moved, moved=moved
    )


def last(facility: Facility, *, lock: bool = False) -> tuple[Facility, int]:
    """The facility, locked until the commit if asked to, and what is drawn on it."""
    rows = Facility.objects.select_for_update(no_key=True) if lock else Facility.objects.all()
    held = rows.get(pk=facility.pk)
    newest = FacilityBalance.objects.filter(facility=held).order_by("-effective_on", "-id").first()
    return held, newest.drawn if newest else 0


def require_possible(facility: Facility, drawn: int, money: Money, day: date, now: datetime) -> None:
    """Raises Refused unless so much can be borrowed on a day, or repaid where it is negative."""
    if money.currency != facility.currency:
        raise Refused(_("This facility is in another currency."), code="wrong_currency")
    newest = FacilityBalance.objects.filter(facility=facility).order_by("-effective_on").first()
    if newest is not None and day < newest.effective_on:
        raise Refused(_("The facility has a later balance already."), code="later_balance", day=newest.effective_on)
    limit = investments.facility(code=facility.pk, on=day).limit
    if money.amount > 0 and drawn + money.amount > limit:
        raise Refused(_("This is more than is left of the facility."), code="over_limit", left=limit - drawn)
    if drawn + money.amount < 0:
        raise Refused(_("This is more than is drawn."), code="over_drawn", drawn=drawn)
    require_past(day, now)


@transaction.atomic
def record_drawn(
    *, facility: Facility, effective_on: date, drawn: Money, now: datetime, actor: str = "system"
) -> FacilityBalance:
    """Record what the lender says is drawn, interest included; for a day that has one it is the correction.

    No money moves, so one officer records it; it counts in the next NAV, which needs both keys. Raises Refused.
    """
    require_statement(facility, effective_on, drawn, now)
    row = FacilityBalance.objects.create(facility=facility, effective_on=effective_on, drawn=drawn.amount)
    audit.record(
        actor=actor,
        verb="record_drawn",
        subject=f"facility:{facility.pk}",
        now=now,
        day=effective_on.isoformat(),
        drawn=str(drawn.amount),
    )
    return row


def require_statement(facility: Facility, effective_on: date, drawn: Money, now: datetime) -> None:
    if drawn.currency != facility.currency:
        raise Refused(_("This facility is in another currency."), code="wrong_currency")
    require_past(effective_on, now)


def drawn(*, on: date) -> list[FacilityBalance]:
    """The newest balance of each facility on a day, by code."""
    latest = FacilityBalance.objects.filter(effective_on__lte=on).order_by("facility", "-effective_on", "-id")
    return list(latest.distinct("facility").select_related("facility"))


def interest(*, on: date) -> dict[str, Money]:
    """The interest owed on each facility at the end of a day, by code: what has accrued, less what is paid.

    What is drawn at the end of a day bears interest from the next one on, at the rate in force then. A lender's figure
    includes the interest up to its day, so that it accrues anew from there.
    """
    balances: dict[str, list[FacilityBalance]] = {}
    for row in FacilityBalance.objects.filter(effective_on__lte=on).order_by("facility", "effective_on", "id"):
        balances.setdefault(row.facility_id, []).append(row)
    rates: dict[str, list[tuple[date, int]]] = {}
    for terms in FacilityTerms.objects.filter(effective_on__lte=on).order_by("recorded_at"):
        rates.setdefault(terms.facility_id, []).append((terms.effective_on, terms.rate_bps))
    paid = list(Expense.objects.filter(kind=Expense.Kind.INTEREST, day__lte=on).values_list("against", "day", "amount"))
    owed = {}
    for one in Facility.objects.filter(pk__in=balances).order_by("pk"):
        stated = max((row.effective_on for row in balances[one.pk] if row.event_id is None), default=date.min)
        amounts = accruals.steps((max(row.effective_on, stated) + ONE_DAY, row.drawn) for row in balances[one.pk])
        charged = accruals.point_days(
            amounts=amounts,
            rates=accruals.steps([(date.min, one.rate_bps), *rates.get(one.pk, [])]),
            on=on,
        )
        since = sum(amount for code, day, amount in paid if code == one.pk and day > stated)
        owed[one.pk] = Money(yearly_fee(charged, day_count=one.day_count) - since, Currency(one.currency))
    return owed
