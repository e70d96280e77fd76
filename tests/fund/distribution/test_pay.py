"""A distribution from its declaration to the last entry, on the book (D45–D47)."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from fund.distribution import correct, declare, pay, prove
from fund.distribution.models import Choice, Distribution
from fund.governance import approval
from fund.holders import Nation
from fund.ledger import balances, post
from fund.ledger import prove as ledger
from fund.ledger.models import Entitlement, Event, Leg, Phase
from fund.ledger.post import Line
from fund.register import capital, earned
from fund.units import UnitClass
from tests.fund import building
from tests.fund.distribution.conftest import FIRST, PAY, RECORD, after, at, citizen, tax

pytestmark = pytest.mark.django_db
UNITS = 1_000_000  # 口 of a citizen, bought for ¥1,000,000


def entries(one: Distribution, *, reversal: bool = False) -> dict[int, Entitlement]:
    rows = Entitlement.objects.filter(distribution_id=one.pk, reversal=reversal)
    return {row.holder_id: row for row in rows}


def sound() -> None:
    assert [check for check in [*ledger.prove(), *prove.prove(), *capital.prove()] if not check.clean] == []


def leave(holder, day, units: int = UNITS) -> None:
    line = Line("units:JP", "issued:JP", units, holder.pk)
    post.post(event=Event.REDEMPTION, event_id=building.uuid.uuid4(), lines=[line], effective_at=at(day))


def test_a_leaver_is_paid_a_joiner_is_not_and_taxes_go_to_their_authorities(fund):
    stays, leaves = (citizen(Nation.JP, UNITS, 1_000_000) for _ in range(2))
    tax(stays)
    tax(leaves, residence="US")
    fund.value(FIRST)
    (one,) = fund.declare({"JP": "100"})
    joins = citizen(Nation.JP, UNITS, 1_000_000, day=RECORD + timedelta(days=1))
    declare.record_due(now=after(RECORD))
    fund.value(RECORD)
    leave(leaves, RECORD + timedelta(days=1))
    assert fund.pay(at(PAY, 0) - timedelta(seconds=1)) == 0  # not before the pay day
    assert fund.pay(at(PAY)) == 2
    one.refresh_from_db()
    assert (one.state, one.holders, one.units, one.declared) == ("paid", 2, 2 * UNITS, 20_000)
    given = entries(one)
    assert set(given) == {stays.pk, leaves.pk} and joins.pk not in given
    mine, theirs = given[stays.pk], given[leaves.pk]
    ordinary = mine.gross - mine.returned
    assert (mine.national, mine.local) == (ordinary * 15_315 // 100_000, ordinary * 5 // 100)
    assert (theirs.national, theirs.local) == (mine.national, 0)
    assert balances.balance("refunds:JPY", holder_id=stays.pk) == 10_000 - mine.national - mine.local
    assert balances.balance("withheld_national:JPY") == mine.national + theirs.national
    assert balances.balance("withheld_local:JPY") == mine.local
    assert balances.balance("distributions:JPY") == 0
    sound()


def test_the_nav_of_the_record_day_is_the_first_without_it(fund):
    citizen(Nation.JP, UNITS, 1_000_000)
    before = fund.value(FIRST)
    fund.declare({"JP": "100", "SOV": "0.05"})
    day_before = fund.value(RECORD - timedelta(days=4))
    declare.record_due(now=after(RECORD))
    ex = fund.value(RECORD)
    price = {nav.pk: {c.unit_class_id: c.price for c in nav.classes.all()} for nav in (before, day_before, ex)}
    assert price[day_before.pk]["JP"] - price[ex.pk]["JP"] in (99, 100, 101)
    assert Decimal("0.045") < price[day_before.pk]["SOV"] - price[ex.pk]["SOV"] < Decimal("0.055")
    assert balances.balance("distributions:JPY") == 10_000
    assert balances.balance("distributions:USD") == 1_000_000
    sound()


def test_governments_are_paid_gross_and_what_each_has_received_is_known(fund):
    fund.value(FIRST)
    (one,) = fund.declare({"SOV": "0.05"})
    fund.run(one)
    assert {(row.gross, row.paid, row.returned) for row in entries(one).values()} == {(500_000, 500_000, 0)}
    received = [owner.received for owner in earned.by_owner() if owner.owner_kind == "sovereign"]
    assert received == [building.dollars(5_000)] * 2


def test_reinvested_money_buys_at_the_price_of_the_pay_day(fund):
    cash, buys, changes_late = (citizen(Nation.JP, UNITS, 1_000_000) for _ in range(3))
    jp = UnitClass.objects.get(pk="JP")
    Choice.objects.create(holder=buys, unit_class=jp, reinvest=False, chosen_at=at(FIRST))
    Choice.objects.create(holder=buys, unit_class=jp, reinvest=True, chosen_at=at(RECORD))
    Choice.objects.create(holder=changes_late, unit_class=jp, reinvest=True, chosen_at=after(RECORD))
    fund.value(FIRST)
    (one,) = fund.declare({"JP": "100"})
    declare.record_due(now=after(RECORD))
    fund.value(RECORD)
    assert fund.pay(at(PAY)) == 2 and fund.pay(at(PAY)) == 0
    assert pay.progress(distribution=one) == pay.Progress(3, 2, 1)
    nav = fund.value(PAY)
    assert fund.pay(after(PAY)) == 1
    one.refresh_from_db()
    price = nav.classes.get(unit_class="JP").price
    assert (one.state, one.price, one.price_day) == ("paid", price, PAY)
    mine, paid = entries(one)[buys.pk], entries(one)[cash.pk]
    net = mine.gross - mine.national - mine.local
    assert mine.bought == net * 10_000 // int(price) and mine.cost + mine.rounding == net and mine.rounding < 2
    assert mine.cost == -(-mine.bought * int(price) // 10_000)
    assert (paid.paid, paid.bought) == (net, 0) and balances.balance("refunds:JPY", holder_id=buys.pk) == 0
    assert balances.balance("units:JP", holder_id=buys.pk) == UNITS + mine.bought
    assert Leg.objects.filter(event=Event.DISTRIBUTION, holder=buys, amount=mine.bought).count() == 1
    sound()


def test_a_hundred_yen_over_three_on_the_book(fund):
    three = [citizen(Nation.JP, 10_000, 10_000) for _ in range(3)]
    fund.value(FIRST)
    (one,) = fund.declare({"JP": "33.334"})
    fund.run(one)
    assert [entries(one)[holder.pk].gross for holder in three] == [34, 33, 33]
    assert one.declared == 100


def test_nothing_is_declared_beyond_income_cash_or_the_calendar(fund):
    citizen(Nation.JP, UNITS, 1_000_000)
    fund.value(FIRST)
    now = at(FIRST + timedelta(days=1))
    for rates, record, paid, code in [
        ({"SOV": "0.3"}, RECORD, PAY, "over_income"),
        ({"JP": "11000"}, RECORD, PAY, "over_cash"),
        ({"JP": "100"}, date(2026, 4, 3), PAY, "not_a_dealing_day"),  # Good Friday
        ({"JP": "100"}, RECORD, date(2026, 4, 29), "not_a_banking_day"),  # 昭和の日
        ({"SOV": "0.01"}, RECORD, RECORD, "days_in_order"),
        ({"JP": "100"}, FIRST, PAY, "past_day"),
        ({"JP": "0.0000001"}, RECORD, PAY, "rate"),
        ({"JP": "0.001"}, RECORD, PAY, "nothing"),
        ({"LP": "1"}, RECORD, PAY, "nothing"),
    ]:
        told = {code: Decimal(rate) for code, rate in rates.items()}
        with pytest.raises(declare.Refused) as refused:
            declare.preview(record_day=record, pay_day=paid, rates=told, now=now)
        assert refused.value.code == code
    fund.declare({"SOV": "0.24"})  # $48,000 of $50,000: what was declared counts at once
    with pytest.raises(declare.Refused) as refused:
        declare.preview(
            record_day=PAY, pay_day=date(2026, 4, 30), rates={"LP": Decimal(1), "JP": Decimal(4000)}, now=now
        )
    assert refused.value.code in ("over_income", "nothing")


def test_one_key_declares_nothing_and_the_database_says_so(fund):
    citizen(Nation.JP, UNITS, 1_000_000)
    fund.value(FIRST)
    now = at(FIRST + timedelta(days=1))
    proposal = declare.propose(
        record_day=RECORD, pay_day=PAY, rates={"JP": Decimal(100)}, officer=fund.keys[0], now=now, reason="r"
    )
    with pytest.raises(approval.Refused):
        correct.carry_out(proposal=proposal, now=now)
    row = {"unit_class_id": "JP", "record_day": RECORD, "pay_day": PAY, "expected": 10_000, "income": 1}
    with pytest.raises(DatabaseError, match="needs an officer of each nation"), transaction.atomic():
        Distribution.objects.create(per_lot=Decimal("100"), proposal=proposal, declared_at=now, **row)
    building.sign(proposal, fund.keys[1], now)
    with pytest.raises(DatabaseError, match="needs an officer of each nation"), transaction.atomic():
        Distribution.objects.create(per_lot=Decimal("101"), proposal=proposal, declared_at=now, **row)
    assert correct.carry_out(proposal=proposal, now=now) and correct.carry_out(proposal=proposal, now=now) is None


def test_nobody_is_given_anything_of_a_distribution_that_is_not_recorded(fund):
    holder = citizen(Nation.JP, UNITS, 1_000_000)
    fund.value(FIRST)
    (one,) = fund.declare({"JP": "100"})
    fund.run(one)
    for number, reversal in ((one.pk, "true"), (one.pk + 1, "false")):
        row = f"SELECT %(batch)s, {holder.pk}, {number}, {reversal}, 1, 9, 0, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0"
        with pytest.raises(DatabaseError, match="that is recorded"), transaction.atomic():
            post.entitle_set(row, {}, subject="distribution", class_code="JP", effective_at=after(PAY))


def test_two_entries_of_a_holder_in_one_statement_both_reach_the_card(fund):
    holder = citizen(Nation.JP, UNITS, 1_000_000)
    fund.value(FIRST)
    next_day = RECORD + timedelta(days=1)
    both = fund.declare({"JP": "1"}) + fund.declare({"JP": "1"}, record=next_day)
    assert len(declare.record_due(now=after(next_day))) == 2
    for one in both:
        one.refresh_from_db()
    row = "SELECT %(batch)s, {}, {}, false, 1, {}, 0, 0, 0, 0, {}, 0, 0, 0, 0, 0, 0"
    given = " UNION ALL ".join(row.format(holder.pk, one.pk, one.declared, one.declared) for one in both)
    post.entitle_set(given, {}, subject="distribution", class_code="JP", effective_at=after(PAY))
    assert balances.balance("refunds:JPY", holder_id=holder.pk) == sum(one.declared for one in both) > 0
    assert all(check.clean for check in ledger.prove())


def test_a_corrected_record_day_reverses_exactly_and_pays_anew(fund):
    stays, leaves = (citizen(Nation.JP, UNITS, 1_000_000) for _ in range(2))
    fund.value(FIRST)
    fund.value(RECORD - timedelta(days=4))
    joins = citizen(Nation.JP, UNITS, 1_000_000, day=RECORD)
    (one,) = fund.declare({"JP": "100"}, now=at(RECORD))
    fund.run(one)
    before = {code: balances.balance(code) for code in ("withheld_national:JPY", "capital:JP", "rounding:JPY")}
    given = entries(one)
    assert set(given) == {stays.pk, leaves.pk, joins.pk}
    right = date(2026, 4, 2)
    again = fund.correct(one, record=right, per_lot="100", now=after(PAY))
    assert (again.corrects_id, again.state) == (one.pk, "declared")
    fund.pay(after(PAY))
    again.refresh_from_db()
    one.refresh_from_db()
    assert (one.state, again.state, again.declared) == ("replaced", "paid", 20_000)
    back = entries(one, reversal=True)
    for holder, row in given.items():
        names = ("units", "gross", "returned", "us", "national", "local", "paid", "cost", "rounding", "bought")
        assert all(getattr(row, name) == getattr(back[holder], name) for name in names)
        assert back[holder].borne == 0
    assert set(entries(again)) == {stays.pk, leaves.pk}
    assert balances.balance("refunds:JPY", holder_id=joins.pk) == 0
    assert balances.balance("withheld_national:JPY") < before["withheld_national:JPY"]
    assert balances.balance("capital:JP") == before["capital:JP"] + 10_000
    (different,) = correct.differences(distribution=again)
    assert (different.holder_id, different.gross_before, different.gross_after) == (joins.pk, 10_000, 0)
    sound()


def test_of_what_a_bank_has_paid_out_already_nothing_is_asked_back(fund):
    stays, joins = citizen(Nation.JP, UNITS, 1_000_000), citizen(Nation.JP, UNITS, 1_000_000, day=RECORD)
    fund.value(FIRST)
    fund.value(date(2026, 4, 2))
    (one,) = fund.declare({"JP": "100"}, now=at(RECORD))
    fund.run(one)
    got = balances.balance("refunds:JPY", holder_id=joins.pk)
    for holder in (stays, joins):
        line = Line("refunds:JPY", f"bank:{building.JPY}", got, holder.pk)
        post.post(event=Event.PAYOUT, event_id=building.uuid.uuid4(), lines=[line], effective_at=after(PAY))
    again = fund.correct(one, record=date(2026, 4, 2), per_lot="100", now=after(PAY))
    fund.pay(after(PAY))
    assert entries(one, reversal=True)[joins.pk].borne == got
    assert entries(one, reversal=True)[stays.pk].borne == 0
    assert (
        balances.balance("refunds:JPY", holder_id=joins.pk) == 0 == balances.balance("refunds:JPY", holder_id=stays.pk)
    )
    assert balances.balance("expenses:JPY") == -got
    assert Distribution.objects.get(pk=again.pk).state == "paid"
    sound()


def test_a_range_done_twice_is_refused_and_other_ranges_give_the_same_bytes(fund):
    """Negative control of the marks: without them the key still lets nothing be paid twice."""
    for number in range(7):
        citizen(Nation.JP, 10_007 + number * 13, 10_000)
    fund.value(FIRST)
    (one,) = fund.declare({"JP": "77.7777"})
    declare.record(distribution=one, now=after(RECORD), size=3)
    fund.value(RECORD)
    digests = set()
    for size in (1, 3):
        with transaction.atomic():
            while pay.pay_next(now=at(PAY)):
                pass
            rows = "string_agg((holder_id, gross, returned, us, national, local, paid)::text, ',' ORDER BY holder_id)"
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT count(*), sum(gross), {rows} FROM fund_entitlement")
                digests.add(cursor.fetchone())
            if size == 1:
                transaction.set_rollback(True)
    assert len(digests) == 1
    (number, total, _text) = digests.pop()
    one.refresh_from_db()
    assert (number, total) == (7, one.declared)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE fund_distributionrange SET paid_at = NULL, waiting = NULL, done_at = NULL")
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE fund_distribution SET state = 'recorded', paid_at = NULL")
        cursor.execute("SET session_replication_role = origin")
    with pytest.raises(DatabaseError, match="duplicate key"), transaction.atomic():
        pay.pay_next(now=at(PAY))


def test_units_that_were_redeemed_meanwhile_are_not_taken_back(fund):
    """Less was due than was reinvested, and the units that it bought are on hold for a redemption (D31)."""
    buys = citizen(Nation.JP, UNITS, 1_000_000)
    Choice.objects.create(holder=buys, unit_class_id="JP", reinvest=True, chosen_at=at(FIRST))
    fund.value(FIRST)
    (one,) = fund.declare({"JP": "100"})
    one = fund.run(one)
    bought = entries(one)[buys.pk].bought
    hold = [Line("units:JP", "issued:JP", UNITS + bought, buys.pk)]
    post.post(
        event=Event.REDEMPTION, event_id=building.uuid.uuid4(), lines=hold, effective_at=after(PAY), phase=Phase.PENDING
    )
    corrected = fund.correct(one, record=RECORD, per_lot="50", now=after(PAY))
    fund.pay(after(PAY))
    fresh, taken = entries(corrected)[buys.pk], entries(one, reversal=True)[buys.pk]
    assert 0 < fresh.bought == taken.bought < bought
    assert balances.balance("units:JP", holder_id=buys.pk) == UNITS + bought
    sound()
