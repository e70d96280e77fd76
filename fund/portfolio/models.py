"""What the fund owns and owes (D2, D40). Amounts are minor units of the row's currency."""

import pgtrigger
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.governance.officers import Officer
from fund.money import Currency

CURRENCIES = [(c.value, c.value) for c in Currency]


def approved_entry(act: str, *, when: str = "TRUE", **columns: str) -> pgtrigger.Trigger:
    """Refuses a row whose values do not stand as this entry in a payload with both keys (D4).

    ``columns``: what the entry calls a value, and the SQL over NEW that it must equal. ``proposal_id`` and ``event_id``
    of the row say which entry of which proposal it is. ``when``: SQL, which rows are meant.
    """
    values = "".join(f", '{name}', {sql}" for name, sql in columns.items())
    return two_keys_trigger(
        Kind.PORTFOLIO,
        when=when,
        subject="(SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id)",
        facts=(
            "jsonb_build_object('entries', jsonb_build_array(jsonb_strip_nulls(jsonb_build_object("
            f"'act', {act}, 'event', NEW.event_id::text{values}))))"
        ),
    )


class Entry(AppendOnly):
    """A row that an entry of an approved proposal has made, once. ``event_id`` is the entry's and its transfers'.

    Rows from before the two keys reached the portfolio have no proposal; a new one is refused without.
    """

    event_id = models.UUIDField(primary_key=True)
    proposal = models.ForeignKey(Proposal, null=True, on_delete=models.PROTECT, related_name="+")
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        abstract = True


def one_way(act: str) -> str:
    """SQL over NEW: the act that an entry of this row is, or that it takes another back."""
    return f"CASE WHEN NEW.reverses_id IS NULL THEN {act} ELSE 'reversal' END"


class Movement(Entry):
    """Money that moved by an entry. A mistake is taken back by a row with the same amounts below zero, once (D38)."""

    reverses = models.OneToOneField("self", null=True, on_delete=models.PROTECT, related_name="reversed_by")
    day = models.DateField()
    amount = models.BigIntegerField()

    class Meta(Entry.Meta):
        abstract = True


SIGNED = Q(amount__gt=0, reverses=None) | Q(amount__lt=0, reverses__isnull=False)


