"""Files of fixed-width records, which Zengin and NACHA share: bytes to records to named fields, and back (D34).

A file is cut first and decoded after, field by field: widths count bytes, and a character across two fields is a fault.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fund.payments.formats.model import Flaw, UnsoundFile
from fund.payments.formats.sound_xml import MAX_BYTES, MAX_PARTS

ENDING = re.compile(rb"\r\n|\r|\n")
DIGITS = re.compile(r"[0-9]+")
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")

type Layout = Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class Record:
    """One record as named fields. `line` counts records from 1."""

    line: int
    fields: dict[str, str]

    def text(self, name: str) -> str:
        """Without the blanks that fill it up."""
        return self.fields[name].rstrip(" ")

    def digits(self, name: str) -> str:
        """All of the field, which must be digits. Raises UnsoundFile."""
        if not DIGITS.fullmatch(self.fields[name]):
            raise self.unsound(Flaw.SCHEMA, f"The field {name} must be all digits.")
        return self.fields[name]

    def number(self, name: str) -> int:
        """Raises UnsoundFile unless every place is a digit."""
        return int(self.digits(name))

    def unsound(self, code: Flaw, reason: str) -> UnsoundFile:
        """A refusal that names this line."""
        return UnsoundFile(code, reason, self.line)


def lines(data: bytes, length: int, *, limit: int = MAX_BYTES) -> list[bytes]:
    """Records of `length` bytes, parted by CR, LF, CRLF or nothing; blanks trimmed from their ends are put back.

    Raises UnsoundFile. A mark of the end of file (1A) and empty lines after the last record say nothing.
    """
    if len(data) > limit:
        raise UnsoundFile(Flaw.TOO_LARGE, f"The file has {len(data)} bytes; at most {limit} are taken.")
    if len(data) > MAX_PARTS * length:
        raise UnsoundFile(Flaw.TOO_MANY_PARTS, f"The file has more than {MAX_PARTS} records.")
    body = data.rstrip(b"\x1a\r\n")
    endings = {found[0] for found in ENDING.finditer(body)}
    if len(endings) > 1:
        raise UnsoundFile(Flaw.MALFORMED, "The records of the file end in different ways.")
    if endings:
        parted = body.split(endings.pop())
    else:
        parted = [body[start : start + length] for start in range(0, len(body), length)]
    for number, line in enumerate(parted, 1):
        if not 0 < len(line) <= length:
            raise UnsoundFile(Flaw.MALFORMED, f"A record has {len(line)} bytes instead of {length}.", number)
    return [line.ljust(length) for line in parted]


def record(line: int, data: bytes, layout: Layout, encoding: str) -> Record:
    """The fields of one record. Raises UnsoundFile for a byte that is no text."""
    told = {}
    start = 0
    for name, length in layout:
        try:
            told[name] = data[start : start + length].decode(encoding)
        except UnicodeDecodeError:
            raise UnsoundFile(Flaw.ENCODING, f"The field {name} is not in {encoding}.", line) from None
        if CONTROL.search(told[name]):
            raise UnsoundFile(Flaw.ENCODING, f"The field {name} has a control character.", line)
        start += length
    return Record(line, told)


def compose(layout: Layout, encoding: str, **values: str | int) -> bytes:
    """A record of these values: numbers to the right with zeros in front, text to the left, all else blank.

    Raises ValueError for a value that does not fit or cannot be encoded.
    """
    unknown = values.keys() - dict(layout).keys()
    if unknown:
        raise ValueError(f"The record has no field {', '.join(sorted(unknown))}.")
    return b"".join(_field(name, length, values.get(name, ""), encoding) for name, length in layout)


def _field(name: str, length: int, value: str | int, encoding: str) -> bytes:
    if isinstance(value, int):
        if value < 0:
            raise ValueError(f"The field {name} cannot be negative.")
        value = str(value).zfill(length)
    if CONTROL.search(value):
        raise ValueError(f"The field {name} cannot hold a control character.")
    try:
        written = value.encode(encoding)
    except UnicodeEncodeError:
        raise ValueError(f"The field {name} cannot be written in {encoding}.") from None
    if len(written) > length:
        raise ValueError(f"The field {name} has {length} places and needs {len(written)}.")
    return written.ljust(length)
