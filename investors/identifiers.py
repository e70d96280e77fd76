"""Numbers that others have issued (D8): checked with the issuer's own rule, never with the issuer.

People type them with full-width digits, blanks and dashes of every kind; all of that is accepted and taken off.
"""

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from stdnum.exceptions import ValidationError as Wrong
from stdnum.jp import in_
from stdnum.us import itin as us_itin
from stdnum.us import rtn
from stdnum.us import ssn as us_ssn
from zengin_code import Bank

SEPARATORS = re.compile(r"[\s\-‐‑‒–—―−ー－_.]+")


def compact(text: str) -> str:
    """Digits and letters only: full width becomes ASCII, blanks and dashes go, letters are upper case."""
    return SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).upper()


def _checked(text: str, validate: Callable[[str], str], message: Any, code: str) -> str:
    number = compact(text)
    if not number.isascii():
        raise ValidationError(message, code=code)
    try:
        return validate(number)
    except Wrong:
        raise ValidationError(message, code=code) from None


def ssn(text: str) -> str:
    """Nine digits of a US Social Security number that can have been issued; 078-05-1120 and its like are refused."""
    message = _("This is not a Social Security number. It has nine digits: please compare it with your card.")
    return _checked(text, us_ssn.validate, message, "invalid_ssn")


def itin(text: str) -> str:
    """Nine digits of a US individual taxpayer identification number."""
    message = _(
        "This is not an ITIN. It has nine digits and begins with 9: please compare it with the letter of the IRS."
    )
    return _checked(text, us_itin.validate, message, "invalid_itin")


def my_number(text: str) -> str:
    """Twelve digits of a Japanese Individual Number whose check digit is right."""
    message = _("This is not a My Number. It has twelve digits: please compare it with your card or notice.")
    return _checked(text, in_.validate, message, "invalid_my_number")


def routing_number(text: str) -> str:
    """Nine digits of an ABA routing number whose check digit is right."""
    message = _("This is not a routing number. It is the nine digits at the bottom left of a check.")
    return _checked(text, rtn.validate, message, "invalid_routing_number")


def account_number(text: str) -> str:
    """4 to 17 digits or letters of an account at a US bank."""
    number = compact(text)
    if not re.fullmatch(r"[0-9A-Z]{4,17}", number):
        raise ValidationError(_("An account number has 4 to 17 digits."), code="invalid_account_number")
    return number


def japanese_account_number(text: str) -> str:
    """Seven digits of an account at a Japanese bank; shorter numbers are filled with zeros from the left."""
    number = compact(text)
    if not re.fullmatch(r"[0-9]{4,7}", number):
        raise ValidationError(_("An account number has seven digits."), code="invalid_account_number")
    return number.zfill(7)


def bank_code(text: str) -> str:
    """Four digits of a bank in Japan."""
    code = compact(text)
    if code not in Bank.all:
        raise ValidationError(_("No bank in Japan has this code."), code="unknown_bank")
    return code


def branch_code(text: str, *, bank: str) -> str:
    """Three digits of a branch of this bank."""
    code = compact(text)
    if code not in Bank[bank].branches:
        raise ValidationError(_("This bank has no branch with this code."), code="unknown_branch")
    return code


def document_number(text: str) -> str:
    """The number of an identity document: 5 to 20 letters and digits."""
    number = compact(text)
    if not re.fullmatch(r"[0-9A-Z]{5,20}", number):
        raise ValidationError(_("A document number has 5 to 20 letters and digits."), code="invalid_document_number")
    return number
