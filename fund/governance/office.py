"""Who is in office: appointments, duties, leaving, and the duties of an emergency (D4).

Power is given only by both nations' keys, for whoever could appoint alone could appoint a second person to sign with.
It is taken away by one hand, at once. When nobody of a nation is there for a duty, an administrator breaks the glass:
another officer of that nation has the duty for some hours, every officer of both nations is told, and acts that need
two keys still need two. Every change is an entry; the database keeps ``Officer`` by them (``sql/office.sql``).
"""

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance import approval, audit, config, outbox
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import MONEY, Duty, Officer
from fund.holders import Nation
from fund.refusal import Refusal

LONGEST_EMERGENCY = timedelta(hours=24)


class OfficeRefused(Refusal):
    """The change of an office is refused; the message says why."""

    code = "office_refused"


class OfficeEntry(AppendOnly):
    """One change. ``user`` is the account; ``person`` and the names are those of an appointment.

    ``duties`` are all duties from then on, or those of an emergency until ``until``. ``by`` did it by himself;
    appointments and duties carry their ``proposal`` instead.
    """

    class Act(models.TextChoices):
        APPOINTED = "appointed", _("appointed")
        DUTIES = "duties", _("other duties")
        LEFT = "left", _("has left office")
        EMERGENCY = "emergency", _("duties for an emergency")
        EMERGENCY_OVER = "emergency_over", _("emergency over")

    id = models.BigAutoField(primary_key=True)
    act = models.CharField(max_length=16, choices=Act)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    person = models.CharField(max_length=40, blank=True)
    nation = models.CharField(max_length=2, choices=Nation, blank=True)
    name_en = models.CharField(max_length=120, blank=True)
    name_ja = models.CharField(max_length=120, blank=True)
    duties = ArrayField(models.CharField(max_length=16, choices=Duty), default=list)
    at = models.DateTimeField()
    until = models.DateTimeField(null=True)
    reason = models.TextField(blank=True)
    by = models.ForeignKey(Officer, null=True, on_delete=models.PROTECT, related_name="+")
    proposal = models.ForeignKey(Proposal, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta(AppendOnly.Meta):
        verbose_name_plural = "office entries"
        constraints = [
            models.CheckConstraint(
                name="office_entry_duties_apart",
                condition=~Q(act__in=["appointed", "duties"])
                | ~Q(duties__contains=["administration"], duties__overlap=sorted(MONEY))
                & (Q(duties=["audit"]) | ~Q(duties__contains=["audit"])),
            ),
            models.CheckConstraint(
                name="office_entry_emergency",
                condition=Q(act="emergency", until__gt=F("at"), until__lte=F("at") + LONGEST_EMERGENCY)
                & ~Q(duties__overlap=["administration", "audit"])
                & ~Q(reason="")
                | ~Q(act="emergency") & Q(until=None),
            ),
            models.CheckConstraint(
                name="office_entry_by_keys_or_hand",
                condition=Q(act__in=["appointed", "duties"], proposal__isnull=False, by=None)
                | Q(act__in=["left", "emergency", "emergency_over"], proposal=None, by__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.at:%Y-%m-%d}"


def propose_appointment(
    *,
    user_id: int,
    person: str,
    nation: Nation,
    name_en: str,
    name_ja: str,
    duties: Collection[Duty],
    officer: Officer,
    now: datetime,
    reason: str,
) -> Proposal:
    """Put up for approval that an account becomes an officer's when both keys are turned. ``person``: the ministry's
    number. Raises OfficeRefused for an account that has an office or had one, or duties that one person may not hold
    together, and Refused like every proposal.
    """
    if Officer.objects.filter(user_id=user_id).exists():
        raise OfficeRefused(_("This account is or was an officer’s. Who comes back gets a new account."))
    payload = {
        "act": OfficeEntry.Act.APPOINTED.value,
        "user": user_id,
        "person": person,
        "nation": nation.value,
        "name_en": name_en,
        "name_ja": name_ja,
        "duties": _apart(duties),
    }
    return _propose(user_id, payload, officer=officer, now=now, reason=reason)


def propose_duties(
    *, held: Officer, duties: Collection[Duty], officer: Officer, now: datetime, reason: str
) -> Proposal:
    """Put up for approval which duties an officer has from then on. Raises OfficeRefused and Refused, as above."""
    _in_office(held, now)
    payload = {"act": OfficeEntry.Act.DUTIES.value, "user": held.user_id, "duties": _apart(duties)}
    return _propose(held.user_id, payload, officer=officer, now=now, reason=reason)


def _propose(user_id: int, payload: dict[str, Any], *, officer: Officer, now: datetime, reason: str) -> Proposal:
    return approval.propose(
        kind=Kind.OFFICE, subject=f"user:{user_id}", payload=payload, officer=officer, now=now, reason=reason
    )


def _apart(duties: Collection[Duty]) -> list[str]:
    """The duties in their order. Raises OfficeRefused for what one person may not hold together."""
    held = [duty for duty in Duty if duty in duties]
    if not held:
        raise OfficeRefused(_("Choose at least one duty."))
    if Duty.ADMINISTRATION in held and MONEY.intersection(held):
        raise OfficeRefused(_("Who administers the officers and settings has no duty that moves money."))
    if Duty.AUDIT in held and len(held) > 1:
        raise OfficeRefused(_("Who audits has no other duty."))
    return [duty.value for duty in held]


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> OfficeEntry | None:
    """Carry out an approved appointment or change of duties; None when it was carried out before."""
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    facts = proposal.facts
    return _enter(proposal=proposal, user_id=facts.pop("user"), at=now, **facts)


@transaction.atomic
def leave(*, held: Officer, officer: Officer, now: datetime, reason: str) -> OfficeEntry:
    """End an office at once: one's own, or by an administrator of the same nation. Keys turned before still count.

    Raises OfficeRefused for anybody else, for an office that has ended, and for a nation's last administrator, whom
    nobody could replace.
    """
    _in_office(held, now)
    by_administrator = officer.has(Duty.ADMINISTRATION) and officer.nation == held.nation
    if officer.pk != held.pk and not by_administrator:
        raise OfficeRefused(_("An office is ended by its holder or by an administrator of the same nation."))
    colleagues = Officer.objects.filter(nation=held.nation, duties__contains=["administration"], in_office_until=None)
    if Duty.ADMINISTRATION in held.duties and not colleagues.exclude(person=held.person).exists():
        raise OfficeRefused(_("A nation keeps an administrator: appoint another one first."))
    return _enter(act=OfficeEntry.Act.LEFT, user_id=held.user_id, at=now, reason=reason, by=officer)


@transaction.atomic
def break_glass(
    *, held: Officer, duties: Collection[Duty], officer: Officer, now: datetime, reason: str
) -> OfficeEntry:
    """Give an officer of the administrator's own nation duties for an emergency, for as long as the setting says.

    Every officer of both nations is told. Raises OfficeRefused for oneself, another nation, no reason, or the duties of
    administration and audit, which are nobody's for an hour.
    """
    _in_office(held, now)
    if not officer.has(Duty.ADMINISTRATION) or officer.nation != held.nation or officer.person == held.person:
        raise OfficeRefused(
            _("Duties of an emergency are given by an administrator of the same nation, to somebody else.")
        )
    if not duties or not reason.strip() or {Duty.ADMINISTRATION, Duty.AUDIT}.intersection(duties):
        raise OfficeRefused(_("Name the emergency, and duties other than administration and audit."))
    until = now + timedelta(hours=config.get("office.emergency_hours", at=now))
    given = [duty.value for duty in Duty if duty in duties]
    return _enter(
        act=OfficeEntry.Act.EMERGENCY,
        user_id=held.user_id,
        duties=given,
        at=now,
        until=until,
        reason=reason,
        by=officer,
    )


@transaction.atomic
def end_emergency(*, held: Officer, officer: Officer, now: datetime) -> OfficeEntry:
    """End the duties of an emergency before their time. Any officer of either nation may. Raises OfficeRefused."""
    _in_office(held, now)
    if held.emergency_until is None or held.emergency_until <= now:
        raise OfficeRefused(_("There is no emergency to end."))
    return _enter(act=OfficeEntry.Act.EMERGENCY_OVER, user_id=held.user_id, at=now, by=officer)


def in_emergency(*, now: datetime) -> models.QuerySet[Officer]:
    """The officers who have duties of an emergency."""
    return Officer.objects.filter(emergency_until__gt=now, in_office_until=None).order_by("emergency_until")


def _in_office(held: Officer, now: datetime) -> None:
    """Raises OfficeRefused."""
    if not held.in_office(now):
        raise OfficeRefused(_("This officer is not in office."))


def _enter(*, act: str, user_id: int, at: datetime, by: Officer | None = None, **facts: Any) -> OfficeEntry:
    """Write the entry, by which the database keeps the office; one act and one note to the officers."""
    entry = OfficeEntry.objects.create(act=act, user_id=user_id, at=at, by=by, **facts)
    held = Officer.objects.get(user_id=user_id)
    actor = by.actor if by else "system"
    audit.record(
        actor=actor, verb=f"office.{act}", subject=held.actor, now=at, duties=entry.duties, reason=entry.reason
    )
    outbox.leave(topic="office.changed", subject=held.actor, now=at, entry=entry.pk)
    return entry
