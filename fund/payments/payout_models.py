"""Money that goes out: runs, their lines and the one file of each run (D3, D17, D33)."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import UUID7
from django.utils.translation import gettext_lazy as _

from fund.envelope import SealedColumn
from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.holders import Holder
from fund.money import Currency
from fund.payments.models import CURRENCIES, BankAccount, BankFile
from fund.payments.remittance import Authority
from fund.payments.suspense import Resolution


class Format(models.TextChoices):
    """The bank files a run can be written as."""

    PAIN001 = "pain001", _("ISO 20022 pain.001")
    ZENGIN = "zengin", _("Zengin general transfer")
    NACHA = "nacha", _("NACHA PPD credits")


class Obstacle(models.TextChoices):
    """Why a line is left out of its run; its money waits for a later one."""

    NO_ACCOUNT = "no_account", _("no bank account for payouts is known")
    BANK_CHANGE = "bank_change", _("the bank account was changed a short while ago")
    INCOMPLETE = "incomplete", _("the bank account lacks what a bank file needs")
    REFUSED = "refused", _("the payee’s bank has refused this account before")
    WITHDRAWN = "withdrawn", _("the run was withdrawn")


class PayoutRun(models.Model):
    """Payouts of one currency from one account that are approved and sent together. Amounts are minor units.

    ``digest`` stands for every line that is paid: its id, amount and payee. ``count`` and ``total`` are theirs as well.
    """

    class State(models.TextChoices):
        GATHERING = "gathering", _("being gathered")
        READY = "ready", _("ready for approval")
        APPROVED = "approved", _("approved")
        EXPORTED = "exported", _("bank file made")
        CLOSED = "closed", _("closed")
        WITHDRAWN = "withdrawn", _("withdrawn")

    id = models.BigAutoField(primary_key=True)
    account = models.ForeignKey(BankAccount, on_delete=models.PROTECT, related_name="+")
    currency = models.CharField(max_length=3, choices=CURRENCIES)
    state = models.CharField(max_length=10, choices=State)
    count = models.PositiveIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    left_out = models.PositiveIntegerField(default=0)
    digest = models.BinaryField(max_length=32, null=True)
    proposal = models.ForeignKey(Proposal, null=True, on_delete=models.PROTECT, related_name="+")
    begun_by = models.CharField(max_length=80)
    begun_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="payout_run_currency", condition=Q(currency__in=list(Currency))),
            models.CheckConstraint(
                name="payout_run_state",
                condition=Q(state="gathering", digest=None)
                | Q(state="withdrawn")
                | Q(state__in=["ready", "approved", "exported", "closed"], digest__isnull=False, count__gt=0),
            ),
            models.UniqueConstraint(
                fields=["currency"], condition=Q(state__in=["gathering", "ready"]), name="payout_run_one_open"
            ),
        ]
        triggers = [
            two_keys_trigger(
                Kind.PAYOUT,
                when="NEW.state NOT IN ('gathering', 'ready', 'withdrawn')",
                subject="'payout_run:' || NEW.id",
                facts=(
                    "jsonb_build_object('run', NEW.id::text, 'account', NEW.account_id, 'currency', NEW.currency,"
                    " 'total', NEW.total::text, 'count', NEW.count::text, 'lines', encode(NEW.digest, 'hex'))"
                ),
            ),
            pgtrigger.Trigger(
                name="payout_run_is_frozen",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                IF TG_OP = 'DELETE' OR OLD.state IN ('closed', 'withdrawn')
                   OR (NEW.state = 'withdrawn' AND OLD.state NOT IN ('gathering', 'ready'))
                   OR (NEW.id, NEW.account_id, NEW.currency, NEW.begun_at)
                      IS DISTINCT FROM (OLD.id, OLD.account_id, OLD.currency, OLD.begun_at)
                   OR (OLD.state <> 'gathering' AND (NEW.count, NEW.total, NEW.left_out, NEW.digest)
                       IS DISTINCT FROM (OLD.count, OLD.total, OLD.left_out, OLD.digest)) THEN
                    RAISE EXCEPTION 'a payout run is frozen once it is gathered' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"payout run {self.pk}"

    @property
    def reference(self) -> str:
        """What the bank's files call the whole run."""
        return f"KR{self.pk:012d}"


