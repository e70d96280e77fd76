"""Loaded before anything else (`-p tests.services`): an empty PostgreSQL and Valkey of this run's own.

The tests sign in as the owner, who may lift what the site may not; the fixture `as_site` steps down to the site's role.
With DATABASE_URL set, the tests use that server instead, whose role must then be allowed to make databases and roles.
"""

import atexit
import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from portal.local import services
from portal.local.place import HERE, Place

TEST_ENVIRONMENT = {
    "DEBUG": "0",
    "SECRET_KEY": "tests-only-tests-only-tests-only-tests-only-tests-only",
    "VAULT_KEYS": "1:dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
    "BLIND_INDEX_KEY": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXRlc3RzLW9ubHk=",
    "WEBHOOK_KEYS": "dGVzdHMtb25seS10ZXN0cy1vbmx5LXdlYmhvb2tzLW4=,dGVzdHMtb25seS10ZXN0cy1vbmx5LXdlYmhvb2tzLTI=",
    "ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
    "HTTPS": "0",
    "CONN_MAX_AGE": "0",
    "LOG_LEVEL": "WARNING",
    "DOOR_SECONDS": "0",  # what a test changes is seen at once
    "WAITING_ROOM_RATE": "0",  # on where it is what is tested
}

_running = contextlib.ExitStack()
atexit.register(_running.close)  # pytest leaves without unconfiguring when a conftest cannot be loaded


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Iterator[None]:
    """A wrapper, because those run before every other plugin's hook and so before the settings are read."""
    for name, value in TEST_ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    if os.environ.get("TEST_SERVICES") == "own" or not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        os.environ["TEST_SERVICES"] = "own"  # a process that tests beside others has its own, not those of its parent
        _remove_leftovers()
        place = _running.enter_context(_own_services(HERE.run / f"test-{os.getpid()}"))
        os.environ["DATABASE_URL"] = os.environ["DATABASE_OWNER_URL"] = place.database_owner_url
        os.environ["REDIS_URL"] = place.redis_url
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    _running.close()


@contextlib.contextmanager
def _own_services(run: Path) -> Iterator[Place]:
    place = Place(run)
    try:
        with services.running(place):
            yield place
    finally:
        shutil.rmtree(place.sockets, ignore_errors=True)
        shutil.rmtree(run, ignore_errors=True)


def _remove_leftovers() -> None:
    """Of runs that were killed."""
    for run in HERE.run.glob("test-*"):
        if not psutil.pid_exists(int(run.name.removeprefix("test-"))):
            services.stop(Place(run))
            shutil.rmtree(run, ignore_errors=True)
