"""Offerings: their terms, the demand as it stands, and the published book that anyone can re-run (D24, D28)."""

from typing import Any

from django.shortcuts import get_object_or_404
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from fund.dealing import allotment
from fund.dealing import offering as offerings
from fund.dealing.models import Offering
from fund.dealing.outage import Extension
from fund.money import Currency
from portal.api.border import MoneyField
from portal.api.documented import CODE_PARAMETER, documented
from portal.api.forms import Hex, Instant, PriceForm, a_list, price, words
from portal.api.pages import PageQuery, address, page, read_cursor
from portal.api.view import Public

TAG = "Offerings"
BOOK_SIZE = 1000


class IssueForm(serializers.Serializer[Any]):
    """The issue that the offering is a tranche of. With ``hands_over``, what it leaves unsold passes to the other
    tranche at ``usd_jpy``, yen per dollar, the ECB reference rate of ``usd_jpy_day``.
    """

    code = serializers.CharField()
    hands_over = serializers.BooleanField()
    usd_jpy = serializers.CharField()
    usd_jpy_day = serializers.DateField()


class ExtensionForm(serializers.Serializer[Any]):
    """An outage of the portal, from when to when, and how it moved the cut-off and the payment deadline."""

    cause = serializers.CharField()
    outage_began = Instant()
    outage_ended = Instant()
    closed_at = Instant()
    closes_at = Instant()
    paid_by = Instant()
    pay_by = Instant()


class OfferingForm(serializers.Serializer[Any]):
    """The terms of an offering. ``maximum`` is over all orders of one citizen, ``order_maximum`` of each. ``seed``
    is shown with the allotment. ``closes_at`` and ``pay_by`` hold; ``extensions`` say how outages moved them. An amount
    is ``minimum`` and any number of ``step`` more; it is allotted in whole ``lot``. ``agreements`` go into ``accepts``.
    With the basis ``forward`` the price is that of the dealing day and ``fixed_price`` is null.
    """

    code = serializers.CharField()
    unit_class = serializers.CharField()
    name = serializers.CharField()
    summary = serializers.CharField()
    state = serializers.ChoiceField(choices=Offering.State.values)
    currency = serializers.ChoiceField(choices=[one.value for one in Currency])
    capacity = MoneyField()
    minimum = MoneyField()
    step = MoneyField()
    maximum = MoneyField()
    lot = MoneyField()
    price_basis = serializers.ChoiceField(choices=Offering.Basis.values)
    fixed_price = PriceForm(allow_null=True)
    dealing_day = serializers.DateField()
    opens_at = Instant()
    closes_at = Instant()
    pay_by = Instant()
    agreements = serializers.ListField(child=serializers.CharField())
    order_maximum = MoneyField()
    issue = IssueForm(allow_null=True)
    extensions = ExtensionForm(many=True)
    terms_digest = Hex()
    seed_commitment = Hex()
    seed = Hex(allow_null=True)


def facts(one: Offering) -> dict[str, Any]:
    same = ("code", "state", "price_basis", "dealing_day", "opens_at", "closes_at", "pay_by", "agreements")
    amounts = ("capacity", "minimum", "step", "maximum", "lot")
    return {
        **{name: getattr(one, name) for name in (*same, "terms_digest", "seed_commitment", "seed", "currency")},
        **{name: one.money(getattr(one, name)) for name in amounts},
        "unit_class": one.unit_class_id,
        "name": words(one, "name"),
        "summary": words(one, "summary"),
        "fixed_price": one.price and price(one.price, one.unit_class),
        "order_maximum": one.money(one.largest_order),
        "issue": issue(one),
        "extensions": [extension(each) for each in one.extensions.all()],
    }


def issue(one: Offering) -> dict[str, Any] | None:
    if not one.issue:
        return None
    same = ("hands_over", "usd_jpy", "usd_jpy_day")
    return {"code": one.issue, **{name: getattr(one, name) for name in same}}


