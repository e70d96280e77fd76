"""Outages of the portal that extend offerings by rule (D26).

Officers of both nations declare when citizens could not reach the portal. The rule (``config``) says by how much each
cut-off moves, the officers do not: an outage longer than ``outage.longer_than_minutes`` that fell into the last
``outage.window_hours`` before a cut-off moves it by as long as it lasted from there on, rounded up to
``outage.rounding_minutes``. The payment deadline moves with it, and withdrawing, which is free until the close. A
cut-off never moves into the offering's dealing day, whose price could then be known.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pgtrigger
from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import DateTimeRangeField, RangeOperators
from django.db import models, transaction
from django.db.models import F, Func, Q
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.append_only import AppendOnly
from fund.dealing import handover
from fund.dealing.models import ISO, Offering
from fund.governance import approval, audit, config, outbox
from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.governance.officers import Officer
from fund.holders import Nation
from fund.payments import receipts
from fund.refusal import Refusal

STATE = Offering.State
SUBJECT = "outage"
MOVABLE = (STATE.OPEN, STATE.CLOSED)


class Refused(Refusal):
    """The outage cannot be declared like this; the message says why."""

    code = "outage"


class Outage(AppendOnly):
    """When citizens could not reach the portal, and why in a sentence for them. No two of them overlap."""

    id = models.BigAutoField(primary_key=True)
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    cause_en = models.CharField(max_length=200)
    cause_ja = models.CharField(max_length=200)
    proposal = models.OneToOneField(Proposal, on_delete=models.PROTECT, related_name="+")
    declared_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(
                name="outage_ends_before_it_is_declared", condition=Q(ends_at__lte=F("declared_at"))
            ),
            ExclusionConstraint(
                name="outage_counts_once",
                expressions=[
                    (
                        Func("starts_at", "ends_at", function="tstzrange", output_field=DateTimeRangeField()),
                        RangeOperators.OVERLAPS,
                    )
                ],
            ),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            two_keys_trigger(
                Kind.OUTAGE,
                subject=f"'{SUBJECT}'",
                facts=(
                    f"jsonb_build_object('starts_at', {ISO.format('starts_at')}, 'ends_at', {ISO.format('ends_at')},"
                    " 'cause_en', NEW.cause_en, 'cause_ja', NEW.cause_ja)"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_at:%Y-%m-%d %H:%M} to {self.ends_at:%Y-%m-%d %H:%M} UTC"


class Extension(AppendOnly):
    """What one outage did to one offering: the cut-off and the payment deadline before and after."""

    id = models.BigAutoField(primary_key=True)
    outage = models.ForeignKey(Outage, on_delete=models.PROTECT, related_name="extensions")
    offering = models.ForeignKey(Offering, on_delete=models.PROTECT, related_name="extensions")
    closed_at = models.DateTimeField()
    closes_at = models.DateTimeField()
    paid_by = models.DateTimeField()
    pay_by = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["outage", "offering"], name="extension_once_an_outage"),
            models.CheckConstraint(
                name="extension_moves_both_alike",
                condition=Q(closes_at__gt=F("closed_at"), pay_by=F("paid_by") + (F("closes_at") - F("closed_at"))),
            ),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            pgtrigger.Trigger(
                name="extension_is_the_offerings",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                IF NOT EXISTS (SELECT FROM fund_offering
                                WHERE code = NEW.offering_id
                                  AND (closes_at, pay_by) IS NOT DISTINCT FROM (NEW.closes_at, NEW.pay_by)) THEN
                    RAISE EXCEPTION 'offering % does not stand so', NEW.offering_id
                        USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.offering_id} closes {self.closes_at:%Y-%m-%d %H:%M} UTC"


@dataclass(frozen=True)
class Move:
    """What the rule makes of one offering."""

    offering: Offering
    by: timedelta

    @property
    def closes_at(self) -> datetime:
        return self.offering.closes_at + self.by

    @property
    def pay_by(self) -> datetime:
        return self.offering.pay_by + self.by


def moves(*, starts_at: datetime, ends_at: datetime, now: datetime) -> list[Move]:
    """What an outage does to the offerings as they stand, by the rule in force at its start; in the order of codes.

    A cut-off that would have passed by ``now`` all the same does not move: nobody could use the time.
    """
    least = timedelta(minutes=config.get("outage.longer_than_minutes", at=starts_at))
    if ends_at - starts_at <= least:
        return []
    rows = Offering.objects.filter(state__in=MOVABLE, closes_at__gt=starts_at).select_related("unit_class")
    found = [Move(row, _by(row, starts_at, ends_at)) for row in rows.order_by("pk")]
    return [move for move in found if move.by and move.closes_at > now and _still_free(move.offering)]


def _by(offering: Offering, starts_at: datetime, ends_at: datetime) -> timedelta:
    window = timedelta(hours=config.get("outage.window_hours", at=starts_at))
    rounding = timedelta(minutes=config.get("outage.rounding_minutes", at=starts_at))
    lasted = ends_at - max(starts_at, offering.closes_at - window)
    by = -(-lasted // rounding) * rounding if lasted > timedelta(0) else timedelta(0)
    return max(timedelta(0), min(by, _dealing_begins(offering) - offering.closes_at))


def _dealing_begins(offering: Offering) -> datetime:
    """The dealing day's first moment, which comes in Tokyo."""
    return datetime.combine(offering.dealing_day, time(), calendars.ZONE[Nation.JP])


