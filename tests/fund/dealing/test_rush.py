"""Many citizens for few lots: placing stops nobody, and exactly the capacity is sold (D25, D28)."""

import os
import random
from collections.abc import Callable
from functools import partial

import pytest
from django.db import connection

from fund.dealing import allotment, prove, settlement
from fund.dealing.models import AllotmentLine, Offering, Subscription
from tests.fund.dealing.conftest import AFTER, citizen, crowd, pay, place, settle
from tests.fund.dealing.test_allotment import allot_by_reference
from tests.fund.dealing.test_races import at_once

CLIENTS = 200
LINES = 60  # to the database, as many as the site's processes would have
SEEDS = int(os.environ.get("RUSH_SEEDS", "5"))  # a release runs 50


def line(one: Offering, clients: list[tuple[int, int]]) -> list[Subscription]:
    """The orders of whoever comes by one connection, one after the other."""
    return [place(one, holder, lots * 10_000) for holder, lots in clients]


def rush(one: Offering, dice: random.Random) -> list[Subscription]:
    """Two hundred citizens order at the same moment; every answer is an order."""
    clients = [(citizen(), dice.randint(1, 4)) for _ in range(CLIENTS)]
    answers = at_once(*[partial(line, one, clients[number::LINES]) for number in range(LINES)])
    assert [type(answer) for answer in answers] == [list] * LINES, answers
    orders = [order for answer in answers for order in answer]
    pay(*orders)
    return orders


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [random.randrange(10**9) for _ in range(SEEDS)], ids=range(SEEDS))
def test_two_hundred_clients_for_the_last_hundred_lots(opened, allot, seed):
    print(f"seed {seed}")
    one = opened(capacity=100 * 10_000)
    orders = rush(one, random.Random(seed))
    allot(one)
    settle(one, chunk=30)
    got = dict(AllotmentLine.objects.values_list("holder_id", "allotted"))
    expected = allot_by_reference(one, [(order.holder_id, order.amount // 10_000) for order in orders], bytes(one.seed))
    assert got == {holder: who.lots * 10_000 for holder, who in expected.items()}
    assert sum(got.values()) == 100 * 10_000 and [check for check in prove.prove() if not check.clean] == []


@pytest.mark.django_db(transaction=True)
def test_without_the_cut_of_the_ballot_more_is_given_than_there_is_and_the_settlement_refuses(
    opened, allot: Callable[[Offering], object], monkeypatch
):
    """Negative control: everybody above the level gets one lot more."""
    one = opened(capacity=100 * 10_000)
    rush(one, random.Random(1))
    allot(one)
    everybody = settlement.SETTLE.replace(allotment.lots("requested", "ticket"), "(least(requested, %(level)s + 1))", 1)
    assert everybody != settlement.SETTLE
    monkeypatch.setattr(settlement, "SETTLE", everybody)
    with pytest.raises(RuntimeError, match="approved were"):
        settle(one)
    assert sum(AllotmentLine.objects.values_list("allotted", flat=True)) > one.capacity


@pytest.mark.skipif("NATION" not in os.environ, reason="597,895 applicants take some minutes: set NATION=1")
@pytest.mark.django_db
def test_the_ibond_of_2015_gives_402_105_second_units(opened, allot):
    """597,895 applicants for 1,000,000 units, each asking for more: one for everybody and a second by ballot."""
    one = opened(capacity=1_000_000 * 10_000)
    crowd(one, citizens=597_895, lots="2 + g %% 9")
    allot(one)
    assert sum(settle(one, chunk=20_000, now=AFTER)) == 597_895
    with connection.cursor() as cursor:
        cursor.execute("SELECT allotted / 10000, count(*) FROM fund_allotmentline GROUP BY 1")
        assert dict(cursor.fetchall()) == {1: 597_895 - 402_105, 2: 402_105}
