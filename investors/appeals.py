"""Appeals against a refusal (D10): in the citizen's own words, before an officer other than the one who refused.

refused → appealed → refused (upheld) or in review (reopened). One appeal a decision; the database keeps all of it.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance import config, outbox
from fund.governance.officers import Officer
from fund.refusal import Refusal
from investors import names, vault
from investors.applications import SAME_OFFICER, Application, Decision, Reason, Status
from investors.cases import CannotDecide, lock, locked, move, on_duty
from investors.people import Investor
from investors.vault import Purpose, SealedField

LONGEST = 4000  # characters


class CannotAppeal(Refusal):
    """There is nothing to appeal against, it is too late, or nothing was said."""

    code = "cannot_appeal"


class Appeal(AppendOnly):
    """Why the citizen thinks that a refusal is wrong; ``words`` are sealed."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    decision = models.OneToOneField(Decision, on_delete=models.PROTECT, related_name="appeal")
    words = SealedField()
    filed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"appeal against decision {self.decision_id}"


class AppealDecision(AppendOnly):
    """What came of an appeal. ``answer``: the officer's sealed words to the citizen. By another person than refused."""

    class Outcome(models.TextChoices):
        UPHELD = "upheld", _("the refusal stands")
        REOPENED = "reopened", _("the application is reviewed again")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    appeal = models.OneToOneField(Appeal, on_delete=models.PROTECT, related_name="outcome")
    outcome = models.CharField(max_length=12, choices=Outcome)
    reasons = ArrayField(models.CharField(max_length=24, choices=Reason), default=list)
    answer = SealedField()
    officer = models.ForeignKey(Officer, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="appeal_outcome", condition=Q(outcome__in=["upheld", "reopened"])),
            models.CheckConstraint(name="appeal_says_why", condition=Q(outcome="reopened") | Q(reasons__len__gt=0)),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            pgtrigger.Trigger(
                name="appeal_before_another",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=f"""
                IF EXISTS (
                    SELECT FROM investors_appeal a JOIN investors_decision d ON d.id = a.decision_id
                     WHERE a.id = NEW.appeal_id AND {SAME_OFFICER}
                ) THEN
                    RAISE EXCEPTION 'an appeal is decided by another officer' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}, appeal {self.appeal_id}"


@dataclass(frozen=True)
class Standing:
    """A refusal and its appeal as they stand. ``until``: the end of the time to appeal. Texts are "" without one."""

    refusal: Decision
    until: datetime
    appeal: Appeal | None
    outcome: AppealDecision | None
    words: str
    answer: str
    open: bool


def standing(*, application: Application, purpose: Purpose, actor: str, now: datetime) -> Standing | None:
    """The latest decision of an application and the appeal against it, opened; None when it is not a refusal."""
    refusal = _refusal(application)
    if refusal is None:
        return None
    appeal = Appeal.objects.filter(decision=refusal).select_related("outcome").first()
    outcome = getattr(appeal, "outcome", None)
    until = _until(refusal)
    return Standing(
        refusal=refusal,
        until=until,
        appeal=appeal,
        outcome=outcome,
        words=vault.read(appeal, "words", purpose=purpose, actor=actor, now=now) if appeal else "",
        answer=vault.read(outcome, "answer", purpose=purpose, actor=actor, now=now) if outcome else "",
        open=appeal is None and application.status == Status.REFUSED and now < until,
    )


@transaction.atomic
def file(*, investor: Investor, words: str, now: datetime) -> Appeal:
    """Appeal against the refusal of a citizen's newest application.

    Raises CannotAppeal without a refusal, a second time, after ``config appeal.days``, or without words.
    """
    lock(investor)
    application = Application.objects.filter(investor=investor).order_by("-pk").first()
    refusal = _refusal(application) if application else None
    if application is None or refusal is None:
        raise CannotAppeal(_("There is no refusal to appeal against."))
    if Appeal.objects.filter(decision=refusal).exists():
        raise CannotAppeal(_("You have already appealed against this decision."))
    if not now < _until(refusal):
        raise CannotAppeal(_("The time to appeal against this decision is over."))
    appeal = Appeal(decision=refusal, filed_at=now)
    vault.seal(appeal, "words", _checked(words))
    appeal.save(force_insert=True)
    move(application, [Status.REFUSED], Status.APPEALED, actor=investor.actor, now=now)
    _tell("application.appealed", application, now)
    return appeal


@transaction.atomic
def decide(
    *, application_id: int, officer: Officer, outcome: str, reasons: Iterable[str] = (), answer: str, now: datetime
) -> AppealDecision:
    """Uphold a refusal or have the application reviewed again, with words to the citizen.

    Raises NotOnDuty, and CannotDecide for no open appeal, the officer who refused, unknown or missing reasons.
    """
    on_duty(officer, now)
    application = locked(application_id)
    refusal = _refusal(application)
    if application.status != Status.APPEALED or refusal is None:
        raise CannotDecide(_("There is no open appeal on this application."))
    if refusal.officer.person == officer.person:
        raise CannotDecide(_("You refused this application: another officer decides on the appeal."))
    result, why = AppealDecision.Outcome(outcome), sorted(set(reasons))
    if unknown := set(why) - set(Reason.values):
        raise CannotDecide(_("There is no such reason."), reasons=sorted(unknown))
    if not answer.strip() or (result == AppealDecision.Outcome.UPHELD and not why):
        raise CannotDecide(_("Please say why: the applicant has a right to know."))
    decision = AppealDecision(
        appeal=Appeal.objects.get(decision=refusal), outcome=result, reasons=why, officer=officer, decided_at=now
    )
    vault.seal(decision, "answer", answer)
    decision.save(force_insert=True)
    new = Status.REFUSED if result == AppealDecision.Outcome.UPHELD else Status.IN_REVIEW
    move(application, [Status.APPEALED], new, actor=officer.actor, now=now, reasons=why)
    _tell("appeal.decided", application, now, outcome=result.value)
    return decision


def waiting(*, officer: Officer) -> QuerySet[Application]:
    """Applications whose appeal this officer can decide on."""
    own = Decision.objects.filter(
        application=OuterRef("pk"), appeal__isnull=False, appeal__outcome=None, officer__person=officer.person
    )
    return Application.objects.filter(~Exists(own), status=Status.APPEALED)


def _refusal(application: Application) -> Decision | None:
    """The latest decision, where it is a refusal."""
    latest = Decision.objects.filter(application=application).select_related("officer").order_by("-pk").first()
    return latest if latest and latest.outcome == Decision.Outcome.REFUSED else None


def _until(refusal: Decision) -> datetime:
    return refusal.decided_at + timedelta(days=config.get("appeal.days", at=refusal.decided_at))


def _checked(words: str) -> str:
    """What somebody has to say, line by line as typed."""
    told = words.replace("\r\n", "\n").strip()
    if not told:
        raise CannotAppeal(_("Please say which reason is wrong and why."), code="appeal_without_words")
    if len(told) > LONGEST:
        raise CannotAppeal(
            _("This is longer than %(most)s characters.") % {"most": LONGEST}, code="appeal_too_long", most=LONGEST
        )
    for line in told.split("\n"):
        names.check_visible(line.replace("\t", " "))
    return told


def _tell(topic: str, application: Application, now: datetime, **more: str) -> None:
    outbox.leave(
        topic=topic,
        subject=f"application:{application.pk}",
        now=now,
        investor=application.investor_id,
        application=application.pk,
        **more,
    )
