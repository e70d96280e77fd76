"""What somebody wants and understands: suitability, comprehension and the agreements (D13, D14)."""

from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from fund.governance import config
from investors import agreements as texts
from investors import comprehension as questions
from investors import suitability as fit
from investors.steps.fields import Answers, Choices, Field, Known, Step
from investors.steps.identity import optional


def check_suitability(answers: Answers, known: Known) -> Answers:
    found = fit.mismatches(answers)
    if (
        found
        and not answers.get("acknowledged")
        and not fit.refused(found, config.get("suitability.mismatch", at=known.now))
    ):
        message = _("Something does not fit: %(reasons)s If you want to go on all the same, please say so.")
        raise ValidationError(
            {
                "acknowledged": [
                    ValidationError(message, code="mismatch", params={"reasons": " ".join(fit.explain(found))})
                ]
            }
        )
    return answers | {"mismatches": found}


suitability = Step(
    code="suitability",
    title=_("Does this fund suit you?"),
    fields=(
        Field("purpose", _("What is this money for?"), kind="choice", choices=fit.PURPOSES),
        Field("horizon", _("How long can you do without it?"), kind="choice", choices=fit.HORIZONS),
        Field("loss_capacity", _("How much of it could you lose?"), kind="choice", choices=fit.LOSS_CAPACITIES),
        Field("experience", _("Your experience with investments"), kind="choice", choices=fit.EXPERIENCES),
        Field(
            "acknowledged",
            _("I know that this fund does not fit my answers, and I want to go on."),
            kind="yes_no",
            required=optional,
            help=_("Only if we tell you that something does not fit."),
        ),
    ),
    finish=check_suitability,
)


def check_comprehension(answers: Answers, known: Known) -> Answers:
    if wrong := questions.wrong(answers):
        raise ValidationError(
            {question.code: [ValidationError(question.explanation, code="wrong_answer")] for question in wrong}
        )
    return answers


comprehension = Step(
    code="comprehension",
    title=_("Four questions on the risks"),
    intro=_("You can answer as often as you like. Nobody is refused for a wrong answer."),
    fields=tuple(
        Field(question.code, question.text, kind="choice", choices=question.choices) for question in questions.QUESTIONS
    ),
    finish=check_comprehension,
)


def in_force(known: Known) -> Choices:
    found = {one.code: one.get_kind_display() for one in texts.in_force(kinds=texts.FOR_JOINING, at=known.now)}
    return tuple(found.items())


def check_agreements(answers: Answers, known: Known) -> Answers:
    if missing := [str(label) for code, label in in_force(known) if code not in answers["accepts"]]:
        message = _("Please read and accept: %(titles)s.")
        raise ValidationError(
            {"accepts": [ValidationError(message, code="agreements_missing", params={"titles": ", ".join(missing)})]}
        )
    return answers


agreements = Step(
    code="agreements",
    title=_("Agreements"),
    fields=(
        Field("accepts", _("I have read and accept"), kind="choices", choices=in_force),
        Field("language", _("I have read them in"), kind="choice", choices=(("en", "English"), ("ja", "日本語"))),
    ),
    finish=check_agreements,
)
