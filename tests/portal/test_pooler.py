"""Behind a real pgbouncer in transaction mode, where any two statements may meet different sessions of the server."""

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.db import connection

from portal.local import postgres
from portal.local.place import CHECKOUT, OWNER

PGBOUNCER = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
pytestmark = [
    pytest.mark.skipif(os.environ.get("OUTSIDE") != "1", reason="real servers around the site: make crash"),
    pytest.mark.skipif(PGBOUNCER is None, reason="there is no pgbouncer here"),
    pytest.mark.django_db(transaction=True),
]

# Two connections of the site take turns on one session of the server, ten times: enough for psycopg to prepare.
TURNS = """
import sys, django; django.setup()
from datetime import datetime, UTC
from django.db import connection, connections, transaction
from django.test import Client
from fund.governance import audit, outbox
from fund.governance.audit import AUDIT, Act
from portal import relay
from portal.watch import alerts, facts, rounds
now, verb = datetime.now(UTC), sys.argv[1]
other = connections["default"].copy()
for turn in range(10):
    with transaction.atomic():
        audit.record(actor="system", verb=verb, subject=f"turn:{turn}", now=now)
        outbox.leave(topic="nav.late", subject=str(turn), now=now)
    with other.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM fund_act WHERE verb = %s", [verb])
        assert cursor.fetchone() == (turn + 1,)
other.close()
assert relay.sweep(now=now, send=lambda task, number: None) == 10
assert len(list(Act.objects.filter(verb=verb).iterator(chunk_size=2))) == 10
audit.seal(log=AUDIT, now=now)
assert audit.prove(log=AUDIT).clean
rounds.watch(clock=lambda: now)
assert not [one for one in alerts.judge(facts.read(now=now)) if one.alert.part == "database"]
assert Client().get("/en/status").status_code == 200
print("well")
"""


@pytest.fixture
def pooled(tmp_path: Path) -> Iterator[str]:
    """A pgbouncer with one session of the server for everybody; the address of this test's database behind it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    name, host = connection.settings_dict["NAME"], connection.settings_dict["HOST"]
    (tmp_path / "users").write_text(f'"{OWNER}" ""\n')
    (tmp_path / "pgbouncer.ini").write_text(
        f"[databases]\n{name} = host={host} dbname={name}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"unix_socket_dir =\nauth_type = any\nauth_file = {tmp_path}/users\npool_mode = transaction\n"
        f"default_pool_size = 1\nreserve_pool_size = 0\n"
        f"[users]\n"
    )
    text = (tmp_path / "pgbouncer.ini").read_text().replace(f"host={host} dbname", f"host={host} user={OWNER} dbname")
    (tmp_path / "pgbouncer.ini").write_text(text)
    account = postgres._system_account()  # it refuses to run as root, too, and must reach the server's socket
    if account:
        entry = pwd.getpwnam(account)
        for path in (tmp_path, *tmp_path.iterdir()):
            os.chown(path, entry.pw_uid, entry.pw_gid)
        postgres._let_through(tmp_path / "pgbouncer.ini")
    running = subprocess.Popen(
        [PGBOUNCER or "", "-q", str(tmp_path / "pgbouncer.ini")], user=account, group=account, cwd="/"
    )
    try:
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert time.monotonic() < deadline and running.poll() is None
                time.sleep(0.05)
        yield f"postgres://{OWNER}@127.0.0.1:{port}/{name}"
    finally:
        running.terminate()
        running.wait()


def turns(url: str, *, pooler: bool) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DATABASE_URL": url, "DATABASE_POOLER": str(int(pooler)), "CONN_MAX_AGE": "600"}
    return subprocess.run(
        [sys.executable, "-c", TURNS, f"{time.monotonic_ns()}"],
        cwd=CHECKOUT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_site_behind_a_pooler(pooled: str) -> None:
    done = turns(pooled, pooler=True)
    assert done.returncode == 0 and done.stdout.strip() == "well", done.stderr
    without = [turns(pooled, pooler=False) for _each in range(2)]
    assert without[1].returncode, "the negative control: two that prepare statements meet in one session"
    assert "prepared statement" in without[1].stderr, without[1].stderr
