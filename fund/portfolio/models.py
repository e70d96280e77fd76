"""What the fund owns and owes (D2, D40). Amounts are minor units of the row's currency."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.money import Currency

CURRENCIES = [(c.value, c.value) for c in Currency]


class Investment(models.Model):
    """A direct investment in the United States. ``committed`` is what was promised, deployments what was paid."""

    class Sector(models.TextChoices):
        DATA_CENTRES = "data_centres", _("AI and data centres")
        POWER = "power", _("power and grid")
        SEMICONDUCTORS = "semiconductors", _("semiconductors")
        TRANSPORT = "transport", _("transport")
        PORTS = "ports", _("ports and ship repair")
        ARCTIC = "arctic", _("Arctic and icebreaker shipbuilding")

    class Stage(models.TextChoices):
        COMMITTED = "committed", _("committed")
        CONSTRUCTION = "construction", _("under construction")
        OPERATING = "operating", _("operating")

    code = models.CharField(primary_key=True, max_length=20)
    name_en = models.CharField(max_length=120)
    name_ja = models.CharField(max_length=120)
    description_en = models.TextField(blank=True)
    description_ja = models.TextField(blank=True)
    sector = models.CharField(max_length=16, choices=Sector)
    state = models.CharField(max_length=2)
    stage = models.CharField(max_length=16, choices=Stage)
    ownership_percent = models.DecimalField(
        max_digits=5, decimal_places=2, validators=[MinValueValidator(0), MaxValueValidator(100)]
    )
    committed = models.BigIntegerField()
    currency = models.CharField(max_length=3, choices=CURRENCIES, default=Currency.USD.value)
    since = models.DateField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="investment_sector", condition=Q(sector__in=[
                "data_centres", "power", "semiconductors", "transport", "ports", "arctic",
            ])),
            models.CheckConstraint(name="investment_stage", condition=Q(stage__in=[
                "committed", "construction", "operating",
            ])),
            models.CheckConstraint(name="investment_state", condition=Q(state__regex=r"^[A-Z]{2}$")),
            models.CheckConstraint(
                name="investment_ownership", condition=Q(ownership_percent__gte=0, ownership_percent__lte=100)
            ),
            models.CheckConstraint(name="investment_committed", condition=Q(committed__gte=0)),
            models.CheckConstraint(name="investment_currency", condition=Q(currency__in=["USD", "JPY"])),
        ]  # fmt: skip

    def __str__(self) -> str:
        return self.code


class Deployment(AppendOnly):
    """Money paid into an investment; ``event_id`` is its event in the ledger."""

    event_id = models.UUIDField(primary_key=True)
    investment = models.ForeignKey(Investment, on_delete=models.PROTECT, related_name="deployments")
    day = models.DateField()
    amount = models.BigIntegerField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="deployment_positive", condition=Q(amount__gt=0))]
        indexes = [models.Index(fields=["investment", "day"], name="deployment_day")]

    def __str__(self) -> str:
        return f"{self.investment_id} {self.day}"


class Valuation(AppendOnly):
    """A mark at the end of a day. A newer row for the same day corrects the older one; none is changed."""

    id = models.BigAutoField(primary_key=True)
    investment = models.ForeignKey(Investment, on_delete=models.PROTECT, related_name="valuations")
    effective_on = models.DateField()
    amount = models.BigIntegerField()
    source_en = models.CharField(max_length=200)
    source_ja = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="valuation_not_negative", condition=Q(amount__gte=0))]
        indexes = [models.Index(fields=["investment", "-effective_on", "-id"], name="valuation_latest")]

    def __str__(self) -> str:
        return f"{self.investment_id} {self.effective_on}"


class Facility(models.Model):
    """A credit line. ``covenant``: the largest debt in percent of gross assets that the lender allows."""

    code = models.CharField(primary_key=True, max_length=20)
    name_en = models.CharField(max_length=120)
    name_ja = models.CharField(max_length=120)
    currency = models.CharField(max_length=3, choices=CURRENCIES, default=Currency.USD.value)
    limit = models.BigIntegerField()
    covenant = models.DecimalField(max_digits=5, decimal_places=2)

    class Meta:
        verbose_name_plural = "facilities"
        constraints = [
            models.CheckConstraint(name="facility_limit", condition=Q(limit__gt=0)),
            models.CheckConstraint(name="facility_covenant", condition=Q(covenant__gt=0, covenant__lte=100)),
            models.CheckConstraint(name="facility_currency", condition=Q(currency__in=["USD", "JPY"])),
        ]

    def __str__(self) -> str:
        return self.code


class FacilityBalance(AppendOnly):
    """What is drawn, interest included, at the end of a day. A newer row for the same day corrects the older one."""

    id = models.BigAutoField(primary_key=True)
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="balances")
    effective_on = models.DateField()
    drawn = models.BigIntegerField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="facility_drawn_not_negative", condition=Q(drawn__gte=0))]
        indexes = [models.Index(fields=["facility", "-effective_on", "-id"], name="facility_balance_latest")]

    def __str__(self) -> str:
        return f"{self.facility_id} {self.effective_on}"


class FeeBasis(AppendOnly):
    """The net asset value (USD cents) that the management fee is charged on from the day after ``valuation_day``."""

    id = models.BigAutoField(primary_key=True)
    valuation_day = models.DateField()
    net = models.BigIntegerField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        verbose_name_plural = "fee bases"
        constraints = [models.CheckConstraint(name="fee_basis_not_negative", condition=Q(net__gte=0))]
        indexes = [models.Index(fields=["valuation_day", "id"], name="fee_basis_day")]

    def __str__(self) -> str:
        return f"from {self.valuation_day}"


class Expense(AppendOnly):
    """A fee or expense that was paid; ``event_id`` is its event in the ledger."""

    class Kind(models.TextChoices):
        MANAGEMENT_FEE = "management_fee", _("management fee")
        OPERATING = "operating", _("operating expense")

    event_id = models.UUIDField(primary_key=True)
    kind = models.CharField(max_length=16, choices=Kind)
    day = models.DateField()
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3, choices=CURRENCIES)
    description_en = models.CharField(max_length=200)
    description_ja = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="expense_kind", condition=Q(kind__in=["management_fee", "operating"])),
            models.CheckConstraint(name="expense_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="expense_fee_in_base", condition=~Q(kind="management_fee") | Q(currency="USD")),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.day}"
