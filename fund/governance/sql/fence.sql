-- Which database this is. A restored copy answers otherwise, whoever restored it and whatever was forgotten: of the parts
-- one at least changes by itself.
--   system identifier   given by initdb: a dump loaded elsewhere
--   timeline            counted up by PostgreSQL at every recovery to a moment and every promotion of a standby
--   database            given by CREATE DATABASE: a dump, or a copy from a template, on the same server
--   change of a file    the system's clock when PG_VERSION, which nothing ever writes again, came to lie in its folder;
--                       no copy of files keeps it (cp, tar, rsync, pg_basebackup)
-- Only a superuser may ask for the last. Where the owner is none it is "-", always.
CREATE FUNCTION fund_generation() RETURNS text
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    born text := '-';
BEGIN
    BEGIN
        born := extract(epoch FROM (pg_stat_file('PG_VERSION')).change)::bigint;
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
    RETURN concat_ws('/',
        (SELECT system_identifier FROM pg_control_system()),
        CASE WHEN pg_is_in_recovery() THEN 'recovering' ELSE left(pg_walfile_name(pg_current_wal_lsn()), 8) END,
        (SELECT oid FROM pg_database WHERE datname = current_database()),
        born);
END $$;
