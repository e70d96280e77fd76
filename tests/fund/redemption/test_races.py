"""Many at once: units asked for from two devices, one key from eight threads, two workers that settle."""

import contextlib
from collections.abc import Iterator

import pytest
from django.db import connection

from fund.ledger import balances
from fund.redemption import request, settle, share, window
from fund.redemption.models import Redemption, RedemptionLine
from tests.fund.dealing.test_races import at_once
from tests.fund.redemption.conftest import AFTER, CLOSES, DURING, ask
from tests.fund.redemption.test_windows import clean

pytestmark = pytest.mark.django_db(transaction=True)


@contextlib.contextmanager
def without_the_key() -> Iterator[None]:
    """A holder may have several requests that stand."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'redemption_one_standing'")
        (made,) = cursor.fetchone()
        cursor.execute("DROP INDEX redemption_one_standing")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("ALTER TABLE fund_redemption DISABLE TRIGGER USER")
            cursor.execute("DELETE FROM fund_redemption")
            cursor.execute("ALTER TABLE fund_redemption ENABLE TRIGGER USER")
            cursor.execute(made)


def from_two_devices(fund) -> list[str]:
    holder = fund.citizen(1_000)
    return sorted(type(answer).__name__ for answer in at_once(*[lambda: ask(holder, 700)] * 2))


def test_units_cannot_be_asked_for_from_two_devices(fund):
    fund.opened()
    for _round in range(3):
        assert from_two_devices(fund) == ["Redemption", "Refused"]
    assert clean()


def test_the_hold_alone_keeps_them_apart(fund):
    fund.opened()
    with without_the_key():
        for _round in range(3):
            assert from_two_devices(fund) == ["Redemption", "Refused"]
        assert clean()


def test_without_key_and_hold_more_is_asked_for_than_there_is(fund, monkeypatch):
    """Negative control of both."""
    fund.opened()
    monkeypatch.setattr(request, "_hold", lambda asked, now: None)
    with without_the_key():
        assert from_two_devices(fund) == ["Redemption", "Redemption"]
        assert sum(Redemption.objects.values_list("units", flat=True)) == 1_400 and not clean()


def test_one_key_from_eight_threads_is_one_request(fund):
    fund.opened()
    holder = fund.citizen(1_000)
    answers = at_once(*[lambda: ask(holder, 100, key="k").pk] * 8)
    assert len(set(answers)) == 1 and Redemption.objects.count() == 1 and clean()


def test_a_request_is_withdrawn_or_decided_never_both(fund):
    fund.citizen(1_000_000)
    one = fund.opened()
    holder = fund.citizen(1_000)
    asked = ask(holder, 500)
    window.close_due(now=CLOSES)
    fund.value(one.dealing_day)
    proposal = fund.signed(share.propose(window=one, officer=fund.keys[0], now=AFTER), AFTER)
    at_once(
        lambda: share.carry_out(proposal=proposal, now=AFTER),
        lambda: request.withdraw(redemption=asked.pk, holder_id=holder, now=AFTER, received_at=DURING),
    )
    asked.refresh_from_db()
    assert (asked.status == "withdrawn") != RedemptionLine.objects.filter(request=asked).exists()
    assert clean()


def test_two_workers_settle_each_line_once(fund):
    fund.citizen(1_000_000)
    one = fund.opened()
    holders = [fund.citizen(1_000) for _ in range(12)]
    for holder in holders:
        ask(holder, 500)
    fund.decided(one)

    def work() -> int:
        return sum(iter(lambda: settle.settle_next(code=one.code, now=AFTER, chunk=2), 0))

    assert sum(at_once(work, work, work)) == 12
    one.refresh_from_db()
    assert one.state == "settled" and clean()
    assert {balances.balance("units:JP", holder_id=holder) for holder in holders} == {500}
