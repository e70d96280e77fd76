"""Statements, overlaps, notifications before and after them, all of it twice, in any order: 0 doubled, 0 missing (D34).

The seed changes with every run and is in the message of a failure; ``ORDER_SEED`` repeats one.
"""

import os
import random
from collections import Counter
from datetime import timedelta

import pytest
from django.db import connection

from fund.ledger import balances
from fund.payments import matching
from fund.payments.formats.model import Entry, Kind
from fund.payments.models import BankEntry
from tests.fund.payments.bank_files import TODAY, entry, file
from tests.fund.payments.test_whole_or_not import all_of_them

pytestmark = pytest.mark.django_db
DAYS = 4


def truth(dice: random.Random) -> list[list[Entry]]:
    """What the bank booked, day by day: numbered payments, and now and then genuine twins that nobody numbered."""
    days = []
    for day in range(DAYS):
        dated = {"booking_date": TODAY + timedelta(days=day), "value_date": TODAY + timedelta(days=day)}
        booked = [entry(dice.randrange(1, 10_000), **dated) for _ in range(dice.randrange(1, 5))]
        twins = {"bank_reference": "", "payer_name": f"TWIN OF DAY {day}", **dated}
        booked += [entry(500, **twins) for _ in range(dice.randrange(3))]
        days.append(booked)
    return days


def told(dice: random.Random, days: list[list[Entry]]) -> list[bytes]:
    """Every day in a statement of its own and in one with its neighbour, parts of it in notifications; all twice."""
    files = [file(*day) for day in days]
    files += [file(*days[number], *days[number + 1]) for number in range(DAYS - 1)]
    files += [file(*dice.sample(day, dice.randrange(1, len(day) + 1)), kind=Kind.NOTIFICATION) for day in days * 2]
    files *= 2
    dice.shuffle(files)
    return files


def seed() -> int:
    return int(os.environ.get("ORDER_SEED", random.randrange(2**32)))


@pytest.mark.parametrize("round_", range(4))
def test_every_payment_is_posted_once_whatever_the_order(take, round_):
    number = seed()
    dice = random.Random(number)
    days = truth(dice)
    for data in told(dice, days):
        take(data)
    booked = [one for day in days for one in day]
    posted = Counter(BankEntry.objects.values_list("amount", "booking_date"))
    assert posted == Counter((one.amount, one.booking_date) for one in booked), f"ORDER_SEED={number}"
    assert balances.balance("suspense:USD") == sum(one.amount for one in booked), f"ORDER_SEED={number}"


def test_without_the_memory_and_identity_of_entries_they_double(unproved, take, monkeypatch):
    """Negative control."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_bankentry DROP CONSTRAINT bank_entry_identity")
    monkeypatch.setattr(matching, "news", all_of_them)
    dice = random.Random(1)
    days = truth(dice)
    for data in told(dice, days):
        take(data)
    assert balances.balance("suspense:USD") > sum(one.amount for day in days for one in day)
