"""The portfolio at the desk: investments, debt, and the tables by which both change (D4, D40)."""

from collections.abc import Iterator
from datetime import datetime, time
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.money import Currency, Money
from fund.payments.models import BankAccount
from fund.portfolio import debt, entries, fees, imports, investments, tables, valuation
from fund.portfolio.models import Accrual, Expense, Facility, ImportedFile, Investment
from portal.officers import changes, shown, words
from portal.officers.fields import DayField
from portal.officers.room import Group, Line, Queue, Room, act, column, proposed, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

NAMES = {column.name: column.label for columns in tables.COLUMNS.values() for column in columns} | {
    "event": gettext_lazy("Ledger event"),
    "reverses": gettext_lazy("Takes back"),
}


def own(row: Any, name: str) -> str:
    """The text of ``<name>_en`` or ``<name>_ja`` of a row, by the language of the page."""
    return str(getattr(row, f"{name}_{'ja' if get_language() == 'ja' else 'en'}"))


# ── what stands ───────────────────────────────────────────────────────────────────────────────────────────────────────
@admin.register(Investment, site=site)
class Investments(Room):
    """Every officer sees them, because every officer may be asked for a key."""

    group = Group.PORTFOLIO
    name = gettext_lazy("All investments")
    change_list_template = "officers/investments.html"
    page_template = "officers/history.html"
    list_display = (column("code", gettext_lazy("Code")),)
    ordering = ("code",)

    def title_of(self, row: Investment) -> str:
        return own(row, "name")

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        today = now.date()
        limit = valuation.age_limit(on=today)
        marks = {mark.investment.pk: mark for mark in valuation.marks(on=today)}
        return {
            "investments": [_listed(one, marks.get(one.pk), now, limit) for one in investments.investments(on=today)],
            "limit": limit,
        }

    def page(self, *, row: Investment, officer: Officer, now: datetime) -> dict[str, Any]:
        held = investments.investment(code=row.pk, on=now.date())
        mark = next((one for one in valuation.marks(on=now.date()) if one.investment.pk == row.pk), None)
        return {"lines": list(_about(held, mark, now)), "tables": [_terms_of(row), _movements_of(row), _marks_of(row)]}

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        """Marks older than their limit: the next NAV would rest on them."""
        old = valuation.stale(on=now.date())
        oldest = datetime.combine(old[0].since, time(), now.tzinfo) if old else None
        return [Queue(_("Valuations that are too old"), len(old), oldest, self.address())]


def _listed(one: Investment, mark: valuation.Mark | None, now: datetime, limit: int) -> dict[str, Any]:
    age = mark.age(now.date()) if mark else None
    return {
        "code": one.pk,
        "name": own(one, "name"),
        "stage": one.get_stage_display(),
        "owned": shown.percent(one.ownership_percent),
        "committed": shown.minor(one.committed, one.currency),
        "undrawn": shown.money(mark.undrawn) if mark else shown.minor(one.committed, one.currency),
        "value": shown.money(mark.amount) if mark else "—",
        "valued": shown.day(mark.valuation.effective_on) if mark and mark.valuation else _("at cost") if mark else "—",
        "age": _("%(days)s days") % {"days": age} if mark else "—",
        "stale": age is not None and age > limit,
    }


def _about(one: Investment, mark: valuation.Mark | None, now: datetime) -> Iterator[Line]:
    yield Line(_("Code"), one.pk)
    yield Line(_("Sector"), one.get_sector_display())
    yield Line(_("State"), one.state)
    yield Line(_("Stage"), one.get_stage_display())
    yield Line(_("Owned"), shown.percent(one.ownership_percent))
    yield Line(_("Since"), shown.day(one.since))
    yield Line(_("Committed"), shown.minor(one.committed, one.currency))
    if mark is None:
        return
    yield Line(_("Paid in"), shown.money(mark.deployed))
    yield Line(_("Still to be paid in"), shown.money(mark.undrawn))
    yield Line(_("Income received"), shown.money(mark.income))
    yield Line(_("Realised"), shown.money(mark.realised))
    source = own(mark.valuation, "source") if mark.valuation else _("at cost")
    yield Line(_("Value"), shown.money(mark.amount), source)
    age = mark.age(now.date())
    stale = age > valuation.age_limit(on=now.date())
    yield Line(
        _("Age of the value"),
        _("%(days)s days") % {"days": age},
        _("older than the limit of %(days)s days") % {"days": valuation.age_limit(on=now.date())} if stale else "",
    )


