"""The citizen's transfers (D32): the own code, gifts that were offered either way, and units that were inherited.

The two sides of a gift know of each other the code alone that one told the other. What changes the other side's hold,
or asks whether somebody can receive units, is asked by the house; each verb looks for the asker's own transfer.
"""

import unicodedata
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
from django.utils.crypto import get_random_string
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csp import csp_override
from django.views.decorators.csrf import csrf_exempt, csrf_protect
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from fund.conveyance import give
from fund.conveyance.models import Conveyance
from fund.redemption import request as units_of
from fund.refusal import Refusal
from fund.units import UnitClass
from investors import evidence, pictures, recipients, transfer_papers, transfers
from investors.recipients import RecipientCode
from investors.transfer_papers import Kind, TransferPaper
from portal import access, step_up, uploading
from portal.access import citizen
from portal.web import amounts, papers, who, words

SHOWN = 50
State = Conveyance.State
STATES = {
    State.OFFERED: gettext_lazy("Waits for the recipient"),
    State.ACCEPTED: gettext_lazy("Waits for an officer of each nation"),
    State.APPROVED: gettext_lazy("Approved, passes on when the current distribution is paid"),
    State.MOVED: gettext_lazy("Has passed on"),
    State.WITHDRAWN: gettext_lazy("Taken back"),
    State.DECLINED: gettext_lazy("Declined"),
    State.REFUSED: gettext_lazy("Refused"),
}


class ClassField(forms.ModelChoiceField):  # type: ignore[type-arg]
    """Classes by their names."""

    def label_from_instance(self, obj: UnitClass) -> str:
        return str(obj.get_code_display())


class OfferForm(forms.Form):
    """How many units to whom. ``key`` keeps a form that is sent twice from giving twice."""

    key = forms.RegexField(r"\A[A-Za-z0-9]{20}\Z", widget=forms.HiddenInput)
    unit_class = ClassField(
        label=gettext_lazy("Kind of units"), queryset=UnitClass.objects.none(), widget=forms.RadioSelect,
        empty_label=None,
    )  # fmt: skip
    units = forms.CharField(label=gettext_lazy("Units to give"), max_length=40)
    code = forms.CharField(
        label=gettext_lazy("Code of the recipient"),
        help_text=gettext_lazy("Twelve characters, which the recipient finds on this same page and tells you."),
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "off", "autocapitalize": "characters", "spellcheck": "false"}),
    )
    understood = forms.BooleanField(
        label=gettext_lazy("I give these units away for nothing, and know that the recipient may owe tax for it.")
    )

    def __init__(self, classes: list[str], **given: Any) -> None:
        super().__init__(**given, label_suffix="")
        choice = self.fields["unit_class"]
        assert isinstance(choice, forms.ModelChoiceField)
        choice.queryset = UnitClass.objects.filter(pk__in=classes).order_by("code")
        choice.initial = next(iter(classes), None)

    def clean(self) -> dict[str, Any]:
        """Units become smallest units; full-width digits and separators are read as they are meant."""
        cleaned: dict[str, Any] = super().clean() or {}
        if "code" in cleaned:
            cleaned["code"] = unicodedata.normalize("NFKC", cleaned["code"])
        if "unit_class" in cleaned and "units" in cleaned:
            try:
                cleaned["count"] = amounts.read_units(cleaned["units"], cleaned["unit_class"])
            except ValidationError as wrong:
                self.add_error("units", wrong)
        return cleaned


@citizen
@require_http_methods(["GET", "HEAD", "POST"])
@step_up.required
def index(request: HttpRequest) -> HttpResponse:
    """Everything about transfers on one page; offered by its form, after a fresh proof."""
    now = timezone.now()
    held = units_of.redeemable(holder_id=who.holder_id(request), now=now)
    classes = [one.unit_class.pk for one in held if one.free]
    if request.method != "POST":
        return _page(request, OfferForm(classes, initial={"key": get_random_string(20)}), held, now)
    form = OfferForm([one.unit_class.pk for one in held], data=request.POST)
    if form.is_valid() and _offered(form, request, now):
        messages.success(request, _("Your gift is offered. Its units are on hold until it is decided."))
        return redirect("transfers")
    return _page(request, form, held, now, status=422)


def _offered(form: OfferForm, request: HttpRequest, now: datetime) -> Conveyance | None:
    told = form.cleaned_data
    field = "code"
    try:
        with access.as_the_house():
            recipient = recipients.find(code=told["code"], now=now)
        field = "units"
        return transfers.offer(
            investor=who.citizen(request),
            recipient=recipient,
            class_code=told["unit_class"].pk,
            units=told["count"],
            key=f"page {told['key']}",
            now=now,
        )
    except Refusal as refused:
        form.add_error("code" if refused.code == "to_oneself" else field, words.refusal(refused))
    return None


@citizen
@require_POST
def draw(request: HttpRequest) -> HttpResponse:
    """A code, or a new one in place of the old."""
    recipients.draw(investor=who.citizen(request), now=timezone.now())
    messages.success(request, _("This is your code now. Tell it to nobody else than who is to give you units."))
    return redirect("transfers")


