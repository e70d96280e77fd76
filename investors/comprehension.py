"""The comprehension check (D13): four questions on what can go wrong. A wrong answer is explained and asked again."""

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Question:
    """``right`` is the value of the one right choice; ``explanation`` is shown after a wrong one."""

    code: str
    text: Any
    choices: tuple[tuple[str, Any], ...]
    right: str
    explanation: Any


QUESTIONS = (
    Question(
        code="illiquidity",
        text=_("When can you get your money back?"),
        choices=(
            ("any_day", _("On any business day at the latest price")),
            ("windows", _("Only in the redemption windows, and perhaps not all at once")),
            ("guaranteed_year", _("In full after one year, guaranteed")),
        ),
        right="windows",
        explanation=_(
            "Units can be given back only in certain windows. If many people ask at the same time, each is paid in part"
            " and the rest waits."
        ),
    ),
    Question(
        code="leverage",
        text=_("The fund borrows money to invest. What happens when its investments lose value?"),
        choices=(
            ("same", _("Your loss is as large as the loss of the investments")),
            ("larger", _("Your loss is larger than the loss of the investments")),
            ("lenders", _("The lenders bear the loss")),
        ),
        right="larger",
        explanation=_(
            "The debt stays the same when investments fall. The loss is borne by the unit holders alone, so in percent"
            " it is larger."
        ),
    ),
    Question(
        code="currency",
        text=_("The investments are in dollars. What happens to the value in yen when the yen rises?"),
        choices=(
            ("falls", _("It falls, even if the investments keep their value")),
            ("rises", _("It rises")),
            ("nothing", _("Nothing: the exchange rate is fixed")),
        ),
        right="falls",
        explanation=_("A dollar then buys fewer yen. The value in yen falls although nothing has changed in dollars."),
    ),
    Question(
        code="loss",
        text=_("How much of your money can you lose?"),
        choices=(
            ("nothing", _("Nothing: two governments stand behind the fund")),
            ("part", _("At most a tenth")),
            ("all", _("All of it")),
        ),
        right="all",
        explanation=_("Neither government guarantees your money. In the worst case all of it is lost."),
    ),
)


def wrong(answers: dict[str, Any]) -> list[Question]:
    """The questions that are not answered rightly."""
    return [question for question in QUESTIONS if answers.get(question.code) != question.right]
