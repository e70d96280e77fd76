"""Settlement conserves every smallest unit, and resumes exactly wherever it was stopped (D21, D29)."""

import subprocess
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from fund.dealing import prove, settlement, subscription
from fund.dealing.models import AllotmentLine, Offering, SettlementChunk, Status, Subscription
from fund.governance.outbox import Note
from fund.ledger import accounts, balances, post
from fund.ledger import prove as ledger
from fund.ledger.models import Event, Leg, SettlementBatch
from fund.money import Currency, Money, buy
from fund.nav import strike
from fund.nav.models import ClassNav
from fund.refusal import Refusal
from tests.fund import building
from tests.fund.dealing.conftest import AFTER, NOW, citizen, crowd, paid_list, pay, place, settle

ODD_PRICE = Decimal(10_123)
BOOK = [(1, 7), (2, 20), (2, 3), (3, 51), (4, 2), (5, 30), (6, 30), (6, 1)]


def everything_is_clean() -> bool:
    return [check for check in (*prove.prove(), *ledger.prove()) if not check.clean] == []


def settled_money() -> tuple[int, int, int, int]:
    return (
        balances.total("held:JPY"),
        balances.balance("capital:JP"),
        balances.balance("rounding:JPY"),
        balances.total("refunds:JPY"),
    )


@pytest.mark.django_db
def test_money_and_units_are_conserved_to_the_smallest_unit(opened, allot):
    one = opened(capacity=700_000, fixed_price=ODD_PRICE)
    paid_list(one, BOOK)
    allot(one)
    assert settlement.progress(offering_code=one.code) == settlement.Progress(0, 0, 0)
    assert settle(one, chunk=2) == [3, 2, 3]
    one.refresh_from_db()
    assert one.state == Offering.State.SETTLED
    held, capital, rounding, refunds = settled_money()
    assert held == 0 and capital + rounding == 700_000 and rounding > 0
    assert refunds == sum(lots for _holder, lots in BOOK) * 10_000 - 700_000
    assert balances.total("units:JP") == sum(AllotmentLine.objects.values_list("units", flat=True)) > 0
    assert settlement.progress(offering_code=one.code) == settlement.Progress(8, 8, 8)
    assert {order.standing for order in Subscription.objects.all()} == {Status.SETTLED}
    assert subscription.on_order(holder_id=2) == {}
    assert everything_is_clean()


@pytest.mark.django_db
@pytest.mark.parametrize("price", [ODD_PRICE, Decimal(10_000), Decimal(9_999), Decimal(1), Decimal(123_456_789)])
def test_each_order_buys_what_the_money_module_says(opened, allot, price):
    one = opened(capacity=700_000, fixed_price=price)
    paid_list(one, BOOK)
    allot(one)
    settle(one)
    lines = list(AllotmentLine.objects.all())
    assert len(lines) == len(BOOK)
    for line in lines:
        bought = buy(Money(line.allotted, Currency.JPY), one.unit_class.price(price))
        assert (line.units, line.cost, line.rounding) == (bought.units, bought.cost.amount, bought.remainder.amount)
    assert everything_is_clean()


@pytest.mark.django_db
def test_a_settled_offering_is_told_once_and_settling_again_changes_nothing(opened, allot):
    one = opened()
    paid_list(one, BOOK)
    allot(one)
    settle(one)
    before = Leg.objects.count()
    assert settle(one) == [] and Leg.objects.count() == before
    assert Note.objects.filter(topic="offering.settled", subject=one.code).count() == 1


@pytest.mark.django_db
def test_an_offering_without_any_paid_order_settles_too(opened, allot):
    one = opened()
    allot(one)
    assert settle(one) == []
    one.refresh_from_db()
    assert one.state == Offering.State.SETTLED and everything_is_clean()


@pytest.mark.django_db
def test_only_an_allotted_offering_is_settled(opened):
    with pytest.raises(Refusal) as refused:
        settlement.settle_next(offering_code=opened().code, now=AFTER)
    assert refused.value.code == "not_allotted"


