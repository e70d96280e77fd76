"""Payment initiations: pain.001, versions 001.03 and .09 (ISO 20022, D33).

`write` reads back what it wrote, through the schema rebuilt from pyiso20022, and gives nothing that reads otherwise.
"""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal

from lxml import etree
from stdnum import iso11649

from fund.payments.formats.minor_units import decimals
from fund.payments.formats.model import Flaw, UnsoundFile
from fund.payments.formats.pain_model import Agent, Block, Initiation, Payment
from fund.payments.formats.sound_xml import MAX_BYTES, admit, parts
from fund.payments.formats.xml_reading import account_of, amount_of, any_version, first_text, moment_of, required
from fund.payments.formats.xml_writing import account_id, document, node, to_major, written_amount, written_moment

ORDERS = ("pain.001.001.03", "pain.001.001.09")
FUND_BEARS = "DEBT"  # what is declared is what arrives: the charges are ours


def write(initiation: Initiation, *, message: str = ORDERS[-1]) -> bytes:
    """The message as bytes. Raises ValueError for what it cannot carry, and for anything that could pay twice: an
    end-to-end id or a block that is there twice, or two blocks of one account, currency and day.
    """
    if message not in ORDERS:
        raise ValueError(f"Payments are written as {' or '.join(ORDERS)}.")
    _check_once(initiation)
    payments = [(payment, block.currency) for block in initiation.blocks for payment in block.payments]
    data = document(
        message,
        node(
            "CstmrCdtTrfInitn",
            node(
                "GrpHdr",
                node("MsgId", initiation.message_id),
                node("CreDtTm", written_moment(initiation.created_at)),
                *_counted(payments),
                node("InitgPty", node("Nm", initiation.initiator)),
            ),
            *(_written_block(block, message) for block in initiation.blocks),
        ),
    )
    try:
        same = read(data) == initiation
    except UnsoundFile as flaw:
        raise ValueError(f"The message cannot carry these payments: {flaw}") from None
    if not same:
        raise ValueError("The message cannot carry all that these payments say.")
    return data


def read(data: bytes, *, limit: int = MAX_BYTES) -> Initiation:
    """The payments of a pain.001, whose counts and control sums tie. Raises UnsoundFile."""
    message = admit(data, known=ORDERS, limit=limit)
    header = dict[str, str]()
    created_at: datetime | None = None
    line: int | None = None
    blocks: list[Block] = []
    payments: list[tuple[Payment, str]] = []
    for name, element in parts(data, message, ("GrpHdr", "CdtTrfTxInf", "PmtInf")):
        match name:
            case "GrpHdr":
                header = {path: first_text(element, path) for path in ("MsgId", "NbOfTxs", "CtrlSum", "InitgPty/Nm")}
                created_at, line = moment_of(element, "CreDtTm"), element.sourceline
            case "CdtTrfTxInf":
                payments.append(_payment(element))
            case _:
                blocks.append(_block(element, payments))
                payments = []
    assert created_at  # the schema wants a header
    listed = [(payment, block.currency) for block in blocks for payment in block.payments]
    _check_counted(header["NbOfTxs"], header["CtrlSum"], listed, line)
    return Initiation(
        message_id=header["MsgId"], created_at=created_at, initiator=header["InitgPty/Nm"], blocks=tuple(blocks)
    )


def _check_once(initiation: Initiation) -> None:
    ids = [payment.end_to_end_id for block in initiation.blocks for payment in block.payments]
    if len(set(ids)) < len(ids):
        raise ValueError("Two payments of the message have the same end-to-end id.")
    if len({block.block_id for block in initiation.blocks}) < len(initiation.blocks):
        raise ValueError("Two blocks of the message have the same id.")
    if len({(block.account, block.currency, block.execute_on) for block in initiation.blocks}) < len(initiation.blocks):
        raise ValueError("Two blocks of the message are of the same account, currency and day.")
    if any(payment.amount <= 0 for block in initiation.blocks for payment in block.payments):
        raise ValueError("A payment is above zero.")


def _written_block(block: Block, message: str) -> etree._Element | None:
    day: etree._Element | str | None = block.execute_on.isoformat()
    if message == ORDERS[-1]:
        day = node("Dt", day)
    return node(
        "PmtInf",
        node("PmtInfId", block.block_id),
        node("PmtMtd", "TRF"),
        *_counted([(payment, block.currency) for payment in block.payments]),
        node("ReqdExctnDt", day),
        node("Dbtr", node("Nm", block.debtor)),
        node("DbtrAcct", account_id(block.account), node("Ccy", block.currency)),
        _written_agent("DbtrAgt", block.agent, message),
        node("ChrgBr", FUND_BEARS),
        *(_written_payment(payment, block.currency, message) for payment in block.payments),
    )


