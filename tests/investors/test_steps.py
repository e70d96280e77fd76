"""Every step explains what is wrong with an answer and describes itself to forms (D6, D12, D13, D17)."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from fund.governance import config
from investors import comprehension, judging, onboarding, steps, tax_forms
from investors.agreements import Acceptance
from investors.passports import check_digit
from investors.steps import Known
from tests.investors.conftest import NOW, RIGHT, american, fill, japanese

pytestmark = pytest.mark.django_db


def known_of(answers):
    """As after all steps; numbers as the draft keeps them."""
    return Known(NOW, {step: given for step, given in answers.items() if step != "numbers"})


def refused(step, given, answers=None):
    with pytest.raises(ValidationError) as error:
        steps.clean(step, given, known_of(answers or japanese()))
    return {field: [one.code for one in errors] for field, errors in error.value.error_dict.items()}


@pytest.mark.parametrize("answers", [japanese(), american()])
def test_every_step_asks_for_what_it_needs(answers):
    for code in (code for code, step in steps.STEPS.items() if step.fields):
        known = known_of(answers)
        required = {one["name"] for one in steps.describe(code, known)["fields"] if one["required"] and not one["when"]}
        assert set(refused(code, {}, answers)) == required, code


def test_a_step_is_described_in_both_languages():
    for language, label in (("en", "Tokyo"), ("ja", "東京都")):
        with translation.override(language):
            described = steps.describe("residence", known_of(japanese()))
        by_name = {one["name"]: one for one in described["fields"]}
        assert {"value": "13", "label": label} in by_name["prefecture"]["choices"]
        assert by_name["prefecture"]["when"] == {"field": "country", "values": ["JP"]}
        assert by_name["country"]["choices"][0]["value"] == "US"


def test_fields_depend_on_nation_and_residence():
    def asked(answers):
        return {one["name"]: one["required"] for one in steps.describe("numbers", known_of(answers))["fields"]}

    assert asked(japanese()) == {"my_number": True}
    assert asked(american()) == {"ssn": True}
    abroad = american(citizenship={"nations": ["JP"]})
    assert asked(abroad) == {"ssn": False, "itin": False, "my_number": False}
    assert "family_kanji" not in {one["name"] for one in steps.describe("name", known_of(american()))["fields"]}


def test_a_resident_of_the_us_gives_one_of_the_two_numbers():
    abroad = american(citizenship={"nations": ["JP"]})
    assert refused("numbers", {"my_number": "621498320257"}, abroad) == {"ssn": ["required"]}
    assert steps.clean("numbers", {"itin": "912-90-3456"}, known_of(abroad))["itin"] == "912903456"


def test_unknown_fields_are_refused():
    with pytest.raises(ValidationError) as error:
        steps.clean("birth", {"birth_date": "1990-04-30", "state": "approved"}, known_of(japanese()))
    assert error.value.code == "unknown_field"


@pytest.mark.parametrize("wrong", ["2026-11-21", "1899-12-31", "30.4.1990", "1990-02-30", 1990, True, ["1990-04-30"]])
def test_days_of_birth(wrong):
    assert "birth_date" in refused("birth", {"birth_date": wrong})


@pytest.mark.parametrize(
    ("step", "field", "wrong"),
    [
        ("citizenship", "nations", ["FR"]),
        ("citizenship", "nations", "JP"),
        ("citizenship", "nations", {"JP": 1}),
        ("citizenship", "nations", []),
        ("citizenship", "nations", 7),
        ("residence", "country", "XX"),
        ("residence", "city", "\u202eTokyo"),
        ("residence", "city", "x" * 201),
        ("residence", "postcode", "123"),
        ("residence", "phone", "12"),
        ("residence", "prefecture", "48"),
        ("name", "family_kana", "Takasaki"),
        ("tax", "certified", "false"),
        ("tax", "us_person", "perhaps"),
        ("tax", "us_person", 1.5),
        ("bank_account", "holder", "ヤマダ タロウ"),
        ("bank_account", "branch_code", "998"),
        ("bank_account", "bank_code", "9998"),
    ],
)
def test_wrong_answers_are_named_by_field(step, field, wrong):
    assert list(refused(step, japanese()[step] | {field: wrong})) == [field]


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"kind": "passport_card", "issuer": "JP"}, "kind"),
        ({"kind": "family_register", "issuer": "US", "issued_on": "2026-10-01"}, "kind"),
        ({"number": "12"}, "number"),
        ({"expires_on": "soon"}, "expires_on"),
        ({"expires_on": ""}, "expires_on"),
    ],
)
def test_documents(document, field):
    assert list(refused("identity_document", japanese()["identity_document"] | document)) == [field]


def test_a_machine_readable_zone_must_say_the_same():
    passport = {"kind": "passport", "issuer": "US", "number": "340020013", "expires_on": "2017-12-14"}
    answers = american(
        birth={"birth_date": "1981-01-01"},
        name={"family_latin": "Traveler", "given_latin": "Happy", "middle_latin": ""},
    )
    second = (
        f"340020013{check_digit('340020013')}USA810101{check_digit('810101')}F171214{check_digit('171214')}" + "<" * 14
    )
    second += "<" + check_digit(second[0:10] + second[13:20] + second[21:42] + "<")
    zone = "P<USATRAVELER<<HAPPY".ljust(44, "<") + "\n" + second
    assert steps.clean("identity_document", passport | {"mrz": zone}, known_of(answers))["number"] == "340020013"
    for other in ({"number": "340020014"}, {"expires_on": "2018-12-14"}, {"issuer": "JP"}):
        assert refused("identity_document", passport | {"mrz": zone} | other, answers) == {"mrz": ["mrz_differs"]}
    assert refused("identity_document", passport | {"mrz": zone}) == {"mrz": ["mrz_differs"]}


def test_a_citizen_of_the_us_is_a_us_person_wherever_she_lives():
    answers = american()["tax"] | {"us_person": "false", "treaty_claim": "false", "foreign_status": "true"}
    assert refused("tax", answers, american()) == {"us_person": ["us_person"]}


def test_the_interview_names_its_forms():
    assert steps.clean("tax", japanese()["tax"], known_of(japanese()))["forms"] == ["w8ben", "crs"]
    assert steps.clean("tax", american()["tax"], known_of(american()))["forms"] == ["w9", "crs"]


def test_other_tax_residences_need_an_explanation_or_a_number():
    assert refused("tax", japanese()["tax"] | {"tax_residences": ["FR"]}) == {
        "explanation": ["required"],
        "foreign_numbers": ["required"],
    }


def test_a_w8ben_lapses_after_three_calendar_years(investor):
    fill(investor, japanese())
    onboarding.submit(investor=investor, now=NOW)
    form = tax_forms.in_force(investor=investor, on=NOW.date()).get(form="w8ben")
    assert form.lapses_on.isoformat() == "2029-12-31"
    assert form.treaty_claim
    kept = lambda day: set(tax_forms.in_force(investor=investor, on=day).values_list("form", flat=True))  # noqa: E731
    assert kept(form.lapses_on) == {"crs", "w8ben"}
    assert kept(form.lapses_on.replace(year=2030, month=1, day=1)) == {"crs"}


@pytest.mark.parametrize(
    ("answer", "value"),
    [("purpose", "quick_gain"), ("horizon", "under_3"), ("loss_capacity", "tenth"), ("experience", "none")],
)
def test_a_mismatch_must_be_acknowledged(answer, value):
    given = japanese()["suitability"] | {answer: value}
    assert refused("suitability", given) == {"acknowledged": ["mismatch"]}
    clean = steps.clean("suitability", given | {"acknowledged": "true"}, known_of(japanese()))
    assert clean["mismatches"] == [answer]


def test_policy_can_refuse_a_mismatch_instead(monkeypatch, investor):
    declared = config.Declared("", {"horizon": "refuse"})
    monkeypatch.setitem(config.DECLARED, "suitability.mismatch", declared)
    fill(investor, japanese(suitability={"horizon": "under_3"}))
    application = onboarding.submit(investor=investor, now=NOW)
    assert judging.assess(application_id=application.pk, now=NOW).failed == ["suitability"]


def test_a_wrong_answer_is_explained_and_can_be_given_again():
    with pytest.raises(ValidationError) as error:
        steps.clean("comprehension", RIGHT | {"leverage": "same"}, known_of(japanese()))
    (explained,) = error.value.error_dict["leverage"]
    assert explained.code == "wrong_answer"
    assert explained.message == comprehension.QUESTIONS[1].explanation
    assert steps.clean("comprehension", RIGHT, known_of(japanese())) == RIGHT


def test_all_agreements_in_force_must_be_accepted(investor):
    assert refused("agreements", {"accepts": ["terms:1"], "language": "en"}) == {"accepts": ["agreements_missing"]}
    fill(investor, japanese())
    kept = Acceptance.objects.filter(investor=investor).select_related("agreement")
    assert {one.agreement.language for one in kept} == {"ja"}
    assert all(one.sha256 == one.agreement.sha256 and one.accepted_at == NOW for one in kept)
    assert len(kept) == 4
