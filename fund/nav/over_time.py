"""Leverage over time: the figures of every published day against the limit and the covenants of then (D41)."""

from fund.money import Money
from fund.nav.models import Nav
from fund.portfolio import leverage, position


def leverage_by_day() -> list[leverage.Point]:
    """A point for each published day, oldest first, from its newest version. What was published does not change."""
    newest = (
        Nav.objects.filter(state=Nav.State.PUBLISHED)
        .order_by("valuation_day", "-version")
        .distinct("valuation_day")
        .values_list("valuation_day", "gross", "debt", "net")
    )
    base = position.BASE
    return leverage.over_time(
        (day, Money(gross, base), Money(owed, base), Money(net, base)) for day, gross, owed, net in newest
    )
