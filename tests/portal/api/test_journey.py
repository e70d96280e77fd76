"""From the first request of a mobile app to units: everything a citizen does goes through the API."""

import json
import re

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from fund.dealing import allotment, offering, settlement, subscription
from fund.governance import approval
from fund.governance.officers import Officer
from fund.holders import Nation
from fund.payments import receipts
from investors import judging
from investors.applications import Application
from tests.fund.payments import bank_files
from tests.investors import files
from tests.portal.api.conftest import CODE, Api, make_offering, make_officer
from tests.portal.api.test_application import answers
from tests.portal.officers.conftest import code as present_code

pytestmark = pytest.mark.django_db
SIGN_IN = "/api/auth/app/v1/auth"
PERSON = {"email": "hanako@example.org", "password": "a long enough phrase"}


def ask(path: str, body: dict, token: str = "") -> dict:
    headers = {"X-Session-Token": token} if token else {}
    answer = Client().post(f"{SIGN_IN}/{path}", json.dumps(body), content_type="application/json", headers=headers)
    return answer.json()


def sign_up() -> str:
    """A new account with its address confirmed by the code from the mail; the session token."""
    token = ask("signup", PERSON)["meta"]["session_token"]
    assert Api(**{"X-Session-Token": token}).get("/application").status_code == 401, (
        "not before the address is confirmed"
    )
    text = mail.outbox[-1].body
    (code,) = re.findall(r"^[0-9A-Z]{4}-[0-9A-Z]{4}$", text, re.MULTILINE)
    confirmed = ask("email/verify", {"key": code}, token)
    return set_up_authenticator(confirmed["meta"].get("session_token", token))


def set_up_authenticator(token: str) -> str:
    """A second factor, as the application asks for it; the session token."""
    path, headers = "/api/auth/app/v1/account/authenticators/totp", {"X-Session-Token": token}
    offered = Client().get(path, headers=headers).json()["meta"]
    code = present_code(offered["secret"])
    answer = Client().post(path, json.dumps({"code": code}), content_type="application/json", headers=headers)
    assert answer.status_code == 200, answer.content
    return token


def pay(reference: str, amount: int) -> None:
    now = timezone.now()
    paid = bank_files.entry(
        amount, currency="JPY", creditor_reference=reference, booking_date=now.date(), value_date=now.date()
    )
    data = bank_files.file(paid, account="DEMO-JPY-001", opened_on=now.date(), closed_on=now.date())
    taken = receipts.import_file(data=data, name="statement.xml", actor="officer:1", now=now)
    assert subscription.fund(file_id=taken.file.pk, now=now) == 1


def allot_and_settle(one: offering.Offering, american: Officer, japanese: Officer) -> None:
    offering.close_due(now=one.closes_at)
    after = one.pay_by
    proposal = allotment.propose(offering=one, officer=american, now=after)
    approval.sign(proposal=proposal, officer=japanese, digest=bytes(proposal.digest), now=after)
    allotment.carry_out(proposal=proposal, now=after)
    while settlement.settle_next(offering_code=one.code, now=after):
        pass


