"""The portfolio and its capital at the desk: read, typed, brought, proposed, signed (D4, D40)."""

import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from fund.governance.approval import Proposal
from fund.governance.officers import Duty
from fund.portfolio import debt, valuation
from fund.portfolio.models import Deployment, ImportedFile, Valuation
from fund.register import calls
from fund.register.models import Call, Contribution
from portal.documents.capital import notices
from portal.tasks import CARRY_OUT
from tests.fund import building
from tests.fund.building import DAY, USD, dollars
from tests.portal.officers.conftest import grow_stale, sign_in

BASE = "/en/officers/fund/"


@pytest.fixture
def fund(db):
    building.open_banks()
    building.rate(DAY, 160)
    building.contribute_both(dollars(1_000_000))
    port = building.investment()
    building.invest(investment=port, money=dollars(1_000))
    building.facility()


@pytest.fixture
def browser(fund, american):
    return sign_in(american.user)


def second_key(proposal: Proposal, officer) -> object:
    """The other nation's officer signs at the desk; the task of the act carries it out."""
    client = sign_in(officer.user)
    answer = client.post(f"{BASE}proposal/{proposal.pk}/sign/", {"digest": proposal.hex_digest}, follow=True)
    assert "You have turned the second key" in answer.content.decode()
    return CARRY_OUT[proposal.kind](proposal=proposal, now=timezone.now())


def row(**told: str) -> dict[str, str]:
    return {
        "kind": "movements", "investment": "PORT", "day": "2026-03-31", "movement": "drawdown", "amount": "250000",
        "currency": "USD", "bank_account": USD, **told,
    }  # fmt: skip


def digest(answer) -> str:
    return re.search(r'name="digest" value="([0-9a-f]{64})"', answer.content.decode())[1]


def test_a_typed_payment_is_shown_proposed_signed_and_posted(browser, japanese):
    page = browser.post(f"{BASE}importedfile/typed/", row(), follow=True)
    assert "250000.00" in page.content.decode() and "Propose with my key" in page.content.decode()
    where = page.redirect_chain[-1][0]
    answer = browser.post(f"{where}take/", {"digest": digest(page), "reason": "Invoice 7"}, follow=True)
    proposal = Proposal.objects.get(kind="portfolio", state="open")
    assert answer.redirect_chain[-1][0].endswith(f"{proposal.pk}/")
    (line,) = answer.context["words"].lines
    assert (line.label, line.value) == ("payment into an investment", "PORT")
    assert "$250,000.00" in line.note and USD in line.note
    assert Deployment.objects.count() == 1
    assert second_key(proposal, japanese) == 1
    assert valuation.deployed(Deployment.objects.first().investment) == 251_000_00


def test_what_is_typed_wrong_comes_back_with_its_field(browser):
    answer = browser.post(f"{BASE}importedfile/typed/", row(amount="1e5", day=""))
    assert answer.status_code == 422
    assert set(answer.context["typed_form"].errors) == {"amount", "day"}
    assert 'value="1e5"' in answer.content.decode()
    assert not ImportedFile.objects.exists()


@pytest.mark.parametrize("kind", ["", "nonsense"])
def test_a_kind_that_there_is_not(browser, kind):
    assert browser.post(f"{BASE}importedfile/typed/", {"kind": kind}).status_code == 422


def bring(browser, content: str, kind: str = "valuations"):
    file = SimpleUploadedFile("marks.csv", content.encode())
    return browser.post(f"{BASE}importedfile/file/", {"kind": kind, "file": file}, follow=True)


TABLE = "investment,day,amount,currency,source_en,source_ja\nPORT,2026-03-31,1100.00,USD,=cmd|x,鑑定\n"


def test_a_table_of_valuations_is_recorded_with_one_key(browser):
    page = bring(browser, TABLE)
    assert "Record it" in page.content.decode()
    where = page.redirect_chain[-1][0]
    answer = browser.post(f"{where}take/", {"digest": digest(page), "reason": ""}, follow=True)
    assert "1 entry was recorded." in answer.content.decode()
    assert Valuation.objects.get().amount == 1_100_00
    assert "0 new, 0 changed, 1 known already." in answer.content.decode()