class PayoutLine(models.Model):
    """One payment of a run: a holder's refunds, suspense money on its way back to its payer (``resolution``), or the
    taxes withheld for an ``authority`` up to the end of a period (``period_to``).

    ``event_id`` is its ledger event. The payee is sealed; ``payee_digest`` is a keyed fingerprint of it, so that what
    the keys were turned for cannot be exchanged. A line that is rejected or returned leaves the money where it was.
    """

    class State(models.TextChoices):
        NEW = "new", _("payee not known yet")
        LEFT_OUT = "left_out", _("left out")
        READY = "ready", _("ready")
        PENDING = "pending", _("approved, not yet paid")
        PAID = "paid", _("paid")
        REJECTED = "rejected", _("rejected by the bank")
        RETURNED = "returned", _("returned after payment")

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(db_default=UUID7(), unique=True)
    run = models.ForeignKey(
        PayoutRun, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="lines"
    )
    holder = models.ForeignKey(
        Holder, null=True, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    resolution = models.ForeignKey(
        Resolution, null=True, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="payouts"
    )
    authority = models.CharField(max_length=12, choices=Authority, blank=True, db_default="")
    period_to = models.DateField(null=True)
    amount = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State, db_default="new")
    obstacle = models.CharField(max_length=12, choices=Obstacle, blank=True, db_default="")
    hold_until = models.DateTimeField(null=True)
    sealed = SealedColumn(row="event_id", null=True)
    payee_digest = models.BinaryField(max_length=32, null=True)
    bank_code = models.CharField(max_length=8, blank=True, db_default="")
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="payout_line_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(
                name="payout_line_of_someone",
                condition=Q(holder=None, resolution__isnull=False, authority="", period_to=None)
                | Q(holder__isnull=False, resolution=None, authority="", period_to=None)
                | Q(holder=None, resolution=None, authority__in=Authority.values, period_to__isnull=False),
            ),
            models.CheckConstraint(
                name="payout_line_state",
                condition=Q(state="new", sealed=None, obstacle="")
                | Q(state="left_out") & ~Q(obstacle="")
                | Q(
                    state__in=["ready", "pending", "paid", "rejected", "returned"],
                    obstacle="",
                    sealed__isnull=False,
                    payee_digest__isnull=False,
                ),
            ),
            models.UniqueConstraint(fields=["run", "holder"], name="payout_line_one_a_holder"),
            models.UniqueConstraint(
                fields=["run", "authority"], condition=~Q(authority=""), name="payout_line_one_an_authority"
            ),
            models.UniqueConstraint(
                fields=["resolution"],
                condition=Q(state__in=["new", "ready", "pending", "paid"]),
                name="payout_line_one_a_return",
            ),
        ]
        triggers = [
            # Once a statement: of a million lines, all are of one run. No run is ever deleted.
            pgtrigger.Trigger(
                name="payout_line_joins",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                level=pgtrigger.Statement,
                referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
                func="""
                PERFORM FROM fund_payoutrun WHERE id IN (SELECT run_id FROM added) ORDER BY id FOR SHARE;
                IF EXISTS (SELECT FROM added a LEFT JOIN fund_payoutrun r ON r.id = a.run_id
                            WHERE a.state <> 'new' OR r.state IS DISTINCT FROM 'gathering') THEN
                    RAISE EXCEPTION 'lines join a payout run while it is gathered' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NULL;
                """,
            ),
            pgtrigger.Trigger(
                name="payout_line_moves",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                IF TG_OP = 'DELETE' THEN
                    RAISE EXCEPTION 'a payout line stays' USING ERRCODE = 'restrict_violation';
                END IF;
                IF (NEW.id, NEW.event_id, NEW.run_id, NEW.holder_id, NEW.resolution_id, NEW.amount, NEW.authority,
                    NEW.period_to)
                      IS DISTINCT FROM (OLD.id, OLD.event_id, OLD.run_id, OLD.holder_id, OLD.resolution_id, OLD.amount,
                                        OLD.authority, OLD.period_to)
                   OR (OLD.state <> 'new' AND NEW.payee_digest IS DISTINCT FROM OLD.payee_digest)
                   OR (NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (
                        ('new', 'ready'), ('new', 'left_out'), ('ready', 'pending'), ('ready', 'left_out'),
                        ('pending', 'paid'), ('pending', 'rejected'), ('paid', 'returned'))) THEN
                    RAISE EXCEPTION 'payout line % does not move from % to %', OLD.id, OLD.state, NEW.state
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
        ]
        indexes = [
            models.Index(fields=["run", "state", "id"], name="payout_line_state"),
            models.Index(fields=["resolution"], condition=~Q(resolution=None), name="payout_line_return"),
            models.Index(
                fields=["payee_digest"], condition=Q(state__in=["rejected", "returned"]), name="payout_line_failed"
            ),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def reference(self) -> str:
        """What the bank's files call this payment."""
        return f"KP{self.pk:012d}"


class PayoutFile(models.Model):
    """The one file of a run: made once, kept sealed, the same bytes for ever."""

    id = models.BigAutoField(primary_key=True)
    run = models.OneToOneField(PayoutRun, on_delete=models.PROTECT, related_name="file")
    format = models.CharField(max_length=8, choices=Format)
    digest = models.CharField(max_length=64)
    size = models.PositiveBigIntegerField()
    sealed = SealedColumn(row="run_id")
    made_at = models.DateTimeField()
    made_by = models.CharField(max_length=80)

    class Meta:
        constraints = [models.CheckConstraint(name="payout_file_format", condition=Q(format__in=Format.values))]
        triggers = [
            pgtrigger.ReadOnly(name="payout_file_facts", fields=["run", "format", "digest", "size", "made_at"]),
            pgtrigger.Protect(name="payout_file_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"file of {self.run}"


class BankAnswer(models.Model):
    """What a bank said of one payment and an officer must know of, once; ``dealt_with_at`` when one has seen to it.

    ``reference`` is ours or empty: what stands there otherwise could be anything. The bank's own words are sealed.
    """

    class What(models.TextChoices):
        REJECTED = "rejected", _("rejected by the bank")
        RETURNED = "returned", _("returned after payment")
        CHANGED = "changed", _("paid, with corrected bank details for the next time")
        CALLED_BACK = "called_back", _("a collected payment is called back; the statement will take it")
        NOT_OURS = "not_ours", _("about a payment that is not ours, or of another amount")

    id = models.BigAutoField(primary_key=True)
    file = models.ForeignKey(BankFile, on_delete=models.PROTECT, related_name="answers")
    identity = models.CharField(max_length=64, unique=True)
    what = models.CharField(max_length=12, choices=What)
    code = models.CharField(max_length=8, blank=True)
    reference = models.CharField(max_length=14, blank=True)
    line = models.ForeignKey(
        PayoutLine, null=True, on_delete=models.PROTECT, db_constraint=False, related_name="answers"
    )
    sealed = SealedColumn(row="identity")
    dealt_with_at = models.DateTimeField(null=True)
    dealt_with_by = models.CharField(max_length=80, blank=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="bank_answer_what",
                condition=Q(what__in=["called_back", "not_ours"], line=None)
                | Q(what__in=["rejected", "returned", "changed"], line__isnull=False),
            ),
            models.CheckConstraint(
                name="bank_answer_dealt_with_by_someone",
                condition=Q(dealt_with_at=None, dealt_with_by="")
                | Q(dealt_with_at__isnull=False) & ~Q(dealt_with_by=""),
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="bank_answer_facts", exclude=["sealed", "dealt_with_at", "dealt_with_by"]),
            pgtrigger.Protect(name="bank_answer_stays", operation=pgtrigger.Delete),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(dealt_with_at=None), name="bank_answer_waiting")]

    def __str__(self) -> str:
        return f"bank answer {self.pk}"
