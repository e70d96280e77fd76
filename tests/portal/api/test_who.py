"""Who may do what: every operation for every kind of account, and somebody else's things (decision 10, access)."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from allauth.headless.internal.sessionkit import authenticate_by_x_session_token
from allauth.usersessions.models import UserSession
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import signing
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from drf_spectacular.generators import SchemaGenerator

from fund.dealing.models import Subscription
from investors.plan_models import Plan
from portal import access
from portal.api import urls, who
from portal.api.view import Citizens, View
from portal.api.who import IsApplicant, signed_in
from portal.documents import orders
from portal.notices.models import Message
from portal.webhooks import endpoints
from portal.webhooks.models import Webhook
from tests.fund.redemption import redeeming
from tests.portal.api.conftest import CODE, Api, make_user, order, problem

pytestmark = pytest.mark.django_db

WHO = ("anonymous", "applicant", "citizen", "other", "officer")


@dataclass(frozen=True)
class Rule:
    """What each of ``WHO`` is told, and what is sent. ``own``: the address names a thing of the citizen's."""

    told: tuple[int, int, int, int, int]
    body: Any = None
    own: bool = False


PUBLIC = Rule((200, 200, 200, 200, 200))
MISSING = Rule((404, 404, 404, 404, 404))  # not there yet, for anybody
APPLICANTS = Rule((401, 200, 200, 200, 403))
CITIZENS = Rule((401, 403, 200, 200, 403))
PLAN = {"unit_class": "JP", "amount": {"currency": "JPY", "value": "30000"}, "day": 25}
PROOF_FIRST = Rule((401, 403, 403, 403, 403), {})

# Every operation of the document by its name. Before the first NAV some figures are missing for everybody.
RULES = {
    "getFund": PUBLIC,
    "listClasses": PUBLIC,
    "listNavs": PUBLIC,
    "getPortfolio": MISSING,
    "getCapital": PUBLIC,
    "getLeverage": MISSING,
    "listLeverage": PUBLIC,
    "getReturns": PUBLIC,
    "listOfferings": PUBLIC,
    "getOffering": PUBLIC,
    "getDemand": PUBLIC,
    "getBook": MISSING,
    "getProofs": MISSING,
    "listAgreements": PUBLIC,
    "getAgreement": PUBLIC,
    "getApplication": APPLICANTS,
    "saveApplication": Rule(APPLICANTS.told, {"answers": {}}),
    "addDocument": Rule((401, 415, 415, 415, 403), {}),
    "submitApplication": Rule((401, 422, 422, 422, 403), {}),
    "appeal": Rule((401, 400, 400, 400, 403), {}),
    "applyAgain": Rule((401, 409, 409, 409, 403), {}),
    "getBankAccount": CITIZENS,
    "changeBankAccount": PROOF_FIRST,
    "keepBankAccount": PROOF_FIRST,
    "listSubscriptions": CITIZENS,
    "subscribe": Rule((401, 403, 201, 201, 403), order()),
    "getSubscription": Rule((401, 403, 200, 404, 403), own=True),
    "withdrawSubscription": Rule((401, 403, 200, 404, 403), {}, own=True),
    "listPlans": CITIZENS,
    "beginPlan": Rule((401, 403, 201, 201, 403), PLAN),
    "getPlan": Rule((401, 403, 200, 404, 403), own=True),
    "changePlan": Rule((401, 403, 200, 404, 403), {"state": "paused"}, own=True),
    "getHoldings": CITIZENS,
    "listTransactions": CITIZENS,
    "listDistributions": CITIZENS,
    "chooseDistributions": Rule(CITIZENS.told, {"unit_class": "JP", "reinvest": True}),
    "listRedemptions": CITIZENS,
    "placeRedemption": PROOF_FIRST,
    "getRedemption": Rule((401, 403, 200, 404, 403), own=True),
    "withdrawRedemption": Rule((401, 403, 200, 404, 403), {}, own=True),
    "listPapers": CITIZENS,
    "getPaper": Rule((401, 403, 200, 404, 403), own=True),
    "getProof": Rule((401, 403, 400, 400, 403)),
    "listMessages": APPLICANTS,
    "getMessage": Rule((401, 404, 200, 404, 403), own=True),
    "markMessage": Rule((401, 404, 200, 404, 403), {"seen": True}, own=True),
    "listWebhookKeys": PUBLIC,
    "listWebhooks": CITIZENS,
    "registerWebhook": PROOF_FIRST,
    "getWebhook": Rule((401, 403, 200, 404, 403), own=True),
    "removeWebhook": Rule((401, 403, 204, 404, 403), own=True),
    "pingWebhook": Rule((401, 403, 201, 404, 403), {}, own=True),
    "listDeliveries": Rule((401, 403, 200, 404, 403), own=True),
    "replayDeliveries": Rule((401, 403, 200, 404, 403), {"since": "2026-01-01T00:00:00Z"}, own=True),
    "replayDelivery": Rule((401, 403, 200, 404, 403), {}, own=True),
}
DOCUMENT = SchemaGenerator().get_schema(public=True)
OPERATIONS = {
    operation["operationId"]: (method.upper(), path.removeprefix("/api/v1"))
    for path, operations in DOCUMENT["paths"].items()
    if path.startswith("/api/v1/")
    for method, operation in operations.items()
}
BESIDE = {("GET", "schema"), ("GET", "docs")}  # the document itself, for everybody


