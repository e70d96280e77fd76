"""An identity document that is valid on the day it is judged, with a picture of it (D5, D11)."""

from django.utils.translation import gettext_lazy as _

from investors.eligibility.facts import Facts, Outcome

CODE = "identity_document"
REGISTER = "family_register"


def judge(facts: Facts) -> Outcome:
    evidence = {
        "document": facts.document,
        "days_left": facts.document_days_left,
        "age_days": facts.document_age,
        "documents": list(facts.documents),
        "missing": list(facts.documents_missing),
        "same_file": list(facts.same_file),
    }
    if facts.documents_missing or not facts.documents:
        return Outcome(CODE, False, _("A picture of the identity document is missing."), evidence)
    if facts.document == REGISTER:
        if facts.document_age is None or not 0 <= facts.document_age <= facts.register_days:
            reason = _("A certificate of the family register must be recent.")
            return Outcome(CODE, False, reason, {**evidence, "register_days": facts.register_days})
    elif facts.document_days_left is None or facts.document_days_left < 0:
        return Outcome(CODE, False, _("The identity document has expired."), evidence)
    return Outcome(CODE, True, _("The identity document is valid."), evidence)
