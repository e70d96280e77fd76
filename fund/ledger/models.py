"""The book: a chart of accounts, transfers between them, and the balances that the database keeps (D38, D39).

A classical general ledger with subsidiary ledgers. An account of the chart is either a control account of the fund or
*per holder*; then each holder has a balance of it. A transfer moves a positive integer of one asset from a debit to a
credit account; it names a holder exactly when one of its accounts is per holder. A balance is credits − debits, so that
what the fund owes and the units it has issued are positive, and its own assets negative.

Three tables are written, one view is read. A ``Transfer`` is one movement. A ``Settlement`` is the compound entry of a
settled order, all four of its movements in one row under the heading of its batch; an ``Entitlement`` is the same of
one holder in a distribution. ``Leg`` is the whole book: every movement of them. Balances are kept on one ``Card`` a
holder, and in ``Control`` for the fund's own accounts; ``Balance`` reads both.
"""

from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models import F, Q, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly, Sealable
from fund.holders import Holder
from fund.units import UnitClass


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
    CONVEYANCE = 16, _("transfer between citizens")


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


class SettlementBatch(Sealable):
    """The heading of the settlements or entitlements that one transaction books: for what, their class, and when.

    ``subject`` names it (an offering, a distribution) for the room that settles it.
    """

    id = models.BigAutoField(primary_key=True)
    subject = models.CharField(max_length=20)
    unit_class = models.ForeignKey(
        UnitClass, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=models.functions.Now(), editable=False)

    class Meta(Sealable.Meta):
        pass

    def __str__(self) -> str:
        return f"settlement batch {self.pk}"


