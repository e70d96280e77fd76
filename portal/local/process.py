"""Starting, recognising and ending processes that outlive, or are outlived by, the one that started them."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil


class DidNotStart(RuntimeError):
    """A service stayed away; the message ends with its last lines."""


def start(
    command: Sequence[str | Path],
    *,
    output: int | IO[bytes],
    user: str | None = None,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command in a session of its own, so that the terminal's Ctrl-C reaches only the one who stops it."""
    return subprocess.Popen(
        [str(part) for part in command],
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        user=user,
        group=user,
        extra_groups=[] if user else None,
        env=None if environment is None else dict(environment),
    )


def find(pid: int, *, mentioning: str) -> psutil.Process | None:
    """The living process of that id whose command line mentions `mentioning`; a reused id is not ours."""
    try:
        process = psutil.Process(pid)
        if process.status() != psutil.STATUS_ZOMBIE and any(mentioning in part for part in process.cmdline()):
            return process
    except psutil.Error:
        pass
    return None


def is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def end(process: psutil.Process, *, by: signal.Signals = signal.SIGTERM, patience: float = 20) -> None:
    """Signal one process, wait up to `patience` seconds, then kill what is left of its group."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.send_signal(by)
    deadline = time.monotonic() + patience
    while is_alive(process) and time.monotonic() < deadline:
        reap(process.pid)
        time.sleep(0.02)
    kill_group(process.pid)


def kill_group(leader: int) -> None:
    """Kill what remains of the session that `start` began; nothing happens where nothing is left."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(leader, signal.SIGKILL)
    reap(leader)


def reap(pid: int) -> None:
    """Collect the exit of a child of ours, so that it does not stay behind as a zombie."""
    with contextlib.suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)


def wait_until(ready: Callable[[], bool], *, process: psutil.Process, log: Path, patience: float = 60) -> None:
    """Wait for `ready`. Raises DidNotStart when the process ends first or `patience` seconds have passed."""
    deadline = time.monotonic() + patience
    while not ready():
        reap(process.pid)
        if not is_alive(process) or time.monotonic() > deadline:
            tail = "\n".join(log.read_text(errors="replace").splitlines()[-12:])
            raise DidNotStart(f"{log.stem} did not start. The end of {log}:\n{tail}")
        time.sleep(0.02)
