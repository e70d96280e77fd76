"""The same rows as a table (CSV, RFC 4180) for people who calculate with them."""

from collections.abc import Iterator
from typing import Any

from rest_framework.renderers import BaseRenderer
from rest_framework.serializers import Serializer

from portal import spreadsheets
from portal.api.border import MoneyField


class CSVRenderer(BaseRenderer):
    """Rows of the view's ``row`` form; nested fields become columns, ``amount`` → ``amount_currency, amount_value``.

    A table has no place for ``next``: the address of the page after it is a header (RFC 8288).
    """

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        if data["next"]:
            renderer_context["response"]["Link"] = f'<{data["next"]}>; rel="next"'
        form: Serializer[Any] = renderer_context["view"].row()
        names = list(columns(form))
        rows = map(dict, map(flat, data["results"]))
        return spreadsheets.table(names, ([row.get(name) for name in names] for row in rows)).encode()


def columns(form: Serializer[Any], prefix: str = "") -> Iterator[str]:
    """The names of the columns."""
    for name, field in form.fields.items():
        if isinstance(field, MoneyField):
            yield from (f"{prefix}{name}_currency", f"{prefix}{name}_value")
        elif isinstance(field, Serializer):
            yield from columns(field, f"{prefix}{name}_")
        else:
            yield f"{prefix}{name}"


def flat(row: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from flat(value, f"{prefix}{name}_")
        else:
            yield f"{prefix}{name}", value
