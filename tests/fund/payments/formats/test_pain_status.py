"""pain.002: the statuses of message, blocks and payments with their reasons, read again or refused (D33, D34)."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from fund.payments.formats import pain, pain_status
from fund.payments.formats.model import Flaw, UnsoundFile
from tests.fund.payments.formats.bank import SHARED, needs_shared, spoiled

TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30)
MAYBE_TEXT = st.just("") | TEXT
STATUSES = ["ACCP", "ACSC", "ACSP", "ACTC", "ACWC", "PDNG", "RJCT"]
MOMENTS = st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001
CLOSED = pain.StatusReason(code="AC04", text=("Closed account number",))


def one(number: int, status: str = "RJCT", **told: Any) -> pain.PaymentStatus:
    return pain.PaymentStatus(end_to_end_id=f"P{number}", status=status, **told)


def block(*payments: pain.PaymentStatus, **told: Any) -> pain.BlockStatus:
    return pain.BlockStatus(**{"block_id": "RUN-1/JPY", "payments": payments} | told)


def made(*blocks: pain.BlockStatus, **told: Any) -> pain.StatusReport:
    plain: dict[str, Any] = {
        "message_id": "BANK-1",
        "created_at": datetime(2026, 7, 3, 4, 5, 6, tzinfo=UTC),
        "original_message_id": "RUN-1",
        "original_message": "pain.001.001.09",
        "blocks": blocks,
    }
    return pain.StatusReport(**plain | told)


REJECTED = one(1, reasons=(CLOSED,), amount=250_000, currency="JPY")
SETTLED = one(2, "ACSC", amount=5, currency="JPY", bank_reference="B-2")
PART = made(
    block(
        REJECTED,
        SETTLED,
        status="PART",
        count=2,
        control_sum=Decimal(250_005),
        counts=(("RJCT", 1), ("ACSC", 1)),
    ),
    status="PART",
    count=3,
)
SOUND = pain.write_status(PART)


def refusal(data: bytes) -> UnsoundFile:
    with pytest.raises(UnsoundFile) as caught:
        pain.read_status(data)
    return caught.value


def registered(message: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SHARED / "iso20022" / "xsd" / f"{message}.xsd"))


JUDGES = {message: registered(message) for message in pain.REPORTS} if SHARED.is_dir() else {}
REASONS = st.lists(
    st.builds(
        pain.StatusReason,
        code=st.sampled_from(["AC01", "AC04", "MS03"]),
        text=st.lists(TEXT, max_size=2).map(tuple),
    )
    | st.builds(pain.StatusReason, proprietary=TEXT),
    max_size=2,
).map(tuple)


@st.composite
def reports(draw: st.DrawFn) -> pain.StatusReport:
    blocks = []
    for place in range(draw(st.integers(0, 3))):
        currency = draw(st.sampled_from(["USD", "JPY"]))
        payments = tuple(
            pain.PaymentStatus(
                end_to_end_id=f"{place}-{number}-{draw(TEXT)}",
                instruction_id=draw(MAYBE_TEXT),
                status_id=draw(MAYBE_TEXT),
                status=draw(st.sampled_from(STATUSES)),
                reasons=draw(REASONS),
                accepted_at=draw(st.none() | MOMENTS),
                bank_reference=draw(MAYBE_TEXT),
                amount=draw(st.integers(1, 10**12)),
                currency=currency,
            )
            for number in range(draw(st.integers(0, 4)))
        )
        told = sorted({payment.status for payment in payments})
        counts = tuple((status, sum(payment.status == status for payment in payments)) for status in told)
        summed = sum(payment.amount or 0 for payment in payments)
        with_counts = draw(st.booleans())
        blocks.append(
            pain.BlockStatus(
                block_id=f"{place}-{draw(TEXT)}",
                status=draw(st.sampled_from(["", "PART"])),
                reasons=draw(REASONS),
                count=draw(st.just(len(payments)) | st.none()),
                control_sum=draw(st.none() | st.just(Decimal(summed).scaleb(-2 if currency == "USD" else 0))),
                counts=counts if with_counts else (),
                payments=payments,
            )
        )
    return made(
        *blocks,
        message_id=draw(TEXT),
        created_at=draw(MOMENTS),
        original_message_id=draw(TEXT),
        status=draw(st.sampled_from(["", "PART", "ACCP", "ACTC"])),
        reasons=draw(REASONS),
        count=draw(st.none() | st.integers(12, 99)),
    )


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(report=reports(), message=st.sampled_from(pain.REPORTS))
def test_what_is_written_is_read_again(report: pain.StatusReport, message: str) -> None:
    data = pain.write_status(report, message=message)
    assert pain.read_status(data) == report
    if JUDGES:
        assert JUDGES[message].validate(etree.fromstring(data)), JUDGES[message].error_log


@needs_shared
@pytest.mark.parametrize("message", pain.REPORTS)
def test_the_registered_schema_would_see_a_fault(message: str) -> None:
    data = pain.write_status(PART, message=message)
    assert JUDGES[message].validate(etree.fromstring(data))
    assert not JUDGES[message].validate(etree.fromstring(spoiled(data, "<TxSts>RJCT<", "<TxSts>REJECTED<")))


@pytest.mark.parametrize("message", pain.REPORTS)
def test_a_rejected_payment_says_why(message: str) -> None:
    report = pain.read_status(pain.write_status(PART, message=message))
    (reason,) = report.blocks[0].payments[0].reasons
    assert (reason.code, reason.text) == ("AC04", ("Closed account number",))


@pytest.mark.parametrize(
    ("report", "expected"),
    [
        (PART, ("RJCT", (CLOSED,))),
        (made(block(one(9), status="PART"), status="PART"), ("", ())),
        (made(block(one(9), status="ACSP"), status="PART"), ("ACSP", ())),
        (made(block(one(1, ""), status="ACSP")), ("ACSP", ())),
        (made(block(block_id="OTHER", status="ACSP"), status="RJCT"), None),
        (made(block(block_id="OTHER", status="RJCT"), status="RJCT", reasons=(CLOSED,)), ("RJCT", (CLOSED,))),
        (made(status="ACTC"), ("ACTC", ())),
        (made(status="PART"), ("", ())),
        (made(), ("", ())),
    ],
)
def test_the_nearest_word_on_a_payment_counts(report: pain.StatusReport, expected: Any) -> None:
    if expected is None:
        with pytest.raises(ValueError, match="rejected"):
            pain.write_status(report)
        return
    again = pain.read_status(pain.write_status(report))
    assert again.status_of("RUN-1/JPY", "P1") == expected


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<OrgnlNbOfTxs>3<", "<OrgnlNbOfTxs>1<", Flaw.COUNT_MISMATCH),
        ("<OrgnlNbOfTxs>2<", "<OrgnlNbOfTxs>3<", Flaw.COUNT_MISMATCH),
        ("<OrgnlNbOfTxs>2<", "<OrgnlNbOfTxs>1<", Flaw.COUNT_MISMATCH),
        ("<DtldNbOfTxs>1<", "<DtldNbOfTxs>2<", Flaw.COUNT_MISMATCH),
        ("<DtldSts>ACSC<", "<DtldSts>RJCT<", Flaw.COUNT_MISMATCH),
        ("<OrgnlCtrlSum>250005<", "<OrgnlCtrlSum>250006<", Flaw.SUM_MISMATCH),
        ('Ccy="JPY">5<', 'Ccy="JPY">6<', Flaw.SUM_MISMATCH),
        ('Ccy="JPY">5<', 'Ccy="JPY">5.0<', Flaw.AMOUNT),
        ("<PmtInfSts>PART<", "<PmtInfSts>RJCT<", Flaw.SCHEMA),
        ("<GrpSts>PART<", "<GrpSts>RJCT<", Flaw.SCHEMA),
        ("<OrgnlEndToEndId>P2<", "<OrgnlEndToEndId>P1<", Flaw.DUPLICATE_STATEMENT),
        ("<TxSts>RJCT<", "<TxSts>REJECTED<", Flaw.SCHEMA),
        ("pain.002.001.10", "pain.002.001.11", Flaw.UNKNOWN_MESSAGE),
        ("<CreDtTm>2026", "<CreDtTm>-0044", Flaw.DATE),
        ("<Document", "<!DOCTYPE Document>\n<Document", Flaw.DOCTYPE),
        ("</TxInfAndSts>", "", Flaw.MALFORMED),
    ],
)
def test_one_fault_refuses_the_report(old: str, new: str, code: Flaw) -> None:
    assert pain.read_status(SOUND) == PART
    assert refusal(spoiled(SOUND, old, new)).code is code


def test_without_its_check_a_false_report_would_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    false = spoiled(SOUND, "<PmtInfSts>PART<", "<PmtInfSts>RJCT<")
    refusal(false)
    monkeypatch.setattr(pain_status, "_check", lambda *_: None)
    assert pain.read_status(false).blocks[0].status == "RJCT"


def test_a_block_twice_is_refused() -> None:
    assert len(pain.read_status(pain.write_status(made(block(), block(block_id="2")))).blocks) == 2
    with pytest.raises(ValueError, match="twice"):
        pain.write_status(made(block(), block()))


def test_a_bank_may_name_the_rejected_payments_only() -> None:
    told = made(block(one(7), status="PART", count=100, counts=(("ACSC", 99), ("RJCT", 1))))
    assert pain.read_status(pain.write_status(told)) == told


def test_a_report_cut_off_anywhere_is_refused() -> None:
    for length in [*range(0, len(SOUND) - 1, 64), len(SOUND.rstrip()) - 1]:
        refusal(SOUND[:length])


def test_only_the_known_versions_are_written() -> None:
    with pytest.raises(ValueError, match="written as"):
        pain.write_status(PART, message="pain.002.001.11")
