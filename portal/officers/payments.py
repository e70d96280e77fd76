"""Payments that came in: taking a bank's file, files in quarantine, money in suspense (D34, D35)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fund.governance.officers import Duty, Officer
from fund.ledger import balances
from fund.money import Currency, Money
from fund.payments import receipts
from fund.payments.formats.sound_xml import MAX_BYTES
from fund.payments.models import BankAccount, BankEntry, BankFile, Fault, Reason
from portal.officers import shown
from portal.officers.room import Figure, Group, Line, Queue, Room, act, column, titled
from portal.officers.site import site

DUTIES = frozenset({Duty.PAYMENTS, Duty.AUDIT})


class FileForm(forms.Form):
    """A file as the bank sent it."""

    file = forms.FileField(label=gettext_lazy("File of the bank (camt.053, camt.054)"), allow_empty_file=True)

    def clean_file(self) -> Any:
        """Nothing is read into memory that no bank sends."""
        upload = self.cleaned_data["file"]
        if upload.size is None or upload.size > MAX_BYTES:
            raise ValidationError(Fault.TOO_LARGE.label)
        return upload


class PayerPurpose(forms.Form):
    """What a payer's own words are read for."""

    purpose = forms.ChoiceField(
        label=gettext_lazy("What do you read it for?"),
        choices=[
            ("owner", gettext_lazy("finding the owner of the money")),
            ("refund", gettext_lazy("paying the money back")),
            ("question", gettext_lazy("answering the payer or the bank")),
        ],
        widget=forms.RadioSelect,
    )


@admin.register(BankFile, site=site)
class BankFiles(Room):
    """A file is taken whole or not at all; an unsound one is kept aside with its reason."""

    duties = DUTIES
    group = Group.PAYMENTS
    name = gettext_lazy("Bank files")
    change_list_template = "officers/bank_files.html"
    page_template = "officers/bank_file.html"
    list_display = (
        column("name", gettext_lazy("File")),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("reason", gettext_lazy("Reason"), lambda row: row.get_reason_display() or "—"),
        column("received_at", gettext_lazy("Received"), lambda row: shown.moment(row.received_at), ordered=True),
        column("received_by", gettext_lazy("Received by")),
    )
    list_filter = (("state", titled(gettext_lazy("status"))), ("kind", titled(gettext_lazy("kind of file"))))
    ordering = ("-id",)

    def title_of(self, row: BankFile) -> str:
        return row.name or _("Bank file %(number)s") % {"number": row.pk}

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"take_form": FileForm(), "may_take": officer.has(Duty.PAYMENTS)}

    def page(self, *, row: BankFile, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"lines": list(_about_file(row)), "outcomes": [_outcome(one) for one in receipts.outcomes(file=row)]}

    @act(duty=Duty.PAYMENTS, form=FileForm, on_row=False)
    def take(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        """Take the file, or keep it aside: either way the answer is the page of the file."""
        upload = form["file"]
        try:
            taken = receipts.import_file(data=upload.read(), name=upload.name, actor=officer.actor, now=now)
        except receipts.Quarantined as refused:
            messages.error(request, _("Nothing was posted. %(why)s") % {"why": refused})
            return redirect(self.address("change", refused.facts["file"]))
        if taken.replay:
            messages.warning(request, _("This file was taken before. Nothing was posted again."))
        else:
            messages.success(
                request,
                ngettext("%(posted)s entry was posted.", "%(posted)s entries were posted.", taken.posted)
                % {"posted": shown.whole(taken.posted)},
            )
        return redirect(self.address("change", taken.file.pk))

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        rows = BankFile.objects.filter(state=BankFile.State.QUARANTINED)
        return [self.waiting(_("Files in quarantine"), rows, "received_at", query="?state__exact=quarantined")]

    def figures(self, *, now: datetime) -> list[Figure]:
        """Money at the banks. An asset stands as a debit, so its balance is negative in the book."""
        return [
            Figure(account.code, shown.minor(-balances.balance(f"bank:{account.code}"), account.currency))
            for account in BankAccount.objects.order_by("code")
        ]


def _about_file(row: BankFile) -> Iterator[Line]:
    yield Line(_("Status"), row.get_state_display())
    if row.reason:
        yield Line(_("Reason"), row.get_reason_display(), row.detail)
    yield Line(_("Kind of file"), row.get_kind_display())
    yield Line(_("Received"), shown.instant(row.received_at), row.received_by)
    yield Line(_("File size"), _("%(bytes)s bytes") % {"bytes": shown.whole(row.size)})
    yield Line("SHA-256", row.digest)


def _outcome(one: receipts.Outcome) -> dict[str, Any]:
    return {
        "account": one.account,
        "direction": _("money in") if one.credit else _("money out"),
        "outcome": one.outcome.label,
        "reason": Reason(one.reason).label if one.reason else "",
        "entries": shown.whole(one.entries),
        "amount": shown.minor(one.amount, one.currency),
        "suspended": shown.minor(one.suspended, one.currency) if one.suspended else "",
    }


@admin.register(BankEntry, site=site)
class Suspense(Room):
    """Money with a reason but without an owner. What its payer wrote is sealed until somebody says what for."""

    duties = DUTIES
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
        ("suspense_reason", titled(gettext_lazy("reason"))),
        ("currency", titled(gettext_lazy("currency"))),
    )
    ordering = ("booking_date", "id")

    def get_queryset(self, request: HttpRequest) -> QuerySet[BankEntry]:
        return super().get_queryset(request).filter(suspended__gt=0)

    def title_of(self, row: BankEntry) -> str:
        return _("%(amount)s in suspense") % {"amount": shown.minor(row.suspended, row.currency)}

    def page(self, *, row: BankEntry, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"lines": list(_about_entry(row)), "read_form": PayerPurpose()}

    @act(duty=Duty.PAYMENTS, form=PayerPurpose)
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
        rows = BankEntry.objects.filter(suspended__gt=0)
        return [self.waiting(_("Payments in suspense"), rows, "file__received_at")]

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
