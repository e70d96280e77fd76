"""What counts against a cut-off and what citizens are told when one moves; what a tranche says in public (D24, D26)."""

import json
import uuid
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from fund.dealing import offering, outage
from fund.dealing.models import Offering, Status, Subscription
from fund.governance.officers import Officer
from fund.governance.outbox import Note
from investors.people import Investor
from portal.notices.models import Message
from portal.notices.send import send
from tests.portal.web import stage
from tests.portal.web.conftest import order
from tests.portal.web.stage import NOW

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
ACCEPTS = ["prospectus:1", "terms:1"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Requests reach us at one time and are handled at another."""

    def run(*, reached: datetime, handled: datetime) -> None:
        monkeypatch.setattr(timezone, "now", lambda: handled)
        monkeypatch.setattr("portal.received.timezone", SimpleNamespace(now=lambda: reached))

    return run


def send_order(client: Client) -> list[Subscription]:
    sent = {"amount": "100000", "key": str(uuid.uuid4()), "accepts": ACCEPTS}
    client.post("/en/account/subscribe/JP-2026-2", sent)
    return list(Subscription.objects.order_by("id"))


def test_an_order_that_reached_us_in_time_counts_however_late_it_is_handled(
    hanako: Investor, current: Offering, signed_in: Any, clock: Any
) -> None:
    closes = current.closes_at
    clock(reached=closes - SECOND, handled=closes + HOUR)
    client = signed_in(hanako)
    offering.close_due(now=closes)
    (placed,) = send_order(client)
    assert placed.received_at == closes - SECOND
    assert (closes - SECOND).astimezone(stage.UTC).strftime("%M") in client.get(
        f"/en/account/orders/{placed.reference}"
    ).content.decode()
    client.post(f"/en/account/orders/{placed.reference}/withdraw")
    placed.refresh_from_db()
    assert placed.status == Status.WITHDRAWN


def test_an_order_that_reached_us_at_the_cut_off_does_not_count(
    hanako: Investor, current: Offering, signed_in: Any, clock: Any
) -> None:
    """Negative control of the test above: only the stamp is another."""
    clock(reached=current.closes_at, handled=current.closes_at + HOUR)
    client = signed_in(hanako)
    offering.close_due(now=current.closes_at)
    assert send_order(client) == []


def test_the_stamp_is_made_before_everything_else(settings: Any) -> None:
    assert settings.MIDDLEWARE[0] == "portal.received.stamp"


@pytest.fixture
def extended(keys: tuple[Officer, Officer], hanako: Investor, current: Offering) -> Offering:
    assert hanako.holder_id
    order(current, hanako.holder_id, 3, NOW)
    ended = current.closes_at - HOUR
    cause = {"cause_en": "A line was cut.", "cause_ja": "回線が切断されました。"}
    proposal = outage.propose(starts_at=ended - 20 * MINUTE, ends_at=ended, **cause, officer=keys[0], now=ended)
    assert outage.carry_out(proposal=stage.signed(proposal, keys[1], ended), now=ended)
    return Offering.objects.get(pk=current.pk)


def test_the_page_says_old_and_new_cut_off_and_why(extended: Offering) -> None:
    for language, words in (
        ("en", ("The cut-off has moved", "A line was cut.", "Old cut-off")),
        ("ja", ("締切が延びました", "回線が切断されました。", "これまでの締切")),
    ):
        text = Client().get(f"/{language}/offerings/{extended.code}").content.decode()
        for part in (*words, *(at.astimezone(stage.UTC).isoformat()[14:16] for at in (extended.closes_at,))):
            assert part in text, part
        for at in (extended.closes_at, extended.closes_at - HOUR):
            assert at.astimezone(outage.calendars.ZONE["JP"]).isoformat() in text


@pytest.mark.django_db
def test_the_status_page_says_so_when_no_outage_was_declared() -> None:
    assert "届け出た障害はありません。" in Client().get("/ja/status").content.decode()


def test_the_status_page_lists_what_was_declared(extended: Offering) -> None:
    for language, words in (("en", ("Declared outages", "A line was cut.")), ("ja", ("届け出た障害", "回線が切断"))):
        text = Client().get(f"/{language}/status").content.decode()
        for part in (*words, f"/{language}/offerings/{extended.code}"):
            assert part in text, part


def test_the_api_says_so_too(extended: Offering) -> None:
    answer = json.loads(Client().get(f"/api/v1/offerings/{extended.code}").content)
    (said,) = answer["extensions"]
    assert said["cause"] == "A line was cut."
    assert answer["closes_at"] == said["closes_at"] != said["closed_at"]
    assert answer["pay_by"] == said["pay_by"] != said["paid_by"]
    assert answer["terms_digest"] == bytes(extended.terms_digest).hex()


def test_everybody_who_ordered_is_told(extended: Offering, hanako: Investor) -> None:
    note = Note.objects.get(topic="offering.extended")
    assert [send(note=note, now=NOW), send(note=note, now=NOW)] == [1, 0]
    message = Message.objects.get(user_id=hanako.user_id)
    assert message.title == f"Offering {extended.code} closes later"
    assert "A line was cut." in message.text and message.facts["closes_at"].startswith(
        f"{extended.closes_at:%Y-%m-%dT%H:%M}"
    )


def test_a_tranche_says_what_happens_to_its_unsold_capacity(keys: tuple[Officer, Officer]) -> None:
    for code in ("US-2026-7", "JP-2026-7"):
        stage.announce(
            code, opens=NOW + HOUR, closes=NOW + 9 * 24 * HOUR, issue="2026-7", hands_over=code.startswith("US")
        )
    page = Client().get("/en/offerings/US-2026-7").content.decode()
    assert "passes to the other tranche" in page and "158.0000 yen for a dollar" in page
    assert "stays unsold" in Client().get("/en/offerings/JP-2026-7").content.decode()
    answer = json.loads(Client().get("/api/v1/offerings/US-2026-7").content)
    assert answer["issue"] == {
        "code": "2026-7", "hands_over": True, "usd_jpy": "158.0000", "usd_jpy_day": "2026-10-30"
    }  # fmt: skip
