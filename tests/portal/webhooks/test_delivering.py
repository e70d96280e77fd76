"""Events reach the endpoints that want them: once each or again by the same id, bounded in time, and none is lost."""

import itertools
import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from fund.governance.audit import Act
from fund.governance.outbox import Note
from fund.refusal import Refusal
from portal import relay
from portal.accounts import User
from portal.notices import send as notices
from portal.notices.send import AUDIENCES
from portal.webhooks import delivering, endpoints, events
from portal.webhooks.events import KINDS, WITHHELD, announce
from portal.webhooks.models import MOST, PING, Webhook, WebhookDelivery
from tests.gate import meanwhile
from tests.portal.webhooks.conftest import NOW, Clock, happened
from tests.portal.webhooks.receiver import Receiver, always, answer

pytestmark = pytest.mark.django_db
State = Webhook.State
type Register = Callable[..., Webhook]


def deliver(clock: Clock, **passes: float) -> int:
    clock.passes(**passes)
    return delivering.deliver_due(clock=clock)


def deliver_all(clock: Clock) -> None:
    while deliver(clock):
        pass


def fund(user: User, clock: Clock, *orders: str) -> Note:
    note = happened("subscription.funded", user, now=clock.now, orders=list(orders) or ["RF18539007547034"])
    announce(note=note, now=clock.now)
    return note


def state(webhook: Webhook) -> str:
    return Webhook.objects.get(pk=webhook.pk).state


def refusal(act: Callable[[], Any]) -> str:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.code


# ── registering, and the proof that the endpoint wants it ──
def test_an_endpoint_is_active_after_it_has_answered_the_challenge(
    register: Register, receiver: Receiver, clock: Clock
):
    webhook = register()
    assert webhook.state == State.UNCONFIRMED
    deliver(clock)
    (ping,) = receiver.events
    assert ping.keys() == {"id", "type", "time", "webhook", "read", "challenge"}
    assert (ping["type"], ping["webhook"]) == (PING, str(webhook.pk))
    assert state(webhook) == State.ACTIVE


ECHO: dict[str, Any] = {
    "repeats everything": lambda asked, body: answer(asked, 200, body),
    "says yes": always(200),
    "is no object": lambda asked, body: answer(asked, 200, b"[1]"),
    "answers another": lambda asked, body: answer(asked, 200, b'{"challenge": "1"}'),
    "moves away": always(302, Location="/elsewhere"),
}


@pytest.mark.parametrize("behave", ECHO.values(), ids=ECHO)
def test_whoever_does_not_answer_it_is_told_nothing(
    register: Register, receiver: Receiver, clock: Clock, hanako: User, behave: Any
):
    receiver.behave = behave
    webhook = register()
    for _attempt in range(delivering.PING_ATTEMPTS + 3):
        deliver(clock, minutes=15)
    fund(hanako, clock)
    assert deliver(clock, minutes=15) == 0
    assert [one["type"] for one in receiver.events] == [PING] * delivering.PING_ATTEMPTS
    assert state(webhook) == State.UNCONFIRMED
    assert WebhookDelivery.objects.get().dead_at is not None


def test_without_the_challenge_a_stranger_would_be_written_to(
    register: Register, receiver: Receiver, clock: Clock, hanako: User, monkeypatch: pytest.MonkeyPatch
):
    """Negative control of the test above."""
    monkeypatch.setattr(delivering, "is_answered", lambda *_told: True)
    receiver.behave = ECHO["says yes"]
    register()
    deliver(clock)
    fund(hanako, clock)
    assert deliver(clock) == 1 and receiver.events[-1]["type"] == "subscription.funded"


def test_an_account_has_a_few_endpoints_and_each_address_once(register: Register, hanako: User):
    first, *_others = [register(f"/{number}") for number in range(MOST)]
    assert refusal(lambda: register("/more")) == "too_many_webhooks"
    assert refusal(lambda: register("/0")) == "webhook_exists"
    endpoints.remove(webhook=first, now=NOW)
    assert register("/0").place == 1, "a place that is free is taken again"
    with pytest.raises(IntegrityError), transaction.atomic():
        Webhook.objects.filter(place=1).update(place=MOST + 1)


def test_registering_and_removing_in_a_circle_ends(register: Register):
    for number in range(endpoints.REGISTERED_A_DAY):
        endpoints.remove(webhook=register(f"/{number}"), now=NOW)
    assert refusal(register) == "too_many_tries"
    assert register(now=NOW + timedelta(days=1)).state == State.UNCONFIRMED


