"""Both providers against a certified OpenID Connect server: there and back, connecting and signing in."""

import re
from dataclasses import replace
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
from allauth.mfa.totp.internal.auth import TOTP
from allauth.socialaccount.models import SocialAccount
from django.test import Client

from fund.governance.audit import Act
from fund.governance.outbox import Note
from portal.government_id import oidc
from tests.portal.government_id.conftest import LEVELS, PERSON, pem, sign_in
from tests.portal.officers.conftest import SECRET, code

BOTH = pytest.mark.parametrize("provider", ["login_gov", "digital_agency"])


def leave(client: Client, provider: str, language: str = "en") -> str:
    """The provider's address on the page before it."""
    page = client.get(f"/{language}/account/identity/{provider}/")
    assert page.status_code == 200, page
    [address] = re.findall(r'href="(http://127[^"]+)"', page.content.decode())
    return unescape(address)


def come_back(address: str) -> str:
    """Through the provider's pages as a browser goes, up to our own address."""
    browser = requests.Session()
    for _step in range(6):
        answer = browser.get(address, allow_redirects=False, timeout=10)
        assert answer.status_code in (302, 303), answer.text
        address = requests.compat.urljoin(address, answer.headers["Location"])
        if address.startswith("http://testserver/"):
            return address.removeprefix("http://testserver")
    raise AssertionError(address)


def there_and_back(client: Client, provider: str) -> Any:
    return client.get(come_back(leave(client, provider)))


def is_signed_in(client: Client) -> bool:
    return client.get("/en/account/security").status_code == 200


@BOTH
def test_connect_then_sign_in(start, person, provider):
    start(provider)
    owner = person()
    connecting = there_and_back(sign_in(), provider)
    assert connecting.status_code == 302 and connecting["Location"] == "/en/account/identity/"
    [kept] = SocialAccount.objects.all()
    assert (kept.user, kept.provider, kept.uid) == (owner, provider, PERSON)
    assert kept.extra_data == {"acr": sorted(LEVELS[provider].split())}

    stranger = Client()
    assert there_and_back(stranger, provider)["Location"] == "/en/account/"
    assert is_signed_in(stranger)


@BOTH
def test_what_is_asked(start, person, provider):
    start(provider)
    address = leave(Client(), provider)
    asked = {name: value for name, [value] in parse_qs(urlsplit(address).query).items()}
    assert asked["code_challenge_method"] == "S256" and len(asked["code_challenge"]) == 43
    assert asked["scope"] == "openid"
    assert len(asked["nonce"]) > 40 and len(asked["state"]) > 40
    assert (
        asked["acr_values"]
        == {
            "login_gov": "urn:acr.login.gov:verified http://idmanagement.gov/ns/assurance/aal/2?phishing_resistant=true",
            "digital_agency": "aal3 crl",
        }[provider]
    )
    assert "acr_values=low" not in leave_with(Client(), provider, "acr_values=low&auth_params=acr_values%3Dlow")


def leave_with(client: Client, provider: str, query: str) -> str:
    page = client.get(f"/en/account/identity/{provider}/?{query}").content.decode()
    return unescape(re.findall(r'href="(http://127[^"]+)"', page)[0])


def test_a_connection_is_told_and_recorded(start, person):
    start("login_gov")
    owner = person()
    there_and_back(sign_in(), "login_gov")
    act = Act.objects.get(verb="government_id_connected")
    assert act.detail == {"provider": "login_gov"} and act.actor == f"user:{owner.pk}"
    note = Note.objects.get(topic="security.changed", payload__change="government_id_connected")
    assert note.payload == {"user": owner.pk, "change": "government_id_connected"}
    assert PERSON not in str(act.detail) + str(note.payload)


def test_an_identity_nobody_connected_signs_nobody_in(start, person):
    """The provider names the e-mail address of an account; that makes no difference."""
    start("login_gov")
    person("hanako@example.org")
    stranger = Client()
    answer = there_and_back(stranger, "login_gov")
    assert answer.status_code == 403 and "not connected to an account here" in answer.content.decode()
    assert not is_signed_in(stranger)
    assert not SocialAccount.objects.exists() and Note.objects.filter(topic="security.changed").count() == 0


def test_a_second_factor_is_asked_for_unless_the_level_makes_up_for_it(start, person):
    """With the same TOTP: skipped for a level that cannot be phished, asked for below it."""
    owner = person()
    start("login_gov")
    there_and_back(sign_in(), "login_gov")
    TOTP.activate(owner, SECRET)
    strong = Client()
    there_and_back(strong, "login_gov")
    assert is_signed_in(strong)

    start("login_gov", level="urn:acr.login.gov:verified")
    weak = Client()
    assert there_and_back(weak, "login_gov")["Location"] == "/en/account/2fa/authenticate/"
    assert not is_signed_in(weak)
    weak.post("/en/account/2fa/authenticate/", {"code": code()})
    assert is_signed_in(weak)


def test_a_level_below_what_was_asked_is_refused(start, person, monkeypatch):
    start("digital_agency", level="low")
    client = sign_in(person().email)
    answer = there_and_back(client, "digital_agency")
    assert answer.status_code == 403 and "less strictly than we ask" in answer.content.decode()
    assert not SocialAccount.objects.exists()
    monkeypatch.delitem(oidc.CHECKS, "level")  # negative control
    assert there_and_back(client, "digital_agency").status_code == 302


def test_the_provider_refuses_a_wrong_verifier(start, person):
    """PKCE: the code alone is worth nothing. The control is every other test of this module."""
    start("login_gov")
    client = sign_in(person().email)
    back = come_back(leave(client, "login_gov"))
    session = client.session
    for state, _at, _provider in session["socialaccount_states"].values():
        state["verifier"] = "x" * 64
    session.save()
    answer = client.get(back)
    assert answer.status_code == 403 and "did not complete this sign-in" in answer.content.decode()
    assert not SocialAccount.objects.exists()


def test_the_provider_refuses_a_proof_by_another_key(start, person, keys, settings):
    """private_key_jwt: nobody else redeems our codes."""
    party = start("login_gov")
    client = sign_in(person().email)
    back = come_back(leave(client, "login_gov"))
    settings.GOVERNMENT_IDS = {
        **settings.GOVERNMENT_IDS,
        "login_gov": replace(party, private_key=pem(keys["stranger_RS256"])),
    }
    assert client.get(back).status_code == 403
    assert not SocialAccount.objects.exists()


def test_comes_back_in_the_language_it_left_in(start, person):
    start("digital_agency")
    client = Client()
    answer = client.get(come_back(leave(client, "digital_agency", "ja")))
    assert answer.status_code == 403 and '<html lang="ja">' in answer.content.decode()
