"""The whole walk against the real processes: from two people who sign up to units that are worth something.

A Japanese citizen orders by the pages, an American one by the API; both pay by a bank's camt.054. Officers of both
nations work at their desk. The queue is emptied on the way. At the end every figure is exact and ``prove`` is clean.
"""

import json
import time
import zipfile
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import psycopg
import pytest
from lxml import etree

from fund import calendars
from fund.money import Currency
from fund.payments.formats import camt_writing
from fund.payments.formats.model import Kind, Statement
from portal.local.place import CHECKOUT
from tests.demo import wait_for
from tests.fund.payments import bank_files
from tests.investors.conftest import american, japanese
from tests.journeys.citizen import Citizen
from tests.journeys.house import PATIENCE, House
from tests.journeys.officer import Officer

SHARED = CHECKOUT.parent / "shared/data/iso20022"


CODES = {"JP": "JP-WALK-1", "US": "US-WALK-1"}
TERMS = {
    "JP": {"capacity": "250000", "lot": "10000", "minimum": "10000", "step": "10000", "maximum": "1000000",
           "fixed_price": "10000"},
    "US": {"capacity": "100000.00", "lot": "100.00", "minimum": "500.00", "step": "100.00", "maximum": "25000.00",
           "fixed_price": "10"},
}  # fmt: skip


def test_the_whole_walk(real: House, open_page: Any, tmp_path: Path) -> None:
    yoko, jose = citizens(real, open_page)
    alice, naomi = officers(real, open_page)
    began = time.monotonic()
    yokos, joses = join(real, yoko, japanese(), naomi), join(real, jose, american(), alice)
    joining = timedelta(seconds=time.monotonic() - began)  # ordering takes half as long, on whichever machine
    closes = (datetime.now(UTC) + 2 * joining + timedelta(minutes=1)).replace(second=0, microsecond=0)
    open_offerings(real, alice, naomi, closes)

    paid = {yoko: yoko.subscribe(CODES["JP"], "300,000"), jose: order_by_api(real, jose, CODES["US"])}
    strangers_statements_are_refused(real)
    pay(real, tmp_path, notification("DEMO-JPY-001", Currency.JPY, 300_000, paid[yoko]))
    pay(real, tmp_path, notification("DEMO-USD-001", Currency.USD, 250_000, paid[jose]))
    for citizen, words in ((yoko, "入金済み"), (jose, "paid")):
        order = "SELECT 1 FROM fund_subscription WHERE reference = %s AND status = 'funded'"
        real.wait_for("the order to be paid", order, paid[citizen])
        assert words in citizen.read(f"/account/orders/{paid[citizen]}").lower()

    allot_and_settle(real, alice, naomi, closes)
    # Exact to the smallest unit: ¥250,000 of ¥300,000 were allotted, all of $2,500.
    assert balances(real, yokos) == {"units:JP": 250_000, "refunds:JPY": 50_000}
    assert balances(real, joses) == {"units:US": 2_500_000}

    publish_nav(real, alice, naomi, tmp_path)
    holdings_are_exact(real, yoko, jose)
    everything_was_told(real, paid)
    proved = real.manage("prove", "--json")
    assert proved.returncode == 0 and json.loads(proved.stdout)["clean"], proved.stdout


def join(real: House, citizen: Citizen, answers: dict[str, dict[str, Any]], officer: Officer) -> int:
    """Sign up, apply, be judged by the rules, be approved; the holder."""
    citizen.sign_up()
    citizen.apply(answers)
    officer.approve_application(waiting_application(real, citizen.address))
    return holder_of(real, citizen.address)


def open_offerings(real: House, alice: Officer, naomi: Officer, closes: datetime) -> None:
    """One of each class, under two keys, for a few minutes."""
    dealing_day = calendars.next_dealing_day((closes + timedelta(days=1)).date()).isoformat()
    for nation, code in CODES.items():
        alice.announce(code=code, class_code=nation, closes=closes, dealing_day=dealing_day, **TERMS[nation])
        naomi.turn_key(alice.propose(f"fund/offering/{code}/", "open"))
        real.wait_for(f"{code} to open", "SELECT 1 FROM fund_offering WHERE code = %s AND state = 'open'", code)


def pay(real: House, folder: Path, data: bytes) -> None:
    """The bank's file is taken; then the queue loses everything."""
    file = folder / "notification.xml"
    file.write_bytes(data)
    taken = real.manage("import_statement", str(file))
    assert taken.returncode == 0 and "posted 1, matched 1, suspense 0" in taken.stdout, taken.stdout + taken.stderr
    real.empty_the_queue()


def allot_and_settle(real: House, alice: Officer, naomi: Officer, closes: datetime) -> None:
    """The offerings close by the clock; allotment under two keys; the workers settle, though the queue is emptied."""
    state = "SELECT 1 FROM fund_offering WHERE code = %s AND state = %s"
    for code in CODES.values():
        patience = (closes - datetime.now(UTC)).total_seconds() + PATIENCE
        real.wait_for(f"{code} to close", state, code, "closed", patience=patience)
        alice.turn_key(naomi.propose(f"fund/offering/{code}/", "allot"))
        real.empty_the_queue()
        real.wait_for(f"{code} to settle", state, code, "settled")


def everything_was_told(real: House, paid: dict[Citizen, str]) -> None:
    """Every step left its act in the audit log, and its notices in inbox and mail."""
    for verb in ("submit", "approved", "open", "place", "statement.posted", "settle", "publish"):
        assert real.row("SELECT 1 FROM fund_act WHERE verb LIKE %s", f"%{verb}%"), f"no act of {verb}"
    for citizen, reference in paid.items():
        wait_for("the notices", lambda c=citizen: len(real.mailbox.messages(c.address)) >= 5, PATIENCE)
        assert "/confirm" not in "".join(real.mailbox.messages(citizen.address)), "no mail carries a link that signs in"
        assert reference in citizen.read("/account/inbox")


