"""Payment status reports: pain.002, versions 001.03 and .10 (ISO 20022, D33).

Banks name all payments, or only the rejected ones, or none; what they do name must tie with what they count, and no
rejected message or block may hold a payment that was not rejected.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from lxml import etree

from fund.payments.formats.minor_units import decimals
from fund.payments.formats.model import Flaw, UnsoundFile
from fund.payments.formats.pain_model import BlockStatus, PaymentStatus, StatusReason, StatusReport
from fund.payments.formats.sound_xml import MAX_BYTES, admit, parts
from fund.payments.formats.xml_reading import amount_of, any_version, first_text, moment_of, stripped
from fund.payments.formats.xml_writing import document, node, written_amount, written_moment

REPORTS = ("pain.002.001.03", "pain.002.001.10")
REJECTED = "RJCT"
NAMES = ("GrpHdr", "OrgnlGrpInfAndSts", "TxInfAndSts", "OrgnlPmtInfAndSts")


def read_status(data: bytes, *, limit: int = MAX_BYTES) -> StatusReport:
    """A pain.002 with the statuses of message, blocks and payments. Raises UnsoundFile."""
    message = admit(data, known=REPORTS, limit=limit)
    message_id, created_at = "", datetime.min.replace(tzinfo=UTC)
    group: dict[str, Any] = {}
    line: int | None = None
    blocks: list[BlockStatus] = []
    payments: list[PaymentStatus] = []
    for name, element in parts(data, message, NAMES):
        match name:
            case "GrpHdr":
                message_id, created_at = first_text(element, "MsgId"), moment_of(element, "CreDtTm")
            case "OrgnlGrpInfAndSts":
                line = element.sourceline
                group = _told(element, "GrpSts") | {
                    "original_message_id": first_text(element, "OrgnlMsgId"),
                    "original_message": first_text(element, "OrgnlMsgNmId"),
                }
            case "TxInfAndSts":
                payments.append(_payment(element))
            case _:
                blocks.append(_block(element, tuple(payments)))
                payments = []
    report = StatusReport(message_id=message_id, created_at=created_at, blocks=tuple(blocks), **group)
    _check(report, [one for block in blocks for one in block.payments], line)
    if report.status == REJECTED and any(block.status not in ("", REJECTED) for block in blocks):
        raise UnsoundFile(Flaw.SCHEMA, "A rejected message holds a block that was not rejected.", line)
    if len({block.block_id for block in blocks}) < len(blocks):
        raise UnsoundFile(Flaw.DUPLICATE_STATEMENT, "The file reports on one block twice.", line)
    return report


def _block(element: etree._Element, payments: tuple[PaymentStatus, ...]) -> BlockStatus:
    told = _told(element, "PmtInfSts")
    block = BlockStatus(block_id=first_text(element, "OrgnlPmtInfId"), payments=payments, **told)
    _check(block, payments, element.sourceline)
    named = [one.end_to_end_id for one in payments if one.end_to_end_id not in ("", "NOTPROVIDED")]
    if len(set(named)) < len(named):
        raise UnsoundFile(Flaw.DUPLICATE_STATEMENT, "The file reports on one payment twice.", element.sourceline)
    return block


def _told(element: etree._Element, status: str) -> dict[str, Any]:
    """What a message and a block have in common."""
    count, control_sum = first_text(element, "OrgnlNbOfTxs"), first_text(element, "OrgnlCtrlSum")
    return {
        "status": first_text(element, status),
        "reasons": _reasons(element),
        "count": int(count) if count else None,
        "control_sum": Decimal(control_sum) if control_sum else None,
        "counts": tuple(
            (first_text(one, "DtldSts"), int(first_text(one, "DtldNbOfTxs")))
            for one in element.findall(any_version("NbOfTxsPerSts"))
        ),
    }


def _payment(element: etree._Element) -> PaymentStatus:
    instructed = element.find(any_version("OrgnlTxRef/Amt/InstdAmt"))
    amount, currency = (None, "") if instructed is None else amount_of(instructed)
    return PaymentStatus(
        end_to_end_id=first_text(element, "OrgnlEndToEndId"),
        instruction_id=first_text(element, "OrgnlInstrId"),
        status_id=first_text(element, "StsId"),
        status=first_text(element, "TxSts"),
        reasons=_reasons(element),
        accepted_at=moment_of(element, "AccptncDtTm") if first_text(element, "AccptncDtTm") else None,
        bank_reference=first_text(element, "AcctSvcrRef"),
        amount=amount,
        currency=currency,
    )


def _reasons(element: etree._Element) -> tuple[StatusReason, ...]:
    return tuple(
        StatusReason(
            code=first_text(one, "Rsn/Cd"),
            proprietary=first_text(one, "Rsn/Prtry"),
            text=tuple(filter(None, map(stripped, one.iterchildren("{*}AddtlInf")))),
        )
        for one in element.findall(any_version("StsRsnInf"))
    )


def _check(told: StatusReport | BlockStatus, payments: Sequence[PaymentStatus], line: int | None) -> None:
    """What is named ties with what is counted, in numbers and, where all are named with amounts, in their sum."""
    counted, named = dict(told.counts), Counter(one.status for one in payments)
    if len(counted) < len(told.counts) or any(named[status] not in (0, n) for status, n in counted.items()):
        raise UnsoundFile(Flaw.COUNT_MISMATCH, "The file does not name as many payments as it counts.", line)
    if told.count is not None and (len(payments) > told.count or (counted and sum(counted.values()) != told.count)):
        raise UnsoundFile(Flaw.COUNT_MISMATCH, "The file does not count as many payments as there were.", line)
    if told.status == REJECTED and any(one.status not in ("", REJECTED) for one in payments):
        raise UnsoundFile(Flaw.SCHEMA, "What was rejected as a whole holds a payment that was not.", line)
    if told.control_sum is not None and told.count == len(payments):
        figures = [Decimal(one.amount).scaleb(-decimals(one.currency)) for one in payments if one.amount is not None]
        if len(figures) == len(payments) and sum(figures) != told.control_sum:
            raise UnsoundFile(Flaw.SUM_MISMATCH, "The amounts do not add up to the control sum.", line)


def write_status(report: StatusReport, *, message: str = REPORTS[-1]) -> bytes:
    """A report as bytes: what the demonstration's bank sends, and what tests read. Raises ValueError."""
    if message not in REPORTS:
        raise ValueError(f"Reports are written as {' or '.join(REPORTS)}.")
    data = document(
        message,
        node(
            "CstmrPmtStsRpt",
            node("GrpHdr", node("MsgId", report.message_id), node("CreDtTm", written_moment(report.created_at))),
            node(
                "OrgnlGrpInfAndSts",
                node("OrgnlMsgId", report.original_message_id),
                node("OrgnlMsgNmId", report.original_message),
                *_written(report, "GrpSts"),
            ),
            *(
                node(
                    "OrgnlPmtInfAndSts",
                    node("OrgnlPmtInfId", block.block_id),
                    *_written(block, "PmtInfSts"),
                    *map(_written_payment, block.payments),
                )
                for block in report.blocks
            ),
        ),
    )
    try:
        same = read_status(data) == report
    except UnsoundFile as flaw:
        raise ValueError(f"The message cannot carry this report: {flaw}") from None
    if not same:
        raise ValueError("The message cannot carry all that this report says.")
    return data


