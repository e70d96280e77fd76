"""The pages in a real browser: the content policy holds, nothing is cut off on a telephone, axe finds no barrier."""

import os
import uuid
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from fund import calendars, holders, trace
from fund.governance import audit, config, fence, office
from fund.holders import Holder, Nation
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.money import Currency, Money
from fund.nav import correct, strike
from fund.payments import payer_names, receipts
from fund.payments.models import BankEntry
from fund.payments.payout_models import BankAnswer
from fund.portfolio import imports
from fund.redemption import correction, settle, share, window
from fund.redemption.models import RedemptionWindow
from fund.register.models import Call
from fund.tax import year
from investors import casework, transfers
from investors.applications import Application
from investors.duplicates import DuplicateCase
from tests.browser import LOOK, follow
from tests.fund import building
from tests.fund.payments.bank_files import JPY, NOW, USD, entry, file
from tests.fund.payments.conftest import PAY_BY, open_account
from tests.fund.payments.test_answers import returns
from tests.fund.redemption import redeeming
from tests.investors.conftest import american as american_answers
from tests.investors.conftest import japanese as applicant
from tests.investors.conftest import person, submitted
from tests.journeys.keyboard import Keyboard
from tests.portal.officers.conftest import sign_in
from tests.portal.officers.test_payouts import sent_run
from tests.portal.web import giving

__all__ = ["person"]  # a fixture
SHOTS = os.environ.get("SHOTS")  # a folder, to look at the pages

AXE = Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js"
pytestmark = pytest.mark.django_db(transaction=True)


def in_the_portfolio() -> list[str]:
    """A call, an investment with its history, a table with faults and one that can be proposed."""
    building.open_banks()
    building.contribute_both(building.dollars(1_000))
    building.invest(investment=building.investment(), money=building.dollars(10))
    building.facility()
    heading = "investment,day,amount,currency,source_en,source_ja\n"
    brought = [
        imports.bring(
            kind="valuations", name="marks.csv", content=f"{heading}PORT,2026-03-31,{amount},USD,Appraisal,鑑定\n",
            officer=building.bookkeepers()[0], now=building.NOW,
        )
        for amount in ("1100.00", "eleven")
    ]  # fmt: skip
    return [
        "/officers/fund/investment/PORT/",
        "/officers/fund/facility/LINE/",
        f"/officers/fund/call/{Call.objects.get().pk}/",
        *(f"/officers/fund/importedfile/{one.pk}/" for one in brought),
    ]


@pytest.fixture
def addresses(american, japanese, make_officer, person) -> list[str]:
    now = timezone.now()
    colleague = make_officer("JP", duties=["onboarding"])
    office.break_glass(held=colleague, duties=["payments"], officer=japanese, now=now, reason="The unit is ill.")
    case = submitted(person("waits@example.org"), applicant())
    casework.take(application_id=case, officer=japanese, now=now)
    proposal = config.propose(
        key="cap.citizen",
        value={"USD": 12_500_000, "JPY": 15_000_000},
        effective_from=now + timedelta(days=30),
        officer=american,
        now=now,
        reason="The yearly review.",
    )
    with trace.following() as followed:
        portfolio = in_the_portfolio()
    holder = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=now)
    redemption = redeeming.asked(holder.pk)
    gifts = giving.begin()
    gift = giving.accepted(gifts.hanako, gifts.to)
    transfer = transfers.propose(case=gift, officer=american, now=now)
    estate = transfers.open_estate(investor=gifts.to, officer=american, now=now)
    fence.close(why=fence.FenceEntry.Why.BY_HAND, officer=japanese, now=now, reason="A bank file looks wrong.")
    audit.seal(log=audit.AUDIT, now=now)
    return [
        "/officers/",
        "/officers/fund/proposal/",
        f"/officers/fund/proposal/{proposal.pk}/",
        "/officers/fund/setting/",
        "/officers/fund/setting/cap.citizen/",
        "/officers/fund/act/",
        f"/officers/fund/act/?trace={followed}",
        "/officers/fund/offering/",
        "/officers/fund/redemptionwindow/",
        f"/officers/fund/redemptionwindow/{redemption.window_id}/",
        f"/officers/fund/proposal/{redemption.window.proposal_id}/",
        "/officers/fund/conveyance/",
        f"/officers/fund/conveyance/{gift.pk}/",
        f"/officers/fund/proposal/{transfer.pk}/",
        "/officers/fund/estate/",
        f"/officers/fund/estate/{estate.pk}/",
        "/officers/fund/outage/",
        "/officers/fund/nav/",
        "/officers/fund/investment/",
        "/officers/fund/facility/",
        "/officers/fund/call/",
        "/officers/fund/importedfile/",
        *portfolio,
        "/officers/fund/bankfile/",
        "/officers/fund/note/",
        "/officers/fund/officer/",
        "/officers/fund/fenceentry/",
        f"/officers/fund/officer/{colleague.pk}/",
        "/officers/investors/application/",
        f"/officers/investors/application/{case}/",
        "/officers/investors/duplicatecase/",
        "/officers/investors/investor/",
        f"/officers/investors/investor/{Application.objects.get(pk=case).investor_id}/",
        "/officers/fund/subscription/",
        "/officers/fund/distribution/",
        "/officers/fund/holdingroot/",
        "/officers/portal/webhookdelivery/",
    ]


