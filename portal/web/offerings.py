"""Offerings in public: the list, one offering with its live demand, and its allotment with the book (D24, D28)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from fund.dealing import allotment as allotting
from fund.dealing import handover, settlement
from fund.dealing import offering as offering_room
from fund.dealing.models import Offering
from fund.dealing.outage import Extension
from fund.money import percent
from investors import agreements
from portal import waiting_room
from portal.access import public
from portal.templatetags import figures
from portal.web import calculator, words
from portal.web.kept import briefly

STATE = Offering.State
LINES = 100  # of the book on one page
DEMAND_KEPT = 10  # seconds: counting the book costs the same for one reader or a million
GROUPS = (
    ((STATE.OPEN,), "open"),
    ((STATE.ANNOUNCED,), "announced"),
    ((STATE.CLOSED, STATE.ALLOTTED, STATE.SETTLED, STATE.CANCELLED), "past"),
)


def listed() -> QuerySet[Offering]:
    return Offering.objects.select_related("unit_class")


@public
@require_safe
@briefly
def index(request: HttpRequest) -> HttpResponse:
    names = {"open": _("Open now"), "announced": _("Announced"), "past": _("Past offerings")}
    found = [shown(one) for one in listed().order_by("-closes_at")]
    groups = [
        {"name": names[name], "offerings": [one for one in found if one["state"] in states]} for states, name in GROUPS
    ]
    return render(request, "public/offerings.html", {"groups": [group for group in groups if group["offerings"]]})


@public
@require_safe
@briefly
def detail(request: HttpRequest, code: str) -> HttpResponse:
    offering, now = _found(code), timezone.now()
    running = offering.state in (STATE.OPEN, STATE.ANNOUNCED)
    form = calculator.CalculatorForm(offering, request.GET if "amount" in request.GET else None)
    sound = form.is_valid()
    asked = form.cleaned_data["amount"] if sound else offering.money(offering.minimum)
    percent = form.cleaned_data.get("distribution") if sound else None
    facts = {
        "offering": shown(offering),
        "extensions": [extension(one) for one in offering.extensions.select_related("outage")],
        "agreements": texts(offering, now),
        "example": calculator.oversubscribed(offering),
        "form": form,
        "asked": asked,
        "supposed": calculator.SUPPOSED,
        "estimate": calculator.estimate(
            offering=offering, amount=asked, now=now, percent=calculator.SUPPOSED if percent is None else percent
        )
        if running and not form.errors
        else None,
        "running": running,
        "soon": offering.state == STATE.ANNOUNCED and offering.opens_at - waiting_room.BEFORE <= now,
    }
    status = 422 if form.errors else 200
    return render(request, "public/offering.html", facts | _live(offering, now), status=status)


@public
@require_safe
@briefly
def demand(request: HttpRequest, code: str) -> HttpResponse:
    """The live part of the page, for htmx."""
    return render(request, "public/demand.html", _live(_found(code), timezone.now()))


@public
@require_safe
@briefly
def allotment(request: HttpRequest, code: str) -> HttpResponse:
    """The basis, the book page by page, and how to run it again."""
    offering = _found(code)
    basis = getattr(offering, "allotment", None)
    page = allotting.book(offering=offering, after=_ticket(request), limit=LINES) if basis else None
    return render(
        request,
        "public/allotment.html",
        {
            "offering": shown(offering),
            "basis": basis and _basis(offering),
            "sentence": basis and _sentence(offering),
            "book": page.applicants if page else [],
            "next": page.next if page else None,
            "progress": basis and _progress(offering),
            "for_programs": f"/api/v1/offerings/{offering.code}/book",
        },
    )


def shown(offering: Offering) -> dict[str, Any]:
    """An offering as pages show it."""
    money = offering.money
    rule = str(words.PRICE_RULES[offering.price_basis])
    return {
        "code": offering.code,
        "state": offering.state,
        "state_label": words.OFFERING_STATES[offering.state],
        "name": words.of(offering, "name"),
        "summary": words.of(offering, "summary"),
        "unit_class": offering.unit_class,
        "who": words.CITIZENS_OF.get(offering.unit_class_id, ""),
        **{name: money(getattr(offering, name)) for name in ("capacity", "minimum", "step", "maximum", "lot")},
        "order_maximum": money(offering.largest_order),
        "hand_over": _hand_over(offering),
        "opens_at": offering.opens_at,
        "closes_at": offering.closes_at,
        "pay_by": offering.pay_by,
        "dealing_day": offering.dealing_day,
        "price_rule": _("%(rule)s: %(price)s")
        % {"rule": rule, "price": figures.quoted(offering.price, offering.unit_class)}
        if offering.price
        else rule,
        "rounding_rule": words.ROUNDING_RULES["units_down_remainder_to_fund"],
        "fixed": offering.price is not None,
        "seed_commitment": bytes(offering.seed_commitment).hex(),
        "seed": bytes(offering.seed).hex() if offering.seed else "",
    }


def _hand_over(offering: Offering) -> str:
    """What the terms say about capacity that one tranche leaves unsold; nothing for an offering of its own."""
    if not offering.issue:
        return ""
    if not offering.hands_over:
        return _("This is a tranche of issue %(issue)s. What it leaves unsold stays unsold.") % {
            "issue": offering.issue
        }
    return _(
        "This is a tranche of issue %(issue)s. What it leaves unsold passes to the other tranche, if that lacks it, at"
        " %(rate)s yen for a dollar (ECB reference rate of %(day)s), rounded down to whole lots."
    ) % {"issue": offering.issue, "rate": offering.usd_jpy, "day": figures.day(offering.usd_jpy_day)}


def extension(one: Extension) -> dict[str, Any]:
    """How an outage moved the cut-off, as pages show it."""
    return {
        "cause": words.of(one.outage, "cause"),
        "began": one.outage.starts_at,
        "ended": one.outage.ends_at,
        "closed_at": one.closed_at,
        "closes_at": one.closes_at,
        "pay_by": one.pay_by,
    }


def texts(offering: Offering, now: datetime) -> list[agreements.Agreement]:
    """The agreements of an offering in the reader's language."""
    wanted = set(offering.agreements)
    kinds = {code.partition(":")[0] for code in wanted}
    rows = agreements.Agreement.objects.filter(kind__in=kinds, language=words.language(), in_force_from__lte=now)
    return [one for one in rows.order_by("kind") if one.code in wanted]


