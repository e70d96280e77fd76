"""How a room says no: one sentence for the person who meets it, and a stable code for programs."""

from collections.abc import Callable
from typing import Any


class Refusal(Exception):
    """A request is refused and nothing was changed. ``code`` is stable; ``facts`` are figures for the message.

    ``amounts`` stand in the message by name (``%(amount)s``) and are written as the reader writes ``Money``.
    """

    code = "refused"

    def __init__(
        self, message: Any, *, code: str | None = None, amounts: dict[str, Any] | None = None, **facts: Any
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.amounts = amounts
        self.facts = facts

    def worded(self, write: Callable[[Any], str]) -> str:
        """The sentence with its amounts as ``write`` writes them."""
        if not self.amounts:
            return str(self.message)
        return str(self.message) % {name: write(amount) for name, amount in self.amounts.items()}

    def __str__(self) -> str:
        return self.worded(str)
