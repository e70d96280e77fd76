-- Distributions: one compound entry a holder, kept like settlements. A reversal is the same entry with its sides changed;
-- what has left the fund by then (borne) is the fund's expense. A statement books one batch.
CREATE OR REPLACE FUNCTION fund_keep_entitlements() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public
SET enable_hashjoin = off SET enable_mergejoin = off SET enable_seqscan = off SET enable_bitmapscan = off AS $$
DECLARE
    class fund_unitclass;
    by_holder text;
    missing bigint;
    sums record;
BEGIN
    SELECT min(batch_id) AS batch, max(batch_id) AS last_batch,
           bool_or(reversal) OR min(distribution_id) <> max(distribution_id) AS several,
           sum(sign * gross) AS gross, sum(sign * us) AS us, sum(sign * national) AS national,
           sum(sign * local) AS local, sum(sign * cost) AS cost, sum(sign * rounding) AS rounding,
           sum(sign * bought) AS bought, sum(borne) AS borne
      INTO sums FROM (SELECT *, CASE WHEN reversal THEN -1 ELSE 1 END AS sign FROM added) a;
    IF sums.batch IS NULL THEN
        RETURN NULL;
    END IF;
    SELECT c.* INTO class
      FROM fund_settlementbatch b JOIN fund_unitclass c ON c.code = b.unit_class_id
     WHERE b.id = sums.batch AND b.id = sums.last_batch AND b.xact::text = pg_current_xact_id()::text;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'entitlements are booked in one batch, under the heading that their own transaction has written'
            USING ERRCODE = 'check_violation';
    END IF;
    -- A distribution has one entry a holder; only with what it takes back of another has a holder several.
    by_holder := 'SELECT holder_id, paid, bought FROM added';
    IF sums.several THEN
        by_holder := 'SELECT holder_id, sum(CASE WHEN reversal THEN borne - paid ELSE paid END)::bigint AS paid,
                             sum(CASE WHEN reversal THEN -bought ELSE bought END)::bigint AS bought
                        FROM added GROUP BY holder_id';
    END IF;
    EXECUTE format($move$
        WITH m AS MATERIALIZED (%3$s ORDER BY holder_id), moved AS (
            UPDATE fund_card c
               SET %1$I = coalesce(c.%1$I, 0) + m.paid, %2$I = coalesce(c.%2$I, 0) + m.bought
              FROM m WHERE c.holder_id = m.holder_id RETURNING 1
        )
        SELECT (SELECT count(*) FROM m) - (SELECT count(*) FROM moved)
    $move$, fund_card_column('refunds:' || class.currency), fund_card_column('units:' || class.code), by_holder)
       INTO missing;
    IF missing <> 0 THEN
        RAISE EXCEPTION '% holders of these entitlements do not exist', missing USING ERRCODE = 'foreign_key_violation';
    END IF;
    UPDATE fund_control c SET amount = c.amount + m.amount
      FROM (SELECT id, v.amount FROM fund_account a
              JOIN (VALUES ('distributions:' || class.currency, -sums.gross),
                           ('withheld_us:' || class.currency, sums.us),
                           ('withheld_national:' || class.currency, sums.national),
                           ('withheld_local:' || class.currency, sums.local),
                           ('capital:' || class.code, sums.cost),
                           ('rounding:' || class.currency, sums.rounding),
                           ('expenses:' || class.currency, -sums.borne),
                           ('issued:' || class.code, -sums.bought)) v(code, amount) USING (code)
             WHERE v.amount <> 0 ORDER BY id) m
     WHERE c.account_id = m.id;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER keep_entitlements AFTER INSERT ON fund_entitlement
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION fund_keep_entitlements();

