"""Telling a bank's files apart by their content, never by their name (D33), and reading them."""

import re
from typing import Any

from fund.payments.formats import camt
from fund.payments.formats.model import Statement, UnsoundFile
from fund.payments.models import Fault
from fund.refusal import Refusal

BEGINS_AS_XML = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*<")
# Header records: Zengin notices of incoming transfers and of movements (200 bytes); NACHA, which names its 94 bytes.
ZENGIN = re.compile(rb"1(?:01|03)[01][0-9]{18}[0-9]{4}[^\r\n]{174}(?:\r?\n)?[28]")
NACHA = re.compile(rb"101[ 0-9]{10}[ 0-9A-Z]{10}[0-9]{6}[ 0-9]{4}[0-9A-Z]094101")


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
    if not BEGINS_AS_XML.match(data):
        known = ZENGIN.match(data) or NACHA.match(data)
        raise Quarantined(Fault.FORMAT_NOT_READ if known else Fault.NOT_A_BANK_FILE)
    try:
        return camt.read(data)
    except UnsoundFile as flaw:
        raise Quarantined(Fault(flaw.code.value), detail=str(flaw)) from None
