"""What a journey does beside the browsers: commands, the API, a look into the database, an accident."""

import json
import os
import subprocess
import sys
import urllib.request
from typing import Any
from urllib.error import HTTPError

import psycopg
import pytest
import redis

from portal.local.place import CHECKOUT
from tests.demo import Demo, wait_for
from tests.journeys.citizen import PASSWORD, Citizen, Mailbox

PATIENCE = 60  # seconds that anything may take, also after the queue was emptied


class House:
    """A demonstration that runs, from outside."""

    def __init__(self, demo: Demo) -> None:
        self.place, self.base = demo.place, f"http://localhost:{demo.port}"
        self.logins = json.loads((demo.place.run / "logins.json").read_text())
        self.mailbox = Mailbox(demo.place.run / "mail")

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=CHECKOUT,
            env={**kept, "RUN_DIR": str(self.place.run), "LOCAL": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        request = urllib.request.Request(
            f"{self.base}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json", **headers},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def token(self, citizen: Citizen) -> str:
        """Sign in as a mobile app does: the password, then the code of the authenticator app."""
        with pytest.raises(HTTPError) as pending:
            self.ask("POST", "/api/auth/app/v1/auth/login", {"email": citizen.address, "password": PASSWORD})
        token = json.load(pending.value)["meta"]["session_token"]
        given = {"code": citizen.code()}
        answer = self.ask("POST", "/api/auth/app/v1/auth/2fa/authenticate", given, **{"X-Session-Token": token})
        return str(answer["meta"].get("session_token", token))

    def row(self, statement: str, *params: Any) -> Any:
        """The first row of a query, None when there is none."""
        with psycopg.connect(self.place.database_owner_url.replace("postgres:", "postgresql:", 1)) as connection:
            return connection.execute(statement, params).fetchone()

    def wait_for(self, what: str, statement: str, *params: Any, patience: float = PATIENCE) -> Any:
        try:
            wait_for(what, lambda: self.row(statement, *params), patience)
        except AssertionError as late:
            failed = "task || ' ' || failures || ' ' || error"
            undone = f"SELECT array_agg({failed}) FROM portal_delivery WHERE done_at IS NULL"
            raise AssertionError(f"{late}; not done: {self.row(undone)}") from None
        return self.row(statement, *params)

    def empty_the_queue(self) -> None:
        with redis.Redis.from_url(self.place.redis_url) as client:
            client.flushall()
