"""What each investment is worth on a day (D40)."""

from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID

from django.db import transaction
from django.db.models import Sum
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.ledger import post
from fund.ledger.models import Event
from fund.money import Currency, Money
from fund.portfolio.models import Deployment, Investment, Valuation
from fund.refusal import Refusal


class Refused(Refusal):
    """A movement or a mark of the portfolio is refused."""

    code = "portfolio"


@dataclass(frozen=True)
class Mark:
    """An investment's value on a day: its latest valuation and what was paid in since, at cost.

    ``since`` is the day of the valuation, or of the first payment where there is none yet (``valuation`` is None).
    """

    investment: Investment
    valuation: Valuation | None
    amount: Money
    deployed: Money
    since: date

    def age(self, on: date) -> int:
        """Days since the mark was made (D42)."""
        return (on - self.since).days


@transaction.atomic
def invest(
    *, investment: Investment, money: Money, bank_account: str, day: date, now: datetime, event_id: UUID
) -> Deployment:
    """Pay money into an investment. Raises Refused for another currency, more than was committed, or a day to come.

    Raises IntegrityError when this event was posted before.
    """
    held = Investment.objects.select_for_update(no_key=True).get(pk=investment.pk)
    paid = Deployment.objects.filter(investment=held).aggregate(sum=Sum("amount", default=0))["sum"]
    if money.currency != held.currency:
        raise Refused(_("This investment is held in another currency."), code="wrong_currency")
    if paid + money.amount > held.committed:
        raise Refused(
            _("This is more than is left of the commitment."), code="over_commitment", left=held.committed - paid
        )
    require_past(day, now)
    move(
        Event.INVESTMENT,
        event_id,
        post.Line(f"investments:{money.currency}", f"bank:{bank_account}", money.amount),
        day,
    )
    return Deployment.objects.create(event_id=event_id, investment=held, day=day, amount=money.amount)


def record_valuation(
    *, investment: Investment, effective_on: date, money: Money, source_en: str, source_ja: str, now: datetime
) -> Valuation:
    """Record a mark at the end of a day; for a day that has one it is the correction. Raises Refused."""
    if money.currency != investment.currency:
        raise Refused(_("This investment is held in another currency."), code="wrong_currency")
    require_past(effective_on, now)
    return Valuation.objects.create(
        investment=investment, effective_on=effective_on, amount=money.amount, source_en=source_en, source_ja=source_ja
    )


def marks(*, on: date) -> list[Mark]:
    """Every investment with a value on a day, by code: the newest valuation of the latest day up to it.

    Money paid in after that day is added at cost, so that a payment alone changes no value.
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
    codes = valued.keys() | paid.keys()
    return [
        _mark(one, valued.get(one.pk), paid.get(one.pk, []))
        for one in Investment.objects.filter(pk__in=codes).order_by("pk")
    ]


def _mark(investment: Investment, valuation: Valuation | None, paid: list[tuple[date, int]]) -> Mark:
    since = valuation.effective_on if valuation else paid[0][0]
    later = sum(amount for day, amount in paid if valuation is None or day > since)
    currency = Currency(investment.currency)
    return Mark(
        investment,
        valuation,
        Money((valuation.amount if valuation else 0) + later, currency),
        Money(sum(amount for _, amount in paid), currency),
        since,
    )


def require_past(day: date, now: datetime) -> None:
    """Raises Refused for a day that has not begun."""
    if calendars.books_open(day) > now:
        raise Refused(_("This day is still to come."), code="day_to_come")


def move(event: Event, event_id: UUID, line: post.Line, day: date) -> None:
    """Post one movement of the fund's own money on a day."""
    post.post(event=event, event_id=event_id, lines=[line], effective_at=calendars.books_open(day))
