"""The list of Japan's Ministry of Finance (財務省「資産凍結等の措置の対象となる個人及び団体」) as a plain CSV.

The ministry publishes its lists as spreadsheets whose layout differs from measure to measure. Saved as CSV in UTF-8 or
Shift_JIS, with one header line, they are read by these columns, in any order, under the Japanese or the English header:

| 番号 number | the ministry's number of the entry, unique in the file |
| 種別 kind | 個人 or individual; 団体 or entity |
| 氏名 name | name or designation, in any script |
| かな kana | reading in kana; may be empty |
| 英字 latin | name in Latin letters; may be empty |
| 別名 aliases | other names in any script |
| 生年月日 birth | 1942-01-25, 1942年1月25日, 1942-01, 1942, 1940-1945, or with 頃 or "circa"; may be empty |
| 国籍 countries | may be empty |
| 備考 remarks | may be empty |

Several values in one cell are divided by ``;`` or ``；``. Only 番号, 種別 and 氏名 must be there; other columns are
ignored.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterator
from contextlib import suppress

from django.utils.translation import gettext_lazy as _

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
    years,
)

HEADERS = {
    "番号": "number", "種別": "kind", "氏名": "name", "かな": "kana", "英字": "latin", "別名": "aliases",
    "生年月日": "birth", "国籍": "countries", "備考": "remarks",
}  # fmt: skip
NEEDED = {"number", "kind", "name"}
KINDS = {"個人": Kind.INDIVIDUAL, "individual": Kind.INDIVIDUAL, "団体": Kind.ENTITY, "entity": Kind.ENTITY}
JAPANESE_DAY = re.compile(r"(\d{4})年(?:(\d{1,2})月(?:(\d{1,2})日)?)?")


def read(data: bytes) -> list[Listed]:
    """Every entry. Raises UnsoundList for missing columns, unknown kinds, and repeated or missing numbers."""
    rows = csv.reader(io.StringIO(decoded(data, encodings=("utf-8-sig", "cp932")), newline=""), strict=True)
    try:
        header = [HEADERS.get(cell.strip(), cell.strip().lower()) for cell in next(rows, [])]
        if missing := NEEDED - set(header):
            raise UnsoundList(_("These columns are missing: %(columns)s.") % {"columns": ", ".join(sorted(missing))})
        found = [_entry(dict(zip(header, row, strict=False)), rows.line_num) for row in rows if any(row)]
    except csv.Error:
        raise UnsoundList(_("The file is broken or cut off."), line=rows.line_num) from None
    if not found or len(found) > MAX_ENTRIES or len({one.number for one in found}) != len(found):
        raise UnsoundList(_("The file holds no entries, or two of the same number."))
    return found


def _entry(row: dict[str, str], line: int) -> Listed:
    number, name = row["number"].strip(), row.get("name", "").strip()
    kind = KINDS.get(row.get("kind", "").strip().lower())
    if not number or not name or kind is None:
        raise UnsoundList(_("Line %(line)s has no number, no name or no kind.") % {"line": line}, line=line)
    return Listed(
        number=number,
        kind=kind,
        names=unique([one for column in ("name", "kana", "latin", "aliases") for one in _parts(row.get(column, ""))]),
        births=tuple(dict.fromkeys(_births(row.get("birth", "")))),
        countries=unique(_parts(row.get("countries", ""))),
        remarks=row.get("remarks", "").strip()[:MAX_TEXT],
    )


def _parts(cell: str) -> list[str]:
    return re.split("[;；]", cell)


def _births(cell: str) -> Iterator[Birth]:
    """Days that never were say nothing about a birth."""
    for told in _parts(unicodedata.normalize("NFKC", cell)):
        about = "頃" in told or "circa" in told
        text = told.replace("頃", "").replace("circa", "").strip()
        text = JAPANESE_DAY.sub(lambda found: "-".join(filter(None, found.groups())), text).replace("/", "-")
        with suppress(ValueError, TypeError):
            if span := re.fullmatch(r"(\d{4})[-~–](\d{4})", text):
                yield years(span[1], span[2], about=about)
            elif text:
                yield day(text, about=about)
