"""The OpenAPI 3.1 document: what views declare, and what the border adds to every operation."""

import re
from collections.abc import Callable
from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, extend_schema
from drf_spectacular.views import SpectacularJSONAPIView, SpectacularSwaggerSplitView
from rest_framework.request import Request
from rest_framework.response import Response

from portal import access
from portal.api import examples, idempotency, signing_in
from portal.api.border import Query
from portal.api.problems import MEDIA_TYPE, PREFIX, TITLES
from portal.api.remembering import remembered
from portal.api.view import Unknown
from portal.webhooks import events

KEY_PARAMETER = OpenApiParameter(
    name=idempotency.HEADER,
    type={"type": "string", "pattern": r'^("[!#-\[\]-~]{1,128}"|[!#-\[\]-~]{1,128})$'},
    location=OpenApiParameter.HEADER,
    required=True,
    description=(
        "Any text of your own that is new for each act, in quotes or without. Sent again with the same body within 30 "
        "days, it gets the first answer again, with `Idempotency-Replayed: true` and in the first one's language. "
        "What was refused may be mended and sent with the same key."
    ),
    examples=[OpenApiExample("A UUID", '"6f1c9d0e-3f55-4a51-9a52-2d6b7c1f0a11"')],
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
CLASS_PARAMETER = OpenApiParameter(
    name="class", type={"type": "string", "enum": ["SOV", "LP", "US", "JP"]}, location=OpenApiParameter.PATH
)
DAY_PARAMETER = OpenApiParameter(
    name="date",
    type={"type": "string", "format": "date"},
    location=OpenApiParameter.PATH,
    description="A valuation day, as `listNavs` names it.",
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
    query: type[Query] | None = None,
    body: Any = None,
    asked: Any = None,
    parameters: tuple[OpenApiParameter, ...] = (),
) -> Callable[..., Any]:
    """Describe one operation: its id, its forms, and an example of what is sent (``asked``). Answers are harvested."""
    return extend_schema(
        operation_id=operation,
        tags=[tag],
        request=body,
        responses=answers,
        examples=[OpenApiExample("Request", asked, request_only=True)] if asked is not None else [],
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
            "description": "The `session_token` of signing in, the newest that was given. It holds for eight hours.",
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
SPOKEN = {
    "name": "Accept-Language",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "`en` or `ja`: that of what people read in the answer, errors included. Without it English.",
    "example": "ja",
}
UNCHANGED = {
    "name": "If-None-Match",
    "in": "header",
    "required": False,
    "schema": {"type": "string"},
    "description": "The `ETag` that you have, as it came: 304 where nothing has changed. Languages have their own.",
}
HEADERS = {
    "RateLimit": 'What is left of the quota, and in how many seconds it is full again: `"client";r=297;t=41`.',
    "RateLimit-Policy": 'The quota and its window in seconds: `"client";q=300;w=60`.',
    "ETag": "Send it as `If-None-Match` to be told 304.",
    "Link": 'With a table, the address of the next page, as `next` has it in JSON: `<https://…>; rel="next"`.',
    "Location": "The address of what was made.",
    "Idempotency-Replayed": "`true`: this is the first answer again, and nothing was done now.",
    "Retry-After": "In how many seconds to send the same again.",
    "WWW-Authenticate": "That the session token is asked for.",
    "Content-Language": "`en` or `ja`.",
}


def told(*names: str) -> dict[str, Any]:
    """Headers of an answer, by their names."""
    return {name: {"$ref": f"#/components/headers/{name}"} for name in names}


NOTHING = {
    "required": False,
    "content": {
        "application/json": {
            "schema": {"type": "object", "maxProperties": 0, "description": "Nothing needs to be said."},
            "examples": {"Request": {"value": {}}},
        }
    },
}
LOCATED = {"subscribe", "beginPlan", "placeRedemption", "registerWebhook"}
MAY_BE_MISSING = {"getPortfolio", "getLeverage", "getProof"}  # without a place in the address that could be wrong
EVERYWHERE = told("RateLimit", "RateLimit-Policy", "Content-Language")
OF_PROBLEMS = {401: "WWW-Authenticate", 409: "Retry-After", 429: "Retry-After", 503: "Retry-After"}


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
        name: {"schema": {"type": "string"}, "description": description} for name, description in HEADERS.items()
    }
    components["parameters"] = {"AcceptLanguage": SPOKEN, "IfNoneMatch": UNCHANGED}
    components["responses"] = {
        f"Problem{status}": {
            "description": str(TITLES[status]),
            "headers": EVERYWHERE | told(*([OF_PROBLEMS[status]] if status in OF_PROBLEMS else [])),
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/Problem"},
                    "examples": examples.of_problems(status),
                }
            },
        }
        for status in TITLES
    }
    _tidy(components["schemas"])
    _tidy(result["paths"])
    meanings = (f"* `{name}` - {kind.name}" for name, kind in events.KINDS.items())
    components["schemas"]["EventKind"]["description"] = "\n".join(meanings)
    for operations in result["paths"].values():
        for method, operation in operations.items():
            _complete(method, operation, components["schemas"])
    signing_in.add(result)
    return result


