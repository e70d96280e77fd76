"""The fund suits the applicant, or the mismatch was acknowledged where policy allows that (D13)."""

from django.utils.translation import gettext_lazy as _

from investors.eligibility.facts import Facts, Outcome

CODE = "suitability"


def judge(facts: Facts) -> Outcome:
    evidence = {
        "mismatches": list(facts.mismatches),
        "refused": list(facts.mismatches_refused),
        "acknowledged": facts.mismatch_acknowledged,
    }
    if facts.mismatches_refused:
        return Outcome(CODE, False, _("The fund does not suit the purpose or the means of the applicant."), evidence)
    if facts.mismatches and not facts.mismatch_acknowledged:
        return Outcome(CODE, False, _("A mismatch was not acknowledged."), evidence)
    if facts.mismatches:
        return Outcome(CODE, True, _("The applicant wants to go on in spite of a mismatch."), evidence)
    return Outcome(CODE, True, _("The fund suits the applicant's answers."), evidence)
