"""The proof of holding: one's own to keep, and the page where anybody checks one (D50)."""

import json
from datetime import date
from typing import Any

from django import forms
from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest, HttpResponse, JsonResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from fund.holders import Holder
from fund.register import proof, tree
from fund.units import UnitClass
from portal.access import citizen, public
from portal.web import who

SCRIPT = settings.BASE_DIR / "docs" / "check_holding.py"
DAYS = 12  # of each class that are offered, the newest first
LARGEST = 64 * 1024  # bytes of a proof: that of ten thousand million holders is a tenth of it

WHY = {
    "not_a_proof": gettext_lazy("This is not a proof of holding as the fund gives it."),
    "units_out_of_range": gettext_lazy("A number of units in it is negative, or more than can exist."),
    "another_total": gettext_lazy("The units along the way do not add up to the total."),
    "another_root": gettext_lazy("The way does not lead to the root: something in the proof was changed."),
    "not_published": gettext_lazy("The calculation is right, but the fund has not published this root for that day."),
}


@citizen
@require_safe
def own(request: HttpRequest) -> HttpResponse:
    """The proofs of one's own units, the newest day of each class first."""
    holder_id = who.holder_id(request)
    classes = [_own(one, holder_id) for one in UnitClass.objects.filter(owner_kind=Holder.Kind.CITIZEN).order_by("pk")]
    return render(request, "account/proof.html", {"classes": [one for one in classes if one]})


def _own(unit_class: UnitClass, holder_id: int) -> dict[str, Any] | None:
    roots = list(proof.committed(class_code=unit_class.code).distinct("nav__valuation_day")[:DAYS])
    held = proof.units_of(holder_id=holder_id, roots=roots)
    rows = [{"root": one, "hash": bytes(one.root).hex(), "units": held[one.pk]} for one in roots if held[one.pk]]
    return {"unit_class": unit_class, "rows": rows, "newest": rows[0]} if rows else None


@citizen
@require_safe
@cache_control(private=True, no_store=True)
def download(request: HttpRequest, code: str, day: str) -> HttpResponse:
    """One's own proof of a day, as a file to keep."""
    try:
        found = proof.of_holder(holder_id=who.holder_id(request), class_code=code, day=date.fromisoformat(day))
    except (proof.Unproved, ValueError):
        raise Http404 from None
    name = f"proof-of-holding-{code}-{day}.json"
    return JsonResponse(
        found,
        json_dumps_params={"indent": 1},
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


@public
@require_safe
def script(request: HttpRequest) -> HttpResponseBase:
    """The script that checks a proof without the fund."""
    return FileResponse(SCRIPT.open("rb"), as_attachment=True, content_type="text/x-python; charset=utf-8")


class ProofForm(forms.Form):
    """A proof, pasted or as the file that was downloaded."""

    file = forms.FileField(label=gettext_lazy("The file of the proof"), required=False, allow_empty_file=True)
    text = forms.CharField(
        label=gettext_lazy("Or its text"), required=False, max_length=LARGEST, widget=forms.Textarea(attrs={"rows": 8})
    )

    def clean(self) -> dict[str, Any]:
        given = self.cleaned_data
        file = given.get("file")
        if file and file.size > LARGEST:
            raise forms.ValidationError(WHY["not_a_proof"])
        given["proof"] = file.read() if file else given.get("text", "").encode()
        if not given["proof"].strip():
            raise forms.ValidationError(_("Choose the file of the proof or paste its text."))
        return given


@public
@csrf_exempt  # it changes nothing, and whoever asks need not be known
@require_http_methods(["GET", "HEAD", "POST"])
def check(request: HttpRequest) -> HttpResponse:
    """Check a proof that somebody shows: here, where the browser does not do it. Nothing of it is kept."""
    if request.method != "POST":
        return _page(request, ProofForm(label_suffix=""))
    form = ProofForm(request.POST, request.FILES, label_suffix="")
    if not form.is_valid():
        return _page(request, form, status=422)
    return _page(request, form, result=verdict(form.cleaned_data["proof"]))


def _page(request: HttpRequest, form: ProofForm, *, status: int = 200, **more: Any) -> HttpResponse:
    return render(request, "public/holding.html", {"form": form, "why": WHY, **more}, status=status)


def verdict(given: bytes) -> dict[str, Any]:
    """Whether a proof holds and its root is published; else why not."""
    try:
        read = tree.read(json.loads(given))
        tree.check(read)
        if not proof.is_published(read):
            raise tree.Wrong("not_published")
    except (ValueError, RecursionError):
        return {"why": WHY["not_a_proof"]}
    except tree.Wrong as wrong:
        return {"why": WHY[wrong.code]}
    unit_class = UnitClass.objects.get(pk=read.unit_class)
    return {"holds": True, "read": read, "day": date.fromisoformat(read.day), "unit_class": unit_class}
