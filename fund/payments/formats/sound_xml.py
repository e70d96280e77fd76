"""The gate in front of every XML message: nothing is read from bytes that did not pass here (D34).

Cheap refusals come first: size, encoding, DOCTYPE, number of parts. Then the file is streamed once. libxml2 loads,
expands and fetches nothing, and holds what it reads against the schema as it goes; each named part is handed to the
reader when it ends and emptied, so that memory stays flat. Only a file that fails is read again, for reason and line.
A file may break at its very end: what was read counts only once `parts` has ended without UnsoundFile.
"""

import re
from codecs import getincrementaldecoder
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from typing import Any, Never

from lxml import etree

from fund.payments.formats.model import Flaw, UnsoundFile
from fund.payments.formats.schema import NAMESPACE, schema

MAX_BYTES = 64 * 2**20
MAX_PARTS = 400_000
LARGEST_PART = 2**19
CHUNK = 2**16
XINCLUDE = "http://www.w3.org/2001/XInclude"
DECLARED_ENCODING = re.compile(rb"""(?:\xef\xbb\xbf)?<\?xml\s[^>]*?encoding\s*=\s*["']([^"']*)["']""")
ELEMENT = re.compile(r"Element '(?:\{[^}]{0,200}\})?([^']{1,60})'")
SAFE: dict[str, Any] = {
    "encoding": "utf-8",  # whatever the file says of itself; another claim has been refused by then
    "resolve_entities": False,
    "load_dtd": False,
    "no_network": True,
    "huge_tree": False,
    "remove_comments": True,
    "remove_pis": True,
    "remove_blank_text": True,
}


def admit(data: bytes, *, known: Collection[str], limit: int = MAX_BYTES) -> str:
    """The message's name, such as "camt.053.001.08", of bytes that are safe to parse. Raises UnsoundFile."""
    if len(data) > limit:
        raise UnsoundFile(Flaw.TOO_LARGE, f"The file has {len(data)} bytes; at most {limit} are taken.")
    _check_encoding(data)
    if b"<!DOCTYPE" in data:
        line = data.count(b"\n", 0, data.index(b"<!DOCTYPE")) + 1
        raise UnsoundFile(Flaw.DOCTYPE, "The file carries a document type definition.", line)
    message = _message(data)
    if message not in known:
        raise UnsoundFile(Flaw.UNKNOWN_MESSAGE, f"The file is none of the messages read here: {', '.join(known)}.")
    return message


def parts(data: bytes, message: str, names: Sequence[str]) -> Iterator[tuple[str, etree._Element]]:
    """Each element so named with its name, when it ends, its own named parts already emptied. Raises UnsoundFile.

    What is yielded is valid so far. Supplementary data may hold anything, also look-alikes of entries; nothing under it
    is ever yielded.
    """
    _check_count(data, names)
    try:
        yield from _stream(data, message, names)
    except (_Doubtful, etree.XMLSyntaxError):
        _explain(data, message, names)


class _Doubtful(Exception):
    """Something is wrong with the stream; it does not say where."""


def _stream(data: bytes, message: str, names: Sequence[str]) -> Iterator[tuple[str, etree._Element]]:
    """The parts of a file that libxml2 validates while it reads. Raises _Doubtful or XMLSyntaxError."""
    tags = {f"{{{NAMESPACE}{message}}}{name}": name for name in names}
    root = f"{{{NAMESPACE}{message}}}Document"
    parser = etree.XMLPullParser(events=("end",), tag=[*tags, root, f"{{{XINCLUDE}}}*"], schema=schema(message), **SAFE)
    may_pose = b"Envlp" in data
    since_last, ended = 0, False
    for start in range(0, len(data), CHUNK):
        parser.feed(data[start : start + CHUNK])
        if len(parser.feed_error_log) or since_last > LARGEST_PART:
            raise _Doubtful
        since_last += CHUNK
        for _, element in parser.read_events():
            name = tags.get(element.tag)
            if element.tag == root:
                ended = element.getparent() is None
            elif name is None:  # XInclude
                raise _Doubtful
            elif not may_pose or next(element.iterancestors("{*}Envlp"), None) is None:
                yield name, element
                element.clear(keep_tail=True)
                since_last = 0
    parser.close()
    if len(parser.feed_error_log) or not ended:  # a file that is cut off ends without a word, and without its root
        raise _Doubtful


