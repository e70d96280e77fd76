"""Passkeys in a real browser with Chromium's virtual authenticator; what a false one signs, signed by ourselves."""

import json
import re
from collections.abc import Iterator
from hashlib import sha256
from typing import Any

import pytest
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.internal import auth
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.core import mail
from django.test import Client
from fido2.cose import ES256
from fido2.utils import websafe_encode
from fido2.webauthn import (
    Aaguid,
    AttestationObject,
    AttestedCredentialData,
    AuthenticatorData,
    CollectedClientData,
    UserVerificationRequirement,
)
from playwright.sync_api import Browser, Page, expect

from portal import step_up
from portal.security import Change
from tests.browser import follow
from tests.portal.officers.conftest import PASSWORD, _quick_and_forgetful, grow_stale, make_user
from tests.portal.web.test_security_pages import told

__all__ = ["_quick_and_forgetful"]

PRESENT, VERIFIED, KEY = 1, 4, 64  # flags of an authenticator's answer
HOST = "https://testserver"
LOGIN = "/en/account/2fa/webauthn/login/"


# ── what a false authenticator or a false site would sign ──
class Soft:
    """A passkey in software: signs whatever it is told to."""

    def __init__(self, user: Any) -> None:
        self.user, self.number = user, b"soft passkey"
        self.key = ec.generate_private_key(ec.SECP256R1())
        public = ES256.from_cryptography_key(self.key.public_key())
        held = AttestedCredentialData.create(Aaguid.NONE, self.number, public)
        data = AuthenticatorData.create(sha256(b"testserver").digest(), PRESENT | VERIFIED | KEY, 0, bytes(held))
        client = CollectedClientData.create(CollectedClientData.TYPE.CREATE, b"challenge", HOST)
        attestation = AttestationObject.create("none", data, {})
        answer = {"clientDataJSON": websafe_encode(client), "attestationObject": websafe_encode(attestation)}
        extensions = {"clientExtensionResults": {"credProps": {"rk": True}}}
        credential = {"id": websafe_encode(self.number), "rawId": websafe_encode(self.number), "type": "public-key"}
        auth.WebAuthn.add(user, "Soft", credential | extensions | {"response": answer})

    def sign(self, challenge: str, *, origin: str = HOST, flags: int = PRESENT | VERIFIED) -> str:
        """An assertion for a challenge, as a browser at ``origin`` would send it."""
        client = CollectedClientData.create(CollectedClientData.TYPE.GET, challenge, origin)
        data = AuthenticatorData.create(sha256(b"testserver").digest(), flags, 1)
        signature = self.key.sign(bytes(data) + client.hash, ec.ECDSA(SHA256()))
        answer = {
            "clientDataJSON": websafe_encode(client),
            "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature),
            "userHandle": websafe_encode(user_pk_to_url_str(self.user).encode()),
        }
        number = websafe_encode(self.number)
        credential = {"id": number, "rawId": number, "type": "public-key", "response": answer}
        return json.dumps(credential | {"clientExtensionResults": {}})


@pytest.fixture
def soft(db: None, settings: Any) -> Soft:
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = False  # as in production
    return Soft(make_user("soft@example.org"))


def challenge_of(client: Client, page: str = LOGIN) -> str:
    answer = client.get(page, headers={"Accept": "application/json"}, secure=True)
    if answer["Content-Type"] == "application/json":
        return str(answer.json()["request_options"]["publicKey"]["challenge"])
    found = re.search(r'"challenge": "([^"]+)"', answer.content.decode())
    assert found
    return found[1]


def enters(client: Client, credential: str) -> bool:
    client.post(LOGIN, {"credential": credential}, secure=True)
    return client.get("/en/account/", secure=True).status_code == 200


def test_a_sound_assertion_signs_in(soft: Soft) -> None:
    client = Client()
    assert enters(client, soft.sign(challenge_of(client)))


