"""The order in which the demonstration is told. Each chapter skips what stands already."""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import transaction

from fund import rates
from portal.demonstration import desk, history


def tell(*, now: datetime, say: Callable[[str], object]) -> None:
    """Everything from the first capital call to the offerings that are open now."""
    if desk.lost_logins():
        say("The logins of this demonstration are gone (.run/logins.json); `make reset` makes new ones.")
    officers = desk.appoint()
    rates.load_ecb()
    months = history.months(now.date())
    began = months[0][0]
    history.open_banks(now=history.at(began, 0))
    history.list_portfolio(began=began)
    for number, first, last in history.unpublished(today=now.date()):
        say(f"  {last:%Y-%m} …")
        with transaction.atomic():
            history.call_and_invest(number=number, first=first, now=history.at(first, 12))
            history.take_marks(number=number, last=last, now=history.at(last + timedelta(days=1), 3))
        history.strike_nav(last=last, number=number, officers=officers)
