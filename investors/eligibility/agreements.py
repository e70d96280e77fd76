"""Every agreement in force was accepted in the version in force (D14)."""

from django.utils.translation import gettext_lazy as _

from investors.eligibility.facts import Facts, Outcome

CODE = "agreements"


def judge(facts: Facts) -> Outcome:
    missing = sorted(set(facts.agreements_needed) - set(facts.agreements_accepted))
    evidence = {"needed": list(facts.agreements_needed), "missing": missing}
    if missing or not facts.agreements_needed:
        return Outcome(CODE, False, _("An agreement in force has not been accepted."), evidence)
    return Outcome(CODE, True, _("The agreements in force were accepted."), evidence)
