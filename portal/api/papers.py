"""The documents that a citizen was given: the list, and each as it was given (D48)."""

from typing import Any
from uuid import UUID

from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from portal.api.documented import documented
from portal.api.forms import Hex, Instant, a_list
from portal.api.pages import PageQuery, page
from portal.api.view import Citizens
from portal.archive import Kind, Paper

TAG = "Documents"


class PaperForm(serializers.Serializer[Any]):
    """A document. ``subject`` is what it is about: an order's reference, a window, a quarter, a year. ``sha256`` is
    that of the PDF.

    It stays in the language in which it was made. A corrected one has a higher ``version`` and an id of its own.
    """

    id = serializers.UUIDField()
    kind = serializers.ChoiceField(choices=Kind.values)
    subject = serializers.CharField()
    version = serializers.IntegerField()
    made_at = Instant()
    size = serializers.IntegerField(help_text="Bytes of the PDF.")
    sha256 = Hex(source="digest")


class Papers(Citizens):
    query = PageQuery

    @documented("listPapers", tag=TAG, query=PageQuery, answers=a_list(PaperForm, "PaperList"))
    def get(self, request: Request) -> Response:
        """The own documents, the newest first."""
        return Response(
            page(
                request,
                Paper.objects.filter(investor=self.investor).defer("sealed"),
                by=["made_at", "id"],
                show=lambda rows: PaperForm(rows, many=True).data,
                cursor=self.asked.get("cursor"),
            )
        )


class PDFRenderer(BaseRenderer):
    """The document itself."""

    media_type = "application/pdf"
    format = "pdf"
    charset = None
    render_style = "binary"

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:
        content: bytes = renderer_context["view"].paper.content(
            actor=renderer_context["view"].investor.actor, now=timezone.now()
        )
        return content


class OnePaper(Citizens):
    renderer_classes = [JSONRenderer, PDFRenderer]
    paper: Paper

    @documented(
        "getPaper",
        tag=TAG,
        answers={(200, "application/json"): PaperForm, (200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, id: UUID) -> Response:
        """One document: what it is, or with `Accept: application/pdf` the PDF itself."""
        found = Paper.objects.filter(investor=self.investor, pk=id).first()
        if found is None:
            raise NotFound
        self.paper = found
        return Response(PaperForm(found).data)
