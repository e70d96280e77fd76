"""How old a holder's units are: what the early-exit charge asks (D31), and what goes with units that pass on (D32).

First in, first out by the day of purchase. What is redeemed or given away takes the oldest that are there at the time.
What corrects a purchase, a compensation or a rescission, counts as of that purchase; units that came from another
citizen count from the day on which that one bought them.

For one instant the units bought before it follow a simple rule: each movement adds or takes, and they never go below
nothing, because what is missing is taken from the younger. So the number left is the last sum less the lowest sum on
the way (or nothing, if that is lower), which the database computes for a range of holders as a set.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from fund.ledger import accounts
from fund.ledger.models import Event

# Every movement of units of a range of holders: when it came, and when they were bought; NULL takes the oldest.
MOVED = """
    SELECT s.holder_id, s.units, b.effective_at AS at, b.effective_at AS bought
      FROM fund_settlement s JOIN fund_settlementbatch b ON b.id = s.batch_id AND b.unit_class_id = %(class)s
     WHERE s.holder_id BETWEEN %(first)s AND %(last)s
     UNION ALL
    SELECT e.holder_id, CASE WHEN e.reversal THEN -e.bought ELSE e.bought END, b.effective_at, b.effective_at
      FROM fund_entitlement e JOIN fund_settlementbatch b ON b.id = e.batch_id AND b.unit_class_id = %(class)s
     WHERE e.holder_id BETWEEN %(first)s AND %(last)s AND e.bought > 0
     UNION ALL
    SELECT t.holder_id, CASE t.credit_id WHEN %(units)s THEN coalesce(p.units, t.amount) ELSE -t.amount END,
           t.effective_at,
           CASE WHEN t.debit_id = %(units)s AND t.event IN (%(redemption)s, %(conveyance)s) THEN NULL
                ELSE coalesce(p.bought_at, o.effective_at, t.effective_at) END
      FROM fund_transfer t
      LEFT JOIN fund_conveyedlot p
        ON p.conveyance_id = t.event_id AND t.event = %(conveyance)s AND t.credit_id = %(units)s
      LEFT JOIN LATERAL (
        SELECT b.effective_at FROM fund_settlement s JOIN fund_settlementbatch b ON b.id = s.batch_id
         WHERE s.holder_id = t.holder_id
           AND s.order_id IN (t.event_id, (SELECT x.order_id FROM fund_resolution p
                                             JOIN fund_expected x ON x.reference = p.expected_id
                                            WHERE p.id = t.event_id))
         LIMIT 1) o ON t.event NOT IN (%(redemption)s, %(conveyance)s)
     WHERE t.holder_id BETWEEN %(first)s AND %(last)s AND %(units)s IN (t.debit_id, t.credit_id)
       AND t.phase IN (0, 2) AND NOT t.event_id = ANY(%(without)s::uuid[])
"""
EVENTS: dict[str, Any] = {"redemption": Event.REDEMPTION.value, "conveyance": Event.CONVEYANCE.value, "without": []}


def older(**instants: str) -> str:
    """A statement: by holder, how many of the units that are there were bought before some instants.

    ``name="parameter"`` for each: the column, and what the statement's parameters call the instant.
    """
    steps = ", ".join(
        f"CASE WHEN bought IS NULL OR bought < %({instant})s THEN units ELSE 0 END AS {name}"
        for name, instant in instants.items()
    )
    sums = ", ".join(f"sum({name}) OVER whole AS {name}, sum({name}) OVER way AS {name}_so_far" for name in instants)
    left = ", ".join(f"(max({name}) - least(0, min({name}_so_far)))::bigint AS {name}" for name in instants)
    return f"""
        SELECT holder_id, {left}
          FROM (SELECT holder_id, {sums}
                  FROM (SELECT holder_id, at, units, {steps} FROM ({MOVED}) m) s
                WINDOW whole AS (PARTITION BY holder_id),
                       way AS (PARTITION BY holder_id ORDER BY at, units DESC ROWS UNBOUNDED PRECEDING)) w
         GROUP BY 1
    """


class Lot(NamedTuple):
    """Smallest units that were bought at one instant."""

    bought_at: datetime
    units: int


class Move(NamedTuple):
    """One movement: units that came (positive) or went; ``bought_at`` is None for what takes the oldest."""

    units: int
    at: datetime
    bought_at: datetime | None


def lots(*, holder_id: int, class_code: str, without: Sequence[UUID] = ()) -> list[Lot]:
    """The units that a holder has of a class by when they were bought, the oldest first.

    All final movements count, but those of the events ``without``.
    """
    (account,) = accounts.ids(f"units:{class_code}").values()
    told = {
        "class": class_code,
        "units": account,
        "first": holder_id,
        "last": holder_id,
        **EVENTS,
        "without": list(without),
    }
    with connection.cursor() as cursor:
        cursor.execute(MOVED, told)
        moves = [Move(*row[1:]) for row in cursor.fetchall()]
    return left(moves)


def left(moves: Iterable[Move]) -> list[Lot]:
    """What is left of these movements, lot by lot: between two days of purchase lies the difference of their sums."""
    in_order = sorted(moves, key=lambda move: (move.at, -move.units))
    days = sorted({move.bought_at for move in in_order if move.bought_at})
    sums = [_until(day, in_order) for day in days]
    for place in range(len(sums) - 2, -1, -1):  # what a correction takes beyond its own lot, it takes from older ones
        sums[place] = min(sums[place], sums[place + 1])
    return [Lot(day, more) for day, more in zip(days, _steps(sums), strict=True) if more]


def _until(day: datetime, moves: list[Move]) -> int:
    """How many of the units that are there were bought at this instant or before."""
    units = 0
    for move in moves:
        if move.bought_at is None or move.bought_at <= day:
            units = max(0, units + move.units)
    return units


def _steps(sums: list[int]) -> list[int]:
    return [one - before for before, one in zip([0, *sums], sums, strict=False)]


def oldest(lots: list[Lot], units: int) -> list[Lot]:
    """The oldest ``units`` of these lots. Raises ValueError where there are not so many."""
    sums = [0]
    for lot in lots:
        sums.append(sums[-1] + lot.units)
    if units > sums[-1]:
        raise ValueError(f"{units} units of {sums[-1]}")
    whole = bisect_right(sums, units) - 1
    rest = units - sums[whole]
    return [*lots[:whole], *([Lot(lots[whole].bought_at, rest)] if rest else [])]


def without(lots: list[Lot], gone: list[Lot]) -> list[Lot]:
    """What is left of these lots when their oldest, as ``oldest`` gave them, are gone."""
    taken = dict(gone)
    return [Lot(at, rest) for at, units in lots if (rest := units - taken.get(at, 0))]
