"""In a rush an app is told when its order's turn comes; one that was placed is answered whatever the rush."""

from datetime import timedelta

import pytest
from django.utils import timezone

from portal import waiting_room
from portal.store import store
from tests.portal.api.conftest import CODE, order, problem


@pytest.fixture
def rush(opened, settings, monkeypatch):
    settings.WAITING_ROOM_RATE = 5.0
    monkeypatch.setattr(waiting_room, "_away_until", 0.0)
    waiting_room.known.cache_clear()
    store().flushdb()
    now = timezone.now()
    for number in range(60):
        waiting_room.place(offering_code=CODE, user_id=-number, now=now)
    return now


def test_an_order_in_a_rush_is_asked_for_again_at_its_turn(citizen, rush, monkeypatch):
    refused = citizen.post("/subscriptions", order(), key="mine")
    assert refused.status_code == 429
    assert problem(refused)["code"] == "waiting_room"
    assert "before you" in problem(refused)["detail"]
    wait = int(refused["Retry-After"])
    assert 8 <= wait <= 12
    monkeypatch.setattr(timezone, "now", lambda: rush + timedelta(seconds=12))
    placed = citizen.post("/subscriptions", order(), key="mine")
    assert placed.status_code == 201
    assert citizen.post("/subscriptions", order(), key="mine")["Idempotency-Replayed"] == "true"


def test_an_order_that_was_placed_is_answered_whatever_the_rush(citizen, rush, settings):
    settings.WAITING_ROOM_RATE = 0.0
    placed = citizen.post("/subscriptions", order(), key="mine")
    settings.WAITING_ROOM_RATE = 5.0
    again = citizen.post("/subscriptions", order(), key="mine")
    assert (again.status_code, again.content) == (201, placed.content)
    assert citizen.post("/subscriptions", order(), key="another").status_code == 429
