"""The book: a chart of accounts, transfers between them, and the balances that the database keeps (D38, D39).

A classical general ledger with subsidiary ledgers. An account of the chart is either a control account of the fund or
*per holder*; then each holder has a balance of it. A transfer moves a positive integer of one asset from a debit to a
credit account; it names a holder exactly when one of its accounts is per holder. A balance is credits − debits, so that
what the fund owes and the units it has issued are positive, and its own assets negative.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund.append_only import Sealable
from fund.holders import Holder


class Event(models.IntegerChoices):
    """Which business event a transfer belongs to; with the event's id and a line it is the transfer's unique key."""

    RECEIPT = 1, _("payment received")
    SUSPENSE = 2, _("payment to suspense")
    SETTLEMENT = 3, _("settlement")
    REFUND = 4, _("refund")
    PAYOUT = 5, _("payout")
    CAPITAL_CALL = 6, _("contribution of a co-owner or partner")
    INVESTMENT = 7, _("investment")
    BORROWING = 8, _("borrowing")
    EXPENSE = 9, _("expense")
    REVERSAL = 10, _("reversal")
    APPLICATION = 11, _("money applied from suspense")
    DISTRIBUTION = 12, _("distribution")
    REDEMPTION = 13, _("redemption")
    INCOME = 14, _("income")
    CORRECTION = 15, _("correction")


class Phase(models.IntegerChoices):
    """A transfer is final, or pending until a later one posts or voids it."""

    FINAL = 0, _("final")
    PENDING = 1, _("pending")
    POSTED = 2, _("posted")
    VOIDED = 3, _("voided")


class Account(models.Model):
    """An account of the chart. ``asset`` is ``USD``, ``JPY`` (minor units) or ``unit:<class>`` (smallest units)."""

    id = models.SmallAutoField(primary_key=True)
    code = models.CharField(max_length=60, unique=True)
    asset = models.CharField(max_length=12)
    per_holder = models.BooleanField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="account_asset", condition=Q(asset__regex=r"^(USD|JPY|unit:[A-Z]{2,4})$"))
        ]

    def __str__(self) -> str:
        return self.code


class Transfer(Sealable):
    """One movement. Never updated or deleted; a mistake is reversed by another (D38).

    ``resolves``: for POSTED and VOIDED, the event id of the pending transfer with the same line that this one ends.
    """

    pk = models.CompositePrimaryKey("event_id", "event", "line")
    event_id = models.UUIDField()
    event = models.SmallIntegerField(choices=Event)
    line = models.SmallIntegerField(default=0)
    debit = models.ForeignKey(Account, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    credit = models.ForeignKey(Account, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    holder = models.ForeignKey(
        Holder, null=True, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    phase = models.SmallIntegerField(choices=Phase, default=Phase.FINAL)
    resolves = models.UUIDField(null=True)
    amount = models.BigIntegerField()
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)

    class Meta(Sealable.Meta):
        constraints = [
            models.CheckConstraint(name="transfer_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="transfer_two_sides", condition=~Q(debit=models.F("credit"))),
            models.CheckConstraint(
                name="transfer_resolves",
                condition=Q(phase__in=[0, 1], resolves=None) | (Q(phase__in=[2, 3]) & ~Q(resolves=None)),
            ),
            models.UniqueConstraint(
                fields=["resolves", "line"], condition=~Q(resolves=None), name="transfer_resolved_once"
            ),
        ]
        indexes = [
            *Sealable.Meta.indexes,
            models.Index(fields=["holder", "recorded_at"], condition=~Q(holder=None), name="transfer_holder"),
            BrinIndex(fields=["effective_at"], name="transfer_effective"),
        ]

    def __str__(self) -> str:
        return f"{Event(self.event).name} {self.event_id} line {self.line}"


class Balance(models.Model):
    """Credits − debits of an account, per holder where it is per holder (else holder 0). Kept by the database alone.

    ``reserved`` is what pending transfers will take. A holder's balance less what is reserved never goes below zero.
    """

    pk = models.CompositePrimaryKey("account_id", "holder_id")  # the register of a class is one range of it
    holder_id = models.BigIntegerField()
    account_id = models.SmallIntegerField()
    amount = models.BigIntegerField()
    reserved = models.BigIntegerField(default=0)

    app_may = ("SELECT",)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="balance_of_a_holder_not_below_zero",
                condition=Q(holder_id=0) | Q(amount__gte=models.F("reserved")),
            ),
            models.CheckConstraint(name="balance_reserved_not_below_zero", condition=Q(reserved__gte=0)),
        ]

    def __str__(self) -> str:
        return f"{self.account_id}/{self.holder_id}"
