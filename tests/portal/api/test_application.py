"""The application through the API: a draft in steps, submitted once, decided with reasons (D10)."""

import json

import pytest
from django.utils import timezone

from investors import agreements, judging
from investors.applications import Application
from tests.investors import files
from tests.investors.conftest import japanese
from tests.portal.api.conftest import Api, make_officer, make_user, pointers, problem

pytestmark = pytest.mark.django_db
MY_NUMBER = "621498320257"


@pytest.fixture(autouse=True)
def _agreements(db):
    agreements.ship()


def answers(**other):
    now = {"residence": {}, "identity_document": {"expires_on": f"{timezone.now().year + 4}-05-01"}}
    return japanese(**now | other)


def submitted(api: Api) -> Application:
    assert api.ask("PATCH", "/application", {"answers": answers()}).status_code == 200
    assert api.give(files.picture()).status_code == 201
    assert api.post("/application/submit", {}).status_code == 200
    return Application.objects.get(investor__user=api.user)


def test_an_empty_draft_says_what_it_will_ask(applicant):
    draft = applicant.get("/application").json()
    assert draft["status"] == "draft"
    assert draft["remaining"][0] == "citizenship"
    assert draft["steps"][0]["fields"][0]["name"] == "nations"
    assert draft["decision"] is None


def test_steps_are_saved_one_by_one(applicant):
    saved = applicant.ask("PATCH", "/application", {"answers": {"citizenship": {"nations": ["JP"]}}})
    assert saved.status_code == 200
    assert saved.json()["answers"]["citizenship"] == {"nations": ["JP"]}
    assert "citizenship" not in applicant.get("/application").json()["remaining"]


def test_all_steps_of_a_request_or_none(applicant):
    body = {"answers": {"citizenship": {"nations": ["JP"]}, "birth": {"birth_date": "tomorrow"}}}
    answer = applicant.ask("PATCH", "/application", body)
    assert answer.status_code == 400
    assert pointers(answer) == ["/answers/birth/birth_date"]
    assert applicant.get("/application").json()["answers"] == {}


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "/answers"),
        ({"answers": []}, "/answers"),
        ({"answers": {"citizenship": []}}, "/answers/citizenship"),
        ({"answers": {"hobbies": {}}}, "/answers/hobbies"),
        ({"answers": {"citizenship": {"nations": ["JP"], "colour": "red"}}}, "/answers/citizenship"),
        ({"answers": {"citizenship": {"nations": "JP"}}}, "/answers/citizenship/nations"),
        ({"answers": {"citizenship": {"nations": [{}]}}}, "/answers/citizenship/nations"),
        ({"answers": {"citizenship": {"nations": [["JP"]]}}}, "/answers/citizenship/nations"),
        ({"answers": {"birth": {"birth_date": 19900430}}}, "/answers/birth/birth_date"),
        ({"answers": {}, "versions": {"citizenship": "1"}, "more": 1}, "/more"),
        ({"answers": {}, "versions": {"citizenship": -1}}, "/versions/citizenship"),
    ],
)
def test_a_wrong_answer_is_refused_where_it_stands(applicant, body, pointer):
    answer = applicant.ask("PATCH", "/application", body)
    assert answer.status_code == 400
    assert pointers(answer) == [pointer]


def test_two_devices_do_not_overwrite_each_other(applicant):
    body = {"answers": {"citizenship": {"nations": ["JP"]}}, "versions": {"citizenship": 0}}
    assert applicant.ask("PATCH", "/application", body).status_code == 200
    again = applicant.ask("PATCH", "/application", body)
    assert again.status_code == 409
    assert problem(again)["code"] == "draft_changed"


def test_an_identity_number_is_never_shown_again(applicant):
    shown = applicant.ask("PATCH", "/application", {"answers": answers()}).content.decode()
    assert MY_NUMBER not in shown
    assert MY_NUMBER not in applicant.get("/application").content.decode()
    assert json.loads(shown)["answers"]["numbers"] == {"my_number_ending": "0257"}


