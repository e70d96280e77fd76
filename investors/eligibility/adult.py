"""An adult on the day of the application, by the law of the place of residence (D6)."""

from django.utils.translation import gettext_lazy as _

from investors.eligibility.facts import Facts, Outcome

CODE = "adult"


def judge(facts: Facts) -> Outcome:
    evidence = {"age": facts.age, "adult_age": facts.adult_age}
    if facts.age < facts.adult_age:
        return Outcome(CODE, False, _("Only adults can take part, by the law of the place where they live."), evidence)
    return Outcome(CODE, True, _("Of age on the day of the application."), evidence)
