"""Forward pricing from receipt to units: nobody knows the price when ordering; a late NAV is waited for (D24)."""

from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from django.utils.formats import date_format

from fund.dealing import prove
from fund.dealing.models import AllotmentLine, Offering, Status, Subscription
from fund.governance.outbox import Note
from fund.ledger import balances
from fund.money import buy
from fund.nav import strike
from fund.nav.models import ClassNav
from portal import relay, tasks
from tests.fund import building
from tests.fund.dealing.conftest import (
    AFTER,
    NOW,
    _bank,
    allot,
    american,
    citizen,
    japanese,
    opened,
    paid_list,
    pay,
    place,
    second_key,
)
from tests.portal.api.conftest import Api, make_citizen, make_offering

__all__ = ["_bank", "allot", "american", "japanese", "opened", "second_key"]
pytestmark = pytest.mark.django_db
LATER = datetime(2026, 9, 29, 9, tzinfo=UTC)


@pytest.fixture
def deliver(monkeypatch):
    """Every task that the notes ask for by now, as the workers run them."""

    def run(now: datetime) -> list[str]:
        monkeypatch.setattr(tasks, "timezone", SimpleNamespace(now=lambda: now))
        done: list[str] = []
        due: list[tuple[str, int]] = []
        while relay.sweep(now=now, send=lambda task, number: due.append((task, number))):
            for task, number in due:
                tasks.app.tasks[f"portal.{task}"].run(number)
                done.append(task)
            due.clear()
        return done

    return run


def publish(day, yen: int, keys) -> ClassNav:
    building.rate(day, yen)
    nav = strike.value(day=day, now=LATER)
    building.publish(nav, keys, now=LATER)
    return ClassNav.objects.get(nav=nav, unit_class="JP")


def test_orders_wait_for_the_nav_of_their_dealing_day_and_are_settled_when_it_comes_late(
    opened, allot, american, japanese, deliver
):
    building.open_banks()
    building.contribute_both(building.dollars(1_000), day=NOW.date(), now=NOW)
    first = opened()
    paid_list(first, [(1, 10)])
    allot(first)
    deliver(AFTER)
    forward, holder = opened(code="JP-2026-2", fixed_price=None), citizen()
    pay(place(forward, holder, 50_000))
    allot(forward)
    assert "settle" in deliver(AFTER)
    assert Subscription.objects.get(offering=forward).standing == Status.ALLOTTED
    publish(AFTER.date(), 160, (american, japanese))  # of an earlier day
    assert "settle_waiting" in deliver(LATER)
    forward.refresh_from_db()
    assert forward.state == Offering.State.ALLOTTED and balances.total("held:JPY") == 50_000
    assert not Note.objects.filter(topic="orders.settled", subject__startswith=forward.code).exists()
    priced = publish(forward.dealing_day, 150, (american, japanese))
    assert priced.price is not None
    assert "settle_waiting" in deliver(LATER)
    forward.refresh_from_db()
    line = AllotmentLine.objects.get(holder_id=holder)
    assert forward.state == Offering.State.SETTLED
    assert line.units == buy(forward.money(50_000), forward.unit_class.price(priced.price)).units
    note = Note.objects.get(topic="orders.settled", subject=f"{forward.code} 1")
    assert note.payload == {"offering": forward.code, "first_holder": holder, "last_holder": holder}
    assert [check for check in prove.prove() if not check.clean] == []


def test_the_receipt_says_what_day_what_price_and_what_rounding():
    one = make_offering(fixed_price=None)
    receipt = Api(make_citizen().user).subscribe().json()  # type: ignore[attr-defined]
    assert receipt["dealing_day"] == one.dealing_day.isoformat()
    day = date_format(one.dealing_day, "DATE_FORMAT")
    assert receipt["price_rule"] == f"The price of the dealing day {day}, which is published after it."
    assert receipt["rounding_rule"].startswith("Units are rounded down to the smallest unit")
    assert receipt["withdraw_until"] == f"{one.closes_at:%Y-%m-%dT%H:%M:%SZ}"
    terms = Api().get(f"/offerings/{one.code}").json()  # type: ignore[attr-defined]
    assert (terms["price_basis"], terms["fixed_price"]) == ("forward", None)
