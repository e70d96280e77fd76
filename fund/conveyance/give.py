"""A gift between citizens until both nations decide (D32): offered, answered by the recipient, or taken back.

Who the two are, and whether they may, reception has asked before. From the offer on the units are on hold, so that they
can neither be redeemed nor given a second time; whoever asks from two devices waits at the own card.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from fund import holders, rows
from fund.conveyance.models import Conveyance, Refusing
from fund.governance import audit, outbox
from fund.holders import Holder
from fund.ledger import post
from fund.ledger.models import Event, Phase
from fund.redemption import request
from fund.refusal import Refusal
from fund.units import UnitClass

State = Conveyance.State
STANDING = (State.OFFERED, State.ACCEPTED, State.APPROVED)


class Refused(Refusal):
    """The units cannot be given, or the gift cannot be answered or taken back like this; the message says why."""

    code = "transfer"


@transaction.atomic
def offer(*, holder_id: int, recipient_id: int, class_code: str, units: int, key: str, now: datetime) -> Conveyance:
    """Offer smallest units to another citizen; the same ``key`` of the same holder gives the same offer again.

    Raises Refused: key_reused (for another offer), unknown_class, no_units, to_oneself; redemption.request.Refused:
    more_than_held, not_redeemable_yet (D36); holders.InEstate.
    """
    if (earlier := Conveyance.objects.filter(holder_id=holder_id, key=key).first()) is not None:
        return _same(earlier, recipient_id, class_code, units)
    holders.check_alive(holder_id=holder_id)
    unit_class = UnitClass.objects.filter(owner_kind=Holder.Kind.CITIZEN, pk=class_code).first()
    if unit_class is None:
        raise Refused(_("There are no such units for citizens."), code="unknown_class")
    if units <= 0:
        raise Refused(_("Enter how many units you want to give."), code="no_units")
    if holder_id == recipient_id:
        raise Refused(_("You cannot give units to yourself."), code="to_oneself")
    given = _new(holder_id=holder_id, recipient_id=recipient_id, unit_class=unit_class, units=units, key=key, at=now)
    try:
        with transaction.atomic():
            given.save(force_insert=True)
    except IntegrityError:
        earlier = Conveyance.objects.filter(holder_id=holder_id, key=key).first()
        if earlier is None:
            raise
        return _same(earlier, recipient_id, class_code, units)  # the other device was quicker with the same offer
    hold(given, now)
    audit.record(
        actor=f"holder:{holder_id}", verb="offer", subject=f"transfer:{given.pk}", now=now,
        unit_class=class_code, units=str(units),
    )  # fmt: skip
    tell("transfer.offered", given, now)
    given.refresh_from_db()
    return given


def _new(*, holder_id: int, recipient_id: int, unit_class: UnitClass, units: int, key: str, at: datetime) -> Conveyance:
    ((number, hold),) = rows.ask("SELECT uuidv7(), uuidv7()", [])
    return Conveyance(
        id=number, hold=hold, holder_id=holder_id, recipient_id=recipient_id, unit_class=unit_class, units=units,
        key=key, offered_at=at,
    )  # fmt: skip


def _same(earlier: Conveyance, recipient_id: int, class_code: str, units: int) -> Conveyance:
    if (earlier.recipient_id, earlier.unit_class_id, earlier.units) != (recipient_id, class_code, units):
        raise Refused(_("This key was used for another request."), code="key_reused")
    return earlier


def hold(line: Conveyance, now: datetime) -> None:
    """Put a line's units on hold. Raises as ``offer`` does of units."""
    request.hold(
        event=Event.CONVEYANCE, event_id=line.hold, holder_id=line.holder_id, unit_class=line.unit_class,
        units=line.units, now=now,
    )  # fmt: skip


def tell(topic: str, line: Conveyance, now: datetime) -> None:
    """Leave the news of a line for who is told of it."""
    outbox.leave(topic=topic, subject=str(line.pk), now=now, transfer=str(line.pk))


