"""What a bank tells us, whichever file it came in: statements, their entries, and why a file was not taken (D34).

Amounts are integers of minor units (D19). Text that the bank did not give is the empty string.
"""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from hashlib import sha256
from itertools import groupby
from operator import attrgetter

NO_REFERENCE = {"", "NONREF", "NOREF", "NOTPROVIDED", "NOT PROVIDED"}


class Kind(StrEnum):
    """What a message says about the account."""

    STATEMENT = "053"  # with balances, so that it can be proved
    NOTIFICATION = "054"  # entries only, usually hours earlier


class Flaw(StrEnum):
    """Why a file was not taken."""

    TOO_LARGE = "too_large"
    ENCODING = "encoding"
    DOCTYPE = "doctype"
    XINCLUDE = "xinclude"
    MALFORMED = "malformed"
    UNKNOWN_MESSAGE = "unknown_message"
    SCHEMA = "schema"
    TOO_MANY_PARTS = "too_many_parts"
    PART_TOO_LARGE = "part_too_large"
    AMOUNT = "amount"
    DATE = "date"
    CURRENCY_MIXED = "currency_mixed"
    BALANCE_MISSING = "balance_missing"
    BALANCE_MISMATCH = "balance_mismatch"
    COUNT_MISMATCH = "count_mismatch"
    SUM_MISMATCH = "sum_mismatch"
    DUPLICATE_STATEMENT = "duplicate_statement"


class UnsoundFile(Exception):
    """A file that must not post anything: its flaw, a sentence for the officer, and the line where it is known.

    The sentence never repeats a value from the file, because it goes into logs and screens.
    """

    def __init__(self, code: Flaw, reason: str, line: int | None = None) -> None:
        super().__init__(code, reason, line)
        self.code = code
        self.reason = reason
        self.line = line

    def __str__(self) -> str:
        return f"{self.reason} (line {self.line})" if self.line else self.reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One movement of money: a bank entry, or one transaction of a batch entry."""

    amount: int
    """Minor units, never negative."""
    currency: str
    credit: bool
    """Money came in. A reversal keeps its own direction: the reversal of a credit is a debit."""
    reversal: bool
    booked: bool
    booking_date: date
    """For an entry that is not booked yet, its value date or else the day of the file."""
    value_date: date | None
    bank_reference: str
    """The bank's own reference of the whole entry (AcctSvcrRef)."""
    entry_reference: str
    """NtryRef; often a mere position in the file, hence never an identity."""
    end_to_end_id: str
    creditor_reference: str
    """The structured reference the payer gave, as written."""
    remittance: tuple[str, ...]
    """The unstructured lines the payer gave."""
    payer_name: str
    payer_account: str
    line: int
    """The bank entry's place in its statement, from 1."""
    detail: int
    """The transaction's place in a batch entry, from 1; 0 where the entry stands for itself."""
    detail_reference: str
    """The bank's own reference of one transaction of a batch."""
    bank_entry: str = ""
    """Identity of the whole bank entry; equal for all transactions of a batch, with or without its details."""
    fingerprint: str = ""
    """Identity of this movement: what has been posted under it must not be posted again."""
    direct_debit: bool = False
    """We collected it, so that the payer can call it back (D36)."""
    payer_bank: str = ""
    """Its clearing number: a routing number, or four digits in Japan."""
    payer_branch: str = ""
    """Three digits in Japan, else empty."""

    @property
    def signed(self) -> int:
        """Minor units added to the account."""
        return self.amount if self.credit else -self.amount

    @property
    def is_receipt(self) -> bool:
        """Money someone paid us: booked, incoming, and not the reversal of a payment of ours (D34)."""
        return self.booked and self.credit and not self.reversal


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One statement or notification of one account."""

    kind: Kind
    message_id: str
    statement_id: str
    sequence: int | None
    """The bank's electronic sequence number."""
    created_at: datetime
    """Aware; a time without an offset is taken as UTC."""
    covers_from: datetime | None
    covers_to: datetime | None
    account: str
    """IBAN or the bank's own account number."""
    currency: str
    """Empty only for a notification without entries that names none."""
    opening: int | None
    """Minor units, negative when overdrawn; None for notifications. So is `closing`."""
    closing: int | None
    opened_on: date | None
    closed_on: date | None
    entries: tuple[Entry, ...]


