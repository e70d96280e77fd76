"""A month of the fund by two officers at their desk, one in English, one in Japanese, against the real processes.

Applications are reviewed with the keyboard alone, an offering of each class is opened, paid by bank files that the
officers take in, closed by the clock, allotted, settled; what is in suspense finds its way out, refunds are paid, the
accounts reconcile, a net asset value is published and then corrected. At the end ``prove`` is clean.
"""

import json
import os
import zipfile
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fund import calendars
from fund.money import Currency
from fund.payments.formats import camt_writing
from fund.payments.formats.model import Entry, Kind
from tests.fund.payments import bank_files
from tests.journeys.house import PATIENCE, House
from tests.journeys.keyboard import Keyboard
from tests.journeys.officer import Officer
from tests.journeys.test_walk import TERMS, officers

MONTH = int(os.environ.get("MONTH", "0"))  # applications to review
CODES = {"JP": "JP-MONTH-1", "US": "US-MONTH-1"}
BANKS = {"JP": "DEMO-JPY-001", "US": "DEMO-USD-001"}
CURRENCIES = {"JP": Currency.JPY, "US": Currency.USD}

APPLY = """
from datetime import date, timedelta
from django.utils import timezone
from investors import onboarding, people
from investors.steps.papers import Kind
from portal.accounts import User
from portal.demonstration import citizens, specimens
for place in range({number}):
    now, told, own = timezone.now(), citizens.answers(place), 5000 + place
    nations, japanese = told["citizenship"]["nations"], told["identity_document"]["issuer"] == "JP"
    told["numbers"] = citizens.numbers(own, nations, japanese)
    told["identity_document"]["number"] = f"TK{{9000000 + own}}" if japanese else f"{{590000000 + own}}"
    told["birth"]["birth_date"] = (date(1961, 1, 5) + timedelta(days=41 * place)).isoformat()
    investor = people.register(user=User.objects.create_user(f"month{{place}}@month.example"), now=now)
    for step, given in told.items():
        onboarding.save(investor=investor, step=step, answers=given, now=now)
    taken = specimens.taken(*citizens.passport(told))
    onboarding.add_document(investor=investor, kind=Kind.PASSPORT_PAGE, taken=taken, now=now)
    onboarding.submit(investor=investor, now=now)
"""
ORDER = """
import json
from django.utils import timezone
from fund.dealing.models import Offering
from fund.money import Currency, Money
from investors import subscribing
from investors.people import Investor
found = {{}}
for one in Investor.objects.filter(user__email__endswith="@month.example", state="approved").select_related("holder"):
    nation = one.holder.nation
    offering = Offering.objects.get(code={codes}[nation])
    amount = Money(300_000, Currency.JPY) if nation == "JP" else Money(250_000, Currency.USD)
    placed = subscribing.subscribe(investor=one, offering_code=offering.code, amount=amount,
                                   accepts=offering.agreements, key="month", now=timezone.now())
    found.setdefault(nation, []).append(placed.reference)
print(json.dumps(found))
"""


@pytest.mark.skipif(not MONTH, reason="a month takes some ten minutes: set MONTH to the number of applications")
def test_a_month_of_the_fund(real: House, open_page: Any, tmp_path: Path) -> None:
    alice, naomi = officers(real, open_page)
    refused = review(real, alice, naomi)
    closes = (datetime.now(UTC) + timedelta(minutes=5)).replace(second=0, microsecond=0)
    open_both(real, alice, naomi, closes)
    orders = json.loads(script(real, ORDER.format(codes=CODES)))
    assert sum(map(len, orders.values())) == MONTH - refused

    known = {nation: notified_today(real, nation) for nation in CODES}
    carried = {nation: book(real, BANKS[nation]) - sum(one.amount for one in known[nation]) for nation in CODES}
    paid = {nation: take_payments(real, alice, naomi, tmp_path, nation, orders[nation]) for nation in CODES}
    allot(real, alice, naomi, closes)
    runs = {nation: pay_out(real, alice, naomi, nation) for nation in CODES}
    for nation, entries in paid.items():
        told = [*known[nation], *entries, *runs[nation]]
        reconcile(real, naomi, tmp_path, nation, told, opening=carried[nation])

    day = publish(real, alice, naomi, tmp_path)
    correct(real, alice, naomi, tmp_path, day)
    proved = real.manage("prove", "--json")
    assert proved.returncode == 0 and json.loads(proved.stdout)["clean"], proved.stdout


def script(real: House, text: str) -> str:
    done = real.manage("shell", "--verbosity", "0", "-c", text)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().splitlines()[-1] if done.stdout.strip() else ""


def book(real: House, bank: str) -> int:
    """What the book says is on a bank account, minor units."""
    told = f"from fund.ledger import balances; print(-balances.balance('bank:{bank}'))"
    return int(script(real, told))


