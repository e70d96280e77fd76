"""Settlement (D29): what was allotted becomes units, what was not becomes a refund, a chunk of citizens at a time.

How it survives anything: the book is cut once into ranges of citizens, a row of ``SettlementChunk`` each. A worker
takes the first open range with FOR UPDATE SKIP LOCKED, does all of it and marks it, in one transaction; so two workers
hold different ranges, a killed one leaves its range exactly as it was, and the next worker finds it. Should a range be
done twice all the same, its key (holder, order) refuses it. When no range is free, a worker waits for those
still held before it ends the run, so that 0 means that everything is settled.

Each order costs one row, its entry in the ledger, and its citizen's card one change; nothing is written on the order.
Where the price is not known yet (forward pricing before the dealing day's NAV) a range is allotted first, as waiting
lines, and settled by a later pass; the price is fixed in the allotment's row before its first use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from fund.dealing import allotment as allotments
from fund.dealing import subscription
from fund.dealing.models import Allotment, Offering, SettlementChunk
from fund.governance import audit, outbox
from fund.ledger import post
from fund.nav import prices

STATE = Offering.State

# Every ``size`` citizens who applied begin a range; it ends before the next. A range without a paid order is none.
FIRSTS = """
    SELECT array_agg(holder_id ORDER BY holder_id) FILTER (WHERE (place - 1) %% %(size)s = 0)
      FROM (SELECT holder_id, row_number() OVER (ORDER BY holder_id) AS place
              FROM fund_applicant WHERE offering_id = %(offering)s) a
"""
RANGES = """
    SELECT width_bucket(holder_id, %(firsts)s::bigint[]), min(holder_id), max(holder_id), count(*)
      FROM fund_subscription WHERE offering_id = %(offering)s AND status = 'funded' GROUP BY 1
"""

# Everything that decides an order is in its own citizen's rows: the lots of the citizen, spread oldest order first.
# OFFSET 0 keeps the planner from writing an expression out, draw and all, wherever its result is used.
SHARES = f"""
    SELECT id, holder_id, amount,
           greatest(0, least(amount, {allotments.lots("requested", "ticket")} * %(lot)s::bigint - before)) AS allotted
      FROM (
        SELECT s.id, s.holder_id, s.amount,
               (sum(s.amount) OVER earlier)::bigint - s.amount AS before,
               (sum(s.amount) OVER (PARTITION BY s.holder_id))::bigint / %(lot)s::bigint AS requested, a.ticket
          FROM fund_subscription s JOIN fund_applicant a USING (offering_id, holder_id)
         WHERE s.offering_id = %(offering)s AND s.holder_id BETWEEN %(first)s AND %(last)s AND s.status = 'funded'
           AND a.holder_id BETWEEN %(first)s AND %(last)s  -- the planner does not infer it, and would read all of them
        WINDOW earlier AS (PARTITION BY s.holder_id ORDER BY s.id)
      ) o OFFSET 0
"""

WAIT = f"""
    INSERT INTO fund_waitingline (order_id, offering_id, holder_id, allotted, refund)
    SELECT id, %(offering)s, holder_id, allotted, amount - allotted FROM ({SHARES}) s
"""

# The price is the exact fraction of minor units for one smallest unit. Units are rounded down, their cost up (D21,
# ``fund.money.buy``): the remainder is worth less than one smallest unit. Whole numbers, of which / keeps the whole
# part; a product beyond 2^63 is refused by the database, never wrapped round.
SETTLE = f"""
    SELECT %(batch)s, id, holder_id, cost, allotted - cost, units, amount - allotted
      FROM (SELECT *, allotted * %(denominator)s::bigint / %(numerator)s::bigint AS units
              FROM ({SHARES}) s OFFSET 0) u
     CROSS JOIN LATERAL (SELECT (units * %(numerator)s::bigint + %(denominator)s::bigint - 1)
                                / %(denominator)s::bigint AS cost) c
