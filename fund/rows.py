"""Single rows where every microsecond counts: statements are made once for each model, not once for each call.

The models stay the only place that knows the columns. Rows are made and read without the ceremony of ``Model()``: no
signals are sent, which the house uses none of, and no value is judged, which the database does.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache, wraps
from itertools import compress
from types import NoneType
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection, connections, transaction
from django.db.models import Field, ForeignKey, Model
from django.db.models.base import ModelState
from django.db.models.expressions import DatabaseDefault
from psycopg.adapt import AdaptersMap, PyFormat, Transformer
from psycopg.pq import DiagnosticField, ExecStatus, TransactionStatus
from psycopg.pq.abc import PGconn, PGresult
from psycopg.types.datetime import TimestamptzLoader
from psycopg.types.json import Jsonb
from psycopg.types.numeric import Int2, Int4, Int8

type Column = Field[Any, Any]
type Kind = tuple[type[Model], tuple[str, ...]]  # a model, and its columns that are left to the database

type Writer = Callable[[Any], Any]  # makes of a value what the driver is given

PLACE = re.compile(r"%(?:%|s|\((\w+)\)s)")  # of a parameter in a statement
DEBUG = settings.DEBUG
GOOD = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)

AS_IT_IS = {"CharField": str, "TextField": str, "DateTimeField": datetime, "UUIDField": UUID, "BooleanField": bool}
WHOLE = {"BigAutoField": Int8, "BigIntegerField": Int8, "IntegerField": Int4, "PositiveSmallIntegerField": Int2}


def ask(statement: str, params: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """All rows that a statement of a fixed text gives, which the server reads and plans once for a connection.

    Its parameters are bound by the server, which must be able to tell the one type that each of them has. Raises what
    Django raises.
    """
    line = _line()
    kept = line.connection.__dict__.setdefault("statements", {})
    known = kept.get(statement)
    if known is None:
        known = kept[statement] = Statement(line.connection, statement, number=len(kept))
    # As Django does: whoever stands around statements stands around these as well.
    make = line.make_debug_cursor if line.force_debug_cursor or DEBUG else line.make_cursor
    make(known).execute(statement, params)
    return list(known.fetchall())


class Statement:
    """A statement on one connection, which knows already how to write what it is given and to read what it is told.

    A cursor, as far as Django needs one: psycopg's own, ready for everything, costs twice what the question costs.
    """

    _query = None  # where Django would look for what was sent

    def __init__(self, connection: psycopg.Connection, text: str, *, number: int) -> None:
        self.connection, self.number = connection, number
        self.adapters = AdaptersMap(connection.adapters)
        self.adapters.register_loader("timestamptz", TimestamptzLoader)  # Django's says a second time that it is UTC
        self._values = Transformer(self)
        self._names: dict[str, int] = {}  # of the parameters and their numbers; else they have places
        self._places = 0
        self._text = PLACE.sub(self._numbered, text).encode()
        self._formats = [PyFormat.AUTO] * self._places
        self._prepared: dict[tuple[int, ...], bytes] = {}  # by the types of the parameters

    def _numbered(self, found: re.Match[str]) -> str:
        if found[0] == "%%":
            return "%"
        if found[1] in self._names:
            return f"${self._names[found[1]]}"
        self._places += 1
        if found[1]:
            self._names[found[1]] = self._places
        return f"${self._places}"

    def execute(self, _text: str, params: Any) -> None:
        """Raises psycopg.Error."""
        given = [params[name] for name in self._names] if self._names else params
        written = self._values.dump_sequence(given, self._formats)
        types, formats, line = self._values.types or (), self._values.formats, self.connection.pgconn
        if line.transaction_status == TransactionStatus.IDLE and not self.connection.autocommit:
            self.connection.execute("")  # has psycopg begin
        if self.connection.prepare_threshold is None:  # behind pgbouncer
            self._told = sound(line, line.exec_params(self._text, written, types, formats))
        else:
            if types not in self._prepared:
                name = f"asked_{self.number}_{len(self._prepared)}".encode()
                sound(line, line.prepare(name, self._text, types))
                self._prepared[types] = name
            self._told = sound(line, line.exec_prepared(self._prepared[types], written, formats))  # type: ignore[arg-type]
        self._values.set_pgresult(self._told)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self._values.load_rows(0, self._told.ntuples, tuple)


def sound(line: PGconn, told: PGresult) -> PGresult:
    """What the server said. Raises psycopg.Error where that is a fault, or the end of the line."""
    if told.status in GOOD:
        return told
    if told.error_field(DiagnosticField.SQLSTATE) is None:  # libpq's own words
        raise psycopg.OperationalError(told.get_error_message())
    raise psycopg.errors.error_from_result(told)


def _line() -> Any:
    """Django's connection itself, not what stands for it; open, and still good.

    It is not kept: a thread in which a loop runs has another one for each of its tasks.
    """
    line: Any = connections[DEFAULT_DB_ALIAS]  # the stubs leave out what it knows of its health
    if not line.health_check_done or line.connection is None:
        line.close_if_health_check_failed()
        line.ensure_connection()
    return line


def together[**Given, Answer](verb: Callable[Given, Answer]) -> Callable[Given, Answer]:
    """A part of the caller's transaction, where there is one: refused, it ends that one too. Else one of its own."""

    @wraps(verb)
    def within(*args: Given.args, **named: Given.kwargs) -> Answer:
        line = _line()
        if not line.in_atomic_block:
            with transaction.atomic():
                return verb(*args, **named)
        try:
            return verb(*args, **named)
        except BaseException:
            line.needs_rollback = True
            raise

    return within


