"""Bank files through the officers' pages: taken, taken twice, kept aside; and money in suspense."""

import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from fund import holders
from fund.governance.audit import Act
from fund.holders import Holder, Nation
from fund.ledger import balances
from fund.ledger.models import Transfer
from fund.money import Money
from fund.payments import payer_names, receipts, references
from fund.payments.models import BankEntry, BankFile
from fund.payments.payout_models import BankAnswer
from fund.payments.suspense import Resolution
from portal.officers import payments
from tests.fund.payments.bank_files import JPY, NOW, USD, entry, file
from tests.fund.payments.conftest import PAY_BY, Currency, open_account
from tests.fund.payments.test_answers import returns
from tests.portal.officers.conftest import grow_stale, sign_in
from tests.portal.officers.test_payouts import sent_run

pytestmark = pytest.mark.django_db(transaction=True)
FILES, SUSPENSE = "/en/officers/fund/bankfile/", "/en/officers/fund/bankentry/"
ANSWERS, RECONCILIATION = "/en/officers/fund/bankanswer/", "/en/officers/fund/bankaccount/"


@pytest.fixture
def browser(make_officer):
    open_account(USD, Currency.USD)
    open_account(JPY, Currency.JPY)
    return sign_in(make_officer(duties=["payments"]).user)


def upload(browser, data: bytes):
    return browser.post(f"{FILES}take/", {"file": SimpleUploadedFile("statement.xml", data)}, follow=True)


def test_a_file_is_taken_and_its_page_says_what_became_of_it(browser):
    answer = upload(browser, file(entry(12_345), entry(500)))
    text = answer.content.decode()
    assert "2 entries were posted." in text
    assert "$128.45" in text and "no reference that we know" in text
    assert balances.balance("suspense:USD") == 12_845


def test_the_same_file_again_posts_nothing(browser):
    data = file(entry(12_345))
    upload(browser, data)
    assert "taken before" in upload(browser, data).content.decode()
    assert Transfer.objects.count() == 1


def test_an_unsound_file_is_kept_aside_with_its_reason(browser):
    text = upload(browser, b"<nonsense").content.decode()
    assert "Nothing was posted." in text and "broken or cut off" in text
    assert BankFile.objects.get().state == BankFile.State.QUARANTINED
    assert not Transfer.objects.exists()
    assert "Files in quarantine" in browser.get("/en/officers/").content.decode()


def test_files_in_quarantine_are_listed_with_reason_and_line(browser):
    broken = file(entry(12_345)).replace(b"<CdtDbtInd>CRDT", b"<CdtDbtInd>BOTH", 1)
    upload(browser, broken)
    listed = browser.get(f"{FILES}?state__exact=quarantined").content.decode()
    assert "does not follow the rules of its format" in listed and "(line " in listed
    taken = upload(browser, file(entry(1))).content.decode()
    assert "1 entry was posted." in taken


@pytest.mark.parametrize("data", [b"", b"\0" * 100])
def test_what_is_no_bank_file_is_kept_aside_too(browser, data):
    assert "Nothing was posted." in upload(browser, data).content.decode()
    assert not Transfer.objects.exists()


def test_a_file_beyond_all_bounds_is_not_even_read(browser, monkeypatch):
    monkeypatch.setattr(payments, "MAX_BYTES", 100)
    assert upload(browser, b"<" + b"x" * 100).status_code == 422
    assert not BankFile.objects.exists()


def test_no_file_at_all_is_a_typing_error(browser):
    assert browser.post(f"{FILES}take/").status_code == 422


def test_an_auditor_looks_but_does_not_take(make_officer):
    client = sign_in(make_officer(duties=["audit"]).user)
    assert client.get(FILES).status_code == 200
    assert upload(client, file(entry(1))).status_code == 403
    assert not BankFile.objects.exists()


@pytest.fixture
def suspended(browser) -> BankEntry:
    upload(browser, file(entry(700, payer_name="Planted Payer", remittance=("for my units",))))
    return BankEntry.objects.get()


def test_what_the_payer_wrote_stays_sealed_until_a_purpose_is_stated(browser, suspended):
    for page in (SUSPENSE, f"{SUSPENSE}{suspended.pk}/", f"{FILES}{suspended.file_id}/"):
        assert "Planted Payer" not in browser.get(page).content.decode(), page
    assert browser.post(f"{SUSPENSE}{suspended.pk}/read/").status_code == 422
    assert browser.post(f"{SUSPENSE}{suspended.pk}/read/", {"purpose": "curiosity"}).status_code == 422
    assert not Act.objects.filter(verb="payer.opened").exists()


def test_reading_it_is_an_act_with_its_purpose(browser, suspended):
    answer = browser.post(f"{SUSPENSE}{suspended.pk}/read/", {"purpose": "owner"})
    assert "Planted Payer" in answer.content.decode() and "for my units" in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]
    assert Act.objects.get(verb="payer.opened").detail == {"purpose": "owner"}


def test_the_desk_counts_suspense_and_shows_the_banks(browser, suspended):
    text = browser.get("/en/officers/").content.decode()
    assert "Payments in suspense" in text and USD in text and "$7.00" in text


# ── ways out of suspense ──


@pytest.fixture
def asked():
    holder = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.US, now=NOW)
    payer_names.know(holder_id=holder.pk, names=["Planted Payer"])
    return receipts.expect(
        holder_id=holder.pk,
        amount=Money(700, Currency.USD),
        pay_by=PAY_BY,
        order_id=uuid.uuid4(),
        subject="US-2027-1",
        now=NOW,
    )


