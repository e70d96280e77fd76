"""What must hold before a NAV may be proposed (D42): a finding blocks, or asks for a recorded reason."""

from collections.abc import Iterator
from dataclasses import dataclass, field
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


@dataclass(frozen=True)
class Finding:
    """One thing that is not as it should be. ``blocking`` cannot be overridden, else a recorded reason is needed."""

    code: str
    blocking: bool
    message: Any
    facts: dict[str, str] = field(default_factory=dict)


def run(*, nav: Nav) -> list[Finding]:
    """Every finding about a valued NAV, the blocking ones first; empty when all is well."""
    found = [
        *missing_rate(nav),
        *trial_balance(),
        *units_priced(nav),
        *capital_without_units(nav),
        *figures_changed(nav),
        *stale_marks(nav),
        *price_moves(nav),
    ]
    return sorted(found, key=lambda one: not one.blocking)


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
        now = value.figures(day=nav.valuation_day)
    except rates.Unknown:
        return  # missing_rate reports it
    except value.Refused as refused:
        yield Finding(refused.code, True, refused.message)
        return
    at = now.position
    stands = (at.gross.amount, at.debt.amount, at.accrued.amount, now.previous and now.previous.pk)
    shares = {share.unit_class.pk: (share.units, share.value_base, share.value, share.price) for share in now.shares}
    kept = {one.unit_class_id: (one.units, one.value_base, one.value, one.price) for one in nav.classes.all()}
    if stands != (nav.gross, nav.debt, nav.accruals, nav.previous_id) or shares != kept:
        yield Finding("figures_changed", True, _("Books, marks or rates have changed since. Value the day again."))


def stale_marks(nav: Nav) -> Iterator[Finding]:
    """Every mark is younger than its limit."""
    limit = config.get("valuation.max_age_days", at=nav.valued_at)
    for mark in valuation.marks(on=nav.valuation_day):
        age = mark.age(nav.valuation_day)
        if age > limit:
            facts = {"investment": mark.investment.pk, "age": str(age), "limit": str(limit)}
            message = _("The mark of %(investment)s is %(age)s days old; the limit is %(limit)s days.")
            yield Finding("stale_mark", False, message % facts, facts)


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
