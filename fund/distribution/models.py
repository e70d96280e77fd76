"""Distributions (D45–D47), and what decides a holder's part besides units: tax status and choice."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import UUID7
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.holders import Holder, Nation
from fund.money import Currency, Money, Price
from fund.units import UnitClass

SUBJECT = "distribution"  # one proposal at a time: two would spend the same income


class Distribution(models.Model):
    """What one class is paid for the units that were held at the end of the record day.

    ``per_lot`` is major units of the class's currency for a quoting lot. When the record day is over, the units, the
    holders and what all of them get together (``declared``, minor units) are recorded with the snapshot of the book
    they were read from (by the transaction ``xact``), and the *cut* that decides who gets a minor unit more
    (``entitlement``); from then on it is a liability, and the NAV is without it. ``income`` is the same in USD cents.
    ``ex_price`` is the price of the record day, ``price`` the one that reinvested money buys at, of ``price_day``.
    ``corrects``: the one it takes the place of.
    """

    class State(models.TextChoices):
        DECLARED = "declared", _("declared")
        RECORDED = "recorded", _("recorded, to be paid")
        PAID = "paid", _("paid")
        REPLACED = "replaced", _("corrected by another")

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(db_default=UUID7(), unique=True, editable=False)
    unit_class = models.ForeignKey(UnitClass, on_delete=models.PROTECT, related_name="distributions")
    per_lot = models.DecimalField(max_digits=18, decimal_places=6)
    record_day = models.DateField()
    pay_day = models.DateField()
    expected = models.BigIntegerField()
    income = models.BigIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.DECLARED)
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="+")
    corrects = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="corrected_by")
    declared_at = models.DateTimeField()
    snapshot = models.TextField(editable=False, blank=True)
    xact = models.BigIntegerField(null=True, editable=False)
    holders = models.BigIntegerField(null=True)
    units = models.BigIntegerField(null=True)
    declared = models.BigIntegerField(null=True)
    cut = models.BigIntegerField(null=True)
    cut_holder = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField(null=True)
    ex_price = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    price = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    price_day = models.DateField(null=True)
    paid_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="distribution_state", condition=Q(state__in=["declared", "recorded", "paid", "replaced"])
            ),
            models.CheckConstraint(name="distribution_positive", condition=Q(per_lot__gt=0, expected__gte=0)),
            models.CheckConstraint(name="distribution_days", condition=Q(record_day__lt=F("pay_day"))),
            models.CheckConstraint(
                name="distribution_recorded", condition=Q(state="declared") ^ Q(declared__isnull=False)
            ),
            models.CheckConstraint(name="distribution_cut", condition=Q(cut=None) ^ Q(cut_holder__isnull=False)),
            models.CheckConstraint(
                name="distribution_paid", condition=Q(state__in=["paid", "replaced"]) ^ Q(paid_at__isnull=True)
            ),
            models.UniqueConstraint(
                fields=["unit_class", "record_day"], condition=~Q(state="replaced"), name="distribution_once_a_day"
            ),
        ]
        triggers = [
            two_keys_trigger(
                Kind.DISTRIBUTION,
                when="TG_OP = 'INSERT'",
                subject=f"'{SUBJECT}'",
                facts=(
                    "jsonb_build_object('record_day', NEW.record_day::text, 'pay_day', NEW.pay_day::text, 'corrects',"
                    " NEW.corrects_id::text, 'classes', jsonb_build_array(jsonb_build_object('class',"
                    " NEW.unit_class_id, 'per_lot', NEW.per_lot::text, 'expected', NEW.expected::text)))"
                ),
            ),
            pgtrigger.Trigger(
                name="distribution_moves",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                IF (OLD.id, OLD.event_id, OLD.unit_class_id, OLD.per_lot, OLD.record_day, OLD.pay_day, OLD.expected,
                    OLD.proposal_id, OLD.corrects_id, OLD.declared_at)
                   IS DISTINCT FROM (NEW.id, NEW.event_id, NEW.unit_class_id, NEW.per_lot, NEW.record_day, NEW.pay_day,
                    NEW.expected, NEW.proposal_id, NEW.corrects_id, NEW.declared_at)
                   OR OLD.state <> 'declared' AND (OLD.snapshot, OLD.xact, OLD.holders, OLD.units, OLD.declared,
                    OLD.cut, OLD.cut_holder, OLD.recorded_at, OLD.income)
                   IS DISTINCT FROM (NEW.snapshot, NEW.xact, NEW.holders, NEW.units, NEW.declared,
                    NEW.cut, NEW.cut_holder, NEW.recorded_at, NEW.income)
                   OR OLD.ex_price <> NEW.ex_price OR OLD.price <> NEW.price OR OLD.price_day <> NEW.price_day
                   OR OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN
                      (('declared', 'recorded'), ('recorded', 'paid'), ('paid', 'replaced')) THEN
                    RAISE EXCEPTION 'a distribution stands as it was declared and recorded'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            pgtrigger.Protect(name="distribution_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.unit_class_id} {self.record_day}"

    @property
    def currency(self) -> Currency:
        return Currency(self.unit_class.currency)

    @property
    def rate(self) -> Price:
        """What a quoting lot is paid."""
        return self.unit_class.price(self.per_lot)

    def money(self, amount: int) -> Money:
        """Minor units in the currency of its class."""
        return Money(amount, self.currency)

    @property
    def whole(self) -> Money:
        """What all get together: as recorded, before that as it was expected."""
        return self.money(self.expected if self.declared is None else self.declared)

    @property
    def subject(self) -> str:
        """How the headings of its entries name it."""
        return f"distribution:{self.pk}"


class DistributionRange(models.Model):
    """A range of holders that is paid in one transaction. ``entries`` is how many it must have in the end.

    ``waiting`` of them reinvest and wait for the price.
    """

    pk = models.CompositePrimaryKey("distribution_id", "number")
    distribution_id = models.BigIntegerField()
    number = models.IntegerField()
    first_holder = models.BigIntegerField()
    last_holder = models.BigIntegerField()
    entries = models.BigIntegerField()
    waiting = models.BigIntegerField(null=True)
    paid_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="distribution_range", condition=Q(first_holder__lte=F("last_holder"), entries__gt=0)
            ),
            models.CheckConstraint(
                name="distribution_range_in_order",
                condition=Q(paid_at=None, waiting=None, done_at=None)
                | Q(paid_at__isnull=False, waiting__gte=0, waiting__lte=F("entries"), done_at=None, waiting__gt=0)
                | Q(paid_at__isnull=False, waiting__gte=0, done_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"distribution {self.distribution_id} range {self.number}"


class Choice(AppendOnly):
    """What a holder wants done with the distributions of a class, from an instant on. The latest before the end of a
    record day counts; without one they are paid out."""

    id = models.BigAutoField(primary_key=True)
    holder = models.ForeignKey(Holder, on_delete=models.PROTECT, related_name="+")
    unit_class = models.ForeignKey(UnitClass, on_delete=models.PROTECT, related_name="+")
    reinvest = models.BooleanField()
    chosen_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        indexes = [models.Index(fields=["unit_class", "holder", "chosen_at"], name="choice_latest")]

    def __str__(self) -> str:
        return f"{self.unit_class_id} of holder {self.holder_id}"


class TaxStatus(models.Model):
    """What reception has told of a holder's taxes: no name, no number, no document (D12).

    ``certified``: a US person's taxpayer number is certified. ``treaty_until``: the last day of somebody else's claim
    to the treaty. A holder without a row is taxed at the higher rate.
    """

    holder = models.OneToOneField(
        Holder, primary_key=True, on_delete=models.PROTECT, db_constraint=False, related_name="+"
    )
    us_person = models.BooleanField()
    certified = models.BooleanField()
    treaty_until = models.DateField(null=True)
    residence = models.CharField(max_length=2, choices=Nation)
    told_at = models.DateTimeField()

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [models.CheckConstraint(name="tax_status_residence", condition=Q(residence__in=["US", "JP"]))]

    def __str__(self) -> str:
        return f"tax status of holder {self.pk}"