class Settlement(AppendOnly):
    """A settled order: one row is its balanced entry, four movements of one holder (D21, D29, D38).

    | line | amount     | from              | to                |
    |------|------------|-------------------|-------------------|
    | 0    | `cost`     | held:<currency>   | capital:<class>   |
    | 1    | `rounding` | held:<currency>   | rounding:<currency> |
    | 2    | `units`    | issued:<class>    | units:<class>     |
    | 3    | `refund`   | held:<currency>   | refunds:<currency> |

    A movement of nothing is none. The primary key settles an order once: an order has one holder for good, and by the
    holder a range of citizens is written in the order of its key. Money in minor, units in smallest units.
    """

    pk = models.CompositePrimaryKey("holder_id", "order_id")
    order_id = models.UUIDField()
    holder = models.ForeignKey(Holder, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    batch = models.ForeignKey(
        SettlementBatch, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    cost = models.BigIntegerField()
    rounding = models.BigIntegerField()
    units = models.BigIntegerField()
    refund = models.BigIntegerField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(
                name="settlement_signs", condition=Q(cost__gte=0, rounding__gte=0, units__gte=0, refund__gte=0)
            ),
        ]
        indexes = [BrinIndex(fields=["batch"], name="settlement_batch")]

    def __str__(self) -> str:
        return f"settlement of {self.order_id}"


class Entitlement(AppendOnly):
    """What one distribution gave one holder (D45–D47): one row is its balanced entry.

    | line | amount     | from                  | to                      |
    |------|------------|-----------------------|-------------------------|
    | 0    | `paid`     | distributions:<ccy>   | refunds:<ccy>           |
    | 1    | `us`       | distributions:<ccy>   | withheld_us:<ccy>       |
    | 2    | `national` | distributions:<ccy>   | withheld_national:<ccy> |
    | 3    | `local`    | distributions:<ccy>   | withheld_local:<ccy>    |
    | 4    | `cost`     | distributions:<ccy>   | capital:<class>         |
    | 5    | `rounding` | distributions:<ccy>   | rounding:<ccy>          |
    | 6    | `bought`   | issued:<class>        | units:<class>           |

    Lines 4 to 6 are a reinvestment. A ``reversal`` has the amounts of the entry that it takes back, and moves them the
    other way; of ``paid`` the fund bears what is no longer there to be taken back (line 7, ``borne``, from
    expenses:<ccy>). ``units`` is what was held at the end of the record day; of ``gross`` the part ``returned`` is the
    holder's own money. The bases say why so much was withheld (``distribution.withholding``).
    """

    pk = models.CompositePrimaryKey("holder_id", "distribution_id", "reversal")
    distribution_id = models.BigIntegerField()
    reversal = models.BooleanField(default=False)
    holder = models.ForeignKey(Holder, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+")
    batch = models.ForeignKey(
        SettlementBatch, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    units = models.BigIntegerField()
    gross = models.BigIntegerField()
    returned = models.BigIntegerField()
    us = models.BigIntegerField()
    national = models.BigIntegerField()
    local = models.BigIntegerField()
    paid = models.BigIntegerField()
    cost = models.BigIntegerField()
    rounding = models.BigIntegerField()
    bought = models.BigIntegerField()
    borne = models.BigIntegerField(default=0)
    us_basis = models.SmallIntegerField()
    jp_basis = models.SmallIntegerField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(
                name="entitlement_adds_up",
                condition=Q(
                    gross=F("paid") + F("us") + F("national") + F("local") + F("cost") + F("rounding"),
                    units__gt=0,
                    returned__gte=0,
                    returned__lte=F("gross"),
                    us__gte=0,
                    national__gte=0,
                    local__gte=0,
                    paid__gte=0,
                    cost__gte=0,
                    rounding__gte=0,
                    bought__gte=0,
                ),
            ),
            models.CheckConstraint(
                name="entitlement_borne", condition=Q(borne=0) | Q(reversal=True, borne__gt=0, borne__lte=F("paid"))
            ),
        ]
        indexes = [BrinIndex(fields=["batch"], name="entitlement_batch")]

    def __str__(self) -> str:
        return f"distribution {self.distribution_id} to holder {self.holder_id}"


class Leg(models.Model):
    """Every movement of the book: the transfers, and those of each settlement and distribution. Read only."""

    pk = models.CompositePrimaryKey("event_id", "event", "line")
    event_id = models.UUIDField()
    event = models.SmallIntegerField(choices=Event)
    line = models.SmallIntegerField()
    debit = models.ForeignKey(Account, on_delete=models.DO_NOTHING, related_name="+")
    credit = models.ForeignKey(Account, on_delete=models.DO_NOTHING, related_name="+")
    holder = models.ForeignKey(Holder, null=True, on_delete=models.DO_NOTHING, related_name="+")
    phase = models.SmallIntegerField(choices=Phase)
    resolves = models.UUIDField(null=True)
    amount = models.BigIntegerField()
    effective_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    xact = models.BigIntegerField()

    app_may = ("SELECT",)

    class Meta:
        managed = False

    def __str__(self) -> str:
        return f"{Event(self.event).name} {self.event_id} line {self.line}"


PURPOSES = (
    "held_usd", "held_jpy", "refunds_usd", "refunds_jpy", "units_sov", "units_lp", "units_us", "units_jp",
)  # fmt: skip


def column(code: str) -> str:
    """The column of a card that keeps a per-holder account: ``held:USD`` is ``held_usd``."""
    return code.replace(":", "_").lower()


class Card(models.Model):
    """All balances of one holder, a column for each per-holder account; empty where nothing was ever posted.

    It opens with the holder and is kept by the database alone. What pending transfers will take of an account is
    ``reserved_…``. No account less what is reserved of it goes below zero.
    """

    holder = models.OneToOneField(Holder, primary_key=True, on_delete=models.PROTECT, related_name="+")
    held_usd = models.BigIntegerField(null=True)
    held_jpy = models.BigIntegerField(null=True)
    refunds_usd = models.BigIntegerField(null=True)
    refunds_jpy = models.BigIntegerField(null=True)
    units_sov = models.BigIntegerField(null=True)
    units_lp = models.BigIntegerField(null=True)
    units_us = models.BigIntegerField(null=True)
    units_jp = models.BigIntegerField(null=True)
    reserved_held_usd = models.BigIntegerField(null=True)
    reserved_held_jpy = models.BigIntegerField(null=True)
    reserved_refunds_usd = models.BigIntegerField(null=True)
    reserved_refunds_jpy = models.BigIntegerField(null=True)
    reserved_units_sov = models.BigIntegerField(null=True)
    reserved_units_lp = models.BigIntegerField(null=True)
    reserved_units_us = models.BigIntegerField(null=True)
    reserved_units_jp = models.BigIntegerField(null=True)

    app_may = ("SELECT",)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="balance_of_a_holder_not_below_zero",
                condition=Q(
                    *(
                        GreaterThanOrEqual(Coalesce(F(one), Value(0)), Coalesce(F(f"reserved_{one}"), Value(0)))
                        for one in PURPOSES
                    )
                ),
            ),
            models.CheckConstraint(
                name="card_reserved_not_below_zero",
                condition=Q(*(Q(**{f"reserved_{one}": None}) | Q(**{f"reserved_{one}__gte": 0}) for one in PURPOSES)),
            ),
        ]

    def __str__(self) -> str:
        return f"card of holder {self.pk}"


class Control(models.Model):
    """The balance of an account that is not per holder. It opens with the account; kept by the database alone."""

    account = models.OneToOneField(Account, primary_key=True, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)

    app_may = ("SELECT",)

    class Meta:
        constraints = [models.CheckConstraint(name="control_reserved_not_below_zero", condition=Q(reserved__gte=0))]

    def __str__(self) -> str:
        return f"control of account {self.pk}"


class Balance(models.Model):
    """Credits − debits of each account, per holder where it is per holder (else holder 0): cards and controls as rows.

    ``reserved`` is what pending transfers will take. Read only. For one card, ``balances.balance`` is quicker.
    """

    pk = models.CompositePrimaryKey("account_id", "holder_id")
    holder_id = models.BigIntegerField()
    account_id = models.SmallIntegerField()
    amount = models.BigIntegerField()
    reserved = models.BigIntegerField()

    app_may = ("SELECT",)

    class Meta:
        managed = False

    def __str__(self) -> str:
        return f"{self.account_id}/{self.holder_id}"
