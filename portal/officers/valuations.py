"""Net asset value: valuing a day, what it rests on and how old that is, and proposing it (D42)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fund import rates
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.money import Currency, ratio
from fund.nav import checks, strike
from fund.nav.models import ClassNav, Nav
from fund.portfolio import valuation
from fund.refusal import Refusal
from fund.units import UnitClass
from portal.officers import changes, shown, words
from portal.officers.fields import DayField, ReasonForm
from portal.officers.room import Figure, Group, Line, Queue, Room, act, column, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

BASE = Currency.USD


class DayForm(forms.Form):
    """The day whose end is valued."""

    day = DayField(label=gettext_lazy("Valuation day"))


class FindingsForm(ReasonForm):
    """The recorded reason that findings ask for; without findings there need be none."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].required = False


@admin.register(Nav, site=site)
class Navs(Room):
    """Every officer sees the figures, because every officer may be asked for a key."""

    group = Group.PRICES
    name = gettext_lazy("Net asset values")
    change_list_template = "officers/navs.html"
    page_template = "officers/nav.html"
    list_display = (
        column("valuation_day", gettext_lazy("Day"), lambda row: shown.day(row.valuation_day), ordered=True),
        column("version", gettext_lazy("Version")),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("net", gettext_lazy("Net asset value"), lambda row: shown.minor(row.net, BASE)),
        column("valued_at", gettext_lazy("Valued"), lambda row: shown.moment(row.valued_at)),
        column("published_at", gettext_lazy("Published"), lambda row: shown.moment(row.published_at)),
    )
    list_filter = (("state", titled(gettext_lazy("status"))),)
    ordering = ("-valuation_day", "-version")

    def title_of(self, row: Nav) -> str:
        return _("Net asset value of %(day)s, version %(version)s") % {
            "day": shown.day(row.valuation_day), "version": row.version
        }  # fmt: skip

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"value_form": DayForm(), "may_value": officer.has(Duty.VALUATION)}

    def page(self, *, row: Nav, officer: Officer, now: datetime) -> dict[str, Any]:
        draft = row.state == Nav.State.VALUED
        waiting = Proposal.objects.filter(kind=Kind.NAV, subject=row.valuation_day.isoformat(), state="open").first()
        return {
            "lines": list(_figures(row)),
            "classes": [_share(one) for one in row.classes.select_related("unit_class").order_by("unit_class")],
            "marks": [_mark(mark, row) for mark in valuation.marks(on=row.valuation_day)],
            "findings": checks.run(nav=row) if draft else [],
            "draft": draft,
            "proposal": waiting,
            "may_propose": draft and waiting is None and officer.has(Duty.VALUATION),
            "propose_form": FindingsForm(),
        }

    @act(duty=Duty.VALUATION, form=DayForm, on_row=False)
    def value(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        try:
            nav = strike.value(day=form["day"], now=now)
        except rates.Unknown as unknown:
            raise NoRate(str(unknown)) from unknown
        messages.success(request, _("The day is valued. Check the figures before you propose them."))
        return redirect(self.address("change", nav.pk))

    @act(duty=Duty.VALUATION, fresh=True, form=FindingsForm)
    def propose(
        self, request: HttpRequest, *, row: Nav, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        proposal = strike.propose(nav=row, officer=officer, now=now, reason=form["reason"])
        messages.success(request, _("It is proposed with your key. The other nation’s key is still missing."))
        return redirect("admin:fund_proposal_change", proposal.pk)

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        """Days that are valued and not published, later than the last published one."""
        if not officer.has(Duty.VALUATION):
            return []
        published = Nav.objects.filter(state=Nav.State.PUBLISHED).aggregate(day=Max("valuation_day"))["day"]
        rows = Nav.objects.filter(state=Nav.State.VALUED)
        if published is not None:
            rows = rows.filter(valuation_day__gt=published)
        return [self.waiting(_("Values to propose or approve"), rows, "valued_at", query="?state__exact=valued")]

    def figures(self, *, now: datetime) -> list[Figure]:
        nav = strike.latest()
        if nav is None:
            return [Figure(_("Net asset value"), _("none published yet"))]
        leverage = ratio(nav.gross, nav.net, decimals=2)
        prices = [
            Figure(_("Price, %(class)s") % {"class": one.unit_class_id}, shown.price(one.price, one.unit_class))
            for one in nav.classes.select_related("unit_class").order_by("unit_class")
            if one.price is not None
        ]
        return [
            Figure(_("Net asset value"), shown.minor(nav.net, BASE), shown.day(nav.valuation_day)),
            Figure(_("Leverage"), f"{leverage}"),
            *prices,
        ]


class NoRate(Refusal):
    """There is no reference rate for the day."""

    code = "no_rate"


def _figures(row: Nav) -> Iterator[Line]:
    yield Line(_("Status"), row.get_state_display())
    yield Line(_("Gross assets"), shown.minor(row.gross, BASE))
    yield Line(_("Debt"), shown.minor(row.debt, BASE))
    yield Line(_("Accrued fees and expenses"), shown.minor(row.accruals, BASE))
    yield Line(_("Net asset value"), shown.minor(row.net, BASE))
    yield Line(_("Yen per dollar"), f"{row.usd_jpy:f}")
    yield Line(_("Valued"), shown.instant(row.valued_at))
    if row.published_at:
        yield Line(_("Published"), shown.instant(row.published_at))


def _share(one: ClassNav) -> dict[str, Any]:
    return {
        "name": UnitClass.Code(one.unit_class_id).label,
        "units": shown.units(one.units, one.unit_class),
        "value": shown.minor(one.value, one.unit_class.currency),
        "price": "—" if one.price is None else shown.price(one.price, one.unit_class),
    }


def _mark(mark: valuation.Mark, row: Nav) -> dict[str, Any]:
    japanese = get_language() == "ja"
    return {
        "name": mark.investment.name_ja if japanese else mark.investment.name_en,
        "amount": shown.money(mark.amount),
        "since": shown.day(mark.since),
        "age": _("%(days)s days") % {"days": mark.age(row.valuation_day)},
        "source": "" if mark.valuation is None else getattr(mark.valuation, "source_ja" if japanese else "source_en"),
    }


# ── what the proposal says ────────────────────────────────────────────────────────────────────────────────────────
@words.reads(Kind.NAV)
def _publication(proposal: Proposal, payload: Payload) -> Words:
    day = words.day(payload.pop("day"))
    net = shown.minor(payload.pop("net"), BASE)
    said = Words(_("The net asset value of %(day)s, %(net)s, is published for good.") % {"day": day, "net": net})
    said.lines = [
        Line(_("Valuation day"), day),
        Line(_("Version"), payload.pop("version")),
        Line(_("Gross assets"), shown.minor(payload.pop("gross"), BASE)),
        Line(_("Debt"), shown.minor(payload.pop("debt"), BASE)),
        Line(_("Accrued fees and expenses"), shown.minor(payload.pop("accruals"), BASE)),
        Line(_("Net asset value"), net),
        Line(_("Yen per dollar"), payload.pop("usd_jpy")),
        *_classes(payload.pop("classes")),
        *(_finding(one) for one in payload.pop("findings")),
    ]
    payload.pop("reason")  # the page shows the proposal's reason, which is the same text
    return said


def _classes(classes: Payload) -> Iterator[Line]:
    known = {one.pk: one for one in UnitClass.objects.filter(pk__in=classes)}
    for code, share in classes.items():
        unit_class = known[code]
        price = "—" if share["price"] is None else shown.price(share["price"], unit_class)
        note = _("%(units)s · value %(value)s · in dollars %(base)s") % {
            "units": shown.units(share["units"], unit_class),
            "value": shown.minor(share["value"], unit_class.currency),
            "base": shown.minor(share["value_base"], BASE),
        }
        yield Line(_("Price, %(class)s") % {"class": code}, price, note)


def _finding(one: Payload) -> Line:
    facts = {name: value for name, value in one.items() if name != "code"}
    return Line(_("Finding"), one["code"], words.plain(facts))


@changes.compares(Kind.NAV)
def _checked_again(payload: Payload, now: datetime) -> list[changes.Change]:
    """What the checks find at this moment, beside what they had found."""
    nav = Nav.objects.filter(valuation_day=payload["day"], version=payload["version"]).first()
    if nav is None or nav.state != Nav.State.VALUED:
        return []
    before = ", ".join(sorted(one["code"] for one in payload["findings"])) or _("no findings")
    found = ", ".join(sorted(one.code for one in checks.run(nav=nav))) or _("no findings")
    return [changes.Change(_("Findings of the checks"), before, found, before != found)]
