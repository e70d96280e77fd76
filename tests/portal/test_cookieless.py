"""On the way to the API nothing that works by cookies is asked; on the way to a page all of it is."""

from inspect import isfunction

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.handlers.base import BaseHandler
from django.http import HttpResponse
from django.test import RequestFactory

from portal.cookieless import CookielessMiddleware

COOKIES = {
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
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


def asked(path):
    request = RequestFactory().get(path)
    assert Site().get_response(request).status_code == 200 and request.came
    return request


def test_a_program_passes_by_what_works_by_cookies_and_by_nothing_else(settings):
    whole = settings.MIDDLEWARE
    first = whole.index("portal.cookieless.CookielessMiddleware") + 1
    until = whole.index("django.middleware.locale.LocaleMiddleware")
    assert set(whole[first:until]) == COOKIES
    site = Site()
    answering = site._middleware_chain
    while not isinstance(one := answering.__wrapped__, CookielessMiddleware):
        answering = behind(one)
    assert names(one.with_cookies) == whole[first:]
    assert names(one.without) == whole[until:]


def names(answering):
    """Of the middlewares from here to the view."""
    one = answering.__wrapped__
    if isinstance(getattr(one, "__self__", None), Site):
        return []
    kind = one if isfunction(one) else type(one)
    return [f"{kind.__module__}.{kind.__qualname__.partition('.')[0]}", *names(behind(one))]


def behind(middleware):
    """What a middleware hands on to, be it an object or a function."""
    if hasattr(middleware, "get_response"):
        return middleware.get_response
    kept = middleware.__code__.co_freevars.index("get_response")
    return middleware.__closure__[kept].cell_contents


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "browser"), [("/api/v1/me", False), ("/en/", True), ("/api/auth/app/v1/config", True), ("/api/v1", True)]
)
def test_only_browsers_have_a_session(path, browser):
    request = asked(path)
    assert hasattr(request, "session") == hasattr(request, "_messages") == hasattr(request, "user") == browser


@pytest.mark.django_db
def test_a_program_is_answered_in_the_language_that_it_asks_for(client):
    """And a page, the negative control, in the one that its reader has chosen."""
    client.cookies["django_language"] = "ja"
    assert client.get("/api/v1/me", headers={"Accept-Language": "en"})["Content-Language"] == "en"
    assert client.get("/", headers={"Accept-Language": "en"})["Location"].startswith("/ja/")


def test_without_the_way_in_again_the_site_does_not_start(settings):
    settings.MIDDLEWARE = [one for one in settings.MIDDLEWARE if not one.endswith("LocaleMiddleware")]
    with pytest.raises(ImproperlyConfigured, match="LocaleMiddleware"):
        Site()
