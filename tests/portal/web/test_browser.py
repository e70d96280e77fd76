"""A real browser: nothing the policy blocks, nothing wider than a phone, nothing that axe finds, light and dark."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page

from fund.governance.officers import Officer
from fund.ledger import accounts
from fund.units import open_classes
from investors.people import Investor
from tests.portal.web import stage
from tests.portal.web.conftest import Stage, current, everything, hanako

__all__ = ["current", "everything", "hanako"]

AXE = stage.ROOT / "node_modules/axe-core/axe.min.js"
PUBLIC = [
    "/",
    "/fund/nav?class=JP",
    "/fund/portfolio",
    "/fund/leverage",
    "/fund/returns",
    "/fund/ownership?at=2026-10-31",
    "/offerings/JP-2026-2",
    "/offerings/JP-2026-1/allotment",
    "/account/signup/",
    "/account/login/",
    "/nowhere",
]
OWN = [
    "/account/",
    "/account/holdings",
    "/account/subscribe/JP-2026-2",
    "/account/inbox",
    "/account/bank-account",
    "/account/security/webhooks",
    "/account/profile",
    "/account/2fa/",
]


@pytest.fixture
def keys(transactional_db: None) -> tuple[Officer, Officer]:
    open_classes()
    accounts.open_chart()
    stage.open_fund()
    return stage.officers()


def session(investor: Investor, address: str) -> list[Any]:
    client = Client()
    client.force_login(investor.user)
    return [{"name": name, "value": cookie.value, "url": address} for name, cookie in client.cookies.items()]


def look(page: Page, address: str, axe: str) -> list[str]:
    """Everything that is wrong with one page as the browser shows it."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.goto(address)
    if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
        heard.append("wider than the window")
    page.evaluate(axe)
    found = page.evaluate("axe.run()")
    assert found["passes"], "axe has looked"
    heard += [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]
    return [f"{address}: {one}" for one in heard if "404 (Not Found)" not in one]


def test_pages_in_a_browser(everything: Stage, live_server: Any, chromium: Browser) -> None:
    wrong = []
    axe = Path(AXE).read_text()
    for width, scheme, language in ((390, "dark", "ja"), (1280, "light", "en")):
        context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        for path in PUBLIC:
            page = context.new_page()
            wrong += look(page, f"{live_server.url}/{language}{path}", axe)
            page.close()
        context.close()
    assert wrong == [], "\n".join(wrong)


@pytest.fixture
def cookies(everything: Stage, live_server: Any) -> list[Any]:
    """Signed in before the browser starts: beside a running browser the database is not spoken to."""
    return session(everything.hanako, live_server.url)


def test_own_pages_in_a_browser(cookies: list[Any], live_server: Any, chromium: Browser) -> None:
    wrong = []
    axe = Path(AXE).read_text()
    for width, scheme, language in ((390, "light", "ja"), (1280, "dark", "en")):
        context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        context.add_cookies(cookies)
        for path in OWN:
            page = context.new_page()
            wrong += look(page, f"{live_server.url}/{language}{path}", axe)
            page.close()
        context.close()
    assert wrong == [], "\n".join(wrong)


def test_the_order_without_javascript(cookies: list[Any], live_server: Any, chromium: Browser) -> None:
    """From the amount to the payment instructions, with scripts switched off."""
    context = chromium.new_context(java_script_enabled=False)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(f"{live_server.url}/en/offerings/JP-2026-2")
    page.click("aside a.usa-button")
    page.fill("[name=amount]", "２０万円")
    page.click("main form button")
    assert "¥200,000" in page.inner_text("main")
    page.click("main form button")
    assert "Your order has been placed." in page.inner_text("main")
    assert "Pay by bank transfer" in page.inner_text("main")


def test_the_browser_sees_what_it_should(chromium: Browser) -> None:
    """The negative control: a page with faults is found faulty."""
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    bad = "data:text/html,<title>x</title><main><h1>x</h1><img src='x'><div style='width:900px'>wide</div></main>"
    found = "\n".join(look(page, bad, Path(AXE).read_text()))
    assert "wider than the window" in found
    assert "image-alt" in found
    assert "html-has-lang" in found
