"""Money-weighted, time-weighted, and where it came from (D51); where there is no return there is no number."""

import json
import uuid
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fund import calendars
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.nav import strike
from fund.register import earned, holding, returns, xirr
from fund.register.xirr import Flow, NoReturn
from fund.units import UnitClass
from tests.fund import building
from tests.fund.building import DAY, JPY, NOW, USD, dollars, yen

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "returns" / "ms_excel_xirr.json"
FIRST = date(2024, 1, 1)


def flows(*told: tuple[int, int]) -> list[Flow]:
    """Flows from (days after the first of January 2024, amount)."""
    return [Flow(FIRST + timedelta(days=days), amount) for days, amount in told]


def test_the_published_example():
    if not SHARED.exists():
        pytest.skip(f"{SHARED.name} is not beside the repository")
    vector = json.loads(SHARED.read_text())
    told = [Flow(date.fromisoformat(day), amount) for day, amount in vector["flows"]]
    found = xirr.money_weighted(told)
    assert abs(found - Decimal(str(vector["xirr"]))) <= Decimal("1e-8"), "the accuracy that the example promises"
    assert found == xirr.money_weighted(told[::-1]) == Decimal("0.373362534")


@pytest.mark.parametrize(
    ("told", "rate"),
    [
        ([(0, -100), (365, 110)], "0.1"),
        ([(0, -100), (730, 121)], "0.1"),
        ([(0, -100), (365, 100)], "0"),
        ([(0, -100), (365, 50)], "-0.5"),
        ([(0, -100), (365, 1)], "-0.99"),
        ([(0, 100), (365, -110)], "0.1"),  # borrowed
        ([(0, -100), (0, -100), (365, 400)], "1"),
        ([(0, -1_000_000_000_000), (1, 1_000_000_001_000)], "0.000000365"),
    ],
)
def test_rates_that_are_plain(told, rate):
    assert xirr.money_weighted(flows(*told)) == Decimal(rate)


@pytest.mark.parametrize(
    "told",
    [
        [],
        [(0, -100)],
        [(0, -100), (365, -10)],
        [(0, 100), (365, 10)],
        [(0, -100), (0, 150)],
        [(0, -100), (0, 100)],
        [(0, -100), (1, 200)],  # 2^365 a year is no rate
        [(0, 1_000), (365, -1_000), (730, 1_000)],  # 1 − v + v² has no real root
    ],
)
def test_payments_without_a_rate_say_so(told):
    with pytest.raises(NoReturn) as refusal:
        xirr.money_weighted(flows(*told))
    assert refusal.value.code == "no_solution"
    assert xirr.rate(flows(*told)).percent is None and xirr.rate(flows(*told)).why == "no_solution"


def test_payments_with_two_rates_say_so():
    """−1,600 + 10,000 v − 10,000 v²: 25 % and 400 %."""
    two = flows((0, -1_600), (365, 10_000), (730, -10_000))
    with pytest.raises(NoReturn) as refusal:
        xirr.money_weighted(two)
    assert refusal.value.code == "ambiguous" and xirr.rate(two).percent is None


def test_more_than_one_change_of_sign_can_still_have_one_rate():
    assert xirr.money_weighted(flows((0, -100), (365, 230), (730, -1), (1095, 1))) > 1


@settings(max_examples=60, deadline=None)
@given(
    paid=st.lists(st.tuples(st.integers(0, 1_500), st.integers(1, 10**12)), min_size=1, max_size=12),
    worth=st.integers(1, 10**13),
)
def test_at_the_rate_all_payments_come_to_nothing(paid, worth):
    """Judged by fractions that share nothing with the search."""
    told = flows(*((day, -amount) for day, amount in paid), (2_000, worth))
    try:
        rate = xirr.money_weighted(told)
    except NoReturn:
        assume(False)
    with localcontext(xirr.EXACT):

        def left(of: Decimal) -> Decimal:
            return sum(flow.amount / (1 + of) ** (Decimal((flow.day - FIRST).days) / 365) for flow in told)

        step = Decimal("0.000000001")
        assert left(rate - step) * left(rate + step) <= 0


def test_under_a_year_it_is_not_stretched_to_one():
    assert xirr.rate(flows((0, -100), (73, 110))) == xirr.Rate(Decimal("10.00"), False)
    assert xirr.rate(flows((0, -100), (365, 110))) == xirr.Rate(Decimal("10.00"), True)


# ── of a fund ──

NEXT = date(2026, 4, 30)
THEN = datetime(2026, 5, 1, 9, tzinfo=UTC)


def income(debit: str, credit: str, amount: int, day: date) -> None:
    line = Line(debit, credit, amount)
    post.post(event=Event.REVERSAL, event_id=uuid.uuid4(), lines=[line], effective_at=calendars.books_open(day))


@pytest.fixture
def fund(keys):
    return a_month(keys, "income:USD")


def a_month(keys, account: str):
    """$1,000 of each co-owner, ¥160,000 of citizens at 160: $3,000. A month later money comes in, the yen is at 200."""
    building.rate(NEXT, 200)
    building.contribute_both(dollars(1_000))
    building.settle(building.citizen("JP"), "JP", yen(160_000), 160_000, at=datetime(2026, 3, 31, tzinfo=UTC))
    building.publish(strike.value(day=DAY, now=NOW), keys)
    income(f"bank:{USD}", account, 350_49, date(2026, 4, 10))  # 49 cents more than the month's fee, see below
    building.publish(strike.value(day=NEXT, now=THEN), keys, now=THEN)
    return keys


