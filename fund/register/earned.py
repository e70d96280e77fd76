"""What owners have paid in, what was paid to them, what is theirs and the return on that money (D3, D51)."""

from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from django.db import connection

from fund import calendars
from fund.holders import Holder, Nation
from fund.ledger import balances
from fund.ledger.models import Event
from fund.money import Currency, Money, value_of
from fund.nav import prices
from fund.nav.models import Nav
from fund.register import returns
from fund.register.xirr import Flow, Rate, rate
from fund.units import UnitClass


@dataclass(frozen=True)
class OwnerReturn:
    """What owners have paid in and received by the day of the latest NAV, and what is theirs (D3)."""

    owner_kind: Holder.Kind
    nation: Nation | None
    until: date
    paid_in: Money
    received: Money
    worth: Money
    rate: Rate

    @property
    def gain(self) -> Money:
        return self.received + self.worth - self.paid_in


# Of holders whom the register names: paid in, received and units, by day. A payment is in the event that issues units.
OF_HOLDERS = """
    SELECT h.kind, h.nation, (t.effective_at AT TIME ZONE 'UTC')::date AS day, a.asset,
           sum(CASE WHEN t.credit_id = a.id THEN t.amount ELSE -t.amount END)::bigint AS units,
           coalesce(sum(p.paid), 0)::bigint AS paid
      FROM fund_holder h
      JOIN fund_transfer t ON t.holder_id = h.id AND t.phase IN (0, 2) AND t.effective_at < %(until)s
      JOIN fund_account a ON a.id IN (t.debit_id, t.credit_id) AND a.code LIKE 'units:%%'
      LEFT JOIN LATERAL (SELECT sum(m.amount) AS paid
                           FROM fund_transfer m
                           JOIN fund_account c ON c.id = m.credit_id AND c.code ~ '^(capital|rounding):'
                           JOIN fund_account d ON d.id = m.debit_id AND d.code LIKE 'bank:%%'
                          WHERE (m.event_id, m.event) = (t.event_id, t.event) AND m.phase IN (0, 2)) p ON true
     WHERE h.kind <> 'citizen'
     GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3
"""
# What was given to them: distributions, before taxes, and redemptions.
RECEIVED = """
    SELECT kind, nation, (at AT TIME ZONE 'UTC')::date AS day, sum(amount)::bigint
      FROM (SELECT h.kind, h.nation, t.effective_at AS at, t.amount
              FROM fund_holder h
              JOIN fund_transfer t ON t.holder_id = h.id AND t.phase IN (0, 2) AND t.event = ANY(%(events)s)
              JOIN fund_account c ON c.id = t.credit_id AND c.code LIKE 'refunds:%%'
             WHERE h.kind <> 'citizen'
             UNION ALL
            SELECT h.kind, h.nation, b.effective_at, CASE WHEN e.reversal THEN e.borne - e.gross ELSE e.gross END
              FROM fund_holder h
              JOIN fund_entitlement e ON e.holder_id = h.id
              JOIN fund_settlementbatch b ON b.id = e.batch_id
             WHERE h.kind <> 'citizen') r
     WHERE at < %(until)s GROUP BY 1, 2, 3
"""


def by_owner() -> list[OwnerReturn]:
    """Each co-owner, the partners, and the citizens of each class; empty before the first NAV.

    Citizens come by the million: what they paid in counts from the valuation day on which it is first in the NAV.
    """
    navs = returns.published()
    return [*_named(navs[-1]), *_citizens(navs)] if navs else []


def _named(latest: Nav) -> list[OwnerReturn]:
    until = calendars.books_close(latest.valuation_day)
    with connection.cursor() as cursor:
        cursor.execute(OF_HOLDERS, {"until": until})
        moved = cursor.fetchall()
        cursor.execute(RECEIVED, {"until": until, "events": [Event.DISTRIBUTION.value, Event.REDEMPTION.value]})
        given = cursor.fetchall()
    classes = {one.asset: one for one in UnitClass.objects.all()}
    priced = {one.unit_class_id: one.price for one in latest.classes.exclude(price=None)}
    found = []
    for kind, nation in (
        (Holder.Kind.SOVEREIGN, Nation.US),
        (Holder.Kind.SOVEREIGN, Nation.JP),
        (Holder.Kind.LIMITED_PARTNER, None),
    ):
        mine = [row for row in moved if row[0] == kind and nation in (None, row[1])]
        if not mine:
            continue
        flows = [Flow(day, -paid) for _k, _n, day, _a, _u, paid in mine if paid]
        flows += [Flow(day, money) for k, n, day, money in given if k == kind and nation in (None, n)]
        units: dict[str, int] = {}
        for _k, _n, _d, asset, count, _p in mine:
            units[asset] = units.get(asset, 0) + count
        worth = sum(
            value_of(count, classes[asset].price(priced[classes[asset].pk] or classes[asset].initial_price)).amount
            for asset, count in units.items()
            if classes[asset].pk in priced
        )
        found.append(_of_owner(kind, nation, Currency.USD, flows, worth, latest.valuation_day))
    return found


