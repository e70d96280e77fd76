"""How requests went, counted by all processes of all machines in one table, in which they simply add up.

A process counts in its memory and adds what it has counted to the table every few seconds, by a thread of its own: a
request waits for nothing. A process that is killed loses what it had not told yet. Rooms, classes of status and bounds
of time are few and fixed; no address, no person and no parameter is among them.
"""

import threading
import time
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable

import structlog
from django.db import DatabaseError, connection, transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal.watch.models import Traffic

BOUNDS = (25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)  # milliseconds
LONGER = 0
ROOMS = ("page", "account", "desk", "api", "sign-in", "static", "machine")
TELL_EVERY = 10.0  # seconds

log = structlog.get_logger(__name__)

type Cell = tuple[str, str, int]  # room, class of status, bound
_counted: defaultdict[Cell, list[float]] = defaultdict(lambda: [0, 0.0])
_lock = threading.Lock()

ADD = """
    INSERT INTO portal_traffic AS t (room, status, bucket, count, seconds)
    SELECT * FROM unnest(%s::text[], %s::text[], %s::int[], %s::bigint[], %s::float8[])
    ON CONFLICT (room, status, bucket)
    DO UPDATE SET count = t.count + excluded.count, seconds = t.seconds + excluded.seconds
"""


def counted(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: count a request when it is answered."""

    def timed(request: HttpRequest) -> HttpResponseBase:
        began = time.perf_counter()
        answer = get_response(request)
        count(path=request.path_info, status=answer.status_code, seconds=time.perf_counter() - began)
        return answer

    return timed


def count(*, path: str, status: int, seconds: float) -> None:
    """Count one request."""
    place = bisect_left(BOUNDS, seconds * 1000)
    bucket = BOUNDS[place] if place < len(BOUNDS) else LONGER
    with _lock:
        cell = _counted[room(path), f"{status // 100}xx", bucket]
        cell[0] += 1
        cell[1] += seconds


def room(path: str) -> str:
    """One of ROOMS, by the beginning of the address."""
    first, _slash, rest = path.removeprefix("/").partition("/")
    if first in ("health", "metrics"):
        return "machine"
    if first == "static":
        return "static"
    if first == "api":
        return "sign-in" if rest.startswith("auth/") else "api"
    second = rest.partition("/")[0]
    return {"officers": "desk", "account": "account", "join": "account"}.get(second, "page")


def tell() -> None:
    """Add what this process has counted since the last time. What cannot be told now is kept for the next time."""
    with _lock:
        taken = dict(_counted)
        _counted.clear()
    if not taken:
        return
    cells = sorted(taken)  # all processes in one order, so that they wait for one another and never deadlock
    columns = [[cell[part] for cell in cells] for part in range(3)]
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(ADD, [*columns, [int(taken[c][0]) for c in cells], [taken[c][1] for c in cells]])
    except DatabaseError:
        with _lock:
            for cell, (times, seconds) in taken.items():
                _counted[cell][0] += times
                _counted[cell][1] += seconds
        raise


def tell_for_ever() -> None:
    """Begin to tell, by a thread that ends with its process."""
    threading.Thread(target=_tell_for_ever, name="traffic", daemon=True).start()


def _tell_for_ever() -> None:
    while True:
        time.sleep(TELL_EVERY)
        try:
            tell()
        except DatabaseError as error:
            log.warning("requests cannot be counted", error=type(error).__qualname__)
        finally:
            connection.close()


def totals() -> dict[tuple[str, str], dict[int, tuple[int, float]]]:
    """By room and class of status: how many requests in each bucket, and their seconds."""
    found: dict[tuple[str, str], dict[int, tuple[int, float]]] = {}
    for one in Traffic.objects.all():
        found.setdefault((one.room, one.status), {})[one.bucket] = (one.count, one.seconds)
    return found