def _explain(data: bytes, message: str, names: Sequence[str]) -> Never:
    """Raises UnsoundFile with what is wrong and where: each part is held against the schema by itself, which takes four
    times as long as the stream and knows the line.
    """
    validator = schema(message, parts=frozenset(names))
    tags = [f"{{{NAMESPACE}{message}}}{name}" for name in names]
    parser = etree.XMLPullParser(events=("end",), tag=[*tags, f"{{{XINCLUDE}}}*"], **SAFE)
    may_pose = b"Envlp" in data
    try:
        since_last = 0
        for start in range(0, len(data), CHUNK):
            parser.feed(data[start : start + CHUNK])
            since_last += CHUNK
            for _, element in parser.read_events():
                if element.tag.startswith(f"{{{XINCLUDE}}}"):
                    raise UnsoundFile(Flaw.XINCLUDE, "The file asks to include another file.", element.sourceline)
                if not may_pose or next(element.iterancestors("{*}Envlp"), None) is None:
                    _check_valid(element, validator)
                    element.clear(keep_tail=True)
                    since_last = 0
            if since_last > LARGEST_PART:
                raise UnsoundFile(Flaw.PART_TOO_LARGE, f"One part of the file is larger than {LARGEST_PART} bytes.")
        _check_valid(parser.close(), validator)
    except etree.XMLSyntaxError as error:
        reason = "The file is broken or cut off: it is not well-formed XML."
        raise UnsoundFile(Flaw.MALFORMED, reason, error.lineno) from None
    raise UnsoundFile(Flaw.MALFORMED, "The file is broken.")


def _check_encoding(data: bytes) -> None:
    declared = DECLARED_ENCODING.match(data[:512])
    if b"\0" in data or (declared and declared[1].upper() != b"UTF-8"):
        raise UnsoundFile(Flaw.ENCODING, "The file is not in UTF-8.")
    decoder = getincrementaldecoder("utf-8")()
    try:
        for start in range(0, len(data), CHUNK):
            decoder.decode(data[start : start + CHUNK], final=start + CHUNK >= len(data))
    except UnicodeDecodeError:
        raise UnsoundFile(Flaw.ENCODING, "The file is not in UTF-8.") from None


def _message(data: bytes) -> str:
    parser = etree.XMLPullParser(events=("start",), **SAFE)
    with suppress(etree.XMLSyntaxError):  # what stands before a fault may already tell
        parser.feed(data[:CHUNK])
    _, root = next(iter(parser.read_events()), (None, None))
    if root is None:
        raise UnsoundFile(Flaw.MALFORMED, "The file does not begin as XML.", 1)
    return (etree.QName(root).namespace or "").removeprefix(NAMESPACE)


def _check_count(data: bytes, names: Sequence[str]) -> None:
    start_tag = rb"<(?:[^<>/:\s]{1,60}:)?(?:%s)[\s/>]" % "|".join(names).encode()
    if next(islice(re.finditer(start_tag, data), MAX_PARTS, None), None):
        raise UnsoundFile(Flaw.TOO_MANY_PARTS, f"The file has more than {MAX_PARTS} entries and details.")


def _check_valid(element: etree._Element, validator: etree.XMLSchema) -> None:
    """libxml2's message is not passed on, for it repeats the file's values."""
    if validator.validate(element):
        return
    error = validator.error_log[0]
    named = ELEMENT.match(error.message)
    where = f" at the element {named[1]}" if named else ""
    reason = f"The file breaks the schema of its message{where} ({error.type_name})."
    raise UnsoundFile(Flaw.SCHEMA, reason, error.line or element.sourceline)