def _written_payment(payment: Payment, currency: str, message: str) -> etree._Element | None:
    return node(
        "CdtTrfTxInf",
        node("PmtId", node("InstrId", payment.instruction_id), node("EndToEndId", payment.end_to_end_id)),
        node("Amt", written_amount("InstdAmt", payment.amount, currency)),
        _written_agent("CdtrAgt", payment.agent, message),
        node("Cdtr", node("Nm", payment.payee)),
        node("CdtrAcct", account_id(payment.account)),
        node(
            "RmtInf",
            node("Ustrd", payment.remittance),
            _written_reference(payment.creditor_reference),
        ),
    )


def _written_reference(reference: str) -> etree._Element | None:
    if not reference:
        return None
    kind = node(
        "Tp", node("CdOrPrtry", node("Cd", "SCOR")), node("Issr", "ISO" if iso11649.is_valid(reference) else "")
    )
    return node("Strd", node("CdtrRefInf", kind, node("Ref", reference)))


def _written_agent(name: str, agent: Agent, message: str) -> etree._Element | None:
    return node(
        name,
        node(
            "FinInstnId",
            node("BICFI" if message == ORDERS[-1] else "BIC", agent.bic),
            node("ClrSysMmbId", node("ClrSysId", node("Cd", agent.clearing)), node("MmbId", agent.member)),
        ),
    )


def _counted(payments: Iterable[tuple[Payment, str]]) -> tuple[etree._Element | None, ...]:
    """NbOfTxs and CtrlSum; the standard adds up the figures whatever their currencies."""
    figures = [Decimal(to_major(payment.amount, currency)) for payment, currency in payments]
    return node("NbOfTxs", str(len(figures))), node("CtrlSum", f"{sum(figures):f}")


def _block(element: etree._Element, payments: list[tuple[Payment, str]]) -> Block:
    currencies = {currency for _, currency in payments} | {first_text(element, "DbtrAcct/Ccy")} - {""}
    if len(currencies) > 1:
        raise UnsoundFile(Flaw.CURRENCY_MIXED, "One block of payments mixes several currencies.", element.sourceline)
    _check_counted(first_text(element, "NbOfTxs"), first_text(element, "CtrlSum"), payments, element.sourceline)
    # Dt or the plain day of version 03; a time of the day says nothing more to us.
    day = first_text(element, "ReqdExctnDt/Dt", "ReqdExctnDt/DtTm", "ReqdExctnDt")[:10]
    try:
        execute_on = datetime.fromisoformat(day).date()
    except ValueError:
        raise UnsoundFile(Flaw.DATE, "The day of execution cannot be read.", element.sourceline) from None
    return Block(
        block_id=first_text(element, "PmtInfId"),
        currency=currencies.pop(),
        execute_on=execute_on,
        debtor=first_text(element, "Dbtr/Nm"),
        account=account_of(required(element, "DbtrAcct")),
        agent=_agent(element, "DbtrAgt"),
        payments=tuple(payment for payment, _ in payments),
    )


def _payment(element: etree._Element) -> tuple[Payment, str]:
    instructed = element.find(any_version("Amt/InstdAmt"))
    if instructed is None:
        raise UnsoundFile(Flaw.AMOUNT, "A payment names no instructed amount.", element.sourceline)
    amount, currency = amount_of(instructed)
    account = element.find(any_version("CdtrAcct"))
    payment = Payment(
        end_to_end_id=first_text(element, "PmtId/EndToEndId"),
        instruction_id=first_text(element, "PmtId/InstrId"),
        amount=amount,
        payee=first_text(element, "Cdtr/Nm"),
        account="" if account is None else account_of(account),
        agent=_agent(element, "CdtrAgt"),
        creditor_reference=first_text(element, "RmtInf/Strd/CdtrRefInf/Ref"),
        remittance=first_text(element, "RmtInf/Ustrd"),
    )
    return payment, currency


def _agent(element: etree._Element, name: str) -> Agent:
    inside = f"{name}/FinInstnId"
    return Agent(
        bic=first_text(element, f"{inside}/BICFI", f"{inside}/BIC"),
        clearing=first_text(element, f"{inside}/ClrSysMmbId/ClrSysId/Cd"),
        member=first_text(element, f"{inside}/ClrSysMmbId/MmbId"),
    )


def _check_counted(count: str, claimed: str, payments: list[tuple[Payment, str]], line: int | None) -> None:
    if count and int(count) != len(payments):
        raise UnsoundFile(Flaw.COUNT_MISMATCH, "The message does not count its payments.", line)
    figures = [Decimal(payment.amount).scaleb(-decimals(currency)) for payment, currency in payments]
    if claimed and Decimal(claimed) != sum(figures):
        raise UnsoundFile(Flaw.SUM_MISMATCH, "A control sum does not tie with the payments.", line)
