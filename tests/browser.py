"""What a hand at a browser does."""

from playwright.sync_api import Page


def follow(page: Page, what: str) -> None:
    """Press what leads on to a page, and be there once it is whole and its scripts have begun.

    A click by itself comes back as soon as the first bytes of the next page are there: what is read, counted or pressed
    then may not be yet.
    """
    with page.expect_navigation():
        page.click(what)
