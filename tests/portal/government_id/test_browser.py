"""The pages in a real browser: in both languages, on a phone and wide, nothing that axe finds."""

import os
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.portal.government_id.conftest import person, sign_in  # noqa: F401  # a fixture
from tests.portal.web.test_browser import AXE, look

SHOTS = os.environ.get("SHOTS")  # a folder, to look at the pages


@pytest.fixture
def cookies(transactional_db: None, person, live_server: Any) -> list[Any]:  # noqa: F811
    client = sign_in(person().email)
    return [{"name": name, "value": one.value, "url": live_server.url} for name, one in client.cookies.items()]


def test_pages_in_a_browser(cookies, liar, live_server: Any, chromium: Browser) -> None:
    wrong = []
    axe = Path(AXE).read_text()
    for width, scheme, language in ((390, "light", "ja"), (1280, "dark", "en")):
        for who, paths in (
            ([], ["/account/login/", "/account/identity/login_gov/"]),
            (cookies, ["/account/security", "/account/identity/", "/account/identity/login_gov/"]),
        ):
            context = chromium.new_context(
                viewport={"width": width, "height": 844}, color_scheme=scheme, locale=language
            )
            context.add_cookies(who)
            for path in [f"/{language}{path}" for path in paths] + ["/account/identity/login_gov/callback"]:
                page = context.new_page()
                wrong += [one for one in look(page, live_server.url + path, axe) if "400 (Bad Request)" not in one]
                if SHOTS:
                    name = f"{language}-{width}-{'in' if who else 'out'}{path.replace('/', '_')}.png"
                    page.screenshot(path=str(Path(SHOTS) / name), full_page=True)
                page.close()
            context.close()
    assert wrong == [], "\n".join(wrong)
