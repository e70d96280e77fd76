"""The waiting room's turns: a random order for who was there, then as they come; fixed, apart, never over the close."""

from datetime import timedelta

import pytest
from redis import ConnectionError as Unreachable

from fund.dealing.models import Offering
from portal import waiting_room
from portal.store import store
from portal.waiting_room import Terms
from tests.portal.web.stage import NOW

OPENS, CLOSES = NOW, NOW + timedelta(days=9)
APART = timedelta(milliseconds=200)
CODE = "JP-2026-2"


class Room:
    """One offering as a process knows it; no database is asked."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.terms: Terms | None = Terms(Offering.State.ANNOUNCED, OPENS, CLOSES)
        monkeypatch.setattr(waiting_room, "known", lambda code, period: self.terms)

    def open(self) -> None:
        self.terms = Terms(Offering.State.OPEN, OPENS, CLOSES)

    def ask(self, who: int, now=OPENS, **more):
        return waiting_room.place(offering_code=CODE, user_id=who, now=now, **more)

    def wait(self, who: int, now=OPENS, **more) -> timedelta:
        """How long somebody still waits."""
        place = self.ask(who, now, **more)
        return place.turn - now if place else timedelta(0)


@pytest.fixture
def room(monkeypatch, settings):
    settings.WAITING_ROOM_RATE = 5.0
    monkeypatch.setattr(waiting_room, "_away_until", 0.0)
    store().flushdb()
    return Room(monkeypatch)


def test_who_was_there_before_the_opening_is_let_in_at_random_and_who_comes_after_as_they_come(room):
    before = OPENS - timedelta(minutes=1)
    early = [room.ask(who, before) for who in range(100)]
    assert all(place.turn is None for place in early), "nobody has a place before it is drawn"
    assert [place.before for place in early] == list(range(1, 101))
    room.open()
    turns = {who: room.wait(who) for who in range(100)}
    late = [room.wait(who) for who in range(100, 120)]
    assert sorted(turns.values()) == [APART * place for place in range(100)], "one after the other, none twice"
    assert late == [APART * place for place in range(100, 120)]
    by_turn = sorted(turns, key=lambda who: turns[who])
    inversions = sum(a > b for place, a in enumerate(by_turn) for b in by_turn[place + 1 :])
    assert 1_600 < inversions < 3_400, "of 4,950 pairs about half: the order has nothing to do with the coming"


def test_asking_again_moves_no_turn_and_coming_back_draws_no_other(room):
    before = OPENS - timedelta(minutes=1)
    for _again in range(3):
        for who in range(20):
            room.ask(who, before)
    room.open()
    first = {who: room.ask(who) for who in range(20)}
    again = {who: room.ask(who, OPENS + timedelta(milliseconds=50)) for who in range(20)}
    assert sum(place is None for place in first.values()) == 1
    assert all(again[who] is None or again[who].turn == place.turn for who, place in first.items() if place)


def test_a_day_without_a_rush_lets_everybody_in(room):
    room.open()
    assert [room.ask(who, OPENS + timedelta(hours=1, seconds=who)) for who in range(30)] == [None] * 30


def test_a_rush_lines_up_what_is_more_than_the_site_serves(room):
    room.open()
    waits = [room.wait(who) for who in range(60)]
    assert [wait for wait in waits if not wait] == [timedelta(0)] * 11, "two seconds' worth at once"
    assert waits[11:] == [APART * place for place in range(11, 60)]
    place = room.ask(59)
    assert place and (place.before, place.again) == (58, 8)
    assert room.ask(59, place.turn) is None
    assert room.ask(59, place.turn + timedelta(minutes=19)) is None, "time to order"


def test_nobody_comes_in_at_once_before_somebody_who_waits(room):
    room.open()
    last = OPENS + max(room.wait(who) for who in range(40))
    assert room.ask(50, last - timedelta(milliseconds=100)).turn > last
    assert room.ask(51, last + timedelta(milliseconds=300)) is None, "the line is empty"


def test_after_ones_time_one_lines_up_again(room):
    before, much_later = OPENS - timedelta(minutes=1), OPENS + timedelta(minutes=40)
    room.ask(1, before)
    room.open()
    assert room.ask(1) is None
    for who in range(100, 200):
        room.ask(who, much_later)
    store().delete(f"room:{{{CODE}}}:turn:1")  # as it is by then
    assert room.wait(1, much_later) > timedelta(seconds=10)


def test_an_order_by_the_api_takes_a_twentieth_of_the_time_of_pages(room):
    room.open()
    waits = [room.wait(who, weight=waiting_room.PROGRAM) for who in range(400)]
    assert waits[-1] == APART * 399 / 20


def test_nobody_is_kept_over_the_close(room):
    room.open()
    near = CLOSES - timedelta(minutes=16)
    turns = [room.wait(who, near) for who in range(400)]
    assert max(turns) == timedelta(minutes=1), "the 400th would have waited for 80 seconds"
    assert room.ask(1_000, CLOSES - timedelta(minutes=15)) is None


@pytest.mark.parametrize(
    ("state", "now"),
    [
        (Offering.State.ANNOUNCED, OPENS - timedelta(minutes=31)),
        (Offering.State.ANNOUNCED, OPENS + timedelta(minutes=11)),
        (Offering.State.CLOSED, CLOSES),
        (Offering.State.CANCELLED, OPENS),
    ],
)
def test_there_is_no_room_where_nothing_is_waited_for(room, state, now):
    room.terms = Terms(state, OPENS, CLOSES)
    assert room.ask(1, now) is None
    assert store().keys("room:*") == []


def test_who_comes_between_two_processes_that_disagree_about_the_opening_moves_nobody(room):
    """One process has seen the opening, another not yet: whoever asks it then is no early bird."""
    for who in range(10):
        room.ask(who, OPENS - timedelta(minutes=1))
    room.open()
    turns = {who: room.wait(who) for who in range(10)}
    room.terms = Terms(Offering.State.ANNOUNCED, OPENS, CLOSES)
    assert room.wait(77) == APART * 10
    room.open()
    assert {who: room.wait(who) for who in range(10)} == turns


def test_it_stands_open_while_valkey_is_away_and_does_not_ask_all_the_time(room, monkeypatch):
    room.open()
    asked = []

    def refuse(*told):
        asked.append(told)
        raise Unreachable("down")

    monkeypatch.setattr(store(), "eval", refuse)
    assert [room.ask(who) for who in range(50)] == [None] * 50
    assert len(asked) == 1


def test_who_comes_after_the_time_is_behind_those_before_it_although_it_is_not_open_yet(room):
    """The clock opens offerings every few seconds."""
    late = OPENS + timedelta(seconds=1)
    for who in range(5):
        assert room.ask(who, late + timedelta(milliseconds=who)).turn is None
    room.ask(77, OPENS - timedelta(milliseconds=1))
    room.open()
    assert [room.wait(who, late) for who in (77, 0, 1, 2)] == [APART * place for place in range(4)]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(waiting_room, "time", clock)
    monkeypatch.setattr(waiting_room, "_calm", {})
    return clock


@pytest.fixture
def asked(monkeypatch) -> list[int]:
    """Who was asked about."""
    people, ask = [], waiting_room._ask

    def noted(code, who, *more):
        people.append(who)
        return ask(code, who, *more)

    monkeypatch.setattr(waiting_room, "_ask", noted)
    return people


def program(who: int, now=OPENS):
    return waiting_room.place_of_program(offering_code=CODE, user_id=who, now=now)


def test_while_nobody_waits_programs_are_asked_about_once_in_a_while(room, clock, asked):
    room.open()
    assert [program(who) for who in range(100)] == [None] * 100
    assert asked == [0]
    clock.now += waiting_room.CALM
    assert program(100, OPENS + timedelta(seconds=1)) is None
    assert asked == [0, 100]


def test_those_who_came_in_unasked_are_in_front_of_the_next(room, clock):
    """Four hundred in a second are a rush: each takes a hundredth of one."""
    room.open()
    for who in range(401):
        program(who)
    clock.now += waiting_room.CALM
    later = OPENS + timedelta(seconds=1)
    place = program(401, later)
    assert place and place.turn - later == APART * 400 / 20
    assert program(402, later).turn == place.turn + APART / 20, "nobody comes in unasked any more"


def test_without_counting_them_the_rush_would_not_be_seen(room, clock, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(waiting_room, "PROGRAM", 0.0)
    room.open()
    for who in range(401):
        program(who)
    clock.now += waiting_room.CALM
    assert program(401, OPENS + timedelta(seconds=1)) is None


def test_a_line_of_people_ends_the_calm(room, clock, asked):
    room.open()
    assert program(1) is None
    for who in range(100, 160):
        room.ask(who)
    assert program(2) is not None


def test_before_the_opening_every_program_has_its_draw(room, clock, asked):
    before = OPENS - timedelta(minutes=1)
    assert [program(who, before).before for who in range(5)] == [1, 2, 3, 4, 5]
    assert asked == list(range(5))
