"""Imports at the same time. Each race is first shown to happen where its protection is taken away."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from typing import Any

import pytest
from django.db import connection, connections, transaction

from fund.ledger import balances
from fund.ledger.models import Transfer
from fund.money import Currency
from fund.payments import matching, payout_files, payout_results, payouts, reading, receipts, suspense
from fund.payments.models import BankEntry, BankFile, Expected
from fund.payments.payout_models import Format, PayoutFile, PayoutRun
from fund.payments.prove import prove
from tests.fund.payments.bank_files import NOW, entry, file
from tests.fund.payments.conftest import open_account, turn_second_key
from tests.fund.payments.test_payouts import everyone, owed

pytestmark = pytest.mark.django_db(transaction=True)

OTHER = "OTHER-USD"


@pytest.fixture(autouse=True)
def _other_account(_accounts):
    open_account(OTHER, Currency.USD)


def at_once(take: Callable[[bytes], Any], *data: bytes) -> list[Any]:
    """Import all of them, each in a thread and connection of its own; what each gave or raised."""

    def one(content: bytes) -> Any:
        try:
            return take(content)
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(data)) as threads:
        return list(threads.map(one, data))


def meet(monkeypatch: pytest.MonkeyPatch, place: Any, name: str, *, after: bool = False) -> None:
    """Nobody passes ``place.name`` before two have come to it."""
    barrier, real = threading.Barrier(2, timeout=60), getattr(place, name)

    def together(*args: Any, **kwargs: Any) -> Any:
        if after:
            found = real(*args, **kwargs)
            barrier.wait()
            return found
        barrier.wait()
        return real(*args, **kwargs)

    monkeypatch.setattr(place, name, together)


@contextmanager
def without(table: str, constraint: str) -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conname = %s AND conrelid = %s::regclass",
            [constraint, table],
        )
        (definition,) = cursor.fetchone()
        cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {constraint}")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute(f"TRUNCATE {table} CASCADE")
            cursor.execute("SET session_replication_role = origin")
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {constraint} {definition}")


def test_the_same_file_twice_at_once_posts_once(take, monkeypatch):
    data = file(entry(100))
    meet(monkeypatch, reading, "read")
    first, second = at_once(take, data, data)
    assert sorted([first.replay, second.replay]) == [False, True]
    assert balances.balance("suspense:USD") == 100


def test_without_the_lock_the_unique_digest_still_refuses(take, monkeypatch):
    data = file(entry(100))
    monkeypatch.setattr(receipts, "_lock_accounts", lambda statements: None)
    meet(monkeypatch, reading, "read")
    at_once(take, data, data)
    assert balances.balance("suspense:USD") == 100
    assert Transfer.objects.count() == 1


def test_without_lock_and_unique_keys_it_would_post_twice(take, monkeypatch):
    """Negative control of both tests above."""
    data = file(entry(100))
    monkeypatch.setattr(receipts, "_lock_accounts", lambda statements: None)
    meet(monkeypatch, matching, "news", after=True)
    with without("fund_bankfile", "fund_bankfile_digest_key"), without("fund_bankentry", "bank_entry_identity"):
        at_once(take, data, data)
        assert BankFile.objects.count() == 2
        assert balances.balance("suspense:USD") == 200


def test_overlapping_statements_at_once_post_their_common_entry_once(take, monkeypatch):
    common = entry(100)
    meet(monkeypatch, reading, "read")
    at_once(take, file(common, entry(20)), file(common, entry(3)))
    assert balances.balance("suspense:USD") == 123


def test_two_files_for_one_order_at_once_never_exceed_it(citizen, expect, take, monkeypatch):
    asked = expect(100)
    meet(monkeypatch, matching, "take_in")
    paid = [file(entry(80, creditor_reference=asked.reference), account=code) for code in ("DEMO-USD-001", OTHER)]
    results = at_once(take, *paid)
    assert [result.matched for result in results] == [1, 1]
    assert (balances.balance("held:USD", holder_id=citizen), balances.balance("suspense:USD")) == (100, 60)
    assert all(check.clean for check in prove())


def test_without_the_lock_on_expected_payments_it_would_be_exceeded(citizen, expect, take, monkeypatch):
    """Negative control: with the constraint, one import fails whole; without it too, the citizen has too much."""
    asked = expect(100)
    monkeypatch.setattr(matching, "LOCK_INCOMING", "SELECT 1")
    meet(monkeypatch, matching, "match")
    paid = [file(entry(80, creditor_reference=asked.reference), account=code) for code in ("DEMO-USD-001", OTHER)]
    results = at_once(take, *paid)
    assert sum(isinstance(result, Exception) and "expected_never_exceeded" in str(result) for result in results) == 1
    assert balances.balance("held:USD", holder_id=citizen) == 80

    again = expect(100)
    paid = [file(entry(80, creditor_reference=again.reference), account=code) for code in ("DEMO-USD-001", OTHER)]
    with without("fund_expected", "expected_never_exceeded"):
        at_once(take, *paid)
        assert Expected.objects.get(pk=again.pk).received == 160
        assert balances.balance("held:USD", holder_id=citizen) == 240


def test_an_import_waits_for_a_withdrawal_under_way(citizen, expect, take):
    asked = expect(100)
    data = file(entry(100, creditor_reference=asked.reference))
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            receipts.forget(order_id=asked.order_id, now=NOW)
            importing = threads.submit(at_once, take, data)
            with pytest.raises(TimeoutError):
                importing.result(timeout=1)
        (taken,) = importing.result(timeout=10)
    assert (taken.matched, taken.suspense, balances.balance("held:USD", holder_id=citizen)) == (0, 1, 0)


def in_threads(*works: Callable[[], Any]) -> list[Any]:
    """Do all of them at once, each in a connection of its own; what each gave or raised."""

    def one(work: Callable[[], Any]) -> Any:
        try:
            return work()
        except Exception as error:
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(len(works)) as threads:
        return list(threads.map(one, works))


@pytest.fixture
def stuck(take) -> BankEntry:
    take(file(entry(100, payer_account="1", bank_reference="BANK-STUCK")))
    return BankEntry.objects.get()


def ways_out(one: BankEntry, order_id: Any, *officers: Any) -> list[Callable[[], Any]]:
    told = {"entry": one, "reason": "x", "now": NOW}
    return [
        lambda: suspense.apply(order_id=order_id, officer=officers[0], **told),
        lambda: suspense.return_to_payer(officer=officers[1], **told),
    ]


def test_two_officers_at_once_send_an_entry_one_way(expect, stuck, american, japanese, monkeypatch):
    asked = expect(100)
    meet(monkeypatch, suspense, "lock")
    found = in_threads(*ways_out(stuck, asked.order_id, american, japanese))
    assert sorted(type(one).__name__ for one in found) == ["Refused", "Resolution"]
    assert balances.balance("suspense:USD") == 0
    assert all(check.clean for check in prove())


def unlocked(entry_id: Any, *, order: str | None = None) -> BankEntry:
    return BankEntry.objects.get(pk=entry_id)


def test_without_the_lock_the_unique_entry_still_refuses(expect, stuck, american, japanese, monkeypatch):
    asked = expect(100)
    monkeypatch.setattr(suspense, "lock", unlocked)
    meet(monkeypatch, suspense, "resolve")
    found = in_threads(*ways_out(stuck, asked.order_id, american, japanese))
    assert sorted(type(one).__name__ for one in found) == ["IntegrityError", "Resolution"]
    assert balances.balance("suspense:USD") == 0


def test_without_lock_and_unique_key_money_would_go_out_twice(expect, stuck, american, japanese, monkeypatch):
    """Negative control of both tests above."""
    asked = expect(100)
    monkeypatch.setattr(suspense, "lock", unlocked)
    meet(monkeypatch, suspense, "resolve")
    with without("fund_resolution", "fund_resolution_entry_id_key"):
        found = in_threads(*ways_out(stuck, asked.order_id, american, japanese))
        assert [type(one).__name__ for one in found] == ["Resolution", "Resolution"]
        assert balances.balance("suspense:USD") == -100


def test_a_reversal_and_an_officer_at_once_leave_nothing_below_zero(citizen, expect, stuck, take, american):
    asked = expect(100)
    undone = file(entry(100, credit=False, reversal=True, bank_reference="BANK-STUCK"))
    told = {"entry": stuck, "order_id": asked.order_id, "officer": american, "reason": "x", "now": NOW}
    applied, taken = in_threads(lambda: suspense.apply(**told), lambda: take(undone))
    assert not isinstance(taken, Exception)
    assert isinstance(applied, (suspense.Resolution, suspense.Refused))
    assert balances.balance("held:USD", holder_id=citizen) == 0
    assert balances.balance("suspense:USD") == 0
    assert all(check.clean for check in prove())


@pytest.fixture
def approved(american, japanese) -> PayoutRun:
    owed(100)
    run = payouts.gather(currency=Currency.USD, payees=everyone, officer=american, now=NOW)
    proposal = payouts.propose(run=run, officer=american, now=NOW)
    turn_second_key(proposal, japanese)
    payouts.carry_out(proposal=proposal, now=NOW)
    return run


def writers() -> dict[Format, Any]:
    """Each call writes other bytes, as two message ids or clocks would."""
    numbers = count(1)
    return {Format.NACHA: lambda order: f"file {next(numbers)}".encode()}


def exports(run: PayoutRun, wanted: dict[Format, Any]) -> list[Callable[[], Any]]:
    told = {"run": run, "format": Format.NACHA, "writers": wanted, "actor": "officer:1", "now": NOW}
    return [lambda: payout_files.export(**told)] * 2


def test_two_exports_at_once_make_one_file(approved):
    first, second = in_threads(*exports(approved, writers()))
    assert (first.data, first.digest) == (second.data, second.digest)
    assert sorted([first.again, second.again]) == [False, True]


def test_without_the_lock_the_unique_run_still_refuses_a_second_file(approved, monkeypatch):
    monkeypatch.setattr(PayoutRun.objects, "select_for_update", lambda: PayoutRun.objects.all(), raising=False)
    meet(monkeypatch, payout_files, "_check_fits", after=True)
    monkeypatch.setattr(payout_files, "order_of", lambda run, now: None)
    found = in_threads(*exports(approved, writers()))
    assert PayoutFile.objects.count() == 1
    assert sum(isinstance(one, Exception) for one in found) == 1


def test_without_lock_state_and_unique_run_there_would_be_two_files(approved, monkeypatch):
    """Negative control of both tests above: two files of one run, each of which pays everyone."""
    monkeypatch.setattr(PayoutRun.objects, "select_for_update", lambda: PayoutRun.objects.all(), raising=False)
    real = payout_files._make

    def make(run: PayoutRun, *told: Any) -> PayoutFile:
        PayoutRun.objects.filter(pk=run.pk).update(state="approved")
        return real(run, *told)

    with without("fund_payoutfile", "fund_payoutfile_run_id_key"):
        monkeypatch.setattr(payout_files, "_make", make)
        meet(monkeypatch, payout_files, "_make")
        found = in_threads(*exports(approved, writers()))
        assert [type(one).__name__ for one in found] == ["Made", "Made"]
        assert PayoutFile.objects.count() == 2


def test_two_answers_at_once_end_a_line_once(approved, monkeypatch):
    payout_files.export(run=approved, format=Format.NACHA, writers=writers(), actor="officer:1", now=NOW)
    results = [payout_results.Result(line.reference, payout_results.Answer.PAID) for line in approved.lines.all()]
    meet(monkeypatch, payout_results, "_lock")
    answers = [lambda: payout_results.take(results=results, actor="officer:1", now=NOW)] * 2
    assert sorted(one.paid for one in in_threads(*answers)) == [0, 1]
    assert balances.balance("bank:DEMO-USD-001") == 0
    assert all(check.clean for check in prove())


def test_two_officers_at_once_begin_one_run(american, japanese, monkeypatch):
    owed(100)
    meet(monkeypatch, payouts.officers, "on_duty", after=True)
    begin = [lambda one=one: payouts.begin(currency=Currency.USD, officer=one, now=NOW) for one in (american, japanese)]
    found = in_threads(*begin)
    assert sorted(type(one).__name__ for one in found) == ["PayoutRun", "Refused"]
