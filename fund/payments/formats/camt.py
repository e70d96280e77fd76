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
from functools import cache
from itertools import chain
from typing import Any

from lxml import etree

from fund.payments.formats.camt_writing import ROOTS, write
from fund.payments.formats.minor_units import decimals
from fund.payments.formats.model import Entry, Flaw, Kind, Statement, UnsoundFile, identified, total
from fund.payments.formats.sound_xml import MAX_BYTES, admit, parts

__all__ = ["MESSAGES", "read", "write"]

MESSAGES = tuple(f"camt.{kind}.001.{version}" for kind in Kind for version in ("02", "04", "08"))
LARGEST = 2**63 - 1
NO_WORDS = dict.fromkeys(("end_to_end_id", "creditor_reference", "payer_name", "payer_account"), "") | {
    "remittance": ()
}
FAMILY = "{*}Domn/{*}Fmly/{*}Cd"
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
    for element in parts(data, message, ("GrpHdr", "TxDtls", "NtryDtls", "Ntry", ROOTS[kind][1])):
        match etree.QName(element).localname:
            case "GrpHdr":
                header = _Header(_text(element, "MsgId"), _moment(element, "CreDtTm"))
            case "TxDtls":
                transactions.append(_transaction(element))
                transactions[-1].words.update(_payer_bank(element))
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
    return identified(statements)


def _transaction(element: etree._Element) -> _Transaction:
    told = _children(element)
    refs, parties, remittance = (_children(told.get(name)) for name in ("Refs", "RltdPties", "RmtInf"))
    amount, currency = _optional_amount(told.get("Amt"))
    if not amount:
        amount, currency = _optional_amount(_children(_children(told.get("AmtDtls")).get("TxAmt")).get("Amt"))
    direction = _stripped(told.get("CdtDbtInd"))
    end_to_end_id = _stripped(refs.get("EndToEndId"))
    payer = _children(parties.get("Dbtr"))
    return _Transaction(
        amount=amount or None,  # banks write 0 where they do not tell
        currency=currency,
        credit=direction == "CRDT" if direction else None,
        bank_reference=_stripped(refs.get("AcctSvcrRef")),
        words={
            "end_to_end_id": "" if end_to_end_id == "NOTPROVIDED" else end_to_end_id,
            "creditor_reference": _text(remittance["Strd"], "CdtrRefInf/Ref") if "Strd" in remittance else "",
            "remittance": tuple(filter(None, map(_stripped, told["RmtInf"].iterchildren("{*}Ustrd"))))
            if "Ustrd" in remittance
            else (),
            "payer_name": _stripped((_children(payer["Pty"]) if "Pty" in payer else payer).get("Nm")),
            "payer_account": _account(parties["DbtrAcct"]) if "DbtrAcct" in parties else "",
        },
    )


def _payer_bank(element: etree._Element) -> dict[str, str]:
    """The payer's bank by its clearing number, which in Japan carries the branch in its last three digits."""
    agent = element.find("{*}RltdAgts/{*}DbtrAgt/{*}FinInstnId/{*}ClrSysMmbId/{*}MmbId")
    number = "" if agent is None else (agent.text or "").strip()
    return {"payer_bank": number[:4], "payer_branch": number[4:]} if len(number) == 7 else {"payer_bank": number}


