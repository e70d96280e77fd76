"""The application without JavaScript: every step by its form, in both languages, to the decision."""

import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from fund.governance.officers import Officer
from investors import appeals, judging, onboarding, steps
from investors.people import Investor
from investors.steps import Known, papers
from tests.investors import files
from tests.investors.conftest import american, japanese
from tests.portal.web import stage
from tests.portal.web.reading import Reader
from tests.portal.web.stage import NOW


@pytest.fixture
def applicant(keys: tuple[Officer, Officer]) -> Investor:
    return stage.person("neu@example.org")


def form_of(html: str) -> set[str]:
    """The names that the page's own form would send."""
    page = Reader(html)
    return {attrs["name"] for tag in ("input", "select", "textarea") for attrs in page.of(tag) if "name" in attrs}


@pytest.mark.parametrize(("language", "answers"), [("ja", japanese()), ("en", american())])
def test_the_whole_way(applicant: Investor, signed_in: Any, language: str, answers: dict[str, dict[str, Any]]) -> None:
    client: Client = signed_in(applicant)
    for code, given in answers.items():
        page = client.get(f"/{language}/join/{code}")
        assert set(given) <= form_of(page.content.decode()), f"{code}: the form does not ask all of it"
        answer = client.post(f"/{language}/join/{code}", given)
        assert answer.status_code == 302, re.findall(r'usa-error-message">([^<]*)', answer.content.decode())
    for kind in papers.needed(Known(NOW, answers)):
        file = SimpleUploadedFile("IMG_0001.JPG", files.picture(colour="red" if kind == "card_back" else "teal"))
        answer = client.post(f"/{language}/join/documents", {"kind": kind, "version": "0", "file": file})
        assert answer.status_code == 302, answer.content.decode()
    assert onboarding.remaining(investor=applicant) == []
    assert client.post(f"/{language}/join/submit").status_code == 302
    application = onboarding.current(investor=applicant)
    assert application is not None
    assert application.status == "submitted"
    words = {"ja": "規則による確認", "en": "Checked by the rules"}
    assert words[language] in client.get(f"/{language}/join/").content.decode()
    assert client.get(f"/{language}/join/name").status_code == 302, "what was sent is not edited any more"


def test_each_step_leads_to_the_next(applicant: Investor, signed_in: Any) -> None:
    client: Client = signed_in(applicant)
    answer = client.post("/en/join/citizenship", {"nations": ["US"]})
    assert answer["Location"] == "/en/join/birth"
    assert "11 steps left" in client.get("/en/join/").content.decode()


def test_errors_stand_in_a_summary_and_beside_the_field_and_nothing_is_lost(
    applicant: Investor, signed_in: Any
) -> None:
    client: Client = signed_in(applicant)
    client.post("/en/join/citizenship", {"nations": ["US"]})
    given = american()["residence"] | {"postcode": "not a code", "city": "Springfield"}
    answer = client.post("/en/join/residence", given)
    html = answer.content.decode()
    assert answer.status_code == 422
    assert html.count("A ZIP code has five or nine digits.") == 2
    assert 'href="#id_postcode"' in html
    assert 'aria-invalid="true"' in html
    assert 'value="Springfield"' in html


def test_a_number_is_never_shown_again(applicant: Investor, signed_in: Any) -> None:
    client: Client = signed_in(applicant)
    for code in ("citizenship", "name", "birth", "residence", "numbers"):
        client.post(f"/en/join/{code}", american()[code])
    html = client.get("/en/join/numbers").content.decode()
    assert "ending in 4399" in html
    assert "536-90" not in html
    assert "536904399" not in html


def test_submitting_too_early_says_what_is_missing(applicant: Investor, signed_in: Any) -> None:
    answer = signed_in(applicant).post("/en/join/submit", follow=True)
    assert "Some steps are not answered yet." in answer.content.decode()
    assert onboarding.current(investor=applicant) is None


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("refused", ["Refused", "Answers contradict each other or the document.", "You can appeal."]),
        ("more_information", ["We need more from you", "Answers contradict each other or the document."]),
    ],
)
def test_a_decision_with_its_reasons(
    keys: tuple[Officer, Officer], applicant: Investor, signed_in: Any, outcome: str, words: list[str]
) -> None:
    stage.fill(applicant, american(), now=NOW)
    application = onboarding.submit(investor=applicant, now=NOW)
    judging.assess(application_id=application.pk, now=NOW)
    judging.decide(application_id=application.pk, officer=keys[0], outcome=outcome, reasons=["contradiction"], now=NOW)
    html = signed_in(applicant).get("/en/join/").content.decode()
    assert [word for word in words if word not in html] == []


