"""The management fee accrues by the day, exactly, however often it is asked for (D40, D42)."""

import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from fund.ledger import balances
from fund.money import Currency, Money
from fund.portfolio import fees, position
from fund.portfolio.models import Expense, FeeBasis
from fund.portfolio.valuation import Refused
from tests.fund import building
from tests.fund.building import DAY, USD, dollars

LATER = datetime(2027, 6, 1, tzinfo=UTC)


def test_without_a_nav_there_is_no_fee():
    assert fees.accrued(on=DAY) == Money(0, Currency.USD)


def test_twenty_basis_points_of_a_million_over_a_year():
    fees.charge_from(valuation_day=DAY, net=dollars(1_000_000))
    assert fees.accrued(on=DAY) == dollars(0)
    assert fees.accrued(on=DAY + timedelta(days=1)).amount == 548  # 5.479…
    assert fees.accrued(on=DAY + timedelta(days=365)) == dollars(2_000)


def test_each_nav_is_charged_from_the_day_after_it_and_a_correction_replaces_it():
    fees.charge_from(valuation_day=DAY, net=dollars(1_000_000))
    fees.charge_from(valuation_day=DAY + timedelta(days=73), net=dollars(9))
    fees.charge_from(valuation_day=DAY + timedelta(days=73), net=dollars(3_000_000))
    assert fees.accrued(on=DAY + timedelta(days=73)) == dollars(400)
    assert fees.accrued(on=DAY + timedelta(days=146)) == dollars(400 + 1_200)


def change_rate(points: int, *, on: date) -> None:
    at = datetime.combine(on, datetime.min.time(), UTC) + timedelta(hours=15)
    building.agree("fee.management_bps", points, on=at)


def test_a_changed_rate_counts_from_its_day_on():
    fees.charge_from(valuation_day=DAY, net=dollars(1_000_000))
    change_rate(40, on=DAY + timedelta(days=74))
    assert fees.accrued(on=DAY + timedelta(days=73)) == dollars(400)
    assert fees.accrued(on=DAY + timedelta(days=146)) == dollars(400 + 800)


def pay(kind, amount, *, day=DAY + timedelta(days=73), now=LATER):
    return building.pay(
        kind=kind,
        money=dollars(amount),
        bank_account=USD,
        day=day,
        description_en="For the quarter",
        description_ja="四半期分",
        now=now,
        event_id=uuid.uuid4(),
    )


def test_paying_the_fee_moves_cash_and_leaves_the_net_as_it_was():
    fees.charge_from(valuation_day=DAY, net=dollars(1_000_000))
    building.rate(date(2026, 6, 12), 160)
    before = position.at(day=date(2026, 6, 12)).net
    pay(Expense.Kind.MANAGEMENT_FEE, 400)
    at = position.at(day=date(2026, 6, 12))
    assert (at.accrued, at.cash, at.net) == (dollars(0), dollars(2_000_000 - 400), before)
    assert balances.balance("expenses:USD") == -40_000


def test_never_more_of_the_fee_than_has_accrued():
    fees.charge_from(valuation_day=DAY, net=dollars(1_000_000))
    with pytest.raises(Refused) as refusal:
        pay(Expense.Kind.MANAGEMENT_FEE, 401)
    assert refusal.value.code == "over_accrued"
    pay(Expense.Kind.OPERATING, 401)
    assert fees.accrued(on=DAY + timedelta(days=73)) == dollars(400)


class TestDayByDay(TestCase):
    """Against the plainest reckoning there is: one fraction a day, added up."""

    @settings(max_examples=40, deadline=None)
    @given(navs=st.dictionaries(st.integers(0, 300), st.integers(0, 10**15), max_size=6), days=st.integers(0, 400))
    def test_the_sum_of_the_days(self, navs, days):
        FeeBasis.objects.bulk_create(
            FeeBasis(valuation_day=DAY + timedelta(days=at), net=net) for at, net in navs.items()
        )
        points_days = 0
        for day in range(days + 1):
            before = [at for at in navs if at < day]
            points_days += 20 * navs[max(before)] if before else 0
        expected = (points_days * 2 + 3_650_000) // (2 * 3_650_000)
        assert fees.accrued(on=DAY + timedelta(days=days)).amount == expected
