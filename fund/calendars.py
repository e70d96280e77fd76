"""Dealing days, banking days and cut-offs (D22).

A dealing day is a day on which both the New York and the Tokyo stock exchanges are open. Money moves on the banking
days of its nation: US banks follow the Federal Reserve (ACH runs on 2026-07-03 though the NYSE is closed), Japanese
banks the national holidays and December 31 to January 3.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from django.utils.translation import gettext_lazy as _
from holidays.constants import BANK, PUBLIC
from holidays.countries.japan import Japan
from holidays.financial.federal_reserve import FederalReserve
from holidays.financial.japan_exchange import JapanExchange
from holidays.financial.ny_stock_exchange import NewYorkStockExchange

from fund.holders import Nation
from fund.refusal import Refusal

# The years whose holidays are law or published: Japan fixes the equinox days of a year in February of the year before,
# the NYSE lists three years ahead. The library computes further, but that would be a guess.
KNOWN = range(2015, 2028)

ZONE = {Nation.US: ZoneInfo("America/New_York"), Nation.JP: ZoneInfo("Asia/Tokyo")}

_EXCHANGES = (
    NewYorkStockExchange(years=KNOWN, expand=False),  # type: ignore[no-untyped-call]
    JapanExchange(years=KNOWN, expand=False),
)
_BANKS = {
    Nation.US: FederalReserve(years=KNOWN, expand=False),  # type: ignore[no-untyped-call]
    Nation.JP: Japan(years=KNOWN, expand=False, categories=(PUBLIC, BANK)),
}
_SATURDAY = 5
_ONE_DAY = timedelta(days=1)


class Unknown(Refusal):
    """The days asked for reach into a year whose holidays are not published."""

    code = "unknown_year"


def is_dealing_day(day: date) -> bool | None:
    """Whether both exchanges are open; None for a year that is not known (D22)."""
    if day.year not in KNOWN:
        return None
    return day.weekday() < _SATURDAY and not any(day in closed for closed in _EXCHANGES)


def banking_day(nation: Nation, day: date) -> bool | None:
    """Whether the nation's banks settle payments; None for a year that is not known (D22)."""
    if day.year not in KNOWN:
        return None
    return day.weekday() < _SATURDAY and day not in _BANKS[Nation(nation)]


def next_dealing_day(day: date) -> date:
    """The first dealing day after a day. Raises Unknown."""
    return nth_dealing_day(day, 1)


def previous_dealing_day(day: date) -> date:
    """The last dealing day before a day. Raises Unknown."""
    return nth_dealing_day(day, -1)


def nth_dealing_day(day: date, n: int) -> date:
    """The ``n``-th dealing day after a day, before it for a negative ``n``. Raises Unknown; ValueError for zero."""
    return _nth(is_dealing_day, day, n)


def next_banking_day(nation: Nation, day: date) -> date:
    """The first banking day after a day. Raises Unknown."""
    return nth_banking_day(nation, day, 1)


def nth_banking_day(nation: Nation, day: date, n: int) -> date:
    """The ``n``-th banking day after a day, before it for a negative ``n``. Raises Unknown; ValueError for zero."""
    return _nth(lambda one: banking_day(nation, one), day, n)


def _nth(is_open: Callable[[date], bool | None], day: date, n: int) -> date:
    if n == 0:
        raise ValueError("The zeroth day after a day is not a day")
    step = _ONE_DAY if n > 0 else -_ONE_DAY
    left = abs(n)
    while left:
        day += step
        answer = is_open(day)
        if answer is None:
            raise Unknown(_("The holidays of %(year)s are not published yet.") % {"year": day.year}, year=day.year)
        left -= answer
    return day


def cut_off(*, day: date, at: time, nation: Nation) -> datetime:
    """The one UTC instant of a local wall-clock time in a nation (D22).

    Where the clock shows the time twice, it is the later one: nobody is cut off early. Raises ValueError for a time
    that the clock skips that day.
    """
    local = datetime.combine(day, at, tzinfo=ZONE[Nation(nation)]).replace(fold=1)
    instant = local.astimezone(UTC)
    if instant.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise ValueError(f"{at} does not exist on {day} in {local.tzinfo}")
    return instant


def local_time(instant: datetime, nation: Nation) -> datetime:
    """An instant on a nation's wall clock, for showing both (D22)."""
    return instant.astimezone(ZONE[Nation(nation)])


def books_open(day: date) -> datetime:
    """The first instant of a day in the books. They keep one day for both nations, that of UTC."""
    return datetime.combine(day, time(), tzinfo=UTC)


def books_close(day: date) -> datetime:
    """The first instant that no longer belongs to a day in the books."""
    return books_open(day + _ONE_DAY)