@pytest.mark.django_db
def test_the_parts_of_a_month_by_hand(fund):
    """The fee of 30 days: 300,000 × 20 bp × 30 ÷ 3,650,000 = 49.3 cents. So income less costs is $350.00, and ¥160,000
    fell from $1,000 to $800: net 3,000 + 350 − 200 = $3,150, five percent more, of which income 11.67 and yen −6.67.

    In yen: 1.05 × 200 ÷ 160 = 1.3125, of which the dollar's own move is 1.05 × 0.25 = 26.25: with the yen held 19.58.
    """
    nav = strike.latest()
    assert (nav.net, nav.accruals, nav.yen) == (3_150_00, 49, 160_000)
    found = {one.unit_class.pk: one for one in returns.by_class()}
    assert set(found) == {"SOV", "JP"}
    sov, jp = found["SOV"], found["JP"]
    assert (sov.percent, sov.parts) == (
        Decimal("5.00"),
        returns.Parts(Decimal("0.00"), Decimal("11.67"), Decimal("-6.67")),
    )
    assert (jp.percent, jp.parts) == (
        Decimal("31.25"),
        returns.Parts(Decimal("0.00"), Decimal("11.67"), Decimal("19.58")),
    )
    assert sov.yearly_percent is None and (sov.since, sov.until) == (DAY, NEXT)


@pytest.mark.django_db
def test_what_an_investment_is_given_up_for_above_its_cost_is_the_assets(keys):
    """The month above, but that the money is a gain: of income only the fee is left, 49 cents of $3,000."""
    a_month(keys, "gains:USD")
    sov = next(one for one in returns.by_class() if one.unit_class.pk == "SOV")
    assert (sov.percent, sov.parts) == (
        Decimal("5.00"),
        returns.Parts(Decimal("11.69"), Decimal("-0.02"), Decimal("-6.67")),
    )


@pytest.mark.django_db
def test_what_each_government_and_the_citizens_have_got(fund):
    us, jp, citizens = earned.by_owner()
    for one in (us, jp):
        assert (one.paid_in, one.received, one.worth, one.gain) == (
            dollars(1_000), dollars(0), dollars(1_050), dollars(50)
        )  # fmt: skip
        assert one.rate == xirr.Rate(Decimal("5.00"), False)
    assert (us.nation, jp.nation) == ("US", "JP")
    assert (citizens.paid_in, citizens.worth, citizens.nation) == (yen(160_000), yen(210_000), "JP")
    assert citizens.rate.percent == Decimal("31.25")


@pytest.mark.django_db
def test_what_was_given_to_a_government_counts_as_received(fund):
    """As a distribution posts it: out of income to the holder's refunds."""
    owner = building.co_owner_of("US")
    line = Line("income:USD", "refunds:USD", 21_00, owner.pk)
    at = calendars.books_open(date(2026, 4, 20))
    post.post(event=Event.DISTRIBUTION, event_id=uuid.uuid4(), lines=[line], effective_at=at)
    us = earned.by_owner()[0]
    assert us.received == dollars(21) and us.gain == dollars(71)


@pytest.mark.django_db
def test_a_nav_that_does_not_know_its_parts_gives_none(fund):
    from django.db import connection  # noqa: PLC0415

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE fund_nav SET earned = NULL WHERE valuation_day = %s", [DAY])
        cursor.execute("SET LOCAL session_replication_role = origin")
    assert [one.parts for one in returns.by_class()] == [None, None]


@pytest.mark.django_db
def test_before_the_first_nav_there_is_nothing(db):
    assert returns.by_class() == earned.by_owner() == []


@pytest.mark.django_db
def test_a_citizens_own_return(fund):
    citizen = building.citizen("JP")
    order = uuid.uuid4()
    lines = [
        Line("held:JPY", "capital:JP", 9_999, citizen.pk),
        Line("held:JPY", "rounding:JPY", 1, citizen.pk),
        Line("issued:JP", "units:JP", 10_000, citizen.pk),
    ]
    at = calendars.books_open(DAY)
    post.post(
        event=Event.RECEIPT, event_id=uuid.uuid4(), lines=[Line(f"bank:{JPY}", "held:JPY", 10_000, citizen.pk)],
        effective_at=at,
    )  # fmt: skip
    post.post(event=Event.SETTLEMENT, event_id=order, lines=lines, effective_at=at)
    own = earned.of_holder(holder_id=citizen.pk, unit_class=UnitClass.objects.get(pk="JP"), now=THEN)
    assert (own.paid_in, own.worth, own.gain) == (yen(10_000), yen(13_125), yen(3_125))
    assert own.rate == xirr.Rate(Decimal("31.25"), False)
    stranger = building.citizen("JP")
    assert earned.of_holder(holder_id=stranger.pk, unit_class=UnitClass.objects.get(pk="JP"), now=THEN) is None
    # of the class's 31.25 percent 11.67 are income and 19.58 currency, see above
    split = holding.split(holder_id=citizen.pk, unit_class=UnitClass.objects.get(pk="JP"), gain=own.gain)
    assert split == holding.Split(yen(0), yen(1_167), yen(1_958))
    points = holding.history(holder_id=citizen.pk, unit_class=UnitClass.objects.get(pk="JP"))
    assert [(one.day, one.units, one.value, one.paid_in) for one in points] == [
        (DAY, 10_000, yen(10_000), yen(10_000)),
        (NEXT, 10_000, yen(13_125), yen(10_000)),
    ]
