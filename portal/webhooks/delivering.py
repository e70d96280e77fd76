"""The queue and its attempts: rows that are due are sent, each endpoint one after the other, many endpoints at once.

At least once: a delivery whose outcome was lost is sent again, by the same id. An endpoint that fails rests, longer
each time, and with it all that waits for it; a delivery is tried for about a day with growing pauses and is then dead.
An endpoint at which nothing has arrived in all that time is disabled and its owner told; what waits, waits for a ping.
"""

import json
import secrets
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hmac import compare_digest
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils.crypto import salted_hmac

from portal import security
from portal.security import Change
from portal.webhooks import signing, wire
from portal.webhooks.models import PING, Webhook, WebhookDelivery

LANES = 32  # endpoints that are written to at once
STINT = timedelta(seconds=20)  # then the worker makes room for others
CLAIM = timedelta(seconds=60)  # a worker that is silent for so long is taken for dead
ATTEMPTS = 16  # about a day
PING_ATTEMPTS = 8  # about ten minutes
FIRST_PAUSE = timedelta(seconds=5)
LONGEST_PAUSE = timedelta(hours=6)
LONGEST_REST = timedelta(minutes=10)
GONE = 410

log = structlog.get_logger(__name__)
State = Webhook.State


@dataclass(frozen=True)
class Outcome:
    """What came of an attempt: the ``status`` of the answer, if there was one, and what was ``wrong``, or ""."""

    status: int | None = None
    wrong: str = ""


def deliver_due(*, clock: Callable[[], datetime]) -> int:
    """Send what is due, each endpoint one after the other and many at once, for a ``STINT``; returns how many attempts.

    A slow endpoint keeps its own lane only: whoever is done makes room for the one that waited longest. Nothing is sent
    inside a transaction, and the threads that send do not speak to the database. While one worker is at it no other
    begins, so that strangers who answer slowly never hold more than one.
    """
    began, attempts = clock(), 0
    on_their_way: dict[Future[Outcome], WebhookDelivery] = {}
    with ThreadPoolExecutor(max_workers=LANES) as senders:
        claimed = [] if is_at_work(now=began) else claim(now=began, most=LANES)
        while claimed or on_their_way:
            attempts += len(claimed)
            on_their_way |= {senders.submit(attempt, delivery, clock()): delivery for delivery in claimed}
            for done in wait(on_their_way, return_when=FIRST_COMPLETED).done:
                record(delivery=on_their_way.pop(done), outcome=done.result(), now=clock())
            going_on = clock() - began < STINT
            claimed = claim(now=clock(), most=LANES - len(on_their_way)) if going_on else []
    return attempts


def is_at_work(*, now: datetime) -> bool:
    """Whether some worker has deliveries on their way."""
    return Webhook.objects.filter(claimed_until__gt=now).exists()


@transaction.atomic
def claim(*, now: datetime, most: int) -> list[WebhookDelivery]:
    """Take the next delivery of each of so many endpoints that are free, those that waited longest first.

    What they wait for is asked again under their locks: one that was just served by another worker is left free.
    """
    due = WebhookDelivery.objects.filter(done_at=None, dead_at=None, due_at__lte=now)
    due = due.filter(Q(webhook__state=State.ACTIVE) | Q(kind=PING))
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    rested = Q(rests_until=None) | Q(rests_until__lte=now)
    waiting = Webhook.objects.filter(free, rested, Exists(due.filter(webhook=OuterRef("pk"))), user__is_active=True)
    lanes = list(
        waiting.exclude(state=State.REMOVED)
        .order_by(F("claimed_until").asc(nulls_first=True))
        .select_for_update(skip_locked=True, of=("self",), no_key=True)
        .values_list("pk", flat=True)[:most]
    )
    first = due.filter(webhook__in=lanes).order_by("webhook", "due_at", "id").distinct("webhook")
    taken = list(first.select_related("webhook"))
    Webhook.objects.filter(pk__in=[one.webhook_id for one in taken]).update(claimed_until=now + CLAIM)
    return taken


def attempt(delivery: WebhookDelivery, now: datetime) -> Outcome:
    """Send it once, and look at what is answered. A fault of ours is an outcome too: the other lanes go on."""
    try:
        return _attempt(delivery, now)
    except Exception as fault:
        log.error("webhook could not be sent", delivery=str(delivery.pk), error=type(fault).__qualname__)
        return Outcome(wrong="fault")


