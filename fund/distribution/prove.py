"""Recompute distributions from what they rest on, with SQL that shares nothing with the payment (D39, D45, D46)."""

from fund.governance.checks import Check, compare

# Units at the end of the record day, straight from the book's legs as they were recorded.
HELD = """
    SELECT d.id, l.holder_id, sum(CASE WHEN l.credit_id = a.id THEN l.amount ELSE -l.amount END)::bigint AS units
      FROM fund_distribution d
      JOIN fund_account a ON a.code = 'units:' || d.unit_class_id
      JOIN fund_leg l ON a.id IN (l.debit_id, l.credit_id) AND l.phase IN (0, 2)
       AND l.effective_at < (d.record_day + 1)::timestamp AT TIME ZONE 'UTC'
       AND (pg_visible_in_snapshot(l.xact::text::xid8, d.snapshot::pg_snapshot) OR l.xact = d.xact)
     WHERE d.state IN ('paid', 'replaced')
     GROUP BY 1, 2 HAVING sum(CASE WHEN l.credit_id = a.id THEN l.amount ELSE -l.amount END) > 0
"""


def prove() -> list[Check]:
    """Every recomputation of this room; without distributions it is clean."""
    return [entitled_by_units(), shared_exactly(), withheld_separately(), taken_back_exactly(), liabilities()]


def entitled_by_units() -> Check:
    """Who held units at the end of the record day has the one entry, for just these units; nobody else has one."""
    return compare(
        "distributions went to who held units on the record day",
        rows="SELECT count(*) FROM fund_entitlement WHERE NOT reversal",
        differences=f"""
            SELECT 'distribution ' || coalesce(h.id, e.distribution_id) || ' holder '
                   || coalesce(h.holder_id, e.holder_id) || ': held ' || coalesce(h.units, 0) || ', entry '
                   || coalesce(e.units, 0)
              FROM ({HELD}) h
              FULL JOIN (SELECT e.* FROM fund_entitlement e
                           JOIN fund_distribution d ON d.id = e.distribution_id AND d.state IN ('paid', 'replaced')
                          WHERE NOT e.reversal) e
                ON (e.distribution_id, e.holder_id) = (h.id, h.holder_id)
             WHERE h.units IS DISTINCT FROM e.units
        """,
    )


def shared_exactly() -> Check:
    """What is declared is the product of all units and the rate, rounded down; each got the product of his own, rounded
    down or, by largest remainder, one minor unit more; together exactly what is declared."""
    per_unit = "d.per_lot * CASE c.currency WHEN 'USD' THEN 100 ELSE 1 END"
    return compare(
        "distributions share out exactly what is declared",
        rows="SELECT count(*) FROM fund_entitlement WHERE NOT reversal",
        differences=f"""
            SELECT 'distribution ' || id || ' declared ' || declared || ', by its units ' || units
              FROM (SELECT d.id, d.declared, div(d.units * {per_unit}, c.lot) AS units
                      FROM fund_distribution d JOIN fund_unitclass c ON c.code = d.unit_class_id
                     WHERE d.declared IS NOT NULL) d
             WHERE declared <> units
             UNION ALL
            SELECT 'distribution ' || d.id || ' declared ' || d.declared || ', gave ' || coalesce(sum(e.gross), 0)
              FROM fund_distribution d
              LEFT JOIN fund_entitlement e ON e.distribution_id = d.id AND NOT e.reversal
             WHERE d.state IN ('paid', 'replaced') GROUP BY d.id HAVING d.declared <> coalesce(sum(e.gross), 0)
             UNION ALL
            SELECT 'distribution ' || id || ' holder ' || holder_id || ' has ' || gross || ' for ' || exact
              FROM (SELECT d.id, e.holder_id, e.gross, e.units * {per_unit} / c.lot AS exact,
                           rank() OVER (PARTITION BY d.id ORDER BY mod(e.units * {per_unit}, c.lot) DESC, e.holder_id)
                           <= d.declared - sum(div(e.units * {per_unit}, c.lot)) OVER (PARTITION BY d.id) AS more
                      FROM fund_entitlement e
                      JOIN fund_distribution d ON d.id = e.distribution_id AND d.state IN ('paid', 'replaced')
                      JOIN fund_unitclass c ON c.code = d.unit_class_id
                     WHERE NOT e.reversal) e
             WHERE gross <> floor(exact) + CASE WHEN more THEN 1 ELSE 0 END
        """,
    )


