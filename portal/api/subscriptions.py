"""A citizen's orders (D25, D26)."""

import math
from datetime import datetime
from typing import Any

from django.http import HttpResponse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import APIException, NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from fund.dealing import subscription as orders
from fund.dealing.models import Status, Subscription
from fund.money import Currency, Money
from investors import subscribing
from portal import waiting_room
from portal.api.border import Body, Code, MoneyField, Text, Texts
from portal.api.documented import KEY_PARAMETER, REFERENCE_PARAMETER, documented
from portal.api.forms import Instant, a_list, instant, language, money
from portal.api.idempotency import Done, once
from portal.api.pages import PageQuery, page
from portal.api.view import Citizens
from portal.waiting_room import Place

TAG = "Subscriptions"

METHODS = {Currency.USD: "ach", Currency.JPY: "zengin"}
PRICE_RULES = {
    "fixed": _("The fixed price of the offering."),
    "forward": _("The price of the dealing day %(day)s, which is published after it."),
}
ROUNDING_RULES = {
    "units_down_remainder_to_fund": _(
        "Units are rounded down to the smallest unit; what is left over, less than one, goes to the fund."
    ),
}


class OrderForm(Body):
    """What is ordered. ``accepts``: the agreements that are accepted with it, as the offering names them."""

    offering = Code(r"^[A-Z0-9-]{1,20}\Z", max_length=20)
    amount = MoneyField()
    accepts = Texts(child=Text(max_length=40), max_length=20)


class WithdrawalForm(Body):
    """Nothing needs to be said."""


class AccountForm(serializers.Serializer[Any]):
    """The fund's account at its bank."""

    name = serializers.CharField()
    bank = serializers.CharField()
    branch = serializers.CharField(allow_blank=True)
    routing = serializers.CharField(allow_blank=True)
    number = serializers.CharField()


class PaymentForm(serializers.Serializer[Any]):
    """How to pay, from an account in one's own name: by ``reference``, in a Japanese transfer by ``numeric_reference``
    before the payer's name. ``amount`` in full by ``pay_by``.
    """

    method = serializers.ChoiceField(choices=list(METHODS.values()))
    pay_by = Instant()
    reference = serializers.CharField()
    numeric_reference = serializers.CharField()
    amount = MoneyField()
    account = AccountForm()


class SubscriptionForm(serializers.Serializer[Any]):
    """An order and its receipt. ``allotted`` and ``refund`` are there once the offering was allotted.

    ``price_rule`` and ``rounding_rule`` are sentences for the reader.
    """

    reference = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.values)
    offering = serializers.CharField()
    amount = MoneyField()
    placed_at = Instant()
    funded_at = Instant(allow_null=True)
    withdraw_until = Instant()
    dealing_day = serializers.DateField()
    price_rule = serializers.CharField()
    rounding_rule = serializers.CharField()
    payment = PaymentForm()
    allotted = MoneyField(allow_null=True)
    refund = MoneyField(allow_null=True)


class SummaryForm(serializers.Serializer[Any]):
    """An order in a list."""

    reference = serializers.CharField()
    status = serializers.ChoiceField(choices=Status.values)
    offering = serializers.CharField()
    amount = MoneyField()
    placed_at = Instant()
    funded_at = Instant(allow_null=True)


ASKED = {
    "offering": "JP-2027-1",
    "amount": {"currency": "JPY", "value": "100000"},
    "accepts": ["prospectus:3", "terms:2"],
}


class Subscriptions(Citizens):
    query = PageQuery
    pointers = {
        "unknown_offering": "/offering",
        "not_open": "/offering",
        "wrong_currency": "/amount/currency",
        "below_minimum": "/amount",
        "not_in_steps": "/amount",
        "above_order_maximum": "/amount",
        "above_maximum": "/amount",
        "over_the_cap": "/amount",
        "agreements_missing": "/accepts",
        "agreement_not_in_force": "/accepts",
    }

    @documented("listSubscriptions", tag=TAG, query=PageQuery, answers=a_list(SummaryForm, "SubscriptionList"))
    def get(self, request: Request) -> Response:
        """All orders, the latest first."""
        listed = page(
            request,
            Subscription.objects.filter(holder_id=self.holder_id).with_outcomes(),
            by=["id"],
            show=lambda rows: [summary(one) for one in rows],
            cursor=self.asked.get("cursor"),
        )
        return Response(listed)

    @documented(
        "subscribe",
        tag=TAG,
        body=OrderForm,
        asked=ASKED,
        answers={201: SubscriptionForm},
        parameters=(KEY_PARAMETER,),
    )
    def post(self, request: Request) -> HttpResponse:
        """Place an order in an open offering."""
        return once(request, operation="subscribe", act=self._subscribe)

    def _subscribe(self, key: str) -> Done:
        order = self.read(OrderForm)
        self._wait_in_line(order["offering"])
        placed = subscribing.subscribe(
            investor=self.investor,
            offering_code=order["offering"],
            amount=order["amount"],
            accepts=order["accepts"],
            key=key,
            now=timezone.now(),
            received_at=self.received_at,
        )
        return Done(201, receipt(placed), location=f"{self.request.path}/{placed.reference}")

    def _wait_in_line(self, offering_code: str) -> None:
        """Raises InLine. Asked behind the Idempotency-Key: an order that was placed is answered whatever the rush."""
        user_id, now = self.request.user.pk, timezone.now()
        assert user_id is not None
        place = waiting_room.place_of_program(offering_code=offering_code, user_id=user_id, now=now)
        if place is not None:
            raise InLine(place, now)


