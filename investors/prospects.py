"""What a refusal means in plain words and what is still possible: for each reason code, and for whom it is too early.

``barrier`` says the same before anything was submitted, as soon as an answer makes it certain (D5–D7).
"""

from dataclasses import dataclass
from datetime import date
from typing import Any

from django.utils.translation import gettext_lazy as _

from fund.governance import config
from investors import facts, people
from investors.applications import Reason
from investors.steps import Known

# The steps whose answers can make it certain; they can always be corrected.
DECISIVE = ("citizenship", "birth", "residence")


@dataclass(frozen=True)
class Barrier:
    """Why somebody cannot take part, or not yet. ``step``: where the answer can be corrected.

    ``from_day``: the day from which it is possible; None where time alone changes nothing. ``age``: that of majority.
    """

    reason: Reason
    step: str
    from_day: date | None = None
    age: int | None = None


@dataclass(frozen=True)
class Prospect:
    """One reason of a refusal: what it means, and what could change it. ``again``: a new application makes sense."""

    code: str
    label: Any
    meaning: Any
    advice: Any
    again: bool
    from_day: date | None = None


def barrier(known: Known) -> Barrier | None:
    """What is certain from the answers so far; None while everything is still possible."""
    if "citizenship" in known.answers and not known.nations:
        return Barrier(Reason.CITIZENSHIP, "citizenship")
    if known.country and known.country not in config.get("residence.accepted", at=known.now):
        return Barrier(Reason.RESIDENCE, "residence")
    if known.born:
        age = least_age(known)
        if people.age(known.born, known.today) < age:
            return Barrier(Reason.ADULT, "birth", people.of_age_on(known.born, age), age)
    return None


def least_age(known: Known) -> int:
    """The age of majority where somebody lives; the lowest there is while that is not known (D6)."""
    if not known.country:
        ages: dict[str, int] = config.get("age.adult", at=known.now)
        return min(ages.values())
    state = known.answers["residence"].get("state", "")
    return facts.adult_age(country=known.country, state=state, at=known.now)


def after_refusal(*, reasons: list[str], known: Known) -> list[Prospect]:
    """Each reason of a refusal in plain words, with the day from which a new application makes sense."""
    return [_prospect(Reason(code), known) for code in reasons]


def _prospect(reason: Reason, known: Known) -> Prospect:
    meaning, advice, again = WORDS[reason]
    day = None
    if reason == Reason.ADULT and known.born:
        day = people.of_age_on(known.born, least_age(known))
        again = day <= known.today
    return Prospect(reason.value, reason.label, meaning, advice, again, day)


CORRECT = _("You can correct this in a new application; your answers are taken over.")

# What a reason means, what could change it, and whether a new application makes sense at once.
WORDS: dict[Reason, tuple[Any, Any, bool]] = {
    Reason.CITIZENSHIP: (
        _("Units are for citizens of the United States and of Japan, shown by a document of that country."),
        _("If you have another document that shows it, apply again with that document."),
        True,
    ),
    Reason.ADULT: (
        _("Only adults can take part, by the law of the place where they live."),
        _("Apply again when you have come of age. Your answers are kept until then."),
        False,
    ),
    Reason.RESIDENCE: (
        _("The fund is offered to people who live in the United States or Japan; other countries have other laws."),
        _("If you move to one of the two countries, you can apply again."),
        True,
    ),
    Reason.IDENTITY_DOCUMENT: (
        _("A document must be valid on the day of the check, and everything on it must be readable."),
        _("Apply again with a valid document."),
        True,
    ),
    Reason.NUMBER_VALID: (
        _("The tax authority needs the numbers that your citizenship and your residence ask for."),
        CORRECT,
        True,
    ),
    Reason.NO_DUPLICATE: (
        _("Each person has one registration, whatever the number of passports. You have one already."),
        _("Please sign in to your other account. A new application would be found again."),
        False,
    ),
    Reason.SANCTIONS_CLEAR: (
        _("The law forbids us to take part with people on certain lists. We compared your name and date of birth."),
        _("If you are somebody else, please appeal and say so; a new application would be found again."),
        False,
    ),
    Reason.TAX_FORMS: (
        _("Without the tax self-certification the law does not let us open a register entry."),
        CORRECT,
        True,
    ),
    Reason.SUITABILITY: (
        _("The fund borrows and cannot be left at any time. By your answers a loss would harm you."),
        _("If your aims or means have changed, you can apply again."),
        True,
    ),
    Reason.COMPREHENSION: (
        _("The four questions on the risks have to be answered rightly before taking part."),
        CORRECT,
        True,
    ),
    Reason.AGREEMENTS: (
        _("Every agreement in force has to be accepted in its newest version."),
        CORRECT,
        True,
    ),
    Reason.CONTRADICTION: (
        _("Something that you told us does not fit the document or another answer."),
        CORRECT,
        True,
    ),
}
