"""A real browser: nothing the policy blocks, nothing wider than a phone, nothing that axe finds, light and dark."""

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.urls import Resolver404, resolve
from django.utils import timezone
from playwright.sync_api import Browser, Page

from fund.governance.officers import Officer
from fund.ledger import accounts
from fund.money import Currency, Money
from fund.units import open_classes
from investors.people import Investor
from portal import waiting_room
from portal.store import store
from portal.web.urls import urlpatterns
from tests.browser import barriers, follow
from tests.fund.redemption import redeeming
from tests.portal.web import giving, reading, stage
from tests.portal.web.conftest import Stage, current, everything, hanako
from tests.portal.web.test_plans import plans_of_all_kinds
from tests.portal.web.test_redemptions import redeemed

__all__ = ["current", "everything", "hanako", "plans_of_all_kinds"]

AXE = stage.ROOT / "node_modules/axe-core/axe.min.js"
SHOTS = os.environ.get("SHOTS")  # a folder, to look at the pages
# Each page once at each width and once in each language, and light and dark; with SHOTS in all four pairs.
VIEWS: list[tuple[int, Any, str]] = [(390, "dark", "ja"), (1280, "light", "en")]
if SHOTS:
    VIEWS += [(390, "light", "en"), (1280, "light", "ja")]
PUBLIC = [
    "/",
    "/fund/nav?class=JP",
    "/fund/portfolio",
    "/fund/portfolio/PORT-1",
    "/fund/leverage",
    "/fund/returns",
    "/fund/ownership?at=2026-10-31",
    "/offerings/",
    "/offerings/JP-2026-2",
    "/offerings/JP-2026-1",
    "/offerings/JP-2026-1/allotment",
    "/calendar?month=2026-12",
    "/documents",
    "/documents/terms/1",
    "/help",
    "/glossary",
    "/status",
    "/verify",
    "/verify/document",
    "/account/signup/",
    "/account/login/",
    "/account/password/reset/",
    "/nowhere",
]
OWN = [
    "/account/",
    "/account/orders",
    "/account/plans",
    "/account/holdings",
    "/account/transactions",
    "/account/distributions",
    "/account/redemptions",
    "/account/transfers",
    "/account/documents",
    "/account/subscribe/JP-2026-2",
    "/account/inbox",
    "/account/bank-account",
    "/account/security/webhooks",
    "/account/profile",
    "/account/security",
    "/account/sessions/",
    "/account/2fa/",
    "/account/email/",
    "/account/logout/",
]
# Where else in these tests a browser looks at a page: a step of the application, a lost key, a proof.
ELSEWHERE = {
    "test_join_in_a_browser.py": {"join", "join-step", "join-documents", "join-appeal"},
    "test_recover_in_a_browser.py": {"recover", "recover-passkey", "recover-stop"},
    "test_proofs.py": {"proof", "verify-holding"},
}
# Not pages: files, and addresses that take a form and send on, or answer a script with a piece of a page.
CSV = {"nav", "portfolio", "ownership", "leverage", "stress", "commitments", "facilities", "investment", "returns"}
FILES = {f"{name}-csv" for name in CSV | {"transactions"}}
FILES |= {"transfer-deed-page", "own-document", "join-document", "proof-download", "check-holding-script"}
ACTS = {"join-submit", "join-again", "withdraw", "bank-account-keep", "end-session", "redemption-withdraw"}
ACTS |= {"transfer-code", "transfer-accept", "transfer-decline", "transfer-withdraw", "transfer-deed"}
ACTS |= {"plan-change", "plan-accept", "plan-pause", "plan-go-on", "plan-end"}
ACTS |= {"webhook-ping", "webhook-replay", "webhook-remove", "join-check", "order-state", "demand"}


def test_a_browser_looks_at_every_page() -> None:
    def name(path: str) -> str | None:
        try:
            return resolve(f"/en{path}".partition("?")[0]).url_name
        except Resolver404:
            return None

    looked_at = {name(path) for path in [*PUBLIC, *OWN]} | {"order"}
    known = looked_at.union(*ELSEWHERE.values())
    assert {one.name for one in urlpatterns} - known == FILES | ACTS


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


