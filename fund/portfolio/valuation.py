"""What each investment is worth on a day, and the money that goes into it and comes out of it (D40)."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.governance import audit, config
from fund.governance.approval import Proposal
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.money import Currency, Money
from fund.portfolio import investments
from fund.portfolio.models import Deployment, Income, Investment, Valuation
from fund.portfolio.movements import Refused as Refused
from fund.portfolio.movements import move
from fund.portfolio.movements import require_past as require_past


@dataclass(frozen=True)
class Mark:
    """An investment's value on a day: its latest valuation and what was paid in since, less what was realised since.

    ``since`` is the day of the valuation, or of the first payment where there is none yet (``valuation`` is None).
    ``income`` is what it has paid without giving up any part, ``realised`` what parts of it were given up for.
    """

    investment: Investment
    valuation: Valuation | None
    amount: Money
    deployed: Money
    income: Money
    realised: Money
    since: date

    def age(self, on: date) -> int:
        """Days since the mark was made (D42)."""
        return (on - self.since).days

    @property
    def undrawn(self) -> Money:
        """What of the commitment is still to be paid in."""
        return Money(self.investment.committed, self.deployed.currency) - self.deployed


@transaction.atomic
def invest(
    *,
    investment: Investment,
    money: Money,
    bank_account: str,
    day: date,
    now: datetime,
    event_id: UUID,
    proposal: Proposal,
) -> Deployment:
    """Pay money into an investment. The database refuses it without two keys.

    Raises Refused for another currency, more than was committed, or a day to come; IntegrityError when this event was
    posted before.
    """
    held = Investment.objects.select_for_update(no_key=True).get(pk=investment.pk)
    require_committed(held, money, day, now, paid=deployed(held))
    lines = [Line(f"investments:{money.currency}", f"bank:{bank_account}", money.amount)]
    move(Event.INVESTMENT, event_id, lines, day)
    return Deployment.objects.create(
        event_id=event_id, proposal=proposal, investment=held, day=day, amount=money.amount
    )


def deployed(investment: Investment) -> int:
    """All that was ever paid in, in minor units."""
    return int(Deployment.objects.filter(investment=investment).aggregate(sum=Sum("amount", default=0))["sum"])


def require_committed(held: Investment, money: Money, day: date, now: datetime, *, paid: int) -> None:
    """Raises Refused unless so much can be paid in on a day."""
    require_its_own(held, money, day, now)
    committed = investments.investment(code=held.pk, on=day).committed
    if paid + money.amount > committed:
        raise Refused(_("This is more than is left of the commitment."), code="over_commitment", left=committed - paid)


def require_its_own(held: Investment, money: Money, day: date, now: datetime) -> None:
    """Raises Refused for money in another currency than the investment's, or a day to come."""
    if money.currency != held.currency:
        raise Refused(_("This investment is held in another currency."), code="wrong_currency")
    require_past(day, now)


@transaction.atomic
def receive(
    *,
    investment: Investment,
    kind: Income.Kind,
    money: Money,
    bank_account: str,
    day: date,
    now: datetime,
    event_id: UUID,
    proposal: Proposal,
    cost: Money | None = None,
) -> Income:
    """Take money that an investment pays: income, or for a part given up that had ``cost`` so much (a realisation).

    The database refuses it without two keys. Raises Refused for another currency, a day to come, or more cost than is
    left; IntegrityError when this event was posted before.
    """
    held = Investment.objects.select_for_update(no_key=True).get(pk=investment.pk)
    given = cost or Money(0, money.currency)
    require_its_own(held, money, day, now)
    require_cost(held, given, left=deployed(held) - given_up(held))
    bank, own = f"bank:{bank_account}", f"investments:{money.currency}"
    gain = f"{'gains' if kind == Income.Kind.REALISATION else 'income'}:{money.currency}"
    back = min(given.amount, money.amount)
    lines = [
        Line(debit, credit, amount)
        for debit, credit, amount in (
            (bank, own, back),
            (bank, gain, money.amount - back),
            (gain, own, given.amount - back),  # a loss is a gain below zero
        )
        if amount
    ]
    move(Event.INCOME, event_id, lines, day)
    return Income.objects.create(
        event_id=event_id,
        proposal=proposal,
        investment=held,
        kind=kind,
        day=day,
        amount=money.amount,
        cost=given.amount,
    )


