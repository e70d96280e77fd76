"""Zengin 総合振込: the transfers that are written are read again, and an unsound file is refused (D33, D34, D37)."""

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fund.payments.formats import zengin
from fund.payments.formats.kana import is_zengin
from fund.payments.formats.model import Flaw, UnsoundFile
from fund.payments.formats.zengin_transfers import DATA, HEADER, LAYOUTS
from tests.fund.payments.formats.bank import SHARED, needs_shared, spoiled

TODAY = date(2026, 4, 1)
SAMPLE = SHARED / "zengin" / "sougou-furikomi.sample.sjis.txt"
ENDINGS = {"CR": b"\r", "LF": b"\n", "CRLF": b"\r\n", "none": b""}


def transfer(amount: int = 10_000, **told: Any) -> zengin.Transfer:
    plain: dict[str, Any] = {
        "bank": "0001",
        "branch": "110",
        "account_type": "1",
        "account_number": "7654321",
        "payee": "ﾔﾏﾀﾞ ﾀﾛｳ",
        "amount": amount,
    }
    return zengin.Transfer(**plain | told)


def made(*transfers: zengin.Transfer, **told: Any) -> zengin.TransferFile:
    plain: dict[str, Any] = {
        "originator": "0110999999",
        "name": "ｶｹﾊｼ ﾌｱﾝﾄﾞ",
        "pay_on": TODAY,
        "bank": "0009",
        "bank_name": "ﾐﾂｲｽﾐﾄﾓ",
        "branch": "001",
        "branch_name": "ﾎﾝﾃﾝ",
        "account_type": "2",
        "account_number": "1234567",
        "transfers": transfers,
    }
    return zengin.TransferFile(**plain | told)


SOUND = zengin.write_transfers(made(transfer(10_000), transfer(2, message="1234567894", is_edi=True)))


def refusal(data: bytes) -> UnsoundFile:
    with pytest.raises(UnsoundFile) as caught:
        zengin.read_transfers(data, today=TODAY)
    return caught.value


def names(length: int, least: int = 0) -> st.SearchStrategy[str]:
    text = st.text("アイウエオガパッャーABCabc１２()，．-／「」 　", max_size=60)
    narrow = st.text("ｱｲｳｶﾞﾊﾟAZ09().-/｢｣ \\", min_size=least, max_size=length)
    return narrow if least else text | narrow


def digits(length: int) -> st.SearchStrategy[str]:
    return st.integers(0, 10**length - 1).map(lambda number: f"{number:0{length}}")


ACCOUNT = {
    "bank": digits(4),
    "bank_name": names(15),
    "branch": digits(3),
    "branch_name": names(15),
    "account_type": st.sampled_from("1249"),
    "account_number": digits(7),
}
TRANSFERS = st.builds(
    zengin.Transfer,
    **ACCOUNT,
    payee=st.just("ヤマダ　タロウ") | names(30, 1).filter(lambda name: bool(name.strip())),
    amount=st.integers(1, 10**10 - 1),
    message=st.text("ｱｲｳABC019 -", max_size=20),
    is_edi=st.booleans(),
)
FILES = st.builds(
    zengin.TransferFile,
    **ACCOUNT,
    originator=digits(10),
    name=names(40),
    pay_on=st.dates(TODAY - timedelta(days=180), TODAY + timedelta(days=180)),
    transfers=st.lists(TRANSFERS, min_size=1, max_size=6).map(tuple),
)


@settings(max_examples=150, deadline=None)
@given(file=FILES, ending=st.sampled_from(sorted(ENDINGS)))
def test_what_is_written_is_read_again(file: zengin.TransferFile, ending: str) -> None:
    data = zengin.write_transfers(file)
    carried = zengin.in_half_width(file)
    lines = data.split(b"\r\n")
    assert lines.pop() == b"" and {len(line) for line in lines} == {120}
    assert zengin.read_transfers(ENDINGS[ending].join(lines), today=TODAY) == carried
    assert zengin.write_transfers(carried) == data
    assert all(is_zengin(one.payee) and one.payee for one in carried.transfers)


@needs_shared
def test_the_published_sample() -> None:
    data = SAMPLE.read_bytes()
    file = zengin.read_transfers(data, today=date(2026, 3, 1))
    assert [one.amount for one in file.transfers] == [1, 2, 3]
    assert (file.pay_on, file.originator, file.name) == (date(2026, 2, 24), "0110999999", "ｷﾔﾂｼﾕ ﾀﾛｳ")
    assert [one.payee for one in file.transfers] == ["ｷﾔﾂｼ ｼﾖｳｼﾞ", "ｷﾔﾂｼ ﾊﾅｺ", "ｷﾔﾂｼ ｼﾞﾛｳ"]
    again = zengin.write_transfers(file)
    assert zengin.read_transfers(again, today=file.pay_on) == file
    for mine, theirs in zip(again.split(b"\r\n"), data.split(b"\n"), strict=False):
        # what they leave blank and we fill: the clearing house (0000) and the means (7, by wire)
        known = [place for place in range(len(theirs)) if not (theirs[:1] == b"2" and place in (*range(38, 42), 111))]
        assert all(mine[place] == theirs[place] for place in known)


