"""What a sanctions list says, whichever authority wrote it. No tables here: the readers of the files end in these."""

import json
import re
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from hashlib import sha256
from typing import Any, Self

from django.utils.translation import gettext_lazy as _

from fund.refusal import Refusal

MAX_BYTES = 64 * 2**20
MAX_ENTRIES = 200_000
MAX_TEXT = 4000

MONTH_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec"
MONTHS = {name: number for number, name in enumerate(MONTH_NAMES.split(), start=1)}


class UnsoundList(Refusal):
    """A file is not the list that it is said to be, or not whole; nothing was loaded. ``facts["line"]`` names where."""

    code = "unsound_list"


class Kind(StrEnum):
    """Whom an entry is about; ships, aircraft and groups are entities."""

    INDIVIDUAL = "individual"
    ENTITY = "entity"


@dataclass(frozen=True)
class Birth:
    """Days between which somebody was born, both included. ``about``: the authority itself says "circa"."""

    first: date
    last: date
    about: bool = False

    def to_json(self) -> dict[str, Any]:
        return {"first": self.first.isoformat(), "last": self.last.isoformat(), "about": self.about}

    @classmethod
    def from_json(cls, kept: dict[str, Any]) -> Self:
        return cls(date.fromisoformat(kept["first"]), date.fromisoformat(kept["last"]), kept["about"])


@dataclass(frozen=True)
class Listed:
    """One entry. ``weak`` are aliases that the authority calls weak: nicknames, which match only as a whole."""

    number: str
    kind: Kind
    names: tuple[str, ...]
    weak: tuple[str, ...] = ()
    births: tuple[Birth, ...] = ()
    countries: tuple[str, ...] = ()
    remarks: str = ""
    digest: bytes = field(init=False, compare=False)

    def __post_init__(self) -> None:
        kept = [self.kind.value, self.names, self.weak, [one.to_json() for one in self.births], self.countries]
        text = json.dumps([*kept, self.remarks], ensure_ascii=False)
        object.__setattr__(self, "digest", sha256(text.encode()).digest())


def decoded(data: bytes, *, encodings: tuple[str, ...] = ("utf-8-sig",)) -> str:
    """The text of a list's file. Raises UnsoundList when it is too large or in none of the encodings."""
    if len(data) > MAX_BYTES:
        raise UnsoundList(_("The file is larger than a list can be."))
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UnsoundList(_("The file is not in an encoding that is read here."))


def unique(texts: list[str]) -> tuple[str, ...]:
    """Texts without blanks around them, without empty and repeated ones, in their order."""
    return tuple(dict.fromkeys(text for one in texts if (text := " ".join(one.split()))))


def year(text: str, *, about: bool = False) -> Birth:
    """Born some day in a year."""
    return years(text, text, about=about)


def years(first: str, last: str, *, about: bool = False) -> Birth:
    """Born some day in these years."""
    return Birth(date(int(first), 1, 1), date(int(last), 12, 31), about)


def day(text: str, *, about: bool = False) -> Birth:
    """Born on an ISO day, or within 1942-01 or 1942."""
    if re.fullmatch(r"\d{4}", text):
        return year(text, about=about)
    if re.fullmatch(r"\d{4}-\d{1,2}", text):
        return month(*map(int, text.split("-")), about=about)
    one = date(*map(int, text.split("-")))
    return Birth(one, one, about)


def month(of_year: int, number: int, *, about: bool = False) -> Birth:
    """Born some day in a month."""
    following = date(of_year + number // 12, number % 12 + 1, 1)
    return Birth(date(of_year, number, 1), date.fromordinal(following.toordinal() - 1), about)