def _written(told: StatusReport | BlockStatus, status: str) -> Iterable[etree._Element | None]:
    yield node("OrgnlNbOfTxs", "" if told.count is None else str(told.count))
    yield node("OrgnlCtrlSum", "" if told.control_sum is None else f"{told.control_sum:f}")
    yield node(status, told.status)
    yield from map(_written_reason, told.reasons)
    for code, count in told.counts:
        yield node("NbOfTxsPerSts", node("DtldNbOfTxs", str(count)), node("DtldSts", code))


def _written_payment(one: PaymentStatus) -> etree._Element | None:
    amount = None if one.amount is None else written_amount("InstdAmt", one.amount, one.currency)
    return node(
        "TxInfAndSts",
        node("StsId", one.status_id),
        node("OrgnlInstrId", one.instruction_id),
        node("OrgnlEndToEndId", one.end_to_end_id),
        node("TxSts", one.status),
        *map(_written_reason, one.reasons),
        node("AccptncDtTm", written_moment(one.accepted_at) if one.accepted_at else ""),
        node("AcctSvcrRef", one.bank_reference),
        node("OrgnlTxRef", node("Amt", amount)),
    )


def _written_reason(reason: StatusReason) -> etree._Element | None:
    return node(
        "StsRsnInf",
        node("Rsn", node("Cd", reason.code), node("Prtry", reason.proprietary)),
        *(node("AddtlInf", line) for line in reason.text),
    )
