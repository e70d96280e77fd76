"""A redemption window as the clock and the workers carry it: opened, closed, decided, settled, told, payable (D31)."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from fund import calendars
from fund.governance.outbox import Note
from fund.ledger import balances, post
from fund.ledger.models import Event, Transfer
from fund.ledger.post import Line
from fund.nav import correct, strike
from fund.payments.payouts import begin
from fund.redemption import correction, request, share, window
from fund.redemption.compensation import RedemptionCompensation
from fund.redemption.models import RedemptionWindow
from portal import relay, tasks
from portal.archive import Kind, Paper
from portal.celery import app
from portal.documents import making, redemptions, statements
from portal.notices.models import Message
from portal.templatetags import figures
from tests.fund import building
from tests.fund.redemption import redeeming
from tests.portal.api.conftest import make_citizen
from tests.portal.documents.test_papers import in_both, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    """Sets the time of everything that asks for it."""

    def at(now: datetime) -> datetime:
        monkeypatch.setattr(timezone, "now", lambda: now)
        return now

    return at


def work(now: datetime) -> None:
    """What the clock does every few seconds, until nothing is left to do."""
    tasks.open_and_close_offerings()
    while relay.sweep(now=now, send=lambda task, delivery: app.tasks[f"portal.{task}"](delivery)):
        pass


@pytest.fixture
def settled(clock):
    """Announced, asked for by two who have 100,000 units each, and settled a little above the cap by the workers.

    The price of the dealing day is ``short`` percent too low; returns what is there.
    """

    def make(short: int = 0) -> SimpleNamespace:
        now = clock(timezone.now())
        building.open_banks()
        building.contribute_both(building.dollars(50_000), day=building.DAY, now=now)
        keys = redeeming.keys()
        investors = [make_citizen(), make_citizen()]
        for one in investors:
            redeeming.give(one.holder_id)
        one = redeeming.announced()
        building.sign(window.propose_opening(window=one, officer=keys[0], now=now), keys[1], now)
        work(now)
        for investor in investors:
            request.place(class_code="JP", holder_id=investor.holder_id, units=8_000, key="k", now=now)
        work(clock(one.closes_at))
        then = clock(calendars.books_close(one.dealing_day) + timedelta(hours=2))
        building.rate(one.dealing_day, 100)
        lacks = 102_000 * short // 100 * 100  # cents, of $102,000
        if lacks:
            booked(one.dealing_day, "income:USD", f"bank:{building.USD}", lacks)
        building.publish(strike.value(day=one.dealing_day, now=then), keys, now=then)
        one.refresh_from_db()
        building.sign(share.propose(window=one, officer=keys[0], now=then), keys[1], then)
        work(then)
        if lacks:
            booked(one.dealing_day, f"bank:{building.USD}", "income:USD", lacks)
        one.refresh_from_db()
        assert one.state == "settled"
        return SimpleNamespace(window=one, investors=investors, keys=keys, then=then)

    return make


def booked(day, debit: str, credit: str, amount: int) -> None:
    at = calendars.books_open(day)
    post.post(event=Event.REVERSAL, event_id=uuid4(), lines=[Line(debit, credit, amount)], effective_at=at)


def lacks(paper: Paper, wanted: set[str]) -> set[str]:
    told = text_of(paper)
    return {text for text in wanted if text not in told}


def test_each_who_was_redeemed_gets_a_contract_note_in_both_languages(settled):
    told = settled()
    papers = Paper.objects.filter(kind=Kind.REDEMPTION_NOTE)
    assert {(one.investor, one.subject, one.version) for one in papers} == {
        (investor, told.window.code, 1) for investor in told.investors
    }
    line, jp = told.window.lines.get(holder_id=told.investors[0].holder_id), told.window.unit_class
    assert 0 < line.filled < line.asked and line.charge > 0
    wanted = {told.window.code, "Contractnoteofaredemption", "取引報告書（解約）", "1.00%oftheworthofunits"}
    wanted |= {"公表されます"}  # how the price was fixed
    for units in (line.asked, line.filled, line.asked - line.filled, line.charged_units):
        wanted |= in_both(figures.units, units, jp)
    for money in (line.gross, line.charge, line.paid, line.cost):
        wanted |= in_both(figures.money, told.window.money(money))
    wanted |= in_both(figures.quoted, told.window.decision.priced(), jp)
    wanted |= in_both(figures.day, told.window.dealing_day)
    assert lacks(papers.get(investor=told.investors[0]), wanted) == set()
    note = Note.objects.get(topic="redemptions.booked").payload
    assert redemptions.contract_notes(**note, now=told.then) == 0  # the same again makes nothing


def test_namesakes_with_the_same_figures_get_a_file_each(settled, monkeypatch):
    told = settled()
    first, second = told.investors
    mine = redemptions._contract_note(told.window.lines.get(holder_id=first.holder_id), first, [])
    both = [replace(mine, subject="ANOTHER"), replace(mine, subject="ANOTHER", owner=second)]
    with monkeypatch.context() as without:  # the mark: nobody would get one
        without.setattr(making, "_copy", lambda owner: "")
        with pytest.raises(IntegrityError, match="paper_digest"), transaction.atomic():
            making.issue(both, now=told.then)
    assert making.issue(both, now=told.then) == 2


def test_the_statement_of_the_quarter_shows_the_redemption_and_its_charge(settled, monkeypatch):
    told = settled()
    day = told.then.date()
    monkeypatch.setattr(statements, "quarter_before", lambda _day: (day - timedelta(days=80), day))
    monkeypatch.setattr(statements.calendars, "previous_dealing_day", lambda _day: told.window.dealing_day)
    while statements.write_next(now=told.then):
        pass
    line, jp = told.window.lines.get(holder_id=told.investors[0].holder_id), told.window.unit_class
    wanted = {"chargeofearlyredemption", "1年以内の解約手数料"} | in_both(figures.units, -line.filled, jp)
    wanted |= in_both(figures.money, told.window.money(line.gross)) | in_both(
        figures.money, told.window.money(-line.charge)
    )
    paper = Paper.objects.get(kind=Kind.STATEMENT, investor=told.investors[0])
    assert lacks(paper, wanted) == set()


def test_a_corrected_price_is_made_good_told_and_noted_by_the_workers(settled, clock):
    """Both nations sign what is owed; the note has a second version, the inbox a message, and nothing happens twice."""
    told = settled(short=2)
    first, jp = told.investors[0], told.window.unit_class
    line = told.window.lines.get(holder_id=first.holder_id)
    then = clock(told.then + timedelta(hours=3))
    drafts = correct.revalue(day=told.window.dealing_day, now=then)
    proposal = correction.propose(drafts=drafts, officer=told.keys[0], now=then, reason="It came after all")
    building.sign(proposal, told.keys[1], then)
    work(then)
    row = RedemptionCompensation.objects.get()
    assert row.finished_at is not None and row.owed > 0
    had = Transfer.objects.get(event_id=line.pk, event=Event.CORRECTION).amount
    assert balances.balance("refunds:JPY", holder_id=first.holder_id) == line.paid + had
    one, two = Paper.objects.filter(kind=Kind.REDEMPTION_NOTE, investor=first).order_by("version")
    assert (one.version, two.version) == (1, 2) and "Whathaschanged" not in text_of(one)
    wanted = {"Whathaschanged", "変わった点"} | in_both(figures.money, told.window.money(had))
    wanted |= in_both(figures.money, told.window.money(line.paid + had))
    for price in (row.price_before, row.price_after):
        wanted |= in_both(figures.quoted, jp.price(price), jp)
    assert lacks(two, wanted) == set()
    message = Message.objects.get(user=first.user, topic="redemption.compensated")
    assert message.facts["amount"] == had and "paid too little" in message.text
    assert request.of_holder(holder_id=first.holder_id).get().lines.all()[0].made_good == had
    work(clock(then + timedelta(hours=1)))
    assert Paper.objects.filter(kind=Kind.REDEMPTION_NOTE, investor=first).count() == 2
    client = Client()
    client.force_login(first.user)
    page = client.get("/en/account/redemptions").content.decode()
    assert "Made good, because the price was corrected" in page and "/en/account/documents" in page


def test_from_the_announcement_to_the_payout_run(clock):
    now = clock(timezone.now())
    building.open_banks()
    building.contribute_both(building.dollars(50_000), day=building.DAY, now=now)
    first, second = redeeming.keys()
    investor = make_citizen()
    redeeming.give(investor.holder_id)
    one = redeeming.announced()
    building.sign(window.propose_opening(window=one, officer=first, now=now), second, now)
    work(now)
    assert RedemptionWindow.objects.get().state == "open"
    request.place(class_code="JP", holder_id=investor.holder_id, units=4_000, key="k", now=now)
    work(clock(one.closes_at))
    assert RedemptionWindow.objects.get().state == "closed"
    then = clock(calendars.books_close(one.dealing_day) + timedelta(hours=2))
    building.rate(one.dealing_day, 100)
    building.publish(strike.value(day=one.dealing_day, now=then), (first, second), now=then)
    one.refresh_from_db()
    building.sign(share.propose(window=one, officer=first, now=then), second, then)
    work(then)
    one.refresh_from_db()
    assert one.state == "settled"
    (line,) = one.lines.all()
    assert line.filled == 4_000 and balances.balance("refunds:JPY", holder_id=investor.holder_id) == line.paid
    told = list(Message.objects.filter(user=investor.user).order_by("id").values_list("topic", flat=True))
    assert told == ["redemption.placed", "redemption.decided", "redemption.settled"]
    run = begin(currency=building.Currency.JPY, officer=first, now=then)
    assert run.lines.get(holder_id=investor.holder_id).amount == line.paid