LABELS = re.compile(r"\n*\* `([^`]*)` - \1(?=\n|$)")  # what a list of values says where they have no other names


def _tidy(part: Any) -> None:
    """Leave out what says nothing, and say of events what they mean."""
    match part:
        case dict():
            if isinstance(said := part.get("description"), str) and not (said := LABELS.sub("", said).strip()):
                del part["description"]
            elif said:
                part["description"] = said
            for inner in part.values():
                _tidy(inner)
        case list():
            for inner in part:
                _tidy(inner)


def _complete(method: str, operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    operation["summary"] = re.split(r"[.;:] |\.$", operation["description"], maxsplit=1)[0]
    if codes := examples.codes(operation["operationId"]):
        operation["description"] += f"\n\nRefusals of its own: {', '.join(f'`{code}`' for code in codes)}."
    responses = operation["responses"]
    public = not operation.get("security")
    asked = ["AcceptLanguage"]
    if method == "get" and public:
        asked.append("IfNoneMatch")
        responses["304"] = {"description": "Not changed", "headers": told("ETag", "RateLimit", "RateLimit-Policy")}
    if method == "post":
        operation.setdefault("requestBody", NOTHING)
    for content in operation.get("requestBody", {}).get("content", {}).values():
        if "$ref" in content["schema"]:
            schemas[content["schema"]["$ref"].rpartition("/")[2]]["additionalProperties"] = False
    operation.setdefault("parameters", []).extend({"$ref": f"#/components/parameters/{name}"} for name in asked)
    for status in _statuses(method, operation, public):
        responses.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
    keyed = any(one.get("name") == idempotency.HEADER for one in operation["parameters"])
    for status, response in responses.items():
        if status < "300":
            headers = {
                **EVERYWHERE,
                **told(*(["ETag"] if public else []), *(["Idempotency-Replayed"] if keyed else [])),
                **told(*(["Location"] if status == "201" and operation["operationId"] in LOCATED else [])),
            }
            response["headers"] = {**headers, **response.get("headers", {})}
            response["description"] = response.get("description") or (
                "What was asked for" if method == "get" else "Done"
            )
            if content := response.get("content", {}).get("application/json"):
                content["examples"] = examples.of_answer(operation["operationId"])
            if table := response.get("content", {}).get("text/csv"):
                table["examples"] = examples.of_table(operation["operationId"])
                if any(one.get("name") == "cursor" for one in operation["parameters"]):
                    response["headers"] |= told("Link")


def _statuses(method: str, operation: dict[str, Any], public: bool) -> list[int]:
    placed = any(one.get("in") == "path" for one in operation.get("parameters", []))
    return [
        400,
        *([] if public else [401, 403]),
        *([404] if placed or operation["operationId"] in MAY_BE_MISSING else []),
        406,
        *([412] if method == "get" and public else []),
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
