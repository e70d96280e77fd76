"""What every holder must have, reckoned anew in plain SQL from nothing but what was acknowledged (D21, D29, D45–D47).

None of it is ``prove``'s, nor a statement of the fund's own: where the fund finds a level, a cut and a range, this
ranks everybody with window functions over the whole book. What was acknowledged stands in tables of its own that the
site cannot see: orders that were answered, payments whose bank file was taken, units that were held before. Beside
them it reads only what was published: terms, capacities, seeds and prices. Cursors are the owner's.

Citizens are taxed and reinvest as ``bench.distribution`` has told: every tenth lives in the United States, every tenth
buys units, if registered before the record day was over.
"""

from typing import Any

TABLES = """
    CREATE SCHEMA acknowledged;
    CREATE TABLE acknowledged.orders (
        reference text PRIMARY KEY, holder_id bigint NOT NULL, offering text NOT NULL, amount bigint NOT NULL,
        withdrawn boolean NOT NULL DEFAULT false);
    CREATE TABLE acknowledged.payments (reference text NOT NULL, amount bigint NOT NULL);
    CREATE TABLE acknowledged.holdings (holder_id bigint PRIMARY KEY, units bigint NOT NULL, cost bigint NOT NULL);
"""
BEFORE = """
    INSERT INTO acknowledged.orders (reference, holder_id, offering, amount)
    SELECT reference, holder_id, offering_id, amount FROM fund_subscription;
    INSERT INTO acknowledged.payments
    SELECT reference, amount FROM fund_bankentry;
"""

# HMAC-SHA256 (RFC 2104) of a ticket under the seed that was published with the allotment.
PAD = """(SELECT string_agg(set_byte('\\x00'::bytea, 0,
                  (CASE WHEN i < length({key}) THEN get_byte({key}, i) ELSE 0 END) # {byte}), ''::bytea ORDER BY i)
            FROM generate_series(0, 63) i)"""
DRAW = f"""sha256({PAD.format(key="b.seed", byte=0x5C)}
                  || sha256({PAD.format(key="b.seed", byte=0x36)} || convert_to(a.ticket::text, 'UTF8')))"""