def _history(title: Any, names: list[Any], rows: list[list[Any]]) -> dict[str, Any]:
    """One table of a page: what kind of history it is, its headings and its rows, the newest first."""
    return {"title": title, "names": names, "rows": rows}


def _terms_of(one: Investment) -> dict[str, Any]:
    later = one.terms.order_by("-effective_on", "-recorded_at")
    rows = [
        [shown.day(row.effective_on), row.get_stage_display(), shown.percent(row.ownership_percent),
         shown.minor(row.committed, one.currency)]
        for row in later
    ]  # fmt: skip
    first = [shown.day(one.since), one.get_stage_display(), shown.percent(one.ownership_percent),
             shown.minor(one.committed, one.currency)]  # fmt: skip
    return _history(_("Terms"), [_("Effective from"), _("Stage"), _("Owned"), _("Committed")], [*rows, first])


def _movements_of(one: Investment) -> dict[str, Any]:
    paid = [(row.day, _("paid in"), row.amount, 0, row.pk) for row in one.deployments.all()]
    received = [(row.day, row.get_kind_display(), row.amount, row.cost, row.pk) for row in one.income.all()]
    rows = [
        [shown.day(day), what, shown.minor(amount, one.currency), shown.minor(cost, one.currency) if cost else "—", key]
        for day, what, amount, cost, key in sorted([*paid, *received], key=lambda row: row[0], reverse=True)
    ]
    names = [_("Day"), _("Movement"), _("Amount"), _("Cost of what was given up"), _("Ledger event")]
    return _history(_("Money moved"), names, rows)


def _marks_of(one: Investment) -> dict[str, Any]:
    rows = [
        [shown.day(row.effective_on), shown.minor(row.amount, one.currency), own(row, "source"),
         shown.moment(row.recorded_at)]
        for row in one.valuations.order_by("-effective_on", "-id")
    ]  # fmt: skip
    return _history(_("Valuations"), [_("Valued on"), _("Value"), _("Source"), _("Recorded")], rows)


@admin.register(Facility, site=site)
class Facilities(Room):
    """What the fund has borrowed, what it owes in interest, and its running expenses beside it."""

    group = Group.PORTFOLIO
    name = gettext_lazy("Debt and expenses")
    change_list_template = "officers/facilities.html"
    page_template = "officers/history.html"
    list_display = (column("code", gettext_lazy("Code")),)
    ordering = ("code",)

    def title_of(self, row: Facility) -> str:
        return own(row, "name")

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        today = now.date()
        drawn = {one.facility_id: one.drawn for one in debt.drawn(on=today)}
        interest = debt.interest(on=today)
        about = {one.code: one for one in Accrual.objects.order_by("effective_on", "recorded_at")}
        return {
            "facilities": [
                {
                    "code": one.pk,
                    "name": own(one, "name"),
                    "limit": shown.minor(one.limit, one.currency),
                    "drawn": shown.minor(drawn.get(one.pk, 0), one.currency),
                    "interest": shown.money(interest.get(one.pk, Money(0, Currency(one.currency)))),
                    "rate": _rate(one.rate_bps),
                    "covenant": shown.percent(one.covenant),
                }
                for one in investments.facilities(on=today)
            ],
            "expenses": [
                {
                    "code": code,
                    "description": own(about[code], "description"),
                    "yearly": shown.minor(about[code].yearly, about[code].currency),
                    "accrued": shown.money(owed),
                }
                for code, owed in sorted(fees.running(on=today).items())
            ],
            "fee": shown.money(fees.accrued(on=today)),
            "paid": [
                {
                    "day": shown.day(one.day),
                    "kind": one.get_kind_display(),
                    "against": one.against,
                    "amount": shown.minor(one.amount, one.currency),
                    "description": own(one, "description"),
                    "event": one.pk,
                }
                for one in Expense.objects.order_by("-day", "-recorded_at")[:25]
            ],
        }

    def page(self, *, row: Facility, officer: Officer, now: datetime) -> dict[str, Any]:
        held = investments.facility(code=row.pk, on=now.date())
        _facility, drawn = debt.last(row)
        owed = debt.interest(on=now.date()).get(row.pk, Money(0, Currency(row.currency)))
        lines = [
            Line(_("Code"), row.pk),
            Line(_("Limit"), shown.minor(held.limit, row.currency)),
            Line(_("Drawn"), shown.minor(drawn, row.currency)),
            Line(_("Interest accrued"), shown.money(owed), _("%(rate)s a year of %(days)s days") % {
                "rate": _rate(held.rate_bps), "days": row.day_count,
            }),
            Line(_("Debt allowed, in percent of gross assets"), shown.percent(held.covenant)),
        ]  # fmt: skip
        return {"lines": lines, "tables": [_facility_terms(row), _balances_of(row)]}


