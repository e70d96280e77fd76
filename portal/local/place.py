"""Where the embedded services keep their files, and the addresses that follow from it."""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

OWNER = "kakehashi_owner"
LOGIN = "kakehashi"
DATABASE = "kakehashi"

# A unix socket's address holds 107 bytes on Linux and 103 on macOS; the longest name below it is ".s.PGSQL.5432.lock".
LONGEST_SOCKET_FOLDER = 80


@dataclass(frozen=True)
class Place:
    """One folder with the data of one PostgreSQL and one Valkey."""

    run: Path

    @property
    def postgres(self) -> Path:
        return self.run / "postgres"

    @property
    def valkey(self) -> Path:
        return self.run / "valkey"

    @property
    def sockets(self) -> Path:
        """Inside the folder where the path is short enough, else in the system's folder for temporary files."""
        inside = self.run / "sockets"
        if len(str(inside)) <= LONGEST_SOCKET_FOLDER:
            return inside
        digest = hashlib.sha256(str(self.run).encode()).hexdigest()[:12]
        return Path(tempfile.gettempdir()) / f"kakehashi-{digest}"

    @property
    def postgres_sockets(self) -> Path:
        return self.sockets / "postgres"

    @property
    def valkey_socket(self) -> Path:
        return self.sockets / "valkey.sock"

    @property
    def database_url(self) -> str:
        """As the application signs in: a role that owns nothing."""
        return self._database_url(LOGIN)

    @property
    def database_owner_url(self) -> str:
        """As the owner of the tables signs in, to migrate."""
        return self._database_url(OWNER)

    @property
    def redis_url(self) -> str:
        return f"unix://{self.valkey_socket}?db=0"

    def _database_url(self, role: str) -> str:
        return f"postgres://{role}@{quote(str(self.postgres_sockets), safe='')}/{DATABASE}"


CHECKOUT = Path(__file__).resolve().parent.parent.parent
HERE = Place(Path(os.environ.get("RUN_DIR") or CHECKOUT / ".run").absolute())
