"""The pages of the account's security: both languages, nothing the policy forbids, what they do, who hears of it."""

import time
from collections.abc import Callable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from allauth import __file__ as allauth
from allauth.account import app_settings
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from allauth.usersessions.models import UserSession
from django.contrib.sessions.models import Session
from django.core import mail
from django.db import ProgrammingError, transaction
from django.template.loader import render_to_string
from django.test import Client
from django.utils import timezone, translation

from fund.governance.audit import Act
from fund.governance.outbox import Note
from portal import devices, second_factor, security, step_up
from portal.api import limits
from portal.notices.models import Message
from portal.notices.send import AUDIENCES, send
from portal.security import Change
from portal.web import signing_up
from portal.web.signing_up import LETTERS, Adapter
from tests.portal.notices.test_notices import FACTS
from tests.portal.officers.conftest import PASSWORD, SECRET, _quick_and_forgetful, code, make_user, sign_in
from tests.portal.web.reading import english, forbidden

__all__ = ["_quick_and_forgetful"]

STRANGER = [
    "login/",
    "signup/",
    "signup/passkey/",
    "password/reset/",
    "inactive/",
]
OWN = [
    "2fa/",
    "2fa/totp/deactivate/",
    "2fa/recovery-codes/",
    "2fa/recovery-codes/generate/",
    "2fa/webauthn/",
    "2fa/webauthn/add/",
    "2fa/webauthn/keys/{passkey}/edit/",
    "2fa/webauthn/keys/{passkey}/remove/",
    "2fa/webauthn/reauthenticate/",
    "2fa/reauthenticate/",
    "sessions/",
    "password/change/",
    "email/",
    "security",
]
NEW = "another long passphrase"


@pytest.fixture
def no_cache(settings: Any) -> Iterator[Callable[[], None]]:
    """Takes Valkey away when it is called."""
    before = settings.CACHES

    def take_away() -> None:
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        settings.CACHES = {"default": before["default"] | {"LOCATION": settings.REDIS_URL}}
        limits.store.cache_clear()

    yield take_away
    settings.CACHES = before
    limits.store.cache_clear()


@pytest.fixture
def anna(db: None) -> Any:
    user = make_user("anna@example.org")
    TOTP.activate(user, SECRET)
    return user


def passkey_of(user: Any, name: str = "Phone") -> int:
    """A row as a passkey leaves it; no test here signs with it."""
    data = {"name": name, "credential": {"clientExtensionResults": {"credProps": {"rk": True}}}}
    return Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data=data).pk


def told(user: Any) -> list[str]:
    """The changes that were told and written down, in order."""
    notes = [note.payload["change"] for note in Note.objects.filter(topic="security.changed").order_by("pk")]
    acts = list(Act.objects.filter(subject=f"user:{user.pk}").order_by("pk").values_list("verb", flat=True))
    assert notes == acts, "each is told and written down"
    return notes


# ── what they look like ──
@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "ja"])
def test_pages_of_strangers(language: str) -> None:
    for path in STRANGER:
        answer = Client().get(f"/{language}/account/{path}")
        html = answer.content.decode()
        assert answer.status_code == 200, path
        assert forbidden(html) == [], path
        assert language == "en" or english(html) == [], path


