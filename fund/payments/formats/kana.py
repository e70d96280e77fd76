"""The half-width kana and the Japanese-era dates of Zengin files (D37).

No error repeats the text, which may be a person's name.
"""

import re
from datetime import date

import jaconv

ALLOWED = re.compile(r"[0-9A-Zｦｱ-ﾝﾞﾟ ()+,\-./:?\\｢｣]*")
WIDENED = str.maketrans("ァィゥェォッャュョヮヵヶヰヱ", "アイウエオツヤユヨワカケイエ")
PLAIN = str.maketrans("ーｰ－‐‑–—―−￥¥　\t", "---------\\\\  ")
MARKS = "ﾞﾟ"
KANA = "[ァ-ヶｦｱ-ﾝﾞﾟ]"
ERAS = (  # newest first: first day, last day
    (date(2019, 5, 1), date.max),
    (date(1989, 1, 8), date(2019, 4, 30)),
    (date(1926, 12, 25), date(1989, 1, 7)),
)


def to_zengin(text: str, *, hiragana: bool = False) -> str:
    """Half-width form of a name: ヨーコ → ﾖ-ｺ, キャノン → ｷﾔﾉﾝ. Small kana widen, letters become capitals.

    Raises ValueError for what Zengin cannot carry: kanji, and hiragana unless it is asked for.
    """
    if hiragana:
        text = jaconv.hira2kata(text)
    wide = jaconv.h2z(text).translate(WIDENED).translate(PLAIN)
    narrow = jaconv.z2h(wide, kana=True, digit=True, ascii=True).translate(PLAIN).upper()
    if not is_zengin(narrow):
        raise ValueError("Only katakana, letters A to Z, digits and ()+,-./:?¥「」 can be written in a Zengin file.")
    return narrow


def from_zengin(text: str) -> str:
    """Full-width kana with the voicing marks joined: ﾖ-ｺ → ヨーコ. A small kana that was widened stays large."""
    return jaconv.h2z(re.sub(rf"(?<={KANA})-+", lambda dashes: "ー" * len(dashes[0]), text))


def is_zengin(text: str) -> bool:
    """Whether a Zengin file can carry every character."""
    return ALLOWED.fullmatch(text) is not None


def cut(text: str, length: int) -> str:
    """At most `length` half-width characters, never parting a kana from its voicing mark: ｶﾞｸﾌﾞﾁ cut to 4 is ｶﾞｸ."""
    return text[: length - 1] if text[length : length + 1] in tuple(MARKS) else text[:length]


def to_wareki(day: date) -> str:
    """YYMMDD of the Japanese era: 2019-05-01 → 010501. Raises ValueError before 1926-12-25."""
    for first, _ in ERAS:
        if day >= first:
            return f"{day.year - first.year + 1:02}{day:%m%d}"
    raise ValueError("Dates before the Showa era cannot be written.")


def from_wareki(text: str, *, not_after: date) -> date:
    """The day that YYMMDD means. The era is not written: it is the newest in which the day exists, up to `not_after`.

    With `not_after` in 2026: 010501 → 2019-05-01, 310430 → 2019-04-30, 010108 → 1989-01-08. Raises ValueError.
    """
    if not re.fullmatch(r"[0-9]{6}", text):
        raise ValueError("A date of six digits YYMMDD was expected.")
    year, month, day = int(text[:2]), int(text[2:4]), int(text[4:])
    for first, last in ERAS:
        try:
            found = date(first.year + year - 1, month, day)
        except ValueError:  # 29 February exists in one era's year and not in another's
            continue
        if year and first <= found <= min(last, not_after):
            return found
    raise ValueError("This date exists in no Japanese era.")
