"""Webhooks through the API: registered after a fresh proof, confirmed by a ping, told, sent again, removed."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from jsonschema import Draft202012Validator

from portal import relay, step_up, tasks
from portal.api import webhooks
from portal.webhooks import delivering
from portal.webhooks.events import announce
from portal.webhooks.models import PING, Webhook, WebhookDelivery
from tests.portal.api.conftest import Api, pointers, problem
from tests.portal.api.test_schema import DOCUMENT
from tests.portal.webhooks.conftest import happened
from tests.portal.webhooks.receiver import Receiver, always, listening

pytestmark = pytest.mark.django_db
ASKED = {"url": "https://app.example.com/4fzk2v", "events": ["subscription.funded", "offering.settled"]}
ORDER = "RF18539007547034"


@pytest.fixture
def _proved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(step_up, "lacking", lambda **_: None)


@pytest.fixture
def receiver(settings: Any) -> Iterator[Receiver]:
    settings.WEBHOOK_LOOPBACK = True
    with listening() as found:
        yield found


@pytest.fixture
def webhook(citizen: Api, receiver: Receiver, _proved: None) -> str:
    """The id of an active endpoint of the citizen's."""
    answer = citizen.post("/webhooks", ASKED | {"url": receiver.url})
    assert answer.status_code == 201, answer.content
    assert answer.json()["state"] == "unconfirmed"
    assert delivering.deliver_due(clock=timezone.now) == 1
    return str(answer.json()["id"])


def tell(citizen: Api) -> None:
    assert citizen.user is not None
    announce(note=happened("subscription.funded", citizen.user, now=timezone.now(), orders=[ORDER]), now=timezone.now())
    assert delivering.deliver_due(clock=timezone.now) == 1


def test_from_registering_to_sending_again(citizen: Api, webhook: str, receiver: Receiver):
    assert citizen.get(f"/webhooks/{webhook}").json()["state"] == "active"
    tell(citizen)
    sent = receiver.events[-1]
    latest, ping = citizen.get(f"/webhooks/{webhook}/deliveries").json()["results"]
    assert (latest["id"], latest["state"], latest["read"]) == (sent["id"], "delivered", sent["read"])
    assert (ping["type"], ping["state"], ping["due_at"]) == (PING, "delivered", None)
    assert citizen.post(f"/webhooks/{webhook}/deliveries/{latest['id']}/replay", {}).json() == {"replayed": 1}
    assert citizen.post(f"/webhooks/{webhook}/deliveries/{ping['id']}/replay", {}).json() == {"replayed": 0}
    assert citizen.get(f"/webhooks/{webhook}/deliveries").json()["results"][0]["state"] == "waiting"
    delivering.deliver_due(clock=timezone.now)
    since = f"{timezone.now() - timedelta(days=1):%Y-%m-%dT%H:%M:%SZ}"
    assert citizen.post(f"/webhooks/{webhook}/replay", {"since": since}).json() == {"replayed": 1}
    delivering.deliver_due(clock=timezone.now)
    assert [event["id"] for event in receiver.events[1:]] == [sent["id"]] * 3
    assert citizen.ask("DELETE", f"/webhooks/{webhook}").status_code == 204
    assert citizen.get(f"/webhooks/{webhook}").status_code == 404
    assert citizen.get("/webhooks").json()["results"] == []


def run_due_tasks() -> None:
    """What the scheduler and the workers do."""
    due: list[tuple[str, int]] = []
    relay.sweep(now=timezone.now(), send=lambda task, number: due.append((task, number)))
    for task, number in due:
        tasks.app.tasks[f"portal.{task}"].run(number)
    tasks.deliver_to_webhooks()


def test_an_order_is_told_to_its_owners_app_and_read_by_its_owner_alone(
    citizen: Api, other: Api, opened: Any, webhook: str, receiver: Receiver
):
    assert tasks.SCHEDULE["webhooks"]["task"] == tasks.deliver_to_webhooks.name
    Webhook.objects.update(kinds=["subscription.placed"])
    order = citizen.subscribe().json()["reference"]
    other.subscribe()
    run_due_tasks()
    _ping, event = receiver.events
    assert (event["type"], event["read"]) == ("subscription.placed", [f"/api/v1/subscriptions/{order}"])
    path = event["read"][0].removeprefix("/api/v1")
    assert citizen.get(path).json()["reference"] == order
    assert other.get(path).status_code == 404
    run_due_tasks()
    assert len(receiver.events) == 2


