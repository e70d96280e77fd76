"""Rotating the vault's keys (decision 9): everything sealed is wrapped anew by the newest key while the site runs.

There is no state of its own: what is not wrapped by the newest key is what is left, and a partial index that stands
only while a rotation is under way holds exactly that. A killed rotation is started again and finds the rest. Nobody
waits: the data keys are wrapped without a lock, and one short statement then takes those rows that nobody holds and
whose value is still the one that was read. What somebody writes meanwhile is never overwritten but looked at again.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from time import sleep
from typing import Any

from django.apps import apps
from django.db import connection

from fund import envelope
from fund.envelope import SealedColumn
from fund.governance import audit

CHUNK = 500
PAUSE = 0.05  # seconds before values that were being written are looked at again
PATIENCE = 100  # so many times in a row, then the rest is left to the next call
INDEX = "vault_rotation"


@dataclass(frozen=True)
class Place:
    """Where sealed values stand. ``value`` is SQL for the sealed bytes; ``write`` sets them from ``new.value``.

    They were sealed for ``table``, ``column`` and the ``row`` that an SQL expression gives. ``key`` is the primary key
    with its type.
    """

    table: str
    column: str
    row: str
    key: str
    key_type: str
    value: str
    write: str

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"

    @property
    def index(self) -> str:
        return f"{INDEX}_{sha256(str(self).encode()).hexdigest()[:8]}_{envelope.newest().version}"

    @property
    def left(self) -> str:
        """SQL for: wrapped by an older key than the newest. The version is written out, for a partial index."""
        version = envelope.newest().version.to_bytes(envelope.VERSION_BYTES, "big").hex()
        return rf"substr({self.value}, 1, {envelope.VERSION_BYTES}) < '\x{version}'::bytea"


@dataclass
class Outcome:
    """What a rotation has done. ``unreadable`` names values whose key is gone or that were changed; they stay."""

    rewrapped: int = 0
    in_use: int = 0
    unreadable: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        return not self.in_use and not self.unreadable


@dataclass
class Found:
    """What stands in the vault: values by key version, and those that do not open."""

    by_version: Counter[int] = field(default_factory=Counter)
    unreadable: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return self.by_version.total()

    @property
    def done(self) -> int:
        return self.by_version[envelope.newest().version]

    @property
    def whole(self) -> bool:
        return self.done == self.total and not self.unreadable

    @property
    def droppable(self) -> list[int]:
        """Configured keys that no value needs any more."""
        return sorted(set(envelope.keys()) - set(self.by_version) - {envelope.newest().version})


def columns() -> list[Place]:
    """Every sealed column of every model, found by itself."""
    quote = connection.ops.quote_name
    return [
        Place(
            table=model._meta.db_table,
            column=one.name,
            row=f"t.{quote(one.row or str(model._meta.pk.column))}::text",
            key=quote(str(model._meta.pk.column)),
            key_type=str(model._meta.pk.rel_db_type(connection)),
            value=quote(str(one.column)),
            write=f"{quote(str(one.column))} = new.value",
        )
        for model in apps.get_models()
        for one in model._meta.local_concrete_fields
        if isinstance(one, SealedColumn)
    ]


def begin(*, places: Iterable[Place]) -> int:
    """Index what is not wrapped by the newest key; returns how many values that are. As the tables' owner."""
    for place in places:
        _begin_index(place)
    return left(places=places)


def left(*, places: Iterable[Place]) -> int:
    """How many values are not wrapped by the newest key."""
    return sum(_count(f"SELECT count(*) FROM {place.table} t WHERE {place.left}") for place in places)


def rotate(
    *, places: Iterable[Place], now: datetime, progress: Callable[[int], object] = int, chunk: int = CHUNK
) -> Outcome:
    """Wrap everything in these places by the newest key; ``progress`` hears how many were done. As the tables' owner.

    May be killed and called again at any point, and run twice at once.
    """
    outcome = Outcome()
    for place in places:
        outcome.in_use += _rotate_place(place, outcome, progress, chunk)
    audit.record(
        actor="system",
        verb="rotated",
        subject=f"vault_key:{envelope.newest().version}",
        now=now,
        rewrapped=outcome.rewrapped,
        in_use=outcome.in_use,
        unreadable=len(outcome.unreadable),
    )
    return outcome


