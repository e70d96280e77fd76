"""Two NAVs in a row, worked out by hand in both currencies to the last digit (D20, D23, D42).

2026-03-31, at 183.39 ÷ 1.1498 = 159.4973 yen per dollar:
    investments 1,650,000.00 + cash 2,000,000 − 1,500,000 + 500,000 = 1,000,000.00
    + ¥100,000,000 = 626,969.86  →  gross 3,276,969.86;  debt 500,000.00;  net 2,776,969.86
    weights  SOV 2,000,000.00 : JP 626,969.86
    SOV 211,420,001.598… cents, JP 66,276,984.401…  →  the cent left over goes to SOV
    SOV 2,114,200.02 ÷ 200,000 units = 10.5710001;  JP 662,769.84 × 159.4973 = ¥105,710,000, per 10,000口 ¥10,571

2026-04-30, at 183.21 ÷ 1.1702 = 156.5630:
    fee 277,696,986 × 20 bp × 30 ÷ 3,650,000 = 45,648.8 cents
    investments 1,700,000.00 + cash 1,000,000 + 500,000 − 10,000 − 100,000 = 1,390,000.00
    + ¥150,000,000 = 958,080.77  →  gross 4,048,080.77;  debt 400,000.00;  net 3,647,624.28
    weights  JP 662,769.84 + ¥50,000,000 at 159.4973 = 976,254.77 : LP 500,000.00 : SOV 2,114,200.02
    JP 99,179,931.535…, LP 50,796,131.595…, SOV 214,786,364.869…  →  two cents left over, to SOV and LP
    JP 991,799.31 × 156.5630 = ¥155,279,075 over 147,299,214口  →  ¥10,541.74…
"""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from fund import rates
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.money import Price
from fund.nav import prices, prove, strike
from fund.nav.models import Nav
from fund.portfolio import debt, valuation
from fund.portfolio.models import Expense
from tests.fund import building
from tests.fund.building import DAY, JPY, NOW, USD, dollars, yen

pytestmark = pytest.mark.django_db

LATER = date(2026, 4, 30)
THEN = datetime(2026, 5, 1, 9, tzinfo=UTC)


def money_that_is_not_the_funds(holder_id: int) -> None:
    lines = [
        Line(f"bank:{JPY}", "held:JPY", 300_000, holder_id),
        Line("held:JPY", "refunds:JPY", 100_000, holder_id),
    ]
    post.post(
        event=Event.RECEIPT, event_id=uuid.uuid4(), lines=lines, effective_at=datetime(2026, 3, 31, 3, tzinfo=UTC)
    )
    for account, amount in ((USD, "USD"), (JPY, "JPY")):
        lines = [Line(f"bank:{account}", f"suspense:{amount}", 77)]
        post.post(
            event=Event.SUSPENSE, event_id=uuid.uuid4(), lines=lines, effective_at=datetime(2026, 3, 31, tzinfo=UTC)
        )


@pytest.fixture
def first(keys) -> Nav:
    rates.load_ecb(since=date(2026, 3, 1))
    citizen = building.citizen("JP")
    building.contribute_both(dollars(1_000_000))
    building.settle(citizen, "JP", yen(100_000_000), 100_000_000, at=datetime(2026, 3, 31, 12, tzinfo=UTC))
    money_that_is_not_the_funds(citizen.pk)
    port, line = building.investment(), building.facility()
    moved = {"bank_account": USD, "day": DAY, "now": NOW}
    building.invest(investment=port, money=dollars(1_500_000), event_id=uuid.uuid4(), **moved)
    building.borrow(facility=line, money=dollars(500_000), event_id=uuid.uuid4(), **moved)
    mark(port, DAY, 1_650_000)
    # after the day: none of it may count
    building.settle(citizen, "JP", yen(5_000), 5_000, at=datetime(2026, 4, 1, tzinfo=UTC))
    mark(port, date(2026, 4, 1), 9)
    return strike.value(day=DAY, now=NOW)


def mark(investment, day, amount) -> None:
    valuation.record_valuation(
        investment=investment,
        effective_on=day,
        money=dollars(amount),
        source_en="Appraisal",
        source_ja="鑑定",
        now=THEN,
    )


def figures(nav: Nav) -> tuple[int, ...]:
    return nav.gross, nav.debt, nav.accruals, nav.net


def classes(nav: Nav) -> dict[str, tuple]:
    return {one.unit_class_id: (one.units, one.value_base, one.value, one.price) for one in nav.classes.all()}


NO_UNITS = (0, 0, 0, None)


def test_the_first(first):
    assert first.usd_jpy == Decimal("159.4973")
    assert figures(first) == (327_696_986, 50_000_000, 0, 277_696_986)
    assert classes(first) == {
        "SOV": (2_000_000_000, 211_420_002, 211_420_002, Decimal("10.5710")),
        "JP": (100_000_000, 66_276_984, 105_710_000, Decimal(10_571)),
        "LP": NO_UNITS,
        "US": NO_UNITS,
    }


def test_the_second(first, keys):
    building.publish(first, keys)
    building.contribute(building.partner(), dollars(500_000), day=date(2026, 4, 10), now=THEN)
    # the ¥5,000 of April 1 and 5,000口 are part of the ¥50,000,000 that bought 47,299,214口 at 10,571
    citizen = building.citizen("JP")
    building.settle(citizen, "JP", yen(49_995_000), 47_294_214, at=datetime(2026, 4, 10, 5, tzinfo=UTC))
    moved = {"bank_account": USD, "now": THEN}
    building.repay(
        facility=debt.drawn(on=DAY)[0].facility,
        money=dollars(100_000),
        day=date(2026, 4, 20),
        event_id=uuid.uuid4(),
        **moved,
    )
    building.pay(
        kind=Expense.Kind.OPERATING,
        money=dollars(10_000),
        day=date(2026, 4, 15),
        description_en="Audit",
        description_ja="監査",
        event_id=uuid.uuid4(),
        **moved,
    )
    mark(valuation.marks(on=DAY)[0].investment, LATER, 1_700_000)
    second = strike.value(day=LATER, now=THEN)
    assert second.usd_jpy == Decimal("156.5630")
    assert figures(second) == (404_808_077, 40_000_000, 45_649, 364_762_428)
    assert classes(second) == {
        "JP": (147_299_214, 99_179_931, 155_279_075, Decimal(10_542)),
        "LP": (500_000_000, 50_796_132, 50_796_132, Decimal("10.1592")),
        "SOV": (2_000_000_000, 214_786_365, 214_786_365, Decimal("10.7393")),
        "US": NO_UNITS,
    }
    building.publish(second, keys, now=THEN)
    assert prices.latest_price("JP", THEN) == Price(Decimal(10_542), "JPY", 10_000)
    assert prices.latest_price("JP", NOW) == Price(Decimal(10_571), "JPY", 10_000)
    assert prices.latest_price("US", THEN) == Price(Decimal(10), "USD", 10_000)
    assert [one.price for one in strike.history(class_code="SOV")] == [Decimal("10.5710"), Decimal("10.7393")]
    assert strike.history(class_code="US") == []
    assert strike.latest() == second and strike.latest(at=NOW) == first
    assert strike.latest(class_code="LP").value == 50_796_132
    assert all(check.clean for check in prove.prove())
