"""What the bank in Japan tells (01, 03): read as written, in every encoding and line ending, or refused (D33, D34)."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fund.payments.formats import fixed_width, zengin, zengin_statements
from fund.payments.formats.kana import to_wareki
from fund.payments.formats.model import Entry, Flaw, Kind, Statement, UnsoundFile, identified, total
from fund.payments.formats.zengin_statements import LAYOUTS
from tests.fund.payments.formats.bank import SHARED, entry, needs_shared

TODAY = date(2026, 4, 1)
ACCOUNT = "0001-001-1-1234567"
ENDINGS = {"CR": b"\r", "LF": b"\n", "CRLF": b"\r\n", "none": b""}
KANA = st.text("アイウカﾞｱｲｳｶﾞﾟABC019().- 髙", max_size=16)
WORDS = KANA.map(str.strip).filter(lambda text: len(text.encode("cp932")) <= 20)
DAYS = st.dates(date(2021, 1, 1), date(2026, 4, 30))


def movement(amount: int, **told: Any) -> Entry:
    """A booked credit in yen."""
    return entry(amount, **{"currency": "JPY", "entry_reference": "000001", **told})


def made(*entries: Entry, kind: Kind = Kind.STATEMENT, opening: int = 1_000, **told: Any) -> Statement:
    has_balances = kind is Kind.STATEMENT
    plain: dict[str, Any] = {
        "kind": kind,
        "message_id": "",
        "statement_id": "",
        "sequence": None,
        "created_at": datetime(2026, 3, 31, 15, tzinfo=UTC),  # 1 April in Japan
        "covers_from": datetime(2026, 3, 31, 15, tzinfo=UTC),
        "covers_to": datetime(2026, 4, 1, 14, 59, 59, tzinfo=UTC),
        "account": ACCOUNT,
        "currency": "JPY",
        "opening": opening if has_balances else None,
        "closing": opening + total(entries) if has_balances else None,
        "opened_on": TODAY if has_balances else None,
        "closed_on": TODAY if has_balances else None,
        "entries": zengin.referenced([replace(one, line=line) for line, one in enumerate(entries, 1)]),
    }
    return identified([Statement(**plain | told)])[0]


NOTICE = zengin.write([made(movement(5_000), movement(700, entry_reference="000002"), kind=Kind.NOTIFICATION)])
STATEMENT = zengin.write([made(movement(5_000), movement(700, entry_reference="00000002", credit=False))])


def refusal(data: bytes) -> UnsoundFile:
    with pytest.raises(UnsoundFile) as caught:
        zengin.read(data, today=TODAY)
    return caught.value


def changed(data: bytes, line: int, name: str, value: str) -> bytes:
    """The file with one field of one line, counted from 1, overwritten."""
    lines = data.split(b"\r\n")
    layout = LAYOUTS[data[1:3].decode()].of(chr(lines[line - 1][0]))
    start = 0
    for field, length in layout:
        if field == name:
            written = value.encode("cp932").ljust(length)
            assert len(written) == length and lines[line - 1][start : start + length] != written
            lines[line - 1] = lines[line - 1][:start] + written + lines[line - 1][start + length :]
            return b"\r\n".join(lines)
        start += length
    raise AssertionError(name)


# ---------------------------------------------------------------------------------------------------------- round trips


@st.composite
def statements(draw: st.DrawFn) -> list[Statement]:
    kind = draw(st.sampled_from(Kind))
    width = 6 if kind is Kind.NOTIFICATION else 8
    most = 10**11  # so that the sum of four has its twelve places
    found = []
    for number in range(draw(st.integers(1, 3))):
        entries = []
        for _ in range(draw(st.integers(0, 4))):
            reversal = draw(st.booleans())
            bank, branch = draw(WORDS)[:7].strip(), draw(WORDS)[:7].strip()
            words = draw(st.lists(WORDS.filter(bool), max_size=1 if kind is Kind.NOTIFICATION else 2))
            entries.append(
                movement(
                    draw(st.integers(1, most)),
                    credit=not reversal if kind is Kind.NOTIFICATION else draw(st.booleans()),
                    reversal=reversal,
                    booking_date=draw(DAYS),
                    value_date=draw(st.none() | DAYS),
                    entry_reference=draw(
                        st.just("") | st.integers(0, 10**width - 1).map(lambda n, w=width: f"{n:0{w}}")
                    ),
                    end_to_end_id=draw(st.just("") | st.integers(1, 10**10 - 1).map("{:010}".format)),
                    remittance=tuple(words),
                    payer_name=draw(st.just("") | st.just("1234567894ﾔﾏﾀﾞ ﾀﾛｳ") | WORDS),
                    payer_account="/".join(filter(None, (bank, branch))),
                )
            )
        since = draw(st.none() | DAYS)
        covers = datetime(since.year, since.month, since.day, tzinfo=UTC) - timedelta(hours=9) if since else None
        until = covers + timedelta(hours=23, minutes=59, seconds=59) if covers else None
        has_balances = kind is Kind.STATEMENT
        found.append(
            made(
                *entries,
                kind=kind,
                opening=draw(st.integers(-(10**10), 10**10)),
                account=f"0001-001-{draw(st.sampled_from('1249'))}-{number}234567",
                covers_from=covers,
                covers_to=until,
                opened_on=since if has_balances else None,
                closed_on=since if has_balances else None,
            )
        )
    return list(identified(found))


@settings(max_examples=150, deadline=None)
@given(written=statements(), ending=st.sampled_from(sorted(ENDINGS)), trimmed=st.booleans())
def test_what_is_written_is_read_again(written: list[Statement], ending: str, trimmed: bool) -> None:
    data = zengin.write(written)
    assert zengin.read(data, today=TODAY) == tuple(written)
    lines = data.split(b"\r\n")[:-1]
    assert {len(line) for line in lines} == {200}
    if trimmed and ending != "none":
        lines = [line.rstrip(b" ") for line in lines]
    assert zengin.read(ENDINGS[ending].join(lines), today=TODAY) == tuple(written)


@pytest.mark.parametrize("data", [NOTICE, STATEMENT], ids=["01", "03"])
@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("last", [b"", b"\r\n", b"\n", b"\x1a", b"\r\n\x1a"])
def test_line_endings(data: bytes, ending: str, last: bytes) -> None:
    assert zengin.read(data.removesuffix(b"\r\n").replace(b"\r\n", ENDINGS[ending]) + last, today=TODAY)


def test_mixed_line_endings_are_refused() -> None:
    refused = refusal(NOTICE.replace(b"\r\n", b"\n", 1))
    assert refused.code is Flaw.MALFORMED and "different" in refused.reason


@pytest.mark.parametrize("name", ["ﾔﾏﾀﾞ ﾀﾛｳ", "1234567894ﾔﾏﾀﾞ ﾀﾛｳ", "山田太郎", "髙﨑①～", "ヤマダ　タロウ"])
@pytest.mark.parametrize("kind", Kind)
def test_names_stay_as_they_are_in_shift_jis_and_ms932(name: str, kind: Kind) -> None:
    (read,) = zengin.read(zengin.write([made(movement(5, payer_name=name), kind=kind)]), today=TODAY)
    assert read.entries[0].payer_name == name and read.entries[0].is_receipt


def test_plain_shift_jis_is_the_same() -> None:
    name = "ﾔﾏﾀﾞ 山田太郎"
    assert name.encode("shift_jis") in zengin.write([made(movement(5, payer_name=name))])


@needs_shared
def test_the_layouts_are_the_published_ones() -> None:
    published = json.loads((SHARED / "zengin" / "layout_200byte_incoming.json").read_text())
    names = {"header": "header", "trailer": "trailer", "end": "end", "data": "data"}
    compared = 0
    for kind, layouts in LAYOUTS.items():
        for mine, theirs in names.items():
            told = published.get(f"{kind}_{theirs}", published.get(f"{kind}_{theirs}A"))
            widths = [length for _, length in getattr(layouts, mine)]
            assert sum(widths) == 200
            if told and (kind, mine) != ("01", "data"):
                assert widths == [length for _, length in told]
                compared += 1
    theirs = [length for _, length in published["01_dataA"]]
    assert [length for _, length in LAYOUTS["01"].data][:-1] == theirs[
        :-2
    ]  # EDI and what is behind it: formats A and B
    assert compared == 6
    format_a = zengin.write([made(movement(1_200, remittance=("EDI123",)), kind=Kind.NOTIFICATION)]).split(b"\r\n")[1]
    assert (format_a[19:29], format_a[128:134], format_a[148:]) == (b"0000001200", b"EDI123", b" " * 52)
    format_b = zengin.write([made(movement(10**10, remittance=("EDI123",)), kind=Kind.NOTIFICATION)]).split(b"\r\n")[1]
    assert (format_b[19:29], format_b[128:140], format_b[152:158]) == (b"0" * 10, b"010000000000", b"EDI123")


# ------------------------------------------------------------------------------------------------------------ refusals


@pytest.mark.parametrize("data", [NOTICE, STATEMENT], ids=["01", "03"])
def test_the_sound_files_are_taken(data: bytes) -> None:
    assert len(zengin.read(data, today=TODAY)[0].entries) == 2


COMMON = [
    (1, "type", "21", Flaw.UNKNOWN_MESSAGE),
    (1, "created", "990101", Flaw.DATE),
    (1, "created", "000000", Flaw.DATE),
    (1, "covers_to", "080230", Flaw.DATE),
    (1, "bank", "00 1", Flaw.SCHEMA),
    (1, "account_number", "", Flaw.SCHEMA),
    (2, "mark", "3", Flaw.MALFORMED),
    (2, "mark", "9", Flaw.MALFORMED),
    (2, "booked", "", Flaw.DATE),
    (2, "booked", "080532", Flaw.DATE),
    (2, "booked", "0８01", Flaw.DATE),
    (2, "value", "080631", Flaw.DATE),
    (2, "amount", "-1", Flaw.SCHEMA),
    (2, "amount", "", Flaw.SCHEMA),
    (2, "payer_name", "A\x00B", Flaw.ENCODING),
    (4, "mark", "2", Flaw.MALFORMED),
    (5, "mark", "8", Flaw.MALFORMED),
]
OF_NOTICES = [
    (2, "amount", "0000005001", Flaw.SUM_MISMATCH),
    (2, "cancelled", "1", Flaw.COUNT_MISMATCH),
    (2, "cancelled", "X", Flaw.SCHEMA),
    (4, "count", "000003", Flaw.COUNT_MISMATCH),
    (4, "sum", "000000005701", Flaw.SUM_MISMATCH),
    (4, "cancelled_count", "000001", Flaw.COUNT_MISMATCH),
    (4, "cancelled_sum", "000000000001", Flaw.SUM_MISMATCH),
]
OF_STATEMENTS = [
    (1, "balance", "00000000001001", Flaw.BALANCE_MISMATCH),
    (1, "sign", "2", Flaw.BALANCE_MISMATCH),
    (1, "sign", "", Flaw.BALANCE_MISSING),
    (2, "amount", "000000005001", Flaw.SUM_MISMATCH),
    (2, "direction", "2", Flaw.COUNT_MISMATCH),
    (2, "direction", "0", Flaw.SCHEMA),
    (4, "in_count", "000002", Flaw.COUNT_MISMATCH),
    (4, "in_sum", "0000000005001", Flaw.SUM_MISMATCH),
    (4, "out_count", "000002", Flaw.COUNT_MISMATCH),
    (4, "out_sum", "0000000000701", Flaw.SUM_MISMATCH),
    (4, "balance", "00000000005301", Flaw.BALANCE_MISMATCH),
    (4, "sign", "2", Flaw.BALANCE_MISMATCH),
    (4, "count", "0000003", Flaw.COUNT_MISMATCH),
    (5, "records", "0000000006", Flaw.COUNT_MISMATCH),
    (5, "accounts", "00002", Flaw.COUNT_MISMATCH),
    (5, "accounts", "", Flaw.SCHEMA),
]
FAULTS = [
    *((NOTICE, *fault) for fault in COMMON + OF_NOTICES),
    *((STATEMENT, *fault) for fault in COMMON + OF_STATEMENTS),
]


@pytest.mark.parametrize(("data", "line", "name", "value", "code"), FAULTS)
def test_one_fault_refuses_the_file(data: bytes, line: int, name: str, value: str, code: Flaw) -> None:
    refused = refusal(changed(data, line, name, value))
    assert refused.code is code
    assert value.strip() == "" or len(value) < 4 or value not in refused.reason  # no value of the file in the sentence


def test_the_line_of_the_fault_is_told() -> None:
    assert refusal(changed(NOTICE, 3, "amount", "X")).line == 3
    assert refusal(changed(STATEMENT, 4, "in_sum", "1".zfill(13))).line == 4


@pytest.mark.parametrize(
    ("check", "data", "line", "name", "value"),
    [
        ("_check_notice", NOTICE, 2, "amount", "0000005001"),
        ("_check_statement", STATEMENT, 2, "amount", "000000005001"),
        ("_check_end", STATEMENT, 5, "records", "0000000009"),
    ],
)
def test_without_its_check_a_false_sum_would_be_taken(
    monkeypatch: pytest.MonkeyPatch, check: str, data: bytes, line: int, name: str, value: str
) -> None:
    false = changed(data, line, name, value)
    refusal(false)
    monkeypatch.setattr(zengin_statements, check, lambda *_: None)
    assert zengin.read(false, today=TODAY)


def test_ebcdic_is_refused() -> None:
    assert refusal(b"1011" + NOTICE[4:]).code is Flaw.ENCODING


def test_half_a_character_is_refused() -> None:
    whole = changed(NOTICE, 2, "payer_name", "A" * 46 + "山")
    assert zengin.read(whole, today=TODAY)
    refused = refusal(whole.replace(b"AA\x8eR", b"AAA\x8e"))
    assert (refused.code, refused.line) == (Flaw.ENCODING, 2)


@pytest.mark.parametrize("data", [NOTICE, STATEMENT], ids=["01", "03"])
def test_a_file_cut_off_anywhere_is_refused(data: bytes) -> None:
    last = data.rindex(b"\r\n9") + 3
    told = last + 15 if data is STATEMENT else last  # the blanks behind may well be missing
    assert zengin.read(data[:told], today=TODAY) == zengin.read(data, today=TODAY)
    for length in range(0, told, 7):
        refusal(data[:length])
    refusal(data[: told - 1])


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_record_too_long_or_too_many_is_refused(ending: str) -> None:
    lines = NOTICE.removesuffix(b"\r\n").split(b"\r\n")
    assert refusal(ENDINGS[ending].join([*lines, lines[-1]])).code is Flaw.MALFORMED
    assert refusal(ENDINGS[ending].join([lines[0] + b" ", *lines[1:]])).code is Flaw.MALFORMED
    assert refusal(ENDINGS[ending].join([lines[0], lines[3], *lines[1:]])).code in (Flaw.MALFORMED, Flaw.COUNT_MISMATCH)


def test_an_empty_line_inside_is_refused() -> None:
    assert refusal(NOTICE.replace(b"\r\n", b"\r\n\r\n", 1)).code is Flaw.MALFORMED


def test_bounds() -> None:
    with pytest.raises(UnsoundFile) as large:
        fixed_width.lines(NOTICE, 200, limit=len(NOTICE) - 1)
    assert large.value.code is Flaw.TOO_LARGE and fixed_width.lines(NOTICE, 200, limit=len(NOTICE))
    with pytest.raises(UnsoundFile) as many:
        fixed_width.lines(b"1" * (fixed_width.MAX_PARTS + 1), 1)
    assert many.value.code is Flaw.TOO_MANY_PARTS and fixed_width.lines(b"1" * fixed_width.MAX_PARTS, 1)


def test_the_same_account_and_days_twice_are_refused() -> None:
    once = made(movement(5))
    other_day = replace(
        once, covers_from=once.covers_from and once.covers_from - timedelta(1), opened_on=TODAY - timedelta(1)
    )
    assert len(zengin.read(zengin.write(identified([once, other_day])), today=TODAY)) == 2
    with pytest.raises(ValueError, match="twice"):
        zengin.write(identified([once, once]))


def test_one_file_is_of_one_kind() -> None:
    with pytest.raises(ValueError, match="one kind"):
        zengin.write([made(), made(kind=Kind.NOTIFICATION)])
    both = NOTICE[: NOTICE.rindex(b"\r\n9")] + b"\r\n" + STATEMENT
    assert refusal(both).code in (Flaw.UNKNOWN_MESSAGE, Flaw.ENCODING, Flaw.SCHEMA, Flaw.DATE)


def test_nothing_that_reads_otherwise_is_written() -> None:
    with pytest.raises(ValueError, match="places"):
        zengin.write([made(movement(5, payer_name="ﾔ" * 49))])
    with pytest.raises(ValueError, match="carry"):
        zengin.write([made(movement(5, creditor_reference="RF361234567894"))])
    with pytest.raises(ValueError, match="carry"):
        zengin.write([made(movement(5), closing=7)])
    with pytest.raises(ValueError, match="cp932"):
        zengin.write([made(movement(5, payer_name="é"))])


# ------------------------------------------------------------------------------------------------------- what it means


def test_a_cancelled_transfer_takes_money_away_and_is_no_receipt() -> None:
    entries = (movement(5_000), movement(5_000, credit=False, reversal=True))
    (read,) = zengin.read(zengin.write([made(*entries, kind=Kind.NOTIFICATION)]), today=TODAY)
    assert [one.signed for one in read.entries] == [5_000, -5_000]
    assert [one.is_receipt for one in read.entries] == [True, False]
    assert read.entries[0].fingerprint != read.entries[1].fingerprint


def test_a_correction_is_a_reversal_in_either_direction() -> None:
    entries = (movement(5, reversal=True), movement(7, credit=False, reversal=True), movement(9))
    (read,) = zengin.read(zengin.write([made(*entries)]), today=TODAY)
    assert [(one.signed, one.is_receipt) for one in read.entries] == [(5, False), (-7, False), (9, True)]
    assert read.closing == 1_007


def test_an_overdrawn_account() -> None:
    (read,) = zengin.read(zengin.write([made(movement(300, credit=False), opening=100)]), today=TODAY)
    assert (read.opening, read.closing) == (100, -200)


def test_days_are_of_the_newest_era_that_has_them() -> None:
    assert to_wareki(date(2019, 4, 30)) == "310430"
    data = changed(NOTICE, 2, "booked", "310430")
    assert zengin.read(data, today=TODAY)[0].entries[0].booking_date == date(2019, 4, 30)
    assert zengin.read(NOTICE, today=TODAY)[0].entries[0].booking_date == TODAY


def test_the_end_record_may_count_itself_or_not() -> None:
    assert zengin.read(changed(STATEMENT, 5, "records", "0000000004"), today=TODAY)


def test_the_account_is_the_same_in_both_kinds() -> None:
    assert {zengin.read(data, today=TODAY)[0].account for data in (NOTICE, STATEMENT)} == {ACCOUNT}
    assert zengin.account("0001", "001", "1", "0001234567") == ACCOUNT


def fingerprints(*entries: Entry, change: Callable[[Statement], Statement] = lambda one: one) -> list[str]:
    (read,) = zengin.read(zengin.write([change(made(*entries, kind=Kind.NOTIFICATION))]), today=TODAY)
    return [one.fingerprint for one in read.entries]


def test_the_same_entry_in_two_notices_is_one() -> None:
    first, both = fingerprints(movement(5)), fingerprints(movement(5), movement(5, entry_reference="000002"))
    assert first[0] == both[0] and len(set(both)) == 2


def test_a_number_used_again_on_another_day_or_for_another_payer_is_another_entry() -> None:
    told = [
        movement(5),
        movement(5, booking_date=date(2026, 3, 31)),
        movement(5, payer_name="ﾔﾏﾀﾞ"),
        movement(6),
    ]
    assert len({fingerprints(one)[0] for one in told}) == 4


def test_equal_payments_under_one_number_are_both_kept() -> None:
    """As where a bank writes the same number everywhere; the notice says by its count that there were two."""
    once, twice = fingerprints(movement(5)), fingerprints(movement(5), movement(5))
    assert once[0] == twice[0] and len(set(twice)) == 2
    with_cancelled = fingerprints(movement(5), movement(5, credit=False, reversal=True))
    assert once[0] == with_cancelled[0] and len(set(with_cancelled)) == 2


def test_without_the_ordinal_the_second_of_equal_payments_would_be_lost() -> None:
    plain = made(movement(5), movement(5), kind=Kind.NOTIFICATION)
    same = replace(plain, entries=(plain.entries[0], replace(plain.entries[0], line=2)))
    assert len({one.fingerprint for one in identified([same])[0].entries}) == 1


def test_without_a_number_equal_entries_are_counted() -> None:
    assert len(set(fingerprints(movement(5, entry_reference=""), movement(5, entry_reference="000000")))) == 2
