"""A NAV is valued, proposed by an officer, signed by both nations, and published (D4, D42–D44)."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, overload

from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext_lazy as _

from fund.governance import approval, audit, outbox
from fund.governance.officers import Officer
from fund.money import Money
from fund.nav import checks, prices
from fund.nav.models import ClassNav, Nav
from fund.nav.value import Figures, Refused, figures, last_published
from fund.portfolio import fees, position
from fund.portfolio.valuation import require_past
from fund.units import UnitClass


@transaction.atomic
def value(*, day: date, now: datetime) -> Nav:
    """Value a day from books, marks and rates as they stand. Doing it again makes a new version; no figure is changed.

    Raises ``rates.Unknown``, and Refusals for a day to come, a published day, no units, or nothing left.
    """
    require_past(day, now)
    _one_at_a_time()
    struck = figures(day=day)
    last = Nav.objects.filter(valuation_day=day).aggregate(version=Max("version", default=0))["version"]
    nav = _row(struck, last + 1, now)
    audit.record(actor="system", verb="value", subject=f"nav:{nav}", now=now, net=str(nav.net))
    return nav


def propose(*, nav: Nav, officer: Officer, now: datetime, reason: str = "") -> approval.Proposal:
    """Put a valued NAV up for approval with all its figures.

    Raises Refused when a newer version stands, when a check blocks, or when one asks for a reason that is not given.
    """
    if Nav.objects.filter(valuation_day=nav.valuation_day, version__gt=nav.version).exists():
        raise Refused(_("This day has been valued again since."), code="newer_version")
    findings = checks.run(nav=nav)
    blocking = [one for one in findings if one.blocking]
    if blocking:
        raise Refused(blocking[0].message, code=blocking[0].code, findings=findings)
    if findings and not reason.strip():
        raise Refused(_("The checks have findings that need a reason."), code="reason_needed", findings=findings)
    return approval.propose(
        kind=approval.Kind.NAV,
        subject=nav.valuation_day.isoformat(),
        payload=payload(nav=nav, findings=findings, reason=reason),
        officer=officer,
        now=now,
        reason=reason,
    )


def payload(*, nav: Nav, findings: Sequence[checks.Finding], reason: str) -> dict[str, Any]:
    """What the officers sign: every figure as text, what the checks found, and why it is overridden."""
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
        "findings": [{"code": one.code, **one.facts} for one in findings],
        "reason": reason,
    }


@transaction.atomic
def publish(*, proposal: approval.Proposal, now: datetime) -> Nav | None:
    """Publish an approved NAV for good; None when it was published before. The database refuses it without two keys.

    The cost does not depend on the number of holders: their holdings are valued when they are read (D44).
    Raises Refused when another NAV was published since this one was valued.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    _one_at_a_time()
    facts = proposal.facts
    nav = Nav.objects.get(valuation_day=facts["day"], version=facts["version"])
    previous = last_published()
    if (previous and previous.pk) != nav.previous_id:
        raise Refused(_("Another NAV was published since this one was valued. Value the day again."), code="overtaken")
    moved = Nav.objects.filter(pk=nav.pk, state=Nav.State.VALUED).update(
        state=Nav.State.PUBLISHED, proposal=proposal, published_at=now
    )
    if moved != 1:
        raise Refused(_("This NAV is no longer waiting to be published."), code="not_waiting")
    nav.refresh_from_db()
    fees.charge_from(valuation_day=nav.valuation_day, net=Money(nav.net, position.BASE))
    audit.record(actor="system", verb="publish", subject=f"nav:{nav}", now=now, net=str(nav.net))
    outbox.leave(topic="nav.published", subject=str(nav), now=now, nav=nav.pk)
    return nav


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


def _one_at_a_time() -> None:
    """Valuing and publishing wait for each other on the rows of the classes, in key order, until the commit."""
    list(UnitClass.objects.select_for_update(no_key=True).order_by("pk"))


def _row(struck: Figures, version: int, now: datetime) -> Nav:
    at = struck.position
    nav = Nav.objects.create(
        valuation_day=at.day,
        version=version,
        previous=struck.previous,
        usd_jpy=at.usd_jpy,
        gross=at.gross.amount,
        debt=at.debt.amount,
        accruals=at.accrued.amount,
        net=at.net.amount,
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
