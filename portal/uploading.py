"""Files that people send: bounded before a byte of them is read. Pictures of documents are never written to a disk.

A body's length is what its header declares: the server hands on no more than that.
"""

from collections.abc import Callable
from typing import Any

from django.core.cache import cache
from django.core.files.uploadhandler import MemoryFileUploadHandler
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from redis import RedisError

from fund.refusal import Refusal
from investors import evidence, pictures
from investors.evidence import Taken
from portal.arriving import LARGEST_BODY

BESIDE = 64 * 1024  # bytes of a form beside its file
TRIES, HOUR = 60, 3600  # files that one account may have read in an hour, the bad ones included


class TooManyTries(Refusal):
    """Reading files costs more than anything else that somebody can ask of the site."""

    code = "too_many_tries"


class InMemory(MemoryFileUploadHandler):
    """Keeps a file in memory, whatever its size: for requests whose length was looked at before."""

    def handle_raw_input(self, *args: Any, **named: Any) -> None:
        self.activated = True


def declared(request: HttpRequest) -> int:
    """The length of the body in bytes; one that is no number counts as too long."""
    length = request.META.get("CONTENT_LENGTH") or "0"
    return int(length) if length.isascii() and length.isdigit() and len(length) < 16 else LARGEST_BODY + 1


def is_too_large(request: HttpRequest) -> bool:
    """Whether a form with the picture of a document is too large to be read at all."""
    return declared(request) > pictures.LARGEST + BESIDE


def take(*, user_id: int, data: bytes) -> Taken:
    """Read a picture of a document for somebody. Raises BadFile, and TooManyTries also when nothing can be counted."""
    key = f"uploads:{user_id}"
    try:
        cache.add(key, 0, timeout=HOUR)
        tries = cache.incr(key)
    except (RedisError, ValueError):  # out of reach, or forgotten just now
        raise TooManyTries(_("Files cannot be taken at this moment. Please try again in a minute.")) from None
    if tries > TRIES:
        raise TooManyTries(_("These were very many files. Please go on in an hour."))
    return evidence.take(data)


class BoundMiddleware:
    """Refuses a body that is larger than anything we are ever sent, before it is read."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if declared(request) > LARGEST_BODY:
            return HttpResponse(status=413)
        return self.get_response(request)
