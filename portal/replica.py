"""Pages that are the same for every stranger may be read from a streaming replica, at most so many seconds behind.

Where that is said, and only there: in ``briefly`` for pages without a cookie, and in the API's public views. A person's
own page, the desk, tasks and everything that writes read the primary. How far behind the replica is, its copy of the
clock's last beat tells: that covers a broken line, a paused replay and a slow one alike, and needs no right that the
site does not have. While the clock itself is silent, the primary is read.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import Any

import structlog
from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, DatabaseError, InterfaceError, OperationalError, connections
from django.db.models import Max
from django.utils import timezone

from portal.watch.models import Beat

REPLICA = "replica"
ASKED_EVERY = 1.0  # seconds for which a process believes the last answer
DOWN_FOR = 5.0  # seconds after a failure until it is asked again

log = structlog.get_logger(__name__)

_reading: ContextVar[bool] = ContextVar("kakehashi_replica", default=False)


class Router:
    """Reads go to the replica inside ``read``, and nowhere else; a row that came from it is not followed there."""

    def db_for_read(self, model: Any, **hints: Any) -> str:
        return REPLICA if _reading.get() else DEFAULT_DB_ALIAS

    def db_for_write(self, model: Any, **hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, one: Any, other: Any, **hints: Any) -> bool:
        return True

    def allow_migrate(self, db: str, app_label: str, **hints: Any) -> bool | None:
        return False if db == REPLICA else None


class _Standing:
    """What this process believes of the replica, until it asks again."""

    usable = False
    until = 0.0


def read[Answer](make: Callable[[], Answer]) -> Answer:
    """What ``make`` reads, from the replica when it is near enough, else from the primary. It may be called twice."""
    if not _usable():
        return make()
    try:
        with _from_replica():
            return make()
    except (OperationalError, InterfaceError) as error:
        _believe(False, DOWN_FOR)
        log.warning("the replica failed, the primary is read", error=type(error).__qualname__)
        return make()


@contextmanager
def _from_replica() -> Iterator[None]:
    token = _reading.set(True)
    try:
        yield
    finally:
        _reading.reset(token)


def _usable() -> bool:
    if REPLICA not in connections.settings:
        return False
    if time.monotonic() >= _Standing.until:
        try:
            _believe(_near(), ASKED_EVERY)
        except DatabaseError:
            connections[REPLICA].close()
            _believe(False, DOWN_FOR)
    return _Standing.usable


def _near() -> bool:
    """Whether the last beat that has come over is young enough."""
    last = Beat.objects.using(REPLICA).aggregate(at=Max("ran_at"))["at"]
    return last is not None and timezone.now() - last <= timedelta(seconds=settings.DATABASE_REPLICA_LAG)


def _believe(usable: bool, seconds: float) -> None:
    _Standing.usable, _Standing.until = usable, time.monotonic() + seconds
