"""Paying a distribution (D45–D47): one entry a holder, a range of holders at a time.

As in a settlement, a worker takes the first open range with FOR UPDATE SKIP LOCKED, does all of it and marks it, in one
transaction. What a holder gets depends on that holder's rows and on scalars that never change once the record day is
over, so that a range which is done again after a crash comes out the same; should it be done twice, its key refuses it.

Whoever chose reinvestment waits for the first price of the pay day or later and buys units with what is left after
taxes. The same is written into a payable, withheld or bought part of one entry, whose sum is the holder's gross amount.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django.db import connection, transaction
from django.db.models import Q, Sum
from django.db.models.functions import Coalesce

from fund import calendars
from fund.distribution import average_cost, declare, entitlement, withholding
from fund.distribution.declare import Due, Plan, scalars_of, shares
from fund.distribution.models import Distribution, DistributionRange
from fund.governance import audit, outbox
from fund.ledger import post
from fund.ledger.models import column
from fund.nav import prices
from fund.nav.models import ClassNav

State = Distribution.State

# The latest choice before the end of the record day.
CHOSEN = """
    SELECT DISTINCT ON (holder_id) holder_id, reinvest FROM fund_choice
     WHERE unit_class_id = %(class)s AND holder_id BETWEEN %(first)s AND %(last)s AND chosen_at < %(close)s
     ORDER BY holder_id, chosen_at DESC, id DESC
"""

TAXED = "SELECT * FROM fund_taxstatus WHERE holder_id BETWEEN %(first)s AND %(last)s"

# Everything of a holder, from the gross amount to what is left, in the order in which it is computed. OFFSET 0 keeps
# the planner from writing an expression out wherever its result is used.
NET = f"""
    SELECT *, gross - us - national - local AS net
      FROM (SELECT *, {withholding.NATIONAL_TAX} AS national, {withholding.LOCAL_TAX} AS local
              FROM (SELECT *, {withholding.US_TAX} AS us
                      FROM (SELECT *, gross - returned AS ordinary
                              FROM (SELECT *, least(gross, greatest(0, cost - div(units::numeric * %(ex)s, %(ex_per)s)
                                                                            ::bigint)) AS returned
                                      FROM (SELECT holder_id, units, {entitlement.GROSS} AS gross,
                                                   coalesce(c.cost, 0) AS cost, coalesce(r.reinvest, false) AS reinvest,
                                                   {withholding.US_BASIS} AS us_basis,
                                                   {withholding.JP_BASIS} AS jp_basis
                                              FROM ({{shares}}) s
                                              LEFT JOIN ({average_cost.COST}) c USING (holder_id)
                                              LEFT JOIN ({TAXED}) t USING (holder_id)
                                              LEFT JOIN ({CHOSEN}) r USING (holder_id) OFFSET 0) g OFFSET 0) p
                             OFFSET 0) o OFFSET 0) u OFFSET 0) n
"""
# Reinvested money buys as an order does (``money.buy``); what would buy nothing is paid out.
BOUGHT = f"""
    SELECT n.*, b.bought, CASE WHEN b.bought > 0 THEN div(b.bought * %(price)s::numeric + %(price_per)s - 1,
                                                          %(price_per)s)::bigint ELSE 0 END AS spent
      FROM ({NET}) n
     CROSS JOIN LATERAL (SELECT CASE WHEN n.reinvest AND %(price)s::bigint IS NOT NULL
                                     THEN div(n.net::numeric * %(price_per)s, %(price)s)::bigint ELSE 0 END AS bought) b
     WHERE {{which}}
"""
ENTRIES = f"""
    SELECT %(batch)s::bigint, holder_id, %(distribution)s::bigint, false, units, gross, returned, us, national, local,
           CASE WHEN bought > 0 THEN 0 ELSE net END, spent, CASE WHEN bought > 0 THEN net - spent ELSE 0 END, bought,
           0::bigint, us_basis, jp_basis
      FROM ({BOUGHT}) b
"""
ALL, CASH, REINVESTED = "true", "NOT n.reinvest", "n.reinvest"

# What a corrected distribution had given is taken back in the same statement, so that only the difference counts. What
# the holder no longer has of it here, because a bank has paid it out, the fund bears; units that were redeemed since,
# or are on hold for it, stay as they are (D31).
TAKEN_BACK = """
    WITH fresh AS MATERIALIZED ({entries})
    SELECT * FROM fresh
     UNION ALL
    SELECT %(batch)s::bigint, o.holder_id, o.distribution_id, true, o.units, o.gross, o.returned, o.us, o.national,
           o.local, o.paid, o.cost, o.rounding,
           least(o.bought, greatest(0, coalesce(n.bought, 0) + coalesce(c.{units}, 0)
                                       - coalesce(c.reserved_{units}, 0))),
           least(o.paid, greatest(0, o.paid - coalesce(n.paid, 0) - coalesce(c.{refunds}, 0)
                                     + coalesce(c.reserved_{refunds}, 0))), o.us_basis, o.jp_basis
      FROM fund_entitlement o
      JOIN fund_card c ON c.holder_id = o.holder_id
      LEFT JOIN fresh n(batch_id, holder_id, distribution_id, reversal, units, gross, returned, us, national, local,
                        paid)
        ON n.holder_id = o.holder_id
     WHERE o.distribution_id = %(old)s AND NOT o.reversal AND o.holder_id BETWEEN %(first)s AND %(last)s
