"""Telling a bank's files apart by their content, never by their name (D33), and reading them."""

from typing import Any

from fund.payments.formats import camt
from fund.payments.formats.detect import Format, detect
from fund.payments.formats.model import Statement, UnsoundFile
from fund.payments.models import Fault
from fund.refusal import Refusal

# Reading any XML as a camt message says best what is wrong with it; what we send ourselves tells us nothing.
XML = {Format.CAMT_053, Format.CAMT_054, Format.PAIN_001, Format.PAIN_002, Format.OTHER_XML}
FROM_BANKS = {Format.ZENGIN_NOTICE, Format.ZENGIN_STATEMENT, Format.NACHA, Format.NACHA_RETURNS}


class Quarantined(Refusal):
    """The file is not sound: it was kept aside whole and nothing was posted. ``code`` is a ``Fault``."""

    def __init__(self, fault: Fault, *, detail: str = "", **facts: Any) -> None:
        super().__init__(fault.label, code=fault.value, detail=detail, **facts)
        self.fault = fault
        self.detail = detail


def read(data: bytes) -> tuple[Statement, ...]:
    """The statements of a sound camt.053 or camt.054. Raises Quarantined (D34).

    The detail says what and where, and repeats no value of the file.
    """
    found = detect(data)
    if found not in XML:
        raise Quarantined(Fault.FORMAT_NOT_READ if found in FROM_BANKS else Fault.NOT_A_BANK_FILE)
    try:
        return camt.read(data)
    except UnsoundFile as flaw:
        raise Quarantined(Fault(flaw.code.value), detail=str(flaw)) from None
