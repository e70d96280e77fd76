"""Recompute transfers between citizens from the book, with SQL that shares nothing with their making (D32, D39)."""

from fund.governance.checks import Check, compare


def prove() -> list[Check]:
    """Every recomputation of this room; without transfers it is clean."""
    return [entries(), lots(), costs(), estates()]


def entries() -> Check:
    """Each line that has moved has exactly its two movements, and no such movement stands without its line."""
    return compare(
        "units passed on are those that both nations approved",
        rows="SELECT count(*) FROM fund_conveyance WHERE state = 'moved'",
        differences="""
            SELECT 'transfer ' || coalesce(l.id, t.event_id)
              FROM (SELECT l.*, a.id AS units_id, b.id AS issued_id
                      FROM fund_conveyance l
                      JOIN fund_account a ON a.code = 'units:' || l.unit_class_id
                      JOIN fund_account b ON b.code = 'issued:' || l.unit_class_id
                     WHERE l.state = 'moved') l
              FULL JOIN (SELECT event_id, count(*) AS n,
                                array_agg(holder_id ORDER BY line) AS holders,
                                array_agg(amount ORDER BY line) AS units,
                                array_agg(debit_id ORDER BY line) AS debits,
                                array_agg(credit_id ORDER BY line) AS credits
                           FROM fund_transfer WHERE event = 16 AND phase IN (0, 2) GROUP BY 1) t ON t.event_id = l.id
             WHERE l.id IS NULL OR t.event_id IS NULL
                OR (t.n, t.holders, t.units, t.debits, t.credits) IS DISTINCT FROM
                   (2::bigint, ARRAY[l.holder_id, l.recipient_id], ARRAY[l.units, l.units],
                    ARRAY[l.units_id, l.issued_id], ARRAY[l.issued_id, l.units_id])
                OR l.holder_id = l.recipient_id
                OR NOT EXISTS (SELECT FROM fund_proposal p
                                WHERE p.id = l.proposal_id AND p.kind = 'transfer' AND p.state = 'carried_out'
                                  AND p.subject = coalesce(l.estate_id, l.id)::text
                                  AND (SELECT count(DISTINCT s.nation) FROM fund_signature s
                                        WHERE s.proposal_id = p.id AND s.digest = p.digest) = 2)
        """,
    )


def lots() -> Check:
    """The lots of a line are its units, none bought after it moved; of what stands or has failed there are none."""
    return compare(
        "units passed on keep the days on which they were bought",
        rows="SELECT count(*) FROM fund_conveyedlot",
        differences="""
            SELECT 'transfer ' || coalesce(l.id, p.conveyance_id) || ' of ' || coalesce(l.units, 0)
                   || ' units has lots of ' || coalesce(p.units, 0)
              FROM fund_conveyance l
              FULL JOIN (SELECT conveyance_id, sum(units) AS units, max(bought_at) AS latest
                           FROM fund_conveyedlot GROUP BY 1) p ON p.conveyance_id = l.id
             WHERE coalesce(p.units, 0) <> CASE WHEN l.state = 'moved' THEN l.units ELSE 0 END
                OR p.latest > l.ended_at
        """,
    )


