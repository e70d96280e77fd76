"""From signing up to the receipt of an order: with nothing but a keyboard, under axe; and without a script."""

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from playwright.sync_api import Browser, Page

from fund.governance.officers import Officer
from investors import judging
from investors.applications import Application
from investors.steps import Known, papers
from portal.demonstration import specimens
from tests.browser import barriers
from tests.investors.conftest import american, japanese
from tests.journeys.citizen import CODE, PASSWORD, Citizen
from tests.portal.web import stage
from tests.portal.web.stage import NOW
from tests.portal.web.test_browser import AXE, keys

__all__ = ["keys"]  # a fixture
ADDRESS = "keys@example.org"
OFFERING = "US-2026-2"
MOST = 60  # presses of Tab from one thing to the next

# What has the focus is seen to have it: a line around it, or around what stands for it.
SEEN = """() => {
    const here = document.activeElement
    const lined = (one, part) => getComputedStyle(one, part).outlineStyle !== 'none'
    const near = [here, here.nextElementSibling, here.parentElement]
    return near.some(one => one && (lined(one) || lined(one, '::before')))
}"""


class Keys(Citizen):
    """Presses keys, and does nothing else; a picture is the one thing that a file chooser gives."""

    def to(self, what: str) -> None:
        """Tab on until something has the focus. From the top of a page the skip link goes past its head."""
        press = self.page.keyboard.press
        if self.page.evaluate("document.activeElement === document.body"):
            press("Tab")
            press("Enter")
        for _press in range(MOST):
            press("Tab")
            if self.page.evaluate("what => document.activeElement.matches(what)", what):
                assert self.page.evaluate(SEEN), f"nobody sees that {what} has the focus"
                return
        raise AssertionError(f"no way to {what} on {self.page.url}")

    def enter(self, what: str) -> None:
        """Go to a link or a button and press it; the page that it leads to."""
        self.to(what)
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def write(self, what: str, text: str) -> None:
        self.to(what)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.type(text)

    def answer(self, name: str, value: Any) -> None:
        field, press = f"[name={name}]", self.page.keyboard.press
        kind = self.page.locator(field).first.evaluate("one => one.type")
        match kind:
            case "checkbox":
                for one in value if isinstance(value, list) else [None] * (value == "true"):
                    self.to(field if one is None else f'{field}[value="{one}"]')
                    press("Space")
            case "radio":
                self.to(field)
                press("Space")
                for _press in range(20):
                    if self.page.evaluate("document.activeElement.value") == value:
                        return
                    press("ArrowDown")
                raise AssertionError(f"{name} has no {value}")
            case "select-one" | "select-multiple":
                self.to(field)
                (one,) = value if isinstance(value, list) else [value]
                self.page.keyboard.type(self.page.locator(f'{field} option[value="{one}"]').inner_text())
            case "date":
                year, month, day = value.split("-")
                self.to(field)
                self.page.keyboard.type(f"{month}{day}{year}")
            case _:
                self.write(field, str(value))

    def sign_up(self) -> None:
        self.page.goto(f"{self.base}/account/signup/")
        form = "form:has([name=password1])"
        self.write(f"{form} [name=email]", self.address)
        self.write("[name=password1]", PASSWORD)
        self.write("[name=password2]", PASSWORD)
        self.enter(f"{form} button[type=submit]")
        self.write("[name=code]", CODE.findall(str(mail.outbox[-1].body))[-1])
        self.enter("main form button[type=submit]")
        self.enter("a[href$='/totp/activate/']")
        self.secret = self.page.locator("#authenticator_secret").inner_text()
        self.write("[name=code]", self.code())
        self.enter("main form button[type=submit]")

    def apply(self, answers: dict[str, dict[str, Any]]) -> None:
        self.page.goto(f"{self.base}/join/")
        self.enter("main a.usa-button")
        while found := re.search(r"/join/(\w+)", self.page.url):
            if found[1] == "documents":
                self.give_all(answers)
            else:
                for name, value in answers[found[1]].items():
                    self.answer(name, value)
                self.enter("main form button[type=submit]:not([name])")
            assert f"/join/{found[1]}" not in self.page.url, self.page.locator("main").inner_text()
        self.enter("form[action$='/join/submit'] button")

    def give_all(self, answers: dict[str, dict[str, Any]]) -> None:
        for kind in papers.needed(Known(datetime.now(UTC), answers)):
            picture = {"name": "1.JPG", "mimeType": "image/jpeg", "buffer": specimens.picture(kind, self.address)}
            self.to(f"#file-{kind}")
            self.choose(picture)
            self.enter(f"#paper-{kind} button:not([name])")
        self.enter("main .k-actions a.usa-button:not([type])")

    def choose(self, picture: Any) -> None:
        """Open the file chooser; where the machine is busy the key is pressed again, as anybody would.

        One pair of ears for all presses: a chooser that opens late, after the key was pressed again, is heard as well.
        """
        choosers: list[Any] = []
        self.page.once("filechooser", lambda chooser: choosers.append(chooser))
        for _press in range(5):
            self.page.keyboard.press("Enter")
            for _look in range(50):
                if choosers:
                    choosers[0].set_files(picture)
                    return
                self.page.wait_for_timeout(100)
        raise AssertionError(f"no file chooser opens on {self.page.url}")

    def order(self, look: Any) -> None:
        self.page.goto(f"{self.base}/account/")
        self.enter(f"a[href$='/offerings/{OFFERING}']")
        self.enter(f"a[href$='/subscribe/{OFFERING}']")
        look(self.page)
        self.write("[name=amount]", "500")
        self.enter("main form button[type=submit]")
        look(self.page)
        for box in self.page.locator("[name=accepts]").all():
            self.to(f"#{box.get_attribute('id')}")
            self.page.keyboard.press("Space")
        self.enter("main form button[type=submit]")
        look(self.page)
        self.enter("main form button[type=submit]")
        look(self.page)


