"""The fund as everybody may see it: its net asset value, its classes and their prices."""

from typing import Any

from django.utils import timezone
from django.utils.translation import gettext
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from fund.governance import audit
from fund.ledger import balances
from fund.money import Currency, Money
from fund.nav import prices, strike
from fund.nav.models import Nav
from fund.units import UnitClass
from portal.api.border import Choice, MoneyField
from portal.api.documented import documented
from portal.api.forms import Hex, Instant, Plain, PriceForm, a_list, price
from portal.api.pages import PageQuery, page
from portal.api.table import CSVRenderer
from portal.api.view import Public

TAG = "Fund"
BASE = Currency.USD


class NavForm(serializers.Serializer[Any]):
    """The fund's net asset value of a day, in dollars."""

    valuation_day = serializers.DateField()
    version = serializers.IntegerField()
    published_at = Instant()
    usd_jpy = Plain(help_text="Yen for a dollar.")
    gross = MoneyField()
    debt = MoneyField()
    accruals = MoneyField()
    net = MoneyField()


class FundForm(serializers.Serializer[Any]):
    """The fund in a few figures. ``audit_chain``: the head of the audit log's hash chain."""

    name = serializers.CharField()
    base_currency = serializers.ChoiceField(choices=[one.value for one in Currency])
    nav = NavForm(allow_null=True)
    audit_chain = Hex(allow_null=True)


class Fund(Public):
    @documented("getFund", tag=TAG, answers=FundForm)
    def get(self, request: Request, **place: str) -> Response:
        """The fund in a few figures."""
        return super().get(request, **place)

    def figures(self) -> Any:
        nav = strike.latest()
        head = audit.head(log=audit.AUDIT)
        return FundForm(
            {
                "name": gettext("Kakehashi, the wealth fund of the United States and Japan"),
                "base_currency": BASE,
                "nav": nav and nav_facts(nav),
                "audit_chain": head and head.hash,
            }
        ).data


def nav_facts(nav: Nav) -> dict[str, Any]:
    amounts = {name: Money(getattr(nav, name), BASE) for name in ("gross", "debt", "accruals", "net")}
    return {
        "valuation_day": nav.valuation_day,
        "version": nav.version,
        "published_at": nav.published_at,
        "usd_jpy": nav.usd_jpy,
        **amounts,
    }


class ClassForm(serializers.Serializer[Any]):
    """A class of units and its latest price; ``priced_on`` is null while the initial price stands."""

    code = serializers.ChoiceField(choices=UnitClass.Code.values)
    name = serializers.CharField()
    owner_kind = serializers.CharField()
    currency = serializers.ChoiceField(choices=[one.value for one in Currency])
    unit_decimals = serializers.IntegerField(help_text="Decimals of a number of units.")
    units = Plain(help_text="Units in issue.")
    price = PriceForm()
    priced_on = serializers.DateField(allow_null=True)


class Classes(Public):
    @documented("listClasses", tag=TAG, answers=a_list(ClassForm, "ClassList"))
    def get(self, request: Request, **place: str) -> Response:
        """The classes of units and their prices."""
        return super().get(request, **place)

    def figures(self) -> Any:
        rows = [self._facts(one) for one in UnitClass.objects.order_by("code")]
        return {"results": ClassForm(rows, many=True).data, "next": None}

    def _facts(self, one: UnitClass) -> dict[str, Any]:
        priced = prices.published(class_code=one.code).exclude(price=None).first()
        return {
            "code": one.code,
            "name": one.get_code_display(),
            "owner_kind": one.owner_kind,
            "currency": one.currency,
            "unit_decimals": one.unit_decimals,
            "units": one.count(balances.total(f"units:{one}")),
            "price": price(prices.latest_price(one.code, timezone.now()), one),
            "priced_on": priced and priced.nav.valuation_day,
        }


class NavQuery(PageQuery):
    """Which class."""

    def get_fields(self) -> dict[str, Any]:
        return {"class": Choice(choices=UnitClass.Code.values, default="US"), **super().get_fields()}


class ClassNavForm(serializers.Serializer[Any]):
    """A published NAV of one class. All versions stay; of a day the highest version holds."""

    valuation_day = serializers.DateField()
    version = serializers.IntegerField()
    published_at = Instant()
    price = PriceForm()
    units = Plain(help_text="In issue.")
    value = MoneyField(help_text="Of all of them.")
    corrects_version = serializers.IntegerField(allow_null=True, help_text="The version of the day that this corrects.")
    error_percent = Plain(
        allow_null=True, help_text="The error of that version's price in percent of this one; positive: too high."
    )


class Navs(Public):
    renderer_classes = [JSONRenderer, CSVRenderer]
    query = NavQuery
    row = ClassNavForm

    @documented(
        "listNavs",
        tag=TAG,
        query=NavQuery,
        answers={(200, "application/json"): a_list(ClassNavForm, "ClassNavList"), (200, "text/csv"): str},
    )
    def get(self, request: Request, **place: str) -> Response:
        """The published prices of a class, the latest day first, also as CSV."""
        return super().get(request, **place)

    def figures(self) -> Any:
        unit_class = UnitClass.objects.get(pk=self.asked["class"])
        return page(
            self.request,
            prices.versions(class_code=unit_class.code),
            by=["nav__valuation_day", "nav__version"],
            show=lambda rows: ClassNavForm([class_nav_facts(one, unit_class) for one in rows], many=True).data,
            cursor=self.asked.get("cursor"),
        )


def class_nav_facts(one: Any, unit_class: UnitClass) -> dict[str, Any]:
    """A row of ``prices.versions``."""
    wrong = one.wrong_price
    return {
        "valuation_day": one.nav.valuation_day,
        "version": one.nav.version,
        "published_at": one.nav.published_at,
        "price": price(unit_class.price(one.price), unit_class),
        "units": unit_class.count(one.units),
        "value": Money(one.value, Currency(unit_class.currency)),
        "corrects_version": one.corrects_version,
        "error_percent": None if wrong is None else prices.error(wrong=wrong, right=one.price),
    }