@transaction.atomic
def accept(*, transfer: UUID, recipient_id: int, now: datetime) -> Conveyance:
    """The recipient takes a gift; both nations decide on it then. A second time changes nothing.

    Raises Refused: unknown_transfer (also for another's), not_standing.
    """
    given = _locked(transfer, recipient_id=recipient_id, estate=None)
    if given.state == State.ACCEPTED:
        return given
    if given.state != State.OFFERED:
        raise Refused(_("This gift has been decided already."), code="not_standing")
    _move(given, [State.OFFERED], state=State.ACCEPTED, answered_at=now)
    audit.record(actor=f"holder:{recipient_id}", verb="accept", subject=f"transfer:{given.pk}", now=now)
    tell("transfer.accepted", given, now)
    return given


@transaction.atomic
def decline(*, transfer: UUID, recipient_id: int, now: datetime) -> Conveyance:
    """The recipient does not take it, or no longer; the giver's units are free again. A second time changes nothing.

    Raises Refused: unknown_transfer, not_standing.
    """
    given = _locked(transfer, recipient_id=recipient_id, estate=None)
    if given.state != State.DECLINED:
        _give_back(given, State.DECLINED, actor=f"holder:{recipient_id}", now=now)
        tell("transfer.declined", given, now)
    return given


@transaction.atomic
def withdraw(*, transfer: UUID, holder_id: int, now: datetime) -> Conveyance:
    """The giver takes the offer back, until both nations have approved it. A second time changes nothing.

    Raises Refused: unknown_transfer (also for another's), not_standing.
    """
    given = _locked(transfer, holder_id=holder_id, estate=None)
    if given.state != State.WITHDRAWN:
        _give_back(given, State.WITHDRAWN, actor=f"holder:{holder_id}", now=now)
        tell("transfer.withdrawn", given, now)
    return given


def _locked(transfer: UUID, **whose: int | None) -> Conveyance:
    held = Conveyance.objects.select_for_update(of=("self",)).select_related("unit_class")
    found = held.filter(pk=transfer, **whose).first()
    if found is None:
        raise Refused(_("There is no such gift."), code="unknown_transfer")
    return found


def _give_back(given: Conveyance, to: Conveyance.State, *, actor: str, now: datetime) -> None:
    if given.state not in (State.OFFERED, State.ACCEPTED):
        raise Refused(_("This gift has been decided already."), code="not_standing")
    _move(given, [State.OFFERED, State.ACCEPTED], state=to, ended_at=now)
    free(given, now)
    audit.record(actor=actor, verb=to.value, subject=f"transfer:{given.pk}", now=now)


def _move(line: Conveyance, before: Sequence[Conveyance.State], **to: object) -> None:
    if Conveyance.objects.filter(pk=line.pk, state__in=list(before)).update(**to) != 1:
        raise RuntimeError(f"line {line} moved under its lock")
    line.refresh_from_db()


def free(line: Conveyance, now: datetime) -> None:
    """End the hold of a line that does not pass on."""
    post.resolve(event_id=line.pk, event=Event.REVERSAL, pending=line.hold, phase=Phase.VOIDED, effective_at=now)


@transaction.atomic
def refuse(*, lines: Iterable[Conveyance], reason: Refusing, actor: str, now: datetime) -> None:
    """End lines that do not pass on, for a reason that both sides are told. Their rows are locked by whoever calls.

    Raises Refused: not_standing.
    """
    for line in lines:
        if line.state not in STANDING:
            raise Refused(_("This transfer has been decided already."), code="not_standing")
        _move(line, STANDING, state=State.REFUSED, reason=reason, ended_at=now)
        free(line, now)
        audit.record(actor=actor, verb="refuse", subject=f"transfer:{line.pk}", now=now, reason=reason.value)
        tell("transfer.refused", line, now)


def of_holder(*, holder_id: int) -> QuerySet[Conveyance]:
    """What a citizen has given, was offered and has inherited, in no order."""
    own = Q(holder_id=holder_id) | Q(recipient_id=holder_id)
    return Conveyance.objects.filter(own).select_related("unit_class")
