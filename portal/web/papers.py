"""The step of the application that takes pictures of documents: each is saved at once, replaced, removed, looked at.

A picture leaves the site as an attachment alone, in a sandbox; no address of ours ever shows one.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.csp import CSP
from django.utils.translation import gettext as _
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_safe

from fund.refusal import Refusal
from investors import evidence, onboarding, people, pictures, steps
from investors.cases import NotEditable
from investors.people import Investor
from investors.steps import Known, papers
from investors.steps.papers import HINTS, Kind
from portal import uploading
from portal.access import applicant
from portal.web import join, words

ACCEPTED = "image/jpeg,image/png,image/webp,application/pdf"
SANDBOX: dict[str, Any] = {"default-src": [CSP.NONE], "sandbox": True}


@applicant
@csrf_exempt  # asked below, once it is known that the body is small enough to be read
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest) -> HttpResponse:
    """Where the pictures are given."""
    if uploading.is_too_large(request):
        return _page(request, error=str(evidence.WHY["too_large"]), status=413)
    request.upload_handlers = [uploading.InMemory(request)]
    return _step(request)


@csrf_protect
def _step(request: HttpRequest) -> HttpResponse:
    now = timezone.now()
    if request.method != "POST":
        return _page(request)
    investor = people.register(user=request.user, now=now)
    if request.POST.get("kind") not in Kind.values:
        return _page(request, error=_("There is no such document."), status=422)
    kind = Kind(request.POST["kind"])
    try:
        said = _act(request, investor, kind, now)
    except NotEditable:
        return redirect("join")
    except Refusal as refused:
        return _page(request, error=words.refusal(refused), wrong=kind, status=422)
    messages.success(request, said)
    return redirect("join-documents")


def _act(request: HttpRequest, investor: Investor, kind: Kind, now: datetime) -> str:
    """Remove or add; the sentence that says it. Raises Refusal."""
    version = join.version(request)
    if "remove" in request.POST:
        onboarding.remove_document(investor=investor, kind=kind, now=now, version=version)
        return _("Removed: %(document)s.") % {"document": kind.label}
    file = request.FILES.get("file") or request.FILES.get("camera")
    if file is None:
        raise evidence.BadFile(_("Please choose a file or take a picture first."), code="required")
    taken = uploading.take(user_id=investor.user_id, data=file.read())
    onboarding.add_document(investor=investor, kind=kind, taken=taken, now=now, version=version)
    return _("Saved: %(document)s.") % {"document": kind.label}


def _page(request: HttpRequest, *, error: str = "", wrong: Kind | None = None, status: int = 200) -> HttpResponse:
    now = timezone.now()
    investor = people.register(user=request.user, now=now)
    draft = onboarding.draft(investor=investor, now=now)
    if draft and not draft.application.editable:
        return redirect("join")
    known = Known(now, draft.answers if draft else {})
    here = evidence.current(draft.application) if draft else {}
    order = onboarding.asked(investor=investor)
    place = order.index("documents")
    after = join.after(investor, "documents", now)
    return render(
        request,
        "join/documents.html",
        join.way(investor)
        | {
            "described": steps.describe("documents", known),
            "code": "documents",
            "number": place + 1,
            "before": order[place - 1],
            "after": reverse(after[0], args=after[1:]),
            "stated": papers.stated(known),
            "missing": papers.missing(known),
            "papers": [
                {
                    "kind": kind.value,
                    "label": kind.label,
                    "hint": HINTS.get(kind, ""),
                    "needed": kind in papers.needed(known),
                    "document": here.get(kind),
                    "numbers": range(1, here[kind].pages + 1) if kind in here else (),
                    "version": evidence.version(draft.application, kind) if draft else 0,
                    "error": error if kind == wrong else "",
                }
                for kind in papers.asked(known)
            ],
            "error": error,
            "wrong": wrong,
            "accepted": ACCEPTED,
            "largest": pictures.LARGEST,
            "pages": pictures.PAGES,
        },
        status=status,
    )


@applicant
@require_safe
@csp_override(SANDBOX)
def page(request: HttpRequest, key: UUID, number: int) -> HttpResponse:
    """One page of one's own, as a file to keep."""
    now = timezone.now()
    investor = people.register(user=request.user, now=now)
    application = onboarding.current(investor=investor)
    if application is None:
        raise Http404
    try:
        jpeg = evidence.page(application=application, key=key, number=number, actor=investor.actor, now=now)
    except evidence.NoSuchDocument:
        raise Http404 from None
    headers: dict[str, Any] = {
        "Content-Disposition": f'attachment; filename="document-{number}.jpg"',
        "Cache-Control": "private, no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return HttpResponse(jpeg, content_type="image/jpeg", headers=headers)
