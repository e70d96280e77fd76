"""The processes of the crash suite: short-lived actors, and workers that can be killed at any point."""

import json
import multiprocessing
import os
import random
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from bench import server
from portal.local import postgres
from portal.local.place import Place
from tests.crash import actor, recount
from tests.crash.state import STATE

RANGES = 80  # of a settlement, so that there are many moments to be killed in


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["__main__", "tests.crash.actor"])  # so that no actor waits for Django to be loaded


class Actor:
    """A process of its own that does one verb and can be killed at will; what it prints is read from ``stdout``."""

    def __init__(self, words: Sequence[str], as_owner: bool) -> None:
        reading, writing = FORKS.Pipe(duplex=False)
        self._process = FORKS.Process(target=actor.perform, args=(words, writing, as_owner))
        self._process.start()
        writing.close()
        self.stdout = os.fdopen(os.dup(reading.fileno()))
        reading.close()

    def wait(self, seconds: float | None) -> int | None:
        """Its exit code, or None while it lives."""
        self._process.join(seconds)
        return self._process.exitcode

    def kill(self) -> None:
        self._process.kill()

    def close(self) -> None:
        """Killed, if it is alive, and forgotten."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self.stdout.close()


@dataclass(frozen=True)
class Stage:
    place: Place
    orders: int

    @property
    def chunk(self) -> str:
        """Citizens of one range, of four fifths as many as there are orders."""
        return str(self.orders * 4 // 5 // RANGES)

    @property
    def environment(self) -> dict[str, str]:
        urls = {"DATABASE_URL": self.place.database_url, "DATABASE_OWNER_URL": self.place.database_owner_url}
        return {**server.ENVIRONMENT, **urls, "CONN_MAX_AGE": "0"}

    def start(self, *words: str, as_owner: bool = False) -> "Actor":
        """An actor of ``tests.crash.actor``, which is at work."""
        with pytest.MonkeyPatch.context() as patch:
            for name, value in self.environment.items():
                patch.setenv(name, value)  # of the server that is started now, if it is not running yet
            return Actor(words, as_owner)

    def act(self, *words: str, as_owner: bool = False) -> str:
        """An actor's last line. Raises RuntimeError when it fails."""
        one = self.start(*words, as_owner=as_owner)
        said = one.stdout.read().splitlines()
        failed = one.wait(None)
        one.close()
        if failed:
            raise RuntimeError(f"{words} failed: {said[-1:]}")
        return said[-1] if said else ""

    def copy(self, source: str) -> str:
        server.copy(self.place, source=source, target="round")
        return "round"

    def distributed(self, database: str, *, proved: bool = True) -> dict[str, Any]:
        """The same of a distribution, where it stands, what the recount in SQL finds, and if wanted ``prove``."""
        with server.connect(self.place, database) as connection, connection.cursor() as cursor:
            cursor.execute(STATE)
            (digest,) = cursor.fetchone() or ("",)
            cursor.execute("SELECT state FROM fund_distribution")
            (state,) = cursor.fetchone() or ("",)
            found = {"hash": digest, "state": state, **recount.differences(cursor)}
        return {**found, **json.loads(self.act("distributed", database))} if proved else {**found, "wrong": ""}

    def state(self, database: str) -> dict[str, str]:
        """The hash of everything that a settlement decides, and what ``prove`` found wrong."""
        return dict(json.loads(self.act("state", database)))

    def kill_postgres(self) -> None:
        running = postgres.find(self.place)
        assert running is not None
        running.kill()
        running.wait(30)
        postgres.start(self.place, archiving=True)


def settle_and_kill(stage: Stage, database: str, dice: random.Random, verb: str = "settle") -> list[str]:
    """Settle, or pay, with two workers, killing one of them or PostgreSQL up to three times; returns the kills."""
    log: list[str] = []
    team = [stage.start(verb, database, stage.chunk) for _ in range(2)]
    try:
        kills = dice.randint(1, 3)
        for _ in range(kills):
            chunks = dice.randint(0, RANGES // 2 // kills)  # anywhere in the run, of which each worker does half
            pause = dice.uniform(0, 0.02)
            victim = dice.choice(["worker", "postgres"])
            read = sum(bool(team[0].stdout.readline()) for _ in range(chunks))
            time.sleep(pause)
            if victim == "worker":
                team[0].kill()
            else:
                stage.kill_postgres()
            log.append(f"{victim} after {read} chunks and {pause * 1000:.1f} ms")
            team = [standing(stage, worker, database, verb) for worker in team]
        while any(worker.wait(120) for worker in team):
            team = [standing(stage, worker, database, verb) for worker in team]
    finally:
        for worker in team:
            worker.close()
    return log


def standing(stage: Stage, worker: Actor, database: str, verb: str) -> Actor:
    """This worker while it lives or when it ended well, else another in its place."""
    if not worker.wait(0.2):
        return worker
    worker.close()
    return stage.start(verb, database, stage.chunk)
