"""What co-owners and limited partners have promised, what is called of it, and what they have paid in (D1, D4).

Amounts are minor units of the class's currency. Every row stands in a payload that carries both keys.
"""

import pgtrigger
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from fund.append_only import AppendOnly
from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.holders import Holder
from fund.units import UnitClass


def approved(facts: str) -> pgtrigger.Trigger:
    """Refuses a row whose values, SQL over NEW as jsonb, do not stand in a payload with both keys (D4)."""
    return two_keys_trigger(
        Kind.CAPITAL, subject="(SELECT subject FROM fund_proposal WHERE id = NEW.proposal_id)", facts=facts
    )


class Commitment(AppendOnly):
    """What a holder has promised to pay in for a class, all together, from a day on; the newest row holds."""

    id = models.UUIDField(primary_key=True)
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="+")
    holder = models.ForeignKey(Holder, on_delete=models.PROTECT, related_name="commitments")
    unit_class = models.ForeignKey(UnitClass, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()
    effective_on = models.DateField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="commitment_not_negative", condition=Q(amount__gte=0))]
        indexes = [models.Index(fields=["holder", "-effective_on", "-recorded_at"], name="commitment_latest")]
        triggers = [
            *AppendOnly.Meta.triggers,
            approved(
                "jsonb_build_object('act', 'commitment', 'effective_on', NEW.effective_on::text, 'commitments',"
                " jsonb_build_array(jsonb_build_object('id', NEW.id::text, 'holder', NEW.holder_id::text,"
                " 'class', NEW.unit_class_id, 'amount', NEW.amount::text)))"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.holder_id} {self.unit_class_id} from {self.effective_on}"


class Call(AppendOnly):
    """A capital call on the holders of a class: what each has to pay by the due day, and what for."""

    id = models.UUIDField(primary_key=True)
    number = models.PositiveIntegerField(unique=True)
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="+")
    unit_class = models.ForeignKey(UnitClass, on_delete=models.PROTECT, related_name="+")
    called_on = models.DateField()
    due_on = models.DateField()
    bank_account = models.CharField(max_length=40)
    purpose_en = models.CharField(max_length=200)
    purpose_ja = models.CharField(max_length=200)
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="call_due_after", condition=Q(due_on__gte=F("called_on")))]
        triggers = [
            *AppendOnly.Meta.triggers,
            approved(
                "jsonb_build_object('act', 'call', 'call', NEW.id::text, 'class', NEW.unit_class_id,"
                " 'called_on', NEW.called_on::text, 'due_on', NEW.due_on::text, 'bank_account', NEW.bank_account)"
            ),
        ]

    def __str__(self) -> str:
        return f"CALL-{self.number:04d}"


class CallLine(AppendOnly):
    """What one holder has to pay of a call."""

    id = models.UUIDField(primary_key=True)
    call = models.ForeignKey(Call, on_delete=models.PROTECT, related_name="lines")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="+")
    holder = models.ForeignKey(Holder, on_delete=models.PROTECT, related_name="+")
    amount = models.BigIntegerField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="call_line_positive", condition=Q(amount__gt=0)),
            models.UniqueConstraint(fields=["call", "holder"], name="call_line_one_a_holder"),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            approved(
                "jsonb_build_object('act', 'call', 'call', NEW.call_id::text, 'lines', jsonb_build_array("
                "jsonb_build_object('line', NEW.id::text, 'holder', NEW.holder_id::text, 'amount', NEW.amount::text)))"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.call} {self.holder_id}"


class Contribution(AppendOnly):
    """Money that was paid in against a call, and the units issued for it. ``event_id`` is its event in the ledger."""

    event_id = models.UUIDField(primary_key=True)
    line = models.ForeignKey(CallLine, on_delete=models.PROTECT, related_name="contributions")
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="+")
    day = models.DateField()
    amount = models.BigIntegerField()
    units = models.BigIntegerField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="contribution_positive", condition=Q(amount__gt=0, units__gt=0)),
        ]
        indexes = [models.Index(fields=["line"], name="contribution_line")]
        triggers = [
            *AppendOnly.Meta.triggers,
            approved(
                "jsonb_build_object('act', 'contribution', 'day', NEW.day::text, 'parts', jsonb_build_array("
                "jsonb_build_object('event', NEW.event_id::text, 'line', NEW.line_id::text,"
                " 'amount', NEW.amount::text)))"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.line} {self.day}"
