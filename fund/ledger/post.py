"""Posting transfers: a few at a time from Python, or a set with one statement. Both go through the same triggers."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q

from fund.ledger.accounts import ids
from fund.ledger.models import Event, Leg, Phase, SettlementBatch, Transfer

COLUMNS = "event_id, event, line, debit_id, credit_id, holder_id, amount, effective_at, phase, resolves"
ENTITLEMENT = (
    "batch_id, holder_id, distribution_id, reversal, units, gross, returned, us, national, local, paid, cost, rounding,"
    " bought, borne, us_basis, jp_basis"
)
SETTLEMENT = "batch_id, order_id, holder_id, cost, rounding, units, refund"


@dataclass(frozen=True)
class Line:
    """One movement of ``amount`` (minor or smallest units) from the account ``debit`` to ``credit``, by their codes."""

    debit: str
    credit: str
    amount: int
    holder_id: int | None = None


@transaction.atomic
def post(
    *,
    event: Event,
    event_id: UUID,
    lines: Sequence[Line],
    effective_at: datetime,
    phase: Phase = Phase.FINAL,
    resolves: UUID | None = None,
) -> None:
    """Post the lines of one business event.

    Raises IntegrityError when this event was posted before, an amount is not positive, assets differ, or a holder's
    balance would go below zero; then nothing is posted.
    """
    account = ids(*{code for line in lines for code in (line.debit, line.credit)})
    Transfer.objects.bulk_create(
        Transfer(
            event_id=event_id,
            event=event,
            line=number,
            debit_id=account[line.debit],
            credit_id=account[line.credit],
            holder_id=line.holder_id,
            amount=line.amount,
            effective_at=effective_at,
            phase=phase,
            resolves=resolves,
        )
        for number, line in enumerate(lines)
    )


def post_set(select: str, params: Mapping[str, Any]) -> int:
    """Post the rows of a SELECT that yields ``COLUMNS`` in that order; returns how many. Same refusals as ``post``."""
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO fund_transfer ({COLUMNS}) {select}", params)
        return int(cursor.rowcount)


@transaction.atomic
def settle_set(select: str, params: Mapping[str, Any], *, subject: str, class_code: str, effective_at: datetime) -> int:
    """Settle the orders of a SELECT under one heading; returns how many. Refused like ``post``.

    It yields ``SETTLEMENT`` in that order, ``%(batch)s`` for the first.
    """
    batch = SettlementBatch.objects.create(subject=subject, unit_class_id=class_code, effective_at=effective_at)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO fund_settlement ({SETTLEMENT}) {select}", {**params, "batch": batch.pk})
        return int(cursor.rowcount)


@transaction.atomic
def entitle_set(
    select: str, params: Mapping[str, Any], *, subject: str, class_code: str, effective_at: datetime
) -> int:
    """Book the entitlements of a SELECT under one heading; returns how many. Refused like ``post``.

    It yields ``ENTITLEMENT`` in that order, ``%(batch)s`` for the first.
    """
    batch = SettlementBatch.objects.create(subject=subject, unit_class_id=class_code, effective_at=effective_at)
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO fund_entitlement ({ENTITLEMENT}) {select}", {**params, "batch": batch.pk})
        return int(cursor.rowcount)


def resolve(*, event_id: UUID, event: Event, pending: UUID, phase: Phase, effective_at: datetime) -> None:
    """Post or void a pending event, all its lines. Raises IntegrityError when it was resolved before."""
    post_set(
        """
        SELECT %(event_id)s::uuid, %(event)s, line, debit_id, credit_id, holder_id, amount, %(at)s, %(phase)s, event_id
          FROM fund_transfer WHERE event_id = %(pending)s AND phase = 1
        """,
        {"event_id": event_id, "event": event, "at": effective_at, "phase": phase, "pending": pending},
    )


def reverse(*, event_id: UUID, reversed_id: UUID, reversed_event: Event, effective_at: datetime) -> None:
    """Undo a final event by the opposite transfers, under an event of its own (D38). Raises like ``post``."""
    originals = Leg.objects.filter(Q(phase=Phase.FINAL), event_id=reversed_id, event=reversed_event)
    reversals: Iterable[Transfer] = [
        Transfer(
            event_id=event_id,
            event=Event.REVERSAL,
            line=one.line,
            debit_id=one.credit_id,
            credit_id=one.debit_id,
            holder_id=one.holder_id,
            amount=one.amount,
            effective_at=effective_at,
        )
        for one in originals
    ]
    Transfer.objects.bulk_create(reversals)
