"""People of the tests: none of them exists, their numbers are the published examples."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import pytest
from django.contrib.auth import get_user_model

from fund.governance.officers import Duty, Officer
from investors import judging, onboarding, people
from investors.evidence import Taken
from investors.people import Investor
from investors.steps import Known, papers
from portal.demonstration import specimens

NOW = datetime(2026, 11, 20, 3, tzinfo=UTC)

RIGHT = {"illiquidity": "windows", "leverage": "larger", "currency": "falls", "loss": "all"}
FITTING = {"purpose": "growth", "horizon": "over_10", "loss_capacity": "all", "experience": "much"}
ACCEPTED = ["pre_contract:1", "prospectus:1", "terms:1", "privacy:1"]


def japanese(**other: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The answers of a citizen of Japan who lives there; ``other`` replaces answers by step."""
    answers: dict[str, dict[str, Any]] = {
        "citizenship": {"nations": ["JP"]},
        "name": {
            "family_kanji": "髙﨑",
            "given_kanji": "翔太",
            "family_kana": "タカサキ",
            "given_kana": "ショウタ",
            "family_latin": "TAKASAKI",
            "given_latin": "SHOTA",
        },
        "birth": {"birth_date": "1990-04-30"},
        "residence": {
            "country": "JP",
            "postcode": "１００ー０００５",
            "prefecture": "13",
            "city": "千代田区",
            "street": "丸の内１－２－３",
            "phone": "０９０-１２３４-５６７８",
        },
        "numbers": {"my_number": "６２１４ ９８３２ ０２５７"},
        "identity_document": {"kind": "passport", "issuer": "JP", "number": "TK1234567", "expires_on": "2030-05-01"},
        "tax": {
            "us_person": "false",
            "tax_residences": ["JP"],
            "treaty_claim": "true",
            "foreign_status": "true",
            "certified": "true",
            "signature": "髙﨑翔太",
        },
        "suitability": dict(FITTING),
        "comprehension": dict(RIGHT),
        "bank_account": {
            "country": "JP",
            "holder": "ﾀｶｻｷ ｼﾖｳﾀ",
            "bank_code": "0001",
            "branch_code": "001",
            "deposit_type": "ordinary",
            "deposit_number": "１２３４５６７",
        },
        "agreements": {"accepts": list(ACCEPTED), "language": "ja"},
    }
    return _replaced(answers, other)


def american(**other: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The answers of a citizen of the United States who lives in New York."""
    answers: dict[str, dict[str, Any]] = {
        "citizenship": {"nations": ["US"]},
        "name": {"family_latin": "O'Neill", "given_latin": "José", "middle_latin": "Marie"},
        "birth": {"birth_date": "1985-02-28"},
        "residence": {
            "country": "US",
            "postcode": "10001-1234",
            "state": "NY",
            "city": "New York",
            "street": "1 Main Street",
            "phone": "(212) 555-2368",
        },
        "numbers": {"ssn": "536-90-4399"},
        "identity_document": {
            "kind": "passport_card",
            "issuer": "US",
            "number": "C03004786",
            "expires_on": "2031-01-01",
        },
        "tax": {
            "us_person": "true",
            "tax_residences": ["US"],
            "backup_withholding": "false",
            "certified": "true",
            "signature": "José O'Neill",
        },
        "suitability": dict(FITTING),
        "comprehension": dict(RIGHT),
        "bank_account": {
            "country": "US",
            "holder": "JOSE M ONEILL",
            "routing_number": "111000025",
            "account_type": "checking",
            "account_number": "000123456789",
        },
        "agreements": {"accepts": list(ACCEPTED), "language": "en"},
    }
    return _replaced(answers, other)


def _replaced(answers: dict[str, dict[str, Any]], other: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {step: answers[step] | other.get(step, {}) for step in answers}


@pytest.fixture
def person(db: None) -> Callable[[str], Investor]:
    def register(email: str) -> Investor:
        user = get_user_model().objects.create_user(email, language="ja")
        return people.register(user=user, now=NOW)

    return register


@pytest.fixture
def investor(person: Callable[[str], Investor]) -> Investor:
    return person("applicant@example.org")


def make_officer(duty: Duty = Duty.ONBOARDING, nation: str = "JP", email: str = "officer@example.org") -> Officer:
    return Officer.objects.create(
        user=get_user_model().objects.create_user(email),
        person=f"P-{email}",
        nation=nation,
        name_en="Officer",
        name_ja="担当官",
        duties=[duty],
        in_office_from=datetime(2026, 1, 1, tzinfo=UTC),
    )


@pytest.fixture
def officer(db: None) -> Officer:
    return make_officer()


def fill(investor: Investor, answers: dict[str, dict[str, Any]], *, now: datetime = NOW) -> None:
    """Save every step in its order, and give the documents that are needed then."""
    for step, given in answers.items():
        onboarding.save(investor=investor, step=step, answers=given, now=now)
    for kind in papers.needed(Known(now, answers)):
        onboarding.add_document(investor=investor, kind=kind, taken=specimen(f"{investor.pk} {kind}"), now=now)


@cache
def specimen(text: str) -> Taken:
    """A document as if its file had been read; another text is another file."""
    return specimens.taken(text)


def submitted(investor: Investor, answers: dict[str, dict[str, Any]], *, now: datetime = NOW) -> int:
    """Fill, submit and assess; the application's id."""
    fill(investor, answers, now=now)
    application = onboarding.submit(investor=investor, now=now)
    judging.assess(application_id=application.pk, now=now)
    return application.pk


def approved(
    investor: Investor, answers: dict[str, dict[str, Any]], officer: Officer, *, now: datetime = NOW
) -> Investor:
    """All the way to a holder."""
    application_id = submitted(investor, answers, now=now)
    judging.decide(application_id=application_id, officer=officer, outcome="approved", now=now)
    investor.refresh_from_db()
    return investor
