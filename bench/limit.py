"""L, the limit: how many narrow rows a second one statement of this server inserts, with a key and one index."""

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
