"""The demonstration's supervisor: stops without leftovers, outlives crashes, comes back after everything was killed."""

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psutil
import psycopg
import pytest

from portal.local import postgres, valkey
from portal.local.place import CHECKOUT
from tests.demo import Demo, alive, wait_for


@pytest.fixture
def demo() -> Iterator[Demo]:
    with tempfile.TemporaryDirectory(prefix="kakehashi-", ignore_cleanup_errors=True) as folder:
        demo = Demo(Path(folder) / "run")
        yield demo
        demo.end()


def test_survives_crashes_and_stops_without_orphans(demo: Demo) -> None:
    supervisor = demo.start()
    wait_for("the first start", demo.is_ready)

    second = subprocess.run(
        [sys.executable, "-m", "portal.local", "demo"],
        cwd=CHECKOUT, env={**os.environ, "RUN_DIR": str(demo.place.run)}, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert second.returncode == 1
    assert f"already running here (process {supervisor.pid})" in second.stderr

    [web] = [child for child in supervisor.children() if "granian" in " ".join(child.cmdline())]
    web.kill()
    wait_for("the end of the killed web server", lambda: not alive([web]))
    wait_for("another web server", demo.is_ready)

    server = postgres.find(demo.place)
    assert server is not None
    server.kill()
    wait_for("the end of the killed PostgreSQL", lambda: not alive([server]))
    wait_for("another PostgreSQL", demo.is_ready)

    processes = demo.processes()
    assert len(alive(processes)) >= 8, "web, its workers, worker, its children, scheduler, PostgreSQL, Valkey"
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(60) == 0
    assert alive(processes) == []


def test_comes_back_after_everything_was_killed(demo: Demo) -> None:
    supervisor = demo.start()
    wait_for("the first start", demo.is_ready)
    with psycopg.connect(demo.place.database_owner_url.replace("postgres:", "postgresql:", 1)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")

    killed = demo.processes()
    for each in killed:  # the supervisor first; a session of PostgreSQL may be gone by its turn
        with contextlib.suppress(psutil.NoSuchProcess):
            each.kill()
    supervisor.wait(10)
    wait_for("the end of everything", lambda: not alive(killed))

    demo.start()
    wait_for("the second start", demo.is_ready)
    with psycopg.connect(demo.place.database_owner_url.replace("postgres:", "postgresql:", 1)) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_ends_what_a_killed_supervisor_left_behind(demo: Demo) -> None:
    supervisor = demo.start()
    wait_for("the first start", demo.is_ready)
    left_behind = [child for child in supervisor.children(recursive=True) if child.pid not in services_of(demo)]
    supervisor.kill()
    supervisor.wait(10)
    assert alive(left_behind), "without orphans this would show nothing"

    demo.start()
    wait_for("the end of the orphans", lambda: not alive(left_behind))
    wait_for("the second start", demo.is_ready)


def services_of(demo: Demo) -> set[int]:
    """PostgreSQL with its sessions, and Valkey."""
    found = [server for server in (postgres.find(demo.place), valkey.find(demo.place)) if server]
    return {each.pid for server in found for each in [server, *server.children(recursive=True)]}
