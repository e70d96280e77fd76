"""How figures, days and times are written in each language (D19, D20, D22). Nothing here computes or rounds money."""

from datetime import date, datetime
from decimal import Decimal
from typing import Any, Literal
from zoneinfo import ZoneInfo

from babel.dates import format_date, format_datetime, format_skeleton, format_time
from babel.numbers import format_compact_decimal, format_currency, format_decimal
from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, gettext

from fund.conveyance.models import Refusing
from fund.governance.officers import Duty
from fund.money import Currency, Money, Price
from fund.portfolio.leverage import Stress
from fund.tax.models import Form
from fund.units import UnitClass
from investors.plan_models import Reason

register = template.Library()

WASHINGTON = ZoneInfo("America/New_York")
TOKYO = ZoneInfo("Asia/Tokyo")


def _locale() -> str:
    return "ja_JP" if (get_language() or "en").startswith("ja") else "en_US"


def language() -> str:
    """``en`` or ``ja``: that of the moment."""
    return _locale()[:2]


def _currency(value: Decimal, currency: Currency | str, pattern: str | None = None) -> str:
    """Babel's own writing, with the half-width yen sign in both languages and a minus that is one."""
    text = format_currency(value, Currency(currency).value, pattern, locale=_locale(), currency_digits=pattern is None)
    return text.replace("￥", "¥").replace("-", "\N{MINUS SIGN}")


@register.filter
def money(value: Money | None) -> str:
    """``Money(250000, USD)`` → $2,500.00; nothing → a dash."""
    return "–" if value is None else _currency(value.major, value.currency)


@register.filter
def signed_money(value: Money | None) -> str:
    """The same with its sign: +¥14,896, −$3.20."""
    if value is None:
        return "–"
    return ("+" if value.amount > 0 else "") + money(value)


@register.filter
def sum_of(facts: dict[str, Any]) -> str:
    """The amount in the facts of a notice: minor units with their currency."""
    return money(Money(facts["amount"], Currency(facts["currency"])))


@register.filter
def fact_money(facts: dict[str, Any], name: str) -> str:
    """Another amount in the facts of a notice, in the same currency."""
    return money(Money(facts[name], Currency(facts["currency"])))


@register.filter
def paid_for_a_lot(per_lot: Decimal | str, unit_class: UnitClass | str) -> str:
    """What a distribution pays for a quoting lot, without zeros that say nothing: "¥33.334 per 10,000 口"."""
    of = unit_class if isinstance(unit_class, UnitClass) else UnitClass.objects.get(pk=unit_class)
    exact = Decimal(per_lot).normalize()
    decimals = max(-int(exact.as_tuple().exponent), Currency(of.currency).decimals)
    pattern = "¤#,##0" + ("." + "0" * decimals if decimals else "")
    figure = _currency(exact, of.currency, pattern)
    return gettext("%(price)s %(lot)s") % {"price": figure, "lot": lot(of)}


@register.filter
def instant(text: str) -> datetime:
    """An instant in the facts of a notice."""
    return datetime.fromisoformat(text)


@register.filter
def iso_day(text: str) -> date:
    """A day in the facts of a notice."""
    return date.fromisoformat(text)


@register.filter
def own_name(facts: dict[str, Any]) -> str:
    """The name of an officer in the facts of a notice, in the reader's language."""
    return str(facts["name_ja" if _locale() == "ja_JP" else "name_en"])


@register.filter
def duties(held: list[str]) -> str:
    """Duties of an officer by their names."""
    return ", ".join(str(Duty(one).label) for one in held)


@register.filter
def transfer_reason(code: str) -> str:
    """Why units do not pass to another citizen, in words."""
    return str(Refusing(code).label)


@register.filter
def plan_reason(code: str) -> str:
    """Why a month of a regular plan has no order."""
    return str(Reason(code).label)


@register.filter
def tax_form(code: str) -> str:
    """What a form in the facts of a notice is called."""
    return str(Form(code).label)


@register.filter
def fact_price(facts: dict[str, Any], name: str) -> str:
    """A price in the facts of a notice, with what it buys; the facts name the class."""
    unit_class = UnitClass.objects.get(pk=facts["unit_class"])
    return quoted(unit_class.price(Decimal(facts[name])), unit_class)


@register.filter
def fact_units(facts: dict[str, Any], name: str = "units") -> str:
    """The units in the facts of a notice."""
    return units(facts[name], UnitClass.objects.get(pk=facts["unit_class"]))


@register.filter
def fact_percent(facts: dict[str, Any], name: str) -> str:
    """A percentage in the facts of a notice, with its sign."""
    return signed_percentage(Decimal(facts[name]))


@register.filter
def big(value: Money | None) -> str:
    """Millions and more in words: $300 billion, 3,000億ドル. The exact amount belongs beside or below it."""
    if value is None:
        return "–"
    if abs(value.major) < 1_000_000:
        return money(value)
    length: Literal["short", "long"] = "short" if _locale() == "ja_JP" else "long"  # 億 and 兆 are the short words
    number = format_compact_decimal(value.major, format_type=length, locale=_locale(), fraction_digits=2)
    if _locale() == "ja_JP":
        digits = number.rstrip("兆億万")
        whole, point, part = digits.partition(".")
        written = f"{int(whole.replace(',', '')):,}{point}{part}{number[len(digits) :]}"
        return written + {"USD": "ドル", "JPY": "円"}[value.currency.value]
    return {"USD": "$", "JPY": "¥"}[value.currency.value] + number


