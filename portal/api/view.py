"""What every operation of the API has in common: who may ask, what is read, and how long an answer is good."""

from datetime import datetime
from hashlib import sha256
from typing import Any

from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import patch_cache_control
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import APIException, NotAcceptable, NotFound
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.utils.mediatypes import media_type_matches
from rest_framework.views import APIView

from investors import people
from investors.people import Investor
from portal import access, replica
from portal.api.border import Body, Query, StrictJSONParser
from portal.api.remembering import remembered
from portal.api.who import IsApplicant, IsCitizen, SessionToken
from portal.door import same_for_all
from portal.received import received_at

_said: dict[type[APIView], dict[str, str]] = {}


class Encoded(APIException):
    status_code = 415
    default_detail = _("Send the body as it is, without “Content-Encoding”.")
    default_code = "encoded_body"


class NoQuery(Query):
    """No parameters."""


class Negotiation(DefaultContentNegotiation):
    """What most clients ask for is seen at a glance; of several forms the one that is wanted most (``q``)."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        first = renderers[0]
        if request.META.get("HTTP_ACCEPT", "").strip() in (first.media_type, "*/*", ""):
            return first, first.media_type
        for wanted in request._request.accepted_types:
            for one in renderers:
                if media_type_matches(one.media_type, f"{wanted.main_type}/{wanted.sub_type}".lower()):
                    return one, one.media_type
        raise NotAcceptable(available_renderers=renderers)

    def select_parser(self, request: Request, parsers: Any) -> Any:
        if request.META.get("HTTP_CONTENT_ENCODING", "identity") != "identity":
            raise Encoded
        first = parsers[0]
        if request.content_type == first.media_type:
            return first
        return None if "*" in request.content_type else super().select_parser(request, parsers)


class View(APIView):
    """The base of all operations. Access is asked here, after the count: 401 and 403 are problem documents."""

    access = staticmethod(access.anybody)
    authentication_classes = [SessionToken]
    permission_classes: list[type[BasePermission]] = []
    parser_classes = [StrictJSONParser]
    renderer_classes: list[type[BaseRenderer]] = [JSONRenderer]
    content_negotiation_class = Negotiation
    metadata_class = None
    http_method_names = [name for name in APIView.http_method_names if name != "options"]  # so that Allow is true
    query: type[Query] = NoQuery

    asked: dict[str, Any]
    received_at: datetime

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.received_at = received_at(request._request)
        method = str(request.method).lower()
        if method not in self.http_method_names or not hasattr(self, method):
            self.http_method_not_allowed(request, *args, **kwargs)
        super().initial(request, *args, **kwargs)
        if request.auth is not None:
            access.on_behalf_of(request.user)
        self.asked = self.query.read(request.query_params if request.META.get("QUERY_STRING") else None)

    def finalize_response(self, request: Request, response: Any, *args: Any, **kwargs: Any) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        if not answer.has_header("Cache-Control"):
            self.let_keep(answer)
        return answer

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Which methods there are, found out once for each view."""
        kind = type(self)
        if kind not in _said:
            _said[kind] = super().default_response_headers
        return dict(_said[kind])

    def let_keep(self, answer: HttpResponseBase) -> None:
        """Say who may keep the answer, and how long."""
        answer["Cache-Control"] = "private, no-store"

    def read(self, form: type[Body]) -> dict[str, Any]:
        """The body, checked. Raises ValidationError."""
        return form.read(self.request.data)


class Public(View):
    """What everybody may read. Nobody is signed in here, so that one answer serves all."""

    authentication_classes = []
    seconds = 60

    def get(self, request: Request, **place: str) -> Response:
        """The figures, worked out once for everybody who asks within ``seconds``."""
        return Response(remembered(self._name(request), seconds=self.seconds, make=lambda: replica.read(self.figures)))

    def figures(self) -> Any:
        """What is answered, as data for JSON."""
        raise NotImplementedError

    def _name(self, request: Request) -> str:
        parts = [request.get_host(), request.path, sorted(self.asked.items()), get_language()]
        return f"api:{sha256(repr(parts).encode()).hexdigest()}"

    def let_keep(self, answer: HttpResponseBase) -> None:
        patch_cache_control(answer, public=True, max_age=self.seconds)
        same_for_all(answer)


class Applicants(View):
    """For somebody who has signed in and may become a citizen of the fund."""

    permission_classes = [IsApplicant]

    @property
    def investor(self) -> Investor:
        return people.register(user=self.request.user, now=timezone.now())

    @property
    def inbox(self) -> Any:
        """What this person was told, as rows of ``portal.notices``."""
        return self.request.user.inbox  # type: ignore[union-attr]


class Citizens(View):
    """For a citizen: the own orders, units and money, and nobody else's."""

    permission_classes = [IsApplicant, IsCitizen]

    @property
    def investor(self) -> Investor:
        return self.request.user.investor  # type: ignore[union-attr]

    @property
    def holder_id(self) -> int:
        assert self.investor.holder_id is not None
        return self.investor.holder_id


class Unknown(View):
    """Every address under /api/v1 that is none, whatever is asked of it."""

    authentication_classes = []

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        raise NotFound
