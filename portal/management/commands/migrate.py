"""`migrate`, as the owner of the tables; afterwards the site's rights are set and the reference data stands.

While the site is at work no migration may keep anybody waiting for longer than ``MIGRATION_LOCK_SECONDS``: it gives up
when it is not given a lock in that time, and PostgreSQL ends it so long after its first statement about a table that
was there before. Nothing of it stays, and it is tried again. One that is not atomic (an index built concurrently) takes
the time it needs.
"""

import re
import time
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands.migrate import Command as Migrate
from django.db import DatabaseError, InterfaceError, connections
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from fund import units
from fund.governance import fence
from fund.ledger import accounts
from investors import agreements
from portal import walls
from portal.owner import connected_as_owner, grant, restrict

LOCK_NOT_AVAILABLE = "55P03"
TRANSACTION_TIMEOUT = "25P04"
TRIES = 8
READS = re.compile(r"\s*(?:SELECT|SET|SAVEPOINT|RELEASE)\b", re.IGNORECASE)
WORD = re.compile(r"\w+")
PAUSE = 1.0  # seconds, and as many more each time, in which those who waited behind it are served


class Command(Migrate):
    at_work: str | None = None  # the database whose next migrations are limited

    def handle(self, *args: Any, **options: Any) -> None:
        using = options["database"]
        with connected_as_owner(using):
            if options["plan"] or options["check_unapplied"]:
                super().handle(*args, **options)
                return
            _refuse_in_between(using)
            grant(using)
            self.at_work = using if _is_at_work(using) else None
            self._migrate_patiently(*args, **options)
            limit(using=using, atomic=False, seconds=0)
            if options["app_label"] is None:
                restrict(using)
                walls.build(using)
                units.open_classes()
                accounts.open_chart()
                agreements.ship()
                fence.open_new(now=timezone.now())

    def _migrate_patiently(self, *args: Any, **options: Any) -> None:
        """Raises CommandError when a migration was in the way of others each time, or they of it."""
        for number in range(1, TRIES + 1):
            try:
                super().handle(*args, **options)
            except (DatabaseError, InterfaceError) as error:
                why = _gave_way(error)
                if why is None:
                    raise
                connections[options["database"]].close()
                self.stderr.write(f"The migration {why}, try {number} of {TRIES}; nothing of it was kept.")
            else:
                return
            time.sleep(PAUSE * number)
        raise CommandError(
            "A migration and the site's work are in each other's way for longer than"
            f" {settings.MIGRATION_LOCK_SECONDS:g} s. Split it (CONTRIBUTING.md, Migrations), or stop the site and set"
            " MIGRATION_LOCK_SECONDS=0."
        )

    def migration_progress_callback(self, action: str, migration: Any = None, fake: bool = False) -> None:
        if action == "apply_start" and self.at_work:
            limit(using=self.at_work, atomic=migration.atomic, seconds=settings.MIGRATION_LOCK_SECONDS)
        super().migration_progress_callback(action, migration, fake)


class Clock:
    """Runs from a transaction's first statement about a table that others may want; what goes before it is our own."""

    def __init__(self, tables: set[str], milliseconds: int) -> None:
        self.tables, self.milliseconds = tables, milliseconds

    def __call__(self, execute: Any, sql: Any, params: Any, many: bool, context: dict[str, Any]) -> Any:
        text = str(sql)
        if self.tables and not READS.match(text) and self.tables.intersection(WORD.findall(text)):
            self.tables = set()
            context["cursor"].execute(f"SET transaction_timeout = {self.milliseconds}")
        return execute(sql, params, many, context)


def limit(*, using: str, atomic: bool, seconds: float) -> None:
    """For the next migration: how long it waits for a lock, and how long it may hold any. 0: as long as it takes."""
    connection, milliseconds = connections[using], round(seconds * 1000)
    connection.execute_wrappers[:] = [each for each in connection.execute_wrappers if not isinstance(each, Clock)]
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = {milliseconds}; SET transaction_timeout = 0")
        tables = set(connection.introspection.table_names(cursor))
    if atomic and milliseconds:
        connection.execute_wrappers.append(Clock(tables, milliseconds))


def _refuse_in_between(using: str) -> None:
    """Raises CommandError when a database has some of the migrations that one has replaced, and not all of them."""
    applied = MigrationRecorder(connections[using]).applied_migrations()
    for migration in MigrationLoader(None).disk_migrations.values():
        lacking = [name for name in migration.replaces if name not in applied]
        if 0 < len(lacking) < len(migration.replaces):
            raise CommandError(
                f"This database stands before {lacking[0][0]}.{lacking[0][1]}, which is now a part of {migration}."
                " Bring it up to date with the release that has it, then come back."
            )


def _is_at_work(using: str) -> bool:
    """Whether there is anybody to wait: a database that is being made has no notes."""
    with connections[using].cursor() as cursor:
        if "fund_note" not in connections[using].introspection.table_names(cursor):
            return False
        cursor.execute("SELECT EXISTS (SELECT FROM fund_note)")
        return bool((cursor.fetchone() or (False,))[0])


def _gave_way(error: Exception) -> str | None:
    """What happened, when it was a limit of ours."""
    state = getattr(error.__cause__, "sqlstate", None)
    return {
        LOCK_NOT_AVAILABLE: "was not given a lock in time",
        TRANSACTION_TIMEOUT: "held its locks for too long",
    }.get(state or "")
