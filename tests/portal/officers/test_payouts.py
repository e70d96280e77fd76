"""Payout runs through the officers' pages: begun, proposed, withdrawn, and their one file (D4, D17)."""

import pytest
from django.utils import timezone

from fund.governance import approval
from fund.governance.approval import Proposal
from fund.governance.audit import Act
from fund.governance.officers import Officer
from fund.money import Currency
from fund.payments import payouts
from fund.payments.formats import nacha
from fund.payments.payee import Payee
from fund.payments.payout_models import Format, PayoutRun
from fund.payments.payout_writing import WRITERS
from portal import relay, tasks
from portal.relay import Delivery
from tests.fund.payments.bank_files import JPY, NOW, USD
from tests.fund.payments.conftest import open_account, turn_second_key
from tests.fund.payments.test_payouts import PAYEE, everyone, owed, payout_files
from tests.portal.officers.conftest import grow_stale, sign_in

pytestmark = pytest.mark.django_db(transaction=True)
RUNS = "/en/officers/fund/payoutrun/"


@pytest.fixture
def browser(american):
    open_account(USD, Currency.USD)
    open_account(JPY, Currency.JPY)
    return sign_in(american.user)


def text_of(browser, address: str) -> str:
    return browser.get(address).content.decode()


def gather(run: PayoutRun, payees=everyone) -> PayoutRun:
    """What the task does behind ``begin``."""
    while payouts.address_next(run=run, payees=payees, now=NOW):
        pass
    run.refresh_from_db()
    return run


def approve(run: PayoutRun, american: Officer, japanese: Officer) -> PayoutRun:
    proposal = payouts.propose(run=run, officer=american, now=NOW)
    turn_second_key(proposal, japanese)
    payouts.carry_out(proposal=proposal, now=NOW)
    run.refresh_from_db()
    return run


def sent_run(american: Officer, japanese: Officer) -> PayoutRun:
    """A run of one payment whose file the bank has."""
    owed(100)
    run = gather(payouts.begin(currency=Currency.USD, officer=american, now=NOW))
    payout_files.export(
        run=approve(run, american, japanese), format=Format.NACHA, writers=WRITERS, actor=american.actor, now=NOW
    )
    return run


def begin(browser, currency: str = "USD"):
    return browser.post(f"{RUNS}begin/", {"currency": currency}, follow=True)


def test_a_run_is_begun_and_its_page_shows_it_being_gathered(browser):
    owed(12_345)
    assert "was begun" in begin(browser).content.decode()
    run = PayoutRun.objects.get()
    assert "being gathered" in text_of(browser, f"{RUNS}{run.pk}/")
    assert (
        "is not approved yet" in begin(browser).content.decode()
        or "waits for its approval" in begin(browser).content.decode()
    )
    assert PayoutRun.objects.count() == 1


def test_with_nothing_to_pay_nothing_is_begun(browser):
    assert "There is nothing to pay out." in begin(browser).content.decode()
    assert begin(browser, "EUR").status_code == 422
    assert not PayoutRun.objects.exists()


def test_what_is_left_out_is_named_with_its_reason_and_no_account_is_ever_shown(browser):
    owed(100), owed(70)
    begin(browser)
    held = Payee(name="X", bank="021000021", account="5", hold_until=NOW.replace(year=2028))
    run = gather(PayoutRun.objects.get(), lambda ids: {min(ids): PAYEE, max(ids): held})
    page = text_of(browser, f"{RUNS}{run.pk}/")
    assert "$1.00" in page and "$0.70" in page and "changed a short while ago" in page
    assert PAYEE.account not in page and "SECRETNAME" not in page


