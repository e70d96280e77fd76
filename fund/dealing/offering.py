"""The life of an offering until its book closes (D24): announced, opened under two keys, then by the clock."""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import Any

from django.db import DataError, IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from fund import calendars, envelope
from fund.dealing import handover
from fund.dealing.models import Offering
from fund.governance import approval, audit, outbox
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Officer
from fund.holders import Nation
from fund.money import Money
from fund.rates import ReferenceRate
from fund.refusal import Refusal
from fund.units import UnitClass

SEED_BYTES = 32
STATE = Offering.State


class Refused(Refusal):
    """The offering cannot be announced, opened or cancelled like this; the message says why."""

    code = "offering"


@dataclass(frozen=True)
class Demand:
    """How much is asked for: ``requested`` counts placed and paid orders, ``funded`` the paid ones alone."""

    applicants: int
    requested: Money
    funded: Money
    capacity: Money


@transaction.atomic
def announce(
    *,
    code: str,
    class_code: str,
    name_en: str,
    name_ja: str,
    summary_en: str,
    summary_ja: str,
    capacity: int,
    minimum: int,
    step: int,
    maximum: int,
    lot: int,
    dealing_day: date,
    opens_at: datetime,
    closes_at: datetime,
    pay_by: datetime,
    agreements: list[str],
    actor: str,
    now: datetime,
    fixed_price: Decimal | None = None,
    order_maximum: int | None = None,
    issue: str = "",
    hands_over: bool = False,
) -> Offering:
    """Announce an offering with the commitment to its ballot seed (D24, D28). Amounts are minor units of the class.

    Without ``fixed_price`` the price is that of the dealing day, which then begins after the close everywhere, so that
    nobody can know it when ordering. ``maximum`` is per citizen over all their orders, ``order_maximum`` of each order.
    Offerings of the same ``issue`` are its tranches; ``hands_over``: what this one leaves unsold passes to the other,
    at the reference rate that is the newest when the first of them is announced.
    Raises Refused: code_taken, not_a_dealing_day, unsound_terms (signs, whole lots, order of instants), issue_running
    (a tranche of it is past its announcement), no_rate.
    """
    if Offering.objects.filter(pk=code).exists():
        raise Refused(_("There is an offering with this code."), code="code_taken")
    last_day = closes_at.astimezone(calendars.ZONE[Nation.JP]).date() if fixed_price is None else closes_at.date()
    if not calendars.is_dealing_day(dealing_day) or dealing_day < last_day + timedelta(days=fixed_price is None):
        raise Refused(_("The dealing day must be a known dealing day after the close."), code="not_a_dealing_day")
    seed = secrets.token_bytes(SEED_BYTES)
    offering = Offering(
        code=code,
        unit_class=UnitClass.objects.get(pk=class_code),
        name_en=name_en,
        name_ja=name_ja,
        summary_en=summary_en,
        summary_ja=summary_ja,
        capacity=capacity,
        minimum=minimum,
        step=step,
        maximum=maximum,
        lot=lot,
        price_basis=Offering.Basis.FORWARD if fixed_price is None else Offering.Basis.FIXED,
        fixed_price=fixed_price,
        dealing_day=dealing_day,
        opens_at=opens_at,
        closes_at=closes_at,
        pay_by=pay_by,
        agreements=agreements,
        order_maximum=order_maximum,
        issue=issue,
        hands_over=hands_over,
        **(_rate(issue, now) if issue else {}),
        seed_commitment=sha256(seed).digest(),
        sealed_seed=envelope.seal(seed, **seed_place(code)),
        announced_at=now,
    )
    try:
        with transaction.atomic():
            offering.save(force_insert=True)
    except (DataError, IntegrityError) as fault:
        raise Refused(_("The terms do not fit together: %(fault)s") % {"fault": fault}, code="unsound_terms") from None
    offering.refresh_from_db(fields=["terms_digest"])
    audit.record(actor=actor, verb="announce", subject=f"offering:{code}", now=now, terms=terms(offering))
    return offering


