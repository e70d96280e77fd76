"""News for the outside: a note is left in the transaction of its cause and becomes a task only after the commit."""

from datetime import datetime
from typing import Any

from django.db import models
from django.db.models import Q

from fund import rows, trace
from fund.append_only import current_transaction


class Note(models.Model):
    """Something happened. Ids and states, never personal data; ``relayed_at`` is set when it has been fanned out.

    ``trace`` joins it to the request or task that left it, ``xact`` to what the same transaction wrote.
    """

    id = models.BigAutoField(primary_key=True)
    topic = models.CharField(max_length=60)
    subject = models.CharField(max_length=120)
    payload = models.JSONField(default=dict)
    left_at = models.DateTimeField()
    relayed_at = models.DateTimeField(null=True)
    trace = models.UUIDField(null=True, default=trace.current, editable=False)
    xact = models.BigIntegerField(null=True, db_default=current_transaction(), editable=False)

    class Meta:
        indexes = [
            models.Index(fields=["id"], condition=Q(relayed_at__isnull=True), name="note_waiting"),
            models.Index(fields=["trace"], condition=~Q(trace=None), name="note_trace"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} {self.subject}"


def leave(*, topic: str, subject: str, now: datetime, **payload: Any) -> Note:
    """Leave a note in the running transaction. ``topic`` is ``noun.happened``; the payload holds ids only."""
    left = note(topic=topic, subject=subject, now=now, **payload)
    rows.insert(left)
    return left


def note(*, topic: str, subject: str, now: datetime, **payload: Any) -> Note:
    """The note of ``leave``, not written yet: for a verb that writes it together with its cause."""
    return rows.new(Note, topic=topic, subject=subject, payload=payload, left_at=now)
