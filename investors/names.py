"""Names as people write them (D9): kept byte for byte, refused only where a character cannot be seen.

Beside the name as typed stands a search form, which never leaves the server in clear: it feeds the blind indexes that
find the same person under another spelling (D5), and the check that a bank account is the citizen's own (D17).
"""

import re
import unicodedata

import jaconv
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

LONGEST = 80

# Control, format (bidi, zero-width, tags), surrogate and private-use characters, line and paragraph separators.
# Variation selectors (Mn) stay: they tell one form of a kanji from another.
UNSEEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
BLANK = {"\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u2800", "\u3164", "\uffa0"}  # look like nothing at all

# The same name in another form of a character, which Unicode does not fold.
VARIANTS = str.maketrans(
    "髙﨑邊邉齋齊斎濵濱澤廣髮嶋槗𠮷栁曻惠國德緖槇眞", "高崎辺辺斉斉斉浜浜沢広髪島橋吉柳昇恵国徳緒槙真"
)
SMALL_KANA = str.maketrans("ァィゥェォッャュョヮヵヶ", "アイウエオツヤユヨワカケ")
LONG_VOWEL = re.compile(r"o(?:u|o|h(?![aeiouy]))|uu")


def invisible(text: str) -> str:
    """The first character that cannot be seen, or ""."""
    return next((sign for sign in text if sign in BLANK or unicodedata.category(sign) in UNSEEN), "")


def check_visible(text: str) -> str:
    """The text unchanged. Raises ValidationError when it holds a character that cannot be seen."""
    if found := invisible(text):
        raise ValidationError(
            _("There is an invisible character (U+%(point)s) in it. Please type it again instead of pasting it."),
            code="invisible_character",
            params={"point": f"{ord(found):04X}"},
        )
    return text


def check_name(text: str) -> str:
    """A name exactly as typed. Raises ValidationError for what is no name."""
    check_visible(text)
    if len(text) > LONGEST:
        raise ValidationError(_("This is longer than %(most)s characters."), code="too_long", params={"most": LONGEST})
    if not any(unicodedata.category(sign).startswith("L") for sign in text):
        raise ValidationError(_("Please write the name in letters."), code="not_a_name")
    return text


def check_latin(text: str) -> str:
    """A name in Latin letters, as in a passport, exactly as typed."""
    check_name(text)
    if any(sign.isalpha() and "LATIN" not in unicodedata.name(sign, "") for sign in text) or re.search(r"\d", text):
        raise ValidationError(_("Please write this name in Latin letters, as in your passport."), code="not_latin")
    return text


def check_kana(text: str) -> str:
    """A name in kana exactly as typed: katakana or hiragana, full or half width."""
    check_name(text)
    if not re.fullmatch(r"[ァ-ヺー・\s]+", katakana(text)):
        raise ValidationError(_("Please write this name in kana."), code="not_kana")
    return text


def katakana(text: str) -> str:
    """Full-width katakana of any kana."""
    return str(jaconv.hira2kata(unicodedata.normalize("NFKC", text)))


def latin_form(text: str) -> str:
    """Latin letters for comparing: no case, marks, blanks or punctuation; Satō, Satou, Satoh and SATO are one."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text).casefold() if sign.isalnum())
    return LONG_VOWEL.sub(lambda found: found[0][0], plain)


def kanji_form(text: str) -> str:
    """Japanese writing for comparing: 髙﨑 and 高崎 are one."""
    folded = unicodedata.normalize("NFKC", text).translate(VARIANTS).casefold()
    return "".join(sign for sign in folded if sign.isalnum())


def kana_form(text: str) -> str:
    """Kana for comparing, as banks write it: small kana widened, no long-vowel marks or blanks."""
    return re.sub(r"[^ァ-ヺ]", "", katakana(text)).translate(SMALL_KANA)
