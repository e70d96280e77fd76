"""Orders (D25, D26): placed, paid, withdrawn, lapsed.

Locks, always in this order (docs/locking.md): the offering's row FOR SHARE (never when placing), the applicant's row,
orders by id, what payments expects, balances. Placing locks the citizen's own applicant row alone, so that citizens
never wait for each other. Whoever changes which orders are *paid* shares the offering's row, which closing and
allotting take for themselves: after the allotment nothing moves under it.
"""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund import rows
from fund.dealing.models import ORDERED, Applicant, Offering, Status, Subscription
from fund.governance import audit, config, outbox
from fund.governance.audit import Act
from fund.governance.outbox import Note
from fund.ledger import post
from fund.ledger.models import Event
from fund.money import Currency, Money
from fund.payments import receipts
from fund.payments.models import BankAccount, Expected
from fund.refusal import Refusal
from fund.units import UnitClass

STATE = Offering.State
LAPSE_CHUNK = 5_000
LIVE = [*ORDERED, Status.ALLOTTED, Status.PART_ALLOTTED]
LIVE_SQL = ", ".join(f"'{one.value}'" for one in LIVE)
# A citizen's money on order that has not become units yet, by currency, in minor units (D18).
ON_ORDER = f"""
    SELECT s.currency, sum(s.amount)::bigint AS amount
      FROM fund_subscription s LEFT JOIN fund_allotmentline l ON (l.holder_id, l.order_id) = (s.holder_id, s.id)
     WHERE s.holder_id = %(holder)s AND s.status IN ({LIVE_SQL}) AND (l.status IS NULL OR l.status IN ({LIVE_SQL}))
     GROUP BY s.currency
"""


class Refused(Refusal):
    """The order cannot be placed or withdrawn; the message says why."""

    code = "subscription"


@dataclass(frozen=True)
class Receipt:
    """What the citizen is told about an order (D26). ``price_rule`` and ``rounding_rule`` are codes; portal words them.

    ``rounding_rule`` is always ``units_down_remainder_to_fund`` (D21); ``account`` is where to pay with the reference.
    """

    reference: str
    numeric_reference: str
    offering_code: str
    amount: Money
    placed_at: datetime
    received_at: datetime
    dealing_day: date
    price_rule: str
    rounding_rule: str
    withdraw_until: datetime
    pay_by: datetime
    account: BankAccount


@rows.together
def place(
    *, offering_code: str, holder_id: int, amount: Money, key: str, now: datetime, received_at: datetime | None = None
) -> Subscription:
    """Place an order; the same ``key`` of the same holder gives the same order again, in whatever state it is now.

    A part of the caller's transaction, where there is one: refused, it ends that one too.
    A request that reached us at ``received_at``, before the close, counts also when it is handled later (D26).
    Raises Refused: unknown_offering, key_reused (for another order), not_open, wrong_currency, below_minimum,
    not_in_steps, above_order_maximum (of one order), above_maximum (over all the citizen's orders in this offering).
    """
    offering, new_id, new_here = _enter(offering_code, holder_id)
    received = min(received_at or now, now)
    theirs = [] if new_here else _lock_applicant(offering, holder_id, key)
    if (earlier := next((order for order in theirs if order.key == key), None)) is not None:
        return _same(earlier, offering, amount)
    _check_open(offering, received, now)
    ordered = sum(order.amount for order in theirs if order.status in ORDERED)
    check_amount(offering=offering, amount=amount, ordered=ordered)
    while True:
        expected = receipts.expectation(
            holder_id=holder_id, amount=amount, pay_by=offering.pay_by, order_id=new_id, subject=offering.code, now=now
        )
        placed = _order(offering, expected, key, received)
        written = rows.insert(expected, placed, *_traces(placed, now), unless="")
        if written > 1:
            return placed
        if written:  # the holder uses the key for another offering, before or at this very moment
            return _same(Subscription.objects.filter(holder_id=holder_id).get(key=key), offering, amount)
        # Another order has the reference: once in a thousand times when a million have one.


