"""The limits: how many narrow rows a second this server inserts, with a key and one index.

L is by one statement; the other by one client that commits each row.
"""

import time

from bench import server
from portal.local.place import Place

TABLE = """
    DROP TABLE IF EXISTS narrow;
    CREATE TABLE narrow (id uuid PRIMARY KEY DEFAULT uuidv7(), holder_id bigint NOT NULL, amount bigint NOT NULL);
    CREATE INDEX ON narrow (holder_id);
    CHECKPOINT;
"""


def narrow_rows(place: Place, rows: int) -> float:
    """Rows a second, committed."""
    with server.connect(place) as connection:
        for statement in TABLE.split(";")[:-1]:
            connection.execute(statement)
        began = time.monotonic()
        connection.execute(f"INSERT INTO narrow (holder_id, amount) SELECT g, g FROM generate_series(1, {rows}) g")
        seconds = time.monotonic() - began
        connection.execute("DROP TABLE narrow")
    return rows / seconds


def committed_rows(place: Place, rows: int) -> float:
    """Rows a second, each committed before the next one."""
    with server.connect(place) as connection:
        for statement in TABLE.split(";")[:-1]:
            connection.execute(statement)
        began = time.monotonic()
        for row in range(rows):
            connection.execute("INSERT INTO narrow (holder_id, amount) VALUES (%s, %s)", [row, row], prepare=True)
        seconds = time.monotonic() - began
        connection.execute("DROP TABLE narrow")
    return rows / seconds
