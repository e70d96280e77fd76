"""Writing camt.053.001.08 and camt.054.001.08 (ISO 20022): what the demonstration's bank sends, and what tests read."""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from itertools import groupby
from operator import attrgetter

from lxml import etree
from stdnum import iban

from fund.payments.formats.minor_units import decimals
from fund.payments.formats.model import Entry, Kind, Statement
from fund.payments.formats.schema import NAMESPACE

ROOTS = {Kind.STATEMENT: ("BkToCstmrStmt", "Stmt"), Kind.NOTIFICATION: ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}


def write(statements: Sequence[Statement]) -> bytes:
    """One message of version 001.08 that holds these statements, all of one kind and message. Raises ValueError."""
    kinds = {(statement.kind, statement.message_id) for statement in statements}
    if len(kinds) != 1:
        raise ValueError("One file holds the statements of one message.")
    kind, message_id = kinds.pop()
    message, holder = ROOTS[kind]
    root = _node(
        "Document",
        _node(
            message,
            _node("GrpHdr", _node("MsgId", message_id), _node("CreDtTm", _written(statements[0].created_at))),
            *(_written_statement(holder, statement) for statement in statements),
        ),
    )
    assert root is not None
    root.set("xmlns", f"{NAMESPACE}camt.{kind}.001.08")  # spares every node below its namespace
    return bytes(etree.tostring(root, encoding="UTF-8", xml_declaration=True, pretty_print=True))


def _written_statement(holder: str, statement: Statement) -> etree._Element | None:
    currency = statement.currency
    groups = [list(parts) for _, parts in groupby(statement.entries, key=attrgetter("line"))]
    covers = (statement.covers_from, statement.covers_to)
    return _node(
        holder,
        _node("Id", statement.statement_id),
        _node("ElctrncSeqNb", "" if statement.sequence is None else str(statement.sequence)),
        _node("CreDtTm", _written(statement.created_at)),
        _node("FrToDt", *(_node(n, _written(t)) for n, t in zip(("FrDtTm", "ToDtTm"), covers, strict=True) if t)),
        _node("Acct", _account_id(statement.account), _node("Ccy", currency)),
        _written_balance("OPBD", statement.opening, statement.opened_on, currency),
        _written_balance("CLBD", statement.closing, statement.closed_on, currency),
        _written_summary([sum(part.signed for part in parts) for parts in groups], currency),
        *map(_written_entry, groups),
    )


def _written_balance(code: str, amount: int | None, day: date | None, currency: str) -> etree._Element | None:
    if amount is None or day is None:
        return None
    kind = _node("Tp", _node("CdOrPrtry", _node("Cd", code)))
    return _node("Bal", kind, *_money(amount, currency), _node("Dt", _node("Dt", day.isoformat())))


def _written_summary(signed: list[int], currency: str) -> etree._Element | None:
    def counted(name: str, amounts: list[int]) -> etree._Element | None:
        number = _node("NbOfNtries", str(len(amounts)))
        return _node(name, number, _node("Sum", _major(sum(map(abs, amounts)), currency)))

    return _node(
        "TxsSummry",
        counted("TtlNtries", signed),
        counted("TtlCdtNtries", [amount for amount in signed if amount > 0]),
        counted("TtlDbtNtries", [amount for amount in signed if amount < 0]),
    )


def _written_entry(parts: list[Entry]) -> etree._Element | None:
    first = parts[0]
    value_date = first.value_date.isoformat() if first.value_date else ""
    return _node(
        "Ntry",
        _node("NtryRef", first.entry_reference),
        *_money(sum(part.signed for part in parts), first.currency, credit=first.credit),
        _node("RvslInd", "true" if first.reversal else ""),
        _node("Sts", _node("Cd", "BOOK" if first.booked else "PDNG")),
        _node("BookgDt", _node("Dt", first.booking_date.isoformat())),
        _node("ValDt", _node("Dt", value_date)),
        _node("AcctSvcrRef", first.bank_reference),
        etree.Element("BkTxCd"),
        _node("NtryDtls", *map(_written_transaction, parts)),
    )


def _written_transaction(part: Entry) -> etree._Element | None:
    amounts = _money(part.signed, part.currency, credit=part.credit) if part.detail else ()
    return _node(
        "TxDtls",
        _node("Refs", _node("AcctSvcrRef", part.detail_reference), _node("EndToEndId", part.end_to_end_id)),
        *amounts,
        _node(
            "RltdPties",
            _node("Dbtr", _node("Pty", _node("Nm", part.payer_name))),
            _node("DbtrAcct", _account_id(part.payer_account)),
        ),
        _node(
            "RmtInf",
            *(_node("Ustrd", line) for line in part.remittance),
            _node("Strd", _node("CdtrRefInf", _node("Ref", part.creditor_reference))),
        ),
    )


def _money(signed: int, currency: str, *, credit: bool = True) -> tuple[etree._Element | None, ...]:
    """Amt and CdtDbtInd; `credit` is the direction of nothing at all."""
    amount = _node("Amt", _major(abs(signed), currency))
    assert amount is not None
    amount.set("Ccy", currency)
    return amount, _node("CdtDbtInd", "CRDT" if signed > 0 or (signed == 0 and credit) else "DBIT")


def _account_id(account: str) -> etree._Element | None:
    if iban.is_valid(account) and account == iban.compact(account):
        return _node("Id", _node("IBAN", account))
    return _node("Id", _node("Othr", _node("Id", account)))


def _major(minor: int, currency: str) -> str:
    return str(Decimal(minor).scaleb(-decimals(currency)))


def _written(moment: datetime) -> str:
    return moment.isoformat()


def _node(name: str, *contents: etree._Element | str | None) -> etree._Element | None:
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
