"""What is the same for every stranger is answered at the door, before sessions, the router and the page are woken.

A page that ``same_for_all`` marks is kept by each process as it went out, compressed and with its ETag, for
``DOOR_SECONDS``: a thousand readers in a second cost one page. What a page is made of is kept longer elsewhere.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase, ResponseHeaders
from django.middleware.csp import get_nonce
from django.utils.cache import get_conditional_response

MARK = "same_for_all"
MANY = 512  # answers in all languages, compressed and not; whoever invents queries empties the shelf, no more
LARGEST = 512 * 1024  # bytes
OF_ONE = ("HTTP_COOKIE", "HTTP_AUTHORIZATION", "HTTP_X_SESSION_TOKEN", "HTTP_RANGE")
TOLD = ("HTTP_HOST", "PATH_INFO", "QUERY_STRING", "HTTP_ACCEPT", "HTTP_ACCEPT_LANGUAGE", "HTTP_X_FORWARDED_PROTO")
OF_UNCHANGED = ("Cache-Control", "Content-Location", "ETag", "Expires", "Vary")  # RFC 9110, 15.4.5
VARIES = {"accept", "accept-encoding", "accept-language", "cookie", "origin"}


class Copied(ResponseHeaders):
    """Headers of an answer, which were judged when they were first said."""

    def __init__(self, said: ResponseHeaders) -> None:
        self._store = said._store.copy()


@dataclass(frozen=True)
class Kept:
    """An answer as it went out; ``until`` by the clock that never jumps."""

    until: float
    body: bytes
    headers: ResponseHeaders

    @cached_property
    def of_unchanged(self) -> dict[str, str]:
        """What a 304 says of it."""
        return {name: self.headers[name] for name in OF_UNCHANGED if name in self.headers}


def same_for_all[Answer: HttpResponseBase](answer: Answer) -> Answer:
    """Say that an answer has nothing of the one who asked, nor of the moment."""
    setattr(answer, MARK, True)
    return answer


class DoorMiddleware:
    """Answers a stranger's GET by what was just answered to another one."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.shelf: dict[tuple[str, ...], Kept] = {}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        meta = request.META
        if meta["REQUEST_METHOD"] != "GET" or not settings.DOOR_SECONDS or any(meta.get(name) for name in OF_ONE):
            return self.get_response(request)
        name = ("gzip" if "gzip" in meta.get("HTTP_ACCEPT_ENCODING", "") else "", *(meta.get(one, "") for one in TOLD))
        kept = self.shelf.get(name)
        if kept is not None and kept.until > time.monotonic():
            return _again(request, kept)
        condition = meta.pop("HTTP_IF_NONE_MATCH", None) if kept else None  # the page is wanted whole, to be kept again
        answer = self.get_response(request)
        if _may_be_kept(request, answer):
            if len(self.shelf) >= MANY:
                self.shelf.clear()
            assert isinstance(answer, HttpResponse)
            until = time.monotonic() + settings.DOOR_SECONDS
            self.shelf[name] = Kept(until, answer.content, Copied(answer.headers))
        if condition is None or not isinstance(answer, HttpResponse):
            return answer
        meta["HTTP_IF_NONE_MATCH"] = condition
        return get_conditional_response(request, etag=answer.get("ETag"), response=answer) or answer


def _may_be_kept(request: HttpRequest, answer: HttpResponseBase) -> bool:
    varies = {one.strip().lower() for one in answer.get("Vary", "").split(",") if one.strip()}
    return (
        getattr(answer, MARK, False)
        and answer.status_code == 200
        and not answer.streaming
        and not answer.cookies
        and not get_nonce(request)
        and varies <= VARIES
        and len(answer.content) <= LARGEST  # type: ignore[attr-defined]
    )


def _again(request: HttpRequest, kept: Kept) -> HttpResponseBase:
    if "HTTP_IF_NONE_MATCH" in request.META:
        unchanged = get_conditional_response(request, etag=kept.headers.get("ETag"))
        if unchanged is not None:
            for name, value in kept.of_unchanged.items():
                unchanged[name] = value
            return unchanged
    answer = HttpResponse(kept.body)
    answer.headers = Copied(kept.headers)
    return answer
