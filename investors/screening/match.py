"""Matching a person against a list (D15): pure, in memory, the same result as comparing with every listed name.

How a list of some 20,000 names is asked in microseconds: two words are *alike* when their loose forms are equal or,
from five letters on, one edit apart. Which listed words are alike to a word is found by looking up the word with each
of its letters left out. A candidate has at least two words alike to two of the person's, so sets of names are
intersected; for nearly everybody the intersection is empty. Only candidates are scored, with rapidfuzz, on the words
put in one order.

Scores go from 0 to 100. A name alone reaches 100 when it is equal; a word that one side lacks costs a little. The birth
date then strengthens or weakens it. From ``REVIEW`` on an officer looks at it. What keeps short and common names from
flooding: up to ``SHORT`` letters must be equal; nicknames and names of entities match only as a whole; a clearly
different birth date takes a name below ``REVIEW``, unless three of its words or more are the same.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from itertools import combinations, pairwise
from typing import Self

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA

from investors.screening import normal
from investors.screening.listed import Birth, Kind

REVIEW = 88
SHORT = 8  # letters of both names' common words
EDITABLE = 5  # letters from which on one edit, or two neighbours swapped, still is the same word
TRANSLITERATED = 4  # off, where only the loose forms agree
LACKING_LISTED, LACKING_OWN = 4, 3  # off for each word that only the list, only the person has
WEAK = 95  # what a nickname that is equal counts
MOST_LACKING = 4
FEW_WORDS = 5  # up to so many words, neighbours are also tried as one


class Agreement(StrEnum):
    """What the birth dates say of a name that is alike."""

    SAME_DAY = "same_day"
    SAME_YEAR = "same_year"
    NEAR = "near"
    UNKNOWN = "unknown"
    DIFFERENT = "different"


WEIGHT = {
    Agreement.SAME_DAY: 8,
    Agreement.SAME_YEAR: 5,
    Agreement.NEAR: 0,
    Agreement.UNKNOWN: 0,
    Agreement.DIFFERENT: -20,
}
LONG = 3  # words that agree
DIFFERENT_BUT_LONG = -10


@dataclass(frozen=True)
class Person:
    """Somebody to look for: the names in each writing, family and given name apart, and the birth date.

    ``written``: (writing, parts of the name), such as ("kana", ("ツカサ", "シノブ")).
    """

    written: tuple[tuple[str, tuple[str, ...]], ...]
    born: date

    @classmethod
    def of(cls, name: dict[str, str], born: date) -> Self:
        """From the answers of the step ``name``."""
        written = {
            "latin": ("family_latin", "given_latin", "middle_latin"),
            "kana": ("family_kana", "given_kana"),
            "kanji": ("family_kanji", "given_kanji"),
        }
        return cls(
            tuple((writing, tuple(name.get(part, "") for part in parts)) for writing, parts in written.items()), born
        )


@dataclass(frozen=True)
class Named:
    """An entry as it is matched. ``key`` is whatever the caller knows it by."""

    key: int
    kind: Kind
    names: tuple[str, ...]
    weak: tuple[str, ...]
    births: tuple[Birth, ...]


@dataclass(frozen=True)
class Match:
    """An entry that a person may be, and why."""

    key: int
    score: int
    listed: str
    writing: str
    name_score: int
    birth: Agreement


@dataclass(frozen=True, slots=True)
class Spelling:
    """One way to cut a listed name into words."""

    entry: Named
    text: str
    plain: tuple[str, ...]
    loose: tuple[str, ...]


@dataclass
class Index:
    """A list, made ready to be asked. It holds public names only; a person leaves nothing behind in it."""

    spellings: list[Spelling] = field(default_factory=list)
    by_word: dict[str, set[int]] = field(default_factory=lambda: defaultdict(set))
    by_stump: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    whole: dict[tuple[str, ...], list[tuple[Named, str, int]]] = field(default_factory=lambda: defaultdict(list))
    han: dict[str, list[tuple[Named, str]]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, entries: Iterable[Named]) -> Self:
        index = cls()
        for entry in entries:
            for text in entry.names:
                index._add(entry, text, 100)
            for text in entry.weak:
                index._add(entry, text, WEAK)
        for word in index.by_word:
            for stump in _stumps(word):
                index.by_stump[stump].add(word)
        return index

    def _add(self, entry: Named, text: str, worth: int) -> None:
        if characters := normal.han(text):
            self.han[characters].append((entry, text))
        parts = [normal.words(part) for part in text.split(",")]
        every = tuple(word for part in parts for word in part)
        if every:
            self.whole[tuple(sorted(every))].append((entry, text, worth))
        if entry.kind == Kind.ENTITY or worth < 100:
            return
        bare = [tuple(word for word in part if word not in normal.MINOR) for part in parts]
        for words in dict.fromkeys(normal.telling(cut) for cut in (*_cuts(parts), *_cuts(bare))):
            if len(words) > 1:
                self._add_spelling(Spelling(entry, text, words, tuple(normal.loose(word) for word in words)))

    def _add_spelling(self, spelling: Spelling) -> None:
        for word in spelling.loose:
            self.by_word[word].add(len(self.spellings))
        self.spellings.append(spelling)

    def alike(self, word: str) -> set[int]:
        """Numbers of the spellings that have a word alike to this loose form."""
        found: set[int] = set()
        for near in {near for stump in _stumps(word) for near in self.by_stump.get(stump, ())}:
            if _alike(word, near):
                found |= self.by_word[near]
        return found


def _stumps(word: str) -> set[str]:
    """The word, and from ``EDITABLE`` letters on each one that leaves out a letter. Words that are alike share one."""
    if len(word) < EDITABLE:
        return {word}
    return {word, *(word[:at] + word[at + 1 :] for at in range(len(word)))}


def _alike(one: str, other: str) -> bool:
    if one == other:
        return True
    return min(len(one), len(other)) >= EDITABLE and OSA.distance(one, other, score_cutoff=1) <= 1


def _cuts(parts: Sequence[tuple[str, ...]]) -> Iterator[tuple[str, ...]]:
    """The words as they stand, and with two neighbours as one (Se-Bong, Abd al-Rahman), never across the comma."""
    every = tuple(word for part in parts for word in part)
    yield every
    if len(every) > FEW_WORDS:
        return
    for number, part in enumerate(parts):
        before = tuple(word for one in parts[:number] for word in one)
        after = tuple(word for one in parts[number + 1 :] for word in one)
        for at, (first, second) in enumerate(pairwise(part)):
            yield (*before, *part[:at], first + second, *part[at + 2 :], *after)


class Matcher:
    """Asks an index about many people. What is alike to a word it keeps while it lives: for one chunk of people."""

    def __init__(self, index: Index) -> None:
        self.index = index
        self._alike: dict[str, set[int]] = {}
        self._words: dict[str, tuple[str, ...]] = {}

    def matches(self, person: Person) -> list[Match]:
        """The best match for each entry that reaches ``REVIEW``, best first."""
        best: dict[int, Match] = {}
        for found in self._found(person):
            if found.score >= REVIEW:
                best[found.key] = max(best.get(found.key, found), found, key=_rank)
        return sorted(best.values(), key=lambda one: (-one.score, one.key))

    def _found(self, person: Person) -> Iterator[Match]:
        seen = set()
        for writing, parts in person.written:
            if writing == "kanji":
                for entry, text in self.index.han.get(normal.han("".join(parts)), ()):
                    yield _match(entry, text, writing, 100, 2, person.born)
                continue
            for words in self._spelt(parts):
                if words not in seen:
                    seen.add(words)
                    yield from self._same(words, writing, person.born)
                    yield from self._like(normal.telling(words), writing, person.born)

    def _spelt(self, parts: tuple[str, ...]) -> list[tuple[str, ...]]:
        """The ways to cut a person's name: every word by itself, the family or the given names as one word."""
        cut = [self._cut(part) for part in parts if part]
        every = tuple(word for part in cut for word in part)
        if len(every) == len(cut):
            return [every]
        return [every, *(
            tuple(word for at, part in enumerate(cut) for word in (("".join(part),) if at in joined else part))
            for joined in ({0}, {1}, {0, 1})
            if any(at < len(cut) and len(cut[at]) > 1 for at in joined)
        )]  # fmt: skip

    def _cut(self, part: str) -> tuple[str, ...]:
        if (found := self._words.get(part)) is None:
            found = self._words[part] = normal.words(part)
        return found

    def _same(self, words: tuple[str, ...], writing: str, born: date) -> Iterator[Match]:
        for entry, text, worth in self.index.whole.get(tuple(sorted(words)), ()):
            yield _match(entry, text, writing, worth, len(words), born)

    def _like(self, words: tuple[str, ...], writing: str, born: date) -> Iterator[Match]:
        loose = tuple(normal.loose(word) for word in words)
        for number in self.candidates(loose):
            spelling = self.index.spellings[number]
            if _at_best(len(words), spelling, born) >= REVIEW and (common := compare(words, loose, spelling)):
                yield _match(spelling.entry, spelling.text, writing, common[0], common[1], born)

    def candidates(self, loose: tuple[str, ...]) -> set[int]:
        """Spellings with words alike to two of these."""
        found: set[int] = set()
        for one, other in combinations([self._near(word) for word in loose], 2):
            if one and other:
                found |= one & other
        return found

    def _near(self, word: str) -> set[int]:
        if (found := self._alike.get(word)) is None:
            found = self._alike[word] = self.index.alike(word)
        return found


