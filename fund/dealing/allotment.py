"""Allotment: everyone first, the rest by ballot (D28).

What a million applicants get is decided by three scalars: the water level, found from the histogram of requests; the
lots left over; and the ``cut``, the draw of the last winner. A citizen's draw is HMAC-SHA256(seed, ticket) and wins
where it is at most the cut, so that each line follows from its own citizen's rows alone, in any order, on any worker.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils.translation import gettext_lazy as _

from fund import envelope
from fund.dealing import handover
from fund.dealing.models import Allotment, Offering, Status, Subscription
from fund.dealing.offering import seed_place
from fund.governance import approval, audit, outbox
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Officer
from fund.money import Money
from fund.refusal import Refusal

STATE = Offering.State
BLOCK = 64  # bytes, of SHA-256

# HMAC-SHA256 over the ticket's 36 ASCII characters; ``inner`` and ``outer`` are the key's two padded blocks (``pads``).
DRAW = "sha256(%(outer)s::bytea || sha256(%(inner)s::bytea || convert_to({ticket}::text, 'UTF8')))"

# Until the commit: a nation's citizens are summed up and sorted in memory instead of over the disk, and the planner
# does not shun what another process has read and sorted, so that a book is read by all processors.
ROOM = "SET LOCAL work_mem = '128MB'; SET LOCAL parallel_tuple_cost = 0.001"

REQUESTS = """
    SELECT holder_id, count(*) AS orders, sum(amount)::bigint / %(lot)s::bigint AS lots
      FROM fund_subscription WHERE offering_id = %(offering)s AND status = 'funded' GROUP BY holder_id
"""

# How many citizens asked for how many lots in how many orders; last the fingerprint: SHA-256 over the SHA-256s of a
# thousand citizens' paid orders each, so that no step needs the whole book in memory. One pass for both.
BOOK = """
    WITH citizens AS MATERIALIZED (
        SELECT holder_id, count(*) AS orders, sum(amount)::bigint / %(lot)s::bigint AS lots,
               string_agg(uuid_send(id) || int8send(amount), ''::bytea ORDER BY id) AS paid
          FROM fund_subscription WHERE offering_id = %(offering)s AND status = 'funded' GROUP BY holder_id
    )
    SELECT lots, count(*), sum(orders)::bigint, NULL FROM citizens GROUP BY lots
     UNION ALL
    SELECT NULL, NULL, NULL, coalesce(sha256(string_agg(digest, ''::bytea ORDER BY part)), sha256(''))
      FROM (SELECT holder_id / 1000 AS part,
                   sha256(string_agg(int8send(holder_id) || paid, ''::bytea ORDER BY holder_id)) AS digest
              FROM citizens GROUP BY 1) parts
     ORDER BY 1