def verify(*, places: Iterable[Place], progress: Callable[[int], object] = int, chunk: int = 2_000) -> Found:
    """Look at every value: by which key it is wrapped, and whether it opens in its place. Values stay closed."""
    found = Found()
    for place in places:
        for rows in _batches(place, f"{place.value} IS NOT NULL", chunk):
            for key, row, value in rows:
                found.by_version[envelope.version_of(value)] += 1
                try:
                    envelope.check_wrap(value, table=place.table, column=place.column, row=row)
                except envelope.Unreadable:
                    found.unreadable.append(f"{place} of {key}")
            progress(len(rows))
    return found


def total(*, places: Iterable[Place]) -> int:
    """How many sealed values there are."""
    return sum(_count(f"SELECT count(*) FROM {place.table} t WHERE {place.value} IS NOT NULL") for place in places)


def _rotate_place(place: Place, outcome: Outcome, progress: Callable[[int], object], chunk: int) -> int:
    """Pass after pass over what is left; returns how many values were in use to the end."""
    _begin_index(place)
    missed = 0
    for _pass in range(PATIENCE):
        missed = 0
        for rows in _batches(place, place.left, chunk):
            fresh = [one for one in (_rewrap(place, row, outcome) for row in rows) if one]
            done = _write(place, fresh)
            missed += len(fresh) - done
            outcome.rewrapped += done
            progress(done)
        if not missed:
            _end_index(place)
            return 0
        sleep(PAUSE)
    return missed


def _rewrap(place: Place, row: tuple[Any, str, bytes], outcome: Outcome) -> tuple[Any, bytes, bytes] | None:
    key, sealed_for, old = row
    try:
        new = envelope.rewrap(old, table=place.table, column=place.column, row=sealed_for)
    except envelope.Unreadable:
        if (name := f"{place} of {key}") not in outcome.unreadable:
            outcome.unreadable.append(name)
        return None
    return key, old, new


def _batches(place: Place, which: str, chunk: int) -> Iterator[list[tuple[Any, str, bytes]]]:
    """Keys, rows and sealed values in order of the primary key, each batch read by itself."""
    after: Any = None
    while True:
        beyond = f"AND t.{place.key} > %(after)s::{place.key_type}" if after is not None else ""
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT t.{place.key}, {place.row}, {place.value} FROM {place.table} t"
                f" WHERE {which} {beyond} ORDER BY t.{place.key} LIMIT %(chunk)s",
                {"after": after, "chunk": chunk},
            )
            rows = [(key, row, bytes(value)) for key, row, value in cursor.fetchall()]
        if not rows:
            return
        yield rows
        after = rows[-1][0]


UNCHANGED = "t.value = new.old"  # a value written since it was read is not overwritten


def _write(place: Place, fresh: list[tuple[Any, bytes, bytes]]) -> int:
    """Put new wrappings in place of the very values they were made from; returns how many.

    Rows that somebody holds are passed over, so that no request ever waits for a rotation or ends in a deadlock.
    """
    if not fresh:
        return 0
    keys, old, new = zip(*fresh, strict=True)
    unchanged = UNCHANGED.replace("t.value", place.value)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH new AS (
                SELECT * FROM unnest(%(keys)s::{place.key_type}[], %(old)s::bytea[], %(new)s::bytea[])
                    AS new(key, old, value)
            ), held AS (
                SELECT t.{place.key} AS key FROM {place.table} t JOIN new ON t.{place.key} = new.key AND {unchanged}
                   FOR NO KEY UPDATE OF t SKIP LOCKED
            ), done AS (
                UPDATE {place.table} t SET {place.write} FROM new JOIN held USING (key)
                 WHERE t.{place.key} = new.key RETURNING 1
            )
            SELECT (SELECT count(*) FROM held), (SELECT count(*) FROM done)
            """,
            {"keys": list(keys), "old": list(old), "new": list(new)},
        )
        held, done = cursor.fetchone() or (0, 0)
    if held != done:
        raise RuntimeError(f"{held} rows of {place} were held, but {done} were written")
    return int(done)


def _begin_index(place: Place) -> None:
    """The list of what is left. One that a killed rotation left half built, or for another key, is taken away first."""
    valid = "SELECT count(*) FROM pg_index WHERE indexrelid = to_regclass(%s) AND indisvalid"
    if _count(valid, place.index):
        return
    _end_index(place)
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE INDEX CONCURRENTLY {place.index} ON {place.table} ({place.key}) WHERE {place.left}")


def _end_index(place: Place) -> None:
    beginning = place.index.rpartition("_")[0]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT indexname FROM pg_indexes WHERE schemaname = current_schema AND starts_with(indexname, %s)",
            [f"{beginning}_"],
        )
        for (name,) in cursor.fetchall():
            cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")


def _count(statement: str, *params: Any) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        (number,) = cursor.fetchone() or (0,)
    return int(number)
