"""The documents that a citizen was given, to take along; and the page where anybody checks one by its hash (D48)."""

import re
from hashlib import sha256
from typing import Any
from uuid import UUID

from django import forms
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from portal import archive
from portal.access import citizen, public
from portal.archive import Paper
from portal.web import who

NEWEST = 200
LARGEST = 2 * 1024 * 1024  # bytes: some forty times a document
SANDBOX: dict[str, Any] = {"default-src": [CSP.NONE], "sandbox": True}


@citizen
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    """One's own documents, the newest first."""
    own = Paper.objects.filter(investor=who.citizen(request)).defer("sealed").order_by("-made_at", "-id")
    return render(request, "account/documents.html", {"papers": own[:NEWEST]})


@citizen
@require_safe
@csp_override(SANDBOX)
def download(request: HttpRequest, key: UUID) -> HttpResponse:
    """One of one's own, as a file to keep. Somebody else's answers exactly as one that does not exist."""
    investor = who.citizen(request)
    paper = Paper.objects.filter(investor=investor, pk=key).first()
    if paper is None:
        raise Http404
    headers: dict[str, Any] = {
        "Content-Disposition": f'attachment; filename="{paper.file_name}"',
        "Cache-Control": "private, no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    content = paper.content(actor=investor.actor, now=timezone.now())
    return HttpResponse(content, content_type="application/pdf", headers=headers)


class PaperForm(forms.Form):
    """A document, or its SHA-256."""

    file = forms.FileField(label=gettext_lazy("The document (PDF)"), required=False, allow_empty_file=True)
    digest = forms.CharField(label=gettext_lazy("Or its SHA-256"), required=False, max_length=200)

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        typed = re.sub(r"[\s:]", "", given.get("digest", "")).lower()
        if file := given.get("file"):
            if file.size > LARGEST:
                raise forms.ValidationError(_("No document of the fund is so large."))
            given["sha256"] = sha256(file.read()).digest()
        elif re.fullmatch("[0-9a-f]{64}", typed):
            given["sha256"] = bytes.fromhex(typed)
        elif typed:
            self.add_error("digest", _("A SHA-256 has 64 digits from 0 to 9 and a to f."))
        elif "digest" not in self.errors:
            raise forms.ValidationError(_("Choose the document or enter its SHA-256."))
        return given


@public
@csrf_exempt  # it changes nothing, and whoever asks need not be known
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Whether the fund gave exactly this document. Nothing of it is kept."""
    if request.method != "POST":
        return render(request, "public/check_document.html", {"form": PaperForm(label_suffix="")})
    form = PaperForm(request.POST, request.FILES, label_suffix="")
    if not form.is_valid():
        return render(request, "public/check_document.html", {"form": form}, status=422)
    digest = form.cleaned_data["sha256"]
    found = archive.given(digest=digest)
    return render(request, "public/check_document.html", {"form": form, "asked": digest.hex(), "found": found})
