"""Gifts and estates at the desk: looked into, proposed, signed by the other nation, refused with a reason (D32)."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from fund.conveyance.models import Conveyance, Estate
from fund.governance.approval import Proposal
from fund.governance.audit import Act
from fund.ledger import balances
from investors import transfers
from tests.investors import files
from tests.portal.officers.conftest import grow_stale, sign_in
from tests.portal.officers.test_offerings import sign
from tests.portal.web import giving
from tests.portal.web.giving import Giving, accepted, offered

pytestmark = pytest.mark.django_db
GIFTS, ESTATES = "/en/officers/fund/conveyance/", "/en/officers/fund/estate/"


@pytest.fixture
def two(db) -> Giving:
    return giving.begin()


@pytest.fixture
def browser(two, make_officer):
    return sign_in(make_officer("US", duties=["onboarding"]).user)


@pytest.fixture
def second(two, make_officer):
    return sign_in(make_officer("JP", duties=["onboarding"]).user)


def carried_out() -> None:
    proposal = Proposal.objects.filter(kind="transfer").latest("proposed_at")
    transfers.carry_out(proposal=proposal, now=timezone.now())


def units(investor) -> int:
    return balances.balance("units:JP", holder_id=investor.holder_id)


def test_a_gift_is_looked_into_proposed_and_signed(two, browser, second):
    one = accepted(two.hanako, two.to, 1_000)
    assert "Gifts of units to decide" in browser.get("/en/officers/").content.decode()
    assert "1,000 units" in browser.get(GIFTS).content.decode()
    page = browser.get(f"{GIFTS}{one.pk}/").content.decode()
    assert "Propose the transfer" in page and "TAKASAKI" not in page and "data:image" not in page
    opened = browser.post(f"{GIFTS}{one.pk}/look/").content.decode()
    assert "TAKASAKI SHOTA" in opened and 'src="data:image/jpeg;base64,' in opened
    assert Act.objects.filter(verb="look", subject=f"transfer:{one.pk}").exists()
    browser.post(f"{GIFTS}{one.pk}/propose/")
    proposal = Proposal.objects.get(kind="transfer")
    said = second.get(f"/en/officers/fund/proposal/{proposal.pk}/").content.decode()
    assert f"Citizen {two.hanako.pk} gives units to another citizen." in said and "1,000 units" in said
    assert proposal.facts["papers"]["deed"] in said, "signed with the documents that were seen"
    assert "second key" in sign(second, proposal)
    carried_out()
    assert units(two.to) == 1_000
    page = browser.get(f"{GIFTS}{one.pk}/").content.decode()
    assert "cost ¥1,000" in page and "Propose the transfer" not in page and "Refuse the transfer" not in page


def test_what_is_missing_is_said_and_nothing_can_be_proposed(two, browser):
    one = offered(two.hanako, two.to)
    page = browser.get(f"{GIFTS}{one.pk}/").content.decode()
    assert "has not answered yet" in page and "Missing: deed of gift, signed." in page
    assert "Propose the transfer" not in page
    browser.post(f"{GIFTS}{one.pk}/propose/")
    assert not Proposal.objects.filter(kind="transfer").exists()


def test_it_is_refused_with_a_reason(two, browser):
    one = accepted(two.hanako, two.to)
    assert browser.post(f"{GIFTS}{one.pk}/refuse/", {"reason": ""}).status_code == 422
    assert browser.post(f"{GIFTS}{one.pk}/refuse/", {"reason": "over_the_cap"}).status_code == 422, "the house's alone"
    browser.post(f"{GIFTS}{one.pk}/refuse/", {"reason": "doubts"})
    one.refresh_from_db()
    assert (one.state, one.reason) == ("refused", "doubts") and units(two.to) == 0


def test_an_estate_from_the_documents_to_the_heirs(two, browser, second):
    answer = browser.post(f"{ESTATES}open_case/", {"citizen": two.hanako.pk})
    estate = Estate.objects.get()
    page = f"{ESTATES}{estate.pk}/"
    assert answer["Location"].endswith(page) and "Estates to settle" in browser.get("/en/officers/").content.decode()
    said = browser.get(page).content.decode()
    assert "No heirs are named yet" in said and "Missing: certificate of death" in said
    for kind, colour in (("death", "black"), ("succession", "white")):
        file = SimpleUploadedFile("paper.jpg", files.picture(colour=colour))
        assert browser.post(f"{page}add_paper/", {"kind": kind, "file": file}).status_code == 302
    assert browser.post(f"{page}heirs/", {"heirs": "nobody"}).status_code == 422
    assert browser.post(f"{page}heirs/", {"heirs": "12 1/0"}).status_code == 422
    other = giving.recipient()
    browser.post(f"{page}heirs/", {"heirs": f"{two.to.pk} 3/4\n{giving.code(other)} 1/4\n"})
    said = browser.get(page).content.decode()
    assert "75,000 units" in said and "25,000 units" in said and "Propose the transfer" in said
    opened = browser.post(f"{page}look/").content.decode()
    assert opened.count('src="data:image/jpeg;base64,') == 2
    browser.post(f"{page}propose/")
    proposal = Proposal.objects.get(kind="transfer")
    words = second.get(f"/en/officers/fund/proposal/{proposal.pk}/").content.decode()
    assert "who has died, pass to the heirs" in words
    sign(second, proposal)
    carried_out()
    estate.refresh_from_db()
    assert (estate.state, units(two.to), units(other)) == ("settled", 75_000, 25_000)
    assert "Name the heirs" not in browser.get(page).content.decode()


def test_a_wrong_number_or_a_second_case_opens_nothing(two, browser):
    assert (
        "no citizen with this number"
        in browser.post(f"{ESTATES}open_case/", {"citizen": 10**9}, follow=True).content.decode()
    )
    browser.post(f"{ESTATES}open_case/", {"citizen": two.hanako.pk})
    again = browser.post(f"{ESTATES}open_case/", {"citizen": two.hanako.pk}, follow=True)
    assert "open already" in again.content.decode() and Estate.objects.count() == 1


def test_the_acts_ask_for_a_fresh_proof(two, browser):
    one = accepted(two.hanako, two.to)
    grow_stale(browser)
    for address in (f"{GIFTS}{one.pk}/propose/", f"{GIFTS}{one.pk}/refuse/", f"{ESTATES}open_case/"):
        answer = browser.post(address, {"reason": "doubts", "citizen": two.hanako.pk})
        assert answer.status_code == 302 and "authenticate" in answer["Location"]
    assert not Proposal.objects.exists() and not Estate.objects.exists()


def test_without_the_duty_the_rooms_are_closed(two, make_officer):
    one = accepted(two.hanako, two.to)
    other = sign_in(make_officer("US", duties=["payments", "dealing"]).user)
    for address in (GIFTS, f"{GIFTS}{one.pk}/", ESTATES):
        assert other.get(address).status_code == 403
    assert other.post(f"{GIFTS}{one.pk}/look/").status_code == 403
    assert Conveyance.objects.get().state == "accepted"
