"""What a citizen does with endpoints: register, ping, replay, remove.

An endpoint is active only after it has answered a ping with the ping's challenge: nobody makes us write to a stranger.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from fund import envelope
from fund.refusal import Refusal
from portal import security
from portal.accounts import User
from portal.security import Change
from portal.webhooks import signing, wire
from portal.webhooks.models import MOST, PING, PLACE, Webhook, WebhookDelivery

KEPT = timedelta(days=30)  # deliveries, to be looked at and sent again
REGISTERED_A_DAY = 20
PINGS_AN_HOUR = 12
FORGOTTEN_AT_ONCE = 10_000


class NotOffered(Refusal):
    """This site has no key to sign with."""

    code = "webhooks_not_offered"


class TooMany(Refusal):
    """The account has as many endpoints as one may have."""

    code = "too_many_webhooks"


class Exists(Refusal):
    """The account has registered this address already."""

    code = "webhook_exists"


class TooOften(Refusal):
    """More than makes sense in a short time."""

    code = "too_many_tries"


def of(user: User) -> QuerySet[Webhook]:
    """The account's endpoints, in the order of their places."""
    return Webhook.objects.filter(user=user).exclude(state=Webhook.State.REMOVED).order_by("place")


@transaction.atomic
def register(*, user: User, url: str, kinds: Iterable[str], now: datetime) -> Webhook:
    """Register an address for events of these kinds; the owner is told, and a ping asks the address to confirm.

    Raises NotOffered, ``wire.NotAllowed``, TooMany, Exists, TooOften.
    """
    if not signing.is_configured():
        raise NotOffered(_("Webhooks are not offered here at present."))
    address = wire.normal(url)
    User.objects.select_for_update(no_key=True).get(pk=user.pk)  # one registration of an account after the other
    if Webhook.objects.filter(user=user, registered_at__gt=now - timedelta(days=1)).count() >= REGISTERED_A_DAY:
        raise TooOften(_("Many endpoints were registered today. Please go on tomorrow."))
    fingerprint = envelope.blind_index(address, purpose="webhook")
    own = of(user)
    if own.filter(fingerprint=fingerprint).exists():
        raise Exists(_("This address is registered already."))
    free = sorted(set(range(1, MOST + 1)) - set(own.values_list("place", flat=True)))
    if not free:
        raise TooMany(_("An account has at most %(most)s endpoints. Remove one first.") % {"most": MOST})
    webhook = Webhook(
        user=user, place=free[0], fingerprint=fingerprint, kinds=sorted(set(kinds)), registered_at=now, changed_at=now
    )
    webhook.url = envelope.seal(address.encode(), **PLACE, row=webhook.pk)
    webhook.save(force_insert=True)
    _ping(webhook, now)
    security.changed(user_id=user.pk, change=Change.WEBHOOK_REGISTERED, now=now, webhook=str(webhook.pk))
    return webhook


@transaction.atomic
def remove(*, webhook: Webhook, now: datetime) -> None:
    """Send nothing there any more, and forget the address."""
    removed = Webhook.objects.filter(pk=webhook.pk).exclude(state=Webhook.State.REMOVED)
    if removed.update(state=Webhook.State.REMOVED, place=None, url=None, fingerprint=None, changed_at=now):
        webhook.deliveries.filter(done_at=None, dead_at=None).delete()
        security.changed(user_id=webhook.user_id, change=Change.WEBHOOK_REMOVED, now=now, webhook=str(webhook.pk))


@transaction.atomic
def ping(*, webhook: Webhook, now: datetime) -> WebhookDelivery:
    """Send a ping at once; the right answer makes an endpoint active that is not. Raises TooOften."""
    Webhook.objects.select_for_update(no_key=True).get(pk=webhook.pk)
    if webhook.deliveries.filter(kind=PING, happened_at__gt=now - timedelta(hours=1)).count() >= PINGS_AN_HOUR:
        raise TooOften(_("Many pings were sent within the last hour. Please wait a little."))
    Webhook.objects.filter(pk=webhook.pk).update(rests_until=None)
    return _ping(webhook, now)


def _ping(webhook: Webhook, now: datetime) -> WebhookDelivery:
    return WebhookDelivery.objects.create(webhook=webhook, kind=PING, happened_at=now, due_at=now)


def replay(*, webhook: Webhook, delivery: UUID | None = None, since: datetime | None = None, now: datetime) -> int:
    """Send again what was delivered or given up: one delivery, or all of what happened ``since``. Returns how many.

    Their ids stay, so that a receiver drops what it has already. A ping is not sent again, but anew.
    """
    ended = webhook.deliveries.filter(Q(done_at__isnull=False) | Q(dead_at__isnull=False)).exclude(kind=PING)
    wanted = ended.filter(pk=delivery) if delivery else ended.filter(happened_at__gte=since)
    return wanted.update(done_at=None, dead_at=None, attempts=0, due_at=now, error="")


def forget(*, now: datetime) -> int:
    """Delete deliveries older than 30 days and removed endpoints, a bounded number at a time; returns how many."""
    gone = Webhook.objects.filter(state=Webhook.State.REMOVED, changed_at__lt=now - timedelta(days=1))
    gone.filter(deliveries=None).delete()
    of_gone = Q(webhook__state=Webhook.State.REMOVED, webhook__changed_at__lt=now - timedelta(days=1))
    old = WebhookDelivery.objects.filter(Q(happened_at__lt=now - KEPT) | of_gone).values("pk")[:FORGOTTEN_AT_ONCE]
    deleted, _rows = WebhookDelivery.objects.filter(pk__in=old).delete()
    return deleted