def _enter(offering_code: str, holder_id: int) -> tuple[Offering, UUID, bool]:
    """The offering as it stands, without a lock; a fresh UUID7 for an order; whether the citizen is new to it.

    A new applicant's row is as good as locked, and there were no orders before.
    """
    found = rows.ask(
        f"""
        WITH entered AS (
            INSERT INTO fund_applicant (offering_id, holder_id)
            SELECT code, %(holder)s FROM fund_offering WHERE code = %(code)s
            ON CONFLICT DO NOTHING RETURNING true
        )
        SELECT uuidv7(), EXISTS (SELECT FROM entered), {rows.columns(Offering, "o")}, {rows.columns(UnitClass, "c")},
               {rows.columns(BankAccount, "b")}
          FROM fund_offering o JOIN fund_unitclass c ON c.code = o.unit_class_id
          LEFT JOIN LATERAL (
            SELECT * FROM fund_bankaccount WHERE currency = c.currency {receipts.FIRST_OPENED} LIMIT 1
          ) b ON true
         WHERE o.code = %(code)s
        """,
        {"code": offering_code, "holder": holder_id},
    )
    if not found:
        raise Refused(_("There is no such offering."), code="unknown_offering")
    new_id, new_here, *values = found[0]
    terms, behind = rows.width(Offering), rows.width(Offering) + rows.width(UnitClass)
    offering = rows.read(Offering, values[:terms])
    rows.join(offering, unit_class=rows.read(UnitClass, values[terms:behind]))
    if values[behind] is not None:
        offering.payment_account = rows.read(BankAccount, values[behind:])
    return offering, new_id, new_here


def _lock_applicant(offering: Offering, holder_id: int, key: str) -> list[Subscription]:
    """One order of a citizen at a time: their sum is judged under this lock (D25). The orders here, or of this key."""
    Applicant.objects.select_for_update().get(pk=(offering.pk, holder_id))
    return _orders(offering, holder_id, key)


def _orders(offering: Offering, holder_id: int, key: str) -> list[Subscription]:
    return list(Subscription.objects.filter(Q(offering=offering) | Q(key=key), holder_id=holder_id))


def _order(offering: Offering, expected: Expected, key: str, received: datetime) -> Subscription:
    order = rows.new(
        Subscription,
        id=expected.order_id,
        reference=expected.reference,
        numeric_reference=expected.numeric_reference,
        offering_id=offering.code,
        holder_id=expected.holder_id,
        amount=expected.amount,
        currency=expected.currency,
        key=key,
        received_at=received,
    )
    return rows.join(order, offering=offering)


def _traces(placed: Subscription, now: datetime) -> tuple[Act, Note]:
    """What an order leaves in the audit log and the outbox."""
    holder, reference = placed.holder_id, placed.reference
    return (
        audit.act(
            actor=f"holder:{holder}",
            verb="place",
            subject=f"order:{reference}",
            now=now,
            offering=placed.offering_id,
            amount=str(placed.money),
        ),
        outbox.note(topic="subscription.placed", subject=reference, now=now, holder=holder, order=reference),
    )


def _same(earlier: Subscription, offering: Offering, amount: Money) -> Subscription:
    if earlier.offering_id != offering.pk or earlier.money != amount:
        raise Refused(_("This key was used for another order."), code="key_reused")
    return earlier


def _check_open(offering: Offering, received: datetime, now: datetime) -> None:
    in_time = offering.opens_at <= received < offering.closes_at and now < offering.pay_by
    if offering.state not in (STATE.OPEN, STATE.CLOSED) or not in_time:
        raise Refused(_("This offering is not open."), code="not_open")


def check_amount(*, offering: Offering, amount: Money, ordered: int = 0) -> None:
    """Raises Refused unless an order of this amount fits the terms, beside ``ordered`` minor units on order (D24)."""
    if amount.currency != offering.currency:
        raise Refused(_("This offering is in %(currency)s.") % {"currency": offering.currency}, code="wrong_currency")
    if amount.amount < offering.minimum:
        least = offering.money(offering.minimum)
        raise Refused(_("The smallest order is %(amount)s."), code="below_minimum", amounts={"amount": least})
    if (amount.amount - offering.minimum) % offering.step:
        step = offering.money(offering.step)
        raise Refused(_("Orders go up in steps of %(amount)s."), code="not_in_steps", amounts={"amount": step})
    if offering.order_maximum is not None and amount.amount > offering.order_maximum:
        largest = offering.money(offering.order_maximum)
        raise Refused(_("The largest order is %(amount)s."), code="above_order_maximum", amounts={"amount": largest})
    if ordered + amount.amount > offering.maximum:
        most = offering.money(offering.maximum)
        raise Refused(
            _("All your orders in this offering together may reach %(amount)s."),
            code="above_maximum",
            amounts={"amount": most},
        )


