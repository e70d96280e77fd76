"""The figures of a NAV: the fund's net assets split over the classes of units (D42)."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext_lazy as _

from fund.money import Currency, Money, convert, quote, share_out
from fund.nav.models import ClassNav, Nav
from fund.portfolio import position
from fund.refusal import Refusal
from fund.units import UnitClass


class Refused(Refusal):
    """The NAV cannot be valued, proposed or published as things stand."""

    code = "nav"


@dataclass(frozen=True)
class Share:
    """One class's part, in the terms of ``ClassNav``."""

    unit_class: UnitClass
    units: int
    capital: int
    value_base: int
    value: int
    price: Decimal | None


@dataclass(frozen=True)
class Figures:
    """A NAV as the books, marks and rates stand now; nothing is saved."""

    position: position.Position
    previous: Nav | None
    shares: list[Share]

    @property
    def earned(self) -> Money:
        """Income to date less expenses, interest and accruals, at the rate of the day.

        Interest is what the facilities stand at beyond what the ledger says was borrowed.
        """
        at = self.position
        booked = [
            Money(sum(at.books[f"{name}:{currency}"] for name in ("income", "expenses", "debt")), currency)
            for currency in Currency
        ]
        dollars, yen = (convert(money, to=position.BASE, usd_jpy=at.usd_jpy) for money in booked)
        return dollars + yen - at.debt - at.accrued


def figures(*, day: date, previous: Nav | None) -> Figures:
    """Compute the NAV of a day, carried on from a published one; the number of holders does not matter (D44).

    Raises ``rates.Unknown``, and Refused when nobody holds units, nothing is left, or the other is of no earlier day.
    """
    if previous is not None and previous.valuation_day >= day:
        raise Refused(_("The NAV of this day or a later one is published."), code="already_published")
    at = position.at(day=day)
    if at.net.amount <= 0:
        raise Refused(
            _("What the fund owes is not covered by what it owns. No price can be struck."), code="nothing_left"
        )
    return Figures(at, previous, _split(at, previous))


def last_published() -> Nav | None:
    """The published NAV of the latest day."""
    return Nav.objects.filter(state=Nav.State.PUBLISHED).order_by("-valuation_day", "-version").first()


def _split(at: position.Position, previous: Nav | None) -> list[Share]:
    """The net assets by weight, the cents left over by largest remainder, so that the classes add up exactly."""
    classes = list(UnitClass.objects.order_by("code"))
    before = {one.unit_class_id: one for one in ClassNav.objects.filter(nav=previous)} if previous else {}
    usd_jpy = previous.usd_jpy if previous else at.usd_jpy
    units = [-at.books[f"issued:{one}"] for one in classes]
    capital = [at.books[f"capital:{one}"] for one in classes]
    weights = [
        weight(one, paid, before.get(one.pk), usd_jpy) if held else 0
        for one, held, paid in zip(classes, units, capital, strict=True)
    ]
    if min(weights) < 0 or not any(weights):
        raise Refused(_("No class of units has money paid in to share in the NAV."), code="no_units")
    parts = share_out(at.net.amount, weights)
    return [_share(*each, at.usd_jpy) for each in zip(classes, units, capital, parts, strict=True)]


def weight(unit_class: UnitClass, capital: int, before: ClassNav | None, usd_jpy: Decimal) -> int:
    """A class's claim in USD cents: its value in the last published NAV and what was paid in since.

    Yen count at the rate of that NAV, because its price is what their units were bought at: so a payment moves nobody
    else's price. Before the first NAV there is no such price, and they count at the first NAV's own rate.
    """
    since = Money(capital - (before.capital if before else 0), Currency(unit_class.currency))
    return (before.value_base if before else 0) + convert(since, to=position.BASE, usd_jpy=usd_jpy).amount


def _share(unit_class: UnitClass, units: int, capital: int, value_base: int, usd_jpy: Decimal) -> Share:
    if units == 0:
        return Share(unit_class, 0, capital, 0, 0, None)
    value = convert(Money(value_base, position.BASE), to=Currency(unit_class.currency), usd_jpy=usd_jpy)
    price = quote(value, units, lot=unit_class.lot, decimals=unit_class.price_decimals)
    if price <= 0:
        raise Refused(_("The units of class %(class)s are worth nothing.") % {"class": unit_class}, code="worthless")
    return Share(unit_class, units, capital, value_base, value.amount, price)