def test_a_run_is_proposed_once_and_approved_by_the_other_nation(browser, japanese):
    owed(100)
    begin(browser)
    run = gather(PayoutRun.objects.get())
    assert browser.post(f"{RUNS}{run.pk}/propose/").status_code == 422  # a reason is asked for
    said = browser.post(f"{RUNS}{run.pk}/propose/", {"reason": "weekly"}, follow=True).content.decode()
    assert "other nation has to approve" in said and "Propose this run" not in said.split("<main")[1]
    proposal = Proposal.objects.get()
    words = text_of(sign_in(japanese.user), f"/en/officers/fund/proposal/{proposal.pk}/")
    assert "$1.00 are paid out in 1 payment" in words and bytes(run.digest).hex() in words
    assert "File for the bank" not in text_of(browser, f"{RUNS}{run.pk}/")
    turn_second_key(proposal, japanese)
    payouts.carry_out(proposal=proposal, now=NOW)
    assert "File for the bank" in text_of(browser, f"{RUNS}{run.pk}/")


def test_a_run_that_is_not_approved_is_withdrawn_with_its_proposal(browser):
    owed(100)
    begin(browser)
    run = gather(PayoutRun.objects.get())
    browser.post(f"{RUNS}{run.pk}/propose/", {"reason": "weekly"})
    assert "was withdrawn" in browser.post(f"{RUNS}{run.pk}/withdraw/", follow=True).content.decode()
    run.refresh_from_db()
    assert (run.state, Proposal.objects.get().state) == ("withdrawn", "withdrawn")
    assert "can no longer be withdrawn" in browser.post(f"{RUNS}{run.pk}/withdraw/", follow=True).content.decode()


def test_the_file_is_the_same_however_often_it_is_taken_and_never_kept_by_a_browser(browser, american, japanese):
    owed(100)
    begin(browser)
    run = gather(PayoutRun.objects.get())
    refused = browser.post(f"{RUNS}{run.pk}/file/", {"format": "nacha"}, follow=True)
    assert "not approved by both nations" in refused.content.decode()
    approve(run, american, japanese)
    first, second = (browser.post(f"{RUNS}{run.pk}/file/", {"format": "nacha"}) for _ in range(2))
    assert first.content == second.content and "no-store" in first["Cache-Control"]
    assert first["Content-Disposition"] == f'attachment; filename="{run.reference}.txt"'
    (batch,) = nacha.read(first.content).batches
    assert [(one.amount, one.account) for one in batch.entries] == [(100, PAYEE.account)]
    assert Act.objects.filter(verb="payouts.exported", actor=american.actor).count() == 2
    other = browser.post(f"{RUNS}{run.pk}/file/", {"format": "pain001"}, follow=True)
    assert "would pay twice" in other.content.decode()


def test_the_file_asks_for_a_fresh_sign_in_and_the_duty(browser, american, japanese, make_officer):
    run = sent_run(american, japanese)
    for duties in (["audit"], ["dealing"]):
        other = sign_in(make_officer(duties=duties).user)
        assert other.post(f"{RUNS}{run.pk}/file/", {"format": "nacha"}).status_code == 403
        assert other.post(f"{RUNS}begin/", {"currency": "USD"}).status_code == 403
    grow_stale(browser)
    answer = browser.post(f"{RUNS}{run.pk}/file/", {"format": "nacha"})
    assert answer.status_code == 302 and PAYEE.account.encode() not in answer.content


def test_a_proposers_own_second_key_is_refused(browser, american):
    owed(100)
    begin(browser)
    gather(PayoutRun.objects.get())
    run = PayoutRun.objects.get()
    browser.post(f"{RUNS}{run.pk}/propose/", {"reason": "weekly"})
    proposal = Proposal.objects.get()
    with pytest.raises(approval.Refused):
        approval.sign(proposal=proposal, officer=american, digest=bytes(proposal.digest), now=NOW)


def test_the_task_that_hears_of_a_run_gathers_its_accounts(browser):
    """As the worker calls it: what reception hands over fits what the vault asks for."""
    owed(100)
    begin(browser)
    relay.sweep(now=timezone.now(), send=lambda task, delivery: None)
    tasks.address_payouts(Delivery.objects.get(task="address_payouts").pk)
    run = PayoutRun.objects.get()
    assert (run.state, run.left_out) == ("withdrawn", 1), "the holder has named no account"
    assert Delivery.objects.get(task="address_payouts").done_at is not None
