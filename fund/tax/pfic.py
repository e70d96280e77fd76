"""Shares in the earnings of a passive foreign investment company (IRC §1293(b)), for citizens who are US persons.

A year's ordinary earnings and net capital gain count as distributed by the same amount on each of its days. A class has
of a day's amount its share of the net assets, as the latest NAV has it, and a unit of a class the same as any other.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from itertools import accumulate
from typing import Any

from django.db import connection

from fund import calendars
from fund.ledger.models import Transfer
from fund.money import Currency, Money, convert
from fund.nav.models import ClassNav, Nav
from fund.nav.value import Figures
from fund.portfolio import position

DIGITS = 30  # of a factor: of a year's earnings less than a cent of a trillion is lost


@dataclass(frozen=True)
class Earnings:
    """Of a year, in USD cents; a loss is none, for it is passed on to nobody."""

    ordinary: int
    gain: int


def earnings(first: date, last: date) -> Earnings:
    """What the books have earned: income less expenses, interest and accruals; gains. Raises ``rates.Unknown``."""
    (before, gained), (after, gains) = _to_date(first - timedelta(days=1)), _to_date(last)
    return Earnings(max(0, after - before), max(0, gains - gained))


def _to_date(day: date) -> tuple[int, int]:
    if not Transfer.objects.filter(effective_at__lt=calendars.books_close(day)).exists():
        return 0, 0
    at = position.at(day=day)
    gains = [convert(Money(at.books[f"gains:{one}"], one), to=position.BASE, usd_jpy=at.usd_jpy) for one in Currency]
    return Figures(at, None, []).earned.amount, (gains[0] + gains[1]).amount


def factors(first: date, last: date) -> list[dict[str, Any]]:
    """By class and day, the part of a year's earnings that a smallest unit held from that day to its end has.

    Without a published NAV nobody has any.
    """
    days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    found = []
    for code, shares in _shares(days).items():
        units = _units(code, days)
        parts = [share / held / len(days) if held else Fraction(0) for share, held in zip(shares, units, strict=True)]
        ahead = list(accumulate(reversed(parts)))[::-1]
        found += [
            {"unit_class": code, "day": day.isoformat(), "factor": _decimal(part)}
            for day, part in zip(days, ahead, strict=True)
        ]
    return found


def _decimal(part: Fraction) -> str:
    """Rounded down, so that all together never have more than there is."""
    return str(Decimal(part.numerator * 10**DIGITS // part.denominator).scaleb(-DIGITS))


def _shares(days: list[date]) -> dict[str, list[Fraction]]:
    """Each class's share of the net assets, day by day: that of the latest NAV, before the first that of the first."""
    rows = ClassNav.objects.filter(nav__state=Nav.State.PUBLISHED, nav__valuation_day__lte=days[-1])
    rows = rows.order_by("nav__valuation_day", "nav__version").select_related("nav")
    known: dict[date, dict[str, Fraction]] = defaultdict(dict)
    for one in rows:
        known[one.nav.valuation_day][one.unit_class_id] = Fraction(one.value_base, one.nav.net)
    if not known:
        return {}
    struck = sorted(known)
    latest = [max((day for day in struck if day <= one), default=struck[0]) for one in days]
    return {code: [known[day].get(code, Fraction(0)) for day in latest] for code in known[struck[-1]]}


def _units(code: str, days: list[date]) -> list[int]:
    """All units of a class at the end of each day."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT greatest((l.effective_at AT TIME ZONE 'UTC')::date, %(first)s) AS day,
                   sum(CASE l.debit_id WHEN a.id THEN l.amount ELSE -l.amount END)::bigint
              FROM fund_leg l JOIN fund_account a ON a.code = %(issued)s AND a.id IN (l.debit_id, l.credit_id)
             WHERE l.phase IN (0, 2) AND l.effective_at < %(close)s
             GROUP BY 1
            """,
            {"issued": f"issued:{code}", "first": days[0], "close": calendars.books_close(days[-1])},
        )
        moved = dict(cursor.fetchall())
    return list(accumulate(moved.get(day, 0) for day in days))
