"""Reading what ISO 20022 messages have in common: text, days, amounts and accounts, in any version's namespace."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

from lxml import etree

from fund.payments.formats.minor_units import decimals
from fund.payments.formats.model import Flaw, UnsoundFile

LARGEST = 2**63 - 1


class _Local(dict[str, str]):
    """Tags without their namespace, each cut once."""

    def __missing__(self, tag: str) -> str:
        name = self[tag] = tag.rpartition("}")[2]
        return name


local = _Local()


def account_of(element: etree._Element) -> str:
    """IBAN or the bank's own account number."""
    return first_text(element, "Id/IBAN", "Id/Othr/Id")


def amount_of(found: etree._Element) -> tuple[int, str]:
    """Minor units and currency of an Amt. Raises UnsoundFile."""
    text, currency = stripped(found), found.get("Ccy", "")
    whole, _, rest = text.partition(".")
    places = decimals(currency)
    if whole.isdecimal() and len(whole) < 15 and (not rest or (rest.isdecimal() and len(rest) == places)):
        return int(whole + (rest or "0" * places)), currency  # as nearly all of them are written
    return to_minor(Decimal(text), currency, found.sourceline), currency


def amount_told(found: etree._Element | None) -> tuple[Decimal | None, str]:
    """The amount as written and its currency, where there is one."""
    return (None, "") if found is None else (Decimal(stripped(found)), found.get("Ccy", ""))


def to_minor(amount: Decimal, currency: str, line: int | None) -> int:
    """Minor units (D19). Raises UnsoundFile for more decimals than the currency has."""
    places = decimals(currency)
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > places:
        raise UnsoundFile(Flaw.AMOUNT, f"An amount has more decimals than {currency} has ({places}).", line)
    minor = int(amount.scaleb(places))
    if minor > LARGEST:
        raise UnsoundFile(Flaw.AMOUNT, "An amount is too large.", line)
    return minor


def day_of(element: etree._Element | None) -> date | None:
    """The day as the bank wrote it, in its own time. Raises UnsoundFile."""
    if element is None:
        return None
    try:
        return date.fromisoformat(stripped(element[0])[:10])  # Dt or DtTm
    except ValueError as error:
        raise UnsoundFile(Flaw.DATE, "A date cannot be read.", element.sourceline) from error


def moment_of(element: etree._Element, path: str) -> datetime:
    """In UTC; a time without an offset is taken as UTC. Raises UnsoundFile."""
    try:
        moment = datetime.fromisoformat(first_text(element, path))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnsoundFile(Flaw.DATE, f"The time {path} cannot be read.", element.sourceline) from error


def first_text(element: etree._Element, *paths: str) -> str:
    """The first of these that is there, without the white space around it."""
    for path in paths:
        found = element.find(any_version(path))
        if found is not None and (text := stripped(found)):
            return text
    return ""


def required(element: etree._Element, name: str) -> etree._Element:
    """A child that the schema has proved to be there."""
    return next(element.iterchildren(f"{{*}}{name}"))


def children(element: etree._Element | None) -> dict[str, etree._Element]:
    """The first child of each name, which is faster than to find them one by one."""
    if element is None:
        return {}
    return {local[child.tag]: child for child in element.iterchildren(reversed=True)}


def stripped(element: etree._Element | None) -> str:
    """Its text without the white space around it."""
    if element is None:
        return ""
    text = element.text
    return text.strip() if text else ""


def inner(element: etree._Element | None, *names: str) -> etree._Element | None:
    """The first child so named, its first child of the next name, and so on."""
    for name in names:
        if element is None:
            return None
        element = next((child for child in element if local[child.tag] == name), None)
    return element


@cache
def any_version(path: str) -> str:
    """The same path in whichever version's namespace."""
    return "/".join(f"{{*}}{name}" for name in path.split("/"))