def given_up(investment: Investment) -> int:
    """The cost of all parts that were given up, in minor units."""
    return int(Income.objects.filter(investment=investment).aggregate(sum=Sum("cost", default=0))["sum"])


def require_cost(held: Investment, cost: Money, *, left: int) -> None:
    """Raises Refused when more cost is given up than is left in the investment."""
    if cost.currency != held.currency:
        raise Refused(_("This investment is held in another currency."), code="wrong_currency")
    if cost.amount > left:
        raise Refused(_("This is more than the cost that is left in the investment."), code="over_cost", left=left)


@transaction.atomic
def record_valuation(
    *,
    investment: Investment,
    effective_on: date,
    money: Money,
    source_en: str,
    source_ja: str,
    now: datetime,
    actor: str = "system",
) -> Valuation:
    """Record a mark at the end of a day; for a day that has one it is the correction.

    No money moves, so one officer records it; it counts in the next NAV, which needs both keys. Raises Refused.
    """
    require_its_own(investment, money, effective_on, now)
    row = Valuation.objects.create(
        investment=investment, effective_on=effective_on, amount=money.amount, source_en=source_en, source_ja=source_ja
    )
    audit.record(
        actor=actor,
        verb="record_valuation",
        subject=f"investment:{investment.pk}",
        now=now,
        day=effective_on.isoformat(),
        amount=str(money.amount),
    )
    return row


def marks(*, on: date) -> list[Mark]:
    """Every investment with a value on a day, by code: the newest valuation of the latest day up to it.

    Money paid in after that day is added at cost, and money realised is taken off, so that a movement alone changes no
    value. The investments carry the terms in force on the day; what is realised whole is no longer among them.
    """
    valued = {
        one.investment_id: one
        for one in Valuation.objects.filter(effective_on__lte=on)
        .order_by("investment", "-effective_on", "-id")
        .distinct("investment")
    }
    paid: dict[str, list[tuple[date, int]]] = {}
    for code, day, amount in (
        Deployment.objects.filter(day__lte=on).order_by("day").values_list("investment", "day", "amount")
    ):
        paid.setdefault(code, []).append((day, amount))
    received: dict[str, list[Income]] = {}
    for one in Income.objects.filter(day__lte=on).order_by("day"):
        received.setdefault(one.investment_id, []).append(one)
    found = [
        _mark(one, valued.get(one.pk), paid.get(one.pk, []), received.get(one.pk, []))
        for one in investments.investments(on=on)
        if one.pk in valued or one.pk in paid
    ]
    return [one for one in found if one.amount or one.investment.stage != Investment.Stage.REALISED]


def _mark(
    investment: Investment, valuation: Valuation | None, paid: list[tuple[date, int]], received: list[Income]
) -> Mark:
    currency = Currency(investment.currency)
    since = valuation.effective_on if valuation else paid[0][0]
    realised = [one for one in received if one.kind == Income.Kind.REALISATION]
    later = sum(amount for day, amount in paid if valuation is None or day > since)
    gone = sum(one.amount for one in realised if valuation is None or one.day > since)
    whole = sum(one.amount for one in received)
    given = sum(one.amount for one in realised)
    return Mark(
        investment=investment,
        valuation=valuation,
        amount=Money(max((valuation.amount if valuation else 0) + later - gone, 0), currency),
        deployed=Money(sum(amount for _, amount in paid), currency),
        income=Money(whole - given, currency),
        realised=Money(given, currency),
        since=since,
    )


def stale(*, on: date) -> list[Mark]:
    """The marks that are older than their limit on a day, the oldest first (D42)."""
    limit = age_limit(on=on)
    return sorted((one for one in marks(on=on) if one.age(on) > limit), key=lambda one: one.since)


def age_limit(*, on: date) -> int:
    """After how many days a mark is stale, by the setting in force at the end of a day."""
    return int(config.get("valuation.max_age_days", at=calendars.books_close(on)))
