"""A citizen at a browser: everything by clicking and typing, as the pages ask."""

import base64
import email
import json
import re
import time
from datetime import UTC, datetime
from email.policy import default as modern
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Page, expect

from investors.steps import Known, papers
from investors.steps.papers import Kind
from portal.demonstration import specimens
from tests.browser import follow
from tests.demo import wait_for

PASSWORD = "correct-horse-battery-staple-47"
CODE = re.compile(r"^([0-9A-Z]{4}-[0-9A-Z]{4})$", re.MULTILINE)


class Mailbox:
    """The files that the demonstration writes instead of sending mail."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def messages(self, to: str) -> list[str]:
        """The texts of all mails to an address, oldest first."""
        found = []
        for path in sorted(self.folder.glob("*"), key=lambda one: one.stat().st_mtime_ns):
            for raw in path.read_bytes().split(b"\n" + b"-" * 79 + b"\n"):
                message = email.message_from_bytes(raw.lstrip(), policy=modern)
                if to in str(message["To"]):
                    found.append(f"{message['Subject']}\n{message.get_content()}")
        return found

    def code(self, to: str) -> str:
        """The newest code that was mailed to an address."""
        wait_for(f"a code for {to}", lambda: any(CODE.search(text) for text in self.messages(to)), 30)
        return CODE.findall(next(text for text in reversed(self.messages(to)) if CODE.search(text)))[-1]


class Citizen:
    """One person, one browser page, one language."""

    def __init__(self, page: Page, base: str, mailbox: Mailbox, *, address: str, language: str) -> None:
        self.page, self.mailbox, self.address, self.language = page, mailbox, address, language
        self.base = f"{base}/{language}"

    def sign_up(self) -> None:
        page = self.page
        page.goto(f"{self.base}/account/signup/")
        page.fill("form:has([name=password1]) [name=email]", self.address)
        page.fill("[name=password1]", PASSWORD)
        page.fill("[name=password2]", PASSWORD)
        follow(page, "form:has([name=password1]) button[type=submit]")
        page.fill("[name=code]", self.mailbox.code(self.address))
        follow(page, "main form button[type=submit]")
        page.wait_for_url(re.compile("/account/2fa/$"))
        self.set_up_authenticator()

    def set_up_authenticator(self) -> None:
        """A second factor, as the pages ask for it after signing up."""
        page = self.page
        page.goto(f"{self.base}/account/2fa/totp/activate/")
        self.secret = page.locator("#authenticator_secret").inner_text()
        page.fill("[name=code]", self.code())
        follow(page, "main form button[type=submit]")
        page.wait_for_url(re.compile("/account/2fa/recovery-codes/"))

    def code(self) -> str:
        """What the authenticator app shows now."""
        generator = TOTP(base64.b32decode(self.secret), 6, SHA1(), 30)  # nosec
        return generator.generate(int(time.time())).decode()

    def apply(self, answers: dict[str, dict[str, Any]]) -> None:
        """Fill every step of the application, then hand it in."""
        for step, given in answers.items():
            self.page.goto(f"{self.base}/join/{step}")
            for name, value in given.items():
                self.answer(name, value)
            follow(self.page, "main form button[type=submit]")
            expect(self.page, f"{step} was saved").not_to_have_url(re.compile(f"/join/{step}$"))
        for kind in papers.needed(Known(datetime.now(UTC), answers)):
            self.give(kind)
        self.page.goto(f"{self.base}/join/")
        follow(self.page, "form[action$='/join/submit'] button")

    def give(self, kind: Kind) -> None:
        """A picture of a document, chosen as a file."""
        page, paper = self.page, f"#paper-{kind}"
        page.goto(f"{self.base}/join/documents")
        file = {"name": "IMG_0001.JPG", "mimeType": "image/jpeg", "buffer": specimens.picture(kind, self.address)}
        page.set_input_files(f"#file-{kind}", file)
        follow(page, f"{paper} button:not([name])")
        expect(page.locator(f"{paper}.k-paper--here"), f"{kind} was saved").to_be_visible()

    def answer(self, name: str, value: Any) -> None:
        """One question, whatever kind of field it is."""
        field = self.page.locator(f"[name={name}]").first
        kind = field.evaluate("field => field.type")
        if kind in ("radio", "checkbox"):
            for one in value if isinstance(value, list) else [value]:
                self.page.locator(f"[name={name}][value={json.dumps(one)}]").check(force=True)
        elif kind.startswith("select"):
            field.select_option(value)
        else:
            field.fill(value)

    def subscribe(self, offering: str, amount: str) -> str:
        """Order an amount as typed; returns the reference."""
        page = self.page
        page.goto(f"{self.base}/account/subscribe/{offering}")
        page.fill("[name=amount]", amount)
        follow(page, "main form button[type=submit]")
        for box in page.locator("[name=accepts]").all():
            box.check(force=True)
        follow(page, "main form button[type=submit]")
        page.locator("main form [name=key]").wait_for(state="attached")
        follow(page, "main form button[type=submit]")
        page.wait_for_url(re.compile("/account/orders/RF"))
        return page.url.rsplit("/", 1)[1]

    def read(self, path: str) -> str:
        """What a page of theirs says."""
        self.page.goto(f"{self.base}{path}")
        return self.page.locator("main").inner_text()

    def wait_to_read(self, path: str, text: str, patience: float = 60) -> str:
        """Reload a page of theirs until it says something."""
        deadline = time.monotonic() + patience
        while text not in (said := self.read(path)):
            assert time.monotonic() < deadline, f"{path} never said {text!r}, but: {said}"
            time.sleep(0.5)
        return said
