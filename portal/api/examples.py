"""The examples of the document, in both languages: real answers, which `tests/portal/api/harvest.py` collects."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("examples.json")
# What the border answers before an operation is begun; the description of the API names these once.
BORDER = {
    "bad_request", "duplicate_key", "error", "idempotency_key_missing", "idempotency_key_reused", "invalid",
    "method_not_allowed", "not_a_citizen", "not_a_form", "not_acceptable", "not_an_applicant", "not_authenticated",
    "not_found", "not_json", "second_factor_required", "step_up_required", "still_running", "too_deep", "too_large",
    "too_many_requests", "try_again", "unavailable", "unsupported_media_type",
}  # fmt: skip
NAMES = {"en": "English", "ja": "日本語"}


@cache
def kept() -> dict[str, dict[str, Any]]:
    """``answers`` and ``tables`` by operation and ``problems`` by code, each by language."""
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def of_answer(operation: str) -> dict[str, Any]:
    """What the document shows for an operation that succeeds."""
    told = kept()["answers"].get(operation, {})
    return {NAMES[language]: {"value": value} for language, value in told.items()}


def codes(operation: str) -> list[str]:
    """The codes of problems that an operation was seen to answer beside those of the border."""
    return sorted(set(kept().get("codes", {}).get(operation, [])) - BORDER)


def of_table(operation: str) -> dict[str, Any]:
    """What the document shows for an operation that answers a table (CSV): its head and its first rows."""
    told = kept().get("tables", {}).get(operation, {})
    return {NAMES[language]: {"value": value} for language, value in told.items()}


def of_problems(status: int) -> dict[str, Any]:
    """What the document shows for every code that is answered with a status."""
    return {
        f"{code} ({NAMES[language]})": {"value": problem}
        for code, told in kept()["problems"].items()
        for language, problem in told.items()
        if problem["status"] == status
    }
