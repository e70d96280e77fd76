"""The words of the fund, explained where they stand: a button opens the explanation, without JavaScript."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.template import Context
from django.utils.functional import Promise
from django.utils.translation import get_language, override
from django.utils.translation import gettext_lazy as _

register = template.Library()


@dataclass(frozen=True)
class Term:
    """A word of ``docs/vocabulary.md`` and what it means, in plain words."""

    code: str
    name: Promise
    meaning: Promise

    @property
    def names(self) -> dict[str, str]:
        """The word in both languages."""
        found = {}
        for language in ("en", "ja"):
            with override(language):
                found[language] = str(self.name)
        return found


TERMS = {
    one.code: one
    for one in (
        Term("unit", _("Unit"), _("A share of the fund. Each nation's citizens hold units of their own class.")),
        Term(
            "nav",
            _("Net asset value"),
            _("What the fund owns, less what it owes. It is worked out for each dealing day."),
        ),
        Term("price", _("Price of a unit"), _("The net asset value of a class, divided by its units.")),
        Term("valuation", _("Valuation"), _("What an investment is worth on a day, with the source that says so.")),
        Term("gross", _("Gross assets"), _("All that the fund owns, before its debts are taken off.")),
        Term(
            "leverage",
            _("Leverage"),
            _("Gross assets divided by net asset value. At 2.00×, half of what the fund owns is borrowed."),
        ),
        Term(
            "covenant",
            _("Covenant"),
            _("A limit that a lender sets. If the fund's debt grows beyond it, the lender can ask for the money back."),
        ),
        Term("co_owner", _("Co-owner"), _("The US Treasury or Japan's Ministry of Finance. Each owns the same part.")),
        Term(
            "limited_partner",
            _("Limited partner"),
            _("An institution, such as a pension fund, that has put in money but does not run the fund."),
        ),
        Term(
            "two_keys",
            _("Two keys"),
            _("An officer of each nation must approve the very same thing. Otherwise it has no effect."),
        ),
        Term("offering", _("Offering"), _("A time in which citizens can subscribe for new units, up to a fixed sum.")),
        Term("subscription", _("Subscription"), _("Your order in an offering: the sum for which you want units.")),
        Term(
            "lot",
            _("Lot"),
            _("The step in which units are shared out. If a lot is $100, you receive $100, $200 and so on."),
        ),
        Term(
            "allotment",
            _("Allotment"),
            _("How the units of an offering are shared out when more is asked for than there is."),
        ),
        Term(
            "ballot", _("Ballot"), _("A draw for the lots that cannot be shared out equally. Anybody can run it again.")
        ),
        Term("cut_off", _("Cut-off"), _("The last moment for an order. What reaches us before it counts.")),
        Term(
            "dealing_day",
            _("Dealing day"),
            _("The day whose price you pay. Both the New York and the Tokyo stock exchange are open on it."),
        ),
        Term("settlement", _("Settlement"), _("Your money goes to the fund, and the units are entered in your name.")),
        Term(
            "commitment",
            _("Commitment"),
            _("Money that is promised. It is called when it is needed, and paid in then."),
        ),
        Term(
            "distribution", _("Distribution"), _("Money that the fund pays out to those who hold units on a set day.")
        ),
        Term("withholding", _("Withholding"), _("Tax that is taken off before a distribution reaches you.")),
        Term(
            "time_weighted",
            _("Time-weighted return"),
            _("How the price of a unit has changed, whenever money came in or went out."),
        ),
        Term(
            "money_weighted",
            _("Money-weighted return"),
            _("The yearly rate that your own payments have earned. It depends on when you paid."),
        ),
        Term(
            "reference_rate",
            _("Reference rate"),
            _("The exchange rate that the European Central Bank publishes each working day."),
        ),
    )
}


def terms() -> list[Term]:
    """Every term by the alphabet; in Japanese, whose order is that of readings, by what belongs together."""
    every = list(TERMS.values())
    return sorted(every, key=lambda one: str(one.name).casefold()) if get_language() == "en" else every


@register.inclusion_tag("base/term.html", takes_context=True)
def term(context: Context, code: str, text: str = "") -> dict[str, Any]:
    """A word with its explanation; the second time on a page it is the word alone. ``text`` is what is written."""
    request = context.get("request")
    explained: set[str] = getattr(request, "explained_terms", set())
    again = code in explained
    if request is not None:
        request.explained_terms = explained | {code}
    return {"term": TERMS[code], "text": text or TERMS[code].name, "again": again}
