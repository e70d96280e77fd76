"""What is withheld from a distribution (D46): for both nations, from dated settings, on the ordinary part alone.

The fund's legal form and domicile are undecided, so that which nation's authority withholds on a class is a setting,
and so is every rate. Where both do, the United States come first and Japan taxes what they have left.
"""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from fractions import Fraction

from django.db import models
from django.utils.translation import gettext_lazy as _

from fund.governance import config
from fund.holders import Nation
from fund.money import Money, part_down


class UsBasis(models.IntegerChoices):
    """Why the United States withhold what they do from a holder."""

    NOT_TAXED = 0, _("not withheld for the United States")
    CERTIFIED = 1, _("certified taxpayer number")
    BACKUP = 2, _("no certified taxpayer number")
    TREATY = 3, _("W-8BEN with treaty claim")
    FOREIGN = 4, _("no treaty claim in force")


class JpBasis(models.IntegerChoices):
    """Why Japan withholds what it does from a holder."""

    NOT_TAXED = 0, _("not withheld for Japan")
    RESIDENT = 1, _("resident of Japan")
    NON_RESIDENT = 2, _("not a resident of Japan")


@dataclass(frozen=True)
class Rates:
    """The rates in force at an instant as exact fractions, and which nations withhold on each class."""

    us_backup: Fraction
    us_treaty: Fraction
    us_foreign: Fraction
    jp_national: Fraction
    jp_local: Fraction
    authorities: dict[str, list[str]]

    def us(self, basis: UsBasis) -> Fraction:
        return {
            UsBasis.BACKUP: self.us_backup,
            UsBasis.TREATY: self.us_treaty,
            UsBasis.FOREIGN: self.us_foreign,
        }.get(basis, Fraction(0))

    def national(self, basis: JpBasis) -> Fraction:
        return Fraction(0) if basis == JpBasis.NOT_TAXED else self.jp_national

    def local(self, basis: JpBasis) -> Fraction:
        """Local taxes are owed where somebody lives: residents alone."""
        return self.jp_local if basis == JpBasis.RESIDENT else Fraction(0)

    def by(self, nation: Nation, unit_class: str) -> bool:
        """Whether a nation's authority withholds on the distributions of a class."""
        return nation in self.authorities[unit_class]


def rates(*, at: datetime) -> Rates:
    """The dated settings at an instant."""
    percents = {
        name: Fraction(Decimal(config.get(f"withholding.{name}", at=at))) / 100
        for name in ("us_backup", "us_treaty", "us_foreign", "jp_national", "jp_local")
    }
    return Rates(**percents, authorities=config.get("withholding.authorities", at=at))


@dataclass(frozen=True)
class Parts:
    """A distribution as income (ordinary, 普通分配金) and as the holder's own money back (元本払戻金)."""

    ordinary: Money
    returned: Money


@dataclass(frozen=True)
class Withheld:
    """What goes to each authority, in minor units of the class's currency."""

    us: Money
    national: Money
    local: Money

    @property
    def total(self) -> Money:
        return self.us + self.national + self.local


def parts(*, gross: Money, cost: Money, worth: Money) -> Parts:
    """Split by the holder's average cost: what leaves the units worth less than they cost is the holder's own money.

    ``worth``: the units at the price after the distribution, rounded down. Cost 100,000, worth 102,000 before and so
    99,000 after 3,000 are paid: 1,000 is returned, 2,000 is ordinary.
    """
    returned = min(gross.amount, max(0, cost.amount - worth.amount))
    return Parts(Money(gross.amount - returned, gross.currency), Money(returned, gross.currency))


def withhold(ordinary: Money, *, us: UsBasis, japan: JpBasis, by: Rates) -> Withheld:
    """What is withheld from an ordinary part. Each tax is computed by itself and truncated to a minor unit."""
    for_us = part_down(ordinary, by.us(us))
    left = ordinary - for_us
    return Withheld(for_us, part_down(left, by.national(japan)), part_down(left, by.local(japan)))


def us_basis(*, person: bool, certified: bool, treaty_until: date | None, on: date) -> UsBasis:
    """Of a US person by the certified number, of anybody else by a treaty claim that has not lapsed on a day (D12)."""
    if person:
        return UsBasis.CERTIFIED if certified else UsBasis.BACKUP
    return UsBasis.TREATY if treaty_until is not None and on <= treaty_until else UsBasis.FOREIGN


# The same as a set. A holder of whom reception knows nothing is taxed at the higher rate of each nation.
US_BASIS = """CASE WHEN NOT %(by_us)s THEN 0 WHEN t.us_person IS NULL THEN 2
                   WHEN t.us_person THEN CASE WHEN t.certified THEN 1 ELSE 2 END
                   WHEN t.treaty_until >= %(pay_day)s THEN 3 ELSE 4 END"""
JP_BASIS = "CASE WHEN NOT %(by_jp)s THEN 0 WHEN t.residence <> 'JP' THEN 2 ELSE 1 END"
US_TAX = """div(ordinary::numeric * CASE us_basis WHEN 2 THEN %(backup_n)s WHEN 3 THEN %(treaty_n)s
                                                  WHEN 4 THEN %(foreign_n)s ELSE 0 END,
                CASE us_basis WHEN 2 THEN %(backup_d)s WHEN 3 THEN %(treaty_d)s ELSE %(foreign_d)s END)::bigint"""
NATIONAL_TAX = """CASE jp_basis WHEN 0 THEN 0
                  ELSE div((ordinary - us)::numeric * %(national_n)s, %(national_d)s)::bigint END"""
LOCAL_TAX = """CASE jp_basis WHEN 1 THEN div((ordinary - us)::numeric * %(local_n)s, %(local_d)s)::bigint
               ELSE 0 END"""


def scalars(by: Rates, *, unit_class: str, pay_day: date) -> dict[str, object]:
    """The parameters of these expressions."""
    return {
        "by_us": by.by(Nation.US, unit_class),
        "by_jp": by.by(Nation.JP, unit_class),
        "pay_day": pay_day,
        "backup_n": by.us_backup.numerator,
        "backup_d": by.us_backup.denominator,
        "treaty_n": by.us_treaty.numerator,
        "treaty_d": by.us_treaty.denominator,
        "foreign_n": by.us_foreign.numerator,
        "foreign_d": by.us_foreign.denominator,
        "national_n": by.jp_national.numerator,
        "national_d": by.jp_national.denominator,
        "local_n": by.jp_local.numerator,
        "local_d": by.jp_local.denominator,
    }
