"""Whether every message of the pages and the code has its Japanese; Babel reads them, no gettext tools are needed.

`python -m tests.house.translations` lists what is missing, `… --write` also adds it, untranslated, to the catalogue.
"""

import io
import re
import sys
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import extract
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent.parent
CATALOGUE = ROOT / "portal/locale/ja/LC_MESSAGES/django.po"
FOLDERS = ("fund", "investors", "portal")
KEYWORDS = {
    **dict.fromkeys(("_", "gettext", "gettext_lazy", "gettext_noop"), None),
    **dict.fromkeys(("ngettext", "ngettext_lazy"), (1, 2)),
    **dict.fromkeys(("pgettext", "pgettext_lazy"), ((1, "c"), 2)),
    **dict.fromkeys(("npgettext", "npgettext_lazy"), ((1, "c"), 2, 3)),
}
PLACEHOLDER = re.compile(r"%\((\w+)\)|(?<!%)%([sd])|\{(\w*)\}")


def used() -> Iterator[tuple[str, int, str | tuple[str, ...], str | None]]:
    """(file, line, message, context) of every message that the portal can show."""
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            if path.suffix == ".py" and "migrations" not in path.parts:
                found = _extract("python", path.read_bytes())
            elif path.suffix in {".html", ".txt", ".xml"} and "templates" in path.parts:
                found = read_template(path.read_text(), str(path))
            else:
                continue
            for line, message, context in found:
                yield str(path.relative_to(ROOT)), line, message, context


def read_template(source: str, name: str) -> list[tuple[int, str | tuple[str, ...], str | None]]:
    """(line, message, context). After Django's own step before xgettext, quotes are closest to JavaScript's."""
    return _extract("javascript", templatize(source, origin=name).encode())


def _extract(method: str, source: bytes) -> list[tuple[int, str | tuple[str, ...], str | None]]:
    return [
        (line, message, context)
        for line, message, _comments, context in extract(method, io.BytesIO(source), keywords=KEYWORDS)
    ]


def faults(catalogue: Catalog, messages: Iterable[tuple[str, int, str | tuple[str, ...], str | None]]) -> list[str]:
    """One sentence for every message without a finished Japanese that keeps its placeholders."""
    found = []
    for file, line, message, context in messages:
        key = message if isinstance(message, str) else message[0]
        entry = catalogue.get(key, context)
        if entry is None or not _texts(entry) or not all(_texts(entry)):
            found.append(f"{file}:{line}: no Japanese for {key!r}")
        elif entry.fuzzy:
            found.append(f"{file}:{line}: the Japanese for {key!r} is marked fuzzy")
        elif not all(_placeholders(text) <= _placeholders(*_as_texts(message)) for text in _texts(entry)):
            found.append(f"{file}:{line}: the Japanese for {key!r} has other placeholders")
    return found


def read_catalogue() -> Catalog:
    if not CATALOGUE.exists():
        return Catalog(
            locale="ja",
            domain="django",
            project="Kakehashi",
            version="1",
            header_comment="# The portal in Japanese.",
            msgid_bugs_address="Kakehashi",
            last_translator="Kakehashi",
            language_team="Japanese",
            revision_date=datetime(2027, 1, 1, tzinfo=UTC),
            fuzzy=False,
        )
    with CATALOGUE.open("rb") as file:
        return read_po(file, locale="ja", domain="django")


def write_missing() -> None:
    """Add every message in use to the catalogue and drop what is no longer used."""
    catalogue = read_catalogue()
    template = Catalog(creation_date=catalogue.creation_date)
    for file, line, message, context in used():
        template.add(message, locations=[(file, line)], context=context)
    catalogue.update(template, no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    CATALOGUE.parent.mkdir(parents=True, exist_ok=True)
    with CATALOGUE.open("wb") as file:
        write_po(file, catalogue, width=110, include_lineno=False, sort_output=True)


def _texts(entry: Message) -> list[str]:
    return _as_texts(entry.string)


def _as_texts(value: str | Iterable[str]) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _placeholders(*texts: str) -> set[str]:
    return {"".join(groups) for text in texts for groups in PLACEHOLDER.findall(text)}


def main() -> int:
    if "--write" in sys.argv[1:]:
        write_missing()
    found = faults(read_catalogue(), used())
    print("\n".join(found), end="\n" if found else "", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