def withheld_separately() -> Check:
    """Each tax follows from the ordinary part, the basis and the rate that was in force on the pay day, truncated."""
    rate = """
        coalesce((SELECT (s.value #>> '{{}}')::numeric FROM fund_setting s
                   WHERE s.key = 'withholding.{name}' AND s.effective_from <= d.pay_day::timestamp AT TIME ZONE 'UTC'
                   ORDER BY s.effective_from DESC LIMIT 1), {default})
    """
    from fund.governance.config import DECLARED  # noqa: PLC0415  read when asked: tests change it

    def of(name: str) -> str:
        return rate.format(name=name, default=DECLARED[f"withholding.{name}"].default)

    return compare(
        "withheld taxes follow from income, status and rate",
        rows="SELECT count(*) FROM fund_entitlement WHERE NOT reversal",
        differences=f"""
            SELECT 'distribution ' || id || ' holder ' || holder_id || ' withheld ' || us || '/' || national || '/'
                   || local
              FROM (SELECT d.id, e.*, e.gross - e.returned AS ordinary, d.us_backup, d.us_treaty, d.us_foreign,
                           d.jp_national, d.jp_local
                      FROM fund_entitlement e
                      JOIN (SELECT d.id, {of("us_backup")} AS us_backup, {of("us_treaty")} AS us_treaty,
                                   {of("us_foreign")} AS us_foreign, {of("jp_national")} AS jp_national,
                                   {of("jp_local")} AS jp_local FROM fund_distribution d OFFSET 0) d
                        ON d.id = e.distribution_id
                     WHERE NOT e.reversal) t
             WHERE us <> floor(ordinary * CASE us_basis WHEN 2 THEN us_backup WHEN 3 THEN us_treaty
                                                        WHEN 4 THEN us_foreign ELSE 0 END / 100)
                OR national <> floor((ordinary - us) * CASE jp_basis WHEN 0 THEN 0 ELSE jp_national END / 100)
                OR local <> floor((ordinary - us) * CASE jp_basis WHEN 1 THEN jp_local ELSE 0 END / 100)
        """,
    )


def taken_back_exactly() -> Check:
    """Of a corrected distribution every entry is taken back with the very amounts it gave, and of no other any.

    Of the units that it bought no more than are there: the rest was redeemed or on hold for it (D31).
    """
    amounts = "units, {0}.gross, {0}.returned, {0}.us, {0}.national, {0}.local, {0}.paid, {0}.cost, {0}.rounding"
    return compare(
        "corrected distributions are taken back exactly",
        rows="SELECT count(*) FROM fund_entitlement WHERE reversal",
        differences=f"""
            SELECT 'distribution ' || coalesce(e.distribution_id, r.distribution_id) || ' holder '
                   || coalesce(e.holder_id, r.holder_id)
              FROM (SELECT e.* FROM fund_entitlement e
                      JOIN fund_distribution d ON d.corrects_id = e.distribution_id AND d.state IN ('paid', 'replaced')
                     WHERE NOT e.reversal) e
              FULL JOIN (SELECT r.* FROM fund_entitlement r
                           JOIN fund_distribution d ON d.corrects_id = r.distribution_id AND d.state <> 'recorded'
                          WHERE r.reversal) r
                ON (r.holder_id, r.distribution_id) = (e.holder_id, e.distribution_id)
             WHERE (e.{amounts.format("e")}) IS DISTINCT FROM (r.{amounts.format("r")}) OR r.bought > e.bought
        """,
    )


def liabilities() -> Check:
    """What is owed to holders is what was recorded and not booked yet, by currency."""
    return compare(
        "declared distributions are owed until they are paid",
        rows="SELECT count(*) FROM fund_distribution",
        differences="""
            SELECT a.code || ' owes ' || k.amount || ', recorded and not booked ' || coalesce(w.amount, 0)
              FROM fund_account a
              JOIN fund_control k ON k.account_id = a.id
              LEFT JOIN (
                SELECT c.currency, sum(CASE WHEN d.state = 'replaced' THEN 0 ELSE d.declared END)
                                   - sum(coalesce(e.given, 0)) AS amount
                  FROM fund_distribution d
                  JOIN fund_unitclass c ON c.code = d.unit_class_id
                  LEFT JOIN (SELECT distribution_id, sum(CASE WHEN reversal THEN -gross ELSE gross END) AS given
                               FROM fund_entitlement GROUP BY 1) e ON e.distribution_id = d.id
                 WHERE d.declared IS NOT NULL GROUP BY 1) w ON a.code = 'distributions:' || w.currency
             WHERE a.code LIKE 'distributions:%%' AND k.amount <> coalesce(w.amount, 0)
        """,
    )
