"""The OpenAPI 3.1 document: what views declare, and what the border adds to every operation."""

from collections.abc import Callable
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from portal import access
from portal.api import examples, idempotency
from portal.api.border import Query
from portal.api.problems import MEDIA_TYPE, PREFIX, TITLES
from portal.api.remembering import remembered
from portal.api.view import Unknown

KEY_PARAMETER = OpenApiParameter(
    name=idempotency.HEADER,
    type={"type": "string", "pattern": r"^[!#-\[\]-~]{1,128}$"},
    location=OpenApiParameter.HEADER,
    required=True,
    description="Any text of your own that is new for each act; sent again, it gets the first answer again.",
    examples=[OpenApiExample("A UUID", "6f1c9d0e-3f55-4a51-9a52-2d6b7c1f0a11")],
)
CODE_PARAMETER = OpenApiParameter(
    name="code", type={"type": "string", "pattern": r"^[A-Z0-9-]{1,20}$"}, location=OpenApiParameter.PATH
)
REFERENCE_PARAMETER = OpenApiParameter(
    name="reference", type={"type": "string", "pattern": r"^RF[0-9]{12}$"}, location=OpenApiParameter.PATH
)
AGREEMENT_PARAMETER = OpenApiParameter(
    name="code", type={"type": "string", "pattern": r"^[a-z_]{1,16}:[1-9][0-9]{0,3}$"}, location=OpenApiParameter.PATH
)
MESSAGE_PARAMETER = OpenApiParameter(
    name="number",
    type={"type": "integer", "minimum": 1, "maximum": 10**18 - 1},
    location=OpenApiParameter.PATH,
)


def documented(
    operation: str,
    *,
    tag: str,
    answers: dict[int, Any] | Any,
    example: Any = None,
    query: type[Query] | None = None,
    body: Any = None,
    asked: Any = None,
    parameters: tuple[OpenApiParameter, ...] = (),
) -> Callable[..., Any]:
    """Describe one operation: its id, its forms, an example of its answer and one of what is sent (``asked``)."""
    examples = [OpenApiExample("Answer", example, response_only=True)] if example is not None else []
    if asked is not None:
        examples.append(OpenApiExample("Request", asked, request_only=True))
    return extend_schema(
        operation_id=operation,
        tags=[tag],
        request=body,
        responses=answers,
        examples=examples,
        parameters=[*([query] if query else []), *parameters],
    )


class TokenScheme(OpenApiAuthenticationExtension):
    """How the document names the session token."""

    target_class = "portal.api.who.SessionToken"
    name = "sessionToken"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {
            "type": "apiKey",
            "in": "header",
            "name": "X-Session-Token",
            "description": "The session token of the headless sign-in under `/api/auth/app/v1`.",
        }


PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "An error (RFC 9457). `code` is stable, `title` and `detail` are in the language of the request.",
    "required": ["type", "status", "code", "title", "detail", "errors"],
    "properties": {
        "type": {"type": "string", "const": "about:blank"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "title": {"type": "string"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["pointer", "code", "detail"],
                "properties": {
                    "pointer": {
                        "type": "string",
                        "description": "A JSON pointer into the body, or `?name` for a parameter of the address.",
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
    "examples": [
        {
            "type": "about:blank",
            "status": 400,
            "code": "invalid",
            "title": "The request is not sound",
            "detail": "Some of what was sent cannot be accepted; “errors” says what.",
            "errors": [
                {
                    "pointer": "/amount/value",
                    "code": "invalid_amount",
                    "detail": "Enter a plain number with the decimals of JPY.",
                }
            ],
        }
    ],
}
RATE_HEADERS = {name: {"$ref": f"#/components/headers/{name}"} for name in ("RateLimit", "RateLimit-Policy")}


def only_ours(endpoints: list[Any], **_ignored: Any) -> list[Any]:
    """A hook of drf-spectacular: the operations of the API, without the view that answers unknown addresses."""
    return [
        (path, pattern, method, view)
        for path, pattern, method, view in endpoints
        if path.startswith(f"{PREFIX}v1/") and not issubclass(view.cls, Unknown)
    ]


def add_problems(result: dict[str, Any], **_ignored: Any) -> dict[str, Any]:
    """A hook of drf-spectacular: every error that an operation can answer, and the headers of every answer."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["headers"] = {
        "RateLimit": {"schema": {"type": "string"}, "description": "What is left, and when it is full again."},
        "RateLimit-Policy": {"schema": {"type": "string"}, "description": "The quota and its window in seconds."},
        "ETag": {"schema": {"type": "string"}, "description": "Send it as `If-None-Match` to be told 304."},
    }
    components["responses"] = {
        f"Problem{status}": {
            "description": str(TITLES[status]),
            "headers": RATE_HEADERS,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": examples.of_problems(status),
                }
            },
        }
        for status in TITLES
    }
    for operations in result["paths"].values():
        for method, operation in operations.items():
            _complete(method, operation)
    return result


def _complete(method: str, operation: dict[str, Any]) -> None:
    responses = operation["responses"]
    public = not operation.get("security")
    if method == "get" and public:
        responses["304"] = {"description": "Not changed"}
    for status in _statuses(method, operation, public):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
    for status, response in responses.items():
        if status < "300":
            headers = {**RATE_HEADERS, **({"ETag": {"$ref": "#/components/headers/ETag"}} if public else {})}
            response["headers"] = {**headers, **response.get("headers", {})}
            if content := response.get("content", {}).get("application/json"):
                shown = examples.of_answer(operation["operationId"])
                content["examples"] = {**content.get("examples", {}), **shown}
            if table := response.get("content", {}).get("text/csv"):
                table["examples"] = examples.of_table(operation["operationId"])


def _statuses(method: str, operation: dict[str, Any], public: bool) -> list[int]:
    parameters = operation.get("parameters", [])
    return [
        400,
        *([] if public else [401, 403]),
        *([404] if any(one["in"] == "path" for one in parameters) or public else []),
        406,
        *([409, 413, 415, 422] if method != "get" else []),
        429,
        500,
        503,
    ]


class Schema(SpectacularJSONAPIView):
    """The document itself; it takes a while to make and is kept."""

    access = staticmethod(access.anybody)
    authentication_classes: list[Any] = []

    @extend_schema(exclude=True)
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        name = "api:schema"
        return Response(remembered(name, seconds=3600, make=lambda: super(Schema, self).get(request).data))


class Docs(SpectacularSwaggerSplitView):
    """The document to read and to try, under the strict content security policy."""

    access = staticmethod(access.anybody)
    authentication_classes: list[Any] = []
    template_name = "api/docs.html"
    url_name = "api:schema"
