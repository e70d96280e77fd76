"""An officer at a browser: signs in with a second factor and works on the officers' desk."""

import base64
import re
import time
from contextlib import nullcontext
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from playwright.sync_api import Page, expect

from tests.browser import follow

PERIOD = 30  # seconds for which a code is valid; none is accepted twice


class Officer:
    """One officer of the demonstration, in the language and time zone of their nation."""

    def __init__(self, page: Page, base: str, *, address: str, login: dict[str, str], language: str) -> None:
        self.page, self.address, self.login = page, address, login
        self.base = f"{base}/{language}/officers"
        self.zone = ZoneInfo("Asia/Tokyo" if language == "ja" else "America/New_York")
        self.spent = 0

    def sign_in(self) -> None:
        self.page.goto(f"{self.base}/")
        self.page.fill("[name=login]", self.address)
        self.page.fill("[name=password]", self.login["password"])
        follow(self.page, "form:has([name=password]) button[type=submit]")
        self.prove()
        expect(self.page).to_have_url(re.compile("/officers/$"))

    def code(self) -> str:
        """A one-time code that was not used yet: the present one, or the next, which is taken as well."""
        period = max(int(time.time()) // PERIOD, self.spent + 1)
        time.sleep(max(0.0, (period - 1) * PERIOD - time.time()))
        self.spent = period
        generator = TOTP(base64.b32decode(self.login["totp"]), 6, SHA1(), PERIOD)  # nosec
        return generator.generate(period * PERIOD).decode()

    def prove(self) -> None:
        """Give the second factor where the page asks for it."""
        if self.page.locator("[name=code]").count():
            self.page.fill("[name=code]", self.code())
            follow(self.page, "main form button[type=submit]")

    def press(self, action: str, *, leads_on: bool = True, **fields: Any) -> None:
        """Fill and send the form that posts to an act; its fields may stand in a closed part of the page.

        It leads on to a page, whole before anything is read there, unless it gives a file.
        """
        form = self.page.locator(f"form[action$='/{action}/']")
        form.evaluate("form => { const part = form.closest('details'); if (part) part.open = true }")
        for name, value in fields.items():
            field = form.locator(f"[name={name}]").first
            kind = field.evaluate("field => field.type")
            if kind in ("radio", "checkbox"):
                form.locator(f"[name={name}][value='{value}']").check()
            elif kind.startswith("select"):
                field.select_option(value)
            elif kind == "file":
                field.set_input_files(value)
            else:
                field.fill(value)
        with self.page.expect_navigation() if leads_on else nullcontext():
            form.locator("button[type=submit]").click()
        self.prove()
        refused = self.page.locator(".wrong, .said--error").all_inner_texts()
        assert not refused, f"{action} is refused: {refused}"

    def go(self, path: str) -> None:
        self.page.goto(f"{self.base}/{path}")

    def approve_application(self, number: int) -> None:
        """Read the answers with a purpose, then decide."""
        self.go(f"investors/application/{number}/")
        self.press("read", purpose="review")
        self.press("decide", outcome="approved")

    def announce(self, *, code: str, class_code: str, closes: datetime, dealing_day: str, **terms: str) -> None:
        self.go("fund/offering/")
        self.press(
            "announce",
            code=code,
            class_code=class_code,
            name_en=f"Offering {code}",
            name_ja=f"募集 {code}",
            summary_en="An offering of the journey.",
            summary_ja="旅の募集です。",
            opens_at=self.local(closes - timedelta(minutes=30)),
            closes_at=self.local(closes),
            pay_by=self.local(closes + timedelta(days=2)),
            dealing_day=dealing_day,
            agreements="pre_contract:1, prospectus:1, terms:1",
            **terms,
        )

    def local(self, instant: datetime) -> str:
        return f"{instant.astimezone(self.zone):%Y-%m-%dT%H:%M}"

    def propose(self, path: str, action: str, **fields: str) -> str:
        """Propose an act from its page; returns the address of the proposal."""
        self.go(path)
        self.press(action, **fields)
        expect(self.page).to_have_url(re.compile("/fund/proposal/"))
        return self.page.url.split("/officers/")[1]

    def turn_key(self, proposal: str) -> None:
        """Read a proposal and sign exactly what is shown."""
        self.go(proposal)
        self.press("sign")
