"""Recompute what was dealt from the orders and the ledger's entries, with SQL that shares nothing with settlement."""

from fund.dealing.allotment import DRAW, pads
from fund.dealing.models import Offering
from fund.governance.checks import Check, compare

SETTLED = ("allotted", "settled")


def prove() -> list[Check]:
    """Every recomputation of the dealing room; a fund without offerings is clean."""
    ballots = (ballot(offering) for offering in _published())
    return [statuses(), lines(), purchases(), compensations(), levels(), tranches(), held(), *ballots]


def _published() -> list[Offering]:
    return list(Offering.objects.filter(state__in=SETTLED).select_related("allotment").order_by("code"))


def statuses() -> Check:
    """Each order's status is what its offering and its line say, and its applicant and its expected payment exist."""
    return compare(
        "orders stand as their offerings and lines say",
        rows="SELECT count(*) FROM fund_subscription",
        differences="""
            SELECT 'order ' || s.reference || ' is ' || s.status || ', its offering ' || coalesce(o.state, 'missing')
              FROM fund_subscription s
              LEFT JOIN fund_offering o ON o.code = s.offering_id
              LEFT JOIN fund_applicant a ON (a.offering_id, a.holder_id) = (s.offering_id, s.holder_id)
              LEFT JOIN fund_expected x ON x.order_id = s.id
              LEFT JOIN fund_allotmentline l ON l.order_id = s.id
             WHERE o.code IS NULL OR a.ticket IS NULL
                OR (x.holder_id, x.amount, x.currency, x.reference)
                   IS DISTINCT FROM (s.holder_id, s.amount, s.currency, s.reference)
                OR (s.status IN ('withdrawn', 'lapsed')) <> (x.forgotten_at IS NOT NULL) AND o.state <> 'cancelled'
                OR s.status = 'unallotted' AND o.state <> 'cancelled'
                OR l.order_id IS NOT NULL AND (s.status <> 'funded' OR o.state NOT IN ('allotted', 'settled'))
                OR o.state = 'settled' AND (s.status IN ('placed', 'unallotted')
                                            OR s.status = 'funded' AND l.units IS NULL)
        """,
    )


def lines() -> Check:
    """Each line shares out exactly its order's money, and belongs to an order of the same citizen."""
    return compare(
        "allotted and refunded money equals paid money",
        rows="SELECT count(*) FROM fund_allotmentline",
        differences="""
            SELECT 'line of order ' || l.order_id
              FROM fund_allotmentline l LEFT JOIN fund_subscription s ON s.id = l.order_id
             WHERE (s.holder_id, s.offering_id, s.amount)
                   IS DISTINCT FROM (l.holder_id, l.offering_id, l.allotted + l.refund)
        """,
    )


def purchases() -> Check:
    """Each settled order bought what its money buys at the offering's price, under a batch of that offering (D21)."""
    return compare(
        "settled orders bought at their price",
        rows="SELECT count(*) FROM fund_settlement",
        differences="""
            SELECT 'order ' || s.order_id
              FROM fund_settlement s
              LEFT JOIN (SELECT b.id, p.minor, p.units
                           FROM fund_settlementbatch b
                           JOIN fund_offering o ON o.code = b.subject AND o.unit_class_id = b.unit_class_id
                           JOIN fund_unitclass c ON c.code = o.unit_class_id
                           JOIN fund_allotment a ON a.offering_id = o.code
                          CROSS JOIN LATERAL (SELECT (a.price * CASE c.currency WHEN 'USD' THEN 1000000 ELSE 10000 END
                                                     )::bigint AS dear, c.lot * 10000::bigint AS many) q
                          CROSS JOIN LATERAL (SELECT dear / gcd(dear, many) AS minor, many / gcd(dear, many) AS units) p
                          WHERE a.price IS NOT NULL) b ON b.id = s.batch_id
             WHERE b.id IS NULL
                OR NOT (s.units * b.minor <= (s.cost + s.rounding) * b.units
                        AND (s.units + 1) * b.minor > (s.cost + s.rounding) * b.units
                        AND s.cost * b.units >= s.units * b.minor AND (s.cost - 1) * b.units < s.units * b.minor)
        """,
    )


def compensations() -> Check:
    """Each order of a compensated offering has at least the units that the right price buys, and no unit beyond (D43).

    Units beyond are those that it had bought at a wrong price, which it keeps.
    """
    return compare(
        "orders settled at a corrected price were compensated",
        rows="SELECT coalesce(sum(orders), 0)::bigint FROM fund_compensation WHERE finished_at IS NOT NULL",
        differences="""
            SELECT 'order ' || s.order_id || ' was compensated ' || coalesce(t.units, 0) || ' units'
              FROM (SELECT DISTINCT ON (k.offering_id) k.offering_id, k.price_after, n.version
                      FROM fund_compensation k JOIN fund_nav n ON n.id = k.nav_id
                     WHERE k.finished_at IS NOT NULL ORDER BY k.offering_id, n.version DESC) c
              JOIN fund_offering o ON o.code = c.offering_id
              JOIN fund_unitclass u ON u.code = o.unit_class_id
              JOIN fund_settlementbatch b ON b.subject = c.offering_id
              JOIN fund_settlement s ON s.batch_id = b.id
              LEFT JOIN (SELECT event_id, sum(amount) AS units, max(line) AS last FROM fund_transfer
                          WHERE event = 15 AND holder_id IS NOT NULL GROUP BY 1) t ON t.event_id = s.order_id
             CROSS JOIN LATERAL (SELECT floor((s.cost + s.rounding) * u.lot
                                              / (c.price_after * CASE u.currency WHEN 'USD' THEN 100 ELSE 1 END)
                                        ) AS units) entitled
             WHERE s.units + coalesce(t.units, 0) < entitled.units
                OR t.last = c.version AND s.units + t.units <> entitled.units
        """,
    )


