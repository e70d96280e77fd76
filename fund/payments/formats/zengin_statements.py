"""Zengin files that tell of our account (D33, D34): 振込入金通知 (01), transfers that came in, and 入出金取引明細
(03), all movements with balances. Records have 200 bytes; amounts are whole yen; days are days in Japan, in its era.

The inquiry number (照会番号) is unique within a day at most, and may begin again with each notice. Together with the
day and the payer it identifies the entry (`referenced`). Nothing promises that a bank gives one transfer the same
number in its notices and in its statements, so one account should be read from one of the two.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from hashlib import sha256
from typing import Any

from fund.payments.formats.fixed_width import Layout, Record, compose
from fund.payments.formats.kana import from_wareki, to_wareki
from fund.payments.formats.model import Entry, Flaw, Kind, Statement, UnsoundFile, identified, total
from fund.payments.formats.zengin_records import ENCODING, Layouts, Section, message_type, sections

JAPAN = timezone(timedelta(hours=9))
AHEAD = timedelta(days=31)
CORRECTION = "19"  # 取引区分 訂正
TRANSFER = "11"  # 取引区分 振込
POSITIVE, OVERDRAWN = "1", "2"  # 貸越区分
LARGEST_NARROW = 10**10 - 1  # what the ten places of a notice hold; format B has twelve

ACCOUNT: Layout = (("bank", 4), ("bank_name", 15), ("branch", 3), ("branch_name", 15))
PERIOD: Layout = (
    ("mark", 1), ("type", 2), ("code", 1), ("created", 6), ("covers_from", 6), ("covers_to", 6), *ACCOUNT,
)  # fmt: skip
NOTICE = Layouts(
    length=200,
    header=(*PERIOD, ("account_type", 1), ("account_number", 7), ("account_name", 40), ("rest", 93)),
    data=(
        ("mark", 1), ("inquiry", 6), ("booked", 6), ("value", 6), ("amount", 10), ("cheques", 10), ("payer_code", 10),
        ("payer_name", 48), ("payer_bank", 15), ("payer_branch", 15), ("cancelled", 1), ("wide", 72),
    ),
    trailer=(("mark", 1), ("count", 6), ("sum", 12), ("cancelled_count", 6), ("cancelled_sum", 12), ("rest", 163)),
    end=(("mark", 1), ("rest", 199)),
)  # fmt: skip
STATEMENT = Layouts(
    length=200,
    header=(
        *PERIOD, ("reserved", 3), ("account_type", 1), ("account_number", 10), ("account_name", 40), ("sign", 1),
        ("passbook", 1), ("balance", 14), ("rest", 71),
    ),
    data=(
        ("mark", 1), ("inquiry", 8), ("booked", 6), ("value", 6), ("direction", 1), ("kind", 2), ("amount", 12),
        ("cheques", 12), ("presented", 6), ("dishonoured", 6), ("cheque_kind", 1), ("cheque_number", 7),
        ("cheque_branch", 3), ("payer_code", 10), ("payer_name", 48), ("payer_bank", 15), ("payer_branch", 15),
        ("summary", 20), ("edi", 20), ("rest", 1),
    ),
    trailer=(
        ("mark", 1), ("in_count", 6), ("in_sum", 13), ("out_count", 6), ("out_sum", 13), ("sign", 1), ("balance", 14),
        ("count", 7), ("rest", 139),
    ),
    end=(("mark", 1), ("records", 10), ("accounts", 5), ("rest", 184)),
)  # fmt: skip
LAYOUTS = {"01": NOTICE, "03": STATEMENT}
KINDS = {"01": Kind.NOTIFICATION, "03": Kind.STATEMENT}


def read(data: bytes, *, today: date) -> tuple[Statement, ...]:
    """All accounts of a 振込入金通知 or 入出金取引明細. Raises UnsoundFile (D34).

    `today` is any day near the file's: eras are not written, and no date lies more than a month behind it.
    """
    kind = message_type(data)
    if kind not in LAYOUTS:
        raise UnsoundFile(Flaw.UNKNOWN_MESSAGE, "The file is neither a Zengin notice (01) nor a statement (03).", 1)
    found, end = sections(data, LAYOUTS[kind])
    if any(section.header.fields["type"] != kind for section in found):
        raise UnsoundFile(Flaw.UNKNOWN_MESSAGE, "The file mixes several kinds of Zengin messages.")
    if kind == "03":
        _check_end(end, found)
    told = [_statement(section, KINDS[kind], today + AHEAD) for section in found]
    if len({(one.account, one.covers_from, one.covers_to) for one in told}) < len(told):
        raise UnsoundFile(Flaw.DUPLICATE_STATEMENT, "The file carries the same statement twice.")
    return identified(told)


def account(bank: str, branch: str, account_type: str, number: str) -> str:
    """What these files call an account, such as "0001-001-1-1234567"; 03 writes its number with zeros in front."""
    return f"{bank}-{branch}-{account_type}-{number.lstrip('0').zfill(7)}"


def _statement(section: Section, kind: Kind, not_after: date) -> Statement:
    header = section.header
    read_one = _notice_entry if kind is Kind.NOTIFICATION else _entry
    entries = referenced([read_one(record, line, not_after) for line, record in enumerate(section.data, 1)])
    if kind is Kind.NOTIFICATION:
        _check_notice(section.trailer, entries)
    else:
        _check_statement(header, section.trailer, entries)
    covers_from, covers_to = (_day(header, name, not_after) for name in ("covers_from", "covers_to"))
    has_balances = kind is Kind.STATEMENT
    return Statement(
        kind=kind,
        message_id="",
        statement_id="",
        sequence=None,
        created_at=_moment(_required_day(header, "created", not_after), time.min),
        covers_from=_moment(covers_from, time.min) if covers_from else None,
        covers_to=_moment(covers_to, time(23, 59, 59)) if covers_to else None,
        account=account(*(header.digits(name) for name in ("bank", "branch", "account_type", "account_number"))),
        currency="JPY",
        opening=_balance(header) if has_balances else None,
        closing=_balance(section.trailer) if has_balances else None,
        opened_on=covers_from if has_balances else None,
        closed_on=covers_to if has_balances else None,
        entries=entries,
    )


def _notice_entry(record: Record, line: int, not_after: date) -> Entry:
    amount, edi = _notice_amount(record)
    if record.fields["cancelled"] not in "01 ":
        raise record.unsound(Flaw.SCHEMA, "The mark of a cancelled transfer is neither 0 nor 1.")
    is_cancelled = record.fields["cancelled"] == "1"
    told = {"amount": amount, "credit": not is_cancelled, "reversal": is_cancelled}
    return Entry(**told | _common(record, line, not_after, [edi]))


def _notice_amount(record: Record) -> tuple[int, str]:
    """Yen and EDI text. Format B leaves the ten places of the amount at zero and has twelve further behind."""
    narrow, wide = record.number("amount"), record.fields["wide"]
    if narrow == 0 and wide[:24].isascii() and wide[:24].isdigit():
        return int(wide[:12]), wide[24:44].rstrip(" ")
    return narrow, wide[:20].rstrip(" ")


def _entry(record: Record, line: int, not_after: date) -> Entry:
    if record.fields["direction"] not in ("1", "2"):
        raise record.unsound(Flaw.SCHEMA, "The direction of a movement is neither 1 nor 2.")
    told: dict[str, Any] = {
        "amount": record.number("amount"),
        "credit": record.fields["direction"] == "1",
        "reversal": record.fields["kind"] == CORRECTION,
    }
    return Entry(**told | _common(record, line, not_after, [record.text("summary"), record.text("edi")]))


def _common(record: Record, line: int, not_after: date, remittance: list[str]) -> dict[str, Any]:
    """What both kinds tell. The payer's name stays as it is, with the number that D27 asks to put before it."""
    payer_code = record.text("payer_code")
    return {
        "currency": "JPY",
        "booked": True,
        "booking_date": _required_day(record, "booked", not_after),
        "value_date": _day(record, "value", not_after),
        "bank_reference": "",  # see `referenced`
        "entry_reference": record.text("inquiry"),
        "end_to_end_id": payer_code if payer_code.strip("0") else "",
        "creditor_reference": "",
        "remittance": tuple(filter(None, remittance)),
        "payer_name": record.text("payer_name"),
        "payer_account": "/".join(filter(None, (record.text("payer_bank"), record.text("payer_branch")))),
        "line": line,
        "detail": 0,
        "detail_reference": "",
    }


