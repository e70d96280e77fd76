"""Many at once: one key one order, the maximum of a citizen, two settling workers, everything at random."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from fund.dealing import allotment, offering, prove, settlement, subscription
from fund.dealing.models import Allotment, Offering, SettlementChunk, Status, Subscription
from fund.governance.approval import Proposal
from fund.governance.outbox import Note
from fund.ledger import balances
from fund.ledger import prove as ledger
from fund.payments.models import Expected
from fund.refusal import Refusal
from tests.demo import wait_for
from tests.fund.dealing.conftest import (
    AFTER,
    CLOSES,
    DURING,
    PAY_BY,
    citizen,
    crowd,
    pay,
    place,
    settle,
    take,
)

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], Any], within: float = 60) -> list[Any]:
    """Run all acts at the same moment, each on a connection of its own; returns their results or what they raised.

    They connect one after the other before that moment: a crowd of threads that connect at once share one interpreter,
    and on a busy machine some would wait longer than the settings let them.
    """
    start, turn = threading.Barrier(len(acts)), threading.Lock()

    def run(act: Callable[[], Any]) -> Any:
        try:
            with turn:
                connection.ensure_connection()
            start.wait(timeout=60)
            return act()
        except (Refusal, IntegrityError, RuntimeError) as raised:
            return raised
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return [future.result(timeout=within) for future in [pool.submit(run, act) for act in acts]]


def all_clean() -> bool:
    return [check for check in (*prove.prove(), *ledger.prove()) if not check.clean] == []


def test_one_key_from_eight_threads_is_one_order(opened):
    one, holder = opened(), citizen()
    answers = at_once(*[lambda: place(one, holder, 30_000, key="k").pk] * 8)
    assert len(set(answers)) == 1 and Subscription.objects.count() == 1
    assert Expected.objects.count() == 1 == Note.objects.filter(topic="subscription.placed").count()


def test_one_key_in_two_offerings_at_once_is_one_order_and_a_clear_answer(opened):
    one, other, holder = opened(), opened(code="JP-2026-2"), citizen()
    answers = at_once(lambda: place(one, holder, 30_000, key="k"), lambda: place(other, holder, 30_000, key="k"))
    assert sorted(type(answer).__name__ for answer in answers) == ["Refused", "Subscription"]
    assert Subscription.objects.count() == 1 == Expected.objects.count()


def place_twice(one: Offering) -> list[Any]:
    holder = citizen()
    place(one, holder, 10_000)  # the applicant stands, so that nothing but its lock keeps the two apart
    return at_once(*[lambda: place(one, holder, 30_000)] * 2)


def test_the_maximum_holds_from_two_devices(opened):
    one = opened(maximum=50_000)
    for _round in range(5):
        answers = place_twice(one)
        assert sorted(type(answer).__name__ for answer in answers) == ["Refused", "Subscription"]
    assert sum(Subscription.objects.values_list("amount", flat=True)) == 5 * 40_000


def test_without_the_applicants_lock_the_maximum_is_passed(opened, monkeypatch):
    """Negative control of the test above: both have read the sum before either writes."""
    one = opened(maximum=50_000)
    both_have_read, check = threading.Barrier(2), subscription.check_amount

    def check_together(**given: Any) -> None:
        check(**given)
        if threading.current_thread() is not threading.main_thread():
            both_have_read.wait(timeout=60)

    monkeypatch.setattr(subscription, "_lock_applicant", subscription._orders)
    monkeypatch.setattr(subscription, "check_amount", check_together)
    assert [type(answer) for answer in place_twice(one)] == [Subscription, Subscription]
    assert sum(Subscription.objects.values_list("amount", flat=True)) == 70_000


def test_citizens_do_not_wait_for_each_other_when_placing(opened):
    """One citizen's order stays uncommitted while another citizen's is placed and committed."""
    one, first, second = opened(), citizen(), citizen()
    placed, finish = threading.Event(), threading.Event()

    def slow() -> Any:
        with transaction.atomic():
            order = place(one, first, 10_000)
            placed.set()
            assert finish.wait(timeout=60)
            return order

    def quick() -> Any:
        assert placed.wait(timeout=60)
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '1s'")
        try:
            return place(one, second, 10_000)
        finally:
            finish.set()

    assert [type(answer) for answer in at_once(slow, quick)] == [Subscription, Subscription]


def drain(one: Offering) -> int:
    return sum(settle(one, chunk=10))


def test_two_workers_settle_each_order_once(opened, allot, monkeypatch):
    one = opened(capacity=500 * 10_000, fixed_price=Decimal(10_123))
    crowd(one, citizens=300, lots="1 + g %% 5")
    allot(one)
    take, both_have_one, begun = settlement._take, threading.Barrier(2), threading.local()

    def take_together(one: Offering, *, ready: Any) -> SettlementChunk | None:
        """Each holds its first range until the other has one as well: neither comes too late to find anything."""
        found = take(one, ready=ready)
        if not getattr(begun, "it", False):
            begun.it = True
            both_have_one.wait(timeout=60)
        return found

    monkeypatch.setattr(settlement, "_take", take_together)
    answers = at_once(*[lambda: drain(one)] * 2)
    assert sum(answers) == 300 and min(answers) > 0
    one.refresh_from_db()
    assert one.state == Offering.State.SETTLED
    assert Note.objects.filter(topic="offering.settled").count() == 1
    assert balances.total("held:JPY") == 0 and all_clean()


def test_workers_that_ignore_the_locks_are_stopped_by_the_unique_keys(opened, allot, monkeypatch):
    """Negative control of the locks, and test of the keys behind them: one of two goes on, nothing is doubled."""
    one = opened(capacity=500 * 10_000)
    crowd(one, citizens=300, lots="1 + g %% 5")
    allot(one)
    settlement.settle_next(offering_code=one.code, now=AFTER, chunk=100)
    both_have_taken = threading.Barrier(2)

    def take_unlocked(one: Offering, *, ready: Any) -> SettlementChunk | None:
        found = SettlementChunk.objects.filter(ready, offering_id=one.pk).order_by("number").first()
        both_have_taken.wait(timeout=60)
        return found

    monkeypatch.setattr(settlement, "_take", take_unlocked)
    answers = at_once(*[lambda: settlement.settle_next(offering_code=one.code, now=AFTER)] * 2)
    assert sorted(type(answer).__name__ for answer in answers) == ["IntegrityError", "int"]
    monkeypatch.undo()
    assert drain(one) == 100 and all_clean()


def somebody_waits() -> bool:
    """Whether some session waits for a lock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)")
        return cursor.fetchone() == (True,)


