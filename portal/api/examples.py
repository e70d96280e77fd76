"""The examples of the document, in both languages: real answers, which `tests/portal/api/harvest.py` collects."""

import json
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("examples.json")
NAMES = {"en": "English", "ja": "日本語"}


@cache
def kept() -> dict[str, dict[str, Any]]:
    """``answers`` and ``tables`` by operation and ``problems`` by code, each by language."""
    return dict(json.loads(FILE.read_text(encoding="utf-8")))


def of_answer(operation: str) -> dict[str, Any]:
    """What the document shows for an operation that succeeds."""
    told = kept()["answers"].get(operation, {})
    return {NAMES[language]: {"value": value} for language, value in told.items()}


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
