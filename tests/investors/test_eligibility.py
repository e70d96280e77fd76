"""Each rule alone, passed and failed, and all together (D6, D7, D11–D13, D18)."""

from dataclasses import replace
from datetime import date

import pytest
from django.utils import translation

from fund.money import Currency, Money
from investors import people
from investors.eligibility import cap, decide
from investors.eligibility.facts import Facts

GOOD = Facts(
    nations=("JP",),
    age=36,
    adult_age=18,
    residence="JP",
    accepted_residences=("US", "JP"),
    document="passport",
    document_issuer="JP",
    document_days_left=400,
    document_age=None,
    register_days=90,
    documents=("passport_page",),
    documents_missing=(),
    same_file=(),
    numbers=("my_number",),
    same_number=(),
    same_person=(),
    sanctions_lists=("ofac:1", "un:2"),
    hits_open=(),
    hits_confirmed=(),
    tax_forms_needed=("w8ben", "crs"),
    tax_forms_certified=("crs", "w8ben"),
    mismatches=(),
    mismatches_refused=(),
    mismatch_acknowledged=False,
    questions_wrong=(),
    agreements_needed=("terms:1",),
    agreements_accepted=("terms:1",),
)
REGISTER = replace(GOOD, document="family_register", document_days_left=None, document_age=90)


def test_good_facts_pass_every_rule():
    decision = decide.assess(GOOD)
    assert decision.passed
    assert [outcome.code for outcome in decision.outcomes] == [
        "citizenship",
        "adult",
        "residence",
        "identity_document",
        "number_valid",
        "no_duplicate",
        "sanctions_clear",
        "tax_forms",
        "suitability",
        "comprehension",
        "agreements",
    ]


@pytest.mark.parametrize(
    ("changed", "failed"),
    [
        ({"nations": ()}, "citizenship"),
        ({"document_issuer": "US"}, "citizenship"),
        ({"age": 17}, "adult"),
        ({"age": 18, "adult_age": 19}, "adult"),
        ({"residence": "FR", "numbers": ()}, "residence"),
        ({"document_days_left": -1}, "identity_document"),
        ({"document_days_left": None}, "identity_document"),
        ({"document": "family_register", "document_age": 91}, "identity_document"),
        ({"document": "family_register", "document_age": -1}, "identity_document"),
        ({"document": "family_register", "document_age": None}, "identity_document"),
        ({"documents": ()}, "identity_document"),
        ({"documents_missing": ("passport_page",)}, "identity_document"),
        ({"numbers": ()}, "number_valid"),
        ({"numbers": ("ssn",)}, "number_valid"),
        ({"residence": "US", "numbers": ("my_number",)}, "number_valid"),
        ({"nations": ("US", "JP"), "numbers": ("itin", "my_number")}, "number_valid"),
        ({"same_number": (7,)}, "no_duplicate"),
        ({"same_person": (7,)}, "no_duplicate"),
        ({"hits_open": ("a",)}, "sanctions_clear"),
        ({"hits_confirmed": ("a",)}, "sanctions_clear"),
        ({"tax_forms_certified": ("crs",)}, "tax_forms"),
        ({"tax_forms_needed": ()}, "tax_forms"),
        ({"mismatches": ("horizon",)}, "suitability"),
        (
            {"mismatches": ("horizon",), "mismatches_refused": ("horizon",), "mismatch_acknowledged": True},
            "suitability",
        ),
        ({"questions_wrong": ("loss",)}, "comprehension"),
        ({"agreements_accepted": ()}, "agreements"),
        ({"agreements_needed": ("terms:2",)}, "agreements"),
        ({"agreements_needed": ()}, "agreements"),
    ],
)
def test_each_rule_fails_alone(changed, failed):
    assert decide.assess(replace(GOOD, **changed)).failed == [failed]


@pytest.mark.parametrize(
    "changed",
    [
        {"age": 18},
        {"document_days_left": 0},
        {"mismatches": ("horizon",), "mismatch_acknowledged": True},
        {"residence": "US", "numbers": ("itin",)},
        {"residence": "US", "numbers": ("ssn",)},
        {"nations": ("US", "JP"), "numbers": ("ssn", "my_number")},
    ],
)
def test_what_is_just_enough_passes(changed):
    assert decide.assess(replace(GOOD, **changed)).passed


def test_a_recent_certificate_of_the_family_register_is_a_document():
    assert decide.assess(REGISTER).passed


def test_everything_that_fails_is_told_at_once():
    assert decide.assess(replace(GOOD, age=10, residence="FR", questions_wrong=("loss",))).failed == [
        "adult",
        "residence",
        "comprehension",
    ]


def test_facts_survive_being_kept():
    assert Facts.from_json(GOOD.to_json()) == GOOD


def test_a_reason_is_kept_in_both_languages_whatever_the_language_of_the_moment():
    with translation.override("ja"):
        kept = decide.assess(GOOD).outcomes[1].to_json()
    assert kept["reason_en"] == "Of age on the day of the application."
    assert set(kept) == {"code", "passed", "evidence", "reason_en", "reason_ja"}


@pytest.mark.parametrize(
    ("born", "on", "years"),
    [
        (date(2008, 11, 20), date(2026, 11, 19), 17),
        (date(2008, 11, 20), date(2026, 11, 20), 18),
        (date(2008, 2, 29), date(2026, 2, 28), 17),
        (date(2008, 2, 29), date(2026, 3, 1), 18),
        (date(2008, 2, 29), date(2028, 2, 28), 19),
        (date(2008, 2, 29), date(2028, 2, 29), 20),
        (date(2007, 3, 1), date(2028, 2, 29), 20),
    ],
)
def test_age_with_leap_days(born, on, years):
    assert people.age(born, on) == years


@pytest.mark.parametrize(("new", "passed"), [(4_000_000, True), (4_000_001, False)])
def test_the_cap_counts_what_is_held_what_is_on_order_and_the_new_order(new, passed):
    figures = cap.Figures(
        cap=Money(15_000_000, Currency.JPY),
        held=Money(6_000_000, Currency.JPY),
        on_order=Money(5_000_000, Currency.JPY),
        new=Money(new, Currency.JPY),
    )
    outcome = cap.judge(figures)
    assert outcome.passed is passed
    assert outcome.evidence["room"] == "JPY 4000000"


def test_above_the_cap_there_is_no_room():
    yen = lambda amount: Money(amount, Currency.JPY)  # noqa: E731
    assert cap.Figures(cap=yen(10), held=yen(20), on_order=yen(0), new=yen(1)).room == yen(0)
