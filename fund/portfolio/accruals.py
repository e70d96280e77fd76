"""What accrues by the day: an amount at a rate, each in steps (D40, D42). Pure; no clock and no database.

The sum over days is exact, so that it does not depend on when or how often it is asked for; it is rounded once.
"""

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import pairwise

# From its day on a step holds until the next one; before the first there is nothing. In order of their days.
type Steps = Sequence[tuple[date, int]]

ONE_DAY = timedelta(days=1)


def point_days(*, amounts: Steps, rates: Steps, on: date) -> int:
    """Σ amount × rate over every day up to and including ``on``, for ``money.yearly_fee``."""
    turns = sorted({day for day, _ in [*amounts, *rates] if day <= on})
    return sum(
        held(amounts, first) * held(rates, first) * (after - first).days
        for first, after in pairwise([*turns, on + ONE_DAY])
    )


def held(steps: Steps, on: date) -> int:
    """The step that holds on a day, zero before the first."""
    return next((value for day, value in reversed(steps) if day <= on), 0)


def steps(rows: Iterable[tuple[date, int]]) -> Steps:
    """Rows in the order they were recorded as steps: of a day the last one holds."""
    return sorted(dict(rows).items())
