"""On a restored copy nothing leaves the house until both nations release it (decision 27)."""

import itertools

import pytest
import redis
from django.conf import settings
from django.core import mail as letters
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from fund.governance import fence
from fund.governance.fence import FenceEntry
from fund.governance.outbox import Note, leave
from portal import tasks, witness
from portal.accounts import User
from portal.notices.models import Message
from portal.relay import Delivery
from tests.fund.governance.conftest import NOW, american, japanese, make_officer
from tests.fund.governance.test_fence import released, restore

__all__ = ["american", "japanese", "make_officer"]
pytestmark = pytest.mark.django_db
INWARD = {"portal.seal", "portal.watch"}  # what a copy goes on doing: it tells nobody
OWN = ("fund_generation", "fund_proposal", "portal_beat")  # the question itself, and that the clock has asked


@pytest.fixture
def due() -> Message:
    """A message whose e-mail is due, and the note that has set it off, sent on."""
    anna = User.objects.create_user("anna@example.org", language="en")
    note = leave(topic="nav.late", subject="1", now=NOW)
    Note.objects.filter(pk=note.pk).update(relayed_at=NOW)
    return Message.objects.create(
        user=anna, note_id=note.pk, topic="security.changed", facts={"change": "password"},
        created_at=NOW, mail_due_at=NOW,
    )  # fmt: skip


def ours() -> list[str]:
    return sorted(name for name in tasks.app.tasks if name.startswith("portal."))


def test_on_a_copy_every_task_asks_the_fence_and_nothing_else(due):
    delivery = Delivery.objects.create(note=Note.objects.get(), task="notify", due_at=NOW)
    restore()
    fence.record_copy(now=NOW)
    assert len(ours()) > 20
    for name in set(ours()) - INWARD:
        by_the_clock = any(one["task"] == name for one in tasks.SCHEDULE.values())
        with CaptureQueriesContext(
            connection,
        ) as asked:
            tasks.app.tasks[name].run(*([] if by_the_clock else [delivery.pk]))
        others = [one["sql"] for one in asked if not any(name in one["sql"] for name in OWN)]
        assert asked.captured_queries and others == [], name


def test_nothing_is_mailed_until_both_nations_release_it(due, american, japanese):
    restore()
    tasks.send_mail()
    assert letters.outbox == [] and FenceEntry.objects.filter(act="closed", why="restored").count() == 1
    released(american, japanese)
    tasks.send_mail()
    assert letters.outbox == [], "it is carried out by the relay"
    tasks.relay_notes()
    tasks.send_mail()
    assert [letter.to for letter in letters.outbox] == [["anna@example.org"]]


def test_without_the_fence_a_copy_mails_again(due, monkeypatch):
    """Negative control."""
    restore()
    monkeypatch.setattr(witness, "is_open", lambda *, now: True)
    tasks.send_mail()
    assert len(letters.outbox) == 1


def test_messages_left_in_the_queue_set_nothing_off_on_a_copy(due, monkeypatch):
    delivery = Delivery.objects.create(note=Note.objects.get(), task="notify", due_at=NOW)
    restore()
    tasks.app.tasks["portal.notify"].run(delivery.pk)
    assert Delivery.objects.get().done_at is None
    monkeypatch.setattr(fence, "is_open", lambda: True)  # negative control
    tasks.app.tasks["portal.notify"].run(delivery.pk)
    assert Delivery.objects.get().done_at is not None


def test_a_database_that_has_gone_back_is_fenced_by_what_the_queue_remembers(due, american, japanese):
    assert witness.is_open(now=NOW)
    found = fence.state()
    key = f"fence:{found.generation}:{found.last.pk}"
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        further = int(client.get(key)) + 10**9
        client.set(key, further)
        tasks.send_mail()
        assert letters.outbox == [] and fence.state().why == FenceEntry.Why.WENT_BACK
        released(american, japanese)
        tasks.relay_notes()
        assert witness.is_open(now=NOW), "what was seen before the release no longer counts"
        client.delete(key)


@pytest.fixture
def busy(monkeypatch):
    """A log that grows with every look at it, and another worker who looks whenever somebody has just done so."""
    log = itertools.count(10**15, 1000)
    key = "fence:busy"

    def position() -> int:
        found = next(log)
        with monkeypatch.context() as other:
            other.setattr(witness, "position", lambda: next(log))
            assert not witness.has_gone_back(key)
        return found

    monkeypatch.setattr(witness, "position", position)
    yield key
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(key)


def test_workers_who_look_at_the_same_moment_fence_nothing(busy):
    assert [witness.has_gone_back(busy) for _ in range(3)] == [False] * 3


def test_asked_the_other_way_round_the_slower_one_would_see_the_future(busy):
    """Negative control."""
    found = witness.position()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        assert int(client.get(busy)) > found


def test_an_emptied_queue_does_not_fence(due):
    assert witness.is_open(now=NOW)
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        client.delete(*client.keys("fence:*"))
    assert witness.is_open(now=NOW)


def test_without_the_queue_nothing_leaves(due, settings):
    settings.REDIS_URL = "redis://localhost:1/0"
    assert not witness.is_open(now=NOW)
    assert fence.is_open(), "nothing is written down: the queue comes back"


def test_it_is_told_where_people_and_programs_look(client: Client):
    assert client.get("/health/ready").json()["outbox"] == "open"
    assert "Held back" not in client.get("/en/status").content.decode()
    restore()
    ready = client.get("/health/ready")
    assert (ready.status_code, ready.json()["outbox"]) == (200, "fenced")
    assert "Held back" in client.get("/en/status").content.decode()
