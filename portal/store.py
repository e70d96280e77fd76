"""Valkey: one server by its address, or the primary that the sentinels of REDIS_SENTINELS agree on."""

from functools import cache
from typing import Any

from django.conf import settings
from redis import ConnectionPool, Redis
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


@cache
def store() -> Redis:
    """One pool for this process; a thread of the web server uses one connection of it."""
    return Redis(connection_pool=Pool.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2))
