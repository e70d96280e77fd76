"""Bank statements and notifications: camt.053 and camt.054, versions 001.02, .04 and .08 (ISO 20022, D33, D34).

`read` takes a file whole or raises UnsoundFile. A file passes the gate of `sound_xml` (size, UTF-8, no DTD, no
XInclude, schema rebuilt from pyiso20022), and its arithmetic must hold: opening + booked entries = closing, summaries
and batch counts tie, one currency a statement, no more decimals than that currency has.

Several transactions under one bank entry are read one by one when all carry an amount in the entry's currency; they
must add up to it. Without such amounts the entry stays whole and names no payer, since no one can tell whose part is
whose. A single transaction lends its references, while the entry's own amount stands, for that is what moved.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import chain
from typing import Any

from lxml import etree

from fund.payments.formats.camt_writing import ROOTS, write
from fund.payments.formats.minor_units import decimals
from fund.payments.formats.model import Entry, Flaw, Kind, Statement, UnsoundFile, identified, total
from fund.payments.formats.sound_xml import MAX_BYTES, admit, parts
from fund.payments.formats.xml_reading import (
    account_of,
    amount_of,
    amount_told,
    any_version,
    children,
    day_of,
    first_text,
    inner,
    local,
    moment_of,
    required,
    stripped,
    to_minor,
)

__all__ = ["MESSAGES", "read", "write"]

MESSAGES = tuple(f"camt.{kind}.001.{version}" for kind in Kind for version in ("02", "04", "08"))
NO_WORDS = dict.fromkeys(("end_to_end_id", "creditor_reference", "payer_name", "payer_account"), "") | {
    "remittance": ()
}
FAMILY = ("Domn", "Fmly", "Cd")
ISSUED_DIRECT_DEBITS = "IDDT"  # ISO 20022 external code set, family of bank transactions


@dataclass(slots=True)
class _Header:
    message_id: str
    created_at: datetime


@dataclass(slots=True)
class _Transaction:
    """One TxDtls: the payer's words, and an amount where the bank gives one."""

    amount: Decimal | None
    currency: str
    credit: bool | None
    bank_reference: str
    words: dict[str, Any]


def read(data: bytes, *, limit: int = MAX_BYTES) -> tuple[Statement, ...]:
    """All statements of a camt.053 or camt.054 file of at most `limit` bytes. Raises UnsoundFile (D34)."""
    message = admit(data, known=MESSAGES, limit=limit)
    kind = Kind(message[5:8])
    header = _Header("", datetime.min.replace(tzinfo=UTC))  # the schema puts GrpHdr first and wants it
    statements: list[Statement] = []
    transactions: list[_Transaction] = []
    in_these_details = 0
    lines: list[list[Entry]] = []  # one for each bank entry
    for name, element in parts(data, message, ("GrpHdr", "TxDtls", "NtryDtls", "Ntry", ROOTS[kind][1])):
        match name:
            case "GrpHdr":
                header = _Header(first_text(element, "MsgId"), moment_of(element, "CreDtTm"))
            case "TxDtls":
                transactions.append(_transaction(element))
                in_these_details += 1
            case "NtryDtls":
                _check_batch(element, transactions[len(transactions) - in_these_details :])
                in_these_details = 0
            case "Ntry":
                whole = _whole(element, line=len(lines) + 1, day=header.created_at.date())
                lines.append(_parts(whole, transactions, element.sourceline))
                transactions = []
            case _:
                statements.append(_statement(element, kind, header, lines))
                lines = []
    if len({(statement.account, statement.statement_id) for statement in statements}) < len(statements):
        raise UnsoundFile(Flaw.DUPLICATE_STATEMENT, "The file carries the same statement twice.")
    return identified(statements, fresh=True)