def test_approval_opens_the_account(hanako: Investor, signed_in: Any) -> None:
    client: Client = signed_in(hanako)
    assert "You can now subscribe" in client.get("/en/join/").content.decode()
    assert client.get("/en/account/holdings").status_code == 200


def test_an_applicant_is_shown_where_the_application_stands(applicant: Investor, signed_in: Any) -> None:
    answer = signed_in(applicant).get("/en/account/orders")
    assert (answer.status_code, answer["Location"]) == (302, "/en/join/")


@pytest.mark.django_db
def test_every_condition_of_a_field_has_its_rule_in_the_stylesheet() -> None:
    css = (stage.ROOT / "portal/static/kakehashi.css").read_text()
    told: dict[str, Any] = {"citizenship": {"nations": ["US", "JP"]}, "residence": {"country": "JP"}}
    known = Known(NOW, told)
    whens = {
        f"{condition[0]}={' '.join(condition[1])}"
        for step in steps.STEPS.values()
        for one in step.asked(known)
        if (condition := one.condition(known)) is not None
    }
    assert whens
    assert [when for when in whens if f'[data-when="{when}"]' not in css] == []


def test_an_older_page_does_not_overwrite_what_another_device_saved(applicant: Investor, signed_in: Any) -> None:
    client: Client = signed_in(applicant)
    client.post("/en/join/citizenship", {"nations": ["US"], "version": "0"})
    client.post("/en/join/citizenship", {"nations": ["JP"], "version": "1"})
    older = client.post("/en/join/citizenship", {"nations": ["US"], "version": "1"})
    assert older.status_code == 409
    assert "Saved on another device" in older.content.decode()
    assert kept_nations(applicant) == ["JP"]


def test_without_the_version_it_would(applicant: Investor, signed_in: Any) -> None:
    """Negative control of the test above."""
    client: Client = signed_in(applicant)
    client.post("/en/join/citizenship", {"nations": ["JP"], "version": "0"})
    client.post("/en/join/citizenship", {"nations": ["US"]})
    assert kept_nations(applicant) == ["US"]


def kept_nations(applicant: Investor) -> list[str]:
    draft = onboarding.draft(investor=applicant, now=NOW)
    assert draft is not None
    nations: list[str] = draft.answers["citizenship"]["nations"]
    return nations


@pytest.mark.parametrize(
    ("given", "english", "japanese_words"),
    [
        ({"citizenship": {"nations": ["neither"]}}, "For citizens of the two nations", "日米両国の国民"),
        ({"birth": {"birth_date": "2010-05-05"}}, "You can take part from", "2028年5月5日から"),
        ({"residence": {"country": "FR"}}, "Not from the country where you live", "お住まいの国からは"),
    ],
)
def test_who_cannot_take_part_hears_it_at_once(
    applicant: Investor, signed_in: Any, given: dict[str, Any], english: str, japanese_words: str
) -> None:
    client: Client = signed_in(applicant)
    (code,) = given
    assert client.post(f"/en/join/{code}", given[code])["Location"] == "/en/join/"
    page = client.get("/en/join/").content.decode()
    assert english in page
    assert f'href="/en/join/{code}"' in page, "a slip can be corrected"
    assert japanese_words in client.get("/ja/join/").content.decode()
    assert client.get("/en/join/name")["Location"] == "/en/join/", "no other question is asked"
    assert client.get(f"/en/join/{code}").status_code == 200


def refused(applicant: Investor, officer: Officer, reasons: list[str]) -> None:
    pk = stage.submitted(applicant)
    judging.decide(application_id=pk, officer=officer, outcome="refused", reasons=reasons, now=NOW)


