"""Every error under /api/v1 is a problem document (RFC 9457), in the language of the request.

``code`` is stable and for programs; ``title`` and ``detail`` are for people. A field's error says where it is: a JSON
pointer into the body, or ``?name`` for a parameter of the address. Nothing that was sent is repeated in an answer.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from http import HTTPStatus
from typing import Any

import psycopg
from django.core.exceptions import PermissionDenied
from django.core.exceptions import ValidationError as DomainValidationError
from django.db import OperationalError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from psycopg.errors import DeadlockDetected, LockNotAvailable, SerializationFailure
from rest_framework.exceptions import (
    APIException,
    ErrorDetail,
    MethodNotAllowed,
    NotAcceptable,
    NotAuthenticated,
    NotFound,
    UnsupportedMediaType,
    ValidationError,
)
from rest_framework.exceptions import PermissionDenied as Forbidden
from rest_framework.settings import api_settings
from rest_framework.views import set_rollback

from fund.refusal import Refusal
from portal.templatetags import figures

PREFIX = "/api/"
MEDIA_TYPE = "application/problem+json"

TITLES = {
    400: _("The request is not sound"),
    401: _("Sign in first"),
    403: _("Not for this account"),
    404: _("Not found"),
    405: _("Not possible here"),
    406: _("No such form of answer"),
    409: _("Not at this moment"),
    412: _("Changed meanwhile"),
    413: _("Too large"),
    415: _("No such form of request"),
    422: _("This cannot be accepted"),
    429: _("Too many requests"),
    500: _("Our fault"),
    503: _("Out of order"),
}
# Where the status says too little of what is missing.
TITLES_OF_CODES = {
    "second_factor_required": _("A second factor is needed first"),
    "step_up_required": _("Prove again that it is you"),
}
# What the libraries and the border answer without a sentence of their own.
WORDS = {
    400: _("The request could not be read."),
    401: _("You are not signed in, or your session has ended. Please sign in again."),
    405: _("That is not done here; “Allow” names what is."),
    412: _("What you ask for is no longer as “If-Match” or “If-Unmodified-Since” says."),
    500: _("Something went wrong on our side and was recorded. Please try again later, with the same Idempotency-Key."),
}
# The database has ended one of two transactions that stood in each other's way; the same request can be sent again.
BROKEN_OFF = (DeadlockDetected, LockNotAvailable, SerializationFailure)
# too_many_connections, cannot_connect_now, admin_shutdown, crash_shutdown; without any, the connection itself failed
NO_CONNECTION = {"53300", "57P03", "57P01", "57P02"}
# Where the answer is not about what was asked but about the moment, the place or the size of it.
STATUS_OF_REFUSAL = {
    "not_open": 409,
    "not_editable": 409,
    "draft_changed": 409,
    "webhook_exists": 409,
    "too_many_webhooks": 409,
    "too_many_plans": 409,
    "plan_ended": 409,
    "webhooks_not_offered": 409,
    "too_late_to_withdraw": 409,
    "not_published": 404,
    "unknown_order": 404,
    "unknown_redemption": 404,
    "too_large": 413,
    "too_many_tries": 429,
    "too_many_files": 429,
}


def problem(
    status: int,
    *,
    code: str,
    detail: str = "",
    errors: Iterable[dict[str, str]] = (),
    headers: dict[str, str] | None = None,
) -> HttpResponse:
    """A problem document as an answer."""
    title = str(TITLES_OF_CODES.get(code) or TITLES.get(status) or HTTPStatus(status).phrase)
    document = {
        "type": "about:blank",
        "status": status,
        "code": code,
        "title": title,
        "detail": detail or str(WORDS.get(status, title)),
        "errors": list(errors),
    }
    text = json.dumps(document, ensure_ascii=False)
    said = {"Cache-Control": "no-store", "Content-Language": translation.get_language() or "en", **(headers or {})}
    return HttpResponse(text, status=status, content_type=MEDIA_TYPE, headers=said)


def of(error: Exception, context: dict[str, Any]) -> HttpResponse | None:
    """What the API answers to an exception; None for a fault of ours, which Django logs (the border words it)."""
    answer = _answer(error, context.get("view"))
    if answer is not None:
        set_rollback()
    return answer


def _answer(error: Exception, view: Any) -> HttpResponse | None:
    match error:
        case Refusal():
            return of_refusal(error, getattr(view, "pointers", {}))
        case Http404():
            return _answer(NotFound(), view)
        case PermissionDenied():
            return _answer(Forbidden(), view)
        case DomainValidationError():
            return _answer(ValidationError(as_detail(error)), view)
        case ValidationError():
            detail = gettext("Some of what was sent cannot be accepted; “errors” says what.")
            return problem(400, code="invalid", detail=detail, errors=faults(error.detail))
        case NotAuthenticated() | MethodNotAllowed():
            return problem(error.status_code, code=_code(error), headers=_headers(error))
        case NotAcceptable():
            detail = gettext("Here the answer is %(forms)s; “Accept” asks for something else.")
            return problem(406, code=_code(error), detail=detail % {"forms": _forms(view.renderer_classes)})
        case UnsupportedMediaType():
            detail = gettext("Send the body as %(forms)s, and say so in “Content-Type”.")
            return problem(415, code=_code(error), detail=detail % {"forms": _forms(view.parser_classes)})
        case APIException():
            return problem(error.status_code, code=_code(error), detail=str(error.detail), headers=_headers(error))
        case OperationalError() if is_unreachable(error):
            detail = gettext("The database cannot be reached at this moment. Please send it again, with the same key.")
            return problem(503, code="unavailable", detail=detail, headers={"Retry-After": "2"})
        case OperationalError() if isinstance(error.__cause__, BROKEN_OFF):
            detail = gettext("Somebody else was at work on the same. Nothing has changed; please send it again.")
            return problem(503, code="try_again", detail=detail, headers={"Retry-After": "1"})
        case _:
            return None


def is_unreachable(error: OperationalError) -> bool:
    """Whether the database gave no connection, or lost it. What a lost COMMIT has done only the same key can tell."""
    cause = error.__cause__
    return isinstance(cause, psycopg.OperationalError) and (cause.sqlstate is None or cause.sqlstate in NO_CONNECTION)


def of_refusal(refusal: Refusal, pointers: dict[str, str]) -> HttpResponse:
    """A rule of the fund says no: 422, or what ``STATUS_OF_REFUSAL`` says. ``pointers``: the field of a code."""
    code, detail = refusal.code, refusal.worded(figures.money)
    errors = [{"pointer": pointers[code], "code": code, "detail": detail}] if code in pointers else []
    return problem(STATUS_OF_REFUSAL.get(code, 422), code=code, detail=detail, errors=errors)


def as_detail(error: DomainValidationError) -> Any:
    """A validation error of the domain in the shape that serializers use, codes kept."""
    if hasattr(error, "error_dict"):
        return {name: [_worded(one) for one in them] for name, them in error.error_dict.items()}
    return [_worded(one) for one in error.error_list]


def _worded(error: DomainValidationError) -> ErrorDetail:
    return ErrorDetail(error.messages[0], code=error.code or "invalid")


def faults(detail: Any, pointer: str = "") -> Iterator[dict[str, str]]:
    """Nested error details as a flat list with JSON pointers (RFC 6901)."""
    if isinstance(detail, dict):
        for name, inner in detail.items():
            own = name in (api_settings.NON_FIELD_ERRORS_KEY, "__all__")
            yield from faults(inner, pointer if own else f"{pointer}{place(name)}")
    elif isinstance(detail, list):
        for index, inner in enumerate(detail):
            yield from faults(inner, pointer if isinstance(inner, ErrorDetail) else f"{pointer}/{index}")
    else:
        yield {"pointer": pointer, "code": str(detail.code), "detail": str(detail)}


def place(name: object) -> str:
    """One step of a pointer; a parameter of the address is told from the body by its question mark."""
    text = str(name)
    return text if text.startswith("?") else "/" + text.replace("~", "~0").replace("/", "~1")


def _forms(known: Iterable[Any]) -> str:
    """The media types that renderers or parsers know."""
    return ", ".join(one.media_type for one in known)


def _code(error: APIException) -> str:
    codes = error.get_codes()
    return codes if isinstance(codes, str) else error.default_code


def _headers(error: APIException) -> dict[str, str]:
    headers = dict(getattr(error, "headers", {}))
    if challenge := getattr(error, "auth_header", ""):
        headers["WWW-Authenticate"] = challenge
    return headers


class ProblemMiddleware:
    """Words the errors of the API that no view has answered: unknown addresses, refused hosts, faults of ours.

    Signing in has forms of its own, which stay; a page for people is no answer to a program anywhere under /api/.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """JSON that nests too deep for the parser of signing in, which is not ours."""
        if not isinstance(error, RecursionError) or not request.path_info.startswith(f"{PREFIX}auth/"):
            return None
        return problem(400, code="too_deep", detail=gettext("The JSON is nested too deep."))

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.get_response(request)
        if answer.status_code < 400 or not request.path_info.startswith(PREFIX):
            return answer
        kind = answer.get("Content-Type", "")
        ours = request.path_info.startswith(f"{PREFIX}v1/") and kind != MEDIA_TYPE
        if not (ours or kind.startswith("text/html")):
            return answer
        with translation.override(translation.get_language_from_request(request)):
            worded = problem(answer.status_code, code=CODES.get(answer.status_code, "error"))
        del answer["ETag"]
        for name, value in worded.items():
            answer[name] = value
        assert isinstance(answer, HttpResponse)
        answer.content = worded.content
        answer["Content-Length"] = str(len(worded.content))
        return answer


CODES = {
    400: "bad_request",
    403: "permission_denied",
    404: "not_found",
    405: "method_not_allowed",
    412: "precondition_failed",
    500: "error",
}
