"""The four classes and how they are quoted (D20)."""

from decimal import Decimal

import pytest

from fund import units
from fund.money import Currency, Price, value_of
from fund.units import UnitClass

pytestmark = pytest.mark.django_db


def test_the_shipped_quoting():
    us, jp = UnitClass.objects.get(code="US"), UnitClass.objects.get(code="JP")
    assert us.price(us.initial_price) == Price(Decimal("10.0000"), Currency.USD, 10_000)
    assert jp.price(jp.initial_price) == Price(Decimal(10_000), Currency.JPY, 10_000)


def test_ten_thousand_smallest_units_are_one_us_unit_and_ten_thousand_kuchi():
    us, jp = UnitClass.objects.get(code="US"), UnitClass.objects.get(code="JP")
    assert (us.count(25_000), jp.count(25_000)) == (Decimal("2.5000"), Decimal(25_000))
    assert value_of(10_000, us.price(us.initial_price)).value == "10.00"
    assert value_of(10_000, jp.price(jp.initial_price)).value == "10000"


def test_opening_the_classes_again_changes_nothing():
    UnitClass.objects.filter(code="US").update(initial_price=Decimal(11))
    units.open_classes()
    assert UnitClass.objects.get(code="US").initial_price == 11