# One line for each holder with any money or units. A price or a rate is yen for 10,000 units.
EXPECTED = f"""
    WITH paid AS MATERIALIZED (
        SELECT reference, sum(amount) AS paid FROM acknowledged.payments GROUP BY reference
    ), orders AS MATERIALIZED (
        SELECT o.*, s.id, coalesce(p.paid, 0) AS paid, coalesce(p.paid, 0) >= o.amount AND NOT o.withdrawn AS stands
          FROM acknowledged.orders o LEFT JOIN paid p USING (reference) LEFT JOIN fund_subscription s USING (reference)
    ), books AS MATERIALIZED (
        SELECT code, lot, capacity / lot AS lots, seed, fixed_price AS price, pay_by FROM fund_offering
         WHERE state IN ('allotted', 'settled')
    ), requests AS MATERIALIZED (
        SELECT o.offering, o.holder_id, sum(o.amount) / min(b.lot) AS lots, min(b.lots) AS capacity
          FROM orders o JOIN books b ON b.code = o.offering WHERE o.stands GROUP BY 1, 2
    ), levels AS MATERIALIZED (
        SELECT code, level, lots - (SELECT sum(least(r.lots, level)) FROM requests r WHERE r.offering = code) AS left
          FROM (SELECT b.*, (SELECT max(l) FROM generate_series(0, (SELECT max(lots) FROM requests)::int) l
                              WHERE (SELECT sum(least(r.lots, l)) FROM requests r WHERE r.offering = b.code) <= b.lots
                            ) AS level
                  FROM books b) b
    ), seeds AS MATERIALIZED (
        SELECT code, seed FROM books
    ), drawn AS MATERIALIZED (
        SELECT r.*, l.level, l.left,
               row_number() OVER (PARTITION BY r.offering, r.lots > l.level ORDER BY {DRAW}) AS place
          FROM requests r JOIN levels l ON l.code = r.offering JOIN seeds b ON b.code = r.offering
          JOIN fund_applicant a ON a.offering_id = r.offering AND a.holder_id = r.holder_id
    ), allotted AS MATERIALIZED (
        SELECT o.offering, o.holder_id, o.amount, b.price, b.pay_by,
               greatest(0, least(o.amount, (CASE WHEN d.lots <= d.level THEN d.lots
                                                 ELSE d.level + (d.place <= d.left)::int END) * b.lot
                                           - (sum(o.amount) OVER earlier - o.amount))) AS money
          FROM orders o JOIN drawn d USING (offering, holder_id) JOIN books b ON b.code = o.offering
         WHERE o.stands
        WINDOW earlier AS (PARTITION BY o.offering, o.holder_id ORDER BY o.id)
    ), lines AS MATERIALIZED (
        SELECT *, ceil(units * price * 0.0001) AS cost
          FROM (SELECT *, div(money * 10000, price) AS units FROM allotted) a
    ), terms AS MATERIALIZED (
        SELECT d.per_lot, d.record_day,
               (SELECT c.price FROM fund_classnav c JOIN fund_nav n ON n.id = c.nav_id
                 WHERE n.state = 'published' AND c.unit_class_id = 'JP' AND n.valuation_day = d.record_day) AS ex,
               (SELECT c.price FROM fund_classnav c JOIN fund_nav n ON n.id = c.nav_id
                 WHERE n.state = 'published' AND c.unit_class_id = 'JP' AND n.valuation_day >= d.pay_day
                 ORDER BY n.valuation_day LIMIT 1) AS price
          FROM fund_distribution d WHERE d.state <> 'declared'
    ), entitled AS MATERIALIZED (
        SELECT holder_id, sum(units) AS units, sum(cost) AS cost
          FROM (SELECT * FROM acknowledged.holdings
                 UNION ALL
                SELECT holder_id, units, cost FROM lines WHERE pay_by < (SELECT max(record_day) FROM terms)) h
         GROUP BY holder_id HAVING sum(units) > 0
    ), shares AS MATERIALIZED (
        SELECT *, floor(share) AS whole, row_number() OVER (ORDER BY share - floor(share) DESC, holder_id) AS place,
               floor(sum(share) OVER ()) - sum(floor(share)) OVER () AS left
          FROM (SELECT e.*, t.*, e.units * t.per_lot * 0.0001 AS share FROM entitled e CROSS JOIN terms t) e
    ), gross AS (
        SELECT *, whole + (place <= "left")::int AS gross FROM shares
    ), taxed AS (
        SELECT *, gross - least(gross, greatest(0, cost - floor(units * ex * 0.0001))) AS income FROM gross
    ), net AS (
        SELECT *, gross - floor(income * 0.15315)
                  - CASE WHEN holder_id % 10 = 0 THEN 0 ELSE floor(income * 0.05) END AS net
          FROM taxed
    ), given AS MATERIALIZED (
        SELECT holder_id, CASE WHEN bought > 0 THEN 0 ELSE net END AS paid, bought
          FROM (SELECT n.*, CASE WHEN holder_id % 10 = 3 AND h.registered_at::date <= record_day
                                 THEN div(net * 10000, price) ELSE 0 END AS bought
                  FROM net n JOIN fund_holder h ON h.id = holder_id) n
    ), moves AS (
        SELECT holder_id, units, 0 AS held, 0 AS refunds FROM acknowledged.holdings
         UNION ALL
        SELECT holder_id, 0, CASE WHEN withdrawn THEN 0 ELSE paid END, CASE WHEN withdrawn THEN paid ELSE 0 END
          FROM orders WHERE offering NOT IN (SELECT code FROM books)
         UNION ALL
        SELECT l.holder_id, l.units, 0, 0 FROM lines l
         UNION ALL
        SELECT o.holder_id, 0, 0, o.amount FROM orders o JOIN books b ON b.code = o.offering WHERE o.stands
         UNION ALL
        SELECT l.holder_id, 0, 0, -l.money FROM lines l
         UNION ALL
        SELECT holder_id, bought, 0, paid FROM given
    )
    SELECT holder_id, sum(units)::bigint AS units, sum(held)::bigint AS held, sum(refunds)::bigint AS refunds
      FROM moves GROUP BY holder_id HAVING (sum(units), sum(held), sum(refunds)) <> (0, 0, 0)
"""
CARDS = """
    SELECT holder_id, coalesce(units_jp, 0), coalesce(held_jpy, 0), coalesce(refunds_jpy, 0) FROM fund_card
     WHERE (coalesce(units_jp, 0), coalesce(held_jpy, 0), coalesce(refunds_jpy, 0)) <> (0, 0, 0)
"""
LEDGER = """
    SELECT holder_id, sum(amount) FILTER (WHERE code = 'units:JP'), sum(amount) FILTER (WHERE code = 'held:JPY'),
           sum(amount) FILTER (WHERE code = 'refunds:JPY')
      FROM (SELECT l.holder_id, a.code, CASE WHEN a.id = l.credit_id THEN l.amount ELSE -l.amount END AS amount
              FROM fund_leg l JOIN fund_account a ON a.id IN (l.debit_id, l.credit_id)
             WHERE l.phase IN (0, 2) AND a.code IN ('units:JP', 'held:JPY', 'refunds:JPY')) m
     GROUP BY holder_id
"""
DIFFERENT = """
    SELECT holder_id, e.units, e.held, e.refunds, b.units, b.held, b.refunds
      FROM expected e FULL JOIN ({books}) b(holder_id, units, held, refunds) USING (holder_id)
     WHERE (coalesce(e.units, 0), coalesce(e.held, 0), coalesce(e.refunds, 0))
           IS DISTINCT FROM (coalesce(b.units, 0), coalesce(b.held, 0), coalesce(b.refunds, 0)) ORDER BY holder_id
"""
COUNTED = """
    SELECT (SELECT count(*) FROM acknowledged.orders a LEFT JOIN fund_subscription s
                ON (s.reference, s.holder_id, s.offering_id, s.amount)
                   = (a.reference, a.holder_id, a.offering, a.amount)
             WHERE s.id IS NULL) AS orders_lost,
           (SELECT count(*) FROM fund_subscription s WHERE NOT EXISTS (
                SELECT FROM acknowledged.orders a WHERE a.reference = s.reference)) AS orders_doubled,
           (SELECT count(*) FROM (SELECT reference, amount, count(*) FROM acknowledged.payments GROUP BY 1, 2
                                   EXCEPT SELECT reference, amount, count(*) FROM fund_bankentry GROUP BY 1, 2) p
           ) AS payments_lost,
           (SELECT count(*) FROM (SELECT reference, amount, count(*) FROM fund_bankentry GROUP BY 1, 2
                                   EXCEPT SELECT reference, amount, count(*) FROM acknowledged.payments GROUP BY 1, 2) p
           ) AS payments_doubled,
           (SELECT count(*) FROM (SELECT FROM fund_entitlement GROUP BY holder_id, distribution_id
                                  HAVING count(*) > 1) e) AS paid_twice,
           (SELECT count(*) FROM expected) AS holders
"""


