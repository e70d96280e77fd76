"""Dealing days, banking days and cut-offs, judged by calendars that others made (D22)."""

import json
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

import exchange_calendars
import pytest

from fund import calendars
from fund.holders import Nation

US, JP = Nation.US, Nation.JP
SHARED = (
    Path(__file__).resolve().parents[3] / "shared" / "data" / "calendars" / "xnys_xtks_weekday_closures_2024_2027.json"
)

# On 2020-10-01 the Tokyo exchange opened and then stood still for the day: a failure, not a holiday.
FAILED = {date(2020, 10, 1)}


def days(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


@pytest.mark.filterwarnings("ignore:Series.values")  # of pandas, inside exchange_calendars
def test_dealing_days_are_the_sessions_that_both_exchanges_share():
    first, last = date(2015, 1, 1), date(2026, 12, 31)
    sessions = [
        {stamp.date() for stamp in exchange_calendars.get_calendar(name, start=str(first), end=str(last)).sessions}
        for name in ("XNYS", "XTKS")
    ]
    expected = (sessions[0] & sessions[1]) | FAILED
    assert {day for day in days(first, last) if calendars.is_dealing_day(day)} == expected


@pytest.fixture
def closures() -> dict:
    if not SHARED.exists():
        pytest.skip(f"{SHARED.name} is not beside the repository")
    return json.loads(SHARED.read_text())


def test_dealing_days_agree_with_the_published_closures(closures):
    for year in ("2024", "2025", "2026", "2027"):
        closed = {date.fromisoformat(day) for market in ("XNYS", "XTKS") for day in closures[market][year]}
        weekdays = [day for day in days(date(int(year), 1, 1), date(int(year), 12, 31)) if day.weekday() < 5]
        assert [day for day in weekdays if not calendars.is_dealing_day(day)] == sorted(closed)


def test_the_sessions_of_2026_are_counted(closures):
    weekdays = {day for day in days(date(2026, 1, 1), date(2026, 12, 31)) if day.weekday() < 5}
    closed = [{date.fromisoformat(day) for day in closures[market]["2026"]} for market in ("XNYS", "XTKS")]
    assert [len(weekdays - one) for one in closed] == [251, 242]
    assert sum(calendars.is_dealing_day(day) for day in weekdays) == len(weekdays - closed[0] - closed[1])


def test_ach_runs_though_the_exchange_is_closed(closures):
    for text in closures["FedACH_open_though_NYSE_closed_moov_asserted"]:
        day = date.fromisoformat(text)
        assert calendars.banking_day(US, day) is True
        assert calendars.is_dealing_day(day) is False


@pytest.mark.parametrize(
    ("nation", "day", "banks_open"),
    [
        (US, date(2026, 7, 3), True),
        (US, date(2026, 10, 12), False),  # Columbus Day: the exchanges are open
        (US, date(2026, 11, 11), False),
        (US, date(2022, 12, 26), False),
        (US, date(2026, 7, 4), False),
        (JP, date(2026, 12, 30), True),
        (JP, date(2026, 12, 31), False),
        (JP, date(2027, 1, 1), False),
        (JP, date(2026, 1, 2), False),
        (JP, date(2026, 1, 5), True),
        (JP, date(2026, 9, 22), False),  # between two holidays
        (JP, date(2019, 5, 1), False),
        (JP, date(2026, 7, 3), True),
    ],
)
def test_banking_days(nation, day, banks_open):
    assert calendars.banking_day(nation, day) is banks_open


@pytest.mark.parametrize("day", [date(2014, 12, 31), date(2028, 1, 1), date(2100, 6, 1)])
def test_an_unknown_year_is_unknown(day):
    assert calendars.is_dealing_day(day) is None
    assert calendars.banking_day(US, day) is None
    assert calendars.banking_day(JP, day) is None


def test_a_search_that_leaves_the_known_years_says_so():
    assert calendars.next_dealing_day(date(2027, 12, 29)) == date(2027, 12, 30)
    with pytest.raises(calendars.Unknown, match="2028") as refusal:
        calendars.next_dealing_day(date(2027, 12, 30))
    assert refusal.value.code == "unknown_year"
    with pytest.raises(calendars.Unknown, match="2014"):
        calendars.previous_dealing_day(date(2015, 1, 1))


def test_next_previous_and_nth():
    # Golden week: Tokyo is closed on April 29 and from May 4 to 6.
    assert calendars.next_dealing_day(date(2026, 5, 1)) == date(2026, 5, 7)
    assert calendars.previous_dealing_day(date(2026, 5, 7)) == date(2026, 5, 1)
    assert calendars.nth_dealing_day(date(2026, 4, 28), 3) == date(2026, 5, 7)
    assert calendars.nth_dealing_day(date(2026, 5, 7), -3) == date(2026, 4, 28)
    assert calendars.next_banking_day(JP, date(2026, 12, 30)) == date(2027, 1, 4)
    assert calendars.nth_banking_day(US, date(2026, 7, 2), 2) == date(2026, 7, 6)
    with pytest.raises(ValueError, match="zeroth"):
        calendars.nth_dealing_day(date(2026, 5, 1), 0)


@pytest.mark.parametrize(
    ("day", "at", "nation", "instant"),
    [
        (date(2026, 3, 6), time(17), US, datetime(2026, 3, 6, 22, tzinfo=UTC)),
        (date(2026, 3, 8), time(17), US, datetime(2026, 3, 8, 21, tzinfo=UTC)),  # the clocks went forward that morning
        (date(2026, 11, 1), time(0, 30), US, datetime(2026, 11, 1, 4, 30, tzinfo=UTC)),
        (date(2026, 11, 1), time(1, 30), US, datetime(2026, 11, 1, 6, 30, tzinfo=UTC)),  # twice: the later one counts
        (date(2026, 11, 1), time(17), US, datetime(2026, 11, 1, 22, tzinfo=UTC)),
        (date(2026, 3, 8), time(15), JP, datetime(2026, 3, 8, 6, tzinfo=UTC)),
        (date(2026, 11, 1), time(8), JP, datetime(2026, 10, 31, 23, tzinfo=UTC)),
    ],
)
def test_a_cut_off_is_one_instant(day, at, nation, instant):
    assert calendars.cut_off(day=day, at=at, nation=nation) == instant
    assert calendars.cut_off(day=day, at=at, nation=nation).tzinfo is UTC
    assert calendars.local_time(instant, nation).replace(tzinfo=None) == datetime.combine(day, at)


def test_a_time_that_the_clock_skips_is_refused():
    with pytest.raises(ValueError, match="does not exist"):
        calendars.cut_off(day=date(2026, 3, 8), at=time(2, 30), nation=US)


def test_days_in_the_books_follow_on_each_other():
    assert calendars.books_close(date(2026, 3, 31)) == calendars.books_open(date(2026, 4, 1))
