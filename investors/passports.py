"""The machine-readable zone of a passport (D8, ICAO 9303 TD3): two lines of 44 characters with check digits."""

import re
import unicodedata
from dataclasses import dataclass
from datetime import date

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from investors import names

WIDTH = 44
VALUES = {sign: value for value, sign in enumerate("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")} | {"<": 0}


# What passports print for letters beyond A to Z (ICAO 9303-3, table A): each of these ways is in use.
PRINTED = {
    "Ä": ("AE", "A"), "Å": ("AA", "A"), "Æ": ("AE",), "Ð": ("D",), "Ñ": ("NXX", "N"), "Ö": ("OE", "O"), "Ø": ("OE",),
    "Ü": ("UXX", "UE", "U"), "ß": ("SS",), "Þ": ("TH",), "Đ": ("D",), "Ł": ("L",), "Œ": ("OE",), "ẞ": ("SS",),
}  # fmt: skip
WAYS = 3  # the most entries above


@dataclass(frozen=True)
class Zone:
    """What the zone says. Dates are YYMMDD as printed: a passport does not print the century.

    ``family`` and ``given``: as printed, words separated by single blanks. ``cut``: there was no room for all of it.
    """

    number: str
    issuer: str
    nationality: str
    born: str
    expires: str
    family: str
    given: str
    cut: bool

    @property
    def expires_on(self) -> date | None:
        """The day it expires: no passport is valid for longer than ten years, so the century is this one."""
        try:
            return date(2000 + int(self.expires[:2]), int(self.expires[2:4]), int(self.expires[4:]))
        except ValueError:
            return None

    def is_born(self, day: date) -> bool:
        return f"{day:%y%m%d}" == self.born

    def is_named(self, *, family: str, given: str) -> bool:
        """Whether this is the zone of that name. Of the given names either side may have more than the other.

        Long vowels are compared as everywhere (OH, OU and O are one), because passports allow all of them.
        """
        if self.cut and _shortened(family, self.family) and _shortened(given, self.given):
            return True
        names_given = _printings(given), _printings(self.given)
        return bool(_printings(family) & _printings(self.family)) and any(
            one.startswith(other) or other.startswith(one)
            for one in names_given[0]
            for other in names_given[1]
            if bool(one) == bool(other)
        )


def _printings(name: str) -> set[str]:
    """The ways in which a passport could print a name, in the form for comparing."""
    signs = [PRINTED.get(sign, (sign,)) for sign in unicodedata.normalize("NFC", name).upper()]
    return {names.latin_form("".join(ways[min(way, len(ways) - 1)] for ways in signs)) for way in range(WAYS)}


def _shortened(name: str, printed: str) -> bool:
    """Whether a name without room was printed like this: words from the right left out or cut, down to one letter."""
    words, kept = re.split(r"[\s\-‐]+", name.strip()), printed.split()
    return len(kept) <= len(words) and all(
        any(way.startswith(names.latin_form(short)) for way in _printings(word))
        for word, short in zip(words, kept, strict=False)
    )


def check_digit(text: str) -> str:
    """The ICAO 9303 check digit: weights 7, 3, 1, modulo ten. Raises KeyError for a character that is not allowed."""
    return str(sum(VALUES[sign] * (7, 3, 1)[place % 3] for place, sign in enumerate(text)) % 10)


def check_zone(text: str) -> str:
    """The two lines, as printed. Raises ValidationError as ``read_zone``."""
    read_zone(text)
    signs = _signs(text)
    return f"{signs[:WIDTH]}\n{signs[WIDTH:]}"


def _signs(text: str) -> str:
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", text).upper()).replace("‹", "<").replace("«", "<<")


def read_zone(text: str) -> Zone:
    """Read the two lines, as typed or scanned. Raises ValidationError when a check digit does not fit."""
    signs = _signs(text)
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
    family, _between, given = first[5:].partition("<<")
    return Zone(
        number=second[0:9].rstrip("<"),
        issuer=first[2:5].rstrip("<"),
        nationality=second[10:13].rstrip("<"),
        born=second[13:19],
        expires=second[21:27],
        family=_words(family),
        given=_words(given),
        cut=not first.endswith("<"),
    )


def _words(printed: str) -> str:
    return re.sub("<+", " ", printed).strip()