def test_without_a_key_nothing_is_offered(register: Register, settings: Any):
    settings.WEBHOOK_KEYS = []
    assert refusal(register) == "webhooks_not_offered"


def test_the_address_stands_nowhere_in_clear_and_goes_with_the_endpoint(register: Register, receiver: Receiver):
    webhook = register("/4fzk2v-hanako")
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(w)::text FROM portal_webhook w")
        assert "hanako" not in cursor.fetchone()[0]
    assert Webhook.objects.get().address == f"{receiver.url}/4fzk2v-hanako"
    endpoints.remove(webhook=webhook, now=NOW)
    assert Webhook.objects.get().url is None and not WebhookDelivery.objects.exists()


def test_what_is_done_with_endpoints_is_told_and_written_down(register: Register, hanako: User):
    endpoints.remove(webhook=register(), now=NOW)
    notes = Note.objects.filter(topic="security.changed")
    assert [note.payload["change"] for note in notes.order_by("pk")] == ["webhook_registered", "webhook_removed"]
    assert [notices.send(note=note, now=NOW) for note in notes] == [1, 1]
    assert Act.objects.filter(verb__startswith="webhook_", subject=f"user:{hanako.pk}").count() == 2


def test_pings_are_counted(active: Webhook):
    for _ping in range(endpoints.PINGS_AN_HOUR - 1):
        endpoints.ping(webhook=active, now=NOW)
    assert refusal(lambda: endpoints.ping(webhook=active, now=NOW)) == "too_many_tries"


# ── who is told of what ──
def test_an_event_holds_ids_kind_time_and_where_to_read(
    active: Webhook, receiver: Receiver, clock: Clock, hanako: User
):
    fund(hanako, clock, "RF18539007547034", "RF51S2K7F9Q3M")
    deliver(clock)
    (event,) = receiver.events
    assert event.pop("id") == str(WebhookDelivery.objects.get(kind="subscription.funded").pk)
    assert event == {
        "type": "subscription.funded",
        "time": "2026-11-25T09:00:00Z",
        "webhook": str(active.pk),
        "read": ["/api/v1/subscriptions/RF18539007547034", "/api/v1/subscriptions/RF51S2K7F9Q3M"],
    }


@pytest.mark.parametrize("topic", KINDS)
def test_every_kind_reaches_its_owner_and_says_where_to_read(active: Webhook, hanako: User, topic: str):
    other = User.objects.create_user("taro@example.org")
    Webhook.objects.update(kinds=[topic])
    subjects = {"order": "RF18539007547034", "orders": ["RF18539007547034"], "offering": "JP-2026-1", "plan": "01a2"}
    note = happened(topic, hanako, **subjects, redemption="01a2170e-3015-7600-acc9-a314e1e07957")
    assert [announce(note=note, now=NOW) for _twice in range(2)] == [1, 0]
    told = WebhookDelivery.objects.get(kind=topic)
    assert told.reads and all(read.startswith(f"/api/v1{KINDS[topic].path}") for read in told.reads[:1])
    if not KINDS[topic].public:
        assert announce(note=happened(topic, other, orders=["RF51S2K7F9Q3M"]), now=NOW) == 0, "somebody else's"
    Webhook.objects.update(kinds=[])
    assert announce(note=happened(topic, hanako), now=NOW) == 0, "nobody asked for it"


def test_without_the_inbox_in_the_question_everybodys_events_would_be_told(
    active: Webhook, monkeypatch: pytest.MonkeyPatch
):
    """Negative control: were a private kind public, an endpoint would hear of somebody else's order."""
    other = User.objects.create_user("taro@example.org")
    monkeypatch.setitem(events.KINDS, "subscription.funded", events.Kind("Paid", "/subscriptions", public=True))
    assert announce(note=happened("subscription.funded", other), now=NOW) == 1


def test_every_topic_of_the_inbox_is_told_or_withheld_on_purpose():
    """A new topic goes into ``KINDS``, or into ``WITHHELD``."""
    assert {topic for topic, kind in KINDS.items() if not kind.public} | WITHHELD == set(AUDIENCES)
    assert KINDS.keys() & WITHHELD == set()
    for topic, kind in KINDS.items():
        assert ("announce" if kind.public else "notify") in relay.TASKS[topic]


def test_security_is_told_to_its_owner_and_to_no_program(active: Webhook, hanako: User):
    Webhook.objects.update(kinds=["security.changed"])
    assert announce(note=happened("security.changed", hanako), now=NOW) == 0


