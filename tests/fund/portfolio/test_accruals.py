"""What accrues by the day comes to the same however often, and when, it is asked for (must-show 1 of the portfolio)."""

from datetime import UTC, date, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from fund.money import Currency, Money, yearly_fee
from fund.portfolio import accruals, debt, fees, position
from fund.portfolio.models import Expense, Facility, FacilityBalance
from fund.portfolio.movements import Refused
from tests.fund import building
from tests.fund.building import DAY, USD, dollars

LATER = datetime(2027, 6, 1, tzinfo=UTC)

days = st.integers(0, 400).map(lambda number: DAY + timedelta(days=number))
stepped = st.lists(st.tuples(days, st.integers(0, 10**14)), max_size=6).map(accruals.steps)
points = st.lists(st.tuples(days, st.integers(0, 2_000)), max_size=4).map(accruals.steps)


@settings(deadline=None)
@given(amounts=stepped, rates=points, on=days)
def test_the_sum_of_the_days(amounts, rates, on):
    """Against the plainest reckoning there is: one day after the other."""
    total, day = 0, DAY
    while day <= on:
        total += accruals.held(amounts, day) * accruals.held(rates, day)
        day += timedelta(days=1)
    assert accruals.point_days(amounts=amounts, rates=rates, on=on) == total


@settings(deadline=None)
@given(amounts=stepped, rates=points, asked=st.lists(days, max_size=8), on=days)
def test_asking_on_the_way_changes_nothing(amounts, rates, asked, on):
    """What accrues between any days on which somebody looks adds up to the whole; only the last sum is rounded."""
    stops = sorted({day for day in asked if day < on} | {on})
    sums = [accruals.point_days(amounts=amounts, rates=rates, on=day) for day in stops]
    parts = [after - before for before, after in zip([0, *sums], sums, strict=False)]
    assert sum(parts) == sums[-1] and min(parts) >= 0
    exact = Fraction(sums[-1], 10_000 * 365)
    assert abs(yearly_fee(sum(parts)) - exact) <= Fraction(1, 2)


def test_rounding_at_every_look_would_not_add_up():
    """Negative control of the test above: why nothing is kept of an accrual but its steps."""
    amounts, rates = [(DAY, 100_00)], [(DAY, 20)]
    whole = yearly_fee(accruals.point_days(amounts=amounts, rates=rates, on=DAY + timedelta(days=364)))
    one_day = yearly_fee(accruals.point_days(amounts=amounts, rates=rates, on=DAY))
    assert (whole, one_day * 365) == (20, 0)


class TestPaidOnTheWay(TestCase):
    """Interest, an expense and what is paid of both: what is owed plus what is paid is always what has accrued."""

    @settings(max_examples=15, deadline=None)
    @given(
        pays=st.lists(st.tuples(st.integers(1, 200), st.integers(1, 100)), max_size=3),
        looks=st.sets(st.integers(0, 300)),
    )
    def test_looks_and_payments(self, pays, looks):
        building.open_banks()
        building.contribute_both(dollars(10_000_000))
        line = rated(480)
        building.borrow(facility=line, money=dollars(1_000_000))
        building.enter(
            "accrual", code="AUDIT", description_en="Audit", description_ja="監査", yearly=3_650_00, currency="USD",
            effective_on=DAY, now=LATER,
        )  # fmt: skip
        paid = {"LINE": 0, "AUDIT": 0}
        events = sorted([(day, share) for day, share in pays] + [(day, 0) for day in looks])
        for number, share in events:
            on = DAY + timedelta(days=number)
            owed = {**debt.interest(on=on), **fees.running(on=on)}
            assert owed["LINE"].amount + paid["LINE"] == yearly_fee(1_000_000_00 * 480 * number, day_count=360)
            assert owed["AUDIT"].amount + paid["AUDIT"] == 10_00 * (number + 1)
            for code, kind in (("LINE", Expense.Kind.INTEREST), ("AUDIT", Expense.Kind.OPERATING)):
                if part := owed[code].amount * share // 100:
                    money = Money(part, Currency.USD)
                    building.pay(kind=kind, against=code, money=money, bank_account=USD, day=on, now=LATER)
                    paid[code] += part


def rated(rate_bps: int) -> Facility:
    return Facility.objects.create(
        code="LINE",
        name_en="Credit line",
        name_ja="融資枠",
        limit=10**12,
        covenant=60,
        rate_bps=rate_bps,
        day_count=360,
    )


def interest(on: date) -> int:
    return debt.interest(on=on)["LINE"].amount


def test_interest_from_the_day_after_the_money_came():
    building.borrow(facility=rated(360), money=dollars(1_000_000))
    assert interest(DAY) == 0
    assert interest(DAY + timedelta(days=1)) == 100_00  # 3.6 % of a year of 360 days
    assert interest(DAY + timedelta(days=30)) == 3_000_00
    building.rate(DAY + timedelta(days=30), 160)
    at = position.at(day=DAY + timedelta(days=30))
    assert (at.debt, at.accrued, at.net) == (dollars(1_000_000), dollars(3_000), dollars(2_000_000 - 3_000))


def test_a_changed_rate_counts_from_its_day_on():
    line = rated(360)
    building.borrow(facility=line, money=dollars(1_000_000))
    building.enter(
        "facility_terms", facility="LINE", effective_on=DAY + timedelta(days=11), limit=10**12, covenant="60.00",
        rate_bps=720,
    )  # fmt: skip
    assert interest(DAY + timedelta(days=10)) == 1_000_00
    assert interest(DAY + timedelta(days=20)) == 1_000_00 + 2_000_00


def test_the_lenders_figure_includes_the_interest_up_to_its_day():
    line = rated(360)
    building.borrow(facility=line, money=dollars(1_000_000))
    told = DAY + timedelta(days=10)
    debt.record_drawn(facility=line, effective_on=told, drawn=dollars(1_001_000), now=LATER)
    assert interest(told) == 0
    assert interest(told + timedelta(days=1)) == 100_10
    assert FacilityBalance.objects.filter(event_id=None).count() == 1


def test_never_more_than_has_accrued():
    line = rated(360)
    building.borrow(facility=line, money=dollars(1_000_000))
    for against, code in (("LINE", "over_accrued"), ("NOWHERE", "unknown_facility"), ("", "wrong_against")):
        with pytest.raises(Refused) as refusal:
            building.pay(
                kind=Expense.Kind.INTEREST, against=against, money=dollars(1_001), bank_account=USD,
                day=DAY + timedelta(days=10), now=LATER,
            )  # fmt: skip
        assert refusal.value.code == code
    with pytest.raises(Refused) as refusal:
        building.pay(kind=Expense.Kind.OPERATING, against="NONE", money=dollars(1), bank_account=USD, now=LATER)
    assert refusal.value.code == "unknown_expense"


def test_yen_that_accrues_counts_at_the_rate_of_the_day():
    building.rate(DAY + timedelta(days=9), 160)
    building.enter(
        "accrual", code="TOKYO", description_en="Tokyo office", description_ja="東京事務所", yearly=58_400_000,
        currency="JPY", effective_on=DAY, now=LATER,
    )  # fmt: skip
    at = position.at(day=DAY + timedelta(days=9))
    assert (at.accrued, at.yen) == (dollars(10_000), Money(-1_600_000, Currency.JPY))
