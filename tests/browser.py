"""What a hand at a browser does."""

from typing import Any

from playwright.sync_api import Page

# Of what is well only how much there is: to describe each part of a page that is takes longer than to look at it.
LOOK = """axe.run({resultTypes: ["violations"]}).then(
    found => ({passes: found.passes.length, violations: found.violations}))"""


def barriers(page: Page, axe: str) -> list[dict[str, Any]]:
    """What axe, of whose script the text is given, finds wrong with a page."""
    page.evaluate(axe)
    found = page.evaluate(LOOK)
    assert found["passes"], "axe has looked"
    return list(found["violations"])


def follow(page: Page, what: str) -> None:
    """Press what leads on to a page, and be there once it is whole and its scripts have begun.

    A click by itself comes back as soon as the first bytes of the next page are there: what is read, counted or pressed
    then may not be yet.
    """
    with page.expect_navigation():
        page.click(what)
