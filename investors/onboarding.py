"""Onboarding (D10): draft → submitted → in review → approved, refused or more information needed.

A draft is saved at every step. The rules judge what was submitted and recommend; an officer decides.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from fund import holders
from fund.governance import audit, config, outbox
from fund.governance.officers import Officer
from fund.holders import Holder, Nation
from fund.payments import payer_names
from fund.refusal import Refusal
from investors import (
    agreements,
    bank_accounts,
    duplicates,
    evidence,
    facts,
    people,
    prospects,
    reverification,
    steps,
    tax_forms,
    vault,
)
from investors.applications import EDITABLE, Answer, Application, Assessment, Decision, Occasion, Reason, Status
from investors.cases import CannotDecide, NotEditable, as_text, copied, lock, locked, move, on_duty, opened
from investors.duplicates import Finding, Pair
from investors.eligibility import decide as rules
from investors.evidence import Document, Taken
from investors.people import Investor, TaxpayerNumber
from investors.prospects import Barrier
from investors.screening import screen
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


# ── the citizen ──


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
    _tell("application.submitted", application, now)
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


# ── the rules and the officer ──


@transaction.atomic
def assess(*, application_id: int, now: datetime) -> Assessment | None:
    """Judge a submitted application by the rules and put it before an officer; None when that was done before.

    A re-verification in which nothing of weight has changed and every rule passes is extended at once.
    """
    application = locked(application_id)
    if application.status != Status.SUBMITTED:
        return None
    assessment = _assess(application, actor="system", now=now)
    again = application.occasion == Occasion.REVERIFICATION
    if again and assessment.passed and not application.changed:
        _take_over(application, actor="system", now=now)
        move(application, [Status.SUBMITTED], Status.APPROVED, actor="system", now=now)
        _tell("application.decided", application, now)
    else:
        move(application, [Status.SUBMITTED], Status.IN_REVIEW, actor="system", now=now)
    return assessment


def review(
    *, application_id: int, officer: Officer, now: datetime, purpose: Purpose = Purpose.REVIEW
) -> dict[str, Answers]:
    """The answers, for the officer who reads them; identity numbers by their last digits. The reading is logged."""
    on_duty(officer, now)
    application = Application.objects.select_related("investor").get(pk=application_id)
    audit.record(actor=officer.actor, verb="review", subject=str(application), now=now, purpose=purpose.value)
    return opened(application, purpose=purpose, actor=officer.actor, now=now)


@transaction.atomic
def decide(
    *, application_id: int, officer: Officer, outcome: str, reasons: Iterable[str] = (), now: datetime
) -> Decision:
    """Approve, refuse or ask for more. The rules are asked again; approval needs every one of them to pass.

    Raises NotOnDuty, or CannotDecide for an application not in review, missing or unknown reasons, or failed rules.
    """
    on_duty(officer, now)
    application = locked(application_id)
    if application.status != Status.IN_REVIEW:
        raise CannotDecide(_("This application is not in review."))
    result, why = Decision.Outcome(outcome), sorted(set(reasons))
    if unknown := set(why) - set(Reason.values):
        raise CannotDecide(_("There is no such reason."), reasons=sorted(unknown))
    if result != Decision.Outcome.APPROVED and not why:
        raise CannotDecide(_("Please say why: the applicant has a right to know."))
    _check_not_appealed(application, officer)
    assessment = _assess(application, actor=officer.actor, now=now)
    if result == Decision.Outcome.APPROVED:
        _approve(application, assessment, officer, now)
    return _decided(application, assessment, result, why, officer, now)


@transaction.atomic
def settle_pair(*, pair_id: int, officer: Officer, outcome: str, reason: str, now: datetime) -> Finding:
    """Find two registrations to be of one person or of different people (D5); an earlier finding can be revised.

    One person: the registration of the holder, else the one submitted first, is kept, and the other's application is
    refused. Where that shows a second citizenship, the holder is asked to confirm both in a re-verification.
    Raises NotOnDuty, and CannotDecide without a reason, when the other's application cannot be refused now, or when
    both are holders.
    """
    on_duty(officer, now)
    pair = Pair.objects.select_related("first", "second").get(pk=pair_id)
    lock(pair.first)
    lock(pair.second)
    if outcome != Pair.State.SAME:
        return duplicates.record(
            pair=pair, outcome=Pair.State(outcome), kept=None, officer=officer, reason=reason, now=now
        )
    kept, other = duplicates.in_order(pair)
    application = locked(other.pk)
    if application.status not in (Status.IN_REVIEW, Status.MORE_INFORMATION):
        raise CannotDecide(_("The later application cannot be refused as it stands. Please look at it first."))
    _check_not_appealed(application, officer)
    finding = duplicates.record(
        pair=pair, outcome=Pair.State.SAME, kept=kept.investor, officer=officer, reason=reason, now=now
    )
    assessment = _assess(application, actor=officer.actor, now=now)
    why = [Reason.NO_DUPLICATE.value]
    _decided(application, assessment, Decision.Outcome.REFUSED, why, officer, now)
    both = set(kept.investor.nations) | set(assessment.facts["nations"])
    if kept.investor.holder_id and both != set(kept.investor.nations) and "citizenship" not in assessment.failed:
        reverification.open_for(investor=kept.investor, nations=both, now=now)
    return finding


def _decided(
    application: Application,
    assessment: Assessment,
    outcome: Decision.Outcome,
    reasons: list[str],
    officer: Officer,
    now: datetime,
) -> Decision:
    """Keep the decision, move the application on and let its citizen know."""
    decision = Decision.objects.create(
        application=application,
        assessment=assessment,
        outcome=outcome,
        reasons=reasons,
        officer=officer,
        decided_at=now,
    )
    before = [Status.IN_REVIEW, Status.MORE_INFORMATION]
    move(application, before, Status(outcome.value), actor=officer.actor, now=now, reasons=reasons)
    if outcome != Decision.Outcome.MORE_INFORMATION:
        evidence.forget_replaced(application=application, now=now)
    if outcome == Decision.Outcome.REFUSED:
        duplicates.let_go(investor=application.investor, now=now)
        Investor.objects.filter(pk=application.investor_id, verified_until__gt=now).update(verified_until=now)
    _tell("application.decided", application, now)
    return decision


def _check_not_appealed(application: Application, officer: Officer) -> None:
    """Whoever made a decision that was appealed against does not decide again; the database refuses it as well."""
    own = application.decisions.filter(appeal__isnull=False, officer__person=officer.person)
    if own.exists():
        raise CannotDecide(_("You refused this application before the appeal: another officer decides now."))


def _assess(application: Application, *, actor: str, now: datetime) -> Assessment:
    answers = opened(application, purpose=Purpose.REVIEW, actor=actor, now=now)
    screen.screen(investor=application.investor, answers=answers, now=now)
    duplicates.look(investor=application.investor, answers=answers, now=now)
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


def _approve(application: Application, assessment: Assessment, officer: Officer, now: datetime) -> None:
    """Approve what every rule has passed."""
    if failed := sorted(assessment.failed):
        raise CannotDecide(
            _("Rules are not met, so this application cannot be approved: %(rules)s.") % {"rules": ", ".join(failed)},
            rules=failed,
        )
    _take_over(application, actor=officer.actor, now=now)


def _take_over(application: Application, *, actor: str, now: datetime) -> None:
    """Take the answers over into the person's own record, which is verified from now on; a new holder is registered."""
    answers = opened(application, purpose=Purpose.REVIEW, actor=actor, now=now)
    investor, nations = application.investor, Known(now, answers).nations
    for column, content in (
        ("name", as_text(answers["name"])),
        ("birth_date", answers["birth"]["birth_date"]),
        ("residence", as_text(answers["residence"])),
    ):
        vault.seal(investor, column, content)
    investor.nations, investor.likeness = nations, list(duplicates.likeness(answers).values())
    investor.verified_until = people.months_later(now, months=config.get("reverification.months", at=now))
    if investor.holder is None:
        country = answers["residence"]["country"]
        nation = Nation(country if country in nations else nations[0])
        investor.holder = holders.register(kind=Holder.Kind.CITIZEN, nation=nation, now=now)
        investor.state = Investor.State.APPROVED
    _hold(investor)
    payer_names.know(holder_id=investor.holder.pk, names=_paid_under(answers))
    if application.occasion == Occasion.JOINING:
        bank_accounts.record(investor=investor, answers=answers["bank_account"], usable_from=now, now=now)


def _paid_under(answers: Answers) -> Iterator[str]:
    """The names that the person's own bank account can carry: each writing, with and without the middle name."""
    told = answers["name"]
    for writing in ("latin", "kana", "kanji"):
        family, given, middle = (told.get(f"{part}_{writing}") or "" for part in ("family", "given", "middle"))
        if family and given:
            yield f"{family} {given}"
            yield f"{family} {given} {middle}"
    yield answers.get("bank_account", {}).get("holder") or ""


def _hold(investor: Investor) -> None:
    """From here on the database refuses a second holder with one of these numbers, or one who is like this one (D5)."""
    try:
        with transaction.atomic():
            investor.save()
            TaxpayerNumber.objects.filter(pk=investor.pk).update(registered=True)
            people.MyNumber.objects.filter(pk=investor.pk).update(registered=True)
    except IntegrityError:
        raise CannotDecide(
            _("Another registration may be of the same person. That case is decided first."),
            rules=[Reason.NO_DUPLICATE.value],
        ) from None


# ── what they share ──


def _tell(topic: str, application: Application, now: datetime) -> None:
    outbox.leave(
        topic=topic,
        subject=f"application:{application.pk}",
        now=now,
        investor=application.investor_id,
        application=application.pk,
    )


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
