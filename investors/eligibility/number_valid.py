"""The tax numbers that nation and residence ask for; only numbers that passed their check are ever kept (D8)."""

from django.utils.translation import gettext_lazy as _

from investors.eligibility.facts import Facts, Outcome

CODE = "number_valid"


def judge(facts: Facts) -> Outcome:
    missing = _missing(facts)
    evidence = {"given": sorted(facts.numbers), "missing": missing}
    if missing:
        return Outcome(CODE, False, _("A tax number is missing or not valid."), evidence)
    return Outcome(CODE, True, _("The tax numbers are complete and valid."), evidence)


def _missing(facts: Facts) -> list[str]:
    missing = []
    if "US" in facts.nations and "ssn" not in facts.numbers:
        missing.append("ssn")
    elif facts.residence == "US" and not {"ssn", "itin"} & set(facts.numbers):
        missing.append("ssn_or_itin")
    if facts.residence == "JP" and "my_number" not in facts.numbers:
        missing.append("my_number")
    return missing
