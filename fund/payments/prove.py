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
    return [
        entries_are_booked(),
        entries_have_an_owner(),
        expected_is_received(),
        suspense_has_reasons(),
        resolutions_are_booked(),
        payouts_are_booked(),
        runs_are_as_approved(),
    ]


def entries_are_booked() -> Check:
    """The movements at our banks are the booked entries: same account, amount, direction and owner."""
    return compare(
        "bank entries equal bank movements",
        rows="SELECT count(*) FROM fund_bankentry",
        differences=f"""
            SELECT 'bank entry ' || coalesce(b.id, t.event_id)
              FROM (SELECT b.id, x.holder_id, 'bank:' || b.account_id AS bank, b.outcome,
                           CASE WHEN b.credit THEN b.held ELSE -b.held END AS held,
                           CASE WHEN b.credit THEN b.amount ELSE -b.amount END AS moved,
                           CASE WHEN b.credit THEN b.suspended ELSE -b.suspended END AS suspended
                      FROM fund_bankentry b LEFT JOIN fund_expected x ON x.reference = b.expected_id AND b.held > 0) b
              FULL JOIN ({BOOKED}) t ON t.event_id = b.id
             WHERE CASE WHEN b.outcome IN ('ignored', 'payout') THEN t.event_id IS NOT NULL
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
                OR (b.outcome IN ('matched', 'suspense') AND b.held + b.suspended <> b.amount)
                OR (b.held > 0 AND (x.reference IS NULL OR x.currency <> b.currency OR b.credit = b.reversal))
                OR ((b.suspended > 0 OR b.outcome = 'ignored') AND b.suspense_reason = '')
            UNION ALL
            SELECT 'bank entry ' || min(id::text) || ' is kept twice'
              FROM fund_bankentry GROUP BY identity HAVING count(*) > 1
            UNION ALL
            SELECT 'bank entry ' || r.id || ' reverses another payment'
              FROM fund_bankentry r LEFT JOIN fund_bankentry o ON o.id = r.reverses_id
             WHERE r.reverses_id IS NOT NULL
               AND (r.account_id, r.amount, NOT r.credit, r.reversal)
                   IS DISTINCT FROM (o.account_id, o.amount, o.credit, NOT o.reversal)
        """,
    )


def expected_is_received() -> Check:
    """What is noted as received for an expected payment was credited by entries or officers and not reversed."""
    return compare(
        "expected payments equal their entries",
        rows="SELECT count(*) FROM fund_expected",
        differences="""
            SELECT 'expected ' || x.reference
              FROM fund_expected x
              LEFT JOIN (SELECT expected_id, sum(CASE WHEN credit THEN held ELSE -held END) AS held
                           FROM fund_bankentry GROUP BY 1) b ON b.expected_id = x.reference
              LEFT JOIN (SELECT expected_id, sum(applied) AS applied FROM fund_resolution GROUP BY 1) s
                ON s.expected_id = x.reference
             WHERE x.received <> coalesce(b.held, 0) + coalesce(s.applied, 0) OR x.received NOT BETWEEN 0 AND x.amount
        """,
    )


def suspense_has_reasons() -> Check:
    """The suspense accounts hold the entries that have a reason and no way out yet, and nothing else (D35)."""
    return compare(
        "suspense equals its reasons",
        rows="SELECT count(*) FROM fund_bankentry WHERE suspended > 0",
        differences="""
            SELECT a.code || ' is ' || coalesce(k.amount, 0) || ', its entries say ' || coalesce(e.amount, 0)
              FROM fund_account a
              LEFT JOIN fund_balance k ON k.account_id = a.id
              LEFT JOIN (SELECT b.currency, sum(CASE WHEN b.credit THEN 1 ELSE -1 END
                                                * (b.suspended - coalesce(s.amount, 0))) AS amount
                           FROM fund_bankentry b LEFT JOIN fund_resolution s ON s.entry_id = b.id
                          GROUP BY 1) e ON a.code = 'suspense:' || e.currency
             WHERE a.code LIKE 'suspense:%' AND coalesce(k.amount, 0) <> coalesce(e.amount, 0)
            UNION ALL
            SELECT 'bank entry ' || b.id || ' went out and was reversed as if it were there'
              FROM fund_bankentry b
              JOIN fund_resolution s ON s.entry_id = b.id
              JOIN fund_bankentry r ON r.reverses_id = b.id
             WHERE r.suspense_reason = 'reversed_by_bank'
        """,
    )


