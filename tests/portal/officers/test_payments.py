"""Bank files through the officers' pages: taken, taken twice, kept aside; and money in suspense."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from fund.governance.audit import Act
from fund.ledger import balances
from fund.ledger.models import Transfer
from fund.payments.models import BankEntry, BankFile
from portal.officers import payments
from tests.fund.payments.bank_files import JPY, USD, entry, file
from tests.fund.payments.conftest import Currency, open_account
from tests.portal.officers.conftest import sign_in

pytestmark = pytest.mark.django_db(transaction=True)
FILES, SUSPENSE = "/en/officers/fund/bankfile/", "/en/officers/fund/bankentry/"


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
