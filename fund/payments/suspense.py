"""Money without an owner, and its ways out (D35): to an order, to the holder, back to the payer, or off the books.
What a bank took back of a settled purchase is made up for by ``dealing.called_back``.

Each entry is resolved exactly once, by an officer on duty with a reason; above ``payments.two_keys_above`` the database
wants both keys. What the bank has reversed meanwhile cannot go out any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import models, transaction
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When
from django.db.models.functions import UUID7
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance import approval, audit, config, officers, outbox
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.payments import matching
from fund.payments.models import BankEntry, Earmark, Expected, KnownName, Reason
from fund.refusal import Refusal

THRESHOLD = "payments.two_keys_above"


class Refused(Refusal):
    """The money stays in suspense; the message says why."""

    code = "suspense"


class Way(models.TextChoices):
    """What becomes of money in suspense."""

    APPLIED = "applied", _("applied to an order")
    REFUNDED = "refunded", _("refunded to the holder")
    RETURNED = "returned", _("returned to the payer")
    WRITTEN_OFF = "written_off", _("written off")
    RESCINDED = "rescinded", _("made up for by rescinding the purchase")


def _above_the_limit() -> str:
    """SQL over NEW: whether the amount needs both keys by the setting in force, or without one by the default."""
    shipped: Mapping[str, int] = config.DECLARED[THRESHOLD].default
    default = " ".join(f"WHEN '{currency}' THEN {int(limit)}" for currency, limit in shipped.items())
    return f"""
        NEW.way IN ('written_off', 'rescinded') OR NEW.amount > coalesce(
            (SELECT (value ->> NEW.currency)::bigint FROM fund_setting
              WHERE key = '{THRESHOLD}' AND effective_from <= NEW.resolved_at ORDER BY effective_from DESC LIMIT 1),
            CASE NEW.currency {default} ELSE 0 END)
    """


class Resolution(AppendOnly):
    """How the suspense money of one entry went out, once. Its id is its ledger event's id; minor units.

    ``amount`` = ``applied`` (to ``expected``, held for it) + ``refunded`` (to the holder's refunds), where it has a
    holder.
    """

    id = models.UUIDField(primary_key=True, db_default=UUID7())
    entry = models.OneToOneField(BankEntry, on_delete=models.PROTECT, related_name="resolution")
    way = models.CharField(max_length=12, choices=Way)
    amount = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    expected = models.ForeignKey(Expected, null=True, on_delete=models.PROTECT, related_name="resolutions")
    applied = models.BigIntegerField(default=0)
    refunded = models.BigIntegerField(default=0)
    officer = models.ForeignKey(Officer, on_delete=models.PROTECT, related_name="+")
    proposal = models.ForeignKey(Proposal, null=True, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField()
    resolved_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(
                name="resolution_way",
                condition=Q(way="applied", expected__isnull=False, applied__gt=0, refunded__gte=0)
                & Q(amount=F("applied") + F("refunded"))
                | Q(way="refunded", expected__isnull=False, applied=0, refunded=F("amount"))
                | Q(way="rescinded", expected__isnull=False, applied=0, refunded=0)
                | Q(way__in=["returned", "written_off"], expected=None, applied=0, refunded=0),
            ),
            models.CheckConstraint(name="resolution_positive", condition=Q(amount__gt=0)),
            models.CheckConstraint(name="resolution_has_a_reason", condition=~Q(reason="")),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            approval.two_keys_trigger(
                Kind.ENTRY,
                when=_above_the_limit(),
                subject="'bank_entry:' || NEW.entry_id",
                facts=(
                    "jsonb_build_object('act', 'suspense', 'entry', NEW.entry_id::text, 'way', NEW.way,"
                    " 'amount', NEW.amount::text, 'currency', NEW.currency,"
                    " 'order', (SELECT order_id::text FROM fund_expected WHERE reference = NEW.expected_id))"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.way} {self.entry_id}"


OPEN = Q(suspended__gt=0, resolution__isnull=True)
# A credit that the bank has not undone: it goes to an order, to the holder or back to its payer.
UNOWNED = OPEN & Q(credit=True, reversed_by__isnull=True)
# A debit after the money was used, or of which nothing is known: missing until it is written off.
MISSING = (
    OPEN
    & Q(credit=False)
    & (Q(suspense_reason="reversed_by_bank", reverses=None) | Q(suspense_reason="reversed_too_late"))
)
NEEDS_A_WAY_OUT = UNOWNED | MISSING


def waiting() -> QuerySet[BankEntry]:
    """Money in suspense that needs a way out, oldest first: ``apply``, ``refund`` or ``return_to_payer``."""
    return BankEntry.objects.filter(UNOWNED).order_by("booking_date", "id")


def missing() -> QuerySet[BankEntry]:
    """Money that a bank took back after it was used, or of which nothing is known: missing until ``write_off``."""
    return BankEntry.objects.filter(MISSING).order_by("booking_date", "id")


@dataclass(frozen=True)
class Suggestion:
    """A payment that is still expected and could be the one in suspense, and why."""

    expected: Expected
    same_name: bool
    same_amount: bool


def suggestions(*, entry: BankEntry, most: int = 10) -> list[Suggestion]:
    """Expected payments that this money could be meant for, the likeliest first (D35): of exactly this amount or of the
    payer's name, both before one. In the entry's currency and still open.

    A hint, never a match: an officer decides. Names are compared by their fingerprints, nothing is opened.
    """
    named = KnownName.objects.filter(holder=OuterRef("holder"), digest=bytes(entry.payer_digest or b""))
    open_ones = (
        Expected.objects.filter(currency=entry.currency, forgotten_at=None, received__lt=F("amount"))
        .exclude(offering_code__in=Earmark.objects.values("subject"))
        .annotate(
            same_name=Exists(named),
            same_amount=Case(When(amount=F("received") + entry.suspended, then=1), default=0),
        )
    )
    likely = open_ones.filter(Q(same_amount=1) | Q(same_name=True))
    found = likely.order_by("-same_name", "-same_amount", "expected_at", "reference")[:most]
    return [Suggestion(one, bool(one.same_name), bool(one.same_amount)) for one in found]


def ways(*, entry: BankEntry) -> list[Way]:
    """The ways out that an entry can take now; of a debit to write off, and of a credit what became known of it."""
    if missing().filter(pk=entry.pk).exists():
        return [Way.WRITTEN_OFF]
    if not waiting().filter(pk=entry.pk).exists():
        return []
    found = [Way.APPLIED]
    if entry.expected_id and entry.suspense_reason != Reason.THIRD_PARTY:
        found.append(Way.REFUNDED)
    if matching.payer(entry).is_payable:
        found.append(Way.RETURNED)
    return found


def apply(*, entry: BankEntry, order_id: UUID, officer: Officer, reason: str, now: datetime) -> Resolution | Proposal:
    """Give suspense money to an order that is still expected; what the order does not need becomes its holder's refund.

    At once, or as a proposal above the limit. Raises Refused, and NotOnDuty without the duty of payments.
    """
    return _take(entry, Way.APPLIED, officer, reason, now, order=str(order_id))


def refund(*, entry: BankEntry, officer: Officer, reason: str, now: datetime) -> Resolution | Proposal:
    """Give money that came with a holder's own reference (over, twice, late, withdrawn) to that holder's refunds.

    At once, or as a proposal above the limit. Raises Refused where the reference is nobody's or the payer is somebody
    else, whose money goes back to where it came from, and NotOnDuty.
    """
    order = BankEntry.objects.values_list("expected__order_id", flat=True).get(pk=entry.pk)
    return _take(entry, Way.REFUNDED, officer, reason, now, order=str(order) if order else None)


def return_to_payer(*, entry: BankEntry, officer: Officer, reason: str, now: datetime) -> Resolution | Proposal:
    """Send money back to the account it came from, as a line of the next payout run.

    At once, or as a proposal above the limit. Raises Refused where the bank did not tell the account, and NotOnDuty.
    """
    return _take(entry, Way.RETURNED, officer, reason, now)


def write_off(*, entry: BankEntry, officer: Officer, reason: str, now: datetime) -> Resolution | Proposal:
    """Take money that the bank has reversed too late as an expense of the fund. Always a proposal. Raises Refused."""
    return _take(entry, Way.WRITTEN_OFF, officer, reason, now)


@transaction.atomic
def _take(
    entry: BankEntry, way: Way, officer: Officer, reason: str, now: datetime, *, order: str | None = None
) -> Resolution | Proposal:
    officers.on_duty(user_id=officer.user_id, duty=Duty.PAYMENTS, now=now)
    if not reason.strip():
        raise Refused(_("Say why: the reason is kept with the money."), code="reason_missing")
    held = lock(entry.pk, order=order)
    expected = _expected(held, way, order)
    if way is Way.WRITTEN_OFF or held.suspended > config.get(THRESHOLD, at=now)[held.currency]:
        return propose(entry=held, way=way, order=order, officer=officer, reason=reason, now=now)
    return resolve(held, way, expected, officer=officer, proposal=None, reason=reason, now=now)


def propose(*, entry: BankEntry, way: Way, order: str | None, officer: Officer, reason: str, now: datetime) -> Proposal:
    """Put a way out of a locked entry up for the second key. Raises Refused without a reason, and NotOnDuty."""
    officers.on_duty(user_id=officer.user_id, duty=Duty.PAYMENTS, now=now)
    if not reason.strip():
        raise Refused(_("Say why: the reason is kept with the money."), code="reason_missing")
    payload = {
        "act": "suspense",
        "entry": str(entry.pk),
        "way": way.value,
        "amount": str(entry.suspended),
        "currency": entry.currency,
        "order": order,
    }
    return approval.propose(
        kind=Kind.ENTRY, subject=f"bank_entry:{entry.pk}", payload=payload, officer=officer, now=now, reason=reason
    )


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> Resolution | None:
    """Carry out an approved way out; None when it was carried out before.

    Raises Refused when the order or the entry has changed since, so that the proposal has to be withdrawn.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    facts = proposal.facts
    way = Way(facts["way"])
    held = lock(UUID(facts["entry"]), order=facts["order"])
    expected = _expected(held, way, facts["order"])
    return resolve(
        held, way, expected, officer=proposal.proposed_by, proposal=proposal, reason=proposal.reason, now=now
    )


def lock(entry_id: UUID, *, order: str | None = None) -> BankEntry:
    """The order's expected payment, then the entry: the order in which an import takes them."""
    if order:
        list(Expected.objects.select_for_update().filter(order_id=order).values_list("pk"))
    return BankEntry.objects.select_for_update().get(pk=entry_id)


def _expected(entry: BankEntry, way: Way, order: str | None) -> Expected | None:
    """The expected payment that the way needs. Raises Refused where the money cannot go this way."""
    possible = missing() if way is Way.WRITTEN_OFF else waiting()
    if not possible.filter(pk=entry.pk).exists():
        raise Refused(_("This money is no longer in suspense."), code="not_in_suspense")
    if way is Way.RETURNED and not matching.payer(entry).is_payable:
        raise Refused(_("The bank did not say from which account this came."), code="payer_unknown")
    if way is Way.REFUNDED and entry.suspense_reason == Reason.THIRD_PARTY:
        raise Refused(_("Somebody else paid this. It goes back to who paid it."), code="third_party")
    if way in (Way.RETURNED, Way.WRITTEN_OFF):
        return None
    found = Expected.objects.filter(order_id=order).first() if order else None
    if found is None:
        raise Refused(_("There is no such order."), code="order_unknown")
    if found.currency != entry.currency:
        raise Refused(_("The order is in another currency."), code="wrong_currency")
    is_open = found.forgotten_at is None and found.received < found.amount
    if way is Way.APPLIED and (not is_open or Earmark.objects.filter(pk=found.offering_code).exists()):
        raise Refused(_("This order takes no more money."), code="order_not_open")
    return found


def resolve(
    entry: BankEntry,
    way: Way,
    expected: Expected | None,
    *,
    officer: Officer,
    proposal: Proposal | None,
    reason: str,
    now: datetime,
    lines: Sequence[Line] | None = None,
) -> Resolution:
    """Resolve a locked entry: its row, its movements, its act. A rescission brings its own ``lines``."""
    applied = refunded = 0
    if expected and lines is None:
        applied = min(entry.suspended, expected.amount - expected.received) if way is Way.APPLIED else 0
        refunded = entry.suspended - applied
    resolution = Resolution.objects.create(
        entry=entry,
        way=way,
        amount=entry.suspended,
        currency=entry.currency,
        expected=expected,
        applied=applied,
        refunded=refunded,
        officer=officer,
        proposal=proposal,
        reason=reason,
        resolved_at=now,
    )
    if expected and applied:
        _receive(expected, applied)
    if lines is None:
        _post(resolution, expected.holder_id if expected else None)
    else:
        post.post(event=Event.REVERSAL, event_id=resolution.pk, lines=lines, effective_at=now)
    _tell(resolution, order=expected and str(expected.order_id))
    return resolution


def _receive(expected: Expected, applied: int) -> None:
    moved = Expected.objects.filter(pk=expected.pk, forgotten_at=None).update(received=F("received") + applied)
    if moved != 1:
        raise RuntimeError(f"{expected} is no longer expected")


def _post(resolution: Resolution, holder_id: int | None) -> None:
    currency, amount = resolution.currency, resolution.amount
    suspense = f"suspense:{currency}"
    match Way(resolution.way):
        case Way.RETURNED:
            event, lines = Event.REFUND, [Line(suspense, f"returns:{currency}", amount)]
        case Way.WRITTEN_OFF:
            event, lines = Event.EXPENSE, [Line(f"expenses:{currency}", suspense, amount)]
        case way:
            event = Event.APPLICATION if way is Way.APPLIED else Event.REFUND
            parts = [("held", resolution.applied), ("refunds", resolution.refunded)]
            lines = [Line(suspense, f"{account}:{currency}", part, holder_id) for account, part in parts if part]
    post.post(event=event, event_id=resolution.pk, lines=lines, effective_at=resolution.resolved_at)


def _tell(resolution: Resolution, **told: Any) -> None:
    """One act, and for money applied the same news as for a statement: orders may be paid now."""
    subject = f"bank_entry:{resolution.entry_id}"
    audit.record(
        actor=resolution.officer.actor,
        verb=f"suspense.{resolution.way}",
        subject=subject,
        now=resolution.resolved_at,
        amount=str(resolution.amount),
        currency=resolution.currency,
        **told,
    )
    if resolution.applied:
        file = resolution.entry.file_id
        outbox.leave(topic="payment.applied", subject=subject, now=resolution.resolved_at, file=file, **told)
