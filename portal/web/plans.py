"""The citizen's regular plans (D30): what goes on, what came of each month, and changing, pausing or ending it."""

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from fund.dealing.models import Subscription
from fund.money import Currency, Money
from fund.refusal import Refusal
from fund.units import UnitClass
from investors import plans as room
from investors.agreements import Agreement
from investors.plan_models import LAST_DAY, Plan, PlanTurn
from portal.access import citizen
from portal.web import amounts, offerings, orders, who, words

STATE = Plan.State
TONES = {STATE.ACTIVE: "go", STATE.PAUSED: "wait", STATE.ENDED: ""}


class PlanForm(forms.Form):
    """How much, on which day. ``currency``: that of the plan's units."""

    amount = forms.CharField(
        label=gettext_lazy("Amount each month"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    day = forms.TypedChoiceField(
        label=gettext_lazy("Day of the month"),
        help_text=gettext_lazy("In a month without this day it is the last one."),
        choices=[(day, day) for day in range(1, LAST_DAY + 1)],
        coerce=int,
    )

    def __init__(self, currency: Currency | None = None, **given: Any) -> None:
        super().__init__(**given, label_suffix="")
        self.currency = currency

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.currency and "amount" in cleaned:
            try:
                cleaned["amount"] = amounts.read(cleaned["amount"], self.currency)
            except ValidationError as wrong:
                self.add_error("amount", wrong)
        return cleaned


class ClassField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Classes by their names."""

    def label_from_instance(self, obj: UnitClass) -> str:
        return str(obj.get_code_display())


class BeginForm(PlanForm):
    """A new plan, of one of the classes; with a key that makes sending twice harmless."""

    unit_class = ClassField(
        label=gettext_lazy("Kind of units"),
        queryset=UnitClass.objects.none(),
        empty_label=None,
        widget=forms.RadioSelect,
    )
    key = forms.UUIDField(widget=forms.HiddenInput)
    field_order = ("unit_class", "amount", "day", "key")

    def __init__(self, classes: list[str], **given: Any) -> None:
        super().__init__(**given)
        choice = self.fields["unit_class"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = UnitClass.objects.filter(owner_kind="citizen", pk__in=classes).order_by("code")

    def clean(self) -> dict[str, Any]:
        if chosen := self.cleaned_data.get("unit_class"):
            self.currency = Currency(chosen.currency)
        return super().clean()


class AcceptForm(forms.Form):
    """The agreements that a plan waits for, all of them."""

    accepts = forms.MultipleChoiceField(
        label=gettext_lazy("I have read and accept"), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, choices: list[tuple[str, str]], **given: Any) -> None:
        super().__init__(**given, label_suffix="")
        self.asked = choices
        accepts = self.fields["accepts"]
        assert isinstance(accepts, forms.MultipleChoiceField)
        accepts.choices = choices
        accepts.error_messages["required"] = gettext_lazy("Please read and accept every document.")

    def clean_accepts(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["accepts"]
        if len(chosen) < len(self.asked):
            raise ValidationError(_("Please read and accept every document."))
        return chosen


@citizen
@require_http_methods(["GET", "HEAD", "POST"])
def plans(request: HttpRequest) -> HttpResponse:
    """Every plan with its turns, and the form for another."""
    investor, now = who.citizen(request), timezone.now()
    if request.method != "POST":
        return _page(request, {})
    form = BeginForm(investor.nations, data=request.POST)
    if form.is_valid() and _tried(form, lambda told: room.begin(
        investor=investor,
        class_code=told["unit_class"].pk,
        amount=told["amount"],
        day=told["day"],
        key=str(told["key"]),
        now=now,
    )):  # fmt: skip
        messages.success(request, _("Your plan has begun."))
        return redirect("plans")
    return _page(request, {"begin": form})


@citizen
@require_POST
def change(request: HttpRequest, plan: UUID) -> HttpResponse:
    """Another amount or day."""
    own = _own(request, plan)
    form = PlanForm(Currency(own.unit_class.currency), data=request.POST, auto_id=_ids("change", own))
    now = timezone.now()
    if form.is_valid() and _tried(form, lambda told: room.change(
        plan=own, amount=told["amount"], day=told["day"], now=now
    )):  # fmt: skip
        messages.success(request, _("Saved."))
        return redirect("plans")
    return _page(request, {own.pk: form})


@citizen
@require_POST
def accept(request: HttpRequest, plan: UUID) -> HttpResponse:
    """Accept what the open offering asks for, so that the plan can order."""
    own, now = _own(request, plan), timezone.now()
    form = AcceptForm(_choices(_texts(own, now)), data=request.POST, auto_id=_ids("accept", own))
    if form.is_valid() and _tried(form, lambda told: room.accept(plan=own, codes=told["accepts"], now=now)):
        messages.success(request, _("Saved. If the plan has been waiting for this, it orders within a few minutes."))
        return redirect("plans")
    return _page(request, {own.pk: form})


@citizen
@require_POST
def pause(request: HttpRequest, plan: UUID) -> HttpResponse:
    return _moved(request, plan, room.pause, _("The plan is paused. It orders nothing until you let it go on."))


@citizen
@require_POST
def go_on(request: HttpRequest, plan: UUID) -> HttpResponse:
    return _moved(request, plan, room.go_on, _("The plan goes on."))


@citizen
@require_POST
def end(request: HttpRequest, plan: UUID) -> HttpResponse:
    return _moved(request, plan, room.end, _("The plan has ended. Orders that it has made stand."))


def _moved(request: HttpRequest, plan: UUID, move: Callable[..., Plan], said: str) -> HttpResponse:
    try:
        move(plan=_own(request, plan), now=timezone.now())
        messages.success(request, said)
    except Refusal as refused:
        messages.error(request, words.refusal(refused))
    return redirect("plans")


def _tried(form: forms.Form, verb: Callable[[dict[str, Any]], Plan]) -> bool:
    try:
        verb(form.cleaned_data)
    except Refusal as refused:
        form.add_error(None, words.refusal(refused))
    return not form.errors


def _own(request: HttpRequest, plan: UUID) -> Plan:
    """Somebody else's answers exactly as one that does not exist."""
    found = room.of(investor=who.citizen(request)).filter(pk=plan).first()
    if found is None:
        raise Http404
    return found


def _page(request: HttpRequest, forms_: dict[Any, forms.Form]) -> HttpResponse:
    """``forms_``: those with faults, of a plan by its id, of a new one by "begin"."""
    investor, now = who.citizen(request), timezone.now()
    own = list(room.of(investor=investor).order_by("-id"))
    made = _orders(who.holder_id(request), own)
    begin = forms_.get("begin") or BeginForm(
        investor.nations, initial={"key": uuid.uuid4(), "unit_class": investor.nations[0], "day": 25}
    )
    wrong = next(iter(forms_.values()), None)
    active = {one.unit_class_id: one for one in own if one.state == STATE.ACTIVE}
    texts = {code: _texts(one, now) for code, one in active.items()}  # once for all plans of a class
    going = [_shown(one, made, texts, forms_.get(one.pk), now) for one in own if one.state != STATE.ENDED]
    asking = {one["plan"].unit_class_id: one for one in reversed(going) if one["texts"]}
    asking |= {one["plan"].unit_class_id: one for one in going if one["accept"].is_bound}
    context = {
        "plans": going,
        "asking": asking.values(),
        "ended": [_shown(one, made, texts, None, now) for one in own if one.state == STATE.ENDED],
        "begin": begin,
        "form": wrong,
        "lapsed": not investor.may_invest(now),
    }
    return render(request, "account/plans.html", context, status=422 if wrong else 200)


def _orders(holder_id: int, own: list[Plan]) -> dict[str, dict[str, Any]]:
    """The orders of the plans as pages show them, by reference."""
    references = [turn.order_reference for plan in own for turn in plan.latest if turn.order_reference]
    found = Subscription.objects.filter(holder_id=holder_id, reference__in=references).with_outcomes()
    return {order.reference: orders.shown(order) for order in found}


def _shown(
    plan: Plan, made: dict[str, Any], missing: dict[str, list[Agreement]], tried: forms.Form | None, now: datetime
) -> dict[str, Any]:
    """``missing``: by class, what its active plans wait for."""
    waits = plan.next_turn()
    texts = missing.get(plan.unit_class_id, []) if plan.state == STATE.ACTIVE else []
    choices = _choices(texts)
    form = tried if isinstance(tried, PlanForm) else PlanForm(
        Currency(plan.unit_class.currency),
        initial={"amount": _plainly(plan.money), "day": plan.day},
        auto_id=_ids("change", plan),
    )  # fmt: skip
    return {
        "plan": plan,
        "amount": plan.money,
        "tone": TONES[STATE(plan.state)],
        "next": waits,
        "next_is": waits and _next_is(waits, now, missing=bool(texts)),
        "turns": [{"turn": one, "order": made.get(one.order_reference)} for one in plan.latest if one.ended_at],
        "texts": texts,
        "accept": tried if isinstance(tried, AcceptForm) else AcceptForm(choices, auto_id=_ids("accept", plan)),
        "change": form,
        "changing": form is tried,
    }


def _next_is(turn: PlanTurn, now: datetime, *, missing: bool) -> str:
    """What the next order waits for: its day, documents, an offering, or the clock that makes it."""
    if turn.due_at > now and not turn.reason:  # one with a reason has begun and is looked at again
        return "day"
    if missing:
        return "documents"
    return "clock" if room.open_offering(unit_class=turn.plan.unit_class, now=now) else "offering"


def _texts(plan: Plan, now: datetime) -> list[Agreement]:
    """What the open offering asks for and was not accepted, in the reader's language."""
    waits = plan.state == STATE.ACTIVE
    missing = room.to_accept(investor=plan.investor, now=now).get(plan.unit_class_id, []) if waits else []
    offering = room.open_offering(unit_class=plan.unit_class, now=now) if missing else None
    return [one for one in offerings.texts(offering, now) if one.code in missing] if offering else []


def _choices(texts: list[Agreement]) -> list[tuple[str, str]]:
    return [(one.code, one.title) for one in texts]


def _plainly(money: Money) -> str:
    """As people type it: without decimals that say nothing."""
    return money.value.removesuffix(".00")


def _ids(what: str, plan: Plan) -> str:
    """Ids of the fields of a form that stands on the page once for each plan."""
    return f"{what}_{plan.pk}_%s"
