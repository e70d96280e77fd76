"""A request that only wants to wake a worker never hangs on a queue that is down."""

import time

import pytest
from celery import Celery
from django.conf import settings
from kombu.exceptions import OperationalError


@pytest.mark.parametrize("address", ["redis+socket:///nowhere/valkey.sock", "redis://127.0.0.1:1/0"])
def test_publishing_without_a_queue_fails_at_once(address: str) -> None:
    app = Celery("publisher", set_as_current=False)
    app.config_from_object(settings, namespace="CELERY")
    app.conf.broker_url = address
    began = time.monotonic()
    with pytest.raises(OperationalError):
        app.send_task("anything")
    assert time.monotonic() - began < 3
