"""Requests to redeem (D31, D36): placed while a window is open, withdrawn while nothing is decided of them.

A request puts its units on hold in the ledger, so that the holder's own card refuses what exceeds it: whoever asks from
two devices waits at that row, and nobody waits for anybody else. Whoever withdraws shares the row of the window, which
the decision takes for itself.
"""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import IntegrityError, connection, transaction
from django.db.models import OuterRef, Prefetch, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _
from psycopg.errors import CheckViolation

from fund import holders, rows
from fund.dealing import called_back
from fund.dealing.called_back import NotRedeemable
from fund.governance import audit, outbox
from fund.ledger import accounts, post
from fund.ledger.models import Balance, Event, Phase, Transfer
from fund.ledger.post import Line
from fund.redemption.models import Redemption, RedemptionLine, RedemptionWindow
from fund.refusal import Refusal
from fund.units import UnitClass

State = RedemptionWindow.State
Status = Redemption.Status
AT_WORK = (State.OPEN, State.CLOSED, State.DECIDED)


class Refused(Refusal):
    """The request cannot be placed or withdrawn; the message says why."""

    code = "redemption"


@dataclass(frozen=True)
class Redeemable:
    """A holder's smallest units of a class: all of them, what is on request, what the bank can still take back (D36),
    and what is left to be asked for."""

    unit_class: UnitClass
    units: int
    on_request: int
    locked: list[NotRedeemable]

    @property
    def not_yet(self) -> int:
        return sum(one.units for one in self.locked)

    @property
    def free(self) -> int:
        return max(0, self.units - self.on_request - self.not_yet)


def redeemable(*, holder_id: int, now: datetime) -> list[Redeemable]:
    """What a holder has of each class, and how much of it can be asked for."""
    found = []
    locked = called_back.not_redeemable(holder_id=holder_id, on=now.date())
    for unit_class in UnitClass.objects.filter(owner_kind=holders.Holder.Kind.CITIZEN).order_by("code"):
        units, held = _on_card(holder_id, unit_class)
        if units:
            mine = [one for one in locked if one.class_code == unit_class.pk]
            found.append(Redeemable(unit_class, units, held, mine))
    return found


def _on_card(holder_id: int, unit_class: UnitClass) -> tuple[int, int]:
    """Units of a holder, and how many of them are on hold."""
    (account,) = accounts.ids(f"units:{unit_class}").values()
    row = Balance.objects.filter(holder_id=holder_id, account_id=account).values_list("amount", "reserved")
    return row.first() or (0, 0)


@transaction.atomic
def place(
    *, class_code: str, holder_id: int, units: int, key: str, now: datetime, received_at: datetime | None = None
) -> Redemption:
    """Ask to redeem smallest units; the same ``key`` of the same holder gives the same request again.

    A request that reached us at ``received_at``, before the close, counts also when it is handled later (D26).
    Raises Refused: key_reused (for another request), no_units (nothing is asked for), not_open (no window of the class
    is), standing (a holder has one request of a class; to ask for more it is withdrawn and placed anew),
    not_redeemable_yet (D36), more_than_held; and holders.InEstate.
    """
    if (earlier := Redemption.objects.filter(holder_id=holder_id, key=key).first()) is not None:
        return _same(earlier, class_code, units)
    holders.check_alive(holder_id=holder_id)
    received = min(received_at or now, now)
    window = _open_window(class_code, received)
    if units <= 0:
        raise Refused(_("Enter how many units you want to redeem."), code="no_units")
    asked = Redemption(
        id=rows.ask("SELECT uuidv7()", [])[0][0],
        holder_id=holder_id,
        unit_class=window.unit_class,
        window=window,
        units=units,
        key=key,
        received_at=received,
    )
    asked.hold = asked.pk
    try:
        with transaction.atomic():
            asked.save(force_insert=True)
    except IntegrityError:
        earlier = Redemption.objects.filter(holder_id=holder_id, key=key).first()
        if earlier is not None:  # the other device was quicker with the same request
            return _same(earlier, class_code, units)
        message = _("You have a request that still stands. Withdraw it to ask for another number of units.")
        raise Refused(message, code="standing") from None
    _hold(asked, now)
    audit.record(
        actor=f"holder:{holder_id}", verb="place", subject=f"redemption:{asked.pk}", now=now,
        unit_class=class_code, units=str(units),
    )  # fmt: skip
    outbox.leave(topic="redemption.placed", subject=str(asked.pk), now=now, redemption=str(asked.pk))
    asked.refresh_from_db(fields=["placed_at"])
    return asked


def _same(earlier: Redemption, class_code: str, units: int) -> Redemption:
    if (earlier.unit_class_id, earlier.units) != (class_code, units):
        raise Refused(_("This key was used for another request."), code="key_reused")
    return earlier


def _open_window(class_code: str, received: datetime) -> RedemptionWindow:
    """The window that takes a request which reached us at an instant; one handled late finds it closed already."""
    taking = RedemptionWindow.objects.filter(
        unit_class=class_code, state__in=[State.OPEN, State.CLOSED], opens_at__lte=received, closes_at__gt=received
    )
    window = taking.select_related("unit_class").first()
    if window is None:
        raise Refused(_("No redemption window of this class is open."), code="not_open")
    return window