"""


@dataclass(frozen=True)
class Progress:
    """How far a settlement is, in orders. Both are 0 before its first chunk."""

    orders: int
    allotted: int
    settled: int


def settle_next(*, offering_code: str, now: datetime, chunk: int = 20_000) -> int:
    """Settle the next range of at most ``chunk`` citizens in one transaction; returns how many orders, 0 when done.

    Call it until 0, from as many workers as you like. Then every order is settled and so is the offering, or, with
    forward pricing before the dealing day's price is published, allotted and waiting for that price.
    Raises Refused: not_allotted.
    """
    price = _prepare(offering_code, chunk, now)
    with transaction.atomic():
        offering = Offering.objects.select_related("unit_class", "allotment").get(pk=offering_code)
        taken = _take(offering, ready=Q(allotted_at=None) if price is None else Q(settled_at=None))
        if taken is not None:
            return _settle(offering, taken, price, now)
        if price is not None and offering.state == STATE.ALLOTTED:
            _finish(offering, now)
    return 0


@transaction.atomic
def _prepare(offering_code: str, size: int, now: datetime) -> Decimal | None:
    """Cut the frozen book into ranges and fix the price, each once; returns the price, None where there is none yet."""
    allotment = Allotment.objects.select_related("offering").filter(pk=offering_code).first()
    if allotment is None:
        raise subscription.Refused(_("This offering has not been allotted."), code="not_allotted")
    planned = SettlementChunk.objects.filter(offering_id=offering_code)
    if allotment.price is not None and (allotment.settled_at is not None or planned.exists()):
        return allotment.price
    allotment = Allotment.objects.select_for_update(of=("self",)).select_related("offering").get(pk=offering_code)
    if allotment.settled_at is None and not planned.exists():
        _plan(offering_code, size)
    if allotment.price is None and (price := _price(allotment.offering)) is not None:
        Allotment.objects.filter(pk=offering_code, price=None).update(price=price)
        return price
    return allotment.price


def _plan(offering_code: str, size: int) -> None:
    """Read first and written then: a statement that only reads is shared out to several processes by the server."""
    with connection.cursor() as cursor:
        cursor.execute(allotments.ROOM)
        cursor.execute(FIRSTS, {"offering": offering_code, "size": size})
        (firsts,) = cursor.fetchone()
        cursor.execute(RANGES, {"offering": offering_code, "firsts": firsts or []})
        ranges = cursor.fetchall()
    SettlementChunk.objects.bulk_create(
        SettlementChunk(offering_id=offering_code, number=number, first_holder=first, last_holder=last, orders=orders)
        for number, first, last, orders in ranges
    )


def _price(offering: Offering) -> Decimal | None:
    """The fixed price, or the newest price published for the dealing day: the initial one where the class has none.

    Read under the allotment's lock: whatever a correction publishes before it counts, and nothing after it (D43).
    """
    if offering.price_basis == Offering.Basis.FIXED:
        return offering.fixed_price
    newest = prices.published(class_code=offering.unit_class_id).filter(nav__valuation_day=offering.dealing_day)
    one = newest.first()
    return None if one is None else one.price or one.unit_class.initial_price


def _take(offering: Offering, *, ready: Q) -> SettlementChunk | None:
    """The first range that nobody holds; where all are held, the first that its holder left undone."""
    open_ranges = SettlementChunk.objects.filter(ready, offering_id=offering.pk).order_by("number")
    return (
        open_ranges.select_for_update(skip_locked=True, of=("self",)).first()
        or open_ranges.select_for_update(of=("self",)).first()
    )


def _settle(offering: Offering, chunk: SettlementChunk, price: Decimal | None, now: datetime) -> int:
    params = {
        **allotments.scalars(offering, offering.allotment),
        "first": chunk.first_holder,
        "last": chunk.last_holder,
    }
    if price is None:
        _expect(chunk, _execute(WAIT, params))
    else:
        per_unit = offering.unit_class.price(price).minor_per_unit
        params |= {"numerator": per_unit.numerator, "denominator": per_unit.denominator}
        settled = post.settle_set(
            SETTLE, params, subject=offering.pk, class_code=offering.unit_class_id, effective_at=now
        )
        _expect(chunk, settled)
    SettlementChunk.objects.filter(pk=chunk.pk).update(
        allotted_at=chunk.allotted_at or now, settled_at=None if price is None else now
    )
    if price is not None:
        outbox.leave(
            topic="orders.settled",
            subject=f"{offering.code} {chunk.number}",
            now=now,
            offering=offering.code,
            first_holder=chunk.first_holder,
            last_holder=chunk.last_holder,
        )
    return chunk.orders


def _execute(statement: str, params: Mapping[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)


def _expect(chunk: SettlementChunk, rows: int) -> None:
    """A range that does not hold exactly the planned orders is not settled: nothing of it is committed."""
    if rows != chunk.orders:
        raise RuntimeError(f"{chunk} holds {rows} orders instead of {chunk.orders}")


def _finish(offering: Offering, now: datetime) -> None:
    """The offering is settled when its lines hold exactly the lots that were approved."""
    subscription.lapse_rest(offering_code=offering.pk, now=now)
    lines = offering.allotment.orders, offering.allotment.allotted_lots * offering.lot
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(allotted), 0)::bigint FROM fund_allotmentline WHERE offering_id = %s",
            [offering.pk],
        )
        found = cursor.fetchone()
    if found != lines:
        raise RuntimeError(f"the lines of {offering} (orders, money) are {found}, approved were {lines}")
    if Offering.objects.filter(pk=offering.pk, state=STATE.ALLOTTED).update(state=STATE.SETTLED) != 1:
        return  # another worker was first
    Allotment.objects.filter(pk=offering.pk).update(settled_at=now)
    audit.record(
        actor="system", verb="settle", subject=f"offering:{offering}", now=now, orders=lines[0], money=str(lines[1])
    )
    outbox.leave(topic="offering.settled", subject=offering.code, now=now, offering=offering.code)


def progress(*, offering_code: str) -> Progress:
    """How far it is, from the ranges alone: cheap at any size."""
    done = SettlementChunk.objects.filter(offering_id=offering_code).aggregate(
        of_all=Coalesce(Sum("orders"), 0),
        of_allotted=Coalesce(Sum("orders", filter=Q(allotted_at__isnull=False)), 0),
        of_settled=Coalesce(Sum("orders", filter=Q(settled_at__isnull=False)), 0),
    )
    return Progress(int(done["of_all"]), int(done["of_allotted"]), int(done["of_settled"]))
