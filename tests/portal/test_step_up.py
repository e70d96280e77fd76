"""What changes where money goes asks for the strongest factor again, and then performs that very act."""

import json
import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.contrib.sessions.models import Session
from django.http import HttpRequest, HttpResponse
from django.test import Client
from django.urls import path
from rest_framework.request import Request
from rest_framework.response import Response

from portal import access, step_up
from portal import urls as portal_urls
from portal.api.view import View
from portal.api.who import IsApplicant, SteppedUp
from tests.portal.api.conftest import token_of
from tests.portal.officers.conftest import PASSWORD, SECRET, _quick_and_forgetful, code, grow_stale, make_user, sign_in

__all__ = ["_quick_and_forgetful"]

PAGE = "/en/test/bank"
NUMBER = "0012345678"
done: list[str] = []


@access.applicant
@step_up.required
def change(request: HttpRequest) -> HttpResponse:
    """As the page of the bank account: a form, and what is typed into it."""
    if request.method == "POST" and not request.POST["number"].isdigit():
        return HttpResponse(f"wrong: {request.POST['number']}", status=422)
    if request.method == "POST":
        done.append(request.POST["number"])
        return HttpResponse("changed")
    return HttpResponse("the form")


class BankAccount(View):
    permission_classes = [IsApplicant, SteppedUp]

    def get(self, request: Request) -> Response:
        return Response({"number": "1"})

    def put(self, request: Request) -> Response:
        done.append(request.data["number"])
        return Response({})


urlpatterns = [
    path("en/test/bank", change, name="test-bank"),
    path("en/test/bank/other", change, name="test-other-bank"),
    path("api/v1/test-bank", BankAccount.as_view(), name="test-api-bank"),
    *portal_urls.urlpatterns,
]


@pytest.fixture(autouse=True)
def _bank(settings: Any, db: None) -> None:
    settings.ROOT_URLCONF = __name__
    done.clear()


@pytest.fixture
def citizen():
    user = make_user("citizen@example.org")
    TOTP.activate(user, SECRET)
    return user


def post(client: Client, number: str = NUMBER, page: str = PAGE) -> HttpResponse:
    return client.post(page, {"number": number})


# ── pages ──
@pytest.mark.parametrize(("seconds", "asks"), [(0, False), (299, False), (301, True)])
def test_it_asks_again_after_five_minutes(citizen, seconds, asks):
    client = sign_in(citizen)
    grow_stale(client, seconds)
    answer = post(client)
    assert (answer.status_code == 302) == asks
    assert done == ([] if asks else [NUMBER])


def test_the_very_act_is_performed_after_the_proof(citizen):
    client = sign_in(citizen)
    grow_stale(client)
    asked = post(client)
    assert asked.url.startswith("/en/account/2fa/reauthenticate/?next=")
    assert client.post(asked.url, {"code": "000000"}).status_code == 200 and done == []
    answer = client.post(asked.url, {"code": code()})
    assert (answer.content, done) == (b"changed", [NUMBER])


def test_what_was_typed_wrong_comes_back_after_the_proof(citizen):
    client = sign_in(citizen)
    grow_stale(client)
    answer = client.post(post(client, "12a").url, {"code": code()})
    assert (answer.status_code, answer.content, done) == (422, b"wrong: 12a", [])


def test_a_proof_for_something_else_performs_nothing(citizen):
    """An act that was left standing is not carried out by a later proof."""
    client = sign_in(citizen)
    grow_stale(client)
    asked = post(client)
    elsewhere = asked.url.replace("bank", "bank/other")
    answer = client.post(elsewhere, {"code": code(), "next": f"{PAGE}/other"})
    assert (answer.status_code, answer.url, done) == (302, f"{PAGE}/other", [])
    assert client.post(asked.url, {"code": code(), "next": PAGE}).status_code == 302
    assert done == [], "it is forgotten then"


def test_an_act_does_not_wait_for_ever(citizen, monkeypatch):
    client = sign_in(citizen)
    grow_stale(client)
    asked = post(client)
    monkeypatch.setattr(step_up, "KEPT", 0)
    answer = client.post(asked.url, {"code": code(), "next": PAGE})
    assert (answer.status_code, answer.url, done) == (302, PAGE, [])


def test_what_waits_for_the_proof_is_sealed(citizen):
    client = sign_in(citizen)
    grow_stale(client)
    post(client)
    stored = json.dumps(Session.objects.get(pk=client.session.session_key).get_decoded())
    assert "sealed" in stored and NUMBER not in stored


def test_the_form_itself_is_shown(citizen):
    client = sign_in(citizen)
    grow_stale(client)
    assert client.get(PAGE).content == b"the form"


