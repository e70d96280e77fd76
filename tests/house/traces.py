"""A scanner for planted texts: it finds each of them in every form in which data travels and is stored.

All forms of all texts are looked up at once: the data is cut into eight bytes at every offset, and those that begin a
form are compared in full. So a database's files are read in seconds, however many texts were planted.
"""

import base64
from collections.abc import Callable, Iterable, Iterator
from urllib.parse import quote

import numpy

WINDOW = 8
HEX_SIGNS = {bytes([sign]) for sign in b"0123456789abcdefABCDEF-"}
RANDOM = 24  # in so long a run of hex digits nine digits in a row are chance


def wide(text: str) -> str:
    return "".join(chr(ord(sign) + 0xFEE0) if "!" <= sign <= "~" else sign for sign in text)


def grouped(text: str) -> str:
    """As it is printed on the card: 536-90-4399, 6214 9832 0257."""
    if not text.isdecimal():
        return text
    return f"{text[:3]}-{text[3:5]}-{text[5:]}" if len(text) == 9 else " ".join((text[:4], text[4:8], text[8:]))


def in_base64(text: str, place: int) -> bytes:
    """What is always the same of its base64 when so many bytes stand before it."""
    raw = text.encode()
    whole = (place + len(raw)) * 8 // 6
    return base64.b64encode(bytes(place) + raw)[-(-place * 8 // 6) : whole]


FORMS: dict[str, Callable[[str], bytes]] = {
    "plain": lambda text: text.encode(),
    "dashed": lambda text: grouped(text).replace(" ", "-").encode(),
    "spaced": lambda text: grouped(text).replace("-", " ").encode(),
    "full width": lambda text: wide(text).encode(),
    "full width, dashed": lambda text: wide(grouped(text)).encode(),
    "in an address": lambda text: quote(wide(text)).encode(),
    "in JSON": lambda text: wide(text).encode("ascii", "backslashreplace"),
    "UTF-16": lambda text: text.encode("utf-16-le"),
    "base64": lambda text: in_base64(text, 0),
    "base64, one byte on": lambda text: in_base64(text, 1),
    "base64, two bytes on": lambda text: in_base64(text, 2),
    "base64, dashed": lambda text: in_base64(grouped(text), 0),
    "base64, full width": lambda text: in_base64(wide(text), 0),
    "hex": lambda text: text.encode().hex().encode(),
    "HEX": lambda text: text.encode().hex().upper().encode(),
    "reversed": lambda text: text[::-1].encode(),
}


class Scanner:
    """Finds planted texts; ``texts`` may name what each is, for telling it without showing it."""

    def __init__(self, texts: Iterable[str]) -> None:
        self.by_start: dict[int, list[tuple[bytes, str, str]]] = {}
        for text in texts:
            for form, written in FORMS.items():
                self._plant(written(text), text, form)
        self.starts = numpy.array(sorted(self.by_start), dtype=numpy.uint64)

    def _plant(self, core: bytes, text: str, form: str) -> None:
        assert len(core) >= WINDOW, (text, form)
        start = int.from_bytes(core[:WINDOW], "little")
        self.by_start.setdefault(start, []).append((core, text, form))

    def hits(self, data: bytes) -> set[tuple[str, str]]:
        """Which texts stand in the data, and in which forms."""
        return set(self._hits(data))

    def _hits(self, data: bytes) -> Iterator[tuple[str, str]]:
        for offset in range(WINDOW):
            count = (len(data) - offset) // WINDOW
            if count <= 0:
                return
            windows = numpy.frombuffer(data, dtype="<u8", count=count, offset=offset)
            place = numpy.searchsorted(self.starts, windows)
            place[place == len(self.starts)] = 0
            for index in numpy.flatnonzero(self.starts[place] == windows):
                at = offset + int(index) * WINDOW
                for core, text, form in self.by_start[int(windows[index])]:
                    if data.startswith(core, at) and not (form == "plain" and chance(data, at, len(core))):
                        yield text, form


def chance(data: bytes, at: int, length: int) -> bool:
    """Whether digits stand in the middle of a fingerprint or an id, where any digits may stand."""
    if not data[at : at + length].isdigit():
        return False
    first, last = at, at + length
    while first > 0 and last - first < RANDOM and data[first - 1 : first] in HEX_SIGNS:
        first -= 1
    while last < len(data) and last - first < RANDOM and data[last : last + 1] in HEX_SIGNS:
        last += 1
    run = data[first:last]
    return last - first >= RANDOM and not run.replace(b"-", b"").isdigit()