@pytest.mark.django_db
def test_a_chunk_that_fails_midway_leaves_nothing_and_is_done_by_the_next_run(opened, allot, monkeypatch):
    one = opened(capacity=300_000, fixed_price=ODD_PRICE)
    paid_list(one, BOOK)
    allot(one)
    assert settlement.settle_next(offering_code=one.code, now=AFTER, chunk=2) == 3
    before = (Leg.objects.count(), SettlementBatch.objects.count(), AllotmentLine.objects.count())
    steps: list[tuple[Any, str, Any]] = [
        (settlement, "SETTLE", settlement.SETTLE.replace("%(first)s", "(1 / 0)")),
        (settlement, "_expect", lambda chunk, rows: 1 / 0),  # the entries are written, their range is not marked yet
    ]
    for owner, step, broken in steps:
        with monkeypatch.context() as patch:
            patch.setattr(owner, step, broken)
            with pytest.raises(Exception, match="division by zero"), transaction.atomic():
                settlement.settle_next(offering_code=one.code, now=AFTER)
        assert (Leg.objects.count(), SettlementBatch.objects.count(), AllotmentLine.objects.count()) == before
    assert settle(one) == [2, 3]
    assert everything_is_clean()


@pytest.mark.django_db
def test_a_range_that_gained_an_order_is_not_settled(opened, allot):
    one = opened()
    paid_list(one, BOOK)
    allot(one)
    settlement.settle_next(offering_code=one.code, now=AFTER, chunk=2)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_subscription DISABLE TRIGGER USER")
        cursor.execute("UPDATE fund_subscription SET status = 'lapsed' WHERE holder_id = 6 AND amount = 10000")
    settlement.settle_next(offering_code=one.code, now=AFTER)
    with pytest.raises(RuntimeError, match="instead of"), transaction.atomic():
        settlement.settle_next(offering_code=one.code, now=AFTER)


@pytest.mark.django_db
def test_forward_pricing_allots_first_and_settles_when_the_price_is_known(opened, allot, monkeypatch):
    one = opened(capacity=300_000, fixed_price=None)
    paid_list(one, BOOK)
    allot(one)
    assert settle(one, chunk=2) == [3, 2, 3]
    one.refresh_from_db()
    assert one.state == Offering.State.ALLOTTED
    assert settlement.progress(offering_code=one.code) == settlement.Progress(8, 8, 0)
    by_status = {order.amount: order.standing for order in Subscription.objects.with_outcomes()}
    assert (by_status[20_000], by_status[510_000]) == (Status.ALLOTTED, Status.PART_ALLOTTED)
    assert Status.UNALLOTTED in by_status.values()
    assert balances.total("held:JPY") == 1_440_000 and everything_is_clean()
    monkeypatch.setattr(settlement, "_price", lambda offering: ODD_PRICE)
    assert settlement.settle_next(offering_code=one.code, now=AFTER) == 3
    monkeypatch.setattr(settlement, "_price", lambda offering: ODD_PRICE + 1)  # a correction in the middle
    assert settle(one) == [2, 3]
    for line in AllotmentLine.objects.all():
        assert line.units == buy(Money(line.allotted, Currency.JPY), one.unit_class.price(ODD_PRICE)).units
    assert settled_money()[0] == 0 and everything_is_clean()


@pytest.mark.django_db
def test_a_forward_order_is_settled_at_the_price_published_for_its_dealing_day(opened, allot, american, japanese):
    building.open_banks()
    building.contribute_both(building.dollars(1_000), day=NOW.date(), now=NOW)
    first = opened()
    paid_list(first, [(1, 10)])
    allot(first)
    settle(first)
    second, holder = opened(code="JP-2026-2", fixed_price=None), citizen()
    pay(place(second, holder, 50_000))
    allot(second)
    assert settle(second) == [1] and settle(second) == []
    later = datetime(2026, 9, 25, 9, tzinfo=UTC)
    for day, usd_jpy in ((AFTER.date(), 160), (second.dealing_day, 150)):
        building.rate(day, usd_jpy)
        nav = strike.value(day=day, now=later)
        building.publish(nav, (american, japanese), now=later)
        before = ClassNav.objects.get(nav=nav, unit_class="JP").price
        assert (settle(second, now=later) == [1]) is (day == second.dealing_day)
    line = AllotmentLine.objects.get(holder_id=holder)
    assert line.units == buy(Money(50_000, Currency.JPY), second.unit_class.price(before)).units
    assert second.unit_class.initial_price != before and everything_is_clean()


