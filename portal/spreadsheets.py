"""Tables for people who calculate (CSV, RFC 4180). A text that a spreadsheet would take for a formula stays a text."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import Any

from django.http import HttpResponse

PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?", re.ASCII)
FORMULA = ("=", "+", "-", "@", "\t", "\r")


def cell(value: Any) -> str:
    """What could be read as a formula gets an apostrophe."""
    text = "" if value is None else str(value)
    return f"'{text}" if text.startswith(FORMULA) and not PLAIN.fullmatch(text) else text


def table(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A heading and its rows."""
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(names)
    writer.writerows([cell(value) for value in row] for row in rows)
    return text.getvalue()


def download(name: str, names: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    """The same as a file."""
    return HttpResponse(
        table(names, rows),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
