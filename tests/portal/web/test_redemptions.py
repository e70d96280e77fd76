"""The page of redemptions: what can be asked for, after a fresh proof, and how the money came about (D31)."""

import re
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fund.ledger.models import Card
from fund.redemption import request, settle, share, window
from fund.redemption.models import Redemption
from portal import step_up
from tests.fund.redemption import redeeming
from tests.portal.officers.conftest import code
from tests.portal.web import stage
from tests.portal.web.conftest import Stage
from tests.portal.web.stage import NOW

PAGE = "/en/account/redemptions"
BEFORE = datetime(2026, 10, 5, tzinfo=UTC)


def proved(monkeypatch: Any) -> None:
    monkeypatch.setattr(step_up, "lacking", lambda **_: None)


def text(answer: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))


def form_of(page: Any) -> dict[str, str]:
    """What the page's form would send as it is."""
    hidden = re.findall(r'<input type="hidden" name="(unit_class|key)" value="([^"]+)"', page.content.decode())
    return dict(hidden)


def redeemed(everything: Stage, *, units: int = 100_000) -> Redemption:
    """A window that was settled, in which Hanako was filled in part, and one that is open."""
    day = date(2026, 10, 30)
    first, second = everything.keys
    plain = {"opens_at": BEFORE, "closes_at": BEFORE + timedelta(days=5), "dealing_day": day, "now": BEFORE}
    one = redeeming.announced(code="JP-2026-R1", **plain)
    proposal = window.propose_opening(window=one, officer=first, now=BEFORE)
    window.carry_out_opening(proposal=stage.signed(proposal, second, BEFORE), now=BEFORE)
    holder = everything.hanako.holder_id
    assert holder
    asked = request.place(class_code="JP", holder_id=holder, units=units, key="one", now=BEFORE)
    other = Card.objects.filter(units_jp__gt=10_000_000).first()  # who asks for more than the cap lets through
    assert other
    request.place(class_code="JP", holder_id=other.pk, units=other.units_jp or 0, key="other", now=BEFORE)
    window.close_due(now=NOW)
    one.refresh_from_db()
    decided = stage.signed(share.propose(window=one, officer=first, now=NOW), second, NOW)
    share.carry_out(proposal=decided, now=NOW)
    while settle.settle_next(code=one.code, now=NOW):
        pass
    redeeming.opened(code="JP-2026-R2", now=NOW)
    asked.refresh_from_db()
    return asked


@pytest.fixture
def open_window(everything: Stage) -> None:
    redeeming.opened()


def test_units_are_asked_for_and_withdrawn(
    everything: Stage, open_window: None, signed_in: Any, monkeypatch: Any
) -> None:
    proved(monkeypatch)
    client = signed_in(everything.hanako)
    page = client.get(PAGE)
    assert "Your units are not liquid" in text(page) and "it is not a promise" in text(page)
    sent = form_of(page) | {"units": "１００，０００", "understood": "on"}
    assert client.post(PAGE, sent).status_code == 302
    client.post(PAGE, sent)  # sent twice
    asked = Redemption.objects.get()
    assert asked.units == 100_000
    page = text(client.get(PAGE))
    assert "100,000 口" in page and "Withdraw this request" in page
    assert client.post(f"{PAGE}/{asked.pk}/withdraw").status_code == 302
    asked.refresh_from_db()
    assert asked.status == "withdrawn"


def test_without_a_fresh_proof_nothing_is_asked_for_and_with_it_that_very_act_is_done(
    everything: Stage, open_window: None, signed_in: Any
) -> None:
    client = signed_in(everything.hanako)
    sent = form_of(client.get(PAGE)) | {"units": "1000", "understood": "on"}
    answer = client.post(PAGE, sent)
    assert answer.status_code == 302 and "reauthenticate" in answer["Location"]
    assert not Redemption.objects.exists()
    assert client.post(answer["Location"], {"code": code()}).status_code == 302
    assert Redemption.objects.get().units == 1_000


def test_without_the_question_a_stale_session_would_ask(
    everything: Stage, open_window: None, signed_in: Any, monkeypatch: Any
) -> None:
    """Negative control of the test above."""
    proved(monkeypatch)
    client = signed_in(everything.hanako)
    client.post(PAGE, form_of(client.get(PAGE)) | {"units": "1000", "understood": "on"})
    assert Redemption.objects.count() == 1


def test_what_cannot_be_asked_for_is_told_beside_the_field(
    everything: Stage, open_window: None, signed_in: Any, monkeypatch: Any
) -> None:
    proved(monkeypatch)
    client = signed_in(everything.hanako)
    sent = form_of(client.get(PAGE))
    for units, said in (("999999999", "You do not have so many units"), ("1.5", "0 decimals"), ("", "required")):
        answer = client.post(PAGE, sent | {"units": units, "understood": "on"})
        assert answer.status_code == 422 and said in text(answer), text(answer)
    assert client.post(PAGE, sent | {"units": "1"}).status_code == 422  # without having understood
    assert not Redemption.objects.exists()


def test_without_a_window_there_is_no_form(everything: Stage, signed_in: Any) -> None:
    page = signed_in(everything.hanako).get(PAGE)
    assert "No window is announced" in text(page) and form_of(page) == {}


def test_how_the_money_came_about(everything: Stage, signed_in: Any) -> None:
    asked = redeemed(everything)
    assert 0 < asked.filled < asked.units
    page = text(signed_in(everything.hanako).get(PAGE))
    assert "Redeemed in part, the rest waits" in page and "Charge within a year" in page and "Withdraw the rest" in page
    line = asked.lines.get()
    assert f"¥{line.paid:,}" in page and f"¥{line.charge:,}" in page
    japanese = text(signed_in(everything.hanako).get(PAGE.replace("/en/", "/ja/")))
    assert "解約" in japanese


def test_anothers_request_is_a_missing_one(everything: Stage, signed_in: Any, open_window: None) -> None:
    holder = stage.holders.register(kind="citizen", nation="JP", now=NOW).pk
    redeeming.give(holder)
    asked = request.place(class_code="JP", holder_id=holder, units=1, key="k", now=NOW)
    assert signed_in(everything.hanako).post(f"{PAGE}/{asked.pk}/withdraw").status_code == 404
    asked.refresh_from_db()
    assert asked.status == "placed"
