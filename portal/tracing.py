"""A request's trace: that of a valid ``traceparent`` (W3C Trace Context), else a new one; told in ``X-Request-ID``.

It stands in every log line, in the notes and acts that the request writes, and through the note in the tasks that
follow. What strangers send as a request's or a correlation's id is free text and goes nowhere.
"""

import logging
import re
from collections.abc import Callable, MutableMapping
from typing import Any
from uuid import UUID

import structlog
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.functional import LazyObject

from fund import trace

# version-trace-parent-flags; a version to come may say more after it, ff and zeros are none.
TRACEPARENT = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
LEVELS = {4: logging.WARNING, 5: logging.ERROR}  # by the class of an answer
FREE_TEXT = ("HTTP_X_REQUEST_ID", "HTTP_X_CORRELATION_ID")

log = structlog.get_logger(__name__)


def given(header: str) -> UUID | None:
    """The trace of a ``traceparent``, None when it is not one."""
    match = TRACEPARENT.match(header)
    if match is None or not (header[match.end() :] == "" or (header[0:2] != "00" and header[match.end()] == "-")):
        return None
    return UUID(match[1])


def told(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: a line says to which trace it belongs."""
    if (current := trace.current()) is not None:
        event["trace"] = current.hex
    return event


def follow(get_response: Callable[[HttpRequest], HttpResponseBase]) -> Callable[[HttpRequest], HttpResponseBase]:
    """Middleware: all that a request does belongs to its trace, and a line of the log says how it ended."""

    def following(request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        for name in FREE_TEXT:
            meta.pop(name, None)
        parent = meta.get("HTTP_TRACEPARENT")
        with trace.following(given(parent) if parent else None) as one:
            meta["HTTP_X_REQUEST_ID"] = one.hex
            answer = get_response(request)
            level = LEVELS.get(answer.status_code // 100, logging.INFO)
            if logging.getLogger(__name__).isEnabledFor(level):
                _log(request, answer, level)
        answer["X-Request-ID"] = one.hex
        return answer

    return following


def _log(request: HttpRequest, answer: HttpResponseBase, level: int) -> None:
    """Who asked is told where that was looked at; it is not looked up for the log."""
    who = request.__dict__.get("_cached_user", request.__dict__.get("user"))  # of a page, of the API
    log.log(
        level,
        "request_finished",
        request=f"{request.method} {request.path}",
        code=answer.status_code,
        user_id=None if isinstance(who, LazyObject) else getattr(who, "pk", None),
        user_agent=request.META.get("HTTP_USER_AGENT"),
    )