-- The whole book, one row a movement: transfers, settlements, distributions.
CREATE OR REPLACE VIEW fund_leg AS
    SELECT event_id, event, line, debit_id, credit_id, holder_id, phase, resolves, amount, effective_at, recorded_at, xact
      FROM fund_transfer
     UNION ALL
    SELECT s.order_id, 3::smallint, v.line, v.debit_id, v.credit_id, s.holder_id, 0::smallint, NULL::uuid, v.amount,
           b.effective_at, b.recorded_at, b.xact
      FROM (SELECT b.*, held.id AS held, refunds.id AS refunds, rounding.id AS rounding, capital.id AS capital,
                   issued.id AS issued, units.id AS units
              FROM fund_settlementbatch b
              JOIN fund_unitclass c ON c.code = b.unit_class_id
              JOIN fund_account held ON held.code = 'held:' || c.currency
              JOIN fund_account refunds ON refunds.code = 'refunds:' || c.currency
              JOIN fund_account rounding ON rounding.code = 'rounding:' || c.currency
              JOIN fund_account capital ON capital.code = 'capital:' || c.code
              JOIN fund_account issued ON issued.code = 'issued:' || c.code
              JOIN fund_account units ON units.code = 'units:' || c.code) b
      JOIN fund_settlement s ON s.batch_id = b.id
     CROSS JOIN LATERAL (VALUES (0::smallint, b.held, b.capital, s.cost), (1, b.held, b.rounding, s.rounding),
                                (2, b.issued, b.units, s.units), (3, b.held, b.refunds, s.refund)
                        ) v(line, debit_id, credit_id, amount)
     WHERE v.amount > 0
     UNION ALL
    -- Its event is the distribution and the holder; a reversal has an event of its own.
    SELECT (lpad(to_hex(e.distribution_id), 15, '0') || CASE WHEN e.reversal THEN 'f' ELSE '0' END
            || lpad(to_hex(e.holder_id), 16, '0'))::uuid,
           12::smallint, v.line, CASE WHEN e.reversal AND v.line < 7 THEN v.credit_id ELSE v.debit_id END,
           CASE WHEN e.reversal AND v.line < 7 THEN v.debit_id ELSE v.credit_id END,
           CASE WHEN v.line IN (0, 6) THEN e.holder_id END, 0::smallint, NULL::uuid, v.amount,
           b.effective_at, b.recorded_at, b.xact
      FROM (SELECT b.*, payable.id AS payable, refunds.id AS refunds, rounding.id AS rounding, capital.id AS capital,
                   issued.id AS issued, units.id AS units, us.id AS us, national.id AS national, local.id AS local,
                   expenses.id AS expenses
              FROM fund_settlementbatch b
              JOIN fund_unitclass c ON c.code = b.unit_class_id
              JOIN fund_account payable ON payable.code = 'distributions:' || c.currency
              JOIN fund_account refunds ON refunds.code = 'refunds:' || c.currency
              JOIN fund_account rounding ON rounding.code = 'rounding:' || c.currency
              JOIN fund_account capital ON capital.code = 'capital:' || c.code
              JOIN fund_account issued ON issued.code = 'issued:' || c.code
              JOIN fund_account units ON units.code = 'units:' || c.code
              JOIN fund_account us ON us.code = 'withheld_us:' || c.currency
              JOIN fund_account national ON national.code = 'withheld_national:' || c.currency
              JOIN fund_account local ON local.code = 'withheld_local:' || c.currency
              JOIN fund_account expenses ON expenses.code = 'expenses:' || c.currency) b
      JOIN fund_entitlement e ON e.batch_id = b.id
     CROSS JOIN LATERAL (VALUES (0::smallint, b.payable, b.refunds, e.paid - e.borne), (1, b.payable, b.us, e.us),
                                (2, b.payable, b.national, e.national), (3, b.payable, b.local, e.local),
                                (4, b.payable, b.capital, e.cost), (5, b.payable, b.rounding, e.rounding),
                                (6, b.issued, b.units, e.bought), (7, b.expenses, b.payable, e.borne)
                        ) v(line, debit_id, credit_id, amount)
     WHERE v.amount > 0;
