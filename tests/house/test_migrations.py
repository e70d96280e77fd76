"""Migrations run while the site is at work: their SQL is read for locks that last, and none keeps others waiting."""

import threading
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace

import psycopg
import pytest
from django.apps import apps
from django.core.management import call_command
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Plain
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder

from fund.ledger.models import SettlementBatch
from portal.management.commands import migrate
from tests.house import migrations

NEW_TABLE = """
CREATE TABLE "a_new" ("id" bigint NOT NULL PRIMARY KEY);
ALTER TABLE "a_new" ADD COLUMN "b_id" bigint NOT NULL CONSTRAINT "x" REFERENCES "b" ("id");
CREATE INDEX "i" ON "a_new" ("b_id");
"""
LASTING = {
    "changing-column-type": 'ALTER TABLE "a" ALTER COLUMN "b" TYPE bigint USING "b"::bigint;',
    "require-concurrent-index-creation": 'CREATE INDEX "i" ON "a" ("b");',
    "adding-required-field": 'ALTER TABLE "a" ADD COLUMN "b" integer NOT NULL;',
    "adding-field-with-default": 'ALTER TABLE "a" ADD COLUMN "b" uuid DEFAULT gen_random_uuid();',
    "adding-not-nullable-field": 'ALTER TABLE "a" ALTER COLUMN "b" SET NOT NULL;',
    "constraint-missing-not-valid": 'ALTER TABLE "a" ADD CONSTRAINT "c" CHECK ("b" > 0);',
    "adding-foreign-key-constraint": 'ALTER TABLE "a" ADD CONSTRAINT "c" FOREIGN KEY ("b") REFERENCES "d" ("id");',
    "ban-drop-column": 'ALTER TABLE "a" DROP COLUMN "b";',
    "renaming-column": 'ALTER TABLE "a" RENAME COLUMN "b" TO "c";',
    "ban-drop-table": 'DROP TABLE "a";',
}


@pytest.mark.parametrize("rule", LASTING)
def test_a_lock_that_lasts_and_what_old_code_needs_are_found(rule):
    assert rule in [one.rule for one in migrations.findings(LASTING[rule])]


def test_a_table_that_the_migration_makes_itself_is_in_nobodys_way():
    assert migrations.findings(NEW_TABLE) == []


def test_an_index_is_built_concurrently_in_a_migration_that_is_not_atomic():
    sql = 'CREATE INDEX CONCURRENTLY "i" ON "a" ("b");\nCREATE INDEX CONCURRENTLY "j" ON "a" ("c");'
    assert migrations.findings(sql, atomic=False) == [] != migrations.findings(sql)


SLOW = """
    CREATE TABLE crowded AS SELECT generate_series(1, 100) AS id;
    CREATE FUNCTION slowly() RETURNS integer LANGUAGE sql VOLATILE AS 'SELECT 1 FROM pg_sleep(0.02)';
"""
REWRITE = "ALTER TABLE crowded ADD COLUMN written integer DEFAULT slowly()"  # two seconds, and nobody reads meanwhile


@pytest.fixture
def rewriting(transactional_db: None, monkeypatch: pytest.MonkeyPatch, settings) -> Iterator[migrate.Command]:
    """`migrate`, whose only migration rewrites a table while somebody else reads it."""
    settings.MIGRATION_LOCK_SECONDS = 0.3
    monkeypatch.setattr(migrate, "TRIES", 2)
    monkeypatch.setattr(migrate, "PAUSE", 0)
    command = migrate.Command()
    command.at_work, command.verbosity = "default", 0

    def handle(*_args: object, **_options: object) -> None:
        command.migration_progress_callback("apply_start", SimpleNamespace(atomic=True))
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(REWRITE)

    monkeypatch.setattr(Plain, "handle", lambda _self, *args, **options: handle())
    with connection.cursor() as cursor:
        cursor.execute(SLOW)
    yield command
    connection.close()
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE crowded; DROP FUNCTION slowly")


def read_while(work) -> list[str]:
    """What became of readers that came while ``work`` was done and were given a second each."""
    told: list[str] = []
    ended = threading.Event()

    def read() -> None:
        while not ended.is_set():
            try:
                with psycopg.connect(**connection.get_connection_params()) as reader:
                    reader.execute("SET lock_timeout = '1s'")
                    reader.execute("SELECT count(*) FROM crowded")
                told.append("read")
            except psycopg.errors.LockNotAvailable:
                told.append("waited for too long")
            time.sleep(0.05)

    reader = threading.Thread(target=read)
    reader.start()
    try:
        work()
    finally:
        ended.set()
        reader.join()
    return told