def begin(cursor: Any, *, holdings: str = "") -> None:
    """Take down what stands now as acknowledged, and ``holdings``, a query, as held from before."""
    cursor.execute(TABLES)
    cursor.execute(BEFORE)
    if holdings:
        cursor.execute(f"INSERT INTO acknowledged.holdings {holdings}")


def told(cursor: Any, *, orders: list[tuple[str, int, str, int, bool]], payments: list[tuple[str, int]]) -> None:
    """Orders (reference, holder, offering, amount, withdrawn) and payments (reference, amount) besides."""
    cursor.executemany("INSERT INTO acknowledged.orders VALUES (%s, %s, %s, %s, %s)", orders)
    cursor.executemany("INSERT INTO acknowledged.payments VALUES (%s, %s)", payments)


def differences(cursor: Any) -> dict[str, Any]:
    """How many holders' units, held money or refunds are other than expected, on the cards or in the ledger, with the
    first of them; and how much of what was acknowledged is lost or there more than once."""
    cursor.execute("SET work_mem = '64MB'")
    cursor.execute("SET jit = off")
    cursor.execute(f"CREATE TEMPORARY TABLE expected AS {EXPECTED}")
    cursor.execute(COUNTED)
    found = dict(zip([column.name for column in cursor.description], cursor.fetchone(), strict=True))
    different = []
    for books in (CARDS, LEDGER):
        cursor.execute(DIFFERENT.format(books=books))
        different += cursor.fetchall()
    cursor.execute("DROP TABLE expected")
    return {**found, "different": len(different), "first": str(different[0]) if different else ""}
