"""The money-weighted return (XIRR, D51): the one yearly rate at which all payments come to nothing, or why none.

Powers of days are no fractions, so that rates are reckoned in decimals of forty digits; ``fund.money`` rounds the end.
A return over less than a year is not stretched to a year.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from itertools import pairwise

from django.utils.translation import gettext_lazy as _

from fund.money import nearest
from fund.nav import moved
from fund.refusal import Refusal

EXACT = moved.EXACT
YEAR = 365
HIGHEST = Decimal(10) ** 6  # of 1 + rate; beyond it, and below one millionth, nothing is called a return
GRID = 400


class NoReturn(Refusal):
    """There is no rate for these payments (``no_solution``), or more than one (``ambiguous``)."""

    code = "no_solution"


@dataclass(frozen=True)
class Flow:
    """Money of an owner on a day, in minor units: negative when paid in, positive when received or still there."""

    day: date
    amount: int


@dataclass(frozen=True)
class Rate:
    """A return in percent: a year's, or over the whole time where that is shorter. ``why`` says why there is none."""

    percent: Decimal | None
    yearly: bool
    why: str = ""


def money_weighted(flows: Iterable[Flow]) -> Decimal:
    """The yearly rate at which all payments come to nothing (XIRR, actual/365), as a fraction to nine decimals.

    Raises NoReturn: no_solution, ambiguous.
    """
    with localcontext(EXACT):
        return nearest(1 / _discount(_by_day(flows)) ** YEAR - 1, 9)


def rate(flows: Sequence[Flow]) -> Rate:
    """The money-weighted return in percent, or why there is none."""
    days = (max(flow.day for flow in flows) - min(flow.day for flow in flows)).days if flows else 0
    yearly = days >= YEAR
    try:
        with localcontext(EXACT):
            grown = 1 / _discount(_by_day(flows)) ** (YEAR if yearly else days) - 1
            return Rate(nearest(grown * 100, 2), yearly)
    except NoReturn as none:
        return Rate(None, yearly, none.code)


def _by_day(flows: Iterable[Flow]) -> list[tuple[int, int]]:
    """(days since the first flow, minor units) in order, days on which nothing remains left out."""
    sums: dict[date, int] = {}
    for flow in flows:
        sums[flow.day] = sums.get(flow.day, 0) + flow.amount
    left = sorted((day, amount) for day, amount in sums.items() if amount)
    return [((day - left[0][0]).days, amount) for day, amount in left]


def _discount(flows: list[tuple[int, int]]) -> Decimal:
    """The factor of one day, w, with Σ amount · w^days = 0.

    By Descartes' rule there is exactly one where the signs of the payments change once. Where they change more often,
    the roots are looked for on a grid.
    """
    changes = sum((before < 0) != (after < 0) for (_d, before), (_e, after) in pairwise(flows))
    if not changes:
        raise NoReturn(_("These payments have no rate of return."), code="no_solution")
    steps = 1 if changes == 1 else GRID
    ends = [HIGHEST ** (2 * Decimal(step) / steps - 1) for step in range(steps + 1)]  # of 1 / (1 + rate)
    points = [end ** (Decimal(1) / YEAR) for end in ends]
    signs = [_worth(flows, point) for point in points]
    brackets = [
        (low, high)
        for (low, high), (left, right) in zip(pairwise(points), pairwise(signs), strict=True)
        if (left < 0) != (right < 0)
    ]
    if not brackets:
        raise NoReturn(_("These payments have no rate of return."), code="no_solution")
    if len(brackets) > 1:
        raise NoReturn(_("These payments have more than one rate of return."), code="ambiguous")
    return _bisect(flows, *brackets[0])


def _bisect(flows: list[tuple[int, int]], low: Decimal, high: Decimal) -> Decimal:
    rising = _worth(flows, low) < 0
    while high - low > Decimal("1e-24"):
        middle = (low + high) / 2
        if (_worth(flows, middle) < 0) == rising:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _worth(flows: list[tuple[int, int]], w: Decimal) -> Decimal:
    return sum((amount * w**days for days, amount in flows), Decimal(0))
