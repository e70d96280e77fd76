"""The processes of the crash suite: short-lived actors, and workers that can be killed at any point."""

import json
import os
import random
import subprocess
import sys
import time
from dataclasses import dataclass, field

from bench import server
from portal.local import postgres
from portal.local.place import CHECKOUT, Place

RANGES = 80  # of a settlement, so that there are many moments to be killed in


@dataclass(frozen=True)
class Stage:
    place: Place
    orders: int
    settings: dict[str, str] = field(default_factory=dict)  # beside those of every actor

    @property
    def chunk(self) -> str:
        """Citizens of one range, of four fifths as many as there are orders."""
        return str(self.orders * 4 // 5 // RANGES)

    @property
    def environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "VIRTUAL_ENV") if name in os.environ}
        owner = self.place.database_owner_url
        urls = {"DATABASE_URL": self.place.database_url, "DATABASE_OWNER_URL": owner}
        return {**kept, **server.ENVIRONMENT, **urls, "CONN_MAX_AGE": "0", **self.settings}

    def start(self, *words: str) -> subprocess.Popen[str]:
        """An actor of ``tests.crash.actor``, which says "ready" when it is connected."""
        command = [sys.executable, "-m", "tests.crash.actor", *words]
        pipe = subprocess.PIPE
        actor = subprocess.Popen(
            command, stdout=pipe, stderr=subprocess.DEVNULL, text=True, cwd=CHECKOUT, env=self.environment
        )
        assert actor.stdout is not None
        actor.stdout.readline()
        return actor

    def act(self, *words: str, as_owner: bool = False) -> str:
        """An actor's last line. Raises RuntimeError when it fails."""
        command = [sys.executable, "-m", "tests.crash.actor", *words]
        environment = self.environment | ({"DATABASE_URL": self.place.database_owner_url} if as_owner else {})
        done = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, env=environment, check=False)
        if done.returncode:
            raise RuntimeError(f"{words} failed:\n{done.stderr[-3000:]}")
        return done.stdout.splitlines()[-1]

    def copy(self, source: str) -> str:
        server.copy(self.place, source=source, target="round")
        return "round"

    def distributed(self, database: str) -> dict[str, str]:
        """The same, and where the distribution stands."""
        return dict(json.loads(self.act("distributed", database)))

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
            stdout = team[0].stdout
            assert stdout is not None
            read = sum(bool(stdout.readline()) for _ in range(chunks))
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
            worker.kill()
            worker.communicate()
    return log


def standing(stage: Stage, worker: subprocess.Popen[str], database: str, verb: str) -> subprocess.Popen[str]:
    """This worker while it lives or when it ended well, else another in its place."""
    try:
        ended = worker.wait(0.2)
    except subprocess.TimeoutExpired:
        return worker
    if ended == 0:
        return worker
    worker.communicate()
    return stage.start(verb, database, stage.chunk)
