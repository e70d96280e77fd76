"""Residence in a country that is accepted (D7)."""

from django.utils.translation import gettext_lazy as _

from investors.eligibility.facts import Facts, Outcome

CODE = "residence"


def judge(facts: Facts) -> Outcome:
    evidence = {"residence": facts.residence, "accepted": list(facts.accepted_residences)}
    if facts.residence not in facts.accepted_residences:
        reason = _(
            "The fund is offered only to residents of the United States and Japan; other countries have other laws."
        )
        return Outcome(CODE, False, reason, evidence)
    return Outcome(CODE, True, _("Lives in a country that is accepted."), evidence)
