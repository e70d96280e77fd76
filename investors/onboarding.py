"""Onboarding (D10): the citizen's part. A draft is saved at every step, and what counts is when it was submitted.

From there on it goes draft → submitted → in review → approved, refused or more information needed (``judging``).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from fund.governance import audit
from fund.refusal import Refusal
from investors import (
    agreements,
    duplicates,
    evidence,
    people,
    prospects,
    reverification,
    steps,
    tax_forms,
    vault,
)
from investors.applications import EDITABLE, Answer, Application, Occasion, Status
from investors.cases import NotEditable, as_text, copied, lock, move, opened, tell
from investors.evidence import Document, Taken
from investors.people import Investor, TaxpayerNumber
from investors.prospects import Barrier
from investors.steps import Answers, Known, papers
from investors.steps.papers import Kind
from investors.vault import Purpose

SECRETS = ("ssn", "itin", "my_number")
ENDING = 4  # digits of an identity number that are shown again


class DraftChanged(Refusal):
    """The step was saved elsewhere since it was read."""

    code = "draft_changed"


class Barred(Refusal):
    """An answer makes it certain that this person cannot take part, or not yet; ``facts["reason"]`` says which."""

    code = "barred"


class Incomplete(Refusal):
    """Steps are still to be answered; ``facts["steps"]`` names them."""

    code = "incomplete"


@dataclass(frozen=True)
class Draft:
    """An application as its citizen sees it: answers and versions by step, and the steps that are left."""

    application: Application
    answers: dict[str, Answers]
    versions: dict[str, int]
    remaining: list[str]


def current(*, investor: Investor) -> Application | None:
    """The newest application of a person."""
    return Application.objects.filter(investor=investor).order_by("-pk").first()


def draft(*, investor: Investor, now: datetime) -> Draft | None:
    """Everything to show or go on with; None before the first step was saved."""
    application = current(investor=investor)
    if application is None:
        return None
    if application.occasion == Occasion.REVERIFICATION and application.editable:
        reverification.prefill(application=application, now=now)
    return Draft(
        application=application,
        answers=opened(application, purpose=Purpose.DRAFT, actor=investor.actor, now=now),
        versions=dict(application.answers.values_list("step", "version")),
        remaining=remaining(investor=investor),
    )


def known(*, investor: Investor, now: datetime) -> Known:
    """What ``steps.describe`` asks for: everything answered so far."""
    saved = draft(investor=investor, now=now)
    return Known(now, saved.answers if saved else {})


def remaining(*, investor: Investor) -> list[str]:
    """The steps that are not answered, or whose answers no longer fit later ones, in their order."""
    application = current(investor=investor)
    if application is None:
        return list(steps.STEPS)
    done = set(application.answers.filter(stale=False, version__gt=0).values_list("step", flat=True))
    return [code for code in reverification.asked(application) if code not in done]


def asked(*, investor: Investor) -> list[str]:
    """The steps of a person's newest application in their order: a re-verification asks fewer."""
    return reverification.asked(current(investor=investor))


def barrier(*, investor: Investor, now: datetime) -> Barrier | None:
    """What makes it certain already that this applicant cannot take part. A holder's changes go before an officer."""
    application = current(investor=investor)
    if application is not None and application.occasion == Occasion.REVERIFICATION:
        return None
    return prospects.barrier(known(investor=investor, now=now))


@transaction.atomic
def save(*, investor: Investor, step: str, answers: Answers, now: datetime, version: int | None = None) -> Answer:
    """Check and keep one step. ``version``: the one that was read, 0 for a step never saved; None skips that check.

    Raises ValidationError by field, NotEditable, DraftChanged when another device has saved this step meanwhile, Barred
    when nothing more needs to be told, and KeyError for a step that does not exist.
    """
    asked = steps.STEPS[step]
    application = _open_application(investor, now)
    _check_editable(application)
    if step not in reverification.asked(application):
        raise NotEditable(_("This is not asked here."))
    kept = application.answers.filter(step=step).first()
    _check_version(version, kept.version if kept else 0)
    known = Known(now, opened(application, purpose=Purpose.DRAFT, actor=investor.actor, now=now))
    if step not in prospects.DECISIVE:
        _check_not_barred(application, known)
    clean = asked.clean(answers, known)
    if step == "numbers":
        clean = _keep_numbers(investor, clean, known.answers.get("numbers", {}), now)
    if step == "agreements":
        agreements.accept(investor=investor, codes=clean["accepts"], language=clean["language"], now=now)
    saved = _keep(application, step, clean, known)
    if step == "identity_document":
        _renew_pictures(application, before=known, clean=clean)
    return saved


@transaction.atomic
def add_document(
    *, investor: Investor, kind: Kind, taken: Taken, now: datetime, version: int | None = None
) -> Document:
    """Keep a document, in place of the one before. ``version``: of this kind, the one that was seen, as for ``save``.

    Raises NotEditable, DraftChanged, and SameFile or TooManyFiles of ``evidence``.
    """
    application = _open_application(investor, now)
    _check_editable(application)
    _check_version(version, evidence.version(application, kind))
    document = evidence.add(application=application, kind=kind, taken=taken, actor=investor.actor, now=now)
    _note_documents(application, investor, now)
    return document


@transaction.atomic
def remove_document(*, investor: Investor, kind: Kind, now: datetime, version: int | None = None) -> None:
    """Take a document back. Raises NotEditable, DraftChanged and NoSuchDocument."""
    application = _open_application(investor, now)
    _check_editable(application)
    _check_version(version, evidence.version(application, kind))
    evidence.remove(application=application, kind=kind, actor=investor.actor, now=now)
    _note_documents(application, investor, now)


