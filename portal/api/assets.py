"""What the fund owns, whose it is, how far it is leveraged, and what it has returned (D3)."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from fund import calendars
from fund.distribution import statement
from fund.money import Money
from fund.nav import over_time, strike
from fund.nav.models import Nav
from fund.portfolio import leverage, valuation
from fund.portfolio.models import Investment
from fund.register import calls, capital, earned, returns
from portal.api.border import Day, MoneyField, Query, SignedMoneyField
from portal.api.documented import documented
from portal.api.forms import Plain, PriceForm, a_list, price, words
from portal.api.table import CSVRenderer
from portal.api.view import Public

TAG = "Fund"


def latest_nav() -> Nav:
    """The latest published NAV. Raises NotFound before the first one."""
    nav = strike.latest()
    if nav is None:
        raise NotFound(gettext("No net asset value has been published yet."), code="nothing_published")
    return nav


def in_both(form: type[serializers.Serializer[Any]]) -> dict[tuple[int, str], Any]:
    """An answer in JSON, and its rows as CSV."""
    return {(200, "application/json"): form, (200, "text/csv"): str}


class InvestmentForm(serializers.Serializer[Any]):
    """An investment in a US ``state``, by its two letters.

    ``value`` is its latest valuation and what was paid in since, less what was realised since. ``age_days`` counts from
    that valuation, or from the first payment where ``valued_on`` is null; ``stale``: it is older than its limit.
    """

    code = serializers.CharField()
    name = serializers.CharField()
    description = serializers.CharField(allow_blank=True)
    sector = serializers.ChoiceField(choices=Investment.Sector.values)
    state = serializers.CharField()
    stage = serializers.ChoiceField(choices=Investment.Stage.values)
    ownership_percent = Plain()
    since = serializers.DateField()
    committed = MoneyField()
    deployed = MoneyField()
    income = MoneyField()
    realised = MoneyField()
    value = MoneyField()
    valued_on = serializers.DateField(allow_null=True)
    valued_by = serializers.CharField(allow_blank=True)
    age_days = serializers.IntegerField()
    stale = serializers.BooleanField()


class PortfolioForm(serializers.Serializer[Any]):
    """What the fund owns at the end of the day of its latest NAV."""

    day = serializers.DateField()
    results = InvestmentForm(many=True)
    next = serializers.URLField(allow_null=True)


class Portfolio(Public):
    renderer_classes = [JSONRenderer, CSVRenderer]
    row = InvestmentForm

    @documented("getPortfolio", tag=TAG, answers=in_both(PortfolioForm))
    def get(self, request: Request, **place: str) -> Response:
        """What the fund owns, also as CSV."""
        return super().get(request, **place)

    def figures(self) -> Any:
        day = latest_nav().valuation_day
        limit = valuation.age_limit(on=day)
        rows = [
            {**investment(mark), "age_days": mark.age(day), "stale": mark.age(day) > limit}
            for mark in valuation.marks(on=day)
        ]
        return PortfolioForm({"day": day, "results": rows, "next": None}).data


def investment(mark: valuation.Mark) -> dict[str, Any]:
    one = mark.investment
    return {
        **{name: getattr(one, name) for name in ("code", "sector", "state", "stage", "ownership_percent", "since")},
        "name": words(one, "name"),
        "description": words(one, "description"),
        "committed": Money(one.committed, mark.amount.currency),
        "deployed": mark.deployed,
        "income": mark.income,
        "realised": mark.realised,
        "value": mark.amount,
        "valued_on": mark.valuation and mark.valuation.effective_on,
        "valued_by": words(mark.valuation, "source") if mark.valuation else "",
    }


class OwnersForm(serializers.Serializer[Any]):
    """What owners of one kind and nation hold of a class. ``value_usd`` and ``share_percent`` need a rate for yen."""

    unit_class = serializers.CharField()
    owner_kind = serializers.CharField()
    nation = serializers.CharField()
    holders = serializers.IntegerField()
    units = Plain()
    value = MoneyField()
    value_usd = MoneyField(allow_null=True)
    share_percent = Plain(allow_null=True)


class StandingForm(serializers.Serializer[Any]):
    """What a co-owner or limited partner has committed, and what of it was called and paid in."""

    name = serializers.CharField()
    nation = serializers.CharField()
    unit_class = serializers.CharField()
    committed = MoneyField()
    called = MoneyField()
    paid = MoneyField()


class CapitalForm(serializers.Serializer[Any]):
    """The capital table. Shares add up to 100. ``day`` is null for now."""

    day = serializers.DateField(allow_null=True)
    usd_jpy = Plain(allow_null=True)
    co_owners_equal = serializers.BooleanField()
    commitments = StandingForm(many=True)
    results = OwnersForm(many=True)
    next = serializers.URLField(allow_null=True)


class DayQuery(Query):
    """At the end of which day, today or before; without it: now."""

    at = Day(required=False, help_text="At the end of this day in UTC, today or before; else now.")

    def validate_at(self, value: Any) -> Any:
        if calendars.books_open(value) > timezone.now():
            raise ValidationError(gettext("This day is still to come."), code="day_to_come")
        return value


class Capital(Public):
    renderer_classes = [JSONRenderer, CSVRenderer]
    query = DayQuery
    row = OwnersForm

    @documented("getCapital", tag=TAG, query=DayQuery, answers=in_both(CapitalForm))
    def get(self, request: Request, **place: str) -> Response:
        """Who owns how much, now or at the end of any day, also as CSV."""
        return super().get(request, **place)

    def figures(self) -> Any:
        day = self.asked.get("at")
        table = capital.table(at=capital.end_of(day) if day else None)
        facts = {
            "day": day,
            "usd_jpy": table.usd_jpy,
            "co_owners_equal": table.co_owners_equal,
            "commitments": [standing(one) for one in calls.standings(on=day or today())],
            "results": [owners(row) for row in table.rows],
            "next": None,
        }
        return CapitalForm(facts).data


def today() -> Any:
    return timezone.now().date()


def standing(one: calls.Standing) -> dict[str, Any]:
    return {
        "name": words(one.holder, "name"),
        "nation": one.holder.nation,
        "unit_class": one.unit_class.code,
        "committed": one.committed,
        "called": one.called,
        "paid": one.paid,
    }


def owners(row: capital.Row) -> dict[str, Any]:
    return {
        "unit_class": row.unit_class.code,
        "owner_kind": row.owner_kind,
        "nation": row.nation,
        "holders": row.holders,
        "units": row.unit_class.count(row.units),
        "value": row.value,
        "value_usd": row.value_base,
        "share_percent": row.share,
    }


class CovenantForm(serializers.Serializer[Any]):
    """A credit facility. ``headroom``: how far gross assets may fall before its covenant breaks."""

    code = serializers.CharField()
    name = serializers.CharField()
    limit = MoneyField()
    drawn = MoneyField()
    interest = MoneyField(help_text="Accrued and not paid yet.")
    debt_percent = Plain(allow_null=True)
    allowed_percent = Plain()
    headroom = SignedMoneyField()


class StressForm(serializers.Serializer[Any]):
    """What a stake of $100 and of ¥10,000 loses when assets and the yen move so; a gain is negative."""

    code = serializers.CharField()
    assets_percent = serializers.IntegerField()
    yen_percent = serializers.IntegerField()
    loss_usd = SignedMoneyField()
    loss_jpy = SignedMoneyField()


class LeverageForm(serializers.Serializer[Any]):
    """Leverage at the end of the day of the latest NAV: ``ratio`` = ``gross`` ÷ ``nav``, ``within`` its ``limit``.

    ``headroom``: what could still be borrowed and invested.
    """

    day = serializers.DateField()
    gross = MoneyField()
    debt = MoneyField()
    nav = MoneyField()
    ratio = Plain(allow_null=True)
    limit = Plain()
    within = serializers.BooleanField()
    headroom = SignedMoneyField()
    covenants = CovenantForm(many=True)
    stress = StressForm(many=True)


class Leverage(Public):
    @documented("getLeverage", tag=TAG, answers=LeverageForm)
    def get(self, request: Request, **place: str) -> Response:
        """How far the fund is leveraged, against its limit."""
        return super().get(request, **place)

    def figures(self) -> Any:
        now = leverage.figures(on=latest_nav().valuation_day)
        facts = {
            name: getattr(now, name) for name in ("day", "gross", "debt", "nav", "ratio", "limit", "within", "headroom")
        }
        covenants = [
            {**vars(one), "code": one.facility.code, "name": words(one.facility, "name")} for one in now.covenants
        ]
        return LeverageForm({**facts, "covenants": covenants, "stress": now.stress}).data


class PointForm(serializers.Serializer[Any]):
    """Leverage on a published day against the limit in force then.

    ``headroom``: what could have been borrowed and invested. ``covenant_headroom``: how far gross assets could have
    fallen before the first covenant broke; null without a facility.
    """

    day = serializers.DateField()
    gross = MoneyField()
    debt = MoneyField()
    nav = MoneyField()
    ratio = Plain()
    limit = Plain()
    within = serializers.BooleanField()
    headroom = SignedMoneyField()
    covenant_headroom = SignedMoneyField(allow_null=True)


class LeverageHistory(Public):
    renderer_classes = [JSONRenderer, CSVRenderer]
    row = PointForm

    @documented("listLeverage", tag=TAG, answers=in_both(a_list(PointForm, "PointList")))
    def get(self, request: Request, **place: str) -> Response:
        """Leverage on every published day, the newest first, also as CSV."""
        return super().get(request, **place)

    def figures(self) -> Any:
        points = [
            {**vars(one), "within": one.within, "covenant_headroom": one.tightest}
            for one in reversed(over_time.leverage_by_day())
        ]
        return {"results": PointForm(points, many=True).data, "next": None}


class ReturnForm(serializers.Serializer[Any]):
    """What a unit of a class has returned from its initial price on, in its own currency (time-weighted).

    ``yearly_percent`` is null under a year. Assets, income and currency add up to ``time_weighted_percent``; they are
    null where an earlier net asset value does not know them.
    """

    unit_class = serializers.CharField()
    first_price = PriceForm()
    latest_price = PriceForm()
    first_day = serializers.DateField()
    latest_day = serializers.DateField()
    time_weighted_percent = Plain()
    yearly_percent = Plain(allow_null=True)
    assets_percent = Plain(allow_null=True)
    income_percent = Plain(allow_null=True, help_text="Income less fees, interest and other costs.")
    currency_percent = Plain(allow_null=True)


class OwnerReturnForm(serializers.Serializer[Any]):
    """What owners of a kind and nation have paid in and received by a day, and what is theirs.

    ``money_weighted_percent`` is a year's where ``yearly``, else of the whole time. Payments without a rate, or with
    more than one, have null there, and ``no_return`` says which.
    """

    owner_kind = serializers.CharField()
    nation = serializers.CharField(allow_null=True)
    until = serializers.DateField()
    paid_in = MoneyField()
    received = MoneyField()
    worth = MoneyField()
    gain = SignedMoneyField()
    money_weighted_percent = Plain(allow_null=True)
    yearly = serializers.BooleanField()
    no_return = serializers.ChoiceField(choices=["no_solution", "ambiguous"], allow_null=True)


class ReceivedForm(serializers.Serializer[Any]):
    """What one distribution has given to one government; nothing is withheld from it."""

    nation = serializers.CharField()
    record_day = serializers.DateField()
    paid_on = serializers.DateField()
    amount = MoneyField()


class ReturnList(serializers.Serializer[Any]):
    """What the classes have returned, what owners have got, and what each government has received since the start."""

    results = ReturnForm(many=True)
    owners = OwnerReturnForm(many=True)
    governments = ReceivedForm(many=True)
    next = serializers.URLField(allow_null=True)


class Returns(Public):
    renderer_classes = [JSONRenderer, CSVRenderer]
    row = ReturnForm

    @documented(
        "getReturns",
        tag=TAG,
        answers={(200, "application/json"): ReturnList, (200, "text/csv"): str},
    )
    def get(self, request: Request, **place: str) -> Response:
        """What the classes and their owners have got; as CSV the classes. One without a published price is left out."""
        return super().get(request, **place)

    def figures(self) -> Any:
        classes = [returned(one) for one in returns.by_class()]
        gained = [got(one) for one in earned.by_owner()]
        found = {"results": classes, "owners": gained, "governments": statement.received(), "next": None}
        return ReturnList(found).data


def returned(one: returns.ClassReturn) -> dict[str, Any]:
    of = one.unit_class
    return {
        "unit_class": of.code,
        "first_price": price(one.first, of),
        "latest_price": price(one.latest, of),
        "first_day": one.since,
        "latest_day": one.until,
        "time_weighted_percent": one.percent,
        "yearly_percent": one.yearly_percent,
        "assets_percent": one.parts and one.parts.assets,
        "income_percent": one.parts and one.parts.income,
        "currency_percent": one.parts and one.parts.currency,
    }


def got(one: earned.OwnerReturn) -> dict[str, Any]:
    names = ("owner_kind", "nation", "until", "paid_in", "received", "worth", "gain")
    return {
        **{name: getattr(one, name) for name in names},
        "money_weighted_percent": one.rate.percent,
        "yearly": one.rate.yearly,
        "no_return": one.rate.why or None,
    }
