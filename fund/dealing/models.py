"""What is offered, who ordered, who was allotted what (D24–D29).

Orders come by the million, so an order, its applicant and its line carry no enforced keys to each other or to the
offering: placing would make every citizen share a lock on the offering's row. ``settlement.prove`` checks them as sets.
An order changes by its status alone; which moves there are is the database's knowledge, here as ``MOVES``.
"""

from datetime import timedelta
from typing import Self

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.functions import RandomUUID
from django.db import models
from django.db.models import F, Func, Q
from django.db.models.functions import UUID7, Mod, Now
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.envelope import SealedColumn
from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.money import Currency, Money, Price
from fund.payments import receipts
from fund.payments.models import BankAccount
from fund.units import UnitClass

# The instants are digested as they were approved, without what outages moved them by; terms that an offering does not
# have are left out.
TERMS = """jsonb_build_array(
    NEW.code, NEW.unit_class_id, NEW.name_en, NEW.name_ja, NEW.summary_en, NEW.summary_ja, NEW.capacity, NEW.minimum,
    NEW.step, NEW.maximum, NEW.lot, NEW.price_basis, NEW.fixed_price, NEW.dealing_day, NEW.opens_at AT TIME ZONE 'UTC',
    (NEW.closes_at - NEW.extension) AT TIME ZONE 'UTC', (NEW.pay_by - NEW.extension) AT TIME ZONE 'UTC',
    to_jsonb(NEW.agreements), encode(NEW.seed_commitment, 'hex'))
    || CASE WHEN NEW.order_maximum IS NULL THEN '[]' ELSE jsonb_build_array('order_maximum', NEW.order_maximum) END
    || CASE WHEN NEW.issue = '' THEN '[]'
            ELSE jsonb_build_array('issue', NEW.issue, NEW.hands_over, NEW.usd_jpy, NEW.usd_jpy_day) END"""


# An instant of a row as payloads say it, to compare with them.
ISO = """to_char(NEW.{0} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')"""


def sha256(column: str) -> Func:
    """SHA-256 of a binary column, by the database."""
    return Func(F(column), function="sha256", output_field=models.BinaryField())


def pairs(*moves: tuple[str, str]) -> str:
    """Moves of a status as an SQL list of rows."""
    return ", ".join(f"('{old}', '{new}')" for old, new in moves)


