"""An opening with everybody at once, against the real web server: the waiting room lets them in one after another.

Measured is what each of them sees, from the first page to the order's own; beside it the same pages with nobody else
there. Without the room the same crowd shows what it is for.
"""

import asyncio
import os
import random
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import psutil
import pytest
from django.db import connection
from django.utils import timezone

from bench.orders import CITIZENS, session
from fund.dealing import offering
from fund.dealing.models import Offering, Subscription
from portal.local import process, supervisor
from portal.local.place import HERE
from portal.store import store
from tests.portal.web import stage

WHOLE = "NATION" in os.environ  # `make crash`; a tenth of it otherwise
CROWD, BEFORE = (300, 8) if WHOLE else (30, 2)  # people; seconds until it opens
RATE = 5.0  # as shipped
IN_TWO_SECONDS = 11  # turns at most
FIRST = 5_000_001
CODE = "JP-2026-9"
QUIET = 20 if WHOLE else 8  # walks with nobody else there


# ── the crowd ──
@dataclass
class Person:
    """Somebody at a browser without scripts: one connection, cookies, and the pages as they come."""

    number: int
    port: int
    times: list[float] = field(default_factory=list)  # seconds of every request
    statuses: list[int] = field(default_factory=list)
    came: float = 0.0  # when the first page was asked for, and when it was there
    was_here: float = 0.0
    waited: int = 0
    let_in: float = 0.0
    page: str = ""
    csrf: str = ""

    async def ask(self, path: str, form: str = "") -> str:
        """One request; the place that it leads on to."""
        cookies = f"session={token(self.number)}" + (f"; csrf={self.csrf}" if self.csrf else "")
        head = f"Host: localhost\r\nCookie: {cookies}\r\nAccept-Encoding: identity\r\nConnection: close\r\n"
        if form:
            head += f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n"
        began = time.perf_counter()
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"{'POST' if form else 'GET'} {path} HTTP/1.1\r\n{head}\r\n{form}".encode())
        answer = await reader.read()
        writer.close()
        await writer.wait_closed()
        self.times.append(time.perf_counter() - began)
        head, _blank, self.page = answer.decode().partition("\r\n\r\n")
        self.statuses.append(int(head.split()[1]))
        if given := re.search(r"(?i)^set-cookie: csrf=(\w+)", head, re.MULTILINE):
            self.csrf = given[1]
        return found[1] if (found := re.search(r"(?i)^location: (\S+)", head, re.MULTILINE)) else ""

    async def walk(self, code: str) -> None:
        """From the first page to the order's own, waiting where one is told to wait."""
        here = f"/en/account/subscribe/{code}"
        self.came = time.time()
        await self.ask(here)
        self.was_here = time.time()
        while 'name="amount"' not in self.page:
            again = re.search(r'http-equiv="refresh" content="(\d+)', self.page)
            self.waited += again is not None
            await asyncio.sleep(int(again[1]) if again else 1)  # without a room people load the page again themselves
            await self.ask(here)
        self.let_in = time.time()
        await self.ask(here, self.form(amount="10000"))
        await self.ask(here, self.form(amount="10000", documents="1"))
        there = await self.ask(here, self.form(amount="10000", key=self.hidden("key")))
        await self.ask(there)
        assert "Pay by bank transfer" in self.page

    def hidden(self, name: str) -> str:
        return re.search(rf'name="{name}" value="([^"]+)"', self.page)[1]

    def form(self, **values: str) -> str:
        filled = {"csrfmiddlewaretoken": self.hidden("csrfmiddlewaretoken"), **values}
        return "&".join(f"{name}={value}" for name, value in filled.items())


def token(number: int) -> str:
    return f"rush{number:028d}"


async def arrive(people: list[Person], code: str, opens_at: datetime, opened: asyncio.Event) -> None:
    """A third is there before the opening, in no order; all others come in the moment in which it opens."""

    async def one(person: Person) -> None:
        if person.number % 3:
            await opened.wait()
        else:
            await asyncio.sleep(random.random() * (opens_at.timestamp() - time.time() - 1))
        await person.walk(code)

    await asyncio.gather(*map(one, people))


