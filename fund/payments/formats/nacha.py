"""NACHA files (D33): PPD credits that we send, and the returns and notifications of change that come back (D36).

`read` takes a file whole or raises UnsoundFile: records in order and in full blocks, check digits right, traces
ascending, and counts, hashes and totals of every batch and of the file tie. `write` reads back what it wrote.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time
from itertools import pairwise

from stdnum.us import rtn

from fund.payments.formats.fixed_width import Record, lines, record
from fund.payments.formats.model import Flaw, UnsoundFile
from fund.payments.formats.nacha_model import (
    CHECKING,
    SAVINGS,
    AchBatch,
    AchEntry,
    AchFile,
    Addenda,
    Change,
    Payee,
    Return,
    ppd_credits,
)
from fund.payments.formats.nacha_records import (
    BLOCK,
    CHANGE,
    CREDITS,
    DEBITS,
    ENCODING,
    FILLING,
    LAYOUTS,
    LENGTH,
    MAY_FOLLOW,
    MIXED,
    PAYMENT_TEXT,
    RETURN,
    VERSION,
)
from fund.payments.formats.nacha_writing import totals, written

__all__ = [
    "CHECKING",
    "SAVINGS",
    "AchBatch",
    "AchEntry",
    "AchFile",
    "Addenda",
    "Change",
    "Payee",
    "Return",
    "answers",
    "ppd_credits",
    "read",
    "write",
]

RETURN_REASON = re.compile(r"R(?:0[1-9]|[1-7][0-9]|8[0-5])")
CHANGE_REASON = re.compile(r"C(?:0[1-9]|1[0-4])")
IS_ANSWERED = {"98": CHANGE_REASON, "99": RETURN_REASON}


@dataclass(slots=True)
class _Open:
    """A batch whose control record has not come yet."""

    header: Record
    entries: list[tuple[Record, list[Record]]] = field(default_factory=list)


def write(file: AchFile, *, ending: bytes = b"\r\n") -> bytes:
    """The file as bytes, having been read back. Raises ValueError for what it cannot carry, such as a wrong routing
    number, an amount over ten digits or a letter outside ASCII.
    """
    data = b"".join(line + ending for line in written(file))
    try:
        same = read(data) == file
    except UnsoundFile as flaw:
        raise ValueError(f"A NACHA file cannot carry these entries: {flaw}") from None
    if not same:
        raise ValueError("A NACHA file cannot carry all that these entries say.")
    return data


def read(data: bytes) -> AchFile:
    """A NACHA file of any kind of entry. Raises UnsoundFile (D34)."""
    told = lines(data, LENGTH)
    header: Record | None = None
    open_batch: _Open | None = None
    batches: list[AchBatch] = []
    for one in _ordered(told):
        match one.fields["mark"]:
            case "1":
                header = one
            case "5":
                open_batch = _Open(one)
            case "6" if open_batch:
                open_batch.entries.append((one, []))
            case "7" if open_batch:
                open_batch.entries[-1][1].append(one)
            case "8" if open_batch:
                batches.append(_batch(open_batch, one))
            case "9" if header:
                _check_file(one, batches, told)
                return _file(header, tuple(batches))
    raise UnsoundFile(Flaw.MALFORMED, "The file is cut off: it has no file control record.")


def answers(file: AchFile) -> tuple[Return | Change, ...]:
    """The returns and notifications of change in a file, in order. Entries that answer nothing are left out."""
    return tuple(
        _answer(entry, addenda)
        for batch in file.batches
        for entry in batch.entries
        for addenda in entry.addenda
        if addenda.type in IS_ANSWERED
    )


def _answer(entry: AchEntry, addenda: Addenda) -> Return | Change:
    layout = RETURN if addenda.type == "99" else CHANGE
    told = record(0, addenda.text.encode(ENCODING).ljust(76), layout, ENCODING)
    shared = {
        "reason": told.text("reason"),
        "original_trace": told.text("original_trace"),
        "original_bank": told.text("original_bank"),
        "routing": entry.routing,
        "account": entry.account,
        "name": entry.name,
        "identification": entry.identification,
        "trace": addenda.trace,
    }
    if addenda.type == "98":
        return Change(corrected=told.text("corrected"), **shared)
    return Return(
        amount=entry.amount,
        is_credit=entry.is_credit,
        died_on=_day(told, "died_on"),
        information=told.text("information"),
        **shared,
    )


def _ordered(told: list[bytes]) -> Iterator[Record]:
    """Every record up to the file control; what follows may only fill the last block."""
    before = ""
    for line, data in enumerate(told, 1):
        mark = chr(data[0])
        if mark not in MAY_FOLLOW[before]:
            raise UnsoundFile(Flaw.MALFORMED, "A record of the file is out of order.", line)
        if mark == "9" and any(rest != FILLING for rest in told[line:]):
            raise UnsoundFile(Flaw.MALFORMED, "The file goes on behind its control record.", line + 1)
        layout = PAYMENT_TEXT if data[:3] == b"705" else LAYOUTS[mark]
        yield record(line, data, layout, ENCODING)
        if mark == "9":
            return
        before = mark


def _file(header: Record, batches: tuple[AchBatch, ...]) -> AchFile:
    if header.fields["priority"] != "01" or any(header.fields[name] != value for name, value in VERSION.items()):
        raise header.unsound(Flaw.UNKNOWN_MESSAGE, "The file is not in the NACHA format of 94 characters.")
    at = header.text("created_at") or "0000"
    if not re.fullmatch("(?:[01][0-9]|2[0-3])[0-5][0-9]", at):
        raise header.unsound(Flaw.DATE, "The time of the file cannot be read.")
    return AchFile(
        destination=header.fields["destination"],
        origin=header.fields["origin"],
        created_at=datetime.combine(
            _read_day(header.fields["created_on"], header.unsound), time(int(at[:2]), int(at[2:]))
        ),
        batches=batches,
        **{name: header.text(name) for name in ("modifier", "destination_name", "origin_name", "reference")},
    )


def _batch(told: _Open, control: Record) -> AchBatch:
    header = told.header
    if any(header.fields[name] != control.fields[name] for name in ("service", "company_id", "bank", "number")):
        raise control.unsound(Flaw.SCHEMA, "A batch ends with the control record of another.")
    entries = tuple(_entry(*one) for one in told.entries)
    batch = AchBatch(
        effective_on=_day(header, "effective_on"),
        bank=header.digits("bank"),
        number=header.number("number"),
        entries=entries,
        **{
            name: header.text(name)
            for name in ("company_name", "company_data", "company_id", "kind", "description", "descriptive_date")
        },
        settled_on=header.text("settled_on"),
    )
    if any(left.trace >= right.trace for left, right in pairwise(entries)):
        raise control.unsound(Flaw.SCHEMA, "The trace numbers of a batch do not ascend.")
    _check_totals(control, totals([batch]))
    credits, debits = control.number("credits"), control.number("debits")
    service = header.fields["service"]
    if service not in (MIXED, CREDITS, DEBITS) or (service == CREDITS and debits) or (service == DEBITS and credits):
        raise header.unsound(Flaw.SCHEMA, "The service class of a batch does not fit its entries.")
    return batch


def _entry(told: Record, addenda: list[Record]) -> AchEntry:
    if not re.fullmatch("[1-9]{2}", told.fields["code"]):
        raise told.unsound(Flaw.SCHEMA, "The transaction code of an entry is unknown.")
    if not rtn.is_valid(told.digits("routing")):
        raise told.unsound(Flaw.SCHEMA, "The check digit of a routing number is wrong.")
    if told.fields["has_addenda"] != ("1" if addenda else "0"):
        raise told.unsound(Flaw.COUNT_MISMATCH, "An entry does not say rightly whether it has addenda.")
    trace = told.digits("trace")
    return AchEntry(
        amount=told.number("amount"),
        routing=told.fields["routing"],
        trace=trace,
        addenda=tuple(_addenda(one, place, trace) for place, one in enumerate(addenda, 1)),
        **{name: told.text(name) for name in ("code", "account", "identification", "name", "discretionary")},
    )


def _addenda(told: Record, place: int, trace: str) -> Addenda:
    kind = told.fields["type"]
    if kind == "05":
        if told.number("place") != place or told.fields["entry"] != trace[-7:]:
            raise told.unsound(Flaw.SCHEMA, "An addenda record belongs to another entry.")
        return Addenda(type=kind, text=told.text("text"))
    text = told.text("text")
    if kind in IS_ANSWERED and not (IS_ANSWERED[kind].fullmatch(text[:3]) and re.fullmatch("[0-9]{15}", text[3:18])):
        raise told.unsound(Flaw.SCHEMA, "A return or change names no reason or no original entry.")
    if kind == "99" and text[18:24].strip("0 "):
        _read_day(text[18:24], told.unsound)
    return Addenda(type=kind, text=text, trace=told.digits("trace"))


def _check_file(control: Record, batches: list[AchBatch], told: list[bytes]) -> None:
    if control.number("batches") != len(batches):
        raise control.unsound(Flaw.COUNT_MISMATCH, "The file does not count its batches.")
    if control.number("blocks") * BLOCK != len(told):
        raise control.unsound(Flaw.COUNT_MISMATCH, "The file does not count its blocks of ten records, or is not full.")
    if len(told) - control.line >= BLOCK:
        raise control.unsound(Flaw.COUNT_MISMATCH, "The file has a block that says nothing.")
    _check_totals(control, totals(batches))


def _check_totals(control: Record, expected: dict[str, int]) -> None:
    for name, value in expected.items():
        if control.number(name) != value:
            flaw = Flaw.COUNT_MISMATCH if name == "count" else Flaw.SUM_MISMATCH
            raise control.unsound(flaw, f"The control record's {name} does not tie with the entries.")


def _day(told: Record, name: str) -> date | None:
    return _read_day(told.fields[name], told.unsound) if told.fields[name].strip("0 ") else None


def _read_day(text: str, unsound: Callable[[Flaw, str], UnsoundFile]) -> date:
    try:
        if re.fullmatch("[0-9]{6}", text):
            return date(2000 + int(text[:2]), int(text[2:4]), int(text[4:]))
    except ValueError:
        pass
    raise unsound(Flaw.DATE, "A day cannot be read.")