def identified(statements: Sequence[Statement], *, fresh: bool = False) -> tuple[Statement, ...]:
    """Give every entry of one file its identity (D34): copies of the entries, or themselves where nobody else has them.

    Where the bank gives a reference, identity is that reference with account, amount and direction: the notification
    and the later statement agree, and a reversal under the same reference stays apart. A statement that carries one
    reference twice proves by its balances that the money moved twice; a notification proves nothing and counts once.
    Without a reference, identity is the content and its ordinal among equal entries of account and booking day.
    """
    equals: Counter[str] = Counter()
    name = _name if fresh else _named_copy
    return tuple(replace(statement, entries=tuple(_identified(statement, equals, name))) for statement in statements)


type _Namer = Callable[[Entry, str, str], Entry]


def _named_copy(entry: Entry, bank_entry: str, fingerprint: str) -> Entry:
    return replace(entry, bank_entry=bank_entry, fingerprint=fingerprint)


def _name(entry: Entry, bank_entry: str, fingerprint: str) -> Entry:
    """In place: to copy all fields of a hundred thousand entries takes as long as to read them."""
    object.__setattr__(entry, "bank_entry", bank_entry)
    object.__setattr__(entry, "fingerprint", fingerprint)
    return entry


def _identified(statement: Statement, equals: Counter[str], name: _Namer) -> Iterator[Entry]:
    references: Counter[str] = Counter()
    for _, group in groupby(statement.entries, key=attrgetter("line")):
        parts = list(group)
        first = parts[0]
        whole = [statement.account, first.currency, sum(part.signed for part in parts), first.reversal]
        if _is_reference(first.bank_reference):
            key = _digest("reference", first.bank_reference, *whole)
            ordinal = references[f"{key}{first.booked}"] if statement.kind is Kind.STATEMENT else 0
            references[f"{key}{first.booked}"] += 1
        else:
            key = _digest("content", str(first.booking_date), str(first.value_date), *whole, *map(_content, parts))
            ordinal = equals[f"{key}{first.booked}"]
            equals[f"{key}{first.booked}"] += 1
        yield from _identified_parts(parts, _digest(key, ordinal) if ordinal else key, name)


def original_of(account: str, entry: Entry) -> str:
    """For a reversal under the bank's own reference of what it reverses, the identity of that bank entry; else ""."""
    if not entry.reversal or entry.detail or not _is_reference(entry.bank_reference):
        return ""
    return _digest("reference", entry.bank_reference, account, entry.currency, -entry.signed, False)


def _identified_parts(parts: list[Entry], bank_entry: str, name: _Namer) -> Iterator[Entry]:
    if parts[0].detail == 0:
        yield name(parts[0], bank_entry, bank_entry)
        return
    references = Counter(part.detail_reference for part in parts)
    equals: Counter[str] = Counter()
    for part in parts:
        if _is_reference(part.detail_reference) and references[part.detail_reference] == 1:
            key = _digest("reference", part.detail_reference)
        else:
            key = _digest("content", *_content(part))
        yield name(part, bank_entry, _digest(bank_entry, key, equals[key]))
        equals[key] += 1


def _is_reference(text: str) -> bool:
    return text.upper() not in NO_REFERENCE


def _content(entry: Entry) -> list[object]:
    return [
        entry.signed,
        entry.end_to_end_id,
        entry.creditor_reference,
        list(entry.remittance),
        entry.payer_name,
        entry.payer_account,
    ]


def _digest(*parts: object) -> str:
    return sha256(json.dumps(parts).encode()).hexdigest()


def total(entries: Iterable[Entry]) -> int:
    """Minor units the booked ones add to the account."""
    return sum(entry.signed for entry in entries if entry.booked)
