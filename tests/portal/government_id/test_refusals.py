"""What a provider could be made to say, and what does not hold: each is refused, and taken once its check is gone."""

import base64
import hmac
import io
import logging
import time
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
import pytest
from allauth.socialaccount.internal import flows, statekit
from allauth.socialaccount.models import SocialAccount
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.exceptions import ValidationError
from django.test import Client
from structlog.stdlib import ProcessorFormatter

from portal import step_up
from portal.government_id import oidc
from tests.portal.government_id.conftest import Liar, person, sign_in  # noqa: F401  # a fixture
from tests.portal.government_id.test_round_trip import is_signed_in, leave


@pytest.fixture
def browser(liar: Liar, person) -> Client:  # noqa: F811
    """Signed in and freshly proved, about to connect."""
    return sign_in(person().email)


def asked_by(client: Client) -> dict[str, str]:
    return {name: value for name, [value] in parse_qs(urlsplit(leave(client, "login_gov")).query).items()}


def answered(client: Client, asked: dict[str, str], **query: str) -> Any:
    sent = {"code": "any", "state": asked["state"], **query}
    return client.get("/account/identity/login_gov/callback", sent)


def unsigned(id_token: str, **_named: Any) -> dict[str, Any]:
    return jwt.decode(id_token, options={"verify_signature": False})


CLAIMS = [
    ("nonce", {"nonce": "of another question"}),
    ("nonce", {"nonce": None}),
    ("audience", {"aud": "another-site"}),
    ("audience", {"aud": ["kakehashi", "another-site"]}),
    ("audience", {"azp": "another-site"}),
    ("expiry", {"exp": int(time.time()) - 120}),
    ("expiry", {"exp": None}),
    ("issued", {"iat": int(time.time()) - 3600}),
    ("issued", {"iat": int(time.time()) + 3600}),
    ("issuer", {"iss": "https://secure.login.example/"}),
    ("access token", {"at_hash": "of-another-access-token"}),
    ("level", {"acr": "urn:acr.login.gov:auth-only"}),
    ("level", {"acr": None}),
]


@pytest.mark.parametrize(("check", "wrong"), CLAIMS)
def test_a_claim_that_does_not_hold(browser, liar, check, wrong, monkeypatch):
    for taken_away in (False, True):
        if taken_away:
            monkeypatch.delitem(oidc.CHECKS, check)
        asked = asked_by(browser)
        liar.sign(liar.claims(asked["nonce"], **wrong))
        answer = answered(browser, asked)
        assert answer.status_code == (302 if taken_away else 403), answer.content.decode()
        assert SocialAccount.objects.exists() is taken_away


def test_a_sound_token_is_taken(browser, liar):
    asked = asked_by(browser)
    liar.sign(liar.claims(asked["nonce"]))
    assert answered(browser, asked).status_code == 302
    assert SocialAccount.objects.exists()


def another_key(liar: Liar, claims: dict[str, Any]) -> None:
    liar.sign(claims, key=liar.keys["stranger_RS256"])


def no_algorithm(liar: Liar, claims: dict[str, Any]) -> None:
    liar.token = jwt.encode(claims, "", algorithm="none", headers={"kid": "provider"})


def public_key_as_secret(liar: Liar, claims: dict[str, Any]) -> None:
    """The classic confusion: HS256 with the published key as the shared secret."""
    public = liar.keys["provider_RS256"].public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    head, body, _signature = jwt.encode(claims, "x" * 32, headers={"kid": "provider"}).split(".")
    signature = hmac.digest(public, f"{head}.{body}".encode(), "sha256")
    liar.token = f"{head}.{body}.{base64.urlsafe_b64encode(signature).rstrip(b'=').decode()}"


def unpublished_key(liar: Liar, claims: dict[str, Any]) -> None:
    liar.sign(claims, key_id="nobody")


def changed_afterwards(liar: Liar, claims: dict[str, Any]) -> None:
    liar.sign(claims | {"sub": "somebody else"})
    head, _body, signature = liar.token.split(".")
    liar.sign(claims)
    liar.token = ".".join([head, liar.token.split(".")[1], signature])


