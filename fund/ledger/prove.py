"""Recompute the book from its transfers alone, with SQL that shares nothing with the triggers (D39)."""

from fund.governance import audit
from fund.governance.checks import Check, compare
from fund.ledger.models import PURPOSES, Account, column

LEDGER = audit.Log(
    name="ledger",
    table="fund_transfer",
    # Binary, with types and lengths: half the work of a text, and millions of these are hashed.
    line=(
        "record_send(ROW(event_id, event, line, debit_id, credit_id, holder_id, phase, resolves, amount,"
        " effective_at, recorded_at))"
    ),
    order="xact, event_id, event, line",
    label="'transfer ' || event_id || ' event ' || event || ' line ' || line",
    written="recorded_at",
)

# A batch is sealed as one row, its heading and the digest of its entries. What an entry says follows from order, ballot
# and price, so that dealing's own checks name the one that was changed.
SETTLEMENTS = audit.Log(
    name="settlements",
    table="fund_settlementbatch",
    line=(
        "record_send(ROW(id, subject, unit_class_id, effective_at, recorded_at, coalesce("
        "(SELECT sha256(string_agg(record_send(ROW(s.order_id, s.holder_id, s.cost, s.rounding, s.units, s.refund)),"
        " ''::bytea ORDER BY s.order_id)) FROM fund_settlement s WHERE s.batch_id = fund_settlementbatch.id),"
        "(SELECT sha256(string_agg(record_send(e), ''::bytea ORDER BY e.holder_id, e.distribution_id))"
        " FROM fund_entitlement e WHERE e.batch_id = fund_settlementbatch.id))))"
    ),
    order="xact, id",
    label="'settlement batch ' || id",
    written="recorded_at",
    parts=("fund_settlement", "fund_entitlement"),
)

# What the entries say of one per-holder account, less what its cards keep: by holder, nothing but zero.
OF_HOLDERS = """
    SELECT 'balance {code} of holder ' || d.holder_id || ': kept ' || coalesce(c.{column}, 0) || ', transfers say '
           || coalesce(c.{column}, 0) + d.amount
      FROM (SELECT holder_id, sum(amount) AS amount, sum(reserved) AS reserved
              FROM (SELECT t.holder_id,
                           CASE WHEN t.phase NOT IN (0, 2) THEN 0 WHEN t.credit_id = a.id THEN t.amount
                                ELSE -t.amount END AS amount,
                           CASE WHEN t.credit_id = a.id OR t.phase = 0 THEN 0 WHEN t.phase = 1 THEN t.amount
                                ELSE -t.amount END AS reserved
                      FROM fund_transfer t
                      JOIN fund_account a ON a.code = '{code}' AND a.id IN (t.debit_id, t.credit_id)
                     UNION ALL
                    SELECT s.holder_id, {settled}, 0
                      FROM fund_settlement s
                      JOIN (SELECT b.id, c.code, c.currency
                              FROM fund_settlementbatch b JOIN fund_unitclass c ON c.code = b.unit_class_id) b
                        ON b.id = s.batch_id AND '{of}' IN (b.code, b.currency)
                     UNION ALL
                    SELECT e.holder_id, CASE WHEN e.reversal THEN -1 ELSE 1 END * ({entitled}), 0
                      FROM fund_entitlement e
                      JOIN (SELECT b.id, c.code, c.currency
                              FROM fund_settlementbatch b JOIN fund_unitclass c ON c.code = b.unit_class_id) b
                        ON b.id = e.batch_id AND '{of}' IN (b.code, b.currency)
                     UNION ALL
                    SELECT holder_id, -coalesce({column}, 0), -coalesce(reserved_{column}, 0) FROM fund_card
                     WHERE {column} IS NOT NULL OR reserved_{column} IS NOT NULL) e
             GROUP BY holder_id HAVING sum(amount) <> 0 OR sum(reserved) <> 0) d
      LEFT JOIN fund_card c ON c.holder_id = d.holder_id
"""
SETTLED = {"held": "-(s.cost + s.rounding + s.refund)", "refunds": "s.refund", "units": "s.units"}
ENTITLED = {"held": "0", "refunds": "e.paid - e.borne", "units": "e.bought"}

