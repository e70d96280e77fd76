"""Orders settled at a price that was corrected: who paid too much gets units, who paid too little keeps them (D43)."""

import threading
import uuid
from datetime import UTC, date, datetime

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from fund import calendars
from fund.dealing import compensation, prove
from fund.dealing.compensation import Compensation
from fund.dealing.models import Offering
from fund.governance import approval, outbox
from fund.governance.outbox import Note
from fund.ledger import balances, post
from fund.ledger import prove as ledger
from fund.ledger.models import Event, Transfer
from fund.ledger.post import Line
from fund.nav import correct, strike
from fund.nav import prove as navs
from fund.nav.models import ClassNav, Nav
from fund.redemption import correction as corrections
from fund.register import capital
from tests.fund import building
from tests.fund.dealing.conftest import AFTER, NOW, paid_list, settle

pytestmark = pytest.mark.django_db
DEALING = date(2026, 9, 24)
LATER = datetime(2026, 9, 25, 9, tzinfo=UTC)
THEN = datetime(2026, 9, 29, 9, tzinfo=UTC)
HOLDERS = [(101, 5), (102, 3), (103, 2), (104, 7)]  # citizens and their lots of ¥10,000


def income(cents: int) -> None:
    """Dollars booked on the dealing day: on $2,000.00 and ¥100,000 at 160, $26.25 are one percent."""
    debit, credit = (f"bank:{building.USD}", "income:USD") if cents > 0 else ("income:USD", f"bank:{building.USD}")
    line = Line(debit, credit, abs(cents))
    post.post(event=Event.REVERSAL, event_id=uuid.uuid4(), lines=[line], effective_at=calendars.books_open(DEALING))


@pytest.fixture
def settled(opened, allot, american, japanese):
    """A forward-priced offering, settled at the price of its dealing day, which was off by so many cents of the NAV."""

    def make(cents: int) -> Offering:
        building.open_banks()
        building.contribute_both(building.dollars(1_000), day=NOW.date(), now=NOW)
        first = opened()
        paid_list(first, [(1, 10)])
        allot(first)
        settle(first)
        second = opened(code="JP-2026-2", fixed_price=None, capacity=1_000_000)
        paid_list_of_second(second)
        allot(second)
        settle(second, chunk=2)
        building.rate(DEALING, 160)
        if cents:
            income(cents)
        building.publish(strike.value(day=DEALING, now=LATER), (american, japanese), now=LATER)
        assert sum(settle(second, now=LATER)) == len(HOLDERS)
        if cents:
            income(-cents)
        second.refresh_from_db()
        return second

    return make


def paid_list_of_second(one: Offering) -> None:
    """``paid_list`` numbers its orders from 1: those of a second offering begin later."""
    asked = "SELECT n + 500 AS n, holder_id, lots FROM unnest(%(holders)s::bigint[], %(lots)s::bigint[])"
    from tests.fund.dealing.conftest import paid_orders  # noqa: PLC0415

    holders, lots = [holder for holder, _ in HOLDERS], [count for _, count in HOLDERS]
    paid_orders(one, f"{asked} WITH ORDINALITY u(holder_id, lots, n)", holders=holders, lots=lots)


def propose(american) -> approval.Proposal:
    drafts = correct.revalue(day=DEALING, now=THEN)
    return corrections.propose(drafts=drafts, officer=american, now=THEN, reason="Income was booked that never came")


@pytest.fixture
def correction(settled, american, second_key):
    """Settle at a wrong price, correct it under two keys, and carry it out."""

    def make(cents: int) -> Offering:
        one = settled(cents)
        assert corrections.carry_out(proposal=second_key(propose(american)), now=THEN)
        return one

    return make


def compensate() -> list[int]:
    return list(iter(lambda: compensation.compensate_next(now=THEN), 0))


def units() -> dict[int, int]:
    return {holder: balances.balance("units:JP", holder_id=holder) for holder, _ in HOLDERS}


def everything_is_clean() -> bool:
    checks = [*prove.prove(), *ledger.prove(), *navs.prove(), *capital.prove()]
    return [check for check in checks if not check.clean] == []


WHOLE = {holder: lots * 10_000 for holder, lots in HOLDERS}  # what the money buys at ¥10,000 for 10,000 口


