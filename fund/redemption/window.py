"""The life of a redemption window (D31): announced, opened under two keys, closed by the clock; or cancelled."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal

from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Count, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.governance import approval, audit, config, outbox
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Officer
from fund.holders import Nation
from fund.money import Money, percent
from fund.nav import prices
from fund.redemption import share
from fund.redemption.models import Redemption, RedemptionWindow
from fund.refusal import Refusal
from fund.units import UnitClass

State = RedemptionWindow.State
CANCELLABLE = (State.ANNOUNCED, State.OPEN, State.CLOSED)


class Refused(Refusal):
    """The window cannot be announced, opened or cancelled like this; the message says why."""

    code = "redemption_window"


@dataclass(frozen=True)
class Demand:
    """How much is asked for now, at the latest price: ``percent`` of it fits under the cap. An estimate, no promise."""

    requests: int
    units: int
    worth: Money
    cap: Money
    percent: Decimal


@transaction.atomic
def announce(
    *,
    code: str,
    class_code: str,
    opens_at: datetime,
    closes_at: datetime,
    dealing_day: date,
    actor: str,
    now: datetime,
) -> RedemptionWindow:
    """Announce a window with the cap and the charge that are in force (``config``), which then stand in its terms.

    Raises Refused: code_taken, not_a_dealing_day, notice_too_short (from the close to the dealing day), unsound_terms.
    """
    if RedemptionWindow.objects.filter(pk=code).exists():
        raise Refused(_("There is a window with this code."), code="code_taken")
    if not calendars.is_dealing_day(dealing_day):
        raise Refused(_("The dealing day must be a known dealing day."), code="not_a_dealing_day")
    days = config.get("redemption.notice_days", at=now)
    if dealing_day - closes_at.astimezone(calendars.ZONE[Nation.JP]).date() < timedelta(days=days):
        message = _("The window must close at least %(days)s days before its dealing day.")
        raise Refused(message % {"days": days}, code="notice_too_short")
    try:
        with transaction.atomic():
            window = RedemptionWindow.objects.create(
                code=code,
                unit_class=UnitClass.objects.get(pk=class_code),
                opens_at=opens_at,
                closes_at=closes_at,
                dealing_day=dealing_day,
                cap_percent=Decimal(config.get("redemption.cap", at=now)),
                charge_percent=Decimal(config.get("redemption.charge", at=now)),
                announced_at=now,
            )
    except (DataError, IntegrityError) as fault:
        raise Refused(_("The terms do not fit together: %(fault)s") % {"fault": fault}, code="unsound_terms") from None
    window.refresh_from_db()
    audit.record(actor=actor, verb="announce", subject=f"redemption_window:{code}", now=now, terms=terms(window))
    return window


def terms(window: RedemptionWindow) -> str:
    """The digest of all terms in hex, as it is approved."""
    return bytes(window.terms_digest).hex()


def propose_opening(*, window: RedemptionWindow, officer: Officer, now: datetime, reason: str = "") -> Proposal:
    """Put the opening up for the second key, for exactly the terms as they are. Raises Refused: not_announced."""
    window.refresh_from_db()
    if window.state != State.ANNOUNCED:
        raise Refused(_("Only an announced window can be opened."), code="not_announced")
    return approval.propose(
        kind=Kind.WINDOW,
        subject=window.code,
        payload={"window": window.code, "terms": terms(window)},
        officer=officer,
        now=now,
        reason=reason,
    )


@transaction.atomic
def carry_out_opening(*, proposal: Proposal, now: datetime) -> RedemptionWindow | None:
    """Let the clock open an approved window, at once if it is due; None when this was done before.

    Raises Refused: terms_changed since the approval; approval.Refused without both keys.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    proposal.refresh_from_db()
    code, digest = proposal.facts["window"], bytes.fromhex(proposal.facts["terms"])
    announced = RedemptionWindow.objects.filter(pk=code, state=State.ANNOUNCED, terms_digest=digest)
    if announced.update(proposal=proposal) != 1:
        raise Refused(_("The window is not as it was approved."), code="terms_changed")
    open_due(now=now)
    return RedemptionWindow.objects.get(pk=code)