def levels() -> Check:
    """Each settled offering shared out exactly the lots that were approved, within its capacity."""
    return compare(
        "offerings sold what was approved, within capacity",
        rows="SELECT count(*) FROM fund_allotment",
        differences="""
            SELECT 'offering ' || o.code || ' sold ' || l.money || ' of ' || a.capacity_lots * o.lot
              FROM fund_offering o
              JOIN fund_allotment a ON a.offering_id = o.code
             CROSS JOIN LATERAL (SELECT coalesce(sum(allotted), 0) AS money FROM fund_allotmentline
                                  WHERE offering_id = o.code) l
             WHERE l.money > a.capacity_lots * o.lot OR o.state = 'settled' AND l.money <> a.allotted_lots * o.lot
        """,
    )


def tranches() -> Check:
    """What passed between tranches left one and reached the other, and both sold no more than both had (D24)."""
    return compare(
        "tranches sold no more than they had together",
        rows="SELECT count(*) FROM fund_allotment",
        differences="""
            WITH tranche AS (
                SELECT o.code, o.issue, o.hands_over, a.offering_id IS NOT NULL AS allotted, a.capacity_lots,
                       o.capacity / o.lot AS own_lots, coalesce(a.received_lots, 0) AS received_lots,
                       coalesce(a.given_lots, 0) AS given_lots, o.lot * rate AS lot_worth, o.capacity * rate AS had,
                       coalesce(a.allotted_lots, 0) * o.lot * rate AS sold
                  FROM fund_offering o
                  JOIN fund_unitclass c ON c.code = o.unit_class_id
                  LEFT JOIN fund_allotment a ON a.offering_id = o.code
                 CROSS JOIN LATERAL (SELECT CASE c.currency WHEN 'JPY' THEN 1 ELSE o.usd_jpy / 100 END AS rate) r
            )
            SELECT 'offering ' || t.code || ' had ' || t.own_lots || ' lots of its own, received ' || t.received_lots
                   || ' and gave ' || t.given_lots
              FROM tranche t LEFT JOIN tranche x ON x.issue = t.issue AND t.issue <> '' AND x.code <> t.code
             WHERE t.allotted AND (t.capacity_lots <> t.own_lots + t.received_lots - t.given_lots
                OR t.received_lots > 0 AND x.hands_over IS NOT TRUE
                OR x.allotted AND t.given_lots <> ceil(x.received_lots * x.lot_worth / t.lot_worth)
                OR t.sold + x.sold > t.had + x.had)
        """,
    )


def held() -> Check:
    """What each citizen has on held is what was received for their live orders, to the smallest unit."""
    return compare(
        "held money belongs to live orders",
        rows="""
            SELECT count(*) FROM fund_balance b JOIN fund_account a ON a.id = b.account_id WHERE a.code LIKE 'held:%'
        """,
        differences="""
            SELECT 'holder ' || holder_id || ' has ' || coalesce(b.amount, 0) || ' held, orders say '
                   || coalesce(r.amount, 0)
              FROM (SELECT b.holder_id, a.asset AS currency, b.amount FROM fund_balance b
                      JOIN fund_account a ON a.id = b.account_id AND a.code LIKE 'held:%' AND b.amount <> 0) b
              FULL JOIN (SELECT s.holder_id, s.currency, sum(x.received)::bigint AS amount
                           FROM fund_subscription s JOIN fund_expected x ON x.order_id = s.id
                           LEFT JOIN fund_settlement l ON l.order_id = s.id
                          WHERE x.received > 0 AND x.forgotten_at IS NULL AND l.order_id IS NULL GROUP BY 1, 2) r
                USING (holder_id, currency)
             WHERE b.amount IS DISTINCT FROM r.amount
        """,
    )


def ballot(offering: Offering) -> Check:
    """Run the allotment of one offering again: rank the draws anew, instead of comparing them with the cut (D28)."""
    assert offering.seed is not None
    draw = DRAW.format(ticket="a.ticket")
    return compare(
        f"allotment of {offering.code} re-runs",
        rows="SELECT count(DISTINCT holder_id) FROM fund_allotmentline WHERE offering_id = %(offering)s",
        differences=f"""
            WITH lines AS MATERIALIZED (
                SELECT holder_id, sum(allotted)::bigint AS allotted,
                       sum(allotted + refund)::bigint / %(lot)s::bigint AS requested
                  FROM fund_allotmentline WHERE offering_id = %(offering)s GROUP BY holder_id
            ), drawn AS MATERIALIZED (
                SELECT l.*, {draw} AS draw
                  FROM lines l JOIN fund_applicant a ON a.offering_id = %(offering)s AND a.holder_id = l.holder_id
                 WHERE l.requested > %(level)s
            ), last_winner AS (
                SELECT draw FROM drawn WHERE %(ballot_lots)s > 0
                 ORDER BY draw OFFSET greatest(%(ballot_lots)s - 1, 0) LIMIT 1
            )
            SELECT 'holder ' || holder_id || ' was allotted ' || allotted
              FROM (SELECT holder_id, allotted, requested AS due FROM lines WHERE requested <= %(level)s
                     UNION ALL
                    SELECT holder_id, allotted, %(level)s + coalesce(draw <= (SELECT draw FROM last_winner), false)::int
                      FROM drawn) found
             WHERE allotted <> due * %(lot)s::bigint
        """,
        params={
            "offering": offering.pk,
            "lot": offering.lot,
            "level": offering.allotment.level,
            "ballot_lots": offering.allotment.ballot_lots,
            **pads(bytes(offering.seed)),
        },
    )
