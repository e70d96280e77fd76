"""The citizen's redemptions (D31): what can be asked for and what not, the windows, and what became of each request."""

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST

from fund.redemption import request as requests
from fund.redemption import window as windows
from fund.redemption.models import Redemption, RedemptionLine, RedemptionWindow
from fund.redemption.request import Redeemable
from fund.refusal import Refusal
from fund.units import UnitClass
from investors import redeeming
from portal import access, step_up
from portal.access import citizen
from portal.received import received_at
from portal.web import amounts, who, words

SHOWN = 50
State = RedemptionWindow.State
STATES = {
    State.ANNOUNCED: gettext_lazy("Opens soon"),
    State.OPEN: gettext_lazy("Open"),
    State.CLOSED: gettext_lazy("Closed, waits for its price"),
    State.DECIDED: gettext_lazy("Decided, being paid"),
}


class AskForm(forms.Form):
    """How many units of one class. ``key`` keeps a form that is sent twice from asking twice."""

    unit_class = forms.ModelChoiceField(
        queryset=UnitClass.objects.filter(owner_kind="citizen"), widget=forms.HiddenInput
    )
    key = forms.RegexField(r"\A[A-Za-z0-9]{20}\Z", widget=forms.HiddenInput)
    units = forms.CharField(label=gettext_lazy("Units to redeem"), max_length=40)
    understood = forms.BooleanField(
        label=gettext_lazy("I know that the price is not known yet and that I may be paid for a part only, and later.")
    )

    def clean(self) -> dict[str, Any]:
        """Units become smallest units; full-width digits and separators are read as they are meant."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "unit_class" in cleaned and "units" in cleaned:
            try:
                cleaned["count"] = amounts.read_units(cleaned["units"], cleaned["unit_class"])
            except ValidationError as wrong:
                self.add_error("units", wrong)
        return cleaned


@citizen
@require_http_methods(["GET", "HEAD", "POST"])
@step_up.required
def redemptions(request: HttpRequest) -> HttpResponse:
    """Everything about redeeming on one page; asked for by its forms, after a fresh proof."""
    holder_id, now = who.holder_id(request), timezone.now()
    form = AskForm(request.POST, auto_id=f"{request.POST.get('unit_class')}_%s") if request.method == "POST" else None
    if form is not None and form.is_valid() and _placed(form, request, now):
        messages.success(request, _("Your request stands. Its units are on hold until they are redeemed."))
        return redirect("redemptions")
    with access.as_the_house():
        current = [_window(one, now) for one in windows.current(now=now)]
    rows = requests.of_holder(holder_id=holder_id).order_by("-id")[:SHOWN]
    found = [_request(one, now) for one in rows]
    held = requests.redeemable(holder_id=holder_id, now=now)
    return render(
        request,
        "account/redemptions.html",
        {
            "held": [_held(one, current, found, form) for one in held],
            "windows": current,
            "requests": found,
            "form": form,
        },
        status=422 if form is not None else 200,
    )


def _placed(form: AskForm, request: HttpRequest, now: datetime) -> Redemption | None:
    given = form.cleaned_data
    try:
        return redeeming.place(
            investor=who.citizen(request),
            class_code=given["unit_class"].pk,
            units=given["count"],
            key=f"page {given['key']}",
            now=now,
            received_at=received_at(request),
        )
    except Refusal as refused:
        form.add_error("units", words.refusal(refused))
    return None


@citizen
@require_POST
def withdraw(request: HttpRequest, key: UUID) -> HttpResponse:
    """Take a request back."""
    try:
        requests.withdraw(
            redemption=key, holder_id=who.holder_id(request), now=timezone.now(), received_at=received_at(request)
        )
    except Refusal as refused:
        if refused.code == "unknown_redemption":
            raise Http404 from None
        messages.error(request, words.refusal(refused))
    else:
        messages.success(request, _("The request is withdrawn. Its units are free again."))
    return redirect("redemptions")


def _window(one: RedemptionWindow, now: datetime) -> dict[str, Any]:
    return {
        "window": one,
        "state": STATES[State(one.state)],
        "is_open": one.state == State.OPEN and one.closes_at > now,
        "demand": None if one.state == State.ANNOUNCED else windows.demand(window=one, now=now),
    }


def _held(
    one: Redeemable, current: list[dict[str, Any]], found: list[dict[str, Any]], form: AskForm | None
) -> dict[str, Any]:
    """What is there of a class, and its form where it can be asked for at this moment."""
    of = one.unit_class
    mine = next((each for each in current if each["window"].unit_class_id == of.pk and each["is_open"]), None)
    stands = any(each["stands"] and each["request"].unit_class_id == of.pk for each in found)
    sent = form is not None and form.data.get("unit_class") == of.pk
    fresh = AskForm(initial={"unit_class": of.pk, "key": get_random_string(20)}, auto_id=f"{of.pk}_%s", label_suffix="")
    return {
        "of": one,
        "stands": stands,
        "window": mine,
        "form": (form if sent else fresh) if mine and not stands and (one.free or sent) else None,
    }


def _request(one: Redemption, now: datetime) -> dict[str, Any]:
    return {
        "request": one,
        "stands": one.status == Redemption.Status.PLACED,
        "state": _standing(one),
        "can_withdraw": requests.may_be_withdrawn(asked=one, now=now),
        "shares": [_share(line) for line in one.lines.all()],
    }


def _standing(one: Redemption) -> str:
    match one.status:
        case Redemption.Status.FILLED:
            return _("Redeemed")
        case Redemption.Status.WITHDRAWN:
            return _("The rest was withdrawn") if one.filled else _("Withdrawn")
    return _("Redeemed in part, the rest waits") if one.filled else _("Stands")


def _share(line: RedemptionLine) -> dict[str, Any]:
    window = line.window
    return {
        "line": line,
        "price": window.decision.priced(),
        "gross": None if line.gross is None else window.money(line.gross),
        "charge": None if line.charge is None else window.money(line.charge),
        "paid": None if line.paid is None else window.money(line.paid),
        "made_good": window.money(line.made_good) if line.made_good else None,  # type: ignore[attr-defined]
    }
