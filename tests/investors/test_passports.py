"""The zone of a passport by ICAO 9303: the published example, a check digit for every place, names as printed."""

import pytest
from django.core.exceptions import ValidationError
from hypothesis import assume, given
from hypothesis import strategies as st

from investors import passports, steps
from investors.passports import check_digit
from investors.steps import Known
from tests.investors.conftest import NOW, japanese

# ICAO 9303-4, appendix B: the specimen of Utopia.
UTOPIA = "P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
CHECKED = [*range(10), *range(13, 20), *range(21, 44)]  # places of the second line that a check digit covers


def zone(
    *, number="TK1234567", country="JPN", born="900430", sex="M", expires="300501", personal="", empty="<", name=""
) -> str:
    """A zone with right check digits. ``empty``: how the check digit of an empty personal number is printed."""
    first = f"P<{country}{name or 'TAKASAKI<<SHOTA'}".ljust(44, "<")
    number, personal = number.ljust(9, "<"), personal.ljust(14, "<")
    last = check_digit(personal) if personal.strip("<") else empty
    about = f"{country}{born}{check_digit(born)}{sex}{expires}{check_digit(expires)}"
    second = f"{number}{check_digit(number)}{about}{personal}{last}"
    return f"{first}\n{second}{check_digit(second[0:10] + second[13:20] + second[21:43])}"


def test_the_published_example():
    read = passports.read_zone(UTOPIA)
    assert (read.number, read.issuer, read.nationality) == ("L898902C3", "UTO", "UTO")
    assert (read.born, read.expires, read.family, read.given) == ("740812", "120415", "ERIKSSON", "ANNA MARIA")
    assert not read.cut


@pytest.mark.parametrize(("text", "digit"), [("520727", "3"), ("AB2134<<<", "5"), ("L898902C3", "6"), ("<" * 14, "0")])
def test_check_digits_of_the_standard(text, digit):
    assert check_digit(text) == digit


@pytest.mark.parametrize("empty", ["<", "0"])
def test_an_empty_personal_number_has_a_filler_or_a_zero(empty):
    assert passports.read_zone(zone(empty=empty)).number == "TK1234567"


@pytest.mark.parametrize(
    "typed",
    [
        zone().lower(),
        zone().replace("\n", "\r\n\r\n"),
        zone().replace("\n", ""),
        "  ".join(zone()),
        zone().translate({ord(sign): ord(sign) + 0xFEE0 for sign in "0123456789<"}),
    ],
)
def test_the_zone_as_people_type_it(typed):
    assert passports.check_zone(typed) == zone()


@pytest.mark.parametrize(
    "typed",
    ["", "P<", zone()[:-1], zone() + "<", "I" + zone()[1:], zone().replace("TAKASAKI", "TÄKASAKI"), "\ud800" * 88],
)
def test_what_is_no_zone(typed):
    with pytest.raises(ValidationError) as refused:
        passports.read_zone(typed)
    assert refused.value.code == "invalid_mrz"


@given(
    number=st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=1, max_size=9),
    personal=st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ<", max_size=14),
    place=st.sampled_from(CHECKED),
    shift=st.integers(1, 9),
)
def test_another_digit_at_any_place_is_refused(number, personal, place, shift):
    first, second = zone(number=number, personal=personal).split("\n")
    assert passports.read_zone(f"{first}\n{second}").number == number
    assume(second[place].isdigit())
    wrong = f"{second[:place]}{(int(second[place]) + shift) % 10}{second[place + 1 :]}"
    with pytest.raises(ValidationError):
        passports.read_zone(f"{first}\n{wrong}")


def test_a_number_with_a_check_digit_of_its_own_does_not_fit_the_last_one():
    first, second = zone(number="TK1234567").split("\n")
    other = "TK1234568" + check_digit("TK1234568")
    with pytest.raises(ValidationError):
        passports.read_zone(f"{first}\n{other}{second[10:]}")