class Offering(models.Model):
    """An offering of one class (D24). Money in minor units of the class's currency; everything is whole lots.

    ``terms_digest`` is computed by the database from every term. ``proposal`` is the approved act that the present
    state rests on: the opening, an extension, or the cancellation. ``seed`` of the ballot stands sealed until the
    allotment reveals it; ``seed_commitment`` is its SHA-256, published with the announcement (D28).
    ``maximum`` is over all orders of one citizen, ``order_maximum`` (None: the same) of each of them.
    Offerings of one ``issue`` are its tranches, one a class: where ``hands_over``, what this one leaves unsold passes
    to the other at ``usd_jpy``, the reference rate of ``usd_jpy_day`` in yen per dollar (``fund.dealing.handover``).
    ``closes_at`` and ``pay_by`` hold as they stand; ``extension`` is how far outages moved them (D26).
    """

    class State(models.TextChoices):
        ANNOUNCED = "announced", _("announced")
        OPEN = "open", _("open")
        CLOSED = "closed", _("closed")
        ALLOTTED = "allotted", _("allotted")
        SETTLED = "settled", _("settled")
        CANCELLED = "cancelled", _("cancelled")

    class Basis(models.TextChoices):
        FIXED = "fixed", _("fixed price")
        FORWARD = "forward", _("price of the dealing day")

    code = models.CharField(primary_key=True, max_length=20)
    unit_class = models.ForeignKey(UnitClass, on_delete=models.PROTECT, related_name="offerings")
    name_en = models.CharField(max_length=120)
    name_ja = models.CharField(max_length=120)
    summary_en = models.TextField()
    summary_ja = models.TextField()
    state = models.CharField(max_length=9, choices=State, default=State.ANNOUNCED)
    capacity = models.BigIntegerField()
    minimum = models.BigIntegerField()
    step = models.BigIntegerField()
    maximum = models.BigIntegerField()
    order_maximum = models.BigIntegerField(null=True)
    lot = models.BigIntegerField()
    price_basis = models.CharField(max_length=7, choices=Basis)
    fixed_price = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    dealing_day = models.DateField()
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    pay_by = models.DateTimeField()
    agreements = ArrayField(models.CharField(max_length=40))
    issue = models.CharField(max_length=20, blank=True, default="")
    hands_over = models.BooleanField(default=False)
    usd_jpy = models.DecimalField(max_digits=12, decimal_places=4, null=True)
    usd_jpy_day = models.DateField(null=True)
    extension = models.DurationField(default=timedelta(0))
    seed_commitment = models.BinaryField(max_length=32)
    sealed_seed = SealedColumn()
    seed = models.BinaryField(max_length=32, null=True)
    terms_digest = models.BinaryField(max_length=32, editable=False)
    proposal = models.ForeignKey(Proposal, null=True, on_delete=models.PROTECT, related_name="+")
    announced_at = models.DateTimeField()

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(name="offering_code", condition=Q(code__regex=r"^[A-Z0-9][A-Z0-9-]{1,19}$")),
            models.CheckConstraint(
                name="offering_state",
                condition=Q(state__in=["announced", "open", "closed", "allotted", "settled", "cancelled"]),
            ),
            models.CheckConstraint(
                name="offering_signs",
                condition=Q(lot__gt=0, step__gt=0, minimum__gt=0, capacity__gt=0, maximum__gte=F("minimum")),
            ),
            models.CheckConstraint(
                name="offering_capacity_in_lots", condition=Q(capacity=F("capacity") - Mod("capacity", "lot"))
            ),
            models.CheckConstraint(
                name="offering_minimum_in_lots", condition=Q(minimum=F("minimum") - Mod("minimum", "lot"))
            ),
            models.CheckConstraint(name="offering_step_in_lots", condition=Q(step=F("step") - Mod("step", "lot"))),
            models.CheckConstraint(
                name="offering_instants", condition=Q(opens_at__lt=F("closes_at"), closes_at__lte=F("pay_by"))
            ),
            models.CheckConstraint(
                name="offering_price",
                condition=Q(price_basis="fixed", fixed_price__gt=0) | Q(price_basis="forward", fixed_price=None),
            ),
            models.CheckConstraint(
                name="offering_order_maximum",
                condition=Q(order_maximum=None) | Q(order_maximum__gte=F("minimum"), order_maximum__lte=F("maximum")),
            ),
            models.CheckConstraint(
                name="offering_of_an_issue_has_its_rate",
                condition=Q(issue="", hands_over=False, usd_jpy=None, usd_jpy_day=None)
                | (~Q(issue="") & Q(usd_jpy__gt=0, usd_jpy_day__isnull=False)),
            ),
            models.UniqueConstraint(
                fields=["issue", "unit_class"], condition=~Q(issue=""), name="offering_one_a_class_in_an_issue"
            ),
            models.CheckConstraint(name="offering_extension", condition=Q(extension__gte=timedelta(0))),
            models.CheckConstraint(
                name="offering_seed_revealed_with_the_allotment",
                condition=Q(state__in=["allotted", "settled"], seed_commitment=sha256("seed"), seed__isnull=False)
                | (Q(seed=None) & ~Q(state__in=["allotted", "settled"])),
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="digest_of_terms",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=f"NEW.terms_digest := sha256(convert_to({TERMS}::text, 'UTF8')); RETURN NEW;",
            ),
            pgtrigger.Trigger(
                name="offering_moves",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                IF TG_OP = 'INSERT' THEN
                    IF NEW.state <> 'announced' OR NEW.extension <> '0' THEN
                        RAISE EXCEPTION 'an offering begins announced' USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF EXISTS (SELECT FROM fund_offering
                                WHERE issue = NEW.issue AND issue <> ''
                                  AND (usd_jpy, usd_jpy_day) IS DISTINCT FROM (NEW.usd_jpy, NEW.usd_jpy_day)) THEN
                        RAISE EXCEPTION 'the tranches of % state one rate', NEW.issue
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                ELSIF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
                        ('announced', 'open'), ('open', 'closed'), ('closed', 'allotted'), ('allotted', 'settled'),
                        ('announced', 'cancelled'), ('open', 'cancelled'), ('closed', 'cancelled'))
                        AND NOT ((OLD.state, NEW.state) = ('closed', 'open') AND NEW.extension > OLD.extension)
                   OR NEW.seed_commitment <> OLD.seed_commitment
                   OR NEW.extension < OLD.extension
                   OR NEW.extension > OLD.extension AND OLD.state NOT IN ('open', 'closed')
                   OR OLD.state <> 'announced' AND NEW.terms_digest <> OLD.terms_digest THEN
                    RAISE EXCEPTION 'offering % cannot change so after it was %', OLD.code, OLD.state
                        USING ERRCODE = 'restrict_violation';
                ELSIF OLD.state = 'closed' AND NEW.state = 'allotted'
                  AND NOT EXISTS (SELECT FROM fund_allotment WHERE offering_id = NEW.code) THEN
                    RAISE EXCEPTION 'offering % has no approved allotment', OLD.code
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            two_keys_trigger(
                Kind.OFFERING,
                when="NEW.state = 'open' AND OLD.state = 'announced'",
                subject="NEW.code",
                facts="jsonb_build_object('offering', NEW.code, 'terms', encode(NEW.terms_digest, 'hex'))",
            ),
            two_keys_trigger(
                Kind.OUTAGE,
                when="TG_OP = 'UPDATE' AND NEW.extension <> OLD.extension",
                subject="'outage'",
                facts=(
                    "jsonb_build_object('extensions', jsonb_build_object(NEW.code, jsonb_build_object("
                    f"'closes_at', {ISO.format('closes_at')}, 'pay_by', {ISO.format('pay_by')})))"
                ),
            ),
            two_keys_trigger(
                Kind.CANCELLATION,
                when="NEW.state = 'cancelled' AND OLD.state <> 'cancelled'",
                subject="NEW.code",
                facts="jsonb_build_object('offering', NEW.code)",
            ),
            pgtrigger.Protect(name="offering_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def currency(self) -> Currency:
        return Currency(self.unit_class.currency)

    def money(self, amount: int) -> Money:
        """Minor units in the currency of this offering."""
        return Money(amount, self.currency)

    @property
    def capacity_lots(self) -> int:
        """Its own, without what another tranche hands over."""
        return self.capacity // self.lot

    @property
    def largest_order(self) -> int:
        return self.maximum if self.order_maximum is None else self.order_maximum

    @cached_property
    def payment_account(self) -> BankAccount:
        """Where its orders are paid to. Raises BankAccount.DoesNotExist."""
        return receipts.payment_account(currency=self.currency)

    @property
    def price(self) -> Price | None:
        """The fixed price; None where the dealing day will make it."""
        return None if self.fixed_price is None else self.unit_class.price(self.fixed_price)


class Applicant(models.Model):
    """One citizen in one offering, under a random public ``ticket``; the row is the lock of that citizen's orders."""

    pk = models.CompositePrimaryKey("offering_id", "holder_id")
    offering_id = models.CharField(max_length=20)
    holder_id = models.BigIntegerField()
    ticket = models.UUIDField(db_default=RandomUUID(), editable=False)

    app_may = ("SELECT", "INSERT", "UPDATE")  # UPDATE is what SELECT … FOR UPDATE asks for

    class Meta:
        constraints = [models.UniqueConstraint(fields=["offering_id", "ticket"], name="applicant_ticket")]
        triggers = [pgtrigger.Protect(name="applicant_stays", operation=pgtrigger.Update | pgtrigger.Delete)]

    def __str__(self) -> str:
        return f"{self.offering_id} {self.ticket}"


class Status(models.TextChoices):
    """Where an order stands (D25). What an allotment made of it is not written on it again: its line says so."""

    PLACED = "placed", _("placed")
    FUNDED = "funded", _("paid")
    WITHDRAWN = "withdrawn", _("withdrawn")
    LAPSED = "lapsed", _("lapsed")
    ALLOTTED = "allotted", _("allotted")
    PART_ALLOTTED = "part_allotted", _("allotted in part")
    UNALLOTTED = "unallotted", _("not allotted")
    SETTLED = "settled", _("settled")


OrderStatus = Status  # under its own name where a class has a Status of its own
ORDERED = (Status.PLACED, Status.FUNDED)
WRITTEN = (*ORDERED, Status.WITHDRAWN, Status.LAPSED, Status.UNALLOTTED)  # the last after a cancellation

MOVES = (
    (Status.PLACED, Status.FUNDED),
    (Status.PLACED, Status.WITHDRAWN),
    (Status.PLACED, Status.LAPSED),
    (Status.FUNDED, Status.PLACED),  # the bank took the payment back
    (Status.FUNDED, Status.WITHDRAWN),
    (Status.FUNDED, Status.UNALLOTTED),  # the offering was cancelled
)


class Orders(models.QuerySet["Subscription"]):
    def with_outcomes(self) -> Self:
        """Each order with ``outcome``, the status that its line gives it; None where it has no line."""
        line = AllotmentLine.objects.filter(order_id=models.OuterRef("pk"), holder_id=models.OuterRef("holder_id"))
        return self.annotate(outcome=models.Subquery(line.values("status")[:1]))


class Subscription(models.Model):
    """An order (D25). ``amount`` is minor units; ``id`` (UUID7, by time) is also the event id of its ledger transfers.

    ``received_at`` is when the request reached us, which is what counts against the close (D26); ``placed_at`` when the
    database wrote it. Withdrawn, lapsed and, after a cancellation, unallotted orders have their money in refunds.
    ``status`` is what the order itself went through: a paid order stays paid. ``standing`` is what a citizen sees.
    """

    id = models.UUIDField(primary_key=True, db_default=UUID7())
    reference = models.CharField(max_length=14, unique=True)
    numeric_reference = models.CharField(max_length=10, unique=True)
    offering = models.ForeignKey(
        Offering, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    holder_id = models.BigIntegerField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3, choices=[(c.value, c.value) for c in Currency])
    key = models.CharField(max_length=255)
    status = models.CharField(max_length=13, choices=Status, default=Status.PLACED)
    received_at = models.DateTimeField()
    placed_at = models.DateTimeField(db_default=Now(), editable=False)
    funded_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    outcome: str | None  # with ``with_outcomes``

    Status = Status
    objects = Orders.as_manager()
    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(name="subscription_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="subscription_currency", condition=Q(currency__in=list(Currency))),
            models.CheckConstraint(name="subscription_status", condition=Q(status__in=list(WRITTEN))),
            models.CheckConstraint(name="subscription_key_given", condition=~Q(key="")),
            models.UniqueConstraint(fields=["holder_id", "key"], name="subscription_one_a_key"),
        ]
        indexes = [models.Index(fields=["offering", "holder_id"], name="subscription_book")]
        triggers = [
            # The condition is judged without calling the function, and after the row, which is then not locked first: a
            # lawful move in bulk costs next to nothing.
            pgtrigger.Trigger(
                name="subscription_moves",
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    f"""((OLD.status, NEW.status) NOT IN ({pairs(*MOVES)})
                    OR (OLD.id, OLD.reference, OLD.numeric_reference, OLD.offering_id, OLD.holder_id, OLD.amount,
                        OLD.currency, OLD.key, OLD.received_at, OLD.placed_at)
                    IS DISTINCT FROM (NEW.id, NEW.reference, NEW.numeric_reference, NEW.offering_id, NEW.holder_id,
                        NEW.amount, NEW.currency, NEW.key, NEW.received_at, NEW.placed_at))"""
                ),
                func="""
                RAISE EXCEPTION 'order % moves on by its status, and not from % to %', OLD.id, OLD.status, NEW.status
                    USING ERRCODE = 'restrict_violation';
                """,
            ),
            pgtrigger.Protect(name="subscription_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.reference

    @property
    def money(self) -> Money:
        return Money(self.amount, Currency(self.currency))

    def line(self) -> "AllotmentLine | None":
        """What the order got; None before its allotment."""
        return AllotmentLine.objects.filter(order_id=self.pk, holder_id=self.holder_id).first()

    @property
    def standing(self) -> OrderStatus:
        """Where the order stands: what a paid order's line says, else its own status.

        One query for a paid order, unless ``with_outcomes``.
        """
        if self.status != Status.FUNDED:
            return Status(self.status)
        if "outcome" not in self.__dict__:
            line = self.line()
            self.outcome = None if line is None else line.status
        return Status(self.outcome or self.status)


class Allotment(models.Model):
    """The approved basis of one offering's allotment (D28): everything that decides each order, as scalars.

    Everybody gets the lots asked for up to ``level``; of those who asked for more, the ones whose draw is at most
    ``cut`` get one more (no ballot: empty). ``book_digest`` fingerprints the funded orders that were approved.
    ``capacity_lots`` is the offering's own capacity, more ``received_lots`` and less ``given_lots`` of another tranche.
    ``price`` is fixed for all orders when the first of them is settled.
    """

    offering = models.OneToOneField(Offering, primary_key=True, on_delete=models.PROTECT, related_name="allotment")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="+")
    applicants = models.BigIntegerField()
    orders = models.BigIntegerField()
    requested_lots = models.BigIntegerField()
    capacity_lots = models.BigIntegerField()
    received_lots = models.BigIntegerField(default=0)
    given_lots = models.BigIntegerField(default=0)
    level = models.BigIntegerField()
    ballot_lots = models.BigIntegerField()
    allotted_lots = models.BigIntegerField()
    book_digest = models.BinaryField(max_length=32)
    cut = models.BinaryField(max_length=32, null=True)
    price = models.DecimalField(max_digits=18, decimal_places=4, null=True)
    published_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="allotment_signs",
                condition=Q(
                    applicants__gte=0,
                    orders__gte=F("applicants"),
                    level__gte=0,
                    ballot_lots__gte=0,
                    capacity_lots__gte=0,
                ),
            ),
            models.CheckConstraint(
                name="allotment_receives_or_gives",
                condition=Q(received_lots=0, given_lots__gte=0) | Q(given_lots=0, received_lots__gte=0),
            ),
            models.CheckConstraint(
                name="allotment_within_capacity", condition=Q(allotted_lots__lte=F("capacity_lots"))
            ),
            models.CheckConstraint(
                name="allotment_within_requests", condition=Q(allotted_lots__lte=F("requested_lots"))
            ),
            models.CheckConstraint(
                name="allotment_ballot_has_a_cut", condition=Q(ballot_lots=0) ^ Q(cut__isnull=False)
            ),
        ]
        triggers = [
            two_keys_trigger(
                Kind.ALLOTMENT,
                subject="NEW.offering_id",
                facts=(
                    "jsonb_build_object('offering', NEW.offering_id, 'level', NEW.level::text,"
                    " 'capacity_lots', NEW.capacity_lots::text, 'allotted_lots', NEW.allotted_lots::text,"
                    " 'received_lots', NEW.received_lots::text, 'given_lots', NEW.given_lots::text,"
                    " 'ballot_lots', NEW.ballot_lots::text, 'book', encode(NEW.book_digest, 'hex'))"
                ),
            ),
            pgtrigger.ReadOnly(name="allotment_basis", exclude=["price", "settled_at"]),
            pgtrigger.Trigger(
                name="allotment_price_stands",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("(OLD.price IS NOT NULL AND NEW.price IS DISTINCT FROM OLD.price)"),
                func="RAISE EXCEPTION 'the price of % stands', OLD.offering_id USING ERRCODE = 'restrict_violation';",
            ),
            pgtrigger.Protect(name="allotment_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"allotment of {self.offering_id}"


class AllotmentLine(models.Model):
    """What one order got. ``allotted`` + ``refund`` = the order's money; ``cost`` + ``rounding`` = ``allotted`` (D21).

    Read only: the ledger's settlement of the order, or while the price is not known its ``WaitingLine``; then
    ``units``, ``cost``, ``rounding`` and ``settled_at`` are empty.
    """

    order_id = models.UUIDField(primary_key=True)
    offering = models.ForeignKey(Offering, on_delete=models.DO_NOTHING, related_name="+")
    holder_id = models.BigIntegerField()
    allotted = models.BigIntegerField()
    refund = models.BigIntegerField()
    units = models.BigIntegerField(null=True)
    cost = models.BigIntegerField(null=True)
    rounding = models.BigIntegerField(null=True)
    status = models.CharField(max_length=13, choices=Status)
    settled_at = models.DateTimeField(null=True)

    app_may = ("SELECT",)

    class Meta:
        managed = False

    def __str__(self) -> str:
        return f"line of {self.order_id}"


class WaitingLine(AppendOnly):
    """What one order is allotted in an offering whose price is still to come."""

    order_id = models.UUIDField(primary_key=True)
    offering = models.ForeignKey(
        Offering, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    holder_id = models.BigIntegerField()
    allotted = models.BigIntegerField()
    refund = models.BigIntegerField()

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="waiting_line_signs", condition=Q(allotted__gte=0, refund__gte=0))]
        indexes = [models.Index(fields=["offering", "holder_id"], name="waiting_line_holder")]

    def __str__(self) -> str:
        return f"waiting line of {self.order_id}"


class SettlementChunk(models.Model):
    """A range of citizens that is settled in one transaction (D29). ``orders`` is how many it must find there."""

    pk = models.CompositePrimaryKey("offering_id", "number")
    offering_id = models.CharField(max_length=20)
    number = models.IntegerField()
    first_holder = models.BigIntegerField()
    last_holder = models.BigIntegerField()
    orders = models.BigIntegerField()
    allotted_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="settlement_chunk_range", condition=Q(first_holder__lte=F("last_holder"), orders__gt=0)
            ),
            models.CheckConstraint(
                name="settlement_chunk_allotted_first", condition=Q(settled_at=None) | Q(allotted_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.offering_id} chunk {self.number}"
