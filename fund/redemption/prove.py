"""Recompute redemptions from requests, decisions and the book, with SQL that shares nothing with their making (D39)."""

from fund.governance.checks import Check, compare


def prove() -> list[Check]:
    """Every recomputation of this room; without redemptions it is clean."""
    return [on_hold(), shared_out(), proceeds(), filled(), made_good()]


def on_hold() -> Check:
    """What is reserved of a holder's units is what stands of their requests and transfers, and nothing beside."""
    return compare(
        "units on hold are those of standing requests and transfers",
        rows="SELECT count(*) FROM fund_redemption",
        differences="""
            SELECT 'holder ' || holder_id || ' has ' || coalesce(b.units, 0) || ' ' || class
                   || ' on hold, requests say ' || coalesce(r.units, 0)
              FROM (SELECT b.holder_id, substr(a.code, 7) AS class, b.reserved AS units
                      FROM fund_balance b JOIN fund_account a ON a.id = b.account_id AND a.code LIKE 'units:%'
                     WHERE b.reserved <> 0) b
              FULL JOIN (SELECT holder_id, class, sum(units)::bigint AS units
                           FROM (SELECT holder_id, unit_class_id AS class, units - filled AS units
                                   FROM fund_redemption WHERE status = 'placed'
                                  UNION ALL
                                 SELECT holder_id, unit_class_id, units
                                   FROM fund_conveyance WHERE state IN ('offered', 'accepted', 'approved')) s
                          GROUP BY 1, 2) r USING (holder_id, class)
             WHERE b.units IS DISTINCT FROM r.units
        """,
    )


def shared_out() -> Check:
    """No window passed its cap; where the cap did not bind everybody got all, else each the exact part or, by largest
    remainder, one unit more."""
    return compare(
        "windows shared out what the cap let through, pro rata",
        rows="SELECT count(*) FROM fund_redemptionline",
        differences="""
            WITH decided AS (
                SELECT d.*, d.price * CASE c.currency WHEN 'USD' THEN 100 ELSE 1 END AS minor, c.lot
                  FROM fund_redemptiondecision d
                  JOIN fund_redemptionwindow w ON w.code = d.window_id
                  JOIN fund_unitclass c ON c.code = w.unit_class_id
            )
            SELECT 'window ' || d.window_id || ' redeemed ' || d.filled || ' of ' || d.asked
              FROM decided d
             CROSS JOIN LATERAL (SELECT count(*) AS n, coalesce(sum(asked), 0) AS asked,
                                        coalesce(sum(filled), 0) AS filled
                                   FROM fund_redemptionline WHERE window_id = d.window_id) l
             WHERE (l.n, l.asked, l.filled) <> (d.requests, d.asked, d.filled)
                OR d.filled * d.minor > d.cap * d.lot
                OR d.filled < d.asked AND (d.filled + 1) * d.minor <= d.cap * d.lot
             UNION ALL
            SELECT 'request ' || request_id || ' got ' || filled || ' of ' || asked || ' in ' || window_id
              FROM (SELECT l.*, d.filled AS of_all, d.asked AS by_all,
                           rank() OVER (PARTITION BY l.window_id
                                            ORDER BY mod(l.asked::numeric * d.filled, d.asked) DESC, l.request_id)
                           <= d.filled - sum(div(l.asked::numeric * d.filled, d.asked)) OVER (PARTITION BY l.window_id)
                           AS more
                      FROM fund_redemptionline l JOIN decided d ON d.window_id = l.window_id) l
             WHERE filled <> div(asked::numeric * of_all, by_all) + more::int
        """,
    )


