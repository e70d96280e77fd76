"""What one request did and set off: acts, notes, their tasks, and the entries that the same transactions made."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from fund.governance.audit import Act
from fund.governance.outbox import Note
from fund.ledger.models import Event, SettlementBatch, Transfer
from portal.relay import Delivery

MOST = 200  # of each kind; a nation's settlement is one trace


@dataclass(frozen=True)
class Entry:
    """What the ledger has of one event: so many movements, or a batch of so many settlements."""

    label: str
    subject: str
    at: Any


@dataclass(frozen=True)
class Joined:
    notes: list[Note]
    tasks: list[Delivery]
    entries: list[Entry]


def joined(trace: UUID) -> Joined:
    """Everything but the acts themselves that belongs to a trace, the newest first."""
    notes = list(Note.objects.filter(trace=trace).order_by("-id")[:MOST])
    acts = Act.objects.filter(trace=trace).order_by("-id").values_list("xact", flat=True)[:MOST]
    written = sorted({xact for xact in [*acts, *(note.xact for note in notes)] if xact is not None})
    return Joined(
        notes=notes,
        tasks=list(Delivery.objects.filter(note__in=notes).select_related("note").order_by("-id")[:MOST]),
        entries=[*_transfers(written), *_batches(written)],
    )


def _transfers(written: list[int]) -> list[Entry]:
    rows = Transfer.objects.filter(xact__in=written).order_by("-xact", "event_id", "event", "line")[:MOST]
    return [Entry(Event(one.event).name, f"{one.event_id} · {one.line}", one.recorded_at) for one in rows]


def _batches(written: list[int]) -> list[Entry]:
    rows = SettlementBatch.objects.filter(xact__in=written).order_by("-id")[:MOST]
    return [Entry("BATCH", f"{one.pk} · {one.subject}", one.recorded_at) for one in rows]


def link(trace: UUID | None) -> SafeString | str:
    """A trace, with the way to everything of it."""
    if trace is None:
        return ""
    return format_html(
        '<a href="{}?trace={}"><code>{}</code></a>', reverse("admin:fund_act_changelist"), trace, trace.hex
    )
