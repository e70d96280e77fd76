"""Offerings through the officers' pages: announced, opened, allotted and cancelled by proposals."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from fund.dealing import allotment, offering, settlement
from fund.dealing.models import Offering
from fund.governance.approval import Proposal
from portal.officers import histogram
from tests.fund.dealing.conftest import (
    AFTER,
    BANK,
    CLOSES,
    NOW,
    OPENS,
    announce,
    citizen,
    pay,
    place,
)  # fmt: skip
from tests.fund.payments.conftest import Currency, open_account
from tests.portal.officers.conftest import grow_stale, sign_in

pytestmark = pytest.mark.django_db(transaction=True)
OFFERINGS = "/en/officers/fund/offering/"
TERMS = {
    "code": "US-2027-1",
    "class_code": "US",
    "name_en": "First offering",
    "name_ja": "第1回募集",
    "summary_en": "Units for citizens",
    "summary_ja": "市民のための受益権",
    "capacity": "1,000,000.00",
    "lot": "100.00",
    "minimum": "100.00",
    "step": "100.00",
    "maximum": "10000.00",
    "fixed_price": "10.0000",
    "opens_at": "2027-01-04T09:00",
    "closes_at": "2027-01-15T17:00",
    "pay_by": "2027-01-20T17:00",
    "dealing_day": "2027-01-22",
    "agreements": "prospectus:1, terms:1",
}


@pytest.fixture
def dealer(make_officer):
    return make_officer("US", duties=["dealing"])


@pytest.fixture
def browser(dealer):
    open_account(BANK, Currency.JPY)
    return sign_in(dealer.user)


@pytest.fixture
def second(make_officer):
    return sign_in(make_officer("JP", duties=["dealing"]).user)


def sign(client, proposal: Proposal) -> str:
    url = f"/en/officers/fund/proposal/{proposal.pk}/sign/"
    return client.post(url, {"digest": proposal.hex_digest}, follow=True).content.decode()


@pytest.fixture
def page(browser) -> str:
    return f"{OFFERINGS}{announce().code}/"


@pytest.fixture
def closed(browser, second, page) -> Offering:
    """Three citizens ask for 2, 5 and 7 of ten lots, and pay."""
    browser.post(f"{page}open/")
    proposal = Proposal.objects.get(kind="offering")
    sign(second, proposal)
    offering.carry_out_opening(proposal=proposal, now=NOW)
    offering.open_due(now=OPENS)
    one = Offering.objects.get()
    pay(*(place(one, citizen(), lots * 10_000) for lots in (2, 5, 7)))
    offering.close_due(now=CLOSES)
    one.refresh_from_db()
    return one


def test_an_offering_is_announced_in_major_units_and_local_time(browser):
    answer = browser.post(f"{OFFERINGS}announce/", TERMS, follow=True)
    one = Offering.objects.get()
    assert (one.capacity, one.lot, one.maximum) == (100_000_000, 10_000, 1_000_000)
    assert one.opens_at.isoformat() == "2027-01-04T14:00:00+00:00"  # nine o'clock in Washington
    assert one.agreements == ["prospectus:1", "terms:1"]
    assert "Tokyo 4 Jan 2027 23:00" in answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


@pytest.mark.parametrize(
    "wrong",
    [
        {"capacity": "1e6"}, {"capacity": "-1.00"}, {"capacity": "100"}, {"lot": "０.０１"}, {"fixed_price": "NaN"},
        {"class_code": "SOV"}, {"code": "us 2027"}, {"opens_at": "soon"}, {"agreements": ""}, {"name_ja": ""},
    ],
)  # fmt: skip
def test_terms_that_make_no_sense_are_sent_back_with_what_was_typed(browser, wrong):
    answer = browser.post(f"{OFFERINGS}announce/", TERMS | wrong)
    assert answer.status_code == 422
    assert "First offering" in answer.content.decode()
    assert not Offering.objects.exists()


def test_terms_that_the_fund_refuses_say_why(browser):
    answer = browser.post(f"{OFFERINGS}announce/", TERMS | {"dealing_day": "2027-01-23"}, follow=True)  # a Saturday
    assert "dealing day" in answer.content.decode()
    assert not Offering.objects.exists()


def test_the_opening_is_proposed_with_every_term(browser, second, page):
    answer = browser.post(f"{page}open/", follow=True)
    proposal = Proposal.objects.get(kind="offering")
    assert answer.redirect_chain[-1][0] == f"/en/officers/fund/proposal/{proposal.pk}/"
    text = answer.content.decode()
    for part in ("¥100,000", "10 lots", "prospectus:1", "第1回募集", proposal.facts["terms"]):
        assert part in text, part
    assert [change.differs for change in answer.context["changes"]] == [False]
    assert "takes effect now" in sign(second, proposal)


def test_terms_changed_after_the_proposal_are_seen(browser, page):
    answer = browser.post(f"{page}open/", follow=True)
    Offering.objects.update(capacity=200_000)
    changed = browser.get(answer.redirect_chain[-1][0])
    assert [change.differs for change in changed.context["changes"]] == [True]


def test_a_closed_book_shows_demand_and_the_allotment_to_come(browser, page, closed):
    answer = browser.get(page)
    text = answer.content.decode()
    for part in ("¥140,000", "140.0 %", "<rect", "Lots decided by ballot", "Propose this allotment"):
        assert part in text, part
    assert [bar.citizens for bar in answer.context["bars"] if bar.height] == ["1", "1", "1"]


def test_the_allotment_is_proposed_in_words_and_compared_with_now(browser, second, page, closed):
    answer = browser.post(f"{page}allot/", follow=True)
    proposal = Proposal.objects.get(kind="allotment")
    assert "each of 3 applicants receives up to 4 lots" in answer.content.decode()
    assert {change.differs for change in answer.context["changes"]} == {False}
    assert set(proposal.facts) & {line.label for line in answer.context["words"].lines} == set()
    sign(second, proposal)
    allotment.carry_out(proposal=proposal, now=AFTER)
    while settlement.settle_next(offering_code=closed.code, now=AFTER):
        pass
    assert "3 of 3 orders are settled." in browser.get(page).content.decode()


@pytest.fixture
def allotted(browser, second, page, closed) -> Offering:
    browser.post(f"{page}allot/")
    proposal = Proposal.objects.get(kind="allotment")
    sign(second, proposal)
    allotment.carry_out(proposal=proposal, now=AFTER)
    return closed


def live(client, page: str) -> str:
    """The live part alone, as htmx asks for it."""
    return client.get(page, headers={"HX-Request": "true"}).content.decode()


def test_the_settlement_is_watched_live_and_by_reloading(browser, page, allotted):
    assert "cut into ranges" in live(browser, page) and "htmx.min.js" in browser.get(page).content.decode()
    assert settlement.settle_next(offering_code=allotted.code, now=AFTER, chunk=2) == 2
    part = live(browser, page)
    assert "66.7 %" in part and 'hx-trigger="every 2s"' in part and "<html" not in part and "<h1" not in part
    assert part.strip() in browser.get(page).content.decode()
    while settlement.settle_next(offering_code=allotted.code, now=AFTER):
        pass
    assert "100" in (part := live(browser, page)) and "hx-" not in part, "it stops asking"
    assert "htmx" not in browser.get(page).content.decode()


def test_the_live_part_is_for_officers_alone(client, make_officer, page, allotted):
    assert client.get(page, headers={"HX-Request": "true"}).status_code == 302
    assert "cut into ranges" in live(sign_in(make_officer(duties=["audit"]).user), page)


def run(*words: str) -> str:
    out = StringIO()
    call_command("settle", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_a_settlement_is_pushed_and_followed_on_the_command_line(allotted):
    assert run(allotted.code) == f"{allotted.code} is settled: 3 orders.\n"
    assert run(allotted.code, "--follow") == f"{allotted.code} is settled: 3 orders.\n"


def test_following_settles_nothing(allotted, monkeypatch):
    seen = []

    def worker(seconds: float) -> None:
        seen.append(settlement.progress(offering_code=allotted.code).settled)
        settlement.settle_next(offering_code=allotted.code, now=AFTER, chunk=2)

    monkeypatch.setattr("portal.management.commands.settle.time.sleep", worker)
    assert run(allotted.code, "--follow") == f"{allotted.code} is settled: 3 orders.\n"
    assert seen == [0, 2, 3]


def test_the_command_says_why_nothing_can_be_settled(closed):
    with pytest.raises(CommandError, match="not_allotted"):
        run(closed.code)
    with pytest.raises(CommandError, match="There is no offering NONE"):
        run("NONE")


def test_a_cancellation_is_proposed_with_its_reason(browser, page):
    assert browser.post(f"{page}cancel/", {"reason": ""}).status_code == 422
    browser.post(f"{page}cancel/", {"reason": "The ministry asked for it."})
    proposal = Proposal.objects.get(kind="cancellation")
    assert proposal.reason == "The ministry asked for it."
    assert "returned" in browser.get(f"/en/officers/fund/proposal/{proposal.pk}/").content.decode()


def test_a_second_proposal_for_the_same_is_refused_with_a_sentence(browser, page):
    browser.post(f"{page}open/")
    assert "already waiting" in browser.post(f"{page}open/", follow=True).content.decode()
    assert Proposal.objects.count() == 1


@pytest.mark.parametrize("button", ["open", "allot", "cancel"])
def test_a_stale_session_is_asked_again_and_a_link_does_nothing(browser, page, button):
    assert browser.get(f"{page}{button}/").status_code == 405
    grow_stale(browser)
    assert browser.post(f"{page}{button}/", {"reason": "x"}).status_code == 302
    assert not Proposal.objects.exists()


@pytest.mark.parametrize("button", ["open", "allot", "cancel"])
def test_only_dealing_proposes(make_officer, page, button):
    client = sign_in(make_officer(duties=["payments", "valuation", "audit"]).user)
    assert client.get(page).status_code == 200
    assert client.post(f"{page}{button}/", {"reason": "x"}).status_code == 403
    assert client.post(f"{OFFERINGS}announce/", TERMS).status_code == 403
    assert not Proposal.objects.exists()


def test_the_desk_says_what_is_to_be_opened_and_allotted(browser, page, closed):
    assert "Offerings to allot" in browser.get("/en/officers/").content.decode().split("Empty:")[0]


@pytest.mark.parametrize("rows", [[(1, 5)], [(2, 1), (5, 1), (7, 1)], [(lots, lots) for lots in range(1, 1000)]])
def test_the_picture_holds_every_citizen_in_at_most_twenty_bars(rows):
    bars = histogram.of(rows, level=3)
    assert len(bars) <= histogram.BARS
    assert sum(int(bar.citizens.replace(",", "")) for bar in bars) == sum(citizens for _lots, citizens in rows)
    assert all(0 <= bar.y <= histogram.HEIGHT and bar.y + bar.height == histogram.HEIGHT for bar in bars)


def test_an_empty_book_has_no_picture():
    assert histogram.of([], level=0) == []
