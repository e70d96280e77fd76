"""The relay: every note reaches its tasks once in effect, whatever happens to the messages (decisions 3 and 4)."""

import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fund.governance import outbox
from fund.governance.outbox import Note
from portal import relay
from portal.relay import Delivery

NOW = datetime(2026, 4, 1, 9, tzinfo=UTC)
pytestmark = pytest.mark.django_db


@pytest.fixture
def sent(monkeypatch) -> list[tuple[str, int]]:
    monkeypatch.setattr(relay, "TASKS", {"thing.happened": ["first", "second"]})
    return []


def leave() -> Note:
    return outbox.leave(topic="thing.happened", subject="7", now=NOW)


def sweep(sent: list[tuple[str, int]], now: datetime = NOW) -> int:
    return relay.sweep(now=now, send=lambda *message: sent.append(message))


def perform(delivery: int, work: Callable[[Note, datetime], Any], now: datetime = NOW) -> bool:
    return relay.perform(delivery_id=delivery, work=work, clock=lambda: now)


def test_a_note_goes_to_each_of_its_tasks_once(sent):
    leave()
    assert sweep(sent) == 2
    assert sorted(task for task, _ in sent) == ["first", "second"]
    assert sweep(sent) == 0


def test_a_note_that_concerns_no_task_is_relayed_to_nobody(sent):
    outbox.leave(topic="nothing.known", subject="1", now=NOW)
    assert sweep(sent) == 0
    assert Note.objects.get().relayed_at == NOW


def test_a_lost_message_is_sent_again(sent):
    leave()
    sweep(sent)
    assert sweep(sent, NOW + relay.SEND_AGAIN) == 2


def empty_the_queue_again_and_again(sent: list[tuple[str, int]]) -> int:
    """A broker that loses every message of the first minute; returns how much work was done in the second."""
    for _ in range(10):
        leave()
    for second in range(0, 60, 20):
        sweep(sent, NOW + timedelta(seconds=second))
        sent.clear()
    done = 0
    for second in range(60, 120):
        now = NOW + timedelta(seconds=second)
        sweep(sent, now)
        done += sum(perform(delivery, lambda note, now: None, now) for _task, delivery in sent)
        sent.clear()
    return done


def test_an_emptied_queue_loses_nothing_and_is_filled_again_within_a_minute(sent):
    assert empty_the_queue_again_and_again(sent) == 20


def test_without_the_second_sending_an_emptied_queue_would_lose_the_work(sent, monkeypatch):
    """Negative control of the test above: what was sent once is believed to arrive."""
    monkeypatch.setattr(relay, "SEND_AGAIN", timedelta(days=3650))
    assert empty_the_queue_again_and_again(sent) == 0


def test_what_is_done_is_not_sent_again(sent):
    leave()
    sweep(sent)
    for _, delivery in sent:
        assert perform(delivery, lambda note, now: None)
    assert sweep(sent, NOW + timedelta(days=1)) == 0


def test_messages_in_any_order_and_number_have_one_effect_each(sent):
    notes = [leave() for _ in range(20)]
    sweep(sent)
    messages = sent * 5
    random.Random(4).shuffle(messages)
    effects: list[tuple[int, int]] = []
    for _, delivery in messages:
        perform(delivery, lambda note, now, d=delivery: effects.append((note.pk, d)))
    assert len(effects) == 2 * len(notes) == len(set(effects))


def test_without_the_claim_a_doubled_message_would_have_two_effects(sent, monkeypatch):
    """Negative control of the test above."""
    leave()
    sweep(sent)
    monkeypatch.setattr(
        relay, "claim", lambda delivery_id, now: Delivery.objects.select_related("note").get(pk=delivery_id)
    )
    delivery, effects = sent[0][1], []
    perform(delivery, lambda note, now: effects.append(1))
    with pytest.raises(RuntimeError):
        perform(delivery, lambda note, now: effects.append(1))
    assert len(effects) == 2


def test_a_task_at_work_is_not_disturbed_until_its_claim_ends(sent):
    leave()
    sweep(sent)
    delivery = sent[0][1]
    assert relay.claim(delivery_id=delivery, now=NOW)
    assert relay.claim(delivery_id=delivery, now=NOW + timedelta(seconds=59)) is None
    assert relay.claim(delivery_id=delivery, now=NOW + relay.CLAIM)


def test_work_that_is_not_finished_goes_on_at_once(sent):
    leave()
    sweep(sent)
    left = [2]

    def work(note: Note, now: datetime) -> bool:
        left[0] -= 1
        return left[0] > 0

    assert perform(sent[0][1], work)
    assert left == [0]


def test_long_work_makes_room_for_others_after_a_stint(sent):
    leave()
    sweep(sent)
    clock = itertools.count()

    def tick() -> datetime:
        return NOW + relay.STINT * next(clock)

    delivery = sent[0][1]
    assert not relay.perform(delivery_id=delivery, work=lambda note, now: True, clock=tick)
    now = tick()
    assert Delivery.objects.get(pk=delivery).claimed_until < now, "nobody is at it"
    assert perform(delivery, lambda note, now: False, now)


def test_failures_pause_longer_and_longer_and_end_dead_until_an_officer_revives(sent):
    leave()
    sweep(sent)
    delivery, now, pauses = sent[0][1], NOW, []

    def work(note: Note, now: datetime) -> None:
        raise ValueError("a text that could name somebody")

    for _ in range(relay.ATTEMPTS):
        with pytest.raises(ValueError, match="name somebody"):
            perform(delivery, work, now)
        row = Delivery.objects.get(pk=delivery)
        pauses.append(row.due_at - now)
        now = row.due_at
    assert pauses[:3] == [timedelta(seconds=s) for s in (1, 2, 4)] and max(pauses) == relay.LONGEST_PAUSE
    assert row.dead_at and row.error == "ValueError"
    assert not perform(delivery, lambda note, now: None, now)
    relay.revive(delivery_id=delivery, now=now)
    assert perform(delivery, lambda note, now: None, now)


def test_work_that_fails_leaves_nothing_behind(sent):
    leave()
    sweep(sent)

    def work(note: Note, now: datetime) -> None:
        outbox.leave(topic="half.done", subject="1", now=now)
        raise ValueError("half way")

    with pytest.raises(ValueError, match="half way"):
        perform(sent[0][1], work)
    assert not Note.objects.filter(topic="half.done").exists()
