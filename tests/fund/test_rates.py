"""The dollar-yen rate of the European Central Bank's reference rates (D23)."""

from datetime import date
from decimal import Decimal

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from fund import rates
from fund.rates import ReferenceRate

pytestmark = pytest.mark.django_db


def test_the_vector_of_march_2026():
    assert rates.load_ecb(since=date(2026, 3, 1)) > 20
    row = ReferenceRate.objects.get(day=date(2026, 3, 31))
    assert (row.jpy_per_eur, row.usd_per_eur, row.usd_jpy) == (
        Decimal("183.39"),
        Decimal("1.1498"),
        Decimal("159.4973"),
    )
    assert rates.usd_jpy(on=date(2026, 3, 31)) == Decimal("159.4973")


def test_loading_again_adds_nothing_and_changes_nothing():
    rates.record(day=date(2026, 3, 31), usd_per_eur=Decimal(1), jpy_per_eur=Decimal(150), source="test")
    rates.load_ecb(since=date(2026, 3, 1))
    assert rates.load_ecb(since=date(2026, 3, 1)) == 0
    assert rates.usd_jpy(date(2026, 3, 31)) == 150


def test_the_whole_history_is_exact():
    assert rates.load_ecb() > 2_900
    assert rates.usd_jpy(date(2015, 1, 2)) == Decimal("120.5763")  # 145.21 ÷ 1.2043
    assert rates.usd_jpy(date(2020, 3, 9)) == Decimal("102.2346")  # 117.12 ÷ 1.1456


def test_weekends_take_the_day_before_and_a_week_is_the_limit():
    rates.record(day=date(2026, 3, 27), usd_per_eur=Decimal("1.15"), jpy_per_eur=Decimal("184"), source="test")
    assert rates.usd_jpy(date(2026, 3, 29)) == rates.usd_jpy(date(2026, 4, 3)) == 160
    for day in (date(2026, 4, 4), date(2026, 3, 26)):
        with pytest.raises(rates.Unknown) as refusal:
            rates.usd_jpy(day)
        assert refusal.value.code == "rate_unknown"


def test_a_rate_that_is_not_the_cross_is_refused():
    with pytest.raises(IntegrityError, match="rate_is_the_cross"), transaction.atomic():
        ReferenceRate.objects.create(
            day=date(2026, 3, 31),
            usd_per_eur=Decimal("1.1498"),
            jpy_per_eur=Decimal("183.39"),
            usd_jpy=Decimal("159.4972"),
        )


REWRITES = ["UPDATE fund_referencerate SET source = 'x'", "DELETE FROM fund_referencerate"]


@pytest.mark.parametrize("statement", [*REWRITES, "TRUNCATE fund_referencerate"])
def test_rates_are_never_rewritten(statement):
    rates.record(day=date(2026, 3, 31), usd_per_eur=Decimal(1), jpy_per_eur=Decimal(150), source="test")
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("statement", REWRITES)
def test_without_the_triggers_they_could_be(statement):
    """Negative control of the test above."""
    rates.record(day=date(2026, 3, 31), usd_per_eur=Decimal(1), jpy_per_eur=Decimal(150), source="test")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_referencerate DISABLE TRIGGER USER")
        cursor.execute(statement)
        assert cursor.rowcount == 1
