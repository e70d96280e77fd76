"""A NAV is valued, proposed by an officer, signed by both nations, and published (D4, D42–D44)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, overload

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from fund import calendars, rates
from fund.governance import approval, audit, outbox
from fund.governance.officers import Officer
from fund.money import Money
from fund.nav import checks, prices
from fund.nav.models import ClassNav, LateInput, Nav
from fund.nav.value import Figures, Refused, figures, last_published
from fund.portfolio import fees, position
from fund.portfolio.valuation import require_past
from fund.refusal import Refusal
from fund.units import UnitClass


@transaction.atomic
def value(*, day: date, now: datetime) -> Nav:
    """Value a day from books, marks and rates as they stand. Doing it again makes a new version; no figure is changed.

    Raises ``rates.Unknown``, and Refusals for a day to come, a published day, no units, or nothing left.
    """
    require_past(day, now)
    one_at_a_time()
    nav = keep(figures(day=day, previous=last_published()), now=now)
    audit.record(actor="system", verb="value", subject=f"nav:{nav}", now=now, net=str(nav.net))
    return nav


@dataclass(frozen=True)
class Rehearsal:
    """What valuing a day would give. Nothing of it is saved, so that its rows have no meaning beyond their figures."""

    nav: Nav
    classes: list[ClassNav]
    findings: list[checks.Finding]


def rehearse(*, day: date, now: datetime) -> Rehearsal:
    """Value and check a day without keeping anything of it. Raises like ``value``."""
    with transaction.atomic():
        nav = value(day=day, now=now)
        rehearsal = Rehearsal(
            nav, list(nav.classes.select_related("unit_class").order_by("unit_class")), checks.run(nav=nav)
        )
        transaction.set_rollback(True)
    return rehearsal


def next_day(*, now: datetime) -> date | None:
    """The dealing day whose turn it is: the first after the last published one, once its books are closed, else None.

    The first NAV of a fund is struck by its officers. Raises ``calendars.Unknown``.
    """
    last = last_published()
    if last is None:
        return None
    day = calendars.next_dealing_day(last.valuation_day)
    return day if calendars.books_close(day) <= now else None


@transaction.atomic
def value_due(*, now: datetime) -> Nav | None:
    """Value the dealing day whose turn it is, once; None when there is none, it is valued, or an input is missing.

    Days follow one another: each is valued when the one before is published, so that after an outage they are made up
    for in their order. It waits for the reference rate of the day; whatever is late is named to the officers, once.
    """
    one_at_a_time()
    try:
        day = next_day(now=now)
    except calendars.Unknown as unknown:
        after = last_published()
        assert after is not None
        _name(after.valuation_day, [checks.Finding(unknown.code, True, unknown.message, dict(unknown.facts))], now)
        return None
    if day is None or Nav.objects.filter(valuation_day=day).exists():
        return None
    _name(day, checks.inputs(day=day, at=now), now)
    if rates.is_late(day):
        return None
    try:
        return value(day=day, now=now)
    except Refusal as refusal:
        _name(day, [checks.Finding(refusal.code, True, refusal.message)], now)
        return None


def _name(day: date, late: Iterable[checks.Finding], now: datetime) -> None:
    """Tell the officers of what is late for a day, each thing once."""
    known = set(LateInput.objects.filter(valuation_day=day).values_list("code", "name"))
    new = [
        LateInput(valuation_day=day, code=one.code, name=name, noticed_at=now)
        for one in late
        if (one.code, name := str(next(iter(one.facts.values()), ""))) not in known
    ]
    if new:
        LateInput.objects.bulk_create(new)
        outbox.leave(topic="nav.late", subject=day.isoformat(), now=now, noticed_at=now.isoformat())


def propose(*, nav: Nav, officer: Officer, now: datetime, reason: str = "") -> approval.Proposal:
    """Put a valued NAV up for approval with all its figures.

    Raises Refused when a newer version stands, when a check blocks, or when one asks for a reason that is not given.
    """
    if Nav.objects.filter(valuation_day=nav.valuation_day, version__gt=nav.version).exists():
        raise Refused(_("This day has been valued again since."), code="newer_version")
    findings = checks.run(nav=nav)
    require_sound(findings, reason)
    return approval.propose(
        kind=approval.Kind.NAV,
        subject=nav.valuation_day.isoformat(),
        payload={**facts(nav), "findings": told(findings), "reason": reason},
        officer=officer,
        now=now,
        reason=reason,
    )


def require_sound(findings: Sequence[checks.Finding], reason: str) -> None:
    """Raises Refused for a finding that blocks, and for any other without a recorded reason."""
    blocking = [one for one in findings if one.blocking]
    if blocking:
        raise Refused(blocking[0].message, code=blocking[0].code, findings=findings)
    if findings and not reason.strip():
        raise Refused(_("The checks have findings that need a reason."), code="reason_needed", findings=findings)


def facts(nav: Nav) -> dict[str, Any]:
    """Every figure of a NAV as officers sign it: as text."""
    return {
        "day": nav.valuation_day.isoformat(),
        "version": nav.version,
        "usd_jpy": f"{nav.usd_jpy:f}",
        "gross": str(nav.gross),
        "debt": str(nav.debt),
        "accruals": str(nav.accruals),
        "net": str(nav.net),
        "classes": {
            one.unit_class_id: {
                "units": str(one.units),
                "value_base": str(one.value_base),
                "value": str(one.value),
                "price": None if one.price is None else f"{one.price:f}",
            }
            for one in nav.classes.order_by("unit_class")
        },
    }


def told(findings: Sequence[checks.Finding]) -> list[dict[str, str]]:
    """What the checks found, for the payload."""
    return [{"code": one.code, **one.facts} for one in findings]


@transaction.atomic
def publish(*, proposal: approval.Proposal, now: datetime) -> Nav | None:
    """Publish an approved NAV for good; None when it was published before. The database refuses it without two keys.

    The cost does not depend on the number of holders: their holdings are valued when they are read (D44).
    Raises Refused when another NAV was published since this one was valued.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    one_at_a_time()
    approved = proposal.facts
    nav = Nav.objects.get(valuation_day=approved["day"], version=approved["version"])
    previous = last_published()
    if (previous and previous.pk) != nav.previous_id:
        raise Refused(_("Another NAV was published since this one was valued. Value the day again."), code="overtaken")
    stamp(nav, proposal, now)
    outbox.leave(topic="nav.published", subject=str(nav), now=now, nav=nav.pk)
    return nav


