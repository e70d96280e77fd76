"""NACHA files: judged by another implementation, by published samples and by one fault at a time (D33, D34, D36)."""

from dataclasses import replace
from datetime import date, datetime
from typing import Any

import achkit
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fund.payments.formats import nacha
from fund.payments.formats.model import Flaw, UnsoundFile
from fund.payments.formats.nacha_records import LAYOUTS, LENGTH
from tests.fund.payments.formats.bank import SHARED, needs_shared

SAMPLES = SHARED / "nacha"
ENDINGS = {"CR": b"\r", "LF": b"\n", "CRLF": b"\r\n", "none": b""}
TEXT = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=100)


def text(length: int) -> st.SearchStrategy[str]:
    return TEXT.map(lambda found: found[:length].rstrip())


def with_check_digit(eight: int) -> str:
    digits = f"{eight:08}"
    weighed = sum(int(digit) * weight for digit, weight in zip(digits, (3, 7, 1, 3, 7, 1, 3, 7), strict=True))
    return f"{digits}{-weighed % 10}"


ROUTINGS = st.integers(1_00_0000, 12_99_9999).map(with_check_digit)
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))
PAYEES = st.builds(
    nacha.Payee,
    routing=ROUTINGS,
    account=text(17).filter(bool),
    account_type=st.sampled_from([nacha.CHECKING, nacha.SAVINGS]),
    amount=st.integers(1, 10**10 - 1),
    name=text(22),
    identification=text(15),
    text=text(80),
)


def payee(amount: int = 12_345, **told: Any) -> nacha.Payee:
    plain: dict[str, Any] = {
        "routing": "111000025",
        "account": "987654321",
        "account_type": nacha.CHECKING,
        "amount": amount,
        "name": "JANE DOE",
    }
    return nacha.Payee(**plain | told)


def batch(*payees: nacha.Payee, **told: Any) -> nacha.AchBatch:
    plain: dict[str, Any] = {
        "company_name": "KAKEHASHI FUND",
        "company_id": "1234567890",
        "description": "DIVIDEND",
        "effective_on": date(2026, 7, 3),
        "bank": "12104288",
    }
    return nacha.ppd_credits(payees, **plain | told)


def made(*batches: nacha.AchBatch, **told: Any) -> nacha.AchFile:
    plain: dict[str, Any] = {
        "destination": " 121042882",
        "origin": "1234567890",
        "created_at": datetime(2026, 7, 2, 13, 5),  # noqa: DTZ001  the file tells no offset
        "destination_name": "OUR BANK",
        "origin_name": "KAKEHASHI FUND",
        "batches": batches,
    }
    return nacha.AchFile(**plain | told)


def entry(code: str = "21", amount: int = 12_345, *, trace: str = "111000020000001", **told: Any) -> nacha.AchEntry:
    """What a bank sends back; without addenda unless told otherwise."""
    plain: dict[str, Any] = {"routing": "121042882", "account": "987654321", "name": "JANE DOE"}
    return nacha.AchEntry(code=code, amount=amount, trace=trace, **plain | told)


def returned(reason: str, trace: str = "121042880000001", *, died: str = "", words: str = "") -> nacha.Addenda:
    text = f"{reason}{trace}{died:6}11100002{words}".rstrip()
    return nacha.Addenda(type="99", text=text, trace="111000020000001")


def change(reason: str = "C01", corrected: str = "1918171614") -> nacha.Addenda:
    text = f"{reason}121042880000001{'':6}11100002{corrected}"
    return nacha.Addenda(type="98", text=text, trace="111000020000001")


def sent_back(*entries: nacha.AchEntry, kind: str = "PPD") -> nacha.AchFile:
    return made(replace(batch(), bank="11100002", kind=kind, entries=entries))


SOUND = nacha.write(made(batch(payee(), payee(500, text="RF36 1234 5678 94")), batch(payee(7), number=2)))


def refusal(data: bytes) -> UnsoundFile:
    with pytest.raises(UnsoundFile) as caught:
        nacha.read(data)
    return caught.value


def changed(data: bytes, line: int, name: str, value: str) -> bytes:
    """The file with one field of one line, counted from 1, overwritten."""
    lines = data.split(b"\r\n")
    start = 0
    for field, length in LAYOUTS[chr(lines[line - 1][0])]:
        if field == name:
            written = value.encode("latin-1").ljust(length)
            assert len(written) == length and lines[line - 1][start : start + length] != written
            lines[line - 1] = lines[line - 1][:start] + written + lines[line - 1][start + length :]
            return b"\r\n".join(lines)
        start += length
    raise AssertionError(name)


