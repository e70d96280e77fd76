"""Unit classes and how they are quoted (D1, D20). The quoting lot is data of the class."""

from decimal import Decimal

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund.holders import Holder
from fund.money import LARGEST, PLAIN_DECIMAL, Currency, Price


class UnitClass(models.Model):
    """A class of units: its currency, its smallest unit and the lot its price is quoted for.

    ``unit_decimals``: 4 where the smallest unit is 0.0001 unit (US), 0 where it is 1 口 (JP).
    ``lot``: smallest units that one quoted price buys (10,000 for both: one US unit, 10,000 口).
    """

    class Code(models.TextChoices):
        SOV = "SOV", _("Co-owner units")
        LP = "LP", _("Limited-partner units")
        US = "US", _("US citizen units")
        JP = "JP", _("Japanese citizen units")

    code = models.CharField(primary_key=True, max_length=4, choices=Code)
    owner_kind = models.CharField(max_length=16, choices=Holder.Kind)
    currency = models.CharField(max_length=3, choices=[(c.value, c.value) for c in Currency])
    unit_decimals = models.PositiveSmallIntegerField()
    lot = models.PositiveIntegerField()
    price_decimals = models.PositiveSmallIntegerField()
    initial_price = models.DecimalField(max_digits=18, decimal_places=4)

    class Meta:
        verbose_name_plural = "unit classes"
        constraints = [
            models.CheckConstraint(name="unit_class_code", condition=Q(code__in=["SOV", "LP", "US", "JP"])),
            models.CheckConstraint(name="unit_class_lot_positive", condition=Q(lot__gt=0)),
            models.CheckConstraint(name="unit_class_initial_price_positive", condition=Q(initial_price__gt=0)),
        ]

    def __str__(self) -> str:
        return self.code

    @property
    def asset(self) -> str:
        """The asset code of these units in the ledger."""
        return f"unit:{self.code}"

    def price(self, value: Decimal) -> Price:
        """A quoted value as a price of this class."""
        return Price(value, Currency(self.currency), self.lot)

    def parse(self, value: str) -> int:
        """Smallest units from a plain ASCII decimal of units as people read them: "2.5" US is 25000, "25000" JP 25000.

        Raises ValidationError for anything else: signs, more decimals than the class has, too large a number.
        """
        found = PLAIN_DECIMAL.fullmatch(value)
        if found is None or len(found[2] or "") > self.unit_decimals:
            message = _("Enter a plain number of units with %(decimals)s decimals at most.")
            raise ValidationError(message, code="invalid_units", params={"decimals": self.unit_decimals})
        units = int(found[1] + (found[2] or "").ljust(self.unit_decimals, "0"))
        if units > LARGEST:
            raise ValidationError(_("The number is too large."), code="invalid_units")
        return units

    def count(self, units: int) -> Decimal:
        """Smallest units as the exact number of units that people read: 25000 → 2.5000 (US), 25000 → 25000 (JP)."""
        return Decimal(units).scaleb(-self.unit_decimals)


def open_classes() -> None:
    """Create the four classes with their shipped quoting; running it again changes nothing."""
    shipped = [
        (UnitClass.Code.SOV, Holder.Kind.SOVEREIGN, Currency.USD, 4, 4, Decimal(10)),
        (UnitClass.Code.LP, Holder.Kind.LIMITED_PARTNER, Currency.USD, 4, 4, Decimal(10)),
        (UnitClass.Code.US, Holder.Kind.CITIZEN, Currency.USD, 4, 4, Decimal(10)),
        (UnitClass.Code.JP, Holder.Kind.CITIZEN, Currency.JPY, 0, 0, Decimal(10_000)),
    ]
    UnitClass.objects.bulk_create(
        (
            UnitClass(
                code=code,
                owner_kind=kind,
                currency=currency,
                unit_decimals=unit_decimals,
                lot=10_000,
                price_decimals=price_decimals,
                initial_price=initial_price,
            )
            for code, kind, currency, unit_decimals, price_decimals, initial_price in shipped
        ),
        ignore_conflicts=True,
    )