def stamp(nav: Nav, proposal: approval.Proposal, now: datetime) -> None:
    """A draft becomes the published NAV of its day, on which the management fee is charged from then on."""
    moved = Nav.objects.filter(pk=nav.pk, state=Nav.State.VALUED).update(
        state=Nav.State.PUBLISHED, proposal=proposal, published_at=now
    )
    if moved != 1:
        raise Refused(_("This NAV is no longer waiting to be published."), code="not_waiting")
    nav.refresh_from_db()
    fees.charge_from(valuation_day=nav.valuation_day, net=Money(nav.net, position.BASE))
    audit.record(actor="system", verb="publish", subject=f"nav:{nav}", now=now, net=str(nav.net))


@overload
def latest(*, class_code: None = None, at: datetime | None = None) -> Nav | None: ...
@overload
def latest(*, class_code: str, at: datetime | None = None) -> ClassNav | None: ...
def latest(*, class_code: str | None = None, at: datetime | None = None) -> Nav | ClassNav | None:
    """The newest published NAV, or a class's share of it; ``at``: as published by then. None before the first."""
    if class_code is not None:
        return prices.published(class_code=class_code, at=at).first()
    rows = Nav.objects.filter(state=Nav.State.PUBLISHED)
    if at is not None:
        rows = rows.filter(published_at__lte=at)
    return rows.order_by("-valuation_day", "-version").first()


def history(*, class_code: str) -> list[ClassNav]:
    """A class's published figures by day, oldest first, the newest version of each; days without a price left out."""
    rows = prices.published(class_code=class_code).exclude(price=None).distinct("nav__valuation_day")
    return list(rows)[::-1]


def one_at_a_time() -> None:
    """Valuing and publishing wait for each other on the rows of the classes, in key order, until the commit."""
    list(UnitClass.objects.select_for_update(no_key=True).order_by("pk"))


def keep(struck: Figures, *, now: datetime, corrects: Nav | None = None) -> Nav:
    """Write figures down as the next version of their day."""
    at = struck.position
    last = Nav.objects.filter(valuation_day=at.day).aggregate(version=Max("version", default=0))["version"]
    nav = Nav.objects.create(
        valuation_day=at.day,
        version=last + 1,
        previous=struck.previous,
        corrects=corrects,
        usd_jpy=at.usd_jpy,
        gross=at.gross.amount,
        debt=at.debt.amount,
        accruals=at.accrued.amount,
        net=at.net.amount,
        earned=struck.earned.amount,
        yen=at.yen.amount,
        snapshot=at.books.snapshot,
        valued_at=now,
    )
    ClassNav.objects.bulk_create(
        ClassNav(
            nav=nav,
            unit_class=share.unit_class,
            units=share.units,
            capital=share.capital,
            value_base=share.value_base,
            value=share.value,
            price=share.price,
        )
        for share in struck.shares
    )
    return nav