# --------------------------------------------------------------------------------------------------------- round trips

FILES = st.builds(
    nacha.AchFile,
    destination=ROUTINGS.map(lambda routing: f" {routing}"),
    origin=st.sampled_from(["1234567890", " 121042882"]),
    created_at=st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1)).map(  # noqa: DTZ001
        lambda found: found.replace(second=0, microsecond=0)
    ),
    modifier=st.sampled_from("ABZ09"),
    destination_name=text(23),
    origin_name=text(23),
    reference=text(8),
    batches=st.lists(
        st.builds(
            lambda payees, number, day, name, kind: nacha.ppd_credits(
                tuple(payees),
                company_name=name,
                company_id="1234567890",
                description=kind,
                effective_on=day,
                bank="12104288",
                number=number,
            ),
            st.lists(PAYEES, min_size=1, max_size=8),
            st.integers(0, 10**7 - 1),
            DAYS,
            text(16),
            text(10),
        ),
        max_size=3,
    ).map(tuple),
)


@settings(max_examples=200, deadline=None)
@given(file=FILES, ending=st.sampled_from(sorted(ENDINGS)), trimmed=st.booleans())
def test_what_is_written_is_read_again_and_another_judge_agrees(
    file: nacha.AchFile, ending: str, trimmed: bool
) -> None:
    data = nacha.write(file)
    lines = data.split(b"\r\n")
    assert lines.pop() == b"" and {len(line) for line in lines} == {94} and len(lines) % 10 == 0
    assert nacha.write(file, ending=b"\n") == data.replace(b"\r\n", b"\n")
    judged = achkit.validate(data.decode())
    assert judged["ok"], judged["errors"]
    parsed = achkit.parse(data.decode())
    assert [[entry["amount_cents"] for entry in one["entries"]] for one in parsed["batches"]] == [
        [entry.amount for entry in one.entries] for one in file.batches
    ]
    if trimmed and ending != "none":
        lines = [line.rstrip(b" ") for line in lines]
    assert nacha.read(ENDINGS[ending].join(lines)) == file


REASONS = [f"R{number:02}" for number in range(1, 86)]


@settings(max_examples=100, deadline=None)
@given(
    reason=st.sampled_from(REASONS),
    amount=st.integers(0, 10**10 - 1),
    code=st.sampled_from(["21", "26", "31", "36"]),
    words=text(44),
)
def test_returns_are_read_again(reason: str, amount: int, code: str, words: str) -> None:
    file = sent_back(entry(code, amount, addenda=(returned(reason, died="260630", words=words),)))
    assert nacha.read(nacha.write(file)) == file
    (answer,) = nacha.answers(file)
    assert isinstance(answer, nacha.Return)
    assert (answer.reason, answer.original_trace, answer.amount) == (reason, "121042880000001", amount)
    assert (answer.is_credit, answer.died_on, answer.information) == (code[1] == "1", date(2026, 6, 30), words)
    assert answer.original_bank == "11100002"


def test_a_return_names_the_trace_of_the_entry_we_sent() -> None:
    sent = batch(payee(), payee(500))
    trace = sent.entries[1].trace
    assert trace == "121042880000002"
    (answer,) = nacha.answers(sent_back(entry(amount=500, addenda=(returned("R10", trace),))))
    assert answer.original_trace == trace and isinstance(answer, nacha.Return) and answer.died_on is None


# ------------------------------------------------------------------------------------------------------------- samples


@needs_shared
@pytest.mark.parametrize(
    ("name", "kind", "credits", "debits", "first_eights"),
    [
        ("ppd-credit", "PPD", 100_000_000, 0, 23138010),
        ("ccd-debit", "CCD", 0, 500_125, 46276020),
        ("cor-example", "COR", 0, 0, 23138010),
    ],
)
def test_published_samples(name: str, kind: str, credits: int, debits: int, first_eights: int) -> None:
    data = (SAMPLES / f"{name}.ach").read_bytes()
    file = nacha.read(data)
    (only,) = file.batches
    assert only.kind == kind
    assert sum(one.amount for one in only.entries if one.is_credit) == credits
    assert sum(one.amount for one in only.entries if not one.is_credit) == debits
    assert sum(int(one.routing[:8]) for one in only.entries) == first_eights
    again = nacha.write(file, ending=b"\n")
    assert nacha.read(again) == file and achkit.validate(again.decode())["ok"]
    if only.effective_on:  # the third writes "no day" as zeros, we as blanks
        assert again.rstrip() == data.rstrip()


