"""Judging what was submitted (D10, D11): the rules recommend, an officer decides."""

from collections.abc import Iterable, Iterator
from datetime import datetime

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from fund import holders
from fund.governance import audit, config
from fund.governance.officers import Officer
from fund.holders import Holder, Nation
from fund.payments import payer_names
from investors import bank_accounts, casework, duplicates, evidence, facts, people, reverification, vault
from investors.applications import Application, Assessment, Decision, Occasion, Reason, Status
from investors.cases import CannotDecide, as_text, lock, locked, move, on_duty, opened, tell
from investors.duplicates import Finding, Pair
from investors.eligibility import decide as rules
from investors.people import Investor, TaxpayerNumber
from investors.screening import screen
from investors.steps import Answers, Known
from investors.vault import Purpose


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
        tell("application.decided", application, now)
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

    Raises NotOnDuty, or CannotDecide for an application not in review or with another officer, missing or unknown
    reasons, or failed rules.
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
    casework.check_free(application=application, officer=officer, now=now)
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
    tell("application.decided", application, now)
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