def _rate(points: int) -> str:
    return shown.percent(Decimal(points).scaleb(-2))


def _facility_terms(one: Facility) -> dict[str, Any]:
    rows = [
        [shown.day(row.effective_on), shown.minor(row.limit, one.currency), shown.percent(row.covenant),
         _rate(row.rate_bps)]
        for row in one.terms.order_by("-effective_on", "-recorded_at")
    ]  # fmt: skip
    first = ["—", shown.minor(one.limit, one.currency), shown.percent(one.covenant), _rate(one.rate_bps)]
    return _history(_("Terms"), [_("Effective from"), _("Limit"), _("Covenant"), _("Interest")], [*rows, first])


def _balances_of(one: Facility) -> dict[str, Any]:
    rows = [
        [shown.day(row.effective_on), _moved(row.moved),
         shown.minor(abs(row.moved), one.currency) if row.moved else "—", shown.minor(row.drawn, one.currency)]
        for row in one.balances.order_by("-effective_on", "-id")
    ]  # fmt: skip
    return _history(_("Movements of debt"), [_("Day"), _("Movement"), _("Amount"), _("Drawn")], rows)


def _moved(moved: int | None) -> str:
    if moved is None:
        return _("figure of the lender")
    return _("borrowed") if moved > 0 else _("repaid")


# ── what changes it ───────────────────────────────────────────────────────────────────────────────────────────────────
class FileForm(forms.Form):
    """A table from a spreadsheet."""

    kind = forms.ChoiceField(label=gettext_lazy("What is in it"), choices=ImportedFile.Kind.choices)
    file = forms.FileField(
        label=gettext_lazy("Table (CSV, UTF-8)"),
        help_text=gettext_lazy("The first line names the columns; they stand below with each kind."),
    )

    def clean_file(self) -> tuple[str, str]:
        upload = self.cleaned_data["file"]
        if upload.size is None or upload.size > tables.LARGEST:
            raise ValidationError(_("The file is larger than two megabytes."))
        try:
            return upload.name, tables.decode(upload.read())
        except tables.Wrong as wrong:
            raise ValidationError(wrong.args[0]) from wrong


