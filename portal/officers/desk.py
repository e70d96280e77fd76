"""The desk: what waits for this officer, what happens next, and the fund's key figures."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from fund.governance.officers import Officer
from portal.officers import shown
from portal.officers.room import COUNT_AT_MOST, NEXT, Coming, Figure, Queue, Room


@dataclass(frozen=True)
class Waiting:
    """A queue as the desk shows it. ``late``: the oldest has waited for more than two days."""

    title: Any
    count: str
    age: str
    late: bool
    url: str


@dataclass(frozen=True)
class Desk:
    waiting: list[Waiting]
    clear: list[Queue]
    figures: list[Figure]
    coming: list[Coming]


def lay_out(*, rooms: Iterable[Room], officer: Officer, now: datetime) -> Desk:
    """Queues with work first, in the order of the rooms; the empty ones are only named."""
    rooms = list(rooms)
    queues = [queue for room in rooms for queue in room.queues(officer=officer, now=now)]
    return Desk(
        waiting=[_waiting(queue, now) for queue in queues if queue.count],
        clear=[queue for queue in queues if not queue.count],
        figures=[figure for room in rooms for figure in room.figures(now=now)],
        coming=sorted(one for room in rooms for one in room.coming(now=now))[:NEXT],
    )


def _waiting(queue: Queue, now: datetime) -> Waiting:
    more = "+" if queue.count >= COUNT_AT_MOST else ""
    age = shown.age(queue.oldest, now) if queue.oldest else ""
    late = queue.oldest is not None and (now - queue.oldest).days >= 2
    return Waiting(queue.title, f"{shown.whole(queue.count)}{more}", age, late, queue.url)
