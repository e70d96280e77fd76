-- The book keeps its own balances. After every INSERT the lines are checked against the chart and carried into cards and
-- controls, as sets. The functions run as the owner: the app's role reads balances, never writes them.

-- A card opens with its holder, a control with its account: whoever moves a balance finds it there.
CREATE FUNCTION fund_open_cards() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO fund_card (holder_id) SELECT id FROM added ORDER BY id;
    RETURN NULL;
END $$;

CREATE TRIGGER open_cards AFTER INSERT ON fund_holder
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION fund_open_cards();

CREATE FUNCTION fund_open_controls() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    INSERT INTO fund_control (account_id, amount, reserved) SELECT id, 0, 0 FROM added WHERE NOT per_holder;
    RETURN NULL;
END $$;

CREATE TRIGGER open_controls AFTER INSERT ON fund_account
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION fund_open_controls();

-- The column of a card that keeps a per-holder account.
CREATE FUNCTION fund_card_column(code text) RETURNS text
LANGUAGE sql IMMUTABLE AS $$ SELECT replace(lower(code), ':', '_') $$;

CREATE TRIGGER check_transfers AFTER INSERT ON fund_transfer
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION fund_check_transfers();

-- What the transfers of a statement do to each balance; a pending one reserves on the debit side only. The cards move in
-- one UPDATE, which names the columns of just the accounts that are moved. The settings leave the planner one way only:
-- down the sorted movements, each row found by its key. So rows are locked in key order without a pass of its own that
-- locks them, and no two statements wait in a circle. The fund's own accounts come last: they are shared, and held until
-- the commit.
CREATE FUNCTION fund_keep_balances() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    sides text := $sides$
        SELECT holder_id, debit_id AS account_id, CASE WHEN phase IN (0, 2) THEN -amount ELSE 0 END AS amount,
               CASE phase WHEN 0 THEN 0 WHEN 1 THEN amount ELSE -amount END AS reserved FROM added
        UNION ALL
        SELECT holder_id, credit_id, CASE WHEN phase IN (0, 2) THEN amount ELSE 0 END, 0 FROM added
    $sides$;
    sums text;
    moves text;
    missing bigint;
BEGIN
    SELECT string_agg(format('(sum(amount) FILTER (WHERE account_id = %1$s))::bigint AS %2$I, '
                             'nullif(sum(reserved) FILTER (WHERE account_id = %1$s), 0)::bigint AS %3$I',
                             id, name, 'reserved_' || name), ', '),
           string_agg(format('%1$I = coalesce(c.%1$I + m.%1$I, c.%1$I, m.%1$I), '
                             '%2$I = coalesce(c.%2$I + m.%2$I, c.%2$I, m.%2$I)', name, 'reserved_' || name), ', ')
      INTO sums, moves
      FROM (SELECT id, fund_card_column(code) AS name FROM fund_account
             WHERE per_holder AND id IN (SELECT debit_id FROM added UNION SELECT credit_id FROM added)) a;
    IF sums IS NOT NULL THEN
        EXECUTE format($move$
            WITH m AS MATERIALIZED (SELECT holder_id, %s FROM (%s) s WHERE holder_id IS NOT NULL
                                     GROUP BY holder_id ORDER BY holder_id),
            moved AS (UPDATE fund_card c SET %s FROM m WHERE c.holder_id = m.holder_id RETURNING 1)
            SELECT (SELECT count(*) FROM m) - (SELECT count(*) FROM moved)
        $move$, sums, sides, moves) INTO missing;
        IF missing <> 0 THEN
            RAISE EXCEPTION '% holders of these transfers do not exist', missing USING ERRCODE = 'foreign_key_violation';
        END IF;
    END IF;
    EXECUTE format($move$
        UPDATE fund_control c SET amount = c.amount + m.amount, reserved = c.reserved + m.reserved
          FROM (SELECT account_id, sum(amount)::bigint AS amount, sum(reserved)::bigint AS reserved FROM (%s) s
                 GROUP BY account_id ORDER BY account_id) m
         WHERE c.account_id = m.account_id
    $move$, sides);
    RETURN NULL;
END $$;

CREATE TRIGGER keep_balances AFTER INSERT ON fund_transfer
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION fund_keep_balances();

-- Settlements: the same for compound entries. A statement books one batch, whose heading its own transaction wrote: a
-- batch gains no rows later, when it may be sealed.
CREATE FUNCTION fund_keep_settlements() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    batches bigint[];
    class fund_unitclass;
    missing bigint;
    sum_cost bigint;
    sum_rounding bigint;
    sum_units bigint;
