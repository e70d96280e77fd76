"""The owner of the tables. The site signs in to the database as a role that owns nothing; changing tables, and only
that, is done as the owner, whose address is DATABASE_OWNER_URL.
"""

import contextlib
from collections.abc import Iterator

from django.apps import apps
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections

GRANTS = """
    DO $$ BEGIN
        CREATE ROLE kakehashi_app NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO kakehashi_app;
    ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO kakehashi_app;
    GRANT USAGE ON SCHEMA public TO kakehashi_app;

    -- On behalf of one citizen (portal.walls). The site's logins step down to it; what it may, they do not inherit.
    DO $$ BEGIN
        CREATE ROLE kakehashi_citizen NOLOGIN;
    EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL;
    END $$;
    DO $$ BEGIN
        IF NOT EXISTS (SELECT FROM pg_auth_members WHERE roleid = 'kakehashi_citizen'::regrole
                          AND member = 'kakehashi_app'::regrole) THEN
            GRANT kakehashi_citizen TO kakehashi_app WITH INHERIT FALSE, SET TRUE;
        END IF;
    EXCEPTION WHEN unique_violation OR internal_error THEN NULL;  -- another database of this server does the same
    END $$;
    GRANT USAGE ON SCHEMA public TO kakehashi_citizen;
"""

# The citizens' role is granted what the site's is; the rows are what it differs in.
GRANT_LIKEWISE = """
    GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO kakehashi_citizen;
    GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO kakehashi_citizen;
"""

WHO = ("USER", "PASSWORD", "HOST", "PORT", "OPTIONS")


@contextlib.contextmanager
def connected_as_owner(using: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """The connection `using` signs in as the owner inside the block, to the same database as before."""
    connection = connections[using]
    wanted = {name: settings.DATABASE_OWNER[name] for name in WHO if name in settings.DATABASE_OWNER}
    usual = {name: connection.settings_dict.get(name, "") for name in WHO}
    if wanted.get("USER") == usual["USER"]:
        yield
        return
    connection.close()
    connection.settings_dict.update(wanted)
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict.update(usual)


def grant(using: str = DEFAULT_DB_ALIAS) -> None:
    """Let kakehashi_app, the group of the site's logins, use what the owner makes from now on."""
    with connections[using].cursor() as cursor:
        cursor.execute(GRANTS)


def restrict(using: str = DEFAULT_DB_ALIAS) -> None:
    """Take back what the site may not do: a model that declares ``app_may`` is granted exactly that."""
    with connections[using].cursor() as cursor:
        cursor.execute(GRANT_LIKEWISE)
        for model in apps.get_models():
            if may := getattr(model, "app_may", None):
                table, roles = (
                    connections[using].ops.quote_name(model._meta.db_table),
                    "kakehashi_app, kakehashi_citizen",
                )
                cursor.execute(f"REVOKE ALL ON {table} FROM {roles}; GRANT {', '.join(may)} ON {table} TO {roles}")
