"""How figures are written for an officer: money, units, days and instants in the words of the page's language."""

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from fund.holders import Nation
from fund.money import Currency, Money
from fund.units import UnitClass

ZONES = {Nation.US: ZoneInfo("America/New_York"), Nation.JP: ZoneInfo("Asia/Tokyo")}


def money(value: Money) -> str:
    """12345 cents → "$123.45" or "123.45米ドル"; yen without decimals."""
    figure = f"{abs(value.major):,.{value.currency.decimals}f}"
    return f"-{_marked(figure, value.currency)}" if value.amount < 0 else _marked(figure, value.currency)


def _marked(figure: str, currency: str) -> str:
    """A figure with the mark of its currency, as the page's language writes it."""
    return (_("$%(figure)s") if currency == Currency.USD else _("¥%(figure)s")) % {"figure": figure}


def minor(amount: int | str, currency: str) -> str:
    """The same from minor units, as tables and payloads hold them."""
    return money(Money(int(amount), Currency(currency)))


def units(count: int | str, unit_class: UnitClass) -> str:
    """Smallest units as the units people read: 25000 → "2.5000 units"."""
    return _("%(figure)s units") % {"figure": f"{unit_class.count(int(count)):,.{unit_class.unit_decimals}f}"}


def price(value: Decimal | str, unit_class: UnitClass) -> str:
    """A quoted price: four decimals of a dollar, or whole yen (D20)."""
    return _marked(f"{Decimal(value):,.{unit_class.price_decimals}f}", unit_class.currency)


def per_lot(value: Decimal | str, unit_class: UnitClass) -> str:
    """What is paid for a quoting lot, in major units and without zeros that say nothing."""
    return _marked(f"{Decimal(value).normalize():f}", unit_class.currency)


def nations(held: Iterable[str]) -> str:
    """Citizenships by their names."""
    return ", ".join(str(Nation(nation).label) for nation in held) or "—"


def whole(number: int) -> str:
    return f"{number:,}"


def percent(value: Decimal | str) -> str:
    return f"{Decimal(value):,f} %"


def day(value: date) -> str:
    return date_format(value, pgettext("format of a date", "j M Y"))


def instant(value: datetime) -> str:
    """An instant in the time of both nations; both see the same line, which breaks only between the two."""
    tokyo, washington = (_time(value.astimezone(ZONES[nation])) for nation in (Nation.JP, Nation.US))
    both = _("Tokyo %(tokyo)s / Washington %(washington)s") % {"tokyo": tokyo, "washington": washington}
    return both.replace(" ", "\N{NO-BREAK SPACE}").replace("\N{NO-BREAK SPACE}/\N{NO-BREAK SPACE}", " / ")


def moment(value: datetime | None) -> str:
    """An instant in the officer's own time zone, for the columns of lists."""
    return _time(timezone.localtime(value)) if value else "—"


def _time(value: datetime) -> str:
    return date_format(value, pgettext("format of a date with its time", "j M Y H:i"))


def age(since: datetime, now: datetime) -> str:
    """How long something has been waiting: "3 hours"."""
    return timesince(since, now, depth=1)
