"""The consolidated list of the United Nations Security Council: one XML file, read without DTD, entities or network."""

from collections.abc import Iterator
from contextlib import suppress

from django.utils.translation import gettext_lazy as _
from lxml import etree

from fund.payments.formats.sound_xml import CHUNK, LARGEST_PART, SAFE
from investors.screening.listed import (
    MAX_ENTRIES,
    MAX_TEXT,
    Birth,
    Kind,
    Listed,
    UnsoundList,
    day,
    decoded,
    unique,
    year,
    years,
)

ROOT = "CONSOLIDATED_LIST"
KINDS = {"INDIVIDUAL": Kind.INDIVIDUAL, "ENTITY": Kind.ENTITY}
NAMES = ("FIRST_NAME", "SECOND_NAME", "THIRD_NAME", "FOURTH_NAME")
COUNTRIES = ("NATIONALITY/VALUE", "{kind}_ADDRESS/COUNTRY", "{kind}_PLACE_OF_BIRTH/COUNTRY")


def read(data: bytes) -> list[Listed]:
    """Every individual and entity. Raises UnsoundList for anything that is not whole, well-formed and of this list."""
    if "<!DOCTYPE" in decoded(data):
        raise UnsoundList(_("The file carries a document type definition."))
    found = [_entry(element) for element in _elements(data)]
    if not found or len({one.number for one in found}) != len(found):
        raise UnsoundList(_("The file holds no entries, or two of the same number."))
    return found


def _elements(data: bytes) -> Iterator[etree._Element]:
    """Each entry when it ends, emptied afterwards, so that memory stays flat."""
    parser = etree.XMLPullParser(events=("end",), tag=list(KINDS), **SAFE)
    count = since_last = 0
    try:
        for start in range(0, len(data), CHUNK):
            parser.feed(data[start : start + CHUNK])
            since_last += CHUNK
            for _event, element in parser.read_events():
                count, since_last = count + 1, 0
                yield element
                element.clear(keep_tail=True)
            if since_last > LARGEST_PART or count > MAX_ENTRIES:
                raise UnsoundList(_("The file has a larger entry, or more of them, than a list can have."))
        root = parser.close()
    except etree.XMLSyntaxError as error:
        raise UnsoundList(_("The file is broken or cut off."), line=error.lineno) from None
    if root.tag != ROOT:
        raise UnsoundList(_("This is not the consolidated list of the United Nations."))


def _entry(element: etree._Element) -> Listed:
    tag = str(element.tag)
    aliases = element.findall(f"{tag}_ALIAS")
    name = " ".join(_text(element, part) for part in NAMES)
    strong = [_text(one, "ALIAS_NAME") for one in aliases if _text(one, "QUALITY") != "Low"]
    number = _text(element, "REFERENCE_NUMBER")
    if not number or not name.strip():
        raise UnsoundList(_("An entry has no number or no name."), line=element.sourceline)
    return Listed(
        number=number,
        kind=KINDS[tag],
        names=unique([name, _text(element, "NAME_ORIGINAL_SCRIPT"), *strong]),
        weak=unique([_text(one, "ALIAS_NAME") for one in aliases if _text(one, "QUALITY") == "Low"]),
        births=tuple(dict.fromkeys(_births(element, tag))),
        countries=unique([one.text or "" for path in COUNTRIES for one in element.findall(path.format(kind=tag))]),
        remarks=_text(element, "COMMENTS1")[:MAX_TEXT],
    )


def _births(element: etree._Element, tag: str) -> Iterator[Birth]:
    """Days that never were say nothing about a birth."""
    for one in element.findall(f"{tag}_DATE_OF_BIRTH"):
        about = _text(one, "TYPE_OF_DATE") == "APPROXIMATELY"
        with suppress(ValueError, TypeError):
            if told := _text(one, "DATE"):
                yield day(told[:10], about=about)
            elif told := _text(one, "YEAR"):
                yield year(told, about=about)
            elif told := _text(one, "FROM_YEAR"):
                yield years(told, _text(one, "TO_YEAR") or told, about=about)


def _text(element: etree._Element, path: str) -> str:
    return str(element.findtext(path) or "").strip()
