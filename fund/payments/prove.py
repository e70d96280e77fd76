"""Recompute the room of payments: every booked entry is in the book once, with an owner or a reason (D34, D35)."""

from fund.governance.checks import Check, compare

# What the book says of each bank receipt, by its event: 1 receipt, 2 suspense, 10 reversal.
BOOKED = """
    SELECT t.event_id,
           sum(CASE WHEN d.code LIKE 'bank:%' THEN t.amount WHEN c.code LIKE 'bank:%' THEN -t.amount END) AS moved,
           coalesce(sum(t.amount) FILTER (WHERE c.code LIKE 'held:%'), 0)
               - coalesce(sum(t.amount) FILTER (WHERE d.code LIKE 'held:%'), 0) AS held,
           coalesce(sum(t.amount) FILTER (WHERE c.code LIKE 'suspense:%'), 0)
               - coalesce(sum(t.amount) FILTER (WHERE d.code LIKE 'suspense:%'), 0) AS suspended,
           min(CASE WHEN d.code LIKE 'bank:%' THEN d.code ELSE c.code END) AS bank,
           min(t.holder_id) AS holder
      FROM fund_transfer t JOIN fund_account d ON d.id = t.debit_id JOIN fund_account c ON c.id = t.credit_id
     WHERE t.phase = 0 AND (t.event IN (1, 2) OR t.event_id IN (SELECT id FROM fund_bankentry))
     GROUP BY t.event_id
"""


def prove() -> list[Check]:
    """Every recomputation of the room of payments; an empty one is clean."""
    return [entries_are_booked(), entries_have_an_owner(), expected_is_received()]


def entries_are_booked() -> Check:
    """The movements at our banks are the booked entries: same account, amount, direction and owner."""
    return compare(
        "bank entries equal bank movements",
        rows="SELECT count(*) FROM fund_bankentry",
        differences=f"""
            SELECT 'bank entry ' || coalesce(b.id, t.event_id)
              FROM (SELECT b.id, x.holder_id, 'bank:' || b.account_id AS bank, b.held, b.outcome,
                           CASE WHEN b.credit THEN b.amount ELSE -b.amount END AS moved,
                           CASE WHEN b.credit THEN b.suspended ELSE -b.suspended END AS suspended
                      FROM fund_bankentry b LEFT JOIN fund_expected x ON x.reference = b.expected_id AND b.held > 0) b
              FULL JOIN ({BOOKED}) t ON t.event_id = b.id
             WHERE CASE WHEN b.outcome = 'ignored' THEN t.event_id IS NOT NULL
                        ELSE (b.moved, b.held, b.suspended, b.bank, b.holder_id)
                             IS DISTINCT FROM (t.moved, t.held, t.suspended, t.bank, t.holder) END
        """,
    )


def entries_have_an_owner() -> Check:
    """Money has an owner or a suspense reason; no bank entry counts twice; only files that were taken have entries."""
    return compare(
        "received money has an owner or a reason",
        rows="SELECT count(*) FROM fund_bankentry",
        differences="""
            SELECT 'bank entry ' || b.id
              FROM fund_bankentry b
              JOIN fund_bankfile f ON f.id = b.file_id
              LEFT JOIN fund_expected x ON x.reference = b.expected_id
             WHERE f.state <> 'posted'
                OR (b.outcome <> 'ignored' AND b.held + b.suspended <> b.amount)
                OR (b.held > 0 AND (x.reference IS NULL OR x.currency <> b.currency OR NOT b.credit OR b.reversal))
                OR ((b.suspended > 0 OR b.outcome = 'ignored') AND b.suspense_reason = '')
            UNION ALL
            SELECT 'bank entry ' || min(id::text) || ' is kept twice'
              FROM fund_bankentry GROUP BY identity HAVING count(*) > 1
        """,
    )


def expected_is_received() -> Check:
    """What is noted as received for an expected payment is what its entries credited, and never more than expected."""
    return compare(
        "expected payments equal their entries",
        rows="SELECT count(*) FROM fund_expected",
        differences="""
            SELECT 'expected ' || x.reference
              FROM fund_expected x
              LEFT JOIN (SELECT expected_id, sum(held) AS held FROM fund_bankentry GROUP BY 1) b
                ON b.expected_id = x.reference
             WHERE x.received <> coalesce(b.held, 0) OR x.received > x.amount
        """,
    )