# ── attempts ──
def test_the_same_id_in_every_attempt_until_it_arrives(active: Webhook, receiver: Receiver, clock: Clock, hanako: User):
    answers = itertools.chain([500, 302, 404], itertools.repeat(204))
    receiver.behave = lambda asked, body: answer(asked, next(answers))
    fund(hanako, clock)
    for _attempt in range(6):
        deliver(clock, minutes=1)
    assert len(receiver.events) == 4 and len({event["id"] for event in receiver.events}) == 1
    assert len({sent.body for sent in receiver.sent}) == 1
    assert len({sent.headers["Signature"] for sent in receiver.sent}) == 4, "each with a signature of its own time"
    told = WebhookDelivery.objects.get(kind="subscription.funded")
    assert (told.state, told.attempts, told.status, told.error) == ("delivered", 4, 204, "")


def test_pauses_grow_and_vary_and_end():
    assert delivering.FIRST_PAUSE / 2 <= delivering.pause(1) <= delivering.FIRST_PAUSE
    assert len({delivering.pause(8) for _ in range(20)}) > 5
    longest = sum((delivering.pause(number) for number in range(1, delivering.ATTEMPTS)), timedelta())
    assert timedelta(hours=10) < longest < timedelta(hours=30)
    assert delivering.pause(60) <= delivering.LONGEST_PAUSE


def test_what_never_arrives_is_given_up_and_disables_its_endpoint(
    active: Webhook, receiver: Receiver, clock: Clock, hanako: User
):
    receiver.behave = always(500)
    fund(hanako, clock)
    for _attempt in range(delivering.ATTEMPTS + 3):
        deliver(clock, hours=7)
    assert len(receiver.events) == delivering.ATTEMPTS
    told = WebhookDelivery.objects.get(kind="subscription.funded")
    assert (told.state, told.attempts, told.status, told.error) == ("failed", delivering.ATTEMPTS, 500, "status")
    assert state(active) == State.DISABLED
    assert Note.objects.latest("pk").payload["change"] == "webhook_disabled"
    fund(hanako, clock)
    assert deliver(clock, hours=7) == 0, "what happens meanwhile waits"
    receiver.behave = Receiver().behave
    receiver.sent.clear()
    endpoints.ping(webhook=active, now=clock.now)
    deliver_all(clock)
    assert state(active) == State.ACTIVE
    assert [event["type"] for event in receiver.events] == [PING, "subscription.funded"]


def test_an_endpoint_at_which_others_arrive_stays_active(
    active: Webhook, receiver: Receiver, clock: Clock, hanako: User
):
    fund(hanako, clock, "RF-BAD")
    bad = str(WebhookDelivery.objects.get(kind="subscription.funded").pk)
    receiver.behave = lambda asked, body: answer(asked, 500 if bad.encode() in body else 200)
    for _attempt in range(delivering.ATTEMPTS):
        deliver(clock, hours=7)
        fund(hanako, clock)
        deliver(clock, minutes=11)
    assert WebhookDelivery.objects.get(pk=bad).state == "failed"
    assert state(active) == State.ACTIVE


def test_an_endpoint_that_is_gone_is_disabled_at_once(active: Webhook, receiver: Receiver, clock: Clock, hanako: User):
    receiver.behave = always(410)
    fund(hanako, clock)
    deliver(clock)
    assert state(active) == State.DISABLED


def test_a_failing_endpoint_rests_with_all_that_waits_for_it(
    active: Webhook, receiver: Receiver, clock: Clock, hanako: User
):
    receiver.behave = always(503)
    for _event in range(20):
        fund(hanako, clock)
    for _second in range(60):
        deliver(clock, seconds=1)
    assert len(receiver.events) < 8, "not twenty, and not sixty"


def test_a_slow_endpoint_keeps_nobody_waiting(register: Register, receiver: Receiver, clock: Clock, hanako: User):
    """Each endpoint has a lane of its own: while one is on its way, the other is told everything."""
    register("/slow"), register("/quick")
    deliver(clock)
    receiver.sent.clear()
    all_told = threading.Event()

    def behave(asked: Any, body: bytes) -> None:
        if asked.path == "/hook/slow":
            assert all_told.wait(5)
        elif [one.path for one in receiver.sent].count("/hook/quick") == 3:
            all_told.set()
        answer(asked, 204)

    receiver.behave = behave
    for _event in range(3):
        fund(hanako, clock)
    assert deliver(clock) == 6
    assert [one.path for one in receiver.sent].count("/hook/quick") == 3
    assert not WebhookDelivery.objects.filter(done_at=None).exists()