def test_an_error_of_six_tenths_of_a_percent_is_compensated_in_units(correction):
    """10,060 instead of 10,000: an order of ¥50,000 had bought 49,701 口 and is owed 299."""
    one = correction(15_75)
    assert ClassNav.objects.get(nav__version=1, unit_class="JP").price == 10_060
    assert ClassNav.objects.get(nav__version=2, unit_class="JP").price == 10_000
    assert units()[101] == 49_701
    row = Compensation.objects.get()
    owed = {holder: WHOLE[holder] - had for holder, had in units().items()}
    assert (row.offering, row.orders, row.units_owed, row.units_over) == (one, 4, sum(owed.values()), 0)
    assert str(row.error_percent) == "0.6000"
    assert compensate() == [2, 2, 1]
    assert units() == WHOLE and everything_is_clean()
    posted = dict(Transfer.objects.filter(event=Event.CORRECTION).values_list("holder_id", "amount"))
    assert posted == owed and owed[101] == 299
    row.refresh_from_db()
    assert row.finished_at == THEN
    assert Note.objects.get(topic="orders.compensated").payload == {"compensation": row.pk}


def test_the_affected_orders_are_listed_before_anybody_signs(settled):
    settled(15_75)
    drafts = correct.revalue(day=DEALING, now=THEN)
    (due,) = compensation.preview(drafts=drafts, now=THEN)
    found = compensation.affected(due=due)
    assert (found[0].paid.amount, found[0].had, found[0].entitled) == (50_000, 49_701, 50_000)
    assert len(found) == 4 and compensation.affected(due=due, limit=1) == found[:1]
    assert compensation.affected(due=due, after=found[0].reference) == found[1:]


def test_both_nations_sign_what_is_owed_and_nothing_else_is_posted(settled, american):
    settled(15_75)
    proposal = propose(american)
    assert proposal.facts["compensation"][0].items() >= {
        "offering": "JP-2026-2", "price_before": "10060.0000", "price_after": "10000.0000", "error_percent": "0.6000",
        "orders": "4",
    }.items()  # fmt: skip
    draft = correct.proposed(proposal=proposal)[0]
    values = {
        "nav": draft, "offering_id": "JP-2026-2", "proposal": proposal, "price_before": 1, "price_after": 1,
        "error_percent": 1, "orders": 1, "units_owed": 1, "units_over": 0, "made_good": 0,
    }  # fmt: skip
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        Compensation.objects.create(**values)


def test_an_error_in_the_citizens_favour_is_not_taken_back(correction):
    """9,940 instead of 10,000: the orders keep what is too much, and the co-owners make it good to the class."""
    paid = balances.balance("capital:SOV"), balances.balance("capital:JP")
    one = correction(-15_75)
    had = units()
    over = sum(had[holder] - WHOLE[holder] for holder in had)
    row = Compensation.objects.get()
    assert (row.units_owed, row.units_over, row.made_good) == (0, over, over)  # one 口 is one yen
    assert over > 0 and str(row.error_percent) == "-0.6000"
    paid = balances.balance("capital:SOV"), balances.balance("capital:JP")
    net = strike.rehearse(day=date(2026, 9, 28), now=THEN).nav.net
    assert compensate() == [2, 2, 1] and units() == had
    assert balances.balance("capital:JP") - paid[1] == over
    assert paid[0] - balances.balance("capital:SOV") == round(over / 160 * 100)
    assert strike.rehearse(day=date(2026, 9, 29), now=THEN.replace(day=30)).nav.net == pytest.approx(net, abs=5)
    assert compensate() == [] and everything_is_clean()
    assert one.state == Offering.State.SETTLED


@pytest.mark.parametrize(("cents", "listed"), [(13_12, 0), (13_13, 1), (-13_12, 0), (-13_13, 1)])
def test_only_above_half_a_percent(settled, cents, listed):
    """$13.125 would be exactly 0.5 %: yen prices are whole, so that ¥10,050 is not above it and ¥10,051 would be."""
    settled(cents * 2 if listed else cents)
    drafts = correct.revalue(day=DEALING, now=THEN)
    assert len(compensation.preview(drafts=drafts, now=THEN)) == listed