def notified_today(real: House, nation: str) -> list[Entry]:
    """What the demonstration's own notification has told of today already: the day's statement tells it once more."""
    (told,) = real.row(
        "SELECT json_agg(json_build_array(number, amount, booking_date) ORDER BY number) FROM fund_bankentry"
        " WHERE account_id = %s AND booking_date >= %s", BANKS[nation], datetime.now(UTC).date()
    )  # fmt: skip
    days = [(number, amount, date.fromisoformat(day)) for number, amount, day in told or []]
    return [
        bank_files.entry(amount, currency=CURRENCIES[nation].value, booking_date=day, value_date=day,
                         bank_reference=f"{nation}{day:%y%m%d}{number:06d}")
        for number, amount, day in days
    ]  # fmt: skip


def review(real: House, alice: Officer, naomi: Officer) -> int:
    """Everybody who waits is decided on without a mouse, the two taking turns; returns how many were refused."""
    waiting = "SELECT count(*) FROM investors_application WHERE status = 'in_review'"
    (before,) = real.row(waiting)
    script(real, APPLY.format(number=MONTH))
    enough = f"SELECT 1 WHERE ({waiting}) >= %s"
    real.wait_for("the rules to judge", enough, before + MONTH, patience=PATIENCE + 5 * MONTH)
    refused = 0
    hands = [Keyboard(alice.page), Keyboard(naomi.page)]
    for officer, keyboard in zip((alice, naomi), hands, strict=True):
        officer.go("investors/application/")
        keyboard.submit("take_next")
    for place in range(before + MONTH - 1):
        keyboard = hands[place % 2]
        if place == 1:
            keyboard.review("refused", "contradiction")
            refused += 1
        else:
            keyboard.review("approved")
    # Whoever has the last one decides it; the other was told that none is left.
    last = next(one for one in hands if "/application/" in one.page.url and one.page.url.rstrip("/")[-1].isdigit())
    last.review("approved")
    assert real.row(waiting) == (0,)
    return refused


def open_both(real: House, alice: Officer, naomi: Officer, closes: datetime) -> None:
    dealing_day = calendars.next_dealing_day((closes + timedelta(days=1)).date()).isoformat()
    for nation, code in CODES.items():
        alice.announce(code=code, class_code=nation, closes=closes, dealing_day=dealing_day, **TERMS[nation])
        naomi.turn_key(alice.propose(f"fund/offering/{code}/", "open"))
        real.wait_for(f"{code} to open", "SELECT 1 FROM fund_offering WHERE code = %s AND state = 'open'", code)


