"""Who may do what: every operation for every kind of account, and somebody else's things (decision 10, access)."""

import pytest
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import signing
from django.utils import timezone

from fund.dealing.models import Subscription
from portal.api import urls
from portal.api.view import Citizens
from tests.portal.api.conftest import CODE, Api, make_user, order, problem

pytestmark = pytest.mark.django_db

PUBLIC = (200, 200, 200, 200, 200)
MISSING = (404, 404, 404, 404, 404)
APPLICANTS = (401, 200, 200, 200, 403)
CITIZENS = (401, 403, 200, 200, 403)
OWN = (401, 403, 200, 404, 403)
WHO = ("anonymous", "applicant", "citizen", "other", "officer")

# Every operation: what anonymous, applicant, citizen, another citizen and an officer are told. ``{own}`` is the
# citizen's order. Before the first NAV some figures are missing for everybody.
OPERATIONS = {
    ("GET", "/schema"): PUBLIC,
    ("GET", "/docs"): PUBLIC,
    ("GET", "/fund"): PUBLIC,
    ("GET", "/classes"): PUBLIC,
    ("GET", "/navs"): PUBLIC,
    ("GET", "/portfolio"): MISSING,
    ("GET", "/capital"): PUBLIC,
    ("GET", "/leverage"): MISSING,
    ("GET", "/leverage/history"): PUBLIC,
    ("GET", "/returns"): PUBLIC,
    ("GET", "/offerings"): PUBLIC,
    ("GET", f"/offerings/{CODE}"): PUBLIC,
    ("GET", f"/offerings/{CODE}/demand"): PUBLIC,
    ("GET", f"/offerings/{CODE}/book"): MISSING,
    ("GET", "/application"): APPLICANTS,
    ("PATCH", "/application"): APPLICANTS,
    ("POST", "/application/documents"): (401, 415, 415, 415, 403),
    ("POST", "/application/submit"): (401, 422, 422, 422, 403),
    ("POST", "/application/appeal"): (401, 400, 400, 400, 403),
    ("POST", "/application/again"): (401, 409, 409, 409, 403),
    ("GET", "/bank-account"): CITIZENS,
    ("PUT", "/bank-account"): (401, 403, 403, 403, 403),  # asks for a fresh proof first
    ("POST", "/bank-account/keep"): (401, 403, 403, 403, 403),
    ("GET", "/subscriptions"): CITIZENS,
    ("POST", "/subscriptions"): (401, 403, 201, 201, 403),
    ("GET", "/subscriptions/{own}"): OWN,
    ("POST", "/subscriptions/{own}/withdraw"): OWN,
    ("GET", "/holdings"): CITIZENS,
    ("GET", "/transactions"): CITIZENS,
    ("GET", "/nothing"): MISSING,
}
BODIES = {"PATCH": {"answers": {}}, "POST": {}}


@pytest.fixture
def own(citizen, opened) -> str:
    return citizen.subscribe().json()["reference"]


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_for_everybody(request, own, operation):
    method, path = operation
    accept = {"Accept": "text/html"} if path == "/docs" else {}
    body = order() if path == "/subscriptions" else BODIES.get(method)
    told = []
    for who in reversed(WHO):  # the citizen's order is withdrawn last
        api: Api = request.getfixturevalue(who)
        if method == "GET":
            answer = api.get(path.format(own=own), **accept)
        else:
            answer = api.ask(method, path.format(own=own), body, Idempotency_Key="this")
        told.append(answer.status_code)
        if answer.status_code >= 400:
            problem(answer)
    assert tuple(reversed(told)) == OPERATIONS[operation]


def test_no_operation_is_forgotten_in_the_table():
    listed = {path.partition("/{own}")[0].split("/")[1] for _method, path in OPERATIONS}
    patterns = {str(one.pattern) for one in urls.urlpatterns}
    assert {pattern.split("/")[0] for pattern in patterns} - {"", "<path:unknown>"} <= listed
    operations = {
        (method.upper(), str(one.pattern))
        for one in urls.urlpatterns
        for method in ("get", "post", "put", "patch", "delete")
        if hasattr(one.callback.cls, method) and "unknown" not in str(one.pattern) and str(one.pattern)
    }
    assert len(operations) == len(OPERATIONS) - 1, "all but the unknown address"


@pytest.mark.parametrize("act", ["GET {}", "POST {}/withdraw"])
def test_anothers_order_answers_exactly_as_a_missing_one(citizen, other, own, act):
    method, _blank, path = act.partition(" ")
    missing = "RF000000000000"

    def ask(reference: str):
        body = {} if method == "POST" else None
        return other.ask(method, f"/subscriptions{path.format('/' + reference)}", body, Idempotency_Key=reference)

    foreign, absent = ask(own), ask(missing)
    assert foreign.status_code == absent.status_code == 404
    assert foreign.content.replace(own.encode(), b"") == absent.content.replace(missing.encode(), b"")
    differing = {"RateLimit"}
    assert {n: v for n, v in foreign.items() if n not in differing} == {
        n: v for n, v in absent.items() if n not in differing
    }
    assert Subscription.objects.get(reference=own).status == "placed"


def test_without_the_holder_in_the_question_it_would_be_open(citizen, other, own, monkeypatch):
    """Negative control of the tests above: were the order asked for by its reference alone, anybody would read it."""
    monkeypatch.setattr(Citizens, "holder_id", citizen.user.investor.holder_id)
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
