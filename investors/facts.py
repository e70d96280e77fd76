"""Gathering the facts of one application for the rules (D11): from its answers, the settings and the other people."""

import json
from datetime import date, datetime
from typing import Any

from fund import envelope
from fund.governance import config
from investors import agreements, comprehension, duplicates, evidence, people, suitability, tax_forms
from investors.applications import Application
from investors.eligibility.facts import Facts
from investors.people import Investor, MyNumber, TaxpayerNumber
from investors.screening import screen
from investors.screening.models import Hit
from investors.steps import Answers, Known, papers


def gather(*, application: Application, answers: dict[str, Answers], now: datetime) -> Facts:
    """The facts as they are at ``now``; the age is that on the day of the submission (D6)."""
    investor = application.investor
    applied = Known(application.submitted_at or now, answers)
    today = Known(now, answers).today
    residence, document = answers.get("residence", {}), answers.get("identity_document", {})
    pictured = evidence.current(application)
    mismatches = suitability.mismatches(answers.get("suitability", {}))
    tax = answers.get("tax", {})
    alike = duplicates.standing(investor=investor)
    return Facts(
        nations=tuple(applied.nations),
        age=people.age(applied.born, applied.today) if applied.born else 0,
        adult_age=adult_age(country=applied.country, state=residence.get("state", ""), at=now),
        residence=applied.country,
        accepted_residences=tuple(config.get("residence.accepted", at=now)),
        document=document.get("kind", ""),
        document_issuer=document.get("issuer", ""),
        document_days_left=_days(today, document.get("expires_on")),
        document_age=_days(_day(document.get("issued_on")), today.isoformat()),
        register_days=config.get("document.register_days", at=now),
        documents=tuple(sorted(pictured)),
        documents_missing=tuple(kind.value for kind in papers.needed(applied) if kind not in pictured),
        same_file=tuple(evidence.elsewhere(application)),
        numbers=_numbers(investor),
        same_number=tuple(sorted(pair.other(investor) for pair in alike if pair.by_number)),
        same_person=tuple(sorted(pair.other(investor) for pair in alike if not pair.by_number)),
        sanctions_lists=tuple(str(version) for version in screen.in_force()),
        hits_open=_hits(investor, Hit.State.OPEN),
        hits_confirmed=_hits(investor, Hit.State.CONFIRMED),
        tax_forms_needed=tuple(tax_forms.needed(us_person=tax["us_person"])) if tax else (),
        tax_forms_certified=tuple(tax_forms.in_force(investor=investor, on=now.date()).values_list("form", flat=True)),
        mismatches=tuple(mismatches),
        mismatches_refused=tuple(suitability.refused(mismatches, config.get("suitability.mismatch", at=now))),
        mismatch_acknowledged=bool(answers.get("suitability", {}).get("acknowledged")),
        questions_wrong=tuple(question.code for question in comprehension.wrong(answers.get("comprehension", {}))),
        agreements_needed=tuple(
            sorted({one.code for one in agreements.in_force(kinds=agreements.FOR_JOINING, at=now)})
        ),
        agreements_accepted=tuple(sorted(agreements.accepted(investor=investor))),
    )


def adult_age(*, country: str, state: str, at: datetime) -> int:
    """The age of majority where somebody lives; elsewhere the strictest one (D6)."""
    ages: dict[str, int] = config.get("age.adult", at=at)
    return ages.get(f"{country}-{state}", ages.get(country, max(ages.values())))


def digest(answers: dict[str, Answers]) -> bytes:
    """A keyed fingerprint of all answers."""
    return envelope.blind_index(json.dumps(answers, sort_keys=True, ensure_ascii=False), purpose="answers")


def _hits(investor: Investor, state: Hit.State) -> tuple[str, ...]:
    return tuple(sorted(str(pk) for pk in investor.hits.filter(state=state).values_list("pk", flat=True)))


def _numbers(investor: Investor) -> tuple[str, ...]:
    kinds: list[Any] = list(TaxpayerNumber.objects.filter(pk=investor.pk).values_list("kind", flat=True))
    return tuple(kinds + ["my_number"] * MyNumber.objects.filter(pk=investor.pk).exists())


def _day(told: str | None) -> date | None:
    return date.fromisoformat(told) if told else None


def _days(start: date | None, end: str | None) -> int | None:
    return (date.fromisoformat(end) - start).days if start and end else None
