"""What a regular plan is (積立, D30), and its turns: one row a plan and month."""

from calendar import monthrange
from datetime import date
from typing import Self

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import UUID7
from django.utils.translation import gettext_lazy as _

from fund.money import Currency, Money
from fund.units import UnitClass
from investors.people import Investor

LAST_DAY = 31  # the last day of a month that is shorter


class Plan(models.Model):
    """An order every month: ``amount`` in minor units of the class's currency, on ``day`` of the month.

    A day that a month does not have is its last one. ``key`` is the citizen's own for beginning it, so that twice is
    once.
    """

    class State(models.TextChoices):
        ACTIVE = "active", _("under way")
        PAUSED = "paused", _("paused")
        ENDED = "ended", _("ended")

    id = models.UUIDField(primary_key=True, db_default=UUID7(), editable=False)
    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="plans")
    unit_class = models.ForeignKey(UnitClass, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    day = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=6, choices=State, default=State.ACTIVE)
    key = models.CharField(max_length=255)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    latest: "list[PlanTurn]"  # as ``plans.of`` reads them, the last month first
    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["investor", "key"], name="plan_begun_once"),
            models.CheckConstraint(name="plan_amount", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="plan_day", condition=Q(day__range=(1, LAST_DAY))),
            models.CheckConstraint(
                name="plan_state",
                condition=Q(state__in=["active", "paused"], ended_at=None) | Q(state="ended", ended_at__isnull=False),
            ),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="plan_stays", exclude=["amount", "day", "state", "ended_at"]),
            pgtrigger.Protect(
                name="plan_ended_is_ended",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("(OLD.state = 'ended')"),
            ),
            pgtrigger.Protect(name="plan_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"plan {self.pk}"

    @property
    def money(self) -> Money:
        """What is ordered each month."""
        return Money(self.amount, Currency(self.unit_class.currency))

    def next_turn(self) -> "PlanTurn | None":
        """The turn that is to come or under way, of the ``latest``; None for a plan that does not go on."""
        if self.state != self.State.ACTIVE:
            return None
        return next((one for one in self.latest if one.state == PlanTurn.State.WAITING), None)


class Reason(models.TextChoices):
    """Why there is no order, as a stable code and in words."""

    NO_OFFERING = "no_offering", _("No offering of these units was open.")
    AGREEMENTS_MISSING = "agreements_missing", _("The documents of the offering were not accepted.")
    NOT_ELIGIBLE = "not_eligible", _("Your verification had ended, or your registration was being checked.")
    OVER_THE_CAP = "over_the_cap", _("With the order you would have passed what one citizen can hold.")
    BELOW_MINIMUM = "below_minimum", _("The amount was below the smallest order of the offering.")
    NOT_IN_STEPS = "not_in_steps", _("The amount did not fit the steps of the offering.")
    ABOVE_ORDER_MAXIMUM = "above_order_maximum", _("The amount was above the largest order of the offering.")
    ABOVE_MAXIMUM = "above_maximum", _("All your orders in the offering together would have been too large.")
    RATE_UNKNOWN = "rate_unknown", _("There was no exchange rate to count what you hold.")
    PLAN_ENDED = "plan_ended", _("The plan was ended.")
    REFUSED = "refused", _("The order was refused.")

    @classmethod
    def of(cls, code: str) -> Self:
        """The reason of a refusal with this code."""
        return cls(code) if code in cls.values else cls.REFUSED


class PlanTurn(models.Model):
    """One month of a plan: it waits from ``due_at`` on, until it has made an order or is skipped with a reason.

    ``month`` is its first day. A turn is under way until ``over_at``, when the month ends where the citizen is;
    ``due_at`` is when to look at it next. A plan has one turn that waits, the next one; what has ended never changes.
    A turn that waits with a reason has met it already, and the citizen was told.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("to come")
        ORDERED = "ordered", _("ordered")
        SKIPPED = "skipped", _("skipped")

    id = models.BigAutoField(primary_key=True)
    plan = models.ForeignKey(Plan, on_delete=models.PROTECT, related_name="turns")
    month = models.DateField()
    due_at = models.DateTimeField()
    over_at = models.DateTimeField()
    state = models.CharField(max_length=7, choices=State, default=State.WAITING)
    reason = models.CharField(max_length=20, choices=Reason, blank=True)
    order_reference = models.CharField(max_length=25, blank=True)
    ended_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["plan", "month"], name="plan_turn_once_a_month"),
            models.UniqueConstraint(fields=["plan"], condition=Q(state="waiting"), name="plan_turn_one_waits"),
            models.CheckConstraint(name="plan_turn_month", condition=Q(month__day=1)),
            models.CheckConstraint(
                name="plan_turn_state",
                condition=Q(state="waiting", order_reference="", ended_at=None, reason__in=["", "agreements_missing"])
                | (Q(state="ordered", reason="", ended_at__isnull=False) & ~Q(order_reference=""))
                | (Q(state="skipped", order_reference="", ended_at__isnull=False) & ~Q(reason="")),
            ),
        ]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="waiting"), name="plan_turn_due")]
        triggers = [
            pgtrigger.ReadOnly(name="plan_turn_of_its_plan", fields=["plan"]),
            pgtrigger.Protect(
                name="plan_turn_ended_stays",
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition("(OLD.state <> 'waiting')"),
            ),
            pgtrigger.Protect(name="plan_turn_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.month:%Y-%m} of plan {self.plan_id}"

    @property
    def day(self) -> date:
        """The plan's day in this month."""
        return day_in(self.month, self.plan.day)


def day_in(month: date, day: int) -> date:
    """A day of a month, given by its first one; the last day of a month that is shorter."""
    return month.replace(day=min(day, monthrange(month.year, month.month)[1]))
