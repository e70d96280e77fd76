"""Officers of the two nations. An officer is a person with a nation; accounts are how that person signs in.

Who is in office, and with which duties, changes by entries (``governance.office``); the site only reads this table.
"""

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from fund.holders import Nation
from fund.refusal import Refusal


class Duty(models.TextChoices):
    """What an officer may do; reading the audit log is part of every duty. Who administers or audits moves no money."""

    ONBOARDING = "onboarding", _("onboarding")
    DEALING = "dealing", _("dealing")
    VALUATION = "valuation", _("valuation")
    PAYMENTS = "payments", _("payments")
    AUDIT = "audit", _("audit")
    ADMINISTRATION = "administration", _("administration")


MONEY = frozenset({Duty.DEALING, Duty.VALUATION, Duty.PAYMENTS})


class NotOnDuty(Refusal):
    """The account belongs to no officer in office with the duty that is asked for."""

    code = "not_on_duty"


class Officer(models.Model):
    """An officer's account. ``person`` is the ministry's number of the person behind it: two keys are two persons.

    ``emergency_duties`` are held until ``emergency_until`` beside the others (``office.break_glass``).
    """

    id = models.BigAutoField(primary_key=True)
    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="officer")
    person = models.CharField(max_length=40)
    nation = models.CharField(max_length=2, choices=Nation)
    name_en = models.CharField(max_length=120)
    name_ja = models.CharField(max_length=120)
    duties = ArrayField(models.CharField(max_length=16, choices=Duty))
    in_office_from = models.DateTimeField(db_default=Now())
    in_office_until = models.DateTimeField(null=True, blank=True)
    emergency_duties = ArrayField(models.CharField(max_length=16, choices=Duty), default=list, db_default=[])
    emergency_until = models.DateTimeField(null=True, blank=True)

    app_may: ClassVar[tuple[str, ...]] = ("SELECT",)

    class Meta:
        constraints = [
            models.CheckConstraint(name="officer_nation", condition=Q(nation__in=["US", "JP"])),
            models.CheckConstraint(
                name="officer_emergency_ends", condition=Q(emergency_duties=[]) ^ Q(emergency_until__isnull=False)
            ),
            models.CheckConstraint(name="officer_person_named", condition=~Q(person="")),
        ]
        indexes = [models.Index(fields=["person"], name="officer_person")]

    def __str__(self) -> str:
        return f"{self.name_en} ({self.nation})"

    @property
    def actor(self) -> str:
        """How the audit log names this officer."""
        return f"officer:{self.pk}"

    def in_office(self, now: datetime) -> bool:
        return self.in_office_from <= now and (self.in_office_until is None or now < self.in_office_until)

    def has(self, duty: Duty) -> bool:
        """By appointment, or for an emergency that was not over when the officer was read (``on_duty``)."""
        return duty in self.duties or duty in self.emergency_duties


def on_duty(*, user_id: int | None, duty: Duty | None, now: datetime) -> Officer:
    """The officer behind an account, in office and with the duty. Raises NotOnDuty."""
    officer = Officer.objects.filter(user_id=user_id).first() if user_id else None
    if officer is None or not officer.in_office(now):
        raise NotOnDuty(_("This account belongs to no officer in office."))
    if officer.emergency_until is not None and officer.emergency_until <= now:
        officer.emergency_duties = []
    if duty is not None and not officer.has(duty):
        raise NotOnDuty(_("Your duties do not include this."), duty=duty)
    return officer
