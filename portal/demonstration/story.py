"""The order in which the demonstration is told. Each chapter skips what stands already."""

from collections.abc import Callable
from datetime import date, datetime, timedelta

from django.db import transaction

from fund import calendars, rates
from fund.dealing.models import Offering
from fund.governance.officers import Officer
from fund.governance.outbox import Note
from fund.register import proof
from portal.demonstration import citizens, desk, distributions, history, orders, redemptions

OFFERED_IN = history.MONTHS - 5  # the month at whose end the first offering is settled
NATIONS = ("US", "JP")
Say = Callable[[str], object]


def tell(*, now: datetime, say: Say) -> None:
    """Everything from the first capital call to the offerings and windows that are open now."""
    if desk.lost_logins():
        say("The logins of this demonstration are gone (.run/logins.json); `make reset` makes new ones.")
    officers = desk.appoint()
    rates.load_ecb()
    began = history.months(now.date())[0][0]
    history.open_banks(now=history.at(began, 0))
    history.list_portfolio(began=began, officers=officers, now=history.at(began, 1))
    for number, first, last in history.unpublished(today=now.date()):
        say(f"  {last:%Y-%m}: capital calls, valuations, net asset value")
        if not history.is_told(number):
            with transaction.atomic():
                history.call_and_invest(number=number, first=first, officers=officers, now=history.at(first, 12))
                history.take_marks(number=number, last=last, now=history.at(last + timedelta(days=1), 3))
        if number == OFFERED_IN:
            first_offerings(last=last, officers=officers, say=say)
        if number == distributions.DISTRIBUTED:
            distributions.announce(last=last, officers=officers)
        elif number > distributions.DISTRIBUTED:
            distributions.pay_out(now=distributions.pay_day())
        if number == redemptions.REDEEMED:
            for nation in NATIONS:
                redemptions.take_requests(nation=nation, last=last, officers=officers)
        strike = history.strike_and_correct if number == history.CORRECTED else history.strike_nav
        strike(last=last, number=number, officers=officers)
        if number == redemptions.REDEEMED:
            for nation in NATIONS:
                redemptions.finish(nation=nation, last=last, officers=officers)
    distributions.pay_out(now=now)
    while proof.commit_next(now=now):
        pass
    # What happened before today is history: nobody is told of it again.
    Note.objects.filter(relayed_at=None, left_at__lt=now - timedelta(days=1)).update(relayed_at=now)
    desk.release_older(officers=officers, now=now)
    open_offerings(officers=officers, now=now)
    redemptions.open_now(officers=officers, now=now)
    history.leave_work(officers=officers, now=now)
    for line in desk.login_table():
        say(line)


def first_offerings(*, last: date, officers: dict[str, Officer], say: Say) -> None:
    """The citizens join, and the first offering of each class runs from its announcement to the units."""
    opens = orders.evening(calendars.next_dealing_day(last - timedelta(days=45)))
    closes = orders.evening(calendars.previous_dealing_day(last - timedelta(days=14)))
    citizens.apply_all(
        officers=officers,
        began=opens - timedelta(days=30),
        progress=lambda number: say(f"  {number} citizens") if number % 50 == 0 else None,
    )
    for nation in NATIONS:
        code = f"{nation}-{last.year}-1"
        if orders.is_over(code):
            continue
        one = orders.announce(
            code=code, nation=nation, fixed=True, dealing_day=last, opens_at=opens, closes_at=closes,
            actor=officers[nation].actor, now=opens - timedelta(days=20),
        )  # fmt: skip
        orders.open_it(one, officers=officers, now=opens)
        if one.state == Offering.State.OPEN:
            orders.place(one, nation=nation, every=1, now=opens + timedelta(hours=1))
            orders.pay(one, nation=nation, of_ten=9, now=closes - timedelta(days=2))
        orders.finish(one, officers=officers, now=closes + timedelta(days=10))


def open_offerings(*, officers: dict[str, Officer], now: datetime) -> None:
    """One offering of each class that is open today, with the orders of the first week."""
    for nation in NATIONS:
        if Offering.objects.filter(code__startswith=nation, code__endswith="-2").exists():
            continue
        opens, closes = now - timedelta(days=7), orders.evening((now + timedelta(days=21)).date())
        one = orders.announce(
            code=f"{nation}-{closes.year}-2", nation=nation, fixed=False,
            dealing_day=calendars.next_dealing_day((closes + timedelta(days=14)).date()), opens_at=opens,
            closes_at=closes, actor=officers[nation].actor, now=opens - timedelta(days=20),
        )  # fmt: skip
        orders.open_it(one, officers=officers, now=opens)
        orders.plan(nation=nation, opens=opens, now=now - timedelta(days=6))
        orders.place(one, nation=nation, every=3, now=now - timedelta(days=6))
        orders.pay(one, nation=nation, of_ten=6, now=now - timedelta(days=1))