BEGIN
    SELECT ARRAY[min(batch_id), max(batch_id)], sum(cost), sum(rounding), sum(units)
      INTO batches, sum_cost, sum_rounding, sum_units FROM added;
    IF batches[1] IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT c.* INTO class
      FROM fund_settlementbatch b JOIN fund_unitclass c ON c.code = b.unit_class_id
     WHERE b.id = batches[1] AND b.id = batches[2] AND b.xact::text = pg_current_xact_id()::text;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'settlements are booked in one batch, under the heading that their own transaction has written'
            USING ERRCODE = 'check_violation';
    END IF;
    EXECUTE format($move$
        WITH m AS MATERIALIZED (
            SELECT holder_id, sum(cost + rounding + refund)::bigint AS paid, sum(refund)::bigint AS refund,
                   sum(units)::bigint AS units
              FROM added GROUP BY holder_id ORDER BY holder_id
        ), moved AS (
            UPDATE fund_card c
               SET %1$I = coalesce(c.%1$I, 0) - m.paid, %2$I = coalesce(c.%2$I, 0) + m.refund,
                   %3$I = coalesce(c.%3$I, 0) + m.units
              FROM m WHERE c.holder_id = m.holder_id RETURNING 1
        )
        SELECT (SELECT count(*) FROM m) - (SELECT count(*) FROM moved)
    $move$, fund_card_column('held:' || class.currency), fund_card_column('refunds:' || class.currency),
            fund_card_column('units:' || class.code)) INTO missing;
    IF missing <> 0 THEN
        RAISE EXCEPTION '% holders of these settlements do not exist', missing USING ERRCODE = 'foreign_key_violation';
    END IF;
    UPDATE fund_control c SET amount = c.amount + m.amount
      FROM (SELECT id, v.amount FROM fund_account a
              JOIN (VALUES ('capital:' || class.code, sum_cost), ('rounding:' || class.currency, sum_rounding),
                           ('issued:' || class.code, -sum_units)) v(code, amount) USING (code)
             ORDER BY id) m
     WHERE c.account_id = m.id;
    RETURN NULL;
END $$;

CREATE TRIGGER keep_settlements AFTER INSERT ON fund_settlement
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION fund_keep_settlements();

-- Every balance as a row. Of a card only the columns that were ever used.
CREATE VIEW fund_balance AS
    SELECT account_id, 0::bigint AS holder_id, amount, reserved FROM fund_control
     UNION ALL SELECT (SELECT id FROM fund_account WHERE code = 'held:USD'), holder_id, held_usd,
                      coalesce(reserved_held_usd, 0) FROM fund_card WHERE held_usd IS NOT NULL
     UNION ALL SELECT (SELECT id FROM fund_account WHERE code = 'held:JPY'), holder_id, held_jpy,
                      coalesce(reserved_held_jpy, 0) FROM fund_card WHERE held_jpy IS NOT NULL
     UNION ALL SELECT (SELECT id FROM fund_account WHERE code = 'refunds:USD'), holder_id, refunds_usd,
                      coalesce(reserved_refunds_usd, 0) FROM fund_card WHERE refunds_usd IS NOT NULL
     UNION ALL SELECT (SELECT id FROM fund_account WHERE code = 'refunds:JPY'), holder_id, refunds_jpy,
                      coalesce(reserved_refunds_jpy, 0) FROM fund_card WHERE refunds_jpy IS NOT NULL
     UNION ALL SELECT (SELECT id FROM fund_account WHERE code = 'units:SOV'), holder_id, units_sov,
                      coalesce(reserved_units_sov, 0) FROM fund_card WHERE units_sov IS NOT NULL
     UNION ALL SELECT (SELECT id FROM fund_account WHERE code = 'units:LP'), holder_id, units_lp,
                      coalesce(reserved_units_lp, 0) FROM fund_card WHERE units_lp IS NOT NULL
     UNION ALL SELECT (SELECT id FROM fund_account WHERE code = 'units:US'), holder_id, units_us,
                      coalesce(reserved_units_us, 0) FROM fund_card WHERE units_us IS NOT NULL
     UNION ALL SELECT (SELECT id FROM fund_account WHERE code = 'units:JP'), holder_id, units_jp,
                      coalesce(reserved_units_jp, 0) FROM fund_card WHERE units_jp IS NOT NULL;

-- Cards are rewritten often and never grow much: room on the page keeps the rewrites on it, and no index has to know.
ALTER TABLE fund_card SET (fillfactor = 50);