@citizen
@require_POST
def accept(request: HttpRequest, key: UUID) -> HttpResponse:
    return _answered(request, key, transfers.accept, _("You have accepted. An officer of each nation decides now."))


@citizen
@require_POST
def decline(request: HttpRequest, key: UUID) -> HttpResponse:
    return _answered(request, key, transfers.decline, _("You have declined the gift."))


@citizen
@require_POST
def withdraw(request: HttpRequest, key: UUID) -> HttpResponse:
    return _answered(request, key, transfers.withdraw, _("The gift is taken back. Its units are free again."))


def _answered(request: HttpRequest, key: UUID, verb: Callable[..., Conveyance], said: str) -> HttpResponse:
    try:
        with access.as_the_house():
            verb(investor=who.citizen(request), transfer=key, now=timezone.now())
    except Refusal as refused:
        if refused.code == "unknown_transfer":
            raise Http404 from None
        messages.error(request, words.refusal(refused))
    else:
        messages.success(request, said)
    return redirect("transfers")


@citizen
@csrf_exempt  # asked below, once it is known that the body is small enough to be read
@require_POST
def deed(request: HttpRequest, key: UUID) -> HttpResponse:
    """The signed deed of a gift, as a picture or PDF."""
    if uploading.is_too_large(request):
        messages.error(request, str(evidence.WHY["too_large"]))
        return redirect("transfers")
    request.upload_handlers = [uploading.InMemory(request)]
    return _deed(request, key)


@csrf_protect
def _deed(request: HttpRequest, key: UUID) -> HttpResponse:
    investor, file = who.citizen(request), request.FILES.get("file")
    if not Conveyance.objects.filter(pk=key, holder_id=investor.holder_id or 0, estate=None).exists():
        raise Http404
    try:
        if file is None:
            raise evidence.BadFile(_("Please choose a file first."), code="required")
        taken = uploading.take(user_id=investor.user_id, data=file.read())
        transfers.add_deed(investor=investor, transfer=key, taken=taken, now=timezone.now())
    except Refusal as refused:
        messages.error(request, words.refusal(refused))
    else:
        messages.success(request, _("Saved: %(document)s.") % {"document": Kind.DEED.label})
    return redirect("transfers")


@citizen
@require_safe
@csp_override(papers.SANDBOX)
def deed_page(request: HttpRequest, key: UUID, number: int) -> HttpResponse:
    """One page of one's own deed, as a file to keep."""
    try:
        jpeg = transfer_papers.page(investor=who.citizen(request), key=key, number=number, now=timezone.now())
    except evidence.NoSuchDocument:
        raise Http404 from None
    headers: dict[str, Any] = {
        "Content-Disposition": f'attachment; filename="deed-{number}.jpg"',
        "Cache-Control": "private, no-store",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
    return HttpResponse(jpeg, content_type="image/jpeg", headers=headers)


def _page(
    request: HttpRequest, form: OfferForm, held: list[units_of.Redeemable], now: datetime, *, status: int = 200
) -> HttpResponse:
    investor, holder = who.citizen(request), who.holder_id(request)
    rows = list(give.of_holder(holder_id=holder).prefetch_related("lots").order_by("-id")[:SHOWN])
    shown = [one for one in rows if one.estate_id is None or one.state == State.MOVED]
    deeds = {
        row.subject: row for row in TransferPaper.objects.filter(investor=investor, kind=Kind.DEED, replaced_at=None)
    }
    with access.as_the_house():
        sides = {one.holder_id for one in shown} | {one.recipient_id for one in shown}
        codes = {
            row.investor.holder_id: str(row)
            for row in RecipientCode.objects.filter(investor__holder__in=sides).select_related("investor")
        }
    found = [_transfer(one, holder, codes, deeds.get(one.pk), now) for one in shown]
    return render(
        request,
        "account/transfers.html",
        {
            "code": recipients.of(investor),
            "offers": [one for one in found if one["to_answer"]],
            "transfers": [one for one in found if not one["to_answer"]],
            "held": held,
            "form": form if form.is_bound or any(one.free for one in held) else None,
            "accepted": papers.ACCEPTED,
            "largest": pictures.LARGEST,
        },
        status=status,
    )


def _transfer(
    one: Conveyance, holder: int, codes: dict[int | None, str], paper: TransferPaper | None, now: datetime
) -> dict[str, Any]:
    given = one.holder_id == holder
    open_ = one.state in (State.OFFERED, State.ACCEPTED) and one.estate_id is None
    return {
        "transfer": one,
        "given": given,
        "state": STATES[State(one.state)],
        "other": codes.get(one.recipient_id if given else one.holder_id, "") if one.estate_id is None else "",
        "to_answer": not given and one.state == State.OFFERED,
        "can_withdraw": given and open_,
        "can_decline": not given and open_,
        "takes_deed": given and open_,
        "needs_deed": given and open_ and Kind.DEED in transfers.missing(given=one, now=now),
        "deed": paper,
        "numbers": range(1, paper.pages + 1) if paper else (),
        "cost": None if one.cost is None else one.money(one.cost),
        "worth": None if one.worth is None else one.money(one.worth),
        "lots": sorted(one.lots.all(), key=lambda lot: lot.bought_at),
    }
