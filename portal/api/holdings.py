"""A citizen's units and money, and every movement of them."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from fund.dealing import subscription as orders
from fund.holders import Holder
from fund.ledger import balances
from fund.ledger.models import Event
from fund.money import Currency, Money, convert, value_of
from fund.nav import prices, strike
from fund.register import earned, movements
from fund.register.movements import Movement
from fund.units import UnitClass
from portal.api.border import MoneyField, SignedMoneyField
from portal.api.documented import documented
from portal.api.forms import Instant, Plain, PriceForm, a_list, price
from portal.api.pages import PageQuery, page
from portal.api.table import CSVRenderer
from portal.api.view import Citizens

TAG = "Holdings"


class HoldingForm(serializers.Serializer[Any]):
    """Units of one class at the latest published price; ``priced_on`` is null while the initial price stands."""

    unit_class = serializers.CharField()
    units = Plain(help_text="With the decimals of the class.")
    price = PriceForm()
    priced_on = serializers.DateField(allow_null=True, help_text="The valuation day of the price.")
    value = MoneyField(help_text="At the price, in the currency of the class.")
    value_usd = MoneyField(allow_null=True, help_text="At the rate of the latest NAV.")
    value_jpy = MoneyField(allow_null=True, help_text="At the rate of the latest NAV.")
    paid_in = MoneyField(allow_null=True, help_text="For the orders that bought them.")
    received = MoneyField(allow_null=True, help_text="Distributed before taxes and not reinvested, and redeemed.")
    gain = SignedMoneyField(allow_null=True, help_text="``value`` and ``received`` less ``paid_in``.")
    money_weighted_percent = Plain(
        allow_null=True,
        help_text="A year's where ``yearly``, else of the whole time: ``3.05`` is 3.05 %. Null where there is none.",
    )
    yearly = serializers.BooleanField(allow_null=True)


class HoldingList(serializers.Serializer[Any]):
    """Units; ``on_order``: money of orders that are not units yet; ``held``: received for orders and not used yet;
    ``refunds``: on its way back. Of each at most one amount a currency. ``next`` is always null.
    """

    results = HoldingForm(many=True)
    next = serializers.URLField(allow_null=True)
    on_order = serializers.ListField(child=MoneyField())
    held = serializers.ListField(child=MoneyField())
    refunds = serializers.ListField(child=MoneyField())


class Holdings(Citizens):
    @documented("getHoldings", tag=TAG, answers=HoldingList)
    def get(self, request: Request) -> Response:
        """The own units at the latest price, in dollars and in yen."""
        now = timezone.now()
        classes = UnitClass.objects.filter(owner_kind=Holder.Kind.CITIZEN).order_by("code")
        held = [(one, balances.balance(f"units:{one}", holder_id=self.holder_id)) for one in classes]
        return Response(
            {
                "results": HoldingForm(
                    [self._holding(one, units, now) for one, units in held if units], many=True
                ).data,
                "next": None,
                "on_order": shown(orders.on_order(holder_id=self.holder_id)),
                "held": shown(self._money("held")),
                "refunds": shown(self._money("refunds")),
            }
        )

    def _holding(self, of: UnitClass, units: int, now: Any) -> dict[str, Any]:
        own = earned.of_holder(holder_id=self.holder_id, unit_class=of, now=now)
        return {
            **holding(of, units, now),
            "paid_in": own and own.paid_in,
            "received": own and own.received,
            "gain": own and own.gain,
            "money_weighted_percent": own and own.rate.percent,
            "yearly": own and own.rate.yearly,
        }

    def _money(self, account: str) -> dict[Currency, int]:
        return {one: balances.balance(f"{account}:{one}", holder_id=self.holder_id) for one in Currency}


def shown(amounts: dict[Currency, int]) -> list[dict[str, str]]:
    """Sums by currency, without those of nothing."""
    field = MoneyField()
    return [field.to_representation(Money(amount, currency)) for currency, amount in amounts.items() if amount]


def holding(of: UnitClass, units: int, now: Any) -> dict[str, Any]:
    latest = prices.latest_price(of.code, now)
    priced = prices.published(class_code=of.code, at=now).exclude(price=None).first()
    value = value_of(units, latest)
    nav = strike.latest()
    return {
        "unit_class": of.code,
        "units": of.count(units),
        "price": price(latest, of),
        "priced_on": priced and priced.nav.valuation_day,
        "value": value,
        "value_usd": nav and convert(value, to=Currency.USD, usd_jpy=nav.usd_jpy),
        "value_jpy": nav and convert(value, to=Currency.JPY, usd_jpy=nav.usd_jpy),
    }


class TransactionForm(serializers.Serializer[Any]):
    """One movement of own money or units. Either ``amount`` or ``unit_class`` and ``units`` is there.

    It goes from one account to another. Own ones are ``held`` (received for orders), ``refunds`` (to be paid back or
    out) and ``units``; all others are the fund's, such as ``bank``, ``capital`` and ``issued``; more may come.
    """

    effective_at = Instant(help_text="From when on it counts.")
    recorded_at = Instant(help_text="When it was written down; the order of the list.")
    event = serializers.ChoiceField(choices=[one.name.lower() for one in Event])
    moved_from = serializers.CharField()
    moved_to = serializers.CharField()
    amount = MoneyField(allow_null=True)
    unit_class = serializers.CharField(allow_null=True)
    units = Plain(allow_null=True)


class Transactions(Citizens):
    renderer_classes = [JSONRenderer, CSVRenderer]
    query = PageQuery
    row = TransactionForm

    @documented(
        "listTransactions",
        tag=TAG,
        query=PageQuery,
        answers={(200, "application/json"): a_list(TransactionForm, "TransactionList"), (200, "text/csv"): str},
    )
    def get(self, request: Request) -> Response:
        """Every movement of the own money and units, the latest recorded first, also as CSV."""
        classes = UnitClass.objects.in_bulk()
        return Response(
            page(
                request,
                movements.of_holder(self.holder_id),
                by=movements.ORDER,
                show=lambda rows: (
                    TransactionForm([movement(movements.read(one, classes)) for one in rows], many=True).data
                ),
                cursor=self.asked.get("cursor"),
            )
        )


def movement(one: Movement) -> dict[str, Any]:
    """As ``TransactionForm`` describes it."""
    return {
        "effective_at": one.effective_at,
        "recorded_at": one.recorded_at,
        "event": one.event.name.lower(),
        "moved_from": one.moved_from,
        "moved_to": one.moved_to,
        "amount": one.amount,
        "unit_class": one.unit_class and one.unit_class.code,
        "units": one.unit_class and one.units and one.unit_class.count(one.units),
    }