def resolutions_are_booked() -> Check:
    """Each way out of suspense is in the book once, for the whole of its entry's suspense money, to its holder."""
    return compare(
        "ways out of suspense are booked",
        rows="SELECT count(*) FROM fund_resolution",
        differences="""
            SELECT 'way out ' || s.id
              FROM fund_resolution s
              JOIN fund_bankentry b ON b.id = s.entry_id
              LEFT JOIN fund_expected x ON x.reference = s.expected_id
              LEFT JOIN (SELECT t.event_id, min(t.holder_id) AS holder,
                                sum(t.amount) FILTER (WHERE d.code LIKE 'suspense:%') AS out,
                                sum(t.amount) FILTER (WHERE c.code LIKE 'suspense:%') AS back,
                                sum(t.amount) FILTER (WHERE c.code LIKE 'held:%') AS held,
                                sum(t.amount) FILTER (WHERE c.code LIKE 'refunds:%') AS refunds,
                                sum(t.amount) FILTER (WHERE c.code LIKE 'returns:%') AS returns
                           FROM fund_transfer t
                           JOIN fund_account d ON d.id = t.debit_id JOIN fund_account c ON c.id = t.credit_id
                          GROUP BY 1) t ON t.event_id = s.id
             WHERE (b.suspended, b.currency) IS DISTINCT FROM (s.amount, s.currency)
                OR (coalesce(t.out, 0), coalesce(t.back, 0), coalesce(t.held, 0), coalesce(t.refunds, 0),
                    coalesce(t.returns, 0))
                   <> (CASE WHEN s.way IN ('written_off', 'rescinded') THEN 0 ELSE s.amount END,
                       CASE WHEN s.way IN ('written_off', 'rescinded') THEN s.amount ELSE 0 END, s.applied, s.refunded,
                       CASE WHEN s.way = 'returned' THEN s.amount ELSE 0 END)
                OR x.holder_id IS DISTINCT FROM t.holder
        """,
    )


def payouts_are_booked() -> Check:
    """Each payout line is in the book as its state says: pending, then posted or voided once, or reversed."""
    return compare(
        "payout lines equal their transfers",
        rows="SELECT count(*) FROM fund_payoutline",
        differences="""
            WITH booked AS (
                SELECT l.id,
                       count(*) FILTER (WHERE t.phase = 1) AS pending, count(*) FILTER (WHERE t.phase = 2) AS posted,
                       count(*) FILTER (WHERE t.phase = 3) AS voided, count(*) FILTER (WHERE t.phase = 0) AS reversed,
                       bool_and((t.amount, t.holder_id) IS NOT DISTINCT FROM (l.amount, l.holder_id)) AS same
                  FROM fund_payoutline l
                  JOIN fund_transfer t ON t.event_id = l.event_id OR t.resolves = l.event_id
                 GROUP BY 1
            )
            SELECT 'payout line ' || l.id
              FROM fund_payoutline l LEFT JOIN booked b ON b.id = l.id
             WHERE NOT coalesce(b.same, true)
                OR concat_ws(' ', coalesce(b.pending, 0), coalesce(b.posted, 0), coalesce(b.voided, 0),
                             coalesce(b.reversed, 0))
                   <> CASE l.state WHEN 'pending' THEN '1 0 0 0' WHEN 'paid' THEN '1 1 0 0'
                                   WHEN 'rejected' THEN '1 0 1 0' WHEN 'returned' THEN '1 1 0 1' ELSE '0 0 0 0' END
            UNION ALL
            SELECT a.code || ' is ' || coalesce(k.amount, 0) || ', on its way back is ' || coalesce(r.amount, 0)
              FROM fund_account a
              LEFT JOIN fund_balance k ON k.account_id = a.id
              LEFT JOIN (SELECT s.currency, sum(s.amount) FILTER (WHERE NOT EXISTS (
                                    SELECT FROM fund_payoutline l WHERE l.resolution_id = s.id AND l.state = 'paid'
                                )) AS amount
                           FROM fund_resolution s WHERE s.way = 'returned' GROUP BY 1) r
                ON a.code = 'returns:' || r.currency
             WHERE a.code LIKE 'returns:%' AND coalesce(k.amount, 0) <> coalesce(r.amount, 0)
        """,
    )


def runs_are_as_approved() -> Check:
    """Count, total and digest of each run are those of its lines now, and a file was made only of an approved one."""
    return compare(
        "payout runs equal their lines",
        rows="SELECT count(*) FROM fund_payoutrun",
        differences="""
            SELECT 'payout run ' || r.id
              FROM fund_payoutrun r
              LEFT JOIN (
                    SELECT run_id, count(*) AS count, sum(amount)::bigint AS total,
                           sha256(string_agg(sha256(convert_to(jsonb_build_array(
                               id, event_id, holder_id, resolution_id, amount, encode(payee_digest, 'hex'))::text
                               || CASE authority WHEN '' THEN '' ELSE authority || period_to END,
                               'UTF8')), ''::bytea ORDER BY id)) AS digest
                      FROM fund_payoutline WHERE state NOT IN ('new', 'left_out') GROUP BY 1) l ON l.run_id = r.id
              LEFT JOIN fund_payoutfile f ON f.run_id = r.id
             WHERE r.state NOT IN ('gathering', 'withdrawn')
                   AND (r.count, r.total, r.digest) IS DISTINCT FROM (l.count, l.total, l.digest)
                OR (f.id IS NOT NULL) <> (r.state IN ('exported', 'closed'))
                OR r.state = 'closed' AND EXISTS (SELECT FROM fund_payoutline p
                                                   WHERE p.run_id = r.id AND p.state = 'pending')
        """,
    )
