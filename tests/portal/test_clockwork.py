"""Clocks that cannot be relied on: work that outlives its claim, workers whose clocks differ (decision 4)."""

import itertools
import random
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from django.db import connection, transaction

from fund.governance import outbox
from fund.governance.outbox import Note
from portal import relay
from portal.relay import Delivery

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
WRONG = (timedelta(hours=-2), timedelta(0), timedelta(hours=2))  # by which clocks differ
LATER = NOW + timedelta(seconds=settings.CELERY_VISIBILITY_TIMEOUT + 1)  # when the broker delivers it again


@pytest.fixture(autouse=True)
def _tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "TASKS", {"thing.happened": ["first"]})


def effects() -> int:
    return Note.objects.filter(topic="effect").count()


def outlive() -> tuple[bool, list[str]]:
    """A worker is at its work when the broker delivers the message to another, who does it; then the first goes on.

    Whether the second did it, and what the first was stopped by.
    """
    outbox.leave(topic="thing.happened", subject="1", now=NOW)
    relay.sweep(now=NOW, send=lambda task, number: None)
    number = Delivery.objects.get().pk
    begun, go_on, stopped = threading.Event(), threading.Event(), []

    def slow(note: Note, now: datetime) -> None:
        outbox.leave(topic="effect", subject="slow", now=now)
        begun.set()
        assert go_on.wait(20)

    def first() -> None:
        try:
            relay.perform(delivery_id=number, work=slow, clock=lambda: NOW)
        except RuntimeError as error:
            stopped.append(str(error))
        finally:
            connection.close()

    worker = threading.Thread(target=first)
    worker.start()
    assert begun.wait(20)
    did = relay.perform(delivery_id=number, work=quick, clock=lambda: LATER)
    go_on.set()
    worker.join()
    return did, stopped


def quick(note: Note, now: datetime) -> None:
    outbox.leave(topic="effect", subject="quick", now=now)


@pytest.mark.django_db(transaction=True)
def test_a_task_that_outlives_its_claim_has_one_effect() -> None:
    assert outlive() == (True, ["the delivery was done by somebody else meanwhile"])
    assert effects() == 1 and Delivery.objects.get().done_at == LATER


@pytest.mark.django_db(transaction=True)
def test_without_the_mark_it_would_have_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control: a worker that does not look whether its delivery is done when it ends."""

    def step(*, delivery: Delivery, work: Any, now: datetime) -> bool:
        with transaction.atomic():
            more = bool(work(delivery.note, now))
            Delivery.objects.filter(pk=delivery.pk).update(done_at=now)
        return more

    monkeypatch.setattr(relay, "step", step)
    assert outlive() == (True, [])
    assert effects() == 2


@pytest.mark.django_db
def test_workers_whose_clocks_are_two_hours_apart_have_one_effect_a_note() -> None:
    """Two schedulers and many workers, each with a clock of its own; some die at work, some messages come twice."""
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    dice = random.Random(seed)
    notes = {str(number) for number in range(30)}
    done: list[str] = []
    queue: list[int] = []
    for subject in sorted(notes):
        outbox.leave(topic="thing.happened", subject=subject, now=NOW)
    for minute in itertools.count():
        assert minute < 6 * 60, "what a clock two hours ahead has claimed is free after four hours at the latest"
        for wrong in dice.sample(WRONG, 2):
            relay.sweep(now=NOW + timedelta(minutes=minute) + wrong, send=lambda task, number: queue.append(number))
        messages = queue * 2
        queue.clear()
        dice.shuffle(messages)
        for number in messages:
            at = NOW + timedelta(minutes=minute) + dice.choice(WRONG)
            if dice.random() < 0.3:
                relay.claim(delivery_id=number, now=at)  # and dies
            else:
                relay.perform(
                    delivery_id=number, work=lambda note, now: done.append(note.subject), clock=lambda at=at: at
                )
        if not Delivery.objects.filter(done_at=None).exists() and minute:
            break
    assert sorted(done) == sorted(notes)
