"""Who works on which application: taken, handed over, annotated, so that two officers never do the same work.

It orders the work and protects nothing: what an officer may decide is asked where it is decided (``judging``). A case
that was taken is that officer's until it is decided or handed over, or until ``review.hold_hours`` have passed.
"""

import uuid
from datetime import datetime, timedelta
from typing import ClassVar

import pgtrigger
from django.db import models, transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from fund.governance import audit, config
from fund.governance.officers import Duty, Officer
from investors import names, vault
from investors.applications import Application, Decision, Status
from investors.cases import CannotDecide, locked, on_duty
from investors.vault import Purpose, SealedField

LONGEST = 4000  # characters
HERE = [Status.IN_REVIEW, Status.APPEALED]


class Assignment(models.Model):
    """An application is with this officer. It stays when the application goes back to the citizen and returns."""

    application = models.OneToOneField(
        Application, primary_key=True, on_delete=models.PROTECT, related_name="assignment"
    )
    officer = models.ForeignKey(Officer, on_delete=models.PROTECT, related_name="+")
    taken_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"application {self.application_id} with officer {self.officer_id}"


class CaseNote(models.Model):
    """What an officer notes for colleagues; ``words`` are sealed, being about a person. Never edited; deleted with
    the answers (``deletion``).
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="notes")
    officer = models.ForeignKey(Officer, on_delete=models.PROTECT, related_name="+")
    words = SealedField()
    written_at = models.DateTimeField()

    app_may: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE")

    class Meta:
        triggers = [pgtrigger.ReadOnly(name="case_note_facts")]

    def __str__(self) -> str:
        return f"note on application {self.application_id}"


def standing(*, now: datetime) -> QuerySet[Assignment]:
    """The assignments that others respect: not too old, of an officer who is in office and still reviews."""
    since = now - timedelta(hours=config.get("review.hold_hours", at=now))
    able = Q(officer__duties__contains=[Duty.ONBOARDING]) | Q(
        officer__emergency_duties__contains=[Duty.ONBOARDING], officer__emergency_until__gt=now
    )
    in_office = Q(officer__in_office_until=None) | Q(officer__in_office_until__gt=now)
    return Assignment.objects.filter(able, in_office, taken_at__gt=since)


def with_whom(*, application: Application, now: datetime) -> Officer | None:
    """The officer who works on it."""
    found = standing(now=now).filter(application=application).select_related("officer").first()
    return found.officer if found else None


def check_free(*, application: Application, officer: Officer, now: datetime) -> None:
    """Raises CannotDecide while somebody else works on it."""
    other = with_whom(application=application, now=now)
    if other is not None and other.pk != officer.pk:
        raise CannotDecide(_("Another officer is working on this application."), officer=other.pk)


@transaction.atomic
def take(*, application_id: int, officer: Officer, now: datetime) -> None:
    """Work on an application. Raises NotOnDuty, and CannotDecide when it is not here or is with somebody else."""
    on_duty(officer, now)
    application = locked(application_id)
    if application.status not in HERE:
        raise CannotDecide(_("This application is not in review."))
    check_free(application=application, officer=officer, now=now)
    _assign(application, officer, actor=officer.actor, now=now)


@transaction.atomic
def take_next(*, officer: Officer, now: datetime) -> Application | None:
    """The longest waiting application that nobody works on and this officer may decide; None when there is none.

    An application that somebody is deciding or taking at this moment is passed over, so that two officers who ask at
    once get two.
    """
    on_duty(officer, now)
    refused = Decision.objects.filter(application=OuterRef("pk"), appeal__isnull=False, officer__person=officer.person)
    free = Application.objects.filter(~Exists(standing(now=now).filter(application=OuterRef("pk"))), ~Exists(refused))
    waiting = free.filter(status=Status.IN_REVIEW).order_by("submitted_at")
    while application := waiting.select_for_update(skip_locked=True, of=("self",)).first():
        # Asked again under the lock: somebody may have taken it, and let go of the row, while the queue was being read.
        if free.filter(pk=application.pk).exists():
            _assign(application, officer, actor=officer.actor, now=now)
            return application
    return None


@transaction.atomic
def hand_over(*, application_id: int, to: Officer | None, officer: Officer, words: str, now: datetime) -> None:
    """Give a case to a colleague, or back to the queue (``to`` is None), with a word to whoever takes it.

    Raises NotOnDuty for either of them, and CannotDecide when it is with somebody else.
    """
    on_duty(officer, now)
    application = locked(application_id)
    check_free(application=application, officer=officer, now=now)
    if words.strip():
        note(application_id=application_id, officer=officer, words=words, now=now)
    if to is None:
        Assignment.objects.filter(application=application).delete()
        audit.record(actor=officer.actor, verb="give_back", subject=str(application), now=now)
        return
    on_duty(to, now)
    _assign(application, to, actor=officer.actor, now=now)


@transaction.atomic
def note(*, application_id: int, officer: Officer, words: str, now: datetime) -> CaseNote:
    """Note something for colleagues. Raises NotOnDuty, and CannotDecide for a text that is empty or too long."""
    on_duty(officer, now)
    text = words.replace("\r\n", "\n").strip()
    if not text or len(text) > LONGEST or names.invisible(text.replace("\n", " ").replace("\t", " ")):
        raise CannotDecide(_("A note has up to %(most)s visible characters.") % {"most": LONGEST})
    row = CaseNote(application_id=application_id, officer=officer, written_at=now)
    vault.seal(row, "words", text)
    row.save(force_insert=True)
    audit.record(actor=officer.actor, verb="note", subject=f"application {application_id}", now=now)
    return row


def notes(*, application: Application, officer: Officer, now: datetime) -> list[tuple[CaseNote, str]]:
    """The notes of a case, the newest first, opened. Raises NotOnDuty."""
    on_duty(officer, now)
    return [
        (row, vault.read(row, "words", purpose=Purpose.REVIEW, actor=officer.actor, now=now))
        for row in application.notes.select_related("officer").order_by("-written_at", "-id")
    ]


def _assign(application: Application, officer: Officer, *, actor: str, now: datetime) -> None:
    Assignment.objects.update_or_create(application=application, defaults={"officer": officer, "taken_at": now})
    audit.record(actor=actor, verb="take", subject=str(application), now=now, officer=officer.pk)
