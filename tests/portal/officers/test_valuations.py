"""Net asset values through the officers' pages: a day is valued, checked, proposed, and said in words."""

import uuid

import pytest

from fund import calendars
from fund.governance.approval import Proposal
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.nav import strike
from fund.nav.models import Nav
from fund.redemption import correction
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


@pytest.fixture
def published(browser, valued, japanese) -> str:
    browser.post(f"{valued}propose/", {"reason": ""})
    proposal = Proposal.objects.get(kind="nav")
    sign_in(japanese.user).post(f"/en/officers/fund/proposal/{proposal.pk}/sign/", {"digest": proposal.hex_digest})
    strike.publish(proposal=proposal, now=building.NOW)
    return valued


def test_a_day_is_rehearsed_and_nothing_is_kept(browser):
    text = browser.post(f"{NAVS}rehearse/", {"day": DAY}).content.decode()
    for part in ("nothing of it is kept", "$2,000.00", "The checks found nothing."):
        assert part in text, part
    assert not Nav.objects.exists()
    assert browser.post(f"{NAVS}rehearse/", {"day": ""}).status_code == 422


def test_the_next_dealing_day_and_what_is_late_for_it_are_named(browser, published):
    text = browser.get(NAVS).content.decode()
    assert "The next dealing day is 1 Apr 2026." in text
    assert "The reference rate of 2026-04-01 has not been recorded yet." in text
    assert "Late for the next net asset value" in browser.get("/en/officers/").content.decode().split("Empty:")[0]


def wrong_income() -> None:
    lines = [Line("income:USD", f"bank:{building.USD}", 11_93)]
    at = calendars.books_open(building.DAY)
    post.post(event=Event.REVERSAL, event_id=uuid.uuid4(), lines=lines, effective_at=at)


def test_a_published_day_is_corrected_under_two_keys(browser, published, japanese):
    assert "said--error" in browser.post(f"{published}revalue/", follow=True).content.decode(), "nothing has changed"
    wrong_income()
    answer = browser.post(f"{published}revalue/", follow=True)
    draft = answer.redirect_chain[-1][0]
    text = answer.content.decode()
    for part in ("The correction is valued.", "$10.0000", "$9.9404", "+0.5996 %", "No order was settled at a price"):
        assert part in text, part
    assert "said--error" in browser.post(f"{draft}propose/", {"reason": ""}, follow=True).content.decode()
    answer = browser.post(f"{draft}propose/", {"reason": "An expense was booked late"}, follow=True)
    proposal = Proposal.objects.get(kind="correction")
    text = sign_in(japanese.user).get(answer.redirect_chain[-1][0]).content.decode()
    for part in ("is corrected by a new version", "$1,988.07", "Error of the published price, SOV", "+0.5996 %"):
        assert part in text, part
    assert not {"navs", "compensation", "findings"} & {line.label for line in words_of(answer)}
    assert [change.differs for change in answer.context["changes"]] == [False] * 3
    sign_in(japanese.user).post(f"/en/officers/fund/proposal/{proposal.pk}/sign/", {"digest": proposal.hex_digest})
    correction.carry_out(proposal=proposal, now=building.NOW)
    assert strike.latest().version == 2
    text = browser.get(published).content.decode()
    assert "Correct this day" not in text
    assert "Correct this day" in browser.get(draft).content.decode()


def test_only_valuation_corrects(make_officer, published):
    assert sign_in(make_officer(duties=["dealing"]).user).post(f"{published}revalue/").status_code == 403