def _hold(asked: Redemption, now: datetime) -> None:
    hold(
        event=Event.REDEMPTION, event_id=asked.hold, holder_id=asked.holder_id, unit_class=asked.unit_class,
        units=asked.open, now=now,
    )  # fmt: skip


def hold(*, event: Event, event_id: UUID, holder_id: int, unit_class: UnitClass, units: int, now: datetime) -> None:
    """Reserve units. From here on the holder's card is ours until the commit, and what it says is what holds.

    Raises Refused: more_than_held, not_redeemable_yet (D36).
    """
    line = Line(f"units:{unit_class}", f"issued:{unit_class}", units, holder_id)
    try:
        with transaction.atomic():
            post.post(event=event, event_id=event_id, lines=[line], effective_at=now, phase=Phase.PENDING)
    except IntegrityError as fault:
        if not isinstance(fault.__cause__, CheckViolation):
            raise
        raise Refused(_("You do not have so many units that are not on request."), code="more_than_held") from None
    held, reserved = _on_card(holder_id, unit_class)
    locked = called_back.not_redeemable(holder_id=holder_id, on=now.date())
    mine = [one for one in locked if one.class_code == unit_class.pk]
    if held - reserved < sum(one.units for one in mine):
        message = _("Some of these units were paid for with money that the bank can still call back, until %(day)s.")
        raise Refused(message % {"day": _last(mine)}, code="not_redeemable_yet", until=_last(mine))


def _last(locked: list[NotRedeemable]) -> date:
    return max(one.until for one in locked)


@transaction.atomic
def withdraw(*, redemption: UUID, holder_id: int, now: datetime, received_at: datetime | None = None) -> Redemption:
    """Take a request back, or what is left of it: free until the close of a window that it takes part in, and again
    when that one is settled. A second time changes nothing.

    Raises Refused: unknown_redemption (also for another's), too_late_to_withdraw.
    """
    asked = Redemption.objects.filter(pk=redemption, holder_id=holder_id).first()
    if asked is None:
        raise Refused(_("There is no such request."), code="unknown_redemption")
    late = _share_window(asked, min(received_at or now, now))
    asked = Redemption.objects.select_for_update().get(pk=asked.pk)
    if asked.status == Status.WITHDRAWN:
        return asked
    if late or asked.status != Status.PLACED:
        raise Refused(_("This request can no longer be withdrawn."), code="too_late_to_withdraw")
    moved = Redemption.objects.filter(pk=asked.pk, status=Status.PLACED).update(status=Status.WITHDRAWN, ended_at=now)
    if moved != 1:
        raise RuntimeError(f"request {asked} moved under its lock")
    post.resolve(event_id=asked.pk, event=Event.REVERSAL, pending=asked.hold, phase=Phase.VOIDED, effective_at=now)
    audit.record(actor=f"holder:{holder_id}", verb="withdraw", subject=f"redemption:{asked.pk}", now=now)
    outbox.leave(topic="redemption.withdrawn", subject=str(asked.pk), now=now, redemption=str(asked.pk))
    asked.refresh_from_db()
    return asked


def _share_window(asked: Redemption, received: datetime) -> bool:
    """Whether a window that the request takes part in is past its close; none can be decided until we end."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT state, closes_at FROM fund_redemptionwindow
             WHERE unit_class_id = %s AND state IN ('open', 'closed', 'decided') AND closes_at > %s
             ORDER BY code FOR SHARE
            """,
            [asked.unit_class_id, asked.received_at],
        )
        found = cursor.fetchall()
    return any(state == State.DECIDED or closes_at <= received for state, closes_at in found)


def may_be_withdrawn(*, asked: Redemption, now: datetime) -> bool:
    """Whether ``withdraw`` would take it at this moment."""
    at_work = RedemptionWindow.objects.filter(
        unit_class=asked.unit_class_id, state__in=AT_WORK, closes_at__gt=asked.received_at
    )
    late = Q(state=State.DECIDED) | Q(closes_at__lte=now)
    return asked.status == Status.PLACED and not at_work.filter(late).exists()


def of_holder(*, holder_id: int) -> QuerySet[Redemption]:
    """A holder's requests with what each window brought them, in no order.

    Each line has ``made_good``: minor units that corrections of its price have paid, beyond what it says (D43).
    """
    lines = RedemptionLine.objects.select_related("window__unit_class", "window__decision").order_by("id")
    posted = Transfer.objects.filter(event_id=OuterRef("pk"), event=Event.CORRECTION).order_by().values("event_id")
    lines = lines.annotate(made_good=Coalesce(Subquery(posted.annotate(sum=Sum("amount")).values("sum")), 0))
    return (
        Redemption.objects.filter(holder_id=holder_id)
        .select_related("unit_class", "window")
        .prefetch_related(Prefetch("lines", lines))
    )
