"""What is shared out pro rata, and what redeemed units bring: beside slow references, with any numbers (D31)."""

import random
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fund.distribution import average_cost
from fund.distribution.average_cost import Change, Event
from fund.ledger import balances
from fund.money import Currency, Money, Price, redeem, units_within, value_of
from fund.redemption import settle, share
from fund.redemption.models import RedemptionLine
from tests.fund.redemption.conftest import AFTER, FIRST, ask
from tests.fund.redemption.test_windows import clean

BIG = st.integers(1, 2**55)
BOOKS = st.dictionaries(st.integers(1, 2**100), st.one_of(BIG, st.integers(1, 4)), min_size=1, max_size=12)


def slowly(filled: int, asked: dict[int, int]) -> dict[int, int]:
    """One unit after the other to whoever is furthest below the exact part; of equals the older request."""
    exact = {key: Fraction(units * filled, sum(asked.values())) for key, units in asked.items()}
    got = {key: part.numerator // part.denominator for key, part in exact.items()}
    while sum(got.values()) < filled:
        first = max(sorted(asked), key=lambda key: (exact[key] - got[key], -key))
        got[first] += 1
    return got


@given(BOOKS, st.data())
def test_it_is_shared_exactly_and_within_a_unit_of_the_exact_part(asked, data):
    whole = sum(asked.values())
    filled = data.draw(st.integers(0, whole))
    got = share.split(filled, asked)
    assert got == slowly(filled, asked) and sum(got.values()) == filled
    for key, units in asked.items():
        assert abs(got[key] - Fraction(units * filled, whole)) < 1 and 0 <= got[key] <= units


@pytest.mark.django_db
@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BOOKS, st.data())
def test_the_database_shares_as_the_reference_does(asked, data):
    whole = sum(asked.values())
    filled = data.draw(st.integers(0, whole))
    book = "SELECT * FROM unnest(%(ids)s::uuid[], %(asked)s::bigint[]) WITH ORDINALITY u(id, asked, holder_id)"
    told = {"ids": [UUID(int=key) for key in asked], "asked": list(asked.values()), "filled": filled, "all": whole}
    with connection.cursor() as cursor:
        cursor.execute(share.SHARES.format(book=book), told)
        assert {key.int: got for key, _holder, _asked, got in cursor.fetchall()} == share.split(filled, asked)


PRICES = st.decimals(Decimal("0.0001"), Decimal("99999999"), places=4)


@given(BIG, PRICES, st.sampled_from(Currency))
def test_a_cap_is_never_passed_and_used_to_the_last_unit(amount, value, currency):
    price, cap = Price(value, currency, 10_000), Money(amount, currency)
    units = units_within(cap, price)
    assert units * price.minor_per_unit <= amount < (units + 1) * price.minor_per_unit
    assert value_of(units, price) <= cap


@given(st.integers(0, 2**40), st.integers(0, 2**40), PRICES, st.decimals(0, 100, places=6))
def test_nobody_is_charged_more_than_the_rate_says_or_than_there_is(some, others, value, percent):
    price, rate = Price(value, Currency.USD, 10_000), Fraction(percent) / 100
    found = redeem(some + others, price, charged=some, rate=rate)
    assert 0 <= found.charge.amount <= some * price.minor_per_unit * rate
    assert found.paid.amount >= 0 and found.gross == value_of(some + others, price)


@pytest.mark.django_db
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_whatever_was_bought_and_redeemed_before_charge_and_cost_are_those_of_the_reference(fund, seed):
    """Lots in any order, two windows, the first above its cap."""
    drawn = random.Random(seed)
    lots: dict[int, list[tuple[date, int, int]]] = {}
    for _citizen in range(4):
        holder = fund.citizen(1, 1, day=FIRST)
        lots[holder] = [(FIRST, 1, 1)]
        for _lot in range(drawn.randrange(1, 4)):
            day = FIRST - timedelta(days=drawn.choice([0, 30, 300, 342, 343, 344, 400]))
            units, paid = drawn.randrange(100, 9_000), drawn.randrange(100, 20_000)
            fund.buy(holder, units, paid, day=day)
            lots[holder].append((day, units, paid))
    fund.value(FIRST)
    windows = [fund.opened()]
    for holder, bought in lots.items():
        ask(holder, drawn.randrange(1, sum(units for _day, units, _paid in bought) + 1))
    fund.settled(windows[0])
    later = AFTER + timedelta(days=1)
    windows.append(fund.opened(opens_at=AFTER, closes_at=later, dealing_day=date(2026, 5, 8)))
    fund.settled(windows[1], now=AFTER + timedelta(days=16))
    for holder, bought in lots.items():
        events = [Event(Change.BOUGHT, units, paid) for _day, units, paid in bought]
        oldest = sorted(day for day, units, _paid in bought for _unit in range(units))
        for line in RedemptionLine.objects.filter(holder_id=holder).order_by("id"):
            window = line.window
            limit = settle.year_before(window.dealing_day)
            taken, oldest = oldest[: line.filled], oldest[line.filled :]
            charged = sum(day > limit for day in taken)
            price, rate = window.decision.priced(), Fraction(window.charge_percent) / 100
            proceeds = redeem(line.filled, price, charged=charged, rate=rate)
            before = average_cost.follow(events, Currency.JPY).cost.amount
            events.append(Event(Change.REDEEMED, line.filled))
            cost = before - average_cost.follow(events, Currency.JPY).cost.amount
            assert (line.charged_units, line.charge, line.gross, line.cost) == (
                charged, proceeds.charge.amount, proceeds.gross.amount, cost,
            )  # fmt: skip
        assert balances.balance("units:JP", holder_id=holder) == len(oldest)
    assert clean()
