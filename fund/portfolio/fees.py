"""The management fee and running expenses as they accrue day by day, and what is paid of them (D40, D42)."""

from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from fund.governance import config
from fund.governance.approval import Proposal
from fund.ledger import post
from fund.ledger.models import Event
from fund.money import Currency, Money, yearly_fee
from fund.portfolio import accruals, debt
from fund.portfolio.accruals import ONE_DAY
from fund.portfolio.models import Accrual, Expense, Facility, FeeBasis
from fund.portfolio.movements import Refused, move, require_past

Kind = Expense.Kind
WHOLE = 10_000  # basis points: a running expense accrues whole


def charge_from(*, valuation_day: date, net: Money) -> FeeBasis:
    """From the day after a valuation day on, the fee is charged on this net asset value."""
    return FeeBasis.objects.create(valuation_day=valuation_day, net=net.amount)


def accrued(*, on: date) -> Money:
    """The management fee owed at the end of a day: all that has accrued, less what is paid."""
    return Money(_charged(on) - _paid(on, Kind.MANAGEMENT_FEE, ""), Currency.USD)


def _charged(on: date) -> int:
    """The fee of every day since the first NAV: basis points a year of the last NAV before it, actual/365."""
    bases = FeeBasis.objects.filter(valuation_day__lt=on).order_by("id").values_list("valuation_day", "net")
    rates = [(from_.date() if from_ else date.min, rate) for from_, rate in config.steps("fee.management_bps")]
    amounts = accruals.steps((day + ONE_DAY, net) for day, net in bases)
    return yearly_fee(accruals.point_days(amounts=amounts, rates=accruals.steps(rates), on=on))


def accrue(
    *,
    code: str,
    description_en: str,
    description_ja: str,
    yearly: Money,
    effective_on: date,
    event_id: UUID,
    proposal: Proposal,
) -> Accrual:
    """From a day on a running expense accrues at so much a year; zero ends it. Raises Refused for another currency."""
    require_same_currency(code, yearly)
    return Accrual.objects.create(
        event_id=event_id,
        proposal=proposal,
        code=code,
        description_en=description_en,
        description_ja=description_ja,
        currency=yearly.currency,
        yearly=yearly.amount,
        effective_on=effective_on,
    )


def require_same_currency(code: str, yearly: Money) -> None:
    """Raises Refused when the running expense accrues in another currency so far."""
    last = Accrual.objects.filter(code=code).first()
    if last is not None and last.currency != yearly.currency:
        raise Refused(_("This accrues in another currency."), code="wrong_currency")


def running(*, on: date) -> dict[str, Money]:
    """What is owed of every running expense at the end of a day: what has accrued, less what is paid, by code."""
    rows: dict[str, list[Accrual]] = {}
    for one in Accrual.objects.filter(effective_on__lte=on).order_by("code", "recorded_at"):
        rows.setdefault(one.code, []).append(one)
    paid = dict(
        Expense.objects.filter(kind=Kind.OPERATING, day__lte=on)
        .exclude(against="")
        .values_list("against")
        .annotate(Sum("amount"))
    )
    owed = {}
    for code, listed in rows.items():
        amounts = accruals.steps((one.effective_on, one.yearly) for one in listed)
        charged = yearly_fee(accruals.point_days(amounts=amounts, rates=[(date.min, WHOLE)], on=on))
        owed[code] = Money(charged - paid.get(code, 0), Currency(listed[0].currency))
    return owed


def _paid(on: date, kind: Expense.Kind, against: str) -> int:
    paid = Expense.objects.filter(kind=kind, against=against, day__lte=on)
    return int(paid.aggregate(sum=Sum("amount", default=0))["sum"])


@transaction.atomic
def pay(
    *,
    kind: Expense.Kind,
    money: Money,
    bank_account: str,
    day: date,
    description_en: str,
    description_ja: str,
    now: datetime,
    event_id: UUID,
    proposal: Proposal,
    against: str = "",
) -> Expense:
    """Pay a fee, interest or an expense out of the fund's own money. The database refuses it without two keys.

    ``against``: the facility whose interest it is, or the code of the running expense. Raises Refused when more would
    be paid than has accrued, or the day is still to come.
    """
    require_past(day, now)
    require_accrued(kind=kind, against=against, money=money, day=day)
    move(
        Event.EXPENSE,
        event_id,
        [post.Line(f"expenses:{money.currency}", f"bank:{bank_account}", money.amount)],
        day,
    )
    return Expense.objects.create(
        event_id=event_id,
        proposal=proposal,
        kind=kind,
        against=against,
        day=day,
        amount=money.amount,
        currency=money.currency,
        description_en=description_en,
        description_ja=description_ja,
    )


def require_accrued(*, kind: Expense.Kind, against: str, money: Money, day: date) -> None:
    """Raises Refused unless so much has accrued by a day. An expense against nothing need not have."""
    match kind:
        case Kind.MANAGEMENT_FEE:
            owed = accrued(on=day)
        case Kind.INTEREST:
            facility = Facility.objects.filter(pk=against).first()
            if facility is None:
                raise Refused(_("There is no such facility."), code="unknown_facility")
            owed = debt.interest(on=day).get(against, Money(0, Currency(facility.currency)))
        case _ if against:
            known = running(on=day).get(against)
            if known is None:
                raise Refused(_("There is no such running expense."), code="unknown_expense")
            owed = known
        case _:
            return
    if money.currency != owed.currency:
        raise Refused(_("This accrues in another currency."), code="wrong_currency")
    if money > owed:
        raise Refused(_("This is more than has accrued."), code="over_accrued", left=owed.amount)