@transaction.atomic
def submit(*, investor: Investor, now: datetime) -> Application:
    """Hand the draft in; the database stamps the time. Raises NotEditable, Barred, Incomplete naming the steps left."""
    lock(investor)
    application = current(investor=investor)
    if application is None:
        raise Incomplete(_("Some steps are not answered yet."), steps=list(steps.STEPS))
    _check_editable(application)
    answers = opened(application, purpose=Purpose.DRAFT, actor=investor.actor, now=now)
    known = Known(now, answers)
    _check_not_barred(application, known)
    _mark_stale(application, known)
    if left := remaining(investor=investor):
        raise Incomplete(_("Some steps are not answered yet."), steps=left)
    if application.occasion == Occasion.JOINING:
        likeness = list(duplicates.likeness(answers).values())
        Investor.objects.filter(pk=investor.pk).update(nations=known.nations, likeness=likeness)
    else:
        changed = reverification.changed(application=application, answers=answers, now=now)
        Application.objects.filter(pk=application.pk).update(changed=changed)
    tax_forms.file(investor=investor, answers=answers["tax"], now=now)
    move(application, EDITABLE, Status.SUBMITTED, actor=investor.actor, now=now)
    tell("application.submitted", application, now)
    return application


@transaction.atomic
def begin_again(*, investor: Investor, now: datetime) -> Application:
    """A new draft after a refusal, with the answers of the refused application. Raises NotEditable without one."""
    lock(investor)
    refused = current(investor=investor)
    if refused is None or refused.status != Status.REFUSED:
        raise NotEditable(_("A new application is possible after a refusal only."))
    application = Application.objects.create(investor=investor, occasion=refused.occasion, opened_at=now)
    Answer.objects.bulk_create(copied(source=refused, target=application, actor=investor.actor, now=now))
    evidence.take_over(source=refused, target=application, actor=investor.actor, now=now)
    _mark_stale(application, Known(now, opened(application, purpose=Purpose.DRAFT, actor=investor.actor, now=now)))
    audit.record(actor=investor.actor, verb="begin_again", subject=str(application), now=now, after=str(refused))
    return application


# ── what its steps share ──


def _check_not_barred(application: Application, known: Known) -> None:
    if application.occasion == Occasion.JOINING and (found := prospects.barrier(known)):
        raise Barred(_("By your answers you cannot take part, or not yet."), reason=found.reason.value)


def _check_version(seen: int | None, kept: int) -> None:
    if seen is not None and seen != kept:
        raise DraftChanged(_("This page was saved on another device meanwhile. Please look at it again."))


def _check_editable(application: Application) -> None:
    if application.status in (Status.APPROVED, Status.REFUSED):
        raise NotEditable(_("This application has been decided."))
    if not application.editable:
        raise NotEditable(_("Your application is being checked; it cannot be changed now."))


def _open_application(investor: Investor, now: datetime) -> Application:
    lock(investor)
    return current(investor=investor) or Application.objects.create(investor=investor, opened_at=now)


def _keep(application: Application, step: str, clean: Answers, known: Known) -> Answer:
    """Keep the clean answers of a step; other steps may no longer fit."""
    row = application.answers.filter(step=step).first() or Answer(application=application, step=step, version=0)
    row.version, row.saved_at, row.stale = row.version + 1, known.now, False
    vault.seal(row, "content", as_text(clean))
    row.save()
    _mark_stale(application, Known(known.now, {**known.answers, step: clean}))
    return row


def _note_documents(application: Application, investor: Investor, now: datetime) -> None:
    """The step ``documents`` says what is there; it is done once nothing that is needed is missing."""
    known = Known(now, opened(application, purpose=Purpose.DRAFT, actor=investor.actor, now=now))
    _keep(application, "documents", {"given": sorted(evidence.current(application))}, known)


def _renew_pictures(application: Application, *, before: Known, clean: Answers) -> None:
    """A re-verification takes over pictures of the document of the last time; another document is pictured anew."""
    told = before.answers.get("identity_document", {})
    if application.occasion != Occasion.REVERIFICATION or clean.get("number") == told.get("number"):
        return
    actor = application.investor.actor
    here = evidence.current(application)
    for kind in (one for one in papers.needed(before) if one in here):
        evidence.remove(application=application, kind=kind, actor=actor, now=before.now)
    _note_documents(application, application.investor, before.now)


def _keep_numbers(investor: Investor, clean: Answers, before: Answers, now: datetime) -> Answers:
    """Put new identity numbers into their own tables; of the answers only the last digits remain."""
    told: dict[str, Any] = {key: ending for key, ending in before.items() if key.endswith("_ending")}
    for kind in SECRETS:
        if number := clean.pop(kind, ""):
            if people.has_other_number(investor=investor, kind=kind, number=number):
                message = _("We have another number of yours, which was checked. Please write to us to change it.")
                raise ValidationError({kind: [ValidationError(message, code="other_number")]})
            if kind == "my_number":
                people.keep_my_number(investor=investor, number=number, now=now)
            else:
                people.keep_taxpayer_number(investor=investor, kind=TaxpayerNumber.Kind(kind), number=number, now=now)
                told.pop("itin_ending" if kind == "ssn" else "ssn_ending", None)
            told[f"{kind}_ending"] = number[-ENDING:]
    return clean | told


def _mark_stale(application: Application, known: Known) -> None:
    """Mark the steps whose answers no longer pass, because another step or an agreement has changed."""
    for row in application.answers.all():
        names = {one.name for one in steps.STEPS[row.step].fields}
        given = {name: value for name, value in known.answers[row.step].items() if name in names}
        try:
            steps.clean(row.step, given, known)
            stale = False
        except ValidationError:
            stale = True
        if stale != row.stale:
            application.answers.filter(pk=row.pk).update(stale=stale)