@dataclass(frozen=True)
class Things:
    """Where ``{code}``, ``{reference}``, ``{number}``, ``{webhook}``, ``{delivery}``, ``{plan}`` and ``{id}`` lead."""

    reference: str
    number: int
    webhook: str
    delivery: str
    plan: str
    id: str
    redemption: str

    def path(self, operation: str) -> str:
        path = OPERATIONS[operation][1]
        code = "terms:1" if path.startswith("/agreements") else CODE
        places = vars(self) | ({"id": self.redemption} if path.startswith("/redemptions") else {})
        return path.format(code=code, **{"class": "JP", "date": "2026-03-31"}, **places)


ABSENT = Things("RF000000000000", 999_999_999, *(str(UUID(int=number)) for number in (1, 2, 3, 4, 5)))


@pytest.fixture
def things(citizen, opened) -> Things:
    """An order with its receipt, a message, a webhook, a plan and a request to redeem of the citizen's."""
    told = Message.objects.create(
        pk=987_654_321, user=citizen.user, note_id=1, topic="security.changed", created_at=timezone.now()
    )
    webhook = endpoints.register(
        user=citizen.user, url="https://app.example.com/", kinds=["subscription.funded"], now=timezone.now()
    )
    delivery = webhook.deliveries.get()
    plan = citizen.post("/plans", PLAN).json()["id"]
    reference = citizen.subscribe().json()["reference"]
    orders.receipts(reference=reference, now=timezone.now())
    paper = citizen.user.investor.papers.get()
    asked = redeeming.asked(citizen.user.investor.holder_id)
    return Things(reference, told.pk, str(webhook.pk), str(delivery.pk), plan, str(paper.pk), str(asked.pk))


@pytest.fixture
def own(things) -> str:
    return things.reference


@pytest.fixture
def people(request) -> dict[str, Api]:
    return {who: request.getfixturevalue(who) for who in WHO}


def ask(api: Api, operation: str, things: Things) -> Any:
    method, _path = OPERATIONS[operation]
    return api.ask(method, things.path(operation), RULES[operation].body, Idempotency_Key="this")


def told(operation: str, people: dict[str, Api], things: Things) -> tuple[int, ...]:
    """What everybody is told; nothing of it stays."""
    answers = []
    for api in people.values():
        point = transaction.savepoint_create()
        answers.append(ask(api, operation, things))
        transaction.savepoint_rollback(point)
    for answer in answers:
        assert answer.status_code < 300 or problem(answer), operation
    return tuple(answer.status_code for answer in answers)


def undeclared(operations: dict[str, Any]) -> set[str]:
    return operations.keys() ^ RULES.keys()


def test_every_operation_has_its_rule():
    assert undeclared(OPERATIONS) == set()
    assert undeclared({**OPERATIONS, "newOperation": ("GET", "/new")}) == {"newOperation"}, "negative control"


def test_no_operation_is_served_that_the_document_does_not_describe():
    served = {
        (method.upper(), str(one.pattern))
        for one in urls.urlpatterns
        for method in View.http_method_names
        if hasattr(one.callback.cls, method) and "unknown" not in str(one.pattern) and str(one.pattern)
    }
    assert served >= BESIDE
    assert len(served - BESIDE - {("OPTIONS", pattern) for _method, pattern in served}) == len(OPERATIONS)


@pytest.mark.parametrize("path", ["/schema", "/docs"])
def test_the_document_is_for_everybody(people, path):
    accept = {"Accept": "text/html"} if path == "/docs" else {}
    assert {api.get(path, **accept).status_code for api in people.values()} == {200}


def test_every_operation_for_everybody(people, things):
    assert {name: told(name, people, things) for name in OPERATIONS} == {name: r.told for name, r in RULES.items()}


@pytest.mark.parametrize("base", [Citizens, IsApplicant])
def test_an_open_door_would_be_noticed(people, things, monkeypatch, base):
    """Negative control of the test above: a permission that is not asked lets somebody in whom the table keeps out."""
    if base is Citizens:
        monkeypatch.setattr(Citizens, "permission_classes", [IsApplicant])
        operation, who = "listSubscriptions", "applicant"
        monkeypatch.setattr(Citizens, "holder_id", people["citizen"].user.investor.holder_id)
    else:
        monkeypatch.setattr(IsApplicant, "has_permission", lambda *asked: True)
        operation, who = "getApplication", "officer"
    answered = dict(zip(WHO, told(operation, people, things), strict=True))
    assert answered[who] == 200
    assert tuple(answered.values()) != RULES[operation].told


