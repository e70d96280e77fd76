"""A gate in a statement: what others commit between its reading and its locking is made to happen, not hoped for."""

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from tests.demo import wait_for

GATE = 8_100_200  # an advisory lock, at which a statement waits that has its snapshot and has locked nothing yet


def meanwhile[One, Other](reads: Callable[[], One], acts: Callable[[], Other]) -> tuple[One, Other]:
    """What each of two gives when ``acts`` is done while a statement with SKIP LOCKED of ``reads`` stands at the gate.

    ``reads`` runs in a thread and connection of its own.
    """
    got: list[One] = []

    def read_slowly() -> None:
        try:
            with connection.execute_wrapper(_gated):
                got.append(reads())
        finally:
            connection.close()

    reader = threading.Thread(target=read_slowly)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [GATE])
        reader.start()
        try:
            wait_for("the reading", lambda: _is_at_the_gate() or not reader.is_alive())
            acted = acts()
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [GATE])
            reader.join()
    return got[0], acted


def _gated(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:
    if "SKIP LOCKED" in sql:
        sql = sql.replace(" WHERE ", f" WHERE (SELECT pg_advisory_xact_lock_shared({GATE}) IS NOT NULL) AND ", 1)
    return execute(sql, params, many, context)


def _is_at_the_gate() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE objid = %s AND NOT granted)", [GATE])
        return cursor.fetchone() == (True,)
