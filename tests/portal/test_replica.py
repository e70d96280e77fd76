"""A real streaming replica: public pages are read from it while it is near enough, a person's own pages never."""

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.core.cache import cache
from django.db import connection, connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from fund.dealing.models import Offering
from portal import replica
from portal.local import postgres
from portal.local.place import HERE, OWNER, Place
from portal.watch import beats
from portal.web import kept
from tests.portal.web.conftest import current, hanako, keys

__all__ = ["current", "hanako", "keys"]
pytestmark = pytest.mark.filterwarnings("ignore:subprocess .* is still running:ResourceWarning")
CODE = "JP-2026-2"
PAGE = f"/en/offerings/{CODE}"


@pytest.fixture(scope="module")
def copied(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> Iterator[Place]:
    """A base backup of this run's PostgreSQL that follows it."""
    place, account = Place(Path(f"{HERE.run}/replica-{os.getpid()}")), postgres._system_account()
    postgres._prepare_folders(place, account)
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        host = connection.settings_dict["HOST"]
    try:
        subprocess.run(
            [postgres.BINARIES / "pg_basebackup", "--host", host, "--username", OWNER, "--pgdata", place.postgres,
             "--write-recovery-conf", "--wal-method", "stream", "--checkpoint", "fast"],
            check=True, user=account, group=account, extra_groups=[] if account else None, cwd="/",
        )  # fmt: skip
        postgres.start(place, shared_buffers="32MB")
        yield place
    finally:
        postgres.stop(place)
        shutil.rmtree(place.sockets, ignore_errors=True)
        shutil.rmtree(place.run, ignore_errors=True)


@pytest.fixture
def follower(copied: Place, transactional_db: None, settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    monkeypatch.setattr(replica, "ASKED_EVERY", 0.0)
    monkeypatch.setattr(replica, "DOWN_FOR", 0.0)
    monkeypatch.setattr(replica._Standing, "until", 0.0)
    here = {**connections.settings["default"], **connection.settings_dict, "HOST": str(copied.postgres_sockets)}
    connections.settings["replica"] = {**here, "TEST": {**here["TEST"], "MIRROR": "default"}}
    one = connections["replica"]

    def connected() -> None:
        """As ever: the test framework would allow only what it knew before the test began."""
        if one.connection is None:
            with one.wrap_database_errors:
                one.connect()

    monkeypatch.setattr(one, "ensure_connection", connected)
    try:
        yield copied
    finally:
        one.close()
        del connections["replica"]
        del connections.settings["replica"]


def asked(path: str, client: Client | None = None) -> tuple[str, int, int]:
    """What is answered, and how many statements the replica and the primary were asked."""
    cache.clear()
    connections["replica"].ensure_connection()
    with CaptureQueriesContext(connections["replica"]) as there, CaptureQueriesContext(connection) as here:
        answer = (client or Client()).get(path)
    assert answer.status_code == 200
    told = [one["sql"] for one in there if "portal_beat" not in one["sql"]]
    return answer.content.decode(), len(told), len(here)


def beat_and_wait() -> None:
    """The clock beats, and the replica has heard it."""
    beats.ran(job="relay", now=timezone.now())
    deadline = time.monotonic() + 20
    while not replica._near():
        assert time.monotonic() < deadline, "the replica does not follow"
        time.sleep(0.02)


def on(place: Place, statement: str) -> None:
    with psycopg.connect(host=str(place.postgres_sockets), user=OWNER, dbname="postgres", autocommit=True) as there:
        there.execute(statement)


def rename(name: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE fund_offering SET name_en = %s", [name])
        cursor.execute("SET session_replication_role = DEFAULT")


def test_a_replica(follower: Place, current: Offering, hanako, settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.DATABASE_REPLICA_LAG = 600
    rename("Before")
    beat_and_wait()
    text, there, _here = asked(PAGE)
    assert "Before" in text and there > 0, "a stranger's page is read from the replica"
    there_by_api = asked(f"/api/v1/offerings/{CODE}")[1]
    assert there_by_api > 0

    own = Client()
    own.force_login(hanako.user)
    for path in ("/en/account/", "/en/account/orders", "/en/account/holdings", PAGE, "/en/documents"):
        assert asked(path, own)[1] == 0, f"{path} of a person was read from the replica"
    with replica._from_replica():
        assert asked("/en/account/orders", own)[1] > 0, "the negative control: as if everybody were a stranger"

    on(follower, "SELECT pg_wal_replay_pause()")
    rename("After")
    assert "Before" in asked(PAGE)[0], "within the bound a stranger may see what was"
    assert "After" in asked(PAGE, own)[0], "a person sees what is"
    settings.DATABASE_REPLICA_LAG = 0.05
    time.sleep(0.1)
    text, there, _here = asked(PAGE)
    assert "After" in text and there == 0, "beyond the bound the primary is read"
    on(follower, "SELECT pg_wal_replay_resume()")
    settings.DATABASE_REPLICA_LAG = 600
    beat_and_wait()
    text, there, _here = asked(PAGE)
    assert "After" in text and there > 0

    monkeypatch.setattr(replica, "ASKED_EVERY", 60.0)
    assert asked(PAGE)[1] > 0  # believed for a minute
    postgres.stop(follower)
    cache.clear()
    assert Client().get(PAGE).status_code == 200, "it went away between the question and the page"
    assert Client().get("/en/").status_code == 200
    assert kept.replica._Standing.usable is False


def test_the_router_writes_nothing_there() -> None:
    router = replica.Router()
    with replica._from_replica():
        assert router.db_for_read(Offering) == "replica"
        assert router.db_for_write(Offering) == "default"
    assert router.db_for_read(Offering, instance=object()) == "default"
    assert router.allow_migrate("replica", "fund") is False and router.allow_migrate("default", "fund") is None


def test_without_a_replica_nothing_is_asked(django_assert_num_queries, db: None) -> None:
    with django_assert_num_queries(0):
        assert replica.read(lambda: 7) == 7
