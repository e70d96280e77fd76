"""The page of webhooks: registered after a fresh proof, how it stands, what was sent, sending again, removing."""

import re
from typing import Any

import pytest

from investors.people import Investor
from portal import step_up
from portal.webhooks.delivering import Outcome, record
from portal.webhooks.models import Webhook, WebhookDelivery
from tests.portal.web.stage import NOW

PAGE = "/en/account/security/webhooks"
ASKED = {"url": "https://app.example.com/4fzk2v", "kinds": ["subscription.funded", "nav.published"]}


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


@pytest.fixture
def client(hanako: Investor, signed_in: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(step_up, "lacking", lambda **_: None)
    monkeypatch.setattr(step_up, "second_factor_first", lambda _request: None)
    return signed_in(hanako)


def test_from_registering_to_removing(client: Any) -> None:
    assert client.post(PAGE, ASKED).status_code == 302
    page = text(client.get(PAGE))
    assert "https://app.example.com/4fzk2v Not confirmed yet" in page and "Orders were paid" in page
    webhook = Webhook.objects.get()
    ping = webhook.deliveries.select_related("webhook").get()
    record(delivery=ping, outcome=Outcome(500, "status"), now=NOW)
    assert "1 attempt · The address answered 500." in text(client.get(PAGE))
    record(delivery=ping, outcome=Outcome(200), now=NOW)
    assert "有効" in text(client.get(PAGE.replace("/en/", "/ja/")))
    told = WebhookDelivery.objects.create(
        webhook=webhook, kind="subscription.funded", note_id=1, happened_at=NOW, due_at=NOW, done_at=NOW
    )
    again = client.post(f"{PAGE}/{webhook.pk}/replay", {"delivery": told.pk}, follow=True)
    assert "1 delivery is sent again." in text(again)
    again = client.post(f"{PAGE}/{webhook.pk}/replay", {"days": "7"}, follow=True)
    assert "0 deliveries are sent again." in text(again)
    assert "A ping is on its way" in text(client.post(f"{PAGE}/{webhook.pk}/ping", follow=True))
    assert "Removed. Nothing is sent" in text(client.post(f"{PAGE}/{webhook.pk}/remove", follow=True))
    assert "app.example.com" not in text(client.get(PAGE))


def test_what_is_wrong_stands_beside_its_field(client: Any) -> None:
    answer = client.post(PAGE, ASKED | {"url": "https://169.254.169.254/latest"})
    assert answer.status_code == 422 and "a public name" in text(answer)
    assert client.post(PAGE, ASKED | {"kinds": []}).status_code == 422
    assert client.post(PAGE, ASKED | {"kinds": ["security.changed"]}).status_code == 422
    client.post(PAGE, ASKED)
    assert "registered already" in text(client.post(PAGE, ASKED))


def test_without_a_fresh_proof_nothing_is_registered(hanako: Investor, signed_in: Any) -> None:
    answer = signed_in(hanako).post(PAGE, ASKED)
    assert answer.status_code == 302 and "reauthenticate" in answer["Location"]
    assert not Webhook.objects.exists()


def test_anothers_webhook_answers_as_a_missing_one(client: Any, everything: Any, signed_in: Any) -> None:
    client.post(PAGE, ASKED)
    webhook = Webhook.objects.get()
    Webhook.objects.update(user=everything.neu.user)
    for act in ("ping", "remove", "replay"):
        assert client.post(f"{PAGE}/{webhook.pk}/{act}", {"days": "1"}).status_code == 404
    assert "app.example.com" not in text(client.get(PAGE))
    assert Webhook.objects.get().state == Webhook.State.UNCONFIRMED
