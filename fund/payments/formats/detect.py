"""Telling a bank's files apart by their content, never by their name (D33). What is told is not yet proved sound."""

import re
from enum import StrEnum

from fund.payments.formats.sound_xml import CHUNK
from fund.payments.formats.zengin_records import message_type


class Format(StrEnum):
    """The kinds of files that the formats know."""

    CAMT_053 = "camt.053"
    CAMT_054 = "camt.054"
    PAIN_001 = "pain.001"
    PAIN_002 = "pain.002"
    OTHER_XML = "xml"
    """XML of another kind, or not in UTF-8; reading it as a message says what is wrong with it."""
    ZENGIN_NOTICE = "zengin.01"
    ZENGIN_STATEMENT = "zengin.03"
    ZENGIN_TRANSFERS = "zengin.21"
    NACHA = "nacha"
    NACHA_RETURNS = "nacha.returns"
    """Returns and notifications of change."""


BEGINS_AS_XML = re.compile(rb"(?:\xef\xbb\xbf|\xff\xfe|\xfe\xff)?[\s\0]*<")
MESSAGE = re.compile(
    rb"""<(?:[^<>/:\s]{1,60}:)?Document\s[^<>]*?["']urn:iso:std:iso:20022:tech:xsd:((?:camt|pain)\.[0-9]{3})\."""
)
END = rb"(?:\r\n|\r|\n|(?<=[^\r\n]{%d}))"  # a line ending, or a record that is full
NACHA_HEADER = rb"101[ 0-9]{10}[ 0-9A-Z]{10}[0-9]{6}[ 0-9]{4}[0-9A-Z]094101"
NACHA = re.compile(NACHA_HEADER)
# The first entry has the transaction code of a return: 21, 26 and their like.
NACHA_RETURNS = re.compile(
    NACHA_HEADER + rb"[^\r\n]{0,54}" + END % 94 + rb"5[^\r\n]{86,93}" + END % 94 + rb"6[2-5][16]"
)
# A header, at least up to its last field that is never blank, and the beginning of the next record.
ZENGIN = re.compile(
    rb"101[01][0-9]{6}[0-9 ]{12}[0-9]{4}[^\r\n]{41,174}" + END % 200 + rb"[28]"
    rb"|103[01][0-9]{6}[0-9 ]{12}[0-9]{4}[^\r\n]{103,174}" + END % 200 + rb"[28]"
    rb"|121[01][0-9]{10}[^\r\n]{89,106}" + END % 120 + rb"[28]"
)


def detect(data: bytes) -> Format | None:
    """Which kind of file these bytes seem to be, or None."""
    if BEGINS_AS_XML.match(data):
        found = MESSAGE.search(data[:CHUNK])
        name = found[1].decode() if found else ""
        return Format(name) if name in Format else Format.OTHER_XML
    if NACHA.match(data):  # first, for Zengin asks for less
        return Format.NACHA_RETURNS if NACHA_RETURNS.match(data) else Format.NACHA
    if ZENGIN.match(data):
        return Format(f"zengin.{message_type(data)}")
    return None
