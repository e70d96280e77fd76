"""The management fee as it accrues day by day, and what is paid of it and of other expenses (D40, D42)."""

from datetime import date, datetime, timedelta
from itertools import pairwise
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.governance import config
from fund.ledger import post
from fund.ledger.models import Event
from fund.money import Currency, Money, yearly_fee
from fund.portfolio.models import Expense, FeeBasis
from fund.portfolio.valuation import Refused, move, require_past


def charge_from(*, valuation_day: date, net: Money) -> FeeBasis:
    """From the day after a valuation day on, the fee is charged on this net asset value."""
    return FeeBasis.objects.create(valuation_day=valuation_day, net=net.amount)


def accrued(*, on: date) -> Money:
    """The management fee owed at the end of a day: all that has accrued, less what is paid."""
    paid = Expense.objects.filter(kind=Expense.Kind.MANAGEMENT_FEE, day__lte=on)
    return Money(_charged(on) - paid.aggregate(sum=Sum("amount", default=0))["sum"], Currency.USD)


def _charged(on: date) -> int:
    """The fee of every day since the first NAV: basis points a year of the last NAV before it, actual/365.

    The sum over days is exact and rounded once, so that it does not depend on when or how often it is asked for.
    """
    bases = dict(
        FeeBasis.objects.filter(valuation_day__lt=on)
        .order_by("valuation_day", "id")
        .values_list("valuation_day", "net")
    )
    points = config.steps("fee.management_bps")
    starts = [from_ and from_.date() for from_, _ in points]
    breaks = {day + timedelta(days=1) for day in bases} | {
        day for day in starts if day and min(bases, default=on) < day <= on
    }
    total = 0
    for first, after in pairwise([*sorted(breaks), on + timedelta(days=1)]):
        net = next(net for day, net in reversed(bases.items()) if day < first)
        rate = next(value for from_, value in reversed(points) if from_ is None or from_ < calendars.books_close(first))
        total += net * rate * (after - first).days
    return yearly_fee(total)


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
) -> Expense:
    """Pay a fee or an expense out of the fund's own money.

    Raises Refused when more of the management fee would be paid than has accrued, or the day is still to come.
    """
    require_past(day, now)
    if kind == Expense.Kind.MANAGEMENT_FEE and (money.currency != Currency.USD or accrued(on=day) < money):
        raise Refused(_("This is more than the fee that has accrued."), code="over_accrued")
    move(Event.EXPENSE, event_id, post.Line(f"expenses:{money.currency}", f"bank:{bank_account}", money.amount), day)
    return Expense.objects.create(
        event_id=event_id,
        kind=kind,
        day=day,
        amount=money.amount,
        currency=money.currency,
        description_en=description_en,
        description_ja=description_ja,
    )
