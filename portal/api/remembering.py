"""Answers that are the same for everybody, worked out once and kept in the cache for a while."""

import contextlib
from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from redis import RedisError


def remembered(name: str, *, seconds: int, make: Callable[[], Any]) -> Any:
    """What ``make`` gave at most ``seconds`` ago; without the cache it is made every time."""
    try:
        found = cache.get(name)
    except RedisError:
        return make()
    if found is None:
        found = make()
        with contextlib.suppress(RedisError):
            cache.set(name, found, timeout=seconds)
    return found
