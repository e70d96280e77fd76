"""Offerings: announcing one, its demand, and the acts of two keys: opening, allotment, cancellation (D24, D28)."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fund.dealing import allotment, cancellation, offering, settlement
from fund.dealing.models import Offering
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.money import Money, percent
from fund.units import UnitClass
from portal.officers import changes, entry, histogram, shown, words
from portal.officers.fields import DayField, LocalInstant, ReasonForm
from portal.officers.room import NEXT, Coming, Figure, Group, Line, Queue, Room, act, column, proposed, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

State = Offering.State
RUNNING = (State.ALLOTTED, State.SETTLED)


class AnnounceForm(forms.Form):
    """The terms of an offering. Amounts are typed in major units with the decimals of the class's currency."""

    AMOUNTS = ("capacity", "lot", "minimum", "step", "order_maximum", "maximum")

    code = forms.RegexField(label=gettext_lazy("Code"), regex=r"\A[A-Z0-9][A-Z0-9-]{1,19}\Z", help_text="JP-2027-1")
    class_code = forms.ModelChoiceField(
        label=gettext_lazy("Class"), queryset=UnitClass.objects.filter(pk__in=["US", "JP"]), empty_label="—"
    )
    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=120)
    name_ja = forms.CharField(label=gettext_lazy("Name in Japanese"), max_length=120)
    summary_en = forms.CharField(label=gettext_lazy("Summary in English"), widget=forms.Textarea(attrs={"rows": 3}))
    summary_ja = forms.CharField(label=gettext_lazy("Summary in Japanese"), widget=forms.Textarea(attrs={"rows": 3}))
    capacity = forms.CharField(label=gettext_lazy("Capacity"), max_length=22)
    lot = forms.CharField(label=gettext_lazy("Allotment lot"), max_length=22)
    minimum = forms.CharField(label=gettext_lazy("Minimum order"), max_length=22)
    step = forms.CharField(label=gettext_lazy("Order step"), max_length=22)
    order_maximum = forms.CharField(
        label=gettext_lazy("Maximum of one order"),
        max_length=22,
        required=False,
        help_text=gettext_lazy("Leave empty where the maximum of one citizen is enough."),
    )
    maximum = forms.CharField(label=gettext_lazy("Maximum of one citizen"), max_length=22)
    fixed_price = forms.DecimalField(
        label=gettext_lazy("Fixed price"),
        required=False,
        min_value=Decimal("0.0001"),
        max_digits=18,
        decimal_places=4,
        help_text=gettext_lazy("Leave empty for the price of the dealing day."),
    )
    opens_at = LocalInstant(label=gettext_lazy("Opens"))
    closes_at = LocalInstant(label=gettext_lazy("Closes"))
    pay_by = LocalInstant(label=gettext_lazy("Pay by"))
    dealing_day = DayField(label=gettext_lazy("Dealing day"))
    agreements = forms.CharField(
        label=gettext_lazy("Agreements to accept"), max_length=400, help_text="prospectus:1, terms:1"
    )
    issue = forms.RegexField(
        label=gettext_lazy("Issue, for a tranche of one"),
        regex=r"\A[A-Z0-9][A-Z0-9-]{1,19}\Z",
        required=False,
        help_text=gettext_lazy("The same for the tranche of the other nation, such as 2027-1."),
    )
    hands_over = forms.BooleanField(
        label=gettext_lazy("What this tranche leaves unsold passes to the other"), required=False
    )

    def clean_agreements(self) -> list[str]:
        given: list[str] = [one.strip() for one in self.cleaned_data["agreements"].split(",") if one.strip()]
        return given

    def clean(self) -> dict[str, Any]:
        """Amounts become minor units of the class."""
        cleaned: dict[str, Any] = super().clean() or {}
        unit_class = cleaned.pop("class_code", None)
        if unit_class is None:
            return cleaned
        if not cleaned.get("order_maximum"):
            cleaned["order_maximum"] = None
        for name in self.AMOUNTS:
            if cleaned.get(name) is not None:
                try:
                    cleaned[name] = Money.parse(cleaned[name].replace(",", ""), unit_class.currency).amount
                except ValidationError as wrong:
                    self.add_error(name, wrong)
        return {**cleaned, "class_code": unit_class.pk}


