"""What was just answered to one stranger is answered to the next, and nothing of anybody else's."""

import time

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.middleware.csp import LazyNonce
from django.test import Client, RequestFactory

from portal.api import limits
from portal.door import DoorMiddleware, same_for_all
from tests.portal.web import stage
from tests.portal.web.conftest import keys

__all__ = ["keys"]


@pytest.fixture(autouse=True)
def _open(settings) -> None:
    settings.DOOR_SECONDS = 5


def door(make=lambda: same_for_all(HttpResponse("page", headers={"ETag": '"one"'}))):
    asked: list[HttpRequest] = []

    def view(request: HttpRequest) -> HttpResponse:
        asked.append(request)
        return make()

    return DoorMiddleware(view), asked


def get(path: str = "/en/", **headers: str) -> HttpRequest:
    return RequestFactory().get(path, headers={"accept-language": "en", **headers})


def test_a_thousand_strangers_cost_one_page() -> None:
    middleware, asked = door()
    assert {middleware(get()).content for _ in range(1000)} == {b"page"}
    assert len(asked) == 1


@pytest.mark.parametrize(
    "headers",
    [{"cookie": "a=b"}, {"authorization": "Bearer x"}, {"x-session-token": "x"}, {"range": "bytes=0-1"}],
)
def test_who_says_anything_of_himself_is_answered_afresh(headers) -> None:
    middleware, asked = door()
    middleware(get())
    middleware(get(**headers))
    middleware(get(**headers))
    assert len(asked) == 3


@pytest.mark.parametrize(
    "make",
    [
        lambda: HttpResponse("not marked"),
        lambda: same_for_all(HttpResponse("gone", status=404)),
        lambda: same_for_all(StreamingHttpResponse([b"piece"])),
        lambda: same_for_all(HttpResponse("of one", headers={"Vary": "X-Session-Token"})),
    ],
)
def test_what_is_not_the_same_for_all_is_not_kept(make) -> None:
    middleware, asked = door(make)
    middleware(get())
    middleware(get())
    assert len(asked) == 2 and middleware.shelf == {}


def test_a_cookie_or_a_nonce_is_never_given_to_another() -> None:
    def with_cookie() -> HttpResponse:
        answer = same_for_all(HttpResponse("x"))
        answer.set_cookie("session", "secret")
        return answer

    middleware, asked = door(with_cookie)
    middleware(get())
    assert not middleware(get()).cookies.get("other") and len(asked) == 2
    middleware, asked = door()
    for _ in range(2):
        request = get()
        request._csp_nonce = LazyNonce()  # as the policy's middleware gives one
        str(request._csp_nonce)
        middleware(request)
    assert len(asked) == 2


def test_each_address_language_form_and_query_is_kept_by_itself() -> None:
    middleware, asked = door()
    for request in (get(), get("/ja/"), get("/en/?x=1"), get(accept="text/csv"), get(**{"accept-language": "ja"}),
                    get(**{"accept-encoding": "gzip"}), get(host="localhost")):  # fmt: skip
        middleware(request)
        middleware(request)
    assert len(asked) == 7


def test_it_is_forgotten_in_time_and_a_known_page_is_not_sent_again(monkeypatch: pytest.MonkeyPatch) -> None:
    middleware, asked = door()
    middleware(get())
    assert middleware(get(**{"if-none-match": '"one"'})).status_code == 304
    assert middleware(get(**{"if-none-match": '"other"'})).content == b"page"
    assert len(asked) == 1
    later = time.monotonic() + 6
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert middleware(get(**{"if-none-match": '"one"'})).status_code == 304, "asked for whole, answered as known"
    assert len(asked) == 2 and "HTTP_IF_NONE_MATCH" in asked[-1].META
    assert middleware(get(**{"if-none-match": '"one"'})).status_code == 304
    assert len(asked) == 2


def test_what_is_said_beside_one_answer_is_not_said_with_the_next() -> None:
    middleware, asked = door()
    middleware(get())["X-Own"] = middleware(get())["X-Own"] = middleware(get())["Vary"] = "of one"
    again = middleware(get())
    assert len(asked) == 1 and not again.has_header("X-Own") and again.get("Vary") != "of one"
    unchanged = middleware(get(**{"if-none-match": '"one"'}))
    assert unchanged["ETag"] == again["ETag"] and not unchanged.has_header("X-Own")


def test_whoever_invents_queries_fills_no_memory() -> None:
    middleware, _asked = door()
    for number in range(2000):
        middleware(get(f"/en/?{number}"))
    assert len(middleware.shelf) <= 512


def test_the_portal_keeps_its_pages_and_still_counts_the_api(keys, monkeypatch: pytest.MonkeyPatch) -> None:
    stage.publish_navs(keys)
    client = Client()
    page, again = client.get("/en/fund/nav"), client.get("/en/fund/nav")
    assert page.content == again.content
    for name in ("Content-Security-Policy", "X-Frame-Options", "ETag", "Cache-Control", "Permissions-Policy"):
        assert page[name] == again[name]
    counted: list[object] = []
    count = limits.count
    monkeypatch.setattr(limits, "count", lambda concerned: counted.append(concerned) or count(concerned))
    answers = [client.get("/api/v1/navs?class=SOV") for _ in range(3)]
    assert len({answer.content for answer in answers}) == 1 and len(counted) == 3
    left = [int(answer["RateLimit"].split("r=")[1].split(";")[0]) for answer in answers]
    assert left == [left[0], left[0] - 1, left[0] - 2]
