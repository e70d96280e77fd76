"""A citizen's redemptions (D31): the windows, what can be asked for, requests and what became of them."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError as DomainValidationError
from django.http import HttpResponse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from fund.redemption import request as requests
from fund.redemption import window as windows
from fund.redemption.models import Redemption, RedemptionLine, RedemptionWindow
from fund.redemption.request import Redeemable
from fund.units import UnitClass
from investors import redeeming
from portal import access
from portal.api.border import Body, Choice, MoneyField, NothingForm, Text
from portal.api.distributions import CITIZENS
from portal.api.documented import KEY_PARAMETER, documented
from portal.api.forms import Instant, Plain, PriceForm, price
from portal.api.idempotency import Done, once
from portal.api.pages import PageQuery, page
from portal.api.problems import as_detail
from portal.api.view import Citizens
from portal.api.who import IsApplicant, IsCitizen, SteppedUp

TAG = "Redemptions"
ID_PARAMETER = OpenApiParameter(name="id", type={"type": "string", "format": "uuid"}, location=OpenApiParameter.PATH)


class AskForm(Body):
    """How many units of which class are to be redeemed, in units as they are read: ``"2.5"``."""

    unit_class = Choice(choices=CITIZENS)
    units = Text(max_length=24, help_text="At most with the decimals of the class, which `listClasses` tells.")


class WindowForm(serializers.Serializer[Any]):
    """A window. The price is that of the dealing day, which nobody knows when asking.

    ``fill_percent`` is an estimate: how much of what is ``asked`` by everybody would be redeemed if the latest price
    were that of the dealing day. There is none before the window has opened.
    """

    code = serializers.CharField()
    unit_class = serializers.CharField()
    state = serializers.ChoiceField(choices=RedemptionWindow.State.values)
    opens_at = Instant()
    closes_at = Instant()
    dealing_day = serializers.DateField()
    cap_percent = Plain(help_text="Of the net assets of the class, redeemed in this window at most.")
    charge_percent = Plain(help_text="Of the worth of units that were held for less than a year.")
    asked = Plain(allow_null=True, help_text="Units, by everybody.")
    fill_percent = Plain(allow_null=True)


class LockedForm(serializers.Serializer[Any]):
    """Units whose payment the bank can still call back."""

    units = Plain()
    until = serializers.DateField()


class RedeemableForm(serializers.Serializer[Any]):
    """``free`` = ``units`` − ``on_request`` − those of ``not_yet``."""

    unit_class = serializers.CharField()
    units = Plain()
    on_request = Plain()
    not_yet = LockedForm(many=True)
    free = Plain()


class ShareForm(serializers.Serializer[Any]):
    """What a window brought a request. ``paid`` = ``gross`` − ``charge``; the amounts are there when it is settled.

    ``made_good`` is paid beside it, where a price that was too low has been corrected.
    """

    window = serializers.CharField()
    dealing_day = serializers.DateField()
    price = PriceForm()
    asked = Plain()
    filled = Plain()
    gross = MoneyField(allow_null=True)
    charged_units = Plain(allow_null=True)
    charge = MoneyField(allow_null=True)
    paid = MoneyField(allow_null=True)
    made_good = MoneyField(allow_null=True)
    settled_at = Instant(allow_null=True)


class RedemptionForm(serializers.Serializer[Any]):
    """A request. What is ``open`` of it takes part in every window until it is filled or withdrawn."""

    id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=Redemption.Status.values)
    unit_class = serializers.CharField()
    units = Plain()
    filled = Plain()
    open = Plain()
    window = serializers.CharField(help_text="The one in which it was placed.")
    received_at = Instant(help_text="What counts against the close.")
    placed_at = Instant()
    ended_at = Instant(allow_null=True)
    can_be_withdrawn = serializers.BooleanField()
    shares = ShareForm(many=True)


class RedemptionList(serializers.Serializer[Any]):
    """Requests, a page at a time; the windows that are announced or at work, and what can be asked for."""

    results = RedemptionForm(many=True)
    next = serializers.URLField(allow_null=True)
    windows = WindowForm(many=True)
    redeemable = RedeemableForm(many=True)


class Redemptions(Citizens):
    permission_classes = [IsApplicant, IsCitizen, SteppedUp]
    query = PageQuery
    pointers = {
        "not_open": "/unit_class",
        "no_units": "/units",
        "more_than_held": "/units",
        "not_redeemable_yet": "/units",
    }

    @documented("listRedemptions", tag=TAG, query=PageQuery, answers=RedemptionList)
    def get(self, request: Request) -> Response:
        """All requests, the latest first; the windows; and what can be asked for."""
        now = timezone.now()
        listed = page(
            request,
            requests.of_holder(holder_id=self.holder_id),
            by=["id"],
            show=lambda rows: RedemptionForm([shown(one, now) for one in rows], many=True).data,
            cursor=self.asked.get("cursor"),
        )
        found = requests.redeemable(holder_id=self.holder_id, now=now)
        with access.as_the_house():
            current = [_window(one, now) for one in windows.current(now=now)]
        return Response(
            {
                **listed,
                "windows": WindowForm(current, many=True).data,
                "redeemable": RedeemableForm([_redeemable(one) for one in found], many=True).data,
            }
        )

    @documented(
        "placeRedemption",
        tag=TAG,
        body=AskForm,
        asked={"unit_class": "JP", "units": "25000"},
        answers={201: RedemptionForm},
        parameters=(KEY_PARAMETER,),
    )
    def post(self, request: Request) -> HttpResponse:
        """Ask to redeem units while a window is open, after a fresh proof. They are on hold until then."""
        return once(request, operation="redeem", act=self._place)

    def _place(self, key: str) -> Done:
        told, now = self.read(AskForm), timezone.now()
        try:
            units = UnitClass.objects.get(pk=told["unit_class"]).parse(told["units"])
        except DomainValidationError as refused:
            raise ValidationError({"units": as_detail(refused)}) from None
        asked = redeeming.place(
            investor=self.investor,
            class_code=told["unit_class"],
            units=units,
            key=key,
            now=now,
            received_at=self.received_at,
        )
        return Done(201, RedemptionForm(shown(asked, now)).data, location=f"{self.request.path}/{asked.pk}")


class OneRedemption(Citizens):
    @documented("getRedemption", tag=TAG, answers=RedemptionForm, parameters=(ID_PARAMETER,))
    def get(self, request: Request, id: UUID) -> Response:
        """One request and what became of it."""
        return Response(RedemptionForm(shown(own(self.holder_id, id), timezone.now())).data)


class RedemptionWithdrawal(Citizens):
    @documented("withdrawRedemption", tag=TAG, answers={200: RedemptionForm}, parameters=(KEY_PARAMETER, ID_PARAMETER))
    def post(self, request: Request, id: UUID) -> HttpResponse:
        """Take a request back, or what is left of it: free until the close of a window, and again after it."""
        return once(request, operation="withdraw_redemption", act=lambda key: self._withdraw(id))

    def _withdraw(self, id: UUID) -> Done:
        self.read(NothingForm)
        now = timezone.now()
        requests.withdraw(redemption=id, holder_id=self.holder_id, now=now, received_at=self.received_at)
        return Done(200, RedemptionForm(shown(own(self.holder_id, id), now)).data)


def own(holder_id: int, id: UUID) -> Redemption:
    """A citizen's own request. Raises NotFound."""
    found = requests.of_holder(holder_id=holder_id).filter(pk=id).first()
    if found is None:
        raise NotFound
    return found


