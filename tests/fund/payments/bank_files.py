"""A small bank for these tests: what it writes is real camt, read by the same reader as the real banks'."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from itertools import count
from pathlib import Path
from typing import Any

from django.db import connection

from fund.payments.formats import camt
from fund.payments.formats.model import Entry, Kind, Statement, total

SAMPLES = Path(__file__).parents[3].parent / "shared" / "data" / "iso20022" / "samples"
NOW = datetime(2027, 1, 13, 9, tzinfo=UTC)
TODAY = date(2027, 1, 12)
USD, JPY = "DEMO-USD-001", "DEMO-JPY-001"

_numbers = count(1)


def entry(amount: int, **told: Any) -> Entry:
    """A booked credit in dollars with a bank reference of its own, unless told otherwise."""
    plain: dict[str, Any] = {
        "amount": amount,
        "currency": "USD",
        "credit": True,
        "reversal": False,
        "booked": True,
        "booking_date": TODAY,
        "value_date": TODAY,
        "bank_reference": f"BANK-{next(_numbers)}",
        "entry_reference": "",
        "end_to_end_id": "",
        "creditor_reference": "",
        "remittance": (),
        "payer_name": "",
        "payer_account": "",
        "line": next(_numbers),
        "detail": 0,
        "detail_reference": "",
    }
    return Entry(**plain | told)


def statement(*entries: Entry, account: str = USD, kind: Kind = Kind.STATEMENT, **told: Any) -> Statement:
    """A statement that proves itself, of a day that opened with 1,000,000 minor units."""
    proved = kind is Kind.STATEMENT
    plain: dict[str, Any] = {
        "kind": kind,
        "message_id": "MSG",
        "statement_id": f"STMT-{next(_numbers)}",
        "sequence": None,
        "created_at": NOW,
        "covers_from": None,
        "covers_to": None,
        "account": account,
        "currency": entries[0].currency if entries else "USD",
        "opening": 1_000_000 if proved else None,
        "closing": 1_000_000 + total(entries) if proved else None,
        "opened_on": TODAY if proved else None,
        "closed_on": TODAY if proved else None,
        "entries": entries,
    }
    return Statement(**plain | told)


def file(*entries: Entry, **told: Any) -> bytes:
    """One statement as a camt.053 (or camt.054) file."""
    return camt.write([statement(*entries, **told)])


def files_of(statements: Sequence[Statement]) -> bytes:
    return camt.write(statements)


def everything_in(table: str) -> str:
    """A table as text, every column, as anyone would read it who gets hold of a copy."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT coalesce(string_agg(to_jsonb(t)::text, ''), '') FROM {table} t")
        (text,) = cursor.fetchone()
    return text
