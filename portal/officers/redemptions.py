"""Redemption windows: announcing one, and the acts of two keys: opening, sharing out, cancellation (D31)."""

from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.money import percent
from fund.redemption import settle, share, window
from fund.redemption.models import RedemptionWindow
from fund.refusal import Refusal
from fund.units import UnitClass
from portal.officers import changes, shown, words
from portal.officers.fields import DayField, LocalInstant, ReasonForm
from portal.officers.room import NEXT, Coming, Group, Line, Queue, Room, act, column, proposed, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

State = RedemptionWindow.State
KINDS = [Kind.WINDOW, Kind.WINDOW_CANCEL, Kind.REDEMPTION]


class AnnounceForm(forms.Form):
    """The terms of a window; the cap and the charge are those of the settings."""

    code = forms.RegexField(label=gettext_lazy("Code"), regex=r"\A[A-Z0-9][A-Z0-9-]{1,19}\Z", help_text="JP-2027-R1")
    class_code = forms.ModelChoiceField(
        label=gettext_lazy("Class"), queryset=UnitClass.objects.filter(pk__in=["US", "JP"]), empty_label="—"
    )
    opens_at = LocalInstant(label=gettext_lazy("Opens"))
    closes_at = LocalInstant(label=gettext_lazy("Closes"))
    dealing_day = DayField(label=gettext_lazy("Dealing day"))

    def clean_class_code(self) -> str:
        return str(self.cleaned_data["class_code"].pk)


