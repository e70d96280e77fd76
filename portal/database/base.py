"""Found by Django under this name."""

import select

import psycopg
from django.db.backends.postgresql import base


class DatabaseWrapper(base.DatabaseWrapper):
    """Asks the system, not the server, at the beginning of each request: half of a round trip's time is saved."""

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
