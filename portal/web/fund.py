"""The fund in public: prices, portfolio, ownership, leverage, returns. Everything is read, nothing is kept."""

from collections.abc import Callable, Iterable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from fund import calendars, rates
from fund.dealing.compensation import Compensation
from fund.dealing.models import Offering
from fund.money import Currency, Money, Price, convert, percent
from fund.nav import over_time, prices, strike
from fund.nav.models import Nav
from fund.portfolio import investments, valuation
from fund.portfolio import leverage as debts
from fund.portfolio.models import Investment
from fund.register import calls, capital
from fund.register import returns as earnings
from fund.units import UnitClass
from investors.steps.places import STATE_NAMES
from portal import spreadsheets
from portal.access import public
from portal.templatetags import figures
from portal.web import charts, offerings, words
from portal.web.kept import briefly

CITIZENS = ("US", "JP")


@public
@require_safe
@briefly
def home(request: HttpRequest) -> HttpResponse:
    """The fund in one screen."""
    now = timezone.now()
    nav = strike.latest()
    marks = _marks(_today(nav, now))
    return render(
        request,
        "public/home.html",
        {
            "quotes": {code: _quote(code, now) for code in CITIZENS},
            "nav": {"net": Money(nav.net, Currency.USD), "day": nav.valuation_day} if nav else None,
            "owners": _owners(capital.table()),
            "leverage": _leverage(nav),
            "sectors": _groups(marks, lambda one: one["sector"]),
            "open_offerings": [
                offerings.shown(one)
                for one in offerings.listed().filter(state=Offering.State.OPEN).order_by("closes_at")
            ],
        },
    )


