"""The docs page in a real browser, under the content security policy of the site."""

from pathlib import Path

import pytest
from django.test import override_settings
from playwright.sync_api import Browser, Page

from portal.local.place import CHECKOUT
from tests.portal.api.test_schema import DOCUMENT

AXE = CHECKOUT / "node_modules/axe-core/axe.min.js"
WIDER = "document.documentElement.scrollWidth > document.documentElement.clientWidth + 1"


def violations(page: Page) -> list[str]:
    page.evaluate(Path(AXE).read_text())
    found = page.evaluate("axe.run()")
    assert found["passes"], "axe has looked"
    return [f"{one['id']}: {one['nodes'][0]['html'][:120]}" for one in found["violations"]]


@pytest.mark.django_db(transaction=True)
def test_the_docs_page_shows_every_operation_and_breaks_no_policy(live_server, chromium: Browser):
    said: list[str] = []
    with override_settings(ALLOWED_HOSTS=["*"]):
        page = chromium.new_page(viewport={"width": 390, "height": 900})
        page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(f"{live_server.url}/api/v1/docs")
        page.wait_for_selector(".opblock", timeout=20_000)
        shown = page.locator(".opblock").count()
        closed = violations(page)
        page.locator("#operations-Subscriptions-subscribe .opblock-summary-control").click()
        page.wait_for_selector("#operations-Subscriptions-subscribe .responses-inner pre")
        example = page.locator("#operations-Subscriptions-subscribe").inner_text()
        opened, wide = violations(page), page.evaluate(WIDER)
        page.close()
    assert said == []
    assert shown == sum(map(len, DOCUMENT["paths"].values())) + len(DOCUMENT["webhooks"])
    assert "RF" in example and "below_minimum" in example
    assert (closed, wide) == ([], False)
    assert [one for one in opened if not one.startswith("heading-order")] == []  # Swagger UI begins it at h4