def new[M: Model](model: type[M], **given: Any) -> M:
    """A row that is not written yet, from values by the names of its columns; the others have their defaults."""
    row, here = _empty(model, adding=True)
    plain, made = _defaults(model)
    here.update(plain)
    for name, make in made:
        if name not in given:
            here[name] = make()
    here.update(given)
    if len(here) > width(model) + 1:  # its columns, and its state
        raise TypeError(f"{model.__name__} has no {', '.join(given.keys() - set(_names(model)))}")
    return row


def insert(*chain: Model, unless: str | None = None) -> int:
    """Write new rows by one statement, each only if the one before it was written; returns how many were.

    What the database fills in itself is read back into rows that were written. ``unless``: the column of a unique key
    that may be taken already, "" for any key. Raises IntegrityError for every other key.
    """
    kinds: list[Kind] = []
    given: list[Any] = []
    for row in chain:
        here, model = row.__dict__, type(row)
        held = [here[name] for name in _names(model)]
        plan, first = _plan(model, tuple(map(type, held))), len(given)
        given += compress(held, plan.given)
        for place, write in plan.written:
            given[first + place] = write(given[first + place])
        kinds.append((model, plan.left))
    ((written, *told),) = ask(_insertion(tuple(kinds), unless), given)
    values = iter(told)
    for row, (_model, filled) in zip(chain[:written], kinds, strict=False):
        for name in filled:
            row.__dict__[name] = next(values)
        row._state.adding, row._state.db = False, DEFAULT_DB_ALIAS
    return int(written)


@dataclass(frozen=True)
class Plan:
    """How a row is written: which columns are given, which of these by a writer, and which are left to the database."""

    given: list[bool]
    written: list[tuple[int, Writer]]
    left: tuple[str, ...]


@cache
def _plan(model: type[Model], kinds: tuple[type, ...]) -> Plan:
    """For rows whose values are of these types: plain ones go as they are, Django writes those that are not."""
    given, written, left = [], [], []
    for field, kind in zip(model._meta.concrete_fields, kinds, strict=True):
        given.append(not (kind is DatabaseDefault or (field.primary_key and kind is NoneType)))
        if not given[-1]:
            left.append(field.attname)
        elif kind is not NoneType and (write := _writer(field, kind)):
            written.append((sum(given) - 1, write))
    return Plan(given, written, tuple(left))


def _writer(field: Column, kind: type) -> Writer | None:
    """What makes of a value of this type that which the driver is given; None where it is that."""
    stored = (field.target_field if isinstance(field, ForeignKey) else field).get_internal_type()
    if kind is AS_IT_IS.get(stored):
        return None
    if kind is int and stored in WHOLE:
        return WHOLE[stored]
    if kind is dict and stored == "JSONField" and field.encoder is None:  # type: ignore[attr-defined]
        return Jsonb
    if kind is bytes and stored == "BinaryField":
        return psycopg.Binary
    return lambda value: field.get_db_prep_save(value, connection)


@cache
def _defaults(model: type[Model]) -> tuple[dict[str, Any], list[tuple[str, Callable[[], Any]]]]:
    """What ``Model()`` would put in each column, and the functions that make it anew for each row."""
    made = {f.attname: f.default for f in model._meta.concrete_fields if callable(f.default) and f.has_default()}
    plain = {f.attname: f.get_default() for f in model._meta.concrete_fields if f.attname not in made}
    return plain, list(made.items())


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


def join[M: Model](row: M, **others: Model | None) -> M:
    """Say which rows are those that a row leads to, by the names of its fields, so that they are not read again."""
    row._state.fields_cache.update(others)
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
