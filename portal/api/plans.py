"""A citizen's regular plans (D30): an order every month, and what came of each month."""

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.exceptions import NotFound
from rest_framework.request import Request
from rest_framework.response import Response

from investors import plans
from investors.plan_models import LAST_DAY, Plan, PlanTurn, Reason
from portal.api.border import Body, Choice, MoneyField, Text, Texts, Whole
from portal.api.distributions import CITIZENS
from portal.api.documented import KEY_PARAMETER, documented
from portal.api.forms import Instant, a_list
from portal.api.idempotency import Done, once
from portal.api.pages import PageQuery, page
from portal.api.view import Citizens

TAG = "Plans"
ID = {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"}
PLAN_PARAMETER = OpenApiParameter(name="plan", type=ID, location=OpenApiParameter.PATH)
STATES, TURN_STATES = Plan.State.values, PlanTurn.State.values
MOVES = {Plan.State.ACTIVE: plans.go_on, Plan.State.PAUSED: plans.pause, Plan.State.ENDED: plans.end}
DAY = "Of the month, where the citizen is. A month that is shorter has it on its last day."


class BeginForm(Body):
    """An order of ``amount`` every month."""

    unit_class = Choice(choices=CITIZENS)
    amount = MoneyField()
    day = Whole(min_value=1, max_value=LAST_DAY, help_text=DAY)


class PlanChangeForm(Body):
    """What changes. ``accepts``: agreements that the plan waits for, as ``to_accept`` names them."""

    amount = MoneyField(required=False)
    day = Whole(min_value=1, max_value=LAST_DAY, required=False, help_text=DAY)
    state = Choice(choices=STATES, required=False)
    accepts = Texts(child=Text(max_length=40), max_length=20, required=False)


class TurnForm(serializers.Serializer[Any]):
    """One month: it is to come or under way, or there is an order, or it was skipped for a reason.

    One that waits with the reason ``agreements_missing`` goes on when they are accepted.
    """

    month = serializers.RegexField(r"^[0-9]{4}-[0-9]{2}$")
    day = serializers.DateField(help_text="The plan's day in this month.")
    state = serializers.ChoiceField(choices=TURN_STATES)
    reason = serializers.ChoiceField(choices=Reason.values, allow_null=True)
    subscription = serializers.CharField(allow_null=True, help_text="The reference of the order.")
    ended_at = Instant(allow_null=True)


class PlanForm(serializers.Serializer[Any]):
    """A plan. ``next_on``: when its next turn begins, or began where it waits. ``turns``: the latest first, 24 at most.

    What it orders is an order like every other: it is paid by the citizen, in time, with its own reference.
    """

    id = serializers.UUIDField()
    state = serializers.ChoiceField(choices=STATES)
    unit_class = serializers.ChoiceField(choices=CITIZENS)
    amount = MoneyField()
    day = serializers.IntegerField()
    begun_at = Instant()
    ended_at = Instant(allow_null=True)
    next_on = serializers.DateField(allow_null=True)
    to_accept = serializers.ListField(
        child=serializers.CharField(), help_text="Agreements of the open offering that were not accepted."
    )
    turns = TurnForm(many=True)


ASKED = {"unit_class": "JP", "amount": {"currency": "JPY", "value": "30000"}, "day": 25}


class Own(Citizens):
    """The own plans."""

    pointers = {
        "unknown_class": "/unit_class",
        "wrong_currency": "/amount/currency",
        "below_minimum": "/amount",
        "not_in_steps": "/amount",
        "above_order_maximum": "/amount",
        "above_maximum": "/amount",
        "agreement_not_in_force": "/accepts",
    }

    def own(self, plan: UUID) -> Plan:
        """Somebody else's answers exactly as a missing one."""
        found = plans.of(investor=self.investor).filter(pk=plan).first()
        if found is None:
            raise NotFound
        return found

    def missing(self) -> dict[str, list[str]]:
        return plans.to_accept(investor=self.investor, now=timezone.now())


class Plans(Own):
    query = PageQuery

    @documented("listPlans", tag=TAG, query=PageQuery, answers=a_list(PlanForm, "PlanList"))
    def get(self, request: Request) -> Response:
        """All plans, the latest first."""
        missing = self.missing()
        listed = page(
            request,
            plans.of(investor=self.investor),
            by=["id"],
            show=lambda rows: [shown(one, missing) for one in rows],
            cursor=self.asked.get("cursor"),
        )
        return Response(listed)

    @documented("beginPlan", tag=TAG, body=BeginForm, asked=ASKED, answers={201: PlanForm}, parameters=(KEY_PARAMETER,))
    def post(self, request: Request) -> HttpResponse:
        """Begin a plan. Its first turn is the next time that the day comes."""
        return once(request, operation="begin_plan", act=self._begin)

    def _begin(self, key: str) -> Done:
        given, now = self.read(BeginForm), timezone.now()
        plan = plans.begin(
            investor=self.investor,
            class_code=given["unit_class"],
            amount=given["amount"],
            day=given["day"],
            key=key,
            now=now,
        )
        return Done(201, shown(self.own(plan.pk), self.missing()), reverse("api:plan", kwargs={"plan": plan.pk}))


class OnePlan(Own):
    @documented("getPlan", tag=TAG, answers=PlanForm, parameters=(PLAN_PARAMETER,))
    def get(self, request: Request, plan: UUID) -> Response:
        """One plan and its turns."""
        return Response(shown(self.own(plan), self.missing()))

    @documented(
        "changePlan",
        tag=TAG,
        body=PlanChangeForm,
        asked={"state": "paused"},
        answers=PlanForm,
        parameters=(PLAN_PARAMETER,),
    )
    def patch(self, request: Request, plan: UUID) -> Response:
        """Change the amount or the day, accept what it waits for, let it pause, go on or end. All of it or nothing."""
        own, given, now = self.own(plan), self.read(PlanChangeForm), timezone.now()
        with transaction.atomic():
            if "amount" in given or "day" in given:
                plans.change(plan=own, amount=given.get("amount"), day=given.get("day"), now=now)
            if "accepts" in given:
                plans.accept(plan=own, codes=given["accepts"], now=now)
            if "state" in given:
                MOVES[given["state"]](plan=own, now=now)
        return Response(shown(self.own(plan), self.missing()))


def shown(plan: Plan, missing: dict[str, list[str]]) -> Any:
    """``missing``: by class, what was not accepted."""
    waits = plan.next_turn()
    return PlanForm(
        {
            "id": plan.pk,
            "state": plan.state,
            "unit_class": plan.unit_class_id,
            "amount": plan.money,
            "day": plan.day,
            "begun_at": plan.begun_at,
            "ended_at": plan.ended_at,
            "next_on": waits and waits.day,
            "to_accept": missing.get(plan.unit_class_id, []) if waits else [],
            "turns": [turn(one) for one in plan.latest if one.ended_at or one == waits],
        }
    ).data


def turn(one: PlanTurn) -> dict[str, Any]:
    return {
        "month": f"{one.month:%Y-%m}",
        "day": one.day,
        "state": one.state,
        "reason": one.reason or None,
        "subscription": one.order_reference or None,
        "ended_at": one.ended_at,
    }
