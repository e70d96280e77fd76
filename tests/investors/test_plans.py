"""Regular plans (D30): one ordinary order a month, or a skip with its reason; whose clock, which offering, and once."""

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.utils import ProgrammingError

from fund.dealing.models import Offering, Subscription
from fund.dealing.subscription import Refused as OrderRefused
from fund.governance.audit import Act
from fund.governance.outbox import Note
from fund.money import Money
from investors import deletion, plans, subscribing
from investors.people import Investor
from investors.plan_models import Plan, PlanTurn, Reason
from tests.investors.conftest import NOW, american, approved, japanese
from tests.investors.test_agreements import new_version
from tests.investors.test_subscribing import _banks, dollars, open_offering, yen

__all__ = ["_banks"]

pytestmark = pytest.mark.django_db

# It is noon of 20 November in Tokyo. An offering is open from the 21st on.
DUE = datetime(2026, 11, 24, 15, tzinfo=UTC)  # the 25th begins in Tokyo
OVER = datetime(2026, 11, 30, 15, tzinfo=UTC)  # November is over there
LATE = {
    "closes_at": OVER + timedelta(days=3),
    "pay_by": OVER + timedelta(days=5),
    "dealing_day": date(2026, 12, 10),
}


@pytest.fixture
def citizen(investor, officer) -> Investor:
    return approved(investor, japanese(), officer)


@pytest.fixture
def american_citizen(person, officer) -> Investor:
    return approved(person("jose@example.org"), american(), officer)


def begin(citizen: Investor, amount: Money | None = None, *, day: int = 25, now: datetime = NOW, **told: Any) -> Plan:
    plain = {"class_code": "JP", "key": str(uuid.uuid4())}
    amount = yen(100_000) if amount is None else amount
    return plans.begin(investor=citizen, amount=amount, day=day, now=now, **plain | told)


def turns(plan: Plan) -> list[tuple[str, str, str]]:
    """Each turn's month, state and reason."""
    return [(f"{one.month:%Y-%m}", one.state, one.reason) for one in plan.turns.order_by("month")]


def waiting(plan: Plan) -> PlanTurn:
    return plan.turns.select_related("plan").get(state="waiting")


def ordered(citizen: Investor) -> list[Subscription]:
    return list(Subscription.objects.filter(holder_id=citizen.holder_id).order_by("id"))


# ── when ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_turn_is_an_ordinary_order_and_the_next_is_of_the_next_month(citizen, request):
    open_offering()
    request.getfixturevalue("as_site")
    plan = begin(citizen)
    assert plans.run_due(now=DUE - timedelta(seconds=1)) == 0
    assert plans.run_due(now=DUE) == 1
    (order,) = ordered(citizen)
    assert (order.amount, order.status, order.received_at, order.offering_id) == (100_000, "placed", DUE, "JP-2026-1")
    assert turns(plan) == [("2026-11", "ordered", ""), ("2026-12", "waiting", "")]
    assert plan.turns.get(state="ordered").order_reference == order.reference
    assert Note.objects.filter(topic="subscription.placed", subject=order.reference).count() == 1
    assert not Note.objects.filter(topic__startswith="plan."), "the order's own notice says it"
    assert plans.run_due(now=DUE) == 0
    assert plans.run_due(now=DUE + timedelta(days=3)) == 0


@pytest.mark.parametrize(
    ("day", "first"), [(25, date(2026, 11, 25)), (20, date(2026, 11, 20)), (19, date(2026, 12, 19))]
)
def test_the_first_turn_is_the_next_time_that_the_day_comes_today_counted(citizen, day, first):
    assert waiting(begin(citizen, day=day)).day == first


