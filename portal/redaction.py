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
BEFORE = r"(?<![0-9a-fA-F-])"  # not inside an id or a fingerprint
BETWEEN = r"[-‐‑–—−ー－\s]?"
ENCODED = r"%EF%BC%9\d(?:-|\+|%20|%EF%BC%8D|%E3%80%80)?"  # a full-width digit in an address, and what may follow it
# The password in an address of a database, queue or mail server; private keys; nine- and twelve-digit identity numbers,
# with digits of either width and however they are grouped; e-mail addresses.
SECRET_TEXTS = [
    (re.compile(r"(://[^\s:/@]*:)[^\s@]+(@)"), rf"\g<1>{HIDDEN}\g<2>"),
    (re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL), HIDDEN),
    (re.compile(rf"{BEFORE}(\d{{3}}{BETWEEN}\d{{2}}{BETWEEN}\d{{4}}|(\d{{4}}{BETWEEN}){{2}}\d{{4}})(?![\w-])"), HIDDEN),
    (re.compile(rf"({ENCODED}){{9,12}}", re.IGNORECASE), HIDDEN),
    (re.compile(r"\b[\w.+-]+@[\w-]+\.[\w.-]+\b"), HIDDEN),
]


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: hides values by their name and by their look, and the query of a request's address."""
    if "request" in event:
        event["request"] = str(event["request"]).partition("?")[0]
    for name, value in event.items():
        event[name] = HIDDEN if SECRET_NAMES.search(name) else _hide(value)
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
        case bool() | int() | float() | None:
            return value
        case _ if value.__class__.__module__.startswith("structlog"):
            return value
        case _:
            return _hide(repr(value))