class TypedForm(forms.Form):
    """One line of a table, typed: its fields are the columns of its kind."""

    def __init__(self, data: Any = None, files: Any = None, *, kind: str = "") -> None:
        self.about = kind or (data or {}).get("kind", "")
        super().__init__(data, auto_id=f"{self.about}_%s")
        self.fields["kind"] = forms.CharField(widget=forms.HiddenInput, initial=self.about)
        for one in tables.COLUMNS.get(self.about, ()):
            self.fields[one.name] = _field(one)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.about not in tables.COLUMNS:
            raise ValidationError(_("There is no such kind of entry."))
        cells = {name: _cell(value) for name, value in cleaned.items()}
        _values, faults = tables.read_row(self.about, cells)
        for name, message in faults.items():
            if name not in self.errors:
                self.add_error(name, message)
        return {"kind": self.about, "cells": cells}


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _field(one: tables.Column) -> forms.Field:
    told = {"label": one.label, "required": one.required}
    if one.choices:
        return forms.ChoiceField(choices=[("", "—"), *one.choices], **told)
    if one.read is tables.day:
        return DayField(**told)
    if one.name == "bank_account":
        accounts = BankAccount.objects.order_by("code").values_list("code", "currency")
        return forms.ChoiceField(choices=[("", "—"), *((code, f"{code} ({ccy})") for code, ccy in accounts)], **told)
    if one.name == "investment":
        rows = Investment.objects.order_by("pk")
        return forms.ChoiceField(choices=[("", "—"), *((row.pk, own(row, "name")) for row in rows)], **told)
    if one.name == "facility":
        lines = Facility.objects.order_by("pk")
        return forms.ChoiceField(choices=[("", "—"), *((row.pk, own(row, "name")) for row in lines)], **told)
    return forms.CharField(strip=True, max_length=2000, **told)


class ReadForm(forms.Form):
    """The digest of the plan that the officer has read, and why it is proposed."""

    digest = forms.RegexField(r"\A[0-9a-f]{64}\Z", widget=forms.HiddenInput)
    reason = forms.CharField(
        label=gettext_lazy("Reason"), max_length=2000, required=False, widget=forms.Textarea(attrs={"rows": 3})
    )


