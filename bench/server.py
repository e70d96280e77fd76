"""An embedded PostgreSQL of the run's own, durable as always, and copies of prepared databases on it."""

import contextlib
import os
import shutil
from collections.abc import Iterator

import psutil
import psycopg
from psycopg import sql

from portal.local import postgres
from portal.local.place import DATABASE, HERE, OWNER, Place

ENVIRONMENT = {
    "DEBUG": "0",
    "SECRET_KEY": "bench-only-bench-only-bench-only-bench-only-bench-only",
    "VAULT_KEYS": "1:YmVuY2gtb25seS1iZW5jaC1vbmx5LWJlbmNoLW9ubHk=",
    "BLIND_INDEX_KEY": "YmVuY2gtb25seS1iZW5jaC1vbmx5LWJlbmNoLW9ubHk=",
    "ALLOWED_HOSTS": "localhost",
    "HTTPS": "0",
    "CONN_MAX_AGE": "600",
    "LOG_LEVEL": "WARNING",
    "WAITING_ROOM_RATE": "100000",  # it is asked, and lets everybody in
    "DJANGO_SETTINGS_MODULE": "portal.settings",
    "REDIS_URL": "redis://localhost:1/0",  # nothing here sends a message
}


@contextlib.contextmanager
def running() -> Iterator[Place]:
    """The server up, and the environment of this process and its children pointing at it; all of it gone at the end."""
    place = Place(HERE.run / f"bench-{os.getpid()}")
    try:
        postgres.start(place, shared_buffers=f"{min(psutil.virtual_memory().total // 4, 4 * 2**30) // 2**20}MB")
        os.environ.update(ENVIRONMENT, DATABASE_URL=place.database_url, DATABASE_OWNER_URL=place.database_owner_url)
        yield place
    finally:
        postgres.stop(place)
        shutil.rmtree(place.sockets, ignore_errors=True)
        shutil.rmtree(place.run, ignore_errors=True)


def connect(place: Place, database: str = DATABASE) -> psycopg.Connection:
    """As the owner, outside Django."""
    return psycopg.connect(host=str(place.postgres_sockets), user=OWNER, dbname=database, autocommit=True)


def copy(place: Place, *, source: str, target: str) -> None:
    """A copy of a database to which nobody is connected, file by file."""
    drop(place, target)
    names = {"target": sql.Identifier(target), "source": sql.Identifier(source), "owner": sql.Identifier(OWNER)}
    with connect(place, "postgres") as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {target} OWNER {owner} TEMPLATE {source} STRATEGY FILE_COPY").format(**names)
        )
        connection.execute("CHECKPOINT")
    release(place, target)


def release(place: Place, database: str) -> None:
    """A copy is fenced by itself (decision 27); this one the owner of its tables opens, past the two keys."""
    with connect(place, database) as connection:
        connection.execute("SET session_replication_role = replica")
        connection.execute(
            "INSERT INTO fund_fenceentry (act, why, generation, at, reason)"
            " VALUES ('opened', '', fund_generation(), now(), '')"
        )


def drop(place: Place, database: str) -> None:
    with connect(place, "postgres") as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def archive(place: Place, command: str) -> None:
    """What is done from now on with each segment of the log that is full; the server was started archiving.

    Raises RuntimeError when it was not: then nothing would ever be handed over.
    """
    with connect(place, "postgres") as connection:
        if connection.execute("SHOW archive_mode").fetchone() != ("on",):
            raise RuntimeError(f"the server of {place.run} archives nothing")
        connection.execute(sql.SQL("ALTER SYSTEM SET archive_command = {}").format(command))
        connection.execute("SELECT pg_reload_conf()")


def wal_bytes(place: Place) -> int:
    """How much the server has ever written to its log."""
    with connect(place, "postgres") as connection:
        (written,) = connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone() or (0,)
    return int(written)
