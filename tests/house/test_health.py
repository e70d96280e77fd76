"""The two addresses that load balancers ask."""

import pytest
import redis
from django.test import Client

from portal import health


def test_live_needs_nothing(client: Client) -> None:
    assert client.get("/health/live").json() == {"status": "live"}


@pytest.mark.django_db
def test_ready_when_database_queue_and_migrations_are_in_place(client: Client) -> None:
    answer = client.get("/health/ready")
    assert answer.status_code == 200, answer.content
    assert answer.json()["parts"] == {"database": "ok", "queue": "ok", "migrations": "ok"}


@pytest.mark.django_db
def test_not_ready_without_the_queue(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> redis.Redis:
        raise redis.ConnectionError("down")

    monkeypatch.setattr(health.store, "client", refuse)
    answer = client.get("/health/ready")
    assert answer.status_code == 503
    assert answer.json()["parts"] == {"database": "ok", "queue": "down", "migrations": "ok"}
