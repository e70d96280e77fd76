"""Imports at the same time. Each race is first shown to happen where its protection is taken away."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections, transaction

from fund.ledger import balances
from fund.ledger.models import Transfer
from fund.money import Currency
from fund.payments import matching, reading, receipts
from fund.payments.models import BankFile, Expected
from fund.payments.prove import prove
from tests.fund.payments.bank_files import NOW, entry, file
from tests.fund.payments.conftest import open_account

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
    barrier, real = threading.Barrier(2, timeout=10), getattr(place, name)

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
            cursor.execute("TRUNCATE fund_bankfile, fund_bankentry, fund_expected")
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
    with without("fund_bankfile", "fund_bankfile_digest_key"), without("fund_bankentry", "fund_bankentry_identity_key"):
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
    meet(monkeypatch, matching, "match")
    paid = [file(entry(80, creditor_reference=asked.reference), account=code) for code in ("DEMO-USD-001", OTHER)]
    results = at_once(take, *paid)
    assert [result.matched for result in results] == [1, 1]
    assert (balances.balance("held:USD", holder_id=citizen), balances.balance("suspense:USD")) == (100, 60)
    assert all(check.clean for check in prove())


def test_without_the_lock_on_expected_payments_it_would_be_exceeded(citizen, expect, take, monkeypatch):
    """Negative control: with the constraint, one import fails whole; without it too, the citizen has too much."""
    asked = expect(100)
    barrier = threading.Barrier(2, timeout=10)

    def match_without_lock(*, file: BankFile) -> None:
        with connection.cursor() as cursor:
            cursor.execute(matching.CLAIM, {"file": file.pk})
            barrier.wait()
            cursor.execute(matching.RECEIVE, {"file": file.pk})

    monkeypatch.setattr(matching, "match", match_without_lock)
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
