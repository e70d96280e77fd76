"""Payout runs: begun, looked at, put up for both keys, and their one bank file (D4, D17)."""

from datetime import date, datetime, time
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Count, Sum
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fund import calendars
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.money import Currency
from fund.payments import payee_accounts, payout_files, payouts, remittance
from fund.payments.payout_models import Format, Obstacle, PayoutLine, PayoutRun
from fund.payments.payout_writing import WRITERS
from fund.payments.remittance import Authority, Due
from portal.officers import shown, words
from portal.officers.fields import ReasonForm
from portal.officers.room import Coming, Group, Line, Queue, Room, act, column, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

State = PayoutRun.State
WRITTEN = (State.APPROVED, State.EXPORTED, State.CLOSED)


class BeginForm(forms.Form):
    """Which money is paid out."""

    currency = forms.ChoiceField(
        label=gettext_lazy("Currency"), choices=[(one.value, one.value) for one in Currency], widget=forms.RadioSelect
    )


class FormatForm(forms.Form):
    """How the file is written."""

    format = forms.ChoiceField(label=gettext_lazy("Form of the file"), choices=Format.choices, widget=forms.RadioSelect)


@admin.register(PayoutRun, site=site)
class PayoutRuns(Room):
    """Bank accounts are never shown here: in clear they stand in the file that goes to the bank alone."""

    duties = frozenset({Duty.PAYMENTS, Duty.AUDIT})
    group = Group.PAYMENTS
    name = gettext_lazy("Payout runs")
    change_list_template = "officers/payout_runs.html"
    page_template = "officers/payout_run.html"
    list_display = (
        column("id", gettext_lazy("Run"), lambda row: row.reference, ordered=True),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("total", gettext_lazy("Paid out"), lambda row: shown.minor(row.total, row.currency)),
        column("count", gettext_lazy("Payments"), lambda row: shown.whole(row.count)),
        column("left_out", gettext_lazy("Left out"), lambda row: shown.whole(row.left_out)),
        column("begun_at", gettext_lazy("Begun"), lambda row: shown.moment(row.begun_at), ordered=True),
    )
    list_filter = (("state", titled(gettext_lazy("status"))), ("currency", titled(gettext_lazy("currency"))))
    ordering = ("-id",)

    def title_of(self, row: PayoutRun) -> str:
        return _("Payout run %(reference)s") % {"reference": row.reference}

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"begin_form": BeginForm(), "may_begin": officer.has(Duty.PAYMENTS), "taxes": _taxes(now)}

    def page(self, *, row: PayoutRun, officer: Officer, now: datetime) -> dict[str, Any]:
        acts = officer.has(Duty.PAYMENTS)
        proposals = Proposal.objects.filter(kind=Kind.PAYOUT, subject=f"payout_run:{row.pk}")
        proposed = proposals.filter(state=Proposal.State.OPEN).exists()
        fitting = payout_files.FITS[Currency(row.currency)]
        form = FormatForm()
        form.fields["format"].choices = [(one, label) for one, label in Format.choices if one in fitting]  # type: ignore[attr-defined]
        return {
            "lines": [
                Line(_("Status"), row.get_state_display()),
                Line(_("Paid out"), shown.minor(row.total, row.currency)),
                Line(_("Payments"), shown.whole(row.count)),
                Line(_("Bank account"), row.account_id),
                Line(_("Begun"), shown.instant(row.begun_at), row.begun_by),
            ],
            "taxes": [
                Line(one.get_authority_display(), shown.minor(one.amount, row.currency), _up_to(one.period_to))
                for one in row.lines.exclude(authority="").order_by("pk")
            ],
            "left_out": _left_out(row),
            "propose_form": ReasonForm(),
            "file_form": form,
            "may_propose": acts and row.state == State.READY and not proposed,
            "may_withdraw": acts and row.state in (State.GATHERING, State.READY),
            "may_take_file": acts and row.state in WRITTEN,
            "gathering": row.state == State.GATHERING,
        }

    @act(duty=Duty.PAYMENTS, form=BeginForm, on_row=False)
    def begin(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> str:
        """Everything that waits in this currency becomes a line; their bank accounts follow in the background."""
        run = payouts.begin(currency=Currency(form["currency"]), officer=officer, now=now)
        return _("Payout run %(reference)s was begun. Its bank accounts are being gathered.") % {
            "reference": run.reference
        }

    @act(duty=Duty.PAYMENTS, form=ReasonForm)
    def propose(
        self, request: HttpRequest, *, row: PayoutRun, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str:
        payouts.propose(run=row, officer=officer, now=now, reason=form["reason"])
        return _("The run is proposed. An officer of the other nation has to approve it.")

    @act(duty=Duty.PAYMENTS)
    def withdraw(self, request: HttpRequest, *, row: PayoutRun, officer: Officer, now: datetime) -> str:
        payouts.withdraw(run=row, officer=officer, now=now)
        return _("The run was withdrawn. Its money waits for another run.")

    @act(duty=Duty.PAYMENTS, fresh=True, form=FormatForm)
    def file(
        self, request: HttpRequest, *, row: PayoutRun, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        """The bank file, the same bytes however often; names and accounts stand in it, so it is never kept anywhere."""
        made = payout_files.export(
            run=row, format=Format(form["format"]), writers=WRITERS, actor=officer.actor, now=now
        )
        name = f"{row.reference}.{'xml' if form['format'] == Format.PAIN001 else 'txt'}"
        return HttpResponse(
            made.data,
            content_type="application/octet-stream",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
        )

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        rows = PayoutRun.objects.filter(state=State.READY)
        late = [one for one in _due(now) if one.due_on <= now.date()]
        oldest = min((calendars.books_open(one.due_on) for one in late), default=None)
        return [
            self.waiting(_("Payout runs to be approved"), rows, "begun_at", query="?state__exact=ready"),
            Queue(_("Withheld taxes that are due"), len(late), oldest, self.address()),
        ]

    def coming(self, *, now: datetime) -> list[Coming]:
        """Withheld taxes, at the end of the day on which they are due where they are paid."""
        return [
            Coming(
                calendars.cut_off(day=one.due_on, at=time(15), nation=remittance.NATION[one.authority]),
                _("%(amount)s are due: %(authority)s")
                % {"amount": shown.money(one.amount), "authority": one.authority.label},
                self.address(),
            )
            for one in _due(now)
            if one.due_on >= now.date()
        ]


def _due(now: datetime) -> list[Due]:
    return [one for currency in Currency for one in remittance.due(currency=currency, now=now)]


def _up_to(day: date | None) -> str:
    return _("withheld up to %(day)s") % {"day": shown.day(day)} if day else ""


def _taxes(now: datetime) -> list[dict[str, Any]]:
    """Withheld taxes by authority: what is due, and what has been withheld up to now and is not remitted."""
    found = []
    for currency in Currency:
        due = {one.authority: one for one in remittance.due(currency=currency, now=now)}
        known = payee_accounts.newest(payees=Authority.values, currency=currency)
        for authority, amount in remittance.accruing(currency=currency, now=now).items():
            if amount.amount or authority in due:
                one = due.get(authority)
                found.append(
                    {
                        "authority": authority.label,
                        "all": shown.money(amount),
                        "due": shown.money(one.amount) if one else "—",
                        "to": shown.day(one.to) if one else "—",
                        "on": shown.day(one.due_on) if one else "—",
                        "late": one is not None and one.due_on < now.date(),
                        "known": authority.value in known,
                    }
                )
    return found


def _left_out(row: PayoutRun) -> list[dict[str, Any]]:
    """Why lines are left out, with their sums; held ones with the instant at which the last of them is free."""
    lines = PayoutLine.objects.filter(run=row, state=PayoutLine.State.LEFT_OUT)
    sums = lines.values("obstacle").annotate(number=Count("pk"), amount=Sum("amount")).order_by("obstacle")
    return [
        {
            "why": Obstacle(one["obstacle"]).label,
            "number": shown.whole(one["number"]),
            "amount": shown.minor(one["amount"], row.currency),
        }
        for one in sums
    ]


@words.reads(Kind.PAYOUT)
def _payout(proposal: Proposal, payload: Payload) -> Words:
    currency, count = payload.pop("currency"), int(payload.pop("count"))
    total = shown.minor(payload.pop("total"), currency)
    payments = ngettext("%(count)s payment", "%(count)s payments", count) % {"count": shown.whole(count)}
    said = Words(_("%(total)s are paid out in %(payments)s") % {"total": total, "payments": payments})
    said.lines = [
        Line(_("Run"), payload.pop("run")),
        Line(_("Bank account"), payload.pop("account")),
        Line(_("Left out"), payload.pop("left_out")),
        Line(_("Fingerprint of all payments"), payload.pop("lines")),
    ]
    return said
