"""Net asset values through the officers' pages: a day is valued, checked, proposed, and said in words."""

import pytest

from fund.governance.approval import Proposal
from fund.nav import strike
from fund.nav.models import Nav
from tests.fund import building
from tests.portal.officers.conftest import grow_stale, sign_in

NAVS = "/en/officers/fund/nav/"
DAY = building.DAY.isoformat()


@pytest.fixture
def browser(make_officer):
    building.open_banks()
    building.rate(building.DAY, 160)
    building.contribute_both(building.dollars(1_000))
    return sign_in(make_officer("US", duties=["valuation"]).user)


@pytest.fixture
def valued(browser) -> str:
    return f"{NAVS}{strike.value(day=building.DAY, now=building.NOW).pk}/"


def test_a_day_is_valued_and_its_page_shows_the_figures(browser):
    answer = browser.post(f"{NAVS}value/", {"day": DAY}, follow=True)
    text = answer.content.decode()
    for part in ("The day is valued.", "$2,000.00", "160.0000", "200.0000 units", "The checks found nothing."):
        assert part in text, part


def test_a_day_that_cannot_be_valued_says_why(browser):
    answer = browser.post(f"{NAVS}value/", {"day": "2026-01-15"}, follow=True)
    assert "said--error" in answer.content.decode()
    assert not Nav.objects.exists()


@pytest.mark.parametrize("day", ["", "yesterday", "2026-02-30"])
def test_what_is_no_day_is_refused(browser, day):
    assert browser.post(f"{NAVS}value/", {"day": day}).status_code == 422


def test_it_is_proposed_and_the_proposal_says_every_figure(browser, valued, japanese):
    answer = browser.post(f"{valued}propose/", {"reason": ""}, follow=True)
    proposal = Proposal.objects.get(kind="nav")
    assert answer.redirect_chain[-1][0] == f"/en/officers/fund/proposal/{proposal.pk}/"
    text = sign_in(japanese.user).get(answer.redirect_chain[-1][0]).content.decode()
    for part in ("$2,000.00", "160.0000", "$10.0000", "published for good", "200.0000 units"):
        assert part in text, part
    assert not {"gross", "usd_jpy", "classes", "findings"} & {line.label for line in words_of(answer)}


def words_of(answer):
    return answer.context["words"].lines


def test_the_proposal_is_compared_with_the_checks_of_now(browser, valued):
    answer = browser.post(f"{valued}propose/", {"reason": ""}, follow=True)
    assert [change.differs for change in answer.context["changes"]] == [False]
    building.contribute_both(building.dollars(1))
    later = browser.get(answer.redirect_chain[-1][0])
    assert [(change.now, change.differs) for change in later.context["changes"]] != [("no findings", False)]


def test_findings_need_a_reason(browser, valued):
    building.contribute_both(building.dollars(1))
    text = browser.get(valued).content.decode()
    assert "This blocks the proposal." in text
    answer = browser.post(f"{valued}propose/", {"reason": "Because."}, follow=True)
    assert "said--error" in answer.content.decode()
    assert not Proposal.objects.filter(kind="nav").exists()


def test_a_stale_session_is_asked_again(browser, valued):
    grow_stale(browser)
    assert browser.post(f"{valued}propose/", {"reason": ""}).status_code == 302
    assert not Proposal.objects.filter(kind="nav").exists()


def test_only_valuation_values_and_proposes(make_officer, valued):
    client = sign_in(make_officer(duties=["dealing"]).user)
    assert client.get(valued).status_code == 200
    assert client.post(f"{NAVS}value/", {"day": DAY}).status_code == 403
    assert client.post(f"{valued}propose/", {"reason": ""}).status_code == 403


def test_the_desk_shows_the_published_figures(browser, valued, japanese):
    browser.post(f"{valued}propose/", {"reason": ""})
    proposal = Proposal.objects.get(kind="nav")
    assert "Values to propose or approve" in browser.get("/en/officers/").content.decode().split("Empty:")[0]
    sign_in(japanese.user).post(f"/en/officers/fund/proposal/{proposal.pk}/sign/", {"digest": proposal.hex_digest})
    strike.publish(proposal=proposal, now=building.NOW)
    text = browser.get("/en/officers/").content.decode()
    assert "$2,000.00" in text and "$10.0000" in text