TAMPERED = [
    ("UPDATE fund_settlement SET refund = refund + 1 WHERE holder_id = 3", "allotted and refunded money"),
    ("UPDATE fund_settlement SET units = units + 1 WHERE holder_id = 3", "bought at their price"),
    (
        "UPDATE fund_settlement SET cost = cost - 1, rounding = rounding + 1 WHERE holder_id = 3",
        "bought at their price",
    ),
    ("UPDATE fund_settlement SET holder_id = 4 WHERE holder_id = 3", "allotted and refunded money"),
    ("UPDATE fund_settlement SET batch_id = batch_id + 1 WHERE holder_id = 3", "bought at their price"),
    ("UPDATE fund_subscription SET status = 'withdrawn' WHERE holder_id = 3", "orders stand as"),
    ("DELETE FROM fund_settlement WHERE holder_id = 3", "offerings sold what was approved"),
    ("DELETE FROM fund_applicant WHERE holder_id = 3", "orders stand as"),
    ("UPDATE fund_card SET held_jpy = held_jpy + 5 WHERE holder_id = 3", "held money belongs"),
    (
        "UPDATE fund_settlement SET cost = cost + (holder_id - 4) * 10000, refund = refund - (holder_id - 4) * 10000,"
        " units = units + (holder_id - 4) * 10000 WHERE holder_id IN (3, 5)",
        "re-runs",
    ),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("statement", "named"), TAMPERED)
def test_prove_names_what_was_tampered_with(opened, allot, statement, named):
    one = opened(capacity=300_000)
    paid_list(one, BOOK)
    allot(one)
    settle(one)
    assert everything_is_clean()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(statement)
        assert cursor.rowcount > 0
    assert [check for check in prove.prove() if named in check.name and check.differences and check.first]


@pytest.mark.django_db
def test_the_ledger_refuses_to_settle_an_order_twice(opened, allot):
    one = opened()
    paid_list(one, BOOK)
    allot(one)
    settle(one)
    again = "SELECT %(batch)s, order_id, holder_id, 0, 0, 1, 0 FROM fund_settlement"
    with pytest.raises(IntegrityError, match="fund_settlement_pkey"), transaction.atomic():
        post.settle_set(again, {}, subject=one.code, class_code="JP", effective_at=AFTER)
    account = accounts.ids("issued:JP", "units:JP")
    with pytest.raises(IntegrityError, match="is settled"), transaction.atomic():
        post.post_set(
            "SELECT order_id, %(event)s, 2, %(issued)s, %(units)s, holder_id, 1, now(), 0, NULL::uuid"
            " FROM fund_settlement",
            {"event": Event.SETTLEMENT.value, "issued": account["issued:JP"], "units": account["units:JP"]},
        )


@pytest.mark.django_db
def test_the_sites_own_role_can_allot_and_settle(opened, allot, as_site):
    one, holder = opened(fixed_price=ODD_PRICE), citizen()
    pay(place(one, holder, 110_000))
    allot(one)
    assert settle(one) == [1]
    assert balances.balance("units:JP", holder_id=holder) == 98_784


WORKER = """
import sys, django
django.setup()
from django.db import connection
from django.utils import timezone
connection.settings_dict["NAME"] = sys.argv[1]
from fund.dealing import settlement
while orders := settlement.settle_next(offering_code=sys.argv[2], now=timezone.now(), chunk=40):
    print(orders, flush=True)
    sys.stdin.readline()  # so that nobody is quicker than who will kill it
"""


@pytest.mark.django_db(transaction=True)
def test_killed_workers_lose_and_double_nothing(opened, allot):
    """Workers die by SIGKILL after their tenth chunk, in the midst of the next; another one goes on."""
    one = opened(capacity=5_000 * 10_000, fixed_price=ODD_PRICE)
    crowd(one, citizens=1_200, lots="1 + g %% 9")
    allot(one)
    command = [sys.executable, "-c", WORKER, str(connection.settings_dict["NAME"]), one.code]
    root = Path(__file__).parents[3]
    kills = 0
    while settlement.progress(offering_code=one.code).settled < 800:
        worker = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root)
        assert worker.stdin is not None and worker.stdout is not None
        for _ in range(10):
            worker.stdout.readline()
            worker.stdin.write("go on\n")
            worker.stdin.flush()
        worker.kill()
        worker.communicate()
        kills += 1
    assert kills >= 2
    settle(one)
    one.refresh_from_db()
    assert one.state == Offering.State.SETTLED
    assert AllotmentLine.objects.count() == 1_200 and settled_money()[0] == 0
    assert not SettlementChunk.objects.filter(settled_at=None).exists()
    assert everything_is_clean()
