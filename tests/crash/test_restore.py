"""A database under load is restored to a random moment: exactly its transactions, and nothing leaves it."""

import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bench import server
from portal.local import postgres
from portal.local.place import CHECKOUT, Place
from tests.crash.cast import Stage

pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")

SCRIPTS = CHECKOUT / "operation"
ACTS = 60  # of each of two writers, after the backup has ended


@dataclass(frozen=True)
class Site(Stage):
    """A site with settings of its own, whose actors therefore begin with Python itself."""

    settings: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
        return {**kept, **super().environment, **self.settings}

    def run(self, *words: str) -> "subprocess.Popen[str]":
        """An actor of ``tests.crash.actor``, which is connected."""
        command, pipe = [sys.executable, "-m", "tests.crash.actor", *words], subprocess.PIPE
        actor = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=CHECKOUT, env=self.environment)
        assert actor.stdout is not None
        actor.stdout.readline()
        return actor

    def told(self, *words: str) -> dict[str, Any]:
        """What an actor's last line says."""
        actor = self.run(*words)
        said, complaint = actor.communicate()
        assert actor.returncode == 0, complaint[-3000:]
        return dict(json.loads(said.splitlines()[-1]))


class Told(NamedTuple):
    """An act as its writer told of it, once it was acknowledged; moments of the machine's own clock."""

    number: int
    xid: int
    began: float
    ended: float


class Loaded(NamedTuple):
    """What two writers did while a base backup was made at ``base``, and after it had ``ended``."""

    base: Path
    archive: Path
    ended: float
    acts: dict[str, list[Told]]


@pytest.fixture(scope="module")
def folder(stage: Stage) -> Iterator[Path]:
    made = postgres.make_folder(stage.place.run / "backup")
    postgres.make_folder(made / "archive")
    yield made
    server.archive(stage.place, "/bin/true")
    shutil.rmtree(made)


@pytest.fixture(scope="module")
def loaded(stage: Stage, folder: Path) -> Loaded:
    database = stage.copy("empty")
    stage.act("prepare", database, "500")  # acts that both nations have signed wait to be carried out
    server.archive(stage.place, f"{SCRIPTS}/archive.sh %p %f {folder}/archive")
    writing = Site(stage.place, stage.orders, {"RUN_DIR": str(stage.place.run / "site")})
    writers = {name: writing.run("carry_on", database, name) for name in "ab"}
    base = Path(postgres.run(stage.place, SCRIPTS / "backup.sh", folder))
    ended = time.monotonic()
    acts: dict[str, list[Told]] = {name: [] for name in writers}
    for name, writer in writers.items():
        assert writer.stdout is not None
        while sum(one.began > ended for one in acts[name]) < ACTS:
            acts[name].append(Told(*json.loads(writer.stdout.readline())))
    for name, writer in writers.items():
        writer.kill()
        assert writer.stdout is not None  # whose beginning has been read ahead: `communicate` would leave that out
        acts[name] += [Told(*json.loads(line)) for line in writer.stdout.read().splitlines() if line.endswith("]")]
        writer.communicate()
    with server.connect(stage.place, database) as connection:
        wait_for_archive(connection, stage)
    return Loaded(base, folder / "archive", ended, acts)


def wait_for_archive(connection: Any, stage: Stage) -> None:
    """Until all that was written so far has come to lie in the archive.

    The segment is that which the switch itself has ended: what is written after it, by the server's own hand or by a
    session whose client was killed, fills no other one, and nobody would ever archive that.
    """
    (last,) = connection.execute("SELECT pg_walfile_name(pg_switch_wal() - 1)").fetchone()
    deadline = time.monotonic() + 300  # a failed attempt is repeated after a minute
    while True:
        (done,) = connection.execute("SELECT last_archived_wal FROM pg_stat_archiver").fetchone()
        if done is not None and done >= last:
            return
        if time.monotonic() > deadline:
            told = (stage.place.run / "postgres.log").read_text()[-3000:]
            raise AssertionError(f"{last} was not archived, {done} was. {told}")
        time.sleep(0.1)


@pytest.fixture
def copy(stage: Stage) -> Iterator[Site]:
    """Where a copy comes up, with the queue and the mail server of the original."""
    place = Place(stage.place.run / "copy")
    postgres.make_folder(place.run)
    try:
        yield Site(
            place,
            stage.orders,
            {"RUN_DIR": str(stage.place.run / "site"), "REDIS_URL": os.environ["REDIS_URL"]},
        )
    finally:
        postgres.stop(place)
        shutil.rmtree(place.sockets, ignore_errors=True)
        shutil.rmtree(place.run)