def extension(one: Extension) -> dict[str, Any]:
    return {
        "cause": words(one.outage, "cause"),
        "outage_began": one.outage.starts_at,
        "outage_ended": one.outage.ends_at,
        **{name: getattr(one, name) for name in ("closed_at", "closes_at", "paid_by", "pay_by")},
    }


class Offerings(Public):
    query = PageQuery
    seconds = 10

    @documented("listOfferings", tag=TAG, query=PageQuery, answers=a_list(OfferingForm, "OfferingList"))
    def get(self, request: Request, **place: str) -> Response:
        """All offerings, the latest to open first."""
        return super().get(request, **place)

    def figures(self) -> Any:
        return page(
            self.request,
            Offering.objects.select_related("unit_class").prefetch_related("extensions__outage"),
            by=["opens_at", "code"],
            show=lambda rows: OfferingForm([facts(one) for one in rows], many=True).data,
            cursor=self.asked.get("cursor"),
        )


def offering(code: str) -> Offering:
    """Raises Http404."""
    return get_object_or_404(Offering.objects.select_related("unit_class"), pk=code)


class OneOffering(Public):
    seconds = 10

    @documented("getOffering", tag=TAG, answers=OfferingForm, parameters=(CODE_PARAMETER,))
    def get(self, request: Request, **place: str) -> Response:
        """One offering."""
        return super().get(request, **place)

    def figures(self) -> Any:
        return OfferingForm(facts(offering(self.kwargs["code"]))).data


class DemandForm(serializers.Serializer[Any]):
    """How much is asked for; ``funded`` is what of it is paid."""

    offering = serializers.CharField()
    applicants = serializers.IntegerField()
    requested = MoneyField()
    funded = MoneyField()
    capacity = MoneyField()


class Demand(Public):
    seconds = 5

    @documented("getDemand", tag=TAG, answers=DemandForm, parameters=(CODE_PARAMETER,))
    def get(self, request: Request, **place: str) -> Response:
        """The demand at this moment."""
        return super().get(request, **place)

    def figures(self) -> Any:
        one = offering(self.kwargs["code"])
        return DemandForm({"offering": one.code, **vars(offerings.demand(offering=one))}).data


class EntryForm(serializers.Serializer[Any]):
    """One citizen of the book, under a random ticket."""

    ticket = serializers.UUIDField()
    requested_lots = serializers.IntegerField()
    allotted_lots = serializers.IntegerField()


class BookForm(serializers.Serializer[Any]):
    """The book in ascending order of tickets, and everything to re-run the allotment with.

    ``capacity_lots`` = ``own_lots`` + ``received_lots`` - ``given_lots``. With ``hands_over``, what this tranche leaves
    unsold passes to ``other_tranche`` at ``usd_jpy`` (yen per dollar), rounded down to that one's lots.
    """

    offering = serializers.CharField()
    lot = MoneyField()
    capacity_lots = serializers.IntegerField()
    own_lots = serializers.IntegerField()
    received_lots = serializers.IntegerField()
    given_lots = serializers.IntegerField()
    other_tranche = serializers.CharField(allow_null=True)
    hands_over = serializers.BooleanField()
    usd_jpy = serializers.CharField(allow_null=True)
    seed = serializers.CharField()
    seed_commitment = serializers.CharField()
    level = serializers.IntegerField()
    applicants = EntryForm(many=True)
    next = serializers.URLField(allow_null=True)


class Book(Public):
    query = PageQuery
    seconds = 600

    @documented("getBook", tag=TAG, query=PageQuery, answers=BookForm, parameters=(CODE_PARAMETER,))
    def get(self, request: Request, **place: str) -> Response:
        """The anonymised book, from the allotment on."""
        return super().get(request, **place)

    def figures(self) -> Any:
        cursor = self.asked.get("cursor")
        after = read_cursor(self.request, cursor)[0] if cursor else None
        book = allotment.book(offering=offering(self.kwargs["code"]), after=after, limit=BOOK_SIZE)
        facts = {**vars(book), "next": address(self.request, [book.next]) if book.next else None}
        return BookForm(facts).data