"""


@dataclass(frozen=True)
class Progress:
    """How far a distribution is, in entries."""

    entries: int
    paid: int
    waiting: int


Tell = Callable[[int, int], object]


def pay_next(*, now: datetime, tell: Tell = lambda first, last: None) -> int:
    """Pay the next range of holders of a distribution that is due, in one transaction; how many entries, 0 when done.

    ``tell`` has the tax status of the holders between two numbers brought up to date before they are paid. Call it
    until 0, from as many workers as you like. A class's distributions follow one another. 0 also means that
    the price of the record day, or for reinvestment that of the pay day, is still to come.
    """
    for one in _due(now):
        if entries := _pay_one(one, tell, now):
            return entries
    return 0


def _due(now: datetime) -> list[Distribution]:
    """The recorded distributions whose pay day has begun, the earliest of each class."""
    rows = Distribution.objects.filter(state=State.RECORDED).select_related("unit_class", "corrects")
    first = rows.order_by("unit_class", "record_day", "pk").distinct("unit_class")
    return [one for one in first if calendars.books_open(one.pay_day) <= now]


def _pay_one(one: Distribution, tell: Tell, now: datetime) -> int:
    if not _fix_prices(one, now):
        return 0
    with transaction.atomic():
        ready = Q(paid_at=None) if one.price is None else Q(done_at=None)
        taken = _take(one, ready)
        if taken is not None:
            tell(taken.first_holder, taken.last_holder)
            return _pay(one, taken, now)
        if not DistributionRange.objects.filter(distribution_id=one.pk, done_at=None).exists():
            _finish(one, now)
    return 0


@transaction.atomic
def _fix_prices(one: Distribution, now: datetime) -> bool:
    """The price of the record day, and the one that reinvested money buys at, each fixed before its first use.

    Without the first nothing can be paid: it decides what of the money is income.
    """
    if one.ex_price is not None and one.price is not None:
        return True
    held = Distribution.objects.select_for_update(of=("self",)).select_related("unit_class", "corrects").get(pk=one.pk)
    if held.ex_price is None:
        of_day = prices.published(class_code=held.unit_class_id).filter(nav__valuation_day=held.record_day)
        held.ex_price = getattr(of_day.exclude(price=None).first(), "price", None)
    if held.price is None:
        later = _first_price(held)
        if later is not None:
            held.price, held.price_day = later.price, later.nav.valuation_day
    held.save(update_fields=["ex_price", "price", "price_day"])
    one.ex_price, one.price, one.price_day = held.ex_price, held.price, held.price_day
    # A correction takes back and gives anew in one statement: it waits for both.
    return one.ex_price is not None and (one.corrects_id is None or one.price is not None)


def _first_price(one: Distribution) -> ClassNav | None:
    """The first published price of the pay day or later, of its day the version that holds."""
    from_then = prices.published(class_code=one.unit_class_id).filter(nav__valuation_day__gte=one.pay_day)
    return from_then.exclude(price=None).order_by("nav__valuation_day", "-nav__version").first()


def _take(one: Distribution, ready: Q) -> DistributionRange | None:
    """The first range that nobody holds; where all are held, the first that its holder left undone."""
    ranges = DistributionRange.objects.filter(ready, distribution_id=one.pk).order_by("number")
    return (
        ranges.select_for_update(skip_locked=True, of=("self",)).first()
        or ranges.select_for_update(of=("self",)).first()
    )


def scalars(one: Distribution) -> dict[str, Any]:
    """Everything that decides an entry besides the holder's own rows."""
    assert one.ex_price is not None
    ex = one.unit_class.price(one.ex_price).minor_per_unit
    price = None if one.price is None else one.unit_class.price(one.price).minor_per_unit
    by = withholding.rates(at=calendars.books_open(one.pay_day))
    earlier = Distribution.objects.filter(unit_class=one.unit_class_id, record_day__lt=one.record_day)
    return {
        **scalars_of(one),
        **withholding.scalars(by, unit_class=one.unit_class_id, pay_day=one.pay_day),
        "distribution": one.pk,
        "old": one.corrects_id,
        "earlier": list(earlier.exclude(pk=one.corrects_id or 0).values_list("pk", flat=True)),
        "ex": ex.numerator,
        "ex_per": ex.denominator,
        "price": price and price.numerator,
        "price_per": price and price.denominator,
    }


def statement(one: Distribution, which: str = ALL) -> str:
    """The statement of a distribution's entries; of one that corrects another with what is taken back."""
    entries = ENTRIES.replace("{which}", which).replace("{shares}", shares(one.unit_class))
    if one.corrects_id is None:
        return entries
    taken_back = TAKEN_BACK.replace("{entries}", entries).replace("{refunds}", f"refunds_{one.currency}".lower())
    return taken_back.replace("{units}", column(f"units:{one.unit_class_id}"))