@pytest.mark.parametrize("language", ["en", "ja"])
def test_own_pages(anna: Any, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    client = sign_in(anna)
    passkey = passkey_of(anna)
    RecoveryCodes.activate(anna)
    monkeypatch.setattr("allauth.mfa.webauthn.internal.auth.get_credentials", lambda user: [])
    monkeypatch.setattr(step_up, "is_proved", lambda **given: True)
    for path in OWN:
        answer = client.get(f"/{language}/account/{path.format(passkey=passkey)}")
        html = answer.content.decode()
        assert answer.status_code == 200, path
        assert forbidden(html) == [], path
        assert language == "en" or english(html) == [], path


@pytest.mark.parametrize("language", ["en", "ja"])
def test_the_way_to_the_second_factor(transactional_db: None, language: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign in, a wrong code, a right one, the recovery codes; and signing in with the app from then on."""
    user = make_user("new@example.org")
    client = Client()
    client.post(f"/{language}/account/login/", {"login": user.email, "password": PASSWORD})
    page = f"/{language}/account/2fa/totp/activate/"
    assert client.get(page).status_code == 200, "a fresh sign-in is not asked for the password again"
    wrong = client.post(page, {"code": "000000"}).content.decode()
    assert language == "en" or english(wrong) == []
    monkeypatch.setattr("allauth.mfa.totp.internal.auth.generate_totp_secret", lambda: SECRET)
    client.get(page)
    answer = client.post(page, {"code": code()}, follow=True)
    html = answer.content.decode()
    assert answer.redirect_chain[-1][0] == f"/{language}/account/2fa/recovery-codes/"
    assert all(one in html for one in RecoveryCodes.activate(user).generate_codes())
    assert told(user) == [Change.AUTHENTICATOR_APP_ADDED]
    again = Client()
    asked = again.post(f"/{language}/account/login/", {"login": user.email, "password": PASSWORD}, follow=True)
    html = asked.content.decode()
    assert asked.redirect_chain[-1][0] == f"/{language}/account/2fa/authenticate/"
    assert forbidden(html) == []
    assert language == "en" or english(html) == []


# ── what they keep ──
def test_without_a_second_factor_no_application_is_sent(db: None, settings: Any) -> None:
    client = sign_in(make_user("new@example.org"))
    assert client.post("/en/join/submit").url == "/en/account/2fa/"
    settings.CITIZEN_MFA_REQUIRED = False
    assert client.post("/en/join/submit").url == "/en/join/", "negative control"


def test_recovery_codes_are_never_the_only_factor(anna: Any) -> None:
    client = sign_in(anna)
    RecoveryCodes.activate(anna)
    client.post("/en/account/2fa/totp/deactivate/")
    assert not Authenticator.objects.filter(user=anna).exists()
    client.post("/en/account/2fa/recovery-codes/generate/")
    assert not Authenticator.objects.filter(user=anna).exists()


def test_the_password_does_not_take_the_second_factor_away(anna: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody with the password at an open session."""
    client = sign_in(anna)
    session = client.session
    for record in session["account_authentication_methods"]:
        record["at"] = time.time() - 301
    session.save()
    asked = client.post("/en/account/2fa/totp/deactivate/")
    assert asked.url.startswith("/en/account/2fa/reauthenticate/")
    client.post("/en/account/reauthenticate/", {"password": PASSWORD})
    client.post("/en/account/2fa/totp/deactivate/")
    assert Authenticator.objects.filter(user=anna).exists()
    monkeypatch.setattr(step_up, "factors", lambda user: {})
    client.post("/en/account/reauthenticate/", {"password": PASSWORD})
    client.post("/en/account/2fa/totp/deactivate/")
    assert not Authenticator.objects.filter(user=anna).exists(), "negative control"


def test_a_new_password_by_mail_does_not_skip_the_second_factor(anna: Any, settings: Any) -> None:
    def reset() -> Client:
        client = Client()
        client.post("/en/account/password/reset/", {"email": anna.email})
        letter = mail.outbox[-1].body
        found = next(line for line in letter.splitlines() if len(line) in range(6, 10) and line.upper() == line)
        client.post("/en/account/password/reset/confirm/", {"code": found})
        client.post("/en/account/password/reset/complete/", {"password1": NEW, "password2": NEW})
        client.post("/en/account/login/", {"login": anna.email, "password": NEW})
        return client

    client = reset()
    assert client.get("/en/account/").status_code == 302, "the password alone does not sign in"
    assert client.post("/en/account/2fa/authenticate/", {"code": code()}).status_code == 302
    assert client.get("/en/account/").status_code == 200
    assert Change.PASSWORD_RESET in told(anna)
    Authenticator.objects.filter(user=anna).delete()
    assert reset().get("/en/account/").status_code == 200, "negative control: it is the factor that is asked for"


def test_a_code_is_not_accepted_twice(anna: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    used = code()

    def enter() -> int:
        client = Client()
        client.post("/en/account/login/", {"login": anna.email, "password": PASSWORD})
        client.post("/en/account/2fa/authenticate/", {"code": used})
        return client.get("/en/account/").status_code

    assert [enter(), enter()] == [200, 302]
    monkeypatch.setattr(TOTP, "_mark_code_used", lambda self, code: True)
    monkeypatch.setattr(second_factor.cache, "add", lambda *told, **for_how_long: True)
    assert enter() == 200, "negative control"


def test_the_session_changes_its_key_when_somebody_signs_in(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fixation: whoever planted the session before holds nothing afterwards."""
    user = make_user("anna@example.org")

    def signed_in_with_planted_key() -> bool:
        client = Client()
        session = client.session
        session["planted"] = True
        session.save()
        planted = session.session_key
        client.cookies["session"] = planted
        client.post("/en/account/login/", {"login": user.email, "password": PASSWORD})
        thief = Client()
        thief.cookies["session"] = planted
        assert client.get("/en/account/").status_code == 200
        return thief.get("/en/account/").status_code == 200

    assert not signed_in_with_planted_key()
    monkeypatch.setattr("django.contrib.sessions.backends.base.SessionBase.cycle_key", lambda self: None)
    assert signed_in_with_planted_key(), "negative control"


# ── sessions ──
def app_token(user: Any) -> str:
    """A phone that signs in by the headless app client, password and code."""
    client, sent = Client(headers={"User-Agent": "Kakehashi/1 iPhone"}), {"content_type": "application/json"}
    begun = client.post("/api/auth/app/v1/auth/login", {"email": user.email, "password": PASSWORD}, **sent)
    headers = {"X-Session-Token": begun.json()["meta"]["session_token"]}
    done = client.post("/api/auth/app/v1/auth/2fa/authenticate", {"code": code()}, headers=headers, **sent)
    assert done.status_code == 200, done.content
    return str(done.json()["meta"].get("session_token") or headers["X-Session-Token"])


def is_in(who: Client | str) -> bool:
    if isinstance(who, Client):
        return who.get("/en/account/").status_code == 200
    answer = Client().get("/api/v1/application", headers={"X-Session-Token": who})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


def test_signing_out_everywhere_ends_browsers_and_apps(anna: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    here, there, phone = sign_in(anna), sign_in(anna), app_token(anna)
    assert [is_in(one) for one in (here, there, phone)] == [True] * 3
    with monkeypatch.context() as without:
        without.setattr(UserSession, "end", lambda self: self.delete())
        here.post("/en/account/sessions/")
        assert [is_in(one) for one in (here, there, phone)] == [True] * 3, "negative control"
    there, phone = sign_in(anna), app_token(anna)
    here.post("/en/account/sessions/")
    assert [is_in(one) for one in (here, there, phone)] == [True, False, False]
    assert told(anna)[-1] == Change.SESSIONS_ENDED


def test_the_list_and_signing_out_one(anna: Any) -> None:
    here, phone = sign_in(anna), app_token(anna)
    html = here.get("/en/account/sessions/").content.decode()
    assert html.count("this one") == 1 and "Kakehashi/1 iPhone" in html
    other = UserSession.objects.get(user_agent__startswith="Kakehashi")
    foreign = sign_in(make_user("other@example.org"))
    assert foreign.post(f"/en/account/security/devices/{other.pk}/end").status_code == 404
    assert is_in(phone)
    here.post(f"/en/account/security/devices/{other.pk}/end")
    assert (is_in(phone), is_in(here)) == (False, True)


def test_a_new_password_ends_the_other_sessions(anna: Any) -> None:
    here, there, phone = sign_in(anna), sign_in(anna), app_token(anna)
    here.post(
        "/en/account/password/change/", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}, follow=True
    )
    assert [is_in(one) for one in (here, there, phone)] == [True, False, False]
    assert told(anna)[-1] == Change.PASSWORD_CHANGED


def test_removing_a_factor_ends_the_other_sessions(anna: Any) -> None:
    here, there, phone = sign_in(anna), sign_in(anna), app_token(anna)
    here.post("/en/account/2fa/totp/deactivate/")
    assert [is_in(one) for one in (here, there, phone)] == [True, False, False]
    assert told(anna)[-1] == Change.AUTHENTICATOR_APP_REMOVED


# ── who hears of it ──
def test_a_new_device_is_told_and_a_known_one_is_not(anna: Any) -> None:
    first = sign_in(anna)
    assert told(anna) == [], "the first one is where the account was made"
    first.post("/en/account/logout/")
    first.post("/en/account/login/", {"login": anna.email, "password": PASSWORD})
    first.post("/en/account/2fa/authenticate/", {"code": code()})
    assert told(anna) == []
    app_token(anna)
    assert told(anna) == [Change.NEW_DEVICE]
    app_token(anna)
    assert told(anna) == [Change.NEW_DEVICE]
    sign_in(anna)
    assert told(anna) == [Change.NEW_DEVICE] * 2


def test_new_recovery_codes_and_a_first_password_are_told(anna: Any, django_capture_on_commit_callbacks: Any) -> None:
    client = sign_in(anna)
    with django_capture_on_commit_callbacks(execute=True):
        client.post("/en/account/2fa/recovery-codes/generate/")
    assert told(anna) == [Change.RECOVERY_CODES_MADE]
    anna.set_unusable_password()
    anna.save()
    client = Client()
    client.force_login(anna)
    session = client.session
    app = Authenticator.objects.get(user=anna, type=Authenticator.Type.TOTP)
    session["account_authentication_methods"] = [{"method": "mfa", "at": time.time(), "id": app.pk, "type": app.type}]
    session["account_authentication_methods_user"] = str(anna.pk)
    session.save()
    client.post("/en/account/password/set/", {"password1": NEW, "password2": NEW})
    anna.refresh_from_db()
    assert anna.check_password(NEW) and told(anna)[-1] == Change.PASSWORD_SET


def test_a_recovery_code_is_told_and_works_once(anna: Any) -> None:
    spare = RecoveryCodes.activate(anna).generate_codes()[0]
    for place in range(2):
        client = Client()
        client.post("/en/account/login/", {"login": anna.email, "password": PASSWORD})
        client.post("/en/account/2fa/authenticate/", {"code": spare})
        assert is_in(client) == (place == 0)
    assert told(anna) == [Change.RECOVERY_CODE_USED]


def test_wrong_codes_are_told_after_the_third(anna: Any) -> None:
    client = Client()
    client.post("/en/account/login/", {"login": anna.email, "password": PASSWORD})
    for expected in ([], [], [Change.SECOND_FACTOR_FAILED], [Change.SECOND_FACTOR_FAILED]):
        client.post("/en/account/2fa/authenticate/", {"code": "000000"})
        assert told(anna) == expected


def test_the_address_that_was_left_hears_of_it_too(anna: Any) -> None:
    client = sign_in(anna)
    client.post("/en/account/email/", {"email": "new@example.org", "action_add": ""})
    found = next(line for line in mail.outbox[-1].body.splitlines() if len(line) in range(6, 10) and line.isupper())
    mail.outbox.clear()
    client.post("/en/account/confirm-email/", {"code": found})
    anna.refresh_from_db()
    assert anna.email == EmailAddress.objects.get(user=anna, primary=True).email == "new@example.org"
    assert [letter.to for letter in mail.outbox] == [["anna@example.org"]]
    assert "http" not in mail.outbox[0].body and "new@example.org" not in mail.outbox[0].body
    assert told(anna)[-1] == Change.EMAIL_CHANGED
    note = Note.objects.get(topic="security.changed")
    assert "example.org" not in str(note.payload)


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_message_holds_a_link(language: str) -> None:
    """Every notice and every mail of the library that may be sent, rendered as it is sent."""
    user = make_user("anna@example.org")
    texts: dict[str, str] = {}
    with translation.override(language):
        for change in [*Change, "another"]:
            message = Message(user=user, topic="security.changed", facts={"change": change})
            texts[change] = f"{message.title}\n{message.text}"
        for topic in AUDIENCES.keys() - {"security.changed"}:
            message = Message(user=user, topic=topic, facts=FACTS)
            texts[topic] = render_to_string("notices/mail.txt", {"message": message}) + message.title
        links = dict.fromkeys(["signup_url", "password_reset_url", "activate_url"], "https://example.org/x")
        for letter in LETTERS:
            written = {"code": "ABCD-EFGH", "email": "anna@example.org", "user": user, **links}
            texts[letter] = "".join(
                render_to_string(f"{letter}_{part}.txt", written) for part in ("subject", "message")
            )
    assert len(set(texts.values())) >= len(texts) - 2, "each says something of its own"
    for name, text in texts.items():
        assert text.strip() and "http" not in text and "://" not in text, name
        assert language == "en" or english(f"<p>{text}</p>") == [], name
        assert ("ABCD-EFGH" in text) == (name.endswith(("password_reset_code", "_confirmation", "_signup"))), name


def test_the_library_sends_no_mail_of_its_own(db: None) -> None:
    """Its other templates, links and all, are refused; as a control, some of them do hold a link."""
    templates = Path(allauth).parent / "templates"
    theirs = {
        str(path.relative_to(templates)).removesuffix("_message.txt")
        for path in templates.glob("*/email/*_message.txt")
        if not path.name.startswith("base_")
    }
    assert theirs >= LETTERS
    for name in theirs - LETTERS:
        with pytest.raises(ValueError, match="not one of our mails"):
            Adapter().send_mail(name, "anna@example.org", {})
    assert mail.outbox == []
    assert any("url" in (templates / f"{name}_message.txt").read_text() for name in theirs - LETTERS)


def test_what_is_told_arrives(anna: Any) -> None:
    security.changed(user_id=anna.pk, change=Change.PASSKEY_ADDED, now=timezone.now())
    send(note=Note.objects.get(), now=timezone.now())
    (message,) = Message.objects.filter(user=anna)
    assert message.title == "A passkey was added to your account"


def test_every_change_of_the_library_has_a_word_of_its_own() -> None:
    assert set(signing_up.CHANGES.values()) < set(Change)


# ── when attempts cannot be counted ──
@pytest.mark.parametrize(
    ("path", "sent"),
    [
        ("/en/account/login/", {"login": "anna@example.org", "password": PASSWORD}),
        ("/ja/account/login/", {"login": "anna@example.org", "password": PASSWORD}),
        ("/en/account/signup/", {"email": "x@example.org", "password1": NEW, "password2": NEW}),
        ("/en/account/password/reset/", {"email": "anna@example.org"}),
    ],
)
def test_without_the_cache_nobody_signs_in(
    anna: Any, no_cache: Callable[[], None], path: str, sent: dict[str, str]
) -> None:
    no_cache()
    client = Client()
    assert client.get(path).status_code == 200
    answer = client.post(path, sent)
    html = answer.content.decode()
    assert (answer.status_code, answer["Retry-After"]) == (503, "60")
    assert path.startswith("/en") or english(html) == []
    assert not Session.objects.filter(session_data__contains="_auth").exists()
    assert client.get("/en/account/").status_code == 302


def test_without_the_cache_a_code_lets_nobody_in(anna: Any, no_cache: Callable[[], None]) -> None:
    client = Client()
    client.post("/en/account/login/", {"login": anna.email, "password": PASSWORD})
    right = code()
    no_cache()
    assert client.post("/en/account/2fa/authenticate/", {"code": right}).status_code == 503
    assert client.get("/en/account/").status_code == 302


@pytest.mark.django_db
def test_an_app_is_told_so_too(no_cache: Callable[[], None]) -> None:
    no_cache()
    answer = Client().post("/api/auth/app/v1/auth/login", {}, content_type="application/json")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def attempts(email: str, number: int, **headers: str) -> list[int]:
    """Wrong passwords, one after the other; a number in braces in a header is the attempt's."""
    found = []
    for place in range(number):
        given = {name.replace("_", "-"): value.format(place) for name, value in headers.items()}
        answer = Client(headers=given).post("/en/account/login/", {"login": email.format(place), "password": "wrong"})
        found.append(answer.status_code == 429)
    return found


def test_the_limits_as_shipped() -> None:
    assert app_settings.RATE_LIMITS["login_failed"] == "10/m/ip,5/300s/key"
    assert app_settings.RATE_LIMITS["reset_password"] == "20/m/ip,5/m/key"


def test_passwords_are_not_tried_freely_at_one_account(anna: Any, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "2/300s/key"}
    assert attempts(anna.email, 3) == [False, False, True]
    right = Client().post("/en/account/login/", {"login": anna.email, "password": PASSWORD})
    assert right.status_code == 429, "not even the right one, for a while"
    api = {"email": anna.email, "password": PASSWORD}
    assert Client().post("/api/auth/app/v1/auth/login", api, content_type="application/json").status_code == 429
    settings.ACCOUNT_RATE_LIMITS = False
    assert attempts(anna.email, 3) == [False] * 3, "negative control"


def test_nor_from_one_address_whatever_it_says_of_itself(db: None, settings: Any) -> None:
    """One password at many accounts. A forwarding header counts only where a proxy of ours has written it."""
    settings.ACCOUNT_RATE_LIMITS = {"login_failed": "2/m/ip"}
    spoofed = {"X_Forwarded_For": "198.51.100.{0}"}
    assert attempts("nobody{0}@example.org", 3, **spoofed) == [False, False, True]
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
    settings.TRUSTED_PROXIES = [ip_network("192.0.2.0/24")]
    assert attempts("somebody{0}@example.org", 1, **spoofed) == [True], "there is a proxy, but this is not it"
    settings.TRUSTED_PROXIES = [ip_network("127.0.0.0/8")]
    assert attempts("someone{0}@example.org", 3, **spoofed) == [False] * 3, "negative control"
    behind = {"X_Forwarded_For": "198.51.100.{0}, 203.0.113.9"}
    assert attempts("anybody{0}@example.org", 3, **behind)[-1], "nor what was said before the proxy spoke"


# ── devices ──
@pytest.mark.parametrize(
    ("user_agent", "name"),
    [
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/140.0 Safari/537.36", "Chrome · Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 26_0) AppleWebKit/605 Version/26.0 Safari/604.1", "Safari · iPhone"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox · Linux"),
        ("Kakehashi/1 iPhone", "Kakehashi/1 iPhone"),
        ("", ""),
    ],
)
def test_browsers_by_their_names(user_agent: str, name: str) -> None:
    assert devices.name_of(user_agent) == name


def test_the_site_may_remember_a_device_and_change_none(anna: Any, as_site: None) -> None:
    now = timezone.now()
    assert [devices.is_new(user_id=anna.pk, mark=mark, now=now) for mark in ("a", "b", "b")] == [False, True, False]
    with pytest.raises(ProgrammingError), transaction.atomic():
        devices.Device.objects.update(fingerprint=b"x")
