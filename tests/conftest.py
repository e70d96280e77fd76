"""What all tests share."""

import os
import shutil
from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.db.backends.postgresql.operations import DatabaseOperations
from django.utils import timezone, translation
from playwright.sync_api import Browser, sync_playwright

from fund import units
from fund.governance import fence
from fund.ledger import accounts
from investors import agreements

LONGEST = ("journeys", "crash", "house")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What mostly waits for real processes begins first, so that the others run beside it."""
    items.sort(key=lambda item: not LONGEST.count(item.path.parent.name))


@pytest.fixture(autouse=True, scope="session")
def _flush_append_only_tables() -> Iterator[None]:
    """A transactional test ends by emptying every table, also those whose triggers refuse exactly that."""
    flush = DatabaseOperations.execute_sql_flush

    def flush_without_triggers(self: DatabaseOperations, statements: list[str]) -> Any:
        return flush(self, ["SET LOCAL session_replication_role = replica", *statements] if statements else [])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(DatabaseOperations, "execute_sql_flush", flush_without_triggers)
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
    """What ships with the system stands in every test that has a database, also after a flush."""
    if {"db", "transactional_db"} & set(request.fixturenames) or request.node.get_closest_marker("django_db"):
        request.getfixturevalue("db" if "transactional_db" not in request.fixturenames else "transactional_db")
        units.open_classes()
        with connection.cursor() as cursor:
            # Every test opens the chart anew and takes its numbers back, except from the sequence, which has 32,767.
            cursor.execute("SELECT setval('fund_account_id_seq', coalesce(max(id), 0) + 1, false) FROM fund_account")
        accounts.open_chart()
        agreements.ship()
        fence.open_new(now=timezone.now())


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