def test_the_password_is_no_proof_where_there_is_a_second_factor(citizen):
    client = sign_in(citizen)
    grow_stale(client)
    asked = post(client)
    answer = client.post(f"/en/account/reauthenticate/?next={PAGE}", {"password": PASSWORD, "next": PAGE})
    assert answer.url == asked.url and done == [], "it is asked for what counts"
    session = client.session
    session["account_authentication_methods"] += [{"method": "password", "at": time.time(), "reauthenticated": True}]
    session.save()
    assert post(client).url == asked.url and done == []
    assert client.post(asked.url, {"code": code()}).content == b"changed"


def test_a_recovery_code_is_no_proof(citizen):
    client = sign_in(citizen)
    grow_stale(client)
    spare = RecoveryCodes.activate(citizen).generate_codes()[0]
    answer = client.post(post(client).url, {"code": spare})
    assert (answer.status_code, done) == (302, [])


def test_an_authenticator_app_is_no_proof_where_there_is_a_passkey(citizen):
    client = sign_in(citizen)
    Authenticator.objects.create(user=citizen, type=Authenticator.Type.WEBAUTHN, data={"name": "phone"})
    assert post(client).url.startswith("/en/account/2fa/webauthn/reauthenticate/")


def test_for_a_suspended_act_no_weaker_way_is_offered(citizen):
    client = sign_in(citizen)
    grow_stale(client)
    Authenticator.objects.create(user=citizen, type=Authenticator.Type.WEBAUTHN, data={"name": "phone"})
    asked = post(client)
    weaker = asked.url.replace("webauthn/", "")
    assert client.get(weaker).url.startswith("/en/account/2fa/webauthn/reauthenticate/")
    assert client.get("/en/account/2fa/reauthenticate/?next=/en/account/2fa/").status_code == 200, "for anything else"


def test_a_factor_that_is_gone_proves_nothing(citizen):
    client = sign_in(citizen)
    Authenticator.objects.filter(user=citizen).delete()
    TOTP.activate(citizen, SECRET)
    assert (post(client).status_code, done) == (302, [])


def test_without_a_second_factor_it_is_set_up_first():
    client = sign_in(make_user("new@example.org"))
    assert [client.get(PAGE).url, post(client).url] == ["/en/account/2fa/"] * 2
    assert done == []


def test_where_none_is_asked_for_the_password_proves(settings):
    settings.CITIZEN_MFA_REQUIRED = False
    client = sign_in(make_user("new@example.org"))
    assert post(client).content == b"changed"
    grow_stale(client)
    asked = post(client)
    assert asked.url.startswith("/en/account/reauthenticate/")
    assert client.post(asked.url, {"password": PASSWORD}).content == b"changed"


def test_without_the_question_a_stale_session_would_change_it(citizen, monkeypatch):
    """Negative control."""
    client = sign_in(citizen)
    grow_stale(client)
    monkeypatch.setattr(step_up, "lacking", lambda **given: None)
    assert (post(client).content, done) == (b"changed", [NUMBER])


# ── programs ──
def put(token: str) -> Any:
    answer = Client().put(
        "/api/v1/test-bank", {"number": NUMBER}, content_type="application/json", headers={"X-Session-Token": token}
    )
    return answer.status_code, answer.json().get("code"), answer.json().get("detail", "")


def test_a_program_is_told_where_to_prove(citizen):
    token = token_of(citizen)
    status, problem, detail = put(token)
    assert (status, problem, done) == (403, "step_up_required", [])
    endpoint = "/api/auth/app/v1/auth/2fa/reauthenticate"
    assert endpoint in detail
    sent = {"content_type": "application/json", "headers": {"X-Session-Token": token}}
    answer = Client().post(endpoint, {"code": "000000"}, **sent)
    assert answer.status_code == 400, answer.content
    assert Client().post("/api/auth/app/v1/auth/reauthenticate", {"password": PASSWORD}, **sent).status_code == 400
    assert put(token)[:2] == (403, "step_up_required"), "the password is not enough"
    assert Client().post(endpoint, {"code": code()}, **sent).status_code == 200
    assert put(token)[0] == 200 and done == [NUMBER]
    session = step_up_session(token)
    for record in session["account_authentication_methods"]:
        record["at"] = time.time() - 301
    session.save()
    assert put(token)[:2] == (403, "step_up_required")


def step_up_session(token: str) -> Any:
    client = Client()
    client.cookies["session"] = token
    return client.session


def test_a_program_without_a_second_factor_is_told_so():
    assert put(token_of(make_user("new@example.org")))[:2] == (403, "second_factor_required")


def test_a_program_may_look(citizen):
    answer = Client().get("/api/v1/test-bank", headers={"X-Session-Token": token_of(citizen)})
    assert answer.status_code == 200


def test_without_the_question_a_program_would_change_it(citizen, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(step_up, "lacking", lambda **given: None)
    assert (put(token_of(citizen))[0], done) == (200, [NUMBER])
