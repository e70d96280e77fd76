"""The pages in a real browser: the content policy holds, nothing is cut off on a telephone, axe finds no barrier."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from playwright.sync_api import Page

from fund.governance import audit, config
from tests.portal.officers.conftest import sign_in

AXE = Path(__file__).parents[3] / "node_modules/axe-core/axe.min.js"
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def addresses(american, japanese) -> list[str]:
    now = timezone.now()
    proposal = config.propose(
        key="cap.citizen",
        value={"USD": 12_500_000, "JPY": 15_000_000},
        effective_from=now + timedelta(days=30),
        officer=american,
        now=now,
        reason="The yearly review.",
    )
    audit.seal(log=audit.AUDIT, now=now)
    return [
        "/officers/",
        "/officers/fund/proposal/",
        f"/officers/fund/proposal/{proposal.pk}/",
        "/officers/fund/setting/",
        "/officers/fund/setting/cap.citizen/",
        "/officers/fund/act/",
        "/officers/fund/offering/",
        "/officers/fund/outage/",
        "/officers/fund/nav/",
        "/officers/fund/bankfile/",
        "/officers/fund/note/",
        "/officers/investors/application/",
        "/officers/investors/duplicatecase/",
    ]


def barriers(page: Page) -> list[str]:
    found: list[dict[str, Any]] = page.evaluate("async () => (await axe.run()).violations")
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found]


@pytest.mark.parametrize("language", ["en", "ja"])
@pytest.mark.parametrize("width", [1280, 390])
def test_pages_in_a_browser(chromium, live_server, japanese, addresses, width, language):
    session = sign_in(japanese.user).cookies["session"].value
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme="light")
    context.add_cookies([{"name": "session", "value": session, "url": live_server.url}])
    page = context.new_page()
    faults: list[str] = []
    page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
    for address in addresses:
        page.goto(f"{live_server.url}/{language}{address}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            faults.append(f"{address} is wider than the screen")
        page.evaluate(AXE.read_text())
        faults += [f"{address} {barrier}" for barrier in barriers(page)]
    context.close()
    assert faults == []


def test_a_planted_barrier_is_found(chromium):
    """Negative control."""
    page = chromium.new_page()
    page.set_content("<html><body><img src='data:,'><button></button></body></html>")
    page.evaluate(AXE.read_text())
    assert {one.partition(":")[0] for one in barriers(page)} >= {"image-alt", "button-name", "html-has-lang"}
    page.close()


def test_a_key_is_turned_in_a_browser(chromium, live_server, japanese, addresses):
    session = sign_in(japanese.user).cookies["session"].value
    context = chromium.new_context()
    context.add_cookies([{"name": "session", "value": session, "url": live_server.url}])
    page = context.new_page()
    page.goto(f"{live_server.url}/en{addresses[2]}")
    page.get_by_role("button", name="Turn my key").click()
    assert page.get_by_role("status").inner_text() == "You have turned the second key. It takes effect now."
    context.close()