def test_a_citizen_signs_up_is_approved_orders_pays_and_holds():
    one = make_offering()
    american, japanese = make_officer(Nation.US), make_officer(Nation.JP)
    api = Api(**{"X-Session-Token": sign_up()})

    assert api.get("/holdings").status_code == 403
    assert api.ask("PATCH", "/application", {"answers": answers()}).json()["remaining"] == ["documents"]
    assert api.give(files.from_a_phone()).status_code == 201
    assert api.get("/application").json()["remaining"] == []
    assert api.post("/application/submit", {}).json()["status"] == "submitted"
    application = Application.objects.get()
    judging.assess(application_id=application.pk, now=timezone.now())
    judging.decide(application_id=application.pk, officer=japanese, outcome="approved", now=timezone.now())
    assert api.get("/application").json()["decision"]["outcome"] == "approved"

    placed = api.subscribe("100000")
    assert placed.status_code == 201
    receipt = placed.json()
    assert placed["Location"] == f"/api/v1/subscriptions/{receipt['reference']}"
    assert receipt["status"] == "placed"
    assert receipt["amount"] == {"currency": "JPY", "value": "100000"}
    assert receipt["payment"]["method"] == "zengin"
    assert receipt["payment"]["reference"] == receipt["reference"]
    assert receipt["reference"].endswith(receipt["payment"]["numeric_reference"])
    assert receipt["payment"]["account"]["number"] == "0001234567"
    assert receipt["withdraw_until"] == one.closes_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    assert receipt["price_rule"] and receipt["rounding_rule"]
    assert api.get("/holdings").json()["on_order"] == [{"currency": "JPY", "value": "100000"}]

    pay(receipt["reference"], 100_000)
    assert api.get(f"/subscriptions/{receipt['reference']}").json()["status"] == "funded"
    assert api.get("/holdings").json()["held"] == [{"currency": "JPY", "value": "100000"}]

    allot_and_settle(one, american, japanese)
    settled = api.get(f"/subscriptions/{receipt['reference']}").json()
    assert settled["status"] == "settled"
    assert settled["allotted"] == {"currency": "JPY", "value": "100000"}
    assert settled["refund"] == {"currency": "JPY", "value": "0"}
    holdings = api.get("/holdings").json()
    assert holdings["results"][0]["units"] == "100000"
    assert holdings["results"][0]["value"] == {"currency": "JPY", "value": "100000"}
    assert holdings["held"] == holdings["on_order"] == []

    moved = api.get("/transactions").json()["results"]
    assert {one["event"] for one in moved} == {"receipt", "settlement"}
    units = next(one for one in moved if one["unit_class"])
    assert (units["moved_to"], units["units"], units["amount"]) == ("units", "100000", None)
    table = api.get("/transactions", Accept="text/csv").content.decode().splitlines()
    assert len(table) == len(moved) + 1
    assert api.get(f"/offerings/{CODE}/book").json()["applicants"][0]["allotted_lots"] == 10

    late = api.post(f"/subscriptions/{receipt['reference']}/withdraw", {})
    assert late.status_code == 409


def test_an_order_is_taken_back_before_the_close(citizen, opened):
    reference = citizen.subscribe().json()["reference"]
    pay(reference, 100_000)
    answer = citizen.post(f"/subscriptions/{reference}/withdraw", b"")
    assert answer.status_code == 200
    assert answer.json()["status"] == "withdrawn"
    holdings = citizen.get("/holdings").json()
    assert holdings["held"] == []
    assert holdings["refunds"] == [{"currency": "JPY", "value": "100000"}]


@pytest.mark.parametrize(
    ("value", "changes", "status", "code"),
    [
        ("5000", {}, 422, "below_minimum"),
        ("15000", {}, 422, "not_in_steps"),
        ("600000", {}, 422, "above_maximum"),
        ("100000", {"offering": "NO-SUCH-1"}, 422, "unknown_offering"),
        ("100000", {"accepts": []}, 422, "agreements_missing"),
        ("100000", {"accepts": ["prospectus:1"]}, 422, "agreements_missing"),
        ("100000", {"amount": {"currency": "USD", "value": "1000.00"}}, 422, "wrong_currency"),
    ],
)
def test_rules_refuse_in_words_and_with_a_code(citizen, opened, value, changes, status, code):
    answer = citizen.subscribe(value, **changes)
    assert answer.status_code == status
    assert answer.json()["code"] == code
    assert answer.json()["detail"]


def test_a_closed_offering_takes_no_order(citizen, opened):
    offering.close_due(now=opened.closes_at)
    moment = opened.closes_at
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("portal.api.view.timezone.now", lambda: moment)
        answer = Api(citizen.user).subscribe()
    assert answer.status_code == 409
    assert answer.json()["code"] == "not_open"


def test_the_cap_counts_all_orders(citizen, opened):
    wide = make_offering("JP-2026-2", maximum=20_000_000, capacity=20_000_000)
    assert citizen.subscribe("14990000", offering=wide.code).status_code == 201
    assert citizen.subscribe("20000", offering=wide.code).json()["code"] == "over_the_cap"
    assert citizen.subscribe("10000", offering=wide.code).status_code == 201
