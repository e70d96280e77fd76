"""One number in two forms, found wherever payers put it, and never with a wrong check digit (D27)."""

import jaconv
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from stdnum import iso11649

from fund.payments.references import create, find_reference, is_reference, numeric, printed

BODIES = st.integers(100_000_000, 999_999_999).map(str)
NAMES = ["ﾔﾏﾀﾞ ﾀﾛｳ", "ヤマダ　タロウ", "ﾖ-ｺ", "YAMADA TARO", ""]


def test_a_reference_and_its_forms() -> None:
    reference = create("123456789")
    assert reference == "RF361234567894"
    assert (numeric(reference), printed(reference)) == ("1234567894", "RF36 1234 5678 94")
    assert is_reference(reference) and iso11649.is_valid(reference)


@given(BODIES)
def test_every_body_makes_a_sound_reference(body: str) -> None:
    reference = create(body)
    assert is_reference(reference) and numeric(reference).startswith(body)
    assert find_reference(printed(reference)) == find_reference(numeric(reference)) == reference


def test_random_references_differ() -> None:
    made = {create() for _ in range(200)}
    assert len(made) == 200 and all(map(is_reference, made))


@pytest.mark.parametrize("body", ["", "12345678", "1234567890", "012345678", "12345678A", "１２３４５６７８９"])
def test_other_bodies_are_refused(body: str) -> None:
    with pytest.raises(ValueError, match="nine digits"):
        create(body)


@given(BODIES, st.sampled_from(NAMES), st.booleans(), st.sampled_from(["", " ", "　", "\n"]))
def test_the_number_before_the_name(body: str, name: str, wide: bool, between: str) -> None:
    number = numeric(create(body))
    written = (jaconv.h2z(number, digit=True) if wide else number) + between + name
    assert find_reference(written) == create(body)


@given(
    BODIES,
    st.sampled_from(["", "INVOICE 42 ", "振込　", "/ROC/", "ﾌﾘｺﾐ"]),
    st.sampled_from(["", " TARO", "ヤマダ", "/X"]),
)
def test_rf_anywhere_in_the_text(body: str, before: str, after: str) -> None:
    reference = create(body)
    for form in (reference, printed(reference), printed(reference).lower(), printed(reference).replace(" ", "-")):
        assert find_reference(before + form + after) == reference
        assert find_reference(before + jaconv.h2z(form, ascii=True, digit=True) + after) == reference


@given(BODIES, st.data())
def test_one_wrong_digit_is_never_a_reference(body: str, data: st.DataObject) -> None:
    reference = create(body)
    for form in (reference, numeric(reference)):
        place = data.draw(st.integers(len(form) - 10, len(form) - 1))
        wrong = data.draw(st.sampled_from("0123456789"))
        assume(wrong != form[place])
        assert find_reference(form[:place] + wrong + form[place + 1 :]) is None


@given(BODIES, st.integers(0, 8))
def test_neighbours_swapped_are_never_a_reference(body: str, place: int) -> None:
    number = numeric(create(body))
    assume(number[place] != number[place + 1])
    swapped = number[:place] + number[place + 1] + number[place] + number[place + 2 :]
    assert find_reference(swapped) is None
    assert find_reference(create(body).replace(number, swapped)) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ﾔﾏﾀﾞ ﾀﾛｳ",
        "TEL 1234567894",  # a number that does not stand first
        "12345678941ﾔﾏﾀﾞ",  # eleven digits
        "123456789 4ﾔﾏﾀﾞ",
        "XRF361234567894",
        "RF3612345678941",
        "RF18539007547034",  # sound under ISO 11649, but not of our shape
        "RF371234567894",
    ],
)
def test_what_is_no_reference(text: str) -> None:
    assert find_reference(text) is None


def test_the_first_of_several_is_taken_and_the_long_form_goes_before_the_number() -> None:
    first, second = create("111111111"), create("222222222")
    assert find_reference(f"{printed(first)} / {second}") == first
    assert find_reference(f"{printed(second)} / {first}") == second
    assert find_reference(f"{numeric(first)} {second}") == second
    assert find_reference(f"RF00{numeric(second)} {first}") == first


@pytest.mark.parametrize("text", ["RF36123456789", "rf361234567894", "RF36 1234 5678 94", "RF36１２３４５６７８９４"])
def test_the_plain_form_is_exact(text: str) -> None:
    assert not is_reference(text)
