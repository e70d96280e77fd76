"""A year of tax at the desk, what is due to tax offices, and the accounts they are paid to (D4, D46, D48)."""

import re
from datetime import UTC, date, datetime
from uuid import uuid4

import pytest
from django.utils import timezone

from fund.governance.approval import Proposal
from fund.governance.audit import Act
from fund.governance.officers import Duty
from fund.holders import Nation
from fund.ledger import post
from fund.ledger.models import Entitlement, Event
from fund.ledger.post import Line
from fund.payments.payee_accounts import PayeeAccount
from fund.tax.models import Form, TaxStatement, TaxYear
from investors import tax_files
from portal import tasks
from portal.tasks import CARRY_OUT
from tests.fund import building
from tests.fund.distribution.conftest import FIRST, Fund, citizen, fund, tax
from tests.portal.officers.conftest import grow_stale, sign_in

pytestmark = pytest.mark.django_db
ROOM = "/en/officers/fund/taxyear/"
RIGHT = date(2026, 4, 2)
LATER = datetime(2027, 1, 12, 3, tzinfo=UTC)
__all__ = ["fund"]


@pytest.fixture
def paid(fund: Fund, monkeypatch):
    """Two citizens were paid in April; it is January."""
    monkeypatch.setattr(timezone, "now", lambda: LATER)
    fund.jp, fund.us = citizen(Nation.JP, 1_000_000, 1_000_000), citizen(Nation.US, 500_000, 50_000)
    tax(fund.jp)
    tax(fund.us, us_person=True, residence="US")
    fund.value(FIRST)
    fund.value(RIGHT)
    fund.declared = {one.unit_class_id: one for one in fund.declare({"JP": "300", "US": "0.3"})}
    fund.run(fund.declared["JP"])
    building.rate(date(2026, 12, 31), 150)
    fund.yen = f"¥{Entitlement.objects.get(holder=fund.jp).national:,}"
    return fund


def second_key(officer) -> object:
    proposal = Proposal.objects.get(state="open")
    client = sign_in(officer.user)
    read = client.get(f"/en/officers/fund/proposal/{proposal.pk}/").content.decode()
    client.post(f"/en/officers/fund/proposal/{proposal.pk}/sign/", {"digest": proposal.hex_digest})
    CARRY_OUT[proposal.kind](proposal=proposal, now=LATER)
    return read


def computed(browser) -> TaxYear:
    answer = browser.post(f"{ROOM}prepare/", {"year": "2026"}, follow=True).content.decode()
    assert "Version " in answer and "of 2026 is being computed." in answer
    one = TaxYear.objects.get(state="preparing")
    while tasks.tax_year.prepare_next(tax_year=one, now=LATER):
        pass
    return one


def test_a_year_is_prepared_compared_released_and_its_tables_are_taken(paid, american, japanese):
    browser = sign_in(american.user)
    assert "The year is not over." in browser.post(f"{ROOM}prepare/", {"year": "2027"}, follow=True).content.decode()
    one = computed(browser)
    where = f"{ROOM}{one.pk}/"
    page, yen = browser.get(where).content.decode(), paid.yen
    withheld = TaxStatement.objects.get(form=Form.DIV, holder=paid.us).lines[0]["4"]
    assert page.count(f"${withheld / 100:.2f}") >= 3  # statements, ledger, sum of the form
    assert "withheld_national:JPY" in page and yen in page and "cannot be proposed" not in page
    assert "<td>no</td>" not in page and "Annual transaction report (JPY)" in page

    grow_stale(browser)
    assert browser.post(f"{where}propose/", {"reason": "checked"}).status_code == 302 and not open_ones()
    browser = sign_in(american.user)
    browser.post(f"{where}propose/", {"reason": "checked"})
    read = second_key(japanese)
    assert "The tax papers of 2026, version 1, are released" in read and yen in read
    one.refresh_from_db()
    assert one.state == "released"
    assert "being made" in browser.get(where).content.decode()
    assert "still being made" in browser.post(f"{where}file/", {"form": "1099-div"}, follow=True).content.decode()
    while tax_files.write_next(tax_year=one, now=LATER):
        pass
    answer = browser.post(f"{where}file/", {"form": "1099-div"})
    assert "no-store" in answer["Cache-Control"] and answer["Content-Type"].startswith("text/csv")
    assert f",{withheld}," in answer.content.decode("utf-8-sig")
    assert Act.objects.filter(verb="tax_file.taken", actor=american.actor, detail__form="1099-div").exists()


