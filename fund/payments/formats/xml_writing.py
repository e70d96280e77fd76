"""Writing what ISO 20022 messages have in common: elements, amounts, accounts, times."""

from datetime import datetime
from decimal import Decimal

from lxml import etree
from stdnum import iban

from fund.payments.formats.minor_units import decimals
from fund.payments.formats.schema import NAMESPACE


def document(message: str, content: etree._Element | None) -> bytes:
    """The whole message as bytes; its namespace stands once, which spares every node below its own."""
    root = node("Document", content)
    assert root is not None
    root.set("xmlns", f"{NAMESPACE}{message}")
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True))


def written_amount(name: str, amount: int, currency: str) -> etree._Element:
    """Minor units as an element with its currency."""
    element = node(name, to_major(amount, currency))
    assert element is not None
    element.set("Ccy", currency)
    return element


def amount_and_direction(signed: int, currency: str, *, credit: bool = True) -> tuple[etree._Element | None, ...]:
    """Amt and CdtDbtInd; `credit` is the direction of nothing at all."""
    return written_amount("Amt", abs(signed), currency), node(
        "CdtDbtInd", "CRDT" if signed > 0 or (signed == 0 and credit) else "DBIT"
    )


def account_id(account: str) -> etree._Element | None:
    """IBAN, where it is one, or else the bank's own number."""
    if iban.is_valid(account) and account == iban.compact(account):
        return node("Id", node("IBAN", account))
    return node("Id", node("Othr", node("Id", account)))


def to_major(minor: int, currency: str) -> str:
    """With as many decimals as the currency has."""
    return str(Decimal(minor).scaleb(-decimals(currency)))


def written_moment(moment: datetime) -> str:
    """With its offset."""
    return moment.isoformat()


def node(name: str, *contents: etree._Element | str | None) -> etree._Element | None:
    """An element, or nothing when it would be empty."""
    children = [content for content in contents if content is not None and content != ""]
    if not children:
        return None
    element = etree.Element(name)
    for content in children:
        if isinstance(content, str):
            element.text = content
        else:
            element.append(content)
    return element
