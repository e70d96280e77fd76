"""The texts that a citizen accepts (D14), to be read before they are named in ``accepts``."""

from typing import Any

from django.shortcuts import get_object_or_404
from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from investors.agreements import LANGUAGES, Agreement, Kind, in_force
from portal.api.documented import AGREEMENT_PARAMETER, documented
from portal.api.forms import Instant, a_list, language
from portal.api.view import Public

TAG = "Agreements"


class AgreementForm(serializers.Serializer[Any]):
    """A text in the language of the request. ``code`` is what ``accepts`` and an offering call it, in every language.

    ``sha256`` is of the UTF-8 bytes of ``text``; with an acceptance it is kept for good.
    """

    code = serializers.CharField()
    kind = serializers.ChoiceField(choices=Kind.values)
    version = serializers.IntegerField()
    language = serializers.ChoiceField(choices=LANGUAGES)
    title = serializers.CharField()
    sha256 = serializers.RegexField("^[0-9a-f]{64}$")
    in_force_from = Instant()


class TextForm(AgreementForm):
    """A text with all its words."""

    text = serializers.CharField(help_text="Markdown.")


class Agreements(Public):
    @documented("listAgreements", tag=TAG, answers=a_list(AgreementForm, "AgreementList"))
    def get(self, request: Request, **place: str) -> Response:
        """The newest text in force of each kind."""
        return super().get(request, **place)

    def figures(self) -> Any:
        texts = [one for one in in_force(kinds=Kind, at=timezone.now()) if one.language == language()]
        return {"results": AgreementForm(texts, many=True).data, "next": None}


class OneAgreement(Public):
    @documented("getAgreement", tag=TAG, answers=TextForm, parameters=(AGREEMENT_PARAMETER,))
    def get(self, request: Request, **place: str) -> Response:
        """One text, also one that a newer version has replaced."""
        return super().get(request, **place)

    def figures(self) -> Any:
        kind, _colon, version = self.kwargs["code"].partition(":")
        known = Agreement.objects.filter(in_force_from__lte=timezone.now())
        return TextForm(get_object_or_404(known, kind=kind, version=int(version), language=language())).data
