"""Each bank account against the book, by day: what the bank says, what the book says, why they differ (D34)."""

from datetime import date, datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance.officers import Duty, Officer
from fund.payments import reconciliation
from fund.payments.models import BankAccount, BankStatement
from fund.payments.reconciliation import Cause, Reconciliation
from portal.officers import entry, shown
from portal.officers.fields import DayField
from portal.officers.room import Group, Queue, Room, column
from portal.officers.site import site

DAYS = 10  # of statements on the page of an account, the latest first
LINES = 200  # of one day that are listed; the command lists them all
CAUSES = {
    Cause.CARRIED_IN: gettext_lazy("on the account before our first statement"),
    Cause.STATEMENT_MISSING: gettext_lazy("a statement is missing in between"),
    Cause.NOT_IN_THE_BOOK: gettext_lazy("on the statement, but it moved nothing in the book"),
    Cause.BOOKED_LATER: gettext_lazy("on the statement, in the book with a later day"),
    Cause.STATED_LATER: gettext_lazy("in the book, on the statement of a later day"),
    Cause.NOT_AT_THE_BANK: gettext_lazy("in the book, on no statement yet"),
}


class DayForm(forms.Form):
    """Until which day is compared."""

    until = DayField(label=gettext_lazy("Until the day"))


@admin.register(BankAccount, site=site)
class Reconciliations(Room):
    """The last days of each account; every difference has its line, or somebody has to find out."""

    duties = frozenset({Duty.PAYMENTS, Duty.AUDIT})
    group = Group.PAYMENTS
    name = gettext_lazy("Reconciliation")
    page_template = "officers/reconciliation.html"
    list_display = (
        column("code", gettext_lazy("Bank account")),
        column("currency", gettext_lazy("Currency")),
        column("stated_on", gettext_lazy("Last statement"), lambda row: _stated_on(row)),
        column("difference", gettext_lazy("Difference"), lambda row: _figure(row, "difference")),
        column("unexplained", gettext_lazy("Unexplained"), lambda row: _figure(row, "unexplained")),
    )
    ordering = ("code",)

    def title_of(self, row: BankAccount) -> str:
        return _("Reconciliation of %(account)s") % {"account": row.code}

    def page_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """The days until the one that is asked for, else until the last."""
        officer = entry.on_duty(request, self.duties)
        row = self.row(request, object_id)
        form = DayForm(request.GET) if request.GET else DayForm()
        until = form.cleaned_data["until"] if form.is_bound and form.is_valid() else None
        return self.shown(request, row, officer, days=_days(row, until), day_form=form)

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        """Accounts with a difference that no line explains."""
        accounts = BankAccount.objects.order_by("code")
        wrong = [told for one in accounts if (told := _latest(one)) and told.unexplained]
        since = min((one.stated_on for one in wrong), default=None)
        oldest = BankStatement.objects.filter(closed_on=since).earliest("written_at").written_at if since else None
        return [Queue(_("Accounts that do not reconcile"), len(wrong), oldest, self.address())]


def _latest(account: BankAccount) -> Reconciliation | None:
    last = reconciliation.latest_day(account=account)
    return reconciliation.day(account=account, day=last) if last else None


def _stated_on(account: BankAccount) -> str:
    last = reconciliation.latest_day(account=account)
    return shown.day(last) if last else _("no statement yet")


def _figure(account: BankAccount, name: str) -> str:
    told = _latest(account)
    return shown.minor(getattr(told, name), account.currency) if told else "—"


def _days(account: BankAccount, until: date | None) -> list[dict[str, Any]]:
    stated = BankStatement.objects.filter(account=account)
    if until:
        stated = stated.filter(closed_on__lte=until)
    closings = stated.order_by("-closed_on").values_list("closed_on", flat=True).distinct()[:DAYS]
    return [_told(reconciliation.day(account=account, day=one)) for one in closings]


def _told(told: Reconciliation) -> dict[str, Any]:
    return {
        "day": shown.day(told.stated_on),
        "bank": shown.minor(told.bank, told.currency),
        "book": shown.minor(told.book, told.currency),
        "difference": shown.minor(told.difference, told.currency),
        "unexplained": shown.minor(told.unexplained, told.currency),
        "reconciled": told.unexplained == 0,
        "lines": [
            {
                "day": shown.day(line.day),
                "cause": CAUSES[line.cause],
                "row": line.row,
                "amount": shown.minor(line.amount, told.currency),
            }
            for line in told.lines[:LINES]
        ],
        "more": max(0, len(told.lines) - LINES),
    }
