"""Payment references (D27): one number in two forms.

Ten digits, of which the last is a Damm check digit, are the form for Japanese transfers, where the payer puts them
before the kana name. Damm tells every single wrong digit and every swap of neighbours. The same ten digits with "RF"
and two check digits are an ISO 11649 creditor reference. The first digit is never 0, so that no spreadsheet drops it.
"""

import re
import secrets

import jaconv
from stdnum import damm, iso11649
from stdnum.iso7064 import mod_97_10

BODY = re.compile(r"[1-9][0-9]{8}")
REFERENCE = re.compile(r"RF[0-9]{2}[1-9][0-9]{9}")
RF_IN_TEXT = re.compile(r"(?<![0-9A-Z])RF[\s-]?[0-9](?:[\s-]?[0-9]){11}(?![0-9])", re.IGNORECASE)
RF_AS_NUMBER = "2715"  # ISO 7064 counts letters from 10 on
NUMBER_BEFORE_NAME = re.compile(r"\s*([0-9]{10})(?![0-9])")


def create(body: str | None = None) -> str:
    """A reference such as RF361234567894, from nine given digits (first not 0) or random ones.

    Raises ValueError for another body. Random bodies can meet again: a unique constraint decides.
    """
    body = str(secrets.randbelow(900_000_000) + 100_000_000) if body is None else body
    if not BODY.fullmatch(body):
        raise ValueError("The body of a reference has nine digits and does not begin with 0.")
    return _with_rf(body + damm.calc_check_digit(body))


def is_reference(text: str) -> bool:
    """Whether this is a reference of ours in its plain RF form, both check digits right."""
    if REFERENCE.fullmatch(text) is None:
        return False
    return int(f"{text[4:]}{RF_AS_NUMBER}{text[2:4]}") % 97 == 1 and damm.checksum(text[4:]) == 0


def numeric(reference: str) -> str:
    """The ten digits for a Japanese transfer."""
    return reference[4:]


def printed(reference: str) -> str:
    """In groups of four, as ISO 11649 prints it: "RF36 1234 5678 94"."""
    return str(iso11649.format(reference))


def find_reference(text: str) -> str | None:
    """The first sound reference in free text, in its plain RF form, or None.

    Full-width or half-width, RF with spaces or hyphens anywhere; else the ten digits at the beginning, before the
    payer's name. Wrong check digits are no reference.
    """
    narrow = text if text.isascii() else jaconv.z2h(text, kana=False, digit=True, ascii=True)
    for found in RF_IN_TEXT.finditer(narrow):
        reference = re.sub(r"[\s-]", "", found[0]).upper()
        if is_reference(reference):
            return reference
    number = NUMBER_BEFORE_NAME.match(narrow)
    if number and number[1][0] != "0" and damm.checksum(number[1]) == 0:
        return _with_rf(number[1])
    return None


def _with_rf(ten_digits: str) -> str:
    return f"RF{mod_97_10.calc_check_digits(ten_digits + 'RF')}{ten_digits}"
