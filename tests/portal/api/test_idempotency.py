"""One key, one effect (decision 2)."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.db import connection
from django.http import JsonResponse
from django.utils import timezone

from fund.dealing.models import Subscription
from fund.dealing.subscription import withdraw
from portal.api import idempotency, subscriptions
from portal.api.kept import KeptAnswer
from tests.portal.api.conftest import CODE, Api, make_citizen, make_offering, order, problem

TOGETHER = 64


@pytest.mark.django_db
def test_a_key_is_asked_for(citizen, opened):
    answer = citizen.subscribe(key=None)
    assert answer.status_code == 400
    assert problem(answer)["code"] == "idempotency_key_missing"
    assert not Subscription.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["a b", '"', '""', "x" * 129, '"open', "キー", "a\\b"])
def test_a_key_has_a_form(citizen, opened, key):
    answer = citizen.subscribe(key=key)
    assert problem(answer)["code"] == "idempotency_key_missing"


@pytest.mark.django_db
def test_sent_again_the_first_answer_comes_again(citizen, opened):
    first = citizen.subscribe(key='"one"')
    again = citizen.subscribe(key='"one"')
    assert first.status_code == again.status_code == 201
    assert first.content == again.content
    assert first["Location"] == again["Location"]
    assert not first.has_header("Idempotency-Replayed")
    assert again["Idempotency-Replayed"] == "true"
    assert Subscription.objects.count() == 1


@pytest.mark.django_db
def test_quotes_and_spacing_make_no_other_request(citizen, opened):
    citizen.subscribe(key='"one"')
    again = citizen.post(
        "/subscriptions",
        b'{ "accepts": ["prospectus:1", "terms:1"], "amount": {"value": "100000", "currency": "JPY"}, "offering": "%s"}'
        % CODE.encode(),
        key="one",
    )
    assert again["Idempotency-Replayed"] == "true"


@pytest.mark.django_db
@pytest.mark.parametrize("body", [order("200000"), order(accepts=[]), {}, {"offering": 1}])
def test_another_body_is_refused_without_a_word_of_the_first_answer(citizen, opened, body):
    first = citizen.subscribe(key="one").json()
    answer = citizen.post("/subscriptions", body, key="one")
    assert answer.status_code == 422
    assert problem(answer)["code"] == "idempotency_key_reused"
    assert first["reference"].encode() not in answer.content
    assert Subscription.objects.count() == 1


@pytest.mark.django_db
def test_keys_belong_to_a_citizen(citizen, other, opened):
    assert citizen.subscribe(key="one").json()["reference"] != other.subscribe(key="one").json()["reference"]


@pytest.mark.django_db
def test_keys_belong_to_an_operation(citizen, opened):
    reference = citizen.subscribe(key="one").json()["reference"]
    answer = citizen.post(f"/subscriptions/{reference}/withdraw", {}, key="one")
    assert answer.status_code == 200
    assert answer.json()["status"] == "withdrawn"
    assert citizen.subscribe(key="one").json()["status"] == "placed", "the answer of then"


@pytest.mark.django_db
def test_a_key_names_one_order_to_withdraw(citizen, opened):
    one, two = (citizen.subscribe().json()["reference"] for _ in range(2))
    assert citizen.post(f"/subscriptions/{one}/withdraw", {}, key="w").status_code == 200
    answer = citizen.post(f"/subscriptions/{two}/withdraw", {}, key="w")
    assert problem(answer)["code"] == "idempotency_key_reused"
    assert Subscription.objects.get(reference=two).status == "placed"


@pytest.mark.django_db
@pytest.mark.parametrize("wrong", ["5000", "x"])
def test_a_refusal_is_not_kept_so_the_mended_request_may_use_its_key(citizen, opened, wrong):
    assert citizen.subscribe(wrong, key="one").status_code in (400, 422)
    assert not KeptAnswer.objects.exists()
    assert citizen.subscribe(key="one").status_code == 201


@pytest.mark.django_db
def test_effect_and_answer_stand_together_or_not_at_all(citizen, opened, monkeypatch):
    monkeypatch.setattr(idempotency, "keep", lambda kept: 1 / 0)
    assert citizen.subscribe(key="one").status_code == 500
    assert not Subscription.objects.exists()


@pytest.mark.django_db
def test_an_answer_that_was_kept_between_the_look_and_the_lock_rolls_the_second_effect_back(
    citizen, opened, monkeypatch
):
    citizen.subscribe(key="one")
    monkeypatch.setattr(idempotency, "alone", lambda *asked: None)
    monkeypatch.setattr(subscriptions.subscribing, "subscribe", lambda **told: a_visible_effect())
    answer = citizen.subscribe(key="one")
    assert answer.status_code == 409
    assert problem(answer)["code"] == "still_running"
    assert Subscription.objects.get().status == "placed"


def a_visible_effect() -> Subscription:
    order = Subscription.objects.get()
    return withdraw(reference=order.reference, holder_id=order.holder_id, now=timezone.now())


@pytest.mark.django_db
def test_answers_are_forgotten_after_thirty_days(citizen, opened):
    citizen.subscribe(key="one")
    assert idempotency.forget(now=timezone.now() + timedelta(days=29)) == 0
    assert idempotency.forget(now=timezone.now() + timedelta(days=31)) == 1


@pytest.mark.django_db
def test_after_that_the_domain_still_knows_the_order(citizen, opened):
    first = citizen.subscribe(key="one").json()["reference"]
    idempotency.forget(now=timezone.now() + timedelta(days=31))
    assert citizen.subscribe(key="one").json()["reference"] == first
    assert Subscription.objects.count() == 1


def all_at_once(api: Api) -> Counter[int]:
    """The same request from many devices at the same moment, which have connected one after the other before it.

    Sixty-four threads that connect at once share one interpreter: on a busy machine some would come too late (503).
    """
    start, turn, answers = threading.Barrier(TOGETHER), threading.Lock(), []

    def send() -> None:
        client = Api(**api.headers)
        with turn:
            connection.ensure_connection()
            connection.close_at = None  # not closed between the connecting and the request
        start.wait()
        answers.append(client.subscribe(key="one"))
        connection.close()

    threads = [threading.Thread(target=send) for _ in range(TOGETHER)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for answer in answers:
        if answer.status_code == 409:
            assert answer["Retry-After"] == "1"
            assert problem(answer)["code"] == "still_running"
    return Counter(answer.status_code for answer in answers)


@pytest.mark.django_db(transaction=True)
def test_sixty_four_at_once_have_one_effect():
    make_offering()
    api = Api(make_citizen().user)
    statuses = all_at_once(api)
    assert statuses.keys() <= {201, 409}
    assert statuses[201] >= 1
    assert Subscription.objects.count() == KeptAnswer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_without_the_kept_answer_they_would_have_many(monkeypatch):
    """Negative control: the protection taken away, every device gets an order of its own."""
    make_offering(maximum=10_000_000, capacity=10_000_000)
    api = Api(make_citizen().user)
    serial = iter(range(TOGETHER * 2))

    def unguarded(request, *, operation, act):
        done = act(f"unguarded-{next(serial)}")
        return JsonResponse(done.data, status=done.status)

    monkeypatch.setattr("portal.api.subscriptions.once", unguarded)
    all_at_once(api)
    assert Subscription.objects.count() == TOGETHER


@pytest.mark.django_db(transaction=True)
def test_a_second_request_does_not_queue_behind_the_first():
    make_offering()
    api = Api(make_citizen().user)
    name = f"{api.user.pk} subscribe one"
    with connection.cursor() as cursor:
        number = idempotency.lock_number(name)
        cursor.execute("SELECT pg_advisory_lock(%s)", [number])
        try:
            answers: list = []
            thread = threading.Thread(target=lambda: (answers.append(api.subscribe(key="one")), connection.close()))
            thread.start()
            thread.join(timeout=20)
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [number])
    assert answers[0].status_code == 409
    assert api.subscribe(key="one").status_code == 201


@contextmanager
def holder(api: Api, *, silence: int, holds: float = 5) -> Iterator[subprocess.Popen[str]]:
    """Another process of the site, which ``holds`` for so many seconds in the middle of the same order, and which
    PostgreSQL grants so many ms of silence.
    """
    settings = connection.settings_dict
    database = f"postgres://{settings['USER']}@/{settings['NAME']}?host={settings['HOST']}&port={settings['PORT']}"
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "tests.portal.api.holder",
            api.headers["X-Session-Token"],
            "one",
            str(silence),
            str(holds),
        ],
        env={**os.environ, "DATABASE_URL": database, "DJANGO_SETTINGS_MODULE": "portal.settings"},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "holding\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def seconds_until_taken(api: Api) -> float:
    began = time.monotonic()
    while (answer := api.subscribe(key="one")).status_code == 409:
        assert time.monotonic() - began < 60, "the key is never free again"
        time.sleep(0.1)
    assert answer.status_code == 201
    return time.monotonic() - began


@pytest.mark.django_db(transaction=True)
def test_a_killed_holder_leaves_neither_its_order_nor_its_lock():
    make_offering()
    api = Api(make_citizen().user)
    with holder(api, silence=600_000, holds=600) as process:
        assert api.subscribe(key="one").status_code == 409
        process.kill()
        assert seconds_until_taken(api) < 60, "the holder would not have ended by itself"
    assert Subscription.objects.count() == KeptAnswer.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(("silence", "its_own"), [(500, "503\n"), (60_000, "201\n")])
def test_a_holder_that_falls_silent_loses_the_key(silence, its_own):
    """Beside it the negative control: with more patience the holder keeps the key and ends its order itself."""
    make_offering()
    api = Api(make_citizen().user)
    with holder(api, silence=silence) as process:
        if silence == 500:
            process.send_signal(signal.SIGSTOP)
        assert seconds_until_taken(api) < 60
        process.send_signal(signal.SIGCONT)
        assert process.communicate(timeout=60)[0] == its_own
    assert Subscription.objects.count() == KeptAnswer.objects.count() == 1


def raw(address: str, api: Api, body: bytes, *, announced: int) -> None:
    """Send an order and hang up before the answer."""
    host, port = address.removeprefix("http://").split(":")
    head = (
        f"POST /api/v1/subscriptions HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {announced}\r\nIdempotency-Key: one\r\n"
        f"X-Session-Token: {api.headers['X-Session-Token']}\r\n\r\n"
    )
    with socket.create_connection((host, int(port)), timeout=10) as connected:
        connected.sendall(head.encode() + body)


@pytest.mark.django_db(transaction=True)
def test_after_a_dropped_connection_the_order_stands_once(live_server):
    make_offering()
    api = Api(make_citizen().user)
    body = json.dumps(order()).encode()
    raw(live_server.url, api, body, announced=len(body))
    deadline = time.monotonic() + 20
    while not KeptAnswer.objects.exists():
        assert time.monotonic() < deadline, "the order was never taken"
        time.sleep(0.05)
    again = api.subscribe(key="one")
    assert again.status_code == 201
    assert again["Idempotency-Replayed"] == "true"
    assert Subscription.objects.get().reference == again.json()["reference"]


@pytest.mark.django_db(transaction=True)
def test_half_an_order_is_none(live_server):
    make_offering()
    api = Api(make_citizen().user)
    body = json.dumps(order()).encode()
    raw(live_server.url, api, body[:40], announced=len(body))
    assert not Subscription.objects.exists()
    answer = api.subscribe(key="one")
    assert answer.status_code == 201
    assert not answer.has_header("Idempotency-Replayed")


@pytest.mark.django_db
def test_a_kept_answer_is_sealed(citizen, opened):
    reference = citizen.subscribe(key="one").json()["reference"]
    kept = KeptAnswer.objects.get()
    assert reference.encode() not in bytes(kept.sealed)
    assert reference.encode() in kept.body, "negative control: it is in the answer"
    assert citizen.subscribe(key="one").content == kept.body
