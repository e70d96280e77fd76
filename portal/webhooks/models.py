"""Registered endpoints, and one row for each event that one of them is to be told: the rows are the queue."""

import uuid

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import UUID7
from django.utils.translation import gettext_lazy as _

from fund import envelope

MOST = 5  # endpoints of one account
PING = "webhook.ping"


class Webhook(models.Model):
    """An endpoint of one account. Its address may say whose it is, so it is sealed; a removed one keeps none.

    ``place`` counts the account's endpoints, so that there are never more than ``MOST``. ``failures`` in a row let all
    its deliveries rest until ``rests_until``; ``claimed_until`` is set while one of them is on its way.
    """

    class State(models.TextChoices):
        UNCONFIRMED = "unconfirmed", _("Not confirmed yet")
        ACTIVE = "active", _("Active")
        DISABLED = "disabled", _("Disabled after failures")
        REMOVED = "removed", _("Removed")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="webhooks")
    place = models.PositiveSmallIntegerField(null=True)
    url = envelope.SealedColumn(null=True)
    fingerprint = models.BinaryField(max_length=32, null=True)
    kinds = ArrayField(models.CharField(max_length=60))
    state = models.CharField(max_length=12, choices=State, default=State.UNCONFIRMED)
    registered_at = models.DateTimeField()
    changed_at = models.DateTimeField()
    failures = models.PositiveIntegerField(default=0)
    rests_until = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "place"], name="webhook_one_a_place"),
            models.UniqueConstraint(fields=["user", "fingerprint"], name="webhook_one_an_address"),
            models.CheckConstraint(condition=Q(place=None) | Q(place__range=(1, MOST)), name="webhook_not_too_many"),
            models.CheckConstraint(
                condition=Q(state="removed", place=None, url=None, fingerprint=None)
                | (~Q(state="removed") & ~Q(place=None) & ~Q(url=None) & ~Q(fingerprint=None)),
                name="webhook_removed_keeps_no_address",
            ),
        ]

    def __str__(self) -> str:
        return f"webhook {self.pk}"

    @property
    def address(self) -> str:
        """Where deliveries go."""
        assert self.url is not None
        return envelope.unseal(bytes(self.url), **PLACE, row=self.pk).decode()


PLACE = {"table": Webhook._meta.db_table, "column": "url"}


class WebhookDelivery(models.Model):
    """One event for one endpoint. Delivered, or due (again) at ``due_at``, or dead after too many attempts.

    ``reads``: addresses of the API at which the event's subject is read. ``status``: of the last answer; ``error``:
    what was wrong with it. The id stays the same in every attempt and every replay.
    """

    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="deliveries")
    note_id = models.BigIntegerField(null=True)
    kind = models.CharField(max_length=60)
    reads = ArrayField(models.CharField(max_length=200), default=list)
    happened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    tried_at = models.DateTimeField(null=True)
    status = models.PositiveSmallIntegerField(null=True)
    error = models.CharField(max_length=40, blank=True, default="", db_default="")
    done_at = models.DateTimeField(null=True)
    dead_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(fields=["webhook", "note_id"], name="webhook_delivery_once_a_note"),
            models.CheckConstraint(condition=Q(done_at=None) | Q(dead_at=None), name="webhook_delivery_one_end"),
        ]
        indexes = [
            models.Index(fields=["webhook", "due_at"], condition=Q(done_at=None, dead_at=None), name="webhook_due"),
            models.Index(fields=["id"], condition=~Q(dead_at=None), name="webhook_dead"),
            models.Index(F("happened_at"), name="webhook_delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def state(self) -> str:
        """``waiting``, ``delivered`` or ``failed``."""
        return "delivered" if self.done_at else "failed" if self.dead_at else "waiting"