def shown(one: Redemption, now: datetime) -> dict[str, Any]:
    """As ``RedemptionForm`` describes it."""
    of = one.unit_class
    return {
        "id": one.pk,
        "status": one.status,
        "unit_class": of.pk,
        "units": of.count(one.units),
        "filled": of.count(one.filled),
        "open": of.count(one.open if one.status == Redemption.Status.PLACED else 0),
        "window": one.window_id,
        "received_at": one.received_at,
        "placed_at": one.placed_at,
        "ended_at": one.ended_at,
        "can_be_withdrawn": requests.may_be_withdrawn(asked=one, now=now),
        "shares": [_share(line) for line in one.lines.all()],
    }


def _share(line: RedemptionLine) -> dict[str, Any]:
    window, of = line.window, line.window.unit_class
    return {
        "window": window.code,
        "dealing_day": window.dealing_day,
        "price": price(window.decision.priced(), of),
        "asked": of.count(line.asked),
        "filled": of.count(line.filled),
        "gross": None if line.gross is None else window.money(line.gross),
        "charged_units": None if line.charged_units is None else of.count(line.charged_units),
        "charge": None if line.charge is None else window.money(line.charge),
        "paid": None if line.paid is None else window.money(line.paid),
        "made_good": window.money(line.made_good) if line.made_good else None,  # type: ignore[attr-defined]
        "settled_at": line.settled_at,
    }


def _window(one: RedemptionWindow, now: datetime) -> dict[str, Any]:
    announced = one.state == RedemptionWindow.State.ANNOUNCED
    demand = None if announced else windows.demand(window=one, now=now)
    return {
        "code": one.code,
        "unit_class": one.unit_class_id,
        "state": one.state,
        "opens_at": one.opens_at,
        "closes_at": one.closes_at,
        "dealing_day": one.dealing_day,
        "cap_percent": one.cap_percent.normalize(),
        "charge_percent": one.charge_percent.normalize(),
        "asked": demand and one.unit_class.count(demand.units),
        "fill_percent": demand and demand.percent,
    }


def _redeemable(one: Redeemable) -> dict[str, Any]:
    of = one.unit_class
    return {
        "unit_class": of.pk,
        "units": of.count(one.units),
        "on_request": of.count(one.on_request),
        "not_yet": [{"units": of.count(part.units), "until": part.until} for part in one.locked],
        "free": of.count(one.free),
    }
