"""The tax self-certification as one interview (D12): W-9 or W-8BEN, and CRS with FATCA."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from investors import tax_forms
from investors.steps import places
from investors.steps.fields import Answers, Field, Known, Step
from investors.steps.identity import optional

YES, NO = ("true",), ("false",)


def check(answers: Answers, known: Known) -> Answers:
    errors: dict[str, ValidationError] = {}
    if not answers["us_person"] and ("US" in known.nations or known.country == "US"):
        message = _("Citizens and residents of the United States are US persons for tax.")
        errors["us_person"] = ValidationError(message, code="us_person")
    if known.country and known.country not in answers["tax_residences"] and not answers.get("explanation"):
        message = _("You live in a country that is not among them. Please explain why.")
        errors["explanation"] = ValidationError(message, code="required")
    elsewhere = set(answers["tax_residences"]) - {"US", "JP"}
    if elsewhere and not answers.get("foreign_numbers"):
        message = _("Please give your tax number for each country other than the United States and Japan.")
        errors["foreign_numbers"] = ValidationError(message, code="required")
    if errors:
        raise ValidationError({field: [error] for field, error in errors.items()})
    return answers | {"forms": [form.value for form in tax_forms.needed(us_person=answers["us_person"])]}


tax = Step(
    code="tax",
    title=_("Tax"),
    intro=_(
        "One interview in place of the forms W-9, W-8BEN and the CRS self-certification. We fill them from your"
        " answers."
    ),
    fields=(
        Field(
            "us_person",
            _("Are you a US person for tax?"),
            kind="yes_no",
            help=_("US citizens, green-card holders and residents of the United States are."),
        ),
        Field("tax_residences", _("Where are you resident for tax?"), kind="choices", choices=places.COUNTRIES),
        Field(
            "foreign_numbers",
            _("Tax numbers of other countries"),
            required=optional,
            help=_("For each one: country and number."),
        ),
        Field("explanation", _("Explanation"), required=optional),
        Field(
            "backup_withholding",
            _("Has the IRS told you that you are subject to backup withholding?"),
            kind="yes_no",
            when=("us_person", YES),
        ),
        Field(
            "treaty_claim",
            _("Do you claim the rates of the tax treaty between Japan and the United States?"),
            kind="yes_no",
            when=("us_person", NO),
        ),
        Field(
            "foreign_status",
            _("I am the beneficial owner and not a US person."),
            kind="confirm",
            when=("us_person", NO),
        ),
        Field(
            "certified",
            _("Under penalties of perjury I declare that these answers and my tax numbers are correct and complete."),
            kind="confirm",
        ),
        Field("signature", _("Your name as signature"), autocomplete="name"),
    ),
    finish=check,
)
