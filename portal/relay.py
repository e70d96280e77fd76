"""From outbox note to task: one visible table, and the sweep that guarantees the work (decisions 3 and 4).

The database is the queue. A note is fanned out into one delivery for each task that must hear of it. The sweep, every
second, sends what is due; the task claims its delivery, does its work and marks it done in the same transaction. A
message that is lost, doubled or forgotten by the broker therefore changes nothing: what is not done is sent again.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import models, transaction
from django.db.models import F, Q

from fund.governance.outbox import Note

log = structlog.get_logger(__name__)

TASKS: dict[str, list[str]] = {
    "application.submitted": ["assess_application", "notify"],
    "application.decided": ["notify"],
    "application.appealed": ["notify"],
    "appeal.decided": ["notify"],
    "reverification.opened": ["notify"],
    "reverification.lapsed": ["notify"],
    "plan.waiting": ["notify"],
    "plan.skipped": ["notify"],
    "subscription.placed": ["notify", "write_receipt"],
    "subscription.withdrawn": ["notify"],
    "subscription.funded": ["notify"],
    "subscription.lapsed": ["notify"],
    "statement.posted": ["fund_orders"],
    "payment.applied": ["fund_orders"],
    "payment.reversed": ["unfund_order"],
    "payouts.begun": ["address_payouts"],
    "payouts.answered": ["notify"],
    "proposal.approved": ["carry_out"],
    "allotment.published": ["settle", "notify"],
    "nav.published": ["settle_waiting", "commit_holdings", "announce"],
    "nav.corrected": ["compensate", "compensate_redemptions", "settle_waiting", "commit_holdings", "announce"],
    "nav.late": ["notify"],
    "orders.compensated": ["notify"],
    "orders.made_good": ["write_contract_notes"],
    "orders.settled": ["write_contract_notes"],
    "offering.settled": ["notify"],
    "offering.extended": ["notify"],
    "offering.cancelled": ["refund_orders", "notify"],
    "redemption.placed": ["notify"],
    "redemption.withdrawn": ["notify"],
    "redemption.cancelled": ["notify"],
    "redemption.decided": ["settle_redemptions", "notify"],
    "redemptions.booked": ["write_redemption_notes"],
    "redemption.settled": ["notify"],
    "redemptions.made_good": ["write_redemption_notes"],
    "redemption.compensated": ["notify"],
    "transfer.offered": ["notify"],
    "transfer.accepted": ["notify"],
    "transfer.declined": ["notify"],
    "transfer.withdrawn": ["notify"],
    "transfer.refused": ["notify"],
    "transfer.moved": ["notify"],
    "estate.opened": ["notify"],
    "estate.refused": ["notify"],
    "distribution.declared": ["notify"],
    "distribution.recorded": [],
    "distribution.booked": ["write_distribution_notices"],
    "distribution.paid": ["notify"],
    "tax.begun": ["prepare_tax_year"],
    "tax.released": ["write_tax_papers", "write_tax_files", "notify"],
    "capital.called": ["write_call_notices"],
    "security.changed": ["notify"],
    "office.changed": ["notify"],
    "sanctions.loaded": ["rescreen_everybody"],
}

SEND_AGAIN = timedelta(seconds=30)  # a message that was not claimed by then is taken for lost
CLAIM = timedelta(seconds=60)  # a worker that is silent for so long is taken for dead
LONGEST_PAUSE = timedelta(minutes=10)
ATTEMPTS = 20
BATCH = 200
STINT = timedelta(seconds=20)  # work with more to do makes room for others after that


class Delivery(models.Model):
    """One task that must hear of one note. Done, or due again at ``due_at``, or dead after too many failures.

    Somebody is at work on it until ``claimed_until``; when that is past, it is when work on it ended.
    """

    id = models.BigAutoField(primary_key=True)
    note = models.ForeignKey(Note, on_delete=models.PROTECT, related_name="deliveries")
    task = models.CharField(max_length=40)
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    error = models.CharField(max_length=200, blank=True)
    done_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "deliveries"
        constraints = [models.UniqueConstraint(fields=["note", "task"], name="delivery_one_a_note_and_task")]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(done_at=None, dead_at=None), name="delivery_due"),
            models.Index(fields=["id"], condition=~Q(dead_at=None), name="delivery_dead"),
        ]

    def __str__(self) -> str:
        return f"{self.task} of note {self.note_id}"


def sweep(*, now: datetime, send: Callable[[str, int], None]) -> int:
    """Fan out new notes, then send every delivery that is due; returns how many were sent.

    ``send(task, delivery_id)`` hands a message to the broker after the commit. When it fails nothing is lost: the
    delivery is due again after ``SEND_AGAIN``.
    """
    with transaction.atomic():
        fan_out(now=now)
        due = list(
            Delivery.objects.select_for_update(skip_locked=True)
            .filter(done_at=None, dead_at=None, due_at__lte=now)
            .order_by("due_at")[:BATCH]
        )
        Delivery.objects.filter(pk__in=[one.pk for one in due]).update(due_at=now + SEND_AGAIN)
    for one in due:
        send(one.task, one.pk)
    return len(due)


def fan_out(*, now: datetime) -> None:
    """Turn notes that nobody relayed yet into deliveries, each note once."""
    notes = list(Note.objects.select_for_update(skip_locked=True).filter(relayed_at=None).order_by("id")[:BATCH])
    Delivery.objects.bulk_create(
        Delivery(note=note, task=task, due_at=now) for note in notes for task in TASKS.get(note.topic, [])
    )
    Note.objects.filter(pk__in=[note.pk for note in notes]).update(relayed_at=now)


def claim(*, delivery_id: int, now: datetime) -> Delivery | None:
    """Take a delivery for ``CLAIM``; None when it is done, dead, or somebody else is at work on it."""
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    claimed = Delivery.objects.filter(free, pk=delivery_id, done_at=None, dead_at=None).update(
        claimed_until=now + CLAIM, due_at=now + CLAIM
    )
    return Delivery.objects.select_related("note").get(pk=delivery_id) if claimed else None


def perform(*, delivery_id: int, work: Callable[[Note, datetime], Any], clock: Callable[[], datetime]) -> bool:
    """Do the work of a delivery, each piece in one transaction with its mark; True when it was ended by this call.

    ``work`` returns something true when there is more to do: it is called again, for a ``STINT`` at most, after which
    the delivery is due again. The kind of what it raises is kept on the delivery, which is tried again with growing
    pauses and is dead after ``ATTEMPTS`` failures.
    """
    began = clock()
    delivery = claim(delivery_id=delivery_id, now=began)
    if delivery is None:
        return False
    try:
        while step(delivery=delivery, work=work, now=(now := clock())):
            if now - began >= STINT:
                Delivery.objects.filter(pk=delivery.pk).update(due_at=now, claimed_until=now)
                return False
    except Exception as error:
        failed(delivery=delivery, error=error, now=clock())
        raise
    return True


@transaction.atomic
def step(*, delivery: Delivery, work: Callable[[Note, datetime], Any], now: datetime) -> bool:
    """One piece of work and its mark: done, or claimed for longer. True when there is more to do."""
    more = bool(work(delivery.note, now))
    state = {"claimed_until": now + CLAIM, "due_at": now + CLAIM} if more else {"done_at": now}
    if Delivery.objects.filter(pk=delivery.pk, done_at=None).update(**state) != 1:
        raise RuntimeError("the delivery was done by somebody else meanwhile")
    return more


def failed(*, delivery: Delivery, error: Exception, now: datetime) -> None:
    """Note a failure and when to try again. Only the kind of error is kept: its text could hold personal data."""
    pause = min(timedelta(seconds=2**delivery.failures), LONGEST_PAUSE)
    dead = delivery.failures + 1 >= ATTEMPTS
    Delivery.objects.filter(pk=delivery.pk, done_at=None).update(
        failures=F("failures") + 1,
        error=type(error).__qualname__,
        due_at=now + pause,
        claimed_until=now,
        dead_at=now if dead else None,
    )
    log.error("delivery failed", delivery=delivery.pk, task=delivery.task, dead=dead, error=type(error).__qualname__)


def revive(*, delivery_id: int, now: datetime) -> None:
    """Give a dead delivery its attempts again; an officer does this after the cause was mended."""
    Delivery.objects.filter(pk=delivery_id, done_at=None).exclude(dead_at=None).update(
        dead_at=None, failures=0, due_at=now, claimed_until=None
    )
