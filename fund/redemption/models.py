"""Windows in which units are redeemed, who asks for it, what was decided and what each got (D31).

A standing request has its units on *hold*: a pending transfer of the ledger, so that the card itself refuses a second
request for the same units. Each line of a window is one holder's, since a holder has one standing request of a class.
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import UUID7, Now
from django.utils.translation import gettext_lazy as _

from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.money import Currency, Money, Price
from fund.units import UnitClass

TERMS = """jsonb_build_array(
    NEW.code, NEW.unit_class_id, NEW.opens_at AT TIME ZONE 'UTC', NEW.closes_at AT TIME ZONE 'UTC', NEW.dealing_day,
    NEW.cap_percent, NEW.charge_percent)"""


class RedemptionWindow(models.Model):
    """A window of one class: requests are taken from ``opens_at`` to ``closes_at``, which is the notice deadline.

    They are priced at ``dealing_day``, after the close. Of the class's net assets of that day ``cap_percent`` at most
    is redeemed; of units held for less than a year ``charge_percent`` of their worth stays in the class. Both stand in
    the terms from the announcement on. ``proposal`` is the act that the present state rests on.
    """

    class State(models.TextChoices):
        ANNOUNCED = "announced", _("announced")
        OPEN = "open", _("open for requests")
        CLOSED = "closed", _("closed for requests")
        DECIDED = "decided", _("decided")
        SETTLED = "settled", _("settled")
        CANCELLED = "cancelled", _("cancelled")

    code = models.CharField(primary_key=True, max_length=20)
    unit_class = models.ForeignKey(UnitClass, on_delete=models.PROTECT, related_name="+")
    state = models.CharField(max_length=9, choices=State, default=State.ANNOUNCED)
    opens_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    dealing_day = models.DateField()
    cap_percent = models.DecimalField(max_digits=9, decimal_places=6)
    charge_percent = models.DecimalField(max_digits=9, decimal_places=6)
    terms_digest = models.BinaryField(max_length=32, editable=False)
    proposal = models.ForeignKey(Proposal, null=True, on_delete=models.PROTECT, related_name="+")
    announced_at = models.DateTimeField()

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="redemption_window_code", condition=Q(code__regex=r"^[A-Z0-9][A-Z0-9-]{1,19}$")
            ),
            models.CheckConstraint(
                name="redemption_window_state",
                condition=Q(state__in=["announced", "open", "closed", "decided", "settled", "cancelled"]),
            ),
            models.CheckConstraint(name="redemption_window_instants", condition=Q(opens_at__lt=F("closes_at"))),
            models.CheckConstraint(
                name="redemption_window_percents",
                condition=Q(cap_percent__gt=0, cap_percent__lte=100, charge_percent__gte=0, charge_percent__lte=100),
            ),
            models.UniqueConstraint(
                fields=["unit_class"],
                condition=Q(state__in=["open", "closed", "decided"]),
                name="redemption_window_one_at_a_time",
            ),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="digest_of_window",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func=f"NEW.terms_digest := sha256(convert_to({TERMS}::text, 'UTF8')); RETURN NEW;",
            ),
            pgtrigger.Trigger(
                name="redemption_window_moves",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="""
                IF TG_OP = 'INSERT' THEN
                    IF NEW.state <> 'announced' THEN
                        RAISE EXCEPTION 'a window begins announced' USING ERRCODE = 'restrict_violation';
                    END IF;
                ELSIF OLD.state <> NEW.state AND (OLD.state, NEW.state) NOT IN (
                        ('announced', 'open'), ('open', 'closed'), ('closed', 'decided'), ('decided', 'settled'),
                        ('announced', 'cancelled'), ('open', 'cancelled'), ('closed', 'cancelled'))
                   OR NEW.terms_digest <> OLD.terms_digest THEN
                    RAISE EXCEPTION 'window % cannot change so after it was %', OLD.code, OLD.state
                        USING ERRCODE = 'restrict_violation';
                ELSIF OLD.state = 'closed' AND NEW.state = 'decided'
                  AND NOT EXISTS (SELECT FROM fund_redemptiondecision WHERE window_id = NEW.code) THEN
                    RAISE EXCEPTION 'window % has no approved decision', OLD.code USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            two_keys_trigger(
                Kind.WINDOW,
                when="NEW.state = 'open' AND OLD.state = 'announced'",
                subject="NEW.code",
                facts="jsonb_build_object('window', NEW.code, 'terms', encode(NEW.terms_digest, 'hex'))",
            ),
            two_keys_trigger(
                Kind.WINDOW_CANCEL,
                when="NEW.state = 'cancelled' AND OLD.state <> 'cancelled'",
                subject="NEW.code",
                facts="jsonb_build_object('window', NEW.code)",
            ),
            pgtrigger.Protect(name="redemption_window_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def currency(self) -> Currency:
        return Currency(self.unit_class.currency)

    def money(self, amount: int) -> Money:
        """Minor units in the currency of the class."""
        return Money(amount, self.currency)


class Redemption(models.Model):
    """A holder's request to redeem ``units`` smallest units, of which ``filled`` are redeemed (D31).

    It stands (``placed``) until it is withdrawn or filled and takes part in every window of its class that closes after
    ``received_at``, the instant that counts (D26). ``hold`` is the event of the pending transfer that keeps what is
    left of it. ``window`` is the one that was open when it was placed.
    """

    class Status(models.TextChoices):
        PLACED = "placed", _("placed")
        WITHDRAWN = "withdrawn", _("withdrawn")
        FILLED = "filled", _("filled")

    id = models.UUIDField(primary_key=True, db_default=UUID7())
    holder_id = models.BigIntegerField()
    unit_class = models.ForeignKey(
        UnitClass, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    window = models.ForeignKey(
        RedemptionWindow, on_delete=models.PROTECT, db_constraint=False, db_index=False, related_name="+"
    )
    units = models.BigIntegerField()
    filled = models.BigIntegerField(default=0)
    hold = models.UUIDField()
    key = models.CharField(max_length=255)
    status = models.CharField(max_length=9, choices=Status, default=Status.PLACED)
    received_at = models.DateTimeField()
    placed_at = models.DateTimeField(db_default=Now(), editable=False)
    ended_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="redemption_units", condition=Q(units__gt=0, filled__gte=0, filled__lte=F("units"))
            ),
            models.CheckConstraint(
                name="redemption_status",
                condition=Q(status="filled", filled=F("units"))
                | (Q(status__in=["placed", "withdrawn"]) & ~Q(filled=F("units"))),
            ),
            models.CheckConstraint(name="redemption_ended", condition=Q(status="placed") ^ Q(ended_at__isnull=False)),
            models.CheckConstraint(name="redemption_key_given", condition=~Q(key="")),
            models.UniqueConstraint(fields=["holder_id", "key"], name="redemption_one_a_key"),
            models.UniqueConstraint(
                fields=["holder_id", "unit_class"], condition=Q(status="placed"), name="redemption_one_standing"
            ),
        ]
        indexes = [models.Index(fields=["unit_class", "id"], condition=Q(status="placed"), name="redemption_queue")]
        triggers = [
            pgtrigger.Trigger(
                name="redemption_moves",
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    """(OLD.status <> 'placed' OR NEW.filled < OLD.filled
                    OR (OLD.id, OLD.holder_id, OLD.unit_class_id, OLD.window_id, OLD.units, OLD.key, OLD.received_at,
                        OLD.placed_at)
                    IS DISTINCT FROM (NEW.id, NEW.holder_id, NEW.unit_class_id, NEW.window_id, NEW.units, NEW.key,
                        NEW.received_at, NEW.placed_at))"""
                ),
                func="""
                RAISE EXCEPTION 'request % is filled or withdrawn while it stands, nothing else', OLD.id
                    USING ERRCODE = 'restrict_violation';
                """,
            ),
            pgtrigger.Protect(name="redemption_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return str(self.pk)

    @property
    def open(self) -> int:
        """Smallest units that are asked for and not redeemed yet."""
        return self.units - self.filled


class RedemptionDecision(models.Model):
    """What both nations decided of a window (D31): at ``price`` all ``asked`` units or, above the cap, ``filled``.

    ``cap`` is minor units of the class: so much of its net assets of the dealing day at most. ``book`` fingerprints the
    requests that took part.
    """

    window = models.OneToOneField(RedemptionWindow, primary_key=True, on_delete=models.PROTECT, related_name="decision")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="+")
    price = models.DecimalField(max_digits=18, decimal_places=4)
    cap = models.BigIntegerField()
    requests = models.BigIntegerField()
    asked = models.BigIntegerField()
    filled = models.BigIntegerField()
    book = models.BinaryField(max_length=32)
    decided_at = models.DateTimeField()
    settled_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="redemption_decision_signs",
                condition=Q(price__gt=0, cap__gte=0, requests__gte=0, filled__gte=0, filled__lte=F("asked")),
            ),
        ]
        triggers = [
            two_keys_trigger(
                Kind.REDEMPTION,
                when="TG_OP = 'INSERT'",
                subject="NEW.window_id",
                facts=(
                    "jsonb_build_object('window', NEW.window_id, 'price', NEW.price::text, 'cap', NEW.cap::text,"
                    " 'requests', NEW.requests::text, 'asked', NEW.asked::text, 'filled', NEW.filled::text,"
                    " 'book', encode(NEW.book, 'hex'))"
                ),
            ),
            pgtrigger.ReadOnly(name="redemption_decision_stands", exclude=["settled_at"]),
            pgtrigger.Protect(name="redemption_decision_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"decision of {self.window_id}"

    def priced(self) -> Price:
        """What a lot is redeemed at."""
        return self.window.unit_class.price(self.price)


class RedemptionLine(models.Model):
    """One request in one window; ``id`` is the event of its ledger entry. Units are smallest, money minor units.

    ``asked`` was open when the window was decided, ``filled`` is its part. Once settled: ``gross`` is their worth,
    ``charge`` what stays in the class for the ``charged_units`` that were held for less than a year, ``cost`` what they
    had cost on average (個別元本), which leaves with them. The holder gets ``gross`` − ``charge``. For the year of tax:
    ``long_units`` were held for more than a year (IRC §1222), and how the holder was taxed when it was settled.
    """

    id = models.UUIDField(primary_key=True, db_default=UUID7())
    window = models.ForeignKey(RedemptionWindow, on_delete=models.PROTECT, db_index=False, related_name="lines")
    request = models.ForeignKey(Redemption, on_delete=models.PROTECT, db_constraint=False, related_name="lines")
    holder_id = models.BigIntegerField()
    asked = models.BigIntegerField()
    filled = models.BigIntegerField()
    gross = models.BigIntegerField(null=True)
    charged_units = models.BigIntegerField(null=True)
    charge = models.BigIntegerField(null=True)
    cost = models.BigIntegerField(null=True)
    long_units = models.BigIntegerField(null=True)
    us_person = models.BooleanField(null=True)
    jp_resident = models.BooleanField(null=True)
    settled_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="redemption_line_share", condition=Q(asked__gt=0, filled__gte=0, filled__lte=F("asked"))
            ),
            models.CheckConstraint(
                name="redemption_line_settled_whole",
                condition=Q(
                    settled_at=None,
                    gross=None,
                    charged_units=None,
                    charge=None,
                    cost=None,
                    long_units=None,
                    us_person=None,
                    jp_resident=None,
                )
                | Q(
                    settled_at__isnull=False,
                    gross__gte=0,
                    charge__gte=0,
                    charge__lte=F("gross"),
                    charged_units__gte=0,
                    charged_units__lte=F("filled"),
                    cost__isnull=False,
                    long_units__gte=0,
                    long_units__lte=F("filled") - F("charged_units"),
                    us_person__isnull=False,
                    jp_resident__isnull=False,
                ),
            ),
            models.UniqueConstraint(fields=["window", "holder_id"], name="redemption_line_one_a_holder"),
        ]
        indexes = [
            models.Index(fields=["window", "holder_id"], condition=Q(settled_at=None), name="redemption_line_to_settle")
        ]
        triggers = [
            pgtrigger.Trigger(
                name="redemption_line_moves",
                when=pgtrigger.After,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    """(OLD.settled_at IS NOT NULL
                    OR (OLD.id, OLD.window_id, OLD.request_id, OLD.holder_id, OLD.asked, OLD.filled)
                    IS DISTINCT FROM (NEW.id, NEW.window_id, NEW.request_id, NEW.holder_id, NEW.asked, NEW.filled))"""
                ),
                func="""
                RAISE EXCEPTION 'the share % is settled once, nothing else', OLD.id
                    USING ERRCODE = 'restrict_violation';
                """,
            ),
            pgtrigger.Protect(name="redemption_line_stays", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.request_id} in {self.window_id}"

    @property
    def paid(self) -> int | None:
        """What the holder gets, in minor units; None before the settlement."""
        return None if self.gross is None or self.charge is None else self.gross - self.charge
