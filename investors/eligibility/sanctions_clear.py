"""Nothing found on a sanctions list, or an officer has found every likeness to be another person (D15)."""

from django.utils.translation import gettext_lazy as _

from investors.eligibility.facts import Facts, Outcome

CODE = "sanctions_clear"


def judge(facts: Facts) -> Outcome:
    evidence = {
        "lists": list(facts.sanctions_lists),
        "open": list(facts.hits_open),
        "confirmed": list(facts.hits_confirmed),
    }
    if facts.hits_confirmed:
        return Outcome(CODE, False, _("An officer has confirmed that this person is on a sanctions list."), evidence)
    if facts.hits_open:
        return Outcome(CODE, False, _("A likeness to an entry of a sanctions list is still to be reviewed."), evidence)
    return Outcome(CODE, True, _("Nobody on the sanctions lists is this person."), evidence)
