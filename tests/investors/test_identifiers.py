"""Numbers, addresses, telephones and passports by their own rules (D8)."""

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from investors import identifiers, passports
from investors.steps import identity


@pytest.mark.parametrize("typed", ["536-90-4399", "536904399", "５３６－９０－４３９９", " 536 90 4399 "])
def test_a_social_security_number_however_it_is_typed(typed):
    assert identifiers.ssn(typed) == "536904399"


@pytest.mark.parametrize(
    "wrong",
    [
        "000-12-3456",
        "666-12-3456",
        "900-12-3456",
        "999-12-3456",
        "536-00-4399",
        "536-90-0000",
        "078-05-1120",
        "０７８－０５－１１２０",
        "53690439",
        "5369043999",
        "abc",
        "٥٣٦٩٠٤٣٩٩",
    ],
)
def test_numbers_that_were_never_issued_are_refused(wrong):
    with pytest.raises(ValidationError) as refused:
        identifiers.ssn(wrong)
    assert refused.value.code == "invalid_ssn"


@pytest.mark.parametrize(("typed", "valid"), [("912-90-3456", True), ("912-34-5678", False), ("536-90-4399", False)])
def test_itin(typed, valid):
    if valid:
        assert identifiers.itin(typed) == "912903456"
    else:
        with pytest.raises(ValidationError):
            identifiers.itin(typed)


@pytest.mark.parametrize("typed", ["621498320257", "6214 9832 0257", "６２１４９８３２０２５７", "6214ー9832ー0257"])
def test_my_number_however_it_is_typed(typed):
    assert identifiers.my_number(typed) == "621498320257"


@pytest.mark.parametrize("wrong", ["621498320258", "62149832025", "6214983202577", ""])
def test_a_my_number_with_a_wrong_check_digit_is_refused(wrong):
    with pytest.raises(ValidationError) as refused:
        identifiers.my_number(wrong)
    assert refused.value.code == "invalid_my_number"


def test_routing_number():
    assert identifiers.routing_number("１１１００００２５") == "111000025"
    with pytest.raises(ValidationError):
        identifiers.routing_number("112000025")


def test_japanese_bank_branch_and_account():
    assert identifiers.bank_code("０００１") == "0001"
    assert identifiers.branch_code("001", bank="0001") == "001"
    assert identifiers.japanese_account_number("12345") == "0012345"
    for check in (
        lambda: identifiers.bank_code("9998"),
        lambda: identifiers.branch_code("998", bank="0001"),
        lambda: identifiers.japanese_account_number("12345678"),
    ):
        with pytest.raises(ValidationError):
            check()


def test_a_message_does_not_repeat_the_number():
    for language in ("en", "ja"):
        with translation.override(language), pytest.raises(ValidationError) as refused:
            identifiers.my_number("621498320258")
        assert "621498320258" not in str(refused.value)


# The specimen of ICAO 9303, and a Japanese passport made by the same rule.
SPECIMEN = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"


def test_the_specimen_of_the_standard_is_read():
    zone = passports.read_zone(SPECIMEN)
    assert (zone.number, zone.nationality, zone.born, zone.expires) == ("L898902C3", "UTO", "740812", "120415")


@pytest.mark.parametrize("place", [0, 9, 13, 19, 21, 27, 28, 42, 43])
def test_every_check_digit_is_checked(place):
    first, second = SPECIMEN.splitlines()
    wrong = "7" if second[place] != "7" else "8"
    with pytest.raises(ValidationError) as refused:
        passports.read_zone(first + "\n" + second[:place] + wrong + second[place + 1 :])
    assert refused.value.code == "invalid_mrz"


@pytest.mark.parametrize("wrong", ["", "P<UTO", SPECIMEN[:-1], SPECIMEN + "<", SPECIMEN.replace("<", "ö")])
def test_what_is_no_zone_is_refused(wrong):
    with pytest.raises(ValidationError):
        passports.read_zone(wrong)


def test_an_empty_personal_number_may_have_the_filler_as_its_check_digit():
    digit = passports.check_digit
    number, born, expires = "TK1234567", "900430", "300501"
    second = f"{number}{digit(number)}JPN{born}{digit(born)}M{expires}{digit(expires)}" + "<" * 14
    for check in "<0":
        whole = second + check + digit(second[0:10] + second[13:20] + second[21:42] + check)
        assert passports.read_zone("P<JPN" + "TAKASAKI<<SHOTA".ljust(39, "<") + whole).number == "TK1234567"


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("US", "10001", "10001"),
        ("US", "10001-1234", "10001-1234"),
        ("US", "１０００１", "10001"),
        ("JP", "100-0005", "100-0005"),
        ("JP", "〒１００ー０００５", "100-0005"),
        ("JP", "1000005", "100-0005"),
    ],
)
def test_postcodes(country, typed, kept):
    assert identity.postcode(typed, {"country": country}) == kept


@pytest.mark.parametrize(("country", "typed"), [("US", "1000"), ("US", "100010"), ("JP", "10001"), ("JP", "abcdefg")])
def test_wrong_postcodes(country, typed):
    with pytest.raises(ValidationError):
        identity.postcode(typed, {"country": country})


@pytest.mark.parametrize(
    ("country", "typed", "kept"),
    [
        ("JP", "090-1234-5678", "+819012345678"),
        ("JP", "０３（３２１０）１２３４", "+81332101234"),
        ("US", "(202) 456-1111", "+12024561111"),
        ("JP", "+1 202 456 1111", "+12024561111"),
    ],
)
def test_telephones(country, typed, kept):
    assert identity.phone(typed, {"country": country}) == kept


@pytest.mark.parametrize(("country", "typed"), [("JP", "123"), ("US", "090-1234-5678"), ("US", "call me")])
def test_wrong_telephones(country, typed):
    with pytest.raises(ValidationError):
        identity.phone(typed, {"country": country})