def citizens(real: House, open_page: Any) -> tuple[Citizen, Citizen]:
    yoko = Citizen(open_page(), real.base, real.mailbox, address="shota.takasaki@walk.example", language="ja")
    jose = Citizen(open_page(), real.base, real.mailbox, address="jose.oneill@walk.example", language="en")
    return yoko, jose


def officers(real: House, open_page: Any) -> tuple[Officer, Officer]:
    found = []
    for address, language in (("alice.morgan@treasury.example", "en"), ("naomi.saeki@mof.example", "ja")):
        login = real.logins[address]
        officer = Officer(open_page(), real.base, address=address, login=login, language=language)
        officer.sign_in()
        found.append(officer)
    return found[0], found[1]


INVESTOR = (
    "SELECT i.id, i.holder_id FROM investors_investor i JOIN portal_user u ON u.id = i.user_id WHERE u.email = %s"
)


def waiting_application(real: House, address: str) -> int:
    (investor, _holder) = real.row(INVESTOR, address)
    statement = "SELECT id FROM investors_application WHERE investor_id = %s AND status = 'in_review'"
    return int(real.wait_for("the rules to judge", statement, investor)[0])


def holder_of(real: House, address: str) -> int:
    return int(real.row(INVESTOR, address)[1])


def order_by_api(real: House, citizen: Citizen, code: str) -> str:
    """US$2,500, twice with the same key: one order."""
    headers = {"X-Session-Token": real.token(citizen), "Idempotency-Key": '"walk-1"'}
    body = {
        "offering": code,
        "amount": {"currency": "USD", "value": "2500.00"},
        "accepts": ["pre_contract:1", "prospectus:1", "terms:1"],
    }
    first = real.ask("POST", "/api/v1/subscriptions", body, **headers)
    again = real.ask("POST", "/api/v1/subscriptions", body, **headers)
    assert again == first and first["status"] == "placed"
    return str(first["reference"])


def strangers_statements_are_refused(real: House) -> None:
    """The samples are about accounts that are not the fund's: refused whole, with the reason."""
    samples = sorted((SHARED / "samples").glob("*camt*.xml"))
    if not samples:
        pytest.skip("../shared/data is absent")
    for sample in samples:
        refused = real.manage("import_statement", str(sample))
        assert refused.returncode == 1 and "Nothing was posted." in refused.stderr, refused.stdout + refused.stderr


def notification(account: str, currency: Currency, amount: int, reference: str) -> bytes:
    """One payment under a reference, as a camt.054 that the ISO schema accepts."""
    today = datetime.now(UTC)
    written: Statement = bank_files.statement(
        bank_files.entry(
            amount,
            currency=currency.value,
            creditor_reference=reference,
            booking_date=today.date(),
            value_date=today.date(),
            line=1,
        ),
        account=account,
        kind=Kind.NOTIFICATION,
        created_at=today.replace(microsecond=0),
    )
    data = camt_writing.write([written])
    etree.XMLSchema(etree.parse(SHARED / "xsd/camt.054.001.08.xsd")).assertValid(etree.fromstring(data))
    return data


def balances(real: House, holder: int) -> dict[str, int]:
    """What a holder has, by account, without what is zero."""
    with psycopg.connect(real.place.database_owner_url.replace("postgres:", "postgresql:", 1)) as connection:
        rows = connection.execute(
            "SELECT a.code, b.amount FROM fund_balance b JOIN fund_account a ON a.id = b.account_id"
            " WHERE b.holder_id = %s AND b.amount <> 0",
            [holder],
        )
        return dict(rows.fetchall())


def publish_nav(real: House, alice: Officer, naomi: Officer, folder: Path) -> None:
    """Today's NAV, at a reference rate that came with a file of the ECB's form."""
    today = datetime.now(UTC).date()
    rates = folder / "rates.zip"
    with zipfile.ZipFile(rates, "w") as archive:
        archive.writestr("eurofxref-hist.csv", f"Date,USD,JPY\n{today},1.1498,183.39\n")
    assert real.manage("load_rates", str(rates)).returncode == 0
    alice.go("fund/nav/")
    alice.press("value", day=today.isoformat())
    page = alice.page.url.split("/officers/")[1]
    naomi.turn_key(alice.propose(page, "propose", reason="Marks of the last quarter are still the newest."))
    real.empty_the_queue()
    statement = "SELECT 1 FROM fund_nav WHERE valuation_day = %s AND state = 'published'"
    real.wait_for("the NAV to be published", statement, today)


def holdings_are_exact(real: House, yoko: Citizen, jose: Citizen) -> None:
    """Units times price, rounded down; the other currency at 183.39 ÷ 1.1498 = 159.4973, half up."""
    rate = Fraction("159.4973")
    for citizen, class_code, units, minor, shown_units in (
        (yoko, "JP", 250_000, 1, "250,000"),
        (jose, "US", 2_500_000, 100, "250.0000"),
    ):
        (newest, *_rest) = real.ask("GET", f"/api/v1/navs?class={class_code}")["results"]
        value = int(Fraction(str(newest["price"]["value"])) * minor * units / 10_000)
        said = citizen.wait_to_read("/account/holdings", shown_units)
        in_yen = value if minor == 1 else int(Fraction(value, 100) * rate + Fraction(1, 2))
        in_cents = value if minor == 100 else int(Fraction(value) / rate * 100 + Fraction(1, 2))
        assert f"{in_yen:,}" in said, (in_yen, said)
        assert f"{in_cents // 100:,}.{in_cents % 100:02}" in said, (in_cents, said)
