"""Citizens see no row of each other, whatever is asked: every walled table, on one connection, with nothing told."""

import itertools
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext

from fund import holders, rows
from fund.dealing.models import Applicant
from fund.holders import Holder, Nation
from investors import people
from investors.people import Investor
from portal import walls
from portal.accounts import User
from portal.database import asker
from portal.notices.models import Message
from portal.walls import CLOSED, OPEN, WALLS, Own, Part, Wall

PEOPLE = (1, 2)
OWN_KEY = {"account": 900, "investor": 910, "holder": 920}  # a person's number is added
LEADS = re.compile(r"(^|_)(user|investor|holder|application)_id$")
TODAY = datetime(2026, 11, 26, tzinfo=UTC)


@contextmanager
def on_behalf_of(account: User | None) -> Iterator[None]:
    with asker.for_a_while():
        asker.ask_for(account)
        yield


def account(person: int) -> User:
    """An account with its investor, as a request has read it."""
    user = User(pk=OWN_KEY["account"] + person)
    Investor(pk=OWN_KEY["investor"] + person, holder_id=OWN_KEY["holder"] + person, user=user)
    return user


def ask(sql: str, *params: Any) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params or None)
        return cursor.fetchall() if cursor.description else []


def count(table: str) -> int:
    return int(ask(f"SELECT count(*) FROM {table}")[0][0])


# ── every table ───────────────────────────────────────────────────────────────────────────────────────────────────
def leading() -> set[str]:
    """Tables of the database that lead to a person: by a foreign key to a walled table, or by the name of a column."""
    found = set()
    for model in apps.get_models(include_auto_created=True):
        meta = model._meta
        leads = any(
            (field.related_model is not None and field.related_model._meta.db_table in WALLS)
            or LEADS.search(field.column or "")
            for field in meta.concrete_fields
        )
        if meta.managed and leads:
            found.add(meta.db_table)
    return found


def unwalled(tables: Iterable[str], listed: Iterable[str]) -> set[str]:
    return set(tables) - set(listed)


def test_every_table_that_leads_to_a_person_has_a_wall_or_a_reason():
    listed = WALLS.keys() | OPEN.keys()
    assert unwalled(leading(), listed) == set()
    assert unwalled(leading() | {"fund_new"}, listed) == {"fund_new"}, "negative control: a new table"
    assert unwalled(leading(), listed - {"fund_card"}) == {"fund_card"}, "negative control: a wall not declared"
    assert not WALLS.keys() & OPEN.keys()
    assert all(OPEN.values())


FORCED = """
    SELECT c.relname, c.relrowsecurity AND c.relforcerowsecurity,
           ARRAY(SELECT p.polname || ':' || array_to_string(ARRAY(
                   SELECT CASE WHEN r = c.relowner THEN 'owner' ELSE r::regrole::text END FROM unnest(p.polroles) r
                    ORDER BY 1), '+')
                   FROM pg_policy p WHERE p.polrelid = c.oid ORDER BY 1)
      FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
"""


@pytest.mark.django_db
def test_the_walls_stand_and_have_no_other_gate():
    standing = {table: (forced, gates) for table, forced, gates in ask(FORCED)}
    for table, wall in WALLS.items():
        own = [] if wall == CLOSED else ["own:kakehashi_citizen"]
        assert standing.pop(table) == (True, ["keepers:kakehashi_app+owner", *own]), table
    assert {table for table, told in standing.items() if told != (False, [])} == set()
    views = ask(
        "SELECT relname, reloptions FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
    )
    assert {name for name, options in views if "security_invoker=true" not in (options or [])} == set()


@pytest.mark.django_db
def test_a_wall_that_stands_is_not_built_again():
    """A migration takes no lock of a table for it; a changed one is built anew."""
    with CaptureQueriesContext(connection) as queries:
        walls.build()
    assert len(queries) == 1
    ask("COMMENT ON POLICY keepers ON fund_card IS 'another'")
    with CaptureQueriesContext(connection) as queries:
        walls.build()
    assert len(queries) == 2


# ── a row of everything for each of two people ────────────────────────────────────────────────────────────────────
COLUMNS = """
    SELECT a.attname, format_type(a.atttypid, NULL)
      FROM pg_attribute a
     WHERE a.attrelid = %s::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       AND (a.attnotnull OR a.attname = ANY(%s))
"""
CHECKS = """
    SELECT conrelid::regclass::text, conname FROM pg_constraint
     WHERE contype = 'c' AND conrelid = ANY(%s::regclass[])
"""
MADE = {
    "boolean": False,
    "jsonb": "{}",
    "date": date(2026, 11, 26),
    "timestamp with time zone": TODAY,
    "numeric": 1,
    "double precision": 1,
    "inet": "::1",
}