def _transaction(element: etree._Element) -> _Transaction:
    told = children(element)
    refs, parties, remittance = (children(told.get(name)) for name in ("Refs", "RltdPties", "RmtInf"))
    amount, currency = amount_told(told.get("Amt"))
    if not amount:
        amount, currency = amount_told(children(children(told.get("AmtDtls")).get("TxAmt")).get("Amt"))
    direction = stripped(told.get("CdtDbtInd"))
    end_to_end_id = stripped(refs.get("EndToEndId"))
    payer = children(parties.get("Dbtr"))
    told_bank = inner(told.get("RltdAgts"), "DbtrAgt", "FinInstnId", "ClrSysMmbId", "MmbId")
    return _Transaction(
        amount=amount or None,  # banks write 0 where they do not tell
        currency=currency,
        credit=direction == "CRDT" if direction else None,
        bank_reference=stripped(refs.get("AcctSvcrRef")),
        words={
            "end_to_end_id": "" if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
            "creditor_reference": stripped(inner(remittance.get("Strd"), "CdtrRefInf", "Ref")),
            "remittance": tuple(filter(None, map(stripped, told["RmtInf"].iterchildren("{*}Ustrd"))))
            if "Ustrd" in remittance
            else (),
            "payer_name": stripped((children(payer["Pty"]) if "Pty" in payer else payer).get("Nm")),
            "payer_account": account_of(parties["DbtrAcct"]) if "DbtrAcct" in parties else "",
            **_payer_bank(stripped(told_bank)),
        },
    )


def _payer_bank(number: str) -> dict[str, str]:
    """The payer's bank by its clearing number, which in Japan carries the branch in its last three digits."""
    return {"payer_bank": number[:4], "payer_branch": number[4:]} if len(number) == 7 else {"payer_bank": number}


def _whole(element: etree._Element, *, line: int, day: date) -> dict[str, Any]:
    """The bank entry itself, as the fields of an Entry, without what its transactions tell."""
    told = children(element)
    amount, currency = amount_of(told["Amt"])
    booked = stripped(inner(told["Sts"], "Cd") if len(told["Sts"]) else told["Sts"]) == "BOOK"
    booking_date = day_of(told.get("BookgDt"))
    value_date = day_of(told.get("ValDt"))
    if booked and not booking_date:
        raise UnsoundFile(Flaw.DATE, "A booked entry has no booking date.", element.sourceline)
    return {
        "amount": amount,
        "currency": currency,
        "credit": stripped(told["CdtDbtInd"]) == "CRDT",
        "reversal": stripped(told.get("RvslInd")) in ("true", "1"),
        "booked": booked,
        "booking_date": booking_date or value_date or day,
        "value_date": value_date,
        "bank_reference": stripped(told.get("AcctSvcrRef")),
        "entry_reference": stripped(told.get("NtryRef")),
        "line": line,
        "detail": 0,
        "detail_reference": "",
        "direct_debit": stripped(inner(told.get("BkTxCd"), *FAMILY)) == ISSUED_DIRECT_DEBITS,
    }


def _parts(whole: dict[str, Any], transactions: list[_Transaction], line: int | None) -> list[Entry]:
    """The movements of one bank entry: itself, or its transactions when they carry amounts."""
    if len(transactions) == 1:
        only = transactions[0]
        return [Entry(**whole | only.words | {"bank_reference": whole["bank_reference"] or only.bank_reference})]
    if not transactions or any(one.amount is None or one.currency != whole["currency"] for one in transactions):
        return [Entry(**whole | NO_WORDS)]
    parts = [
        Entry(
            **whole
            | one.words
            | {
                "amount": to_minor(one.amount, one.currency, line),
                "credit": whole["credit"] if one.credit is None else one.credit,
                "detail": number,
                "detail_reference": one.bank_reference,
            }
        )
        for number, one in enumerate(transactions, 1)
        if one.amount is not None
    ]
    if sum(part.signed for part in parts) != (whole["amount"] if whole["credit"] else -whole["amount"]):
        raise UnsoundFile(Flaw.SUM_MISMATCH, "The transactions of a batch do not add up to its entry.", line)
    return parts


def _statement(element: etree._Element, kind: Kind, header: _Header, lines: list[list[Entry]]) -> Statement:
    entries = list(chain.from_iterable(lines))
    balances = element.findall(any_version("Bal"))
    currency = _one_currency(element, balances, entries)
    opening = _balance(element, balances, "OPBD", "PRCD") if kind is Kind.STATEMENT else None
    closing = _balance(element, balances, "CLBD") if kind is Kind.STATEMENT else None
    if opening and closing and opening[0] + total(entries) != closing[0]:
        raise UnsoundFile(
            Flaw.BALANCE_MISMATCH, "Opening balance and entries do not make the closing balance.", element.sourceline
        )
    _check_summary(element, currency, lines)
    sequence = first_text(element, "ElctrncSeqNb")
    covered = element.find(any_version("FrToDt")) is not None
    return Statement(
        kind=kind,
        message_id=header.message_id,
        statement_id=first_text(element, "Id"),
        sequence=int(Decimal(sequence)) if sequence else None,
        created_at=moment_of(element, "CreDtTm") if first_text(element, "CreDtTm") else header.created_at,
        covers_from=moment_of(element, "FrToDt/FrDtTm") if covered else None,
        covers_to=moment_of(element, "FrToDt/ToDtTm") if covered else None,
        account=account_of(required(element, "Acct")),
        currency=currency,
        opening=opening[0] if opening else None,
        closing=closing[0] if closing else None,
        opened_on=opening[1] if opening else None,
        closed_on=closing[1] if closing else None,
        entries=tuple(entries),
    )


