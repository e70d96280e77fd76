"""Citizenship of the United States or Japan (D5), shown by a document of each nation claimed or of one of them."""

from django.utils.translation import gettext_lazy as _

from investors.eligibility.facts import Facts, Outcome

CODE = "citizenship"


def judge(facts: Facts) -> Outcome:
    evidence = {"nations": list(facts.nations), "issuer": facts.document_issuer}
    if not facts.nations:
        return Outcome(CODE, False, _("Only citizens of the United States or Japan can take part."), evidence)
    if facts.document_issuer not in facts.nations:
        reason = _("The document was issued by a country whose citizenship was not stated.")
        return Outcome(CODE, False, reason, evidence)
    return Outcome(CODE, True, _("A document of the country of citizenship was given."), evidence)
