"""Money is an integer of minor units; each rounding goes the way its name says (D19–D21, D23)."""

from decimal import Decimal
from fractions import Fraction

import pytest
from django.core.exceptions import ValidationError
from hypothesis import given
from hypothesis import strategies as st

from fund.money import Currency, Money, Price, buy, convert, cross_rate, percent, quote, ratio, share_out, value_of

USD, JPY = Currency.USD, Currency.JPY
LOT = 10_000

amounts = st.integers(0, 10**15)
prices = st.one_of(
    st.decimals("0.0001", "100000", places=4).map(lambda value: Price(value, USD, LOT)),
    st.integers(1, 10**6).map(lambda value: Price(Decimal(value), JPY, LOT)),
)


@pytest.mark.parametrize(
    ("text", "currency", "amount"),
    [("250.00", USD, 25_000), ("0.05", USD, 5), ("100000", JPY, 100_000), ("0", JPY, 0)],
)
def test_plain_decimals_are_read_and_written_alike(text, currency, amount):
    assert Money.parse(text, currency) == Money(amount, currency)
    assert Money(amount, currency).value == text


@pytest.mark.parametrize("currency", Currency)
@pytest.mark.parametrize(
    "text",
    ["-0", "-1", "+1", "1e5", "1_000", "1,000", "１００", "NaN", "Infinity", "", " 1", "1 ", "01", ".5", "1.", "1.000",
     "1.5", True, 1, 1.0, None, "9" * 19, "٣", "1\x00"],
)  # fmt: skip
def test_everything_else_is_refused(text, currency):
    with pytest.raises(ValidationError):
        Money.parse(text, currency)


def test_yen_have_no_decimals_and_dollars_exactly_two():
    for text, currency in (("100.00", JPY), ("250", USD), ("250.5", USD)):
        with pytest.raises(ValidationError):
            Money.parse(text, currency)


def test_currencies_do_not_add_up():
    with pytest.raises(TypeError):
        Money(1, USD) + Money(1, JPY)


@pytest.mark.parametrize("amount", [1.0, True, "1"])
def test_only_integers_are_money(amount):
    with pytest.raises(TypeError):
        Money(amount, USD)


@pytest.mark.parametrize(
    ("money", "price", "units", "remainder"),
    [
        (Money(250_000, USD), Price(Decimal("10"), USD, LOT), 2_500_000, 0),  # $2,500 at $10 = 250.0000 units
        (Money(300_000, JPY), Price(Decimal("10000"), JPY, LOT), 300_000, 0),
        (Money(300_000, JPY), Price(Decimal("10123"), JPY, LOT), 296_354, 0),
        (Money(100, JPY), Price(Decimal("15000"), JPY, LOT), 66, 1),
    ],
)
def test_units_bought(money, price, units, remainder):
    bought = buy(money, price)
    assert (bought.units, bought.remainder.amount) == (units, remainder)


@given(amounts, prices)
def test_no_money_is_lost_or_made_and_the_remainder_buys_nothing(amount, price):
    bought = buy(Money(amount, price.currency), price)
    assert bought.cost + bought.remainder == Money(amount, price.currency)
    assert bought.remainder.amount >= 0
    assert bought.units * price.minor_per_unit <= bought.cost.amount
    assert (bought.units + 1) * price.minor_per_unit > amount
    assert value_of(bought.units, price) <= bought.cost


@given(st.integers(1, 10**14), st.integers(1, 10**14))
def test_a_quoted_price_is_within_half_of_its_last_digit(value, units):
    price = quote(Money(value, USD), units, lot=LOT, decimals=4)
    exact = Fraction(value * LOT, 100 * units)
    assert abs(Fraction(price) - exact) <= Fraction(1, 20_000)


def test_the_yen_price_is_in_whole_yen_half_up():
    assert quote(Money(10_000_5, JPY), 100_000, lot=LOT, decimals=0) == Decimal("10001")


def test_the_cross_rate_of_the_ecb():
    assert cross_rate(jpy_per_eur=Decimal("183.39"), usd_per_eur=Decimal("1.1498")) == Decimal("159.4973")


@pytest.mark.parametrize(
    ("money", "to", "expected"),
    [
        (Money(100, USD), JPY, 159),
        (Money(10_000, JPY), USD, 6270),
        (Money(-100, USD), JPY, -159),
        (Money(7, JPY), JPY, 7),
    ],
)
def test_conversion_rounds_half_up_away_from_zero(money, to, expected):
    assert convert(money, to=to, usd_jpy=Decimal("159.4973")).amount == expected


def test_a_hundred_yen_over_three_equal_holders():
    assert share_out(100, [1, 1, 1]) == [34, 33, 33]


@given(st.integers(0, 10**15), st.lists(st.integers(0, 10**9), min_size=1, max_size=30).filter(any))
def test_shares_add_up_and_none_is_off_by_one_or_more(total, weights):
    parts = share_out(total, weights)
    assert sum(parts) == total
    for part, weight in zip(parts, weights, strict=True):
        assert abs(part - Fraction(total * weight, sum(weights))) < 1


def test_percent_and_ratio():
    assert percent(1, 3) == Decimal("33.33")
    assert percent(-1, 3) == Decimal("-33.33")
    assert percent(1, 0) == 0
    assert ratio(5, 2, decimals=2) == Decimal("2.50")
    with pytest.raises(ValueError, match="nothing"):
        ratio(1, 0, decimals=2)