def _whole(element: etree._Element, *, line: int, day: date) -> dict[str, Any]:
    """The bank entry itself, as the fields of an Entry, without what its transactions tell."""
    told = _children(element)
    amount, currency = _amount(told["Amt"])
    booked = _stripped(_children(told["Sts"]).get("Cd", told["Sts"])) == "BOOK"
    booking_date = _day(told.get("BookgDt"))
    value_date = _day(told.get("ValDt"))
    if booked and not booking_date:
        raise UnsoundFile(Flaw.DATE, "A booked entry has no booking date.", element.sourceline)
    return {
        "amount": amount,
        "currency": currency,
        "credit": _stripped(told["CdtDbtInd"]) == "CRDT",
        "reversal": _stripped(told.get("RvslInd")) in ("true", "1"),
        "booked": booked,
        "booking_date": booking_date or value_date or day,
        "value_date": value_date,
        "bank_reference": _stripped(told.get("AcctSvcrRef")),
        "entry_reference": _stripped(told.get("NtryRef")),
        "line": line,
        "detail": 0,
        "detail_reference": "",
        "direct_debit": "BkTxCd" in told and told["BkTxCd"].findtext(FAMILY) == ISSUED_DIRECT_DEBITS,
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
                "amount": _minor(one.amount, one.currency, line),
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
    balances = element.findall(_path("Bal"))
    currency = _one_currency(element, balances, entries)
    opening = _balance(element, balances, "OPBD", "PRCD") if kind is Kind.STATEMENT else None
    closing = _balance(element, balances, "CLBD") if kind is Kind.STATEMENT else None
    if opening and closing and opening[0] + total(entries) != closing[0]:
        raise UnsoundFile(
            Flaw.BALANCE_MISMATCH, "Opening balance and entries do not make the closing balance.", element.sourceline
        )
    _check_summary(element, currency, lines)
    sequence = _text(element, "ElctrncSeqNb")
    covered = element.find(_path("FrToDt")) is not None
    return Statement(
        kind=kind,
        message_id=header.message_id,
        statement_id=_text(element, "Id"),
        sequence=int(Decimal(sequence)) if sequence else None,
        created_at=_moment(element, "CreDtTm") if _text(element, "CreDtTm") else header.created_at,
        covers_from=_moment(element, "FrToDt/FrDtTm") if covered else None,
        covers_to=_moment(element, "FrToDt/ToDtTm") if covered else None,
        account=_account(_required(element, "Acct")),
        currency=currency,
        opening=opening[0] if opening else None,
        closing=closing[0] if closing else None,
        opened_on=opening[1] if opening else None,
        closed_on=closing[1] if closing else None,
        entries=tuple(entries),
    )


def _one_currency(element: etree._Element, balances: list[etree._Element], entries: list[Entry]) -> str:
    currencies = {_text(element, "Acct/Ccy"), *(_required(balance, "Amt").get("Ccy", "") for balance in balances)}
    currencies.update(entry.currency for entry in entries)
    currencies.discard("")
    if len(currencies) > 1:
        raise UnsoundFile(Flaw.CURRENCY_MIXED, "One statement mixes several currencies.", element.sourceline)
    return currencies.pop() if currencies else ""


def _balance(element: etree._Element, balances: list[etree._Element], *codes: str) -> tuple[int, date | None]:
    """Minor units and day of the balance of the first of these kinds that the bank gives."""
    for code in codes:
        found = [balance for balance in balances if _text(balance, "Tp/CdOrPrtry/Cd") == code]
        if len(found) == 1:
            amount, _ = _amount(_required(found[0], "Amt"))
            return amount if _text(found[0], "CdtDbtInd") == "CRDT" else -amount, _day(found[0].find("{*}Dt"))
        if found:
            break
    raise UnsoundFile(
        Flaw.BALANCE_MISSING, f"The statement does not carry one booked balance {codes[0]}.", element.sourceline
    )


def _check_batch(element: etree._Element, transactions: list[_Transaction]) -> None:
    """NbOfTxs and TtlAmt tie with the transactions, where the bank lists them."""
    count = _text(element, "Btch/NbOfTxs")
    if count and transactions and int(count) != len(transactions):
        raise UnsoundFile(
            Flaw.COUNT_MISMATCH, "A batch does not list as many transactions as it counts.", element.sourceline
        )
    claimed, currency = _optional_amount(element.find(_path("Btch/TtlAmt")))
    if claimed is None or any(one.amount is None or one.currency != currency for one in transactions):
        return
    summed = sum((-one.amount if one.credit is False else one.amount) for one in transactions if one.amount is not None)
    if transactions and abs(summed) != claimed:
        raise UnsoundFile(Flaw.SUM_MISMATCH, "A batch does not add up to its own total.", element.sourceline)


def _check_summary(element: etree._Element, currency: str, lines: list[list[Entry]]) -> None:
    """TxsSummry ties. Banks differ on whether it counts entries not booked yet; both readings are taken."""
    summary = element.find(_path("TxsSummry"))
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
        count = _text(summary, f"{name}/NbOfNtries")
        if count and int(count) != len(counted):
            return Flaw.COUNT_MISMATCH
        for path, expected in (
            (("Sum",), sum(map(abs, counted))),
            (("TtlNetNtry/Amt", "TtlNetNtryAmt"), abs(sum(counted))),
        ):
            claimed = _text(summary, *(f"{name}/{one}" for one in path))
            if claimed and abs(Decimal(claimed)).scaleb(decimals(currency)) != expected:
                return Flaw.SUM_MISMATCH
    return None


def _account(element: etree._Element) -> str:
    return _text(element, "Id/IBAN", "Id/Othr/Id")


def _amount(found: etree._Element) -> tuple[int, str]:
    """Minor units and currency of an Amt."""
    currency = found.get("Ccy", "")
    return _minor(Decimal(_stripped(found)), currency, found.sourceline), currency


def _optional_amount(found: etree._Element | None) -> tuple[Decimal | None, str]:
    return (None, "") if found is None else (Decimal(_stripped(found)), found.get("Ccy", ""))


def _minor(amount: Decimal, currency: str, line: int | None) -> int:
    places = decimals(currency)
    exponent = amount.as_tuple().exponent
    if not isinstance(exponent, int) or -exponent > places:
        raise UnsoundFile(Flaw.AMOUNT, f"An amount has more decimals than {currency} has ({places}).", line)
    minor = int(amount.scaleb(places))
    if minor > LARGEST:
        raise UnsoundFile(Flaw.AMOUNT, "An amount is too large.", line)
    return minor


def _day(element: etree._Element | None) -> date | None:
    """The day as the bank wrote it, in its own time."""
    if element is None:
        return None
    try:
        return date.fromisoformat(_stripped(element[0])[:10])  # Dt or DtTm
    except ValueError as error:
        raise UnsoundFile(Flaw.DATE, "A date cannot be read.", element.sourceline) from error


def _moment(element: etree._Element, path: str) -> datetime:
    try:
        moment = datetime.fromisoformat(_text(element, path))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise UnsoundFile(Flaw.DATE, f"The time {path} cannot be read.", element.sourceline) from error


def _text(element: etree._Element, *paths: str) -> str:
    """The first of these that is there, without the white space around it."""
    for path in paths:
        found = element.find(_path(path))
        if found is not None and (text := _stripped(found)):
            return text
    return ""


def _required(element: etree._Element, name: str) -> etree._Element:
    """A child that the schema has proved to be there."""
    return next(element.iterchildren(f"{{*}}{name}"))


def _children(element: etree._Element | None) -> dict[str, etree._Element]:
    """The first child of each name, which is faster than to find them one by one."""
    if element is None:
        return {}
    return {child.tag.rpartition("}")[2]: child for child in element.iterchildren(reversed=True)}


def _stripped(element: etree._Element | None) -> str:
    return "" if element is None else (element.text or "").strip()


@cache
def _path(path: str) -> str:
    """The same path in whichever version's namespace."""
    return "/".join(f"{{*}}{name}" for name in path.split("/"))
