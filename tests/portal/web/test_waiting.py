"""The waiting room as people see it; what they sent while they waited is neither lost nor let past its check."""

import re
import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from fund.dealing.models import Offering, Subscription
from investors.people import Investor
from portal import waiting_room
from portal.store import store
from tests.portal.web import stage
from tests.portal.web.reading import english, forbidden
from tests.portal.web.stage import NOW

HERE = "/en/account/subscribe/JP-2026-2"
ACCEPTS = ["prospectus:1", "terms:1"]


@pytest.fixture
def rush(hanako: Investor, current: Offering, settings: Any, monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """Three hundred came before her; how long she waits."""
    settings.WAITING_ROOM_RATE = 5.0
    monkeypatch.setattr(waiting_room, "_away_until", 0.0)
    waiting_room.known.cache_clear()
    store().flushdb()
    for number in range(300):
        waiting_room.place(offering_code=current.pk, user_id=-number, now=NOW)
    return timedelta(seconds=60)


def at(monkeypatch: pytest.MonkeyPatch, moment: Any) -> None:
    monkeypatch.setattr(timezone, "now", lambda: moment)


def client_of(investor: Investor) -> Client:
    """One whose forms are checked."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(investor.user)
    return client


def hidden(html: str, name: str) -> str:
    return re.search(rf'name="{name}" value="([^"]*)"', html)[1]


def test_the_page_says_where_one_stands_and_comes_again_by_itself(rush, hanako) -> None:
    client = client_of(hanako)
    for language, words in (("en", "Your turn comes in about 1 minute."), ("ja", "あと約1分で順番になります。")):
        answer = client.get(HERE.replace("en", language, 1))
        html = answer.content.decode()
        assert answer.status_code == 200
        assert answer["Cache-Control"] == "no-store"
        assert words in html
        assert '<noscript><meta http-equiv="refresh" content="15;url=' in html
        assert forbidden(html) == []
        assert language == "en" or english(html) == []
    part = client.get(HERE, headers={"HX-Request": "true"}).content.decode()
    assert part.lstrip().startswith("<div") and 'hx-trigger="load delay:15s"' in part


def test_at_ones_turn_the_page_comes_also_where_a_script_asks(rush, hanako, monkeypatch) -> None:
    client = client_of(hanako)
    client.get(HERE)
    at(monkeypatch, NOW + rush)
    assert client.get(HERE, headers={"HX-Request": "true"})["HX-Redirect"] == HERE
    assert 'name="amount"' in client.get(HERE).content.decode()


def test_before_the_opening_one_waits_for_it(hanako, keys, settings, monkeypatch) -> None:
    settings.WAITING_ROOM_RATE = 5.0
    store().flushdb()
    stage.announce("JP-2026-5", opens=NOW + timedelta(minutes=10), closes=NOW + timedelta(days=9))
    waiting_room.known.cache_clear()
    for language, words in (("en", "The offering opens soon"), ("ja", "まもなく募集が始まります")):
        html = client_of(hanako).get(f"/{language}/account/subscribe/JP-2026-5").content.decode()
        assert words in html
        assert language == "en" or english(html) == []


def test_who_is_not_signed_in_is_asked_to_and_takes_no_place(rush) -> None:
    answer = Client().get(HERE)
    assert (answer.status_code, answer["Location"].partition("?")[0]) == (302, "/en/account/login/")
    assert len(store().keys("room:*:turn:*")) == 300


def test_an_order_that_is_sent_while_waiting_is_placed_at_ones_turn_as_of_then(
    rush, hanako, current, settings, monkeypatch
) -> None:
    client = client_of(hanako)
    settings.WAITING_ROOM_RATE = 0.0
    page = client.get(HERE).content.decode()
    token = hidden(page, "csrfmiddlewaretoken")
    settings.WAITING_ROOM_RATE = 5.0
    sent = {"amount": "100000", "key": str(uuid.uuid4()), "accepts": ACCEPTS, "csrfmiddlewaretoken": token}
    told = client.post(HERE, sent).content.decode()
    assert "What you sent is kept." in told
    assert not Subscription.objects.exists(), "it is not their turn"
    assert "100000" not in client.session["sent_while_waiting"], "it is sealed"
    at(monkeypatch, NOW + rush)
    done = client.get(HERE)
    order = Subscription.objects.get()
    assert done["Location"].endswith(order.reference)
    assert order.received_at == NOW, "it counts from when it reached us"
    assert "sent_while_waiting" not in client.session
    assert 'name="amount"' in client.get(HERE).content.decode(), "and it is done once"


def test_an_amount_that_is_sent_while_waiting_leads_on_from_there(rush, hanako, settings, monkeypatch) -> None:
    client = client_of(hanako)
    settings.WAITING_ROOM_RATE = 0.0
    token = hidden(client.get(HERE).content.decode(), "csrfmiddlewaretoken")
    settings.WAITING_ROOM_RATE = 5.0
    client.post(HERE, {"amount": "200000", "csrfmiddlewaretoken": token})
    at(monkeypatch, NOW + rush)
    assert "¥200,000" in client.get(HERE).content.decode()


def test_what_another_site_sent_is_refused_at_ones_turn(rush, hanako, monkeypatch) -> None:
    """Being kept is no way around the form's token."""
    client = client_of(hanako)
    client.get(HERE)
    client.post(HERE, {"amount": "100000", "key": str(uuid.uuid4()), "accepts": ACCEPTS})
    at(monkeypatch, NOW + rush)
    assert client.get(HERE).status_code == 403
    assert not Subscription.objects.exists()


def test_what_was_kept_is_not_done_when_its_time_is_over(rush, hanako, settings, monkeypatch) -> None:
    client = client_of(hanako)
    settings.WAITING_ROOM_RATE = 0.0
    token = hidden(client.get(HERE).content.decode(), "csrfmiddlewaretoken")
    settings.WAITING_ROOM_RATE = 5.0
    client.post(HERE, {"amount": "100000", "key": str(uuid.uuid4()), "accepts": ACCEPTS, "csrfmiddlewaretoken": token})
    at(monkeypatch, NOW + rush + waiting_room.STAY + timedelta(seconds=1))
    assert 'name="amount"' in client.get(HERE).content.decode()
    assert not Subscription.objects.exists()


def test_without_a_rush_it_costs_no_statement(hanako, current, settings, django_assert_max_num_queries) -> None:
    client = client_of(hanako)
    client.get(HERE)
    counts = []
    for rate in (0.0, 5.0):
        settings.WAITING_ROOM_RATE = rate
        store().flushdb()
        client.get(HERE)  # a process learns of an offering once in a few seconds
        with django_assert_max_num_queries(30) as asked:
            client.get(HERE)
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_the_offering_leads_there_half_an_hour_before(keys, monkeypatch) -> None:
    one = stage.announce("JP-2026-6", opens=NOW + timedelta(hours=1), closes=NOW + timedelta(days=9))
    assert "To the waiting room" not in Client().get("/en/offerings/JP-2026-6").content.decode()
    at(monkeypatch, one.opens_at - waiting_room.BEFORE)
    cache.clear()
    assert "To the waiting room" in Client().get("/en/offerings/JP-2026-6").content.decode()