def take_payments(
    real: House, alice: Officer, naomi: Officer, folder: Path, nation: str, orders: list[str]
) -> list[Entry]:
    """Every order is paid, one of them with half as much again, and one payment names nobody. Both leave suspense."""
    minor = 300_000 if nation == "JP" else 250_000
    entries = [credit(nation, minor, reference) for reference in orders]
    entries[0] = credit(nation, minor * 3 // 2, orders[0])
    entries.append(credit(nation, 12_300, ""))
    told = {"account": BANKS[nation], "kind": Kind.NOTIFICATION, "created_at": datetime.now(UTC).replace(microsecond=0)}
    file = folder / f"{nation}.xml"
    file.write_bytes(camt_writing.write([bank_files.statement(*entries, **told)]))
    alice.go("fund/bankfile/")
    alice.press("take", file=str(file))
    assert f"{len(entries)} entries were posted" in alice.page.inner_text("main")
    funded = "SELECT 1 WHERE (SELECT count(*) FROM fund_subscription WHERE offering_id = %s AND status = 'funded') = %s"
    real.wait_for("the orders to be paid", funded, CODES[nation], len(orders))
    for reason, way in (("overpaid", "refunded"), ("unknown_reference", "returned")):
        (entry,) = real.row(
            "SELECT id FROM fund_bankentry WHERE suspense_reason = %s AND account_id = %s AND suspended > 0"
            " AND NOT EXISTS (SELECT FROM fund_resolution r WHERE r.entry_id = fund_bankentry.id)"
            " ORDER BY id DESC LIMIT 1",
            reason, BANKS[nation],
        )  # fmt: skip
        naomi.go(f"fund/bankentry/{entry}/")
        naomi.press("resolve", way=way, reason="The month's own check.")
    return entries


def credit(nation: str, amount: int, reference: str, **told: Any) -> Entry:
    today = datetime.now(UTC).date()
    return bank_files.entry(
        amount, currency=CURRENCIES[nation].value, creditor_reference=reference, booking_date=today, value_date=today,
        payer_account="" if reference else "1234567", payer_name="" if reference else "SOMEBODY", **told,
    )  # fmt: skip


def allot(real: House, alice: Officer, naomi: Officer, closes: datetime) -> None:
    state = "SELECT 1 FROM fund_offering WHERE code = %s AND state = %s"
    for code in CODES.values():
        patience = max(0.0, (closes - datetime.now(UTC)).total_seconds()) + PATIENCE
        real.wait_for(f"{code} to close", state, code, "closed", patience=patience)
        alice.turn_key(naomi.propose(f"fund/offering/{code}/", "allot"))
        real.wait_for(f"{code} to settle", state, code, "settled")


def pay_out(real: House, alice: Officer, naomi: Officer, nation: str) -> list[Entry]:
    """A run of everything that waits, under both keys, and its file; the debit that the bank's statement will tell."""
    currency = CURRENCIES[nation].value
    naomi.go("fund/payoutrun/")
    naomi.press("begin", currency=currency)
    ready = "SELECT id, total FROM fund_payoutrun WHERE currency = %s AND state = 'ready'"
    run, total = real.wait_for("the run to be gathered", ready, currency)
    naomi.go(f"fund/payoutrun/{run}/")
    naomi.press("propose", reason="Refunds of the offering.")
    (proposal,) = real.row("SELECT id FROM fund_proposal WHERE kind = 'payout' AND state = 'open'")
    alice.turn_key(f"fund/proposal/{proposal}/")
    real.wait_for("the run to be approved", "SELECT 1 FROM fund_payoutrun WHERE id = %s AND state = 'approved'", run)
    naomi.go(f"fund/payoutrun/{run}/")
    with naomi.page.expect_download() as file:
        naomi.press("file", format="pain001", leads_on=False)
    written = Path(file.value.path()).read_text()
    reference = file.value.suggested_filename.removesuffix(".xml")
    assert reference in written and total > 0
    today = datetime.now(UTC).date()
    return [bank_files.entry(total, currency=currency, credit=False, end_to_end_id=reference, booking_date=today,
                             value_date=today)]  # fmt: skip


def reconcile(real: House, naomi: Officer, folder: Path, nation: str, entries: list[Entry], *, opening: int) -> None:
    """The day's statement tells it all once more, and the payouts; then bank and book agree to the last unit."""
    today = datetime.now(UTC).date()
    closing = opening + sum(one.signed for one in entries)
    told = {"account": BANKS[nation], "created_at": datetime.now(UTC).replace(microsecond=0), "opening": opening,
            "closing": closing, "opened_on": today, "closed_on": today}  # fmt: skip
    file = folder / f"{nation}-statement.xml"
    file.write_bytes(camt_writing.write([bank_files.statement(*entries, **told)]))
    naomi.go("fund/bankfile/")
    naomi.press("take", file=str(file))
    assert book(real, BANKS[nation]) == closing
    checked = real.manage("reconcile")
    assert checked.returncode == 0, checked.stdout + checked.stderr
    naomi.go(f"fund/bankaccount/{BANKS[nation]}/")
    assert f"{closing // (1 if nation == 'JP' else 100):,}" in naomi.page.inner_text("main")


def publish(real: House, alice: Officer, naomi: Officer, folder: Path) -> str:
    """Today's value, at a rate of the ECB's form; the officer sees what moved it before it is proposed."""
    today = datetime.now(UTC).date()
    rates = folder / "rates.zip"
    with zipfile.ZipFile(rates, "w") as archive:
        archive.writestr("eurofxref-hist.csv", f"Date,USD,JPY\n{today},1.1498,183.39\n")
    assert real.manage("load_rates", str(rates)).returncode == 0
    naomi.go("fund/nav/")
    naomi.press("value", day=today.isoformat())
    assert naomi.page.locator("svg.waterfall rect").count() == 6
    page = naomi.page.url.split("/officers/")[1]
    alice.turn_key(naomi.propose(page, "propose", reason="四半期の評価がまだ最新です。"))
    published = "SELECT 1 FROM fund_nav WHERE valuation_day = %s AND state = 'published' AND version = %s"
    real.wait_for("the NAV to be published", published, today, 1)
    return today.isoformat()


def correct(real: House, alice: Officer, naomi: Officer, folder: Path, day: str) -> None:
    """A mark was wrong: it is entered anew by a table, the day is valued again and published as version 2."""
    code, amount, currency = real.row(
        "SELECT i.code, v.amount, i.currency FROM fund_valuation v JOIN fund_investment i ON i.code = v.investment_id"
        " WHERE i.currency = 'USD' ORDER BY v.amount DESC LIMIT 1"
    )
    table = folder / "marks.csv"
    heading = "investment,day,amount,currency,source_en,source_ja\n"
    right = f"{amount * 103 // 100 / 100:.2f}"
    table.write_text(f"{heading}{code},{day},{right},{currency},Appraisal,鑑定\n")
    alice.go("fund/importedfile/")
    alice.press("file", kind="valuations", file=str(table))
    alice.press("take")  # a mark needs no second key; the prices that follow from it do
    if "/fund/proposal/" in alice.page.url:
        naomi.turn_key(alice.page.url.split("/officers/")[1])
    (nav,) = real.row("SELECT id FROM fund_nav WHERE valuation_day = %s AND state = 'published'", day)
    alice.go(f"fund/nav/{nav}/")
    alice.press("revalue")
    page = alice.page.url.split("/officers/")[1]
    naomi.turn_key(alice.propose(page, "propose", reason="The appraiser's figure was misread."))
    published = "SELECT 1 FROM fund_nav WHERE corrects_id = %s AND state = 'published'"
    real.wait_for("the correction to be published", published, nav)
