"""What must hold before a NAV may be proposed (D42): a finding blocks, or asks for a recorded reason."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from django.utils.translation import gettext_lazy as _

from fund import calendars, rates
from fund.governance import config
from fund.ledger import balances, prove
from fund.nav import value
from fund.nav.models import ClassNav, Nav
from fund.nav.prices import price_before
from fund.portfolio import valuation
from fund.portfolio.models import Expense


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be. ``blocking`` cannot be overridden, else a recorded reason is needed."""

    code: str
    blocking: bool
    message: Any
    facts: dict[str, str] = field(default_factory=dict)


def run(*, nav: Nav) -> list[Finding]:
    """Every finding about a valued NAV, the blocking ones first; empty when all is well."""
    found = [*trial_balance(), *of_figures(nav), *figures_changed(nav)]
    return sorted(found, key=lambda one: not one.blocking)


def of_figures(nav: Nav) -> list[Finding]:
    """What is found about the figures of a NAV and what they rest on, whichever NAV they were carried on from."""
    return [
        *missing_rate(nav),
        *units_priced(nav),
        *capital_without_units(nav),
        *inputs(day=nav.valuation_day, at=nav.valued_at),
        *price_moves(nav),
    ]


def inputs(*, day: date, at: datetime) -> list[Finding]:
    """What a day's NAV rests on that is late at an instant: which rate, which marks, which expenses."""
    return [*late_rate(day), *stale_marks(day, at), *late_expenses(day, at)]


def missing_rate(nav: Nav) -> Iterator[Finding]:
    """The reference rate of the day is known and is the one that was used (D23)."""
    try:
        rate = rates.usd_jpy(nav.valuation_day)
    except rates.Unknown as unknown:
        yield Finding("missing_rate", True, unknown.message)
        return
    if rate != nav.usd_jpy:
        facts = {"used": str(nav.usd_jpy), "rate": str(rate)}
        yield Finding("missing_rate", True, _("The reference rate has changed since. Value the day again."), facts)


def trial_balance() -> Iterator[Finding]:
    """Every asset of the ledger sums to zero (D38)."""
    check = prove.assets()
    if not check.clean:
        yield Finding("trial_balance", True, _("The ledger does not balance."), {"first": check.first})


def units_priced(nav: Nav) -> Iterator[Finding]:
    """The units that are priced are the units in the ledger."""
    books = balances.books_before(calendars.books_close(nav.valuation_day))
    for one in nav.classes.select_related("unit_class"):
        issued = -books[f"issued:{one.unit_class}"]
        if issued != one.units:
            facts = {"class": one.unit_class_id, "priced": str(one.units), "ledger": str(issued)}
            message = _("The ledger has other units of class %(class)s than are priced. Value the day again.")
            yield Finding("units_differ", True, message % facts, facts)


def capital_without_units(nav: Nav) -> Iterator[Finding]:
    """No class has money paid in for which nobody holds units: its share would go to the others."""
    for one in nav.classes.filter(units=0, capital__gt=0):
        facts = {"class": one.unit_class_id, "capital": str(one.capital)}
        yield Finding("capital_without_units", True, _("Class %(class)s has money but no units.") % facts, facts)


def figures_changed(nav: Nav) -> Iterator[Finding]:
    """Books, marks and rates still give the figures of this NAV."""
    try:
        now = value.figures(day=nav.valuation_day, previous=value.last_published())
    except rates.Unknown:
        return  # missing_rate reports it
    except value.Refused as refused:
        yield Finding(refused.code, True, refused.message)
        return
    if (now.previous and now.previous.pk) != nav.previous_id or not stands(nav, now):
        yield changed()


def stands(nav: Nav, now: value.Figures) -> bool:
    """Whether figures computed now are those of a NAV."""
    at = now.position
    shares = {share.unit_class.pk: (share.units, share.value_base, share.value, share.price) for share in now.shares}
    kept = {one.unit_class_id: (one.units, one.value_base, one.value, one.price) for one in nav.classes.all()}
    figures = (at.usd_jpy, at.gross.amount, at.debt.amount, at.accrued.amount)
    return figures == (nav.usd_jpy, nav.gross, nav.debt, nav.accruals) and shares == kept


def changed() -> Finding:
    return Finding("figures_changed", True, _("Books, marks or rates have changed since. Value the day again."))


def late_rate(day: date) -> Iterator[Finding]:
    """The reference rate is the day's own, wherever the ECB publishes one (D23)."""
    if rates.is_late(day):
        message = _("The reference rate of %(day)s has not been recorded yet.")
        yield Finding("late_rate", False, message % {"day": day}, {"day": day.isoformat()})


def stale_marks(day: date, at: datetime) -> Iterator[Finding]:
    """Every mark is younger than its limit."""
    limit = config.get("valuation.max_age_days", at=at)
    for mark in valuation.marks(on=day):
        age = mark.age(day)
        if age > limit:
            facts = {"investment": mark.investment.pk, "age": str(age), "limit": str(limit)}
            message = _("The mark of %(investment)s is %(age)s days old; the limit is %(limit)s days.")
            yield Finding("stale_mark", False, message % facts, facts)


def late_expenses(day: date, at: datetime) -> Iterator[Finding]:
    """The running expenses are booked: no longer ago than the limit. A fund that never paid one awaits none."""
    limit = config.get("expense.max_age_days", at=at)
    last = Expense.objects.filter(kind=Expense.Kind.OPERATING, day__lte=day).order_by("-day").first()
    if last is not None and (age := (day - last.day).days) > limit:
        facts = {"expense": last.description_en, "since": last.day.isoformat(), "age": str(age), "limit": str(limit)}
        message = _("No operating expense is booked since %(since)s (%(expense)s); the limit is %(limit)s days.")
        yield Finding("late_expense", False, message % facts, facts)


def price_moves(nav: Nav) -> Iterator[Finding]:
    """No price has moved by more than the tolerance since the one before it, or since the initial price."""
    tolerance = Decimal(config.get("nav.tolerance_percent", at=nav.valued_at))
    for one in nav.classes.exclude(price=None).select_related("unit_class"):
        before = price_before(one)
        if abs(_price(one) - before) * 100 > tolerance * before:
            facts = {"class": one.unit_class_id, "before": f"{before:f}", "price": f"{_price(one):f}"}
            message = _("The price of class %(class)s moves from %(before)s to %(price)s.")
            yield Finding("price_move", False, message % facts, facts)


def _price(one: ClassNav) -> Decimal:
    assert one.price is not None
    return one.price
