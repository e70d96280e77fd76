"""OFAC's list of Specially Designated Nationals: sdn.csv (12 columns), alt.csv (5), add.csv (6), "-0-" for nothing.

The three files are told apart by their columns. Births, nationalities and weak aliases stand in the remarks of sdn.csv.
"""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterator, Mapping

from django.utils.translation import gettext_lazy as _

from investors.screening.listed import (
    MAX_ENTRIES,
    MAX_TEXT,
    MONTHS,
    Birth,
    Kind,
    Listed,
    UnsoundList,
    day,
    decoded,
    month,
    unique,
    year,
)

PARTS = {12: "sdn", 5: "alt", 6: "add"}
NOTHING = "-0-"
END_OF_FILE = "\x1a"

BORN = re.compile(r"\bDOB ([^;.]+)")
DATED = r"(?:(?:(\d{1,2}) )?([A-Z][a-z]{2}) )?(\d{4})"
FROM_TO = re.compile(rf"{DATED}(?: to |-){DATED}")
ONCE = re.compile(DATED)
NICKNAME = re.compile(r"[afn]\.k\.a\. '(.+?)'(?=[;.,]|$)")
NATION = re.compile(r"\b(?:nationality|citizen) ([^;.(]+)")
BIRTHPLACE = re.compile(r"\bPOB [^;.]*?([^,;.]+)(?=[;.]|$)")


def part(data: bytes) -> str:
    """Which of the three files this is: ``sdn``, ``alt`` or ``add``. Raises UnsoundList."""
    first = next(_rows(data), None)
    if first is None or len(first) not in PARTS:
        raise UnsoundList(_("This is none of sdn.csv, alt.csv and add.csv."), line=1)
    return PARTS[len(first)]


def read(parts: Mapping[str, bytes]) -> list[Listed]:
    """The entries with what the other files know of them. Raises UnsoundList, also without sdn.csv."""
    if "sdn" not in parts:
        raise UnsoundList(_("Load sdn.csv first: alt.csv and add.csv only add to it."))
    aliases, countries = defaultdict(list), defaultdict(list)
    for row in _rows(parts.get("alt", b""), 5):
        aliases[row[0]].append(row[3])
    for row in _rows(parts.get("add", b""), 6):
        countries[row[0]].append(row[4])
    found = [_entry(row, aliases[row[0]], countries[row[0]]) for row in _rows(parts["sdn"], 12)]
    if len({one.number for one in found}) != len(found):
        raise UnsoundList(_("Two entries have the same number."))
    return found


def _rows(data: bytes, columns: int | None = None) -> Iterator[list[str]]:
    """Stripped cells, "" for nothing; the end-of-file sign that OFAC writes is passed over."""
    reader = csv.reader(io.StringIO(decoded(data, encodings=("utf-8-sig", "cp1252")), newline=""), strict=True)
    try:
        for number, row in enumerate(reader, start=1):
            if not row or row == [END_OF_FILE]:
                continue
            if number > MAX_ENTRIES or len(row) != (columns or len(row)):
                raise UnsoundList(_("Line %(line)s has too few or too many columns.") % {"line": number}, line=number)
            yield ["" if cell.strip() == NOTHING else cell.strip() for cell in row]
    except csv.Error:
        raise UnsoundList(_("The file is broken or cut off."), line=reader.line_num) from None


def _entry(row: list[str], aliases: list[str], addresses: list[str]) -> Listed:
    number, name, kind, remarks = row[0], row[1], row[2], row[11][:MAX_TEXT]
    if not number.isascii() or not number.isdigit() or not name:
        raise UnsoundList(_("An entry has no number or no name."))
    person = kind == Kind.INDIVIDUAL.value
    return Listed(
        number=number,
        kind=Kind.INDIVIDUAL if person else Kind.ENTITY,
        names=unique([name, *aliases]),
        weak=unique(NICKNAME.findall(remarks)),
        births=tuple(dict.fromkeys(_births(remarks))) if person else (),
        countries=unique([*NATION.findall(remarks), *BIRTHPLACE.findall(remarks), *addresses]),
        remarks=remarks,
    )


def _births(remarks: str) -> Iterator[Birth]:
    for told in BORN.findall(remarks):
        about, text = told.startswith("circa "), told.removeprefix("circa ")
        try:
            if span := FROM_TO.fullmatch(text):
                first, last = _day(*span.groups()[:3], about=about), _day(*span.groups()[3:], about=about)
                yield Birth(first.first, last.last, about)
            elif once := ONCE.match(text):
                yield _day(*once.groups(), about=about)
        except (ValueError, KeyError):
            continue  # a day that never was says nothing about a birth


def _day(number: str | None, name: str | None, of_year: str, *, about: bool) -> Birth:
    if name is None:
        return year(of_year, about=about)
    if number is None:
        return month(int(of_year), MONTHS[name.lower()], about=about)
    return day(f"{of_year}-{MONTHS[name.lower()]}-{number}", about=about)