def test_what_is_incomplete_is_not_submitted(applicant):
    answer = applicant.post("/application/submit", {})
    assert answer.status_code == 422
    assert problem(answer)["code"] == "incomplete"


def test_submitted_once_and_not_changed_after(applicant):
    submitted(applicant)
    again = applicant.post("/application/submit", {})
    assert again.status_code == 409
    assert problem(again)["code"] == "not_editable"
    changed = applicant.ask("PATCH", "/application", {"answers": {"citizenship": {"nations": ["US"]}}})
    assert changed.status_code == 409


def test_a_submission_sent_twice_is_one(applicant):
    applicant.ask("PATCH", "/application", {"answers": answers()})
    applicant.give(files.picture())
    first = applicant.post("/application/submit", {}, key="s")
    again = applicant.post("/application/submit", {}, key="s")
    assert first.content == again.content
    assert again["Idempotency-Replayed"] == "true"


def test_a_refusal_says_why_in_the_language_asked_for(applicant):
    application = submitted(applicant)
    now = timezone.now()
    judging.assess(application_id=application.pk, now=now)
    judging.decide(
        application_id=application.pk,
        officer=make_officer("JP"),
        outcome="more_information",
        reasons=["identity_document"],
        now=now,
    )
    english = applicant.get("/application").json()["decision"]
    assert english["outcome"] == "more_information"
    assert english["reasons"][0]["code"] == "identity_document"
    japanese = applicant.get("/application", Accept_Language="ja").json()["decision"]
    assert japanese["reasons"][0]["detail"] != english["reasons"][0]["detail"]


def test_nobody_sees_anothers_answers(applicant, other):
    applicant.ask("PATCH", "/application", {"answers": answers()})
    assert "TAKASAKI" not in other.get("/application").content.decode()


def test_without_a_second_factor_nothing_is_submitted(settings):
    api = Api(make_user("plain", second_factor=False))
    refused = problem(api.post("/application/submit", {}))
    assert (refused["status"], refused["code"]) == (403, "second_factor_required")
    assert api.get("/application").status_code == 200, "the draft is not closed"
    settings.CITIZEN_MFA_REQUIRED = False
    assert problem(api.post("/application/submit", {}))["code"] != "second_factor_required", "negative control"


def refused(api: Api, *reasons: str) -> None:
    application, now = submitted(api), timezone.now()
    judging.assess(application_id=application.pk, now=now)
    officer = make_officer("JP")
    judging.decide(application_id=application.pk, officer=officer, outcome="refused", reasons=reasons, now=now)


def test_a_refusal_says_what_it_means_and_can_be_appealed_once(applicant):
    refused(applicant, "identity_document")
    shown = applicant.get("/application").json()
    assert shown["decision"]["reasons"][0]["again"] is True
    assert shown["appeal"]["open"] is True
    assert pointers(applicant.post("/application/appeal", {"words": "zero\u200bwidth"})) == ["/words"]
    answer = applicant.post("/application/appeal", {"words": "It is valid until 2031."})
    assert answer.status_code == 200
    assert answer.json()["status"] == "appealed"
    assert answer.json()["appeal"]["words"] == "It is valid until 2031."
    again = applicant.post("/application/appeal", {"words": "It is valid until 2031."})
    assert problem(again)["code"] == "cannot_appeal"


def test_applying_again_takes_the_answers_over(applicant):
    assert problem(applicant.post("/application/again", {}))["code"] == "not_editable"
    refused(applicant, "contradiction")
    fresh = applicant.post("/application/again", {}).json()
    assert (fresh["status"], fresh["remaining"], fresh["decision"]) == ("draft", [], None)


def test_who_cannot_take_part_is_told_so(applicant):
    told = applicant.ask("PATCH", "/application", {"answers": {"birth": {"birth_date": "2020-05-05"}}}).json()
    assert (told["barrier"]["reason"], told["barrier"]["step"]) == ("adult", "birth")
    assert told["barrier"]["from_day"] == "2038-05-05"
    more = applicant.ask("PATCH", "/application", {"answers": {"name": answers()["name"]}})
    assert problem(more)["code"] == "barred"
