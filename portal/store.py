"""Valkey, as those speak to it who count or order in it by scripts of their own."""

from functools import cache

from django.conf import settings
from redis import Redis


@cache
def store() -> Redis:
    """One pool for this process; a thread of the web server uses one connection of it."""
    return Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2)
