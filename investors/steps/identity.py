"""Who somebody is: citizenship, name, birth, residence, numbers and identity document (D5–D9)."""

import re
import unicodedata
from collections.abc import Iterator
from datetime import date
from typing import Any

import phonenumbers
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from fund.governance import config
from fund.holders import Nation
from investors import identifiers, names, passports
from investors.steps import places
from investors.steps.fields import Answers, Field, Known, Step, living_in, of_nation

EARLIEST_BIRTH = date(1900, 1, 1)
ZIP = re.compile(r"\d{5}(-\d{4})?", re.ASCII)


def optional(known: Known) -> bool:
    return False


NEITHER = "neither"


def check_citizenship(answers: Answers, known: Known) -> Answers:
    if NEITHER in answers["nations"] and len(answers["nations"]) > 1:
        message = _("Please choose either your citizenship or “Neither of the two”.")
        raise ValidationError({"nations": ValidationError(message, code="contradiction")})
    return answers


def accepted(known: Known) -> tuple[str, ...]:
    """The countries of residence that are accepted: only there an address is asked for (D7)."""
    return tuple(config.get("residence.accepted", at=known.now))


citizenship = Step(
    code="citizenship",
    title=_("Citizenship"),
    intro=_("Citizens of the United States and of Japan can take part. With both citizenships, choose both."),
    fields=(
        Field(
            "nations",
            _("I am a citizen of"),
            kind="choices",
            choices=(*Nation.choices, (NEITHER, _("Neither of the two"))),
        ),
    ),
    finish=check_citizenship,
)

name = Step(
    code="name",
    title=_("Name"),
    intro=_("Your legal name, written exactly as you write it. We change none of the characters."),
    fields=(
        Field(
            "family_kanji", _("Family name"), asked=of_nation("JP"), check=names.check_name, autocomplete="family-name"
        ),
        Field("given_kanji", _("Given name"), asked=of_nation("JP"), check=names.check_name, autocomplete="given-name"),
        Field("family_kana", _("Family name in kana"), asked=of_nation("JP"), check=names.check_kana),
        Field("given_kana", _("Given name in kana"), asked=of_nation("JP"), check=names.check_kana),
        Field(
            "family_latin", _("Family name in Latin letters"), check=names.check_latin, help=_("As in your passport.")
        ),
        Field(
            "given_latin",
            _("Given name in Latin letters"),
            required=of_nation("JP"),
            check=names.check_latin,
            help=_("Leave it empty only if your document shows a single name."),
        ),
        Field("middle_latin", _("Middle names"), asked=of_nation("US"), required=optional, check=names.check_latin),
    ),
)


def check_birth(answers: Answers, known: Known) -> Answers:
    born = date.fromisoformat(answers["birth_date"])
    if not EARLIEST_BIRTH <= born <= known.today:
        raise ValidationError({"birth_date": ValidationError(_("Please check the year."), code="invalid_date")})
    return answers


birth = Step(
    code="birth",
    title=_("Date of birth"),
    fields=(Field("birth_date", _("Date of birth"), kind="date", autocomplete="bday"),),
    finish=check_birth,
)


def postcode(text: str, answers: Answers) -> str:
    """A ZIP code (12345 or 12345-6789) or a Japanese postcode (123-4567), full-width digits accepted."""
    digits = identifiers.compact(text)
    match answers.get("country"):
        case "US":
            code = digits if len(digits) <= 5 else f"{digits[:5]}-{digits[5:]}"
            if not ZIP.fullmatch(code):
                raise ValidationError(_("A ZIP code has five or nine digits."), code="invalid_postcode")
            return code
        case "JP":
            digits = digits.removeprefix("〒")
            if not re.fullmatch(r"[0-9]{7}", digits):
                raise ValidationError(_("A postcode in Japan has seven digits."), code="invalid_postcode")
            return f"{digits[:3]}-{digits[3:]}"
    return text


def phone(text: str, answers: Answers) -> str:
    """A telephone number in E.164 (+819012345678), as dialled at home or with the country's code."""
    problem = ValidationError(_("This is not a telephone number that can be called."), code="invalid_phone")
    try:
        number = phonenumbers.parse(unicodedata.normalize("NFKC", text), answers.get("country"))
    except phonenumbers.NumberParseException:
        raise problem from None
    if not phonenumbers.is_valid_number(number):
        raise problem
    return str(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164))


residence = Step(
    code="residence",
    title=_("Where you live"),
    fields=(
        Field("country", _("Country of residence"), kind="choice", choices=places.COUNTRIES, autocomplete="country"),
        Field("postcode", _("Postcode"), when=("country", ("US", "JP")), among=postcode, autocomplete="postal-code"),
        Field(
            "state",
            pgettext_lazy("address", "State"),
            kind="choice",
            choices=places.STATES,
            when=("country", ("US",)),
            autocomplete="address-level1",
        ),
        Field(
            "prefecture",
            _("Prefecture"),
            kind="choice",
            choices=places.PREFECTURES,
            when=("country", ("JP",)),
            autocomplete="address-level1",
        ),
        Field("city", _("City, town or village"), when=("country", accepted), autocomplete="address-level2"),
        Field("street", _("Street and number"), when=("country", accepted), autocomplete="address-line1"),
        Field(
            "building",
            _("Building, apartment"),
            required=optional,
            when=("country", accepted),
            autocomplete="address-line2",
        ),
        Field(
            "phone",
            _("Telephone"),
            when=("country", accepted),
            among=phone,
            autocomplete="tel",
            help=_("For example 090-1234-5678 or 202-456-1111."),
        ),
    ),
)


