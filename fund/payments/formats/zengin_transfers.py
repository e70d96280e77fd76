"""Zengin 総合振込 (21): the transfers we ask our bank in Japan to make, in records of 120 bytes (D33, D37).

Half-width kana in JIS X 0201, as Shift_JIS writes it, and CRLF. The file names its day without the year.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

from fund.payments.formats.fixed_width import Layout, Record, compose
from fund.payments.formats.kana import cut, to_zengin
from fund.payments.formats.model import Flaw, UnsoundFile
from fund.payments.formats.zengin_records import ENCODING, Layouts, message_type, sections

TYPE = "21"
BY_WIRE = "7"  # 振込指定区分 電信
ACCOUNT_TYPES = "1249"  # 普通 当座 貯蓄 その他
HALF_A_YEAR = timedelta(days=183)

HEADER: Layout = (
    ("mark", 1), ("type", 2), ("code", 1), ("originator", 10), ("name", 40), ("day", 4), ("bank", 4),
    ("bank_name", 15), ("branch", 3), ("branch_name", 15), ("account_type", 1), ("account_number", 7), ("rest", 17),
)  # fmt: skip
DATA: Layout = (
    ("mark", 1), ("bank", 4), ("bank_name", 15), ("branch", 3), ("branch_name", 15), ("clearing_house", 4),
    ("account_type", 1), ("account_number", 7), ("payee", 30), ("amount", 10), ("new", 1), ("message", 20),
    ("means", 1), ("is_edi", 1), ("rest", 7),
)  # fmt: skip
LAYOUTS = Layouts(
    length=120,
    header=HEADER,
    data=DATA,
    trailer=(("mark", 1), ("count", 6), ("sum", 12), ("rest", 101)),
    end=(("mark", 1), ("rest", 119)),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """One payee. Names may be given in any katakana; the file carries them half-width and cut to their places."""

    bank: str
    """Four digits; `branch` three, `account_number` seven."""
    bank_name: str = ""
    branch: str
    branch_name: str = ""
    account_type: str
    """1 普通, 2 当座, 4 貯蓄, 9 その他."""
    account_number: str
    payee: str
    amount: int
    """Yen, above zero."""
    message: str = ""
    """Up to 20 characters: EDI information for the payee, or else a customer code for ourselves."""
    is_edi: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferFile:
    """Transfers from one account on one day."""

    originator: str
    """The ten digits our bank knows us by (委託者コード)."""
    name: str
    pay_on: date
    bank: str
    bank_name: str = ""
    branch: str
    branch_name: str = ""
    account_type: str
    account_number: str
    transfers: tuple[Transfer, ...]


def write_transfers(file: TransferFile) -> bytes:
    """The file as bytes, having been read back. Raises ValueError for what it cannot carry, such as kanji (D37)."""
    file = in_half_width(file)
    data = b"".join(line + b"\r\n" for line in _lines(file))
    try:
        same = read_transfers(data, today=file.pay_on) == file
    except UnsoundFile as flaw:
        raise ValueError(f"A Zengin file cannot carry these transfers: {flaw}") from None
    if not same:
        raise ValueError("A Zengin file cannot carry all that these transfers say.")
    return data


def in_half_width(file: TransferFile) -> TransferFile:
    """The same file with its names as it carries them. Raises ValueError for kanji."""

    def carried(name: str, length: int) -> str:
        return cut(to_zengin(name), length).rstrip()

    transfers = (
        replace(
            one,
            payee=carried(one.payee, 30),
            bank_name=carried(one.bank_name, 15),
            branch_name=carried(one.branch_name, 15),
            message=to_zengin(one.message).rstrip(),
        )
        for one in file.transfers
    )
    return replace(
        file,
        name=carried(file.name, 40),
        bank_name=carried(file.bank_name, 15),
        branch_name=carried(file.branch_name, 15),
        transfers=tuple(transfers),
    )


def _lines(file: TransferFile) -> Iterator[bytes]:
    yield compose(
        HEADER,
        ENCODING,
        mark="1",
        type=TYPE,
        code="0",
        originator=file.originator,
        name=file.name,
        day=f"{file.pay_on:%m%d}",
        **_written_account(file),
    )
    for one in file.transfers:
        yield compose(
            DATA,
            ENCODING,
            mark="2",
            clearing_house=0,
            payee=one.payee,
            amount=one.amount,
            new="0",
            message=one.message,
            means=BY_WIRE,
            is_edi="Y" if one.is_edi else "",
            **_written_account(one),
        )
    amounts = [one.amount for one in file.transfers]
    yield compose(LAYOUTS.trailer, ENCODING, mark="8", count=len(amounts), sum=sum(amounts))
    yield compose(LAYOUTS.end, ENCODING, mark="9")


def _written_account(one: Transfer | TransferFile) -> dict[str, str]:
    names = ("bank", "bank_name", "branch", "branch_name", "account_type", "account_number")
    return {name: getattr(one, name) for name in names}


def read_transfers(data: bytes, *, today: date) -> TransferFile:
    """The transfers of a 総合振込 file; its day is the one nearest to `today`. Raises UnsoundFile."""
    if message_type(data) != TYPE:
        raise UnsoundFile(Flaw.UNKNOWN_MESSAGE, "The file holds no Zengin transfers (21).", 1)
    found, _ = sections(data, LAYOUTS)
    if len(found) != 1:
        raise UnsoundFile(Flaw.COUNT_MISMATCH, "One file holds the transfers from one account.")
    header, told, trailer = found[0].header, found[0].data, found[0].trailer
    transfers = tuple(map(_transfer, told))
    if trailer.number("count") != len(transfers) or not transfers:
        raise trailer.unsound(Flaw.COUNT_MISMATCH, "The trailer does not count the transfers.")
    if trailer.number("sum") != sum(one.amount for one in transfers):
        raise trailer.unsound(Flaw.SUM_MISMATCH, "The trailer does not add up the transfers.")
    return TransferFile(
        originator=header.digits("originator"),
        name=header.text("name"),
        pay_on=_nearest(header, today),
        transfers=transfers,
        **_account(header),
    )


def _transfer(record: Record) -> Transfer:
    amount = record.number("amount")
    if amount == 0:
        raise record.unsound(Flaw.AMOUNT, "A transfer of nothing.")
    if not record.text("payee"):
        raise record.unsound(Flaw.SCHEMA, "A transfer names no payee.")
    return Transfer(
        payee=record.text("payee"),
        amount=amount,
        message=record.text("message"),
        is_edi=record.fields["is_edi"] == "Y",
        **_account(record),
    )


def _account(record: Record) -> dict[str, str]:
    if not re.fullmatch(f"[{ACCOUNT_TYPES}]", record.fields["account_type"]):
        raise record.unsound(Flaw.SCHEMA, "The kind of an account (預金種目) is none of 1, 2, 4 and 9.")
    digits = {name: record.digits(name) for name in ("bank", "branch", "account_number")}
    text = {name: record.text(name) for name in ("bank_name", "branch_name", "account_type")}
    return digits | text


def _nearest(header: Record, today: date) -> date:
    day = header.digits("day")
    for year in (today.year - 1, today.year, today.year + 1):
        try:
            found = date(year, int(day[:2]), int(day[2:]))
        except ValueError:
            continue
        if abs(found - today) <= HALF_A_YEAR:
            return found
    raise header.unsound(Flaw.DATE, "The day of the transfers cannot be read.")