@pytest.mark.parametrize(
    ("printed", "family", "given_names"),
    [
        ("ERIKSSON<<ANNA<MARIA", "Eriksson", "Anna Maria"),
        ("ERIKSSON<<ANNA<MARIA", "Eriksson", "Anna"),
        ("ERIKSSON<<ANNA", "Eriksson", "Anna Maria"),
        ("ONEILL<<JOSE<MARIE", "O'Neill", "José Marie"),
        ("SMITH<JONES<<SUSIE", "Smith-Jones", "Susie"),
        ("MUELLER<<HANS", "Müller", "Hans"),
        ("MUXXLLER<<HANS", "Müller", "Hans"),
        ("MULLER<<HANS", "Müller", "Hans"),
        ("NUNEZ<<JORGE", "Núñez", "Jorge"),
        ("STRASSE<<AASE", "Straße", "Åse"),
        ("OHNO<<YUKO", "Ono", "Yuuko"),
        ("SATO<<SHOTA", "Satou", "Shohta"),
        ("ARKFREITH", "Arkfreith", ""),
        ("BENNELONG<WOOLOOMOOLOO<WARRANDYTE<W<<DI", "Bennelong Wooloomooloo Warrandyte Warnambool", "Dingo Potoroo"),
        ("NILAVADHANANANDA<<CHAYAPA<DEJTHAMRONG<K", "Nilavadhanananda", "Chayapa Dejthamrong Krasuang"),
        ("NILAVADHANANANDA<<ARNPOL<PETCH<CHARONGU", "Nilavadhanananda", "Arnpol Petch Charonguang"),
    ],
)
def test_names_as_they_are_printed(printed, family, given_names):
    assert passports.read_zone(zone(name=printed)).is_named(family=family, given=given_names)


@pytest.mark.parametrize(
    ("printed", "family", "given_names"),
    [
        ("ERIKSSON<<ANNA", "Erikson", "Anna"),
        ("ERIKSSON<<ANNA", "Eriksson", "Maria"),
        ("ERIKSSON<<ANNA", "Eriksson", ""),
        ("ERIKSSON", "Eriksson", "Anna"),
        ("ERIKS<<ANNA", "Eriksson", "Anna"),
        ("ANNA<<ERIKSSON", "Eriksson", "Anna"),
        ("BENNELONG<WOOLOOMOOLOO<WARRANDYTE<W<<DI", "Bennelong Wooloomooloo Sydney Warnambool", "Dingo"),
    ],
)
def test_another_name_is_another_name(printed, family, given_names):
    assert not passports.read_zone(zone(name=printed)).is_named(family=family, given=given_names)


# ── in the step ──


def cleaned(given, **other):
    return steps.clean("identity_document", given, Known(NOW, japanese(**other)))


def test_the_zone_alone_fills_in_the_rest():
    assert cleaned({"mrz": zone()}) == {
        "kind": "passport", "issuer": "JP", "number": "TK1234567", "expires_on": "2030-05-01", "mrz": zone(),
    }  # fmt: skip


def test_what_was_typed_is_not_overwritten_but_compared():
    typed = {"kind": "passport", "number": "TK7654321", "expires_on": "2031-05-01", "mrz": zone()}
    with pytest.raises(ValidationError) as refused:
        cleaned(typed, birth={"birth_date": "1990-05-30"}, name={"given_latin": "Kenji"})
    (message,) = refused.value.message_dict["mrz"]
    for part in ("TK1234567", "2030-05-01", "900430", "TAKASAKI SHOTA"):
        assert part in message
    assert "JPN" not in message, "what agrees is not told"


def test_another_document_is_not_filled_in_from_a_zone():
    with pytest.raises(ValidationError) as refused:
        cleaned({"kind": "family_register", "issuer": "JP", "mrz": zone()})
    assert list(refused.value.message_dict) == ["issued_on"]


def test_a_zone_with_a_slip_says_so_beside_what_is_missing():
    with pytest.raises(ValidationError) as refused:
        cleaned({"kind": "passport", "mrz": zone().replace("TK1234567", "TK1234568")})
    assert set(refused.value.message_dict) == {"issuer", "number", "expires_on", "mrz"}


def test_a_day_that_is_none_is_not_filled_in():
    with pytest.raises(ValidationError) as refused:
        cleaned({"mrz": zone(expires="301332")})
    assert list(refused.value.message_dict) == ["expires_on"]
