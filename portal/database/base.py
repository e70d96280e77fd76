"""Found by Django under this name."""

import select
from collections.abc import Callable
from typing import Any

import psycopg
from django.db import transaction
from django.db.backends.postgresql import base
from django.db.backends.utils import debug_transaction

from fund import rows
from portal.database import asker


class DatabaseWrapper(base.DatabaseWrapper):
    """Asks the system, not the server, at the beginning of each request: half of a round trip's time is saved.

    Tells the server on whose behalf it asks (``asker``): together with BEGIN, or with the one statement outside a
    transaction, so that no round trip is added.
    """

    _told: str | None = ""  # what this transaction was told; None when that is not known
    _outside: str | None = None  # the role of this transaction before it was told anything

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.execute_wrappers.append(self._on_behalf)

    def is_usable(self) -> bool:
        """Whether the connection stands. A server that ended it has left something to read: its farewell, or the end.

        A line that went dead without a word is not noticed; nor would a statement come back from it.
        """
        line = self.connection
        if line is None or line.closed:
            return False
        try:
            return not select.select([line.fileno()], [], [], 0)[0]
        except (OSError, ValueError, psycopg.Error):
            return False

    def _set_autocommit(self, autocommit: bool) -> None:
        words = asker.words()
        self._told, self._outside = "", None
        if autocommit or not words:
            if self.connection.autocommit != autocommit:
                super()._set_autocommit(autocommit)  # type: ignore[misc]  # the stubs leave it out
            return
        # psycopg stays in its autocommit mode, or it would send a BEGIN of its own; it ends what it finds begun.
        self._say(f"BEGIN; {words}")
        self._told, self._outside = words, "none"

    def _commit(self) -> None:
        if self._outside is None:
            super()._commit()  # type: ignore[misc]
            return
        with debug_transaction(self, "COMMIT"):
            self._say("COMMIT")

    def _say(self, words: str) -> None:
        """Send commands that answer nothing; a cursor for it would cost more than the round trip."""
        line = self.connection.pgconn
        with self.wrap_database_errors:
            rows.sound(line, line.exec_(words.encode()))

    def _savepoint_rollback(self, sid: str) -> None:
        super()._savepoint_rollback(sid)  # type: ignore[misc]
        self._told = None  # what was told since is forgotten as well

    def _on_behalf(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """Around every statement."""
        words = asker.words()
        if not self.autocommit:
            if words != self._told and not self.needs_rollback:
                self._tell(words)
            return execute(sql, params, many, context)
        if not words:
            return execute(sql, params, many, context)
        cursor = context["cursor"].cursor
        if many or not isinstance(sql, str) or not isinstance(cursor, psycopg.ClientCursor):
            with transaction.atomic(using=self.alias):
                return execute(sql, params, many, context)
        # One message with several statements is a transaction of its own.
        answer = execute(f"{words}; {sql}", params, many, context)
        while cursor.nextset():
            pass
        return answer

    def _tell(self, words: str) -> None:
        """Within a transaction that was begun on behalf of somebody else: a round trip of its own."""
        if words or self._outside is not None:
            with self.wrap_database_errors:
                if self._outside is None:
                    (self._outside,) = self.connection.execute("SELECT current_setting('role')").fetchone()
                self.connection.execute(words or f"SET LOCAL ROLE {self._outside}")
        self._told = words
