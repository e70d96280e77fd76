"""What moved a NAV, by hand; the same steps split the returns of the classes (``fund/register/test_returns.py``)."""

from datetime import UTC, date, datetime

import pytest

from fund.money import Money
from fund.nav import moved, strike
from fund.nav.models import Nav
from portal.officers import waterfall
from tests.fund import building
from tests.fund.building import dollars, yen
from tests.fund.register.test_returns import a_month, income

pytestmark = pytest.mark.django_db


@pytest.fixture
def keys(keys):
    building.rate(building.DAY, 160)
    return keys


def steps(by: moved.Moved) -> list[Money]:
    return [by.start, by.paid_in, by.earned, by.currency, by.assets, by.end]


def test_a_month_in_which_income_came_and_the_yen_fell(keys):
    """$3,000; $350 of income less the fee; ¥160,000 fell from $1,000 to $800."""
    a_month(keys, "income:USD")
    found = moved.since(strike.latest().previous, strike.latest())
    assert steps(found) == [dollars(3_000), dollars(0), dollars(350), dollars(-200), dollars(0), dollars(3_150)]


def test_what_is_paid_in_counts_at_the_rate_of_the_nav_before(keys):
    """¥80,000 are paid in at 200, so $400; at 250 the ¥240,000 held are worth $240 less."""
    a_month(keys, "gains:USD")
    later = date(2026, 5, 29)
    building.rate(later, 250)
    building.settle(building.citizen("JP"), "JP", yen(80_000), 60_000, at=datetime(2026, 5, 10, tzinfo=UTC))
    income(f"bank:{building.USD}", "gains:USD", 100_00, date(2026, 5, 12))
    draft = strike.value(day=later, now=datetime(2026, 5, 30, 9, tzinfo=UTC))
    found = moved.since(strike.latest(), draft)
    assert (found.start, found.paid_in, found.currency) == (dollars(3_150), dollars(400), dollars(-240))
    assert found.assets == dollars(100), "the gain"
    assert sum(steps(found)[:-1], dollars(0)) == found.end == Money(draft.net, building.dollars(0).currency)


def test_the_first_nav_is_all_paid_in_and_earned(keys):
    a_month(keys, "income:USD")
    first = strike.latest().previous
    assert steps(moved.since(None, first)) == [dollars(0), dollars(3_000), *[dollars(0)] * 3, dollars(3_000)]


def test_a_nav_that_does_not_know_its_parts_has_no_steps(keys):
    assert moved.since(Nav(earned=None), Nav(earned=1)) is None


def test_columns_begin_where_the_one_before_ended():
    told = [
        ("a", 1_000, "$10"),
        ("up", 50, "$0.50"),
        ("down", -80, "-$0.80"),
        ("nothing", 0, "$0"),
        ("z", 970, "$9.70"),
    ]
    drawn = waterfall.of(told, start=1_000)
    assert [one.kind for one in drawn] == ["whole", "up", "down", "up", "whole"]
    start, up, down, nothing, end = drawn
    assert up.y == 0 and up.y + up.height == start.y and down.y == 0 and down.y + down.height == end.y == nothing.y
    assert start.y + start.height == end.y + end.height == waterfall.HEIGHT
    flat = waterfall.of([("a", 5, ""), ("b", 0, ""), ("c", 5, "")], start=5)
    assert all(one.height >= 1 for one in flat)
