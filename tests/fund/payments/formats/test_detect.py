"""Every kind of bank file is told by its content, whichever its line endings; other files are not (D33)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fund.payments.formats import camt, nacha, pain, zengin
from fund.payments.formats.detect import Format, detect
from fund.payments.formats.model import Kind
from tests.fund.payments.formats import (
    test_nacha,
    test_pain_orders,
    test_pain_status,
    test_zengin_statements,
    test_zengin_transfers,
)
from tests.fund.payments.formats.bank import SAMPLES, SHARED, entry, needs_shared, statement

ANSWERS = nacha.write(test_nacha.sent_back(test_nacha.entry(addenda=(test_nacha.returned("R01"),))))
CHANGES = nacha.write(test_nacha.sent_back(test_nacha.entry("26", 0, addenda=(test_nacha.change(),)), kind="COR"))
RECORDS = [
    (test_zengin_statements.NOTICE, Format.ZENGIN_NOTICE),
    (zengin.write([test_zengin_statements.made(kind=Kind.NOTIFICATION)]), Format.ZENGIN_NOTICE),
    (test_zengin_statements.STATEMENT, Format.ZENGIN_STATEMENT),
    (zengin.write([test_zengin_statements.made()]), Format.ZENGIN_STATEMENT),
    (test_zengin_transfers.SOUND, Format.ZENGIN_TRANSFERS),
    (test_nacha.SOUND, Format.NACHA),
    (nacha.write(test_nacha.made()), Format.NACHA),
    (ANSWERS, Format.NACHA_RETURNS),
    (CHANGES, Format.NACHA_RETURNS),
]
MESSAGES = [
    (camt.write([statement(entry(5))]), Format.CAMT_053),
    (camt.write([statement(entry(5), kind=Kind.NOTIFICATION)]), Format.CAMT_054),
    *((pain.write(test_pain_orders.BOTH, message=message), Format.PAIN_001) for message in pain.ORDERS),
    *((pain.write_status(test_pain_status.PART, message=message), Format.PAIN_002) for message in pain.REPORTS),
]
ENDINGS = {"CR": b"\r", "LF": b"\n", "CRLF": b"\r\n", "none": b""}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("trimmed", [False, True])
@pytest.mark.parametrize(("data", "expected"), RECORDS)
def test_records_in_any_line_ending(data: bytes, expected: Format, ending: str, trimmed: bool) -> None:
    lines = data.removesuffix(b"\r\n").split(b"\r\n")
    if trimmed and ending != "none":
        lines = [line.rstrip(b" ") for line in lines]
    assert detect(ENDINGS[ending].join(lines)) is expected


@pytest.mark.parametrize(("data", "expected"), MESSAGES)
def test_messages(data: bytes, expected: Format) -> None:
    assert detect(data) is expected
    assert detect(b"\xef\xbb\xbf" + data) is expected
    assert detect(data[data.index(b"<Document") :]) is expected
    prefixed = data.replace(b"<Document xmlns=", b"<x:Document xmlns:x=")
    assert detect(prefixed) is expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"", None),
        (b"1", None),
        (b"101", None),
        (b"1010", None),
        (b"\x89PNG\r\n", None),
        (b"date,amount\n2027-01-01,5\n", None),
        (b"1010" + b"030112" * 3 + b"0001" + b" " * 174, None),  # a header and nothing else
        (test_zengin_statements.NOTICE[1:], None),
        (b"1020" + test_zengin_statements.NOTICE[4:], None),
        (b"1110" + test_zengin_transfers.SOUND[4:], None),
        (test_nacha.SOUND.replace(b"094101", b"095101", 1), None),
        (b"<html/>", Format.OTHER_XML),
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.052.001.08'/>", Format.OTHER_XML),
        (b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:setr.010.001.04'/>", Format.OTHER_XML),
        ("<?xml version='1.0' encoding='UTF-16'?><Document/>".encode("utf-16"), Format.OTHER_XML),
    ],
)
def test_other_files_and_other_messages(data: bytes, expected: Format | None) -> None:
    assert detect(data) is expected


def test_a_routing_number_without_its_blank_does_not_make_a_zengin_file() -> None:
    data = nacha.write(test_nacha.made(test_nacha.batch(test_nacha.payee()), destination="0121042882"))
    assert data.startswith(b"1010") and detect(data) is Format.NACHA


@given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda data: b"1010" + data))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    assert detect(data) is None or isinstance(detect(data), Format)


def test_a_long_line_is_told_in_no_time() -> None:
    assert detect(b"<Document " * 1_000_000) is Format.OTHER_XML
    assert detect(b"101" + b" " * 10_000_000) is None


@needs_shared
def test_published_samples() -> None:
    found = {path.name: detect(path.read_bytes()) for path in sorted(SHARED.rglob("*")) if path.is_file()}
    assert {name: kind for name, kind in found.items() if kind and not name.endswith((".xsd", "consolidated.xml"))} == {
        "Business_Sample_camt.053.001.04.xml": Format.CAMT_053,
        "camt053.v2.multi.statement.xml": Format.CAMT_053,
        "camt053.v8.xml": Format.CAMT_053,
        "camt054.v8.xml": Format.CAMT_054,
        "pain.001.001.08_ABC_JPY_EUR_USD.xml": Format.PAIN_001,
        "ccd-debit.ach": Format.NACHA,
        "cor-example.ach": Format.NACHA_RETURNS,
        "ppd-credit.ach": Format.NACHA,
        "sougou-furikomi.sample.sjis.txt": Format.ZENGIN_TRANSFERS,
    }
    assert len(list(SAMPLES.iterdir())) == 5