@pytest.mark.parametrize(
    ("now", "day", "months"),
    [
        (datetime(2027, 1, 30, 3, tzinfo=UTC), 31, ["2027-01-31", "2027-02-28", "2027-03-31", "2027-04-30"]),
        (datetime(2028, 1, 30, 3, tzinfo=UTC), 30, ["2028-01-30", "2028-02-29", "2028-03-30"]),
        (datetime(2027, 2, 28, 3, tzinfo=UTC), 29, ["2027-02-28", "2027-03-29"]),
        (datetime(2027, 12, 1, 3, tzinfo=UTC), 31, ["2027-12-31", "2028-01-31", "2028-02-29"]),
    ],
)
def test_a_shorter_month_has_the_day_on_its_last_one(citizen, now, day, months):
    plan = begin(citizen, day=day, now=now)
    for month in months:
        turn = waiting(plan)
        assert str(turn.day) == month
        assert turn.due_at <= datetime.fromisoformat(f"{month}T03:00Z") < turn.over_at
        plans.run_due(now=turn.over_at)


@pytest.mark.parametrize(
    ("who", "day", "due", "over"),
    [
        ("citizen", 25, "2026-11-24T15:00Z", "2026-11-30T15:00Z"),
        ("american_citizen", 25, "2026-11-25T05:00Z", "2026-12-01T05:00Z"),
        ("american_citizen", 20, "2026-11-20T05:00Z", "2026-12-01T05:00Z"),  # there the 19th is not over at NOW
    ],
)
def test_a_day_begins_and_a_month_ends_where_the_citizen_is(request, who, day, due, over):
    plan = begin(request.getfixturevalue(who), day=day, now=datetime(2026, 11, 20, 3, tzinfo=UTC))
    turn = waiting(plan)
    assert (turn.due_at, turn.over_at) == (datetime.fromisoformat(due), datetime.fromisoformat(over))


def test_a_month_in_which_the_clock_changes(american_citizen):
    """On 14 March 2027 the day begins at four in New York's summer, the month ended at five in its winter."""
    plan = begin(american_citizen, day=31, now=datetime(2027, 3, 2, tzinfo=UTC))
    assert waiting(plan).due_at == datetime(2027, 3, 31, 4, tzinfo=UTC)
    assert waiting(begin(american_citizen, day=13, now=datetime(2027, 3, 2, tzinfo=UTC))).due_at.hour == 5


def test_at_the_edge_of_the_day_two_citizens_are_apart(citizen, american_citizen):
    open_offering()
    mine, theirs = begin(citizen), begin(american_citizen)
    assert plans.run_due(now=DUE) == 1
    assert (turns(mine)[0][1], turns(theirs)[0][1]) == ("ordered", "waiting")


# ── which offering ────────────────────────────────────────────────────────────────────────────────────────────────
def test_it_waits_for_an_offering_that_opens_within_the_month(citizen):
    plan = begin(citizen)
    assert plans.run_due(now=DUE) == 0
    open_offering(**LATE | {"opens_at": DUE + timedelta(days=2)})
    assert plans.run_due(now=DUE + timedelta(days=1)) == 0
    Offering.objects.update(state="open")
    assert plans.run_due(now=DUE + timedelta(days=2)) == 1
    assert turns(plan)[0] == ("2026-11", "ordered", "")


def test_without_one_the_month_is_skipped_and_the_citizen_told(citizen):
    plan = begin(citizen)
    assert plans.run_due(now=OVER - timedelta(seconds=1)) == 0
    assert plans.run_due(now=OVER) == 1
    assert turns(plan) == [("2026-11", "skipped", "no_offering"), ("2026-12", "waiting", "")]
    note = Note.objects.get(topic="plan.skipped")
    assert note.payload == {"turn": plan.turns.get(state="skipped").pk}


def test_one_that_opens_after_the_month_is_of_the_next_turn(citizen):
    plan = begin(citizen)
    open_offering(**LATE | {"opens_at": OVER})
    Offering.objects.update(state="open")
    plans.run_due(now=OVER)
    assert turns(plan) == [("2026-11", "skipped", "no_offering"), ("2026-12", "waiting", "")]
    assert ordered(citizen) == []


