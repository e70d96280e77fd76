"""A whole demonstration in a folder of its own, as `make demo` starts it: for tests that need the real processes."""

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psutil

from portal.local import postgres, services, valkey
from portal.local.place import CHECKOUT, Place

PATIENCE = 90  # seconds


class Demo:
    """A demonstration in a folder of its own, started as `make demo` starts it."""

    def __init__(self, run: Path, *, seed: bool = False) -> None:
        self.place = Place(run)
        self.seed = seed
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.supervisor: psutil.Popen | None = None

    def start(self) -> psutil.Popen:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG", "VIRTUAL_ENV"}}
        self.supervisor = psutil.Popen(
            [sys.executable, "-m", "portal.local", "demo"],
            cwd=CHECKOUT,
            env={**kept, "RUN_DIR": str(self.place.run), "PORT": str(self.port), "SEED": str(int(self.seed))},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        return self.supervisor

    def is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/health/ready", timeout=5) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def processes(self) -> list[psutil.Process]:
        assert self.supervisor is not None
        found = [self.supervisor, *self.supervisor.children(recursive=True)]
        return found + [server for server in (postgres.find(self.place), valkey.find(self.place)) if server]

    def stop(self) -> None:
        if self.supervisor is not None and self.supervisor.is_running():
            self.supervisor.terminate()
            self.supervisor.wait(PATIENCE)

    def end(self) -> None:
        """Stop it if it still runs, and its servers if it left them."""
        self.stop()
        services.stop(self.place)
        shutil.rmtree(self.place.sockets, ignore_errors=True)


def wait_for(what: str, condition: Callable[[], object], patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {patience} seconds"
        time.sleep(0.1)


def alive(processes: list[psutil.Process]) -> list[psutil.Process]:
    return [each for each in processes if each.is_running() and each.status() != psutil.STATUS_ZOMBIE]
