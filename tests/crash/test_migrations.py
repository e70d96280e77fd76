"""What no release has applied yet is migrated under traffic of the last release's code and of this one's.

The last release is a commit (``tests/house/released.json``). This runs in `make crash` and needs the history of git.
"""

import itertools
import json
import os
import shutil
import subprocess
import sys
import tarfile
import threading
import time
import urllib.error
import urllib.request
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pytest

from bench import server
from portal.local import postgres, process, valkey
from portal.local.place import CHECKOUT, HERE, Place
from tests.crash.conftest import FEW_ROUNDS
from tests.house.migrations import RELEASED

pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

A_SECOND = 50  # requests
LONGEST_WAIT = "2s"
OLD, NEW = 8731, 8732
PATHS = (
    "/health/ready", "/en/", "/en/offerings/", "/en/offerings/JP-2026-1", "/en/fund/nav", "/en/fund/ownership",
    "/en/status", "/en/verify", "/api/v1/offerings", "/api/v1/fund",
)  # fmt: skip


@dataclass
class House:
    """Services with a book of the last release, and the code of both."""

    place: Place
    old: Path
    programs: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def environment(self, *, as_owner: bool = False) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
        owner = self.place.database_owner_url
        return {
            **kept, **server.ENVIRONMENT, "REDIS_URL": self.place.redis_url, "RUN_DIR": str(self.place.run / "site"),
            "DATABASE_URL": owner if as_owner else self.place.database_url, "DATABASE_OWNER_URL": owner,
            "DOOR_SECONDS": "0", "PYTHONPATH": "",
        }  # fmt: skip

    def run(self, code: Path, *words: str) -> str:
        command = [sys.executable, *words]
        done = subprocess.run(command, cwd=code, env=self.environment(), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    def serve(self, code: Path, port: int) -> None:
        """As this very code says that it is served."""
        asked = f"import json; from portal.local.supervisor import web; print(json.dumps(web({port})))"
        command = json.loads(self.run(code, "-c", asked))
        log = self.place.run / f"web-{port}.log"
        with log.open("wb") as output:
            self.programs.append(
                subprocess.Popen(
                    command, cwd=code, env=self.environment(), stdout=output, stderr=output, start_new_session=True
                )
            )
        deadline = time.monotonic() + 300
        while ask(port, "/health/ready") != 200:
            assert time.monotonic() < deadline, log.read_text()[-3000:]
            time.sleep(0.2)

    def waits(self) -> int:
        """How often a session has waited for a lock for longer than is allowed, or gave up waiting."""
        log = (self.place.run / "postgres.log").read_text()
        return sum(map(log.count, ("still waiting for", "due to statement timeout")))


def ask(port: int, path: str) -> int:
    """The status of an answer; 0 without one."""
    try:
        with urllib.request.urlopen(f"http://localhost:{port}{path}", timeout=60) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as refused:
        return refused.code
    except OSError:
        return 0


@dataclass
class Traffic:
    """Requests at a steady pace to whichever servers stand, each page of each in turn."""

    ports: list[int]
    answers: Counter[tuple[int, str, int]] = field(default_factory=Counter)
    ended: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> "Traffic":
        self.senders = [threading.Thread(target=self._send, args=(number,)) for number in range(8)]
        self.turns, self.lock, self.began = itertools.count(), threading.Lock(), time.monotonic()
        for sender in self.senders:
            sender.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.ended.set()
        for sender in self.senders:
            sender.join()

    def _send(self, _number: int) -> None:
        while not self.ended.is_set():
            with self.lock:
                turn = next(self.turns)
            time.sleep(max(0.0, self.began + turn / A_SECOND - time.monotonic()))
            port, path = self.ports[turn % len(self.ports)], PATHS[turn // len(self.ports) % len(PATHS)]
            status = ask(port, path)
            with self.lock:
                self.answers[port, path, status] += 1

    def wait_for(self, more: int) -> None:
        until = self.answers.total() + more
        while self.answers.total() < until:
            time.sleep(0.05)


@pytest.fixture(scope="module")
def house(rounds: int) -> Iterator[House]:
    if rounds <= FEW_ROUNDS:
        pytest.skip("in make crash")
    commit = json.loads(RELEASED.read_text())["commit"]
    archive = subprocess.run(["git", "archive", commit], cwd=CHECKOUT, capture_output=True, check=True).stdout
    place = Place(HERE.run / f"migrations-{os.getpid()}")
    one = House(place, place.run / "old")
    try:
        place.run.mkdir(parents=True)
        with tarfile.open(fileobj=BytesIO(archive)) as files:
            files.extractall(one.old, filter="data")
        postgres.start(place)
        valkey.start(place)
        with server.connect(place, "postgres") as connection:
            connection.execute("ALTER SYSTEM SET log_lock_waits = on")
            connection.execute(f"ALTER SYSTEM SET deadlock_timeout = '{LONGEST_WAIT}'")
            connection.execute("SELECT pg_reload_conf()")
        one.run(one.old, "manage.py", "migrate", "--no-input")
        one.run(one.old, "-m", "tests.crash.actor", "prepare", "kakehashi", "2000")
        one.run(one.old, "-m", "tests.crash.actor", "carry_out", "kakehashi")
        one.serve(one.old, OLD)
        yield one
    finally:
        for program in one.programs:
            process.kill_group(program.pid)
            program.wait(30)
        valkey.stop(place)
        postgres.stop(place)
        shutil.rmtree(place.sockets, ignore_errors=True)
        shutil.rmtree(place.run, ignore_errors=True)


def test_every_new_migration_runs_under_traffic_of_old_and_new_code(house: House) -> None:
    settling = [sys.executable, "-m", "tests.crash.actor", "settle", "kakehashi", "4"]  # the old code writes meanwhile
    with Traffic([OLD]) as traffic:
        traffic.wait_for(2 * A_SECOND)
        with subprocess.Popen(settling, cwd=house.old, env=house.environment(), stdout=subprocess.DEVNULL) as writer:
            house.run(CHECKOUT, "manage.py", "migrate", "--no-input")
            traffic.wait_for(2 * A_SECOND)
            house.serve(CHECKOUT, NEW)
            traffic.ports = [OLD, NEW]
            traffic.wait_for(4 * A_SECOND)
            assert writer.wait(300) == 0
    wrong = {what: count for what, count in traffic.answers.items() if what[2] == 0 or what[2] >= 500}
    print(f"{traffic.answers.total()} answers, {len(wrong)} of them wrong, {house.waits()} waits for a lock")
    assert wrong == {}
    assert {port for port, _path, _status in traffic.answers} == {OLD, NEW}
    assert all(traffic.answers[port, path, 200] for port in (OLD, NEW) for path in PATHS), traffic.answers
    assert house.waits() == 0


def test_a_migration_that_rewrites_a_table_is_seen(house: House) -> None:
    """Negative control: past `migrate`, one holds for five seconds what the pages of the offerings read."""
    before = house.waits()
    with Traffic([OLD]) as traffic:
        traffic.wait_for(A_SECOND)
        with server.connect(house.place) as connection, connection.transaction():
            connection.execute("ALTER TABLE fund_offering ADD COLUMN written uuid DEFAULT gen_random_uuid()")
            connection.execute("SELECT pg_sleep(5)")
    assert house.waits() > before
