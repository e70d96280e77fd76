"""Years of tax (D48): what is reported of a year, holder by holder, as it was computed, approved and released."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.holders import Holder


class Form(models.TextChoices):
    """What is reported. What stands in each is said in ``tax.forms``."""

    DIV = "1099-div", _("Form 1099-DIV")
    FOREIGN = "1042-s", _("Form 1042-S")
    ANNUAL = "annual-report", _("Annual transaction report")
    PFIC = "pfic", _("PFIC annual information statement")
    SALES = "1099-b", _("Form 1099-B")


class TaxYear(models.Model):
    """One preparation of a year. A released one never changes: what was wrong in it is a later version.

    It holds the statements that are not what the version before said, so that of each form of a holder the newest of a
    released version stands. ``basis``: the settings and sums of the fund that the figures rest on. ``done_to`` is the
    holder up to whom it is computed, ``count`` and ``digest`` stand for its statements.
    """

    class State(models.TextChoices):
        PREPARING = "preparing", _("being computed")
        PREPARED = "prepared", _("ready for approval")
        RELEASED = "released", _("released")
        WITHDRAWN = "withdrawn", _("withdrawn")

    id = models.BigAutoField(primary_key=True)
    year = models.PositiveSmallIntegerField()
    version = models.PositiveSmallIntegerField()
    state = models.CharField(max_length=10, choices=State, default=State.PREPARING)
    basis = models.JSONField()
    done_to = models.BigIntegerField(default=0)
    count = models.BigIntegerField(null=True)
    digest = models.BinaryField(max_length=32, null=True)
    proposal = models.ForeignKey(Proposal, null=True, on_delete=models.PROTECT, related_name="+")
    begun_by = models.CharField(max_length=80)
    begun_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)

    app_may = ("SELECT", "INSERT", "UPDATE")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="tax_year_state",
                condition=Q(state="preparing", digest=None, proposal=None, released_at=None)
                | Q(state="prepared", digest__isnull=False, count__gte=0, proposal=None, released_at=None)
                | Q(state="released", digest__isnull=False, proposal__isnull=False, released_at__isnull=False)
                | Q(state="withdrawn", proposal=None, released_at=None),
            ),
            models.UniqueConstraint(
                fields=["year", "version"], condition=~Q(state="withdrawn"), name="tax_year_one_a_version"
            ),
            models.UniqueConstraint(
                fields=["year"], condition=Q(state__in=["preparing", "prepared"]), name="tax_year_one_open"
            ),
        ]
        triggers = [
            two_keys_trigger(
                Kind.TAX_YEAR,
                when="NEW.state = 'released'",
                subject="'tax_year:' || NEW.id",
                facts=(
                    "jsonb_build_object('year', NEW.year::text, 'version', NEW.version::text, 'count',"
                    " NEW.count::text, 'statements', encode(NEW.digest, 'hex'))"
                ),
            ),
            pgtrigger.Trigger(
                name="tax_year_moves",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                IF TG_OP = 'DELETE' OR OLD.state IN ('released', 'withdrawn')
                   OR (NEW.id, NEW.year, NEW.version, NEW.basis, NEW.begun_by, NEW.begun_at)
                      IS DISTINCT FROM (OLD.id, OLD.year, OLD.version, OLD.basis, OLD.begun_by, OLD.begun_at)
                   OR OLD.state = 'prepared' AND (NEW.count, NEW.digest, NEW.done_to)
                      IS DISTINCT FROM (OLD.count, OLD.digest, OLD.done_to)
                   OR NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN (('preparing', 'prepared'),
                      ('preparing', 'withdrawn'), ('prepared', 'released'), ('prepared', 'withdrawn')) THEN
                    RAISE EXCEPTION 'a year of tax stands as it was computed' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.year} v{self.version}"

    @property
    def subject(self) -> str:
        """How its proposal names it."""
        return f"tax_year:{self.pk}"


class TaxStatement(AppendOnly):
    """What one form says of one holder in a year: ``lines``, each with the keys of ``tax.forms``; money in minor units.

    ``version`` counts the versions of this form for this holder. No line is left where all was taken back.
    """

    id = models.BigAutoField(primary_key=True)
    tax_year = models.ForeignKey(TaxYear, on_delete=models.PROTECT, related_name="statements")
    form = models.CharField(max_length=16, choices=Form)
    holder = models.ForeignKey(Holder, on_delete=models.PROTECT, db_constraint=False, related_name="+")
    version = models.PositiveSmallIntegerField()
    lines = models.JSONField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="tax_statement_form", condition=Q(form__in=Form.values)),
            models.UniqueConstraint(fields=["tax_year", "form", "holder"], name="tax_statement_one_a_form"),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            pgtrigger.Trigger(
                name="tax_statement_of_an_open_year",
                level=pgtrigger.Statement,
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                referencing=pgtrigger.Referencing(new="added"),  # type: ignore[no-untyped-call]
                func="""
                IF EXISTS (SELECT FROM (SELECT DISTINCT tax_year_id FROM added) a
                             JOIN fund_taxyear y ON y.id = a.tax_year_id WHERE y.state <> 'preparing') THEN
                    RAISE EXCEPTION 'statements join a year while it is computed'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.form} of holder {self.holder_id} in {self.tax_year_id}"
