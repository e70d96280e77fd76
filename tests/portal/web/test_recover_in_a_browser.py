"""The way back in a real browser: a passkey made by a virtual authenticator, and every page as it is seen."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP
from django.core.cache import cache
from django.test import Client
from django.utils import timezone
from playwright.sync_api import Browser, BrowserContext

from investors import people, recovery
from investors.recovery import RecoveryCase, Statement
from tests.browser import follow
from tests.portal.officers.conftest import SECRET, make_officer, make_user, sign_in
from tests.portal.web.test_browser import AXE, VIEWS, look
from tests.portal.web.test_recover import SAID, proved, to_the_code

__all__ = ["make_officer"]  # a fixture


@pytest.fixture(autouse=True)
def _clock(settings) -> None:
    """The real clock, which the authenticator has as well."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    cache.clear()


def cookies(client: Client, address: str) -> list[Any]:
    return [{"name": name, "value": one.value, "url": address} for name, one in client.cookies.items()]


@pytest.fixture
def visitors(transactional_db, live_server, make_officer) -> dict[str, Any]:
    """Browsers of four people who stand at different places of the way, and the cases of two of them."""
    first, second = make_officer("JP"), make_officer("US", authenticator=False)
    found: dict[str, Any] = {}
    for name in ("coding", "stating", "waiting", "passkey", "app"):
        user = make_user(f"{name}@example.org")
        TOTP.activate(user, SECRET)
        RecoveryCodes.activate(user)
        case = None
        if name in ("waiting", "passkey", "app"):
            before = timezone.now() - timedelta(minutes=1)
            investor = people.register(user=user, now=before)
            case = recovery.open_case(investor=investor, statement=Statement(**SAID), now=before)
            if name != "waiting":
                recovery.reprove(case_id=case.pk, officer=first, shown="passport", now=before)
                recovery.approve(case_id=case.pk, officer=second, reason="agrees", now=before)
        client = Client()
        if name == "coding":
            to_the_code(client, user.email)
        else:
            client = proved(user.email)
        found[name] = cookies(client, live_server.url)
        if name == "waiting":
            found["owner"] = cookies(sign_in(user), live_server.url)
            found["case"] = case.pk
        cache.clear()
    found["officer"] = cookies(sign_in(first.user), live_server.url)
    return found


def with_key(browser: Browser, given: list[Any]) -> BrowserContext:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    context.add_cookies(given)
    return context


def test_a_new_passkey_takes_the_place_of_what_was_lost(visitors, live_server, chromium: Browser) -> None:
    context = with_key(chromium, visitors["passkey"])
    page = context.new_page()
    devices = context.new_cdp_session(page)
    devices.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasResidentKey": True, "hasUserVerification": True}
    key = {**options, "isUserVerified": True, "automaticPresenceSimulation": True}
    devices.send("WebAuthn.addVirtualAuthenticator", {"options": key})
    page.goto(f"{live_server.url}/en/account/recover/")
    follow(page, "text=Set up a passkey instead")  # the button is there before its script
    page.click("#make_passkey")
    page.wait_for_url("**/account/login/")
    assert "Your account is recovered" in page.inner_text("main")
    page.goto(f"{live_server.url}/en/account/security")
    assert "/account/login/" in page.url, "nobody was signed in by it"
    page.click("#passkey_login")
    page.wait_for_url("**/account/security")
    context.close()


def test_pages_in_a_browser(visitors, live_server, chromium: Browser) -> None:
    wrong = []
    axe = Path(AXE).read_text()
    for width, scheme, language in VIEWS:
        for who, path in (
            ("", "/account/recover/"),
            ("", "/account/recover/stop"),
            ("coding", "/account/recover/"),
            ("stating", "/account/recover/"),
            ("waiting", "/account/recover/"),
            ("app", "/account/recover/"),
            ("app", "/account/recover/passkey"),
            ("owner", "/account/security"),
            ("officer", f"/officers/investors/recoverycase/{visitors['case']}/"),
        ):
            context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
            context.add_cookies(visitors.get(who, []))
            page = context.new_page()
            press = "button.button--quiet" if who == "officer" else ""
            wrong += look(page, f"{live_server.url}/{language}{path}", axe, who=who, press=press)
            context.close()
    assert wrong == [], "\n".join(wrong)
    assert RecoveryCase.objects.count() == 3
