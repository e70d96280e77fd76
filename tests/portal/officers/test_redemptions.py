"""Redemption windows through the officers' pages: announced, opened, decided and cancelled by proposals."""

from datetime import timedelta

import pytest
from django.utils import timezone

from fund.governance.approval import Proposal
from fund.nav import strike
from fund.redemption import request, settle, share, window
from fund.redemption.models import RedemptionWindow
from tests.fund import building
from tests.fund.redemption import redeeming
from tests.portal.officers.conftest import grow_stale, sign_in
from tests.portal.officers.test_offerings import sign

pytestmark = pytest.mark.django_db(transaction=True)
WINDOWS = "/en/officers/fund/redemptionwindow/"
TERMS = {
    "code": "JP-2027-R1",
    "class_code": "JP",
    "opens_at": "2027-01-04T09:00",
    "closes_at": "2027-01-15T17:00",
    "dealing_day": "2027-02-03",
}


@pytest.fixture
def browser(make_officer):
    building.open_banks()
    return sign_in(make_officer("US", duties=["dealing"]).user)


@pytest.fixture
def second(make_officer):
    return sign_in(make_officer("JP", duties=["dealing"]).user)


@pytest.fixture
def announced(browser) -> RedemptionWindow:
    assert browser.post(f"{WINDOWS}announce/", TERMS).status_code == 302
    return RedemptionWindow.objects.get()


def carried_out(kind: str, verb) -> None:
    verb(proposal=Proposal.objects.filter(kind=kind).latest("proposed_at"), now=timezone.now())


def test_a_window_is_announced_with_the_figures_of_the_settings(browser, announced):
    assert announced.cap_percent == 5 and announced.charge_percent == 1
    page = browser.get(f"{WINDOWS}{announced.pk}/").content.decode()
    assert "Propose the opening" in page and "5 %" in page
    answer = browser.post(f"{WINDOWS}announce/", TERMS | {"code": "jp 1"})
    assert answer.status_code == 422


def test_it_opens_with_both_keys(browser, second, announced):
    browser.post(f"{WINDOWS}{announced.pk}/open/")
    proposal = Proposal.objects.get(kind="window")
    said = browser.get(f"/en/officers/fund/proposal/{proposal.pk}/").content.decode()
    assert "opens on these terms" in said and window.terms(announced) in said
    assert "second key" in sign(second, proposal)
    carried_out("window", window.carry_out_opening)
    assert window.open_due(now=announced.opens_at) == [announced.pk]


def test_the_acts_ask_for_a_fresh_proof(browser, announced):
    grow_stale(browser)
    answer = browser.post(f"{WINDOWS}{announced.pk}/open/")
    assert answer.status_code == 302 and "authenticate" in answer["Location"]
    assert not Proposal.objects.exists()


def test_the_sharing_is_seen_before_it_is_signed_and_settled_after(browser, second, make_officer):
    now = timezone.now()
    building.contribute_both(building.dollars(50_000), day=building.DAY, now=now)
    one = redeeming.opened()
    holder = building.citizen(building.Nation.JP).pk
    redeeming.give(holder)
    request.place(class_code="JP", holder_id=holder, units=25_000, key="k", now=now)
    page = f"{WINDOWS}{one.pk}/"
    assert "Would be redeemed, estimated" in browser.get(page).content.decode()
    window.close_due(now=one.closes_at)
    shown = browser.get(page).content.decode()
    assert "The price of the dealing day is not published yet." in shown and "Propose this sharing" not in shown
    building.rate(one.dealing_day, 100)
    then = timezone.now() + timedelta(days=60)
    keys = redeeming.keys()
    building.publish(strike.value(day=one.dealing_day, now=then), keys, now=then)
    shown = browser.get(page).content.decode()
    assert "Propose this sharing" in shown and "Fingerprint of the requests" in shown
    assert "Units that wait for the next window" in shown and "Would be redeemed, estimated" not in shown
    browser.post(f"{page}decide/")
    proposal = Proposal.objects.get(kind="redemption")
    said = browser.get(f"/en/officers/fund/proposal/{proposal.pk}/").content.decode()
    assert "What the limit does not let through waits" in said and proposal.facts["book"] in said
    sign(second, proposal)
    carried_out("redemption", share.carry_out)
    while settle.settle_next(code=one.pk, now=then):
        pass
    shown = browser.get(page).content.decode()
    assert "What was decided" in shown and "of 1" in shown and "Cancel this window" not in shown


def test_it_is_cancelled_with_a_reason_and_both_keys(browser, second, announced):
    page = f"{WINDOWS}{announced.pk}/"
    assert browser.post(f"{page}cancel/", {"reason": ""}).status_code == 422
    browser.post(f"{page}cancel/", {"reason": "No money is there"})
    sign(second, Proposal.objects.get(kind="window_cancel"))
    carried_out("window_cancel", window.carry_out_cancellation)
    announced.refresh_from_db()
    assert announced.state == "cancelled"


def test_without_the_duty_nothing_is_proposed(make_officer, announced):
    other = sign_in(make_officer("US", duties=["payments"]).user)
    assert "Propose the opening" not in other.get(f"{WINDOWS}{announced.pk}/").content.decode()
    assert other.post(f"{WINDOWS}{announced.pk}/open/").status_code == 403
