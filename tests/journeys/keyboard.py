"""A person without a mouse: goes from one control to the next, and never where the focus cannot be seen."""

from playwright.sync_api import Page

FAR = 120  # presses of Tab after which somebody has given up

SEEN = """
    element => {
        const box = element.getBoundingClientRect(), style = getComputedStyle(element);
        const outlined = style.outlineStyle !== 'none' || style.boxShadow !== 'none';
        return box.width > 0 && box.height > 0 && (outlined || element.matches('[type=radio], [type=checkbox]'));
    }
"""


class Keyboard:
    """Hands on the keyboard of a page."""

    def __init__(self, page: Page) -> None:
        self.page = page

    def to(self, selector: str) -> None:
        """Tab until a control has the focus; it must be visible that it has."""
        for _press in range(FAR):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("selector => document.activeElement.matches(selector)", selector):
                focused = self.page.evaluate_handle("document.activeElement")
                assert self.page.evaluate(SEEN, focused), f"the focus on {selector} cannot be seen"
                return
        raise AssertionError(f"{selector} cannot be reached by {FAR} presses of Tab")

    def choose(self, name: str, value: str) -> None:
        """A radio button of a group: Tab enters the group, Space takes the first, the arrows the others."""
        self.to(f"input[name={name}]")
        self.page.keyboard.press("Space")
        for _arrow in range(10):
            if self.page.evaluate("document.activeElement.value") == value:
                return
            self.page.keyboard.press("ArrowDown")
        raise AssertionError(f"{name} has no {value}")

    def submit(self, act: str) -> None:
        """The button of the form that posts to an act."""
        self.to(f"form[action$='/{act}/'] button[type=submit]")
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def review(self, outcome: str, reason: str = "") -> None:
        """Read the application that is open, for a purpose, and decide on it."""
        self.choose("purpose", "review")
        self.submit("read")
        self.choose("outcome", outcome)
        if reason:
            self.to(f"input[name=reasons][value={reason}]")
            if not self.page.evaluate("document.activeElement.checked"):
                self.page.keyboard.press("Space")
        self.submit("decide")
