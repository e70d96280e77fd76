"""The real processes on a busy day: the site, its clients, its bank and officers, and who kills them with `kill -9`."""

import http.client
import json
import os
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from bench import load, orders, server, stage
from fund.money import Currency
from fund.payments.formats import camt_writing
from fund.payments.formats.model import Kind
from portal.local import postgres, process, valkey
from portal.local.place import CHECKOUT, Place
from tests.crash import busy, recount
from tests.demo import Demo, wait_for
from tests.fund.payments import bank_files

READY = 30  # seconds in which whoever was killed must be at work again
PATIENCE = 600  # seconds until all that was begun must have ended, on a machine that does other things as well
LOT = stage.LOT
VICTIMS = ("web", "worker", "scheduler", "postgresql", "valkey")
SETTINGS = {"DJANGO_SETTINGS_MODULE": "portal.settings"}
AT_WORK = """
    SELECT 'task ' || task || ', failed ' || failures || ' times ' || error FROM portal_delivery WHERE done_at IS NULL
     UNION ALL SELECT 'note ' || topic FROM fund_note WHERE relayed_at IS NULL
     UNION ALL SELECT 'offering ' || code FROM fund_offering WHERE state = 'allotted'
     UNION ALL SELECT 'distribution ' || id FROM fund_distribution WHERE state = 'recorded'
     UNION ALL SELECT 'fence closed ' || why FROM fund_fenceentry WHERE act = 'closed'
"""


@dataclass
class Told:
    """What was acknowledged: orders by reference (holder, amount, withdrawn), payments, days of NAVs."""

    orders: dict[str, tuple[int, int, bool]] = field(default_factory=dict)
    payments: list[tuple[str, int]] = field(default_factory=list)
    navs: list[str] = field(default_factory=list)


