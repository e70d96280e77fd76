"""Onboarding (D10): draft → submitted → in review → approved, refused or more information needed.

A draft is saved at every step. The rules judge what was submitted and recommend; an officer decides.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from fund import holders
from fund.governance import audit, config, outbox
from fund.governance.officers import Duty, NotOnDuty, Officer
from fund.holders import Holder, Nation
from fund.refusal import Refusal
from investors import agreements, bank_accounts, evidence, facts, people, steps, tax_forms, vault
from investors.applications import EDITABLE, Answer, Application, Assessment, Decision, Reason, Status, StatusChange
from investors.eligibility import decide as rules
from investors.evidence import Document, Taken
from investors.people import Investor, TaxpayerNumber
from investors.screening import screen
from investors.steps import Answers, Known
from investors.steps.papers import Kind
from investors.vault import Purpose

SECRETS = ("ssn", "itin", "my_number")
ENDING = 4  # digits of an identity number that are shown again


class NotEditable(Refusal):
    """The application is being checked or has been decided."""

    code = "not_editable"


class DraftChanged(Refusal):
    """The step was saved elsewhere since it was read."""

    code = "draft_changed"


class Incomplete(Refusal):
    """Steps are still to be answered; ``facts["steps"]`` names them."""

    code = "incomplete"


class CannotDecide(Refusal):
    """The decision is not possible as things stand."""

    code = "cannot_decide"


@dataclass(frozen=True)
class Draft:
    """An application as its citizen sees it: answers and versions by step, and the steps that are left."""

    application: Application
    answers: dict[str, Answers]
    versions: dict[str, int]
    remaining: list[str]


# ── the citizen ──


def current(*, investor: Investor) -> Application | None:
    """The newest application of a person."""
    return Application.objects.filter(investor=investor).order_by("-pk").first()


def draft(*, investor: Investor, now: datetime) -> Draft | None:
    """Everything to show or go on with; None before the first step was saved."""
    application = current(investor=investor)
    if application is None:
        return None
    return Draft(
        application=application,
        answers=_open(application, purpose=Purpose.DRAFT, actor=investor.actor, now=now),
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
    done = set(application.answers.filter(stale=False).values_list("step", flat=True))
    return [code for code in steps.STEPS if code not in done]


@transaction.atomic
def save(*, investor: Investor, step: str, answers: Answers, now: datetime, version: int | None = None) -> Answer:
    """Check and keep one step. ``version``: the one that was read, 0 for a step never saved; None skips that check.

    Raises ValidationError by field, NotEditable, DraftChanged when another device has saved this step meanwhile, and
    KeyError for a step that does not exist.
    """
    asked = steps.STEPS[step]
    application = _open_application(investor, now)
    _check_editable(application)
    kept = application.answers.filter(step=step).first()
    _check_version(version, kept.version if kept else 0)
    known = Known(now, _open(application, purpose=Purpose.DRAFT, actor=investor.actor, now=now))
    clean = asked.clean(answers, known)
    if step == "numbers":
        clean = _keep_numbers(investor, clean, known.answers.get("numbers", {}), now)
    if step == "agreements":
        agreements.accept(investor=investor, codes=clean["accepts"], language=clean["language"], now=now)
    return _keep(application, step, clean, known)


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
    """Hand the draft in; the database stamps the time. Raises NotEditable, or Incomplete naming the steps left."""
    _lock(investor)
    application = current(investor=investor)
    if application is None:
        raise Incomplete(_("Some steps are not answered yet."), steps=list(steps.STEPS))
    _check_editable(application)
    answers = _open(application, purpose=Purpose.DRAFT, actor=investor.actor, now=now)
    _mark_stale(application, Known(now, answers))
    if left := remaining(investor=investor):
        raise Incomplete(_("Some steps are not answered yet."), steps=left)
    born = date.fromisoformat(answers["birth"]["birth_date"])
    Investor.objects.filter(pk=investor.pk).update(
        nations=answers["citizenship"]["nations"], likeness=people.likeness(name=answers["name"], born=born)
    )
    tax_forms.file(investor=investor, answers=answers["tax"], now=now)
    _move(application, EDITABLE, Status.SUBMITTED, actor=investor.actor, now=now)
    outbox.leave(
        topic="application.submitted",
        subject=f"application:{application.pk}",
        now=now,
        investor=investor.pk,
        application=application.pk,
    )
    application.refresh_from_db()
    return application


# ── the rules and the officer ──


@transaction.atomic
def assess(*, application_id: int, now: datetime) -> Assessment | None:
    """Judge a submitted application by the rules and put it before an officer; None when that was done before."""
    application = _locked(application_id)
    if application.status != Status.SUBMITTED:
        return None
    assessment = _assess(application, actor="system", now=now)
    _move(application, [Status.SUBMITTED], Status.IN_REVIEW, actor="system", now=now)
    return assessment


def review(
    *, application_id: int, officer: Officer, now: datetime, purpose: Purpose = Purpose.REVIEW
) -> dict[str, Answers]:
    """The answers, for the officer who reads them; identity numbers by their last digits. The reading is logged."""
    _on_duty(officer, now)
    application = Application.objects.select_related("investor").get(pk=application_id)
    audit.record(actor=officer.actor, verb="review", subject=str(application), now=now, purpose=purpose.value)
    return _open(application, purpose=purpose, actor=officer.actor, now=now)


@transaction.atomic
def decide(
    *, application_id: int, officer: Officer, outcome: str, reasons: Iterable[str] = (), now: datetime
) -> Decision:
    """Approve, refuse or ask for more. The rules are asked again; approval needs every one of them to pass.

    Only a likeness by name and date of birth can be overruled, with the reason ``other_person``; an equal number never.
    Raises NotOnDuty, or CannotDecide for an application not in review, missing or unknown reasons, or failed rules.
    """
    _on_duty(officer, now)
    application = _locked(application_id)
    if application.status != Status.IN_REVIEW:
        raise CannotDecide(_("This application is not in review."))
    result, why = Decision.Outcome(outcome), sorted(set(reasons))
    if unknown := set(why) - set(Reason.values):
        raise CannotDecide(_("There is no such reason."), reasons=sorted(unknown))
    if result != Decision.Outcome.APPROVED and not why:
        raise CannotDecide(_("Please say why: the applicant has a right to know."))
    assessment = _assess(application, actor=officer.actor, now=now)
    if result == Decision.Outcome.APPROVED:
        _approve(application, assessment, why, officer, now)
    decision = Decision.objects.create(
        application=application, assessment=assessment, outcome=result, reasons=why, officer=officer, decided_at=now
    )
    _move(application, [Status.IN_REVIEW], Status(result.value), actor=officer.actor, now=now, reasons=why)
    if result != Decision.Outcome.MORE_INFORMATION:
        evidence.forget_replaced(application=application, now=now)
    outbox.leave(
        topic="application.decided",
        subject=f"application:{application.pk}",
        now=now,
        investor=application.investor_id,
        application=application.pk,
    )
    return decision


def _on_duty(officer: Officer, now: datetime) -> None:
    if not officer.in_office(now) or not officer.has(Duty.ONBOARDING):
        raise NotOnDuty(_("Your duties do not include this."), duty=Duty.ONBOARDING)


def _assess(application: Application, *, actor: str, now: datetime) -> Assessment:
    answers = _open(application, purpose=Purpose.REVIEW, actor=actor, now=now)
    screen.screen(investor=application.investor, answers=answers, now=now)
    seen = facts.gather(application=application, answers=answers, now=now)
    decision = rules.assess(seen)
    return Assessment.objects.create(
        application=application,
        rules=decision.version,
        facts=seen.to_json(),
        outcomes=[outcome.to_json() for outcome in decision.outcomes],
        passed=decision.passed,
        answers_digest=facts.digest(answers),
        assessed_at=now,
    )


def _approve(
    application: Application, assessment: Assessment, reasons: list[str], officer: Officer, now: datetime
) -> None:
    """Register the holder and take the answers over into the person's own record."""
    failed = set(assessment.failed)
    if Reason.OTHER_PERSON in reasons and not assessment.facts["same_number"]:
        failed.discard(Reason.NO_DUPLICATE)
    if failed:
        raise CannotDecide(
            _("Rules are not met, so this application cannot be approved: %(rules)s.")
            % {"rules": ", ".join(sorted(failed))},
            rules=sorted(failed),
        )
    answers = _open(application, purpose=Purpose.REVIEW, actor=officer.actor, now=now)
    investor, nations, country = (
        application.investor,
        answers["citizenship"]["nations"],
        answers["residence"]["country"],
    )
    nation = Nation(country if country in nations else nations[0])
    for column, content in (
        ("name", _as_text(answers["name"])),
        ("birth_date", answers["birth"]["birth_date"]),
        ("residence", _as_text(answers["residence"])),
    ):
        vault.seal(investor, column, content)
    investor.holder = holders.register(kind=Holder.Kind.CITIZEN, nation=nation, now=now)
    investor.state = Investor.State.APPROVED
    investor.verified_until = people.months_later(now, months=config.get("reverification.months", at=now))
    investor.save()
    _hold_numbers(investor)
    bank_accounts.record(investor=investor, answers=answers["bank_account"], usable_from=now, now=now)