@register.filter
def price(value: Price | None) -> str:
    """A quoted price with the decimals of its class: $10.0000, ¥10,000 (D20)."""
    if value is None:
        return "–"
    return _currency(value.value, value.currency, "¤#,##0.0000" if value.currency == Currency.USD else "¤#,##0")


@register.filter
def lot(unit_class: UnitClass) -> str:
    """What one quoted price buys: per unit, per 10,000 口 (D20)."""
    if unit_class.unit_decimals:
        return gettext("per unit")
    return gettext("per %(lot)s 口") % {"lot": format_decimal(unit_class.lot, locale=_locale())}


@register.filter
def quoted(value: Price | None, unit_class: UnitClass) -> str:
    """A price with what it buys: $10.0000 per unit, 10,000口当たり¥10,000."""
    return "–" if value is None else gettext("%(price)s %(lot)s") % {"price": price(value), "lot": lot(unit_class)}


@register.filter
def units(count: int, unit_class: UnitClass) -> str:
    """Smallest units as people read them: 2.5000 units, 25,000 口 (D19)."""
    pattern = "#,##0." + "0" * unit_class.unit_decimals if unit_class.unit_decimals else "#,##0"
    number = format_decimal(unit_class.count(count), pattern, locale=_locale())
    if unit_class.unit_decimals:
        return gettext("%(number)s units") % {"number": number}
    return gettext("%(number)s 口") % {"number": number}


@register.filter
def whole(value: int | None) -> str:
    """A count with its separators."""
    return "–" if value is None else format_decimal(value, locale=_locale())


@register.filter
def ratio(value: Decimal | None) -> str:
    """A multiple with two decimals: 1.43×."""
    return "–" if value is None else f"{format_decimal(value, '#,##0.00', locale=_locale())}×"


@register.filter
def percentage(value: Decimal | None, decimals: int = 2) -> str:
    """A number that is already in percent: 12.50 %."""
    pattern = "#,##0." + "0" * decimals if decimals else "#,##0"
    return "–" if value is None else f"{format_decimal(value, pattern, locale=_locale())}%"


@register.filter
def signed_percentage(value: Decimal | None, decimals: int = 4) -> str:
    """The same with its sign: +0.6000 %, −0.6000 %."""
    if value is None:
        return "–"
    sign = "+" if value > 0 else "\N{MINUS SIGN}" if value < 0 else ""
    return sign + percentage(abs(value), decimals)


@register.filter
def supposed(case: Stress) -> str:
    """What a case of the stress test supposes: "assets fall by 10%", 円が対ドルで10%上昇."""
    assets, yen = case.assets_percent, case.yen_percent
    falls, rises = gettext("assets fall by %(by)s%%"), gettext("assets rise by %(by)s%%")
    first = (falls if assets < 0 else rises) % {"by": abs(assets)}
    if not yen:
        return first
    falls = gettext("the yen falls by %(by)s%% against the dollar")
    rises = gettext("the yen rises by %(by)s%% against the dollar")
    second = (falls if yen < 0 else rises) % {"by": abs(yen)}
    return gettext("%(first)s, and %(second)s") % {"first": first, "second": second} if assets else second


@register.filter
def day(value: date | None) -> str:
    """October 30, 2026 · 2026年10月30日"""
    return "–" if value is None else format_date(value, "long", locale=_locale())


@register.filter
def weekday(value: date) -> str:
    """Fri, Oct 30 · 10月30日(金)"""
    return format_skeleton("MMMEd", value, locale=_locale())


@register.filter
def month(value: date) -> str:
    """October 2026 · 2026年10月"""
    return format_skeleton("yMMMM", value, locale=_locale())


@register.filter
def clocks(value: datetime | None) -> SafeString | str:
    """An instant in the local time of both nations, Washington first (D22)."""
    if value is None:
        return "–"
    return format_html(
        '<span class="k-clocks"><time datetime="{}">{} <span class="k-clocks__place">{}</span></time>'
        '<time datetime="{}">{} <span class="k-clocks__place">{}</span></time></span>',
        value.astimezone(WASHINGTON).isoformat(),
        _written(value.astimezone(WASHINGTON)),
        gettext("Washington"),
        value.astimezone(TOKYO).isoformat(),
        _written(value.astimezone(TOKYO)),
        gettext("Tokyo"),
    )


@register.filter
def clocks_in_text(value: datetime) -> str:
    """The same for a plain text."""
    here, there = value.astimezone(WASHINGTON), value.astimezone(TOKYO)
    return f"{_written(here)} ({gettext('Washington')}) · {_written(there)} ({gettext('Tokyo')})"


@register.filter
def moment(value: datetime | None) -> SafeString | str:
    """An instant in UTC, for logs and proofs where one time is enough."""
    if value is None:
        return "–"
    return format_html(
        '<time datetime="{}">{} UTC</time>', value.isoformat(), format_datetime(value, "yyyy-MM-dd HH:mm", locale="en")
    )


def _written(value: datetime) -> str:
    if _locale() == "ja_JP":
        return f"{format_date(value, 'long', locale='ja_JP')} {format_time(value, 'H:mm', locale='ja_JP')}"
    return f"{format_datetime(value, 'MMMM d, yyyy, h:mm a', tzinfo=value.tzinfo, locale='en_US')} {value.tzname()}"
