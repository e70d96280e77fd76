"""Files of banks: taken or kept aside with the reason, and what they answer to our payments (D33, D34)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fund.governance.officers import Duty, Officer
from fund.ledger import balances
from fund.payments import answers, receipts
from fund.payments.answers import Answered
from fund.payments.formats.sound_xml import MAX_BYTES
from fund.payments.models import BankAccount, BankFile, Fault, Reason
from fund.payments.payout_models import BankAnswer
from portal.officers import shown
from portal.officers.fields import PurposeForm
from portal.officers.room import Figure, Group, Line, Queue, Room, act, column, titled
from portal.officers.site import site

DUTIES = frozenset({Duty.PAYMENTS, Duty.AUDIT})


class FileForm(forms.Form):
    """A file as the bank sent it."""

    file = forms.FileField(
        label=gettext_lazy("File of the bank"),
        allow_empty_file=True,
        help_text=gettext_lazy(
            "camt.053, camt.054, pain.002, Zengin 01 or 03, NACHA returns: it is told by its content."
        ),
    )

    def clean_file(self) -> Any:
        """Nothing is read into memory that no bank sends."""
        upload = self.cleaned_data["file"]
        if upload.size is None or upload.size > MAX_BYTES:
            raise ValidationError(Fault.TOO_LARGE.label)
        return upload


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
        column("kind", gettext_lazy("Kind of file"), lambda row: row.get_kind_display()),
        column("reason", gettext_lazy("Reason"), lambda row: _reason(row)),
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
        return {
            "lines": list(_about_file(row)),
            "outcomes": [_outcome(one) for one in receipts.outcomes(file=row)],
            "answers": _answers(row),
        }

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
        elif taken.answered:
            messages.success(request, _said(taken.answered))
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


def _reason(row: BankFile) -> str:
    """Why a file is in quarantine and, where it is known, at which line."""
    return " ".join(filter(None, [str(row.get_reason_display()), row.detail])) or "—"


def _said(answered: Answered) -> str:
    return _(
        "The bank’s answers were taken: %(paid)s paid, %(rejected)s rejected, %(returned)s returned, %(unchanged)s"
        " known before. Answers to be looked at: %(notices)s."
    ) % {
        name: shown.whole(getattr(answered, name)) for name in ("paid", "rejected", "returned", "unchanged", "notices")
    }


def _answers(row: BankFile) -> list[dict[str, Any]]:
    counts = row.answers.values("what").annotate(number=Count("pk")).order_by("what")
    return [{"what": BankAnswer.What(one["what"]).label, "number": shown.whole(one["number"])} for one in counts]


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


class ToSeeTo(admin.SimpleListFilter):
    """What no officer has seen to yet; the rest is history."""

    title = gettext_lazy("dealt with")
    parameter_name = "seen"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("open", gettext_lazy("still open"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[BankAnswer]) -> QuerySet[BankAnswer]:
        return queryset.filter(dealt_with_at=None) if self.value() == "open" else queryset


@admin.register(BankAnswer, site=site)
class BankAnswers(Room):
    """Payments that failed, details that banks correct, collected payments that are called back: seen to one by one."""

    duties = DUTIES
    group = Group.PAYMENTS
    name = gettext_lazy("Answers of banks")
    page_template = "officers/bank_answer.html"
    list_display = (
        column("id", gettext_lazy("Answer"), ordered=True),
        column("what", gettext_lazy("What the bank says"), lambda row: row.get_what_display(), ordered=True),
        column("code", gettext_lazy("Code"), lambda row: row.code or "—"),
        column("reference", gettext_lazy("Reference"), lambda row: row.reference or "—"),
        column("received", gettext_lazy("Received"), lambda row: shown.moment(row.file.received_at)),
        column("dealt_with_at", gettext_lazy("Dealt with"), lambda row: shown.moment(row.dealt_with_at), ordered=True),
    )
    list_filter = (
        ("what", titled(gettext_lazy("what the bank says"))),
        ToSeeTo,
    )
    list_select_related = ("file",)
    ordering = ("-id",)

    def title_of(self, row: BankAnswer) -> str:
        return _("Answer %(number)s: %(what)s") % {"number": row.pk, "what": row.get_what_display()}

    def page(self, *, row: BankAnswer, officer: Officer, now: datetime) -> dict[str, Any]:
        return {
            "lines": list(_about_answer(row)),
            "read_form": PurposeForm(),
            "may_read": officer.has(Duty.PAYMENTS),
            "may_deal": officer.has(Duty.PAYMENTS) and row.dealt_with_at is None,
        }

    @act(duty=Duty.PAYMENTS, form=PurposeForm)
    def read(
        self, request: HttpRequest, *, row: BankAnswer, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        """Show the bank's own words, this once; the purpose and the reading are recorded."""
        words = answers.open_words(answer=row, actor=officer.actor, purpose=form["purpose"], now=now)
        told = [Line(label, words.get(name, "")) for name, label in WORDS.items()]
        return self.shown(request, row, officer, words=[line for line in told if line.value])

    @act(duty=Duty.PAYMENTS)
    def deal(self, request: HttpRequest, *, row: BankAnswer, officer: Officer, now: datetime) -> str:
        answers.deal_with(answer=row, officer=officer, now=now)
        return _("It is noted that you have seen to this.")

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        title = _("Answers of banks to see to")
        return [self.waiting(title, answers.waiting(), "file__received_at", query="?seen=open")]


WORDS = {
    "name": gettext_lazy("Name"),
    "account": gettext_lazy("Bank account"),
    "reference": gettext_lazy("Reference"),
    "corrected": gettext_lazy("Corrected details"),
    "text": gettext_lazy("The bank’s words"),
    "status": gettext_lazy("Status"),
}


def _about_answer(row: BankAnswer) -> Iterator[Line]:
    yield Line(_("What the bank says"), row.get_what_display(), row.code)
    yield Line(_("Reference"), row.reference or "—")
    if row.line:
        yield Line(_("Payout run"), row.line.run.reference, row.line.get_state_display())
        yield Line(_("Amount"), shown.minor(row.line.amount, row.line.run.currency))
    yield Line(_("File"), row.file.name, shown.instant(row.file.received_at))
    if row.dealt_with_at:
        yield Line(_("Dealt with"), shown.instant(row.dealt_with_at), row.dealt_with_by)