def _found(code: str) -> Offering:
    offering = listed().filter(pk=code).first()
    if offering is None:
        raise Http404
    return offering


def _live(offering: Offering, now: datetime) -> dict[str, Any]:
    """The time that is left, and the demand of the offering and of the other tranche of its issue."""
    until = {STATE.OPEN: offering.closes_at, STATE.ANNOUNCED: offering.opens_at}.get(STATE(offering.state))
    other = handover.other(offering)
    return {
        "offering": shown(offering),
        "remaining": words.countdown(until, now) if until else "",
        "clock": now,
        "tranches": [_demand(one, now) for one in ([offering, other] if other else [offering])],
    }


def _demand(offering: Offering, now: datetime) -> dict[str, Any]:
    key = f"demand:{offering.code}"
    kept = cache.get(key)
    if kept is None:
        kept = (offering_room.demand(offering=offering), now)
        cache.set(key, kept, DEMAND_KEPT)
    figures_, as_of = kept
    part = percent(figures_.requested.amount, figures_.capacity.amount, decimals=0)
    return {
        "name": words.of(offering, "name"),
        "demand": figures_,
        "percent": part,
        "bar": min(part, 100),
        "now": as_of,
    }


def _ticket(request: HttpRequest) -> str | None:
    try:
        return str(UUID(request.GET["after"])) if "after" in request.GET else None
    except ValueError:
        raise Http404 from None


def _basis(offering: Offering) -> dict[str, Any]:
    basis = offering.allotment
    return {
        "applicants": basis.applicants,
        "capacity_lots": basis.capacity_lots,
        "passed": _passed(offering),
        "requested_lots": basis.requested_lots,
        "level": basis.level,
        "level_money": offering.money(basis.level * offering.lot),
    }


def _passed(offering: Offering) -> str:
    """How the lots available came about, where capacity passed between two tranches."""
    basis = offering.allotment
    if basis.received_lots:
        return _("%(own)s lots of its own and %(passed)s that the other tranche left unsold.") % {
            "own": figures.whole(offering.capacity_lots),
            "passed": figures.whole(basis.received_lots),
        }
    if basis.given_lots:
        return _("%(own)s lots of its own, of which %(passed)s unsold ones passed to the other tranche.") % {
            "own": figures.whole(offering.capacity_lots),
            "passed": figures.whole(basis.given_lots),
        }
    return ""


def _sentence(offering: Offering) -> str:
    basis = offering.allotment
    if basis.requested_lots <= basis.capacity_lots:
        return _("Everybody received what they asked for.")
    level = figures.money(offering.money(basis.level * offering.lot))
    said = _("Everybody received what they asked for up to %(level)s.") % {"level": level}
    if not basis.ballot_lots:
        return said
    more = ngettext(
        "Of those who asked for more, %(count)s received one more lot by ballot.",
        "Of those who asked for more, %(count)s received one more lot by ballot.",
        basis.ballot_lots,
    ) % {"count": figures.whole(basis.ballot_lots)}
    return said + more if words.language() == "ja" else f"{said} {more}"


def _progress(offering: Offering) -> str:
    done = settlement.progress(offering_code=offering.code)
    return _("Settled so far: %(done)s of %(all)s orders.") % {
        "done": figures.whole(done.settled),
        "all": figures.whole(done.orders),
    }