def test_a_clock_that_was_late_still_orders_from_what_was_open_then(citizen):
    plan = begin(citizen)
    open_offering(**LATE)
    plans.run_due(now=OVER + timedelta(hours=5))
    assert turns(plan)[0] == ("2026-11", "ordered", "")


def test_of_two_that_are_open_it_is_the_one_that_closes_first(citizen):
    begin(citizen)
    open_offering(code="JP-2026-9", **LATE)
    open_offering()
    plans.run_due(now=DUE)
    assert [one.offering_id for one in ordered(citizen)] == ["JP-2026-1"]


def test_an_offering_of_other_units_is_none(citizen):
    plan = begin(citizen)
    open_offering("US")
    assert plans.run_due(now=DUE) == 0
    assert turns(plan) == [("2026-11", "waiting", "")]


def test_an_offering_that_is_called_off_at_that_moment_is_no_reason(citizen, monkeypatch):
    open_offering()
    plan = begin(citizen)

    def refuse(*told: Any) -> Subscription:
        raise OrderRefused("This offering is not open.", code="not_open")

    monkeypatch.setattr(plans, "_order", refuse)
    assert plans.run_due(now=DUE) == 0
    assert turns(plan) == [("2026-11", "waiting", "")]


# ── why not ───────────────────────────────────────────────────────────────────────────────────────────────────────
def lapse(citizen: Investor) -> None:
    Investor.objects.filter(pk=citizen.pk).update(verified_until=DUE)


def order_before(citizen: Investor) -> None:
    order(citizen, yen(100_000))


def order(citizen: Investor, amount: Money) -> None:
    subscribing.subscribe(
        investor=citizen, offering_code="JP-2026-1", amount=amount, accepts=[], key=str(uuid.uuid4()), now=DUE
    )


@pytest.mark.parametrize(
    ("reason", "terms", "before"),
    [
        ("not_eligible", {}, lapse),
        ("over_the_cap", {"maximum": 100_000_000}, lambda citizen: order(citizen, yen(14_910_000))),
        ("below_minimum", {"minimum": 110_000}, None),
        ("not_in_steps", {"step": 30_000, "minimum": 20_000}, None),
        ("above_order_maximum", {"order_maximum": 90_000}, None),
        ("above_maximum", {"maximum": 190_000}, order_before),
    ],
)
def test_a_refusal_is_a_skip_with_its_code(citizen, reason, terms, before):
    plan = begin(citizen)
    open_offering(**terms)
    if before:
        before(citizen)
    standing = len(ordered(citizen))
    assert plans.run_due(now=DUE) == 1
    assert turns(plan) == [("2026-11", "skipped", reason), ("2026-12", "waiting", "")]
    assert Note.objects.filter(topic="plan.skipped").count() == 1
    assert len(ordered(citizen)) == standing, "the order was taken back whole"


def test_without_a_rate_the_cap_cannot_be_counted(citizen):
    plan = begin(citizen, dollars(100), class_code="US")
    open_offering("US")
    plans.run_due(now=DUE)
    assert turns(plan)[0] == ("2026-11", "skipped", "rate_unknown")


def test_a_code_that_is_not_known_here_is_a_refusal():
    assert [Reason.of(code) for code in ("over_the_cap", "something_new")] == [Reason.OVER_THE_CAP, Reason.REFUSED]


def test_the_cap_holds_over_several_plans(citizen):
    big = yen(9_000_000)
    first, second = begin(citizen, big), begin(citizen, big)
    open_offering()
    assert plans.run_due(now=DUE) == 2
    assert turns(first)[0] == ("2026-11", "ordered", "")
    assert turns(second)[0] == ("2026-11", "skipped", "over_the_cap")


# ── agreements ────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.fixture
def asks(citizen) -> Plan:
    """A plan, and an offering that asks for terms which its citizen has not accepted."""
    new_version("terms")
    plan = begin(citizen)
    open_offering(**LATE | {"agreements": ["prospectus:1", "terms:2"]})
    return plan


def test_it_accepts_nothing_and_the_citizen_is_told_once(citizen, asks):
    assert plans.to_accept(investor=citizen, now=DUE) == {"JP": ["terms:2"]}
    assert plans.run_due(now=DUE) == 1
    assert plans.run_due(now=DUE) == 0, "it is looked at again in an hour"
    assert plans.run_due(now=DUE + plans.AGAIN) == 1
    assert turns(asks) == [("2026-11", "waiting", "agreements_missing")]
    assert Note.objects.filter(topic="plan.waiting").count() == 1
    assert ordered(citizen) == [] and not citizen.acceptances.filter(agreement__version=2).exists()


def test_accepted_by_the_citizen_it_orders_at_once(citizen, asks):
    plans.run_due(now=DUE)
    plans.accept(plan=asks, codes=["terms:2"], now=DUE + timedelta(minutes=1))
    assert plans.to_accept(investor=citizen, now=DUE) == {"JP": []}
    assert plans.run_due(now=DUE + timedelta(minutes=1)) == 1
    assert turns(asks)[0] == ("2026-11", "ordered", "")


def test_not_accepted_the_month_is_skipped_for_that(asks):
    plans.run_due(now=DUE)
    plans.run_due(now=OVER)
    assert turns(asks) == [("2026-11", "skipped", "agreements_missing"), ("2026-12", "waiting", "")]


def test_it_is_the_reason_also_when_the_offering_has_closed_meanwhile(asks):
    plans.run_due(now=DUE)
    Offering.objects.update(state="closed")
    plans.run_due(now=OVER)
    assert turns(asks)[0] == ("2026-11", "skipped", "agreements_missing")


# ── once ──────────────────────────────────────────────────────────────────────────────────────────────────────────
def runs(count: int, *, now: datetime = DUE) -> list[str]:
    """So many clocks at the same moment, each on a connection of its own; the faults they met."""
    gate, faults = threading.Barrier(count, timeout=60), []

    def run() -> None:
        gate.wait()
        try:
            plans.run_due(now=now)
        except ExceptionGroup as group:
            faults.extend(type(one).__name__ for one in group.exceptions)
        finally:
            connection.close()

    threads = [threading.Thread(target=run) for _each in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return faults


@pytest.mark.django_db(transaction=True)
def test_runs_at_the_same_moment_make_one_order(citizen):
    open_offering()
    plan = begin(citizen)
    assert runs(4) == []
    assert len(ordered(citizen)) == 1
    assert turns(plan) == [("2026-11", "ordered", ""), ("2026-12", "waiting", "")]


def test_runs_begin_in_different_places_and_keep_the_plans_of_one_citizen_in_order():
    """Where the cap has room for one plan alone, it is the older one's, whichever run takes it."""
    due = [(turn % 50, turn) for turn in range(200)]
    orders = [plans._in_some_order(due) for _run in range(5)]
    assert len({tuple(order) for order in orders}) == 5
    for order in orders:
        assert sorted(order) == [turn for _citizen, turn in due]
        for citizen in range(50):
            assert [turn for turn in order if turn % 50 == citizen] == list(range(citizen, 200, 50))


@pytest.mark.django_db(transaction=True)
def test_a_citizen_who_is_at_work_on_another_device_is_left_to_the_next_run(citizen):
    """Nobody waits for her, and she for nobody."""
    open_offering()
    begin(citizen)
    with transaction.atomic():
        Investor.objects.select_for_update().get(pk=citizen.pk)
        assert runs(1) == []
        assert ordered(citizen) == []
    assert plans.run_due(now=DUE) == 1


@pytest.fixture
def unlocked(citizen, monkeypatch) -> Plan:
    """Two runs both go past the lock and read the turn before either has ended it; each order has a key of its own."""
    open_offering()
    together, hold = threading.Barrier(2, timeout=60), plans._hold
    plan = begin(citizen)

    def hold_together(turn: int, now: datetime) -> tuple[PlanTurn, str | None] | None:
        held = hold(turn, now)
        together.wait()
        return held

    monkeypatch.setattr(plans, "LOCK", "")
    monkeypatch.setattr(plans, "_hold", hold_together)
    monkeypatch.setattr(plans, "_key", lambda turn: str(uuid.uuid4()))
    return plan


@pytest.mark.django_db(transaction=True)
def test_past_the_lock_the_mark_of_the_turn_takes_the_second_order_back(citizen, unlocked):
    assert runs(2) == ["RuntimeError"]
    assert len(ordered(citizen)) == 1


@pytest.mark.django_db(transaction=True)
def test_without_lock_key_and_mark_there_would_be_two(citizen, unlocked, monkeypatch):
    """Negative control of the tests above."""
    monkeypatch.setattr(plans, "_end", lambda *told, **state: None)
    assert runs(2) == []
    assert len(ordered(citizen)) == 2


def test_a_month_has_one_turn(citizen):
    open_offering()
    plan = begin(citizen)
    plans.run_due(now=DUE)
    with pytest.raises(IntegrityError, match="plan_turn_once_a_month"), transaction.atomic():
        again(plan, "skipped")
    with pytest.raises(IntegrityError, match="plan_turn_one_waits"), transaction.atomic():
        PlanTurn.objects.create(plan=plan, month=date(2027, 3, 1), due_at=DUE, over_at=OVER)


def again(plan: Plan, state: str) -> PlanTurn:
    ended = {"reason": "no_offering", "ended_at": DUE} if state == "skipped" else {}
    return PlanTurn.objects.create(plan=plan, month=date(2026, 11, 1), due_at=DUE, over_at=OVER, state=state, **ended)


@pytest.mark.parametrize(("keyed", "orders"), [(True, 1), (False, 2)])
def test_without_the_unique_keys_only_the_key_of_the_order_would_hold(citizen, monkeypatch, keyed, orders):
    """Negative control of the test above: a doubled turn is a doubled order, but for the order's own key."""
    open_offering()
    plan = begin(citizen)
    plans.run_due(now=DUE)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE investors_planturn DROP CONSTRAINT plan_turn_once_a_month")
        cursor.execute("DROP INDEX plan_turn_one_waits")
    PlanTurn.objects.filter(state="waiting").update(due_at=OVER + timedelta(days=30))
    again(plan, "waiting")
    monkeypatch.setattr(plans, "_next_month", lambda month: date(2027, 1, 1))
    if not keyed:
        monkeypatch.setattr(plans, "_key", lambda turn: str(uuid.uuid4()))
    assert plans.run_due(now=DUE) == 1
    assert len(ordered(citizen)) == orders


class Killed(BaseException):
    """What no code catches."""


def test_killed_between_order_and_turn_nothing_has_happened_and_the_next_run_does_it(citizen, monkeypatch):
    open_offering()
    plan = begin(citizen)

    def die(*told: Any, **state: Any) -> None:
        assert len(ordered(citizen)) == 1
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(plans, "_end", die)
        with pytest.raises(Killed):
            plans.run_due(now=DUE)
    assert ordered(citizen) == [] and turns(plan) == [("2026-11", "waiting", "")]
    plans.run_due(now=DUE)
    assert len(ordered(citizen)) == 1


@pytest.mark.parametrize(("keyed", "orders"), [(True, 1), (False, 2)])
def test_were_the_order_placed_alone_its_key_would_still_hold(citizen, monkeypatch, keyed, orders):
    """Negative control of the test above: an order that stands without its turn, with its key and with another."""
    open_offering()
    plan = begin(citizen)
    key = plans._key(waiting(plan)) if keyed else str(uuid.uuid4())
    subscribing.subscribe(investor=citizen, offering_code="JP-2026-1", amount=plan.money, accepts=[], key=key, now=DUE)
    plans.run_due(now=DUE)
    assert len(ordered(citizen)) == orders
    assert turns(plan)[0] == ("2026-11", "ordered", "")


def test_a_fault_of_one_stops_nobody_and_is_tried_again(citizen, american_citizen, monkeypatch):
    open_offering()
    faulty, sound = begin(citizen), begin(american_citizen, yen(50_000))
    order = plans._order

    def fail(turn: PlanTurn, *told: Any) -> Subscription:
        if turn.plan_id == faulty.pk:
            raise OSError("our own fault")
        return order(turn, *told)

    now = DUE + timedelta(days=1)
    with monkeypatch.context() as patch:
        patch.setattr(plans, "_order", fail)
        with pytest.raises(ExceptionGroup, match="1 turns"):
            plans.run_due(now=now)
        assert turns(sound)[0][1] != "waiting"
        assert plans.run_due(now=now) == 0, "it is not tried at once"
    assert plans.run_due(now=now + plans.AGAIN) == 1
    assert turns(faulty)[0] == ("2026-11", "ordered", "")


# ── changing ──────────────────────────────────────────────────────────────────────────────────────────────────────
def test_the_amount_counts_from_the_next_order_on(citizen):
    open_offering()
    plan = begin(citizen)
    plans.change(plan=plan, amount=yen(200_000), now=NOW)
    with pytest.raises(plans.Refused):
        plans.change(plan=plan, amount=yen(0), now=NOW)
    plans.run_due(now=DUE)
    assert [one.amount for one in ordered(citizen)] == [200_000]
    assert [act.verb for act in Act.objects.filter(subject=f"plan {plan.pk}").order_by("id")] == [
        "plan.begun",
        "plan.changed",
    ]


@pytest.mark.parametrize(
    ("day", "now", "comes"),
    [
        (28, NOW, date(2026, 11, 28)),
        (10, NOW, date(2026, 12, 10)),
        (28, DUE + timedelta(hours=1), date(2026, 11, 28)),  # that of the 25th waits for an offering, and moves
        (10, DUE + timedelta(hours=1), date(2026, 12, 10)),
    ],
)
def test_another_day_is_the_next_time_that_it_comes(citizen, day, now, comes):
    plan = begin(citizen)
    plans.change(plan=plan, day=day, now=now)
    assert waiting(plan).day == comes
    assert plan.turns.count() == 1


def test_another_day_makes_no_second_order_in_a_month(citizen):
    open_offering()
    plan = begin(citizen)
    plans.run_due(now=DUE)
    plans.change(plan=plan, day=28, now=DUE)
    assert waiting(plan).day == date(2026, 12, 28)
    plans.run_due(now=DUE + timedelta(days=4))
    assert len(ordered(citizen)) == 1


def test_another_day_asks_nothing_of_an_amount_that_stands(citizen):
    plan = begin(citizen, yen(15_000))
    open_offering()
    open_ = NOW + timedelta(days=2)
    assert plans.change(plan=plan, day=28, now=open_).day == 28
    with pytest.raises(OrderRefused):
        plans.change(plan=plan, amount=yen(25_000), now=open_)


def test_paused_it_orders_nothing_and_goes_on_with_the_next_day(citizen):
    open_offering()
    plan = begin(citizen)
    assert plans.pause(plan=plan, now=NOW).state == "paused"
    assert plans.pause(plan=plan, now=NOW).state == "paused"
    assert plans.run_due(now=DUE) == 0
    assert plans.run_due(now=OVER) == 0
    assert plans.go_on(plan=plan, now=OVER + timedelta(days=40)).state == "active"
    assert plans.go_on(plan=plan, now=OVER + timedelta(days=40)).state == "active"
    assert turns(plan) == [("2027-01", "waiting", "")]


def test_a_turn_that_was_paused_away_is_not_made_up_for(citizen):
    plan = begin(citizen)
    plans.pause(plan=plan, now=NOW)
    plans.go_on(plan=plan, now=DUE + timedelta(days=1))
    assert waiting(plan).day == date(2026, 12, 25)


def test_ended_is_ended(citizen):
    open_offering()
    plan = begin(citizen)
    assert plans.end(plan=plan, now=NOW).state == "ended"
    assert plans.end(plan=plan, now=DUE).ended_at == NOW
    assert turns(plan) == [("2026-11", "skipped", "plan_ended")]
    assert plans.run_due(now=DUE) == 0
    verbs: list[Callable[..., Plan]] = [plans.go_on, plans.pause, plans.change]
    for verb in verbs:
        with pytest.raises(plans.Refused) as refused:
            verb(plan=plan, now=DUE)
        assert refused.value.code == "plan_ended"
    with pytest.raises(plans.Refused):
        plans.accept(plan=plan, codes=[], now=DUE)


def test_the_database_keeps_what_has_ended(citizen):
    open_offering()
    plan = begin(citizen)
    plans.run_due(now=DUE)
    made = plan.turns.filter(state="ordered")
    other = begin(citizen)
    plans.end(plan=other, now=DUE)
    kept: list[Callable[[], Any]] = [
        lambda: made.update(state="skipped", order_reference="", reason="no_offering"),
        lambda: made.delete(),
        lambda: Plan.objects.filter(pk=other.pk).update(state="active", ended_at=None),
        lambda: Plan.objects.filter(pk=plan.pk).update(begun_at=DUE),
    ]
    for act in kept:
        with pytest.raises(ProgrammingError, match="Cannot"), transaction.atomic():
            act()


# ── beginning ─────────────────────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"class_code": "SOV", "amount": dollars(100)}, "unknown_class"),
        ({"class_code": "XX"}, "unknown_class"),
        ({"amount": dollars(100)}, "wrong_currency"),
        ({"amount": yen(0)}, "below_minimum"),
        ({"day": 0}, "no_such_day"),
        ({"day": 32}, "no_such_day"),
    ],
)
def test_what_is_no_plan(citizen, told, code):
    with pytest.raises(plans.Refused) as refused:
        begin(citizen, **told)
    assert refused.value.code == code


def test_an_amount_that_the_open_offering_refuses_is_refused_at_once(citizen):
    open_offering()
    with pytest.raises(OrderRefused) as refused:
        begin(citizen, yen(15_000), now=NOW + timedelta(days=2))
    assert refused.value.code == "not_in_steps"


def test_the_same_key_is_the_same_plan(citizen):
    assert begin(citizen, key="one") == begin(citizen, key="one")
    assert citizen.plans.count() == 1


def test_nobody_has_more_than_ten(citizen):
    some = [begin(citizen) for _each in range(plans.MOST)]
    with pytest.raises(plans.Refused) as refused:
        begin(citizen)
    assert refused.value.code == "too_many_plans"
    plans.end(plan=some[0], now=NOW)
    begin(citizen)


def test_who_may_not_order_begins_nothing(citizen, person):
    with pytest.raises(subscribing.NotEligible):
        begin(person("new@example.org"))
    plan = plans.pause(plan=begin(citizen), now=NOW)
    lapse(citizen)
    with pytest.raises(subscribing.NotEligible):
        begin(citizen, now=DUE)
    with pytest.raises(subscribing.NotEligible):
        plans.go_on(plan=plan, now=DUE)


# ── leaving ───────────────────────────────────────────────────────────────────────────────────────────────────────
def test_with_the_numbers_of_a_former_holder_the_plans_end(citizen, as_site):
    plan = begin(citizen)
    Investor.objects.filter(pk=citizen.pk).update(verified_until=NOW)
    later = NOW + timedelta(days=366 * 8)
    while deletion.delete_due(now=later):
        pass
    plan.refresh_from_db()
    assert (plan.state, plan.ended_at) == ("ended", later)
    assert Act.objects.get(verb="plan.ended").actor == "system"
    assert turns(plan) == [("2026-11", "skipped", "plan_ended")]
