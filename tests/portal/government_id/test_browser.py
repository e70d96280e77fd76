"""The pages in a real browser: in both languages, on a phone and wide, nothing that axe finds."""

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.portal.government_id.conftest import person, sign_in  # noqa: F401  # a fixture
from tests.portal.web.test_browser import AXE, VIEWS, look


@pytest.fixture
def cookies(transactional_db: None, person, live_server: Any) -> list[Any]:  # noqa: F811
    client = sign_in(person().email)
    return [{"name": name, "value": one.value, "url": live_server.url} for name, one in client.cookies.items()]


def test_pages_in_a_browser(cookies, liar, live_server: Any, chromium: Browser) -> None:
    wrong = []
    axe = Path(AXE).read_text()
    for width, scheme, language in VIEWS:
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
                found = look(page, live_server.url + path, axe, who=f"{language}-{'in' if who else 'out'}")
                wrong += [one for one in found if "400 (Bad Request)" not in one]
                page.close()
            context.close()
    assert wrong == [], "\n".join(wrong)
