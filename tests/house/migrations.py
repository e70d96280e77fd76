"""`python -m tests.house.migrations`: reads the SQL of the migrations that no release has applied yet.

Exit 1 on a lock that lasts, and on what the code of the last release would stumble over. A statement about a table that
the same migration makes is in nobody's way. What is accepted all the same stands, with its reason, in the migration:
``accepts = {"constraint-missing-not-valid": "a hundred rows"}``.
"""

import contextlib
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import django
from django.core.management import call_command
from django.db import connection
from django.db.migrations import Migration
from django.db.migrations.executor import MigrationExecutor

from portal.local import services

BIN = Path(sys.executable).parent
RELEASED = Path(__file__).resolve().parent / "released.json"
# Matters of taste, or kept elsewhere: `migrate` sets the timeouts, Django's own types are as wide as they are.
NOT_ASKED = (
    "prefer-bigint-over-int", "prefer-bigint-over-smallint", "prefer-identity", "prefer-robust-stmts",
    "prefer-text-field", "prefer-timestamptz", "require-lock-timeout", "require-statement-timeout",
    "require-timeout-settings", "ban-drop-constraint",
)  # fmt: skip
ABOUT = re.compile(
    r'^(?:ALTER TABLE|CREATE (?:UNIQUE )?INDEX \S+ ON|COMMENT ON (?:TABLE|COLUMN)) (?:ONLY )?"?(\w+)"?', re.IGNORECASE
)
CREATED = re.compile(r'^CREATE TABLE "?(\w+)"?', re.IGNORECASE | re.MULTILINE)


class Finding(NamedTuple):
    rule: str
    statement: str
    said: str


def findings(sql: str, *, atomic: bool = True) -> list[Finding]:
    """What squawk finds in the SQL of one migration, but for statements about tables that it makes itself."""
    made = set(CREATED.findall(sql))
    lines = [line for line in sql.splitlines() if line not in ("BEGIN;", "COMMIT;") and not line.startswith("--")]
    kept = [line for line in lines if not ((about := ABOUT.match(line)) and about[1] in made)]
    done = subprocess.run(
        [BIN / "squawk", *(["--assume-in-transaction"] if atomic else []), "--pg-version=18.0", "--reporter=json",
         f"--exclude={','.join(NOT_ASKED)}", "--stdin-filepath=migration.sql"],
        input="\n".join(kept) + "\n", capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return [
        Finding(one["rule_name"], kept[one["line"]].strip(), one["message"]) for one in json.loads(done.stdout or "[]")
    ]


def not_released() -> Iterator[Migration]:
    """The migrations of the house that came after the last release, in their order."""
    executor = MigrationExecutor(connection)
    last: dict[str, str] = json.loads(RELEASED.read_text())["migrations"]
    for migration, _backwards in executor.migration_plan(executor.loader.graph.leaf_nodes(), clean_start=True):
        if migration.name > last.get(migration.app_label, "~"):
            yield migration


def sql_of(migration: Migration) -> str:
    with open(os.devnull, "w") as nowhere:
        return str(call_command("sqlmigrate", migration.app_label, migration.name, stdout=nowhere, no_color=True))


def main() -> int:
    wrong = 0
    for migration in not_released():
        accepts: dict[str, str] = getattr(migration, "accepts", {})
        for one in findings(sql_of(migration), atomic=migration.atomic):
            if one.rule not in accepts:
                print(f"{migration}: {one.rule}: {one.said}\n    {one.statement[:160]}", file=sys.stderr)
                wrong += 1
    return 1 if wrong else 0


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    with services.running() if services.are_wanted() else contextlib.nullcontext():
        django.setup()
        sys.exit(main())
