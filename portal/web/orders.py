"""A citizen's orders: subscribe in four steps, see where an order stands, withdraw it (D25, D26)."""

import uuid
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from fund.dealing import compensation
from fund.dealing import subscription as dealing
from fund.dealing.models import AllotmentLine, Applicant, Offering, Status, Subscription
from fund.money import Currency, Money
from fund.payments.models import Expected
from fund.refusal import Refusal
from investors import agreements, subscribing
from investors.people import Investor
from portal.access import citizen
from portal.received import received_at
from portal.templatetags import figures
from portal.web import amounts, offerings, who, words

STATE = Offering.State
OPEN_ENDED = (Status.PLACED, Status.FUNDED)
ENDED = (Status.WITHDRAWN, Status.LAPSED, Status.UNALLOTTED, Status.SETTLED)


class AmountForm(forms.Form):
    """The amount as people type it."""

    amount = forms.CharField(
        label=gettext_lazy("Amount"),
        max_length=40,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )

    def __init__(self, currency: Currency, data: Any = None, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, initial=initial, label_suffix="")
        self.currency = currency

    def clean_amount(self) -> Money:
        return amounts.read(self.cleaned_data["amount"], self.currency)


class DocumentsForm(AmountForm):
    """The second step: the amount as it was, and the agreements that were not accepted before."""

    accepts = forms.MultipleChoiceField(
        label=gettext_lazy("I have read and accept"), required=False, widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, currency: Currency, choices: list[tuple[str, str]], **given: Any) -> None:
        super().__init__(currency, **given)
        self.asked = choices
        self.fields["amount"].widget = forms.HiddenInput()
        accepts = self.fields["accepts"]
        assert isinstance(accepts, forms.MultipleChoiceField)
        accepts.choices = choices
        if not choices:
            del self.fields["accepts"]

    def clean_accepts(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["accepts"]
        if len(chosen) < len(self.asked):
            raise ValidationError(_("Please read and accept every document."))
        return chosen


class ReviewForm(DocumentsForm):
    """The third step, everything once more: with a key that makes sending twice harmless."""

    key = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, currency: Currency, choices: list[tuple[str, str]], **given: Any) -> None:
        super().__init__(currency, choices, **given)
        if choices:
            self.fields["accepts"].widget = forms.MultipleHiddenInput()


@citizen
@require_http_methods(["GET", "HEAD", "POST"])
def subscribe(request: HttpRequest, code: str) -> HttpResponse:
    """Amount, documents, review: each step is the POST of the one before. That of the review places the order.

    The fourth step, paying, is the order's own page.
    """
    offering, now = _offering(code), timezone.now()
    investor = who.citizen(request)
    if request.method == "POST" and "key" in request.POST:
        return _place(request, offering, investor, now)
    if request.method == "POST" and "documents" in request.POST:
        return _accept(request, offering, investor, now)
    given = {"amount": request.GET.get("amount", "")}
    form = AmountForm(offering.currency, request.POST if request.method == "POST" else None, initial=given)
    if request.method == "POST" and form.is_valid() and _fits(form, offering):
        return _documents(request, offering, investor, form.cleaned_data["amount"], now)
    return render(
        request,
        "account/subscribe.html",
        {
            "offering": offerings.shown(offering),
            "form": form,
            "steps": steps(1),
        },
        status=422 if form.errors else 200,
    )


def _accept(request: HttpRequest, offering: Offering, investor: Investor, now: datetime) -> HttpResponse:
    form = DocumentsForm(offering.currency, _to_accept(offering, investor, now), data=request.POST)
    amount = form.cleaned_data.get("amount") if form.is_valid() or form.cleaned_data else None
    if amount is None:
        return redirect("subscribe", offering.code)
    if form.errors:
        return _documents(request, offering, investor, amount, now, form)
    initial = {"amount": amount.value, "accepts": form.cleaned_data.get("accepts", []), "key": uuid.uuid4()}
    return _review(request, offering, amount, ReviewForm(offering.currency, form.asked, initial=initial))