def _hold_numbers(investor: Investor) -> None:
    """From here on the database refuses a second holder with one of these numbers (D5)."""
    try:
        with transaction.atomic():
            TaxpayerNumber.objects.filter(pk=investor.pk).update(registered=True)
            people.MyNumber.objects.filter(pk=investor.pk).update(registered=True)
    except IntegrityError:
        raise CannotDecide(_("Another holder has the same tax number."), rules=["no_duplicate"]) from None


# ── what they share ──


def _lock(investor: Investor) -> None:
    Investor.objects.select_for_update().get(pk=investor.pk)


def _check_version(seen: int | None, kept: int) -> None:
    if seen is not None and seen != kept:
        raise DraftChanged(_("This page was saved on another device meanwhile. Please look at it again."))


def _check_editable(application: Application) -> None:
    if application.status in (Status.APPROVED, Status.REFUSED):
        raise NotEditable(_("This application has been decided."))
    if not application.editable:
        raise NotEditable(_("Your application is being checked; it cannot be changed now."))


def _locked(application_id: int) -> Application:
    """The application, locked after its investor as everywhere in this room."""
    _lock(Application.objects.select_related("investor").get(pk=application_id).investor)
    return Application.objects.select_for_update(of=("self",)).select_related("investor").get(pk=application_id)