def test_every_layout_has_120_places() -> None:
    for layout in (HEADER, DATA, LAYOUTS.trailer, LAYOUTS.end):
        assert sum(length for _, length in layout) == 120


def test_the_bytes_are_jis_x0201_with_crlf() -> None:
    lines = SOUND.split(b"\r\n")
    assert lines[0].startswith(b"12100110999999" + "ｶｹﾊｼ ﾌｱﾝﾄﾞ".encode("shift_jis"))
    assert lines[0][54:58] == b"0401"
    assert lines[1][50:91] == "ﾔﾏﾀﾞ ﾀﾛｳ".encode("shift_jis").ljust(30) + b"0000010000" + b"0"
    assert lines[2][91:113] == b"1234567894          7Y"
    assert lines[3].rstrip() == b"8" + b"000002" + b"000000010002"
    assert lines[4].rstrip() == b"9" and lines[5] == b""


def test_names_are_narrowed_and_cut_between_letters() -> None:
    long = "ガ" * 20
    file = zengin.in_half_width(made(transfer(payee=long), transfer(payee="ｱ" + long)))
    assert [one.payee for one in file.transfers] == ["ｶﾞ" * 15, "ｱ" + "ｶﾞ" * 14]


@pytest.mark.parametrize(
    "bad",
    [
        made(),
        made(transfer(0)),
        made(transfer(-5)),
        made(transfer(10**10)),
        made(*[transfer(10**10 - 1)] * 101),
        made(transfer(payee="山田太郎")),
        made(transfer(payee="")),
        made(transfer(message="ｱ" * 21)),
        made(transfer(bank="1")),
        made(transfer(bank="00012")),
        made(transfer(branch="１１０")),
        made(transfer(account_type="3")),
        made(transfer(account_number="12345678")),
        made(transfer(account_number="")),
        made(transfer(), originator="1"),
    ],
)
def test_what_a_file_cannot_carry_is_not_written(bad: zengin.TransferFile) -> None:
    with pytest.raises(ValueError, match="."):
        zengin.write_transfers(bad)
    assert zengin.write_transfers(made(transfer(10**10 - 1, payee="ヤマダ タロウ", message="ｱ" * 20)))  # the control


@pytest.mark.parametrize(
    ("old", "new", "code", "line"),
    [
        ("121", "111", Flaw.UNKNOWN_MESSAGE, 1),
        ("1210", "1211", Flaw.ENCODING, 1),
        ("0110999999", "01109 9999", Flaw.SCHEMA, 1),
        ("040100", "043100", Flaw.DATE, 1),
        ("040100", "000000", Flaw.DATE, 1),
        ("21234567", "31234567", Flaw.SCHEMA, 1),
        ("\r\n20001", "\r\n30001", Flaw.MALFORMED, 2),
        ("\r\n20001", "\r\n20 01", Flaw.SCHEMA, 2),
        ("00000100000", "000001000X0", Flaw.SCHEMA, 2),
        ("00000100000", "00000100010", Flaw.SUM_MISMATCH, 4),
        ("00000000020", "00000000000", Flaw.AMOUNT, 3),
        ("8000002", "8000003", Flaw.COUNT_MISMATCH, 4),
        ("000000010002", "000000010003", Flaw.SUM_MISMATCH, 4),
        ("8000002", "9000002", Flaw.MALFORMED, 4),
        ("\r\n9", "\r\n8", Flaw.MALFORMED, 5),
    ],
)
def test_one_fault_refuses_the_file(old: str, new: str, code: Flaw, line: int) -> None:
    refused = refusal(spoiled(SOUND, old, new))
    assert (refused.code, refused.line) == (code, line)


def test_a_file_cut_off_anywhere_is_refused() -> None:
    last = SOUND.rindex(b"\r\n9") + 3
    assert zengin.read_transfers(SOUND[:last], today=TODAY)
    for length in [*range(0, last, 5), last - 1]:
        refusal(SOUND[:length])


def test_several_accounts_in_one_file_are_refused() -> None:
    body = SOUND[: SOUND.rindex(b"9 ")]
    assert refusal(body + SOUND).code is Flaw.COUNT_MISMATCH


@pytest.mark.parametrize(
    ("today", "pay_on"),
    [
        (date(2026, 12, 28), date(2027, 1, 4)),
        (date(2027, 1, 4), date(2026, 12, 28)),
        (date(2028, 2, 1), date(2028, 2, 29)),
    ],
)
def test_the_year_of_the_day_is_the_nearest(today: date, pay_on: date) -> None:
    data = zengin.write_transfers(made(transfer(), pay_on=pay_on))
    assert zengin.read_transfers(data, today=today).pay_on == pay_on


def test_reading_tells_the_file_that_was_written_and_no_other() -> None:
    file = zengin.read_transfers(SOUND, today=TODAY)
    assert file != replace(file, transfers=file.transfers[:1])
    assert file.transfers[1] == transfer(2, message="1234567894", is_edi=True)
