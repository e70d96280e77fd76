"""Who owns how much of the fund, now or at any instant (D1, D3, D49): the capital table."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from django.db import connection

from fund import calendars
from fund.governance.checks import Check, compare
from fund.holders import Holder, Nation
from fund.money import Currency, Money, convert, share_out, value_of
from fund.nav import prices
from fund.units import UnitClass

BASE = Currency.USD


@dataclass(frozen=True)
class Row:
    """What holders of one kind and nation own of a class.

    ``value_base`` is in dollars and ``share`` in percent of all rows; both are None while a rate for yen is unknown.
    """

    unit_class: UnitClass
    owner_kind: Holder.Kind
    nation: Nation
    units: int
    holders: int
    value: Money
    value_base: Money | None
    share: Decimal | None


@dataclass(frozen=True)
class Table:
    """The capital table. Shares add up to 100 exactly. ``at`` is None for now."""

    rows: list[Row]
    at: datetime | None
    usd_jpy: Decimal | None

    @property
    def co_owners(self) -> dict[Nation, int]:
        """The units of each co-owner."""
        held = {row.nation: row.units for row in self.rows if row.owner_kind == Holder.Kind.SOVEREIGN}
        return {nation: held.get(nation, 0) for nation in Nation}

    @property
    def co_owners_equal(self) -> bool:
        """Whether the two co-owners hold the same (D1)."""
        return len(set(self.co_owners.values())) == 1


def end_of(day: date) -> datetime:
    """The last instant of a day in the books, to ask the table for."""
    return calendars.books_close(day) - timedelta(microseconds=1)


def table(*, at: datetime | None = None) -> Table:
    """Units and value by class, owner kind and nation, now or as of an instant, at the prices published by then."""
    classes = UnitClass.objects.in_bulk()
    now = at or datetime.max.replace(tzinfo=UTC)
    usd_jpy = prices.latest_rate(at)
    found = []
    for code, kind, nation, units, holders in _held(at):
        value = value_of(units, prices.latest_price(code, now))
        found.append(
            (classes[code], Holder.Kind(kind), Nation(nation), units, holders, value, _in_base(value, usd_jpy))
        )
    shares = _shares([row[-1] for row in found])
    return Table([Row(*row, share) for row, share in zip(found, shares, strict=True)], at, usd_jpy)


def _in_base(value: Money, usd_jpy: Decimal | None) -> Money | None:
    if value.currency == BASE:
        return value
    return None if usd_jpy is None else convert(value, to=BASE, usd_jpy=usd_jpy)


def _shares(values: list[Money | None]) -> list[Decimal | None]:
    """Percent with two decimals by largest remainder, so that they add up to 100."""
    weights = [value.amount for value in values if value is not None]
    if len(weights) < len(values) or not any(weights):
        return [None] * len(values)
    return [Decimal(hundredths).scaleb(-2) for hundredths in share_out(10_000, weights)]


def _held(at: datetime | None) -> list[tuple[str, str, str, int, int]]:
    """Class, owner kind, nation, units, number of holders: from the balances, or the transfers by an instant."""
    balances = "SELECT account_id, holder_id, amount FROM fund_balance WHERE holder_id > 0 AND amount > 0"
    transfers = """
        SELECT s.account_id, t.holder_id, sum(s.amount) AS amount
          FROM fund_leg t, LATERAL (VALUES (t.debit_id, -t.amount), (t.credit_id, t.amount)) s(account_id, amount)
         WHERE t.holder_id IS NOT NULL AND t.phase IN (0, 2) AND t.effective_at <= %(at)s
         GROUP BY 1, 2 HAVING sum(s.amount) > 0
    """
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT c.code, h.kind, h.nation, sum(b.amount)::bigint, count(*)
              FROM ({balances if at is None else transfers}) b(account_id, holder_id, amount)
              JOIN fund_account a ON a.id = b.account_id
              JOIN fund_unitclass c ON a.code = 'units:' || c.code
              JOIN fund_holder h ON h.id = b.holder_id
             GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
            """,
            {"at": at},
        )
        held: list[tuple[str, str, str, int, int]] = cursor.fetchall()
    return held


