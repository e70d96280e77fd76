"""How leveraged the fund is against its limit, and what could be lost (D3, D41)."""

from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from fund import rates
from fund.money import percent
from fund.nav import over_time, strike
from fund.nav.models import Nav
from fund.portfolio import leverage as debts
from portal import spreadsheets
from portal.access import public
from portal.templatetags import figures
from portal.web import charts, words
from portal.web.kept import briefly


@public
@require_safe
@briefly
def leverage(request: HttpRequest) -> HttpResponse:
    found = measured(strike.latest())
    used = (
        None
        if found is None or found.ratio is None
        else percent(int(found.ratio * 100), int(found.limit * 100), decimals=0)
    )
    points = over_time.leverage_by_day()
    drawn = charts.line([(one.day, one.ratio) for one in points], least=Decimal("0.01"))
    return render(
        request,
        "public/leverage.html",
        {
            "leverage": found,
            "used": used,
            "gauge": min(used or 0, 100),
            "facilities": [
                {
                    "name": words.of(one.facility, "name"),
                    "limit": one.limit,
                    "drawn": one.drawn,
                    "interest": one.interest,
                    "allowed": one.allowed_percent,
                    "debt": one.debt_percent,
                    "headroom": one.headroom,
                }
                for one in (found.covenants if found else [])
            ],
            "days": points[::-1],
            "chart": drawn,
        }
        | charts.labelled(drawn, figures.ratio),
    )


@public
@require_safe
@briefly
def leverage_csv(request: HttpRequest) -> HttpResponse:
    """Leverage on every published day for a spreadsheet, the newest first. Dollars."""
    names = ("day", "gross", "debt", "nav", "ratio", "limit", "within", "headroom", "covenant_headroom")
    rows = [
        (one.day, one.gross.value, one.debt.value, one.nav.value, one.ratio, one.limit, "yes" if one.within else "no",
         one.headroom.value, one.tightest and one.tightest.value)
        for one in reversed(over_time.leverage_by_day())
    ]  # fmt: skip
    return spreadsheets.download("kakehashi-leverage", names, rows)


@public
@require_safe
@briefly
def facilities_csv(request: HttpRequest) -> HttpResponse:
    """Every loan facility with its covenant at the end of the day of the newest NAV; the headroom is in dollars."""
    found = measured(strike.latest())
    names = ("day", "code", "name", "currency", "limit", "drawn", "interest", "debt_percent", "allowed_percent",
             "headroom_usd")  # fmt: skip
    rows = [
        (found.day, one.facility.pk, words.of(one.facility, "name"), one.limit.currency, one.limit.value,
         one.drawn.value, one.interest.value, one.debt_percent, one.allowed_percent, one.headroom.value)
        for one in (found.covenants if found else [])
        if found
    ]  # fmt: skip
    return spreadsheets.download("kakehashi-facilities", names, rows)


@public
@require_safe
@briefly
def stress_csv(request: HttpRequest) -> HttpResponse:
    """What a stake of $100 and of ¥10,000 would lose in each stated case, for a spreadsheet. A gain is negative."""
    found = measured(strike.latest())
    names = ("day", "case", "assets_percent", "yen_percent", "loss_per_100_usd", "loss_per_10000_jpy")
    rows = [
        (found.day, one.code, one.assets_percent, one.yen_percent, one.loss_usd.value, one.loss_jpy.value)
        for one in (found.stress if found else [])
        if found
    ]
    return spreadsheets.download("kakehashi-stress", names, rows)


def measured(nav: Nav | None) -> debts.Leverage | None:
    if nav is None:
        return None
    try:
        return debts.figures(on=nav.valuation_day)
    except rates.Unknown:
        return None
