"""The docs page in a real browser, under the content security policy of the site."""

import pytest
from django.test import override_settings
from playwright.sync_api import Browser

from tests.portal.api.test_schema import DOCUMENT


@pytest.mark.django_db(transaction=True)
def test_the_docs_page_shows_every_operation_and_breaks_no_policy(live_server, chromium: Browser):
    said: list[str] = []
    with override_settings(ALLOWED_HOSTS=["*"]):
        page = chromium.new_page()
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{live_server.url}/api/v1/docs")
        page.wait_for_selector(".opblock", timeout=20_000)
        shown = page.locator(".opblock").count()
        page.close()
    assert said == []
    assert shown == sum(map(len, DOCUMENT["paths"].values())) + len(DOCUMENT["webhooks"])
