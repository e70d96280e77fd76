"""Suitability (適合性の原則, D13): does a leveraged fund without daily exit fit what somebody wants and can bear?"""

from typing import Any

from django.utils.translation import gettext_lazy as _

ACKNOWLEDGE, REFUSE = "acknowledge", "refuse"

PURPOSES = (
    ("growth", _("Growth over many years")),
    ("income", _("Regular income")),
    ("preservation", _("Keeping what I have, without losses")),
    ("quick_gain", _("A quick gain")),
)
HORIZONS = (
    ("under_3", _("I may need the money within three years")),
    ("3_to_5", _("Three to five years")),
    ("5_to_10", _("Five to ten years")),
    ("over_10", _("More than ten years")),
)
LOSS_CAPACITIES = (
    ("none", _("None: a loss would harm how I live")),
    ("tenth", _("Up to a tenth of this money")),
    ("half", _("Up to half of this money")),
    ("all", _("All of this money")),
)
EXPERIENCES = (
    ("none", _("None: only bank deposits so far")),
    ("some", _("Some: funds, shares or bonds for under three years")),
    ("much", _("Funds, shares or bonds for three years or more")),
)

# What does not fit: (question, answer) and what to say about it.
MISMATCHES: dict[str, tuple[tuple[str, ...], Any]] = {
    "purpose": (
        ("preservation", "quick_gain"),
        _("This fund can lose value and is made for many years; it is not made for your purpose."),
    ),
    "horizon": (("under_3",), _("You may be unable to get your money back within three years.")),
    "loss_capacity": (("none", "tenth"), _("This fund borrows money, so it can lose more than you say you can bear.")),
    "experience": (("none",), _("This would be your first investment that can lose value.")),
}


def mismatches(answers: dict[str, Any]) -> list[str]:
    """The questions whose answers do not fit this fund."""
    return [question for question, (unfit, _message) in MISMATCHES.items() if answers.get(question) in unfit]


def refused(found: list[str], policy: dict[str, str]) -> list[str]:
    """Those mismatches that policy does not leave to an acknowledgement (``config suitability.mismatch``)."""
    return [question for question in found if policy.get(question, REFUSE) == REFUSE]


def explain(found: list[str]) -> list[str]:
    """One sentence for each mismatch, in the language of the moment."""
    return [str(MISMATCHES[question][1]) for question in found]
