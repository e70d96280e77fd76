"""A request's trace: that of a valid ``traceparent`` (W3C Trace Context), else a new one; told in ``X-Request-ID``.

It is bound to every log line, to the notes and acts that the request writes, and through the note to the tasks that
follow. What strangers send as a request's or a correlation's id is free text and goes nowhere.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from uuid import UUID

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from fund import trace

# version-trace-parent-flags; a version to come may say more after it, ff and zeros are none.
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
FREE_TEXT = ("HTTP_X_REQUEST_ID", "HTTP_X_CORRELATION_ID")


def given(header: str) -> UUID | None:
    """The trace of a ``traceparent``, None when it is not one."""
    match = TRACEPARENT.match(header)
    if match is None or not (header[match.end() :] == "" or (header[0:2] != "00" and header[match.end()] == "-")):
        return None
    return UUID(match[1])


@contextmanager
def followed(one: UUID | None = None) -> Iterator[UUID]:
    """What is done inside belongs to a trace, a new one when none is given, and its log lines say so."""
    with trace.following(one) as current, structlog.contextvars.bound_contextvars(trace=current.hex):
        yield current


def follow(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: all that a request does belongs to its trace."""

    def following(request: HttpRequest) -> HttpResponseBase:
        for name in FREE_TEXT:
            request.META.pop(name, None)
        with followed(given(request.META.get("HTTP_TRACEPARENT", ""))) as one:
            request.META["HTTP_X_REQUEST_ID"] = one.hex
            answer = get_response(request)
        answer["X-Request-ID"] = one.hex
        return answer

    return following
