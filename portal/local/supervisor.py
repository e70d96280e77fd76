"""The demonstration in one terminal: database, queue, web, worker and scheduler, until Ctrl-C."""

import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping

from portal.local import children, services
from portal.local.children import Child, say
from portal.local.place import CHECKOUT, HERE, Place

HOST = "127.0.0.1"


class CannotRun(RuntimeError):
    """Why the demonstration cannot run, as a sentence for the person at the terminal."""


def demo(place: Place = HERE) -> None:
    """Run until a signal says stop. Raises CannotRun, DidNotStart."""
    port = int(os.environ.get("PORT") or "8000")
    stopping = _listen_for_signals()
    began = time.monotonic()
    with only_one(place):
        children.end_recorded(place.run / "children.json")
        _insist_on_free(port)
        environment = {
            **os.environ,
            "LOCAL": "1",
            "LOG_LEVEL": os.environ.get("LOG_LEVEL") or "WARNING",
            "PYTHONUNBUFFERED": "1",
            "DATABASE_URL": os.environ.get("DATABASE_URL") or place.database_url,
            "REDIS_URL": os.environ.get("REDIS_URL") or place.redis_url,
        }
        if not os.environ.get("DATABASE_URL"):
            environment["DATABASE_OWNER_URL"] = place.database_owner_url
        with services.running(place) if services.are_wanted() else contextlib.nullcontext():
            _prepare(environment)
            _supervise(_programs(port, environment), place, port, stopping, began)
    say("stopped")


def reset(place: Place = HERE) -> None:
    """Delete the demonstration's data. Raises CannotRun while it runs."""
    if not place.run.exists():
        return
    with only_one(place):
        children.end_recorded(place.run / "children.json")
        services.stop(place)
        shutil.rmtree(place.sockets, ignore_errors=True)
        shutil.rmtree(place.run)


@contextlib.contextmanager
def only_one(place: Place) -> Iterator[None]:
    """One supervisor a folder; the kernel releases the lock of a killed one."""
    place.run.mkdir(parents=True, exist_ok=True)
    with (place.run / "supervisor.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise CannotRun(
                f"The demonstration is already running here (process {lock.read().strip() or 'unknown'}). "
                "Stop it with Ctrl-C in its terminal first."
            ) from None
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        yield


def _listen_for_signals() -> threading.Event:
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopping.set())
    return stopping


def _insist_on_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as reason:
            raise CannotRun(f"Port {port} cannot be used ({reason.strerror}). Choose another: PORT=8001") from reason


def _prepare(environment: Mapping[str, str]) -> None:
    """Migrate and seed, in a session of its own: Ctrl-C is for the supervisor, which lets this finish."""
    command = [sys.executable, "-m", "portal.local.prepare"]
    if subprocess.run(command, env=environment, cwd=CHECKOUT, start_new_session=True, check=False).returncode:
        raise CannotRun("The database could not be brought up to date, see above.")


def web(port: int) -> list[str]:
    """The command of the web server."""
    return [sys.executable, "-m", "granian", "--interface", "rsgi", "--host", HOST, "--port", str(port),
            "--workers", "2", "--no-ws", "--loop", "uvloop", "--backlog", "4096", "--backpressure", "4096",
            "--http1-header-read-timeout", "10000", "--respawn-failed-workers",
            "--workers-kill-timeout", "5", "--log-level", "warning", "portal.rsgi:application"]  # fmt: skip


def _programs(port: int, environment: Mapping[str, str]) -> list[Child]:
    python = sys.executable
    worker = ["-m", "celery", "--quiet", "--app", "portal.celery", "worker", "--concurrency", "2",
              "--loglevel", "WARNING", "--without-gossip", "--without-mingle"]  # fmt: skip
    scheduler = ["-m", "celery", "--quiet", "--app", "portal.celery", "beat", "--loglevel", "WARNING", "--pidfile", ""]
    return [
        Child("web", web(port), environment),
        Child("worker", [python, *worker], environment),
        Child("scheduler", [python, *scheduler], environment),
    ]


def _supervise(programs: list[Child], place: Place, port: int, stopping: threading.Event, began: float) -> None:
    announced = False
    try:
        while not stopping.is_set():
            if services.are_wanted():
                services.repair(place)
            started = [child for child in programs if child.keep_running()]
            if started:
                children.record(programs, place.run / "children.json")
            if not announced and _answers(port):
                announced = True
                took = time.monotonic() - began
                say(f"ready after {took:.1f} s: http://localhost:{port}/ (Ctrl-C stops everything)")
            stopping.wait(0.25)
    finally:
        say("stopping")
        children.stop_all(programs)
        (place.run / "children.json").unlink(missing_ok=True)


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://{HOST}:{port}/health/ready", timeout=2) as answer:  # nosec B310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False