def p95(times: list[float]) -> float:
    return sorted(times)[len(times) * 95 // 100]


# ── the house ──
@contextmanager
def web(rate: float) -> Iterator[int]:
    """The web server as the demonstration starts it, on the database of this test."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    whole, _slash, _name = os.environ["DATABASE_URL"].rpartition("/")
    database = f"{whole}/{connection.settings_dict['NAME']}"
    environment = {**os.environ, "DATABASE_URL": database, "WAITING_ROOM_RATE": str(rate), "CONN_MAX_AGE": "600"}
    log = Path(HERE.run) / f"rush-{port}.log"
    with log.open("wb") as output:
        child = process.start(supervisor.web(port), output=output, environment=environment)
    started = psutil.Process(child.pid)
    try:
        process.wait_until(lambda: answers(port), process=started, log=log)
        yield port
    finally:
        process.end(started)
        child.wait()
        log.unlink()


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False


def citizens(count: int) -> None:
    """Approved and signed in."""
    numbers, now = range(FIRST, FIRST + count), timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(
            CITIZENS,
            {
                "first": numbers[0],
                "last": numbers[-1],
                "now": now,
                "until": now + timedelta(days=365),
                "password": "!nobody-knows-it",
                "tokens": [token(number) for number in numbers],
                "sessions": [session(number, "!nobody-knows-it") for number in numbers],
                "expires": [now + timedelta(hours=8)] * count,
            },
        )


def announce(keys, code: str, opens: datetime) -> Offering:
    """An offering that both nations have signed and that opens by the clock."""
    one = stage.announce(code, opens=opens, closes=opens + timedelta(days=9), texts=["terms:1"])
    now = timezone.now()
    proposal = offering.propose_opening(offering=one, officer=keys[0], now=now)
    offering.carry_out_opening(proposal=stage.signed(proposal, keys[1], now), now=now)
    return one


@pytest.fixture
def keys(transactional_db):
    stage.open_fund()
    citizens(CROWD + 1)
    return stage.officers()


@pytest.fixture(autouse=True)
def _clock() -> None:
    """Here it is now."""


def alone(port: int) -> float:
    """The p95 of a person with nobody else there, in seconds."""
    person = Person(FIRST + CROWD, port)
    for _walk in range(QUIET):
        asyncio.run(person.walk(CODE))
    assert person.waited == 0, "a quiet day has no waiting room"
    return p95(person.times)


def opening(keys, port: int, code: str) -> tuple[list[Person], float]:
    """Everybody who came, and when it opened."""
    people = [Person(FIRST + number, port) for number in range(CROWD)]
    opens_at = timezone.now() + timedelta(seconds=BEFORE)
    announce(keys, code, opens_at)

    async def rush() -> None:
        opened = asyncio.Event()
        crowd = asyncio.create_task(arrive(people, code, opens_at, opened))
        await asyncio.sleep(opens_at.timestamp() - time.time())
        assert await asyncio.to_thread(open_now) == [code]
        opened.set()
        await crowd

    asyncio.run(rush())
    return people, opens_at.timestamp()


def open_now() -> list[str]:
    try:
        return offering.open_due(now=timezone.now())
    finally:
        connection.close()


def test_an_opening(keys):
    announce(keys, CODE, timezone.now() - timedelta(days=1))
    assert Offering.objects.get(pk=CODE).state == Offering.State.OPEN
    store().flushdb()
    with web(RATE) as port:
        idle = alone(port)
        people, opened_at = opening(keys, port, "JP-2026-7")
    with_room = told(people, "JP-2026-7", idle)
    turns = in_order(people, "JP-2026-7", opened_at)
    assert with_room < 10
    assert most_at_once(turns) <= IN_TWO_SECONDS
    with web(0) as port:
        crowd, _opened_at = opening(keys, port, "JP-2026-8")
    without = told(crowd, "JP-2026-8", idle)
    assert most_at_once([person.let_in for person in crowd]) > IN_TWO_SECONDS, (
        "the negative control: everybody is let in at once"
    )
    assert without > 10 or not WHOLE


def told(people: list[Person], code: str, idle: float) -> float:
    """Everybody has been answered and has ordered once. The p95 of all requests, in those of somebody alone."""
    assert {status for person in people for status in person.statuses} <= {200, 302}
    assert Subscription.objects.filter(offering_id=code).count() == CROWD
    times = p95([each for person in people for each in person.times])
    inside = p95([each for person in people for each in person.times[person.waited :]])
    print(f"{code}: p95 {times:.3f} s, of those let in {inside:.3f} s, alone {idle:.3f} s: {times / idle:.1f} times")
    return times / idle


def most_at_once(times: list[float]) -> int:
    """How many of these instants lie within two seconds, at most."""
    return max(sum(0 <= other - one < 2 for other in times) for one in times)


def in_order(people: list[Person], code: str, opened_at: float) -> list[float]:
    """Everybody was let in at their turn, who was there before the opening first; the turns.

    On a busy machine somebody who set out in time may not be there in time: it counts who was, and who came after it.
    """
    turns = {person.number: int(store().get(f"room:{{{code}}}:turn:{person.number}") or 0) / 1000 for person in people}
    early = [turns[person.number] for person in people if person.was_here < opened_at]
    late = [turns[person.number] for person in people if person.came > opened_at]
    assert max(early) < min(late)
    for person in people:
        assert 0 <= person.let_in - turns[person.number] < 8, "nobody before their turn, nor long after it"
    return list(turns.values())
