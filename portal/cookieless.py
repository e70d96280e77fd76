"""A program brings no cookies: on the way to the API none is seen, and what works by them is passed by.

Sessions of browsers, the tokens of their forms, who is signed in by them and what they are told next: five middlewares
between here and ``LocaleMiddleware``. ``portal.api`` looks at the session token alone, and speaks the language that is
asked for, not the one that a person has chosen for the pages.
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.locale import LocaleMiddleware

PROGRAMS = "/api/v1/"

type Answering = Callable[[HttpRequest], HttpResponseBase]


class CookielessMiddleware:
    """Hands what is asked of the API on to ``LocaleMiddleware``. Raises ImproperlyConfigured where none is behind."""

    def __init__(self, get_response: Answering) -> None:
        self.with_cookies = get_response
        self.without = further(get_response, LocaleMiddleware)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not request.path_info.startswith(PROGRAMS):
            return self.with_cookies(request)
        request.COOKIES = {}
        return self.without(request)


def further(answering: Any, kind: type) -> Answering:
    """The way on from a middleware of this kind. Django wraps each one; each keeps what is behind it."""
    while not isinstance(one := answering.__wrapped__, kind):
        if not hasattr(one, "get_response"):
            raise ImproperlyConfigured(f"No {kind.__name__} stands behind.")
        answering = one.get_response
    passed: Answering = answering
    return passed
