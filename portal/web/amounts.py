"""Amounts and units as people type them: commas, spaces, full-width digits, a currency sign, 万, 口.

Programs use ``Money.parse`` and ``UnitClass.parse``.
"""

import re
import unicodedata

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from fund.money import Currency, Money
from fund.units import UnitClass

AMOUNT = re.compile(
    r"(?P<whole>[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.(?P<part>[0-9]{1,2}))?(?P<man>万)?", re.ASCII
)
DECORATION = re.compile(r"\s|[$¥\\円]|ドル|USD|JPY|US(?=\$)", re.IGNORECASE)
EXAMPLES = {Currency.USD: "2,500", Currency.JPY: "100,000"}


def read(text: str, currency: Currency) -> Money:
    """``"１００，０００円"``, ``"10万"``, ``"$2,500.5"`` → Money. Raises ValidationError that says how."""
    plain = DECORATION.sub("", unicodedata.normalize("NFKC", text))
    found = AMOUNT.fullmatch(plain)
    if found is None or (found["man"] and found["part"]):
        raise ValidationError(
            _("Enter an amount in figures, such as %(example)s."), params={"example": EXAMPLES[currency]}
        )
    if found["part"] and not currency.decimals:
        raise ValidationError(_("Yen have no decimals. Enter whole yen."))
    whole = int(found["whole"].replace(",", "")) * (10_000 if found["man"] else 1)
    part = (found["part"] or "").ljust(currency.decimals, "0")
    return Money.parse(f"{whole}.{part}" if currency.decimals else str(whole), currency)


def read_units(text: str, unit_class: UnitClass) -> int:
    """``"１，０００口"``, ``"12.5"`` → smallest units. Raises ValidationError that says how."""
    return unit_class.parse(unicodedata.normalize("NFKC", text).replace(",", "").replace("口", "").strip())
