"""Who is entitled to how much (D45): units at the end of the record day times what is declared for a unit.

Everybody gets the whole minor units of that product. What is left of the sum goes out one minor unit each by largest
remainder, then to the older holder, so that the whole is shared out exactly: ¥100 over three equal holders is 34, 33,
33.
For a million holders two scalars decide it, the *cut*: who has a larger remainder gets one more, and of those with
just this remainder the holders up to one. Then each holder's part depends on that holder's units alone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from fund.money import Price


@dataclass(frozen=True)
class Cut:
    """Where the minor units left over end: at this remainder (a numerator), and in it at this holder."""

    remainder: int
    holder_id: int


def split(rate: Price, units: Mapping[int, int]) -> dict[int, int]:
    """Each holder's gross amount in minor units, by holder id, from ``rate`` for a quoting lot and their units.

    They add up to the product of all units and the rate, rounded **down**. Paying does the same as a set (``SHARES``).
    """
    exact: Fraction = rate.minor_per_unit
    whole = {holder: units[holder] * exact.numerator // exact.denominator for holder in units}
    left = int(sum(units.values()) * exact // 1) - sum(whole.values())
    by_remainder = sorted(units, key=lambda holder: (-(units[holder] * exact.numerator % exact.denominator), holder))
    return {holder: whole[holder] + (holder in set(by_remainder[:left])) for holder in units}


# The units of a class that each holder of a range had at the end of the record day, as the book stood when it was
# recorded: what the card has now, less what came later. Who has left since still has a card.
HELD = """
    SELECT holder_id, c.{units} - coalesce(l.units, 0) AS units
      FROM fund_card c
      LEFT JOIN (
        SELECT holder_id, sum(units)::bigint AS units
          FROM (SELECT t.holder_id, CASE t.credit_id WHEN %(units)s THEN t.amount ELSE -t.amount END AS units
                  FROM fund_transfer t
                 WHERE %(units)s IN (t.debit_id, t.credit_id) AND t.phase IN (0, 2)
                   AND t.holder_id BETWEEN %(first)s AND %(last)s
                   AND (t.effective_at >= %(close)s OR t.xact >= %(xmin)s)
                   AND (t.effective_at >= %(close)s
                        OR NOT pg_visible_in_snapshot(t.xact::text::xid8, %(snapshot)s::pg_snapshot)
                           AND t.xact <> %(own)s)
                 UNION ALL
                SELECT s.holder_id, s.units
                  FROM fund_settlement s
                 WHERE s.batch_id = ANY(%(late)s) AND s.holder_id BETWEEN %(first)s AND %(last)s
                 UNION ALL
                SELECT e.holder_id, CASE WHEN e.reversal THEN -e.bought ELSE e.bought END
                  FROM fund_entitlement e
                 WHERE e.batch_id = ANY(%(late)s) AND e.holder_id BETWEEN %(first)s AND %(last)s) m
         GROUP BY 1) l USING (holder_id)
     WHERE c.{units} IS NOT NULL AND holder_id BETWEEN %(first)s AND %(last)s
       AND c.{units} - coalesce(l.units, 0) > 0
"""

# The headings of a class that count at the end of the record day, and those that do not: named, and not joined, because
# the planner knows nothing yet of headings that were written a moment ago, and would read each range once a heading.
HEADINGS = """
    SELECT coalesce(array_agg(id) FILTER (WHERE NOT late), '{}'), coalesce(array_agg(id) FILTER (WHERE late), '{}')
      FROM (SELECT id, effective_at >= %(close)s
                       OR NOT pg_visible_in_snapshot(xact::text::xid8, %(snapshot)s::pg_snapshot) AND xact <> %(own)s
                       AS late
              FROM fund_settlementbatch WHERE unit_class_id = %(class)s) b
"""

# What is declared, exactly, before its minor units are shared out.
SHARES = """
    SELECT holder_id, units, div(units::numeric * %(rate)s, %(per)s)::bigint AS whole,
           mod(units::numeric * %(rate)s, %(per)s)::bigint AS remainder
      FROM ({held}) h
"""
GROSS = """whole + CASE WHEN %(cut)s::bigint IS NULL THEN 0
                        WHEN remainder > %(cut)s OR (remainder = %(cut)s AND holder_id <= %(cut_holder)s) THEN 1
                        ELSE 0 END"""

TOTALS = """
    SELECT count(*), coalesce(sum(units), 0)::bigint, coalesce(sum(whole), 0)::bigint,
           coalesce(div(sum(units) * %(rate)s, %(per)s), 0)::bigint
      FROM ({shares}) s
"""
CUT = """
    SELECT remainder, holder_id FROM ({shares}) s ORDER BY remainder DESC, holder_id OFFSET %(left)s - 1 LIMIT 1
"""
