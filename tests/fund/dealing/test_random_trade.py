"""Buying, paying, withdrawing and lapsing at random on several devices, every promise looked at after every step.

TRADE_SECONDS says for how long: ten minutes in `make crash`.
"""

import os
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from fund.dealing import prove
from fund.dealing.models import Offering, Status, Subscription
from fund.ledger import balances
from fund.ledger import prove as ledger
from tests.fund.dealing.conftest import citizen, settle
from tests.fund.dealing.test_races import act, at_once

pytestmark = pytest.mark.django_db(transaction=True)

SECONDS = float(os.environ.get("TRADE_SECONDS", "2"))
MAXIMUM = 100_000
WAIT = "3s"  # for a lock, at most
AGAIN = 20  # attempts that the relay gives a task


@dataclass
class Trading:
    """Customers at work until ``seconds`` have passed; what they met."""

    one: Offering
    holders: list[int]
    step: Callable[..., int]
    wait: str = WAIT
    seconds: float = SECONDS
    met: Counter[str] = field(default_factory=Counter)

    def customer(self, seed: int) -> str:
        """Why this customer ended before the time, or nothing."""
        dice = random.Random(seed)
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute(f"SET lock_timeout = '{self.wait}'")
        end = time.monotonic() + self.seconds
        while time.monotonic() < end:
            try:
                self.met["acts"] += self.again(dice)
            except OperationalError as error:
                return type(error.__cause__).__name__
            if wrong := broken(self.one, self.holders):
                return wrong
            self.met["steps"] += 1
        return ""

    def again(self, dice: random.Random) -> int:
        """One step; a deadlock that the database breaks is retried, as the relay does."""
        for _attempt in range(AGAIN):
            try:
                return self.step(self.one, dice, self.holders)
            except OperationalError as error:
                if not isinstance(error.__cause__, psycopg.errors.DeadlockDetected):
                    raise
                self.met["deadlocks"] += 1
        raise RuntimeError("a deadlock again and again")

    def trade(self, seed: int) -> list[Any]:
        crowd = [lambda number=number: self.customer(seed + number) for number in range(4)]
        return at_once(*crowd, within=self.seconds + 60)


def broken(one: Offering, holders: list[int]) -> str:
    """The first promise that does not hold at this moment."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        for check in (*prove.prove(), *ledger.prove()):
            if not check.clean:
                return f"{check.name}: {check.first}"
        standing = Subscription.objects.filter(offering_id=one.pk, status__in=[Status.PLACED, Status.FUNDED])
        for holder in holders:
            if sum(standing.filter(holder_id=holder).values_list("amount", flat=True)) > MAXIMUM:
                return f"holder {holder} has ordered more than the maximum"
    return ""


@pytest.fixture
def trading(opened) -> Trading:
    return Trading(opened(capacity=600_000, maximum=MAXIMUM), [citizen() for _ in range(6)], act)


def test_trading_at_random_keeps_every_invariant_and_waits_for_nobody(trading, allot, seen):
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    assert trading.trade(seed) == [""] * 4
    assert trading.met["acts"] > 0
    allot(trading.one)
    settle(trading.one)
    assert broken(trading.one, trading.holders) == "" and balances.total("held:JPY") == 0
    met = trading.met
    seen(f"{SECONDS:g} s, {met['acts']} acts, all promises after each of {met['steps']} steps")
    seen(f"{met['deadlocks']} deadlocks, each retried; no wait over {WAIT}")


def test_locks_that_are_held_for_long_or_taken_in_another_order_would_be_seen(trading):
    """Negative control: a step that keeps a row, and one that takes two rows in either order."""
    trading.seconds = 1

    def keep(one: Offering, dice: random.Random, holders: list[int]) -> int:
        with transaction.atomic():
            Offering.objects.select_for_update().get(pk=one.pk)
            time.sleep(0.4)
        return 1

    trading.step, trading.wait = keep, "100ms"
    assert "LockNotAvailable" in trading.trade(0)

    def cross(one: Offering, dice: random.Random, holders: list[int]) -> int:
        order = holders[:2] if dice.random() < 0.5 else holders[1::-1]
        with transaction.atomic(), connection.cursor() as cursor:
            for place, holder in enumerate(order):
                cursor.execute("SELECT FROM fund_card WHERE holder_id = %s FOR UPDATE", [holder])
                if place == 0:
                    time.sleep(0.05)
        return 1

    trading.step, trading.wait, trading.seconds = cross, WAIT, 2
    trading.trade(0)
    assert trading.met["deadlocks"] > 0
