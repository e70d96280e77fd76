"""Names in a form in which they can be compared, whatever script and spelling they came in (D15).

A word has two forms. The *plain* one makes equal what is certainly the same: case, marks, apostrophes, kana and romaji,
long vowels (GOTO, GOTOU, GOTOH, Gotō), Hepburn and Kunrei (shi and si, tsu and tu, ja and zya), m before b and p.
The *loose* one also makes equal what transliterations from Arabic, Russian and Korean do not agree on (Muhammad and
Mohamed, Khaled and Haled, Sergei and Sergey): it finds candidates, and counts a little less.

Han characters are compared as a whole and as characters, without reading them: the reading comes from the citizen.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

import jaconv

from investors import names

LETTERS = str.maketrans(
    {
        "ß": "ss", "æ": "ae", "œ": "oe", "ø": "o", "đ": "d", "ð": "d", "ł": "l", "þ": "th", "ħ": "h", "ı": "i",
        "ə": "a",
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ж": "zh", "з": "z", "и": "i", "к": "k", "л": "l",
        "м": "m", "н": "n", "о": "o", "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts",
        "ч": "ch", "ш": "sh", "щ": "shch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu", "я": "ya", "є": "ye",
        "і": "i", "ґ": "g", "ђ": "dj", "ј": "j", "љ": "lj", "њ": "nj", "ћ": "c", "џ": "dz",
    }
)  # fmt: skip
HAN = re.compile(r"[\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
KANA = re.compile(r"[\u3041-\u3096\u30a1-\u30fa]")
INSIDE_WORDS = re.compile(r"['’‘ʼʻʹʺ`´ʾʿ′\"“”]")  # no border of words: O'Neill, Ken'ichi, Sha‘ir
WORD = re.compile(r"[^\W_]+")

# From Hepburn to Kunrei, because that way words of other languages change least.
KUNREI = (
    (re.compile("dzh|dj"), "j"),
    (re.compile("tch|cch"), "cch"),
    (re.compile("shi"), "si"),
    (re.compile("s[hy]y?(?=[auo])"), "sy"),
    (re.compile("chi"), "ti"),
    (re.compile("(?:ch|ty|cy)y?(?=[auo])"), "ty"),
    (re.compile("d?ts?z?u(?<=tsu)"), "tu"),
    (re.compile("dzu"), "zu"),
    (re.compile("fu"), "hu"),
    (re.compile("ji"), "zi"),
    (re.compile("(?:zy|j)y?(?=[auo])"), "zy"),
    (re.compile("m(?=[bp])"), "n"),
    (re.compile("n(?=m)"), "m"),
)
LONG = re.compile(r"o(?:u|o|h(?![aeiouy]))|uu")

LOOSE = (
    (re.compile(r"(.)\1+"), r"\1"),
    (re.compile("^abd[aeiou]u?[lr]?(?=[^aeiouy])"), "abd"),
    (re.compile("^[yj](?=[eiou])"), ""),
    (re.compile("off?$"), "ov"),
    (re.compile("ph"), "f"),
    (re.compile("([kgdt])h"), r"\1"),
    (re.compile("ck|q|c(?!h)"), "k"),
    (re.compile("x"), "ks"),
    (re.compile("w"), "v"),
    (re.compile("[ae][iy]+(?![aeiou])"), "i"),
    (re.compile("[eiy]+"), "i"),
    (re.compile("[ou]+"), "u"),
    (re.compile("(?<=[aiu])h(?![aiu])"), ""),
    (re.compile(r"(.)\1+"), r"\1"),
)
SERVANT = re.compile("abd[aeiou]u?[lr]?")  # Abd al-, Abdul, Abdel

# Words that some write, some join to the next and some leave out. They say nothing once two others are left.
MINOR_WORDS = """
    al el ul ud ad an ar as at az ash bin ben ibn bint ould wa de da do del dela la le di du dos van von der den y e i
    mr mrs ms dr haji hadji hajj mullah mulla molla maulavi mawlawi moulavi sheikh shaykh sheik colonel general sayyid
    jr sr ii iii
"""
MINOR = frozenset(MINOR_WORDS.split())


def han(text: str) -> str:
    """The characters of a name that is written in kanji or hanzi, old and new forms as one; else ""."""
    return names.kanji_form(text) if HAN.search(text) else ""


def words(text: str) -> tuple[str, ...]:
    """The plain forms of a name's words, in their order; Han characters are no words."""
    if not text.isascii() and KANA.search(text := unicodedata.normalize("NFKC", text)):
        text = jaconv.kata2alphabet(names.katakana(text).replace("ー", ""))
    return tuple(form for word in WORD.findall(_letters(text)) if not HAN.search(word) and (form := plain(word)))


def telling(found: Iterable[str]) -> tuple[str, ...]:
    """Without minor words and initials, as long as two words are left."""
    every = tuple(found)
    kept = tuple(word for word in every if len(word) > 1 and word not in MINOR)
    return kept if len(kept) > 1 else every


def _letters(text: str) -> str:
    text = INSIDE_WORDS.sub("", text.casefold())
    if text.isascii():
        return text
    bare = "".join(sign for sign in unicodedata.normalize("NFKD", text) if not unicodedata.combining(sign))
    return bare.translate(LETTERS)


@lru_cache(maxsize=2**16)
def plain(word: str) -> str:
    """Letters without marks → the form that is certainly the same name."""
    for pattern, form in KUNREI:
        word = pattern.sub(form, word)
    return LONG.sub(lambda found: found[0][0], word)


@lru_cache(maxsize=2**16)
def loose(word: str) -> str:
    """A plain form → the form that usual transliterations share."""
    if SERVANT.fullmatch(word):
        return "abd"
    for pattern, form in LOOSE:
        word = pattern.sub(form, word)
    return word