def _at_best(words: int, spelling: Spelling, born: date) -> int:
    """The score if every word that both can have were equal; for most candidates the birth date leaves too little."""
    listed = len(spelling.plain)
    off = LACKING_LISTED * max(0, listed - words) + LACKING_OWN * max(0, words - listed)
    return 100 - off + _weight(agreement(born, spelling.entry.births), min(words, listed))


def compare(words: tuple[str, ...], loose: tuple[str, ...], spelling: Spelling) -> tuple[int, int] | None:
    """(score of the names, words in common), or None where fewer than two words are alike or too many are lacking."""
    pairs = _pairs(words, loose, spelling)
    if len(pairs) < 2:
        return None
    lacking_listed, lacking_own = len(spelling.plain) - len(pairs), len(words) - len(pairs)
    if lacking_listed + lacking_own > MOST_LACKING:
        return None
    off = LACKING_LISTED * lacking_listed + LACKING_OWN * lacking_own
    own, listed = (" ".join(words[at] for at, _ in pairs), " ".join(spelling.plain[at] for _, at in pairs))
    if own == listed:
        return 100 - off, len(pairs)
    if len(own) - len(pairs) < SHORT or len(listed) - len(pairs) < SHORT:
        return None
    own_loose, listed_loose = (" ".join(loose[at] for at, _ in pairs), " ".join(spelling.loose[at] for _, at in pairs))
    score = max(fuzz.ratio(own, listed), fuzz.ratio(own_loose, listed_loose) - TRANSLITERATED)
    return round(score) - off, len(pairs)