def check_numbers(answers: Answers, known: Known) -> Answers:
    before = known.answers.get("numbers", {})
    given = {kind for kind in ("ssn", "itin") if answers.get(kind) or before.get(f"{kind}_ending")}
    if known.country == "US" and not given:
        message = _("Residents of the United States give a Social Security number or an ITIN.")
        raise ValidationError({"ssn": ValidationError(message, code="required")})
    return answers


def us_number(known: Known) -> bool:
    return "US" in known.nations or known.country == "US"


def only_resident_in_us(known: Known) -> bool:
    return known.country == "US" and "US" not in known.nations


def japanese_number(known: Known) -> bool:
    return "JP" in known.nations or known.country == "JP"


numbers = Step(
    code="numbers",
    title=_("Tax numbers"),
    intro=_(
        "The law asks us to report to the tax authority under these numbers. They are encrypted, every reading of them"
        " is logged, and only the last four digits are ever shown again."
    ),
    fields=(
        Field(
            "ssn",
            _("Social Security number"),
            kind="secret",
            asked=us_number,
            required=of_nation("US"),
            check=identifiers.ssn,
        ),
        Field(
            "itin",
            _("ITIN"),
            kind="secret",
            asked=only_resident_in_us,
            required=optional,
            check=identifiers.itin,
            help=_("Only if you have no Social Security number."),
        ),
        Field(
            "my_number",
            _("My Number"),
            kind="secret",
            asked=japanese_number,
            required=living_in("JP"),
            check=identifiers.my_number,
        ),
    ),
    finish=check_numbers,
)

PASSPORT, PASSPORT_CARD, FAMILY_REGISTER = "passport", "passport_card", "family_register"
EXPIRING = (PASSPORT, PASSPORT_CARD)
ISSUER_IN_ZONE = {"US": "USA", "JP": "JPN"}


def fill_from_zone(given: Answers, known: Known) -> Answers:
    """Who has typed the zone of a passport need not type what it says once more."""
    told = given.get("mrz")
    if not isinstance(told, str) or given.get("kind") not in (None, "", PASSPORT):
        return given
    try:
        zone = passports.read_zone(told)
    except ValidationError:
        return given
    nation = {name: nation for nation, name in ISSUER_IN_ZONE.items()}.get(zone.issuer, "")
    day = zone.expires_on.isoformat() if zone.expires_on else ""
    found = {"kind": PASSPORT, "issuer": nation, "number": zone.number, "expires_on": day}
    return {**given, **{name: value for name, value in found.items() if given.get(name) in (None, "")}}


def check_document(answers: Answers, known: Known) -> Answers:
    kind, issuer = answers["kind"], answers["issuer"]
    if (kind, issuer) in ((PASSPORT_CARD, "JP"), (FAMILY_REGISTER, "US")):
        raise ValidationError({"kind": ValidationError(_("This country issues no such document."), code="invalid")})
    if not answers.get("mrz"):
        return answers
    if differences := list(_differences(passports.read_zone(answers["mrz"]), answers, known)):
        message = _(
            "The machine-readable zone says something else than your answers: %(differences)s. Please compare them."
        )
        told = {"differences": ", ".join(f"{label} {value}" for label, value in differences)}
        raise ValidationError({"mrz": ValidationError(message, code="mrz_differs", params=told)})
    return answers


def _differences(zone: passports.Zone, answers: Answers, known: Known) -> Iterator[tuple[Any, str]]:
    """What the zone says otherwise than the answers, with the name of each question."""
    if zone.number != answers["number"]:
        yield _("Document number"), zone.number
    if f"{date.fromisoformat(answers['expires_on']):%y%m%d}" != zone.expires:
        yield _("Valid until"), zone.expires_on.isoformat() if zone.expires_on else zone.expires
    if zone.nationality != ISSUER_IN_ZONE[answers["issuer"]]:
        yield _("Citizenship"), zone.nationality
    if known.born and not zone.is_born(known.born):
        yield _("Date of birth"), zone.born
    given = f"{known.name.get('given_latin', '')} {known.name.get('middle_latin', '')}".strip()
    if known.name and not zone.is_named(family=known.name.get("family_latin", ""), given=given):
        yield _("Name"), f"{zone.family} {zone.given}".strip()


identity_document = Step(
    code="identity_document",
    title=_("Identity document"),
    intro=_("A document that shows your citizenship."),
    fields=(
        Field(
            "kind",
            _("Document"),
            kind="choice",
            choices=(
                (PASSPORT, _("Passport")),
                (PASSPORT_CARD, _("US passport card")),
                (FAMILY_REGISTER, _("Certificate of the Japanese family register (koseki)")),
            ),
        ),
        Field("issuer", _("Issued by"), kind="choice", choices=tuple(Nation.choices)),
        Field("number", _("Document number"), check=identifiers.document_number, when=("kind", EXPIRING)),
        Field("expires_on", _("Valid until"), kind="date", when=("kind", EXPIRING)),
        Field("issued_on", _("Issued on"), kind="date", when=("kind", (FAMILY_REGISTER,))),
        Field(
            "mrz",
            _("Machine-readable zone"),
            kind="lines",
            required=optional,
            when=("kind", (PASSPORT,)),
            check=passports.check_zone,
            help=_(
                "The two lines at the foot of the photo page. With them we can check the rest for slips, and fill in"
                " what you have left empty."
            ),
        ),
    ),
    begin=fill_from_zone,
    finish=check_document,
)
