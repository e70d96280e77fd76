"""What the fund has returned to units, governments and citizens (D3, D51)."""

from collections.abc import Iterable
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from fund.distribution import statement
from fund.register import earned
from fund.register import returns as earnings
from portal import spreadsheets
from portal.access import public
from portal.web import words
from portal.web.kept import briefly


@public
@require_safe
@briefly
def returns(request: HttpRequest) -> HttpResponse:
    """What units, the two governments, the partners and the citizens have got (D3, D51)."""
    owners = [
        {"name": words.owner(one.owner_kind, one.nation), "one": one, "why": words.NO_RETURN.get(one.rate.why)}
        for one in earned.by_owner()
    ]
    given = [{"name": words.owner("sovereign", one.nation), "one": one} for one in statement.received()]
    told = {"rows": earnings.by_class(), "owners": owners, "given": given, "distributions": statement.paid()}
    return render(request, "public/returns.html", told)


@public
@require_safe
@briefly
def returns_csv(request: HttpRequest, table: str) -> HttpResponse:
    """The same figures for a spreadsheet: of the classes or of the owners."""
    names, *rows = _class_returns() if table == "classes" else _owner_returns()
    return spreadsheets.download(f"kakehashi-returns-{table}", names, rows)


def _class_returns() -> Iterable[list[Any]]:
    yield ["class", "since", "until", "currency", "first_price", "latest_price", "time_weighted_percent",
           "yearly_percent", "assets_percent", "income_percent", "currency_percent"]  # fmt: skip
    for one in earnings.by_class():
        parts = (one.parts.assets, one.parts.income, one.parts.currency) if one.parts else (None, None, None)
        yield [one.unit_class.code, one.since, one.until, one.first.currency, f"{one.first.value:f}",
               f"{one.latest.value:f}", one.percent, one.yearly_percent, *parts]  # fmt: skip


def _owner_returns() -> Iterable[list[Any]]:
    yield ["owner_kind", "nation", "until", "currency", "paid_in", "received", "worth", "gain",
           "money_weighted_percent", "yearly", "no_return"]  # fmt: skip
    for one in earned.by_owner():
        amounts = [money.value for money in (one.paid_in, one.received, one.worth, one.gain)]
        yield [one.owner_kind, one.nation, one.until, one.worth.currency, *amounts, one.rate.percent,
               str(one.rate.yearly).lower(), one.rate.why]  # fmt: skip