@admin.register(RedemptionWindow, site=site)
class Redemptions(Room):
    """Every officer sees the windows, because every officer may be asked for a key."""

    group = Group.DEALING
    name = gettext_lazy("Redemption windows")
    change_list_template = "officers/windows.html"
    page_template = "officers/window.html"
    list_display = (
        column("code", gettext_lazy("Code")),
        column("unit_class", gettext_lazy("Class"), lambda row: row.unit_class.get_code_display()),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("closes_at", gettext_lazy("Closes"), lambda row: shown.moment(row.closes_at), ordered=True),
        column("dealing_day", gettext_lazy("Dealing day"), lambda row: shown.day(row.dealing_day), ordered=True),
    )
    list_filter = (("state", titled(gettext_lazy("status"))),)
    list_select_related = ("unit_class",)
    ordering = ("-opens_at", "code")

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"announce_form": AnnounceForm(), "may_announce": officer.has(Duty.DEALING)}

    def page(self, *, row: RedemptionWindow, officer: Officer, now: datetime) -> dict[str, Any]:
        may = officer.has(Duty.DEALING)
        waiting = Proposal.objects.filter(kind__in=KINDS, subject=row.code, state=Proposal.State.OPEN)
        asked = {proposal.kind for proposal in waiting}
        sharing, why_not = _sharing(row)
        return {
            "state": row.get_state_display(),
            "lines": terms(row),
            # An estimate, while there is nothing better: beside the sharing itself it would only contradict.
            "demand": list(_demand(row, now)) if row.state in (State.OPEN, State.CLOSED) and not sharing else [],
            "sharing": list(_shared(row, sharing.facts)) if sharing else [],
            "why_not": why_not,
            "decision": list(_decided(row)),
            "proposals": waiting,
            "approved_opening": row.state == State.ANNOUNCED and row.proposal_id is not None,
            "may_open": may and row.state == State.ANNOUNCED and row.proposal_id is None and Kind.WINDOW not in asked,
            "may_decide": may and sharing is not None and Kind.REDEMPTION not in asked,
            "may_cancel": may and row.state in window.CANCELLABLE and Kind.WINDOW_CANCEL not in asked,
            "cancel_form": ReasonForm(),
        }

    @act(duty=Duty.DEALING, form=AnnounceForm, on_row=False)
    def announce(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        announced = window.announce(**form, actor=officer.actor, now=now)
        messages.success(request, _("The window is announced. Its opening needs both keys."))
        return redirect(self.address("change", announced.code))

    @act(duty=Duty.DEALING, fresh=True)
    def open(self, request: HttpRequest, *, row: RedemptionWindow, officer: Officer, now: datetime) -> HttpResponse:
        return proposed(request, window.propose_opening(window=row, officer=officer, now=now))

    @act(duty=Duty.DEALING, fresh=True)
    def decide(self, request: HttpRequest, *, row: RedemptionWindow, officer: Officer, now: datetime) -> HttpResponse:
        return proposed(request, share.propose(window=row, officer=officer, now=now))

    @act(duty=Duty.DEALING, fresh=True, form=ReasonForm)
    def cancel(
        self, request: HttpRequest, *, row: RedemptionWindow, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        proposal = window.propose_cancellation(window=row, officer=officer, now=now, reason=form["reason"])
        return proposed(request, proposal)

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        if not officer.has(Duty.DEALING):
            return []
        rows = RedemptionWindow.objects.all()
        return [
            self.waiting(
                _("Redemption windows to open"),
                rows.filter(state=State.ANNOUNCED, proposal=None),
                "announced_at",
                query="?state__exact=announced",
            ),
            self.waiting(
                _("Redemption windows to decide"),
                rows.filter(state=State.CLOSED),
                "closes_at",
                query="?state__exact=closed",
            ),
        ]

    def coming(self, *, now: datetime) -> list[Coming]:
        """Openings and closes of windows that are still to come."""
        rows = RedemptionWindow.objects.filter(closes_at__gt=now).exclude(state=State.CANCELLED)
        steps = (
            ("opens_at", gettext_lazy("Redemption window %(window)s opens")),
            ("closes_at", gettext_lazy("Redemption window %(window)s closes")),
        )
        return [
            Coming(getattr(one, field), str(said) % {"window": one.code}, self.address("change", one.pk))
            for one in rows.order_by("closes_at")[:NEXT]
            for field, said in steps
            if getattr(one, field) > now
        ]


def _sharing(row: RedemptionWindow) -> tuple[share.Sharing | None, str]:
    """What a closed window comes to at this moment, or why it cannot be decided yet."""
    if row.state != State.CLOSED:
        return None, ""
    try:
        return share.preview(window=row), ""
    except Refusal as refused:
        return None, str(refused)


def terms(row: RedemptionWindow) -> list[Line]:
    """Every term that the digest covers."""
    return [
        Line(_("Class"), UnitClass.Code(row.unit_class_id).label),
        Line(_("Opens"), shown.instant(row.opens_at)),
        Line(_("Closes"), shown.instant(row.closes_at)),
        Line(_("Dealing day"), shown.day(row.dealing_day)),
        Line(_("Limit, of the net assets of the class"), shown.percent(row.cap_percent.normalize())),
        Line(_("Charge on units held for less than a year"), shown.percent(row.charge_percent.normalize())),
        Line(_("Digest of the terms"), window.terms(row)),
    ]


def _demand(row: RedemptionWindow, now: datetime) -> Iterator[Line]:
    found = window.demand(window=row, now=now)
    yield Line(_("Requests"), shown.whole(found.requests))
    yield Line(_("Units asked for"), shown.units(found.units, row.unit_class), shown.money(found.worth))
    yield Line(_("Limit at the latest price"), shown.money(found.cap))
    yield Line(_("Would be redeemed, estimated"), shown.percent(found.percent))


def _shared(row: RedemptionWindow | None, payload: Payload) -> Iterator[Line]:
    """A sharing in words; what is known is taken out of the payload."""

    def units(name: str) -> str:
        number = payload.pop(name)
        return shown.units(number, row.unit_class) if row else number

    price, cap = payload.pop("price"), payload.pop("cap")
    asked, filled = int(payload["asked"]), int(payload["filled"])
    yield Line(_("Price of the dealing day"), shown.price(price, row.unit_class) if row else price)
    yield Line(_("Limit"), shown.minor(cap, row.currency) if row else cap)
    yield Line(_("Requests"), shown.whole(int(payload.pop("requests"))))
    yield Line(_("Units asked for"), units("asked"))
    yield Line(
        _("Units redeemed"),
        units("filled"),
        _("%(percent)s of what is asked for") % {"percent": shown.percent(percent(filled, asked))} if asked else "",
    )
    waits = asked - filled
    yield Line(_("Units that wait for the next window"), shown.units(waits, row.unit_class) if row else str(waits))
    if row:
        price_now = row.unit_class.price(Decimal(price))
        yield Line(_("Their worth, before charges"), shown.money(share.worth(filled, price_now)))
    yield Line(_("Fingerprint of the requests"), payload.pop("book"))


def _decided(row: RedemptionWindow) -> Iterator[Line]:
    if row.state not in (State.DECIDED, State.SETTLED):
        return
    one, done = row.decision, settle.progress(code=row.code)
    facts = share.Sharing(one.price, one.cap, one.requests, one.asked, one.filled, bytes(one.book).hex()).facts
    yield from _shared(row, dict(facts))
    yield Line(_("Settled requests"), shown.whole(done.settled), _("of %(all)s") % {"all": shown.whole(done.lines)})


# ── what the proposals say ────────────────────────────────────────────────────────────────────────────────────────
def _row(payload: Payload) -> RedemptionWindow | None:
    return RedemptionWindow.objects.select_related("unit_class").filter(pk=payload["window"]).first()


@words.reads(Kind.WINDOW)
def _opening(proposal: Proposal, payload: Payload) -> Words:
    row, code, digest = _row(payload), payload.pop("window"), payload.pop("terms")
    said = Words(_("The redemption window %(window)s opens on these terms.") % {"window": code})
    said.lines = [*(terms(row) if row else []), Line(_("Digest that is signed"), digest)]
    return said


@words.reads(Kind.REDEMPTION)
def _decision(proposal: Proposal, payload: Payload) -> Words:
    row, code = _row(payload), payload.pop("window")
    said = Words(
        _("In the window %(window)s units are redeemed at this price. What the limit does not let through waits.")
        % {"window": code}
    )
    said.lines = list(_shared(row, payload))
    return said


@words.reads(Kind.WINDOW_CANCEL)
def _cancellation(proposal: Proposal, payload: Payload) -> Words:
    row, code = _row(payload), payload.pop("window")
    payload.pop("reason", None)  # the page shows the proposal's reason, which is the same text
    said = Words(
        _("The redemption window %(window)s is cancelled. Its requests stand and wait for the next one.")
        % {"window": code}
    )
    said.lines = [Line(_("Status"), row.get_state_display()), *terms(row)] if row else []
    return said


@changes.compares(Kind.WINDOW)
def _terms_now(payload: Payload, now: datetime) -> list[changes.Change]:
    row = _row(payload)
    return [changes.change(_("Digest of the terms"), payload["terms"], window.terms(row) if row else "—")]


@changes.compares(Kind.REDEMPTION)
def _book_now(payload: Payload, now: datetime) -> list[changes.Change]:
    """The sharing recomputed from the requests and the price as they stand at this moment."""
    row = _row(payload)
    sharing, _why_not = _sharing(row) if row else (None, "")
    if sharing is None:
        return []
    theirs, ours = _shared(row, dict(payload)), _shared(row, dict(sharing.facts))
    return [
        changes.Change(signed.label, signed.value, current.value, signed.value != current.value)
        for signed, current in zip(theirs, ours, strict=True)
    ]
