"""Units that pass from one citizen to another, by gift or on a death (D32): the line that moves, its lots, the estate.

A line that stands has its units on *hold*, as a request to redeem has: a pending transfer of the ledger, so that the
giver's own card refuses what is given twice. It is itself the event of its entry in the book.
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import UUID7, Now
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.money import Currency, Money
from fund.units import UnitClass


class Refusing(models.TextChoices):
    """Why units do not pass after all, in words for both sides."""

    PAPERS = "papers", _("The documents do not show what they have to show.")
    NOT_A_GIFT = "not_a_gift", _("What is asked for is no gift.")
    DOUBTS = "doubts", _("There are doubts about who asks, or whether it is done freely.")
    MISTAKEN = "mistaken", _("The case was opened by mistake.")
    NOT_ELIGIBLE = "not_eligible", _("The recipient cannot receive units at this time.")
    OVER_THE_CAP = "over_the_cap", _("The recipient would hold more than one citizen can hold.")
    ESTATE = "estate", _("The case of an estate was opened.")


class Estate(models.Model):
    """What a deceased holder leaves (D32). While it is open, nothing leaves that holder's account.

    Opened by an officer from documents, and settled when all its lines have moved, or refused. A holder has one open
    estate; what comes to the account after it was settled is another one's.
    """

    class State(models.TextChoices):
        OPEN = "open", _("being settled")
        SETTLED = "settled", _("passed to the heirs")
        REFUSED = "refused", _("refused")

    id = models.UUIDField(primary_key=True, db_default=UUID7())
    holder_id = models.BigIntegerField()
    state = models.CharField(max_length=8, choices=State, default=State.OPEN)
    reason = models.CharField(max_length=16, choices=Refusing, blank=True)
    opened_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="estate_state",
                condition=Q(state="open", ended_at=None, reason="")
                | Q(state="settled", ended_at__isnull=False, reason="")
                | (Q(state="refused", ended_at__isnull=False) & ~Q(reason="")),
            ),
            models.UniqueConstraint(fields=["holder_id"], condition=Q(state="open"), name="estate_one_open"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="estate_moves",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func="""
                IF OLD.state <> 'open' OR (OLD.id, OLD.holder_id, OLD.opened_at)
                   IS DISTINCT FROM (NEW.id, NEW.holder_id, NEW.opened_at) THEN
                    RAISE EXCEPTION 'an estate is settled or refused while it is open, nothing else'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            pgtrigger.Protect(name="estate_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return str(self.pk)


class Conveyance(models.Model):
    """``units`` smallest units that pass from ``holder_id`` to ``recipient_id``, as a gift or out of an ``estate``.

    A gift is offered, and accepted or declined by the recipient; an heir accepts nothing here. Approved by both nations
    it moves at once, or as soon as it can. ``hold`` is the event of the pending transfer. Once moved: ``cost`` is what
    the units had cost the giver on average (個別元本), which goes with them, and ``worth`` their worth at the latest
    price, both in minor units of the class; ``snapshot`` names what of the book the cost was read from.
    """

    class State(models.TextChoices):
        OFFERED = "offered", _("offered")
        ACCEPTED = "accepted", _("waits for both keys")
        APPROVED = "approved", _("approved")
        MOVED = "moved", _("passed on")
        WITHDRAWN = "withdrawn", _("withdrawn")
        DECLINED = "declined", _("declined")
        REFUSED = "refused", _("refused")

    id = models.UUIDField(primary_key=True, db_default=UUID7())
    estate = models.ForeignKey(Estate, null=True, on_delete=models.PROTECT, db_constraint=False, related_name="lines")
    holder_id = models.BigIntegerField()
    recipient_id = models.BigIntegerField()
    unit_class = models.ForeignKey(UnitClass, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    units = models.BigIntegerField()
    state = models.CharField(max_length=9, choices=State, default=State.OFFERED)
    reason = models.CharField(max_length=16, choices=Refusing, blank=True)
    hold = models.UUIDField(db_default=UUID7())
    key = models.CharField(max_length=255)
    proposal = models.ForeignKey(Proposal, null=True, on_delete=models.PROTECT, related_name="+")
    cost = models.BigIntegerField(null=True)
    worth = models.BigIntegerField(null=True)
    snapshot = models.TextField(blank=True, editable=False)
    placed_at = models.DateTimeField(db_default=Now(), editable=False)
    offered_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(name="conveyance_units", condition=Q(units__gt=0)),
            models.CheckConstraint(name="conveyance_to_another", condition=~Q(holder_id=F("recipient_id"))),
            models.CheckConstraint(name="conveyance_key_given", condition=~Q(key="")),
            models.CheckConstraint(
                name="conveyance_state",
                condition=Q(state__in=["offered", "accepted", "approved"], ended_at=None, cost=None, worth=None)
                | Q(state__in=["withdrawn", "declined", "refused"], ended_at__isnull=False, cost=None, worth=None)
                | Q(state="moved", ended_at__isnull=False, cost__isnull=False, worth__gte=0),
            ),
            models.CheckConstraint(name="conveyance_reason", condition=Q(state="refused") ^ Q(reason="")),
            models.CheckConstraint(name="conveyance_accepted", condition=Q(state="accepted", answered_at__isnull=False)
                                   | ~Q(state="accepted")),
            models.UniqueConstraint(fields=["holder_id", "key"], name="conveyance_one_a_key"),
        ]  # fmt: skip
        indexes = [
            models.Index(fields=["recipient_id", "id"], name="conveyance_recipient"),
            models.Index(fields=["holder_id", "id"], name="conveyance_holder"),
            models.Index(
                fields=["state", "id"], condition=Q(state__in=["offered", "accepted", "approved"]),
                name="conveyance_standing",
            ),
        ]  # fmt: skip
        triggers = [
            pgtrigger.Trigger(
                name="conveyance_moves",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                IF TG_OP = 'INSERT' THEN
                    IF NEW.state <> (CASE WHEN NEW.estate_id IS NULL THEN 'offered' ELSE 'accepted' END) THEN
                        RAISE EXCEPTION 'a gift begins offered, a line of an estate accepted'
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                ELSIF (OLD.state, NEW.state) NOT IN (
                        ('offered', 'accepted'), ('offered', 'declined'), ('offered', 'withdrawn'),
                        ('offered', 'refused'), ('accepted', 'declined'), ('accepted', 'withdrawn'),
                        ('accepted', 'refused'), ('accepted', 'approved'), ('approved', 'moved'),
                        ('approved', 'refused'))
                   OR OLD.state = 'approved' AND OLD.proposal_id IS DISTINCT FROM NEW.proposal_id
                   OR (OLD.id, OLD.estate_id, OLD.holder_id, OLD.recipient_id, OLD.unit_class_id, OLD.units, OLD.hold,
                       OLD.key, OLD.placed_at, OLD.offered_at)
                   IS DISTINCT FROM (NEW.id, NEW.estate_id, NEW.holder_id, NEW.recipient_id, NEW.unit_class_id,
                       NEW.units, NEW.hold, NEW.key, NEW.placed_at, NEW.offered_at) THEN
                    RAISE EXCEPTION 'line % cannot change so after it was %', OLD.id, OLD.state
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            two_keys_trigger(
                Kind.TRANSFER,
                when="NEW.state = 'approved' AND OLD.state = 'accepted'",
                subject="coalesce(NEW.estate_id, NEW.id)::text",
                facts=(
                    "jsonb_build_object('from', NEW.holder_id::text, 'lines', jsonb_build_array(jsonb_build_object("
                    "'line', NEW.id::text, 'to', NEW.recipient_id::text, 'class', NEW.unit_class_id,"
                    " 'units', NEW.units::text)))"
                ),
            ),
            pgtrigger.Protect(name="conveyance_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def subject(self) -> str:
        """What both nations approve: the gift, or the whole estate."""
        return str(self.estate_id or self.pk)

    @property
    def standing(self) -> bool:
        """Whether it has not ended: its units are on hold."""
        return self.ended_at is None

    def money(self, amount: int) -> Money:
        """Minor units in the currency of the class."""
        return Money(amount, Currency(self.unit_class.currency))


class ConveyedLot(AppendOnly):
    """When units of a line were bought, by whoever bought them: ``units`` of them at ``bought_at``.

    The oldest that the giver had, first in, first out; the recipient's early-exit charge counts from the same day.
    """

    id = models.BigAutoField(primary_key=True)
    conveyance = models.ForeignKey(
        Conveyance, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="lots"
    )
    bought_at = models.DateTimeField()
    units = models.BigIntegerField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="conveyed_lot_units", condition=Q(units__gt=0)),
            models.UniqueConstraint(fields=["conveyance", "bought_at"], name="conveyed_lot_once"),
        ]

    def __str__(self) -> str:
        return f"{self.units} of {self.bought_at:%Y-%m-%d}"