"""


class Refused(Refusal):
    """The allotment cannot be proposed or carried out; the message says why."""

    code = "allotment"


@dataclass(frozen=True)
class Basis:
    """What officers approve: the book in figures, the level, and the fingerprint of the paid orders (hex).

    ``above_level`` citizens asked for more than the level; ``ballot_lots`` of them get one lot more. ``capacity_lots``
    is the offering's own capacity, more what it received from the other tranche and less what it gave (D24).
    """

    applicants: int
    orders: int
    requested_lots: int
    capacity_lots: int
    received_lots: int
    given_lots: int
    level: int
    above_level: int
    ballot_lots: int
    allotted_lots: int
    book: str


@dataclass(frozen=True)
class Entry:
    """One citizen of the published book, by ticket."""

    ticket: str
    requested_lots: int
    allotted_lots: int


@dataclass(frozen=True)
class Page:
    """A page of the published book (interfaces.md, "The book"). ``next`` is the ticket to go on after.

    ``capacity_lots`` = ``own_lots`` + ``received_lots`` - ``given_lots``; the last two concern ``other_tranche`` and
    are reckoned at ``usd_jpy``, a decimal as text.
    """

    offering: str
    lot: Money
    capacity_lots: int
    own_lots: int
    received_lots: int
    given_lots: int
    other_tranche: str | None
    hands_over: bool
    usd_jpy: str | None
    seed: str
    seed_commitment: str
    level: int
    applicants: list[Entry]
    next: str | None


def fill(histogram: Iterable[tuple[int, int]], capacity: int) -> tuple[int, int]:
    """Pour ``capacity`` lots over (requested lots, citizens): the highest level that fits, and the lots left over.

    Where everything fits, the level is the largest request and nothing is left to draw for.
    """
    rows = sorted(histogram)
    waiting = sum(citizens for _lots, citizens in rows)
    level = 0
    for lots, citizens in rows:
        if (lots - level) * waiting > capacity:
            break
        capacity -= (lots - level) * waiting
        level = lots
        waiting -= citizens
    else:
        return level, 0
    return level + capacity // waiting, capacity % waiting


def pads(seed: bytes) -> dict[str, bytes]:
    """The two blocks that HMAC-SHA256 hashes before and around a message, for ``DRAW``."""
    key = seed.ljust(BLOCK, b"\0")
    return {"inner": bytes(byte ^ 0x36 for byte in key), "outer": bytes(byte ^ 0x5C for byte in key)}


@transaction.atomic
def preview(*, offering: Offering) -> Basis:
    """The basis as the paid orders stand now. The seed is not touched: who would win the ballot stays unknown."""
    *rows, (_lots, _citizens, _orders, book) = _rows(BOOK, offering)
    requests = [(lots, citizens) for lots, citizens, _orders, _book in rows]
    requested = sum(lots * citizens for lots, citizens in requests)
    passing = handover.passing(offering=offering, requested_lots=requested)
    capacity = offering.capacity_lots + passing.received_lots - passing.given_lots
    level, left = fill(requests, capacity)
    return Basis(
        applicants=sum(citizens for _lots, citizens in requests),
        orders=sum(orders for _lots, _citizens, orders, _book in rows),
        requested_lots=requested,
        capacity_lots=capacity,
        received_lots=passing.received_lots,
        given_lots=passing.given_lots,
        level=level,
        above_level=sum(citizens for lots, citizens in requests if lots > level),
        ballot_lots=left,
        allotted_lots=min(requested, capacity),
        book=bytes(book).hex(),
    )


@transaction.atomic
def histogram(*, offering: Offering) -> list[tuple[int, int]]:
    """How many citizens asked for how many lots in paid orders: (lots, citizens), ascending."""
    return _rows(f"SELECT lots, count(*) FROM ({REQUESTS}) r GROUP BY lots ORDER BY lots", offering)


def _rows(statement: str, offering: Offering, **params: Any) -> list[tuple[Any, ...]]:
    """Read the book of an offering with room for a nation's."""
    with connection.cursor() as cursor:
        cursor.execute(ROOM)
        cursor.execute(statement, {"offering": offering.pk, "lot": offering.lot, **params})
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def propose(*, offering: Offering, officer: Officer, now: datetime, reason: str = "") -> Proposal:
    """Put the allotment of a closed book up for the second key.

    Raises Refused: not_closed, orders_waiting (an order is neither paid nor lapsed yet); handover.Refused while the
    other tranche's book is not final.
    """
    offering.refresh_from_db()
    if offering.state != STATE.CLOSED:
        raise Refused(_("Only a closed offering can be allotted."), code="not_closed")
    if Subscription.objects.filter(offering=offering, status=Status.PLACED).exists():
        raise Refused(_("Some orders are still waiting for their payment."), code="orders_waiting")
    handover.check_final(offering=offering, now=now)
    return approval.propose(
        kind=Kind.ALLOTMENT,
        subject=offering.code,
        payload=_payload(offering, preview(offering=offering)),
        officer=officer,
        now=now,
        reason=reason,
    )


