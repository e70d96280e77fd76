"""Net asset values and their split over the classes of units (D42, D43)."""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from fund.append_only import REFUSED, AppendOnly, current_transaction
from fund.governance import approval
from fund.units import UnitClass

# What officers approve is what is published: these facts of the row must stand in the payload with both keys.
FACTS = """jsonb_build_object(
        'day', NEW.valuation_day::text, 'version', NEW.version, 'usd_jpy', NEW.usd_jpy::text,
        'gross', NEW.gross::text, 'debt', NEW.debt::text, 'accruals', NEW.accruals::text, 'net', NEW.net::text,
        'classes', (SELECT jsonb_object_agg(c.unit_class_id, jsonb_build_object(
                        'units', c.units::text, 'value', c.value::text, 'price', c.price::text))
                      FROM fund_classnav c WHERE c.nav_id = NEW.id))"""
# A correction is approved as a whole: the day that was wrong and every published day after it.
CORRECTED = f"""jsonb_build_object('navs', jsonb_build_array({FACTS}
    || jsonb_build_object('corrects', (SELECT version FROM fund_nav WHERE id = NEW.corrects_id))))"""


class Nav(models.Model):
    """The fund's net asset value at the end of a day, in USD cents. Valued, then published; its figures never change.

    ``previous`` is the published NAV from which the classes' shares were carried on. Valuing a day again makes a new
    version; ``corrects`` is the published version that this one is to replace (``nav.correct``). ``snapshot`` is what
    had been recorded in the ledger when the figures were read (``ledger.balances``). ``earned`` (USD cents) is all
    income to date less expenses, interest and accruals, ``yen`` what of the net assets is in yen; returns are split
    by them.
    """

    class State(models.TextChoices):
        VALUED = "valued", _("valued")
        PUBLISHED = "published", _("published")

    id = models.BigAutoField(primary_key=True)
    valuation_day = models.DateField()
    version = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.VALUED)
    previous = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="next")
    corrects = models.ForeignKey("self", null=True, on_delete=models.PROTECT, related_name="corrected_by")
    usd_jpy = models.DecimalField(max_digits=12, decimal_places=4)
    gross = models.BigIntegerField()
    debt = models.BigIntegerField()
    accruals = models.BigIntegerField()
    net = models.BigIntegerField()
    earned = models.BigIntegerField(null=True)
    yen = models.BigIntegerField(null=True)
    snapshot = models.TextField(editable=False)
    xact = models.BigIntegerField(db_default=current_transaction(), editable=False)
    valued_at = models.DateTimeField()
    proposal = models.ForeignKey(approval.Proposal, null=True, on_delete=models.PROTECT, related_name="+")
    published_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(name="nav_state", condition=Q(state__in=["valued", "published"])),
            models.CheckConstraint(name="nav_net", condition=Q(net=F("gross") - F("debt") - F("accruals"), net__gt=0)),
            models.CheckConstraint(
                name="nav_published_with_its_proposal",
                condition=Q(state="valued", proposal=None, published_at=None)
                | Q(state="published", proposal__isnull=False, published_at__isnull=False),
            ),
            models.UniqueConstraint(fields=["valuation_day", "version"], name="nav_one_a_version"),
            models.UniqueConstraint(
                fields=["previous"],
                condition=Q(state="published", corrects=None),
                nulls_distinct=False,
                name="nav_chain_does_not_fork",
            ),
            models.UniqueConstraint(
                fields=["valuation_day"], condition=Q(state="published", corrects=None), name="nav_first_of_its_day"
            ),
            models.UniqueConstraint(fields=["corrects"], condition=Q(state="published"), name="nav_corrected_once"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="figures_stand",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                IF TG_OP = 'DELETE' OR OLD.state <> 'valued' OR NEW.state <> 'published'
                   OR to_jsonb(NEW) - '{state,proposal_id,published_at}'::text[]
                      IS DISTINCT FROM to_jsonb(OLD) - '{state,proposal_id,published_at}'::text[] THEN
                    RAISE EXCEPTION 'the figures of a NAV never change: it is published once, nothing else'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                IF (SELECT sum(value_base) FROM fund_classnav WHERE nav_id = NEW.id) IS DISTINCT FROM NEW.net THEN
                    RAISE EXCEPTION 'the classes do not add up to the NAV' USING ERRCODE = 'check_violation';
                END IF;
                IF EXISTS (SELECT FROM fund_proposal WHERE id = NEW.proposal_id
                           AND payload::jsonb -> 'findings' <> '[]' AND btrim(payload::jsonb ->> 'reason') = '') THEN
                    RAISE EXCEPTION 'findings are overridden with a recorded reason, not without'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                IF EXISTS (SELECT FROM fund_nav WHERE corrects_id = NEW.previous_id AND state = 'published') THEN
                    RAISE EXCEPTION 'the NAV that this one continues was corrected since'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            pgtrigger.Trigger(
                name="figures_stay",
                level=pgtrigger.Statement,
                when=pgtrigger.Before,
                operation=pgtrigger.Truncate,
                func=REFUSED,
            ),
            pgtrigger.Trigger(
                name="born_valued",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                IF NEW.state <> 'valued' THEN
                    RAISE EXCEPTION 'a NAV is valued before it is published' USING ERRCODE = 'restrict_violation';
                END IF;
                IF NEW.corrects_id IS NOT NULL AND NOT EXISTS (
                    SELECT FROM fund_nav WHERE id = NEW.corrects_id AND state = 'published'
                       AND valuation_day = NEW.valuation_day AND version < NEW.version) THEN
                    RAISE EXCEPTION 'only a published NAV of the same day is corrected'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            approval.two_keys_trigger(
                approval.Kind.NAV,
                when="NEW.state = 'published' AND NEW.corrects_id IS NULL",
                subject="NEW.valuation_day::text",
                facts=FACTS,
            ),
            approval.two_keys_trigger(
                approval.Kind.CORRECTION,
                when="NEW.state = 'published' AND NEW.corrects_id IS NOT NULL",
                subject="'correction'",
                facts=CORRECTED,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.valuation_day} v{self.version}"


class ClassNav(AppendOnly):
    """A class's share of a NAV. Without units it has no value and no price.

    ``units`` smallest units and ``capital`` (money paid in so far, minor units of the class) are as of the valuation
    day. ``value_base`` is USD cents, ``value`` minor units of the class, ``price`` major units for one lot (D20).
    """

    id = models.BigAutoField(primary_key=True)
    nav = models.ForeignKey(Nav, on_delete=models.PROTECT, related_name="classes")
    unit_class = models.ForeignKey(UnitClass, on_delete=models.PROTECT, related_name="+")
    units = models.BigIntegerField()
    capital = models.BigIntegerField()
    value_base = models.BigIntegerField()
    value = models.BigIntegerField()
    price = models.DecimalField(max_digits=18, decimal_places=4, null=True)

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(fields=["nav", "unit_class"], name="class_nav_one_a_class"),
            models.CheckConstraint(
                name="class_nav_priced_with_units",
                condition=Q(units=0, value_base=0, value=0, price=None)
                | Q(units__gt=0, value_base__gte=0, value__gte=0, price__gt=0),
            ),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            pgtrigger.Trigger(
                name="class_nav_of_a_draft",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                PERFORM FROM fund_nav WHERE id = NEW.nav_id AND state = 'valued';
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'a published NAV gains no figures' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.nav} {self.unit_class_id}"


class LateInput(AppendOnly):
    """Something that the NAV of a day still waited for when the day was due: officers are told of each once.

    ``code`` is that of the finding, ``name`` says which rate (its day), which investment, which expense.
    """

    id = models.BigAutoField(primary_key=True)
    valuation_day = models.DateField()
    code = models.CharField(max_length=40)
    name = models.CharField(max_length=200, blank=True)
    noticed_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [models.UniqueConstraint(fields=["valuation_day", "code", "name"], name="late_input_once")]

    def __str__(self) -> str:
        return f"{self.valuation_day} {self.code} {self.name}"
