"""Screening hits at the desk: the citizen stays sealed until the case is opened; findings have reasons."""

import pytest

from fund.governance.audit import Act
from investors.applications import Application
from investors.screening import lists
from investors.screening.models import Hit, SanctionsList
from tests.investors.conftest import NOW, fill, investor, japanese, person, submitted  # noqa: F401  # fixtures
from tests.investors.screening.conftest import mof
from tests.portal.officers.conftest import sign_in

PLANTED = ["TAKASAKI", "タカサキ", "1990-04-30"]


@pytest.fixture
def browser(make_officer):
    return sign_in(make_officer("JP", duties=["onboarding"]).user)


@pytest.fixture
def hit(investor) -> Hit:  # noqa: F811
    rows = mof("7,個人,髙﨑翔太,たかさき しょうた,,,1990,,")
    lists.load(of=SanctionsList.MOF, files=[rows], actor="system", now=NOW)
    submitted(investor, japanese())
    return Hit.objects.get()


def page(hit: Hit) -> str:
    return f"/en/officers/investors/hit/{hit.pk}/"


def test_the_case_shows_the_list_and_nothing_of_the_citizen(browser, hit):
    text = browser.get(page(hit)).content.decode()
    assert "髙﨑翔太" in text and "open: to be reviewed" in text
    assert [part for part in PLANTED if part in text] == []
    assert not Act.objects.filter(verb="open", subject=str(hit)).exists()


def test_opening_the_case_shows_both_sides_and_is_recorded(browser, hit):
    answer = browser.post(f"{page(hit)}open/")
    text = answer.content.decode()
    assert all(part in text for part in PLANTED) and "the same year" in text
    assert "no-store" in answer["Cache-Control"]
    assert Act.objects.get(verb="open", subject=str(hit)).detail["purpose"] == "screening"


@pytest.mark.parametrize(("outcome", "words"), [("cleared", "another person"), ("confirmed", "the listed person")])
def test_a_finding_needs_a_reason_and_is_kept(browser, hit, outcome, words):
    assert browser.post(f"{page(hit)}decide/", {"outcome": outcome}).status_code == 422
    answer = browser.post(f"{page(hit)}decide/", {"outcome": outcome, "reason": "another passport"}, follow=True)
    assert words in answer.content.decode()
    hit.refresh_from_db()
    assert hit.state == outcome


def test_the_reason_is_sealed_until_the_case_is_opened(browser, hit):
    browser.post(f"{page(hit)}decide/", {"outcome": "cleared", "reason": "born in Osaka"})
    assert "born in Osaka" not in browser.get(page(hit)).content.decode()
    assert "born in Osaka" in browser.post(f"{page(hit)}open/").content.decode()


def test_the_desk_counts_what_waits(browser, hit):
    assert "Screening hits to review" in browser.get("/en/officers/").content.decode()
    assert Application.objects.get().assessments.latest("pk").failed == ["sanctions_clear"]


def test_an_officer_without_the_duty_is_kept_out(make_officer, hit):
    stranger = sign_in(make_officer("US", duties=["dealing"]).user)
    assert stranger.get(page(hit)).status_code == 403
    assert stranger.post(f"{page(hit)}open/").status_code == 403
