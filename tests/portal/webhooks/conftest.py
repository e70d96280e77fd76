"""Citizens with endpoints, and a clock."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from fund.governance import outbox
from fund.governance.outbox import Note
from portal.accounts import User
from portal.notices.models import Message
from portal.webhooks import delivering, endpoints
from portal.webhooks.models import Webhook
from tests.portal.webhooks.receiver import Receiver, listening

NOW = datetime(2026, 11, 25, 9, tzinfo=UTC)
KINDS = ("subscription.funded", "offering.settled", "nav.published")


class Clock:
    """The time, which passes when it is told to."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def passes(self, **time: float) -> datetime:
        self.now += timedelta(**time)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_LOOPBACK = True
    with listening() as found:
        yield found


@pytest.fixture
def hanako(db: None) -> User:
    return User.objects.create_user("hanako@example.org")


@pytest.fixture
def register(hanako: User, receiver: Receiver) -> Callable[..., Webhook]:
    """An endpoint of Hanako's at the receiver; ``path`` tells several apart."""

    def registered(path: str = "", **changes: Any) -> Webhook:
        return endpoints.register(
            **{"user": hanako, "url": f"{receiver.url}{path}", "kinds": KINDS, "now": NOW, **changes}
        )

    return registered


@pytest.fixture
def active(register: Callable[..., Webhook], clock: Clock, receiver: Receiver) -> Webhook:
    """An endpoint that has answered its ping."""
    webhook = register()
    assert delivering.deliver_due(clock=clock) == 1
    receiver.sent.clear()
    webhook.refresh_from_db()
    return webhook


def happened(topic: str, *users: User, now: datetime = NOW, **facts: Any) -> Note:
    """A note, and what it has written into the inbox of those whom it concerns."""
    note = outbox.leave(topic=topic, subject="test", now=now)
    Message.objects.bulk_create(
        Message(user=user, note_id=note.pk, topic=topic, facts=facts, created_at=now) for user in users
    )
    return note
