"""The fund's prices in public: every published NAV with its versions and corrections (D42, D43)."""

from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from fund.dealing.compensation import Compensation
from fund.money import Currency, Money, Price
from fund.nav import prices, strike
from fund.nav.models import Nav
from fund.units import UnitClass
from portal import spreadsheets
from portal.access import public
from portal.templatetags import figures
from portal.web import charts, words
from portal.web.kept import briefly

RANGES = {"6m": 184, "1y": 366, "3y": 1096, "all": None}  # days


@public
@require_safe
@briefly
def nav(request: HttpRequest) -> HttpResponse:
    """Every published price of a class: chart, table, link to CSV."""
    unit_class = _class(request.GET.get("class", "US"))
    reach = request.GET.get("range", "all")
    if reach not in RANGES:
        raise Http404
    every = [_nav_row(one) for one in prices.versions(class_code=unit_class.code)]
    first = _first_day(every, RANGES[reach])
    drawn = charts.line(
        [
            (one.nav.valuation_day, one.price)
            for one in strike.history(class_code=unit_class.code)
            if one.price and one.nav.valuation_day >= first
        ],
        least=Decimal(1).scaleb(-unit_class.price_decimals),
    )
    return render(
        request,
        "public/nav.html",
        {
            "classes": sorted(UnitClass.objects.all(), key=lambda one: ["US", "JP", "SOV", "LP"].index(one.code)),
            "unit_class": unit_class,
            "ranges": [{"code": code, "name": words.RANGES[code]} for code in RANGES],
            "reach": reach,
            "rows": [row for row in every if row["day"] >= first],
            "latest": every[0] if every else None,
            "corrections": _corrections(),
            "chart": drawn,
            "initial": unit_class.price(unit_class.initial_price),
        }
        | charts.labelled(
            drawn, lambda value: figures.price(Price(value, Currency(unit_class.currency), unit_class.lot))
        ),
    )


@public
@require_safe
@briefly
def nav_csv(request: HttpRequest, code: str) -> HttpResponse:
    """The same prices for a spreadsheet, one row a version; ``fund``: the net asset values of the fund itself."""
    if code == "fund":
        return _fund_csv()
    unit_class = _class(code)
    names = ("valuation_day", "version", "class", "currency", "price", "units", "value", "usd_jpy", "published_at",
             "corrects_version", "error_percent")  # fmt: skip
    rows = []
    one: Any  # with what ``versions`` adds
    for one in prices.versions(class_code=unit_class.code):
        value = Money(one.value, Currency(unit_class.currency))
        published = one.nav.published_at.isoformat() if one.nav.published_at else ""
        rows.append(
            (one.nav.valuation_day, one.nav.version, unit_class.code, unit_class.currency, f"{one.price:f}",
             unit_class.count(one.units), value.value, one.nav.usd_jpy, published, one.corrects_version, _error(one))
        )  # fmt: skip
    return spreadsheets.download(f"kakehashi-{unit_class.code}", names, rows)


def _fund_csv() -> HttpResponse:
    """Every published net asset value of the fund, in dollars."""
    amounts = ("gross", "debt", "accruals", "net")
    names = ("valuation_day", "version", "usd_jpy", *amounts, "published_at", "corrects_version")
    rows = []
    navs = Nav.objects.filter(state=Nav.State.PUBLISHED).select_related("corrects")
    for one in navs.order_by("-valuation_day", "-version"):
        values = [Money(getattr(one, name), Currency.USD).value for name in amounts]
        published = one.published_at.isoformat() if one.published_at else ""
        corrects = one.corrects.version if one.corrects else None
        rows.append((one.valuation_day, one.version, one.usd_jpy, *values, published, corrects))
    return spreadsheets.download("kakehashi-fund", names, rows)


def _first_day(rows: list[dict[str, Any]], days: int | None) -> date:
    """The first day within a range that ends on the newest valuation day; the rows are newest first."""
    return date.min if days is None or not rows else rows[0]["day"] - timedelta(days=days)


def _class(code: str) -> UnitClass:
    try:
        return UnitClass.objects.get(pk=code)
    except UnitClass.DoesNotExist:
        raise Http404 from None


def quote(code: str, now: datetime) -> dict[str, Any]:
    unit_class = _class(code)
    newest = prices.published(class_code=code, at=now).exclude(price=None).first()
    return {
        "unit_class": unit_class,
        "price": prices.latest_price(code, now),
        "note": figures.day(newest.nav.valuation_day) if newest else words.FIRST_PRICE,
    }


def _nav_row(one: Any) -> dict[str, Any]:
    return {
        "day": one.nav.valuation_day,
        "version": one.nav.version,
        "price": one.unit_class.price(one.price) if one.price else None,
        "units": one.units,
        "value": Money(one.value, Currency(one.unit_class.currency)),
        "usd_jpy": one.nav.usd_jpy,
        "net": Money(one.nav.net, Currency.USD),
        "corrects": one.corrects_version,
        "error": _error(one),
    }


def _error(one: Any) -> Decimal | None:
    """The error of the version that a row of ``prices.versions`` corrects."""
    return None if one.wrong_price is None else prices.error(wrong=one.wrong_price, right=one.price)


def _corrections() -> list[dict[str, Any]]:
    """Every correction that was large enough to compensate orders, the newest first."""
    rows = Compensation.objects.select_related("nav", "offering__unit_class").order_by("-pk")
    return [
        {
            "one": one,
            "day": one.nav.valuation_day,
            "unit_class": one.offering.unit_class,
            "made_good": one.offering.money(one.made_good),
        }
        for one in rows
    ]
