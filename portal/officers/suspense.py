"""Money in suspense: what is known of it, whom it could belong to, and its way out under one key or two (D35)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.dealing import called_back
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.ledger import balances
from fund.money import Currency, Money
from fund.payments import receipts, references, suspense
from fund.payments.models import BankEntry, Expected
from fund.payments.suspense import Suggestion, Way
from portal.officers import shown, words
from portal.officers.fields import PurposeForm, ReasonForm
from portal.officers.room import Figure, Group, Line, Queue, Room, act, column, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

WAYS = {
    Way.APPLIED: gettext_lazy("apply it to an order"),
    Way.REFUNDED: gettext_lazy("refund it to the holder of the order"),
    Way.RETURNED: gettext_lazy("return it to the account it came from"),
    Way.WRITTEN_OFF: gettext_lazy("write it off as an expense of the fund"),
    Way.RESCINDED: gettext_lazy("rescind the purchase that was paid with it"),
}


class WayForm(ReasonForm):
    """Where the money goes. The order is named only where it is applied to one."""

    way = forms.ChoiceField(
        label=gettext_lazy("What becomes of the money?"), choices=list(WAYS.items()), widget=forms.RadioSelect
    )
    order = forms.CharField(
        label=gettext_lazy("Reference of the order"),
        max_length=40,
        required=False,
        help_text=gettext_lazy("Only to apply it: RF and twelve digits, or the ten digits."),
    )
    field_order = ("way", "order", "reason")

    def clean(self) -> dict[str, Any]:
        """The order that is named, if it must be."""
        cleaned: dict[str, Any] = super().clean() or {}
        if cleaned.get("way") == Way.APPLIED:
            reference = references.find_reference(cleaned.get("order", ""))
            asked = Expected.objects.filter(pk=reference).first()
            if asked is None:
                self.add_error("order", ValidationError(_("There is no order with this reference.")))
            cleaned["expected"] = asked
        return cleaned


class StillOpen(admin.SimpleListFilter):
    """What still needs a way out; the rest is history."""

    title = gettext_lazy("way out")
    parameter_name = "way_out"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", gettext_lazy("still open"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[BankEntry]) -> QuerySet[BankEntry]:
        if self.value() != "open":
            return queryset
        return queryset.filter(suspense.NEEDS_A_WAY_OUT)


@admin.register(BankEntry, site=site)
class Suspense(Room):
    """Money with a reason but without an owner. What its payer wrote is sealed until somebody says what for."""

    duties = frozenset({Duty.PAYMENTS, Duty.AUDIT})
    group = Group.PAYMENTS
    name = gettext_lazy("Suspense")
    page_template = "officers/bank_entry.html"
    list_display = (
        column("booking_date", gettext_lazy("Booked"), lambda row: shown.day(row.booking_date), ordered=True),
        column("account", gettext_lazy("Bank account"), lambda row: row.account_id),
        column("suspended", gettext_lazy("In suspense"), lambda row: shown.minor(row.suspended, row.currency)),
        column("suspense_reason", gettext_lazy("Reason"), lambda row: row.get_suspense_reason_display()),
    )
    list_filter = (
        StillOpen,
        ("suspense_reason", titled(gettext_lazy("reason"))),
        ("currency", titled(gettext_lazy("currency"))),
    )
    ordering = ("booking_date", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BankEntry]:
        return super().get_queryset(request).filter(suspended__gt=0)

    def title_of(self, row: BankEntry) -> str:
        return _("%(amount)s in suspense") % {"amount": shown.minor(row.suspended, row.currency)}

    def page(self, *, row: BankEntry, officer: Officer, now: datetime) -> dict[str, Any]:
        ways = suspense.ways(entry=row)
        if called_back.can_rescind(entry=row):
            ways = [Way.RESCINDED, *ways]
        open_ones = Proposal.objects.filter(kind=Kind.ENTRY, subject=f"bank_entry:{row.pk}", state=Proposal.State.OPEN)
        suggestions = suspense.suggestions(entry=row) if Way.APPLIED in ways else []
        form = WayForm(initial={"order": _likeliest(row, suggestions)})
        form.fields["way"].choices = [(way, WAYS[way]) for way in ways]  # type: ignore[attr-defined]
        return {
            "lines": list(_about_entry(row)),
            "suggestions": [_suggested(one, row) for one in suggestions],
            "read_form": PurposeForm(),
            "may_read": officer.has(Duty.PAYMENTS),
            "resolve_form": form,
            "may_resolve": officer.has(Duty.PAYMENTS) and bool(ways) and not open_ones.exists(),
            "proposals": open_ones,
        }

    @act(duty=Duty.PAYMENTS, fresh=True, form=WayForm)
    def resolve(
        self, request: HttpRequest, *, row: BankEntry, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse | str:
        """Its way out: at once, or as a proposal where the amount asks for both keys."""
        told = {"entry": row, "officer": officer, "reason": form["reason"], "now": now}
        match Way(form["way"]):
            case Way.APPLIED:
                done = suspense.apply(order_id=form["expected"].order_id, **told)
            case Way.REFUNDED:
                done = suspense.refund(**told)
            case Way.RETURNED:
                done = suspense.return_to_payer(**told)
            case Way.WRITTEN_OFF:
                done = suspense.write_off(**told)
            case Way.RESCINDED:
                done = called_back.propose(**told)
        if isinstance(done, Proposal):
            messages.success(request, _("This needs both keys. An officer of the other nation has to approve it."))
            return redirect(reverse("admin:fund_proposal_change", args=[done.pk]))
        return _("It is done: the money was %(way)s.") % {"way": Way(done.way).label}

    @act(duty=Duty.PAYMENTS, form=PurposeForm)
    def read(
        self, request: HttpRequest, *, row: BankEntry, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        """Show what the payer wrote, this once; the purpose and the reading are recorded."""
        payer = receipts.open_payer(entry=row, actor=officer.actor, purpose=form["purpose"], now=now)
        written = [
            Line(_("Name"), payer.name),
            Line(_("Bank account"), payer.account),
            Line(_("Payment reference"), payer.creditor_reference),
            Line(_("End-to-end id"), payer.end_to_end_id),
            Line(_("Payment message"), "\n".join(payer.remittance)),
        ]
        return self.shown(request, row, officer, payer=[line for line in written if line.value])

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        query = "?way_out=open"
        return [
            self.waiting(_("Payments in suspense"), suspense.waiting(), "file__received_at", query=query),
            self.waiting(_("Money that the bank took back"), suspense.missing(), "file__received_at", query=query),
        ]

    def figures(self, *, now: datetime) -> list[Figure]:
        return [
            Figure(
                _("In suspense, %(currency)s") % {"currency": currency},
                shown.money(Money(balances.balance(f"suspense:{currency}"), currency)),
            )
            for currency in Currency
        ]


def _about_entry(row: BankEntry) -> Iterator[Line]:
    yield Line(_("Paid amount"), shown.minor(row.amount, row.currency))
    yield Line(_("In suspense"), shown.minor(row.suspended, row.currency), row.get_suspense_reason_display())
    if row.held:
        yield Line(_("Credited to the order"), shown.minor(row.held, row.currency))
    yield Line(_("Booked"), shown.day(row.booking_date))
    yield Line(_("Bank account"), row.account_id)
    yield Line(_("Reference found"), row.reference or "—")
    yield Line(_("File"), row.file.name, _("entry %(number)s") % {"number": row.number})
    yield Line(_("Ledger event"), row.pk)
    if row.returnable_until:
        yield Line(_("Can be called back until"), shown.day(row.returnable_until))
    resolution = suspense.Resolution.objects.filter(entry=row).select_related("officer").first()
    if resolution:
        yield Line(_("Way out"), resolution.get_way_display(), shown.instant(resolution.resolved_at))
        yield Line(_("Reason"), resolution.reason, str(resolution.officer))


def _likeliest(row: BankEntry, suggestions: list[Suggestion]) -> str:
    """The order that the payer named, else the only one of this amount and name."""
    if row.expected_id:
        return row.expected_id
    sure = [one for one in suggestions if one.same_name and one.same_amount]
    return sure[0].expected.pk if len(sure) == 1 else ""


def _suggested(one: Suggestion, row: BankEntry) -> dict[str, Any]:
    likeness = [_("the same name")] if one.same_name else []
    likeness += [_("the same amount")] if one.same_amount else []
    return {
        "reference": references.printed(one.expected.pk),
        "offering": one.expected.offering_code,
        "missing": shown.minor(one.expected.amount - one.expected.received, one.expected.currency),
        "pay_by": shown.moment(one.expected.pay_by),
        "likeness": " · ".join(likeness),
    }


@words.reads(Kind.ENTRY)
def _way_out(proposal: Proposal, payload: Payload) -> Words:
    if payload.get("act") != "suspense":
        return words.unknown(proposal)
    payload.pop("act")
    way, entry, order = Way(payload.pop("way")), payload.pop("entry"), payload.pop("order")
    amount = shown.minor(payload.pop("amount"), payload.pop("currency"))
    said = Words(_("%(amount)s in suspense: %(way)s") % {"amount": amount, "way": WAYS[way]})
    row = BankEntry.objects.filter(pk=entry).first()
    said.lines = [Line(_("Bank entry"), entry)]
    if row:
        said.lines += [
            Line(_("In suspense because"), row.get_suspense_reason_display()),
            Line(_("Booked"), shown.day(row.booking_date), row.account_id),
        ]
    asked = Expected.objects.filter(order_id=order).first() if order else None
    if order:
        said.lines.append(Line(_("Order"), asked.pk if asked else order, asked.offering_code if asked else ""))
    return said
