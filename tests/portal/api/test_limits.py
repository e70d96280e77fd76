"""How often a client may ask, and what happens while the cache is down (abuse)."""

import json

import pytest
from allauth.core.internal.httpkit import get_client_ip
from django.core.cache import caches
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory
from redis import ConnectionError as Unreachable

from portal.api import limits
from tests.portal.api.conftest import Api, problem

pytestmark = pytest.mark.django_db


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setattr(limits, "CLIENT", limits.Policy("client", 3))
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_030)


@pytest.fixture
def cache_down(monkeypatch):
    def refuse(*asked, **told):
        raise Unreachable("down")

    for name in ("get", "set"):
        monkeypatch.setattr(caches["default"], name, refuse)
    monkeypatch.setattr(limits.store(), "eval", refuse)


def test_every_answer_tells_what_is_left(anonymous, narrow):
    answer = anonymous.get("/classes")
    assert answer["RateLimit-Policy"] == '"client";q=3;w=60'
    assert answer["RateLimit"] == '"client";r=2;t=30'


def test_beyond_the_limit_it_is_429_until_the_window_ends(anonymous, narrow, monkeypatch):
    assert [anonymous.get("/classes").status_code for _ in range(4)] == [200, 200, 200, 429]
    refused = anonymous.get("/classes")
    assert refused["Retry-After"] == "30"
    assert problem(refused)["code"] == "too_many_requests"
    monkeypatch.setattr(limits.time, "time", lambda: 1_800_000_060)
    assert anonymous.get("/classes").status_code == 200


def test_requests_are_counted_before_anything_is_asked_about_the_client(anonymous, narrow):
    assert [anonymous.get("/holdings").status_code for _ in range(4)] == [401, 401, 401, 429]


def test_unknown_addresses_count_too(anonymous, narrow):
    assert [anonymous.get(f"/{number}").status_code for number in range(4)] == [404, 404, 404, 429]


def test_citizens_behind_one_address_do_not_share_a_limit(citizen, other, narrow):
    for _ in range(4):
        citizen.get("/holdings")
    assert other.get("/holdings").status_code == 200


def test_new_tokens_are_no_way_around(anonymous, narrow, monkeypatch):
    monkeypatch.setattr(limits, "ADDRESS", limits.Policy("address", 5))
    statuses = [anonymous.get("/classes", X_Session_Token=f"{number:032}").status_code for number in range(6)]
    assert statuses == [200] * 5 + [429]


def test_a_forwarding_header_is_not_believed(anonymous, narrow):
    statuses = [anonymous.get("/classes", X_Forwarded_For=f"10.0.0.{number}").status_code for number in range(4)]
    assert statuses[-1] == 429


def test_signing_in_has_a_limit_of_its_own(db, monkeypatch):
    monkeypatch.setattr(limits, "SIGNING_IN", limits.Policy("sign-in", 2))
    statuses = [Client().get("/api/auth/app/v1/config").status_code for _ in range(3)]
    assert statuses == [200, 200, 429]


def test_pages_are_not_counted_here(db, narrow):
    assert all(Client().get("/health/live").status_code == 200 for _ in range(6))


def test_without_the_cache_reading_stays_open(citizen, opened, cache_down):
    assert Api().get("/offerings").status_code == 200
    assert citizen.subscribe().status_code == 201


def test_without_the_cache_signing_in_is_closed(db, cache_down):
    answer = Client().post(
        "/api/auth/app/v1/auth/login",
        json.dumps({"email": "a@example.org", "password": "guess"}),
        content_type="application/json",
    )
    assert answer.status_code == 503
    assert answer["Retry-After"] == "60"
    assert problem(answer)["code"] == "unavailable"


def test_no_address_is_kept_readable(anonymous, monkeypatch):
    kept = []

    def counted(script, number, *told):
        kept.extend(told)
        return [1] * number

    monkeypatch.setattr(limits.store(), "eval", counted)
    anonymous.get("/classes")
    assert kept and not any("127.0.0.1" in str(told) for told in kept)


@pytest.mark.parametrize("proxies", [0, 1, 2])
@pytest.mark.parametrize(
    "passed",
    [
        "",
        "10.1.2.3",
        " 10.1.2.3 ",
        "evil, 10.1.2.3",
        "10.9.9.9, 10.1.2.3",
        "10.1.2.3:4711, 10.1.2.4:80",
        "2001:DB8::1, [2001:db8::2]:443",
        "010.1.2.3, unknown",
    ],
)
def test_an_address_is_the_one_that_allauth_tells(settings, proxies, passed):
    settings.ALLAUTH_TRUSTED_PROXY_COUNT = proxies
    request = RequestFactory().get("/api/v1/navs", **({"HTTP_X_FORWARDED_FOR": passed} if passed else {}))
    try:
        told = get_client_ip(request) or "unknown"
    except ImproperlyConfigured:
        with pytest.raises(ImproperlyConfigured):
            limits.address_of(request)
    else:
        assert limits.address_of(request) == told


def test_a_name_is_keyed_by_the_sites_secret_and_by_the_policy(settings):
    name = limits.name_of(limits.CLIENT, "10.1.2.3")
    assert name == limits.name_of(limits.CLIENT, "10.1.2.3") != limits.name_of(limits.ADDRESS, "10.1.2.3")
    settings.SECRET_KEY = "another secret of the site"
    assert limits.name_of(limits.CLIENT, "10.1.2.3") != name
