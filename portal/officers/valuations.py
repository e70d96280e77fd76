"""Net asset value: valuing a day, what it rests on and how old that is, proposing and correcting it (D42, D43)."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Max
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fund import calendars, rates
from fund.dealing import compensation
from fund.dealing.models import Offering
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.money import Currency, ratio
from fund.nav import checks, correct, moved, strike
from fund.nav.models import ClassNav, Nav
from fund.portfolio import valuation
from fund.redemption import compensation as redemptions
from fund.redemption import correction
from fund.redemption.models import RedemptionWindow
from fund.refusal import Refusal
from fund.units import UnitClass
from portal.officers import changes, shown, waterfall, words
from portal.officers.fields import DayField, ReasonForm
from portal.officers.room import Coming, Figure, Group, Line, Queue, Room, act, column, proposed, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

BASE = Currency.USD
ORDERS_SHOWN = 200


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
        return {
            "value_form": DayForm(),
            "rehearse_form": DayForm(auto_id="rehearse_%s"),
            "may_value": officer.has(Duty.VALUATION),
            **_turn(now),
        }

    def page(self, *, row: Nav, officer: Officer, now: datetime) -> dict[str, Any]:
        draft = row.state == Nav.State.VALUED
        correction = correct.together(draft=row) if row.corrects_id else []
        waiting = _waiting(row)
        holds = not draft and not Nav.objects.filter(corrects=row, state=Nav.State.PUBLISHED).exists()
        return {
            "lines": list(_figures(row)),
            "classes": _shares(row.classes.select_related("unit_class").order_by("unit_class")),
            "waterfall": _moved(row),
            "marks": [_mark(mark, row) for mark in valuation.marks(on=row.valuation_day)],
            "findings": _findings(row, correction) if draft else [],
            "draft": draft,
            "proposal": waiting,
            "may_propose": draft and waiting is None and officer.has(Duty.VALUATION),
            "propose_form": FindingsForm(),
            "may_revalue": holds and officer.has(Duty.VALUATION),
            **(_correction(row, correction, now) if correction else {}),
        }

    @act(duty=Duty.VALUATION, form=DayForm, on_row=False)
    def value(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        try:
            nav = strike.value(day=form["day"], now=now)
        except rates.Unknown as unknown:
            raise NoRate(str(unknown)) from unknown
        messages.success(request, _("The day is valued. Check the figures before you propose them."))
        return redirect(self.address("change", nav.pk))

    @act(duty=Duty.VALUATION, form=DayForm, on_row=False)
    def rehearse(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        """Everything that valuing the day would show; nothing of it is kept."""
        try:
            rehearsal = strike.rehearse(day=form["day"], now=now)
        except rates.Unknown as unknown:
            raise NoRate(str(unknown)) from unknown
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "room": self,
            "officer": officer,
            "title": _("Rehearsal of %(day)s: nothing of it is kept") % {"day": shown.day(form["day"])},
            "lines": list(_figures(rehearsal.nav)),
            "classes": _shares(rehearsal.classes),
            "marks": [_mark(mark, rehearsal.nav) for mark in valuation.marks(on=form["day"])],
            "findings": rehearsal.findings,
            "draft": True,
        }
        return TemplateResponse(request, self.page_template, context)

    @act(duty=Duty.VALUATION)
    def revalue(self, request: HttpRequest, *, row: Nav, officer: Officer, now: datetime) -> HttpResponse:
        try:
            drafts = correct.revalue(day=row.valuation_day, now=now)
        except rates.Unknown as unknown:
            raise NoRate(str(unknown)) from unknown
        messages.success(request, _("The correction is valued. Check errors and orders before you propose it."))
        return redirect(self.address("change", drafts[0].pk))

    @act(duty=Duty.VALUATION, fresh=True, form=FindingsForm)
    def propose(
        self, request: HttpRequest, *, row: Nav, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        if row.corrects_id:
            drafts = correct.together(draft=row)
            proposal = correction.propose(drafts=drafts, officer=officer, now=now, reason=form["reason"])
        else:
            proposal = strike.propose(nav=row, officer=officer, now=now, reason=form["reason"])
        return proposed(request, proposal)

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        """Days that are valued and not published, later than the last published one; and what is late for the next."""
        if not officer.has(Duty.VALUATION):
            return []
        published = Nav.objects.filter(state=Nav.State.PUBLISHED).aggregate(day=Max("valuation_day"))["day"]
        rows = Nav.objects.filter(state=Nav.State.VALUED, corrects=None)
        if published is not None:
            rows = rows.filter(valuation_day__gt=published)
        late = Queue(_("Late for the next net asset value"), len(_turn(now)["late"]), None, self.address())
        return [self.waiting(_("Values to propose or approve"), rows, "valued_at", query="?state__exact=valued"), late]

    def coming(self, *, now: datetime) -> list[Coming]:
        """When the books of the day that is valued next close; nothing where the calendar ends."""
        try:
            day = strike.next_day(now=now) or calendars.next_dealing_day(now.date())
            closes = calendars.books_close(day)
        except calendars.Unknown:
            return []
        said = _("The books of %(day)s close, and it is valued") % {"day": shown.day(day)}
        return [Coming(closes, said, self.address())] if closes > now else []

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


def _turn(now: datetime) -> dict[str, Any]:
    """The dealing day whose turn it is, and what is late for it; where the calendar ends, that it is unknown."""
    try:
        day = strike.next_day(now=now)
    except calendars.Unknown as unknown:
        return {"turn": "", "late": [unknown.message]}
    if day is None:
        return {"turn": "", "late": []}
    return {"turn": shown.day(day), "late": [one.message for one in checks.inputs(day=day, at=now)]}


def _waiting(row: Nav) -> Proposal | None:
    """The open proposal about a NAV."""
    kind, subject = (Kind.CORRECTION, correct.SUBJECT) if row.corrects_id else (Kind.NAV, row.valuation_day.isoformat())
    return Proposal.objects.filter(kind=kind, subject=subject, state="open").first()


def _findings(row: Nav, correction: list[Nav]) -> list[checks.Finding]:
    return correct.findings(drafts=correction) if correction else checks.run(nav=row)


def _correction(row: Nav, drafts: list[Nav], now: datetime) -> dict[str, Any]:
    """The errors of every day of a correction, and while it is a draft the orders that it affects."""
    errors = [
        {
            "day": shown.day(draft.valuation_day),
            "name": UnitClass.Code(one.unit_class.pk).label,
            "wrong": shown.price(one.wrong, one.unit_class),
            "right": shown.price(one.right, one.unit_class),
            "error": _signed(one.percent),
        }
        for draft in drafts
        for one in correct.errors(nav=draft)
    ]
    if row.state != Nav.State.VALUED:
        return {"errors": errors}
    try:
        owed = correction.preview(drafts=drafts, now=now)
    except Refusal as refusal:
        return {"errors": errors, "owed": [], "not_yet": refusal.message}
    return {
        "errors": errors,
        "owed": [_owed(due) for due in owed.orders],
        "redeemed": [_redeemed(due) for due in owed.redemptions],
        "shown_at_most": ORDERS_SHOWN,
    }


def _signed(percent: Decimal | str) -> str:
    """An error with its sign: positive where the published price was too high."""
    return f"{Decimal(percent):+,f} %"


def _owed(due: compensation.Due) -> dict[str, Any]:
    of = due.offering.unit_class
    return {
        "offering": due.offering.code,
        "orders": shown.whole(due.orders),
        "units": shown.units(due.units_owed, of),
        "made_good": shown.money(due.made_good),
        "rows": [
            {
                "reference": one.reference,
                "paid": shown.money(one.paid),
                "had": shown.units(one.had, of),
                "entitled": shown.units(one.entitled, of),
                "owed": shown.units(max(0, one.entitled - one.had), of),
            }
            for one in compensation.affected(due=due, limit=ORDERS_SHOWN)
        ],
    }


def _redeemed(due: redemptions.Due) -> dict[str, Any]:
    return {
        "window": due.window.code,
        "lines": shown.whole(due.lines),
        "owed": shown.money(due.owed),
        "over": shown.money(due.over),
        "rows": [
            {
                "holder": holder,
                "units": shown.units(one.units, due.window.unit_class),
                "had": shown.money(one.had),
                "entitled": shown.money(one.entitled),
                "owed": shown.money(due.window.money(max(0, (one.entitled - one.had).amount))),
            }
            for holder, one in redemptions.affected(due=due, limit=ORDERS_SHOWN)
        ],
    }


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


def _shares(classes: Iterable[ClassNav]) -> list[dict[str, Any]]:
    return [
        {
            "name": UnitClass.Code(one.unit_class_id).label,
            "units": shown.units(one.units, one.unit_class),
            "value": shown.minor(one.value, one.unit_class.currency),
            "price": "—" if one.price is None else shown.price(one.price, one.unit_class),
        }
        for one in classes
    ]


def _moved(row: Nav) -> list[waterfall.Step]:
    """What moved the net assets since the NAV that this one was carried on from; empty where it is not known."""
    by = moved.since(row.previous, row) if row.previous else None
    if by is None or row.previous is None:
        return []
    steps = [
        (shown.day(row.previous.valuation_day), by.start),
        (_("Paid in, less distributed"), by.paid_in),
        (_("Income less costs"), by.earned),
        (_("Currency"), by.currency),
        (_("Value of the assets"), by.assets),
        (shown.day(row.valuation_day), by.end),
    ]
    return waterfall.of([(label, one.amount, shown.money(one)) for label, one in steps], start=by.start.amount)


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


@words.reads(Kind.CORRECTION)
def _replacement(proposal: Proposal, payload: Payload) -> Words:
    navs, owed = payload.pop("navs"), payload.pop("compensation")
    days = {"first": words.day(navs[0]["day"]), "last": words.day(navs[-1]["day"]), "count": len(navs)}
    one = _("The published net asset value of %(first)s is corrected by a new version.")
    many = _(
        "The published net asset values from %(first)s to %(last)s (%(count)s days) are corrected by new versions."
    )
    said = Words((one if len(navs) == 1 else many) % days)
    for nav in navs:
        net = shown.minor(nav["net"], BASE)
        note = _(
            "version %(version)s corrects version %(corrects)s · %(rate)s yen per dollar · gross %(gross)s"
            " · debt %(debt)s · accrued %(accruals)s"
        ) % {
            "version": nav["version"], "corrects": nav["corrects"], "rate": nav["usd_jpy"],
            **{name: shown.minor(nav[name], BASE) for name in ("gross", "debt", "accruals")},
        }  # fmt: skip
        said.lines.append(Line(_("Net asset value, %(day)s") % {"day": words.day(nav["day"])}, net, note))
        said.lines += _classes(nav["classes"])
        said.lines += [
            Line(_("Error of the published price, %(class)s") % {"class": code}, _signed(error))
            for code, error in nav["errors"].items()
        ]
    offerings = Offering.objects.select_related("unit_class").in_bulk([one["offering"] for one in owed])
    said.lines += [_compensated(one, offerings[one["offering"]]) for one in owed]
    redeemed = payload.pop("redemptions", [])
    windows = RedemptionWindow.objects.select_related("unit_class").in_bulk([one["window"] for one in redeemed])
    said.lines += [_made_good(one, windows[one["window"]]) for one in redeemed]
    said.lines += [_finding(one) for one in payload.pop("findings")]
    payload.pop("reason")  # the page shows the proposal's reason, which is the same text
    return said


def _made_good(one: Payload, window: RedemptionWindow) -> Line:
    of = window.unit_class
    note = _(
        "price of %(day)s: %(before)s instead of %(after)s, error %(error)s · %(over)s too much are kept;"
        " the co-owners make that good"
    ) % {
        "day": words.day(one["day"]),
        "before": shown.price(one["price_before"], of),
        "after": shown.price(one["price_after"], of),
        "error": _signed(one["error_percent"]),
        "over": shown.minor(one["over"], of.currency),
    }  # fmt: skip
    said = _("%(lines)s redemptions receive %(owed)s") % {
        "lines": shown.whole(int(one["lines"])), "owed": shown.minor(one["owed"], of.currency)
    }  # fmt: skip
    return Line(_("Compensation, %(offering)s") % {"offering": window.code}, said, note)


def _compensated(one: Payload, offering: Offering) -> Line:
    of = offering.unit_class
    note = _(
        "price of %(day)s: %(before)s instead of %(after)s, error %(error)s · %(over)s too many are kept;"
        " the co-owners make good %(made_good)s"
    ) % {
        "day": words.day(one["day"]),
        "before": shown.price(one["price_before"], of),
        "after": shown.price(one["price_after"], of),
        "error": _signed(one["error_percent"]),
        "over": shown.units(one["units_over"], of),
        "made_good": shown.minor(one["made_good"], of.currency),
    }  # fmt: skip
    said = _("%(orders)s orders receive %(units)s") % {
        "orders": shown.whole(int(one["orders"])), "units": shown.units(one["units_owed"], of)
    }  # fmt: skip
    return Line(_("Compensation, %(offering)s") % {"offering": offering.code}, said, note)


@changes.compares(Kind.CORRECTION)
def _corrected_again(payload: Payload, now: datetime) -> list[changes.Change]:
    """What the checks find and what is owed at this moment, beside what is to be signed."""
    first = payload["navs"][0]
    draft = Nav.objects.filter(valuation_day=first["day"], version=first["version"]).first()
    if draft is None or draft.state != Nav.State.VALUED:
        return []
    drafts = correct.together(draft=draft)
    before = ", ".join(sorted({one["code"] for one in payload["findings"]})) or _("no findings")
    found = ", ".join(sorted({one.code for one in correct.findings(drafts=drafts)})) or _("no findings")
    signed = {"compensation": payload["compensation"], "redemptions": payload.get("redemptions", [])}
    try:
        owed = correction.preview(drafts=drafts, now=now).facts
    except Refusal as refusal:
        owed = {"compensation": [{"offering": str(refusal.message)}], "redemptions": []}
    return [
        changes.Change(_("Findings of the checks"), before, found, before != found),
        _owed_again(
            _("Orders to compensate / units"), "compensation", ("offering", "orders", "units_owed"), signed, owed
        ),
        _owed_again(
            _("Redemptions to make good / smallest units of money"),
            "redemptions",
            ("window", "lines", "owed"),
            signed,
            owed,
        ),
    ]


type Facts = dict[str, list[dict[str, str]]]


def _owed_again(label: str, kind: str, keys: tuple[str, str, str], signed: Facts, owed: Facts) -> changes.Change:
    def told(rows: list[dict[str, str]]) -> str:
        what, many, due = keys
        return ", ".join(f"{one[what]}: {one.get(many, '')} / {one.get(due, '')}" for one in rows) or "—"

    return changes.Change(label, told(signed[kind]), told(owed[kind]), signed[kind] != owed[kind])


@changes.compares(Kind.NAV)
def _checked_again(payload: Payload, now: datetime) -> list[changes.Change]:
    """What the checks find at this moment, beside what they had found."""
    nav = Nav.objects.filter(valuation_day=payload["day"], version=payload["version"]).first()
    if nav is None or nav.state != Nav.State.VALUED:
        return []
    before = ", ".join(sorted(one["code"] for one in payload["findings"])) or _("no findings")
    found = ", ".join(sorted(one.code for one in checks.run(nav=nav))) or _("no findings")
    return [changes.Change(_("Findings of the checks"), before, found, before != found)]