@transaction.atomic
def withdraw(*, reference: str, holder_id: int, now: datetime, received_at: datetime | None = None) -> Subscription:
    """Take an order back, free until the close (D25); what was paid for it goes to refunds. Again changes nothing.

    Raises Refused: unknown_order (also for another's), too_late_to_withdraw.
    """
    order = Subscription.objects.filter(reference=reference, holder_id=holder_id).first()
    if order is None:
        raise Refused(_("There is no such order."), code="unknown_order")
    state, closes_at, pay_by = _share_offering(order.offering_id)
    order = Subscription.objects.select_for_update().get(pk=order.pk)
    if order.status == Status.WITHDRAWN:
        return order
    in_time = state in (STATE.OPEN, STATE.CLOSED) and min(received_at or now, now) < closes_at and now < pay_by
    if order.status not in ORDERED or not in_time:
        raise Refused(_("This order can no longer be withdrawn."), code="too_late_to_withdraw")
    _end([order.pk], unpaid=Status.WITHDRAWN, paid=Status.WITHDRAWN, now=now)
    audit.record(actor=f"holder:{holder_id}", verb="withdraw", subject=f"order:{reference}", now=now)
    outbox.leave(topic="subscription.withdrawn", subject=reference, now=now, holder=holder_id, order=reference)
    order.refresh_from_db()
    return order


def _share_offering(code: str) -> tuple[str, datetime, datetime]:
    """Its state, close and payment deadline, which stay so until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT state, closes_at, pay_by FROM fund_offering WHERE code = %s FOR SHARE", [code])
        row = cursor.fetchone()
    if row is None:
        raise RuntimeError(f"offering {code} is gone")
    return row[0], row[1], row[2]


@transaction.atomic
def fund(*, file_id: int, now: datetime) -> int:
    """Mark every order that a bank file has paid in full, as one set; returns how many. Again changes nothing.

    An order whose offering is allotted or cancelled by then is left to ``lapse_due``, which refunds it.
    """
    taking = _share_offerings_before_allotment()
    paid = list(receipts.funded_orders(file_id=file_id))
    placed = Subscription.objects.filter(pk__in=paid, offering__in=taking, status=Status.PLACED)
    funded = placed.update(status=Status.FUNDED, funded_at=now)
    if funded:
        audit.record(actor="system", verb="fund", subject=f"bank_file:{file_id}", now=now, orders=funded)
        outbox.leave(topic="subscription.funded", subject=str(file_id), now=now, file=file_id)
    return funded


def _share_offerings_before_allotment() -> list[str]:
    """Their codes; none of them can be allotted until this transaction ends."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT code FROM fund_offering WHERE state IN ('open', 'closed') ORDER BY code FOR SHARE")
        return [code for (code,) in cursor.fetchall()]


@transaction.atomic
def unfund(*, order_id: UUID, now: datetime) -> bool:
    """The bank took back what was paid for an order: it waits for its payment again. False where it is too late.

    From the allotment on its money is earmarked, so that the reversal does not reach the order (``receipts.earmark``).
    """
    taking = _share_offerings_before_allotment()
    paid = Subscription.objects.filter(pk=order_id, offering__in=taking, status=Status.FUNDED)
    if paid.update(status=Status.PLACED, funded_at=None) != 1:
        return False
    audit.record(actor="system", verb="unfund", subject=f"subscription:{order_id}", now=now)
    return True


def lapse_due(*, now: datetime) -> int:
    """Lapse the orders that were not paid in full by the deadline, and refund their part payments; returns how many.

    The deadline is the offering's ``pay_by`` and the hours (``config``) in which the banks' statements of it arrive.
    In an offering that is allotted or cancelled nothing waits any longer: what is still placed there lapses as well.
    One transaction a chunk: a run that is killed is simply run again. An order that a bank file is paying at this
    moment is passed over until the next run.
    """
    wait = timedelta(hours=config.get("payment.statement_hours", at=now))
    due = """
        s.status = 'placed' AND o.state IN ('open', 'closed', 'allotted', 'cancelled')
        AND (o.state IN ('allotted', 'cancelled') OR o.pay_by <= %(deadline)s AND x.received < s.amount)
        """
    return _sweep(due, {"deadline": now - wait, "now": now})


