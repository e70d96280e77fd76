"""The estate of a holder who has died (D32): opened, its heirs named with their shares, settled or refused.

While it is open nothing leaves the account. The shares of the heirs are fractions that make one; the units of each
class are shared out in whole smallest units, those left over one each by largest remainder, then in the order of heirs.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction

from django.db import IntegrityError, transaction
from django.utils.translation import gettext_lazy as _

from fund import rows
from fund.conveyance.give import Refused, free, hold
from fund.conveyance.models import Conveyance, Estate, Refusing
from fund.governance import audit, outbox
from fund.governance.approval import Kind, Proposal
from fund.holders import Holder
from fund.redemption import request

State = Conveyance.State


@transaction.atomic
def open_case(*, holder_id: int, actor: str, now: datetime) -> Estate:
    """Open the estate of a holder: from now on nothing is ordered, redeemed, given or paid out in this name.

    Raises Refused: estate_open already.
    """
    try:
        with transaction.atomic():
            estate = Estate.objects.create(holder_id=holder_id, opened_at=now)
    except IntegrityError:
        raise Refused(_("The estate of this holder is open already."), code="estate_open") from None
    Holder.objects.filter(pk=holder_id).update(estate_since=now, estate_settled_at=None)
    audit.record(actor=actor, verb="open", subject=f"estate:{estate.pk}", now=now, holder=holder_id)
    outbox.leave(topic="estate.opened", subject=str(estate.pk), now=now, estate=str(estate.pk))
    return estate


def split(units: int, shares: Sequence[Fraction]) -> list[int]:
    """Units in the proportion of shares that make one, in their order. Raises ValueError for others."""
    if sum(shares) != 1 or any(share <= 0 for share in shares):
        raise ValueError("shares make one")
    parts = [int(units * share) for share in shares]
    by_remainder = sorted(range(len(shares)), key=lambda place: (parts[place] - units * shares[place], place))
    for place in by_remainder[: units - sum(parts)]:
        parts[place] += 1
    return parts


@transaction.atomic
def name_heirs(*, estate: Estate, shares: Mapping[int, Fraction], actor: str, now: datetime) -> list[Conveyance]:
    """Name the heirs, by holder, and put all units of the estate on hold for them; earlier lines are taken back.

    Raises Refused: not_open, shares_unsound, nothing_held, to_oneself, proposed (withdraw the proposal first),
    approved, still_asked_for (a redemption stands); redemption.request.Refused: not_redeemable_yet (D36).
    """
    estate = locked(estate)
    if Proposal.objects.filter(kind=Kind.TRANSFER, subject=str(estate.pk), state=Proposal.State.OPEN).exists():
        raise Refused(_("This waits for its keys. Withdraw the proposal first."), code="proposed")
    _not_approved(estate)
    heirs = sorted(shares)
    if estate.holder_id in shares:
        raise Refused(_("Nobody inherits from himself."), code="to_oneself")
    if not heirs or sum(shares.values()) != 1 or min(shares.values()) <= 0:
        raise Refused(_("The shares of the heirs must make one, such as 1/2, 1/4 and 1/4."), code="shares_unsound")
    _take_back(estate, now)
    lines = []
    for one in request.redeemable(holder_id=estate.holder_id, now=now):
        if one.on_request:
            message = _("Some units are on request for redemption. Their window has to be settled first.")
            raise Refused(message, code="still_asked_for")
        parts = split(one.units, [shares[heir] for heir in heirs])
        for heir, part in zip(heirs, parts, strict=True):
            if part:
                lines.append(_line(estate, heir, one.unit_class.pk, part, now))
    if not lines:
        raise Refused(_("This account holds no units."), code="nothing_held")
    audit.record(
        actor=actor, verb="name_heirs", subject=f"estate:{estate.pk}", now=now,
        shares={str(heir): str(shares[heir]) for heir in heirs},
    )  # fmt: skip
    return lines


def _line(estate: Estate, heir: int, class_code: str, units: int, now: datetime) -> Conveyance:
    ((number, held),) = rows.ask("SELECT uuidv7(), uuidv7()", [])
    line = Conveyance(
        id=number, hold=held, estate=estate, holder_id=estate.holder_id, recipient_id=heir, unit_class_id=class_code,
        units=units, key=f"estate:{number}", state=State.ACCEPTED, offered_at=now, answered_at=now,
    )  # fmt: skip
    line.save(force_insert=True)
    hold(line, now)
    return line


def _take_back(estate: Estate, now: datetime) -> None:
    standing = Conveyance.objects.select_for_update().filter(estate=estate, state=State.ACCEPTED).order_by("pk")
    for line in standing:
        if Conveyance.objects.filter(pk=line.pk, state=State.ACCEPTED).update(state=State.WITHDRAWN, ended_at=now) != 1:
            raise RuntimeError(f"line {line} moved under its lock")
        free(line, now)


def locked(estate: Estate) -> Estate:
    """An open estate, locked. Raises Refused: not_open."""
    found = Estate.objects.select_for_update().get(pk=estate.pk)
    if found.state != Estate.State.OPEN:
        raise Refused(_("This case has been decided already."), code="not_open")
    return found


def _not_approved(estate: Estate) -> None:
    if Conveyance.objects.filter(estate=estate, state=State.APPROVED).exists():
        raise Refused(_("Both nations have approved this already."), code="approved")


@transaction.atomic
def settle(*, estate: Estate, now: datetime) -> None:
    """The lines have moved: what is left on the account is paid out again, and nothing else is done in this name."""
    moved = Estate.objects.filter(pk=estate.pk, state=Estate.State.OPEN)
    if moved.update(state=Estate.State.SETTLED, ended_at=now) != 1:
        raise RuntimeError(f"estate {estate} moved under its lock")
    Holder.objects.filter(pk=estate.holder_id).update(estate_settled_at=now)
    audit.record(actor="system", verb="settle", subject=f"estate:{estate.pk}", now=now)


@transaction.atomic
def refuse(*, estate: Estate, reason: Refusing, actor: str, now: datetime) -> None:
    """The case was opened wrongly: the account is as it was before. Raises Refused: not_open, approved."""
    estate = locked(estate)
    _not_approved(estate)
    _take_back(estate, now)
    Estate.objects.filter(pk=estate.pk).update(state=Estate.State.REFUSED, reason=reason, ended_at=now)
    before = Estate.objects.filter(holder_id=estate.holder_id, state=Estate.State.SETTLED).order_by("ended_at")
    first = before.first()
    Holder.objects.filter(pk=estate.holder_id).update(
        estate_since=first and first.opened_at, estate_settled_at=first and first.ended_at
    )
    audit.record(actor=actor, verb="refuse", subject=f"estate:{estate.pk}", now=now, reason=reason.value)
    outbox.leave(topic="estate.refused", subject=str(estate.pk), now=now, estate=str(estate.pk))
