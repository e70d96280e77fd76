"""Whether this process lives, and whether it can serve: for load balancers, so neither page needs a session."""

from collections.abc import Callable

import redis
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS, DatabaseError, connections
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from fund.governance import fence
from portal import store
from portal.access import public


@public
@never_cache
@require_safe
def live(request: HttpRequest) -> JsonResponse:
    """200 as long as the process answers."""
    return JsonResponse({"status": "live"})


@public
@never_cache
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """200 when the database, the queue and the migrations are in place, else 503; each part is named, no reason.

    A fenced outbox is told beside them: such a site serves, for officers have to reach it to release it.
    """
    parts = {name: check() for name, check in CHECKS.items()}
    well = all(parts.values())
    answer = {"status": "ready" if well else "not ready", "parts": {n: "ok" if p else "down" for n, p in parts.items()}}
    return JsonResponse(answer | {"outbox": outbox()}, status=200 if well else 503)


def outbox() -> str:
    """open, fenced (a restored copy that nobody has released) or unknown."""
    try:
        return "open" if fence.is_open() else "fenced"
    except DatabaseError:
        return "unknown"


def _database_answers() -> bool:
    try:
        with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return False
    return True


def _queue_answers() -> bool:
    try:
        with store.client() as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


def _migrations_are_applied() -> bool:
    try:
        executor = MigrationExecutor(connections[DEFAULT_DB_ALIAS])
        return not executor.migration_plan(executor.loader.graph.leaf_nodes())
    except (DatabaseError, ImproperlyConfigured):
        return False


CHECKS: dict[str, Callable[[], bool]] = {
    "database": _database_answers,
    "queue": _queue_answers,
    "migrations": _migrations_are_applied,
}
