"""However the books stand, the classes add up to the net assets, and a payment moves nobody else's price (D42)."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from fund import rates
from fund.ledger.balances import Books
from fund.money import Currency, Money
from fund.nav import strike, value
from fund.nav.models import ClassNav, Nav
from fund.portfolio.position import Position
from fund.units import UnitClass
from tests.fund import building
from tests.fund.building import DAY, dollars, yen

CLASSES = [
    UnitClass(code="JP", currency="JPY", lot=10_000, price_decimals=0),
    *(UnitClass(code=code, currency="USD", lot=10_000, price_decimals=4) for code in ("LP", "SOV", "US")),
]
NEXT = date(2026, 4, 1)
THEN = datetime(2026, 4, 2, 9, tzinfo=UTC)

amounts = st.integers(10**9, 10**12)


def position(net: int, units: list[int], capital: list[int], usd_jpy: Decimal) -> Position:
    nothing, money = Money(0, Currency.USD), Money(net, Currency.USD)
    issued = {f"issued:{one}": -held for one, held in zip(CLASSES, units, strict=True)}
    paid = {f"capital:{one}": amount for one, amount in zip(CLASSES, capital, strict=True)}
    return Position(
        DAY, usd_jpy, nothing, money, nothing, nothing, Money(0, Currency.JPY), Books(issued | paid, {}, "")
    )


@settings(max_examples=300, deadline=None)
@given(
    net=st.integers(10**9, 10**16),
    units=st.lists(st.one_of(st.just(0), st.integers(10_000, 10**8)), min_size=4, max_size=4),
    capital=st.lists(amounts, min_size=4, max_size=4),
    usd_jpy=st.decimals("50", "400", places=4),
)
def test_the_classes_add_up_exactly(net, units, capital, usd_jpy):
    assume(any(units))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(UnitClass.objects), "order_by", lambda *_: CLASSES)
        shares = value._split(position(net, units, capital, usd_jpy), None)
    assert sum(share.value_base for share in shares) == net
    for share in shares:
        assert (share.units == 0) == (share.price is None)
        assert share.units or share.value_base == share.value == 0
        if share.price is not None:  # units × price is the class's value, but for half a digit of the price each
            one = share.unit_class
            exact = share.units * one.price(share.price).minor_per_unit
            digit = one.price(Decimal(1).scaleb(-one.price_decimals)).minor_per_unit
            assert abs(exact - share.value) * 2 <= share.units * digit


@pytest.mark.django_db
def test_a_payment_moves_nobody_elses_price(small_fund):
    building.settle(building.citizen("JP"), "JP", yen(400_000), 400_000, at=datetime(2026, 3, 31, tzinfo=UTC))
    first = building.publish(strike.value(day=DAY, now=building.NOW), small_fund)
    assert prices_of(first) == {"SOV": 10, "JP": 10_000, "LP": None, "US": None}
    building.contribute(building.partner(), dollars(750), day=NEXT, now=THEN)
    building.settle(building.citizen("JP"), "JP", yen(90_000), 90_000, at=datetime(2026, 4, 1, tzinfo=UTC))
    rates.record(day=NEXT, usd_per_eur=Decimal(1), jpy_per_eur=Decimal(160), source="test")
    second = strike.value(day=NEXT, now=THEN)
    assert prices_of(second) == {"SOV": 10, "JP": 10_000, "LP": 10, "US": None}
    assert second.net == first.net + 750_00 + 562_50 - second.accruals


def prices_of(nav: Nav) -> dict[str, Decimal | None]:
    return dict(ClassNav.objects.filter(nav=nav).values_list("unit_class", "price"))


@pytest.mark.django_db
def test_without_units_there_is_no_nav(keys):
    building.rate(DAY, 160)
    with pytest.raises(value.Refused) as refusal:
        strike.value(day=DAY, now=building.NOW)
    assert refusal.value.code == "nothing_left"


@pytest.mark.django_db
def test_without_a_rate_there_is_no_nav(keys):
    with pytest.raises(rates.Unknown):
        strike.value(day=DAY, now=building.NOW)
