"""The fund in one screen: prices, owners, leverage and sectors as they stand. Everything is read, nothing is kept."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from fund.dealing.models import Offering
from fund.money import Currency, Money
from fund.nav import strike
from fund.register import capital
from portal.access import public
from portal.web import leverage, navs, offerings, ownership, portfolio, usmap
from portal.web.kept import briefly

CITIZENS = ("US", "JP")


@public
@require_safe
@briefly
def home(request: HttpRequest) -> HttpResponse:
    """The fund in one screen."""
    now = timezone.now()
    nav = strike.latest()
    marks = portfolio.marks(portfolio.today(nav, now))
    return render(
        request,
        "public/home.html",
        {
            "quotes": {code: navs.quote(code, now) for code in CITIZENS},
            "nav": {"net": Money(nav.net, Currency.USD), "day": nav.valuation_day} if nav else None,
            "owners": ownership.owners(capital.table()),
            "leverage": leverage.measured(nav),
            "sectors": portfolio.groups(marks, "sector"),
            "map": usmap.drawn(portfolio.groups(marks, "state")),
            "open_offerings": [
                offerings.shown(one)
                for one in offerings.listed().filter(state=Offering.State.OPEN).order_by("closes_at")
            ],
        },
    )
