"""Who is paid and where, and whether every bank file of the currency can carry it."""

import re
from dataclasses import dataclass
from datetime import datetime

from stdnum.us import rtn

from fund.money import Currency
from fund.payments.formats.kana import to_zengin

ACH_ACCOUNT = re.compile(r"[0-9A-Za-z-]{1,17}", re.ASCII)
JAPANESE_ACCOUNT = re.compile(r"[0-9]{1,7}", re.ASCII)


@dataclass(frozen=True)
class Payee:
    """Who is paid and where. Personal where it is a citizen: then it exists in clear only in memory.

    ``kind`` is checking, savings, ordinary or current. For Japan ``name`` is in kana, ``bank`` has four digits and
    ``branch`` three; for the United States ``bank`` is the routing number. Nothing goes there before
    ``hold_until`` (D17).
    """

    name: str
    bank: str
    account: str
    branch: str = ""
    kind: str = ""
    hold_until: datetime | None = None


def complete(payee: Payee, currency: Currency) -> bool:
    """Whether every format of the currency can carry it, so that no approved run is found to be unwritable."""
    if not payee.name or not payee.bank.isdecimal():
        return False
    if currency is Currency.USD:
        return rtn.is_valid(payee.bank) and ACH_ACCOUNT.fullmatch(payee.account) is not None
    try:
        to_zengin(payee.name)
    except ValueError:
        return False
    return len(payee.bank) == 4 and len(payee.branch) == 3 and JAPANESE_ACCOUNT.fullmatch(payee.account) is not None