def test_strangers_who_answer_slowly_never_hold_a_second_worker(
    register: Register, receiver: Receiver, clock: Clock, hanako: User
):
    slow, _quick = register("/slow"), register("/quick")
    deliver(clock)
    Webhook.objects.filter(pk=slow.pk).update(claimed_until=clock.now + delivering.CLAIM)
    fund(hanako, clock)
    assert deliver(clock) == 0
    assert deliver(clock, seconds=61) == 2, "a worker that died makes room in the end"


@pytest.mark.django_db(transaction=True)
def test_an_endpoint_that_is_served_while_another_worker_looks_is_left_free(
    active: Webhook, receiver: Receiver, clock: Clock, hanako: User
):
    """Two workers, of which one's clock is ahead: it has found what the other has sent before it could lock it."""
    fund(hanako, clock)
    ahead = clock.now + timedelta(hours=1)
    claimed, sent = meanwhile(lambda: delivering.claim(now=ahead, most=1), lambda: delivering.deliver_due(clock=clock))
    assert (claimed, sent, len(receiver.events)) == ([], 1, 1)
    assert not delivering.is_at_work(now=clock.now), "nobody sleeps for a minute over nothing"


def test_a_worker_that_dies_between_sending_and_writing_sends_again_by_the_same_id(
    active: Webhook, receiver: Receiver, clock: Clock, hanako: User, monkeypatch: pytest.MonkeyPatch
):
    fund(hanako, clock)
    with monkeypatch.context() as dying, pytest.raises(KeyboardInterrupt):
        dying.setattr(delivering, "record", lambda **_told: (_ for _ in ()).throw(KeyboardInterrupt))
        deliver(clock)
    assert deliver(clock) == 0
    assert deliver(clock, seconds=61) == 1
    assert len(receiver.events) == 2 and len({event["id"] for event in receiver.events}) == 1


def test_what_is_at_fault_with_one_stops_no_other(register: Register, receiver: Receiver, clock: Clock):
    broken = register("/broken")
    register("/sound")
    Webhook.objects.filter(pk=broken.pk).update(url=b"\0\1" + bytes(100))
    assert deliver(clock) == 2
    assert [one.path for one in receiver.sent] == ["/hook/sound"]
    assert broken.deliveries.get().error == "fault" and broken.deliveries.get().attempts == 1


def test_nothing_is_sent_for_an_account_that_is_closed(active: Webhook, hanako: User, clock: Clock):
    User.objects.update(is_active=False)
    fund(hanako, clock)
    assert deliver(clock) == 0


# ── again ──
def test_one_delivery_or_all_since_a_time_is_sent_again_by_its_id(
    active: Webhook, receiver: Receiver, clock: Clock, hanako: User
):
    for _day in range(3):
        fund(hanako, clock)
        deliver_all(clock)
        clock.passes(days=1)
    first, second, third = [event["id"] for event in receiver.events]
    receiver.sent.clear()
    assert endpoints.replay(webhook=active, delivery=WebhookDelivery(pk=first).pk, now=clock.now) == 1
    deliver_all(clock)
    assert endpoints.replay(webhook=active, since=NOW + timedelta(days=1), now=clock.now) == 2
    assert endpoints.replay(webhook=active, since=NOW, now=clock.now) == 1, "what waits already is not touched"
    deliver_all(clock)
    assert [event["id"] for event in receiver.events] == [first, first, second, third]
    assert endpoints.replay(webhook=active, delivery=uuid4(), now=clock.now) == 0


def test_deliveries_are_kept_for_a_month_and_removed_endpoints_for_a_day(active: Webhook, hanako: User, clock: Clock):
    fund(hanako, clock)
    assert endpoints.forget(now=NOW + timedelta(days=29)) == 0
    assert endpoints.forget(now=NOW + timedelta(days=31)) == 2 and Webhook.objects.exists()
    endpoints.remove(webhook=active, now=NOW)
    endpoints.forget(now=NOW + timedelta(days=2))
    assert not Webhook.objects.exists()


def test_the_sites_own_role_may_do_all_of_this(
    active: Webhook, register: Register, receiver: Receiver, clock: Clock, hanako: User, as_site: None
):
    endpoints.ping(webhook=register("/other"), now=NOW)
    fund(hanako, clock)
    deliver(clock)
    endpoints.remove(webhook=active, now=NOW)
    endpoints.forget(now=NOW + timedelta(days=40))
    assert len(receiver.events) == 3