def value(table: str, column: str, kind: str, person: int) -> Any:
    """What stands in a column of a person's row: her key, the row it is a part of, or something of that type."""
    wall: Wall = WALLS[table]
    if isinstance(wall, Own) and column == wall.column:
        return OWN_KEY[wall.key] + person
    if isinstance(wall, Part) and column == wall.column:
        return value(wall.of, wall.of_column, kind, person)
    if table == "investors_investor" and column in ("id", "holder_id"):
        return OWN_KEY["investor" if column == "id" else "holder"] + person
    if kind in MADE:
        return MADE[kind]
    if kind == "bytea":
        return bytes([person])
    if kind.endswith("[]"):
        return "{}"
    if kind == "uuid":
        return UUID(int=list(WALLS).index(table) * 1000 + person)
    if "char" in kind or kind == "text":
        return str(person)
    return list(WALLS).index(table) * 100 + person


def row_of(table: str, person: int) -> tuple[str, list[Any]]:
    wall = WALLS[table]
    wanted = [wall.column] if isinstance(wall, Own | Part) else []
    wanted += ["holder_id"] if table == "investors_investor" else []
    columns = ask(COLUMNS, table, wanted)
    names = ", ".join(f'"{name}"' for name, _kind in columns)
    places = ", ".join(f"%s::{kind}" for _name, kind in columns)
    return f"INSERT INTO {table} ({names}) VALUES ({places})", [
        value(table, name, kind, person) for name, kind in columns
    ]


