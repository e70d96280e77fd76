"""The average cost of a citizen's units (個別元本, D46), followed through every event that the book has.

It is never stored: it is what the units have cost, from the entries that brought them. A subscription adds its cost,
and so does a reinvestment; a compensation adds units for money that was paid before; a rescission takes units away with
the cost they were bought at; of a distribution the part that was returned lowers it. With redeemed units their part of
the cost leaves, which is written beside them when they are redeemed; with units that pass to another citizen it goes
there (D32).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import Any

from django.db import connection

from fund.distribution.models import Distribution
from fund.ledger import accounts
from fund.money import Currency, Money, part_down, quote
from fund.units import UnitClass


class Change(Enum):
    """What an event does to units and cost."""

    BOUGHT = "bought"
    COMPENSATED = "compensated"
    RESCINDED = "rescinded"
    RETURNED = "returned"
    REDEEMED = "redeemed"
    GIVEN = "given"
    RECEIVED = "received"


@dataclass(frozen=True)
class Event:
    """One event of a holder in a class: smallest units, and minor units of money, both as positive numbers."""

    change: Change
    units: int = 0
    cost: int = 0


@dataclass(frozen=True)
class Standing:
    """The units of a holder and what they have cost."""

    units: int
    cost: Money

    def average(self, *, lot: int, decimals: int) -> Decimal | None:
        """The cost of one quoting lot, half up; None without units."""
        return quote(self.cost, self.units, lot=lot, decimals=decimals) if self.units else None


def follow(events: Iterable[Event], currency: Currency) -> Standing:
    """Where a holder stands after these events. ``COST`` reads the same from the book as a set."""
    units = cost = 0
    for one in events:
        match one.change:
            case Change.BOUGHT | Change.COMPENSATED | Change.RECEIVED:
                units, cost = units + one.units, cost + one.cost
            case Change.RESCINDED | Change.RETURNED:
                units, cost = units - one.units, cost - one.cost
            case Change.REDEEMED | Change.GIVEN:
                leaves = leaving(one.units, Standing(units, Money(cost, currency)))
                units, cost = units - one.units, cost - leaves.amount
    return Standing(units, Money(cost, currency))


def leaving(units: int, standing: Standing) -> Money:
    """The cost that leaves with some units: the same part of it, rounded down, and all of it with the last of them."""
    if units == standing.units:
        return standing.cost
    return part_down(standing.cost, Fraction(units, standing.units))


# By holder of a range, the cost at the end of the record day. What moves units by a transfer has its money, if any, on
# the class's capital in the same event; of a redemption or a transfer between citizens the cost stands beside it. A
# distribution counts by its record day, whenever it was paid; what it bought counts when it was bought, as units do.
COST = """
    SELECT holder_id, sum(cost)::bigint AS cost
      FROM (SELECT s.holder_id, s.cost
              FROM fund_settlement s
             WHERE s.holder_id BETWEEN %(first)s AND %(last)s AND s.batch_id = ANY(%(counted)s)
             UNION ALL
            SELECT t.holder_id,
                   coalesce(-r.cost, CASE t.credit_id WHEN %(units)s THEN g.cost ELSE -g.cost END, m.cost)
              FROM fund_transfer t
              LEFT JOIN fund_redemptionline r ON r.id = t.event_id AND t.event = 13 -- Event.REDEMPTION
              LEFT JOIN fund_conveyance g ON g.id = t.event_id AND t.event = 16 -- Event.CONVEYANCE
             CROSS JOIN LATERAL (SELECT sum(CASE c.credit_id WHEN %(capital)s THEN c.amount ELSE -c.amount END) AS cost
                                   FROM fund_transfer c
                                  WHERE (c.event_id, c.event) = (t.event_id, t.event) AND c.phase IN (0, 2)
                                    AND %(capital)s IN (c.debit_id, c.credit_id)) m
             WHERE t.holder_id BETWEEN %(first)s AND %(last)s AND %(units)s IN (t.debit_id, t.credit_id)
               AND t.phase IN (0, 2) AND t.effective_at < %(close)s
               AND (pg_visible_in_snapshot(t.xact::text::xid8, %(snapshot)s::pg_snapshot) OR t.xact = %(own)s)
             UNION ALL
            SELECT e.holder_id, CASE WHEN e.reversal THEN -1 ELSE 1 END
                                * (CASE WHEN e.batch_id = ANY(%(late)s) THEN 0 ELSE e.cost END - e.returned)
              FROM fund_entitlement e
             WHERE e.holder_id BETWEEN %(first)s AND %(last)s AND e.distribution_id = ANY(%(earlier)s)) c
     GROUP BY 1
"""


def everything(unit_class: UnitClass) -> dict[str, Any]:
    """What ``COST`` is told of a class for the cost as it stands now: everything in the book counts."""
    names = {"units": f"units:{unit_class}", "capital": f"capital:{unit_class}"}
    ids = accounts.ids(*names.values())
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_current_snapshot()::text, pg_current_xact_id()::text::bigint,"
            " coalesce((SELECT array_agg(id) FROM fund_settlementbatch WHERE unit_class_id = %s), '{}')",
            [unit_class.pk],
        )
        snapshot, own, headings = cursor.fetchone()
    return {
        **{name: ids[code] for name, code in names.items()},
        "class": unit_class.pk,
        "snapshot": snapshot,
        "own": own,
        "close": datetime(9000, 1, 1, tzinfo=UTC),
        "counted": headings,
        "late": [],
        "earlier": list(Distribution.objects.filter(unit_class=unit_class).values_list("pk", flat=True)),
    }


def of_holder(*, holder_id: int, unit_class: UnitClass) -> tuple[Money, str]:
    """What a holder's units of a class have cost, as it stands now, and the snapshot that it was read from."""
    told = everything(unit_class)
    with connection.cursor() as cursor:
        cursor.execute(COST, {**told, "first": holder_id, "last": holder_id})
        row = cursor.fetchone()
    return Money(int(row[1] or 0) if row else 0, Currency(unit_class.currency)), told["snapshot"]