def fund_while_it_is_allotted(one: Offering, proposal: Proposal) -> tuple[Subscription, Any]:
    """A straggler's payment is marked in a transaction that stays open while the approved allotment is carried out."""
    straggler = place(one, citizen(), 100_000, now=CLOSES, received_at=DURING)
    file, marked, allotted = take((straggler, 100_000), now=CLOSES), threading.Event(), threading.Event()

    def mark() -> int:
        with transaction.atomic():
            funded = subscription.fund(file_id=file, now=AFTER)
            marked.set()
            wait_for("the allotment, or its waiting", lambda: allotted.is_set() or somebody_waits())
            return funded

    def decide() -> Any:
        assert marked.wait(timeout=60)
        try:
            return allotment.carry_out(proposal=proposal, now=AFTER)
        finally:
            allotted.set()

    funded, decided = at_once(mark, decide)
    assert funded == 1
    straggler.refresh_from_db()
    return straggler, decided


@pytest.fixture
def approved(opened, american, second_key) -> tuple[Offering, Proposal]:
    one = opened()
    pay(place(one, citizen(), 100_000))
    offering.close_due(now=CLOSES)
    return one, second_key(allotment.propose(offering=one, officer=american, now=AFTER))


def test_the_allotment_waits_for_a_payment_that_is_being_marked(approved):
    _straggler, decided = fund_while_it_is_allotted(*approved)
    assert isinstance(decided, Refusal) and decided.code == "book_changed"


def test_without_the_shared_row_a_paid_order_slips_past_the_allotment(approved, monkeypatch):
    """Negative control of the test above; the settlement then refuses a book that nobody approved."""
    one, proposal = approved
    monkeypatch.setattr(subscription, "_share_offerings_before_allotment", lambda: [one.code])
    straggler, decided = fund_while_it_is_allotted(one, proposal)
    assert isinstance(decided, Allotment) and straggler.status == Status.FUNDED
    with pytest.raises(RuntimeError, match="approved were"):
        settle(one)