def referenced(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """The entries of one account, each with the `bank_reference` that identifies it (D34); empty without a number.

    It is made of booking day, inquiry number and payer. The trailer proves that equal ones are different movements, so
    a bank that numbers nothing apart makes nobody lose the second of two equal payments: it gets an ordinal.
    """
    equals: Counter[tuple[str, int, bool]] = Counter()
    found = []
    for entry in entries:
        reference = _reference(entry)
        key = (reference, entry.signed, entry.reversal)
        equals[key] += 1
        ordinal = f"-{equals[key]}" if reference and equals[key] > 1 else ""
        found.append(replace(entry, bank_reference=reference + ordinal))
    return tuple(found)


def _reference(entry: Entry) -> str:
    number = entry.entry_reference.lstrip("0 ")
    payer = sha256(entry.payer_name.encode()).hexdigest()[:8]
    return f"{entry.booking_date:%Y%m%d}-{number}-{payer}" if number else ""


def _check_notice(trailer: Record, entries: Sequence[Entry]) -> None:
    for names, counted in (
        (("count", "sum"), [entry for entry in entries if entry.credit]),
        (("cancelled_count", "cancelled_sum"), [entry for entry in entries if not entry.credit]),
    ):
        _check_totals(trailer, *names, counted)


def _check_statement(header: Record, trailer: Record, entries: Sequence[Entry]) -> None:
    _check_totals(trailer, "in_count", "in_sum", [entry for entry in entries if entry.credit])
    _check_totals(trailer, "out_count", "out_sum", [entry for entry in entries if not entry.credit])
    if trailer.number("count") != len(entries):
        raise trailer.unsound(Flaw.COUNT_MISMATCH, "The trailer does not count its data records.")
    if _balance(header) + total(entries) != _balance(trailer):
        raise trailer.unsound(Flaw.BALANCE_MISMATCH, "Opening balance and entries do not make the closing balance.")


def _check_totals(trailer: Record, count: str, amount: str, entries: Sequence[Entry]) -> None:
    if trailer.number(count) != len(entries):
        raise trailer.unsound(Flaw.COUNT_MISMATCH, f"The trailer's {count} does not tie with the entries.")
    if trailer.number(amount) != sum(entry.amount for entry in entries):
        raise trailer.unsound(Flaw.SUM_MISMATCH, f"The trailer's {amount} does not tie with the entries.")


def _check_end(end: Record, found: list[Section]) -> None:
    """Banks differ on whether the end record counts itself; both readings are taken."""
    if end.number("records") not in (end.line - 1, end.line) or end.number("accounts") != len(found):
        raise end.unsound(Flaw.COUNT_MISMATCH, "The end record does not count the records and accounts of the file.")


def _balance(record: Record) -> int:
    if record.fields["sign"] not in (POSITIVE, OVERDRAWN):
        raise record.unsound(Flaw.BALANCE_MISSING, "A balance does not say whether it is overdrawn.")
    return -record.number("balance") if record.fields["sign"] == OVERDRAWN else record.number("balance")


def _day(record: Record, name: str, not_after: date) -> date | None:
    if not record.fields[name].strip("0 "):
        return None
    try:
        return from_wareki(record.fields[name], not_after=not_after)
    except ValueError:
        raise record.unsound(Flaw.DATE, f"The date {name} cannot be read.") from None


def _required_day(record: Record, name: str, not_after: date) -> date:
    day = _day(record, name, not_after)
    if day is None:
        raise record.unsound(Flaw.DATE, f"The date {name} is missing.")
    return day


def _moment(day: date, at: time) -> datetime:
    return datetime.combine(day, at, JAPAN).astimezone(UTC)


def write(statements: Sequence[Statement]) -> bytes:
    """A file that holds these statements, all of one kind: what the demonstration's bank sends, and what tests read.

    Raises ValueError for what such a file cannot carry, because it would not read back the same.
    """
    kinds = {statement.kind for statement in statements}
    if len(kinds) != 1:
        raise ValueError("One file holds statements of one kind.")
    write_one = _written_notice if kinds.pop() is Kind.NOTIFICATION else _written_statement
    told = [line for statement in statements for line in write_one(statement)]
    if write_one is _written_notice:
        told.append(compose(NOTICE.end, ENCODING, mark="9"))
    else:
        end = {"records": len(told) + 1, "accounts": len(statements)}
        told.append(compose(STATEMENT.end, ENCODING, mark="9", **end))
    data = b"".join(line + b"\r\n" for line in told)
    try:
        same = read(data, today=_in_japan(statements[0].created_at)) == tuple(statements)
    except UnsoundFile as flaw:
        raise ValueError(f"A Zengin file cannot carry these statements: {flaw}") from None
    if not same:
        raise ValueError("A Zengin file cannot carry all that these statements say.")
    return data


def _written_notice(statement: Statement) -> Iterator[bytes]:
    yield compose(NOTICE.header, ENCODING, **_written_header(statement, "01", 7))
    for entry in statement.entries:
        is_wide = entry.amount > LARGEST_NARROW
        edi = " ".join(entry.remittance)
        yield compose(
            NOTICE.data,
            ENCODING,
            amount=0 if is_wide else entry.amount,
            wide=f"{entry.amount:012}{0:012}{edi}" if is_wide else edi,
            cancelled="1" if entry.reversal else "0",
            **_written_entry(entry),
        )
    totals = {**_written_totals(statement, "", credit=True), **_written_totals(statement, "cancelled_", credit=False)}
    yield compose(NOTICE.trailer, ENCODING, mark="8", **totals)


def _written_statement(statement: Statement) -> Iterator[bytes]:
    opening = _written_balance(statement.opening)
    header = _written_header(statement, "03", 10) | {"reserved": 0, "passbook": "1"}
    yield compose(STATEMENT.header, ENCODING, **header | opening)
    for entry in statement.entries:
        summary, edi = (*entry.remittance, "", "")[:2]
        yield compose(
            STATEMENT.data,
            ENCODING,
            kind=CORRECTION if entry.reversal else TRANSFER,
            direction="1" if entry.credit else "2",
            amount=entry.amount,
            summary=summary,
            edi=edi,
            **_written_entry(entry),
        )
    totals = {**_written_totals(statement, "in_", credit=True), **_written_totals(statement, "out_", credit=False)}
    closing = _written_balance(statement.closing)
    yield compose(STATEMENT.trailer, ENCODING, mark="8", count=len(statement.entries), **totals, **closing)


def _written_header(statement: Statement, kind: str, width: int) -> dict[str, str | int]:
    bank, branch, account_type, number = statement.account.split("-")
    covers = (statement.covers_from, statement.covers_to)
    since, until = (to_wareki(_in_japan(moment)) if moment else "" for moment in covers)
    return {
        "mark": "1", "type": kind, "code": "0", "created": to_wareki(_in_japan(statement.created_at)),
        "covers_from": since, "covers_to": until, "bank": bank, "branch": branch, "account_type": account_type,
        "account_number": number.zfill(width),
    }  # fmt: skip


def _written_entry(entry: Entry) -> dict[str, str | int]:
    bank, _, branch = entry.payer_account.partition("/")
    return {
        "mark": "2", "inquiry": entry.entry_reference, "booked": to_wareki(entry.booking_date),
        "value": to_wareki(entry.value_date) if entry.value_date else 0, "cheques": 0,
        "payer_code": entry.end_to_end_id or 0, "payer_name": entry.payer_name, "payer_bank": bank,
        "payer_branch": branch,
    }  # fmt: skip


def _written_totals(statement: Statement, side: str, *, credit: bool) -> dict[str, int]:
    amounts = [entry.amount for entry in statement.entries if entry.credit is credit]
    return {f"{side}count": len(amounts), f"{side}sum": sum(amounts)}


def _written_balance(balance: int | None) -> dict[str, str | int]:
    if balance is None:
        raise ValueError("A Zengin statement (03) has its opening and closing balance.")
    return {"sign": OVERDRAWN if balance < 0 else POSITIVE, "balance": abs(balance)}


def _in_japan(moment: datetime) -> date:
    return moment.astimezone(JAPAN).date()
