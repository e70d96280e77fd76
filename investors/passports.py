"""The machine-readable zone of a passport (D8, ICAO 9303 TD3): two lines of 44 characters with check digits."""

import unicodedata
from dataclasses import dataclass
from datetime import date

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

WIDTH = 44
VALUES = {sign: value for value, sign in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}


@dataclass(frozen=True)
class Zone:
    """What the second line says. Dates are YYMMDD as printed: a passport does not print the century."""

    number: str
    issuer: str
    nationality: str
    born: str
    expires: str

    def is_of(self, *, number: str, born: date | None, expires: date | None) -> bool:
        """Whether this is the zone of the passport and person described."""
        dates = [(self.born, born), (self.expires, expires)]
        return self.number == number and all(told is None or f"{told:%y%m%d}" == printed for printed, told in dates)


def check_digit(text: str) -> str:
    """The ICAO 9303 check digit: weights 7, 3, 1, modulo ten. Raises KeyError for a character that is not allowed."""
    return str(sum(VALUES[sign] * (7, 3, 1)[place % 3] for place, sign in enumerate(text)) % 10)


def read_zone(text: str) -> Zone:
    """Read the two lines, as typed or scanned. Raises ValidationError when a check digit does not fit."""
    lines = [line.replace(" ", "") for line in unicodedata.normalize("NFKC", text).upper().splitlines() if line.strip()]
    signs = "".join(lines)
    if len(signs) != 2 * WIDTH or not signs.startswith("P") or not set(signs) <= VALUES.keys():
        raise ValidationError(
            _("The machine-readable zone is two lines of 44 characters at the foot of the passport's photo page."),
            code="invalid_mrz",
        )
    first, second = signs[:WIDTH], signs[WIDTH:]
    personal = second[28:42]
    checked = [
        (second[0:9], second[9]),
        (second[13:19], second[19]),
        (second[21:27], second[27]),
        (personal, "0" if second[42] == "<" and not personal.strip("<") else second[42]),
        (second[0:10] + second[13:20] + second[21:43], second[43]),
    ]
    if any(check_digit(part) != digit for part, digit in checked):
        raise ValidationError(
            _("A check digit of the machine-readable zone does not fit. Please compare each character."),
            code="invalid_mrz",
        )
    return Zone(
        number=second[0:9].rstrip("<"),
        issuer=first[2:5],
        nationality=second[10:13],
        born=second[13:19],
        expires=second[21:27],
    )
