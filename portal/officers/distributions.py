"""Distributions: tried out, put up for both keys, followed to the last holder, corrected (D4, D45–D47)."""

from dataclasses import asdict
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund import calendars
from fund.distribution import correct, declare, pay
from fund.distribution.declare import Due, Plan
from fund.distribution.models import Distribution
from fund.distribution.pay import Sums
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.money import Money
from fund.refusal import Refusal
from fund.units import UnitClass
from portal.officers import changes, shown, words
from portal.officers.fields import DayField, ReasonForm
from portal.officers.room import Group, Line, Queue, Room, act, column, proposed, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

State = Distribution.State
CODES = UnitClass.Code.values
DIFFERENCES_SHOWN = 200


def _rate_field(label: Any, *, required: bool) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, max_digits=18, decimal_places=declare.PER_LOT_DECIMALS, required=required, localize=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal"}),
    )  # fmt: skip


class DeclareForm(forms.Form):
    """Both days, and what a quoting lot of each class is paid; a class that is left empty is paid nothing."""

    record_day = DayField(label=gettext_lazy("Record day"))
    pay_day = DayField(label=gettext_lazy("Pay day"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for one in UnitClass.objects.order_by("-code"):
            label = _("%(class)s: %(currency)s for %(lot)s smallest units") % {
                "class": one.get_code_display(), "currency": one.currency, "lot": shown.whole(one.lot)
            }  # fmt: skip
            self.fields[f"rate_{one.pk}"] = _rate_field(label, required=False)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        rates = {code: rate for code in CODES if (rate := cleaned.get(f"rate_{code}"))}
        if not rates and not self.errors:
            raise ValidationError(_("Say what at least one class is paid."))
        return {**cleaned, "rates": rates}


class ProposeForm(DeclareForm, ReasonForm):
    """The same as it was tried out, with the reason."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            if name != "reason":
                field.widget = forms.HiddenInput()


class CorrectForm(ReasonForm):
    """The right day and the right amount; what is right already stays as it is shown."""

    record_day = DayField(label=gettext_lazy("Record day"))
    per_lot = _rate_field(gettext_lazy("Paid for a lot"), required=True)
    field_order = ("record_day", "per_lot", "reason")


@admin.register(Distribution, site=site)
class Distributions(Room):
    """Every officer sees them, because every officer may be asked for a key."""

    group = Group.PAYMENTS
    name = gettext_lazy("Distributions")
    change_list_template = "officers/distributions.html"
    page_template = "officers/distribution.html"
    list_display = (
        column("id", gettext_lazy("Distribution"), lambda row: row.pk, ordered=True),
        column("unit_class", gettext_lazy("Class"), lambda row: row.unit_class_id),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("per_lot", gettext_lazy("Paid for a lot"), lambda row: shown.per_lot(row.per_lot, row.unit_class)),
        column("record_day", gettext_lazy("Record day"), lambda row: shown.day(row.record_day), ordered=True),
        column("pay_day", gettext_lazy("Pay day"), lambda row: shown.day(row.pay_day), ordered=True),
        column("declared", gettext_lazy("Together"), lambda row: shown.money(row.whole)),
    )
    list_filter = (
        ("state", titled(gettext_lazy("status"))),
        ("unit_class", titled(gettext_lazy("class"), admin.RelatedFieldListFilter)),
    )
    list_select_related = ("unit_class",)
    ordering = ("-id",)

    def title_of(self, row: Distribution) -> str:
        return _("Distribution %(number)s, class %(class)s") % {"number": row.pk, "class": row.unit_class_id}

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        try:
            nav = declare.last_nav()
        except declare.Refused:
            return {}
        return {
            "realised": shown.money(declare.realised(nav=nav)),
            "realised_on": shown.day(nav.valuation_day),
            "dry_run_form": DeclareForm(auto_id="try_%s"),
            "may_propose": officer.has(Duty.PAYMENTS),
        }

    @act(duty=Duty.PAYMENTS, form=DeclareForm, on_row=False)
    def dry_run(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        """What it would come to, with the taxes by the statuses and costs of today; nothing is kept."""
        plan = declare.preview(record_day=form["record_day"], pay_day=form["pay_day"], rates=form["rates"], now=now)
        typed = DeclareForm(request.POST, auto_id="try_%s")
        proposing = ProposeForm(request.POST, auto_id="propose_%s")
        proposing.errors.clear()
        return super().changelist_view(
            request,
            {
                **self._about_list(request, officer),
                "plan": _plan(plan),
                "dry_run_form": typed,
                "propose_form": proposing,
            },
        )

    @act(duty=Duty.PAYMENTS, fresh=True, form=ProposeForm, on_row=False)
    def propose(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        proposal = declare.propose(
            record_day=form["record_day"], pay_day=form["pay_day"], rates=form["rates"], officer=officer, now=now,
            reason=form["reason"],
        )  # fmt: skip
        return proposed(request, proposal)

    def page(self, *, row: Distribution, officer: Officer, now: datetime) -> dict[str, Any]:
        progress = pay.progress(distribution=row)
        newer = Distribution.objects.filter(corrects=row).first()
        correctable = row.state == State.PAID and officer.has(Duty.PAYMENTS)
        lines = [
            Line(_("Class"), row.unit_class.get_code_display()),
            Line(_("Status"), row.get_state_display()),
            Line(_("Paid for a lot"), shown.per_lot(row.per_lot, row.unit_class)),
            Line(_("Record day"), shown.day(row.record_day)),
            Line(_("Pay day"), shown.day(row.pay_day)),
            Line(_("Together"), shown.money(row.whole), "" if row.recorded_at else _("as things stood when declared")),
        ]
        if row.recorded_at:
            lines += [
                Line(_("Recorded"), shown.instant(row.recorded_at)),
                Line(_("Holders"), shown.whole(row.holders or 0)),
                Line(_("Units"), shown.units(row.units or 0, row.unit_class)),
            ]
        if row.ex_price:
            lines.append(Line(_("Price without it"), shown.price(row.ex_price, row.unit_class)))
        if row.price and row.price_day:
            note = shown.day(row.price_day)
            lines.append(Line(_("Reinvested at"), shown.price(row.price, row.unit_class), note))
        return {
            "lines": lines,
            "waits": _waits(row, progress, now),
            "done": shown.whole(progress.paid),
            "all": shown.whole(progress.entries),
            "progress": progress,
            "sums": _sums(pay.sums(distribution=row), row),
            "corrects": row.corrects,
            "newer": newer,
            "differences": _differences(row) if row.corrects_id else [],
            "correct_form": CorrectForm(initial={"record_day": row.record_day, "per_lot": row.per_lot.normalize()}),
            "may_correct": correctable,
        }

    @act(duty=Duty.PAYMENTS, fresh=True, form=CorrectForm)
    def correct(
        self, request: HttpRequest, *, row: Distribution, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        """Take everything back and give it anew, once both nations have approved it."""
        proposal = correct.propose(
            distribution=row, record_day=form["record_day"], per_lot=form["per_lot"], officer=officer, now=now,
            reason=form["reason"],
        )  # fmt: skip
        return proposed(request, proposal)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Distribution]:
        return super().get_queryset(request).select_related("unit_class", "corrects")

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        due = Distribution.objects.filter(state=State.RECORDED, pay_day__lte=now.date())
        return [
            self.waiting(_("Distributions that are being paid"), due, "recorded_at", query="?state__exact=recorded")
        ]


def _waits(row: Distribution, progress: pay.Progress, now: datetime) -> str:
    """What has to happen before it goes on; empty while it does."""
    if row.state == State.DECLARED:
        return _("It is recorded when the record day is over.")
    if row.state != State.RECORDED:
        return ""
    if calendars.books_open(row.pay_day) > now:
        return _("It is paid from the pay day on.")
    if row.ex_price is None:
        return _("It waits for the net asset value of the record day to be published.")
    if progress.waiting and row.price is None:
        return _("Who reinvests waits for the net asset value of the pay day to be published.")
    return ""


def _plan(plan: Plan) -> dict[str, Any]:
    return {
        "record_day": shown.day(plan.record_day),
        "pay_day": shown.day(plan.pay_day),
        "realised": shown.money(plan.realised),
        "income": shown.money(plan.income),
        "left": shown.money(plan.left),
        "classes": [_due(due, pay.expected(due=due, plan=plan)) for due in plan.dues],
    }


def _due(due: Due, sums: Sums) -> dict[str, Any]:
    return {
        "class": due.unit_class.get_code_display(),
        "per_lot": shown.per_lot(due.per_lot, due.unit_class),
        "holders": shown.whole(due.holders),
        "units": shown.units(due.units, due.unit_class),
        "amount": shown.money(due.amount),
        "cash": shown.money(due.cash),
        **_money(sums, due.amount),
    }


def _money(sums: Sums, like: Money) -> dict[str, str]:
    amounts = {name: amount for name, amount in asdict(sums).items() if name not in ("holders", "bought")}
    return {name: shown.money(Money(amount, like.currency)) for name, amount in amounts.items()}


def _sums(sums: Sums, row: Distribution) -> list[Line]:
    if not sums.holders:
        return []
    found = _money(sums, row.money(0))
    return [
        Line(_("Before taxes"), found["gross"]),
        Line(_("Of it the holders’ own money"), found["returned"]),
        Line(_("Withheld for the United States"), found["us"]),
        Line(_("Withheld for Japan’s income tax"), found["national"]),
        Line(_("Withheld for Japan’s local taxes"), found["local"]),
        Line(_("Paid out"), found["paid"]),
        Line(_("Reinvested"), found["reinvested"], shown.units(sums.bought, row.unit_class)),
        Line(_("Rounding"), found["rounding"]),
    ]


def _differences(row: Distribution) -> list[dict[str, Any]]:
    return [
        {
            "holder": one.holder_id,
            "units": (shown.units(one.units_before, row.unit_class), shown.units(one.units_after, row.unit_class)),
            "gross": (shown.money(row.money(one.gross_before)), shown.money(row.money(one.gross_after))),
            "net": (shown.money(row.money(one.net_before)), shown.money(row.money(one.net_after))),
            "borne": shown.money(row.money(one.borne)) if one.borne else "",
        }
        for one in correct.differences(distribution=row, limit=DIFFERENCES_SHOWN)
    ]


# ── what the proposal says ────────────────────────────────────────────────────────────────────────────────────────────
@words.reads(Kind.DISTRIBUTION)
def _distribution(proposal: Proposal, payload: Payload) -> Words:
    classes = UnitClass.objects.in_bulk()
    record, paid = words.day(payload.pop("record_day")), words.day(payload.pop("pay_day"))
    told = {"record": record, "paid": paid}
    corrects = payload.pop("corrects")
    if corrects is None:
        said = Words(_("Income is distributed on the units held on %(record)s, and paid on %(paid)s.") % told)
    else:
        said = Words(
            _("A distribution is taken back and paid anew on the units held on %(record)s.") % told,
            _before(Distribution.objects.select_related("unit_class").get(pk=int(corrects))),
        )
    for one in payload.pop("classes"):
        unit_class = classes[one["class"]]
        whole = shown.minor(one["expected"], unit_class.currency)
        note = _("together %(amount)s as things stand") % {"amount": whole}
        said.lines.append(Line(unit_class.get_code_display(), shown.per_lot(one["per_lot"], unit_class), note))
    return said


def _before(old: Distribution) -> list[Line]:
    return [
        Line(_("Distribution"), str(old.pk)),
        Line(_("Record day before"), shown.day(old.record_day)),
        Line(_("Paid for a lot before"), shown.per_lot(old.per_lot, old.unit_class)),
        Line(_("Together before"), shown.money(old.whole)),
    ]


@changes.compares(Kind.DISTRIBUTION)
def _compared(payload: dict[str, Any], now: datetime) -> list[changes.Change]:
    """The sums that were signed beside those of this moment, or why it can no longer be declared."""
    signed = {one["class"]: one for one in payload["classes"]}
    record_day, pay_day = (date.fromisoformat(payload[name]) for name in ("record_day", "pay_day"))
    rates = {code: Decimal(one["per_lot"]) for code, one in signed.items()}
    try:
        if payload["corrects"] is None:
            plan = declare.preview(record_day=record_day, pay_day=pay_day, rates=rates, now=now)
        else:
            (per_lot,) = rates.values()
            old = Distribution.objects.get(pk=int(payload["corrects"]))
            plan = correct.preview(distribution=old, record_day=record_day, per_lot=per_lot, now=now)
    except Refusal as refusal:
        return [changes.Change(_("Can it be declared?"), _("yes"), str(refusal), True)]
    return [
        changes.Change(
            due.unit_class.get_code_display(),
            shown.minor(signed[due.unit_class.pk]["expected"], due.amount.currency),
            shown.money(due.amount),
            signed[due.unit_class.pk]["expected"] != str(due.amount.amount),
        )
        for due in plan.dues
    ]