def _payload(offering: Offering, basis: Basis) -> dict[str, Any]:
    return {"offering": offering.code, **{name: str(value) for name, value in asdict(basis).items()}}


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> Allotment | None:
    """Decide and publish the approved allotment and reveal the seed; None when this was done before.

    Raises Refused: not_closed; book_changed when a paid order came or went since the approval (propose again);
    handover.Refused while the other tranche's book is not final.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    proposal.refresh_from_db()
    payload = proposal.facts
    offering = handover.lock(code=payload["offering"])
    if offering.state != STATE.CLOSED:
        raise Refused(_("Only a closed offering can be allotted."), code="not_closed")
    handover.check_final(offering=offering, now=now)
    stands = handover.freeze(offering=offering, now=now)
    basis = preview(offering=offering)
    if not stands or _payload(offering, basis) != payload:
        raise Refused(_("The paid orders have changed since this was approved. Propose it again."), code="book_changed")
    seed = envelope.unseal(bytes(offering.sealed_seed), **seed_place(offering.code))
    allotment = Allotment.objects.create(
        offering=offering,
        proposal=proposal,
        applicants=basis.applicants,
        orders=basis.orders,
        requested_lots=basis.requested_lots,
        capacity_lots=basis.capacity_lots,
        received_lots=basis.received_lots,
        given_lots=basis.given_lots,
        level=basis.level,
        ballot_lots=basis.ballot_lots,
        allotted_lots=basis.allotted_lots,
        book_digest=bytes.fromhex(basis.book),
        cut=_cut(offering, basis, seed),
        published_at=now,
    )
    moved = Offering.objects.filter(pk=offering.pk, state=STATE.CLOSED).update(state=STATE.ALLOTTED, seed=seed)
    if moved != 1:
        raise RuntimeError(f"offering {offering} moved under its lock")
    figures = {name: value for name, value in payload.items() if name != "offering"}
    audit.record(actor="system", verb="allot", subject=f"offering:{offering}", now=now, **figures)
    outbox.leave(topic="allotment.published", subject=offering.code, now=now, offering=offering.code)
    return allotment


def _cut(offering: Offering, basis: Basis, seed: bytes) -> bytes | None:
    """The draw of the last citizen who gets one lot more."""
    if not basis.ballot_lots:
        return None
    found = _rows(
        f"""
        SELECT {DRAW.format(ticket="a.ticket")} AS draw
          FROM ({REQUESTS}) r JOIN fund_applicant a ON a.offering_id = %(offering)s AND a.holder_id = r.holder_id
         WHERE r.lots > %(level)s ORDER BY draw OFFSET %(ballot_lots)s - 1 LIMIT 1
        """,
        offering,
        **pads(seed),
        **asdict(basis),
    )
    if not found:
        raise RuntimeError(f"the ballot of {offering} has fewer citizens than lots")
    return bytes(found[0][0])


def lots(request: str, ticket: str) -> str:
    """SQL for the lots that a citizen gets; its parameters are those of ``scalars``."""
    return (
        f"(CASE WHEN {request} <= %(level)s THEN {request}"
        f" ELSE %(level)s + (%(cut)s::bytea IS NOT NULL AND {DRAW.format(ticket=ticket)} <= %(cut)s::bytea)::int END)"
    )


def scalars(offering: Offering, allotment: Allotment) -> dict[str, Any]:
    """What decides every line of a published allotment."""
    assert offering.seed is not None
    return {
        "offering": offering.pk,
        "lot": offering.lot,
        "level": allotment.level,
        "cut": None if allotment.cut is None else bytes(allotment.cut),
        **pads(bytes(offering.seed)),
    }


def book(*, offering: Offering, after: str | None = None, limit: int = 1000) -> Page:
    """A page of the anonymised book in ascending order of tickets, from the moment of publication.

    Citizens without a paid order are not in it, so that a page may hold fewer than ``limit``. Raises Refused:
    not_published; unknown_ticket for an ``after`` that has not the form of one.
    """
    allotment = Allotment.objects.filter(offering=offering).first()
    if allotment is None or offering.seed is None:
        raise Refused(_("The allotment has not been published yet."), code="not_published")
    try:
        first = UUID(after) if after else UUID(int=0)
    except ValueError:
        raise Refused(_("There is no such ticket."), code="unknown_ticket") from None
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT a.ticket::text, r.lots, {lots("r.lots", "a.ticket")}
              FROM (SELECT ticket, holder_id FROM fund_applicant
                     WHERE offering_id = %(offering)s AND ticket > %(after)s ORDER BY ticket LIMIT %(limit)s) a
             CROSS JOIN LATERAL (
                SELECT coalesce(div(sum(s.amount), %(lot)s), 0)::bigint AS lots FROM fund_subscription s
                 WHERE s.offering_id = %(offering)s AND s.holder_id = a.holder_id AND s.status = 'funded'
             ) r ORDER BY a.ticket
            """,
            {**scalars(offering, allotment), "after": first, "limit": limit},
        )
        rows = cursor.fetchall()
    tranche = Offering.objects.exclude(issue="").filter(issue=offering.issue).exclude(pk=offering.pk).first()
    return Page(
        offering=offering.code,
        lot=offering.money(offering.lot),
        capacity_lots=allotment.capacity_lots,
        own_lots=offering.capacity_lots,
        received_lots=allotment.received_lots,
        given_lots=allotment.given_lots,
        other_tranche=None if tranche is None else tranche.code,
        hands_over=offering.hands_over,
        usd_jpy=None if offering.usd_jpy is None else str(offering.usd_jpy),
        seed=bytes(offering.seed).hex(),
        seed_commitment=bytes(offering.seed_commitment).hex(),
        level=allotment.level,
        applicants=[Entry(*row) for row in rows if row[1]],
        next=rows[-1][0] if len(rows) == limit else None,
    )
