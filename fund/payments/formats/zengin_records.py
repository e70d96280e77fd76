"""The order of records that all Zengin files share (D33): for each account a header (1), its data (2) and a trailer
(8); after the last one the end (9).

Text is read as Microsoft's Shift_JIS (cp932), which holds JIS X 0201, Shift_JIS and the letters banks add, such as 髙.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from fund.payments.formats.fixed_width import Layout, Record, lines, record
from fund.payments.formats.model import Flaw, UnsoundFile

ENCODING = "cp932"
MARKS = {"1": "header", "2": "data", "8": "trailer"}
MAY_FOLLOW = {"": "1", "1": "28", "2": "28", "8": "19"}


@dataclass(frozen=True, slots=True)
class Layouts:
    """One kind of Zengin file: the length of its records and their fields."""

    length: int
    header: Layout
    data: Layout
    trailer: Layout
    end: Layout

    def of(self, mark: str) -> Layout:
        """The fields of the record that begins with this digit."""
        return {"1": self.header, "2": self.data, "8": self.trailer, "9": self.end}[mark]


@dataclass(frozen=True, slots=True)
class Section:
    """What one account's records say."""

    header: Record
    data: list[Record]
    trailer: Record


def message_type(data: bytes) -> str:
    """種別コード, the two digits behind the first; empty unless this begins as a Zengin header in JIS or Shift_JIS."""
    head = data[:4].decode("ascii", "replace")
    return head[1:3] if len(head) == 4 and head[0] == "1" and head[1:3].isdigit() and head[3] in "01" else ""


def sections(data: bytes, layouts: Layouts) -> tuple[list[Section], Record]:
    """The accounts of a file and its end record, all in order. Raises UnsoundFile."""
    found: list[Section] = []
    header, told = Record(0, {}), list[Record]()
    for one in _ordered(lines(data, layouts.length), layouts):
        match one.fields["mark"]:
            case "1":
                if one.fields["code"] != "0":
                    raise one.unsound(Flaw.ENCODING, "The file is in EBCDIC and not in JIS.")
                header, told = one, []
            case "2":
                told.append(one)
            case "8":
                found.append(Section(header, told, one))
            case _:
                return found, one
    raise UnsoundFile(Flaw.MALFORMED, "The file is cut off: it has no end record.")


def _ordered(data: list[bytes], layouts: Layouts) -> Iterator[Record]:
    before = ""
    for number, line in enumerate(data, 1):
        mark = chr(line[0])
        if mark not in MAY_FOLLOW[before]:
            after = f"the {MARKS[before]} record" if before else "the beginning"
            raise UnsoundFile(Flaw.MALFORMED, f"A record is out of order behind {after}.", number)
        if mark == "9" and number < len(data):
            raise UnsoundFile(Flaw.MALFORMED, "The file goes on behind its end record.", number + 1)
        yield record(number, line, layouts.of(mark), ENCODING)
        before = mark