@pytest.mark.parametrize("operation", [name for name, rule in RULES.items() if rule.own])
def test_anothers_thing_answers_exactly_as_a_missing_one(other, things, operation):
    foreign, absent = ask(other, operation, things), ask(other, operation, ABSENT)
    assert foreign.status_code == absent.status_code == 404
    assert plain(foreign, things) == plain(absent, ABSENT)
    assert Subscription.objects.get(reference=things.reference).status == "placed"
    assert Message.objects.get(pk=things.number).read_at is None
    assert Webhook.objects.get(pk=things.webhook).deliveries.count() == 1
    assert Plan.objects.get(pk=things.plan).state == "active"


def plain(answer: Any, things: Things) -> tuple[bytes, dict[str, str]]:
    """An answer without the id that was asked for, the count of requests and the request's own number."""
    content = answer.content
    for each in map(str, vars(things).values()):
        content = content.replace(each.encode(), b"")
    return content, {name: value for name, value in answer.items() if name not in ("RateLimit", "X-Request-ID")}


def test_what_names_a_thing_is_compared():
    """Every closed operation with a place in its address is one of those above."""
    placed = {name for name, (_method, path) in OPERATIONS.items() if "{" in path}
    assert {name for name in placed if RULES[name].told[0] == 401} == {n for n, rule in RULES.items() if rule.own}


def test_without_the_holder_in_the_question_it_would_be_open(citizen, other, own, monkeypatch):
    """Negative control of the tests above: were the order asked for by its reference alone, anybody would read it, but
    for the wall of the database."""
    monkeypatch.setattr(Citizens, "holder_id", citizen.user.investor.holder_id)
    assert other.get(f"/subscriptions/{own}").status_code == 404
    monkeypatch.setattr(access, "on_behalf_of", lambda account: None)
    assert other.get(f"/subscriptions/{own}").status_code == 200


def test_the_list_holds_the_own_orders_alone(citizen, other, own):
    assert [one["reference"] for one in citizen.get("/subscriptions").json()["results"]] == [own]
    assert other.get("/subscriptions").json()["results"] == []


def test_an_account_that_was_closed_is_nobody(citizen, own):
    citizen.user.is_active = False
    citizen.user.save()
    assert citizen.get("/subscriptions").status_code == 401


def test_a_changed_password_ends_the_session(citizen, own):
    citizen.user.set_password("another battery horse")
    citizen.user.save()
    assert citizen.get("/subscriptions").status_code == 401


def test_a_session_that_was_ended_elsewhere_is_nobodys_at_once(citizen, own):
    assert citizen.get("/subscriptions").status_code == 200
    Session.objects.filter(pk=citizen.headers["X-Session-Token"]).delete()
    assert citizen.get("/subscriptions").status_code == 401


def test_a_session_that_has_run_out_is_nobodys(citizen, own):
    Session.objects.filter(pk=citizen.headers["X-Session-Token"]).update(expire_date=timezone.now())
    assert citizen.get("/subscriptions").status_code == 401


def test_a_forged_session_opens_nothing(citizen, other, own):
    """Its content was written with another secret."""
    forged = signing.dumps({"_auth_user_id": str(citizen.user.pk)}, key="another", salt=SessionStore().key_salt)
    Session.objects.filter(pk=other.headers["X-Session-Token"]).update(session_data=forged)
    assert other.get("/subscriptions").status_code == 401


def test_whose_a_session_is_the_signed_session_says(citizen, other, own):
    """The list of a person's sessions only saves a statement: wrong or empty, it changes nothing."""
    listed = UserSession.objects.filter(session_key=citizen.headers["X-Session-Token"])
    assert listed.update(user=other.user) == 1
    assert [one["reference"] for one in citizen.get("/subscriptions").json()["results"]] == [own]
    listed.delete()
    assert [one["reference"] for one in citizen.get("/subscriptions").json()["results"]] == [own]


def test_a_session_in_order_is_read_by_one_statement(citizen, own, django_assert_num_queries):
    with django_assert_num_queries(1):
        user, _session = signed_in(citizen.headers["X-Session-Token"])
        assert user == citizen.user and user.investor.user is user and not hasattr(user, "officer")


def test_a_citizen_whose_verification_has_lapsed_reads_but_does_not_order(citizen, own):
    investor = citizen.user.investor
    investor.verified_until = investor.registered_at
    investor.save()
    assert citizen.get("/subscriptions").status_code == 200
    answer = citizen.subscribe()
    assert answer.status_code == 422
    assert problem(answer)["code"] == "not_eligible"


def test_what_is_a_citizens_own_is_kept_by_nobody(citizen, own):
    assert "no-store" in citizen.get("/subscriptions")["Cache-Control"]
    assert "no-store" in Api(make_user()).get("/subscriptions")["Cache-Control"]


def test_a_sound_session_costs_one_statement(citizen, django_assert_num_queries):
    """Negative control: without the quick way allauth asks for the session, the account and the investor."""
    token = citizen.headers["X-Session-Token"]
    with django_assert_num_queries(1):
        assert who.signed_in(token) is not None
    with CaptureQueriesContext(connection) as asked:
        authenticate_by_x_session_token(token)
    assert len(asked) > 1
