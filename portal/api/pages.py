"""Lists in pages: ``{"results", "next"}``. A cursor is signed: it is only ever one that we gave for this list."""

from collections.abc import Callable, Sequence
from typing import Any

from django.core import signing
from django.db.models import Model, Q, QuerySet
from django.utils.translation import gettext
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request

from portal.api.border import Query, Text

SIZE = 100


class PageQuery(Query):
    """Where to go on."""

    cursor = Text(required=False, max_length=400, help_text="Taken from the `next` of the page before.")


def page[Row: Model](
    request: Request,
    rows: QuerySet[Row],
    *,
    by: Sequence[str],
    show: Callable[[list[Row]], Any],
    cursor: str | None,
    size: int = SIZE,
) -> dict[str, Any]:
    """One page of rows in descending order of ``by``, which must be unique together."""
    if cursor is not None:
        rows = rows.filter(_below(by, read_cursor(request, cursor)))
    found = list(rows.order_by(*(f"-{name}" for name in by))[: size + 1])
    more = len(found) > size
    last = [_value(found[size - 1], name) for name in by] if more else []
    return {"results": show(found[:size]), "next": address(request, last) if more else None}


def address(request: Request, last: list[str]) -> str:
    """The address of the page after a row."""
    asked = request.query_params.copy()
    asked["cursor"] = signing.dumps(last, salt=_salt(request))
    return request.build_absolute_uri(f"{request.path}?{asked.urlencode()}")


def read_cursor(request: Request, cursor: str) -> list[str]:
    """The values of the last row of the page before. Raises ValidationError for a cursor that is not from this list."""
    try:
        read: list[str] = signing.loads(cursor, salt=_salt(request))
    except signing.BadSignature:
        wrong = ErrorDetail(gettext("This cursor does not belong to this list."), code="invalid_cursor")
        raise ValidationError({"?cursor": [wrong]}) from None
    return read


def _salt(request: Request) -> str:
    """A list is an address with what else is asked there: the prices of one class are not those of another."""
    beside = sorted((name, value) for name, value in request.query_params.items() if name != "cursor")
    return f"portal.api.pages {request.path}{beside or ''}"


def _below(by: Sequence[str], values: list[str]) -> Q:
    """Rows that come later in descending order: less in the first name that differs."""
    below = Q()
    same = Q()
    for name, value in zip(by, values, strict=True):
        below |= same & Q(**{f"{name}__lt": value})
        same &= Q(**{name: value})
    return below


def _value(row: Any, name: str) -> str:
    for part in name.split("__"):
        row = getattr(row, part)
    return str(row)