def test_a_payment_marked_after_the_allotment_is_refunded(approved):
    one, proposal = approved
    straggler = place(one, citizen(), 10_000, now=CLOSES, received_at=DURING)
    file = take((straggler, 10_000), now=CLOSES)
    allotment.carry_out(proposal=proposal, now=AFTER)
    assert subscription.fund(file_id=file, now=AFTER) == 0
    settle(one)  # ends what is only placed before it ends itself
    assert balances.balance("refunds:JPY", holder_id=straggler.holder_id) == 10_000
    assert Offering.objects.get(pk=one.pk).state == Offering.State.SETTLED and all_clean()


def settle_while_it_is_paid(one: Offering, proposal: Proposal) -> Subscription:
    """A straggler whose payment is being taken in by an import that stays open while everything else is settled."""
    straggler = place(one, citizen(), 10_000, now=CLOSES, received_at=DURING)
    allotment.carry_out(proposal=proposal, now=AFTER)
    taken, settled = threading.Event(), threading.Event()

    def pay_in() -> None:
        whole = transaction.atomic()
        whole._from_testcase = True  # around the import's own, which is durable
        with whole:
            take((straggler, 10_000), now=CLOSES)
            taken.set()
            wait_for("the settlement, or its waiting", lambda: settled.is_set() or somebody_waits())

    def settle_all() -> None:
        assert taken.wait(timeout=60)
        try:
            settle(one)
        finally:
            settled.set()

    assert at_once(pay_in, settle_all) == [None, None]
    assert Offering.objects.get(pk=one.pk).state == Offering.State.SETTLED
    straggler.refresh_from_db()
    return straggler


def test_the_settlement_waits_for_a_payment_that_is_being_taken_in(approved):
    straggler = settle_while_it_is_paid(*approved)
    assert straggler.status == Status.LAPSED
    assert balances.balance("refunds:JPY", holder_id=straggler.holder_id) == 10_000 and all_clean()


def test_if_it_did_not_money_would_stay_on_an_order_that_nobody_ends(approved, monkeypatch):
    """Negative control of the test above: what is held is passed over, as by every other sweep."""
    sweep = subscription._sweep
    monkeypatch.setattr(subscription, "_sweep", lambda *told, waits=False: sweep(*told))
    straggler = settle_while_it_is_paid(*approved)
    assert straggler.status == Status.PLACED and subscription.lapse_due(now=AFTER + timedelta(days=99)) == 0
    assert balances.balance("held:JPY", holder_id=straggler.holder_id) == 10_000


@pytest.mark.parametrize("seed", [random.randrange(10**9)], ids=["random"])
def test_buying_paying_withdrawing_and_lapsing_at_random_keeps_every_invariant(opened, allot, seed):
    one = opened(capacity=600_000, maximum=100_000)
    holders = [citizen() for _ in range(6)]
    print(f"seed {seed}")

    def customer(number: int) -> Callable[[], int]:
        dice = random.Random(seed + number)

        def live() -> int:
            done = 0
            for _step in range(25):
                done += act(one, dice, holders)
            return done

        return live

    answers = at_once(*(customer(number) for number in range(4)))
    assert all(isinstance(answer, int) for answer in answers) and sum(answers) > 30, answers
    assert all_clean()
    for holder in holders:
        ordered = Subscription.objects.filter(holder_id=holder, status__in=[Status.PLACED, Status.FUNDED])
        assert sum(ordered.values_list("amount", flat=True)) <= 100_000
    allot(one)
    drain(one)
    assert all_clean() and balances.total("held:JPY") == 0


def act(one: Offering, dice: random.Random, holders: list[int]) -> int:
    """One step of one customer; 1 when something was done."""
    holder = dice.choice(holders)
    placed = list(Subscription.objects.filter(holder_id=holder, status=Status.PLACED))
    try:
        match dice.choice(["place", "place", "pay", "pay", "part", "withdraw", "lapse"]):
            case "place":
                place(one, holder, dice.randint(1, 5) * 10_000)
            case "pay" if placed:
                return pay(dice.choice(placed))
            case "part" if placed:
                subscription.fund(file_id=take((dice.choice(placed), 5_000)), now=DURING)
            case "withdraw" if placed:
                subscription.withdraw(reference=dice.choice(placed).reference, holder_id=holder, now=DURING)
            case "lapse" if dice.random() < 0.2:
                return subscription.lapse_due(now=PAY_BY + timedelta(days=1))
    except Refusal:
        return 0
    return 1
