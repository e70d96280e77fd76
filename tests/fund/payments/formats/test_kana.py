"""Half-width kana and Japanese-era dates (D37), with vectors of two other implementations."""

import json
from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fund.payments.formats.kana import cut, from_wareki, from_zengin, is_zengin, to_wareki, to_zengin
from tests.fund.payments.formats.bank import SHARED, needs_shared

NOT_AFTER = date(2026, 12, 31)


@pytest.fixture(scope="module")
def vectors() -> Any:
    return json.loads((SHARED / "zengin" / "vectors_kana_wareki.json").read_text())


@needs_shared
def test_vectors(vectors: Any) -> None:
    kana = vectors["kana_diva"] + vectors["kana_zengin4j_party"]
    assert len(kana) == 18
    for text, narrow in kana:
        assert to_zengin(text, hiragana=True) == narrow
        assert is_zengin(narrow)
    for case in vectors["truncate_zengin4j"]:
        assert cut(to_zengin(case["text"]), case["bytes"]) == case["safe"]
    for written, day in vectors["wareki_yymmdd_diva"]:
        assert from_wareki(written, not_after=NOT_AFTER) == date.fromisoformat(day)
        assert to_wareki(date.fromisoformat(day)) == written


@pytest.mark.parametrize("text", ["山田太郎", "東", "やまだ", "ジョン・スミス", "A_B", "髙", "ﾔﾏﾀﾞ①"])
def test_what_zengin_cannot_carry_is_refused_without_naming_it(text: str) -> None:
    with pytest.raises(ValueError, match="katakana") as refused:
        to_zengin(text)
    assert text not in str(refused.value)
    assert not is_zengin(text)


@pytest.mark.parametrize(
    ("narrow", "wide"),
    [
        ("ﾖ-ｺ", "ヨーコ"),
        ("ｶﾞｸﾌﾞﾁ ｼﾞﾛｳ", "ガクブチ ジロウ"),
        ("ｷﾔﾉﾝ", "キヤノン"),
        ("1-2", "1-2"),
        ("ｶ)A-B", "カ)A-B"),
        ("ｳﾞｧ", "ヴァ"),
    ],
)
def test_back_to_full_width(narrow: str, wide: str) -> None:
    assert from_zengin(narrow) == wide


@given(st.text("アイウエオカキクケコガギグゲゴパピプペポヴヤユヨワヲンー", min_size=1).filter(lambda t: t[0] != "ー"))
def test_large_kana_go_there_and_back(text: str) -> None:
    narrow = to_zengin(text)
    assert is_zengin(narrow) and to_zengin(narrow) == narrow
    assert from_zengin(narrow) == text


@given(st.text("ｶﾊﾞﾟA", max_size=12).filter(lambda text: "ﾞﾞ" not in text), st.integers(1, 8))
def test_a_cut_parts_no_kana_from_its_mark(text: str, length: int) -> None:
    kept = cut(text, length)
    assert text.startswith(kept) and len(kept) <= length
    assert len(kept) >= min(len(text), length) - 1
    if len(kept) < min(len(text), length):
        assert text[length] in "ﾞﾟ"


@given(st.dates(NOT_AFTER - timedelta(days=365 * 20), NOT_AFTER))
def test_recent_days_go_there_and_back(day: date) -> None:
    assert from_wareki(to_wareki(day), not_after=NOT_AFTER) == day


@pytest.mark.parametrize(
    "text", ["000501", "010230", "011301", "99010", "0105011", "０１０５０１", "650101", "", "1-5-01"]
)
def test_days_that_never_were(text: str) -> None:
    with pytest.raises(ValueError, match="expected|no Japanese era"):
        from_wareki(text, not_after=NOT_AFTER)


def test_before_the_eras() -> None:
    with pytest.raises(ValueError, match="Showa"):
        to_wareki(date(1926, 12, 24))