def costs() -> Check:
    """With each line went the part of its giver's cost that its units were of the giver's, as the book stood then.

    What the giver had paid is added up anew from everything recorded before: orders, reinvested and returned
    distributions, compensations and rescissions, redemptions and earlier transfers; lines of one act in their order.
    """
    return compare(
        "units passed on took their part of the cost with them",
        rows="SELECT count(*) FROM fund_conveyance WHERE state = 'moved'",
        differences="""
            SELECT 'transfer ' || l.id || ' took ' || l.cost || ' of ' || w.cost || ' with ' || l.units || ' of '
                   || w.units
              FROM fund_conveyance l
              JOIN fund_unitclass c ON c.code = l.unit_class_id
              JOIN fund_account u ON u.code = 'units:' || c.code
              JOIN fund_account k ON k.code = 'capital:' || c.code
              JOIN fund_transfer t ON t.event_id = l.id AND t.event = 16 AND t.line = 0
             CROSS JOIN LATERAL (
                SELECT coalesce(sum(m.units), 0) AS units, coalesce(sum(m.cost), 0) AS cost
                  FROM (SELECT s.units, s.cost
                          FROM fund_settlement s JOIN fund_settlementbatch b ON b.id = s.batch_id
                         WHERE s.holder_id = l.holder_id AND b.unit_class_id = c.code
                           AND (pg_visible_in_snapshot(b.xact::text::xid8, l.snapshot::pg_snapshot)
                                OR b.xact = t.xact AND b.recorded_at < t.recorded_at)
                         UNION ALL
                        SELECT CASE WHEN e.reversal THEN -e.bought ELSE e.bought END,
                               CASE WHEN e.reversal THEN e.returned - e.cost ELSE e.cost - e.returned END
                          FROM fund_entitlement e JOIN fund_settlementbatch b ON b.id = e.batch_id
                         WHERE e.holder_id = l.holder_id AND b.unit_class_id = c.code
                           AND (pg_visible_in_snapshot(b.xact::text::xid8, l.snapshot::pg_snapshot)
                                OR b.xact = t.xact AND b.recorded_at < t.recorded_at)
                         UNION ALL
                        SELECT CASE x.credit_id WHEN u.id THEN x.amount ELSE -x.amount END,
                               coalesce(-r.cost, CASE x.credit_id WHEN u.id THEN g.cost ELSE -g.cost END,
                                        (SELECT sum(CASE y.credit_id WHEN k.id THEN y.amount ELSE -y.amount END)
                                           FROM fund_transfer y
                                          WHERE (y.event_id, y.event) = (x.event_id, x.event) AND y.phase IN (0, 2)
                                            AND k.id IN (y.debit_id, y.credit_id)))
                          FROM fund_transfer x
                          LEFT JOIN fund_redemptionline r ON r.id = x.event_id AND x.event = 13
                          LEFT JOIN fund_conveyance g ON g.id = x.event_id AND x.event = 16
                         WHERE x.holder_id = l.holder_id AND u.id IN (x.debit_id, x.credit_id) AND x.phase IN (0, 2)
                           AND (pg_visible_in_snapshot(x.xact::text::xid8, l.snapshot::pg_snapshot)
                                OR x.xact = t.xact AND x.recorded_at < t.recorded_at
                                OR x.xact = t.xact AND x.recorded_at = t.recorded_at AND x.event_id < l.id)) m) w
             WHERE l.state = 'moved'
               AND l.cost <> CASE WHEN w.units = l.units THEN w.cost ELSE floor(w.cost * l.units / w.units) END
        """,
    )


def estates() -> Check:
    """A holder is in an estate exactly as the cases say, and a settled one has all its approved lines moved."""
    return compare(
        "accounts of the deceased are closed while their case is open",
        rows="SELECT count(*) FROM fund_estate",
        differences="""
            SELECT 'holder ' || coalesce(h.id, e.holder_id)
              FROM (SELECT id, estate_settled_at IS NULL AS open FROM fund_holder WHERE estate_since IS NOT NULL) h
              FULL JOIN (SELECT holder_id, bool_or(state = 'open') AS open
                           FROM fund_estate WHERE state <> 'refused' GROUP BY 1) e ON e.holder_id = h.id
             WHERE h.open IS DISTINCT FROM e.open
             UNION ALL
            SELECT 'estate ' || e.id
              FROM fund_estate e
             WHERE e.state = 'settled'
               AND (NOT EXISTS (SELECT FROM fund_conveyance l WHERE l.estate_id = e.id AND l.state = 'moved')
                    OR EXISTS (SELECT FROM fund_conveyance l WHERE l.estate_id = e.id
                                  AND l.state IN ('accepted', 'approved')))
        """,
    )
