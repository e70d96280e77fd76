"""A distribution at the desk: tried out, proposed, approved by the other nation, followed and corrected (D4, D45)."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.utils import timezone

from fund import calendars
from fund.distribution import correct, declare
from fund.distribution.models import Distribution
from fund.governance import approval
from fund.governance.approval import Proposal
from fund.holders import Nation
from tests.fund import building
from tests.fund.distribution.conftest import RECORD, Fund, citizen, fund
from tests.portal.officers.conftest import sign_in

pytestmark = pytest.mark.django_db
ROOM = "/en/officers/fund/distribution/"
__all__ = ["fund"]


def test_it_is_tried_out_before_it_is_proposed_and_the_second_officer_reads_every_figure(
    fund: Fund, american, japanese
):
    citizen(Nation.JP, 1_000_000, 1_000_000)
    fund.value(building.DAY)
    browser, other = sign_in(american.user), sign_in(japanese.user)
    today = timezone.now().date()
    record = calendars.next_dealing_day(today)
    typed = {
        "record_day": record, "pay_day": calendars.next_banking_day(Nation.JP, record + timedelta(days=3)),
        "rate_JP": "123.5", "rate_SOV": "", "rate_LP": "", "rate_US": "",
    }  # fmt: skip
    shown = browser.post(f"{ROOM}dry_run/", typed).content.decode()
    assert "What it would come to" in shown and "¥12,350" in shown and "¥123.5" in shown
    ordinary = 12_350
    assert f"¥{ordinary * 15_315 // 100_000:,}" in shown and f"¥{ordinary * 5 // 100:,}" in shown
    assert not Proposal.objects.exclude(state="carried_out").exists() and not Distribution.objects.exists()
    refused = browser.post(f"{ROOM}dry_run/", typed | {"rate_JP": "99999999"}, follow=True).content.decode()
    assert "more than the income that the fund has realised" in refused
    assert (
        "Say what at least one class is paid."
        in browser.post(f"{ROOM}dry_run/", typed | {"rate_JP": ""}).content.decode()
    )

    browser.post(f"{ROOM}propose/", typed | {"reason": "The income of the quarter"})
    proposal = Proposal.objects.get(state="open")
    read = other.get(f"/en/officers/fund/proposal/{proposal.pk}/").content.decode()
    assert "¥123.5" in read and "¥12,350" in read and "Income is distributed on the units held on" in read
    building.sign(proposal, japanese, timezone.now())
    assert correct.carry_out(proposal=proposal, now=timezone.now())
    page = browser.get(f"{ROOM}{Distribution.objects.get().pk}/").content.decode()
    assert "It is recorded when the record day is over." in page


def test_a_paid_one_is_corrected_under_both_keys_and_the_difference_is_shown(fund: Fund, american, japanese):
    stays, joins = citizen(Nation.JP, 1_000_000, 1_000_000), citizen(Nation.JP, 1_000_000, 1_000_000, day=RECORD)
    fund.value(building.DAY)
    right = RECORD - timedelta(days=4)
    fund.value(right)
    (one,) = fund.declare({"JP": "100"}, now=calendars.books_open(RECORD) + timedelta(hours=9))
    fund.run(one)
    browser = sign_in(american.user)
    assert "¥20,000" in browser.get(f"{ROOM}{one.pk}/").content.decode()
    told = {"record_day": right, "per_lot": "100", "reason": "The day was the week before"}
    browser.post(f"{ROOM}{one.pk}/correct/", told)
    proposal = Proposal.objects.get(state="open")
    said = browser.get(f"/en/officers/fund/proposal/{proposal.pk}/").content.decode()
    assert "taken back and paid anew" in said and "¥20,000" in said and "¥10,000" in said
    approval.sign(proposal=proposal, officer=japanese, digest=bytes(proposal.digest), now=timezone.now())
    (again,) = correct.carry_out(proposal=proposal, now=timezone.now())
    fund.pay(timezone.now())
    page = browser.get(f"{ROOM}{again.pk}/").content.decode()
    assert "What the correction has changed" in page and f">{joins.pk}<" in page and f">{stays.pk}<" not in page
    assert "has taken its place" in browser.get(f"{ROOM}{one.pk}/").content.decode()
    with pytest.raises(declare.Refused):
        correct.preview(distribution=one, record_day=right, per_lot=Decimal(1), now=timezone.now())
