"""Applications through the officers' pages: sealed until a purpose is stated, decided with reasons."""

from base64 import b64decode

import pytest

from fund.governance.audit import Act
from investors import appeals, onboarding, vault
from investors.applications import Application, Status
from investors.eligibility import decide
from investors.evidence import DocumentPage
from investors.steps.papers import Kind
from investors.vault import Purpose
from tests.investors.conftest import (  # noqa: F401  # fixtures
    NOW,
    american,
    fill,
    investor,
    japanese,
    person,
    specimen,
    submitted,
)
from tests.portal.officers.conftest import sign_in

CASES = "/en/officers/investors/application/"
PLANTED = ["髙﨑", "TAKASAKI", "1990-04-30", "丸の内", "TK1234567", "1234567", "8257"]


@pytest.fixture
def browser(make_officer):
    return sign_in(make_officer("JP", duties=["onboarding"]).user)


@pytest.fixture
def case(investor) -> str:  # noqa: F811
    return f"{CASES}{submitted(investor, japanese())}/"


def state(case: str) -> str:
    return Application.objects.get(pk=case.rstrip("/").rpartition("/")[2]).status


def test_the_case_shows_the_rules_and_no_personal_data(browser, case):
    text = browser.get(case).content.decode()
    for part in ("Of age on the day of the application.", "What the rules say", decide.VERSION, "Japan", "in review"):
        assert part in text
    assert [part for part in PLANTED if part in text] == []
    assert not Act.objects.filter(verb="review").exists()


def test_the_answers_are_read_for_a_purpose_which_is_recorded(browser, case):
    assert browser.post(f"{case}read/").status_code == 422
    assert browser.post(f"{case}read/", {"purpose": "tax_report"}).status_code == 422
    assert not Act.objects.filter(verb="review").exists()
    answer = browser.post(f"{case}read/", {"purpose": "correspondence"})
    text = answer.content.decode()
    assert "髙﨑" in text and "TK1234567" in text
    assert "621498320257" not in text  # My Number by its last digits alone
    assert "no-store" in answer["Cache-Control"]
    assert Act.objects.get(verb="review").detail == {"purpose": "correspondence"}


def documents_of(case: str) -> list[str]:
    return [str(one.pk) for one in row(case).documents.order_by("kind", "version")]


def row(case: str) -> Application:
    return Application.objects.get(pk=case.rstrip("/").rpartition("/")[2])


def test_documents_are_listed_and_shown_only_when_they_are_opened(browser, case):
    text = browser.get(case).content.decode()
    assert "Photo page of the passport (1 page" in text and "data:image" not in text
    (key,) = documents_of(case)
    answer = browser.post(f"{case}read/", {"purpose": "review", "documents": [key]})
    text = answer.content.decode()
    assert text.count('src="data:image/jpeg;base64,') == 1
    assert "no-store" in answer["Cache-Control"] and "img-src 'self' data:" in answer["Content-Security-Policy"]
    assert Act.objects.get(verb="document.inspect").detail == {"document": key, "kind": "passport_page"}
    assert Act.objects.filter(verb="open").count() == 1
    assert "data:image" not in browser.post(f"{case}read/", {"purpose": "review"}).content.decode()


def test_the_picture_that_is_shown_names_its_reader(browser, case):
    (key,) = documents_of(case)
    text = browser.post(f"{case}read/", {"purpose": "review", "documents": [key]}).content.decode()
    shown = b64decode(text.split("data:image/jpeg;base64,")[1].split('"')[0])
    sheet = DocumentPage.objects.get()
    plain = vault.read_bytes(sheet, "picture", purpose=Purpose.REVIEW, actor="system", now=NOW)
    assert shown.startswith(b"\xff\xd8") and shown != plain


def test_documents_are_opened_for_checking_alone(browser, case):
    (key,) = documents_of(case)
    answer = browser.post(f"{case}read/", {"purpose": "correspondence", "documents": [key]})
    assert answer.status_code == 422
    text = answer.content.decode()
    assert "for checking an application only" in text and f'value="{key}"' in text
    assert not Act.objects.filter(verb="open").exists()


def test_only_documents_of_this_application_are_opened(browser, case, person):  # noqa: F811
    other = f"{CASES}{submitted(person('other@example.org'), american())}/"
    given = {"purpose": "review", "documents": documents_of(other)}
    assert "data:image" not in browser.post(f"{case}read/", given).content.decode()
    assert browser.post(f"{case}read/", {"purpose": "review", "documents": ["nonsense"]}).status_code == 422
    assert not Act.objects.filter(verb="open").exists()