def _open_application(investor: Investor, now: datetime) -> Application:
    _lock(investor)
    return current(investor=investor) or Application.objects.create(investor=investor, opened_at=now)


def _open(application: Application, *, purpose: Purpose, actor: str, now: datetime) -> dict[str, Answers]:
    return {
        row.step: json.loads(vault.read(row, "content", purpose=purpose, actor=actor, now=now))
        for row in application.answers.order_by("step")
    }


def _keep(application: Application, step: str, clean: Answers, known: Known) -> Answer:
    """Keep the clean answers of a step; other steps may no longer fit."""
    row = application.answers.filter(step=step).first() or Answer(application=application, step=step, version=0)
    row.version, row.saved_at, row.stale = row.version + 1, known.now, False
    vault.seal(row, "content", _as_text(clean))
    row.save()
    _mark_stale(application, Known(known.now, {**known.answers, step: clean}))
    return row


def _note_documents(application: Application, investor: Investor, now: datetime) -> None:
    """The step ``documents`` says what is there; it is done once nothing that is needed is missing."""
    known = Known(now, _open(application, purpose=Purpose.DRAFT, actor=investor.actor, now=now))
    _keep(application, "documents", {"given": sorted(evidence.current(application))}, known)


def _as_text(answers: Answers) -> str:
    return json.dumps(answers, ensure_ascii=False)


def _keep_numbers(investor: Investor, clean: Answers, before: Answers, now: datetime) -> Answers:
    """Put new identity numbers into their own tables; of the answers only the last digits remain."""
    told: dict[str, Any] = {key: ending for key, ending in before.items() if key.endswith("_ending")}
    for kind in SECRETS:
        if number := clean.pop(kind, ""):
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


def _move(
    application: Application,
    old: Iterable[Status],
    new: Status,
    *,
    actor: str,
    now: datetime,
    reasons: Iterable[str] = (),
) -> None:
    moved = Application.objects.filter(pk=application.pk, status__in=list(old)).update(status=new)
    if moved != 1:
        raise NotEditable(_("This application has moved on meanwhile."))
    StatusChange.objects.create(
        application=application, old=application.status, new=new, actor=actor, reasons=list(reasons), at=now
    )
    audit.record(actor=actor, verb=new.value, subject=str(application), now=now, reasons=list(reasons))
