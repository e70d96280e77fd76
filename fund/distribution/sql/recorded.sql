-- An entitlement is of a distribution that is recorded and not paid yet, a reversal of the one that it corrects: so nothing
-- is given without the keys of both nations, whoever writes the row.
CREATE OR REPLACE FUNCTION fund_entitlement_is_recorded() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
BEGIN
    IF EXISTS (SELECT FROM (SELECT DISTINCT distribution_id, reversal FROM added) a
                WHERE NOT EXISTS (SELECT FROM fund_distribution d
                                   WHERE d.state = 'recorded'
                                     AND a.distribution_id = CASE WHEN a.reversal THEN d.corrects_id ELSE d.id END)) THEN
        RAISE EXCEPTION 'an entitlement is of a distribution that is recorded' USING ERRCODE = 'insufficient_privilege';
    END IF;
    RETURN NULL;
END $$;

CREATE OR REPLACE TRIGGER entitlement_is_recorded AFTER INSERT ON fund_entitlement
    REFERENCING NEW TABLE AS added FOR EACH STATEMENT EXECUTE FUNCTION fund_entitlement_is_recorded();
