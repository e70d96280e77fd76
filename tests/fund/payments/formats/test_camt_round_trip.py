"""Written, then read: the same statements, in files that the registered schema accepts."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from fund.payments.formats import camt
from fund.payments.formats.model import Entry, Kind, Statement, identified, total
from tests.fund.payments.formats.bank import SHARED, batch, entry, needs_shared, statement

TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30)
MAYBE_TEXT = st.just("") | TEXT.filter(lambda text: text != "NOTPROVIDED")
DAYS = st.dates(date(2020, 1, 1), date(2035, 12, 31))
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
AMOUNTS = st.integers(1, 10**14)


@st.composite
def bank_entries(draw: st.DrawFn, currency: str, line: int) -> list[Entry]:
    """One bank entry: by itself, or a batch of transactions in either direction."""
    common = {
        "currency": currency,
        "line": line,
        "reversal": draw(st.booleans()),
        "booked": draw(st.booleans()),
        "booking_date": draw(DAYS),
        "value_date": draw(st.none() | DAYS),
        "bank_reference": draw(MAYBE_TEXT),
        "entry_reference": draw(MAYBE_TEXT),
    }

    def told() -> dict[str, object]:
        return {
            "credit": draw(st.booleans()),
            "end_to_end_id": draw(MAYBE_TEXT),
            "creditor_reference": draw(MAYBE_TEXT),
            "remittance": tuple(draw(st.lists(TEXT, max_size=2))),
            "payer_name": draw(MAYBE_TEXT),
            "payer_account": draw(MAYBE_TEXT | st.just("DE89370400440532013000")),
        }

    if draw(st.booleans()):
        return [entry(draw(st.just(0) | AMOUNTS), **common | told())]
    numbers = range(1, draw(st.integers(2, 4)) + 1)
    return [
        entry(draw(AMOUNTS), detail=number, detail_reference=draw(MAYBE_TEXT), **common | told()) for number in numbers
    ]


@st.composite
def files(draw: st.DrawFn) -> tuple[Statement, ...]:
    kind = draw(st.sampled_from(Kind))
    currency = draw(st.sampled_from(["USD", "JPY", "KWD"]))
    message_id, created_at = draw(TEXT), draw(MOMENTS)
    made = []
    for number in range(draw(st.integers(1, 3))):
        lines = draw(st.integers(0, 4))
        entries = [part for line in range(1, lines + 1) for part in draw(bank_entries(currency, line))]
        opening = draw(st.integers(-(10**12), 10**12))
        period = draw(st.none() | st.tuples(MOMENTS, MOMENTS))
        one = statement(*entries, kind=kind, opening=opening, currency=currency, statement_id=f"{draw(TEXT)}{number}")
        made.append(
            replace(
                one,
                message_id=message_id,
                created_at=created_at,
                account=draw(TEXT | st.just("DE89370400440532013000")),
                sequence=draw(st.none() | st.integers(0, 10**17)),
                covers_from=period[0] if period else None,
                covers_to=period[1] if period else None,
                opened_on=draw(DAYS) if kind is Kind.STATEMENT else None,
                closed_on=draw(DAYS) if kind is Kind.STATEMENT else None,
            )
        )
    return identified(made)


@pytest.fixture(scope="module")
def registered() -> Callable[[bytes], bool]:
    """Whether the registered schemas accept a file; true where they are not here."""
    found = {
        kind: etree.XMLSchema(etree.parse(path))
        for kind in Kind
        if (path := SHARED / "iso20022" / "xsd" / f"camt.{kind}.001.08.xsd").exists()
    }

    def accepts(data: bytes) -> bool:
        kind = Kind.STATEMENT if b"camt.053" in data[:200] else Kind.NOTIFICATION
        return kind not in found or bool(found[kind].validate(etree.fromstring(data)))

    return accepts


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(written=files())
def test_what_is_written_is_read_again(registered: Callable[[bytes], bool], written: tuple[Statement, ...]) -> None:
    data = camt.write(written)
    assert registered(data)
    assert camt.read(data) == written


@needs_shared
@pytest.mark.parametrize("kind", Kind)
def test_written_files_pass_the_registered_schema(kind: Kind, registered: Callable[[bytes], bool]) -> None:
    told = {"payer_name": "ヤマダ　タロウ", "creditor_reference": "RF361234567894", "remittance": ("ご入金", "RF36")}
    data = camt.write([statement(entry(100, **told), *batch(5, 7, line=2, **told), kind=kind)])
    assert registered(data)
    assert not registered(data.replace(b"<Ccy>USD</Ccy>", b"<Ccy>usd</Ccy>"))


def test_the_demonstration_bank_can_send_yen_and_dollars() -> None:
    yen = statement(entry(250_000, currency="JPY"), opening=0)
    dollars = statement(entry(250_000, currency="USD"), opening=0)
    assert b'<Amt Ccy="JPY">250000</Amt>' in camt.write([yen])
    assert b'<Amt Ccy="USD">2500.00</Amt>' in camt.write([dollars])


def test_an_overdrawn_account_closes_below_zero() -> None:
    (read,) = camt.read(camt.write([statement(entry(300, credit=False), opening=100)]))
    assert (read.opening, read.closing, total(read.entries)) == (100, -200, -300)


def test_one_file_is_one_message() -> None:
    with pytest.raises(ValueError, match="one message"):
        camt.write([statement(), statement(kind=Kind.NOTIFICATION)])