def _one_currency(element: etree._Element, balances: list[etree._Element], entries: list[Entry]) -> str:
    currencies = {first_text(element, "Acct/Ccy"), *(required(balance, "Amt").get("Ccy", "") for balance in balances)}
    currencies.update(entry.currency for entry in entries)
    currencies.discard("")
    if len(currencies) > 1:
        raise UnsoundFile(Flaw.CURRENCY_MIXED, "One statement mixes several currencies.", element.sourceline)
    return currencies.pop() if currencies else ""


def _balance(element: etree._Element, balances: list[etree._Element], *codes: str) -> tuple[int, date | None]:
    """Minor units and day of the balance of the first of these kinds that the bank gives."""
    for code in codes:
        found = [balance for balance in balances if first_text(balance, "Tp/CdOrPrtry/Cd") == code]
        if len(found) == 1:
            amount, _ = amount_of(required(found[0], "Amt"))
            return amount if first_text(found[0], "CdtDbtInd") == "CRDT" else -amount, day_of(found[0].find("{*}Dt"))
        if found:
            break
    raise UnsoundFile(
        Flaw.BALANCE_MISSING, f"The statement does not carry one booked balance {codes[0]}.", element.sourceline
    )


def _check_batch(element: etree._Element, transactions: list[_Transaction]) -> None:
    """NbOfTxs and TtlAmt tie with the transactions, where the bank lists them."""
    if not len(element) or local[element[0].tag] != "Btch":  # which the schema puts first
        return
    count = first_text(element, "Btch/NbOfTxs")
    if count and transactions and int(count) != len(transactions):
        raise UnsoundFile(
            Flaw.COUNT_MISMATCH, "A batch does not list as many transactions as it counts.", element.sourceline
        )
    claimed, currency = amount_told(element.find(any_version("Btch/TtlAmt")))
    if claimed is None or any(one.amount is None or one.currency != currency for one in transactions):
        return
    summed = sum((-one.amount if one.credit is False else one.amount) for one in transactions if one.amount is not None)
    if transactions and abs(summed) != claimed:
        raise UnsoundFile(Flaw.SUM_MISMATCH, "A batch does not add up to its own total.", element.sourceline)


def _check_summary(element: etree._Element, currency: str, lines: list[list[Entry]]) -> None:
    """TxsSummry ties. Banks differ on whether it counts entries not booked yet; both readings are taken."""
    summary = element.find(any_version("TxsSummry"))
    if summary is None:
        return
    booked = [parts for parts in lines if parts[0].booked]
    flaws = [
        _summary_flaw(summary, currency, [sum(part.signed for part in parts) for parts in counted])
        for counted in (booked, lines)
    ]
    if all(flaws):
        raise UnsoundFile(
            flaws[0] or Flaw.SUM_MISMATCH, "The summary does not tie with the entries.", summary.sourceline
        )


def _summary_flaw(summary: etree._Element, currency: str, signed: list[int]) -> Flaw | None:
    for name, counted in (
        ("TtlNtries", signed),
        ("TtlCdtNtries", [amount for amount in signed if amount > 0]),
        ("TtlDbtNtries", [amount for amount in signed if amount < 0]),
    ):
        count = first_text(summary, f"{name}/NbOfNtries")
        if count and int(count) != len(counted):
            return Flaw.COUNT_MISMATCH
        for path, expected in (
            (("Sum",), sum(map(abs, counted))),
            (("TtlNetNtry/Amt", "TtlNetNtryAmt"), abs(sum(counted))),
        ):
            claimed = first_text(summary, *(f"{name}/{one}" for one in path))
            if claimed and abs(Decimal(claimed)).scaleb(decimals(currency)) != expected:
                return Flaw.SUM_MISMATCH
    return None