def resolve(browser, row: BankEntry, **form):
    return browser.post(f"{SUSPENSE}{row.pk}/resolve/", {"reason": "the payer called", **form}, follow=True)


def test_the_likeliest_order_is_suggested_and_money_is_applied_to_it(browser, asked, suspended):
    text = browser.get(f"{SUSPENSE}{suspended.pk}/").content.decode()
    assert references.printed(asked.pk) in text and "the same name · the same amount" in text
    assert f'value="{asked.pk}"' in text and "Planted" not in text
    answer = resolve(browser, suspended, way="applied", order=references.printed(asked.pk))
    assert "applied to an order" in answer.content.decode()
    assert balances.balance("held:USD", holder_id=asked.holder_id) == 700
    assert "the payer called" in browser.get(f"{SUSPENSE}{suspended.pk}/").content.decode()
    assert str(suspended.pk) not in browser.get(f"{SUSPENSE}?way_out=open").content.decode()


@pytest.mark.parametrize("order", ["", "RF00123", "RF361234567894"])
def test_without_an_order_that_exists_nothing_is_applied(browser, suspended, order):
    assert resolve(browser, suspended, way="applied", order=order).status_code == 422
    assert not Resolution.objects.exists()


def test_a_way_that_the_money_cannot_go_is_refused_with_the_reason(browser, suspended):
    for way, why in (("refunded", "no such order"), ("returned", "did not say from which account")):
        assert why in resolve(browser, suspended, way=way).content.decode()
    assert not Resolution.objects.exists()


def test_above_the_limit_both_keys_are_asked_and_the_proposal_says_what_happens(browser, asked):
    upload(browser, file(entry(1_000_001)))
    row = BankEntry.objects.get()
    text = resolve(browser, row, way="applied", order=asked.pk).content.decode()
    assert "needs both keys" in text and "$10,000.01 in suspense: apply it to an order" in text and asked.pk in text
    assert not Resolution.objects.exists()
    page = browser.get(f"{SUSPENSE}{row.pk}/").content.decode()
    assert "waits for its keys" in page and "Way out of suspense" not in page


def test_who_may_not_pay_sees_no_way_out(make_officer, browser, suspended):
    auditor = sign_in(make_officer(duties=["audit"]).user)
    assert "Way out of suspense" not in auditor.get(f"{SUSPENSE}{suspended.pk}/").content.decode()
    assert resolve(auditor, suspended, way="returned").status_code == 403


def test_a_way_out_asks_for_a_fresh_sign_in(browser, suspended):
    grow_stale(browser)
    resolve(browser, suspended, way="returned")
    assert not Resolution.objects.exists()


# ── answers of banks ──


def test_a_correction_is_told_at_the_desk_read_with_a_purpose_and_dealt_with(browser, make_officer, american, japanese):
    run = sent_run(american, japanese)
    line = run.lines.get()
    answer = upload(browser, returns(("21", "C01", line.reference, 0)))
    assert "Answers to be looked at: 1" in answer.content.decode()
    assert "Answers of banks to see to" in browser.get("/en/officers/").content.decode()
    kept = BankAnswer.objects.get()
    page = browser.get(f"{ANSWERS}{kept.pk}/").content.decode()
    assert line.reference in page and "1918171614" not in page
    told = browser.post(f"{ANSWERS}{kept.pk}/read/", {"purpose": "refund"})
    assert "1918171614" in told.content.decode() and "no-store" in told["Cache-Control"]
    assert Act.objects.get(verb="bank_answer.opened").detail == {"purpose": "refund"}
    auditor = sign_in(make_officer(duties=["audit"]).user)
    assert auditor.post(f"{ANSWERS}{kept.pk}/deal/").status_code == 403
    browser.post(f"{ANSWERS}{kept.pk}/deal/")
    kept.refresh_from_db()
    assert kept.dealt_with_at
    assert line.reference not in browser.get(f"{ANSWERS}?seen=open").content.decode()
    assert line.reference in browser.get(ANSWERS).content.decode()


# ── reconciliation ──


def test_the_reconciliation_explains_each_difference_line_by_line(browser):
    upload(browser, file(entry(500), entry(300, credit=False)))
    page = browser.get(f"{RECONCILIATION}{USD}/").content.decode()
    for said in ("reconciled", "on the account before our first statement", "moved nothing in the book", "$10,002.00"):
        assert said in page, said
    assert "-$3.00" in page
    listed = browser.get(RECONCILIATION).content.decode()
    assert USD in listed and "no statement yet" in listed
    assert "Accounts that do not reconcile" in browser.get("/en/officers/").content.decode()
    early = browser.get(f"{RECONCILIATION}{USD}/?until=2020-01-01").content.decode()
    assert "has not sent a statement" in early
    assert browser.get(f"{RECONCILIATION}{USD}/?until=nonsense").status_code == 200


def test_an_account_that_does_not_reconcile_is_on_the_desk(browser):
    upload(browser, file(entry(500)))
    with connection.cursor() as cursor:  # somebody changes what the bank said
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE fund_bankstatement SET closing = closing + 7")
        cursor.execute("SET session_replication_role = origin")
    page = browser.get(f"{RECONCILIATION}{USD}/").content.decode()
    assert "not reconciled" in page and "$0.07" in page
