"""Messages to the next page, whose storage is made when it is needed."""

from unittest.mock import patch

from django.contrib import messages
from django.contrib.messages.storage.cookie import CookieStorage
from django.contrib.sessions.backends.db import SessionStore
from django.http import HttpResponse
from django.test import Client, RequestFactory

from portal.web.messages import Storage


def test_what_was_told_is_heard_once():
    first, second = RequestFactory().get("/"), RequestFactory().get("/")
    first.session = second.session = SessionStore()
    told, answer = Storage(first), HttpResponse()
    told.add(messages.INFO, "one")
    told.update(answer)
    second.COOKIES["messages"] = answer.cookies["messages"].value
    heard, answer = Storage(second), HttpResponse()
    assert [str(one) for one in heard] == ["one"]
    heard.update(answer)
    assert not answer.cookies["messages"].value


def test_without_any_nothing_is_made(db):
    with patch.object(CookieStorage, "__init__", side_effect=AssertionError):
        assert Client().get("/api/v1/navs").status_code == 200