def _pairs(words: tuple[str, ...], loose: tuple[str, ...], spelling: Spelling) -> list[tuple[int, int]]:
    """Which word is which: the equal ones first, then those of equal loose form, then those that are alike."""
    own, listed = set(range(len(words))), set(range(len(spelling.plain)))
    pairs = []
    ways: tuple[Callable[[int, int], bool], ...] = (
        lambda a, b: words[a] == spelling.plain[b],
        lambda a, b: loose[a] == spelling.loose[b],
        lambda a, b: _alike(loose[a], spelling.loose[b]),
    )
    for same in ways:
        for a in sorted(own):
            if (b := next((b for b in sorted(listed) if same(a, b)), None)) is not None:
                pairs.append((a, b))
                own.discard(a)
                listed.discard(b)
    return sorted(pairs)


def _rank(found: Match) -> tuple[int, int, str, str]:
    return found.score, found.name_score, found.listed, found.writing


def _match(entry: Named, text: str, writing: str, name_score: int, common: int, born: date) -> Match:
    birth = agreement(born, entry.births)
    score = max(0, min(100, name_score + _weight(birth, common)))
    return Match(entry.key, score, text, writing, name_score, birth)


def _weight(birth: Agreement, common: int) -> int:
    """What the birth dates add to the score of names with so many words in common."""
    return DIFFERENT_BUT_LONG if birth == Agreement.DIFFERENT and common >= LONG else WEIGHT[birth]


def agreement(born: date, births: Sequence[Birth]) -> Agreement:
    """What the nearest of the listed births says of a birth date."""
    order = list(Agreement)
    return min((_agreement(born, one) for one in births), key=order.index, default=Agreement.UNKNOWN)


def _agreement(born: date, listed: Birth) -> Agreement:
    """Near: within a year, two where the list says "circa", or the same day of another year within ten."""
    if listed.first == listed.last and not listed.about:
        if born == listed.first:
            return Agreement.SAME_DAY
        if born.year == listed.first.year:
            return Agreement.SAME_YEAR
        same_day = (born.month, born.day) == (listed.first.month, listed.first.day)
        near = abs((born - listed.first).days) <= 366 or (same_day and abs(born.year - listed.first.year) <= 10)
        return Agreement.NEAR if near else Agreement.DIFFERENT
    if listed.first <= born <= listed.last:
        return Agreement.SAME_YEAR
    slack = 2 if listed.about else 1
    near = listed.first.year - slack <= born.year <= listed.last.year + slack
    return Agreement.NEAR if near else Agreement.DIFFERENT
