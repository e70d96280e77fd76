"""Valkey: one server by its address, or the primary that the sentinels of REDIS_SENTINELS agree on.

Those who count or order in it do so by scripts, on a line that each thread keeps.
"""

import os
import threading
from functools import cache, cached_property
from hashlib import sha1
from typing import Any

from django.conf import settings
from redis import ConnectionError as Broken
from redis import ConnectionPool, Redis
from redis.connection import AbstractConnection
from redis.exceptions import NoScriptError
from redis.sentinel import Sentinel, SentinelConnectionPool


class Pool:
    """What Django's cache makes its connections by; with sentinels each new connection asks for the primary."""

    @staticmethod
    def from_url(url: str, **options: Any) -> ConnectionPool:
        """The pool for an address; the database and the password in it also count when sentinels know the host."""
        if not settings.REDIS_SENTINELS:
            return ConnectionPool.from_url(url, **options)
        said = ConnectionPool.from_url(url).connection_kwargs
        kept = {name: said[name] for name in ("db", "username", "password") if name in said}
        asked = Sentinel(settings.REDIS_SENTINELS, socket_connect_timeout=1, socket_timeout=1)
        return SentinelConnectionPool(settings.REDIS_PRIMARY, asked, **kept, **options)


def client() -> Redis:
    """A client with a pool of its own, which closes it."""
    return Redis.from_pool(Pool.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1))


class Store(Redis):
    """redis-py's client, with scripts on a line that each thread keeps to itself, and named instead of sent.

    The pool, the retries and the statistics of redis-py cost twice what such a question costs.
    """

    def eval(self, script: str, numkeys: int, *told: Any) -> Any:
        """What a script answers. Raises RedisError. A line that was closed while nothing was asked is opened anew."""
        line = self._line
        try:
            return _ask(line, script, numkeys, *told)
        except Broken:
            return _ask(line, script, numkeys, *told)

    @property
    def _line(self) -> AbstractConnection:
        if not hasattr(self._lines, "own"):
            self._lines.own = Own(self.connection_pool)
        own: Own = self._lines.own
        return own.line

    @cached_property
    def _lines(self) -> threading.local:
        return threading.local()


class Own:
    """A line of the pool, which a thread has until it ends."""

    def __init__(self, pool: ConnectionPool) -> None:
        self.pool = pool
        self.line = pool.get_connection()

    def __del__(self) -> None:
        if hasattr(self, "line"):
            self.pool.release(self.line)


def _ask(line: AbstractConnection, script: str, *told: Any) -> Any:
    line.send_command("EVALSHA", _name(script), *told)
    try:
        return line.read_response()
    except NoScriptError:  # Valkey is new, or has forgotten it
        line.send_command("EVAL", script, *told)
        return line.read_response()


@cache
def _name(script: str) -> str:
    return sha1(script.encode(), usedforsecurity=False).hexdigest()


@cache
def store() -> Store:
    """One for this process."""
    return Store(connection_pool=Pool.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2))


os.register_at_fork(after_in_child=store.cache_clear)  # two processes on one line would read each other's answers
