"""The shape in which every room answers ``prove``: what was recomputed, over how many rows, with what difference."""

from dataclasses import dataclass
from typing import Any

from django.db import connection


@dataclass(frozen=True)
class Check:
    """One recomputation. ``first`` names the first row that differs, empty when there is none."""

    name: str
    rows: int
    differences: int
    first: str = ""

    @property
    def clean(self) -> bool:
        return self.differences == 0


def compare(name: str, *, rows: str, differences: str, params: dict[str, Any] | None = None) -> Check:
    """Run two statements: ``rows`` counts what was looked at, ``differences`` yields one text per row that is wrong."""
    with connection.cursor() as cursor:
        cursor.execute(rows, params)
        (looked_at,) = cursor.fetchone() or (0,)
        cursor.execute(f"SELECT count(*), coalesce(min(found), '') FROM ({differences}) AS d(found)", params)
        wrong, first = cursor.fetchone() or (0, "")
    return Check(name, looked_at, wrong, first)