def test_faults_name_line_and_column_and_nothing_can_be_taken(browser):
    page = bring(browser, TABLE.replace("1100.00", "eleven"))
    assert [(one.line, one.column) for one in page.context["faults"]] == [(2, "amount")]
    assert "Record it" not in page.content.decode()
    where = page.redirect_chain[-1][0]
    answer = browser.post(f"{where}take/", {"digest": "0" * 64, "reason": ""}, follow=True)
    assert "The table has faults" in answer.content.decode()
    assert not Valuation.objects.exists()


def test_a_plan_that_changed_is_read_again(browser):
    page = bring(browser, TABLE)
    where, read = page.redirect_chain[-1][0], digest(page)
    browser.post(f"{where}take/", {"digest": read, "reason": ""})
    again = browser.post(f"{where}take/", {"digest": read, "reason": ""}, follow=True)
    assert "Something has changed since you read this" in again.content.decode()
    assert Valuation.objects.count() == 1


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"x" * (2 * 1024 * 1024 + 1)])
def test_a_file_that_is_no_table(browser, content):
    file = SimpleUploadedFile("x.csv", content)
    assert browser.post(f"{BASE}importedfile/file/", {"kind": "rates", "file": file}).status_code == 422


def test_the_lenders_figure_has_its_place(browser):
    told = {"kind": "debt", "facility": "LINE", "day": "2026-03-31", "movement": "statement", "amount": "5000.00",
            "currency": "USD"}  # fmt: skip
    page = browser.post(f"{BASE}importedfile/typed/", told, follow=True)
    browser.post(f"{page.redirect_chain[-1][0]}take/", {"digest": digest(page), "reason": ""})
    assert [one.drawn for one in debt.drawn(on=DAY)] == [5_000_00]
    assert "figure of the lender" in browser.get(f"{BASE}facility/LINE/").content.decode().lower()


def test_proposing_asks_for_the_factor_again(browser):
    page = browser.post(f"{BASE}importedfile/typed/", row(), follow=True)
    grow_stale(browser)
    answer = browser.post(f"{page.redirect_chain[-1][0]}take/", {"digest": digest(page), "reason": "x"})
    assert answer.status_code == 302 and not Proposal.objects.filter(kind="portfolio", state="open").exists()


def test_old_valuations_wait_on_the_desk_and_are_marked(browser):
    desk = browser.get("/en/officers/").content.decode()
    assert "Valuations that are too old" in desk  # of March, and today is later by more than 95 days
    assert "too old" in browser.get(f"{BASE}investment/").content.decode()
    assert "older than the limit of 95 days" in browser.get(f"{BASE}investment/PORT/").content.decode()


@pytest.mark.parametrize("language", ["en", "ja"])
def test_every_page_of_the_rooms_is_shown(browser, language):
    building.receive(investment=Deployment.objects.get().investment, money=dollars(5), cost=dollars(4))
    building.enter("accrual", code="AUDIT", description_en="Audit", description_ja="監査", yearly=100,
                   currency="USD", effective_on=DAY)  # fmt: skip
    building.pay(kind=building.Expense.Kind.OPERATING, money=dollars(1))
    call = Call.objects.get()
    for path in (
        "investment/",
        "investment/PORT/",
        "facility/",
        "facility/LINE/",
        "importedfile/",
        "call/",
        f"call/{call.pk}/",
    ):
        assert browser.get(f"/{language}/officers/fund/{path}").status_code == 200, path


# ── capital ───────────────────────────────────────────────────────────────────────────────────────────────────────────
def committed(browser, japanese, partner) -> None:
    told = {f"holder_{partner.pk}": "1,000.00", "effective_on": "2026-03-01", "reason": "signed"}
    browser.post(f"{BASE}call/commit/", told, follow=True)
    second_key(Proposal.objects.get(kind="capital", state="open"), japanese)


