"""What one citizen's units of a class were worth on every valuation day, and where their gain came from (D44, D51).

Read from the book when it is asked for: a few rows of one holder, and those of the published NAVs.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext

from django.db import connection

from fund.ledger.models import Event
from fund.money import Currency, Money, Price, nearest, value_of
from fund.nav import strike
from fund.register import returns, xirr
from fund.units import UnitClass


@dataclass(frozen=True)
class Point:
    """A holding on a valuation day: smallest units, the price of the day, the value, and what had been paid in."""

    day: date
    units: int
    price: Price
    value: Money
    paid_in: Money


@dataclass(frozen=True)
class Split:
    """Where a gain came from; the three add up to it exactly."""

    assets: Money
    income: Money
    currency: Money


@dataclass(frozen=True)
class Moved:
    """What a day brought: smallest units, and minor units paid for them; the worth of those that another gave (D32)."""

    day: date
    units: int
    paid: int


MOVED = """
    SELECT (l.effective_at AT TIME ZONE 'UTC')::date,
           coalesce(sum(CASE %(units)s WHEN c.code THEN l.amount WHEN d.code THEN -l.amount END), 0)::bigint,
           (coalesce(sum(l.amount) FILTER (WHERE l.event = %(event)s AND c.code = ANY(%(bought)s)), 0)
            + coalesce(sum(g.worth), 0))::bigint
      FROM fund_leg l JOIN fund_account c ON c.id = l.credit_id JOIN fund_account d ON d.id = l.debit_id
      LEFT JOIN fund_conveyance g ON g.id = l.event_id AND l.event = %(conveyance)s AND c.code = %(units)s
     WHERE l.holder_id = %(holder)s AND l.phase IN (0, 2) GROUP BY 1 ORDER BY 1
"""


def moved(*, holder_id: int, unit_class: UnitClass) -> list[Moved]:
    """Days on which units or money for them moved, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            MOVED,
            {
                "units": f"units:{unit_class}",
                "event": Event.SETTLEMENT.value,
                "conveyance": Event.CONVEYANCE.value,
                "bought": [f"capital:{unit_class}", f"rounding:{unit_class.currency}"],
                "holder": holder_id,
            },
        )
        return [Moved(*row) for row in cursor.fetchall() if row[1] or row[2]]


def history(*, holder_id: int, unit_class: UnitClass) -> list[Point]:
    """The holding on every valuation day since its first units, oldest first."""
    days = moved(holder_id=holder_id, unit_class=unit_class)
    found: list[Point] = []
    for one in strike.history(class_code=unit_class.pk):
        until = [row for row in days if row.day <= one.nav.valuation_day]
        units = sum(row.units for row in until)
        if one.price is None or (not units and not found):
            continue
        price = unit_class.price(one.price)
        paid = Money(sum(row.paid for row in until), price.currency)
        found.append(Point(one.nav.valuation_day, units, price, value_of(units, price), paid))
    return found


def split(*, holder_id: int, unit_class: UnitClass, gain: Money) -> Split | None:
    """A gain as assets, income and currency; None where a NAV does not know what it was made of.

    Each step of the class counts for the units that were there before it; what they cost above or below the first price
    after they were bought is the assets'.
    """
    steps = returns.steps(unit_class)
    if not steps:
        return None
    days = moved(holder_id=holder_id, unit_class=unit_class)
    income = currency = Decimal(0)
    since = steps[0].day
    with localcontext(xirr.EXACT):
        for step in steps:
            worth = _exact(sum(row.units for row in days if row.day <= since), step.before)
            income += worth * step.income
            currency += worth * step.currency
            since = step.day
    parts = [Money(int(nearest(part, 0)), Currency(unit_class.currency)) for part in (income, currency)]
    return Split(gain - parts[0] - parts[1], *parts)


def _exact(units: int, price: Price) -> Decimal:
    """Minor units that smallest units are worth, unrounded."""
    return units * price.value * price.currency.minor_per_major / price.lot
