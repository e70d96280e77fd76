"""A redemption window as the clock and the workers carry it: opened, closed, decided, settled, told, payable (D31)."""

from datetime import datetime, timedelta

import pytest
from django.utils import timezone

from fund import calendars
from fund.ledger import balances
from fund.nav import strike
from fund.payments.payouts import begin
from fund.redemption import request, share, window
from fund.redemption.models import RedemptionWindow
from portal import relay, tasks
from portal.celery import app
from portal.notices.models import Message
from tests.fund import building
from tests.fund.redemption import redeeming
from tests.portal.api.conftest import make_citizen

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    """Sets the time of everything that asks for it."""

    def at(now: datetime) -> datetime:
        monkeypatch.setattr(timezone, "now", lambda: now)
        return now

    return at


def work(now: datetime) -> None:
    """What the clock does every few seconds, until nothing is left to do."""
    tasks.open_and_close_offerings()
    while relay.sweep(now=now, send=lambda task, delivery: app.tasks[f"portal.{task}"](delivery)):
        pass


def test_from_the_announcement_to_the_payout_run(clock):
    now = clock(timezone.now())
    building.open_banks()
    building.contribute_both(building.dollars(50_000), day=building.DAY, now=now)
    first, second = redeeming.keys()
    investor = make_citizen()
    redeeming.give(investor.holder_id)
    one = redeeming.announced()
    building.sign(window.propose_opening(window=one, officer=first, now=now), second, now)
    work(now)
    assert RedemptionWindow.objects.get().state == "open"
    request.place(class_code="JP", holder_id=investor.holder_id, units=4_000, key="k", now=now)
    work(clock(one.closes_at))
    assert RedemptionWindow.objects.get().state == "closed"
    then = clock(calendars.books_close(one.dealing_day) + timedelta(hours=2))
    building.rate(one.dealing_day, 100)
    building.publish(strike.value(day=one.dealing_day, now=then), (first, second), now=then)
    one.refresh_from_db()
    building.sign(share.propose(window=one, officer=first, now=then), second, then)
    work(then)
    one.refresh_from_db()
    assert one.state == "settled"
    (line,) = one.lines.all()
    assert line.filled == 4_000 and balances.balance("refunds:JPY", holder_id=investor.holder_id) == line.paid
    told = list(Message.objects.filter(user=investor.user).order_by("id").values_list("topic", flat=True))
    assert told == ["redemption.placed", "redemption.decided", "redemption.settled"]
    run = begin(currency=building.Currency.JPY, officer=first, now=then)
    assert run.lines.get(holder_id=investor.holder_id).amount == line.paid
