"""A trace joins a request, the tasks that follow from it, and what they write, down to the ledger's entries."""

from unittest.mock import Mock, patch
from uuid import UUID, uuid4

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import RequestFactory
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from structlog.testing import capture_logs

from fund import holders, trace
from fund.governance import audit, outbox
from fund.governance.audit import Act
from fund.governance.outbox import Note
from fund.holders import Holder, Nation
from fund.ledger import accounts, post
from fund.ledger.models import Event
from fund.money import Currency
from portal import relay, tasks, tracing
from portal.officers import traces
from portal.relay import Delivery
from tests.fund.dealing.conftest import NOW
from tests.portal.officers.conftest import american as officer
from tests.portal.officers.conftest import make_officer, sign_in

__all__ = ["make_officer", "officer"]
ONE = UUID("4bf92f3577b34da6a3ce929d0e0e4736")
PARENT = f"00-{ONE.hex}-00f067aa0ba902b7-01"


@pytest.mark.parametrize("header", [PARENT, f"01-{ONE.hex}-00f067aa0ba902b7-00-and-more"])
def test_a_valid_traceparent_is_taken_over(header: str) -> None:
    assert tracing.given(header) == ONE


@pytest.mark.parametrize(
    "header",
    [
        "",
        ONE.hex,
        PARENT.upper(),
        f"ff-{ONE.hex}-00f067aa0ba902b7-01",
        f"00-{'0' * 32}-00f067aa0ba902b7-01",
        f"00-{ONE.hex}-{'0' * 16}-01",
        f"{PARENT}-more",
        f"01{PARENT[2:]}more",
        f"{PARENT} ",
        f" {PARENT}",
        PARENT[:-1],
        PARENT.replace("4bf9", "４bf"),
        "00-taro@example.jp",
    ],
)
def test_anything_else_is_not(header: str) -> None:
    assert tracing.given(header) is None


def ask(**headers: str) -> tuple[HttpResponse, dict[str, object], UUID | None]:
    seen: list[tuple[dict[str, object], UUID | None]] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(({**tracing.told(None, "info", {})} | {"id": request.headers["X-Request-ID"]}, trace.current()))
        return HttpResponse()

    answer = tracing.follow(view)(RequestFactory().get("/", headers=headers))
    return answer, *seen[0]


def test_a_request_is_told_its_trace_and_its_log_lines_say_it() -> None:
    answer, logged, current = ask(traceparent=PARENT)
    assert answer["X-Request-ID"] == logged["trace"] == logged["id"] == ONE.hex and current == ONE
    assert trace.current() is None and "trace" not in tracing.told(None, "info", {})


@pytest.mark.parametrize(("status", "level"), [(201, "info"), (404, "warning"), (500, "error")])
def test_a_line_says_how_a_request_ended(status: int, level: str) -> None:
    request = RequestFactory().get("/en/?code=1", headers={"user-agent": "a browser"})
    request.user = Mock(pk=7)
    with capture_logs(processors=[tracing.told]) as lines, patch("logging.Logger.isEnabledFor", return_value=True):
        answer = tracing.follow(lambda _request: HttpResponse(status=status))(request)
    assert lines == [
        {
            "event": "request_finished",
            "log_level": level,
            "request": "GET /en/",
            "code": status,
            "user_id": 7,
            "user_agent": "a browser",
            "trace": answer["X-Request-ID"],
        }
    ]


def test_nobody_is_looked_up_for_the_log() -> None:
    request = RequestFactory().get("/en/")
    request.user = SimpleLazyObject(lambda: pytest.fail("the account was read"))
    with capture_logs() as lines, patch("logging.Logger.isEnabledFor", return_value=True):
        tracing.follow(lambda _request: HttpResponse())(request)
    assert lines[0]["user_id"] is None


def test_free_text_of_strangers_reaches_no_log() -> None:
    answer, logged, _current = ask(**{"x-request-id": "taro@example.jp", "x-correlation-id": "078-05-1120"})
    assert answer["X-Request-ID"] == logged["trace"] == logged["id"] != "taro@example.jp" and len(logged) == 2
    assert "taro" not in str(logged) and "078" not in str(logged)


def movement(holder: int) -> UUID:
    event = uuid4()
    lines = [post.Line("bank:TEST", "refunds:JPY", 700, holder)]
    post.post(event=Event.CORRECTION, event_id=event, lines=lines, effective_at=NOW)
    return event


@pytest.mark.django_db(transaction=True)
def test_request_task_and_entry_are_found_by_an_officer(officer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A note left by a request; its task posts to the ledger and records an act, in a transaction of its own."""
    accounts.open_bank(name="TEST", currency=Currency.JPY)
    holder = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=NOW).pk
    posted: list[UUID] = []

    def work(note: Note, now: object) -> None:
        posted.append(movement(holder))
        audit.record(actor="system", verb="move", subject="thing:7", now=NOW)

    work.__name__ = "move_thing"
    run = tasks.consumer(work)
    monkeypatch.setattr(relay, "TASKS", {"thing.asked": ["move_thing"]})
    with trace.following(ONE):
        outbox.leave(topic="thing.asked", subject="7", now=NOW)
    other = movement(holder)  # of nobody's request
    relay.sweep(now=NOW, send=lambda task, number: None)
    run.run(Delivery.objects.get().pk)
    assert Act.objects.get(verb="move").trace == ONE
    found = traces.joined(ONE)
    assert [note.topic for note in found.notes] == ["thing.asked"]
    assert [task.task for task in found.tasks] == ["move_thing"] and found.tasks[0].done_at
    assert [entry.subject for entry in found.entries] == [f"{posted[0]} · 0"]
    assert str(other) not in str(found.entries), "the negative control: what another transaction wrote"
    page = sign_in(officer.user).get("/en/officers/fund/act/", {"trace": ONE.hex}).content.decode()
    for told in ("thing:7", "thing.asked", "move_thing", str(posted[0])):
        assert told in page
    assert str(other) not in page
    own = reverse("admin:fund_act_change", args=[Act.objects.get(verb="move").pk])
    assert f"?trace={ONE}" in sign_in(officer.user).get(own).content.decode()


@pytest.mark.django_db
def test_without_the_relay_following_the_trace_would_end_at_the_note(monkeypatch: pytest.MonkeyPatch) -> None:
    """Negative control of the test above: the task's acts then belong to nobody's request."""

    def work(note: Note, now: object) -> None:
        audit.record(actor="system", verb="move", subject="thing:7", now=NOW)

    work.__name__ = "move_thing_alone"
    run = tasks.consumer(work)
    monkeypatch.setattr(relay, "TASKS", {"thing.asked": ["move_thing_alone"]})
    with trace.following(ONE):
        outbox.leave(topic="thing.asked", subject="7", now=NOW)
    relay.sweep(now=NOW, send=lambda task, number: None)
    monkeypatch.setattr(tasks, "trace", Mock(following=lambda one: trace.following(uuid4())))
    run.run(Delivery.objects.get().pk)
    assert Act.objects.get(verb="move").trace != ONE
