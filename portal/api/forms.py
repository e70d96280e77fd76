"""How things of the fund are written in JSON."""

from datetime import UTC, datetime
from decimal import Context, Decimal, Inexact
from typing import Any

from django.utils.translation import get_language
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from fund.money import Currency, Money, Price
from fund.units import UnitClass

EXACT = Context(prec=40, traps=[Inexact])


def language() -> str:
    """The language of the request: ``en`` or ``ja``."""
    return "ja" if get_language() == "ja" else "en"


def words(row: Any, name: str) -> str:
    """The text of ``<name>_en`` or ``<name>_ja`` of a row, by the language of the request."""
    return str(getattr(row, f"{name}_{language()}"))


class Instant(serializers.DateTimeField):
    """UTC, RFC 3339, to the second."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="%Y-%m-%dT%H:%M:%SZ", default_timezone=UTC, **options)


def instant(at: datetime) -> str:
    """As ``Instant`` writes it."""
    return f"{at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='seconds')}Z"


def money(of: Money) -> dict[str, str]:
    """As ``MoneyField`` writes it."""
    return {"currency": of.currency.value, "value": of.value}


@extend_schema_field({"type": "string", "pattern": r"^-?[0-9]+(\.[0-9]+)?$"})
class Plain(serializers.Field[Any, Any, Any, Any]):
    """An exact decimal as a plain string."""

    def to_representation(self, value: Decimal) -> str:
        return f"{value:zf}"  # nothing is never less than nothing: "-0.00" is written "0.00"


@extend_schema_field({"type": "string", "contentEncoding": "base16", "pattern": "^[0-9a-f]*$"})
class Hex(serializers.Field[Any, Any, Any, Any]):
    """Bytes in hex."""

    def to_representation(self, value: bytes) -> str:
        return bytes(value).hex()


@extend_schema_field({"type": "string", "contentEncoding": "base16", "pattern": "^[0-9a-f]{64}$"})
class Digest(serializers.CharField):
    """32 bytes in hex, written so already."""


@extend_schema_field({"type": "string", "pattern": "^(0|[1-9][0-9]{0,18})$"})
class Digits(serializers.CharField):
    """A whole number, not negative, as a string: more than some languages' numbers hold."""


def a_list(of: type[serializers.Serializer[Any]], name: str) -> type[serializers.Serializer[Any]]:
    """The form of a list of ``of``."""
    fields = {"results": of(many=True), "next": serializers.URLField(allow_null=True)}
    return type(name, (serializers.Serializer,), {"__doc__": "A page of a list.", **fields})


class PriceForm(serializers.Serializer[Any]):
    """A price: ``value`` in ``currency`` for ``per`` units."""

    currency = serializers.ChoiceField(choices=[one.value for one in Currency])
    value = Plain(help_text="Major units of the currency.")
    per = Plain(help_text="For how many units the price is quoted.")


def price(of: Price, unit_class: UnitClass) -> dict[str, Any]:
    """A price as ``PriceForm`` shows it, with exactly the decimals of its class."""
    return {
        "currency": of.currency.value,
        "value": of.value.quantize(Decimal(1).scaleb(-unit_class.price_decimals), context=EXACT),
        "per": unit_class.count(of.lot),
    }