def _citizens(navs: list[Nav]) -> list[OwnerReturn]:
    shares = returns.shares_of(navs)
    found = []
    for unit_class in UnitClass.objects.filter(owner_kind=Holder.Kind.CITIZEN).order_by("-code"):
        priced = [(nav, shares[nav.pk][unit_class.pk]) for nav in navs if unit_class.pk in shares[nav.pk]]
        if not priced or priced[-1][0] != navs[-1]:
            continue
        given = returns.declared(unit_class)
        # What was distributed has left the capital by its record day: counted by itself, it is no smaller payment.
        capital = [0, *(one.capital + sum(money for day, money in given if day <= nav.valuation_day)
                        for nav, one in priced)]  # fmt: skip
        flows = [
            Flow(nav.valuation_day, before - after)
            for (nav, _one), (before, after) in zip(priced, pairwise(capital), strict=True)
            if after != before
        ]
        flows += [Flow(day, money) for day, money in given if day <= navs[-1].valuation_day]
        day, worth = navs[-1].valuation_day, priced[-1][1].value
        nation = Nation(unit_class.code)
        found.append(_of_owner(Holder.Kind.CITIZEN, nation, Currency(unit_class.currency), flows, worth, day))
    return found


def _of_owner(
    kind: Holder.Kind, nation: Nation | None, currency: Currency, flows: list[Flow], worth: int, until: date
) -> OwnerReturn:
    return OwnerReturn(
        owner_kind=kind,
        nation=nation,
        until=until,
        paid_in=Money(-sum(flow.amount for flow in flows if flow.amount < 0), currency),
        received=Money(sum(flow.amount for flow in flows if flow.amount > 0), currency),
        worth=Money(worth, currency),
        rate=rate([*flows, Flow(until, worth)]),
    )


# ── one holder ──

OWN = """
    SELECT (l.effective_at AT TIME ZONE 'UTC')::date, sum(l.amount)::bigint
      FROM fund_leg l
      JOIN fund_account c ON c.id = l.credit_id AND c.code IN (%(capital)s, %(rounding)s)
     WHERE l.holder_id = %(holder)s AND l.event = %(event)s AND l.phase IN (0, 2)
     GROUP BY 1
     UNION ALL
    SELECT (ended_at AT TIME ZONE 'UTC')::date, worth
      FROM fund_conveyance WHERE recipient_id = %(holder)s AND unit_class_id = %(class)s AND state = 'moved'
     ORDER BY 1
"""
# What was distributed to a holder and not reinvested, before taxes, what redeemed units brought, and what units were
# worth that passed to another citizen.
OWN_INCOME = """
    SELECT (b.effective_at AT TIME ZONE 'UTC')::date,
           sum(CASE WHEN e.reversal THEN e.borne - e.gross + e.cost + e.rounding
                    ELSE e.gross - e.cost - e.rounding END)::bigint
      FROM fund_entitlement e
      JOIN fund_settlementbatch b ON b.id = e.batch_id AND b.unit_class_id = %(class)s
     WHERE e.holder_id = %(holder)s GROUP BY 1 HAVING sum(e.gross) > 0
     UNION ALL
    SELECT (l.settled_at AT TIME ZONE 'UTC')::date, l.gross - l.charge
      FROM fund_redemptionline l
      JOIN fund_redemptionwindow w ON w.code = l.window_id AND w.unit_class_id = %(class)s
     WHERE l.holder_id = %(holder)s AND l.gross > 0
     UNION ALL
    SELECT (ended_at AT TIME ZONE 'UTC')::date, worth
      FROM fund_conveyance WHERE holder_id = %(holder)s AND unit_class_id = %(class)s AND state = 'moved'
     ORDER BY 1
"""


@dataclass(frozen=True)
class Own:
    """What a citizen paid for the units of a class, what they are worth now, and the return on that money.

    ``received`` is what was distributed of it, before taxes, and what redeemed units brought; what was reinvested is in
    the units. Units that passed between citizens (D32) count with their worth on that day, as if paid for.
    """

    paid_in: Money
    worth: Money
    received: Money
    rate: Rate

    @property
    def gain(self) -> Money:
        return self.worth + self.received - self.paid_in


def of_holder(*, holder_id: int, unit_class: UnitClass, now: datetime) -> Own | None:
    """A citizen's own return at the latest price; None where nothing was bought or received. Three small queries.

    Bought after the day of that price, units are worth what it says on the day they were bought.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            OWN,
            {
                "capital": f"capital:{unit_class}",
                "rounding": f"rounding:{unit_class.currency}",
                "holder": holder_id,
                "event": Event.SETTLEMENT.value,
                "class": unit_class.pk,
            },
        )
        flows = [Flow(day, -amount) for day, amount in cursor.fetchall()]
        cursor.execute(OWN_INCOME, {"class": unit_class.pk, "holder": holder_id})
        income = [Flow(day, amount) for day, amount in cursor.fetchall()]
    if not flows:
        return None
    units = balances.balance(f"units:{unit_class}", holder_id=holder_id)
    worth = value_of(units, prices.latest_price(unit_class.pk, now))
    priced = prices.published(class_code=unit_class.pk, at=now).exclude(price=None).first()
    last = max(flow.day for flow in [*flows, *income])
    day = max(last, priced.nav.valuation_day if priced else last)
    paid, received = (Money(abs(sum(flow.amount for flow in some)), worth.currency) for some in (flows, income))
    return Own(paid, worth, received, rate([*flows, *income, Flow(day, worth.amount)]))
