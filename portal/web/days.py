"""The calendar: dealing and banking days of a month, cut-offs, and what comes next (D22)."""

import re
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from fund import calendars
from fund.dealing.models import Offering
from fund.holders import Nation
from fund.nav import strike
from portal.access import public
from portal.web import offerings, words
from portal.web.kept import briefly

STATE = Offering.State
MONTH = re.compile(r"(20[1-3][0-9])-(0[1-9]|1[0-2])", re.ASCII)


@public
@require_safe
@briefly
def calendar(request: HttpRequest) -> HttpResponse:
    """A month, this one or that of ``?month=2026-12``. A year whose holidays are not published is not guessed."""
    now = timezone.now()
    first = _month(request, now)
    deals = _dealing_days()
    return render(
        request,
        "public/calendar.html",
        {
            "month": first,
            "known": first.year in calendars.KNOWN,
            "days": [_day(day, deals) for day in _weekdays(first)],
            "before": (first - timedelta(days=1)).replace(day=1),
            "after": (first + timedelta(days=31)).replace(day=1),
            "coming": sorted(_coming(now), key=lambda one: one["at"]),
            "nav": _next_nav(now),
        },
    )


def _month(request: HttpRequest, now: datetime) -> date:
    if "month" not in request.GET:
        return now.date().replace(day=1)
    asked = MONTH.fullmatch(request.GET["month"])
    if asked is None:
        raise Http404
    return date(int(asked[1]), int(asked[2]), 1)


def _weekdays(first: date) -> Iterator[date]:
    """Monday to Friday of a month; on the other days nothing is open."""
    day = first
    while day.month == first.month:
        if day.weekday() < 5:
            yield day
        day += timedelta(days=1)


def _day(day: date, deals: dict[date, list[dict[str, Any]]]) -> dict[str, Any]:
    return {
        "day": day,
        "dealing": calendars.is_dealing_day(day),
        "us": calendars.banking_day(Nation.US, day),
        "japan": calendars.banking_day(Nation.JP, day),
        "offerings": deals.get(day, []),
    }


def _dealing_days() -> dict[date, list[dict[str, Any]]]:
    """The offerings by their dealing day."""
    found: dict[date, list[dict[str, Any]]] = {}
    for one in offerings.listed().exclude(state=STATE.CANCELLED).order_by("code"):
        found.setdefault(one.dealing_day, []).append({"code": one.code, "name": words.of(one, "name")})
    return found


def _coming(now: datetime) -> Iterator[dict[str, Any]]:
    """Every instant that is still to come in the offerings that run."""
    for one in offerings.listed().filter(state__in=[STATE.ANNOUNCED, STATE.OPEN, STATE.CLOSED]):
        for what, at in ((_("Opens"), one.opens_at), (_("Closes"), one.closes_at), (_("Pay by"), one.pay_by)):
            if at > now:
                yield {"what": what, "at": at, "code": one.code, "name": words.of(one, "name")}


def _next_nav(now: datetime) -> dict[str, Any] | None:
    """The day that is valued next, and whether it is over and its figures are being made."""
    last = strike.latest()
    if last is None:
        return None
    try:
        day = calendars.next_dealing_day(last.valuation_day)
    except calendars.Unknown as unknown:
        return {"last": last.valuation_day, "day": None, "why": str(unknown)}
    over = calendars.books_close(day)
    return {"last": last.valuation_day, "day": day, "over": over, "under_way": over <= now}