class InLine(APIException):
    """A rush: the order is to be sent again when its turn has come, with the same Idempotency-Key."""

    status_code = 429
    default_code = "waiting_room"

    def __init__(self, place: Place, now: datetime) -> None:
        if place.turn is None:
            super().__init__(gettext("You are in the waiting room. Its order is drawn at the opening."))
            wait = place.again
        else:
            before = {"count": place.before}
            super().__init__(gettext("Many are ordering at this moment. There are %(count)s before you.") % before)
            wait = math.ceil((place.turn - now).total_seconds())
        self.headers = {"Retry-After": str(wait)}


class OneSubscription(Citizens):
    @documented("getSubscription", tag=TAG, answers=SubscriptionForm, parameters=(REFERENCE_PARAMETER,))
    def get(self, request: Request, reference: str) -> Response:
        """One order with its receipt."""
        found = Subscription.objects.filter(reference=reference, holder_id=self.holder_id).first()
        if found is None:
            raise NotFound
        return Response(receipt(found))


class Withdrawal(Citizens):
    @documented(
        "withdrawSubscription",
        tag=TAG,
        answers={200: SubscriptionForm},
        parameters=(KEY_PARAMETER, REFERENCE_PARAMETER),
    )
    def post(self, request: Request, reference: str) -> HttpResponse:
        """Take an order back, free until the offering closes. What was paid for it is refunded."""
        return once(request, operation="withdraw", act=lambda key: self._withdraw(reference))

    def _withdraw(self, reference: str) -> Done:
        self.read(WithdrawalForm)
        order = orders.withdraw(
            reference=reference, holder_id=self.holder_id, now=timezone.now(), received_at=self.received_at
        )
        return Done(200, receipt(order))


def summary(order: Subscription) -> dict[str, Any]:
    """As ``SummaryForm`` describes it."""
    return {
        "reference": order.reference,
        "status": order.standing,
        "offering": order.offering_id,
        "amount": money(order.money),
        "placed_at": instant(order.placed_at),
        "funded_at": order.funded_at and instant(order.funded_at),
    }


def receipt(order: Subscription) -> dict[str, Any]:
    """An order with its receipt, as ``SubscriptionForm`` describes it."""
    told = orders.receipt(subscription=order)
    line = None if order.status == Status.PLACED else order.line()
    return {
        **summary(order),
        "withdraw_until": instant(told.withdraw_until),
        "dealing_day": told.dealing_day.isoformat(),
        "price_rule": price_rule(told),
        "rounding_rule": str(ROUNDING_RULES[told.rounding_rule]),
        "payment": payment(told),
        "allotted": line and money(Money(line.allotted, order.money.currency)),
        "refund": line and money(Money(line.refund, order.money.currency)),
    }


def price_rule(told: orders.Receipt) -> str:
    """At which price the units come, in words."""
    words = str(PRICE_RULES[told.price_rule])
    return words % {"day": date_format(told.dealing_day, "DATE_FORMAT")} if told.price_rule == "forward" else words


def payment(told: orders.Receipt) -> dict[str, Any]:
    """How to pay an order."""
    account, spoken = told.account, language()
    return {
        "method": METHODS[told.amount.currency],
        "pay_by": instant(told.pay_by),
        "reference": told.reference,
        "numeric_reference": told.numeric_reference,
        "amount": money(told.amount),
        "account": {
            "name": getattr(account, f"name_{spoken}"),
            "bank": getattr(account, f"bank_name_{spoken}"),
            "branch": getattr(account, f"branch_{spoken}"),
            "routing": account.routing,
            "number": account.number,
        },
    }
