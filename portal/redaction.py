"""What a log line never shows, whoever wrote it."""

import re
from collections.abc import MutableMapping
from typing import Any

HIDDEN = "[hidden]"

SECRET_NAMES = re.compile(
    r"passw|secret|token|private_?key|assertion|verifier|authorization|cookie|session_?key|api_?key|vault|credential|otp|recovery"
    r"|\bssn\b|my_?number|account_?number|(^|_)(e_?mail|birth|iban)",
    re.IGNORECASE,
)
# The password in an address of a database, queue or mail server; private keys; nine- and twelve-digit numbers.
SECRET_TEXTS = [
    (re.compile(r"(://[^\s:/@]*:)[^\s@]+(@)"), rf"\g<1>{HIDDEN}\g<2>"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), HIDDEN),
    (re.compile(r"(?<![\w-])(\d{3}-\d{2}-\d{4}|\d{4}[- ]?\d{4}[- ]?\d{4})(?![\w-])"), HIDDEN),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b"), HIDDEN),
]


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hides values by their name and by their look, and the query of a request's address."""
    for name, value in event.items():
        event[name] = HIDDEN if SECRET_NAMES.search(name) else _hide(value)
    if "request" in event:  # its address as text, or, from Django's own log, the request itself
        event["request"] = str(event["request"]).partition("?")[0]
    return event


def _hide(value: Any) -> Any:
    match value:
        case str():
            for pattern, replacement in SECRET_TEXTS:
                value = pattern.sub(replacement, value)
            return value
        case dict():
            return {key: HIDDEN if SECRET_NAMES.search(str(key)) else _hide(inner) for key, inner in value.items()}
        case list() | tuple():
            return [_hide(inner) for inner in value]
        case _:
            return value