def _attempt(delivery: WebhookDelivery, now: datetime) -> Outcome:
    url, body = delivery.webhook.address, content(delivery)
    headers = signing.signed(url=url, body=body, now=now) | {"Accept": "application/json", "User-Agent": "Kakehashi/1"}
    try:
        answer = wire.post(url=url, body=body, headers=headers)
    except wire.Failed as failed:
        return Outcome(wrong=failed.code)
    except wire.NotAllowed as refused:
        return Outcome(wrong=refused.code)
    if not 200 <= answer.status < 300:
        return Outcome(answer.status, "status")
    if delivery.kind == PING and not is_answered(delivery, answer.body):
        return Outcome(answer.status, "challenge")
    return Outcome(answer.status)


def content(delivery: WebhookDelivery) -> bytes:
    """What is sent, the same in every attempt: ids, kind, time and where to read. A ping has a challenge to answer."""
    told: dict[str, Any] = {
        "id": str(delivery.pk),
        "type": delivery.kind,
        "time": f"{delivery.happened_at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "webhook": str(delivery.webhook_id),
        "read": delivery.reads,
    }
    if delivery.kind == PING:
        told["challenge"] = challenge(delivery)
    return json.dumps(told, separators=(",", ":")).encode()


def challenge(delivery: WebhookDelivery) -> str:
    """What only the receiver of this ping knows."""
    return salted_hmac("portal.webhooks.challenge", str(delivery.pk), algorithm="sha256").hexdigest()


def is_answered(delivery: WebhookDelivery, body: bytes) -> bool:
    """Whether an answer is ``{"challenge": …}`` and no more: who repeats whatever arrives confirms nothing."""
    try:
        told = json.loads(body)
    except ValueError:
        return False
    if not isinstance(told, dict) or told.keys() != {"challenge"}:
        return False
    return compare_digest(str(told["challenge"]).encode(), challenge(delivery).encode())


@transaction.atomic
def record(*, delivery: WebhookDelivery, outcome: Outcome, now: datetime) -> None:
    """Write down what came of an attempt, and free the endpoint for its next delivery."""
    row = WebhookDelivery.objects.filter(pk=delivery.pk, done_at=None, dead_at=None)
    lane = Webhook.objects.filter(pk=delivery.webhook_id)
    tried = {"attempts": F("attempts") + 1, "tried_at": now, "status": outcome.status, "error": outcome.wrong}
    if not outcome.wrong:
        row.update(**tried, done_at=now)
        lane.update(failures=0, rests_until=None, claimed_until=now)
        if delivery.kind == PING:
            lane.filter(state__in=(State.UNCONFIRMED, State.DISABLED)).update(state=State.ACTIVE, changed_at=now)
        return
    number = delivery.attempts + 1
    dead = number >= (PING_ATTEMPTS if delivery.kind == PING else ATTEMPTS) or outcome.status == GONE
    row.update(**tried, due_at=now + pause(number), dead_at=now if dead else None)
    failures = delivery.webhook.failures + 1
    rest = min(timedelta(seconds=2 ** min(failures, 20)), LONGEST_REST)
    lane.update(failures=failures, rests_until=now + rest, claimed_until=now)
    if outcome.status == GONE or (dead and failures >= ATTEMPTS):
        disable(webhook=delivery.webhook, now=now)
    log.warning("webhook failed", delivery=str(delivery.pk), wrong=outcome.wrong, status=outcome.status, dead=dead)


def pause(attempts: int) -> timedelta:
    """How long to wait after so many attempts: twice as long each time, and anything from half to all of that."""
    longest = min(FIRST_PAUSE * 2 ** min(attempts - 1, 20), LONGEST_PAUSE)
    return longest * (500 + secrets.randbelow(501)) / 1000


def disable(*, webhook: Webhook, now: datetime) -> None:
    """Send nothing there until a ping is answered, and tell the owner."""
    if Webhook.objects.filter(pk=webhook.pk, state=State.ACTIVE).update(state=State.DISABLED, changed_at=now):
        security.changed(user_id=webhook.user_id, change=Change.WEBHOOK_DISABLED, now=now, webhook=str(webhook.pk))