def _place(request: HttpRequest, offering: Offering, investor: Investor, now: datetime) -> HttpResponse:
    form = ReviewForm(offering.currency, _to_accept(offering, investor, now), data=request.POST)
    if not form.is_valid():
        if "amount" not in form.cleaned_data or "key" not in form.cleaned_data:
            return redirect("subscribe", offering.code)
        again = DocumentsForm(offering.currency, form.asked, data=request.POST)
        return _documents(request, offering, investor, form.cleaned_data["amount"], now, again)
    done = agreements.accepted(investor=investor) & set(offering.agreements)
    try:
        with transaction.atomic():  # a refusal ends it whole; the page that says why is made after
            order = subscribing.subscribe(
                investor=investor,
                offering_code=offering.code,
                amount=form.cleaned_data["amount"],
                accepts=sorted(done | set(form.cleaned_data.get("accepts", []))),
                key=str(form.cleaned_data["key"]),
                now=now,
                received_at=received_at(request),
            )
    except Refusal as refused:
        form.add_error(None, words.refusal(refused))
        return _review(request, offering, form.cleaned_data["amount"], form)
    messages.success(request, _("Your order has been placed."))
    return redirect("order", order.reference)


def steps(now: int) -> list[dict[str, Any]]:
    """The steps of a subscription; ``now`` counts from one."""
    names = (_("Amount"), _("Documents"), _("Review"), _("Payment"))
    return [{"name": name, "done": place < now, "now": place == now} for place, name in enumerate(names, 1)]


def _fits(form: AmountForm, offering: Offering) -> bool:
    """What can be said about an amount before the order is placed; placing checks it again."""
    amount: Money = form.cleaned_data["amount"]
    least, step, largest, most = (
        offering.money(part) for part in (offering.minimum, offering.step, offering.largest_order, offering.maximum)
    )
    if amount < least:
        form.add_error("amount", _("The smallest order is %(amount)s.") % {"amount": figures.money(least)})
    elif (amount - least).amount % step.amount:
        form.add_error("amount", _("Orders go up in steps of %(amount)s.") % {"amount": figures.money(step)})
    elif offering.order_maximum is not None and largest < amount:
        form.add_error("amount", _("The largest order is %(amount)s.") % {"amount": figures.money(largest)})
    elif most < amount:
        form.add_error(
            "amount",
            _("All your orders in this offering together may reach %(amount)s.") % {"amount": figures.money(most)},
        )
    return not form.errors


def _to_accept(offering: Offering, investor: Investor, now: datetime) -> list[tuple[str, str]]:
    """The agreements of an offering that somebody has not accepted yet."""
    done = agreements.accepted(investor=investor)
    return [(one.code, one.title) for one in offerings.texts(offering, now) if one.code not in done]


def _documents(
    request: HttpRequest,
    offering: Offering,
    investor: Investor,
    amount: Money,
    now: datetime,
    form: DocumentsForm | None = None,
) -> HttpResponse:
    texts = offerings.texts(offering, now)
    if form is None:
        choices = _to_accept(offering, investor, now)
        form = DocumentsForm(offering.currency, choices, initial={"amount": amount.value})
    facts = {
        "offering": offerings.shown(offering),
        "amount": amount,
        "form": form,
        "texts": texts,
        "changes": agreements.changed_since(investor=investor, texts=texts),
        "steps": steps(2),
    }
    return render(request, "account/subscribe_documents.html", facts, status=422 if form.errors else 200)


def _review(request: HttpRequest, offering: Offering, amount: Money, form: ReviewForm) -> HttpResponse:
    facts = {
        "offering": offerings.shown(offering),
        "amount": amount,
        "form": form,
        "texts": offerings.texts(offering, timezone.now()),
        "steps": steps(3),
    }
    return render(request, "account/subscribe_review.html", facts, status=422 if form.errors else 200)


@citizen
@require_safe
def index(request: HttpRequest) -> HttpResponse:
    return render(request, "account/orders.html", {"orders": listed(who.holder_id(request))})


@citizen
@require_safe
def detail(request: HttpRequest, reference: str) -> HttpResponse:
    """Where an order stands, how to pay for it, and what came of it."""
    order, now = _order(request, reference), timezone.now()
    offering = Offering.objects.select_related("unit_class").get(pk=order.offering_id)
    line = order.line()
    expected = Expected.objects.filter(order_id=order.pk).first()
    applicant = Applicant.objects.filter(offering_id=offering.pk, holder_id=order.holder_id).first()
    receipt = dealing.receipt(subscription=order)
    return render(
        request,
        "account/order.html",
        {
            "order": shown(order),
            "offering": offerings.shown(offering),
            "receipt": receipt,
            "account": {name: words.of(receipt.account, name) for name in ("name", "bank_name", "branch")}
            | {"routing": receipt.account.routing, "number": receipt.account.number},
            "received": expected and Money(expected.received, order.money.currency),
            "pay": order.status == Status.PLACED and now < offering.pay_by,
            "can_withdraw": order.standing in OPEN_ENDED
            and now < offering.closes_at
            and offering.state in (STATE.OPEN, STATE.CLOSED),
            "line": line and _line(line, offering),
            "given": compensation.given(order=order) if line else 0,
            "ticket": applicant.ticket if applicant and offering.state in (STATE.ALLOTTED, STATE.SETTLED) else None,
            "way": _way(order, offering, now),
            "steps": steps(4),
            "state": _state(order),
            "live": order.standing not in ENDED,
        },
    )


