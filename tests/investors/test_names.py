"""Names survive byte for byte; what cannot be seen is refused; comparing forgives spelling (D9)."""

import pytest
from django.core.exceptions import ValidationError

from investors import names, onboarding
from investors.steps import banking
from tests.investors.conftest import NOW

KEPT = ["髙﨑", "\ufa19田", "福", "𠮷田", "葛\U000e0100城", "が", "か\u3099", " 山田 ", "Å", "A\u030a"]


@pytest.mark.django_db
@pytest.mark.parametrize("typed", KEPT)
def test_a_name_comes_back_byte_for_byte(investor, typed):
    onboarding.save(investor=investor, step="citizenship", answers={"nations": ["JP"]}, now=NOW)
    given = {
        "family_kanji": typed,
        "given_kanji": "翔太",
        "family_kana": "ﾀｶｻｷ",
        "given_kana": "しょうた",
        "family_latin": "Takasaki",
        "given_latin": "Shōta",
    }
    onboarding.save(investor=investor, step="name", answers=given, now=NOW)
    kept = onboarding.draft(investor=investor, now=NOW).answers["name"]
    assert {name: kept[name].encode() for name in given} == {name: text.encode() for name, text in given.items()}


@pytest.mark.parametrize(
    "sign",
    list(
        "\0\n\u00ad\u061c\u200b\u200d\u200e\u2028\u202a\u202e\u2060\u2066\u2069\u3164\ufeff\ue000\ud800\U000e0041",
    ),
)
def test_what_cannot_be_seen_is_refused(sign):
    with pytest.raises(ValidationError) as refused:
        names.check_name(f"山{sign}田")
    assert refused.value.code == "invisible_character"


@pytest.mark.parametrize("wrong", ["", "   ", "123", "あ" * 81])
def test_what_is_no_name_is_refused(wrong):
    with pytest.raises(ValidationError):
        names.check_name(wrong)


@pytest.mark.parametrize("right", ["O'Neill", "José", "Smith-Jones Jr.", "Łukasz"])
def test_latin_letters_of_every_kind(right):
    assert names.check_latin(right) == right


@pytest.mark.parametrize("wrong", ["山田", "Иван", "Tar0"])
def test_other_letters_are_not_latin(wrong):
    with pytest.raises(ValidationError):
        names.check_latin(wrong)


@pytest.mark.parametrize("right", ["ヤマダ", "ﾔﾏﾀﾞ", "やまだ", "マリー・アン"])
def test_kana(right):
    assert names.check_kana(right) == right


@pytest.mark.parametrize("wrong", ["山田", "Yamada"])
def test_not_kana(wrong):
    with pytest.raises(ValidationError):
        names.check_kana(wrong)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Satō", "SATO"),
        ("Satou", "Sato"),
        ("SATOH", "sato"),
        ("O'Neill", "ONEILL"),
        ("José", "Jose"),
        ("Yuuki", "Yuki"),
    ],
)
def test_spellings_of_one_name(one, other):
    assert names.latin_form(one) == names.latin_form(other)


def test_different_names_stay_different():
    assert names.latin_form("Sato") != names.latin_form("Seto")
    assert names.kanji_form("山田") != names.kanji_form("山本")
    assert names.kana_form("ハヤシ") != names.kana_form("バヤシ")


def test_variants_of_kanji_and_kana():
    assert names.kanji_form("髙﨑") == names.kanji_form("高崎")
    assert names.kana_form("ｼｮｳﾀ") == names.kana_form("しょうた") == names.kana_form("シヨウタ")


JAPANESE = {"family_kana": "タカサキ", "given_kana": "ショウタ", "family_latin": "TAKASAKI", "given_latin": "SHOTA"}
AMERICAN = {"family_latin": "O'Neill", "given_latin": "José", "middle_latin": "Marie"}


@pytest.mark.parametrize(
    ("holder", "name", "own"),
    [
        ("ﾀｶｻｷ ｼﾖｳﾀ", JAPANESE, True),
        ("タカサキ　ショウタ", JAPANESE, True),
        ("TAKASAKI SHOTA", JAPANESE, True),
        ("ﾀｶｻｷ ﾊﾅｺ", JAPANESE, False),
        ("Jose M. O'Neill", AMERICAN, True),
        ("ONEILL JOSE", AMERICAN, True),
        ("Mary O'Neill", AMERICAN, False),
        ("---", AMERICAN, False),
    ],
)
def test_a_bank_account_is_the_citizens_own(holder, name, own):
    assert banking.is_own(holder, name=name) is own
