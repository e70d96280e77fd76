"""Costs and ages over random lives, beside a slow reference that keeps every single unit (D31, D32)."""

import random
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from fractions import Fraction

import pytest
from django.db import connection

from fund.conveyance import give, move
from fund.ledger import accounts
from fund.redemption import ages
from tests.fund.conveyance.conftest import clean, given
from tests.fund.conveyance.test_gifts import by_day, cost, units
from tests.fund.redemption.conftest import NOW

pytestmark = pytest.mark.django_db
BEGIN = date(2024, 1, 4)
DAYS = 800


@dataclass
class Slow:
    """A citizen unit by unit: the day on which each was bought, the oldest first; and what all of them cost."""

    bought: list[date] = field(default_factory=list)
    cost: int = 0

    def buy(self, units: int, paid: int, day: date) -> None:
        self.bought = sorted([*self.bought, *[day] * units])
        self.cost += paid

    def give(self, to: "Slow", units: int) -> None:
        goes = int(Fraction(self.cost * units, len(self.bought)))
        self.cost, to.cost = self.cost - goes, to.cost + goes
        self.bought, to.bought = self.bought[units:], sorted([*to.bought, *self.bought[:units]])


@pytest.mark.parametrize("seed", range(3))
def test_random_lives_agree_with_the_reference_unit_by_unit(fund, seed):
    chance = random.Random(seed)
    holders = [fund.citizen(chance.randint(5, 20), chance.randint(0, 40), day=BEGIN) for _ in range(3)]
    slow = {holder: Slow() for holder in holders}
    for holder in holders:
        slow[holder].buy(units(holder), cost(holder), BEGIN)
    for number in range(12):
        day = BEGIN + timedelta(days=60 * number + chance.randint(1, 50))
        giver, to = chance.sample(holders, 2)
        if chance.random() < 0.4 or not units(giver):
            bought, paid = chance.randint(1, 20), chance.randint(1, 40)
            fund.buy(giver, bought, paid, day=day)
            slow[giver].buy(bought, paid, day)
        else:
            some = chance.choice([units(giver), chance.randint(1, units(giver))])
            given(fund, giver, to, some, now=datetime(day.year, day.month, day.day, 12, tzinfo=NOW.tzinfo))
            slow[giver].give(slow[to], some)
        for holder in holders:
            mine = slow[holder]
            assert (units(holder), cost(holder)) == (len(mine.bought), mine.cost), (seed, number)
            assert by_day(holder) == {one: mine.bought.count(one) for one in mine.bought}, (seed, number)
    cuts = [BEGIN + timedelta(days=days) for days in range(0, DAYS, 41)]
    for cut in cuts:
        expected = {holder: sum(one < cut for one in slow[holder].bought) for holder in holders}
        assert _old(holders, cut) == expected, (seed, cut)
    assert clean()


def _old(holders: list[int], cut: date) -> dict[int, int]:
    (account,) = accounts.ids("units:JP").values()
    told = {"class": "JP", "units": account, "first": min(holders), "last": max(holders), **ages.EVENTS}
    with connection.cursor() as cursor:
        cursor.execute(
            ages.older(old="year_ago"), {**told, "year_ago": datetime(cut.year, cut.month, cut.day, tzinfo=NOW.tzinfo)}
        )
        return {holder: old for holder, old in cursor.fetchall() if holder in holders}


def test_the_set_and_the_lots_agree_with_a_queue_of_single_units_over_random_movements():
    """What comes late but was bought early, and what leaves before it came: without a database."""
    chance = random.Random(20261126)
    for _round in range(300):
        moves, queue = [], []
        at = datetime(2026, 1, 1, tzinfo=NOW.tzinfo)
        for _step in range(chance.randint(1, 12)):
            at += timedelta(days=chance.randint(1, 90))
            if queue and chance.random() < 0.45:
                some = chance.randint(1, len(queue))
                moves.append(ages.Move(-some, at, None))
                queue = queue[some:]
            else:
                some, bought = chance.randint(1, 9), at - timedelta(days=chance.choice([0, 0, 30, 400, 800]))
                moves.append(ages.Move(some, at, bought))
                queue = sorted([*queue, *[bought] * some])
        found = ages.left(moves)
        assert [(lot.bought_at, lot.units) for lot in found] == [(one, queue.count(one)) for one in sorted(set(queue))]
        if queue:
            some = chance.randint(1, len(queue))
            goes = ages.oldest(found, some)
            assert [lot.bought_at for lot in goes for _one in range(lot.units)] == queue[:some]
            rest = ages.without(found, goes)
            assert [lot.bought_at for lot in rest for _one in range(lot.units)] == queue[some:]
    with pytest.raises(ValueError, match="units of"):
        ages.oldest(found, 10_000)


def test_without_the_lots_ages_and_without_the_cost_the_average_would_be_wrong(fund, monkeypatch):
    """Negative control of the reference."""
    giver, to = fund.citizen(10, 25, day=BEGIN), fund.citizen(10, 5, day=BEGIN + timedelta(days=700))
    monkeypatch.setattr(move, "_beside", _nothing_beside)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_conveyance DROP CONSTRAINT conveyance_state")
    given(fund, giver, to, 10)
    assert cost(giver) == 25 and cost(to) == 5
    assert BEGIN not in by_day(to)


def _nothing_beside(_of: object, lines: list, now: datetime) -> None:
    for one in lines:
        give._move(one, [give.State.APPROVED], state="moved", ended_at=now)