def test_a_migration_that_holds_its_lock_for_too_long_is_ended_and_nothing_of_it_stays(rewriting):
    def migrated() -> None:
        with pytest.raises(CommandError, match="in each other's way"):
            rewriting._migrate_patiently(database="default")

    told = read_while(migrated)
    assert set(told) == {"read"}
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM crowded LIMIT 0")
        assert [column.name for column in cursor.description] == ["id"]


def test_without_the_limit_its_readers_wait(rewriting, settings):
    """Negative control."""
    settings.MIGRATION_LOCK_SECONDS = 0
    assert "waited for too long" in read_while(lambda: rewriting._migrate_patiently(database="default"))


def test_a_migration_that_is_given_no_lock_makes_room_and_comes_again(rewriting, settings, monkeypatch):
    monkeypatch.setitem(globals(), "REWRITE", "ALTER TABLE crowded ADD COLUMN written integer")
    holder = psycopg.connect(**connection.get_connection_params())
    holder.execute("SELECT count(*) FROM crowded")  # a transaction that goes on

    def pause(_seconds: float) -> None:
        holder.close()

    monkeypatch.setattr(migrate, "time", SimpleNamespace(sleep=pause))
    rewriting._migrate_patiently(database="default")
    with connection.cursor() as cursor:
        cursor.execute("SELECT written FROM crowded LIMIT 0")


@pytest.fixture
def without(db: None) -> Callable[..., None]:
    """Have the database forget that it has applied these migrations."""

    def forget(*names: tuple[str, str]) -> None:
        for app, name in names:
            MigrationRecorder(connection).record_unapplied(app, name)

    return forget


REPLACING = [(key, one.replaces) for key, one in MigrationLoader(None).disk_migrations.items() if one.replaces]


def test_a_database_that_has_all_that_was_replaced_has_nothing_to_do(without):
    without(*(key for key, _replaced in REPLACING))
    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []


@pytest.mark.parametrize(("key", "replaced"), REPLACING)
@pytest.mark.parametrize("missing", [0, 3, -1])
def test_a_database_that_stands_in_between_is_told_so(without, key, replaced, missing):
    without(key, replaced[missing])
    with pytest.raises(CommandError, match=f"stands before {key[0]}.{replaced[missing][1]}"):
        call_command("migrate", verbosity=0)


def lacking() -> list[str]:
    """What the models say that the database keeps, and does not."""
    found = []
    with connection.cursor() as cursor:
        cursor.execute("SELECT tgname FROM pg_trigger")
        triggers = {name for (name,) in cursor.fetchall()}
        for model in apps.get_models():
            options = model._meta
            if options.managed and not options.proxy and options.app_label in {"fund", "investors", "portal"}:
                kept = connection.introspection.get_constraints(cursor, options.db_table).keys() | triggers
                said = {one.name for one in [*options.constraints, *options.indexes]}
                said |= {one.get_pgid(model) for one in getattr(options, "triggers", ())}
                found += sorted(said - kept)
    return found


@pytest.mark.django_db
def test_what_the_models_say_stands_in_the_database():
    assert lacking() == []


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("sql", "name"),
    [
        ("DROP INDEX payout_line_one_a_return", "payout_line_one_a_return"),
        ("ALTER TABLE fund_proposal DROP CONSTRAINT proposal_kind", "proposal_kind"),
    ],
)
def test_what_was_dropped_is_missed(sql, name):
    """Negative control: so a migration lost one once (fund 0012)."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
    assert lacking() == [name]


@pytest.mark.django_db
def test_a_trigger_that_was_dropped_is_missed():
    """Negative control."""
    (trigger,) = (one for one in SettlementBatch._meta.triggers if one.name == "append_only_rows")
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TRIGGER {trigger.get_pgid(SettlementBatch)} ON fund_settlementbatch")
    assert lacking() == [trigger.get_pgid(SettlementBatch)]


@pytest.mark.django_db
def test_code_is_ready_with_tables_that_are_a_step_ahead(client):
    with connection.cursor() as cursor:
        cursor.execute("INSERT INTO django_migrations (app, name, applied) VALUES ('fund', '9999_expanded', now())")
        cursor.execute("ALTER TABLE fund_note ADD COLUMN later text")
    assert client.get("/health/ready").status_code == 200


def test_the_clock_runs_from_the_first_statement_about_a_table_that_others_may_want():
    asked: list[str] = []
    clock = migrate.Clock({"fund_note"}, 2000)
    context = {"cursor": SimpleNamespace(execute=asked.append)}

    def execute(sql: str, *_: object) -> None:
        asked.append(sql)

    statements = [
        "CREATE TABLE a_new ()",
        "SELECT 1 FROM fund_note",
        'ALTER TABLE "fund_note" ADD x int',
        "DROP TABLE a",
    ]
    for sql in statements:
        clock(execute, sql, None, False, context)
    assert asked == [*statements[:2], "SET transaction_timeout = 2000", *statements[2:]]
