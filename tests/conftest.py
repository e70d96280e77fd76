"""What all tests share."""

import os
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.utils import timezone, translation
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright
from whitenoise.middleware import WhiteNoiseMiddleware
from xdist.scheduler import LoadFileScheduling

from fund import units
from fund.governance import fence
from fund.ledger import accounts
from investors import agreements

# How quickly examples are made says something of the machine and of its other work, not of the fund.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")

# What takes longest, or mostly waits for real processes, begins first, so that the others run beside it.
LONGEST = (
    "tests/journeys/", "tests/fund/ledger/test_stateful", "tests/crash/", "tests/portal/web/test_browser",
    "tests/house/", "tests/portal/web/test_join_in_a_browser", "tests/portal/web/test_rush",
    "tests/portal/officers/test_browser", "tests/portal/web/test_recover", "tests/portal/web/test_keyboard",
)  # fmt: skip


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        return next((rank for rank, path in enumerate(LONGEST) if item.nodeid.startswith(path)), len(LONGEST))

    items.sort(key=rank)


class Scheduling(LoadFileScheduling):
    """A file goes to one worker, and so do all journeys: they share a house that takes a minute to build."""

    def _split_scope(self, nodeid: str) -> str:
        return LONGEST[0] if nodeid.startswith(LONGEST[0]) else super()._split_scope(nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    return Scheduling(config, log) if config.getoption("dist") == "loadfile" else None


EMPTY = """
    DO $$
    DECLARE one text; filled boolean;
    BEGIN
        FOREACH one IN ARRAY '{{{tables}}}'::text[] LOOP
            EXECUTE format('SELECT EXISTS (SELECT FROM %s)', one) INTO filled;
            CONTINUE WHEN NOT filled;
            IF pg_relation_size(one) > 1 << 20 THEN
                EXECUTE format('TRUNCATE %s CASCADE', one);
            ELSE
                EXECUTE format('DELETE FROM %s', one);
            END IF;
        END LOOP;
    END $$
"""


def flushing(_self: DatabaseOperations, _style: Any, tables: Sequence[str], **_told: bool) -> list[str]:
    """How the tables are emptied that hold anything: of more than a hundred a test has filled a few.

    Also those whose triggers refuse exactly that. To truncate a table makes its files anew, and costs as much as
    deleting thousands of rows. The locks wait for what a server of the test still writes.
    """
    return [
        "SET LOCAL session_replication_role = replica",
        f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE",
        EMPTY.format(tables=",".join(tables)),
    ]


@pytest.fixture(autouse=True, scope="session")
def _flush() -> Iterator[None]:
    """A transactional test ends with an emptied database in which stands what ships, as after `migrate`."""
    flush = DatabaseOperations.execute_sql_flush

    def flush_and_ship(self: DatabaseOperations, statements: list[str]) -> None:
        flush(self, statements)
        units.open_classes()
        take_numbers_back()
        accounts.open_chart()
        agreements.ship()
        fence.open_new(now=timezone.now())

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "sql_flush", flushing)
        patch.setattr(DatabaseOperations, "execute_sql_flush", flush_and_ship)
        yield


def take_numbers_back() -> None:
    """Those of the accounts that were opened and are gone, for the sequence has but 32,767."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT setval('fund_account_id_seq', coalesce(max(id), 0) + 1, false) FROM fund_account")


@pytest.fixture(autouse=True, scope="session")
def _static_files_once() -> Iterator[None]:
    """Every client of a test makes the middleware anew, which would look at each of 3,000 static files again."""
    look, found = WhiteNoiseMiddleware.add_files_from_finders, {}

    def look_once(self: WhiteNoiseMiddleware) -> None:
        if not found:
            look(self)
            found.update(self.files)
        self.files.update(found)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(WhiteNoiseMiddleware, "add_files_from_finders", look_once)
        yield


@pytest.fixture(autouse=True)
def _own_language() -> None:
    """The language of the last page that another test has asked for does not stay."""
    translation.deactivate()


@pytest.fixture
def as_site(db: None) -> Iterator[None]:
    """Inside the test the database sees the site's own role, which owns nothing, instead of the owner."""
    with connection.cursor() as cursor:
        cursor.execute("SET ROLE kakehashi_app")
    try:
        yield
    finally:
        if connection.connection is not None and not connection.needs_rollback:
            with connection.cursor() as cursor:
                cursor.execute("RESET ROLE")


@pytest.fixture(autouse=True)
def _shipped(request: pytest.FixtureRequest) -> None:
    """What ships with the system stands in every test that has a database, as `migrate` and the last flush left it."""
    if {"db", "transactional_db"} & set(request.fixturenames) or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("db" if "transactional_db" not in request.fixturenames else "transactional_db")
        take_numbers_back()


CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The distribution's Chromium, for one module at a time; on a build server its absence is a failure.

    Playwright runs a loop in the thread of the tests, which Django takes for asynchronous code.
    """
    if CHROMIUM is None:
        if os.environ.get("CI") == "true":
            pytest.fail("there is no Chromium here")
        pytest.skip("there is no Chromium here")
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()
