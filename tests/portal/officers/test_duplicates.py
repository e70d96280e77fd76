"""Possible duplicates on the desk: sealed until a purpose is stated, side by side, decided with a reason."""

import pytest
from django.test import Client

from fund.governance.audit import Act
from investors.applications import Application
from investors.duplicates import DuplicateCase, Pair
from tests.investors.conftest import japanese, person, submitted  # noqa: F401  # fixtures
from tests.portal.officers.conftest import sign_in

CASES = "/en/officers/investors/duplicatecase/"
OTHER = {"kind": "passport", "issuer": "JP", "number": "TZ7654321", "expires_on": "2033-01-01"}


@pytest.fixture
def browser(make_officer):
    return sign_in(make_officer("JP", duties=["onboarding"]).user)


@pytest.fixture
def case(person) -> str:  # noqa: F811
    submitted(person("one@example.org"), japanese())
    again = japanese(
        name={"family_kanji": "高崎"}, numbers={"my_number": "123456789018"}, identity_document=OTHER
    )  # fmt: skip
    submitted(person("two@example.org"), again)
    return f"{CASES}{DuplicateCase.objects.get().pk}/"


def test_the_case_waits_and_shows_what_is_the_same_but_no_personal_data(browser, case):
    assert "Possible duplicates to decide" in browser.get("/en/officers/").content.decode().split("Empty:")[0]
    text = browser.get(case).content.decode()
    assert "birth date and name in Japanese writing" in text
    assert "TAKASAKI" not in text and "1990-04-30" not in text


def test_side_by_side_for_a_purpose_which_is_recorded(browser, case):
    assert browser.post(f"{case}read/").status_code == 422
    text = browser.post(f"{case}read/", {"purpose": "review"}).content.decode()
    assert "髙﨑" in text and "高崎" in text
    assert "TK1234567" in text and "TZ7654321" in text
    assert "621498320257" not in text
    assert Act.objects.get(verb="review").detail["purpose"] == "review"


@pytest.mark.parametrize(("outcome", "later"), [("same", "refused"), ("different", "in_review")])
def test_an_officer_decides_with_a_reason(browser, case, outcome, later):
    pair = Pair.objects.get()
    assert browser.post(f"{case}decide/", {"pair": pair.pk, "outcome": outcome}).status_code == 422
    answer = browser.post(f"{case}decide/", {"pair": pair.pk, "outcome": outcome, "reason": "Compared."}, follow=True)
    assert "Recorded:" in answer.content.decode()
    assert Pair.objects.get().state == outcome
    assert Application.objects.get(investor=pair.second).status == later
    assert "Possible duplicates to decide" not in browser.get("/en/officers/").content.decode().split("Empty:")[0]


def test_a_pair_of_another_case_is_not_decided_here(browser, case):
    answer = browser.post(f"{case}decide/", {"pair": 10**9, "outcome": "same", "reason": "x"}, follow=True)
    assert "no such pair" in answer.content.decode()
    assert Pair.objects.get().state == "open"


def test_other_duties_see_no_duplicates(make_officer, case):
    client = sign_in(make_officer(duties=["dealing"]).user)
    assert {client.get(CASES).status_code, client.get(case).status_code} == {403}
    assert client.post(f"{case}read/", {"purpose": "review"}).status_code == 403


def test_the_refused_twin_is_pointed_to_the_other_registration(browser, case):
    pair = Pair.objects.get()
    browser.post(f"{case}decide/", {"pair": pair.pk, "outcome": "same", "reason": "Compared."})
    twin = Client()
    twin.force_login(pair.second.user)
    page = twin.get("/en/join/").content.decode()
    assert "Your other registration has existed since" in page
    assert "one@example.org" not in page