def test_a_failed_delivery_says_why(citizen: Api, webhook: str, receiver: Receiver):
    receiver.behave = always(500)
    tell(citizen)
    told = citizen.get(f"/webhooks/{webhook}/deliveries").json()["results"][0]
    assert (told["state"], told["attempts"], told["status"], told["error"]) == ("waiting", 1, 500, "status")
    assert told["due_at"] > told["tried_at"]


def test_without_a_fresh_proof_nothing_is_registered(citizen: Api):
    assert problem(citizen.post("/webhooks", ASKED))["code"] == "step_up_required"
    assert citizen.get("/webhooks").json()["results"] == []


@pytest.mark.usefixtures("_proved")
def test_sent_twice_it_is_registered_once(citizen: Api):
    first, second = (citizen.post("/webhooks", ASKED, key="same") for _twice in range(2))
    assert first.json() == second.json() and second["Idempotency-Replayed"] == "true"
    assert first["Location"] == f"/api/v1/webhooks/{first.json()['id']}"
    assert problem(citizen.post("/webhooks", ASKED))["code"] == "webhook_exists"


@pytest.mark.usefixtures("_proved")
def test_what_is_wrong_is_pointed_at(citizen: Api, settings: Any):
    for url in ("http://app.example.com/", "https://10.0.0.1/", "https://localhost/", "http://127.0.0.1:9000/"):
        answer = citizen.post("/webhooks", ASKED | {"url": url})
        assert (answer.status_code, pointers(answer)) == (422, ["/url"])
    for events in ([], ["security.changed"], ["nothing.happened"], "subscription.funded", [1]):
        answer = citizen.post("/webhooks", ASKED | {"events": events})
        assert answer.status_code == 400 and pointers(answer)[0].startswith("/events")
    for number in range(5):
        assert citizen.post("/webhooks", ASKED | {"url": f"https://app.example.com/{number}"}).status_code == 201
    assert problem(citizen.post("/webhooks", ASKED))["code"] == "too_many_webhooks"
    settings.WEBHOOK_KEYS = []
    assert problem(citizen.post("/webhooks", ASKED))["code"] == "webhooks_not_offered"


@pytest.mark.parametrize(
    "since", ["2026-01-01", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00+09:00", "yesterday", 1, ""]
)
def test_a_time_that_is_none_is_refused(citizen: Api, webhook: str, since: Any):
    answer = citizen.post(f"/webhooks/{webhook}/replay", {"since": since})
    assert answer.status_code == 400 and pointers(answer) == ["/since"]


def test_pings_have_an_end(citizen: Api, webhook: str):
    answers = [citizen.post(f"/webhooks/{webhook}/ping", {}).status_code for _ping in range(12)]
    assert answers == [201] * 11 + [429]
    assert problem(citizen.post(f"/webhooks/{webhook}/ping", {}))["code"] == "too_many_tries"


def test_the_keys_are_for_everybody(anonymous: Api, settings: Any):
    answer = anonymous.get("/webhook-keys")
    assert answer["Cache-Control"] == "public, max-age=3600"
    assert [key["kty"] for key in answer.json()["keys"]] == ["OKP"] * len(settings.WEBHOOK_KEYS)
    for secret in settings.WEBHOOK_KEYS:
        assert secret not in answer.content.decode()


def form(name: str) -> Draft202012Validator:
    reference = {"$ref": f"#/components/schemas/{name}", "components": DOCUMENT["components"]}
    return Draft202012Validator(json.loads(json.dumps(reference, default=str)))


def test_the_document_describes_what_is_really_sent(citizen: Api, webhook: str, receiver: Receiver):
    tell(citizen)
    ping, event = receiver.events
    shown = {"PingForm": (ping, webhooks.SENT_PING), "EventForm": (event, webhooks.SENT_EVENT)}
    for name, (sent, example) in shown.items():
        assert form(name).is_valid(sent) and form(name).is_valid(example)
        assert sent.keys() == example.keys() == DOCUMENT["components"]["schemas"][name]["properties"].keys()
    assert not form("EventForm").is_valid(ping), "negative control"
    for hook, name in {"event": "EventForm", "ping": "PingForm"}.items():
        content = DOCUMENT["webhooks"][hook]["post"]["requestBody"]["content"]["application/json"]
        assert content["schema"] == {"$ref": f"#/components/schemas/{name}"}
        (example,) = content["examples"].values()
        assert example["value"] == shown[name][1]


def test_deliveries_are_kept_for_a_month(citizen: Api, webhook: str):
    WebhookDelivery.objects.update(happened_at=timezone.now() - timedelta(days=31))
    tasks.forget_answers()
    assert citizen.get(f"/webhooks/{webhook}/deliveries").json()["results"] == []
