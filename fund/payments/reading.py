"""Telling a bank's files apart by their content, never by their name (D33), and reading them."""

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from fund.money import Currency
from fund.payments.formats import camt, nacha, pain, zengin
from fund.payments.formats.detect import Format, detect
from fund.payments.formats.model import Statement, UnsoundFile, identified
from fund.payments.formats.sound_xml import MAX_BYTES
from fund.payments.models import BankAccount, BankFile, Fault
from fund.refusal import Refusal

# Reading any XML as a camt message says best what is wrong with it; what we send ourselves tells us nothing.
CAMT = {Format.CAMT_053, Format.CAMT_054, Format.PAIN_001, Format.OTHER_XML}
ZENGIN_ORDINARY = "1"  # 預金種目 普通


class Quarantined(Refusal):
    """The file is not sound: it was kept aside whole and nothing was posted. ``code`` is a ``Fault``."""

    def __init__(self, fault: Fault, *, detail: str = "", **facts: Any) -> None:
        super().__init__(fault.label, code=fault.value, detail=detail, **facts)
        self.fault = fault
        self.detail = detail


@dataclass(frozen=True)
class Told:
    """What a sound file says: the entries of our accounts, or what became of payments that we sent."""

    kind: BankFile.Kind
    statements: tuple[Statement, ...] = ()
    report: pain.StatusReport | None = None
    returns: nacha.AchFile | None = None


def read(data: bytes, *, today: date) -> Told:
    """What the file says, whichever format it is in. Raises Quarantined for an unsound one (D34).

    ``today`` is any day near the file's: Zengin dates name no era. The detail of a refusal says what and where, and
    repeats no value of the file.
    """
    if len(data) > MAX_BYTES:
        raise Quarantined(Fault.TOO_LARGE)
    found = detect(data)
    try:
        match found:
            case Format.ZENGIN_NOTICE | Format.ZENGIN_STATEMENT:
                return Told(BankFile.Kind(found), statements=_by_our_code(zengin.read(data, today=today)))
            case Format.PAIN_002:
                return Told(BankFile.Kind.STATUS_REPORT, report=pain.read_status(data))
            case Format.NACHA_RETURNS:
                return Told(BankFile.Kind.RETURNS, returns=nacha.read(data))
            case _ if found in CAMT:
                statements = camt.read(data)
                return Told(BankFile.Kind(f"camt.{statements[0].kind}"), statements=statements)
    except UnsoundFile as flaw:
        raise Quarantined(Fault(flaw.code.value), detail=str(flaw)) from None
    raise Quarantined(Fault.NOT_A_BANK_FILE)


def _by_our_code(statements: tuple[Statement, ...]) -> tuple[Statement, ...]:
    """Zengin files call an account by bank, branch, kind and number, which the fund knows under a code of its own."""
    ours = {
        zengin.account(one.routing[:4], one.routing[4:], ZENGIN_ORDINARY, one.number): one.code
        for one in BankAccount.objects.filter(currency=Currency.JPY)
        if len(one.routing) == 7
    }
    return identified([replace(one, account=ours.get(one.account, one.account)) for one in statements])