@pytest.mark.parametrize("origin", ["https://testserver.example", "http://testserver", "https://evil.example"])
def test_an_assertion_made_on_another_site_is_refused(soft: Soft, origin: str, settings: Any) -> None:
    client = Client()
    assert not enters(client, soft.sign(challenge_of(client), origin=origin))
    settings.MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = True
    assert enters(client, soft.sign(challenge_of(client), origin=origin)), "negative control"


def test_a_replayed_assertion_is_refused(soft: Soft, monkeypatch: pytest.MonkeyPatch) -> None:
    states: list[Any] = []
    keep = auth.set_state
    monkeypatch.setattr(auth, "set_state", lambda state: (states.append(state), keep(state)))
    owner = Client()
    heard = soft.sign(challenge_of(owner))
    assert enters(owner, heard)
    thief = Client()
    assert not enters(thief, heard), "without a challenge of its own"
    challenge_of(thief)
    assert not enters(thief, heard), "with another one"
    owner.post("/en/account/logout/", secure=True)
    assert not enters(owner, heard), "where it was used before"
    monkeypatch.setattr(auth, "get_state", lambda: states[0])
    assert enters(thief, heard), "negative control: it is the challenge that is used up"


def test_an_assertion_without_user_verification_is_refused(soft: Soft, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever finds the phone has touched it, but was not verified by it."""
    client = Client()
    assert not enters(client, soft.sign(challenge_of(client), flags=PRESENT))
    monkeypatch.setattr(AuthenticatorData, "is_user_verified", lambda self: True)
    assert enters(client, soft.sign(challenge_of(client), flags=PRESENT)), "negative control"


def test_nor_as_a_second_proof(soft: Soft, settings: Any) -> None:
    page = "/en/account/2fa/authenticate/"

    def after_password() -> Client:
        client = Client()
        client.post("/en/account/login/", {"login": soft.user.email, "password": PASSWORD}, secure=True)
        credential = soft.sign(challenge_of(client, page), flags=PRESENT)
        client.post(page, {"credential": credential}, secure=True)
        return client

    assert after_password().get("/en/account/", secure=True).status_code == 302
    settings.MFA_WEBAUTHN_USER_VERIFICATION = UserVerificationRequirement.PREFERRED.value
    assert after_password().get("/en/account/", secure=True).status_code == 200, "negative control"


def test_a_signature_of_another_key_is_refused(soft: Soft) -> None:
    client = Client()
    soft.key = ec.generate_private_key(ec.SECP256R1())
    assert not enters(client, soft.sign(challenge_of(client)))


def test_a_passkey_steps_up(soft: Soft) -> None:
    client = Client()
    assert enters(client, soft.sign(challenge_of(client)))
    session = client.session
    assert step_up.lacking(user=soft.user, session=session) is None
    grow_stale(client)
    assert step_up.lacking(user=soft.user, session=client.session) == step_up.Lack.PROOF
    page = "/en/account/2fa/webauthn/reauthenticate/"
    client.post(page, {"credential": soft.sign(challenge_of(client, page))}, secure=True)
    assert step_up.lacking(user=soft.user, session=client.session) is None


def test_a_refused_signature_leads_back_to_the_proof(soft: Soft) -> None:
    client = Client()
    assert enters(client, soft.sign(challenge_of(client)))
    grow_stale(client)
    asked = client.get("/en/account/2fa/webauthn/add/", secure=True).url
    answer = client.post(asked, {"credential": soft.sign(challenge_of(client, asked), flags=PRESENT)}, secure=True)
    assert answer.url == asked
    answer = client.post(asked, {"credential": soft.sign(challenge_of(client, asked))}, secure=True)
    assert answer.url == "/en/account/2fa/webauthn/add/"


def test_removing_a_passkey_ends_the_other_sessions_and_is_told(soft: Soft) -> None:
    here, there = Client(), Client()
    assert enters(here, soft.sign(challenge_of(here))) and enters(there, soft.sign(challenge_of(there)))
    number = Authenticator.objects.get(user=soft.user).pk
    assert here.post(f"/en/account/2fa/webauthn/keys/{number}/remove/", secure=True).status_code == 302
    assert not Authenticator.objects.filter(user=soft.user).exists()
    signed_in = [one.get("/en/account/", secure=True).status_code == 200 for one in (here, there)]
    assert signed_in == [True, False]
    assert told(soft.user)[-1] == Change.PASSKEY_REMOVED


# ── a real browser ──
@pytest.fixture
def page(transactional_db: None, live_server: Any, chromium: Browser, request: Any) -> Iterator[Page]:
    """A window of the asked-for width, with a device that verifies its owner and keeps passkeys."""
    width = getattr(request, "param", 1280)
    context = chromium.new_context(viewport={"width": width, "height": 844}, base_url=live_server.url)
    context.set_default_timeout(15_000)
    page = context.new_page()
    page.errors = []  # type: ignore[attr-defined]
    page.on(
        "console", lambda said: page.errors.append(f"{said.text} {said.location}") if said.type == "error" else None
    )  # type: ignore[attr-defined]
    devtools = context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "automaticPresenceSimulation": True,
    }
    options |= {"hasUserVerification": True, "isUserVerified": True}
    page.device = devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options})["authenticatorId"]  # type: ignore[attr-defined]
    page.devtools = devtools  # type: ignore[attr-defined]
    yield page
    context.close()


def sign_up(page: Page, language: str = "en") -> None:
    page.goto(f"/{language}/account/signup/")
    page.fill("#passkey-email", "sachiko@example.org")
    follow(page, "form:has(#passkey-email) button")
    code = re.search(r"^([0-9A-Z]{4}-[0-9A-Z]{4})$", mail.outbox[-1].body, re.MULTILINE)
    assert code
    page.fill("[name=code]", code[1])
    follow(page, "form:has([name=code]) button[type=submit]")
    page.wait_for_url(re.compile("/webauthn/signup/"))
    page.click("#mfa_webauthn_signup")
    page.wait_for_url(re.compile(f"/{language}/account/2fa/$"))


def sign_out(page: Page, language: str = "en") -> None:
    page.goto(f"/{language}/account/logout/")
    follow(page, "main form button")


@pytest.mark.parametrize(("page", "language"), [(390, "ja"), (1280, "en")], indirect=["page"])
def test_signing_up_and_in_with_a_passkey(page: Page, language: str) -> None:
    sign_up(page, language)
    sign_out(page, language)
    page.goto(f"/{language}/account/login/?next=/{language}/join/")
    page.click("#passkey_login")
    page.wait_for_url(lambda url: "next" not in url and url.endswith(f"/{language}/join/"))
    page.goto(f"/{language}/account/2fa/webauthn/")
    expect(page.locator("main li")).to_have_count(1)
    said = [one for one in page.errors if "404 (Not Found)" not in one]  # type: ignore[attr-defined]
    assert said == [], "but that the home page of an empty fund is not there"


def test_a_device_that_does_not_verify_its_owner(page: Page) -> None:
    """The browser gives nothing, and the page says so; nobody is signed in."""
    sign_up(page)
    sign_out(page)
    page.devtools.send("WebAuthn.setUserVerified", {"authenticatorId": page.device, "isUserVerified": False})  # type: ignore[attr-defined]
    page.goto("/en/account/login/")
    page.click("#passkey_login")
    expect(page.locator("#passkey-failed")).to_be_visible()
    page.goto("/en/account/")
    page.wait_for_url(re.compile("/account/login/"))
    page.devtools.send("WebAuthn.setUserVerified", {"authenticatorId": page.device, "isUserVerified": True})  # type: ignore[attr-defined]
    page.click("#passkey_login")
    page.wait_for_url(re.compile("/account/$"))


def test_another_address_does_not_get_the_passkey(page: Page, live_server: Any) -> None:
    """The same page under another name: the browser itself refuses."""
    sign_up(page)
    sign_out(page)
    page.goto(f"{live_server.url.replace('localhost', '127.0.0.1')}/en/account/login/")
    page.click("#passkey_login")
    expect(page.locator("#passkey-failed")).to_be_visible()
    assert Authenticator.objects.filter(last_used_at=None).count() == 1
