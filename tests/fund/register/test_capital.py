"""Contributions of co-owners and partners, and who owns how much (D1, D3, D49)."""

import uuid
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from django.db import connection

from fund.ledger import balances
from fund.ledger import prove as ledger
from fund.money import Currency, Money
from fund.nav import strike
from fund.portfolio import valuation
from fund.register import capital
from tests.fund import building
from tests.fund.building import DAY, NOW, USD, dollars, yen

pytestmark = pytest.mark.django_db

EARLY = datetime(2026, 3, 31, tzinfo=UTC)


def test_a_contribution_buys_units_at_the_initial_price(keys):
    owner = building.partner()
    building.contribute(owner, Money(1_234_567, Currency.USD))
    assert balances.balance("units:LP", holder_id=owner.pk) == 12_345_670
    assert balances.balance("capital:LP") == 1_234_567
    assert balances.balance(f"bank:{USD}") == -1_234_567
    assert all(check.clean for check in [*ledger.prove(), *capital.prove()])


def triple_the_price(keys) -> None:
    """The fund's $2,000 are put into an investment that is then worth three times as much, less a cent."""
    port = building.investment()
    moved = {"investment": port, "money": dollars(2_000)}
    building.invest(**moved, bank_account=USD, day=DAY, now=NOW, event_id=uuid.uuid4())
    valuation.record_valuation(
        investment=port, effective_on=DAY, money=Money(599_999, Currency.USD), source_en="a", source_ja="b", now=NOW
    )
    building.publish(strike.value(day=DAY, now=NOW), keys)


def test_later_ones_buy_at_the_latest_price_and_the_remainder_is_the_funds(keys):
    building.contribute_both(dollars(1_000))
    triple_the_price(keys)
    partner, later = building.partner(), NOW + timedelta(days=1)
    building.contribute_both(dollars(1_000), day=later.date(), now=later)
    # 1,000.00 ÷ 30.0000 = 33.3333 units, for 999.999 → the whole of it; the cent stays in the price
    assert balances.balance("units:SOV", holder_id=building.co_owner_of("US").pk) == 1_000_000 + 333_333
    assert (balances.balance("capital:SOV"), balances.balance("rounding:USD")) == (400_000, 0)
    building.contribute(partner, Money(10_01, Currency.USD), day=later.date(), now=later)
    assert balances.balance("units:LP", holder_id=partner.pk) == 10_010


def test_a_remainder_goes_to_the_rounding_account(keys):
    building.contribute_both(dollars(1_000))
    port = building.investment(committed=10**9)
    valuation.record_valuation(
        investment=port, effective_on=DAY, money=dollars(10**9), source_en="a", source_ja="b", now=NOW
    )
    building.publish(strike.value(day=DAY, now=NOW), keys)  # one unit is $5,000,010, the smallest $500.001
    building.contribute_both(dollars(1_000), day=NOW.date())
    assert balances.balance("units:SOV", holder_id=building.co_owner_of("JP").pk) == 1_000_001
    assert balances.balance("rounding:USD") == 2 * 49_999
    assert balances.balance("capital:SOV") == 200_000 + 2 * 50_001


def people() -> None:
    building.settle(building.citizen("US"), "US", dollars(300), 300_000, at=EARLY)
    building.settle(building.citizen("JP"), "US", dollars(100), 100_000, at=EARLY)
    for _ in range(2):
        building.settle(building.citizen("JP"), "JP", yen(16_000), 16_000, at=EARLY)


def rows(table: capital.Table) -> list[tuple]:
    return [
        (
            row.unit_class.pk,
            row.owner_kind,
            row.nation,
            row.units,
            row.holders,
            row.value.amount,
            row.value_base.amount,
            row.share,
        )
        for row in table.rows
    ]


def test_the_capital_table(keys):
    building.contribute_both(dollars(600))
    people()
    table = capital.table()
    assert rows(table) == [
        ("JP", "citizen", "JP", 32_000, 2, 32_000, 200_00, Decimal("11.11")),
        ("SOV", "sovereign", "JP", 600_000, 1, 600_00, 600_00, Decimal("33.33")),
        ("SOV", "sovereign", "US", 600_000, 1, 600_00, 600_00, Decimal("33.33")),
        ("US", "citizen", "JP", 100_000, 1, 100_00, 100_00, Decimal("5.56")),
        ("US", "citizen", "US", 300_000, 1, 300_00, 300_00, Decimal("16.67")),
    ]
    assert sum(row.share for row in table.rows) == 100
    assert table.co_owners_equal
    assert rows(capital.table(at=NOW)) == rows(table)
    assert capital.table(at=EARLY - timedelta(seconds=1)).rows == []


def test_a_table_of_the_past_has_the_prices_of_then(keys):
    building.contribute_both(dollars(1_000))
    triple_the_price(keys)
    assert [row.value for row in capital.table().rows] == [dollars(3_000)] * 2
    assert [row.value for row in capital.table(at=NOW - timedelta(hours=1)).rows] == [dollars(1_000)] * 2


def test_without_a_rate_for_yen_there_are_no_shares():
    building.open_banks()
    people()
    in_yen = capital.table(at=NOW).rows[0]
    assert (in_yen.value, in_yen.value_base, in_yen.share) == (yen(32_000), None, None)


@pytest.mark.django_db(transaction=True)
def test_a_published_nav_prices_the_units_of_the_ledger(keys):
    building.contribute_both(dollars(600))
    building.publish(strike.value(day=DAY, now=NOW), keys)
    building.settle(building.citizen("US"), "US", dollars(300), 300_000, at=EARLY)  # of that day, recorded after it
    building.contribute(building.partner(), dollars(10), day=NOW.date())
    assert [(check.rows, check.differences) for check in capital.prove()] == [(4, 0), (4, 0), (3, 0)]


@pytest.mark.django_db(transaction=True)
def test_prove_names_a_nav_whose_units_are_not_the_ledgers(keys):
    building.contribute_both(dollars(600))
    building.publish(strike.value(day=DAY, now=NOW), keys)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_classnav DISABLE TRIGGER USER")
        cursor.execute("UPDATE fund_classnav SET units = units + 1 WHERE unit_class_id = 'SOV'")
        cursor.execute("ALTER TABLE fund_classnav ENABLE TRIGGER USER")
    (check,) = [check for check in capital.prove() if not check.clean]
    assert check.first == "NAV 2026-03-31 v1 class SOV: priced 1200001, ledger 1200000"


def test_prove_names_a_class_with_other_units_than_were_issued(keys):
    building.contribute(building.partner(), dollars(600))
    with connection.cursor() as cursor:
        cursor.execute("UPDATE fund_card SET units_lp = units_lp + 1 WHERE units_lp > 0")
    (check,) = [check for check in capital.prove() if not check.clean]
    assert check.first == "class LP: issued 600000, held 600001"