def open_due(*, now: datetime) -> list[str]:
    """Open every approved window whose time has come, while no other of its class is at work; returns their codes."""
    due = """proposal_id IS NOT NULL AND opens_at <= %(now)s AND closes_at > %(now)s AND NOT EXISTS (
             SELECT FROM fund_redemptionwindow o
              WHERE o.unit_class_id = w.unit_class_id AND o.state IN ('open', 'closed', 'decided'))"""
    return _by_the_clock("announced", "open", due, now)


def close_due(*, now: datetime) -> list[str]:
    """Close every window whose notice deadline has passed; returns their codes."""
    return _by_the_clock("open", "closed", "closes_at <= %(now)s", now)


@transaction.atomic
def _by_the_clock(before: str, after: str, due: str, now: datetime) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE fund_redemptionwindow w SET state = %(after)s WHERE state = %(before)s AND {due} RETURNING code",
            {"before": before, "after": after, "now": now},
        )
        codes = sorted(code for (code,) in cursor.fetchall())
    for code in codes:
        audit.record(actor="system", verb=after, subject=f"redemption_window:{code}", now=now)
    return codes


def propose_cancellation(*, window: RedemptionWindow, officer: Officer, now: datetime, reason: str) -> Proposal:
    """Put the cancellation up for the second key. Raises Refused: not_cancellable once it is decided."""
    window.refresh_from_db()
    if window.state not in CANCELLABLE:
        raise Refused(_("This window can no longer be cancelled."), code="not_cancellable")
    return approval.propose(
        kind=Kind.WINDOW_CANCEL,
        subject=window.code,
        payload={"window": window.code, "reason": reason},
        officer=officer,
        now=now,
        reason=reason,
    )


@transaction.atomic
def carry_out_cancellation(*, proposal: Proposal, now: datetime) -> RedemptionWindow | None:
    """Cancel; None when this was done before. Its requests stand and wait for the next window."""
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    proposal.refresh_from_db()
    code = proposal.facts["window"]
    moved = RedemptionWindow.objects.filter(pk=code, state__in=CANCELLABLE)
    if moved.update(state=State.CANCELLED, proposal=proposal) != 1:
        raise Refused(_("This window can no longer be cancelled."), code="not_cancellable")
    audit.record(actor="system", verb="cancel", subject=f"redemption_window:{code}", now=now)
    outbox.leave(topic="redemption.cancelled", subject=code, now=now, window=code)
    return RedemptionWindow.objects.get(pk=code)


def demand(*, window: RedemptionWindow, now: datetime) -> Demand:
    """What would be redeemed if the latest price were that of the dealing day. It reads the requests of everybody."""
    unit_class = window.unit_class
    standing = Redemption.objects.filter(
        unit_class=unit_class, status=Redemption.Status.PLACED, received_at__lt=window.closes_at
    )
    found = standing.aggregate(n=Count("pk"), units=Coalesce(Sum("units") - Sum("filled"), 0))
    price = prices.latest_price(unit_class.pk, now)
    newest = prices.published(class_code=unit_class.pk, at=now).first()
    cap = share.cap(window, newest.value if newest else 0)
    units = int(found["units"])
    fits = share.fitting(units, cap, price)
    filled = percent(fits, units) if units else Decimal(100)
    return Demand(int(found["n"]), units, share.worth(units, price), cap, filled)


def current(*, now: datetime) -> list[RedemptionWindow]:
    """The windows that are approved and not settled yet, in the order in which they open."""
    states = [State.ANNOUNCED, State.OPEN, State.CLOSED, State.DECIDED]
    rows = RedemptionWindow.objects.filter(state__in=states, proposal__isnull=False)
    return list(
        rows.exclude(state=State.ANNOUNCED, closes_at__lte=now).select_related("unit_class").order_by("opens_at")
    )
