"""A citizen's distributions (D45–D47): what was given, what was withheld and why, and cash or reinvestment."""

from typing import Any

from django.utils import timezone
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from fund.distribution import choose, statement
from fund.distribution.models import Distribution
from fund.distribution.statement import Given
from fund.distribution.withholding import JpBasis, UsBasis
from fund.ledger import balances
from fund.units import UnitClass
from portal.api.border import Body, Choice, Flag, MoneyField
from portal.api.documented import documented
from portal.api.forms import Instant, Plain
from portal.api.pages import PageQuery, page
from portal.api.view import Citizens

TAG = "Distributions"
CITIZENS = [UnitClass.Code.US.value, UnitClass.Code.JP.value]


class AnnouncedForm(serializers.Serializer[Any]):
    """A distribution: ``per_lot`` major units of the class's currency are paid for ``lot`` units."""

    unit_class = serializers.CharField()
    record_day = serializers.DateField()
    pay_day = serializers.DateField()
    per_lot = Plain()
    lot = Plain()


class DistributionForm(AnnouncedForm):
    """What was given. ``gross`` = ``ordinary`` + ``returned``; the withheld taxes are of the ordinary part alone.

    ``net`` is paid out, or where ``units_bought`` is more than nothing, reinvested. ``corrected``: taken back since,
    and given anew.
    """

    units = Plain(help_text="Held at the end of the record day.")
    gross = MoneyField()
    ordinary = MoneyField()
    returned = MoneyField(help_text="The citizen's own money: what leaves the units worth less than they cost.")
    withheld_us = MoneyField()
    withheld_national = MoneyField()
    withheld_local = MoneyField()
    us_basis = serializers.ChoiceField(choices=[one.name.lower() for one in UsBasis])
    jp_basis = serializers.ChoiceField(choices=[one.name.lower() for one in JpBasis])
    net = MoneyField()
    units_bought = Plain()
    booked_at = Instant()
    corrected = serializers.BooleanField()


class ChoiceForm(serializers.Serializer[Any]):
    """What is done with the distributions of a class."""

    unit_class = serializers.CharField()
    reinvest = serializers.BooleanField()


class DistributionList(serializers.Serializer[Any]):
    """What was given, a page at a time; what is to come, and what is chosen for it, of the classes that are held."""

    results = DistributionForm(many=True)
    next = serializers.URLField(allow_null=True)
    to_come = AnnouncedForm(many=True)
    choices = ChoiceForm(many=True)


class ChoosingForm(Body):
    """``reinvest``: have the distributions of a class reinvested from now on, else paid out."""

    unit_class = Choice(choices=CITIZENS)
    reinvest = Flag()


class Distributions(Citizens):
    query = PageQuery

    @documented("listDistributions", tag=TAG, query=PageQuery, answers=DistributionList)
    def get(self, request: Request) -> Response:
        """Every distribution to the citizen, the latest first, with its parts and taxes."""
        listed = page(
            request,
            statement.entries(holder_id=self.holder_id),
            by=["distribution_id"],
            show=lambda rows: DistributionForm([given(one) for one in statement.told(rows)], many=True).data,
            cursor=self.asked.get("cursor"),
        )
        chosen = choose.chosen(holder_id=self.holder_id)
        held = [code for code in CITIZENS if balances.balance(f"units:{code}", holder_id=self.holder_id)]
        to_come = statement.to_come(holder_id=self.holder_id, classes=held)
        return Response(
            {
                **listed,
                "to_come": AnnouncedForm([announced(one) for one in to_come], many=True).data,
                "choices": [{"unit_class": code, "reinvest": chosen[code]} for code in held],
            }
        )


class Choosing(Citizens):
    @documented(
        "chooseDistributions",
        tag=TAG,
        body=ChoosingForm,
        asked={"unit_class": "JP", "reinvest": True},
        answers=ChoiceForm,
    )
    def put(self, request: Request) -> Response:
        """Have the distributions of a class reinvested or paid out. What stands at the end of a record day counts."""
        told = self.read(ChoosingForm)
        choose.choose(
            holder_id=self.holder_id,
            unit_class=UnitClass.objects.get(pk=told["unit_class"]),
            reinvest=told["reinvest"],
            actor=self.investor.actor,
            now=timezone.now(),
        )
        return Response(ChoiceForm(told).data)


def announced(one: Distribution) -> dict[str, Any]:
    return {
        "unit_class": one.unit_class_id,
        "record_day": one.record_day,
        "pay_day": one.pay_day,
        "per_lot": one.per_lot.normalize(),
        "lot": one.unit_class.count(one.unit_class.lot),
    }


def given(one: Given) -> dict[str, Any]:
    of = one.distribution.unit_class
    return {
        **announced(one.distribution),
        "units": of.count(one.entry.units),
        "gross": one.gross,
        "ordinary": one.ordinary,
        "returned": one.returned,
        "withheld_us": one.us,
        "withheld_national": one.national,
        "withheld_local": one.local,
        "us_basis": one.us_basis.name.lower(),
        "jp_basis": one.jp_basis.name.lower(),
        "net": one.net,
        "units_bought": of.count(one.entry.bought),
        "booked_at": one.entry.batch.effective_at,
        "corrected": one.corrected,
    }