def _rate(issue: str, now: datetime) -> dict[str, Any]:
    """The rate that stands in the terms of every tranche: an ECB reference rate of a day before the opening (D23)."""
    first = Offering.objects.filter(issue=issue).order_by("announced_at").first()
    if first is not None and first.state != STATE.ANNOUNCED:
        raise Refused(_("This issue has a tranche that was opened or cancelled already."), code="issue_running")
    if first is not None:
        return {"usd_jpy": first.usd_jpy, "usd_jpy_day": first.usd_jpy_day}
    newest = ReferenceRate.objects.filter(day__lte=now.date()).order_by("day").last()
    if newest is None:
        raise Refused(_("There is no reference rate yet that tranches could be converted at."), code="no_rate")
    return {"usd_jpy": newest.usd_jpy, "usd_jpy_day": newest.day}


def seed_place(code: str) -> dict[str, str]:
    """Where the sealed seed of an offering belongs, for ``fund.envelope``."""
    return {"table": "fund_offering", "column": "sealed_seed", "row": code}


def terms(offering: Offering) -> str:
    """The digest of all terms in hex, as it is approved and published."""
    return bytes(offering.terms_digest).hex()


def propose_opening(*, offering: Offering, officer: Officer, now: datetime, reason: str = "") -> Proposal:
    """Put the opening up for the second key, for exactly the terms as they are.

    Raises Refused: not_announced; tranche_missing (its issue has no other tranche yet).
    """
    offering.refresh_from_db()
    if offering.state != STATE.ANNOUNCED:
        raise Refused(_("Only an announced offering can be opened."), code="not_announced")
    if offering.issue and handover.other(offering) is None:
        raise Refused(_("Announce the other tranche of this issue first."), code="tranche_missing")
    return approval.propose(
        kind=Kind.OFFERING,
        subject=offering.code,
        payload={"offering": offering.code, "terms": terms(offering)},
        officer=officer,
        now=now,
        reason=reason,
    )


@transaction.atomic
def carry_out_opening(*, proposal: Proposal, now: datetime) -> Offering | None:
    """Let the clock open an approved offering, at once if it is due; None when this was done before.

    Raises Refused: terms_changed since the approval; approval.Refused without both keys.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    proposal.refresh_from_db()
    payload = proposal.facts
    announced = Offering.objects.filter(
        pk=payload["offering"], state=STATE.ANNOUNCED, terms_digest=bytes.fromhex(payload["terms"])
    )
    if announced.update(proposal=proposal) != 1:
        raise Refused(_("The offering is not as it was approved."), code="terms_changed")
    open_due(now=now)
    return Offering.objects.get(pk=payload["offering"])


def open_due(*, now: datetime) -> list[str]:
    """Open every approved offering whose time has come; returns their codes. The database refuses one without keys."""
    return _by_the_clock(
        "announced",
        "open",
        "proposal_id IS NOT NULL AND opens_at <= %(now)s AND closes_at > %(now)s",
        "offering.opened",
        now,
    )


def close_due(*, now: datetime) -> list[str]:
    """Close every offering whose close has passed; returns their codes."""
    return _by_the_clock("open", "closed", "closes_at <= %(now)s", "offering.closed", now)


@transaction.atomic
def _by_the_clock(before: str, after: str, due: str, topic: str, now: datetime) -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE fund_offering SET state = %(after)s WHERE state = %(before)s AND {due} RETURNING code",
            {"before": before, "after": after, "now": now},
        )
        codes = sorted(code for (code,) in cursor.fetchall())
    for code in codes:
        audit.record(actor="system", verb=after, subject=f"offering:{code}", now=now)
        outbox.leave(topic=topic, subject=code, now=now, offering=code)
    return codes


def demand(*, offering: Offering) -> Demand:
    """The demand at this moment. It reads the whole book: pages that show it to many keep the answer a while."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT count(DISTINCT holder_id), coalesce(sum(amount), 0)::bigint,
                   coalesce(sum(amount) FILTER (WHERE status <> 'placed'), 0)::bigint
              FROM fund_subscription
             WHERE offering_id = %s AND status NOT IN ('withdrawn', 'lapsed')
            """,
            [offering.pk],
        )
        applicants, requested, funded = cursor.fetchone() or (0, 0, 0)
    money = offering.money
    return Demand(applicants, money(requested), money(funded), money(offering.capacity))
