"""The citizen's own bank account (D17): it must bear the same name as the citizen, in kana where it is in Japan."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from fund.holders import Nation
from investors import identifiers, names
from investors.steps.fields import Answers, Field, Known, Step

US, JP = ("US",), ("JP",)
US_TYPES = (("checking", _("Checking account")), ("savings", _("Savings account")))
JAPANESE_TYPES = (
    ("ordinary", _("Ordinary deposit")),
    ("current", _("Current deposit")),
    ("savings", _("Savings deposit")),
)


def latin_names(name: dict[str, str]) -> set[str]:
    """How a bank may write a person in Latin letters, in the form for comparing."""
    family, given = name.get("family_latin", ""), name.get("given_latin", "")
    middle = name.get("middle_latin", "")
    orders = [
        (given, family),
        (family, given),
        (given, middle, family),
        (given, middle[:1], family),
        (family, given, middle),
    ]
    return {names.latin_form(" ".join(order)) for order in orders}


def is_own(holder: str, *, name: dict[str, str]) -> bool:
    """Whether an account's holder is this person: the same kana, or the same Latin letters in either order."""
    kana = names.kana_form(name.get("family_kana", "") + name.get("given_kana", ""))
    if kana and names.kana_form(holder) == kana:
        return True
    latin = names.latin_form(holder)
    return bool(latin) and latin in latin_names(name)


def check(answers: Answers, known: Known) -> Answers:
    if not is_own(answers["holder"], name=known.name):
        message = _("The account must be your own. Its name differs from the name in your application.")
        raise ValidationError({"holder": [ValidationError(message, code="other_name")]})
    return answers


def branch_code(text: str, answers: Answers) -> str:
    """A branch of the bank that was answered; while the bank is not known its form alone is checked by the step."""
    return identifiers.branch_code(text, bank=answers["bank_code"]) if answers.get("bank_code") else text


bank_account = Step(
    code="bank_account",
    title=_("Bank account"),
    intro=_("For money that we pay to you. The account must be in your own name."),
    fields=(
        Field("country", _("The bank is in"), kind="choice", choices=tuple(Nation.choices)),
        Field(
            "holder", _("Account holder"), check=names.check_name, help=_("As the bank writes it; in Japan in kana.")
        ),
        Field("routing_number", _("Routing number"), when=("country", US), check=identifiers.routing_number),
        Field("account_type", _("Type of account"), kind="choice", choices=US_TYPES, when=("country", US)),
        Field("account_number", _("Account number"), when=("country", US), check=identifiers.account_number),
        Field("bank_code", _("Bank code"), when=("country", JP), check=identifiers.bank_code, help=_("Four digits.")),
        Field("branch_code", _("Branch code"), when=("country", JP), among=branch_code, help=_("Three digits.")),
        Field("deposit_type", _("Type of account"), kind="choice", choices=JAPANESE_TYPES, when=("country", JP)),
        Field("deposit_number", _("Account number"), when=("country", JP), check=identifiers.japanese_account_number),
    ),
    finish=check,
)
