"""Writing camt.053.001.08 and camt.054.001.08 (ISO 20022): what the demonstration's bank sends, and what tests read."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from operator import attrgetter

from lxml import etree

from fund.payments.formats.model import Entry, Kind, Statement
from fund.payments.formats.xml_writing import (
    account_id,
    amount_and_direction,
    document,
    node,
    to_major,
    written_moment,
)

ROOTS = {Kind.STATEMENT: ("BkToCstmrStmt", "Stmt"), Kind.NOTIFICATION: ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}


def write(statements: Sequence[Statement]) -> bytes:
    """One message of version 001.08 that holds these statements, all of one kind and message. Raises ValueError."""
    kinds = {(statement.kind, statement.message_id) for statement in statements}
    if len(kinds) != 1:
        raise ValueError("One file holds the statements of one message.")
    kind, message_id = kinds.pop()
    message, holder = ROOTS[kind]
    return document(
        f"camt.{kind}.001.08",
        node(
            message,
            node("GrpHdr", node("MsgId", message_id), node("CreDtTm", written_moment(statements[0].created_at))),
            *(_written_statement(holder, statement) for statement in statements),
        ),
    )


def _written_statement(holder: str, statement: Statement) -> etree._Element | None:
    currency = statement.currency
    groups = [list(parts) for _, parts in groupby(statement.entries, key=attrgetter("line"))]
    covers = (statement.covers_from, statement.covers_to)
    return node(
        holder,
        node("Id", statement.statement_id),
        node("ElctrncSeqNb", "" if statement.sequence is None else str(statement.sequence)),
        node("CreDtTm", written_moment(statement.created_at)),
        node("FrToDt", *(node(n, written_moment(t)) for n, t in zip(("FrDtTm", "ToDtTm"), covers, strict=True) if t)),
        node("Acct", account_id(statement.account), node("Ccy", currency)),
        _written_balance("OPBD", statement.opening, statement.opened_on, currency),
        _written_balance("CLBD", statement.closing, statement.closed_on, currency),
        _written_summary([sum(part.signed for part in parts) for parts in groups], currency),
        *map(_written_entry, groups),
    )


def _written_balance(code: str, amount: int | None, day: date | None, currency: str) -> etree._Element | None:
    if amount is None or day is None:
        return None
    kind = node("Tp", node("CdOrPrtry", node("Cd", code)))
    return node("Bal", kind, *amount_and_direction(amount, currency), node("Dt", node("Dt", day.isoformat())))


def _written_summary(signed: list[int], currency: str) -> etree._Element | None:
    def counted(name: str, amounts: list[int]) -> etree._Element | None:
        number = node("NbOfNtries", str(len(amounts)))
        return node(name, number, node("Sum", to_major(sum(map(abs, amounts)), currency)))

    return node(
        "TxsSummry",
        counted("TtlNtries", signed),
        counted("TtlCdtNtries", [amount for amount in signed if amount > 0]),
        counted("TtlDbtNtries", [amount for amount in signed if amount < 0]),
    )


def _written_entry(parts: list[Entry]) -> etree._Element | None:
    first = parts[0]
    value_date = first.value_date.isoformat() if first.value_date else ""
    return node(
        "Ntry",
        node("NtryRef", first.entry_reference),
        *amount_and_direction(sum(part.signed for part in parts), first.currency, credit=first.credit),
        node("RvslInd", "true" if first.reversal else ""),
        node("Sts", node("Cd", "BOOK" if first.booked else "PDNG")),
        node("BookgDt", node("Dt", first.booking_date.isoformat())),
        node("ValDt", node("Dt", value_date)),
        node("AcctSvcrRef", first.bank_reference),
        node("BkTxCd", _written_direct_debit()) if first.direct_debit else etree.Element("BkTxCd"),
        node("NtryDtls", *map(_written_transaction, parts)),
    )


def _written_direct_debit() -> etree._Element | None:
    """Payments, direct debits that we issued, of one collection."""
    family = node("Fmly", node("Cd", "IDDT"), node("SubFmlyCd", "PMDD"))
    return node("Domn", node("Cd", "PMNT"), family)


def _written_transaction(part: Entry) -> etree._Element | None:
    amounts = amount_and_direction(part.signed, part.currency, credit=part.credit) if part.detail else ()
    return node(
        "TxDtls",
        node("Refs", node("AcctSvcrRef", part.detail_reference), node("EndToEndId", part.end_to_end_id)),
        *amounts,
        node(
            "RltdPties",
            node("Dbtr", node("Pty", node("Nm", part.payer_name))),
            node("DbtrAcct", account_id(part.payer_account)),
        ),
        node(
            "RmtInf",
            *(node("Ustrd", line) for line in part.remittance),
            node("Strd", node("CdtrRefInf", node("Ref", part.creditor_reference))),
        ),
    )
