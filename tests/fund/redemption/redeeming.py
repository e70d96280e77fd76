"""A window that is open at this very moment, and a citizen with units: for the tests of pages and the API."""

import itertools
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from fund import calendars
from fund.governance.officers import Duty, Officer
from fund.holders import Holder, Nation
from fund.redemption import request, window
from fund.redemption.models import Redemption, RedemptionWindow
from tests.fund import building

numbers = itertools.count(1)


def keys() -> tuple[Officer, Officer]:
    """An officer of each nation who may do everything."""
    found = [
        Officer.objects.filter(person=f"redeems {nation}".lower()).first()
        or building.officer(nation, f"redeems {nation}".lower())
        for nation in (Nation.US, Nation.JP)
    ]
    Officer.objects.filter(pk__in=[one.pk for one in found]).update(duties=list(Duty.values))
    return Officer.objects.get(pk=found[0].pk), Officer.objects.get(pk=found[1].pk)


def announced(*, now: datetime | None = None, **terms: Any) -> RedemptionWindow:
    """A window from yesterday to in ten days, priced three weeks from now."""
    now = now or timezone.now()
    day = calendars.next_dealing_day((now + timedelta(days=21)).date())
    plain = {
        "code": f"JP-2027-R{next(numbers)}", "class_code": "JP", "opens_at": now - timedelta(days=1),
        "closes_at": now + timedelta(days=10), "dealing_day": day, "actor": "officer:1", "now": now,
    }  # fmt: skip
    return window.announce(**plain | terms)


def opened(**terms: Any) -> RedemptionWindow:
    """The window that is open now; another one, where terms are given."""
    standing = RedemptionWindow.objects.filter(state="open").first()
    if standing is not None and not terms:
        return standing
    now, (first, second) = timezone.now(), keys()
    one = announced(**terms)
    proposal = window.propose_opening(window=one, officer=first, now=now)
    building.sign(proposal, second, now)
    window.carry_out_opening(proposal=proposal, now=now)
    one.refresh_from_db()
    return one


def give(holder_id: int, units: int = 100_000, *, code: str = "JP") -> None:
    """Units, bought two months ago."""
    building.open_banks()
    money = building.yen(units) if code == "JP" else building.dollars(units)
    at = timezone.now() - timedelta(days=60)
    building.settle(Holder.objects.get(pk=holder_id), code, money, units, at=at)


def asked(holder_id: int, units: int = 25_000) -> Redemption:
    """A request of somebody who has 100,000 units."""
    opened()
    give(holder_id)
    return request.place(
        class_code="JP", holder_id=holder_id, units=units, key=f"key-{next(numbers)}", now=timezone.now()
    )
