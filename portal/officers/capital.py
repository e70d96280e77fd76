"""Capital of co-owners and limited partners: commitments, calls with their notices, contributions (D1, D4)."""

from datetime import datetime, time
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fund import calendars
from fund.governance import config
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.holders import Holder, Nation
from fund.money import Money
from fund.payments.models import BankAccount
from fund.register import calls
from fund.register.models import Call, CallLine
from fund.units import UnitClass
from portal.archive import Kind as PaperKind
from portal.archive import Paper
from portal.officers import shown, words
from portal.officers.fields import DayField, ReasonForm
from portal.officers.room import NEXT, Coming, Group, Line, Queue, Room, act, column, proposed, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

SOV = UnitClass.Code.SOV


def name_of(holder: Holder) -> str:
    return holder.name_ja if get_language() == "ja" else holder.name_en


class AmountsForm(ReasonForm):
    """An amount for each of several, in major units; who is left empty takes no part. Cleaned: ``amounts`` by key."""

    keyed: dict[str, Any]

    def amounts(self, keys: dict[str, tuple[Any, str, str]]) -> None:
        """``keys``: field name → what it stands for, its label, its currency."""
        self.keyed = {name: (key, currency) for name, (key, _label, currency) in keys.items()}
        for name, (_key, label, currency) in keys.items():
            self.fields[name] = forms.CharField(label=f"{label} ({currency})", max_length=22, required=False)
        self.order_fields([*keys, *(name for name in self.fields if name not in keys)])

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        found = {}
        for name, (key, currency) in self.keyed.items():
            if typed := cleaned.get(name):
                try:
                    found[key] = Money.parse(typed.replace(",", ""), currency)
                except ValidationError as wrong:
                    self.add_error(name, wrong)
        if not found and not self.errors:
            raise ValidationError(_("Enter an amount."))
        return {**cleaned, "amounts": found}


def _holders(unit_class: str = "") -> dict[str, tuple[Any, str, str]]:
    classes = {one.owner_kind: one for one in UnitClass.objects.all()}
    return {
        f"holder_{one.pk}": (one.pk, name_of(one), classes[one.kind].currency)
        for one in calls.owners()
        if not unit_class or classes[one.kind].pk == unit_class
    }


class CommitForm(AmountsForm):
    """What each has committed, all together, from a day on."""

    effective_on = DayField(label=gettext_lazy("Effective from"))

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, auto_id="commit_%s")
        self.amounts(_holders())


class CallForm(AmountsForm):
    """A call on the holders of one class."""

    called_on = DayField(label=gettext_lazy("Day of the call"))
    due_on = DayField(label=gettext_lazy("Due on"))
    bank_account = forms.ChoiceField(label=gettext_lazy("To be paid to"))
    purpose_en = forms.CharField(label=gettext_lazy("Purpose in English"), max_length=200)
    purpose_ja = forms.CharField(label=gettext_lazy("Purpose in Japanese"), max_length=200)

    def __init__(self, data: Any = None, files: Any = None) -> None:
        super().__init__(data, auto_id="call_%s")
        self.amounts(_holders())
        accounts = BankAccount.objects.order_by("code").values_list("code", "currency")
        self.fields["bank_account"].choices = [(code, f"{code} ({ccy})") for code, ccy in accounts]  # type: ignore[attr-defined]


class ContributionForm(AmountsForm):
    """What has come in on a day, by line of the call. Which lines there are is known by their own keys."""

    day = DayField(label=gettext_lazy("Booked"))

    def __init__(self, data: Any = None, files: Any = None, *, call: Call | None = None) -> None:
        super().__init__(data, auto_id="paid_%s")
        if call is not None:
            lines = [line for line, left in calls.open_lines(call=call) if left]
        else:  # what was posted names its lines itself; the verb asks whether they belong to the call
            lines = list(filter(None, (_line(name) for name in data or {})))
        self.amounts({f"line_{one.pk}": (one.pk, name_of(one.holder), one.call.unit_class.currency) for one in lines})


def _line(name: str) -> CallLine | None:
    """The line of a call that a field is named after."""
    try:
        key = UUID(name.removeprefix("line_"))
    except ValueError:
        return None
    return CallLine.objects.select_related("holder", "call__unit_class").filter(pk=key).first()