@pytest.fixture
def payments(american, japanese) -> list[str]:
    """A statement with money in suspense and a fee, a broken file, and a bank's answer about a payout."""
    open_account(USD, Currency.USD)
    open_account(JPY, Currency.JPY)
    holder = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.US, now=NOW)
    payer_names.know(holder_id=holder.pk, names=["Hanako Yamada"])
    told = {"holder_id": holder.pk, "pay_by": PAY_BY, "subject": "US-2027-1", "now": NOW}
    for amount in (70_000, 90_000):
        receipts.expect(amount=Money(amount, Currency.USD), order_id=uuid.uuid4(), **told)
    unknown = entry(70_000, payer_name="HANAKO YAMADA", payer_account="5", direct_debit=True)
    line = sent_run(american, japanese).lines.get()
    for data in (file(unknown, entry(300, credit=False)), returns(("21", "R02", line.reference, 100))):
        receipts.import_file(data=data, name="statement.xml", actor="system", now=NOW)
    with pytest.raises(receipts.Quarantined):
        receipts.import_file(data=file(unknown)[:-30], name="broken.xml", actor="system", now=NOW)
    taxes = year.begin(year=2025, officer=american, now=NOW)
    while year.prepare_next(tax_year=taxes, now=NOW):
        pass
    return [
        "/officers/",
        "/officers/fund/bankfile/",
        f"/officers/fund/bankfile/{BankAnswer.objects.get().file_id}/",
        "/officers/fund/bankentry/?way_out=open",
        f"/officers/fund/bankentry/{BankEntry.objects.get(suspended__gt=0).pk}/",
        "/officers/fund/bankanswer/",
        f"/officers/fund/bankanswer/{BankAnswer.objects.get().pk}/",
        "/officers/fund/bankaccount/",
        f"/officers/fund/bankaccount/{USD}/",
        f"/officers/fund/payoutrun/{line.run_id}/",
        "/officers/fund/payoutrun/",
        "/officers/fund/payeeaccount/",
        "/officers/fund/taxyear/",
        f"/officers/fund/taxyear/{taxes.pk}/",
    ]


def barriers(page: Page) -> list[str]:
    found: list[dict[str, Any]] = page.evaluate(LOOK)["violations"]
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("ja", 390)])
def test_the_rooms_of_payments(chromium, live_server, japanese, payments, language, width):
    test_pages_in_a_browser(chromium, live_server, japanese, payments, width, language)


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("ja", 390)])
def test_a_window_from_the_preview_of_its_sharing_to_its_correction(chromium, live_server, japanese, language, width):
    building.open_banks()
    now, keys = timezone.now(), redeeming.keys()
    building.contribute_both(building.dollars(50_000), day=building.DAY, now=now)
    for _holder in range(2):
        redeeming.asked(building.citizen(Nation.JP).pk, 8_000)
    one = redeeming.opened()
    window.close_due(now=one.closes_at)
    then = calendars.books_close(one.dealing_day) + timedelta(hours=2)
    building.rate(one.dealing_day, 100)
    booked(one, "income:USD", f"bank:{building.USD}")
    building.publish(strike.value(day=one.dealing_day, now=then), keys, now=then)
    at = f"/officers/fund/redemptionwindow/{one.pk}/"
    test_pages_in_a_browser(chromium, live_server, japanese, [at], width, language)

    one.refresh_from_db()
    proposal = share.propose(window=one, officer=keys[0], now=then)
    building.sign(proposal, keys[1], then)
    share.carry_out(proposal=proposal, now=then)
    while settle.settle_next(code=one.pk, now=then):
        pass
    booked(one, f"bank:{building.USD}", "income:USD")
    (draft,) = correct.revalue(day=one.dealing_day, now=then)
    wrong = correction.propose(drafts=[draft], officer=keys[0], now=then, reason="It came after all.")
    settled = [f"/officers/fund/nav/{draft.pk}/", *(f"/officers/fund/proposal/{act.pk}/" for act in (proposal, wrong))]
    test_pages_in_a_browser(chromium, live_server, japanese, settled, width, language)


