-- Who is in office follows from the entries of fund_officeentry and from nothing else: the site's role reads fund_officer,
-- this function, which runs as the owner, writes it. Power is given by both keys and taken away by one hand.
CREATE FUNCTION fund_keep_office() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public AS $$
DECLARE
    moved bigint;
BEGIN
    IF NEW.act IN ('appointed', 'duties') AND NOT fund_two_keys(
        NEW.proposal_id, 'office', 'user:' || NEW.user_id,
        jsonb_build_object('act', NEW.act, 'user', NEW.user_id, 'duties', to_jsonb(NEW.duties)) || CASE NEW.act
            WHEN 'appointed' THEN jsonb_build_object('person', NEW.person, 'nation', NEW.nation, 'name_en', NEW.name_en,
                                                     'name_ja', NEW.name_ja)
            ELSE '{}' END
    ) THEN
        RAISE EXCEPTION 'an office needs an officer of each nation' USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.act = 'emergency' AND NOT EXISTS (
        SELECT FROM fund_officer a, fund_officer o
         WHERE a.id = NEW.by_id AND o.user_id = NEW.user_id AND 'administration' = ANY (a.duties)
           AND a.in_office_from <= NEW.at AND (a.in_office_until IS NULL OR NEW.at < a.in_office_until)
           AND a.nation = o.nation AND a.person <> o.person
    ) THEN
        RAISE EXCEPTION 'duties of an emergency are given by an administrator of the same nation, to somebody else'
            USING ERRCODE = 'insufficient_privilege';
    END IF;
    IF NEW.act = 'left' THEN  -- the administrators are locked in key order, so that two do not leave at once
        PERFORM FROM fund_officer WHERE 'administration' = ANY (duties) AND in_office_until IS NULL ORDER BY id FOR UPDATE;
        IF EXISTS (SELECT FROM fund_officer WHERE user_id = NEW.user_id AND 'administration' = ANY (duties))
           AND NOT EXISTS (
            SELECT FROM fund_officer a, fund_officer o
             WHERE o.user_id = NEW.user_id AND a.nation = o.nation AND a.person <> o.person
               AND 'administration' = ANY (a.duties) AND a.in_office_until IS NULL
        ) THEN
            RAISE EXCEPTION 'a nation keeps an administrator' USING ERRCODE = 'restrict_violation';
        END IF;
    END IF;
    IF NEW.act = 'appointed' THEN
        INSERT INTO fund_officer (user_id, person, nation, name_en, name_ja, duties, in_office_from)
        VALUES (NEW.user_id, NEW.person, NEW.nation, NEW.name_en, NEW.name_ja, NEW.duties, NEW.at);
    ELSE
        UPDATE fund_officer
           SET duties = CASE NEW.act WHEN 'duties' THEN NEW.duties ELSE duties END,
               in_office_until = CASE NEW.act WHEN 'left' THEN NEW.at ELSE in_office_until END,
               emergency_duties = CASE WHEN NEW.act = 'emergency' THEN NEW.duties
                                       WHEN NEW.act = 'duties' THEN emergency_duties ELSE '{}' END,
               emergency_until = CASE WHEN NEW.act = 'emergency' THEN NEW.until
                                      WHEN NEW.act = 'duties' THEN emergency_until END
         WHERE user_id = NEW.user_id AND in_office_until IS NULL;
    END IF;
    GET DIAGNOSTICS moved = ROW_COUNT;
    IF moved <> 1 THEN
        RAISE EXCEPTION 'this account belongs to no officer in office' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER keep_office AFTER INSERT ON fund_officeentry FOR EACH ROW EXECUTE FUNCTION fund_keep_office();
