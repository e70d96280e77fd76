"""Every page of an application's life in a real browser, in both languages: with axe, and with scripts switched off."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from fund.governance.officers import Officer
from investors import appeals, onboarding, reverification, steps
from investors.people import Investor
from tests.investors.conftest import american
from tests.portal.web import stage
from tests.portal.web.stage import NOW
from tests.portal.web.test_browser import AXE, keys, look, session

__all__ = ["keys"]

STEPS = [f"/join/{code}" for code in steps.STEPS]
# Whose browser looks at which pages; each is answered there itself and leads nowhere else.
PAGES = {
    "new": ["/join/"],
    "draft": ["/join/", *STEPS, "/join/documents"],
    "barred": ["/join/", "/join/citizenship"],
    "waiting": ["/join/"],
    "asked": ["/join/", "/join/identity_document"],
    "refused": ["/join/", "/join/appeal"],
    "appealed": ["/join/"],
    "approved": ["/join/"],
    "again": ["/join/", "/join/citizenship", "/join/documents"],
}


def applicant(name: str, number: int, *, sent: bool = True) -> Investor:
    """Somebody who is like nobody else; with a whole draft, handed in and judged if ``sent``."""
    person = stage.person(f"{name}@example.org")
    stage.fill(person, american(
        numbers={"ssn": f"536-90-{4400 + number}"}, birth={"birth_date": f"198{number}-01-01"},
        identity_document={"number": f"C0300478{number}"},
    ), now=NOW)  # fmt: skip
    if sent:
        application = onboarding.submit(investor=person, now=NOW)
        onboarding.assess(application_id=application.pk, now=NOW)
    return person


def decided(name: str, number: int, officer: Officer, outcome: str) -> Investor:
    person = applicant(name, number)
    application = onboarding.current(investor=person)
    assert application is not None
    reasons = [] if outcome == "approved" else ["identity_document"]
    onboarding.decide(application_id=application.pk, officer=officer, outcome=outcome, reasons=reasons, now=NOW)
    person.refresh_from_db()
    return person


@pytest.fixture
def cookies(keys: tuple[Officer, Officer], live_server: Any) -> dict[str, list[Any]]:
    """One person at every place of the way, signed in before the browser starts."""
    officer = keys[0]
    barred = stage.person("barred@example.org")
    onboarding.save(investor=barred, step="citizenship", answers={"nations": ["neither"]}, now=NOW)
    again = decided("again", 1, officer, "approved")
    assert again.verified_until
    assert reverification.open_due(now=again.verified_until - timedelta(days=1)) == 1
    appealed = decided("appealed", 2, officer, "refused")
    appeals.file(investor=appealed, words="My passport is valid.", now=NOW)
    people = {
        "new": stage.person("new@example.org"),
        "draft": applicant("draft", 3, sent=False),
        "barred": barred,
        "waiting": applicant("waiting", 4),
        "asked": decided("asked", 5, officer, "more_information"),
        "refused": decided("refused", 6, officer, "refused"),
        "appealed": appealed,
        "approved": decided("approved", 7, officer, "approved"),
        "again": again,
    }
    return {name: session(person, live_server.url) for name, person in people.items()}


def test_every_page_of_the_way(cookies: dict[str, list[Any]], live_server: Any, chromium: Browser) -> None:
    wrong, titles = [], {}
    axe = Path(AXE).read_text()
    for width, scheme, language in ((390, "dark", "ja"), (1280, "light", "en")):
        for name, paths in PAGES.items():
            context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
            context.add_cookies(cookies[name])
            for path in paths:
                page, address = context.new_page(), f"{live_server.url}/{language}{path}"
                wrong += [f"{name}: {one}" for one in look(page, address, axe)]
                if page.url != address:
                    wrong.append(f"{name}: {address} led to {page.url}")
                titles[name, path, language, "scripts"] = page.inner_text("h1")
                page.close()
            context.close()
            context = chromium.new_context(java_script_enabled=False)
            context.add_cookies(cookies[name])
            page = context.new_page()
            for path in paths:
                page.goto(f"{live_server.url}/{language}{path}")
                titles[name, path, language, "none"] = page.inner_text("h1")
                if path not in ("/join/",) and not page.locator("main form button:visible").count():
                    wrong.append(f"{name}: {language}{path} cannot be sent without scripts")
            context.close()
    wrong += [
        f"{name}: {language}{path} is another page without scripts"
        for (name, path, language, scripts), title in titles.items()
        if title != titles[name, path, language, "none"]
    ]
    wrong += [
        f"{name}: {path} is not translated"
        for (name, path, language, scripts), title in titles.items()
        if language == "ja" and title == titles[name, path, "en", scripts]
    ]
    assert wrong == [], "\n".join(wrong)


def test_a_draft_goes_on_elsewhere_without_scripts(
    cookies: dict[str, list[Any]], live_server: Any, chromium: Browser
) -> None:
    """Begun on one device and ended on another; the page that was left open on the first overwrites nothing."""
    devices = []
    for _ in range(2):
        context = chromium.new_context(java_script_enabled=False)
        context.add_cookies(cookies["draft"])
        page = context.new_page()
        page.goto(f"{live_server.url}/en/join/residence")
        devices.append(page)
    first, second = devices
    second.fill("[name=city]", "Albany")
    second.click("main form button")
    assert second.url != f"{live_server.url}/en/join/residence", second.inner_text("main")
    first.fill("[name=city]", "Buffalo")
    first.click("main form button")
    told = first.inner_text("main")
    assert "Saved on another device meanwhile" in told
    assert "Albany" in told, "what the other device saved"
    assert first.input_value("[name=city]") == "Buffalo", "and nothing that was typed is lost"
    second.click("main form button")  # the second device hands it in
    assert "Checked by the rules" in second.inner_text("main")