class Mails:
    """The mails of the tests, as the journeys read those of the demonstration."""

    def code(self, to: str) -> str:
        (text,) = [str(one.body) for one in mail.outbox if to in one.to]
        return CODE.findall(text)[-1]


def beside(work: Any) -> Any:
    """Something in the database while a browser runs."""

    def closing() -> Any:
        try:
            return work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(closing).result()


def approve(officer: Officer) -> None:
    application = Application.objects.get(investor__user__email=ADDRESS)
    judging.assess(application_id=application.pk, now=NOW)
    judging.decide(application_id=application.pk, officer=officer, outcome="approved", now=NOW)


@pytest.fixture
def offered(keys: tuple[Officer, Officer], settings: Any) -> Officer:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MAILERS = {"default": {"BACKEND": "django.core.mail.backends.locmem.EmailBackend"}}
    for code in (OFFERING, OFFERING.replace("US", "JP")):
        stage.opened(stage.announce(code, opens=NOW - timedelta(days=2), closes=NOW + timedelta(days=9)), keys)
    return keys[0]


def test_from_signing_up_to_the_receipt(offered: Officer, live_server: Any, chromium: Browser) -> None:
    context = chromium.new_context(locale="en-US", viewport={"width": 1280, "height": 900})
    page = context.new_page()
    page.set_default_timeout(15_000)
    complaints: list[str] = []
    page.on("console", lambda said: complaints.append(said.text) if said.type in ("error", "warning") else None)
    axe = Path(AXE).read_text()

    def look(page: Page) -> None:
        assert [one["id"] for one in barriers(page, axe)] == [], page.url

    citizen = Keys(page, live_server.url, None, address=ADDRESS, language="en")  # type: ignore[arg-type]
    citizen.sign_up()
    citizen.apply(american())
    beside(lambda: approve(offered))
    citizen.order(look)
    said = page.locator("main").inner_text()
    assert "Your order has been placed." in said
    assert re.search(r"RF\d{2}", said) and "Pay by bank transfer" in said
    assert complaints == []
    context.close()


@pytest.mark.parametrize(
    ("language", "answers", "order", "told"),
    [
        ("en", american(), (OFFERING, "500"), "Pay by bank transfer"),
        ("ja", japanese(), (OFFERING.replace("US", "JP"), "２０万円"), "銀行振込でのお支払い"),
    ],
)
def test_from_signing_up_to_the_receipt_without_a_script(
    offered: Officer,
    live_server: Any,
    chromium: Browser,
    language: str,
    answers: Any,
    order: tuple[str, str],
    told: str,
) -> None:
    context = chromium.new_context(java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.set_default_timeout(15_000)
    citizen = Citizen(page, live_server.url, Mails(), address=ADDRESS, language=language)  # type: ignore[arg-type]
    citizen.sign_up()
    citizen.apply(answers)
    beside(lambda: approve(offered))
    reference = citizen.subscribe(*order)
    said = citizen.read(f"/account/orders/{reference}")
    assert reference in said
    assert told in said
    context.close()
