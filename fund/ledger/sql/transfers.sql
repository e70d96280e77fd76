-- Transfers: sound, before they are carried (the names decide the order).
CREATE OR REPLACE FUNCTION fund_check_transfers() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    fault text;
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

    SELECT t.event_id::text INTO fault
      FROM added t JOIN fund_settlement s ON (s.holder_id, s.order_id) = (t.holder_id, t.event_id)
     WHERE t.event = 3 LIMIT 1;
    IF fault IS NOT NULL THEN
        RAISE EXCEPTION 'order % is settled', fault USING ERRCODE = 'unique_violation';
    END IF;
    RETURN NULL;
END $$;
