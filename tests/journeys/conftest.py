"""The real house for the journeys: all its processes, its demonstration, and a browser before it."""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.demo import Demo, wait_for
from tests.journeys.house import House

BEGINNING = 300  # seconds until the demonstration must be told, on a machine that does other things as well


@pytest.fixture(scope="session")
def house() -> Iterator[Demo]:
    """`make demo` in a folder of its own, ready."""
    with tempfile.TemporaryDirectory(prefix="kakehashi-", ignore_cleanup_errors=True) as folder:
        demo = Demo(Path(folder) / "run", seed=True)
        demo.start()
        wait_for("the house", demo.is_ready, BEGINNING)
        yield demo
        demo.end()


@pytest.fixture
def real(house: Demo) -> House:
    """The house, and hands to work with it."""
    return House(house)


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[Callable[[], Page]]:
    """Pages of different people, nothing shared between them. Whatever the console complains of is a failure."""
    complaints: list[str] = []
    contexts = []

    def open_one() -> Page:
        context = chromium.new_context(viewport={"width": 1280, "height": 900})
        context.set_default_timeout(30_000)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []
