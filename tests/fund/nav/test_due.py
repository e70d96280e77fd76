"""The NAVs of dealing days are valued by the clock: in order, once, with the rate of the day (D22, D23, D42)."""

import random
import threading
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection

from fund import calendars
from fund.governance.outbox import Note
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.nav import checks, strike, value
from fund.nav.models import LateInput, Nav
from fund.portfolio.models import Expense
from tests.fund import building
from tests.fund.building import DAY, NOW, USD, dollars

pytestmark = pytest.mark.django_db
WEDNESDAY, THURSDAY, TUESDAY = (
    date(2026, 4, 1),
    date(2026, 4, 2),
    date(2026, 4, 7),
)  # Good Friday, Easter Monday between


def close(day: date) -> datetime:
    return calendars.books_close(day)


@pytest.fixture
def began(small_fund):
    """A fund whose first NAV, of Tuesday 2026-03-31, is published."""
    building.publish(strike.value(day=DAY, now=NOW), small_fund)
    return small_fund


def days() -> list[date]:
    return list(Nav.objects.order_by("pk").values_list("valuation_day", flat=True))


def test_before_the_first_nav_nothing_is_due(small_fund):
    assert strike.value_due(now=close(DAY)) is None and days() == []


def test_a_day_is_valued_once_after_its_books_have_closed(began):
    building.rate(WEDNESDAY, 160)
    assert strike.value_due(now=close(WEDNESDAY) - timedelta(seconds=1)) is None
    assert strike.value_due(now=close(WEDNESDAY)) == Nav.objects.get(valuation_day=WEDNESDAY)
    assert strike.value_due(now=close(WEDNESDAY)) is None
    assert strike.value_due(now=close(THURSDAY)) is None, "it waits for the day before it to be published"
    assert days() == [DAY, WEDNESDAY]


def test_after_an_outage_the_days_are_made_up_for_in_order(began):
    for day in (WEDNESDAY, THURSDAY, TUESDAY):
        building.rate(day, 160)
    later = close(TUESDAY) + timedelta(days=30)
    for day in (WEDNESDAY, THURSDAY, date(2026, 4, 6)):
        nav = strike.value_due(now=later)
        assert nav is not None and nav.valuation_day == day
        assert strike.value_due(now=later) is None
        building.publish(nav, began, now=later)


def test_easter_monday_is_priced_at_the_rate_before_because_the_ecb_publishes_none(began):
    """Both exchanges are open on 2026-04-06, the ECB is closed."""
    monday = date(2026, 4, 6)
    building.rate(THURSDAY, 159)
    building.publish(strike.value(day=THURSDAY, now=close(THURSDAY)), began, now=close(THURSDAY))
    nav = strike.value_due(now=close(monday))
    assert nav is not None and (nav.valuation_day, nav.usd_jpy) == (monday, 159)
    assert LateInput.objects.count() == 0


def test_a_rate_that_is_late_is_waited_for_and_named_once(began):
    for _ in range(3):
        assert strike.value_due(now=close(WEDNESDAY)) is None
    assert [(one.code, one.name) for one in LateInput.objects.all()] == [("late_rate", "2026-04-01")]
    assert Note.objects.filter(topic="nav.late").count() == 1
    building.rate(WEDNESDAY, 161)
    nav = strike.value_due(now=close(WEDNESDAY))
    assert nav is not None and nav.usd_jpy == 161


def test_by_hand_it_can_be_valued_at_the_rate_before_with_a_recorded_reason(began):
    nav = strike.value(day=WEDNESDAY, now=close(WEDNESDAY))
    assert [(one.code, one.blocking) for one in checks.run(nav=nav)] == [("late_rate", False)]
    with pytest.raises(value.Refused, match="reason"):
        strike.propose(nav=nav, officer=began[0], now=close(WEDNESDAY))
    assert strike.propose(nav=nav, officer=began[0], now=close(WEDNESDAY), reason="The ECB's server is down")


def test_an_expense_that_is_awaited_is_named(began):
    building.rate(WEDNESDAY, 160)
    building.pay(kind=Expense.Kind.OPERATING, money=dollars(5), day=date(2025, 12, 1))
    late = checks.inputs(day=WEDNESDAY, at=close(WEDNESDAY))
    assert [(one.code, one.facts["expense"], one.facts["age"]) for one in late] == [("late_expense", "Audit", "121")]
    assert strike.value_due(now=close(WEDNESDAY)) is not None, "it asks for a reason, it does not wait"
    assert LateInput.objects.get().name == "Audit"


def test_where_the_calendar_ends_it_says_so_once_and_values_nothing(began, monkeypatch):
    monkeypatch.setattr(calendars, "KNOWN", range(2015, 2026))
    for _ in range(2):
        assert strike.value_due(now=close(WEDNESDAY)) is None
    assert [(one.code, one.name) for one in LateInput.objects.all()] == [("unknown_year", "2026")]
    assert days() == [DAY]


def test_what_cannot_be_valued_is_named_and_nothing_is_left_behind(began):
    building.rate(WEDNESDAY, 160)
    lines = [Line("expenses:USD", f"bank:{USD}", 2_000_00)]
    post.post(event=Event.REVERSAL, event_id=uuid.uuid4(), lines=lines, effective_at=calendars.books_open(WEDNESDAY))
    assert strike.value_due(now=close(WEDNESDAY)) is None
    assert LateInput.objects.get().code == "nothing_left" and days() == [DAY]


def test_a_rehearsal_shows_everything_and_keeps_nothing(began):
    before = Nav.objects.count(), Note.objects.count()
    rehearsal = strike.rehearse(day=WEDNESDAY, now=close(WEDNESDAY))
    assert (rehearsal.nav.net, rehearsal.nav.version) == (2_000_00 - rehearsal.nav.accruals, 1)
    assert [one.code for one in rehearsal.findings] == ["late_rate"]
    assert {one.unit_class_id for one in rehearsal.classes if one.price} == {"SOV"}
    assert (Nav.objects.count(), Note.objects.count()) == before
    assert strike.value(day=WEDNESDAY, now=close(WEDNESDAY)).net == rehearsal.nav.net


def test_the_clocks_of_the_us_move_no_day_of_the_books(began):
    """2026-03-08: New York skips an hour. Friday and Monday around it close at midnight UTC like every other day."""
    friday, monday = date(2026, 3, 6), date(2026, 3, 9)
    assert calendars.next_dealing_day(friday) == monday
    assert calendars.books_close(monday) - calendars.books_close(friday) == timedelta(days=3)
    assert calendars.books_close(friday) == datetime(2026, 3, 7, tzinfo=UTC)
    november = date(2026, 10, 30), date(2026, 11, 2)
    assert calendars.books_close(november[1]) - calendars.books_close(november[0]) == timedelta(days=3)


def test_days_follow_one_another_whatever_the_clocks_say_and_whoever_sleeps_over_midnight(began):
    """Two schedulers whose clocks are up to two hours wrong ask every hour; on some nights both are down."""
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    dice = random.Random(seed)
    wanted = [WEDNESDAY, THURSDAY, date(2026, 4, 6), TUESDAY]
    for day in wanted:
        building.rate(day, 160)
    struck: list[date] = []
    for hour in range(24 * 9):
        true = close(DAY) + timedelta(hours=hour)
        if true.hour in (22, 23, 0, 1) and true.day % 2:
            continue
        for _scheduler in range(2):
            now = true + timedelta(hours=dice.choice([-2, 0, 2]))
            nav = strike.value_due(now=now)
            if nav is not None:
                struck.append(nav.valuation_day)
                assert now >= close(nav.valuation_day)
        waiting = Nav.objects.filter(state=Nav.State.VALUED).first()
        if waiting is not None and dice.random() < 0.5:
            building.publish(waiting, began, now=max(true, waiting.valued_at))
    assert struck == wanted == days()[1:]


def at_once() -> None:
    gate = threading.Barrier(2)

    def run() -> None:
        gate.wait()
        try:
            strike.value_due(now=close(WEDNESDAY))
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


@pytest.mark.django_db(transaction=True)
def test_two_schedulers_value_one_nav(began):
    building.rate(WEDNESDAY, 160)
    at_once()
    assert days() == [DAY, WEDNESDAY]


@pytest.mark.django_db(transaction=True)
def test_without_the_lock_both_would_value_it(began, monkeypatch):
    """Negative control: both have looked before either wrote. The second meets the unique version, or adds another."""
    building.rate(WEDNESDAY, 160)
    both_have_looked = threading.Barrier(2)
    inputs = checks.inputs

    def wait(**named):
        found = inputs(**named)
        if threading.current_thread() is not threading.main_thread() and not looked.is_set():
            both_have_looked.wait(timeout=20)
            looked.set()
        return found

    looked = threading.Event()
    raised = []
    monkeypatch.setattr(threading, "excepthook", lambda args: raised.append(args.exc_type.__name__))
    monkeypatch.setattr(strike, "one_at_a_time", lambda: None)
    monkeypatch.setattr(checks, "inputs", wait)
    at_once()
    assert raised == ["IntegrityError"] or days() == [DAY, WEDNESDAY, WEDNESDAY]


def test_the_site_itself_may_do_all_of_it(began, as_site):
    assert strike.value_due(now=close(WEDNESDAY)) is None and LateInput.objects.count() == 1
    building.rate(WEDNESDAY, 160)
    assert strike.value_due(now=close(WEDNESDAY)) is not None
    assert strike.rehearse(day=THURSDAY, now=close(THURSDAY)).nav.net
