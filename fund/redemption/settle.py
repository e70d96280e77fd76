"""Settling a decided window (D31): one balanced entry a request, a range of holders at a time.

| line | amount     | from             | to               |                                           |
|------|------------|------------------|------------------|-------------------------------------------|
| 0    | what rests | units:<class>    | issued:<class>   | pending: on hold for the next window      |
| 1    | `filled`   | units:<class>    | issued:<class>   | the units end                             |
| 2    | `gross`    | capital:<class>  | refunds:<ccy>    | their worth, for the next payout run      |
| 3    | `charge`   | refunds:<ccy>    | capital:<class>  | stays in the class, with those who stay   |

The hold of before is voided in the same statement. A worker takes the next lines with FOR UPDATE SKIP LOCKED, does all
of it and marks them in one transaction, so that a killed one leaves them as they were. Everything that decides a line
is in its holder's rows and in the decision; the line is the event of its entry, which posts once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import Count, Q
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.distribution import average_cost
from fund.governance import audit, outbox
from fund.ledger import accounts, post
from fund.ledger.models import Event, Phase, column
from fund.redemption import ages
from fund.redemption.models import RedemptionDecision, RedemptionLine, RedemptionWindow
from fund.refusal import Refusal

State = RedemptionWindow.State

# Rounded as ``money.redeem`` does. Of the cost so much leaves as of the units, and all of it with the last of them.
MARK = f"""
    UPDATE fund_redemptionline l
       SET gross = s.gross, charged_units = s.charged, charge = s.charge, cost = s.cost, long_units = s.long,
           us_person = s.us_person, jp_resident = s.jp_resident, settled_at = %(now)s
      FROM (SELECT id, charged, long, us_person, jp_resident,
                   div(filled::numeric * %(price)s, %(price_per)s)::bigint AS gross,
                   div(charged::numeric * %(price)s * %(rate)s, %(price_per)s::numeric * %(rate_per)s)::bigint
                   AS charge,
                   CASE WHEN filled = 0 THEN 0 WHEN filled = held THEN cost
                        ELSE div(cost::numeric * filled, held)::bigint END AS cost
              FROM (SELECT l.id, l.filled, k.{{units}} AS held, coalesce(c.cost, 0) AS cost,
                           greatest(0, l.filled - coalesce(a.old, 0)) AS charged,
                           least(l.filled, coalesce(least(a.long, a.old), 0)) AS long,
                           coalesce(t.us_person, h.nation = 'US') AS us_person,
                           coalesce(t.residence, h.nation) = 'JP' AS jp_resident
                      FROM fund_redemptionline l
                      JOIN fund_card k ON k.holder_id = l.holder_id
                      JOIN fund_holder h ON h.id = l.holder_id
                      LEFT JOIN fund_taxstatus t ON t.holder_id = l.holder_id
                      LEFT JOIN ({ages.older(old="year_ago", long="long_ago")}) a ON a.holder_id = l.holder_id
                      LEFT JOIN ({average_cost.COST}) c ON c.holder_id = l.holder_id
                     WHERE l.id = ANY(%(lines)s) OFFSET 0) u OFFSET 0) s
     WHERE l.id = s.id AND l.settled_at IS NULL
"""
ENTRIES = """
    SELECT l.id, v.event, v.line, v.debit, v.credit, l.holder_id, v.amount, %(now)s, v.phase, v.resolves
      FROM fund_redemptionline l
      JOIN fund_redemption r ON r.id = l.request_id
     CROSS JOIN LATERAL (VALUES
        (%(reversal)s, 0, %(units)s, %(issued)s, l.asked, %(voided)s, r.hold),
        (%(redemption)s, 0, %(units)s, %(issued)s, l.asked - l.filled, %(pending)s, NULL),
        (%(redemption)s, 1, %(units)s, %(issued)s, l.filled, %(final)s, NULL),
        (%(redemption)s, 2, %(capital)s, %(refunds)s, l.gross, %(final)s, NULL),
        (%(redemption)s, 3, %(refunds)s, %(capital)s, l.charge, %(final)s, NULL)
     ) v(event, line, debit, credit, amount, phase, resolves)
     WHERE l.id = ANY(%(lines)s) AND l.filled > 0 AND v.amount > 0
"""
REQUESTS = """
    UPDATE fund_redemption r
       SET filled = r.filled + l.filled,
           status = CASE WHEN l.asked = l.filled THEN 'filled' ELSE r.status END,
           hold = CASE WHEN l.filled BETWEEN 1 AND l.asked - 1 THEN l.id ELSE r.hold END,
           ended_at = CASE WHEN l.asked = l.filled THEN %(now)s END
      FROM fund_redemptionline l
     WHERE l.id = ANY(%(lines)s) AND l.request_id = r.id AND r.status = 'placed' AND r.units - r.filled = l.asked
