"""Documents, help, status, verification and security.txt: pages about the service itself."""

import contextlib
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from fund.dealing.models import Offering
from fund.dealing.outage import Outage
from fund.governance import audit, config, officers
from fund.ledger import prove as ledger
from fund.nav import strike
from fund.register import proof
from investors import agreements
from investors.agreements import Agreement
from investors.steps import places
from portal.access import public
from portal.door import same_for_all
from portal.templatetags import glossary
from portal.watch import alerts, facts
from portal.web import leverage, portfolio, words
from portal.web.kept import briefly

OUTAGES = 20  # of the last ones


@public
@require_safe
@briefly
def documents(request: HttpRequest) -> HttpResponse:
    """The agreements in force in the reader's language, and what changed since those the reader has accepted."""
    found = agreements.in_force(kinds=agreements.Kind.values, at=timezone.now())
    texts = [one for one in found if one.language == words.language()]
    investor = getattr(request.user, "investor", None)
    changes = agreements.changed_since(investor=investor, texts=texts) if investor else []
    return render(request, "public/documents.html", {"documents": texts, "changes": changes})


@public
@require_safe
@briefly
def document(request: HttpRequest, kind: str, version: int) -> HttpResponse:
    rows = Agreement.objects.filter(in_force_from__lte=timezone.now())
    one = rows.filter(kind=kind, version=version, language=words.language()).first()
    if one is None:
        raise Http404
    return render(request, "public/document.html", {"one": one, "parts": paragraphs(one.text)})


def paragraphs(text: str) -> list[dict[str, Any]]:
    """An agreement's text as headings, lists and paragraphs; its first line is the title and stands above already."""
    parts: list[dict[str, Any]] = []
    for block in text.partition("\n")[2].split("\n\n"):
        lines = [line.strip() for line in block.strip().splitlines()]
        if not lines:
            continue
        if lines[0].startswith("#"):
            parts.append({"kind": "heading", "text": lines.pop(0).lstrip("# ")})
        if lines and all(line.startswith(("- ", "* ")) for line in lines):
            parts.append({"kind": "list", "items": [line[2:] for line in lines]})
        elif lines:
            parts.append({"kind": "text", "text": ("" if words.language() == "ja" else " ").join(lines)})
    return parts


@public
@require_safe
@briefly
def help_(request: HttpRequest) -> HttpResponse:
    nav = strike.latest()
    figures = leverage.measured(nav)
    falls = [case for case in (figures.stress if figures else []) if case.assets_percent < 0]
    worst = min(falls, key=lambda case: case.assets_percent, default=None)
    return render(
        request,
        "public/help.html",
        {
            "contact": settings.CONTACT_EMAIL,
            "ages": _ages(),
            "nav": nav if figures else None,
            "leverage": figures,
            "investments": len(portfolio.marks(nav.valuation_day)) if nav else 0,
            "worst": worst,
            "worst_fall": -worst.assets_percent if worst else 0,
        },
    )


@public
@require_safe
@briefly
def glossary_(request: HttpRequest) -> HttpResponse:
    """Every word of the fund that its pages use, in both languages."""
    return render(request, "public/glossary.html", {"terms": glossary.terms()})


def _ages() -> list[tuple[str, int]]:
    """The age of majority by place, as the settings have it now (D6)."""
    ages: dict[str, int] = config.get("age.adult", at=timezone.now())
    names = {"US": _("United States"), "JP": _("Japan")}
    states = dict(places.STATES)
    return [(names.get(code) or words.state(code.removeprefix("US-"), states), age) for code, age in ages.items()]


PARTS = {
    "database": gettext_lazy("Database"),
    "queue": gettext_lazy("Messages between the parts"),
    "migrations": gettext_lazy("Version of the tables"),
    alerts.BOOK: gettext_lazy("The fund's books and their seals"),
    alerts.CLOCK: gettext_lazy("What happens by the clock"),
    alerts.WORK: gettext_lazy("Work in the background"),
    alerts.FENCE: gettext_lazy("E-mails and payments"),
}


@public
@require_safe
def status(request: HttpRequest) -> HttpResponse:
    """Whether the parts of the service run, in words for everybody, and the outages that were declared (D26).

    From the facts of `/metrics` and by the same judgement; an officer sees which alerts they raise.
    """
    now = timezone.now()
    raised = alerts.judge(facts.read(now=now))
    disturbed = {one.part for one in raised if one.alert.urgent}
    answer = render(
        request,
        "public/status.html",
        {
            "parts": [{"name": name, "well": part not in disturbed} for part, name in PARTS.items()],
            "fenced": alerts.FENCE in disturbed,
            "well": not disturbed,
            "now": now,
            "outages": _outages(),
            "is_officer": (officer := _is_officer(request, now)),
            "raised": raised if officer else [],
        },
    )
    return answer if request.COOKIES else same_for_all(answer)


def _outages() -> list[dict[str, Any]]:
    """The last declared ones; none while the database does not answer."""
    with contextlib.suppress(DatabaseError):
        return [
            {
                "cause": words.of(one, "cause"),
                "began": one.starts_at,
                "ended": one.ends_at,
                "offerings": [moved.offering_id for moved in one.extensions.all()],
            }
            for one in Outage.objects.order_by("-starts_at").prefetch_related("extensions")[:OUTAGES]
        ]
    return []


def _is_officer(request: HttpRequest, now: datetime) -> bool:
    if not request.COOKIES or not request.user.is_authenticated:
        return False
    try:
        officers.on_duty(user_id=request.user.pk, duty=None, now=now)
    except officers.NotOnDuty:
        return False
    return True


@public
@require_safe
@briefly
def verify(request: HttpRequest) -> HttpResponse:
    """What anybody can check, with the heads of the chains."""
    logs = [(_("Acts"), audit.AUDIT), (_("Ledger"), ledger.LEDGER), (_("Settlements"), ledger.SETTLEMENTS)]
    chains = [(name, audit.head(log=log)) for name, log in logs]
    allotted = Offering.objects.filter(state__in=[Offering.State.ALLOTTED, Offering.State.SETTLED]).order_by("code")
    return render(
        request,
        "public/verify.html",
        {
            "chains": [
                {
                    "name": name,
                    "head": bytes(seal.hash).hex() if seal else "",
                    "sealed_at": seal.sealed_at if seal else None,
                }
                for name, seal in chains
            ],
            "committed": proof.newest(),
            "allotted": [{"code": one.code, "name": words.of(one, "name")} for one in allotted],
        },
    )


@public
@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """RFC 9116: where to report a weakness."""
    expires = (timezone.now() + timedelta(days=180)).replace(microsecond=0)
    with translation.override("en"):
        help_page = request.build_absolute_uri(reverse("help"))
    lines = [
        f"Contact: mailto:{settings.CONTACT_EMAIL}",
        f"Contact: {help_page}",
        f"Expires: {expires.strftime('%Y-%m-%dT%H:%M:%SZ')}",
        "Preferred-Languages: en, ja",
        f"Canonical: {request.build_absolute_uri('/.well-known/security.txt')}",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
