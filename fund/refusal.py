"""How a room says no: one sentence for the person who meets it, and a stable code for programs."""

from typing import Any


class Refusal(Exception):
    """A request is refused and nothing was changed. ``code`` is stable; ``facts`` are figures for the message."""

    code = "refused"

    def __init__(self, message: Any, *, code: str | None = None, **facts: Any) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.facts = facts

    def __str__(self) -> str:
        return str(self.message)