def prove() -> list[Check]:
    """Every recomputation of this room; an empty register is clean."""
    return [units_issued(), units_of_navs(), units_contributed()]


def units_contributed() -> Check:
    """The units that each contribution says were issued for it are those of its event in the ledger."""
    return compare(
        "contributions are the ledger's units",
        rows="SELECT count(*) FROM fund_contribution",
        differences="""
            SELECT 'contribution ' || c.event_id || ': ' || c.units || ', ledger ' || coalesce(t.amount, 0)
              FROM fund_contribution c
              JOIN fund_callline l ON l.id = c.line_id
              LEFT JOIN fund_transfer t ON t.event_id = c.event_id AND t.event = 6 AND t.holder_id = l.holder_id
             WHERE c.units <> coalesce(t.amount, 0)
        """,
    )


def units_issued() -> Check:
    """Per class, the units that holders have are the units that were issued, from the transfers alone."""
    return compare(
        "units issued are the holders' units",
        rows="SELECT count(*) FROM fund_unitclass",
        differences="""
            SELECT 'class ' || c.code || ': issued ' || coalesce(issued.units, 0)
                   || ', held ' || coalesce(held.units, 0)
              FROM fund_unitclass c
              LEFT JOIN (SELECT code, sum(units) AS units
                           FROM (SELECT a.code, CASE a.id WHEN t.debit_id THEN t.amount ELSE -t.amount END AS units
                                   FROM fund_account a
                                   JOIN fund_transfer t ON a.id IN (t.debit_id, t.credit_id) AND t.phase IN (0, 2)
                                  WHERE a.code LIKE 'issued:%%'
                                  UNION ALL
                                 SELECT 'issued:' || b.unit_class_id, s.units
                                   FROM (SELECT batch_id, sum(units) AS units FROM fund_settlement GROUP BY 1
                                          UNION ALL
                                         SELECT batch_id, sum(CASE WHEN reversal THEN -bought ELSE bought END)
                                           FROM fund_entitlement GROUP BY 1) s
                                   JOIN fund_settlementbatch b ON b.id = s.batch_id) u
                          GROUP BY 1) issued ON issued.code = 'issued:' || c.code
              LEFT JOIN (SELECT a.code, sum(b.amount) AS units
                           FROM fund_account a JOIN fund_balance b ON b.account_id = a.id
                          WHERE b.holder_id > 0 GROUP BY 1) held ON held.code = 'units:' || c.code
             WHERE coalesce(issued.units, 0) <> coalesce(held.units, 0)
        """,
    )


def units_of_navs() -> Check:
    """The units of every published NAV are those in the ledger at the end of its day, as recorded when it was valued.

    What the valuing transaction itself had posted before cannot be told from what it posted after and is not judged.
    """
    return compare(
        "published NAVs price the units of the ledger",
        rows="SELECT count(*) FROM fund_classnav c JOIN fund_nav n ON n.id = c.nav_id WHERE n.state = 'published'",
        differences="""
            SELECT 'NAV ' || n.valuation_day || ' v' || n.version || ' class ' || c.unit_class_id
                   || ': priced ' || c.units || ', ledger ' || coalesce(l.units, 0)
              FROM fund_nav n
              JOIN fund_classnav c ON c.nav_id = n.id
              JOIN fund_account a ON a.code = 'issued:' || c.unit_class_id
              LEFT JOIN LATERAL (
                    SELECT sum(CASE WHEN t.debit_id = a.id THEN t.amount ELSE -t.amount END) AS units
                      FROM fund_leg t
                     WHERE a.id IN (t.debit_id, t.credit_id) AND t.phase IN (0, 2)
                       AND t.effective_at < (n.valuation_day + 1)::timestamp AT TIME ZONE 'UTC'
                       AND pg_visible_in_snapshot(t.xact::text::xid8, n.snapshot::pg_snapshot)
                   ) l ON TRUE
             WHERE n.state = 'published' AND c.units <> coalesce(l.units, 0)
               AND NOT EXISTS (SELECT FROM fund_leg t WHERE t.xact = n.xact)
        """,
    )