@pytest.mark.parametrize(
    "forge", [another_key, no_algorithm, public_key_as_secret, unpublished_key, changed_afterwards]
)
def test_a_signature_that_is_not_the_providers(browser, liar, forge, monkeypatch):
    for taken_away in (False, True):
        if taken_away:
            monkeypatch.setattr(oidc, "signed_claims", unsigned)
        asked = asked_by(browser)
        forge(liar, liar.claims(asked["nonce"]))
        answer = answered(browser, asked)
        assert answer.status_code == (302 if taken_away else 403), answer.content.decode()
        assert SocialAccount.objects.exists() is taken_away


def test_an_answer_is_taken_once(browser, liar, monkeypatch):
    asked = asked_by(browser)
    liar.sign(liar.claims(asked["nonce"]))
    assert answered(browser, asked).status_code == 302
    SocialAccount.objects.all().delete()
    again = answered(browser, asked)
    assert again.status_code == 400 and "used already" in again.content.decode()
    assert not SocialAccount.objects.exists()


def test_without_forgetting_the_question_it_would_be_taken_twice(browser, liar, monkeypatch):
    """Negative control of the test above."""
    monkeypatch.setattr(
        statekit,
        "unstash_state",
        lambda request, *, state_id, provider_id: statekit.get_states(request)[state_id][0],
    )
    asked = asked_by(browser)
    liar.sign(liar.claims(asked["nonce"]))
    for _time in range(2):
        SocialAccount.objects.all().delete()
        assert answered(browser, asked).status_code == 302
        assert SocialAccount.objects.exists()


def test_an_answer_to_somebody_elses_question(browser, liar, person):  # noqa: F811
    """Sign-in forgery: a victim's browser is sent the attacker's code and state."""
    attacker = sign_in(person("attacker@example.org").email)
    asked = asked_by(attacker)
    liar.sign(liar.claims(asked["nonce"]))
    assert answered(browser, asked).status_code == 400
    assert answered(Client(), asked).status_code == 400
    assert not SocialAccount.objects.exists()


def test_an_answer_that_names_another_provider(browser, liar):
    asked = asked_by(browser)
    liar.sign(liar.claims(asked["nonce"]))
    assert answered(browser, asked, iss="https://elsewhere.example").status_code == 403
    assert not SocialAccount.objects.exists()


def test_turning_back_at_the_provider(browser, liar):
    answer = answered(browser, asked_by(browser), error="access_denied", code="")
    assert answer.status_code == 400 and "You turned back at Login.gov" in answer.content.decode()


def test_connecting_needs_a_fresh_proof_at_both_ends(browser, liar, monkeypatch):
    asked = asked_by(browser)
    liar.sign(liar.claims(asked["nonce"]))
    monkeypatch.setattr(step_up, "is_proved", lambda **asked: False)
    assert browser.get("/en/account/identity/login_gov/")["Location"].startswith("/en/account/reauthenticate/?next=")
    answer = answered(browser, asked)
    assert answer.status_code == 403 and "prove again" in answer.content.decode()
    assert not SocialAccount.objects.exists()
    monkeypatch.undo()  # the control: the same with a fresh proof
    asked = asked_by(browser)
    liar.sign(liar.claims(asked["nonce"]))
    assert answered(browser, asked).status_code == 302


def test_an_identity_belongs_to_one_account(browser, liar, person):  # noqa: F811
    def connect(client: Client, subject: str) -> Any:
        asked = asked_by(client)
        liar.sign(liar.claims(asked["nonce"], sub=subject))
        return answered(client, asked)

    assert connect(browser, "one").status_code == 302
    assert connect(sign_in(person("other@example.org").email), "one").status_code == 403
    assert connect(browser, "two").status_code == 403
    assert SocialAccount.objects.count() == 1


