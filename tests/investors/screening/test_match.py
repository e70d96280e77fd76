"""Names are found in every usual spelling, and people who merely have a name are not (D15, P10)."""

import time
from dataclasses import replace
from datetime import date

import pytest

from investors.screening import match, normal
from investors.screening.listed import Birth, Kind, Listed, day, year
from investors.screening.match import Agreement, Index, Matcher, Named, Person
from tests.investors.screening.conftest import citizens, named

SHINODA = date(1942, 1, 25)


def person(family: str, given: str = "", born: date = SHINODA, **other: str) -> Person:
    return Person.of({"family_latin": family, "given_latin": given, **other}, born)


def one(name: str, *births: Birth, kind: Kind = Kind.INDIVIDUAL, weak: tuple[str, ...] = ()) -> Index:
    return Index.of([Named(1, kind, (name,), weak, births)])


def score(index: Index, who: Person) -> int:
    return next((found.score for found in Matcher(index).matches(who)), 0)


def test_every_exact_name_and_alias_of_the_real_lists_is_found(listed: list[Listed], index: Index) -> None:
    matcher, missed, asked = Matcher(index), [], 0
    for entry in named(listed):
        born = entry.births[0].first if entry.births else date(1980, 1, 1)
        for name in (*entry.names, *entry.weak):
            family, _, given = name.partition(",")
            who = Person((("latin", (family, given)), ("kanji", (name,))), born)
            asked += 1
            if entry.key not in {found.key for found in matcher.matches(who)}:
                missed.append(name)
    assert asked > 23_000
    assert missed == []


@pytest.mark.parametrize(
    "name",
    [
        {"family_latin": "Shinoda", "given_latin": "Kenichi"},
        {"family_latin": "KENICHI", "given_latin": "SHINODA"},
        {"family_latin": "Sinoda", "given_latin": "Keniti"},
        {"family_latin": "Shinoda", "given_latin": "Ken'ichi"},
        {"family_latin": "SHINODA", "given_latin": "Ken-ichi"},
        {"family_latin": "Shinoda", "given_latin": "Ken’ichi", "middle_latin": "Robert"},
        {"family_latin": "Other", "given_latin": "Name", "family_kana": "シノダ", "given_kana": "ケンイチ"},
        {"family_latin": "Tsukasa", "given_latin": "Shinobu"},
        {"family_latin": "Tukasa", "given_latin": "Sinobu"},
        {
            "family_latin": "x",
            "family_kanji": "司",
            "given_kanji": "忍",
            "family_kana": "つかさ",
            "given_kana": "しのぶ",
        },
        {"family_latin": "x", "family_kanji": "司", "given_kanji": "忍", "family_kana": "ﾂｶｻ", "given_kana": "ｼﾉﾌﾞ"},
    ],
)
def test_shinoda_is_found_in_the_real_list_under_usual_transliterations(
    name: dict[str, str], listed: list[Listed], index: Index
) -> None:
    found = Matcher(index).matches(Person.of(name, SHINODA))
    assert [listed[one.key].number for one in found] == ["13072"]
    assert found[0].birth == Agreement.SAME_DAY


