"""A program brings no cookies: on the way to the API, what works by cookies is passed by.

Sessions of browsers, the tokens of their forms, who is signed in by them and what they are told next: six middlewares
between here and ``portal.access``. ``portal.api`` looks at the session token alone, and finds no other session.
"""

from collections.abc import Callable
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from portal.access import AccessMiddleware

PROGRAMS = "/api/v1/"

type Answering = Callable[[HttpRequest], HttpResponseBase]


class CookielessMiddleware:
    """Hands what is asked of the API on to ``AccessMiddleware``. Raises ImproperlyConfigured where none is behind."""

    def __init__(self, get_response: Answering) -> None:
        self.with_cookies = get_response
        self.without = further(get_response, AccessMiddleware)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return (self.without if request.path_info.startswith(PROGRAMS) else self.with_cookies)(request)


def further(answering: Any, kind: type) -> Answering:
    """The way on from a middleware of this kind. Django wraps each one; each keeps what is behind it."""
    while not isinstance(one := answering.__wrapped__, kind):
        if not hasattr(one, "get_response"):
            raise ImproperlyConfigured(f"No {kind.__name__} stands behind.")
        answering = one.get_response
    passed: Answering = answering
    return passed