def test_taking_over_an_account_by_its_address_is_impossible(browser, liar):
    """The provider swears to the address of an account, otherwise all is perfect: nobody is signed in."""
    stranger = Client()
    asked = asked_by(stranger)
    liar.sign(liar.claims(asked["nonce"], sub="attacker", email="hanako@example.org", email_verified=True))
    assert answered(stranger, asked).status_code == 403
    assert not is_signed_in(stranger) and not SocialAccount.objects.exists()
    assert "socialaccount_sociallogin" not in stranger.session


def test_removing_it(browser, liar, settings):
    settings.CITIZEN_MFA_REQUIRED = False  # what is asked first of an account without a second factor is told elsewhere
    asked = asked_by(browser)
    liar.sign(liar.claims(asked["nonce"]))
    answered(browser, asked)
    assert browser.get("/en/account/identity/login_gov/disconnect").status_code == 405
    browser.post("/en/account/identity/login_gov/disconnect")
    assert not SocialAccount.objects.exists()
    stranger = Client()
    asked = asked_by(stranger)
    liar.sign(liar.claims(asked["nonce"]))
    assert answered(stranger, asked).status_code == 403


def test_a_provider_that_does_not_answer(browser, liar, settings):
    nobody = replace(settings.GOVERNMENT_IDS["login_gov"], issuer="http://127.0.0.1:9")
    settings.GOVERNMENT_IDS = {**settings.GOVERNMENT_IDS, "login_gov": nobody}
    answer = browser.get("/en/account/identity/login_gov/")
    assert answer.status_code == 503 and "does not answer" in answer.content.decode()


def test_logs_and_the_database_know_nothing_of_the_person(browser, liar, monkeypatch):
    log = io.StringIO()
    [console] = [one for one in logging.getLogger().handlers if isinstance(one.formatter, ProcessorFormatter)]
    monkeypatch.setattr(console, "stream", log)
    asked = asked_by(browser)
    liar.sign(liar.claims("wrong", name="PLANTED NAME"))
    answered(browser, asked)
    asked = asked_by(browser)
    liar.sign(liar.claims(asked["nonce"], name="PLANTED NAME"))
    answered(browser, asked)
    said = log.getvalue()
    assert "government identity refused" in said  # the control: the log was looked at
    assert [part for part in ("PLANTED", "0b2f6c1e", asked["nonce"], asked["state"], liar.token) if part in said] == []
    [kept] = SocialAccount.objects.all()
    assert set(kept.extra_data) == {"acr"}


def test_nothing_is_offered_until_it_is_configured(person, settings):  # noqa: F811
    settings.GOVERNMENT_IDS = {"login_gov": None, "digital_agency": None}
    client = sign_in(person().email)
    assert client.get("/en/account/identity/login_gov/").status_code == 404
    assert client.get("/account/identity/login_gov/callback").status_code == 404
    for page in ("/en/account/security", "/en/account/login/"):
        assert "Government identity" not in client.get(page).content.decode()
    assert "Login.gov" not in Client().get("/en/account/login/").content.decode()


def test_the_pages_of_allauth_beside_ours_are_shut(browser, liar):
    assert browser.get("/en/account/3rdparty/")["Location"] == "/en/account/security"
    assert browser.get("/en/account/3rdparty/signup/")["Location"].endswith("/account/login/")
    asked = asked_by(browser)
    liar.sign(liar.claims(asked["nonce"]))
    answered(browser, asked)
    base = "/api/auth/app/v1"
    offered = Client().get(f"{base}/config").json()["data"]["socialaccount"]
    assert offered["providers"] == []
    [kept] = SocialAccount.objects.all()
    assert str(kept.get_provider_account()) == "Login.gov"
    with pytest.raises(ValidationError, match="page of your government identity"):
        flows.connect.validate_disconnect(browser, kept)
    token = {"provider": "login_gov", "process": "login", "token": {"client_id": "kakehashi", "id_token": liar.token}}
    assert Client().post(f"{base}/auth/provider/token", token, "application/json").status_code == 400
    assert SocialAccount.objects.exists()
