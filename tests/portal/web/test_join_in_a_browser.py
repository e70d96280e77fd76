"""The journey of an application in a real browser: every page under axe, and a draft on two devices."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from fund.governance.officers import Officer
from investors import appeals, judging, onboarding, reverification, steps
from investors.people import Investor
from tests.browser import follow
from tests.investors.conftest import american, fill
from tests.portal.web import stage
from tests.portal.web.stage import NOW
from tests.portal.web.test_browser import AXE, VIEWS, keys, look, session

__all__ = ["keys"]  # a fixture
DRAFT = ["/join/", *(f"/join/{code}" for code in steps.STEPS)]


def refuse(person: Investor, officer: Officer, reasons: list[str]) -> None:
    pk = stage.submitted(person)
    judging.decide(application_id=pk, officer=officer, outcome="refused", reasons=reasons, now=NOW)


@pytest.fixture
def visitors(keys: tuple[Officer, Officer], live_server: Any) -> dict[str, Any]:
    """Browsers of people who stand at different places of the way, and the pages that each of them looks at."""
    people = {
        name: stage.person(f"{name}@example.org")
        for name in ("drafts", "young", "abroad", "neither", "refused", "appeals", "sent")
    }
    fill(people["drafts"], {code: given for code, given in american().items() if code != "agreements"}, now=NOW)
    for name, step, given in (
        ("young", "birth", {"birth_date": "2010-05-05"}),
        ("abroad", "residence", {"country": "FR"}),
        ("neither", "citizenship", {"nations": ["neither"]}),
    ):
        onboarding.save(investor=people[name], step=step, answers=given, now=NOW)
    refuse(people["refused"], keys[0], ["no_duplicate", "identity_document"])
    numbers = {"ssn": "219-09-9998"}
    fill(people["appeals"], american(numbers=numbers, birth={"birth_date": "1970-01-01"}), now=NOW)
    onboarding.submit(investor=people["appeals"], now=NOW)
    application = onboarding.current(investor=people["appeals"])
    assert application is not None
    judging.assess(application_id=application.pk, now=NOW)
    judging.decide(
        application_id=application.pk, officer=keys[0], outcome="refused", reasons=["contradiction"], now=NOW
    )
    appeals.file(investor=people["appeals"], words="Nothing contradicts.", now=NOW)
    fill(people["sent"], american(numbers={"ssn": "536-90-4401"}, birth={"birth_date": "1971-01-01"}), now=NOW)
    onboarding.submit(investor=people["sent"], now=NOW)
    people["again"] = stage.approved(stage.person("again@example.org", language="ja"), keys[1])
    stage.new_version("terms", 2)
    reverification.open_due(now=people["again"].verified_until or NOW)
    return {name: session(one, live_server.url) for name, one in people.items()}


LOOKED_AT = [
    ("drafts", DRAFT),
    ("young", ["/join/"]),
    ("abroad", ["/join/"]),
    ("neither", ["/join/"]),
    ("refused", ["/join/", "/join/appeal"]),
    ("appeals", ["/join/"]),
    ("sent", ["/join/"]),
    ("again", ["/join/", "/join/agreements", "/documents", "/account/"]),
]


@pytest.mark.parametrize(("width", "scheme", "language"), VIEWS)
def test_every_page_of_the_journey(
    visitors: dict[str, Any], live_server: Any, chromium: Browser, width: int, scheme: Any, language: str
) -> None:
    wrong = []
    axe = Path(AXE).read_text()
    for name, paths in LOOKED_AT:
        context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
        context.add_cookies(visitors[name])
        for path in paths:
            page = context.new_page()
            wrong += look(page, f"{live_server.url}/{language}{path}", axe, who=name)
            page.close()
        context.close()
    assert wrong == [], "\n".join(wrong)


def test_numbers_are_checked_as_typed_and_never_part_of_an_address(
    visitors: dict[str, Any], live_server: Any, chromium: Browser
) -> None:
    context = chromium.new_context()
    context.add_cookies(visitors["drafts"])
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(f"{live_server.url}/en/join/numbers")
    page.locator("[name=ssn]").press_sequentially("078-05-1120")
    message = page.locator("#id_ssn-error")
    expect(message).to_contain_text("This is not a Social Security number.")
    page.fill("[name=ssn]", "536-90-4399")
    page.locator("[name=ssn]").press("Tab")
    expect(message).to_be_empty()
    checks = [url for url in asked if "/check/" in url]
    assert checks
    assert {url.rsplit("/en", 1)[1] for url in checks} == {"/join/numbers/check/ssn"}
    assert [url for url in asked if "1120" in url or "4399" in url] == []
    context.close()


def test_a_draft_open_on_two_devices_without_javascript(
    visitors: dict[str, Any], live_server: Any, chromium: Browser
) -> None:
    """The page left open on the first overwrites nothing; it shows what was saved beside what was typed."""
    devices = []
    for _ in range(2):
        context = chromium.new_context(java_script_enabled=False)
        context.add_cookies(visitors["drafts"])
        page = context.new_page()
        page.goto(f"{live_server.url}/en/join/residence")
        devices.append(page)
    first, second = devices
    for page, city in ((second, "Albany"), (first, "Buffalo")):
        page.fill("[name=city]", city)
        follow(page, "main form button")
    assert second.url != f"{live_server.url}/en/join/residence", second.inner_text("main")
    told = first.inner_text("main")
    assert "Saved on another device meanwhile" in told
    assert "Albany" in told
    assert first.input_value("[name=city]") == "Buffalo"
