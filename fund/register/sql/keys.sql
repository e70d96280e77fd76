-- An entry that officers make by hand needs both keys (D4): a transfer of one of these events stands only beside the row of
-- its act, and that row carries an approved proposal. Judged at the commit, so that row and transfer may come in any order.
CREATE FUNCTION fund_entry_is_approved() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF NOT (CASE NEW.event
        WHEN 6 THEN EXISTS (SELECT FROM fund_contribution WHERE event_id = NEW.event_id)
        WHEN 7 THEN EXISTS (SELECT FROM fund_deployment WHERE event_id = NEW.event_id)
        WHEN 8 THEN EXISTS (SELECT FROM fund_facilitybalance WHERE event_id = NEW.event_id)
        WHEN 9 THEN EXISTS (SELECT FROM fund_expense WHERE event_id = NEW.event_id)
                 OR EXISTS (SELECT FROM fund_resolution WHERE id = NEW.event_id)
        ELSE EXISTS (SELECT FROM fund_income WHERE event_id = NEW.event_id)
    END) THEN
        RAISE EXCEPTION 'entry % of the book is not approved by an officer of each nation', NEW.event_id
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER entry_is_approved AFTER INSERT ON fund_transfer DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.event IN (6, 7, 8, 9, 14)) EXECUTE FUNCTION fund_entry_is_approved();

-- The two co-owners hold the same (D1), unless both have agreed otherwise by the setting. Judged at the commit: within a
-- transaction one is served after the other.
CREATE FUNCTION fund_co_owners_equal() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF (SELECT count(DISTINCT coalesce(c.units_sov, 0)) > 1 OR count(*) <> 2
          FROM fund_card c JOIN fund_holder h ON h.id = c.holder_id WHERE h.kind = 'sovereign')
       AND coalesce((SELECT value::text FROM fund_setting
                      WHERE key = 'co_owners.equal' AND effective_from <= now()
                      ORDER BY effective_from DESC LIMIT 1), 'true') = 'true' THEN
        RAISE EXCEPTION 'the two co-owners hold the same number of units' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE CONSTRAINT TRIGGER co_owners_equal AFTER UPDATE OF units_sov ON fund_card DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW WHEN (NEW.units_sov IS DISTINCT FROM OLD.units_sov) EXECUTE FUNCTION fund_co_owners_equal();
