"""`/metrics`: who reads it, that all processes add up, that it is small, cheap and says nothing of anybody."""

import re
import subprocess
import sys
from datetime import UTC, datetime
from ipaddress import ip_network

import pytest
from django.db import DatabaseError, connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from fund.governance import outbox
from portal import metrics, relay
from portal.local.place import CHECKOUT
from portal.relay import Delivery
from portal.watch import facts, traffic
from portal.watch.models import Traffic
from tests.portal.watch.prometheus import samples

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
TOKEN = "a-token-of-the-tests-only"
pytestmark = pytest.mark.django_db


def ask(**headers: str) -> int:
    return Client().get("/metrics", headers=headers).status_code


def test_without_a_token_and_a_network_there_is_no_such_page() -> None:
    assert ask() == ask(authorization="Bearer ") == ask(authorization=f"Bearer {TOKEN}") == 404


def test_the_token_opens(settings) -> None:
    settings.METRICS_TOKEN = TOKEN
    answer = Client().get("/metrics", headers={"authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200 and answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert "no-store" in answer["Cache-Control"]
    assert ask() == ask(authorization=f"Bearer {TOKEN}x") == ask(authorization=f"Basic {TOKEN}") == 404
    assert ask(authorization="Bearer ключ") == 404


def test_an_allowed_network_opens_and_a_forwarding_header_does_not(settings) -> None:
    settings.METRICS_NETWORKS = [ip_network("10.1.0.0/16")]
    assert ask() == ask(**{"x-forwarded-for": "10.1.2.3"}) == 404, "the negative control: a stranger who says so"
    assert Client(REMOTE_ADDR="10.1.2.3").get("/metrics").status_code == 200
    settings.METRICS_TOKEN = TOKEN
    assert Client(REMOTE_ADDR="10.1.2.3").get("/metrics", headers={"authorization": "Bearer no"}).status_code == 404


def test_no_cookie_and_no_office_opens(settings, client: Client) -> None:
    assert client.get("/metrics").status_code == client.post("/metrics").status_code - 1 == 404


TELL = """
import django; django.setup()
from portal.watch import traffic
for number in range({requests}):
    traffic.count(path="/en/fund/nav", status=200, seconds=0.03)
traffic.count(path="/api/v1/orders", status=503, seconds=20)
traffic.tell(); traffic.tell()
"""


@pytest.mark.django_db(transaction=True)
def test_processes_add_up() -> None:
    """Two real processes that tell at once, and have ended when we are asked."""
    name = connection.settings_dict["NAME"]
    start = f"import os; os.environ['DATABASE_URL'] = os.environ['DATABASE_URL'].rpartition('/')[0] + '/{name}'\n"
    programs = [[sys.executable, "-c", start + TELL.format(requests=count)] for count in (20, 30)]
    for each in [subprocess.Popen(program, cwd=CHECKOUT) for program in programs]:
        assert each.wait(60) == 0
    found = {
        (one.name.removeprefix("kakehashi_request_seconds_"), one.labels["room"], one.labels.get("le", "")): one.value
        for one in samples(metrics.exposition(facts.read(now=NOW)).decode())
        if one.name.startswith("kakehashi_request_seconds")
    }
    assert found["count", "page", ""] == 50 and found["sum", "page", ""] == pytest.approx(1.5)
    assert found["bucket", "page", "0.025"] == 0 and found["bucket", "page", "0.05"] == 50
    assert found["bucket", "api", "10"] == 0 and found["bucket", "api", "+Inf"] == 2


def test_what_cannot_be_told_now_is_told_later(monkeypatch: pytest.MonkeyPatch) -> None:
    traffic.tell()
    Traffic.objects.all().delete()
    traffic.count(path="/en/", status=200, seconds=0.01)
    with monkeypatch.context() as patch:
        patch.setattr(traffic, "ADD", "SELECT nothing FROM nowhere WHERE %s = %s = %s = %s = %s")
        with pytest.raises(DatabaseError):
            traffic.tell()
    traffic.tell()
    assert Traffic.objects.get().count == 1


@pytest.mark.parametrize(
    ("path", "room"),
    [("/en/", "page"), ("/", "page"), ("/ja/fund/nav", "page"), ("/en/account/orders", "account"),
     ("/en/join/", "account"), ("/en/officers/", "desk"), ("/api/v1/navs", "api"),
     ("/api/auth/app/v1/auth/login", "sign-in"), ("/static/kakehashi.css", "static"),
     ("/metrics", "machine"), ("/health/live", "machine"), ("//x/y", "page")],
)  # fmt: skip
def test_each_address_has_its_room(path: str, room: str) -> None:
    assert traffic.room(path) == room and room in traffic.ROOMS


def test_a_request_is_counted_and_nothing_of_it_is_kept() -> None:
    traffic.tell()
    Traffic.objects.all().delete()
    Client().get("/en/nowhere/taro@example.jp?ssn=078-05-1120")
    traffic.tell()
    one = Traffic.objects.get()
    assert (one.room, one.status, one.count) == ("page", "4xx", 1)


def test_the_exposition_is_small_and_its_labels_are_names_of_this_program() -> None:
    for number in range(300):
        outbox.leave(topic="subscription.placed", subject=f"RF51S2K7F9Q3M{number}", now=NOW, holder=number)
    relay.sweep(now=NOW, send=lambda *_: None)
    read = facts.read(now=NOW)
    values = {one.of for one in read if one.of}
    assert all(re.fullmatch(r"[a-z_ ]+", value) for value in values), values
    busiest = len(traffic.ROOMS) * 5 * (len(traffic.BOUNDS) + 3)
    assert len(samples(metrics.exposition(read).decode())) <= len(read) <= 300 and busiest <= 500
    assert not re.search(r"RF51|example|@", metrics.exposition(read).decode())


def test_a_scrape_reads_no_table_whole() -> None:
    """However long the queues are, so many rows of them are looked at; everything else goes by an index or is small."""
    for statement in (facts.WAITING, facts.DEAD, facts.WEBHOOKS):
        assert f"LIMIT {facts.MOST}" in statement
    with CaptureQueriesContext(connection) as asked:
        facts.read(now=NOW)
    text = " ".join(one["sql"] for one in asked)
    for table in ("fund_card", "fund_transfer", "fund_settlement ", "fund_subscription", "fund_holder", "investors_"):
        assert not re.search(rf'FROM "?{table}', text.replace("FROM fund_transfer WHERE xact >=", "")), table
    outbox.leave(topic="nav.late", subject="x", now=NOW)
    relay.sweep(now=NOW, send=lambda *_: None)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {facts.WAITING}", {"now": NOW})
        assert "delivery_due" in str(cursor.fetchall())
        cursor.execute("EXPLAIN " + facts.OLDEST_NOTE)
        assert "note_waiting" in str(cursor.fetchall())
    assert Delivery.objects.exists()