def _still_free(offering: Offering) -> bool:
    """A book on which the other tranche's allotment rests is final."""
    tranche = handover.other(offering)
    return tranche is None or tranche.state not in (STATE.ALLOTTED, STATE.SETTLED)


def propose(
    *, starts_at: datetime, ends_at: datetime, cause_en: str, cause_ja: str, officer: Officer, now: datetime
) -> Proposal:
    """Put the declaration of an outage up for the second key, with what follows from it for each offering.

    Raises Refused: not_over (ends before it starts, or has not ended), declared_before (overlaps another one),
    moves_nothing (too short, too early, or too late for every offering).
    """
    starts_at, ends_at = (instant.astimezone(UTC).replace(second=0, microsecond=0) for instant in (starts_at, ends_at))
    if not starts_at < ends_at <= now:
        raise Refused(_("Declare an outage after it has ended, with its start before its end."), code="not_over")
    if Outage.objects.filter(starts_at__lt=ends_at, ends_at__gt=starts_at).exists():
        raise Refused(_("An outage that overlaps this one was declared before."), code="declared_before")
    found = moves(starts_at=starts_at, ends_at=ends_at, now=now)
    if not found:
        raise Refused(_("By the rule, this outage moves no cut-off."), code="moves_nothing")
    payload = {
        "starts_at": _iso(starts_at),
        "ends_at": _iso(ends_at),
        "cause_en": cause_en,
        "cause_ja": cause_ja,
        "extensions": said(found),
    }
    return approval.propose(kind=Kind.OUTAGE, subject=SUBJECT, payload=payload, officer=officer, now=now)


def _iso(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def said(found: list[Move]) -> dict[str, dict[str, str]]:
    """Moves as a proposal's payload says them, by offering."""
    return {
        move.offering.code: {
            "seconds": str(int(move.by.total_seconds())),
            "closes_at": _iso(move.closes_at),
            "pay_by": _iso(move.pay_by),
        }
        for move in found
    }


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> Outage | None:
    """Move the cut-offs as approved and tell the citizens; None when this was done before.

    Raises Refused: offerings_changed where the rule says something else by now; approval.Refused without both keys.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    proposal.refresh_from_db()
    facts = proposal.facts
    starts_at, ends_at = datetime.fromisoformat(facts["starts_at"]), datetime.fromisoformat(facts["ends_at"])
    list(Offering.objects.filter(state__in=MOVABLE).order_by("pk").select_for_update(of=("self",)))
    found = moves(starts_at=starts_at, ends_at=ends_at, now=now)
    if said(found) != facts["extensions"]:
        raise Refused(
            _("The offerings have changed since this was approved. Propose it again."), code="offerings_changed"
        )
    declared = Outage.objects.create(
        starts_at=starts_at,
        ends_at=ends_at,
        cause_en=facts["cause_en"],
        cause_ja=facts["cause_ja"],
        proposal=proposal,
        declared_at=now,
    )
    for move in found:
        _extend(declared, move, now)
    return declared


def _extend(declared: Outage, move: Move, now: datetime) -> None:
    before = move.offering
    moved = Offering.objects.filter(pk=before.pk, state=before.state, closes_at=before.closes_at).update(
        state=STATE.OPEN,
        closes_at=move.closes_at,
        pay_by=move.pay_by,
        extension=F("extension") + move.by,
        proposal=declared.proposal,
    )
    if moved != 1:
        raise RuntimeError(f"offering {before} moved under its lock")
    Extension.objects.create(
        outage=declared,
        offering=before,
        closed_at=before.closes_at,
        closes_at=move.closes_at,
        paid_by=before.pay_by,
        pay_by=move.pay_by,
    )
    receipts.postpone(subject=before.code, pay_by=move.pay_by, now=now)
    instants: dict[str, Any] = {"closes_at": _iso(move.closes_at), "pay_by": _iso(move.pay_by)}
    audit.record(actor="system", verb="extend", subject=f"offering:{before}", now=now, outage=declared.pk, **instants)
    outbox.leave(topic="offering.extended", subject=before.code, now=now, offering=before.code, outage=declared.pk)