def test_it_waits_for_a_settlement_that_is_under_way(settled, monkeypatch):
    one = settled(15_75)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE fund_offering SET state = 'allotted' WHERE code = %s", [one.code])
        cursor.execute("SET LOCAL session_replication_role = origin")
    with pytest.raises(compensation.Refused) as refusal:
        compensation.preview(drafts=correct.revalue(day=DEALING, now=THEN), now=THEN)
    assert refusal.value.code == "being_settled"


def test_an_offering_that_still_waits_for_its_price_takes_the_corrected_one(
    opened, allot, american, second_key, settled
):
    settled(15_75)
    third = opened(code="JP-2026-3", fixed_price=None)
    asked = "SELECT 900 AS n, 201 AS holder_id, 1 AS lots"
    from tests.fund.dealing.conftest import paid_orders  # noqa: PLC0415

    paid_orders(third, asked)
    allot(third)
    corrections.carry_out(proposal=second_key(propose(american)), now=THEN)
    settle(third, now=AFTER)  # also on a clock that is behind
    assert balances.balance("units:JP", holder_id=201) == 10_000


def test_killed_anywhere_it_ends_the_same(correction, monkeypatch):
    correction(15_75)

    def killed_after(work):
        def run(*args, **named):
            work(*args, **named)
            raise KeyboardInterrupt

        return run

    for place, name in ((post, "post_set"), (post, "post_set"), (outbox, "leave")):
        whole = getattr(place, name)
        monkeypatch.setattr(place, name, killed_after(whole))
        with pytest.raises(KeyboardInterrupt), transaction.atomic():
            compensation.compensate_next(now=THEN)
        monkeypatch.setattr(place, name, whole)
        assert compensation.compensate_next(now=THEN)
    assert compensate() == []
    assert units() == WHOLE and everything_is_clean()
    assert Note.objects.filter(topic="orders.compensated").count() == 1


def go_back() -> None:
    """As if the mark of the work were lost."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE fund_compensation SET done_to = 0, units_posted = 0, finished_at = NULL")
        cursor.execute("SET LOCAL session_replication_role = origin")


def test_done_twice_the_ledger_refuses_it(correction):
    correction(15_75)
    compensate()
    go_back()
    with pytest.raises(IntegrityError, match="fund_transfer_pkey"), transaction.atomic():
        compensate()
    assert units() == WHOLE


def test_without_mark_and_key_it_would_be_paid_twice(correction):
    """Negative control of the two tests above; ``prove`` names the orders."""
    correction(15_75)
    compensate()
    go_back()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_transfer DROP CONSTRAINT fund_transfer_pkey")
    compensate()
    assert units()[101] == 50_000 + 299
    assert [check.name for check in prove.prove() if not check.clean] == [
        "orders settled at a corrected price were compensated"
    ]


@pytest.mark.django_db(transaction=True)
def test_workers_at_once_compensate_once(correction):
    correction(15_75)
    gate = threading.Barrier(3)

    def run() -> None:
        gate.wait()
        try:
            compensate()
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    compensate()
    assert units() == WHOLE and everything_is_clean()


def test_a_second_correction_counts_what_the_first_has_given(correction, american, second_key):
    """10,060 was wrong, 10,000 as well: it is 9,950. The second time only the rest is owed."""
    correction(15_75)
    compensate()
    income(-13_13)
    drafts = correct.revalue(day=DEALING, now=THEN.replace(hour=12))
    (due,) = compensation.preview(drafts=drafts, now=THEN)
    assert due.error.right == 9_950 and due.orders == 4
    proposal = corrections.propose(drafts=drafts, officer=american, now=THEN, reason="And an expense was missing")
    assert corrections.carry_out(proposal=second_key(proposal), now=THEN)
    compensate()
    assert units() == {holder: money * 10_000 // 9_950 for holder, money in WHOLE.items()}
    assert everything_is_clean() and Nav.objects.filter(state="published").count() == 3


def test_the_site_itself_may_do_all_of_it(settled, american, second_key, request):
    settled(15_75)
    request.getfixturevalue("as_site")
    assert corrections.carry_out(proposal=second_key(propose(american)), now=THEN)
    assert compensate() == [2, 2, 1]
