"""Years of tax: prepared, compared with the ledger, put up for both keys; the files for the authorities (D4, D48)."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.money import Currency, Money
from fund.tax import year
from fund.tax.forms import FIELDS, As
from fund.tax.models import Form, TaxStatement, TaxYear
from investors import tax_files
from portal.officers import changes, shown, words
from portal.officers.fields import ReasonForm
from portal.officers.room import Group, Line, Queue, Room, act, column, proposed, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

State = TaxYear.State
CHANGES_SHOWN = 200


class YearForm(forms.Form):
    """Which year."""

    year = forms.IntegerField(label=gettext_lazy("Year"), min_value=2000, max_value=2100, localize=False)


class FileForm(forms.Form):
    """For which authority's form."""

    form = forms.ChoiceField(choices=[(form.value, form.label) for form in tax_files.FILED], widget=forms.HiddenInput)


@admin.register(TaxYear, site=site)
class TaxYears(Room):
    """Numbers and names stand in the files for the authorities alone, which are taken with a fresh sign-in."""

    duties = frozenset({Duty.PAYMENTS, Duty.AUDIT})
    group = Group.PAYMENTS
    name = gettext_lazy("Years of tax")
    change_list_template = "officers/tax_years.html"
    page_template = "officers/tax_year.html"
    list_display = (
        column("year", gettext_lazy("Year"), lambda row: row.year, ordered=True),
        column("version", gettext_lazy("Version"), lambda row: row.version),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("count", gettext_lazy("Statements"), lambda row: "—" if row.count is None else shown.whole(row.count)),
        column("begun_at", gettext_lazy("Begun"), lambda row: shown.moment(row.begun_at), ordered=True),
        column("released_at", gettext_lazy("Released"), lambda row: shown.moment(row.released_at), ordered=True),
    )
    list_filter = (("state", titled(gettext_lazy("status"))),)
    ordering = ("-year", "-version", "-id")

    def title_of(self, row: TaxYear) -> str:
        return _("Year of tax %(year)s, version %(version)s") % {"year": row.year, "version": row.version}

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"prepare_form": YearForm(initial={"year": now.year - 1}), "may_prepare": officer.has(Duty.PAYMENTS)}

    @act(duty=Duty.PAYMENTS, form=YearForm, on_row=False)
    def prepare(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> str:
        """The statements are computed in the background; nothing is sent to anybody before both keys are turned."""
        one = year.begin(year=form["year"], officer=officer, now=now)
        return _("Version %(version)s of %(year)s is being computed.") % {"version": one.version, "year": one.year}

    def page(self, *, row: TaxYear, officer: Officer, now: datetime) -> dict[str, Any]:
        acts = officer.has(Duty.PAYMENTS)
        open_ones = Proposal.objects.filter(kind=Kind.TAX_YEAR, subject=row.subject, state=Proposal.State.OPEN)
        computed = row.state in (State.PREPARED, State.RELEASED)
        compared = year.compared(tax_year=row) if row.state == State.PREPARED else []
        return {
            "lines": [
                Line(_("Status"), row.get_state_display()),
                Line(_("Statements that are new or another"), "—" if row.count is None else shown.whole(row.count)),
                Line(_("Begun"), shown.instant(row.begun_at), row.begun_by),
                *([Line(_("Released"), shown.instant(row.released_at))] if row.released_at else []),
                Line(_("Passive foreign investment company"), _("yes") if row.basis["pfic"] else _("no")),
                Line(_("Ordinary earnings of the year"), shown.minor(row.basis["ordinary"], Currency.USD)),
                Line(_("Net capital gain of the year"), shown.minor(row.basis["gain"], Currency.USD)),
            ],
            "preparing": row.state == State.PREPARING,
            "sums": _sums(row) if computed else [],
            "compared": [
                {
                    "account": one.account,
                    "told": shown.money(one.told),
                    "booked": shown.money(one.booked),
                    "agrees": one.agrees,
                }
                for one in compared
            ],
            "agrees": all(one.agrees for one in compared),
            "changed": _changed(row) if computed and row.version > 1 else [],
            "files": _files(row) if acts and row.state == State.RELEASED else [],
            "propose_form": ReasonForm(),
            "may_propose": acts and row.state == State.PREPARED and not open_ones.exists(),
            "may_withdraw": acts and row.state in (State.PREPARING, State.PREPARED),
        }

    @act(duty=Duty.PAYMENTS, fresh=True, form=ReasonForm)
    def propose(
        self, request: HttpRequest, *, row: TaxYear, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        proposal = year.propose(tax_year=row, officer=officer, now=now, reason=form["reason"])
        return proposed(request, proposal)

    @act(duty=Duty.PAYMENTS)
    def withdraw(self, request: HttpRequest, *, row: TaxYear, officer: Officer, now: datetime) -> str:
        year.withdraw(tax_year=row, officer=officer, now=now)
        return _("This version was withdrawn. Nothing of it was released.")

    @act(duty=Duty.PAYMENTS, fresh=True, form=FileForm)
    def file(
        self, request: HttpRequest, *, row: TaxYear, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        """The table for the authority, with full numbers; its opening is in the audit log with its purpose."""
        data = tax_files.read(tax_year=row, form=Form(form["form"]), actor=officer.actor, now=now)
        name = f"{form['form']}-{row.year}-v{row.version}.csv"
        return HttpResponse(
            data,
            content_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-store"},
        )

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        rows = TaxYear.objects.filter(state=State.PREPARED)
        return [self.waiting(_("Years of tax to be approved"), rows, "begun_at", query="?state__exact=prepared")]


def _sums(row: TaxYear) -> list[dict[str, Any]]:
    """What all standing statements come to, form by form; units and codes have no sum."""
    told = year.sums(tax_year=row)
    found = []
    for form in Form:
        for currency in Currency:
            lines = [
                Line(field.label, shown.money(Money(told[form, currency, field.key], _currency(field.read, currency))))
                for field in FIELDS[form]
                if field.read in (As.MONEY, As.CENTS) and (form, currency.value, field.key) in told
            ]
            if lines:
                found.append({"title": f"{form.label} ({currency})", "lines": lines})
    return found


def _currency(read: As, currency: Currency) -> Currency:
    return Currency.USD if read is As.CENTS else currency


def _changed(row: TaxYear) -> list[dict[str, Any]]:
    """Which statements are another than before, with every field that is; the first of them."""
    rows = TaxStatement.objects.filter(tax_year=row, version__gt=1).select_related("tax_year").order_by("pk")
    found = []
    for one in rows[:CHANGES_SHOWN]:
        before = year.before(statement=one)
        fields = FIELDS[Form(one.form)]
        found.append(
            {
                "holder": one.holder_id,
                "form": one.get_form_display(),
                "before": _line(before.lines if before else [], fields),
                "after": _line(one.lines, fields),
            }
        )
    return found


def _line(lines: list[dict[str, Any]], fields: list[Any]) -> str:
    told = (
        " · ".join(
            f"{field.label} {shown.minor(line[field.key], _currency(field.read, Currency(line['currency'])))}"
            for field in fields
            if field.read in (As.MONEY, As.CENTS) and field.key in line
        )
        for line in lines
    )
    return "; ".join(told) or "—"


def _files(row: TaxYear) -> list[dict[str, Any]]:
    return [
        {
            "label": form.label,
            "form": FileForm(initial={"form": form.value}, auto_id=f"{form.value}_%s"),
            "made": tax_files.is_whole(tax_year=row, form=form),
        }
        for form in tax_files.FILED
    ]


# ── what the proposal says ────────────────────────────────────────────────────────────────────────────────────────────
@words.reads(Kind.TAX_YEAR)
def _tax_year(proposal: Proposal, payload: Payload) -> Words:
    told = {"year": payload.pop("year"), "version": payload.pop("version")}
    said = Words(_("The tax papers of %(year)s, version %(version)s, are released to citizens and authorities.") % told)
    said.lines = [
        Line(_("Statements that are new or another"), shown.whole(int(payload.pop("count")))),
        Line(_("Fingerprint of all statements"), payload.pop("statements")),
    ]
    for account, amount in sorted((payload.pop("withheld") | payload.pop("redeemed", {})).items()):
        said.lines.append(Line(account, shown.minor(amount, account.partition(":")[2]), _("as the ledger has it")))
    return said


@changes.compares(Kind.TAX_YEAR)
def _compared(payload: dict[str, Any], now: datetime) -> list[changes.Change]:
    """The withheld taxes and what was redeemed, as they were signed, beside the ledger at this moment."""
    one = TaxYear.objects.filter(year=int(payload["year"]), version=int(payload["version"]))
    row = one.exclude(state=State.WITHDRAWN).first()
    if row is None:
        return []
    signed = payload["withheld"] | payload.get("redeemed", {})
    return [
        changes.Change(
            one.account,
            shown.minor(signed.get(one.account, 0), one.told.currency),
            shown.money(one.booked),
            signed.get(one.account, "0") != str(one.booked.amount),
        )
        for one in year.compared(tax_year=row)
        if one.booked.amount or one.told.amount
    ]
