"""pain.001: what is written passes the registered schema and is read again; what could pay twice is refused (D33)."""

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from fund.payments.formats import pain, pain_orders
from fund.payments.formats.model import Flaw, UnsoundFile
from tests.fund.payments.formats.bank import SAMPLES, SHARED, needs_shared, spoiled

TEXT = st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=30)
MAYBE_TEXT = st.just("") | TEXT
ACCOUNTS = TEXT | st.just("DE89370400440532013000")
AGENTS = st.builds(pain.Agent, clearing=st.sampled_from(["USABA", "JPZGN"]), member=TEXT) | st.just(
    pain.Agent(bic="BOFAUS3NXXX")
)


def payment(amount: int = 10_000, number: int = 1, **told: Any) -> pain.Payment:
    plain: dict[str, Any] = {
        "end_to_end_id": f"P{number}",
        "amount": amount,
        "payee": "ヤマダ　タロウ",
        "account": "7654321",
        "agent": pain.Agent(clearing=pain.JAPANESE_BANK, member="0001110"),
    }
    return pain.Payment(**plain | told)


def block(*payments: pain.Payment, **told: Any) -> pain.Block:
    plain: dict[str, Any] = {
        "block_id": "RUN-1/JPY",
        "currency": "JPY",
        "execute_on": date(2026, 7, 3),
        "debtor": "Kakehashi",
        "account": "0009-001-2-1234567",
        "agent": pain.Agent(clearing=pain.JAPANESE_BANK, member="0009001"),
        "payments": payments,
    }
    return pain.Block(**plain | told)


def made(*blocks: pain.Block, **told: Any) -> pain.Initiation:
    plain: dict[str, Any] = {
        "message_id": "RUN-1",
        "created_at": datetime(2026, 7, 2, 4, 5, 6, tzinfo=UTC),
        "initiator": "Kakehashi",
        "blocks": blocks,
    }
    return pain.Initiation(**plain | told)


def dollars(*payments: pain.Payment, **told: Any) -> pain.Block:
    us = {"block_id": "RUN-1/USD", "currency": "USD", "account": "000123456789", "agent": pain.Agent(bic="BOFAUS3N")}
    return block(*payments, **us | told)


BOTH = made(block(payment(250_000)), dollars(payment(123_45, 2), payment(5, 3, creditor_reference="RF361234567894")))


def refusal(data: bytes) -> UnsoundFile:
    with pytest.raises(UnsoundFile) as caught:
        pain.read(data)
    return caught.value


def registered(message: str) -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SHARED / "iso20022" / "xsd" / f"{message}.xsd"))


JUDGES = {message: registered(message) for message in pain.ORDERS} if SHARED.is_dir() else {}