@admin.register(ImportedFile, site=site)
class Entries(Room):
    """What is typed or brought as a file is shown as what it would change, and exactly that is done."""

    duties = frozenset({Duty.VALUATION, Duty.AUDIT})
    group = Group.PORTFOLIO
    name = gettext_lazy("Entries and imports")
    change_list_template = "officers/entries.html"
    page_template = "officers/plan.html"
    list_display = (
        column("id", gettext_lazy("Table"), lambda row: row.name or _("typed line %(number)s") % {"number": row.pk}),
        column("kind", gettext_lazy("Kind of entry"), lambda row: row.get_kind_display(), ordered=True),
        column("received_at", gettext_lazy("Received"), lambda row: shown.moment(row.received_at), ordered=True),
    )
    list_filter = (("kind", titled(gettext_lazy("kind of entry"))),)
    ordering = ("-id",)

    def title_of(self, row: ImportedFile) -> str:
        return row.name or _("typed line %(number)s") % {"number": row.pk}

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        kinds = [
            {
                "kind": kind.value,
                "label": kind.label,
                "form": TypedForm(kind=kind.value),
                "columns": ", ".join(one.name for one in tables.COLUMNS[kind]),
            }
            for kind in ImportedFile.Kind
        ]
        return {"file_form": FileForm(), "kinds": kinds, "may_bring": officer.has(Duty.VALUATION)}

    def page(self, *, row: ImportedFile, officer: Officer, now: datetime) -> dict[str, Any]:
        plan = imports.plan(kind=row.kind, content=row.content, now=now)
        counts = {state: sum(one.state == state for one in plan.differences) for state in ("new", "changed", "known")}
        form = ReadForm(initial={"digest": plan.digest})
        form.fields["reason"].required = True
        if not plan.two_keys:
            del form.fields["reason"]
        return {
            "lines": [
                Line(_("Kind of entry"), row.get_kind_display()),
                Line(_("Received"), shown.instant(row.received_at), row.officer and row.officer.actor),
                Line("SHA-256", bytes(row.digest).hex()),
            ],
            "faults": plan.faults,
            "differences": [_difference(one) for one in plan.differences if one.state != "known"],
            "counts": counts,
            "plan": plan,
            "take_form": form,
            "may_take": bool(plan.entries) and not plan.faults and officer.has(Duty.VALUATION),
        }

    @act(duty=Duty.VALUATION, form=FileForm, on_row=False)
    def file(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        name, content = form["file"]
        row = imports.bring(kind=form["kind"], name=name, content=content, officer=officer, now=now)
        return redirect(self.address("change", row.pk))

    @act(duty=Duty.VALUATION, form=TypedForm, on_row=False)
    def typed(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        row = imports.typed(kind=form["kind"], cells=form["cells"], officer=officer, now=now)
        return redirect(self.address("change", row.pk))

    @act(duty=Duty.VALUATION, fresh=True, form=ReadForm)
    def take(
        self, request: HttpRequest, *, row: ImportedFile, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        """A proposal where both keys are needed, else it is recorded."""
        done = imports.take(file=row, digest=form["digest"], officer=officer, reason=form["reason"], now=now)
        if isinstance(done, Proposal):
            return proposed(request, done)
        said = ngettext("%(count)s entry was recorded.", "%(count)s entries were recorded.", done)
        messages.success(request, said % {"count": shown.whole(done)})
        return redirect(self.address("change", row.pk))


def _difference(one: imports.Difference) -> dict[str, Any]:
    assert one.entry is not None
    return {
        "line": one.line,
        "title": one.title,
        "act": entries.ACTS[one.entry["act"]].label,
        "changes": [
            {"label": NAMES.get(name, name), "before": before, "after": after} for name, before, after in one.changes
        ],
    }


# ── what the proposal says ────────────────────────────────────────────────────────────────────────────────────────────
AMOUNTS = ("amount", "cost", "committed", "limit", "yearly")
CHOICES: dict[str, dict[str, Any]] = {
    "stage": dict(Investment.Stage.choices),
    "sector": dict(Investment.Sector.choices),
    "kind": dict(Expense.Kind.choices),
}


@words.reads(Kind.PORTFOLIO)
def _entries(proposal: Proposal, payload: Payload) -> Words:
    listed = payload.pop("entries")
    said = Words(
        ngettext(
            "%(count)s entry is made in the portfolio.", "%(count)s entries are made in the portfolio.", len(listed)
        )
        % {"count": shown.whole(len(listed))}
    )
    if len(listed) == 1:
        said.act = _one_sentence(listed[0])
    for one in listed:
        label = entries.ACTS[one["act"]].label
        about = entries.about(one)
        currency = one.get("currency") or _currency_of(one)
        facts = " · ".join(
            f"{NAMES.get(name, name)}: {_said(name, value, currency)}"
            for name, value in one.items()
            if value and name not in ("act", "investment", "facility", "code")
        )
        said.lines.append(Line(label, about, facts))
    return said


def _one_sentence(one: dict[str, str]) -> str:
    """A single entry in one sentence: what, about whom, how much."""
    facts = [str(entries.ACTS[one["act"]].label), entries.about(one)]
    if "amount" in one:
        facts.append(shown.minor(one["amount"], one["currency"]))
    return capfirst(" · ".join(facts))


@changes.compares(Kind.PORTFOLIO)
def _still_possible(payload: Payload, now: datetime) -> list[changes.Change]:
    """What stands against the entries at this moment; nothing did when they were proposed."""
    found = entries.faults(entries=payload["entries"], now=now)
    return [
        changes.Change(entries.about(payload["entries"][place]), _("possible"), str(refused), True)
        for place, refused in found
    ]


def _currency_of(one: dict[str, str]) -> str:
    """Terms do not name the currency: it is that of what they belong to, and never changes."""
    model, code = (Investment, one["investment"]) if "investment" in one else (Facility, one.get("facility", ""))
    return str(model.objects.values_list("currency", flat=True).get(pk=code))


def _said(name: str, value: str, currency: str) -> Any:
    if name in AMOUNTS:
        return shown.minor(value, currency)
    if name in ("day", "effective_on", "since"):
        return words.day(value)
    return CHOICES.get(name, {}).get(value, value)
