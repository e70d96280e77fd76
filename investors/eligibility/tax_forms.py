"""Every tax self-certification that is needed has been signed and has not lapsed (D12)."""

from django.utils.translation import gettext_lazy as _

from investors.eligibility.facts import Facts, Outcome

CODE = "tax_forms"


def judge(facts: Facts) -> Outcome:
    missing = sorted(set(facts.tax_forms_needed) - set(facts.tax_forms_certified))
    evidence = {"needed": list(facts.tax_forms_needed), "missing": missing}
    if missing or not facts.tax_forms_needed:
        return Outcome(CODE, False, _("A tax self-certification is missing."), evidence)
    return Outcome(CODE, True, _("The tax self-certification is complete."), evidence)