def restore(copy: Site, loaded: Loaded, *target: str) -> dict[str, Any]:
    """The copy, restored and booted: what it holds and what it lets out."""
    postgres.run(copy.place, SCRIPTS / "restore.sh", loaded.base, loaded.archive, copy.place.postgres, *target)
    postgres.start(copy.place)
    with server.connect(copy.place, "round") as connection:
        deadline = time.monotonic() + 60
        while connection.execute("SELECT pg_is_in_recovery()").fetchone() == (True,):
            assert time.monotonic() < deadline, "the recovery does not end"
            time.sleep(0.05)
    return copy.told("boot", "round")


def test_a_restored_copy_has_exactly_its_transactions_and_lets_nothing_out(loaded, copy, rounds):
    first = random.randrange(10**9)
    for seed in range(first, first + max(1, rounds // 4)):
        name, last = moment(loaded, random.Random(seed))
        print(f"seed {seed}: until {name}-{last.number}, transaction {last.xid}")
        found = restore(copy, loaded, "xid", str(last.xid))
        assert found["wrong"] == []
        assert_exact(found["acts"], loaded, name, last)
        assert found["why"] == "restored"
        assert (found["fenced"], found["exported"], found["deliveries"]) == (0, "fenced", 0)
        assert found["unfenced"] == found["waiting"] > 0, "the negative control: without its fence it mails"
        assert found["twice"] > 0 and found["unfenced_deliveries"] > 0, "and mails again what the original had mailed"
        assert found["released"] == found["waiting"] and found["released_deliveries"] > 0
        postgres.stop(copy.place)
        shutil.rmtree(copy.place.postgres)


def moment(loaded: Loaded, dice: random.Random) -> tuple[str, Told]:
    """An act after the backup has ended, whose e-mail was not sent yet, but was before the writers were killed."""
    name = dice.choice("ab")
    return name, dice.choice(
        [one for one in loaded.acts[name][:-6] if one.began > loaded.ended and one.number % 5 != 4]
    )


def assert_exact(acts: list[str], loaded: Loaded, name: str, last: Told) -> None:
    """Of the writer itself all acts up to the last; of the other all that were acknowledged before it began, and none
    that began after it was acknowledged.
    """
    found = {writer: sorted(int(one[2:]) for one in acts if one[0] == writer) for writer in "ab"}
    assert found[name] == list(range(last.number + 1))
    other = loaded.acts["b" if name == "a" else "a"]
    rows = found["b" if name == "a" else "a"]
    assert rows == list(range(len(rows))), "no gap"
    assert {one.number for one in other if one.ended < last.began} <= set(rows)
    assert not {one.number for one in other if one.began > last.ended} & set(rows)


def test_a_copy_is_known_however_it_was_made(stage, loaded, copy):
    """Another database on the same server, as a dump is loaded; and files without a recovery, whose timeline stays."""
    with server.connect(stage.place, "round") as connection:
        original = generation(connection)
    with server.connect(stage.place, "postgres") as connection:
        connection.execute((CHECKOUT / "fund/governance/sql/fence.sql").read_text())
        assert different(generation(connection), original) == [2]
        connection.execute("DROP FUNCTION fund_generation()")
    postgres.run(copy.place, "cp", "-a", f"{loaded.base}/.", copy.place.run / "postgres.part")
    (copy.place.run / "postgres.part").rename(copy.place.postgres)
    postgres.start(copy.place)
    with server.connect(copy.place, "round") as connection:
        assert different(generation(connection), original) == [3]


def generation(connection: Any) -> list[str]:
    (found,) = connection.execute("SELECT fund_generation()").fetchone()
    return str(found).split("/")


def different(one: list[str], other: list[str]) -> list[int]:
    return [place for place, (a, b) in enumerate(zip(one, other, strict=True)) if a != b]


def test_an_archived_segment_is_never_overwritten(tmp_path):
    script, archive = SCRIPTS / "archive.sh", tmp_path / "archive"
    archive.mkdir()
    (tmp_path / "one").write_bytes(b"one")
    (tmp_path / "two").write_bytes(b"two")

    def kept(file: str) -> int:
        return subprocess.run([script, tmp_path / file, "0001", archive], check=False, capture_output=True).returncode

    assert kept("one") == 0 and kept("one") == 0, "the same once more is well"
    assert kept("two") != 0 and (archive / "0001").read_bytes() == b"one"
    assert [file.name for file in archive.iterdir()] == ["0001"]
