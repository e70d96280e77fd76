"""PostgreSQL and Valkey for as long as somebody uses them: the first one in starts them, the last one out stops."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path

from portal.local import postgres, profile, valkey
from portal.local.place import HERE, Place


def are_wanted() -> bool:
    """Whether this is somebody's own machine and the environment leaves the database or Redis to us."""
    return profile.is_local() and not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"))


@contextlib.contextmanager
def running(place: Place = HERE) -> Iterator[Place]:
    """Both services up inside the block. Raises DidNotStart.

    Every user holds a shared lock, which the kernel lets go even when the user is killed; whoever gets it alone at
    the end was the last.
    """
    place.run.mkdir(parents=True, exist_ok=True)
    with _lock(place.run / "users.lock") as users:
        with _turn(place):
            start(place)
            fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield place
        finally:
            with _turn(place):
                if _am_alone(users):
                    stop(place)


def start(place: Place) -> None:
    postgres.start(place)
    valkey.start(place)


def repair(place: Place) -> None:
    """Start again whichever of the two is gone. Raises DidNotStart."""
    if postgres.find(place) is None or valkey.find(place) is None:
        with _turn(place):
            start(place)


def stop(place: Place) -> None:
    valkey.stop(place)
    postgres.stop(place)


@contextlib.contextmanager
def _lock(path: Path) -> Iterator[int]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def _turn(place: Place) -> Iterator[None]:
    """One at a time starts or stops."""
    with _lock(place.run / "turn.lock") as descriptor:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield


def _am_alone(users: int) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