def called(browser, japanese, partner) -> Call:
    told = {f"holder_{partner.pk}": "600.00", "called_on": "2026-03-31", "due_on": "2026-04-14", "bank_account": USD,
            "purpose_en": "Works", "purpose_ja": "工事", "reason": "needed"}  # fmt: skip
    answer = browser.post(f"{BASE}call/call/", told, follow=True)
    assert "$600.00 are called, due on 14 Apr 2026." in answer.content.decode()
    second_key(Proposal.objects.get(kind="capital", state="open"), japanese)
    return Call.objects.latest("number")


def test_a_commitment_a_call_its_notice_and_the_money(browser, japanese):
    partner = building.partner()
    committed(browser, japanese, partner)
    call = called(browser, japanese, partner)
    ((line, _left),) = calls.open_lines(call=call)
    where = f"{BASE}call/{call.pk}/"
    early = browser.post(f"{where}notice/", {"line": str(line.pk)}, follow=True)
    assert "still being made" in early.content.decode()
    notices(call_id=call.pk, now=timezone.now())
    notice = browser.post(f"{where}notice/", {"line": str(line.pk)})
    assert notice["Content-Type"] == "application/pdf" and notice.content.startswith(b"%PDF")
    answer = browser.post(
        f"{where}pay/", {f"line_{line.pk}": "600.00", "day": "2026-04-10", "reason": "booked"}, follow=True
    )
    assert "units are issued for them" in answer.content.decode()
    second_key(Proposal.objects.get(kind="capital", state="open"), japanese)
    assert Contribution.objects.get(line=line).units == 600_000
    page = browser.get(where).content.decode()
    assert "60.0000 units" in page and "Money that came in" not in page


def test_what_is_typed_wrong_at_a_call_stays_typed(browser, japanese):
    partner = building.partner()
    committed(browser, japanese, partner)
    call = called(browser, japanese, partner)
    ((line, _left),) = calls.open_lines(call=call)
    answer = browser.post(f"{BASE}call/{call.pk}/pay/", {f"line_{line.pk}": "six", "day": "2026-04-10", "reason": "x"})
    assert (
        answer.status_code == 422 and 'value="six"' in answer.content.decode() and "Partner" in answer.content.decode()
    )
    for path, told in (("commit/", {}), ("call/", {}), (f"{call.pk}/pay/", {f"line_{uuid.uuid4()}": "1"})):
        assert browser.post(f"{BASE}call/{path}", told).status_code == 422
    missing = browser.post(f"{BASE}call/{call.pk}/notice/", {"line": str(uuid.uuid4())}, follow=True)
    assert "does not belong to the call" in missing.content.decode()


def test_unequal_co_owners_are_refused_at_the_desk(browser):
    told = {f"holder_{building.co_owner_of('US').pk}": "1.00", "called_on": "2026-03-31", "due_on": "2026-03-31",
            "bank_account": USD, "purpose_en": "x", "purpose_ja": "x", "reason": "x"}  # fmt: skip
    answer = browser.post(f"{BASE}call/call/", told, follow=True)
    assert "both pay the same" in answer.content.decode()
    assert not Proposal.objects.filter(kind="capital", state="open").exists()


def test_calls_past_due_wait_on_the_desk(browser):
    partner = building.partner()
    building.commit({partner.pk: dollars(10)})
    building.make_call({partner.pk: dollars(10)})
    assert "Capital calls past due" in browser.get("/en/officers/").content.decode()
    late = datetime.combine(DAY + timedelta(days=1), datetime.min.time(), UTC)
    assert list(calls.overdue(on=late.date()))


def test_without_the_duty_nothing_is_proposed(fund, make_officer):
    client = sign_in(make_officer(duties=[Duty.DEALING.value]).user)
    assert client.get(f"{BASE}investment/").status_code == 200
    assert client.get(f"{BASE}importedfile/").status_code == 403
    assert client.post(f"{BASE}importedfile/typed/", row()).status_code == 403
    assert client.post(f"{BASE}call/commit/", {}).status_code == 403