@citizen
@require_safe
def state(request: HttpRequest, reference: str) -> HttpResponse:
    """For htmx, beside the order's page: nothing while the order stands as it did, else the page is loaded again."""
    changed = request.GET.get("is") != _state(_order(request, reference))
    return HttpResponse(status=204, headers={"HX-Refresh": "true"} if changed else {})


def _state(order: Subscription) -> str:
    """What a reader of the page would notice, in short."""
    received = Expected.objects.filter(order_id=order.pk).values_list("received", flat=True).first()
    return f"{order.standing}-{received or 0}"


@citizen
@require_POST
def withdraw(request: HttpRequest, reference: str) -> HttpResponse:
    order = _order(request, reference)
    try:
        dealing.withdraw(
            reference=order.reference,
            holder_id=order.holder_id,
            now=timezone.now(),
            received_at=received_at(request),
        )
        messages.success(request, _("Your order has been withdrawn. Money that you paid for it is paid back."))
    except Refusal as refused:
        messages.error(request, words.refusal(refused))
    return redirect("order", reference)


def listed(holder_id: int) -> list[dict[str, Any]]:
    """A citizen's orders, newest first, as pages show them."""
    rows = list(Subscription.objects.filter(holder_id=holder_id).with_outcomes().order_by("-placed_at"))
    names = {
        one.code: words.of(one, "name") for one in Offering.objects.filter(pk__in={row.offering_id for row in rows})
    }
    return [shown(row) | {"offering_name": names[row.offering_id]} for row in rows]


def shown(order: Subscription) -> dict[str, Any]:
    return {
        "reference": order.reference,
        "numeric_reference": order.numeric_reference,
        "offering_code": order.offering_id,
        "amount": order.money,
        "placed_at": order.placed_at,
        "received_at": order.received_at,
        "status": order.standing,
        "status_label": words.ORDER_STATES[order.standing],
        "tone": TONES[order.standing],
    }


TONES = {
    Status.PLACED: "wait",
    Status.FUNDED: "go",
    Status.WITHDRAWN: "",
    Status.LAPSED: "stop",
    Status.ALLOTTED: "go",
    Status.PART_ALLOTTED: "go",
    Status.UNALLOTTED: "stop",
    Status.SETTLED: "go",
}


def _line(line: AllotmentLine, offering: Offering) -> dict[str, Any]:
    money = offering.money
    return {
        "allotted": money(line.allotted),
        "refund": money(line.refund),
        "units": line.units,
        "cost": None if line.cost is None else money(line.cost),
        "rounding": None if line.rounding is None else money(line.rounding),
    }


def _way(order: Subscription, offering: Offering, now: datetime) -> list[dict[str, Any]]:
    """The stations of an order; ``state`` is done, now or empty for what is still to come."""
    if order.status in (Status.WITHDRAWN, Status.LAPSED):
        return [
            {"name": _("Placed"), "at": order.received_at, "state": "done"},
            {"name": words.ORDER_STATES[order.status], "at": order.ended_at, "state": "done"},
        ]
    decided = order.standing not in OPEN_ENDED
    settled = order.standing == Status.SETTLED
    stations = [
        (_("Placed"), order.received_at, True),
        (_("Paid"), order.funded_at, order.funded_at is not None or decided),
        (_("Offering closes"), offering.closes_at, offering.closes_at <= now),
        (_("Allotted by both nations"), None, decided),
        (_("Units and refund booked"), None, settled),
    ]
    current = next((place for place, (_name, _at, done) in enumerate(stations) if not done), None)
    return [
        {"name": name, "at": at, "state": "done" if done else "now" if place == current else ""}
        for place, (name, at, done) in enumerate(stations)
    ]


def _offering(code: str) -> Offering:
    """An open offering. A citizen who is too late is told so by the offering's own page."""
    offering = offerings.listed().filter(pk=code).first()
    if offering is None:
        raise Http404
    return offering


def _order(request: HttpRequest, reference: str) -> Subscription:
    """Somebody else's order answers exactly as one that does not exist."""
    own = Subscription.objects.filter(holder_id=who.holder_id(request)).with_outcomes()
    order = own.filter(reference=reference).first()
    if order is None:
        raise Http404
    return order