def open_ones() -> bool:
    return Proposal.objects.filter(kind="tax_year", state="open").exists()


def test_what_does_not_agree_with_the_ledger_is_said_and_not_proposed(paid, american):
    browser = sign_in(american.user)
    one = computed(browser)
    line = Line(f"bank:{building.USD}", "withheld_us:USD", 1)
    post.post(event=Event.CORRECTION, event_id=uuid4(), lines=[line], effective_at=LATER)
    page = browser.get(f"{ROOM}{one.pk}/").content.decode()
    assert "Statements and ledger differ." in page and "<td>no</td>" in page
    answer = browser.post(f"{ROOM}{one.pk}/propose/", {"reason": "x"}, follow=True).content.decode()
    assert "for withheld_us:USD" in answer and not open_ones()
    assert "was withdrawn" in browser.post(f"{ROOM}{one.pk}/withdraw/", follow=True).content.decode()


def test_an_officer_of_audit_looks_and_takes_no_table(paid, american, japanese):
    one = computed(sign_in(american.user))
    japanese.duties = [Duty.AUDIT]
    japanese.save()
    browser = sign_in(japanese.user)
    page = browser.get(f"{ROOM}{one.pk}/").content.decode()
    assert "Compared with the ledger" in page and "Propose its release" not in page
    assert browser.post(f"{ROOM}{one.pk}/file/", {"form": "1099-div"}).status_code == 403


def test_what_is_due_is_shown_and_its_account_is_entered_under_both_keys(paid, american, japanese):
    browser = sign_in(american.user)
    runs = "/en/officers/fund/payoutrun/"
    page, yen = browser.get(runs).content.decode(), paid.yen
    assert "Japan, income tax" in page and yen in page and "11 May 2026" in page and "past due" in page
    assert (
        page.count("to be entered") == 3
        and "Withheld taxes that are due" in browser.get("/en/officers/").content.decode()
    )
    typed = {
        "payee": "jp_national", "currency": "JPY", "name": "コウジマチゼイムシヨ", "bank": "0001", "branch": "001",
        "account": "1234567", "kind": "ordinary", "reason": "letter of the tax office",
    }  # fmt: skip
    room = "/en/officers/fund/payeeaccount/"
    wrong = browser.post(f"{room}enter/", typed | {"branch": ""}, follow=True).content.decode()
    assert "No bank file can carry this account." in wrong
    browser.post(f"{room}enter/", typed)
    read = second_key(japanese)
    assert "Japan, income tax is paid in JPY to this account" in read and "1234567" in read
    assert PayeeAccount.objects.get().payee == "jp_national"
    page = browser.get(runs).content.decode()
    assert page.count("to be entered") == 2 and "known" in page
    assert "コウジマチゼイムシヨ" in browser.get(f"{room}{PayeeAccount.objects.get().pk}/").content.decode()
    browser.post(f"{runs}begin/", {"currency": "JPY"})
    run = tasks.PayoutRun.objects.get()
    while tasks.payouts.address_next(run=run, payees=lambda ids: {}, now=LATER):
        pass
    page = browser.get(f"{runs}{run.pk}/").content.decode()
    assert re.search(rf"Japan, income tax.*{yen}.*withheld up to 31 Dec 2026", page, re.S)
