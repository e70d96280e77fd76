"""Single rows where every microsecond counts: statements are made once for each model, not once for each call.

The models stay the only place that knows the columns. Rows are made and read without the ceremony of ``Model()``: no
signals are sent, which the house uses none of, and no value is judged, which the database does.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.db import DEFAULT_DB_ALIAS, connection, connections
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper
from django.db.models import Field, ForeignKey, Model
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault
from psycopg.types.numeric import Int2, Int4, Int8

type Column = Field[Any, Any]
type Kind = tuple[type[Model], tuple[str, ...]]  # a model, and its columns that are left to the database

type Writer = Callable[[Any], Any]  # makes of a value what the driver is given

AS_IT_IS = {"CharField": str, "TextField": str, "DateTimeField": datetime, "UUIDField": UUID}
WHOLE = {"BigAutoField": Int8, "BigIntegerField": Int8, "IntegerField": Int4, "PositiveSmallIntegerField": Int2}


def cursor() -> CursorWrapper:
    """A cursor for statements of a fixed text, each of which the server reads and plans once for a connection.

    Its parameters are bound by the server, which must be able to tell the one type that each of them has.
    """
    line = _line()
    return _watched(line, ServerBindingCursor(line.connection))  # type: ignore[call-arg]  # its stub knows no psycopg


def ask(statement: str, params: Any) -> list[tuple[Any, ...]]:
    """All rows that a statement of a fixed text gives, as ``cursor`` would; each statement keeps its cursor.

    A cursor that asks the same again knows already how to write what it is given and to read what it is told.
    """
    line = _line()
    kept = line.connection.__dict__.setdefault("asked", {})
    if statement not in kept:
        kept[statement] = statement, ServerBindingCursor(line.connection)  # type: ignore[call-arg]
    same, asked = kept[statement]  # the very text that the cursor knows
    _watched(line, asked).execute(same, params)
    return list(asked.fetchall())


def _line() -> Any:
    """Django's connection itself, not what stands for it; open, and still good."""
    line = connections[DEFAULT_DB_ALIAS]
    line.close_if_health_check_failed()
    line.ensure_connection()
    return line


def _watched(line: Any, bound: Any) -> CursorWrapper:
    """As Django does: whoever stands around statements stands around these as well."""
    made: CursorWrapper = line.make_debug_cursor(bound) if line.queries_logged else line.make_cursor(bound)
    return made


def new[M: Model](model: type[M], **given: Any) -> M:
    """A row that is not written yet, from values by the names of its columns; the others have their defaults."""
    row, here = _empty(model, adding=True)
    for name, default in _defaults(model):
        here[name] = given.pop(name) if name in given else default() if callable(default) else default
    if given:
        raise TypeError(f"{model.__name__} has no {', '.join(given)}")
    return row


def insert(*chain: Model, unless: str | None = None) -> int:
    """Write new rows by one statement, each only if the one before it was written; returns how many were.

    What the database fills in itself is read back into rows that were written. ``unless``: the column of a unique key
    that may be taken already, "" for any key. Raises IntegrityError for every other key.
    """
    kinds: list[Kind] = []
    given: list[Any] = []
    line = connections[DEFAULT_DB_ALIAS]
    for row in chain:
        here, left = row.__dict__, []
        for field, name, is_key, plain, write in _fields(type(row)):
            value = here[name]
            kind = type(value)
            if kind is plain:
                given.append(value if write is None else write(value))
            elif kind is DatabaseDefault or (is_key and value is None):
                left.append(name)
            else:
                given.append(field.get_db_prep_save(value, line))
        kinds.append((type(row), tuple(left)))
    ((written, *told),) = ask(_insertion(tuple(kinds), unless), given)
    values = iter(told)
    for row, (_model, filled) in zip(chain[:written], kinds, strict=False):
        for name in filled:
            row.__dict__[name] = next(values)
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return int(written)


@cache
def _fields(model: type[Model]) -> list[tuple[Column, str, bool, type | None, Writer | None]]:
    """Each column with its name in a row, whether it is the key, and how its plain type is written.

    Django writes all other values, by asking the field each time.
    """
    return [(field, field.attname, field.primary_key, *_written(field)) for field in model._meta.concrete_fields]


def _written(field: Column) -> tuple[type | None, Writer | None]:
    kind = (field.target_field if isinstance(field, ForeignKey) else field).get_internal_type()
    return (int, WHOLE[kind]) if kind in WHOLE else (AS_IT_IS.get(kind), None)


@cache
def _defaults(model: type[Model]) -> list[tuple[str, Any]]:
    """Of each column: what ``Model()`` would put there, or the function that makes it."""
    return [(field.attname, _default(field)) for field in model._meta.concrete_fields]


def _default(field: Column) -> Any | Callable[[], Any]:
    return field.default if callable(field.default) and field.has_default() else field.get_default()


@cache
def _insertion(chain: tuple[Kind, ...], unless: str | None) -> str:
    conflict = "" if unless is None else f"ON CONFLICT {unless and f'({unless})'} DO NOTHING"
    parts, told, before = [], [], ""
    for place, (model, names) in enumerate(chain):
        left = [field for field in model._meta.concrete_fields if field.attname in names]
        given = [field for field in model._meta.concrete_fields if field.attname not in names]
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
    found = ask(f"SELECT {columns(model, 't')} FROM {_table(model)} t {rest} LIMIT 1", params)
    return read(model, found[0]) if found else None


def read[M: Model](model: type[M], values: Iterable[Any]) -> M:
    """The row whose ``columns`` these are."""
    row, here = _empty(model, adding=False)
    here.update(zip(_names(model), values, strict=True))
    return row


def _empty[M: Model](model: type[M], *, adding: bool) -> tuple[M, dict[str, Any]]:
    """A row without columns, and where they go."""
    row = model.__new__(model)
    row._state = ModelState()
    row._state.adding, row._state.db = adding, None if adding else DEFAULT_DB_ALIAS
    return row, row.__dict__


@cache
def _names(model: type[Model]) -> tuple[str, ...]:
    return tuple(field.attname for field in model._meta.concrete_fields)


@cache
def width(model: type[Model]) -> int:
    """How many ``columns`` a model has."""
    return len(model._meta.concrete_fields)


@cache
def _table(model: type[Model]) -> str:
    return str(connection.ops.quote_name(model._meta.db_table))


def _name(field: Column) -> str:
    assert field.column is not None
    return str(connection.ops.quote_name(field.column))