@public
@require_safe
@briefly
def nav(request: HttpRequest) -> HttpResponse:
    """Every published price of a class: chart, table, link to CSV."""
    unit_class = _class(request.GET.get("class", "US"))
    rows = [_nav_row(one) for one in prices.versions(class_code=unit_class.code)]
    drawn = charts.line(
        [(one.nav.valuation_day, one.price) for one in strike.history(class_code=unit_class.code) if one.price]
    )
    ticks = [
        {"at": tick.at, "label": figures.price(Price(tick.value, Currency(unit_class.currency), unit_class.lot))}
        for tick in (drawn.ticks if drawn else [])
        if tick.value > 0
    ]
    return render(
        request,
        "public/nav.html",
        {
            "classes": sorted(UnitClass.objects.all(), key=lambda one: ["US", "JP", "SOV", "LP"].index(one.code)),
            "unit_class": unit_class,
            "rows": rows,
            "latest": rows[0] if rows else None,
            "corrections": _corrections(),
            "chart": drawn,
            "ticks": ticks,
            "initial": unit_class.price(unit_class.initial_price),
        },
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


@public
@require_safe
@briefly
def portfolio(request: HttpRequest) -> HttpResponse:
    day = _today(strike.latest(), timezone.now())
    marks = _marks(day)
    return render(
        request,
        "public/portfolio.html",
        {
            "day": day,
            "limit": valuation.age_limit(on=day),
            "investments": marks,
            "total": _sum(one["dollars"] for one in marks),
            "committed": _sum(one["committed"] for one in marks if one["committed"].currency == Currency.USD),
            "sectors": _groups(marks, lambda one: one["sector"]),
            "states": _groups(marks, lambda one: one["state"]),
        },
    )


@public
@require_safe
@briefly
def portfolio_csv(request: HttpRequest) -> HttpResponse:
    """The same investments for a spreadsheet, at the end of the same day."""
    day = _today(strike.latest(), timezone.now())
    names = ("day", "code", "name", "sector", "state", "stage", "ownership_percent", "currency", "committed",
             "deployed", "income", "realised", "value", "value_usd", "valued_on", "age_days", "source")  # fmt: skip
    rows = [
        (day, one["code"], one["name"], one["mark"].investment.sector, one["mark"].investment.state,
         one["mark"].investment.stage, one["owned"], one["value"].currency, one["committed"].value,
         one["mark"].deployed.value, one["mark"].income.value, one["mark"].realised.value, one["value"].value,
         one["dollars"].value, one["valued_on"], one["age"], one["source"])
        for one in _marks(day)
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
            "owners": _owners(table),
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
            "total": _sum(row.value_base for row in table.rows if row.value_base is not None),
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


@public
@require_safe
@briefly
def leverage(request: HttpRequest) -> HttpResponse:
    found = _leverage(strike.latest())
    used = (
        None
        if found is None or found.ratio is None
        else percent(int(found.ratio * 100), int(found.limit * 100), decimals=0)
    )
    points = over_time.leverage_by_day()
    drawn = charts.line([(one.day, one.ratio) for one in points])
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
            "points": points[::-1],
            "chart": drawn,
            "ticks": [{"at": tick.at, "label": figures.ratio(tick.value)} for tick in (drawn.ticks if drawn else [])],
        },
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
    found = _leverage(strike.latest())
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
    found = _leverage(strike.latest())
    names = ("day", "case", "assets_percent", "yen_percent", "loss_per_100_usd", "loss_per_10000_jpy")
    rows = [
        (found.day, one.code, one.assets_percent, one.yen_percent, one.loss_usd.value, one.loss_jpy.value)
        for one in (found.stress if found else [])
        if found
    ]
    return spreadsheets.download("kakehashi-stress", names, rows)


@public
@require_safe
@briefly
def returns(request: HttpRequest) -> HttpResponse:
    """What units, the two governments, the partners and the citizens have got (D3, D51)."""
    owners = [
        {"name": words.owner(one.owner_kind, one.nation), "one": one, "why": words.NO_RETURN.get(one.rate.why)}
        for one in earnings.by_owner()
    ]
    return render(request, "public/returns.html", {"rows": earnings.by_class(), "owners": owners})


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
    for one in earnings.by_owner():
        amounts = [money.value for money in (one.paid_in, one.received, one.worth, one.gain)]
        yield [one.owner_kind, one.nation, one.until, one.worth.currency, *amounts, one.rate.percent,
               str(one.rate.yearly).lower(), one.rate.why]  # fmt: skip


def _today(nav: Nav | None, now: datetime) -> date:
    """The day whose figures are public: that of the newest NAV, before the first one today."""
    return nav.valuation_day if nav else now.date()


def _asked_day(request: HttpRequest, now: datetime) -> date | None:
    """The day of ``?at=``; None without one, or for what is no day or still to come."""
    try:
        day = date.fromisoformat(request.GET.get("at", ""))
    except ValueError:
        return None
    return day if calendars.books_open(day) <= now else None


def _class(code: str) -> UnitClass:
    try:
        return UnitClass.objects.get(pk=code)
    except UnitClass.DoesNotExist:
        raise Http404 from None


def _quote(code: str, now: datetime) -> dict[str, Any]:
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


def _leverage(nav: Nav | None) -> debts.Leverage | None:
    if nav is None:
        return None
    try:
        return debts.figures(on=nav.valuation_day)
    except rates.Unknown:
        return None


def _owners(table: capital.Table) -> list[dict[str, Any]]:
    """The owners as parts of a whole: co-owners, partners, the citizens of each nation. Empty without any value."""
    parts: list[dict[str, Any]] = []
    for kind, nation, name in words.OWNERS:
        rows = [row for row in table.rows if row.owner_kind == kind and nation in (None, row.nation)]
        value = _sum(row.value_base for row in rows if row.value_base is not None)
        owned = sum((row.share for row in rows if row.share is not None), Decimal(0))
        parts.append({"name": name, "value": value, "percent": owned})
    placed = charts.shares([part["value"].amount for part in parts])
    for part, share in zip(parts, placed, strict=True):
        part["share"] = share
    return parts if any(part["value"] for part in parts) else []


def _marks(on: date) -> list[dict[str, Any]]:
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


def _groups(marks: list[dict[str, Any]], by: Callable[[dict[str, Any]], str]) -> list[dict[str, Any]]:
    """Investments summed by something, the largest sum first, with a bar in percent of the largest."""
    sums: dict[str, tuple[int, int]] = {}
    for one in marks:
        count, value = sums.get(by(one), (0, 0))
        sums[by(one)] = (count + 1, value + one["dollars"].amount)
    whole = sum(value for _, value in sums.values())
    largest = max((value for _, value in sums.values()), default=0)
    return [
        {
            "name": name,
            "count": count,
            "value": Money(value, Currency.USD),
            "percent": percent(value, whole, decimals=1),
            "bar": percent(value, largest, decimals=0),
        }
        for name, (count, value) in sorted(sums.items(), key=lambda item: -item[1][1])
    ]


def _sum(parts: Iterable[Money]) -> Money:
    return sum(parts, Money(0, Currency.USD))