def lapse_rest(*, offering_code: str, now: datetime) -> int:
    """Lapse and refund what is still only placed in one allotted offering; settlement does so before it ends.

    What a bank file is paying at this moment is waited for, one order at a time: nobody comes by once all is settled.
    """
    rest = "o.code = %(code)s AND o.state = 'allotted' AND s.status = 'placed'"
    params = {"code": offering_code, "now": now}
    return _sweep(rest, params) + _sweep(rest, params, waits=True)


def refund_next(*, offering_code: str, now: datetime) -> int:
    """End the next orders of a cancelled offering, all their money to refunds, in one transaction; 0 when done."""
    return _sweep_chunk(
        "o.code = %(code)s AND o.state = 'cancelled' AND s.status IN ('placed', 'funded')",
        {"code": offering_code, "now": now},
    )


def _sweep(due: str, params: dict[str, Any], *, waits: bool = False) -> int:
    ended = 0
    while chunk := _sweep_chunk(due, params, waits=waits):
        ended += chunk
    return ended


@transaction.atomic
def _sweep_chunk(due: str, params: dict[str, Any], *, waits: bool = False) -> int:
    """The next orders that nobody holds, or the next one whoever holds it."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT s.id FROM fund_offering o
              JOIN fund_subscription s ON s.offering_id = o.code
              JOIN fund_expected x ON x.order_id = s.id
             WHERE {due}
             ORDER BY s.id LIMIT {1 if waits else LAPSE_CHUNK} FOR UPDATE OF s, x {"" if waits else "SKIP LOCKED"}
            """,
            params,
        )
        orders = [order for (order,) in cursor.fetchall()]
    if orders:
        now = params["now"]
        _end(orders, unpaid=Status.LAPSED, paid=Status.UNALLOTTED, now=now)
        audit.record(actor="system", verb="end_orders", subject="orders", now=now, orders=len(orders))
        ended = {"ended_at": now.isoformat(), "first": str(orders[0]), "last": str(orders[-1])}
        outbox.leave(topic="subscription.lapsed", subject=ended["first"], now=now, **ended)
    return len(orders)


def _end(orders: list[UUID], *, unpaid: Status, paid: Status, now: datetime) -> None:
    """End these orders, whose rows are locked, and move what was received for them from held to refunds."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE fund_subscription
               SET status = CASE status WHEN 'placed' THEN %(unpaid)s ELSE %(paid)s END, ended_at = %(now)s
             WHERE id = ANY(%(orders)s) AND status IN ('placed', 'funded')
            """,
            {"orders": orders, "unpaid": unpaid.value, "paid": paid.value, "now": now},
        )
        if cursor.rowcount != len(orders):
            raise RuntimeError(f"{cursor.rowcount} of {len(orders)} orders could be ended")
    receipts.forget_all(order_ids=orders, now=now)
    post.post_set(
        """
        SELECT s.id, %(refund)s, 0, held.id, refunds.id, s.holder_id, x.received, %(now)s, 0, NULL::uuid
          FROM fund_subscription s
          JOIN fund_expected x ON x.order_id = s.id
          JOIN fund_account held ON held.code = 'held:' || s.currency
          JOIN fund_account refunds ON refunds.code = 'refunds:' || s.currency
         WHERE s.id = ANY(%(orders)s) AND x.received > 0
        """,
        {"orders": orders, "refund": Event.REFUND.value, "now": now},
    )


def on_order(*, holder_id: int) -> dict[Currency, int]:
    """``ON_ORDER`` of a citizen."""
    with connection.cursor() as cursor:
        cursor.execute(ON_ORDER, {"holder": holder_id})
        return {Currency(currency): amount for currency, amount in cursor.fetchall()}


def receipt(*, subscription: Subscription) -> Receipt:
    """The facts of an order's receipt (D26)."""
    offering = subscription.offering
    return Receipt(
        reference=subscription.reference,
        numeric_reference=subscription.numeric_reference,
        offering_code=offering.code,
        amount=subscription.money,
        placed_at=subscription.placed_at,
        received_at=subscription.received_at,
        dealing_day=offering.dealing_day,
        price_rule=offering.price_basis,
        rounding_rule="units_down_remainder_to_fund",
        withdraw_until=offering.closes_at,
        pay_by=offering.pay_by,
        account=offering.payment_account,
    )