def test_without_normalisation_the_transliterations_are_missed(
    listed: list[Listed], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Negative control of the test above."""
    monkeypatch.setattr(normal, "plain", lambda word: word)
    monkeypatch.setattr(normal, "loose", lambda word: word)
    matcher = Matcher(Index.of(named([entry for entry in listed if entry.number == "13072"])))
    assert matcher.matches(person("Shinoda", "Kenichi"))
    assert not matcher.matches(person("Sinoda", "Keniti"))


@pytest.mark.parametrize(
    "spellings",
    [
        "GOTO GOTOU GOTOH Gotō Gôto ゴトウ ゴトー ごとう ｺﾞﾄｳ",
        "Ōno Ohno Oono Ono オオノ",
        "Shunpei Shumpei Syunpei シュンペイ",
        "Jun'ichirō Junichiro Zyunitiro ジュンイチロウ",
        "Honma Homma ホンマ",
        "Tsuzuki Tuzuki ツヅキ",
        "Chizuko Tizuko チヅコ",
        "José JOSE",
        "Александр Aleksandr",
    ],
)
def test_spellings_of_one_word_have_one_plain_form(spellings: str) -> None:
    assert len({normal.words(word) for word in spellings.split()}) == 1


@pytest.mark.parametrize(
    "spellings",
    [
        "Sergei Sergey Сергей",
        "Yevgeniy Evgeny Evgenii Евгений",
        "Hussein Husayn Hussain Hossein",
        "Abdulrahman Abdelrahman Abdurrahman Abdirahman",
        "Qadhafi Kadhafi Qaddafi",
        "Osama Usama",
        "Ivanov Ivanoff Иванов",
    ],
)
def test_transliterations_of_one_word_have_one_loose_form(spellings: str) -> None:
    assert len({tuple(map(normal.loose, normal.words(word))) for word in spellings.split()}) == 1


@pytest.mark.parametrize(("one", "other"), [("Yoko", "Yuko"), ("Sato", "Kato"), ("Mori", "Miura")])
def test_different_words_have_different_plain_forms(one: str, other: str) -> None:
    assert normal.words(one) != normal.words(other)


@pytest.mark.parametrize(
    ("listed_as", "family", "given"),
    [
        ("PAEK, Se-Bong", "Paek", "Sebong"),
        ("PAEK, Sebong", "Paek", "Se Bong"),
        ("KIM, Jong Un", "Kim", "Jong-un"),
        ("AL-ZAWAHIRI, Ayman", "Zawahiri", "Ayman"),
        ("AL-ZAWAHIRI, Ayman", "Alzawahiri", "Aiman"),
        ("ABD AL-RAHMAN, Yusuf", "Abdurrahman", "Yousuf"),
        ("MALKEVICH, Alexander Aleksandrovich", "Malkevich", "Aleksandr"),
        ("Dr. Mohammed Hassan Khalid", "Khaled", "Muhammad Hasan"),
        ("O'NEILL, Shin'ichi", "ONeill", "Shinichi"),
        ("LØKKE, Bjørn", "Lokke", "Bjorn"),
        ("Иванов Сергей", "Ivanov", "Sergey"),
    ],
)
def test_usual_differences_of_writing_are_found(listed_as: str, family: str, given: str) -> None:
    index = one(listed_as, day("1942-01-25"))
    assert score(index, person(family, given)) >= match.REVIEW
    assert score(index, person(family, "Walter")) == 0


@pytest.mark.parametrize(("kanji", "found"), [(("司", "忍"), 1), (("司", "忍田"), 0), (("髙﨑", "翔太"), 0)])
def test_kanji_are_compared_as_characters(kanji: tuple[str, str], found: int) -> None:
    who = person("x", family_kanji=kanji[0], given_kanji=kanji[1])
    assert len(Matcher(one("司　忍")).matches(who)) == found


def test_old_and_new_forms_of_a_kanji_are_one() -> None:
    assert Matcher(one("高崎翔太")).matches(person("x", family_kanji="髙﨑", given_kanji="翔太"))


def test_the_birth_date_is_evidence() -> None:
    index = one("SHINODA, Kenichi", day("1942-01-25"))
    fuzzy = [score(index, person("Shinota", "Kenichi", born)) for born in (SHINODA, date(1942, 9, 9), date(1943, 1, 9))]
    assert fuzzy == sorted(fuzzy, reverse=True)
    assert fuzzy[0] > fuzzy[1] > fuzzy[2] >= match.REVIEW
    assert score(index, person("Shinoda", "Kenichi", date(1990, 7, 1))) == 0
    assert score(one("SHINODA, Kenichi"), person("Shinoda", "Kenichi", date(1990, 7, 1))) == 100


def test_a_long_name_that_is_equal_is_reviewed_in_spite_of_another_birth_date() -> None:
    index = one("BADRI SAMARRAI, Ibrahim Awwad", year("1971"))
    assert score(index, person("Badri Samarrai", "Ibrahim Awwad", date(1990, 1, 1))) >= match.REVIEW


@pytest.mark.parametrize(
    ("born", "births", "said"),
    [
        (date(1942, 1, 25), (day("1942-01-25"),), Agreement.SAME_DAY),
        (date(1942, 2, 25), (day("1942-01-25"),), Agreement.SAME_YEAR),
        (date(1942, 2, 25), (year("1942"),), Agreement.SAME_YEAR),
        (date(1943, 1, 2), (year("1942"),), Agreement.NEAR),
        (date(1944, 1, 2), (year("1942"),), Agreement.DIFFERENT),
        (date(1944, 1, 2), (year("1942", about=True),), Agreement.NEAR),
        (date(1952, 1, 25), (day("1942-01-25"),), Agreement.NEAR),
        (date(1953, 1, 25), (day("1942-01-25"),), Agreement.DIFFERENT),
        (date(1960, 1, 1), (day("1942-01-25"), year("1960")), Agreement.SAME_YEAR),
        (date(1960, 1, 1), (), Agreement.UNKNOWN),
    ],
)
def test_what_birth_dates_say(born: date, births: tuple[Birth, ...], said: Agreement) -> None:
    assert match.agreement(born, births) == said


def test_short_names_nicknames_and_entities_match_only_as_a_whole() -> None:
    assert score(one("LI, Wei"), person("Li", "Wei")) == 100
    assert score(one("LI, Wei"), person("Li", "Wai")) == 0
    assert score(one("X Y", weak=("King of Zawarah",)), person("of Zawarah", "King")) >= match.REVIEW
    assert score(one("X Y", weak=("King of Zawarah",)), person("Zawarah", "Kink")) == 0
    assert score(one("AMBER ROSE", kind=Kind.ENTITY), person("Rose", "Amber")) == 100
    assert score(one("AMBER ROSE TRADING", kind=Kind.ENTITY), person("Rose", "Amber")) == 0


def test_few_of_ten_thousand_invented_citizens_need_a_review(index: Index) -> None:
    matcher = Matcher(index)
    found = [who for who in citizens(10_000, seed=20261123) if matcher.matches(who)]
    print(f"{len(found)} of 10,000 need a review")
    assert len(found) <= 50


def test_the_index_finds_what_comparing_with_every_name_finds(
    listed: list[Listed], index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Invented citizens, and listed people with a letter changed, so that there is much to find."""
    people = citizens(10, seed=7)
    for entry in [one for one in listed if one.kind == Kind.INDIVIDUAL and one.births][::400]:
        changed = entry.names[0].replace("a", "e", 1).replace("A", "E", 1)
        people.append(person(*changed.split(",")[:2], born=entry.births[0].first))
    quick = [Matcher(index).matches(who) for who in people]
    monkeypatch.setattr(Matcher, "candidates", lambda self, loose: range(len(index.spellings)))
    assert [Matcher(index).matches(who) for who in people] == quick
    assert sum(bool(found) for found in quick) >= 8


def test_matching_is_quick(index: Index) -> None:
    """The figure is printed; what is asserted leaves room for a busy machine (P10)."""
    people = citizens(20_000, seed=11)
    matcher, compared, began = Matcher(index), Matcher(replace(index)), time.process_time()
    normal.plain.cache_clear()
    normal.loose.cache_clear()
    for who in people:
        matcher.matches(who)
    rate = len(people) / (time.process_time() - began)
    compared.candidates = lambda loose: set(range(len(index.spellings)))  # type: ignore[method-assign]
    began = time.process_time()
    for who in people[:4]:
        compared.matches(who)
    exhaustive = 4 / (time.process_time() - began)
    print(f"{rate:,.0f} citizens a second and core, {rate / exhaustive:,.0f} times the exhaustive match")
    assert rate > 100 * exhaustive
