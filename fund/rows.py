"""Single rows where every microsecond counts: statements are made once for each model, not once for each call.

The models stay the only place that knows the columns. No signals are sent; the house uses none.
"""

from functools import cache
from typing import Any

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

type Column = Field[Any, Any]
type Kind = tuple[type[Model], tuple[Column, ...]]  # a model, and its columns that are left to the database


def cursor() -> CursorWrapper:
    """A cursor for statements of a fixed text, each of which the server reads and plans once for a connection.

    Its parameters are bound by the server, which must be able to tell the one type that each of them has.
    """
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    bound: Any = ServerBindingCursor(connection.connection)  # type: ignore[call-arg]  # its stub knows no psycopg
    return connection.make_debug_cursor(bound) if connection.queries_logged else connection.make_cursor(bound)


def insert(*chain: Model, unless: str | None = None) -> int:
    """Write new rows by one statement, each only if the one before it was written; returns how many were.

    What the database fills in itself is read back into rows that were written. ``unless``: the column of a unique key
    that may be taken already, "" for any key. Raises IntegrityError for every other key.
    """
    kinds: list[Kind] = []
    given: list[Any] = []
    for row in chain:
        here, left = row.__dict__, []
        for field, name in _fields(type(row)):
            value = here[name]
            if type(value) is DatabaseDefault or (value is None and field.primary_key):
                left.append(field)
            else:
                given.append(field.get_db_prep_save(value, connection))
        kinds.append((type(row), tuple(left)))
    with cursor() as asked:
        asked.execute(_insertion(tuple(kinds), unless), given)
        written, *told = asked.fetchone()
    values = iter(told)
    for row, (_model, filled) in zip(chain[:written], kinds, strict=False):
        for field in filled:
            setattr(row, field.attname, next(values))
        row._state.adding, row._state.db = False, connection.alias
    return int(written)


@cache
def _fields(model: type[Model]) -> list[tuple[Column, str]]:
    return [(field, field.attname) for field in model._meta.concrete_fields]


@cache
def _insertion(chain: tuple[Kind, ...], unless: str | None) -> str:
    conflict = "" if unless is None else f"ON CONFLICT {unless and f'({unless})'} DO NOTHING"
    parts, told, before = [], [], ""
    for place, (model, left) in enumerate(chain):
        given = [field for field in model._meta.concrete_fields if field not in left]
        parts.append(
            f"r{place} AS (INSERT INTO {_table(model)} ({', '.join(map(_name, given))})"
            f" SELECT {', '.join(['%s'] * len(given))} {before} {conflict}"
            f" RETURNING {', '.join(map(_name, left)) or 'true'})"
        )
        told += [f"r{place}.{_name(field)}" for field in left]
        before = f"FROM r{place}"
    counts = " + ".join(f"(SELECT count(*) FROM r{place})" for place in range(len(chain)))
    joined = "".join(f" LEFT JOIN r{place} ON true" for place in range(len(chain)))
    return f"WITH {', '.join(parts)} SELECT {', '.join([counts, *told])} FROM (VALUES (1)) one{joined}"


@cache
def columns(model: type[Model], alias: str) -> str:
    """All columns of a model, in its own order, for a statement in which the table goes by ``alias``."""
    return ", ".join(f"{alias}.{_name(field)}" for field in model._meta.concrete_fields)


def first[M: Model](model: type[M], rest: str, params: Any) -> M | None:
    """The first row of a model's table, which goes by ``t`` in the rest of the statement, such as "WHERE t.id = %s"."""
    with cursor() as asked:
        asked.execute(f"SELECT {columns(model, 't')} FROM {_table(model)} t {rest} LIMIT 1", params)
        found = asked.fetchone()
    return None if found is None else read(model, found)


def read[M: Model](model: type[M], values: tuple[Any, ...]) -> M:
    """The row whose ``columns`` these are."""
    return model.from_db(connection.alias, [], values)


def width(model: type[Model]) -> int:
    """How many ``columns`` a model has."""
    return len(model._meta.concrete_fields)


def _table(model: type[Model]) -> str:
    return str(connection.ops.quote_name(model._meta.db_table))


def _name(field: Column) -> str:
    assert field.column is not None
    return str(connection.ops.quote_name(field.column))
