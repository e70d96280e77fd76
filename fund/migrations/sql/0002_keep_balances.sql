-- The book keeps its own balances. After every INSERT into fund_transfer the lines are checked against the chart and
-- carried into fund_balance, as sets. The functions run as the owner: the app's role reads balances, never writes them.

-- What the transfers of a statement do to each balance. A pending transfer reserves on the debit side only.
CREATE TYPE fund_movement AS (holder_id bigint, account_id smallint, amount bigint, reserved bigint);

-- Move the balances that exist; returns those movements. The settings leave the planner one way only: down the sorted
-- movements, each row found by its key. So rows are locked in key order without a pass of its own that locks them, and
-- no two statements wait in a circle.
CREATE FUNCTION fund_move(movements fund_movement[]) RETURNS fund_movement[]
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
    WITH moved AS (
        UPDATE fund_balance b SET amount = b.amount + m.amount, reserved = b.reserved + m.reserved
          FROM (SELECT * FROM unnest(movements) ORDER BY account_id, holder_id) m
         WHERE (b.account_id, b.holder_id) = (m.account_id, m.holder_id)
        RETURNING (m.holder_id, m.account_id, m.amount, m.reserved)::fund_movement AS movement
    )
    SELECT coalesce(array_agg(movement), '{}') FROM moved
$$;

-- Carry movements into the balances. One that does not exist yet begins with its movement, also in key order; one that
-- somebody else has begun meanwhile is carried again. Not INSERT … ON CONFLICT DO UPDATE: the CHECK would judge the
-- movement itself instead of the balance after it.
CREATE FUNCTION fund_carry(movements fund_movement[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    moved fund_movement[] := fund_move(movements);
    beginning fund_movement[];
BEGIN
    IF cardinality(moved) = cardinality(movements) THEN
        RETURN;
    END IF;
    beginning := ARRAY(
        SELECT m FROM unnest(movements) m LEFT JOIN unnest(moved) d USING (account_id, holder_id)
         WHERE d.account_id IS NULL ORDER BY m.account_id, m.holder_id
    );
    WITH begun AS (
        INSERT INTO fund_balance (account_id, holder_id, amount, reserved)
        SELECT account_id, holder_id, amount, reserved FROM unnest(beginning)
        ON CONFLICT DO NOTHING RETURNING account_id, holder_id
    )
    SELECT array_agg(m) INTO beginning
      FROM unnest(beginning) m LEFT JOIN begun b USING (account_id, holder_id) WHERE b.account_id IS NULL;
    IF beginning IS NOT NULL THEN
        PERFORM fund_carry(beginning);
    END IF;
END $$;

REVOKE ALL ON FUNCTION fund_move, fund_carry FROM PUBLIC;

CREATE FUNCTION fund_keep_balances() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    fault text;
    of_holders fund_movement[];
    of_the_fund fund_movement[];
BEGIN
    -- min() and not LIMIT 1, which would make the planner look every account up by itself.
    SELECT min(t.event_id || ' line ' || t.line) INTO fault
      FROM added t
      LEFT JOIN fund_account d ON d.id = t.debit_id
      LEFT JOIN fund_account c ON c.id = t.credit_id
     WHERE d.id IS NULL
        OR d.asset IS DISTINCT FROM c.asset
        OR (d.per_holder OR c.per_holder) <> (t.holder_id IS NOT NULL);
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'transfer %: both accounts are of one asset, and a holder is named if one is per holder', fault
            USING ERRCODE = 'check_violation';
    END IF;

    SELECT t.event_id || ' line ' || t.line INTO fault
      FROM added t
      LEFT JOIN fund_transfer p ON p.event_id = t.resolves AND p.line = t.line AND p.phase = 1
           AND (p.debit_id, p.credit_id, p.amount) = (t.debit_id, t.credit_id, t.amount)
           AND p.holder_id IS NOT DISTINCT FROM t.holder_id
     WHERE t.phase >= 2 AND p.event_id IS NULL
     LIMIT 1;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'transfer % resolves nothing pending with the same accounts, holder and amount', fault
            USING ERRCODE = 'check_violation';
    END IF;

    WITH sides AS (
        SELECT CASE WHEN d.per_holder THEN t.holder_id ELSE 0 END AS holder_id, t.debit_id AS account_id,
               CASE WHEN t.phase IN (0, 2) THEN -t.amount ELSE 0 END AS amount,
               CASE t.phase WHEN 0 THEN 0 WHEN 1 THEN t.amount ELSE -t.amount END AS reserved
          FROM added t JOIN fund_account d ON d.id = t.debit_id
        UNION ALL
        SELECT CASE WHEN c.per_holder THEN t.holder_id ELSE 0 END, t.credit_id,
               CASE WHEN t.phase IN (0, 2) THEN t.amount ELSE 0 END, 0
          FROM added t JOIN fund_account c ON c.id = t.credit_id
    ), net AS (
        SELECT (holder_id, account_id, sum(amount), sum(reserved))::fund_movement AS movement, holder_id > 0 AS holders
          FROM sides GROUP BY holder_id, account_id
    )
    SELECT array_agg(movement) FILTER (WHERE holders), array_agg(movement) FILTER (WHERE NOT holders)
      INTO of_holders, of_the_fund FROM net;

    PERFORM fund_carry(of_holders);
    PERFORM fund_carry(of_the_fund);  -- the shared rows last: they are held until the commit
    RETURN NULL;
END $$;

CREATE TRIGGER keep_balances AFTER INSERT ON fund_transfer
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION fund_keep_balances();

-- Balances are rewritten often and never grow: room on the page keeps the rewrites on it.
ALTER TABLE fund_balance SET (fillfactor = 50);