class Investment(AppendOnly):
    """A direct investment in the United States. ``committed`` is what was promised, deployments what was paid.

    The row holds the terms it began with and never changes; what becomes of them stands in ``InvestmentTerms``.
    """

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
        REALISED = "realised", _("realised")

    app_may = ("SELECT", "INSERT", "UPDATE")  # an UPDATE is refused; the grant is for locking the row

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

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="investment_sector", condition=Q(sector__in=[
                "data_centres", "power", "semiconductors", "transport", "ports", "arctic",
            ])),
            models.CheckConstraint(name="investment_stage", condition=Q(stage__in=[
                "committed", "construction", "operating", "realised",
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


class InvestmentTerms(Entry):
    """What holds of an investment from a day on; of a day the newest row."""

    investment = models.ForeignKey(Investment, on_delete=models.PROTECT, related_name="terms")
    effective_on = models.DateField()
    stage = models.CharField(max_length=16, choices=Investment.Stage)
    ownership_percent = models.DecimalField(max_digits=5, decimal_places=2)
    committed = models.BigIntegerField()

    class Meta(Entry.Meta):
        verbose_name_plural = "investment terms"
        constraints = [
            models.CheckConstraint(name="investment_terms_stage", condition=Q(stage__in=[
                "committed", "construction", "operating", "realised",
            ])),
            models.CheckConstraint(
                name="investment_terms_ownership", condition=Q(ownership_percent__gte=0, ownership_percent__lte=100)
            ),
            models.CheckConstraint(name="investment_terms_committed", condition=Q(committed__gte=0)),
        ]  # fmt: skip
        indexes = [models.Index(fields=["investment", "-effective_on", "-recorded_at"], name="investment_terms_latest")]
        triggers = [
            *Entry.Meta.triggers,
            approved_entry(
                "'terms'",
                investment="NEW.investment_id",
                effective_on="NEW.effective_on::text",
                stage="NEW.stage",
                ownership_percent="NEW.ownership_percent::text",
                committed="NEW.committed::text",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.investment_id} from {self.effective_on}"


class Deployment(Movement):
    """Money paid into an investment; ``event_id`` is its event in the ledger."""

    investment = models.ForeignKey(Investment, on_delete=models.PROTECT, related_name="deployments")

    class Meta(Movement.Meta):
        constraints = [models.CheckConstraint(name="deployment_signed", condition=SIGNED)]
        indexes = [models.Index(fields=["investment", "day"], name="deployment_day")]
        triggers = [
            *Entry.Meta.triggers,
            approved_entry(
                one_way("'drawdown'"),
                reverses="NEW.reverses_id::text",
                investment="NEW.investment_id",
                day="NEW.day::text",
                amount="abs(NEW.amount)::text",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.investment_id} {self.day}"


class Income(Movement):
    """Money received from an investment; ``event_id`` is its event in the ledger.

    Income leaves the investment as it is. A realisation gives up what had ``cost`` so much; the rest is gain or loss.
    """

    class Kind(models.TextChoices):
        INCOME = "income", _("income")
        REALISATION = "realisation", _("realisation")

    investment = models.ForeignKey(Investment, on_delete=models.PROTECT, related_name="income")
    kind = models.CharField(max_length=12, choices=Kind)
    cost = models.BigIntegerField(default=0)

    class Meta(Movement.Meta):
        verbose_name_plural = "income"
        constraints = [
            models.CheckConstraint(name="income_signed", condition=SIGNED),
            models.CheckConstraint(
                name="income_kind",
                condition=Q(kind="income", cost=0)
                | Q(kind="realisation", cost__gte=0, amount__gt=0)
                | Q(kind="realisation", cost__lte=0, amount__lt=0),
            ),
        ]
        indexes = [models.Index(fields=["investment", "day"], name="income_day")]
        triggers = [
            *Entry.Meta.triggers,
            approved_entry(
                one_way("NEW.kind"),
                reverses="NEW.reverses_id::text",
                investment="NEW.investment_id",
                day="NEW.day::text",
                amount="abs(NEW.amount)::text",
                cost="abs(NEW.cost)::text",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.investment_id} {self.kind} {self.day}"


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


class Facility(AppendOnly):
    """A credit line. ``covenant``: the largest debt in percent of gross assets that the lender allows.

    ``rate_bps`` is the interest in basis points a year of ``day_count`` days. Never changed: see ``FacilityTerms``.
    """

    app_may = ("SELECT", "INSERT", "UPDATE")  # an UPDATE is refused; the grant is for locking the row

    code = models.CharField(primary_key=True, max_length=20)
    name_en = models.CharField(max_length=120)
    name_ja = models.CharField(max_length=120)
    currency = models.CharField(max_length=3, choices=CURRENCIES, default=Currency.USD.value)
    limit = models.BigIntegerField()
    covenant = models.DecimalField(max_digits=5, decimal_places=2)
    rate_bps = models.PositiveIntegerField(default=0, db_default=0)
    day_count = models.PositiveSmallIntegerField(default=365, db_default=365)

    class Meta(AppendOnly.Meta):
        verbose_name_plural = "facilities"
        constraints = [
            models.CheckConstraint(name="facility_limit", condition=Q(limit__gt=0)),
            models.CheckConstraint(name="facility_covenant", condition=Q(covenant__gt=0, covenant__lte=100)),
            models.CheckConstraint(name="facility_currency", condition=Q(currency__in=["USD", "JPY"])),
            models.CheckConstraint(name="facility_day_count", condition=Q(day_count__in=[360, 365])),
        ]

    def __str__(self) -> str:
        return self.code


class FacilityTerms(Entry):
    """What holds of a facility from a day on; of a day the newest row."""

    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="terms")
    effective_on = models.DateField()
    limit = models.BigIntegerField()
    covenant = models.DecimalField(max_digits=5, decimal_places=2)
    rate_bps = models.PositiveIntegerField()

    class Meta(Entry.Meta):
        verbose_name_plural = "facility terms"
        constraints = [
            models.CheckConstraint(name="facility_terms_limit", condition=Q(limit__gt=0)),
            models.CheckConstraint(name="facility_terms_covenant", condition=Q(covenant__gt=0, covenant__lte=100)),
        ]
        indexes = [models.Index(fields=["facility", "-effective_on", "-recorded_at"], name="facility_terms_latest")]
        triggers = [
            *Entry.Meta.triggers,
            approved_entry(
                "'facility_terms'",
                facility="NEW.facility_id",
                effective_on="NEW.effective_on::text",
                limit="NEW.limit::text",
                covenant="NEW.covenant::text",
                rate_bps="NEW.rate_bps::text",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.facility_id} from {self.effective_on}"


class FacilityBalance(AppendOnly):
    """What is drawn at the end of a day. A newer row for the same day corrects the older one.

    ``moved`` is what was borrowed, or negative repaid, by the ledger event ``event_id``. Without a movement the row is
    what the lender says is owed, the interest up to that day included.
    """

    id = models.BigAutoField(primary_key=True)
    event_id = models.UUIDField(null=True, unique=True)
    proposal = models.ForeignKey(Proposal, null=True, on_delete=models.PROTECT, related_name="+")
    facility = models.ForeignKey(Facility, on_delete=models.PROTECT, related_name="balances")
    effective_on = models.DateField()
    drawn = models.BigIntegerField()
    moved = models.BigIntegerField(null=True)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="facility_drawn_not_negative", condition=Q(drawn__gte=0)),
            models.CheckConstraint(
                name="facility_moved_by_an_entry",
                condition=Q(event_id=None, proposal=None, moved=None)
                | (Q(event_id__isnull=False, proposal__isnull=False, moved__isnull=False) & ~Q(moved=0)),
            ),
        ]
        indexes = [models.Index(fields=["facility", "-effective_on", "-id"], name="facility_balance_latest")]
        triggers = [
            *AppendOnly.Meta.triggers,
            approved_entry(
                "CASE WHEN NEW.moved > 0 THEN 'borrow' ELSE 'repay' END",
                when="NEW.event_id IS NOT NULL",
                facility="NEW.facility_id",
                day="NEW.effective_on::text",
                amount="abs(NEW.moved)::text",
            ),
        ]

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


class Accrual(Entry):
    """A running expense: ``yearly`` minor units accrue over 365 days from ``effective_on`` on, until a later row."""

    code = models.CharField(max_length=20)
    description_en = models.CharField(max_length=200)
    description_ja = models.CharField(max_length=200)
    currency = models.CharField(max_length=3, choices=CURRENCIES)
    yearly = models.BigIntegerField()
    effective_on = models.DateField()

    class Meta(Entry.Meta):
        constraints = [
            models.CheckConstraint(name="accrual_not_negative", condition=Q(yearly__gte=0)),
            models.CheckConstraint(name="accrual_currency", condition=Q(currency__in=["USD", "JPY"])),
        ]
        indexes = [models.Index(fields=["code", "effective_on", "recorded_at"], name="accrual_from")]
        triggers = [
            *Entry.Meta.triggers,
            approved_entry(
                "'accrual'",
                code="NEW.code",
                effective_on="NEW.effective_on::text",
                yearly="NEW.yearly::text",
                currency="NEW.currency",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} from {self.effective_on}"


class Expense(Movement):
    """A fee, interest or expense that was paid; ``event_id`` is its event in the ledger.

    ``against`` is the facility whose interest it was, or the running expense, which had accrued; empty for others.
    """

    class Kind(models.TextChoices):
        MANAGEMENT_FEE = "management_fee", _("management fee")
        INTEREST = "interest", _("interest")
        OPERATING = "operating", _("operating expense")

    kind = models.CharField(max_length=16, choices=Kind)
    against = models.CharField(max_length=20, blank=True)
    currency = models.CharField(max_length=3, choices=CURRENCIES)
    description_en = models.CharField(max_length=200)
    description_ja = models.CharField(max_length=200)

    class Meta(Movement.Meta):
        constraints = [
            models.CheckConstraint(
                name="expense_kind",
                condition=Q(kind="management_fee", against="")
                | (Q(kind="interest") & ~Q(against=""))
                | Q(kind="operating"),
            ),
            models.CheckConstraint(name="expense_signed", condition=SIGNED),
            models.CheckConstraint(name="expense_fee_in_base", condition=~Q(kind="management_fee") | Q(currency="USD")),
        ]
        triggers = [
            *Entry.Meta.triggers,
            approved_entry(
                one_way("'expense'"),
                reverses="NEW.reverses_id::text",
                kind="NEW.kind",
                against="NEW.against",
                day="NEW.day::text",
                amount="abs(NEW.amount)::text",
                currency="NEW.currency",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.day}"


class ImportedFile(AppendOnly):
    """A table that an officer has brought: what it would change is worked out anew whenever it is looked at."""

    class Kind(models.TextChoices):
        INVESTMENTS = "investments", _("investments and their terms")
        MOVEMENTS = "movements", _("money paid into and received from investments")
        VALUATIONS = "valuations", _("valuations")
        FACILITIES = "facilities", _("credit facilities and their terms")
        DEBT = "debt", _("movements of debt")
        EXPENSES = "expenses", _("fees and expenses paid")
        ACCRUALS = "accruals", _("running expenses")
        RATES = "rates", _("reference rates of the ECB")
        REVERSALS = "reversals", _("reversals of money that was entered by mistake")

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=12, choices=Kind)
    name = models.CharField(max_length=120)
    content = models.TextField()
    digest = models.BinaryField(max_length=32)
    officer = models.ForeignKey(Officer, null=True, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="imported_file_kind", condition=Q(kind__in=[
            "investments", "movements", "valuations", "facilities", "debt", "expenses", "accruals", "rates",
            "reversals",
        ]))]  # fmt: skip

    def __str__(self) -> str:
        return self.name or f"table {self.pk}"