"""


type Tell = Callable[[Sequence[int]], object]


class Refused(Refusal):
    """The window cannot be settled as things stand."""

    code = "redemption_settlement"


@dataclass(frozen=True)
class Progress:
    """How far a settlement is, in lines."""

    lines: int
    settled: int


def settle_next(*, code: str, now: datetime, chunk: int = 5_000, tell: Tell = lambda holders: None) -> int:
    """Settle the next ``chunk`` lines of a decided window in one transaction; returns how many, 0 when done.

    Call it until 0, from as many workers as you like; then the window is settled. ``tell`` has the tax status of these
    holders brought up to date before. Raises Refused: not_decided.
    """
    with transaction.atomic():
        decision = RedemptionDecision.objects.select_related("window__unit_class").filter(pk=code).first()
        if decision is None:
            raise Refused(_("This window has not been decided."), code="not_decided")
        taken = _take(code, chunk)
        if taken:
            tell([holder for _line, holder in taken])
            _settle(decision, taken, now)
        elif decision.window.state == State.DECIDED:
            _finish(decision, now)
    return len(taken)


def _take(code: str, chunk: int) -> list[tuple[UUID, int]]:
    """The next lines that nobody holds; where all are held, those that their holder left undone."""
    left = RedemptionLine.objects.filter(window=code, settled_at=None).order_by("holder_id")
    for waits in (False, True):
        locked = left.select_for_update(skip_locked=not waits, of=("self",))
        if found := list(locked.values_list("id", "holder_id")[:chunk]):
            return found
    return []


def _settle(decision: RedemptionDecision, taken: list[tuple[UUID, int]], now: datetime) -> None:
    window = decision.window
    told = {
        **_scalars(decision, now),
        "lines": [line for line, _holder in taken],
        "first": taken[0][1],
        "last": taken[-1][1],
    }
    expected = len(taken)
    if _execute(MARK.format(units=column(f"units:{window.unit_class_id}")), told) != expected:
        raise RuntimeError(f"lines of {window} were settled before")
    post.post_set(ENTRIES, told)
    if _execute(REQUESTS, told) != expected:
        raise RuntimeError(f"requests of {window} are not as they were decided")
    outbox.leave(
        topic="redemptions.booked",
        subject=f"{window} {told['first']}",
        now=now,
        window=window.code,
        first_holder=told["first"],
        last_holder=told["last"],
    )


def _execute(statement: str, params: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return int(cursor.rowcount)


def _scalars(decision: RedemptionDecision, now: datetime) -> dict[str, Any]:
    """Everything that decides a line besides its holder's own rows."""
    window = decision.window
    unit_class, currency = window.unit_class, window.currency
    ids = accounts.ids(issued := f"issued:{unit_class}", refunds := f"refunds:{currency}")
    price, rate = decision.priced().minor_per_unit, Fraction(window.charge_percent) / 100
    return {
        **average_cost.everything(unit_class),
        **ages.EVENTS,
        "issued": ids[issued],
        "refunds": ids[refunds],
        "now": now,
        "price": price.numerator,
        "price_per": price.denominator,
        "rate": rate.numerator,
        "rate_per": rate.denominator,
        "year_ago": calendars.books_close(year_before(window.dealing_day)),
        "long_ago": held_for_long_before(window.dealing_day),
        "reversal": Event.REVERSAL.value,
        "final": Phase.FINAL.value,
        "pending": Phase.PENDING.value,
        "voided": Phase.VOIDED.value,
    }


def year_before(day: date) -> date:
    """The same day a year before; of a 29 February the 28th."""
    return day.replace(year=day.year - 1, day=28) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - 1)


def held_for_long_before(day: date) -> datetime:
    """What came before this instant was held for *more* than a year on a day: the year begins the day after it came.

    Of a 29 February the year that began on 1 March is over.
    """
    before = year_before(day)
    return calendars.books_open(before) if before.day == day.day else calendars.books_close(before)


def _finish(decision: RedemptionDecision, now: datetime) -> None:
    """The window is settled when its lines hold exactly the units that were approved."""
    window = decision.window
    if RedemptionWindow.objects.filter(pk=window.pk, state=State.DECIDED).update(state=State.SETTLED) != 1:
        return  # another worker was first
    RedemptionDecision.objects.filter(pk=window.pk).update(settled_at=now)
    audit.record(
        actor="system", verb="settle", subject=f"redemption_window:{window}", now=now, units=str(decision.filled)
    )
    outbox.leave(topic="redemption.settled", subject=window.code, now=now, window=window.code)


def progress(*, code: str) -> Progress:
    """How far it is."""
    found = RedemptionLine.objects.filter(window=code).aggregate(
        lines=Count("pk"), settled=Count("pk", filter=Q(settled_at__isnull=False))
    )
    return Progress(**found)
