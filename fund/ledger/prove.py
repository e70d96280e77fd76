"""Recompute the book from its transfers alone, with SQL that shares nothing with the triggers (D39)."""

from fund.governance import audit
from fund.governance.checks import Check, compare

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
)

# A batch is sealed as one row, its heading and the digest of its entries: a purchase follows from order, ballot and price,
# so that dealing's own checks name the entry that was changed.
SETTLEMENTS = audit.Log(
    name="settlements",
    table="fund_settlementbatch",
    line=(
        "record_send(ROW(id, subject, unit_class_id, effective_at, recorded_at,"
        " (SELECT sha256(string_agg(record_send(ROW(s.order_id, s.holder_id, s.cost, s.rounding, s.units, s.refund)),"
        " ''::bytea ORDER BY s.order_id)) FROM fund_settlement s WHERE s.batch_id = fund_settlementbatch.id)))"
    ),
    order="xact, id",
    label="'settlement batch ' || id",
)

POSTINGS = """
    SELECT account_id, CASE WHEN a.per_holder THEN s.holder_id ELSE 0 END AS holder_id, s.amount, s.reserved
      FROM (
        SELECT debit_id AS account_id, holder_id, CASE WHEN phase IN (0, 2) THEN -amount ELSE 0 END AS amount,
               CASE phase WHEN 1 THEN amount WHEN 2 THEN -amount WHEN 3 THEN -amount ELSE 0 END AS reserved
          FROM fund_leg
        UNION ALL
        SELECT credit_id, holder_id, CASE WHEN phase IN (0, 2) THEN amount ELSE 0 END, 0 FROM fund_leg
      ) s JOIN fund_account a ON a.id = s.account_id
"""


def prove() -> list[Check]:
    """Every recomputation of the ledger room; an empty ledger is clean."""
    return [balances(), assets(), chart(), audit.prove(log=LEDGER), audit.prove(log=SETTLEMENTS)]


def balances() -> Check:
    """Each balance equals the sum of its transfers, and none is missing or left over."""
    return compare(
        "balances equal transfers",
        rows="SELECT count(*) FROM fund_balance",
        differences=f"""
            SELECT 'balance ' || a.code || ' of holder ' || coalesce(b.holder_id, t.holder_id)
                   || ': kept ' || coalesce(b.amount::text, 'nothing') || ', transfers say ' || coalesce(t.amount, 0)
              FROM fund_balance b
              FULL JOIN (SELECT account_id, holder_id, sum(amount) AS amount, sum(reserved) AS reserved
                           FROM ({POSTINGS}) p GROUP BY 1, 2) t
                USING (account_id, holder_id)
              JOIN fund_account a ON a.id = account_id
             WHERE (b.amount, b.reserved) IS DISTINCT FROM (t.amount, t.reserved)
               AND (coalesce(b.amount, 0), coalesce(b.reserved, 0)) <> (coalesce(t.amount, 0), coalesce(t.reserved, 0))
        """,
    )


def assets() -> Check:
    """Every asset sums to zero over all balances."""
    return compare(
        "every asset sums to zero",
        rows="SELECT count(DISTINCT asset) FROM fund_account",
        differences="""
            SELECT a.asset || ' is off by ' || sum(b.amount)
              FROM fund_balance b JOIN fund_account a ON a.id = b.account_id
             GROUP BY a.asset HAVING sum(b.amount) <> 0
        """,
    )


def chart() -> Check:
    """Every movement is of one asset between two accounts of the chart and names a holder where it must."""
    return compare(
        "transfers agree with the chart",
        rows="SELECT (SELECT count(*) FROM fund_transfer) + (SELECT count(*) FROM fund_settlement)",
        differences="""
            SELECT 'transfer ' || t.event_id || ' line ' || t.line
              FROM fund_leg t
              LEFT JOIN fund_account d ON d.id = t.debit_id
              LEFT JOIN fund_account c ON c.id = t.credit_id
              LEFT JOIN fund_holder h ON h.id = t.holder_id
             WHERE d.id IS NULL OR c.id IS NULL OR d.asset <> c.asset OR t.amount <= 0
                OR (d.per_holder OR c.per_holder) <> (t.holder_id IS NOT NULL)
                OR (t.holder_id IS NOT NULL AND h.id IS NULL)
             UNION ALL
            SELECT 'settlement of ' || s.order_id || ' has no heading'
              FROM fund_settlement s LEFT JOIN fund_settlementbatch b ON b.id = s.batch_id WHERE b.id IS NULL
             UNION ALL
            SELECT 'order ' || s.order_id || ' is settled twice'
              FROM fund_settlement s JOIN fund_transfer t ON t.event_id = s.order_id AND t.event = 3
        """,
    )
