"""The whole walk against the real processes: from two people who sign up to units that are worth something.

A Japanese citizen orders by the pages, an American one by the API; both pay by a bank's camt.054. Officers of both
nations work at their desk. The queue is emptied on the way. At the end every figure is exact and ``prove`` is clean.
"""

import json
import os
import subprocess
import sys
import urllib.request
import zipfile
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path
from typing import Any

import psycopg
import pytest
import redis
from lxml import etree

from fund import calendars
from fund.money import Currency
from fund.payments.formats import camt_writing
from fund.payments.formats.model import Kind, Statement
from portal.local.place import CHECKOUT
from tests.demo import Demo, wait_for
from tests.fund.payments import bank_files
from tests.investors.conftest import american, japanese
from tests.journeys.citizen import PASSWORD, Citizen, Mailbox
from tests.journeys.officer import Officer

SHARED = CHECKOUT.parent / "shared/data/iso20022"
PATIENCE = 60  # seconds that anything may take, also after the queue was emptied


class House:
    """What the test does beside the browsers: commands, the API, a look into the database."""

    def __init__(self, demo: Demo) -> None:
        self.place, self.base = demo.place, f"http://localhost:{demo.port}"
        self.logins = json.loads((demo.place.run / "logins.json").read_text())
        self.mailbox = Mailbox(demo.place.run / "mail")

    def manage(self, *words: str) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME", "LANG"}}
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=CHECKOUT,
            env={**kept, "RUN_DIR": str(self.place.run), "LOCAL": "1"},
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        request = urllib.request.Request(
            f"{self.base}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "Accept": "application/json", **headers},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def token(self, address: str) -> str:
        """Sign in as a mobile app does."""
        answer = self.ask("POST", "/api/auth/app/v1/auth/login", {"email": address, "password": PASSWORD})
        return str(answer["meta"]["session_token"])

    def row(self, statement: str, *params: Any) -> Any:
        """The first row of a query, None when there is none."""
        with psycopg.connect(self.place.database_owner_url.replace("postgres:", "postgresql:", 1)) as connection:
            return connection.execute(statement, params).fetchone()

    def wait_for(self, what: str, statement: str, *params: Any, patience: float = PATIENCE) -> Any:
        wait_for(what, lambda: self.row(statement, *params), patience)
        return self.row(statement, *params)

    def empty_the_queue(self) -> None:
        with redis.Redis.from_url(self.place.redis_url) as client:
            client.flushall()


@pytest.fixture
def real(house: Demo) -> House:
    return House(house)


def test_the_whole_walk(real: House, open_page: Any, tmp_path: Path) -> None:
    yoko, jose = citizens(real, open_page)
    alice, naomi = officers(real, open_page)

    # They sign up, confirm their addresses, apply; the rules check, an officer approves.
    for citizen, answers, officer in ((yoko, japanese(), naomi), (jose, american(), alice)):
        citizen.sign_up()
        citizen.apply(answers)
        number = waiting_application(real, citizen.address)
        officer.approve_application(number)
    holders = {citizen: holder_of(real, citizen.address) for citizen in (yoko, jose)}

    # Two offerings open under two keys, for a few minutes.
    closes = (datetime.now(UTC) + timedelta(minutes=4)).replace(second=0, microsecond=0)
    terms = {
        "JP": {"capacity": "250000", "lot": "10000", "minimum": "10000", "step": "10000", "maximum": "1000000",
               "fixed_price": "10000"},
        "US": {"capacity": "100000.00", "lot": "100.00", "minimum": "500.00", "step": "100.00", "maximum": "25000.00",
               "fixed_price": "10"},
    }  # fmt: skip
    codes = {nation: f"{nation}-WALK-1" for nation in terms}
    for nation, code in codes.items():
        alice.announce(
            code=code, class_code=nation, closes=closes, dealing_day=next_dealing_day(closes), **terms[nation]
        )
        naomi.turn_key(alice.propose(f"fund/offering/{code}/", "open"))
        real.wait_for(f"{code} to open", "SELECT 1 FROM fund_offering WHERE code = %s AND state = 'open'", code)

    # One subscribes on the pages, the other through the API.
    references = {yoko: yoko.subscribe(codes["JP"], "300,000"), jose: order_by_api(real, jose.address, codes["US"])}

    # The bank tells of both payments; the samples of other banks are refused. Then the queue loses everything.
    strangers_statements_are_refused(real)
    for code, citizen, amount, currency, account in (
        ("JP", yoko, 300_000, Currency.JPY, "DEMO-JPY-001"),
        ("US", jose, 250_000, Currency.USD, "DEMO-USD-001"),
    ):
        file = tmp_path / f"{code}.xml"
        file.write_bytes(notification(account, currency, amount, references[citizen]))
        taken = real.manage("import_statement", str(file))
        assert taken.returncode == 0 and "posted 1, matched 1, suspense 0" in taken.stdout, taken.stdout + taken.stderr
        real.empty_the_queue()
    for citizen, paid in ((yoko, "入金済み"), (jose, "paid")):
        real.wait_for(
            "the order to be paid",
            "SELECT 1 FROM fund_subscription WHERE reference = %s AND status = 'funded'",
            references[citizen],
        )
        assert paid in citizen.read(f"/account/orders/{references[citizen]}").lower()

    # The offerings close by the clock; allotment under two keys; the workers settle.
    for code in codes.values():
        closed = (closes - datetime.now(UTC)).total_seconds() + PATIENCE
        real.wait_for(
            f"{code} to close",
            "SELECT 1 FROM fund_offering WHERE code = %s AND state = 'closed'",
            code,
            patience=closed,
        )
        alice.turn_key(naomi.propose(f"fund/offering/{code}/", "allot"))
        real.empty_the_queue()
        real.wait_for(f"{code} to settle", "SELECT 1 FROM fund_offering WHERE code = %s AND state = 'settled'", code)

    # Exact to the smallest unit: ¥250,000 of ¥300,000 were allotted, all of $2,500.
    assert balances(real, holders[yoko]) == {"units:JP": 250_000, "refunds:JPY": 50_000}
    assert balances(real, holders[jose]) == {"units:US": 2_500_000}

    # A NAV is valued, approved by both, published; the holdings are worth units times price.
    publish_nav(real, alice, naomi, tmp_path)
    holdings_are_exact(real, yoko, jose, holders)

    # Every step left its act and its notices, and nothing differs anywhere.
    for verb in ("submit", "approved", "open", "place", "statement.posted", "settle", "publish"):
        assert real.row("SELECT 1 FROM fund_act WHERE verb LIKE %s", f"%{verb}%"), f"no act of {verb}"
    for citizen in (yoko, jose):
        wait_for("the notices", lambda c=citizen: len(real.mailbox.messages(c.address)) >= 5, PATIENCE)
        assert "/confirm" not in "".join(real.mailbox.messages(citizen.address)), "no mail carries a link that signs in"
        assert references[citizen] in citizen.read("/account/inbox")
    proved = real.manage("prove", "--json")
    assert proved.returncode == 0 and json.loads(proved.stdout)["clean"], proved.stdout


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


def next_dealing_day(after: datetime) -> str:

    return calendars.next_dealing_day((after + timedelta(days=1)).date()).isoformat()


def order_by_api(real: House, address: str, code: str) -> str:
    """US$2,500, twice with the same key: one order."""
    headers = {"X-Session-Token": real.token(address), "Idempotency-Key": '"walk-1"'}
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
        return {code: amount for code, amount in rows}


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


def holdings_are_exact(real: House, yoko: Citizen, jose: Citizen, holders: dict[Citizen, int]) -> None:
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