def look(page: Page, address: str, axe: str, *, who: str = "", press: str = "") -> list[str]:
    """Everything that is wrong with one page as the browser shows it; with SHOTS a picture, once that is pressed."""
    heard: list[str] = []
    page.on("console", lambda message: heard.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: heard.append(f"error: {error}"))
    page.goto(address)
    size = page.viewport_size
    assert size
    for width in (320, 640, size["width"]):  # of 1280 at 400 % and at 200 %; then as it is
        page.set_viewport_size({"width": width, "height": size["height"]})
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            heard.append(f"wider than a window of {width}")
    found = barriers(page, axe)
    if (wide := page.viewport_size) and wide["width"] >= 640:  # the same at 200 %
        page.set_viewport_size({"width": wide["width"] // 2, "height": wide["height"] // 2})
        if page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth"):
            heard.append("wider than the window at 200 %")
    heard += [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]
    if "/ja/" in address:
        heard += [f"in English: {words}" for words in reading.english(page.content())]
    if SHOTS:
        page.set_viewport_size(size)
        if press:
            page.click(press)
        name = re.sub(r"\W+", "-", f"{who}/{address.split('/', 3)[3]}").strip("-")
        page.screenshot(path=f"{SHOTS}/{name}-{size['width']}.png", full_page=True)
    return [f"{address}: {one}" for one in heard if "404 (Not Found)" not in one]


MOVING = """[...document.querySelectorAll("*")].filter(one => {
    const style = getComputedStyle(one)
    return style.scrollBehavior === "smooth" || style.animationName !== "none"
        || style.transitionDuration.split(", ").some(time => parseFloat(time) > 0)
}).length"""


def test_public_pages_in_a_browser(everything: Stage, live_server: Any, chromium: Browser) -> None:
    """At three widths, by axe, without a word in the console and without English left in Japanese."""
    wrong = []
    axe = Path(AXE).read_text()
    for width, scheme, language in VIEWS:
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
    redeemed(everything)
    assert everything.hanako.holder_id  # of another class a request can be placed
    stage.citizen_units(everything.hanako.holder_id, "US", Money(100_000, Currency.USD), 100_000)
    redeeming.opened(code="US-2026-R1", class_code="US", now=stage.NOW)
    other = giving.recipient()  # gifts either way: one has passed on, one waits for its deed, one for an answer
    giving.units_of(other, 5_000)
    giving.approved(giving.accepted(everything.hanako, other), everything.keys)
    giving.offered(everything.hanako, other, class_code="US")
    giving.offered(other, everything.hanako)
    return session(everything.hanako, live_server.url)


@pytest.fixture
def orders(everything: Stage) -> list[str]:
    """The pages of an order that waits for its payment, and of one that has been settled."""
    return [f"/account/orders/{one.reference}" for one in (everything.order, everything.old_order)]


def test_own_pages_in_a_browser(
    cookies: list[Any], plans_of_all_kinds: None, orders: list[str], live_server: Any, chromium: Browser
) -> None:
    wrong = []
    axe = Path(AXE).read_text()
    for width, scheme, language in VIEWS:
        context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        context.add_cookies(cookies)
        for path in [*OWN, *orders]:
            page = context.new_page()
            wrong += look(page, f"{live_server.url}/{language}{path}", axe)
            page.close()
        context.close()
    assert wrong == [], "\n".join(wrong)


def test_a_first_visit_is_light_still_and_asks_nobody_else(
    everything: Stage, live_server: Any, chromium: Browser
) -> None:
    """At most 300 KB for the home page and all it fetches (the test server sends static files as they are: they are
    weighed as the portal sends them); nothing moves for those who want no motion; its words open without a script."""
    for language in ("en", "ja"):
        context = chromium.new_context(reduced_motion="reduce", java_script_enabled=False)
        page = context.new_page()
        sizes: dict[str, int] = {}
        addresses: dict[str, str] = {}
        network = context.new_cdp_session(page)
        network.send("Network.enable")
        network.on(
            "Network.responseReceived",
            lambda told, to=addresses: to.update({told["requestId"]: told["response"]["url"]}),
        )
        network.on(
            "Network.loadingFinished", lambda told, to=sizes: to.update({told["requestId"]: told["encodedDataLength"]})
        )
        page.goto(f"{live_server.url}/{language}/", wait_until="networkidle")
        assert len(addresses) > 4 and all(one.startswith(live_server.url) for one in addresses.values()), addresses
        moved = {
            address: weighed(path)
            if (path := address.removeprefix(live_server.url)).startswith("/static/")
            else sizes[key]
            for key, address in addresses.items()
        }
        assert sum(moved.values()) <= 300_000, moved
        page.click("[popovertarget=term-nav]")
        assert page.is_visible("#term-nav")
        context.close()
    page = chromium.new_page(reduced_motion="reduce")
    page.goto(f"{live_server.url}/en/")
    assert page.evaluate(MOVING) == 0
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(MOVING) > 0, "it is seen what moves"
    page.close()


def weighed(path: str) -> int:
    """Bytes of a static file on the wire."""
    answer = Client(headers={"accept-encoding": "gzip"}).get(path)
    assert answer.status_code == 200
    return len(b"".join(answer) if answer.streaming else answer.content)


def test_the_order_without_javascript(cookies: list[Any], live_server: Any, chromium: Browser) -> None:
    """From the amount to the payment instructions, with scripts switched off."""
    context = chromium.new_context(java_script_enabled=False)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(f"{live_server.url}/en/offerings/JP-2026-2")
    follow(page, "aside a.usa-button")
    page.fill("[name=amount]", "２０万円")
    follow(page, "main form button")
    assert "¥200,000" in page.inner_text("main")
    follow(page, "main form button")
    assert "Review your order" in page.inner_text("main")
    follow(page, "main form button")
    assert "Your order has been placed." in page.inner_text("main")
    assert "Pay by bank transfer" in page.inner_text("main")


def test_a_plan_without_javascript(cookies: list[Any], live_server: Any, chromium: Browser) -> None:
    """Begun, changed and paused with scripts switched off."""
    context = chromium.new_context(java_script_enabled=False)
    context.add_cookies(cookies)
    page = context.new_page()
    page.goto(f"{live_server.url}/en/account/")
    follow(page, "nav a:text-is('Plans')")
    page.fill("main [name=amount]", "５万円")
    page.select_option("main [name=day]", "28")
    follow(page, "main button:text-is('Begin')")
    assert "Your plan has begun." in page.inner_text("main")
    assert "November 28, 2026" in page.inner_text("main")
    page.click("summary:has-text('Change amount or day')")
    page.fill(".k-card [name=amount]", "60,000")
    follow(page, ".k-card button:text-is('Save')")
    assert "¥60,000 a month" in page.inner_text("main")
    follow(page, ".k-card button:has-text('Pause')")
    assert "None while the plan is paused" in page.inner_text("main")
    context.close()


@pytest.fixture
def rush(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Thirty people came to the offering before."""
    settings.WAITING_ROOM_RATE = 5.0
    monkeypatch.setattr(waiting_room, "_away_until", 0.0)
    waiting_room.known.cache_clear()
    store().flushdb()
    for number in range(30):
        waiting_room.place(offering_code="JP-2026-2", user_id=-number, now=stage.NOW)


def test_the_waiting_room_in_a_browser(
    cookies: list[Any], rush: None, live_server: Any, chromium: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is wrong with its page, and at one's turn it goes on by itself, with scripts and without."""
    wrong = []
    here = f"{live_server.url}/{{}}/account/subscribe/JP-2026-2"
    for scripts, width, language in [*((True, width, language) for width, _, language in VIEWS), (False, 390, "en")]:
        context = chromium.new_context(java_script_enabled=scripts, viewport={"width": width, "height": 844})
        context.add_cookies(cookies)
        page = context.new_page()
        monkeypatch.setattr(timezone, "now", lambda: stage.NOW)
        if scripts:
            wrong += look(page, here.format(language), Path(AXE).read_text(), who="waits")
        else:
            page.goto(here.format(language))
        assert page.locator(".k-card--open").is_visible()
        monkeypatch.setattr(timezone, "now", lambda: stage.NOW + timedelta(seconds=6))
        page.locator("[name=amount]").wait_for(timeout=20_000)
        context.close()
    assert wrong == [], "\n".join(wrong)


def test_the_browser_sees_what_it_should(chromium: Browser) -> None:
    """The negative control: a page with faults is found faulty."""
    page = chromium.new_page(viewport={"width": 390, "height": 844})
    bad = "data:text/html,<title>x</title><main><h1>x</h1><img src='x'><div style='width:900px'>wide</div></main>"
    found = "\n".join(look(page, bad, Path(AXE).read_text()))
    assert "wider than a window of 390" in found
    assert "image-alt" in found
    assert "html-has-lang" in found