@pytest.fixture
def full(db: None) -> None:
    """One row in each walled table for each of ``PEOPLE``: what such a row would have to be is lifted meanwhile."""
    for table, name in ask(CHECKS, list(WALLS)):
        ask(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    ask("SET LOCAL session_replication_role = replica")
    for table, person in itertools.product(WALLS, PEOPLE):
        sql, values = row_of(table, person)
        ask(sql, *values)
    ask("SET LOCAL session_replication_role = origin")


def seen(table: str) -> int:
    return int(ask(f"SELECT count(*) FROM {table}")[0][0])


def test_a_citizen_sees_the_own_rows_alone_and_nobody_sees_none(full):
    for table, wall in WALLS.items():
        assert count(table) >= len(PEOPLE), "the keepers see all"
        with on_behalf_of(User(pk=0)):
            assert seen(table) == 0, f"{table}: somebody who is nobody"
        for person in PEOPLE:
            with on_behalf_of(account(person)):
                assert seen(table) == (0 if wall == CLOSED else 1), table
                if isinstance(wall, Own):
                    assert ask(f"SELECT {wall.column} FROM {table}") == [(OWN_KEY[wall.key] + person,)]


def test_without_the_setting_the_citizens_role_sees_nothing(full):
    ask("SET LOCAL ROLE kakehashi_citizen")
    assert {table for table in WALLS if seen(table)} == set()
    ask("SET LOCAL kakehashi.holder = ''")
    assert {table for table in WALLS if seen(table)} == set()


def test_without_the_walls_foreign_rows_would_be_seen(full):
    """Negative control of the tests above, for each table."""
    for table in WALLS:
        ask(f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY")
        with on_behalf_of(account(1)):
            assert seen(table) >= len(PEOPLE), table
        ask(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")


def test_a_citizen_writes_no_foreign_row(full):
    """Neither inserts one, nor hands an own one over, nor touches one; negative control: the own one."""
    for table, wall in WALLS.items():
        if not isinstance(wall, Own):
            continue
        sql, values = row_of(table, 2)
        touched = f"UPDATE {table} SET {wall.column} = {wall.column}"
        handed_over = f"UPDATE {table} SET {wall.column} = {OWN_KEY[wall.key] + 3}"
        ask("SET LOCAL session_replication_role = replica")
        ask(f"GRANT INSERT, UPDATE ON {table} TO kakehashi_citizen")
        for who, refused in ((account(1), True), (account(2), False)):
            with on_behalf_of(who), connection.cursor() as cursor:
                cursor.execute(touched)
                assert cursor.rowcount == 1, table
                if refused:
                    for wrong, params in ((sql, values), (handed_over, None)):
                        with pytest.raises(DatabaseError, match="row-level security"), transaction.atomic():
                            cursor.execute(wrong, params)
        with on_behalf_of(account(2)), pytest.raises(DatabaseError) as own, transaction.atomic():
            ask(sql, *values)  # refused by its key: it is there already
        assert "row-level security" not in str(own.value), table


def test_views_are_no_gates(full):
    for view in walls.VIEWS:
        with on_behalf_of(User(pk=0)):
            assert ask(f"SELECT FROM {view} WHERE holder_id IS NOT NULL") == []


# ── one connection, many people ───────────────────────────────────────────────────────────────────────────────────
def citizen(name: str) -> User:
    user = User.objects.create_user(f"{name}@example.org")
    investor = people.register(user=user, now=TODAY)
    investor.holder = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=TODAY)
    investor.save = None  # type: ignore[method-assign, assignment]  # stays an applicant in the table; she is asked for as a holder
    Message.objects.create(user=user, note_id=user.pk, topic="x", created_at=TODAY)
    Applicant.objects.create(offering_id="X", holder_id=investor.holder_id)
    return user


def every_way() -> Iterator[list[int]]:
    """Whose rows come out, by each way in which the house asks, without saying whose."""
    yield list(Message.objects.values_list("user_id", flat=True))
    yield list(Message.objects.values_list("user_id", flat=True).iterator(chunk_size=1))
    yield [number for (number,) in rows.ask("SELECT user_id FROM portal_message WHERE note_id > %s", [0])]
    with transaction.atomic():
        yield list(Message.objects.values_list("user_id", flat=True))
        yield [number for (number,) in rows.ask("SELECT user_id FROM portal_message WHERE note_id > %s", [0])]
        point = transaction.savepoint_create()
        yield list(Message.objects.select_for_update().values_list("user_id", flat=True))
        transaction.savepoint_rollback(point)
        yield list(Message.objects.values_list("user_id", flat=True).iterator(chunk_size=1))
    yield [number for (number,) in ask("SELECT user_id FROM portal_message")]


@pytest.fixture
def alternating(transactional_db: None) -> tuple[User, User]:
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_applicant DISABLE TRIGGER ALL")
        cursor.execute("SET session_replication_role = replica")
        pair = citizen("one"), citizen("two")
        cursor.execute("SET session_replication_role = origin")
        cursor.execute("ALTER TABLE fund_applicant ENABLE TRIGGER ALL")
    return pair


def test_people_who_alternate_on_one_connection(alternating):
    everybody = sorted(user.pk for user in alternating)
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE kakehashi_app")
    try:
        for user in alternating * 4:  # the fifth time a statement is prepared by the server
            with on_behalf_of(user):
                assert [found for found in every_way() if found != [user.pk]] == []
                with pytest.raises(DatabaseError):
                    ask("SELECT 1 / 0")
                assert ask("SELECT user_id FROM portal_message") == [(user.pk,)]
                with pytest.raises(DatabaseError), transaction.atomic():
                    ask("SELECT 1 / 0")
                assert ask("SELECT user_id FROM portal_message") == [(user.pk,)]
            assert [found for found in every_way() if sorted(found) != everybody] == [], "negative control: the keeper"
            assert ask("SELECT current_setting('role'), current_setting('kakehashi.account', true)")[0][1] in ("", None)
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET ROLE")


def test_nothing_is_asked_more_often_for_it(alternating):
    """No statement and no round trip is added: what is told travels with BEGIN, or with the statement."""

    def asked() -> int:
        with CaptureQueriesContext(connection) as queries:
            list(Message.objects.all())
            with transaction.atomic():
                list(Message.objects.all())
        return len(queries)

    before = asked()
    with on_behalf_of(alternating[0]):
        assert asked() == before


def plan(sql: str) -> str:
    return "\n".join(line for (line,) in ask(f"EXPLAIN {sql}"))


@pytest.mark.django_db
def test_a_wall_costs_the_keepers_nothing_and_a_citizen_an_index():
    ask("SET LOCAL enable_seqscan = off")
    ask("SET LOCAL enable_bitmapscan = off")
    mine = "SELECT * FROM fund_subscription"
    ask("SET LOCAL ROLE kakehashi_app")
    assert "Filter" not in plan(mine)
    assert "current_setting" not in plan(f"{mine} WHERE reference = 'RF1'")
    ask("SET LOCAL ROLE kakehashi_citizen")
    assert re.search(r"Index Cond: \(holder_id = .*current_setting", plan(mine))
    # What is asked may use its own index as well; on an empty table the planner may prefer the holder's: they go first.
    ask("RESET ROLE")
    ask("DROP INDEX subscription_book")
    ask("ALTER TABLE fund_subscription DROP CONSTRAINT subscription_one_a_key")
    ask("SET LOCAL ROLE kakehashi_citizen")
    assert re.search(r"Index Cond: .*reference", plan(f"{mine} WHERE reference = 'RF1'"))