def test_an_appeal_by_its_pages(keys: tuple[Officer, Officer], applicant: Investor, signed_in: Any) -> None:
    refused(applicant, keys[0], ["identity_document", "contradiction"])
    client: Client = signed_in(applicant)
    page = client.get("/en/join/").content.decode()
    assert "A document must be valid on the day of the check" in page
    assert "You can appeal until" in page
    assert client.post("/en/join/appeal", {"words": " "}).status_code == 422
    sent = client.post("/en/join/appeal", {"words": "My passport is valid."}, follow=True).content.decode()
    assert "Your appeal has arrived." in sent
    assert "My passport is valid." in sent
    assert client.get("/en/join/appeal")["Location"] == "/en/join/"
    appeals.decide(
        application_id=onboarding.current(investor=applicant).pk, officer=keys[1], outcome="upheld",  # type: ignore[union-attr]
        reasons=["identity_document"], answer="It expired last year.", now=NOW,
    )  # fmt: skip
    after = client.get("/en/join/").content.decode()
    assert "It expired last year." in after
    assert 'action="/en/join/again"' in after
    client.post("/en/join/again")
    assert "Everything is answered" in client.get("/en/join/").content.decode()


def test_a_new_application_is_not_offered_where_it_is_in_vain(
    keys: tuple[Officer, Officer], applicant: Investor, signed_in: Any
) -> None:
    refused(applicant, keys[0], ["no_duplicate"])
    page = signed_in(applicant).get("/en/join/").content.decode()
    assert "would come to the same result" in page
    assert 'action="/en/join/again"' not in page


@pytest.mark.parametrize(
    ("code", "name", "typed", "words"),
    [
        ("numbers", "ssn", {"ssn": "078-05-1120"}, "This is not a Social Security number."),
        ("numbers", "ssn", {"ssn": "536-90-4399"}, ""),
        ("numbers", "ssn", {"ssn": ""}, ""),
        ("residence", "postcode", {"country": "JP", "postcode": "12345"}, "A postcode in Japan has seven digits."),
        ("residence", "postcode", {"country": "US", "postcode": "12345"}, ""),
        ("residence", "phone", {"country": "US", "phone": "12"}, "not a telephone number"),
        ("bank_account", "branch_code", {"country": "JP", "bank_code": "0001", "branch_code": "999"}, "no branch"),
        ("bank_account", "branch_code", {"country": "JP", "bank_code": "", "branch_code": "999"}, ""),
        ("birth", "birth_date", {"birth_date": "yesterday"}, "year-month-day"),
        ("identity_document", "number", {"kind": "passport", "number": "1"}, "5 to 20 letters and digits"),
    ],
)
def test_an_answer_is_checked_as_it_is_typed(
    applicant: Investor, signed_in: Any, code: str, name: str, typed: dict[str, str], words: str
) -> None:
    onboarding.save(investor=applicant, step="citizenship", answers={"nations": ["US"]}, now=NOW)
    client: Client = signed_in(applicant)
    answer = client.post(f"/en/join/{code}/check/{name}", typed)
    assert answer.status_code == 200
    assert words in answer.content.decode() and bool(words) == ("usa-error" in answer.content.decode())
    assert not onboarding.draft(investor=applicant, now=NOW).answers.get(code), "nothing is kept"  # type: ignore[union-attr]


@pytest.mark.parametrize("path", ["numbers/check/my_number", "numbers/check/hobby", "hobbies/check/ssn"])
def test_only_what_is_asked_is_checked(applicant: Investor, signed_in: Any, path: str) -> None:
    onboarding.save(investor=applicant, step="citizenship", answers={"nations": ["US"]}, now=NOW)
    client: Client = signed_in(applicant)
    assert client.post(f"/en/join/{path}", {"my_number": "1"}).status_code == 404
    assert client.get("/en/join/numbers/check/ssn").status_code == 405
    assert Client().post("/en/join/numbers/check/ssn", {"ssn": "1"}).status_code == 302


def test_who_was_overtaken_sees_both_and_loses_nothing(applicant: Investor, signed_in: Any) -> None:
    client: Client = signed_in(applicant)
    client.post("/en/join/citizenship", {"nations": ["US"], "version": "0"})
    client.post("/en/join/residence", american()["residence"] | {"city": "Albany", "version": "0"})
    answer = client.post("/en/join/residence", american()["residence"] | {"city": "Troy", "version": "0"})
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "Saved on another device meanwhile" in page
    assert "<dd>Albany</dd>" in page, "what was saved there"
    assert 'value="Troy"' in page, "what was typed here"
    assert 'name="version" value="1"' in page
    assert (
        client.post("/en/join/residence", american()["residence"] | {"city": "Troy", "version": "1"}).status_code == 302
    )
