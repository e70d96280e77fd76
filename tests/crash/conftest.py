"""How long the crash suite runs, and a PostgreSQL of its own that may be killed."""

import os
import shutil
from collections.abc import Iterator

import pytest

from bench import server
from portal.local import postgres
from portal.local.place import HERE, Place
from tests.crash import cast

ORDERS = 5_000
FEW_ROUNDS = 2


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rounds", type=int, default=FEW_ROUNDS, help="rounds of the crash suite")


@pytest.fixture(scope="session")
def rounds(request: pytest.FixtureRequest) -> int:
    """The option is known only where pytest is started with this folder."""
    return int(request.config.getoption("--rounds", default=FEW_ROUNDS))


@pytest.fixture(scope="session")
def stage() -> Iterator[cast.Stage]:
    """A server with two databases to copy from: ``approved``, whose allotment has both keys, and ``allotted``."""
    place = Place(HERE.run / f"crash-{os.getpid()}")
    try:
        postgres.start(place)
        one = cast.Stage(place)
        one.act("prepare", "kakehashi", str(ORDERS))
        server.copy(place, source="kakehashi", target="approved")
        one.act("carry_out", "kakehashi")
        server.copy(place, source="kakehashi", target="allotted")
        yield one
    finally:
        postgres.stop(place)
        shutil.rmtree(place.sockets, ignore_errors=True)
        shutil.rmtree(place.run, ignore_errors=True)