@needs_shared
def test_the_published_change() -> None:
    (answer,) = nacha.answers(nacha.read((SAMPLES / "cor-example.ach").read_bytes()))
    assert isinstance(answer, nacha.Change)
    assert (answer.reason, answer.corrected) == ("C01", "1918171614")
    assert (answer.original_trace, answer.trace) == ("121042880000001", "091012980000088")


@needs_shared
@pytest.mark.parametrize("name", ["ppd-credit", "ccd-debit", "cor-example"])
def test_samples_cut_off_anywhere_are_refused(name: str) -> None:
    data = (SAMPLES / f"{name}.ach").read_bytes().rstrip(b"\n")
    for length in [*range(0, len(data) - 1, 13), len(data) - 1]:
        refusal(data[:length])


# ------------------------------------------------------------------------------------------------------------ refusals


def test_the_sound_file_is_taken() -> None:
    assert sum(len(one.entries) for one in nacha.read(SOUND).batches) == 3


@pytest.mark.parametrize(
    ("line", "name", "value", "code"),
    [
        (1, "mark", "2", Flaw.MALFORMED),
        (1, "priority", "02", Flaw.UNKNOWN_MESSAGE),
        (1, "record_size", "095", Flaw.UNKNOWN_MESSAGE),
        (1, "created_on", "260230", Flaw.DATE),
        (1, "created_at", "2460", Flaw.DATE),
        (2, "service", "225", Flaw.SCHEMA),
        (2, "company_id", "OTHER", Flaw.SCHEMA),
        (2, "effective_on", "261301", Flaw.DATE),
        (2, "bank", "1210428X", Flaw.SCHEMA),
        (2, "number", "0000009", Flaw.SCHEMA),
        (3, "code", "20", Flaw.SCHEMA),
        (3, "code", "27", Flaw.SUM_MISMATCH),
        (3, "routing", "112000025", Flaw.SCHEMA),
        (3, "routing", "121042882", Flaw.SUM_MISMATCH),
        (3, "amount", "0000012346", Flaw.SUM_MISMATCH),
        (3, "amount", "", Flaw.SCHEMA),
        (3, "name", "J\xe9", Flaw.ENCODING),
        (3, "name", "J\x07", Flaw.ENCODING),
        (3, "has_addenda", "1", Flaw.COUNT_MISMATCH),
        (3, "trace", "121042880000003", Flaw.SCHEMA),
        (3, "trace", "12104288000000X", Flaw.SCHEMA),
        (4, "has_addenda", "0", Flaw.COUNT_MISMATCH),
        (6, "count", "000002", Flaw.COUNT_MISMATCH),
        (6, "hash", "0000000001", Flaw.SUM_MISMATCH),
        (6, "credits", "000000012846", Flaw.SUM_MISMATCH),
        (6, "debits", "000000000001", Flaw.SUM_MISMATCH),
        (6, "mark", "9", Flaw.MALFORMED),
        (10, "batches", "000003", Flaw.COUNT_MISMATCH),
        (10, "blocks", "000002", Flaw.COUNT_MISMATCH),
        (10, "count", "00000003", Flaw.COUNT_MISMATCH),
        (10, "hash", "0000000001", Flaw.SUM_MISMATCH),
        (10, "credits", "000000012853", Flaw.SUM_MISMATCH),
        (10, "debits", "000000000001", Flaw.SUM_MISMATCH),
        (10, "mark", "8", Flaw.MALFORMED),
    ],
)
def test_one_fault_refuses_the_file(line: int, name: str, value: str, code: Flaw) -> None:
    refused = refusal(changed(SOUND, line, name, value))
    assert refused.code is code
    assert len(value) < 4 or value not in refused.reason


@pytest.mark.parametrize(
    ("check", "line", "name", "value"),
    [("_check_totals", 3, "amount", "0000012346"), ("_check_file", 10, "batches", "000003")],
)
def test_without_its_check_a_false_sum_would_be_taken(
    monkeypatch: pytest.MonkeyPatch, check: str, line: int, name: str, value: str
) -> None:
    false = changed(SOUND, line, name, value)
    refusal(false)
    monkeypatch.setattr(nacha, check, lambda *_: None)
    assert nacha.read(false)


@pytest.mark.parametrize("service", ["225", "280"])
def test_the_service_class_fits_the_entries(service: str) -> None:
    data = SOUND.replace(b"\r\n5220", b"\r\n5200").replace(b"\r\n8220", b"\r\n8200")
    assert nacha.read(data) == nacha.read(SOUND)
    told = data.replace(b"\r\n5200", b"\r\n5" + service.encode()).replace(b"\r\n8200", b"\r\n8" + service.encode())
    assert refusal(told).code is Flaw.SCHEMA


