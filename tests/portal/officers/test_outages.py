"""Declaring an outage at the desk: the rule's effect is shown before it is signed (D26)."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from fund.dealing import offering, outage
from fund.dealing.models import Offering
from fund.dealing.outage import Outage
from fund.governance.approval import Proposal
from fund.payments.models import BankAccount
from tests.fund.dealing.conftest import BANK, announce
from tests.fund.payments.conftest import Currency, open_account
from tests.portal.api.conftest import dealing_day
from tests.portal.officers.conftest import grow_stale, sign_in
from tests.portal.officers.test_offerings import sign

pytestmark = pytest.mark.django_db(transaction=True)
OUTAGES = "/en/officers/fund/outage/"
CAUSES = {"cause_en": "A line was cut.", "cause_ja": "回線が切断されました。"}


@pytest.fixture
def browser(make_officer):
    return sign_in(make_officer("US", duties=["dealing"]).user)


@pytest.fixture
def second(make_officer):
    return sign_in(make_officer("JP", duties=["dealing"]).user)


@pytest.fixture
def one(american, japanese, browser, second) -> Offering:
    """Open, and closing in three hours."""
    if not BankAccount.objects.exists():
        open_account(BANK, Currency.JPY)
    now = timezone.now().replace(second=0, microsecond=0)
    closes = now + timedelta(hours=3)
    terms = {"opens_at": now - timedelta(days=1), "closes_at": closes, "pay_by": closes + timedelta(days=2)}
    announced = announce(**terms, dealing_day=dealing_day(closes + timedelta(days=2)), now=now - timedelta(days=2))
    proposal = offering.propose_opening(offering=announced, officer=american, now=now)
    offering.approval.sign(proposal=proposal, officer=japanese, digest=bytes(proposal.digest), now=now)
    offering.carry_out_opening(proposal=proposal, now=now)
    announced.refresh_from_db()
    return announced


def local(instant: datetime) -> str:
    return instant.astimezone(ZoneInfo("America/New_York")).strftime("%Y-%m-%dT%H:%M")


def told(one: Offering, minutes: int = 40) -> dict[str, str]:
    ended = one.closes_at - timedelta(hours=4)
    return {"starts_at": local(ended - timedelta(minutes=minutes)), "ends_at": local(ended), **CAUSES}


def test_an_outage_is_declared_by_both_nations_and_moves_the_cut_off(browser, second, one):
    answer = browser.post(f"{OUTAGES}declare/", told(one), follow=True)
    proposal = Proposal.objects.get(kind="outage")
    text = answer.content.decode()
    for part in (one.code, "A line was cut.", "回線が切断されました。", "60 minutes later", "until now"):
        assert part in text, part
    assert [change.differs for change in answer.context["changes"]] == [False]
    assert not set(proposal.facts) & {line.label for line in answer.context["words"].lines}
    assert "takes effect now" in sign(second, proposal)
    declared = outage.carry_out(proposal=proposal, now=datetime.now(UTC))
    page = browser.get(f"{OUTAGES}{declared.pk}/").content.decode()
    assert one.code in page and "A line was cut." in page
    assert one.code in browser.get(OUTAGES).content.decode()
    assert "before outages" in browser.get(f"/en/officers/fund/offering/{one.code}/").content.decode()


def test_the_comparison_shows_when_the_rule_says_something_else_by_now(browser, one):
    answer = browser.post(f"{OUTAGES}declare/", told(one), follow=True)
    Offering.objects.filter(pk=one.pk).update(state="closed")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outage, "MOVABLE", ("open",))
        changed = browser.get(answer.redirect_chain[-1][0])
    assert [change.differs for change in changed.context["changes"]] == [True]


def test_an_outage_that_is_too_short_or_has_no_cause_is_sent_back(browser, one):
    assert "moves no cut-off" in browser.post(f"{OUTAGES}declare/", told(one, 10), follow=True).content.decode()
    assert browser.post(f"{OUTAGES}declare/", told(one) | {"cause_ja": ""}).status_code == 422
    assert not Proposal.objects.filter(kind="outage").exists()


def test_only_dealing_declares_freshly_signed_in(browser, make_officer, one):
    client = sign_in(make_officer(duties=["payments", "valuation", "audit"]).user)
    assert client.get(OUTAGES).status_code == 200
    assert client.post(f"{OUTAGES}declare/", told(one)).status_code == 403
    assert browser.get(f"{OUTAGES}declare/").status_code == 405
    grow_stale(browser)
    assert browser.post(f"{OUTAGES}declare/", told(one)).status_code == 302
    assert not Outage.objects.exists() and not Proposal.objects.filter(kind="outage").exists()
