"""The holding cap of one citizen (D18): units held, money on order and the new order, in one currency."""

from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from fund.money import Money
from investors.eligibility.facts import Outcome

CODE = "cap"


@dataclass(frozen=True)
class Figures:
    """All in the currency of ``cap``. A dual national has one of these, over all classes."""

    cap: Money
    held: Money
    on_order: Money
    new: Money

    @property
    def room(self) -> Money:
        """What could still be ordered; never below zero."""
        left = self.cap - self.held - self.on_order
        return left if left.amount > 0 else Money(0, left.currency)


def within(figures: Figures) -> bool:
    """Whether the rule is kept."""
    return figures.new <= figures.room


def judge(figures: Figures) -> Outcome:
    evidence = {
        name: str(money)
        for name, money in (
            ("cap", figures.cap),
            ("held", figures.held),
            ("on_order", figures.on_order),
            ("new", figures.new),
            ("room", figures.room),
        )
    }
    if not within(figures):
        return Outcome(CODE, False, _("This order would exceed the holding cap of one citizen."), evidence)
    return Outcome(CODE, True, _("Within the holding cap of one citizen."), evidence)
