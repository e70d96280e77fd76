"""Every question on the risks was answered rightly in the end (D13)."""

from django.utils.translation import gettext_lazy as _

from investors.eligibility.facts import Facts, Outcome

CODE = "comprehension"


def judge(facts: Facts) -> Outcome:
    evidence = {"wrong": list(facts.questions_wrong)}
    if facts.questions_wrong:
        return Outcome(CODE, False, _("A question on the risks is not answered rightly yet."), evidence)
    return Outcome(CODE, True, _("The questions on the risks were answered rightly."), evidence)
