"""A forwarding header is believed from the proxies of this house, and from nobody else."""

from ipaddress import ip_network

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory

from portal import forwarded
from tests.house.test_settings import DEPLOYED, run

HEADERS = {"x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", "forwarded": "for=203.0.113.9"}


@pytest.mark.parametrize(
    ("peer", "kept"),
    [
        ("10.1.2.3", True),
        ("::1", True),
        ("10.2.0.1", False),
        ("", False),
        ("unix:", False),
        ("10.1.2.3, 1.1.1.1", False),
    ],
)
def test_by_whom_it_was_said(peer: str, kept: bool, settings) -> None:
    settings.TRUSTED_PROXIES = [ip_network("10.1.0.0/16"), ip_network("::1/128")]
    request = RequestFactory().get("/", headers={**HEADERS, "accept": "x"}, REMOTE_ADDR=peer)
    seen: list[HttpRequest] = []
    forwarded.believed(lambda one: seen.append(one) or HttpResponse())(request)
    assert {name in seen[0].headers for name in HEADERS} == {kept}
    assert seen[0].headers["accept"] == "x"


def test_nobody_is_believed_where_no_proxy_is_named(settings) -> None:
    settings.TRUSTED_PROXIES = []
    request = RequestFactory().get("/", headers=HEADERS)
    forwarded.believed(lambda one: HttpResponse())(request)
    assert not any(name in request.headers for name in HEADERS)


def test_a_house_that_believes_proxies_must_say_which() -> None:
    refused = run({**DEPLOYED, "TRUSTED_PROXY_COUNT": "1"})
    assert refused.returncode == 1 and "TRUSTED_PROXIES" in refused.stderr