def booked(one: RedemptionWindow, debit: str, credit: str) -> None:
    """Two percent of the fund, on the dealing day."""
    line, at = Line(debit, credit, 2_000_00), calendars.books_open(one.dealing_day)
    post.post(event=Event.REVERSAL, event_id=uuid.uuid4(), lines=[line], effective_at=at)


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_in_a_browser(chromium, live_server, japanese, addresses, width, language):
    session = sign_in(japanese.user).cookies["session"].value
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme="light")
    context.add_cookies([{"name": "session", "value": session, "url": live_server.url}])
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    for address in addresses:
        page.goto(f"{live_server.url}/{language}{address}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append(f"{address} is wider than the screen")
        page.evaluate(AXE.read_text())
        faults += [f"{address} {barrier}" for barrier in barriers(page)]
        if SHOTS:
            name = address.strip("/").replace("/", "-").replace("?", "-")
            page.screenshot(path=f"{SHOTS}/{name}-{language}-{width}.png", full_page=True)
    context.close()
    assert faults == []


def test_a_planted_barrier_is_found(chromium):
    """Negative control."""
    page = chromium.new_page()
    page.set_content("<html><body><img src='data:,'><button></button></body></html>")
    page.evaluate(AXE.read_text())
    assert {one.partition(":")[0] for one in barriers(page)} >= {"image-alt", "button-name", "html-has-lang"}
    page.close()


def test_a_key_is_turned_in_a_browser(chromium, live_server, japanese, addresses):
    session = sign_in(japanese.user).cookies["session"].value
    context = chromium.new_context()
    context.add_cookies([{"name": "session", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/en{addresses[2]}")
    with page.expect_navigation():
        page.get_by_role("button", name="Turn my key").click()
    assert page.get_by_role("status").inner_text() == "You have turned the second key. It takes effect now."
    context.close()


@pytest.fixture
def twins(person) -> str:
    submitted(person("one@example.org"), applicant())
    other = {"kind": "passport", "issuer": "JP", "number": "TZ7654321", "expires_on": "2033-01-01"}
    submitted(person("two@example.org"), applicant(name={"family_kanji": "高崎"}, identity_document=other))
    return f"/officers/investors/duplicatecase/{DuplicateCase.objects.get().pk}/"


@pytest.mark.parametrize(("language", "width"), [("en", 1280), ("ja", 390)])
def test_a_possible_duplicate_side_by_side(chromium, live_server, japanese, twins, language, width):
    session = sign_in(japanese.user).cookies["session"].value
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme="light")
    context.add_cookies([{"name": "session", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/{language}{twins}")
    page.locator("[name=purpose]").first.check()
    follow(page, "section[aria-labelledby=answers] button")
    assert "高崎" in page.inner_text("main")
    page.evaluate(AXE.read_text())
    faults = barriers(page)
    if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
        faults.append("wider than the screen")
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/twins-{language}-{width}.png", full_page=True)
    context.close()
    assert faults == []


def test_the_queue_is_worked_through_without_a_mouse(chromium, live_server, make_officer, person):
    """One is approved, one refused with its reason, and after each decision the next one is there."""
    first = submitted(person("one@example.org"), applicant())
    other = {"kind": "passport", "issuer": "JP", "number": "TZ7654321", "expires_on": "2033-01-01"}
    second = submitted(person("two@example.org"), american_answers(identity_document=other))
    session = sign_in(make_officer("JP", duties=["onboarding"]).user).cookies["session"].value
    context = chromium.new_context(viewport={"width": 1280, "height": 900})
    context.add_cookies([{"name": "session", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/en/officers/investors/application/")
    hands = Keyboard(page)
    hands.submit("take_next")
    assert page.url.endswith(f"/application/{first}/")
    hands.review("approved")
    assert page.url.endswith(f"/application/{second}/")
    hands.review("refused", "contradiction")
    assert "No application waits that nobody works on." in page.inner_text("main")
    assert [Application.objects.get(pk=key).status for key in (first, second)] == ["approved", "refused"]
    context.close()
