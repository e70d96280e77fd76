"""Who owns how much of the fund, on any day, and what the owners have promised (D1, D3, D49)."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from fund import calendars
from fund.nav import strike
from fund.register import calls, capital
from portal import spreadsheets
from portal.access import public
from portal.web import charts, portfolio, words
from portal.web.kept import briefly


@public
@require_safe
@briefly
def ownership(request: HttpRequest) -> HttpResponse:
    """Who owns how much, now or at the end of a day that is asked for."""
    now = timezone.now()
    day = _asked_day(request, now)
    table = capital.table(at=capital.end_of(day) if day else None)
    latest = strike.latest(at=capital.end_of(day) if day else None)
    return render(
        request,
        "public/ownership.html",
        {
            "day": day,
            "today": now.date(),
            "wrong_day": day is None and bool(request.GET.get("at")),
            "owners": owners(table),
            "rows": [
                {
                    "unit_class": row.unit_class,
                    "nation": row.nation.label,
                    "holders": row.holders,
                    "units": row.units,
                    "value": row.value,
                    "dollars": row.value_base,
                    "share": row.share,
                }
                for row in table.rows
            ],
            "total": portfolio.total(row.value_base for row in table.rows if row.value_base is not None),
            "valued_on": latest.valuation_day if latest else None,
            "standings": [
                {
                    "name": words.of(one.holder, "name"),
                    "unit_class": one.unit_class,
                    "committed": one.committed,
                    "called": one.called,
                    "paid": one.paid,
                }
                for one in calls.standings(on=day or now.date())
            ],
        },
    )


@public
@require_safe
@briefly
def ownership_csv(request: HttpRequest) -> HttpResponse:
    """The same table for a spreadsheet, now or at the end of a day that is asked for."""
    now = timezone.now()
    day = _asked_day(request, now)
    names = (
        "day",
        "class",
        "owner_kind",
        "nation",
        "owners",
        "units",
        "currency",
        "value",
        "value_usd",
        "share_percent",
    )
    rows = [
        (day or now.date(), row.unit_class.code, row.owner_kind, row.nation, row.holders,
         row.unit_class.count(row.units), row.value.currency, row.value.value, row.value_base and row.value_base.value,
         row.share)
        for row in capital.table(at=capital.end_of(day) if day else None).rows
    ]  # fmt: skip
    return spreadsheets.download(f"kakehashi-ownership-{day or now.date()}", names, rows)


@public
@require_safe
@briefly
def commitments_csv(request: HttpRequest) -> HttpResponse:
    """What co-owners and partners have committed, and what was called and paid in, on a day that is asked for."""
    now = timezone.now()
    day = _asked_day(request, now) or now.date()
    names = ("day", "name", "nation", "class", "currency", "committed", "called", "paid")
    rows = (
        (day, words.of(one.holder, "name"), one.holder.nation, one.unit_class.code, one.committed.currency,
         one.committed.value, one.called.value, one.paid.value)
        for one in calls.standings(on=day)
    )  # fmt: skip
    return spreadsheets.download(f"kakehashi-commitments-{day}", names, rows)


def _asked_day(request: HttpRequest, now: datetime) -> date | None:
    """The day of ``?at=``; None without one, or for what is no day or still to come."""
    try:
        day = date.fromisoformat(request.GET.get("at", ""))
    except ValueError:
        return None
    return day if calendars.books_open(day) <= now else None


def owners(table: capital.Table) -> list[dict[str, Any]]:
    """The owners as parts of a whole: co-owners, partners, the citizens of each nation. Empty without any value."""
    parts: list[dict[str, Any]] = []
    for kind, nation, name in words.OWNERS:
        rows = [row for row in table.rows if row.owner_kind == kind and nation in (None, row.nation)]
        value = portfolio.total(row.value_base for row in rows if row.value_base is not None)
        owned = sum((row.share for row in rows if row.share is not None), Decimal(0))
        parts.append({"name": name, "value": value, "percent": owned})
    placed = charts.shares([part["value"].amount for part in parts])
    for part, share in zip(parts, placed, strict=True):
        part["share"] = share
    return parts if any(part["value"] for part in parts) else []
