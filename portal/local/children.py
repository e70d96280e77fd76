"""The programs that the supervisor keeps running, each with its own process group and a tag before every line."""

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from portal.local import process

FIRST_PAUSE = 0.5  # seconds before a crashed child is started again; doubled each time
LONGEST_PAUSE = 10.0
SETTLED = 30.0  # a child that has run this long starts again without delay


@dataclass
class Child:
    """One program. `keep_running` is called again and again; it never waits."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    pause: float = FIRST_PAUSE
    restart_at: float = field(default=0.0)

    def start(self) -> None:
        self.process = process.start(self.command, output=subprocess.PIPE, environment=self.environment)
        self.started_at = time.monotonic()
        assert self.process.stdout is not None
        threading.Thread(target=copy_lines, args=(self.name, self.process.stdout), daemon=True).start()

    def keep_running(self) -> bool:
        """Start the child when it is due. True when it was started."""
        now = time.monotonic()
        if self.process is not None and self.process.poll() is not None:
            process.kill_group(self.process.pid)
            self.pause = FIRST_PAUSE if now - self.started_at > SETTLED else min(self.pause * 2, LONGEST_PAUSE)
            self.restart_at = now + self.pause
            say(f"{self.name} ended ({self.process.returncode}), starting it again in {self.pause:.0f} s")
            self.process = None
        if self.process is None and now >= self.restart_at:
            self.start()
            return True
        return False


def stop_all(children: Sequence[Child], *, patience: float = 20) -> None:
    """Ask all at once, wait up to `patience` seconds for all, then kill what is left of every group."""
    running = [child.process for child in children if child.process is not None]
    for each in running:
        each.terminate()
    deadline = time.monotonic() + patience
    for each in running:
        try:
            each.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            say(f"process {each.pid} does not stop, killing it")
        process.kill_group(each.pid)
        each.wait()


def record(children: Sequence[Child], path: Path) -> None:
    """Write down who runs, so that a later start can end what a killed supervisor has left behind."""
    rows = []
    for child in children:
        if child.process is not None and child.process.poll() is None:
            try:
                rows.append({"pid": child.process.pid, "created": psutil.Process(child.process.pid).create_time()})
            except psutil.NoSuchProcess:
                continue
    draft = path.with_suffix(".draft")
    draft.write_text(json.dumps(rows))
    draft.replace(path)


def end_recorded(path: Path, *, patience: float = 5) -> None:
    """End the recorded processes that still live, all at once; an id that now belongs to another one is left alone."""
    try:
        rows = json.loads(path.read_text())
    except (FileNotFoundError, ValueError):
        return
    left_over = []
    for row in rows:
        with contextlib.suppress(psutil.NoSuchProcess):
            one = psutil.Process(row["pid"])
            if process.is_alive(one) and abs(one.create_time() - row["created"]) < 0.1:
                say(f"ending process {one.pid}, left over from a run that was killed")
                one.terminate()
                left_over.append(one)
    deadline = time.monotonic() + patience
    while any(map(process.is_alive, left_over)) and time.monotonic() < deadline:
        time.sleep(0.02)
    for one in left_over:
        process.kill_group(one.pid)
    path.unlink()


def copy_lines(name: str, lines: IO[bytes]) -> None:
    """Until the child closes its end."""
    with lines:
        for line in lines:
            say(line.decode(errors="replace").rstrip(), name=name)


def say(line: str, *, name: str = "kakehashi") -> None:
    sys.stdout.write(f"{name:<9} | {line}\n")
    sys.stdout.flush()
