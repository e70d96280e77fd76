"""How long the crash suite runs, and a PostgreSQL of its own that may be killed."""

import os
import shutil
from collections.abc import Iterator

import pytest

from bench import server
from portal.local import postgres
from portal.local.place import HERE, Place
from tests.crash import cast

ORDERS = 10_000  # a tenth of a release's book
FEW_ROUNDS = 2  # and of its rounds


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=FEW_ROUNDS, help="rounds of the crash suite")
    parser.addoption("--orders", type=int, default=ORDERS, help="orders that are settled in each")


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    """The options are known only where pytest is started with this folder."""
    return int(request.config.getoption("--rounds", default=FEW_ROUNDS))


@pytest.fixture(scope="session")
def orders(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--orders", default=ORDERS))


@pytest.fixture(scope="session")
def stage(orders: int) -> Iterator[cast.Stage]:
    """A server with one database to copy from, ``empty``."""
    place = Place(HERE.run / f"crash-{os.getpid()}")
    try:
        postgres.start(place, archiving=True)
        server.archive(place, "/bin/true")
        one = cast.Stage(place, orders)
        one.act("migrate", "kakehashi")
        server.copy(place, source="kakehashi", target="empty")
        yield one
    finally:
        postgres.stop(place)
        shutil.rmtree(place.sockets, ignore_errors=True)
        shutil.rmtree(place.run, ignore_errors=True)