class NoticeForm(forms.Form):
    """For whom."""

    line = forms.UUIDField(widget=forms.HiddenInput)


@admin.register(Call, site=site)
class Calls(Room):
    """Every officer sees the calls, because every officer may be asked for a key."""

    group = Group.PORTFOLIO
    name = gettext_lazy("Capital calls")
    change_list_template = "officers/calls.html"
    page_template = "officers/call.html"
    list_display = (
        column("number", gettext_lazy("Call"), str, ordered=True),
        column("unit_class", gettext_lazy("Class"), lambda row: row.unit_class_id),
        column("called_on", gettext_lazy("Day of the call"), lambda row: shown.day(row.called_on), ordered=True),
        column("due_on", gettext_lazy("Due on"), lambda row: shown.day(row.due_on), ordered=True),
        column("called", gettext_lazy("Called"), lambda row: shown.minor(row.called, row.unit_class.currency)),
        column(
            "left",
            gettext_lazy("Still to be paid"),
            lambda row: shown.minor(row.called - row.paid, row.unit_class.currency),
        ),
    )
    list_filter = (("unit_class", titled(gettext_lazy("class"), admin.RelatedFieldListFilter)),)
    list_select_related = ("unit_class",)
    ordering = ("-number",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Call]:
        return calls.with_sums(super().get_queryset(request))

    def title_of(self, row: Call) -> str:
        return _("Capital call %(number)s") % {"number": row}

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        return {
            "standings": [
                {
                    "name": name_of(one.holder),
                    "nation": one.holder.get_nation_display(),
                    "class": one.unit_class.pk,
                    "committed": shown.money(one.committed),
                    "called": shown.money(one.called),
                    "paid": shown.money(one.paid),
                    "uncalled": shown.money(one.uncalled),
                }
                for one in calls.standings(on=now.date())
            ],
            "equal": config.get("co_owners.equal", at=now),
            "commit_form": CommitForm(),
            "call_form": CallForm(),
            "may_propose": officer.has(Duty.VALUATION),
        }

    def page(self, *, row: Call, officer: Officer, now: datetime) -> dict[str, Any]:
        lines = calls.open_lines(call=row)
        currency = row.unit_class.currency
        due = _("past due") if row.due_on < now.date() and any(left for _line, left in lines) else ""
        return {
            "lines": [
                Line(_("Class"), row.unit_class.get_code_display()),
                Line(_("Purpose"), row.purpose_ja if get_language() == "ja" else row.purpose_en),
                Line(_("Day of the call"), shown.day(row.called_on)),
                Line(_("Due on"), shown.day(row.due_on), due),
                Line(_("To be paid to"), row.bank_account),
            ],
            "called": [
                {
                    "line": line.pk,
                    "name": name_of(line.holder),
                    "amount": shown.minor(line.amount, currency),
                    "paid": shown.minor(line.amount - left, currency),
                    "left": shown.minor(left, currency),
                    "units": [
                        (shown.day(one.day), shown.minor(one.amount, currency), shown.units(one.units, row.unit_class))
                        for one in line.contributions.order_by("day", "recorded_at")
                    ],
                }
                for line, left in lines
            ],
            "pay_form": ContributionForm(call=row),
            "may_pay": officer.has(Duty.VALUATION) and any(left for _line, left in lines),
        }

    @act(duty=Duty.VALUATION, fresh=True, form=CommitForm, on_row=False)
    def commit(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        proposal = calls.propose_commitments(
            amounts=form["amounts"], effective_on=form["effective_on"], officer=officer, now=now, reason=form["reason"]
        )
        return proposed(request, proposal)

    @act(duty=Duty.VALUATION, fresh=True, form=CallForm, on_row=False)
    def call(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        names = ("amounts", "called_on", "due_on", "bank_account", "purpose_en", "purpose_ja", "reason")
        proposal = calls.propose_call(**{name: form[name] for name in names}, officer=officer, now=now)
        return proposed(request, proposal)

    @act(duty=Duty.VALUATION, fresh=True, form=ContributionForm)
    def pay(
        self, request: HttpRequest, *, row: Call, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        proposal = calls.propose_contributions(
            call=row, amounts=form["amounts"], day=form["day"], officer=officer, now=now, reason=form["reason"]
        )
        return proposed(request, proposal)

    @act(form=NoticeForm)
    def notice(
        self, request: HttpRequest, *, row: Call, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        """The notice to one holder, as it was made when the call was."""
        line = row.lines.filter(pk=form["line"]).first()
        if line is None:
            raise calls.Refused(_("This line does not belong to the call."), code="unknown_line")
        found = Paper.objects.filter(holder=line.holder_id, kind=PaperKind.CALL, subject=str(row))
        paper = found.order_by("version").last()
        if paper is None:
            raise calls.Refused(_("The notice is still being made. Please look again in a moment."), code="not_made")
        return HttpResponse(
            paper.content(actor=officer.actor, now=now),
            content_type="application/pdf",
            headers={
                "Content-Disposition": f'attachment; filename="kakehashi-{row}-{line.holder_id}.pdf"',
                "Cache-Control": "private, no-store",
            },
        )

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        late = list(calls.overdue(on=now.date()))
        oldest = datetime.combine(late[0].due_on, time(), now.tzinfo) if late else None
        return [Queue(_("Capital calls past due"), len(late), oldest, self.address())]

    def coming(self, *, now: datetime) -> list[Coming]:
        """The calls that are due, at the end of their day in Washington."""
        rows = Call.objects.filter(due_on__gte=now.date()).order_by("due_on")[:NEXT]
        return [
            Coming(
                calendars.cut_off(day=one.due_on, at=time(23, 59), nation=Nation.US),
                _("%(call)s is due") % {"call": one},
                self.address("change", one.pk),
            )
            for one in rows
        ]


# ── what the proposal says ────────────────────────────────────────────────────────────────────────────────────────────
@words.reads(Kind.CAPITAL)
def _capital(proposal: Proposal, payload: Payload) -> Words:
    match payload.pop("act"):
        case "commitment":
            return _commitments(payload)
        case "call":
            return _called(payload)
        case _:
            return _contributed(payload)


def _named(holder: str) -> str:
    return name_of(Holder.objects.get(pk=int(holder)))


def _commitments(payload: Payload) -> Words:
    said = Words(_("What co-owners and partners commit is set anew."))
    said.lines.append(Line(_("Effective from"), words.day(payload.pop("effective_on"))))
    classes = UnitClass.objects.in_bulk()
    for one in payload.pop("commitments"):
        amount = shown.minor(one["amount"], classes[one["class"]].currency)
        said.lines.append(Line(_named(one["holder"]), amount, one["class"]))
    return said


def _called(payload: Payload) -> Words:
    unit_class = UnitClass.objects.get(pk=payload.pop("class"))
    lines = payload.pop("lines")
    whole = shown.minor(sum(int(one["amount"]) for one in lines), unit_class.currency)
    due = words.day(payload.pop("due_on"))
    said = Words(_("%(amount)s are called, due on %(day)s.") % {"amount": whole, "day": due})
    said.lines = [
        Line(_("Class"), unit_class.get_code_display()),
        Line(_("Day of the call"), words.day(payload.pop("called_on"))),
        Line(_("To be paid to"), payload.pop("bank_account")),
        Line(_("Purpose"), payload.pop("purpose_ja" if get_language() == "ja" else "purpose_en")),
        *(Line(_named(one["holder"]), shown.minor(one["amount"], unit_class.currency)) for one in lines),
    ]
    return said


def _contributed(payload: Payload) -> Words:
    call = Call.objects.select_related("unit_class").get(pk=payload.pop("call"))
    parts = payload.pop("parts")
    currency = call.unit_class.currency
    whole = shown.minor(sum(int(one["amount"]) for one in parts), currency)
    said = Words(_("%(amount)s were paid in against %(call)s; units are issued for them.") % {
        "amount": whole, "call": call
    })  # fmt: skip
    holders = {str(line.pk): line.holder for line in call.lines.select_related("holder")}
    said.lines = [
        Line(_("Booked"), words.day(payload.pop("day"))),
        *(Line(name_of(holders[one["line"]]), shown.minor(one["amount"], currency)) for one in parts),
    ]
    return said