@admin.register(Offering, site=site)
class Offerings(Room):
    """Every officer sees the offerings, because every officer may be asked for a key."""

    group = Group.DEALING
    name = gettext_lazy("Offerings")
    change_list_template = "officers/offerings.html"
    page_template = "officers/offering.html"
    list_display = (
        column("code", gettext_lazy("Code")),
        column("name", gettext_lazy("Name of the offering"), lambda row: _name(row)),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("closes_at", gettext_lazy("Closes"), lambda row: shown.moment(row.closes_at), ordered=True),
        column("capacity", gettext_lazy("Capacity"), lambda row: shown.money(row.money(row.capacity))),
    )
    list_filter = (("state", titled(gettext_lazy("status"))),)
    list_select_related = ("unit_class",)
    ordering = ("-opens_at", "code")

    def title_of(self, row: Offering) -> str:
        return f"{row.code} {_name(row)}"

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"announce_form": AnnounceForm(), "may_announce": officer.has(Duty.DEALING)}

    def page(self, *, row: Offering, officer: Officer, now: datetime) -> dict[str, Any]:
        may = officer.has(Duty.DEALING)
        basis = allotment.preview(offering=row) if row.state == State.CLOSED else None
        waiting = Proposal.objects.filter(
            kind__in=[Kind.OFFERING, Kind.ALLOTMENT, Kind.CANCELLATION], subject=row.code, state=Proposal.State.OPEN
        )
        asked = {proposal.kind for proposal in waiting}
        return {
            "state": row.get_state_display(),
            "lines": terms(row),
            "demand": list(_demand(row)) if row.state not in (State.ANNOUNCED, State.CANCELLED) else [],
            "basis": list(_basis_lines(row, basis)) if basis else [],
            "bars": histogram.of(allotment.histogram(offering=row), level=basis.level) if basis else None,
            **(self.progress(row) if row.state in RUNNING else {}),
            "proposals": waiting,
            "approved_opening": row.state == State.ANNOUNCED and row.proposal_id is not None,
            "may_open": may and row.state == State.ANNOUNCED and row.proposal_id is None and Kind.OFFERING not in asked,
            "may_allot": may and row.state == State.CLOSED and Kind.ALLOTMENT not in asked,
            "may_cancel": may and row.state in cancellation.CANCELLABLE and Kind.CANCELLATION not in asked,
            "cancel_form": ReasonForm(),
        }

    def page_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The page; asked for by its own live part, that part alone, which reads only the ranges of the settlement."""
        if request.headers.get("HX-Request") != "true":
            return super().page_view(request, object_id)
        entry.on_duty(request, self.duties)
        return TemplateResponse(request, "officers/parts/settlement.html", self.progress(self.row(request, object_id)))

    def progress(self, row: Offering) -> dict[str, Any]:
        """How far the settlement is, and whether it still moves."""
        done = settlement.progress(offering_code=row.code)
        waits = row.state == State.ALLOTTED and done.allotted == done.orders > 0 and done.settled == 0
        return {
            "address": self.address("change", row.code),
            "progress": {
                "orders": done.orders,
                "done": done.allotted if waits else done.settled,
                "percent": shown.percent(percent(done.allotted if waits else done.settled, done.orders, decimals=1)),
                "sentence": _settled(row, done, waits=waits),
                "moves": row.state == State.ALLOTTED,
            },
        }

    @act(duty=Duty.DEALING, form=AnnounceForm, on_row=False)
    def announce(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        announced = offering.announce(**form, actor=officer.actor, now=now)
        messages.success(request, _("The offering is announced. Its opening needs both keys."))
        return redirect(self.address("change", announced.code))

    @act(duty=Duty.DEALING, fresh=True)
    def open(self, request: HttpRequest, *, row: Offering, officer: Officer, now: datetime) -> HttpResponse:
        return proposed(request, offering.propose_opening(offering=row, officer=officer, now=now))

    @act(duty=Duty.DEALING, fresh=True)
    def allot(self, request: HttpRequest, *, row: Offering, officer: Officer, now: datetime) -> HttpResponse:
        return proposed(request, allotment.propose(offering=row, officer=officer, now=now))

    @act(duty=Duty.DEALING, fresh=True, form=ReasonForm)
    def cancel(
        self, request: HttpRequest, *, row: Offering, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        return proposed(request, cancellation.propose(offering=row, officer=officer, now=now, reason=form["reason"]))

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        if not officer.has(Duty.DEALING):
            return []
        rows = Offering.objects.all()
        to_open = rows.filter(state=State.ANNOUNCED, proposal=None)
        return [
            self.waiting(_("Offerings to open"), to_open, "announced_at", query="?state__exact=announced"),
            self.waiting(
                _("Offerings to allot"), rows.filter(state=State.CLOSED), "closes_at", query="?state__exact=closed"
            ),
            self.waiting(
                _("Offerings being settled"),
                rows.filter(state=State.ALLOTTED),
                "closes_at",
                query="?state__exact=allotted",
            ),
        ]

    def coming(self, *, now: datetime) -> list[Coming]:
        """Openings, cut-offs and payment deadlines that are still to come."""
        rows = Offering.objects.filter(pay_by__gt=now).exclude(state=State.CANCELLED).order_by("pay_by")[:NEXT]
        steps = (
            ("opens_at", gettext_lazy("%(offering)s opens")),
            ("closes_at", gettext_lazy("%(offering)s closes")),
            ("pay_by", gettext_lazy("%(offering)s: last day to pay")),
        )
        return [
            Coming(getattr(one, field), str(said) % {"offering": one.code}, self.address("change", one.pk))
            for one in rows
            for field, said in steps
            if getattr(one, field) > now
        ]

    def figures(self, *, now: datetime) -> list[Figure]:
        """What is open now and until when."""
        return [
            Figure(
                one.code,
                shown.money(one.money(one.capacity)),
                _("open until %(end)s") % {"end": shown.moment(one.closes_at)},
            )
            for one in Offering.objects.filter(state=State.OPEN).select_related("unit_class").order_by("closes_at")[:5]
        ]


def _settled(row: Offering, done: settlement.Progress, *, waits: bool) -> str:
    if waits and row.fixed_price is None:
        return _("All %(orders)s orders are allotted and wait for the price of %(day)s.") % {
            "orders": shown.whole(done.orders),
            "day": shown.day(row.dealing_day),
        }
    return _("%(settled)s of %(orders)s orders are settled.") % {
        "settled": shown.whole(done.settled),
        "orders": shown.whole(done.orders),
    }


def _name(row: Offering) -> str:
    return row.name_ja if get_language() == "ja" else row.name_en


def terms(row: Offering) -> list[Line]:
    """Every term that the digest covers."""

    def money(amount: int) -> str:
        return shown.money(row.money(amount))

    price = _("price of the dealing day")
    if row.fixed_price is not None:
        price = _("%(price)s for %(units)s") % {
            "price": shown.price(row.fixed_price, row.unit_class),
            "units": shown.units(row.unit_class.lot, row.unit_class),
        }
    return [
        Line(_("Class"), UnitClass.Code(row.unit_class_id).label),
        Line(_("Name in English"), row.name_en),
        Line(_("Name in Japanese"), row.name_ja),
        Line(_("Summary in English"), row.summary_en),
        Line(_("Summary in Japanese"), row.summary_ja),
        Line(_("Capacity"), money(row.capacity), _("%(lots)s lots") % {"lots": shown.whole(row.capacity_lots)}),
        Line(_("Allotment lot"), money(row.lot)),
        Line(_("Minimum order"), money(row.minimum)),
        Line(_("Order step"), money(row.step)),
        *([Line(_("Maximum of one order"), money(row.order_maximum))] if row.order_maximum else []),
        Line(_("Maximum of one citizen"), money(row.maximum)),
        Line(_("Price"), price),
        Line(_("Opens"), shown.instant(row.opens_at)),
        Line(_("Closes"), shown.instant(row.closes_at), _extended(row, row.closes_at)),
        Line(_("Pay by"), shown.instant(row.pay_by), _extended(row, row.pay_by)),
        Line(_("Dealing day"), shown.day(row.dealing_day)),
        Line(_("Agreements to accept"), ", ".join(row.agreements)),
        *_tranche(row),
        Line(_("Seed commitment"), bytes(row.seed_commitment).hex()),
        Line(_("Digest of the terms"), offering.terms(row)),
    ]


def _extended(row: Offering, instant: datetime) -> str:
    return (
        _("before outages %(instant)s") % {"instant": shown.instant(instant - row.extension)} if row.extension else ""
    )


def _tranche(row: Offering) -> Iterator[Line]:
    if row.issue and row.usd_jpy_day:
        passes = _("What it leaves unsold passes to the other tranche") if row.hands_over else _("Passes nothing on")
        yield Line(_("Tranche of the issue"), row.issue, passes)
        yield Line(
            _("Rate between the tranches"),
            _("%(rate)s yen for a dollar") % {"rate": row.usd_jpy},
            _("ECB reference rate of %(day)s") % {"day": shown.day(row.usd_jpy_day)},
        )


def _demand(row: Offering) -> Iterator[Line]:
    demand = offering.demand(offering=row)
    share = percent(demand.requested.amount, demand.capacity.amount, decimals=1)
    yield Line(_("Applicants"), shown.whole(demand.applicants))
    yield Line(
        _("Requested"),
        shown.money(demand.requested),
        _("%(percent)s of the capacity") % {"percent": shown.percent(share)},
    )
    yield Line(_("Paid"), shown.money(demand.funded))
    yield Line(_("Capacity"), shown.money(demand.capacity))


def _basis_lines(row: Offering, basis: allotment.Basis) -> Iterator[Line]:
    yield from _basis(row, {name: str(value) for name, value in vars(basis).items()})


def _basis(row: Offering | None, payload: Payload) -> Iterator[Line]:
    """The basis of an allotment in words; what is known is taken out of the payload."""

    def lots(name: str) -> tuple[str, str]:
        number = int(payload.pop(name))
        return shown.whole(number), shown.money(row.money(number * row.lot)) if row else ""

    yield Line(_("Applicants with a paid order"), shown.whole(int(payload.pop("applicants"))))
    yield Line(_("Paid orders"), shown.whole(int(payload.pop("orders"))))
    yield Line(_("Requested, in lots"), *lots("requested_lots"))
    yield Line(_("Capacity, in lots"), *lots("capacity_lots"))
    for name, label in (
        ("received_lots", _("Of these received from the other tranche")),
        ("given_lots", _("Passed to the other tranche")),
    ):
        if row is not None and row.issue:
            yield Line(label, *lots(name))
        elif payload.get(name) == "0":
            payload.pop(name)
    yield Line(_("Everybody receives up to, in lots"), *lots("level"))
    yield Line(_("Applicants who asked for more"), shown.whole(int(payload.pop("above_level"))))
    yield Line(_("Lots decided by ballot"), *lots("ballot_lots"))
    yield Line(_("Allotted, in lots"), *lots("allotted_lots"))
    yield Line(_("Fingerprint of the book"), payload.pop("book"))


# ── what the proposals say ────────────────────────────────────────────────────────────────────────────────────────
def _row(payload: Payload) -> Offering | None:
    return Offering.objects.select_related("unit_class").filter(pk=payload["offering"]).first()


@words.reads(Kind.OFFERING)
def _opening(proposal: Proposal, payload: Payload) -> Words:
    row, code, digest = _row(payload), payload.pop("offering"), payload.pop("terms")
    said = Words(_("The offering %(offering)s opens on these terms.") % {"offering": code})
    said.lines = [*(terms(row) if row else []), Line(_("Digest that is signed"), digest)]
    return said


@words.reads(Kind.ALLOTMENT)
def _allotment(proposal: Proposal, payload: Payload) -> Words:
    row, code = _row(payload), payload.pop("offering")
    said = Words(
        _(
            "The offering %(offering)s is allotted: each of %(applicants)s applicants receives up to %(level)s lots,"
            " and %(ballot)s lots go by ballot."
        )
        % {
            "offering": code,
            "applicants": shown.whole(int(payload["applicants"])),
            "level": shown.whole(int(payload["level"])),
            "ballot": shown.whole(int(payload["ballot_lots"])),
        }
    )
    said.lines = list(_basis(row, payload))
    return said


@words.reads(Kind.CANCELLATION)
def _cancellation(proposal: Proposal, payload: Payload) -> Words:
    row, code = _row(payload), payload.pop("offering")
    payload.pop("reason", None)  # the page shows the proposal's reason, which is the same text
    said = Words(_("The offering %(offering)s is cancelled and every payment for it is returned.") % {"offering": code})
    said.lines = [Line(_("Status"), row.get_state_display()), *terms(row)] if row else []
    return said


@changes.compares(Kind.OFFERING)
def _terms_now(payload: Payload, now: datetime) -> list[changes.Change]:
    row = _row(payload)
    return [changes.change(_("Digest of the terms"), payload["terms"], offering.terms(row) if row else "—")]


@changes.compares(Kind.ALLOTMENT)
def _book_now(payload: Payload, now: datetime) -> list[changes.Change]:
    """The basis recomputed from the paid orders as they stand at this moment."""
    row = _row(payload)
    if row is None or row.state != State.CLOSED:
        return []
    current = {name: str(value) for name, value in vars(allotment.preview(offering=row)).items()}
    proposed = {name: payload.get(name, "0") for name in current}
    return [
        changes.Change(theirs.label, theirs.value, ours.value, theirs.value != ours.value)
        for theirs, ours in zip(_basis(row, proposed), _basis(row, current), strict=True)
    ]
