"""On the way to the API nothing that works by cookies is asked; on the way to a page all of it is."""

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.base import BaseHandler
from django.http import HttpResponse
from django.test import RequestFactory

from portal.cookieless import CookielessMiddleware

COOKIES = {
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "portal.web.waiting.WaitingRoomMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
}


class Site(BaseHandler):
    """The middlewares as they stand, around a view that only notes the request."""

    def __init__(self) -> None:
        self.load_middleware()

    def _get_response(self, request):
        request.came = True
        return HttpResponse("well")


def middlewares(answering):
    """Their names, from here to the view."""
    while (one := getattr(answering, "__wrapped__", None)) is not None and hasattr(one, "get_response"):
        yield f"{type(one).__module__}.{type(one).__qualname__}"
        answering = one.get_response


def asked(path):
    request = RequestFactory().get(path)
    assert Site().get_response(request).status_code == 200 and request.came
    return request


def test_a_program_passes_by_what_works_by_cookies_and_by_nothing_else(settings):
    whole = settings.MIDDLEWARE
    first = whole.index("portal.cookieless.CookielessMiddleware") + 1
    until = whole.index("portal.access.AccessMiddleware")
    assert set(whole[first:until]) == COOKIES
    site = Site()
    answering = site._middleware_chain
    while not isinstance(one := answering.__wrapped__, CookielessMiddleware):
        answering = getattr(one, "get_response", None) or inside(one)
    assert [*middlewares(one.with_cookies)] == whole[first:]
    assert [*middlewares(one.without)] == whole[until:]


def inside(function):
    """What a middleware that is a function keeps."""
    names = function.__code__.co_freevars
    return function.__closure__[names.index("get_response")].cell_contents


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "browser"), [("/api/v1/me", False), ("/en/", True), ("/api/auth/app/v1/config", True), ("/api/v1", True)]
)
def test_only_browsers_have_a_session(path, browser):
    request = asked(path)
    assert hasattr(request, "session") == hasattr(request, "_messages") == hasattr(request, "user") == browser


def test_without_what_keeps_out_strangers_behind_it_the_site_does_not_start(settings):
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if one != "portal.access.AccessMiddleware"]
    with pytest.raises(ImproperlyConfigured, match="AccessMiddleware"):
        Site()