def environment(place: Place) -> dict[str, str]:
    """Of a process of the site beside those of the demonstration, with the same keys."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
    return {**kept, "LOCAL": "1", "LOG_LEVEL": "WARNING", "RUN_DIR": str(place.run), **SETTINGS}


@dataclass
class Day:
    """One round: a demonstration on a copy of the prepared database, until ``end``."""

    demo: Demo
    citizens: int
    told: Told = field(default_factory=Told)
    over: threading.Event = field(default_factory=threading.Event)
    failures: list[str] = field(default_factory=list)
    importing: psutil.Popen | None = None

    @contextmanager
    def run(self) -> Iterator[None]:
        """All processes of the site, from when they are well until the end of the block."""
        self.demo.start()
        try:
            wait_for("the site", self.is_well, PATIENCE)
            yield
        finally:
            self.demo.stop()

    # ── beside the site ──

    def act(self, *words: str) -> str:
        command = [sys.executable, "-m", "tests.crash.actor", *words]
        place = self.demo.place
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=CHECKOUT, env=environment(place), check=False
        )
        if done.returncode:
            raise RuntimeError(f"{words} failed:\n{done.stderr[-3000:]}")
        return done.stdout.splitlines()[-1]

    @contextmanager
    def beside(self, verb: str, take: Callable[[str], None]) -> Iterator[None]:
        """An actor that works until the end of the block; ``take`` hears its lines."""
        command = [sys.executable, "-m", "tests.crash.actor", verb, "kakehashi"]
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT, env=environment(self.demo.place)
        ) as actor:
            assert actor.stdout is not None
            listening = threading.Thread(
                target=lambda lines: [take(line.strip()) for line in lines], args=[actor.stdout]
            )
            actor.stdout.readline()  # ready
            listening.start()
            try:
                yield
            finally:
                if actor.poll() is not None:
                    self.failures.append(f"{verb} ended by itself")
                actor.kill()
                listening.join()

    @contextmanager
    def everybody(self) -> Iterator[None]:
        """Citizens who order, the bank, officers, and a second scheduler, until the end of the block."""
        shares = [range(orders.FIRST + part, orders.FIRST + self.citizens, 2) for part in range(2)]
        crowd = [threading.Thread(target=self.guarded, args=[self.order, share]) for share in shares]
        bank = threading.Thread(target=self.guarded, args=[self.bank])
        with self.beside("sign_navs", self.told.navs.append), self.beside("nudge", lambda line: None):
            for one in (*crowd, bank):
                one.start()
            try:
                yield
            finally:
                self.over.set()
                for one in (*crowd, bank):
                    one.join()

    def guarded(self, work: Callable[..., None], *given: Any) -> None:
        try:
            work(*given)
        except Exception as error:  # told by the test, in whose thread it did not happen
            self.failures.append(repr(error))
            raise

    # ── citizens ──

    def order(self, numbers: range) -> None:
        """Orders one after the other, each sent with its key until it is answered; every fifth is taken back."""
        for number in numbers:
            if self.over.is_set():
                return
            amount = (1 + number % 9) * LOT
            body = {**load.BODY, "offering": busy.OPEN, "amount": {"currency": "JPY", "value": str(amount)}}
            placed = self.ask("/api/v1/subscriptions", body, number, "order", 201)
            self.told.orders[placed["reference"]] = (number, amount, False)
            if number % 5 == 0:
                self.ask(f"/api/v1/subscriptions/{placed['reference']}/withdraw", {}, number, "withdraw", 200)
                self.told.orders[placed["reference"]] = (number, amount, True)
            self.over.wait(random.random())

    def ask(self, path: str, body: Any, number: int, key: str, status: int) -> Any:
        """As the reference clients: what is not answered, or answered with "later", is sent again with its key."""
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json",
            "X-Session-Token": load.token(number),
            "Idempotency-Key": f'"{key}-{number}"',
        }
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            with suppress(OSError, http.client.HTTPException):
                line = http.client.HTTPConnection("127.0.0.1", self.demo.port, timeout=10)
                line.request("POST", path, json.dumps(body), headers)
                answer = line.getresponse()
                said = answer.read()
                line.close()
                if answer.status == status:
                    return json.loads(said)
                if answer.status not in (409, 429, 500, 502, 503):
                    raise RuntimeError(f"{path} of {number} was answered {answer.status}: {said[:500]!r}")
            time.sleep(0.1)
        raise RuntimeError(f"{path} of {number} was never answered")

    # ── the bank ──

    def bank(self) -> None:
        """Notifications of payments, each taken in by a command that is given again, whole, until it says it is done.

        Three of four orders that stand are paid. At the end of the day whatever is left.
        """
        paid: set[str] = set()
        while True:
            last = self.over.is_set()
            standing = [
                (reference, amount)
                for reference, (number, amount, withdrawn) in list(self.told.orders.items())
                if reference not in paid and not withdrawn and number % 5 != 0 and number % 4 != 1
            ]
            if standing:
                paid |= {reference for reference, _amount in standing}
                self.notify(standing)
            elif last:
                return
            time.sleep(0.5)

    def notify(self, payments: list[tuple[str, int]]) -> None:
        now = datetime.now(UTC).replace(microsecond=0)
        entries = [
            bank_files.entry(
                amount, currency=Currency.JPY.value, creditor_reference=reference, booking_date=now.date(),
                value_date=now.date(), bank_reference=f"DAY-{reference}", line=line,
            )
            for line, (reference, amount) in enumerate(payments, 1)
        ]  # fmt: skip
        one = bank_files.statement(*entries, account=stage.BANK, kind=Kind.NOTIFICATION, created_at=now)
        file = Path(self.demo.place.run) / f"bank-{len(self.told.payments)}.xml"
        file.write_bytes(camt_writing.write([one]))
        command = [sys.executable, "manage.py", "import_statement", str(file)]
        deadline = time.monotonic() + PATIENCE
        pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
        while True:
            self.importing = psutil.Popen(command, cwd=CHECKOUT, env=environment(self.demo.place), **pipes)
            _nothing, said = self.importing.communicate()
            if self.importing.returncode == 0:
                break
            if "Nothing was posted" in said or time.monotonic() > deadline:
                raise RuntimeError(said[-2000:])
        self.importing = None
        self.told.payments += payments

    # ── kill -9 ──

    def kill(self, dice: random.Random, kinds: Sequence[str] = VICTIMS) -> tuple[str, float]:
        """Kill one process of one kind and wait until all is well again; what was killed, and the seconds it took.

        Now and then it is the command that imports a bank file at this moment.
        """
        kind = dice.choice(kinds)
        victim = dice.choice(self.family(kind))
        if self.importing is not None and dice.random() < 0.2:
            kind, victim = "import", self.importing
        told = f"{kind} {victim.pid}"
        began = time.monotonic()
        with suppress(psutil.NoSuchProcess):
            victim.kill()
        wait_for(f"the end of {told}", lambda: not process.is_alive(victim), READY)
        wait_for(f"all to be well after {told}", self.is_well, PATIENCE)
        return kind, time.monotonic() - began

    def family(self, kind: str) -> list[psutil.Process]:
        """The processes of one kind: a leader, and its children where it has some."""
        if kind in ("postgresql", "valkey"):
            leader = (postgres if kind == "postgresql" else valkey).find(self.demo.place)
        else:
            word = {"web": "granian", "worker": "worker", "scheduler": "beat"}[kind]
            assert self.demo.supervisor is not None
            found = [one for one in self.demo.supervisor.children() if word in words_of(one)]
            leader = found[0] if found else None
        if leader is None:
            return []
        with suppress(psutil.NoSuchProcess):
            return [leader, *leader.children()]
        return []

    def is_well(self) -> bool:
        """Every program runs and the site says that it is ready."""
        return all(any(map(process.is_alive, self.family(kind))) for kind in VICTIMS) and self.demo.is_ready()

    # ── the evening ──

    def wait_until_all_is_done(self) -> None:
        deadline = time.monotonic() + PATIENCE
        while (left := self.left()) and time.monotonic() < deadline:
            time.sleep(0.5)
        assert not left, f"not done after {PATIENCE} seconds: {Counter(left)}"

    def left(self) -> list[str]:
        """What is still to be done."""
        with server.connect(self.demo.place) as connection:
            return [told for (told,) in connection.execute(AT_WORK)]

    def judge(self) -> dict[str, Any]:
        """Everything that was told against everything that is there."""
        rows = [(ref, number, busy.OPEN, amount, gone) for ref, (number, amount, gone) in self.told.orders.items()]
        with server.connect(self.demo.place) as connection, connection.cursor() as cursor:
            recount.told(cursor, orders=rows, payments=self.told.payments)
            found = recount.differences(cursor)
            cursor.execute(
                "SELECT valuation_day::text FROM fund_nav WHERE state = 'published' ORDER BY published_at, id"
            )
            days = [day for (day,) in cursor.fetchall()]
            cursor.execute("SELECT count(*) FROM portal_delivery WHERE dead_at IS NOT NULL")
            (dead,) = cursor.fetchone() or (0,)
        wrong = json.loads(self.act("state", "kakehashi"))["wrong"]
        return {**found, "days": days, "dead": dead, "wrong": wrong}


def words_of(one: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(one.cmdline())
    return ""