# The same for the fund's own accounts.
OF_THE_FUND = """
    SELECT 'balance ' || a.code || ' of holder 0: kept ' || c.amount || ', transfers say ' || coalesce(e.amount, 0)
      FROM fund_account a
      JOIN fund_control c ON c.account_id = a.id
      LEFT JOIN (
        SELECT account_id, sum(amount) AS amount, sum(reserved) AS reserved
          FROM (SELECT v.account_id, v.amount, v.reserved
                  FROM (SELECT debit_id, credit_id, phase, sum(amount) AS amount FROM fund_transfer GROUP BY 1, 2, 3) t
                 CROSS JOIN LATERAL (VALUES
                    (debit_id, CASE WHEN phase IN (0, 2) THEN -amount ELSE 0 END,
                     CASE phase WHEN 0 THEN 0 WHEN 1 THEN amount ELSE -amount END),
                    (credit_id, CASE WHEN phase IN (0, 2) THEN amount ELSE 0 END, 0)) v(account_id, amount, reserved)
                 UNION ALL
                SELECT x.id, v.amount, 0
                  FROM (SELECT batch_id, sum(cost) AS cost, sum(rounding) AS rounding, sum(units) AS units
                          FROM fund_settlement GROUP BY 1) s
                  JOIN fund_settlementbatch b ON b.id = s.batch_id
                  JOIN fund_unitclass c ON c.code = b.unit_class_id
                 CROSS JOIN LATERAL (VALUES ('capital:' || c.code, cost), ('rounding:' || c.currency, rounding),
                                            ('issued:' || c.code, -units)) v(code, amount)
                  JOIN fund_account x ON x.code = v.code
                 UNION ALL
                SELECT x.id, v.amount, 0
                  FROM (SELECT batch_id, sum(sign * gross) AS gross, sum(sign * us) AS us,
                               sum(sign * national) AS national, sum(sign * local) AS local, sum(sign * cost) AS cost,
                               sum(sign * rounding) AS rounding, sum(sign * bought) AS bought, sum(borne) AS borne
                          FROM (SELECT *, CASE WHEN reversal THEN -1 ELSE 1 END AS sign FROM fund_entitlement) e
                         GROUP BY 1) e
                  JOIN fund_settlementbatch b ON b.id = e.batch_id
                  JOIN fund_unitclass c ON c.code = b.unit_class_id
                 CROSS JOIN LATERAL (VALUES ('distributions:' || c.currency, -gross),
                                            ('withheld_us:' || c.currency, us),
                                            ('withheld_national:' || c.currency, national),
                                            ('withheld_local:' || c.currency, local), ('capital:' || c.code, cost),
                                            ('rounding:' || c.currency, rounding), ('issued:' || c.code, -bought),
                                            ('expenses:' || c.currency, -borne)) v(code, amount)
                  JOIN fund_account x ON x.code = v.code) o
         GROUP BY account_id) e ON e.account_id = a.id
     WHERE (c.amount, c.reserved) <> (coalesce(e.amount, 0), coalesce(e.reserved, 0))
"""


def prove() -> list[Check]:
    """Every recomputation of the ledger room; an empty ledger is clean."""
    return [balances(), assets(), chart(), audit.prove(log=LEDGER), audit.prove(log=SETTLEMENTS)]


def balances() -> Check:
    """Each balance equals the sum of its entries, and none is missing or left over."""
    of_holders = [
        OF_HOLDERS.format(code=code, column=column(code), settled=SETTLED[name], entitled=ENTITLED[name], of=of)
        for code in Account.objects.filter(per_holder=True).order_by("id").values_list("code", flat=True)
        for name, _colon, of in [code.partition(":")]
    ]
    return compare(
        "balances equal transfers",
        rows=f"SELECT sum(num_nonnulls({', '.join(PURPOSES)})) + (SELECT count(*) FROM fund_control) FROM fund_card",
        differences=" UNION ALL ".join([*of_holders, OF_THE_FUND]),
    )


def assets() -> Check:
    """Every asset sums to zero over all balances: the fund's own, and the columns of the cards, read in one pass."""
    held = Account.objects.filter(per_holder=True).order_by("id").values_list("code", "asset")
    columns = ", ".join(f"sum({column(code)}) AS {column(code)}" for code, _asset in held)
    of_cards = ", ".join(f"('{asset}', {column(code)})" for code, asset in held)
    return compare(
        "every asset sums to zero",
        rows="SELECT count(DISTINCT asset) FROM fund_account",
        differences=f"""
            SELECT asset || ' is off by ' || sum(amount)
              FROM (SELECT a.asset, c.amount FROM fund_control c JOIN fund_account a ON a.id = c.account_id
                     UNION ALL
                    SELECT v.asset, v.amount FROM (SELECT {columns} FROM fund_card) s
                     CROSS JOIN LATERAL (VALUES {of_cards}) v(asset, amount)) b
             GROUP BY asset HAVING sum(amount) <> 0
        """,
    )


def chart() -> Check:
    """Every movement is of one asset between two accounts of the chart and names a holder where it must.

    That the holder exists follows from ``balances``: without a card there is nothing to agree with.
    """
    return compare(
        "transfers agree with the chart",
        rows="""SELECT (SELECT count(*) FROM fund_transfer) + (SELECT count(*) FROM fund_settlement)
                       + (SELECT count(*) FROM fund_entitlement)""",
        differences="""
            SELECT 'transfer ' || t.event_id || ' line ' || t.line
              FROM fund_transfer t
              JOIN (SELECT k.* FROM (SELECT debit_id, credit_id, holder_id IS NOT NULL AS named, min(amount) AS least
                                       FROM fund_transfer GROUP BY 1, 2, 3) k
                      LEFT JOIN fund_account d ON d.id = k.debit_id
                      LEFT JOIN fund_account c ON c.id = k.credit_id
                     WHERE d.id IS NULL OR c.id IS NULL OR d.asset <> c.asset OR k.least <= 0
                        OR (d.per_holder OR c.per_holder) <> k.named) k
                ON (k.debit_id, k.credit_id, k.named) = (t.debit_id, t.credit_id, t.holder_id IS NOT NULL)
               AND (k.least > 0 OR t.amount <= 0)
             UNION ALL
            SELECT 'settlement of ' || s.order_id || ' has no heading'
              FROM fund_settlement s LEFT JOIN fund_settlementbatch b ON b.id = s.batch_id WHERE b.id IS NULL
             UNION ALL
            SELECT 'entitlement of holder ' || e.holder_id || ' has no heading'
              FROM fund_entitlement e LEFT JOIN fund_settlementbatch b ON b.id = e.batch_id WHERE b.id IS NULL
             UNION ALL
            SELECT 'order ' || s.order_id || ' is settled twice'
              FROM fund_settlement s JOIN fund_transfer t ON t.event_id = s.order_id AND t.event = 3
        """,
    )
