"""One person is one registration, whatever number of passports (D5)."""

from django.utils.translation import gettext_lazy as _

from investors.eligibility.facts import Facts, Outcome

CODE = "no_duplicate"


def judge(facts: Facts) -> Outcome:
    evidence = {"same_number": list(facts.same_number), "same_person": list(facts.same_person)}
    if facts.same_number:
        return Outcome(CODE, False, _("Another registration has the same tax number."), evidence)
    if facts.same_person:
        return Outcome(CODE, False, _("Another registration has the same name and date of birth."), evidence)
    return Outcome(CODE, True, _("No other registration of this person was found."), evidence)