def proceeds() -> Check:
    """Each settled line has exactly its entry in the book: units, their worth at the price, the charge at the rate."""
    return compare(
        "redeemed units were paid at their price",
        rows="SELECT count(*) FROM fund_redemptionline WHERE settled_at IS NOT NULL",
        differences="""
            SELECT 'request ' || l.request_id || ' in ' || l.window_id
              FROM fund_redemptionline l
              JOIN fund_redemptionwindow w ON w.code = l.window_id
              JOIN fund_redemptiondecision d ON d.window_id = l.window_id
              JOIN fund_unitclass c ON c.code = w.unit_class_id
             CROSS JOIN LATERAL (SELECT d.price * CASE c.currency WHEN 'USD' THEN 100 ELSE 1 END / c.lot AS exact) p
             CROSS JOIN LATERAL (
                SELECT coalesce(sum(t.amount) FILTER (WHERE x.code LIKE 'units:%'), 0) AS units,
                       coalesce(sum(t.amount) FILTER (WHERE x.code LIKE 'capital:%'), 0) AS gross,
                       coalesce(sum(t.amount) FILTER (WHERE x.code LIKE 'refunds:%'), 0) AS charge
                  FROM fund_transfer t JOIN fund_account x ON x.id = t.debit_id
                 WHERE t.event_id = l.id AND t.event = 13 AND t.phase = 0) t
             WHERE l.settled_at IS NULL AND (t.units, t.gross, t.charge) <> (0, 0, 0)
                OR l.settled_at IS NOT NULL
               AND ((t.units, t.gross, t.charge) <> (l.filled, l.gross, l.charge)
                    OR l.gross <> floor(l.filled * p.exact)
                    OR l.charge <> floor(l.charged_units * p.exact * w.charge_percent / 100))
                OR (w.state = 'settled') <> (d.settled_at IS NOT NULL)
                OR w.state = 'settled' AND l.settled_at IS NULL
        """,
    )


def filled() -> Check:
    """What is filled of a request is what its settled lines redeemed, of one holder."""
    return compare(
        "requests are filled by their windows",
        rows="SELECT count(*) FROM fund_redemption",
        differences="""
            SELECT 'request ' || r.id || ' is filled ' || r.filled || ', its windows say ' || coalesce(l.units, 0)
              FROM fund_redemption r
              LEFT JOIN (SELECT request_id, holder_id, sum(filled) AS units FROM fund_redemptionline
                          WHERE settled_at IS NOT NULL GROUP BY 1, 2) l ON l.request_id = r.id
             WHERE r.filled <> coalesce(l.units, 0) OR l.holder_id <> r.holder_id
        """,
    )


def made_good() -> Check:
    """Each redemption of a compensated window has at least what the right price brings, and no more beyond (D43).

    Beyond is what it had been paid at a wrong price, which its holder keeps.
    """
    return compare(
        "redemptions at a corrected price were made good",
        rows="SELECT coalesce(sum(lines), 0)::bigint FROM fund_redemptioncompensation WHERE finished_at IS NOT NULL",
        differences="""
            SELECT 'request ' || l.request_id || ' in ' || l.window_id || ' was made good ' || coalesce(t.amount, 0)
              FROM (SELECT DISTINCT ON (k.window_id) k.window_id, k.price_after, n.version
                      FROM fund_redemptioncompensation k JOIN fund_nav n ON n.id = k.nav_id
                     WHERE k.finished_at IS NOT NULL ORDER BY k.window_id, n.version DESC) c
              JOIN fund_redemptionwindow w ON w.code = c.window_id
              JOIN fund_unitclass u ON u.code = w.unit_class_id
              JOIN fund_redemptionline l ON l.window_id = c.window_id AND l.filled > 0
              LEFT JOIN (SELECT event_id, sum(amount) AS amount, max(line) AS last FROM fund_transfer
                          WHERE event = 15 AND holder_id IS NOT NULL GROUP BY 1) t ON t.event_id = l.id
             CROSS JOIN LATERAL (SELECT c.price_after * CASE u.currency WHEN 'USD' THEN 100 ELSE 1 END / u.lot
                                        AS exact) p
             CROSS JOIN LATERAL (SELECT floor(l.filled * p.exact)
                                        - floor(l.charged_units * p.exact * w.charge_percent / 100) AS due) e
             WHERE l.gross - l.charge + coalesce(t.amount, 0) < e.due
                OR t.last = c.version AND l.gross - l.charge + t.amount <> e.due
        """,
    )