def test_what_was_replaced_can_be_looked_at_until_the_decision(browser, case, investor):  # noqa: F811
    browser.post(f"{case}decide/", {"outcome": "more_information", "reasons": ["identity_document"]})
    taken = specimen("sharper")
    onboarding.add_document(investor=investor, kind=Kind.PASSPORT_PAGE, taken=taken, now=NOW)
    text = browser.get(case).content.decode()
    assert text.count("Photo page of the passport (1 page") == 2 and "), replaced" in text
    assert text.count("checked") == 1


def test_an_officer_approves(browser, case):
    answer = browser.post(f"{case}decide/", {"outcome": "approved"}, follow=True)
    assert "The applicant is told." in answer.content.decode()
    assert state(case) == Status.APPROVED


@pytest.mark.parametrize("outcome", ["refused", "more_information"])
def test_an_officer_refuses_or_asks_for_more_with_reasons(browser, case, outcome):
    without = browser.post(f"{case}decide/", {"outcome": outcome}, follow=True)
    assert "the applicant has a right to know" in without.content.decode()
    assert state(case) == Status.IN_REVIEW
    browser.post(f"{case}decide/", {"outcome": outcome, "reasons": ["identity_document", "contradiction"]})
    assert state(case) == outcome
    assert "Answers contradict each other" in browser.get(case).content.decode()  # in the history


@pytest.mark.parametrize("typed", [{}, {"outcome": "maybe"}, {"outcome": "refused", "reasons": ["nonsense"]}])
def test_what_is_no_decision_decides_nothing(browser, case, typed):
    assert browser.post(f"{case}decide/", typed).status_code == 422
    assert state(case) == Status.IN_REVIEW


def test_a_case_is_decided_once(browser, case):
    browser.post(f"{case}decide/", {"outcome": "approved"})
    again = browser.post(f"{case}decide/", {"outcome": "refused", "reasons": ["contradiction"]}, follow=True)
    assert "not in review" in again.content.decode()
    assert state(case) == Status.APPROVED


def test_a_draft_belongs_to_its_citizen_alone(browser, investor):  # noqa: F811
    fill(investor, {"citizenship": {"nations": ["JP"]}})
    draft = onboarding.current(investor=investor)
    assert browser.get(f"{CASES}{draft.pk}/").status_code == 404
    assert browser.post(f"{CASES}{draft.pk}/read/", {"purpose": "review"}).status_code == 404
    assert browser.get(CASES).context["cl"].result_count == 0


def test_the_desk_counts_the_oldest_first(browser, case):
    text = browser.get("/en/officers/").content.decode()
    assert "Applications to review" in text.split("Empty:")[0]


def test_other_duties_see_no_applications(make_officer, case):
    client = sign_in(make_officer(duties=["dealing", "payments", "audit", "administration", "valuation"]).user)
    assert {client.get(url).status_code for url in (CASES, case)} == {403}
    assert client.post(f"{case}read/", {"purpose": "review"}).status_code == 403
    assert "Applications" not in client.get("/en/officers/").content.decode()


def test_an_appeal_is_heard_by_another_officer(browser, case, make_officer, investor):  # noqa: F811
    browser.post(f"{case}decide/", {"outcome": "refused", "reasons": ["contradiction"]})
    appeals.file(investor=investor, words="Nothing contradicts.", now=NOW)
    assert "another officer decides on the appeal" in browser.get(case).content.decode()
    other = sign_in(make_officer("US", duties=["onboarding"]).user)
    assert "Appeals to decide" in other.get("/en/officers/").content.decode().split("Empty:")[0]
    page = other.get(case).content.decode()
    assert "Decide on the appeal" in page
    assert "Nothing contradicts." not in page
    assert "Nothing contradicts." in other.post(f"{case}read/", {"purpose": "review"}).content.decode()
    assert other.post(f"{case}hear/", {"outcome": "upheld", "reasons": ["contradiction"]}).status_code == 422
    refused = browser.post(f"{case}hear/", {"outcome": "reopened", "answer": "x"}, follow=True)
    assert "another officer decides" in refused.content.decode()
    assert state(case) == Status.APPEALED
    other.post(f"{case}hear/", {"outcome": "reopened", "answer": "We look again."})
    assert state(case) == Status.IN_REVIEW
    other.post(f"{case}decide/", {"outcome": "approved"})
    assert state(case) == Status.APPROVED
