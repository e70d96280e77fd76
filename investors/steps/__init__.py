"""The steps of the application in their order, for forms, the API and the draft alike.

What can make it certain that somebody cannot take part is asked first.

``clean(code, answers, known)`` checks one step; ``describe(code, known)`` is what a form is made from.
"""

from typing import Any

from investors.steps.banking import bank_account
from investors.steps.fields import Answers, Field, Known, Step
from investors.steps.identity import birth, citizenship, identity_document, name, numbers, residence
from investors.steps.papers import documents
from investors.steps.taxes import tax
from investors.steps.understanding import agreements, comprehension, suitability

__all__ = ["STEPS", "Answers", "Field", "Known", "Step", "clean", "describe"]

STEPS = {
    step.code: step
    for step in (
        citizenship,
        birth,
        residence,
        name,
        numbers,
        identity_document,
        documents,
        tax,
        suitability,
        comprehension,
        bank_account,
        agreements,
    )
}


def clean(code: str, answers: Answers, known: Known) -> Answers:
    """The clean answers of one step. Raises ValidationError by field; KeyError for a step that does not exist."""
    return STEPS[code].clean(answers, known)


def describe(code: str, known: Known) -> dict[str, Any]:
    """Title, introduction and fields of one step for this applicant, in the language of the moment."""
    step = STEPS[code]
    fields = [one.describe(known) for one in step.asked(known)]
    return {"step": code, "title": str(step.title), "intro": str(step.intro), "fields": fields}
