"""A small bank for these tests: sound statements, to be written as files and then spoiled one way at a time."""

from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from fund.payments.formats import camt
from fund.payments.formats.model import Entry, Kind, Statement, UnsoundFile, identified, total

SHARED = Path(__file__).parents[4].parent / "shared" / "data"
SAMPLES = SHARED / "iso20022" / "samples"
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason="the real sample files (../shared/data) are not here")


def entry(amount: int, **told: Any) -> Entry:
    """A booked credit in dollars unless told otherwise."""
    plain: dict[str, Any] = {
        "amount": amount,
        "currency": "USD",
        "credit": True,
        "reversal": False,
        "booked": True,
        "booking_date": date(2026, 4, 1),
        "value_date": date(2026, 4, 1),
        "bank_reference": "",
        "entry_reference": "",
        "end_to_end_id": "",
        "creditor_reference": "",
        "remittance": (),
        "payer_name": "",
        "payer_account": "",
        "line": 1,
        "detail": 0,
        "detail_reference": "",
    }
    return Entry(**plain | told)


def batch(*amounts: int, line: int = 1, **told: Any) -> list[Entry]:
    """One bank entry of several transactions."""
    return [entry(amount, line=line, detail=number, **told) for number, amount in enumerate(amounts, 1)]


def statement(*entries: Entry, kind: Kind = Kind.STATEMENT, opening: int = 100_000, **told: Any) -> Statement:
    """The statement these entries make; a notification has no balances."""
    has_balances = kind is Kind.STATEMENT
    plain: dict[str, Any] = {
        "kind": kind,
        "message_id": "MSG-1",
        "statement_id": "STMT-1",
        "sequence": 1,
        "created_at": datetime(2026, 4, 1, 20, tzinfo=UTC),
        "covers_from": None,
        "covers_to": None,
        "account": "000123456789",
        "currency": entries[0].currency if entries else "USD",
        "opening": opening if has_balances else None,
        "closing": opening + total(entries) if has_balances else None,
        "opened_on": date(2026, 4, 1) if has_balances else None,
        "closed_on": date(2026, 4, 1) if has_balances else None,
        "entries": entries,
    }
    return identified([Statement(**plain | told)])[0]


def refusal(data: bytes, **bounds: Any) -> UnsoundFile:
    """How the file is refused; fails where it is taken."""
    with pytest.raises(UnsoundFile) as caught:
        camt.read(data, **bounds)
    return caught.value


def spoiled(data: bytes, old: str, new: str) -> bytes:
    """The file with the first `old` replaced, which must be there."""
    assert old.encode() in data
    return data.replace(old.encode(), new.encode(), 1)
