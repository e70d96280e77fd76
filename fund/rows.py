"""Single rows where every microsecond counts: statements are made once for each model, not once for each call.

The models stay the only place that knows the columns. No signals are sent; the house uses none.
"""

from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model
from django.db.models.expressions import DatabaseDefault

type Column = Field[Any, Any]


def insert(row: Model, *, unless: str | None = None) -> bool:
    """Write a new row and read back what the database fills in itself; False when it was there already.

    ``unless``: the column of a unique key that may be taken already, "" for any key. Raises IntegrityError for every
    other key.
    """
    values = [(field, getattr(row, field.attname)) for field in row._meta.concrete_fields]
    left = tuple(field for field, value in values if isinstance(value, DatabaseDefault) or _numbers_itself(field, value))
    given = [field.get_db_prep_save(value, connection) for field, value in values if field not in left]
    with connection.cursor() as cursor:
        cursor.execute(_insertion(type(row), left, unless), given)
        filled = cursor.fetchone()
    if filled is None:
        return False
    for field, value in zip(left, filled, strict=False):
        setattr(row, field.attname, value)
    row._state.adding, row._state.db = False, connection.alias
    return True


def _numbers_itself(field: Column, value: Any) -> bool:
    return value is None and field.primary_key


@cache
def _insertion(model: type[Model], left: tuple[Column, ...], unless: str | None) -> str:
    given = [field for field in model._meta.concrete_fields if field not in left]
    conflict = "" if unless is None else f"ON CONFLICT {unless and f'({unless})'} DO NOTHING"
    return (
        f"INSERT INTO {_table(model)} ({', '.join(map(_name, given))})"
        f" VALUES ({', '.join(['%s'] * len(given))}) {conflict} RETURNING {', '.join(map(_name, left)) or 'true'}"
    )


@cache
def columns(model: type[Model], alias: str) -> str:
    """All columns of a model, in its own order, for a statement in which the table goes by ``alias``."""
    return ", ".join(f"{alias}.{_name(field)}" for field in model._meta.concrete_fields)


def first[M: Model](model: type[M], rest: str, params: Any) -> M | None:
    """The first row of a model's table, which goes by ``t`` in the rest of the statement, such as "WHERE t.id = %s"."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {columns(model, 't')} FROM {_table(model)} t {rest} LIMIT 1", params)
        found = cursor.fetchone()
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
    return str(connection.ops.quote_name(field.column))