@st.composite
def initiations(draw: st.DrawFn) -> pain.Initiation:
    blocks = []
    number = 0
    for place in range(draw(st.integers(1, 3))):
        payments = []
        for _ in range(draw(st.integers(1, 4))):
            number += 1
            payments.append(
                pain.Payment(
                    end_to_end_id=f"{number}-{draw(TEXT)}",
                    instruction_id=draw(MAYBE_TEXT),
                    amount=draw(st.integers(1, 10**13)),
                    payee=draw(TEXT),
                    account=draw(ACCOUNTS),
                    agent=draw(st.just(pain.Agent()) | AGENTS),
                    creditor_reference=draw(st.sampled_from(["", "RF361234567894", "INVOICE 7"])),
                    remittance=draw(MAYBE_TEXT),
                )
            )
        blocks.append(
            pain.Block(
                block_id=f"{place}-{draw(TEXT)}",
                currency=draw(st.sampled_from(["USD", "JPY"])),
                execute_on=date(2026, 7, place + 1),
                debtor=draw(TEXT),
                account=draw(ACCOUNTS),
                agent=draw(AGENTS),
                payments=tuple(payments),
            )
        )
    moment = draw(st.datetimes(datetime(2020, 1, 1), datetime(2035, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
    return made(*blocks, message_id=draw(TEXT), created_at=moment, initiator=draw(TEXT))


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(initiation=initiations(), message=st.sampled_from(pain.ORDERS))
def test_what_is_written_is_read_again(initiation: pain.Initiation, message: str) -> None:
    data = pain.write(initiation, message=message)
    assert pain.read(data) == initiation
    if JUDGES:
        assert JUDGES[message].validate(etree.fromstring(data)), JUDGES[message].error_log


@needs_shared
@pytest.mark.parametrize("message", pain.ORDERS)
def test_the_registered_schema_would_see_a_fault(message: str) -> None:
    data = pain.write(BOTH, message=message)
    assert JUDGES[message].validate(etree.fromstring(data))
    assert not JUDGES[message].validate(etree.fromstring(spoiled(data, "<PmtMtd>TRF<", "<PmtMtd>XXX<")))


@pytest.mark.parametrize("message", pain.ORDERS)
def test_what_the_bank_sees(message: str) -> None:
    data = pain.write(BOTH, message=message)
    root = etree.fromstring(data)
    assert root.findtext(".//{*}GrpHdr/{*}NbOfTxs") == "3"
    assert Decimal(root.findtext(".//{*}GrpHdr/{*}CtrlSum") or "") == Decimal("250123.50")
    assert [one.findtext("{*}NbOfTxs") for one in root.iter("{*}PmtInf")] == ["1", "2"]
    assert [one.findtext("{*}CtrlSum") for one in root.iter("{*}PmtInf")] == ["250000", "123.50"]
    assert [(one.get("Ccy"), one.text) for one in root.iter("{*}InstdAmt")] == [
        ("JPY", "250000"),
        ("USD", "123.45"),
        ("USD", "0.05"),
    ]
    (reference,) = root.iter("{*}CdtrRefInf")
    assert reference.findtext("{*}Ref") == "RF361234567894"
    assert reference.findtext("{*}Tp/{*}CdOrPrtry/{*}Cd") == "SCOR" and reference.findtext("{*}Tp/{*}Issr") == "ISO"
    day = "{*}ReqdExctnDt/{*}Dt" if message.endswith("09") else "{*}ReqdExctnDt"
    assert {one.findtext(day) for one in root.iter("{*}PmtInf")} == {"2026-07-03"}
    assert {one.text for one in root.iter("{*}ChrgBr")} == {"DEBT"}
    assert root.findtext(".//{*}BICFI" if message.endswith("09") else ".//{*}BIC") == "BOFAUS3N"


def test_another_reference_is_not_called_isos() -> None:
    root = etree.fromstring(pain.write(made(block(payment(creditor_reference="RF351234567894")))))
    assert root.findtext(".//{*}CdtrRefInf/{*}Tp/{*}Issr") is None


@pytest.mark.parametrize(
    ("bad", "why"),
    [
        (made(block(payment(), payment())), "end-to-end"),
        (made(block(payment()), dollars(payment())), "end-to-end"),
        (made(block(payment()), dollars(payment(number=2), block_id="RUN-1/JPY")), "same id"),
        (made(block(payment()), block(payment(number=2), block_id="2")), "account, currency and day"),
        (made(block(payment(0))), "above zero"),
        (made(block(payment(-1))), "above zero"),
        (made(), "schema"),
        (made(block()), "."),
        (made(block(payment(end_to_end_id=""))), "."),
        (made(block(payment(end_to_end_id="X" * 36))), "schema"),
        (made(block(payment(payee="X" * 141))), "schema"),
        (made(block(payment(payee=" X"))), "all that"),
        (made(block(payment(payee="X\x00"))), "XML"),
        (made(block(payment(remittance="X" * 141))), "schema"),
        (made(block(payment(account="X" * 35))), "schema"),
        (made(block(payment()), message_id="X" * 36), "schema"),
        (made(block(payment()), message_id=""), "schema"),
        (made(block(payment(), agent=pain.Agent())), "schema"),
        (made(block(payment(), agent=pain.Agent(bic="bofa"))), "schema"),
        (made(block(payment(), currency="Yen")), "schema"),
    ],
)
def test_what_a_message_cannot_carry_or_could_pay_twice_is_not_written(bad: pain.Initiation, why: str) -> None:
    for message in pain.ORDERS:
        with pytest.raises(ValueError, match=why):
            pain.write(bad, message=message)
    assert pain.write(made(block(payment()), block(payment(number=2), block_id="2", execute_on=date(2026, 7, 6))))


def test_only_the_known_versions_are_written() -> None:
    with pytest.raises(ValueError, match="written as"):
        pain.write(BOTH, message="pain.001.001.08")


SOUND = pain.write(BOTH)


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("<NbOfTxs>3<", "<NbOfTxs>2<", Flaw.COUNT_MISMATCH),
        ("<NbOfTxs>2<", "<NbOfTxs>3<", Flaw.COUNT_MISMATCH),
        ("<CtrlSum>250123.50<", "<CtrlSum>250123.51<", Flaw.SUM_MISMATCH),
        ("<CtrlSum>123.50<", "<CtrlSum>123.51<", Flaw.SUM_MISMATCH),
        (">123.45<", ">123.46<", Flaw.SUM_MISMATCH),
        (">123.45<", ">123.450<", Flaw.AMOUNT),
        ('Ccy="USD">123.45', 'Ccy="JPY">12345', Flaw.CURRENCY_MIXED),
        ("<Ccy>JPY<", "<Ccy>USD<", Flaw.CURRENCY_MIXED),
        ("<Dt>2026-07-03<", "<Dt>-0044-03-15<", Flaw.DATE),
        ("<PmtMtd>TRF<", "<PmtMtd>XXX<", Flaw.SCHEMA),
        ("pain.001.001.09", "pain.001.001.08", Flaw.UNKNOWN_MESSAGE),
        ("pain.001.001.09", "pain.001.001.03", Flaw.SCHEMA),
        ("<Document", "<!DOCTYPE Document>\n<Document", Flaw.DOCTYPE),
        ("</PmtInf>", "", Flaw.MALFORMED),
    ],
)
def test_one_fault_refuses_the_message(old: str, new: str, code: Flaw) -> None:
    assert pain.read(SOUND) == BOTH
    assert refusal(spoiled(SOUND, old, new)).code is code


def test_without_its_check_a_false_sum_would_be_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    false = spoiled(SOUND, ">123.45<", ">123.46<")
    refusal(false)
    monkeypatch.setattr(pain_orders, "_check_counted", lambda *_: None)
    assert pain.read(false) != BOTH


def test_without_its_check_a_payment_would_be_made_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    twice = made(block(payment(), payment()))
    monkeypatch.setattr(pain_orders, "_check_once", lambda _: None)
    assert len(pain.read(pain.write(twice)).blocks[0].payments) == 2


def test_a_message_cut_off_anywhere_is_refused() -> None:
    for length in [*range(0, len(SOUND) - 1, 64), len(SOUND.rstrip()) - 1]:
        refusal(SOUND[:length])


@needs_shared
def test_the_published_sample_mixes_currencies_in_one_block() -> None:
    """Its version is not read; taken for the next one, it is sound but for the block of three currencies."""
    data = (SAMPLES / "pain.001.001.08_ABC_JPY_EUR_USD.xml").read_bytes()
    assert refusal(data).code is Flaw.UNKNOWN_MESSAGE
    newer = data.replace(b"pain.001.001.08", b"pain.001.001.09")
    assert refusal(newer).code is Flaw.CURRENCY_MIXED
    in_euro = newer.replace(b'Ccy="JPY"', b'Ccy="EUR"').replace(b'Ccy="USD"', b'Ccy="EUR"')
    (only,) = pain.read(in_euro).blocks
    assert [one.amount for one in only.payments] == [1_000_000_000, 50_000_000, 100_000_000]
    assert refusal(in_euro.replace(b"<CtrlSum>11500000", b"<CtrlSum>11500001")).code is Flaw.SUM_MISMATCH


def test_the_order_of_blocks_and_payments_is_kept() -> None:
    turned = replace(BOTH, blocks=BOTH.blocks[::-1])
    assert pain.read(pain.write(turned)) == turned != BOTH
