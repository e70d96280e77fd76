"""What the fund owns, in public: investments, their marks and what was paid into them (D3, D40)."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from fund import rates
from fund.money import Currency, Money, convert, percent
from fund.nav import strike
from fund.nav.models import Nav
from fund.portfolio import investments, valuation
from fund.portfolio.models import Investment
from investors.steps.places import STATE_NAMES
from portal import spreadsheets
from portal.access import public
from portal.web import usmap, words
from portal.web.kept import briefly


@public
@require_safe
@briefly
def portfolio(request: HttpRequest) -> HttpResponse:
    day = today(strike.latest(), timezone.now())
    listed = marks(day)
    states = groups(listed, "state")
    return render(
        request,
        "public/portfolio.html",
        {
            "day": day,
            "limit": valuation.age_limit(on=day),
            "investments": listed,
            "total": total(one["dollars"] for one in listed),
            "committed": total(one["committed"] for one in listed if one["committed"].currency == Currency.USD),
            "sectors": groups(listed, "sector"),
            "states": states,
            "map": usmap.drawn(states),
        },
    )


@public
@require_safe
@briefly
def portfolio_csv(request: HttpRequest) -> HttpResponse:
    """The same investments for a spreadsheet, at the end of the same day."""
    day = today(strike.latest(), timezone.now())
    names = ("day", "code", "name", "sector", "state", "stage", "ownership_percent", "currency", "committed",
             "deployed", "income", "realised", "value", "value_usd", "valued_on", "age_days", "source")  # fmt: skip
    rows = [
        (day, one["code"], one["name"], one["mark"].investment.sector, one["mark"].investment.state,
         one["mark"].investment.stage, one["owned"], one["value"].currency, one["committed"].value,
         one["mark"].deployed.value, one["mark"].income.value, one["mark"].realised.value, one["value"].value,
         one["dollars"].value, one["valued_on"], one["age"], one["source"])
        for one in marks(day)
    ]  # fmt: skip
    return spreadsheets.download(f"kakehashi-portfolio-{day}", names, rows)


@public
@require_safe
@briefly
def investment(request: HttpRequest, code: str) -> HttpResponse:
    """One investment as it stands, with every valuation and every movement it ever had."""
    first = get_object_or_404(Investment, pk=code)
    currency = Currency(first.currency)
    today = timezone.now().date()
    one = investments.investment(code=code, on=today)
    valuations = [
        {"day": mark.effective_on, "value": Money(mark.amount, currency), "source": words.of(mark, "source")}
        for mark in one.valuations.order_by("-effective_on", "-id")
    ]
    moved = [(row.day, words.PAID_IN, Money(row.amount, currency)) for row in one.deployments.all()] + [
        (row.day, row.get_kind_display(), Money(row.amount, currency)) for row in one.income.all()
    ]
    return render(
        request,
        "public/investment.html",
        {
            "one": _investment(one),
            "description": words.of(one, "description"),
            "stage": one.get_stage_display(),
            "since": one.since,
            "valuations": valuations,
            "age": (today - one.valuations.latest("effective_on").effective_on).days if valuations else None,
            "moved": sorted(moved, key=lambda row: row[0], reverse=True),
            "terms": [
                {
                    "day": row.effective_on,
                    "stage": row.get_stage_display(),
                    "owned": row.ownership_percent,
                    "committed": Money(row.committed, currency),
                }
                for row in one.terms.filter(effective_on__lte=today).order_by("-effective_on", "-recorded_at")
            ],
            "began": {
                "day": first.since,
                "stage": first.get_stage_display(),
                "owned": first.ownership_percent,
                "committed": Money(first.committed, currency),
            },
        },
    )


@public
@require_safe
@briefly
def investment_csv(request: HttpRequest, code: str) -> HttpResponse:
    """Everything of one investment with its day: valuations, money paid in and received, terms; the newest first."""
    one = get_object_or_404(Investment, pk=code)
    currency = Currency(one.currency)

    def written(amount: int) -> str:
        return Money(amount, currency).value

    marks = [
        (row.effective_on, "valuation", written(row.amount), "", words.of(row, "source"))
        for row in one.valuations.all()
    ]
    paid = [(row.day, "paid_in", written(row.amount), "", "") for row in one.deployments.all()]
    received = [(row.day, row.kind, written(row.amount), written(row.cost), "") for row in one.income.all()]
    terms = [
        (row.effective_on, "terms", written(row.committed), "", f"{row.stage} {row.ownership_percent} %")
        for row in one.terms.filter(effective_on__lte=timezone.now().date())
    ]
    rows = sorted([*marks, *paid, *received, *terms], key=lambda row: row[0], reverse=True)
    names = ("day", "code", "what", "currency", "amount", "cost", "note")
    return spreadsheets.download(
        f"kakehashi-{one.pk}", names, ((day, one.pk, what, currency, *rest) for day, what, *rest in rows)
    )


def today(nav: Nav | None, now: datetime) -> date:
    """The day whose figures are public: that of the newest NAV, before the first one today."""
    return nav.valuation_day if nav else now.date()


def marks(on: date) -> list[dict[str, Any]]:
    """Every investment with its value, in its own currency and in dollars, the most valuable first."""
    found = []
    limit = valuation.age_limit(on=on)
    for mark in valuation.marks(on=on):
        try:
            dollars = convert(mark.amount, to=Currency.USD, usd_jpy=rates.usd_jpy(on))
        except rates.Unknown:
            dollars = mark.amount if mark.amount.currency == Currency.USD else Money(0, Currency.USD)
        age = mark.age(on)
        found.append(
            _investment(mark.investment)
            | {
                "mark": mark,
                "value": mark.amount,
                "dollars": dollars,
                "valued_on": mark.since,
                "source": words.of(mark.valuation, "source") if mark.valuation else words.AT_COST,
                "age": age,
                "stale": age > limit,
            }
        )
    return sorted(found, key=lambda one: -one["dollars"].amount)


def _investment(one: Investment) -> dict[str, Any]:
    return {
        "code": one.code,
        "name": words.of(one, "name"),
        "sector": one.get_sector_display(),
        "state": words.state(one.state, STATE_NAMES),
        "owned": one.ownership_percent,
        "committed": Money(one.committed, Currency(one.currency)),
    }


def groups(marks: list[dict[str, Any]], by: Literal["sector", "state"]) -> list[dict[str, Any]]:
    """Investments summed by sector or state, the largest sum first, with a bar in percent of the largest."""
    names: dict[str, str] = {}
    sums: dict[str, tuple[int, int]] = {}
    for one in marks:
        code = getattr(one["mark"].investment, by)
        names[code] = one[by]
        count, value = sums.get(code, (0, 0))
        sums[code] = (count + 1, value + one["dollars"].amount)
    whole = sum(value for _, value in sums.values())
    largest = max((value for _, value in sums.values()), default=0)
    return [
        {
            "code": code,
            "name": names[code],
            "count": count,
            "value": Money(value, Currency.USD),
            "percent": percent(value, whole, decimals=1),
            "bar": percent(value, largest, decimals=0),
        }
        for code, (count, value) in sorted(sums.items(), key=lambda item: -item[1][1])
    ]


def total(parts: Iterable[Money]) -> Money:
    return sum(parts, Money(0, Currency.USD))
