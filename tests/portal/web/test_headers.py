"""The content policy, which is worked out anew only where a page has a nonce."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.utils.csp import build_policy

from portal.headers import ContentPolicyMiddleware

NAME = "Content-Security-Policy"


def asked(make: object = HttpResponse, *, nonce: bool = False) -> tuple[HttpRequest, HttpResponse]:
    request = RequestFactory().get("/")

    def view(one: HttpRequest) -> HttpResponse:
        if nonce:
            str(one._csp_nonce)  # type: ignore[attr-defined]
        return make()  # type: ignore[operator, no-any-return]

    return request, ContentPolicyMiddleware(view)(request)


def own() -> HttpResponse:
    answer = HttpResponse()
    answer._csp_config = {"default-src": ["'none'"]}  # type: ignore[attr-defined]
    return answer


def test_the_policy_is_the_one_of_the_settings():
    assert asked()[1][NAME] == build_policy(settings.SECURE_CSP)


def test_a_nonce_is_of_one_page():
    request, answer = asked(nonce=True)
    assert answer[NAME] == build_policy(settings.SECURE_CSP, request._csp_nonce) != asked()[1][NAME]  # type: ignore[attr-defined]


def test_what_a_view_says_itself_stands():
    assert asked(own)[1][NAME] == "default-src 'none'"
    assert asked(lambda: HttpResponse(headers={NAME: "x"}))[1][NAME] == "x"
