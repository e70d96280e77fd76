"""Closed unless declared open."""

from types import SimpleNamespace

import pytest
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from portal import access
from portal.accounts import User
from portal.database import asker


def every_view(patterns, namespace=""):
    for one in patterns:
        if isinstance(one, URLResolver):
            yield from every_view(one.url_patterns, f"{namespace}{one.namespace}:" if one.namespace else namespace)
        elif isinstance(one, URLPattern):
            yield f"{namespace}{one.name or ''}", one


def test_every_address_says_who_may_enter():
    silent = [
        f"{name} {one.pattern}"
        for name, one in every_view(get_resolver().url_patterns)
        if one.name and access.rule_of(one.callback, name) is None  # a library's nameless redirects stay closed
    ]
    assert silent == []


def ask(view):
    request = RequestFactory().get("/")
    request.resolver_match = SimpleNamespace(view_name="new-page")
    return access.AccessMiddleware(lambda request: None).process_view(request, view, (), {})


def test_a_page_that_declares_nothing_is_closed():
    with pytest.raises(PermissionDenied):
        ask(lambda request: None)


def test_a_declared_page_is_open():
    """Negative control of the test above."""
    assert ask(access.public(lambda request: None)) is None


def test_what_follows_a_page_of_ones_own_is_not_asked_for_its_reader(monkeypatch):
    """After a proof the suspended act of an officer is performed within the request of the page that asked for it."""
    monkeypatch.setattr(access, "OWN", (access.anybody,))
    user = User(pk=7)
    user._state.fields_cache["investor"] = None
    request = SimpleNamespace(user=user)
    with asker.for_a_while():
        access.admit(access.anybody, request)
        assert "kakehashi.account = '7'" in asker.words()
        access.admit(lambda request: None, request)
        assert asker.words() == ""