def _pay(one: Distribution, part: DistributionRange, now: datetime) -> int:
    """One range: all of it where the price is known, else those who are paid in cash; later those who waited."""
    which = REINVESTED if part.paid_at else CASH if one.price is None else ALL
    params = {**scalars(one), "first": part.first_holder, "last": part.last_holder}
    booked = post.entitle_set(
        statement(one, which), params, subject=one.subject, class_code=one.unit_class_id, effective_at=now
    )
    expected = part.entries if part.waiting is None else part.waiting
    if booked > expected or (which != CASH and booked != expected):
        raise RuntimeError(f"{part} holds {booked} entries instead of {expected}")
    waiting = expected - booked
    moved = DistributionRange.objects.filter(pk=part.pk, paid_at=part.paid_at, done_at=None).update(
        paid_at=part.paid_at or now, waiting=waiting, done_at=None if waiting else now
    )
    if moved != 1:
        raise RuntimeError(f"{part} was paid before")
    if booked:
        outbox.leave(
            topic="distribution.booked",
            subject=f"{one} {part.number}",
            now=now,
            distribution=one.pk,
            first_holder=part.first_holder,
            last_holder=part.last_holder,
        )
    return max(booked, 1)


def _finish(one: Distribution, now: datetime) -> None:
    """A distribution is paid when its entries are exactly what was recorded."""
    recorded = one.holders, one.declared
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), coalesce(sum(gross), 0)::bigint FROM fund_entitlement e"
            " JOIN fund_settlementbatch b ON b.id = e.batch_id AND b.subject = %s"
            " WHERE e.distribution_id = %s AND NOT e.reversal",
            [one.subject, one.pk],
        )
        found = cursor.fetchone()
    if found != recorded:
        raise RuntimeError(f"the entries of {one} (holders, money) are {found}, recorded were {recorded}")
    if Distribution.objects.filter(pk=one.pk, state=State.RECORDED).update(state=State.PAID, paid_at=now) != 1:
        return  # another worker was first
    audit.record(
        actor="system", verb="distribute", subject=f"distribution:{one.pk}", now=now,
        holders=str(one.holders), declared=str(one.declared),
    )  # fmt: skip
    outbox.leave(topic="distribution.paid", subject=str(one), now=now, distribution=one.pk)


def progress(*, distribution: Distribution) -> Progress:
    """How far it is, from the ranges alone."""
    ranges = DistributionRange.objects.filter(distribution_id=distribution.pk)
    found = ranges.aggregate(
        all=Coalesce(Sum("entries"), 0),
        touched=Coalesce(Sum("entries", filter=Q(paid_at__isnull=False)), 0),
        waiting=Coalesce(Sum("waiting", filter=Q(done_at=None)), 0),
    )
    return Progress(int(found["all"]), int(found["touched"]) - int(found["waiting"]), int(found["waiting"]))


@dataclass(frozen=True)
class Sums:
    """What a distribution comes to, in minor units of its class."""

    holders: int
    gross: int
    returned: int
    us: int
    national: int
    local: int
    paid: int
    reinvested: int
    rounding: int
    bought: int
    borne: int = 0


COLUMNS = """count(*), coalesce(sum(gross), 0)::bigint, coalesce(sum(returned), 0)::bigint,
    coalesce(sum(us), 0)::bigint, coalesce(sum(national), 0)::bigint, coalesce(sum(local), 0)::bigint,
    coalesce(sum(paid), 0)::bigint, coalesce(sum(cost), 0)::bigint, coalesce(sum(rounding), 0)::bigint,
    coalesce(sum(bought), 0)::bigint"""


def expected(*, due: Due, plan: Plan) -> Sums:
    """The sums of a class in a plan, holder by holder as they would be at today's units, costs, statuses and price.

    The price without the distribution is the last one less what a lot is paid.
    """
    newest = prices.published(class_code=due.unit_class.pk).exclude(price=None).first()
    last = newest.price if newest and newest.price else due.unit_class.initial_price
    one = Distribution(
        pk=0,
        unit_class=due.unit_class,
        per_lot=due.per_lot,
        record_day=plan.record_day,
        pay_day=plan.pay_day,
        corrects=plan.corrects,
        ex_price=max(last - due.per_lot, Decimal(1).scaleb(-4)),
        price=last,
    )
    declare.fixed_now(one)
    entries = ENTRIES.replace("{which}", ALL).replace("{shares}", shares(due.unit_class))
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM ({entries}) e(batch_id, holder_id, distribution_id, reversal, units, gross,"
            " returned, us, national, local, paid, cost, rounding, bought, borne, us_basis, jp_basis)",
            {**scalars(one), **declare.ALL, "batch": 0},
        )
        return Sums(*cursor.fetchone())


def sums(*, distribution: Distribution) -> Sums:
    """What is booked of a distribution: its own entries, not what was taken back of another."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {COLUMNS} FROM fund_entitlement e"
            "  JOIN fund_settlementbatch b ON b.id = e.batch_id AND b.subject = %s"
            " WHERE e.distribution_id = %s AND NOT e.reversal",
            [distribution.subject, distribution.pk],
        )
        return Sums(*cursor.fetchone())
