"""Closed unless declared open."""

from types import SimpleNamespace

import pytest
from django.core.exceptions import PermissionDenied
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver

from portal import access


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