def test_addenda_belong_to_their_entry() -> None:
    assert refusal(SOUND.replace(b"00010000002\r\n", b"00020000002\r\n")).code is Flaw.SCHEMA
    assert refusal(SOUND.replace(b"00010000002\r\n", b"00010000003\r\n")).code is Flaw.SCHEMA


@pytest.mark.parametrize("reason", ["R00", "R86", "R99", "X01", "R1 ", "C01"])
def test_a_return_without_a_known_reason_is_refused(reason: str) -> None:
    data = nacha.write(sent_back(entry(addenda=(returned("R07"),))))
    assert refusal(data.replace(b"799R07", b"799" + reason.encode())).code is Flaw.SCHEMA


def test_a_return_without_its_original_is_refused() -> None:
    data = nacha.write(sent_back(entry(addenda=(returned("R15", died="260630"),))))
    assert refusal(data.replace(b"R15121042880000001", b"R1512104288000000 ")).code is Flaw.SCHEMA
    assert refusal(data.replace(b"260630", b"260631")).code is Flaw.DATE


@pytest.mark.parametrize("reason", ["C00", "C15", "R01"])
def test_a_change_without_a_known_reason_is_refused(reason: str) -> None:
    data = nacha.write(sent_back(entry(amount=0, addenda=(change(),)), kind="COR"))
    assert refusal(data.replace(b"798C01", b"798" + reason.encode())).code is Flaw.SCHEMA


def test_blocks_are_of_ten_records() -> None:
    lines = nacha.write(made(batch(payee()))).removesuffix(b"\r\n").split(b"\r\n")
    assert len(lines) == 10
    assert refusal(b"\r\n".join(lines[:-1])).code is Flaw.COUNT_MISMATCH
    assert refusal(b"\r\n".join([*lines, *[b"9" * LENGTH] * 10])).code is Flaw.COUNT_MISMATCH
    two_blocks = b"\r\n".join([*lines, *[b"9" * LENGTH] * 10]).replace(b"9000001000001", b"9000001000002")
    assert refusal(two_blocks).code is Flaw.COUNT_MISMATCH
    assert refusal(b"\r\n".join([*lines[:-1], lines[2]])).code is Flaw.MALFORMED


def test_a_full_block_has_no_filling() -> None:
    data = nacha.write(made(batch(*[payee()] * 6)))
    assert data.count(b"\r\n") == 10 and b"9" * LENGTH not in data
    assert len(nacha.read(data).batches[0].entries) == 6
    assert nacha.write(made(batch(*[payee()] * 7))).count(b"\r\n") == 20


@pytest.mark.parametrize("ending", ENDINGS)
def test_line_endings(ending: str) -> None:
    assert nacha.read(SOUND.removesuffix(b"\r\n").replace(b"\r\n", ENDINGS[ending])) == nacha.read(SOUND)
    if ending != "CRLF":
        with pytest.raises(UnsoundFile):
            nacha.read(SOUND.replace(b"\r\n", ENDINGS[ending], 1))


@pytest.mark.parametrize(
    "payees",
    [
        (payee(10**10),),
        (payee(routing="112000025"),),
        (payee(routing="11100002"),),
        (payee(account="1" * 18),),
        (payee(name="J" * 23),),
        (payee(name="JOSÉ"),),
        (payee(name="JANE "),),
        (payee(text="X" * 81),),
        (payee(account_type="20"),),
        (payee(10**10 - 1),) * 101,
    ],
)
def test_what_a_file_cannot_carry_is_not_written(payees: tuple[nacha.Payee, ...]) -> None:
    with pytest.raises(ValueError, match="."):
        nacha.write(made(batch(*payees)))
    assert nacha.write(made(batch(payee(10**10 - 1, account="1" * 17, name="J" * 22, text="X" * 80))))  # the control


@pytest.mark.parametrize("amount", [0, -1])
def test_nobody_is_paid_nothing(amount: int) -> None:
    with pytest.raises(ValueError, match="above zero"):
        batch(payee(amount))


def test_the_hash_keeps_its_last_ten_digits() -> None:
    file = made(batch(*[payee(1, routing="121042882")] * 1_000))
    assert nacha.read(nacha.write(file)) == file
    control = nacha.write(file).split(b"\r\n")[1002]
    assert control[10:20] == f"{12104288 * 1_000 % 10**10:010}".encode()
    assert 12104288 * 1_000 > 10**10


def test_answers_leave_ordinary_entries_out() -> None:
    assert nacha.answers(nacha.read(SOUND)) == ()
