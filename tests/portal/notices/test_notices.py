"""Who is told of what: each person once a note, in their language, without a link, however often the task comes."""

import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core import mail as outbox
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from fund import holders
from fund.dealing import subscription
from fund.governance import approval
from fund.governance.officers import Duty, Officer
from fund.governance.outbox import Note, leave
from fund.holders import Holder, Nation
from fund.ledger import post
from fund.money import Currency, Money
from fund.nav.models import LateInput
from fund.payments import payout_files, payout_results, payouts
from fund.payments.payee import Payee
from fund.payments.payout_models import Format
from fund.payments.payout_results import Answer, Result
from fund.redemption import request
from investors import people
from investors.people import Investor
from portal import relay
from portal.accounts import User
from portal.notices import mail
from portal.notices.models import Message
from portal.notices.send import AUDIENCES, send
from tests.fund.payments.conftest import appoint
from tests.fund.redemption import redeeming
from tests.portal.web.conftest import Stage, current, everything, hanako, keys, order, signed_in
from tests.portal.web.stage import JPY, NOW
from tests.portal.web.test_redemptions import redeemed

__all__ = ["current", "everything", "hanako", "keys", "signed_in"]


def note_of(topic: str, **payload: Any) -> Note:
    return leave(topic=topic, subject="test", now=NOW, **payload)


@pytest.fixture
def anna(db: None) -> Investor:
    return people.register(user=User.objects.create_user("anna@example.org", language="en"), now=NOW)


def test_a_note_is_told_once_however_often_the_task_comes(everything: Stage) -> None:
    note = note_of("subscription.placed", holder=everything.hanako.holder_id, order=everything.order.reference)
    assert [send(note=note, now=NOW) for _ in range(3)] == [1, 0, 0]
    assert mail.send_due(now=NOW) == 1
    assert mail.send_due(now=NOW) == 0
    assert len(outbox.outbox) == 1


def test_orders_that_lapse_in_several_chunks_are_told_of_once_each(everything: Stage, monkeypatch: Any) -> None:
    """One run ends all of them at one instant, and leaves a note a chunk."""
    holder = everything.hanako.holder_id
    assert holder is not None
    references = {everything.order.reference, order(everything.current, holder, 20, NOW).reference}
    monkeypatch.setattr(subscription, "LAPSE_CHUNK", 1)
    assert subscription.lapse_due(now=everything.current.pay_by + timedelta(days=30)) == len(references)
    for note in Note.objects.filter(topic="subscription.lapsed"):
        send(note=note, now=NOW)
    told = Message.objects.filter(topic="subscription.lapsed").values_list("facts", flat=True)
    assert sorted(facts["orders"] for facts in told) == sorted([reference] for reference in references)


def test_without_the_constraint_a_doubled_task_would_tell_twice(everything: Stage) -> None:
    """The negative control: it is the table that refuses the second row."""
    note = note_of("subscription.placed", holder=everything.hanako.holder_id, order=everything.order.reference)
    facts = {"user_id": everything.hanako.user_id, "note_id": note.pk, "topic": note.topic, "created_at": NOW}
    Message.objects.create(**facts)
    with pytest.raises(IntegrityError), transaction.atomic():
        Message.objects.create(**facts)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("ALTER TABLE portal_message DROP CONSTRAINT message_once_a_note")
    Message.objects.create(**facts)
    assert Message.objects.filter(note_id=note.pk).count() == 2


def test_the_payment_instructions_in_the_language_of_the_reader(everything: Stage) -> None:
    send(note=note_of("subscription.placed", order=everything.order.reference), now=NOW)
    mail.send_due(now=NOW)
    (sent,) = outbox.outbox
    assert sent.to == ["hanako@example.org"]
    assert sent.subject == f"お申込み{everything.order.reference}を受け付けました"
    assert "¥300,000" in sent.body
    assert everything.order.numeric_reference in sent.body
    assert "東京" in sent.body
    assert "0012345678" not in sent.body, "the account to pay to is never mailed"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("approved", "Your application has been approved"),
        ("refused", "Your application could not be approved"),
        ("more_information", "We need more from you for your application"),
    ],
)
def test_a_decision_is_told_to_its_applicant_alone(anna: Investor, keys: Any, status: str, words: str) -> None:
    other = people.register(user=User.objects.create_user("other@example.org"), now=NOW)
    note = decided(anna, status)
    assert send(note=note, now=NOW) == 1
    message = Message.objects.get()
    assert (message.user_id, message.title) == (anna.user_id, words)
    assert not other.user.inbox.exists()


def decided(investor: Investor, status: str) -> Note:
    """An application that stands where the test wants it; the way there is tested with the application."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "INSERT INTO investors_application (investor_id, status, occasion, changed, opened_at, first_submitted_at,"
            " submitted_at) VALUES (%s, %s, 'joining', '{}', %s, %s, %s) RETURNING id",
            [investor.pk, status, NOW, NOW, NOW],
        )
        (pk,) = cursor.fetchone() or (0,)
        cursor.execute("SET LOCAL session_replication_role = origin")
    return note_of("application.decided", investor=investor.pk, application=pk)


def test_everybody_in_an_offering_is_told_by_one_statement(everything: Stage) -> None:
    for number in range(50):
        holder = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=NOW)
        user = User.objects.create_user(f"citizen{number}@example.org", language="ja")
        investor = people.register(user=user, now=NOW)
        approve(investor, holder)
        order(everything.current, holder.pk, 1, NOW)
        order(everything.current, holder.pk, 2, NOW)
    note = note_of("offering.settled", offering=everything.current.pk)
    with CaptureQueriesContext(connection) as queries:
        assert send(note=note, now=NOW) == 51, "one for each person, not one for each order"
    assert len(queries) == 1


def approve(investor: Investor, holder: Holder) -> None:
    Investor.objects.filter(pk=investor.pk).update(
        holder=holder, state="approved", nations=["JP"], verified_until=NOW + timedelta(days=700)
    )


def test_somebody_who_withdrew_is_not_told_of_the_allotment(everything: Stage) -> None:
    type(everything.order).objects.filter(pk=everything.order.pk).update(status="withdrawn")
    assert send(note=note_of("allotment.published", offering=everything.current.pk), now=NOW) == 0


@pytest.mark.parametrize(
    ("answer", "words"), [("paid", "We have paid you money"), ("rejected", "We could not pay you money")]
)
def test_a_payout_is_told_to_whom_it_was_paid_once_it_ended(everything: Stage, answer: str, words: str) -> None:
    holder = everything.hanako.holder_id
    line = post.Line(f"bank:{JPY}", "refunds:JPY", 5_000, holder)
    post.post(event=post.Event.CORRECTION, event_id=uuid.uuid4(), lines=[line], effective_at=NOW)
    american, japanese = appoint(Nation.US, Duty.PAYMENTS), appoint(Nation.JP, Duty.PAYMENTS)
    payee = Payee(name="ヤマダ ハナコ", bank="0005", branch="123", account="7654321", kind="ordinary")
    run = payouts.gather(currency=Currency.JPY, payees=lambda ids: {holder: payee}, officer=american, now=NOW)
    proposal = payouts.propose(run=run, officer=american, now=NOW)
    approval.sign(proposal=proposal, officer=japanese, digest=bytes(proposal.digest), now=NOW)
    payouts.carry_out(proposal=proposal, now=NOW)
    payout_files.export(
        run=run, format=Format.PAIN001, writers={Format.PAIN001: lambda order: b"x"}, actor="system", now=NOW
    )
    paid = run.lines.get(holder=holder)
    payout_results.take(results=[Result(paid.reference, Answer(answer))], actor="system", now=NOW)
    note = Note.objects.get(topic="payouts.answered")
    assert send(note=note, now=NOW) == 1
    with translation.override("en"):
        told = Message.objects.get()
        assert (told.user_id, told.title) == (everything.hanako.user_id, words)
        assert f"¥{paid.amount:,}" in told.text and "7654321" not in told.text


def test_a_published_price_is_nobodys_mail() -> None:
    assert "nav.published" not in AUDIENCES
    assert "notify" not in relay.TASKS.get("nav.published", [])


def test_every_topic_that_is_relayed_to_notices_has_its_audience() -> None:
    relayed = {topic for topic, tasks in relay.TASKS.items() if "notify" in tasks}
    assert relayed == set(AUDIENCES)


FACTS = {
    "outcome": "approved", "order": "RF18539007547034", "numeric": "0012345674", "offering": "JP-2026-1",
    "amount": Money(100_000, Currency.JPY).amount, "currency": "JPY", "pay_by": "2026-12-01T05:59:00+00:00",
    "orders": ["RF18539007547034", "RF51S2K7F9Q3M"], "change": "password",
    "closed_at": "2026-11-27T06:00:00+00:00", "closes_at": "2026-11-27T07:00:00+00:00",
    "cause_en": "A line was cut.", "cause_ja": "回線が切断されました。",
    "until": "2028-11-20T03:00:00+00:00", "appeal": "upheld", "occasion": "joining", "payout": "returned",
    "unit_class": "JP", "day": "2026-09-24", "error": "0.6000", "before": "10060.0000", "after": "10000.0000",
    "gross": 12_500, "withheld": 2_000, "returned": 1_000, "record_day": "2026-12-07", "corrected": True,
    "distributions": [
        {"unit_class": "JP", "per_lot": "33.334000", "record_day": "2026-12-07", "pay_day": "2026-12-11"},
    ],
    "plan": "01a21708-761a-7c40-a0b4-02bb1eefef7d", "month": "2026-11-01", "reason": "not_eligible", "worth": 300,
    "year": 2026, "forms": ["1099-div", "pfic"],
    "window": "JP-2027-R1", "asked": 400, "price": "10012.0000", "dealing_day": "2027-02-03", "charge": 3,
    "units": 299, "act": "emergency", "name_en": "Mio Arai", "name_ja": "新井 澪", "duties": ["payments"],
    "late": [
        {"code": "late_rate", "name": "2026-09-24"}, {"code": "stale_mark", "name": "PORT-1"},
        {"code": "late_expense", "name": "Audit"}, {"code": "unknown_year", "name": "2028"},
        {"code": "nothing_left", "name": ""},
    ],
}  # fmt: skip


@pytest.mark.parametrize("topic", sorted(AUDIENCES))
@pytest.mark.parametrize("language", ["en", "ja"])
def test_no_mail_carries_a_link_or_an_unfilled_place(anna: Investor, topic: str, language: str) -> None:
    User.objects.filter(pk=anna.user_id).update(language=language)
    message = Message.objects.create(user_id=anna.user_id, note_id=1, topic=topic, facts=FACTS, created_at=NOW)
    letter = mail.write(Message.objects.select_related("user").get(pk=message.pk))
    whole = f"{letter.subject}\n{letter.body}"
    assert not re.search(r"https?:|www\.|</|%\(|\{\{|None", whole), whole
    assert letter.subject
    assert "\n" not in letter.subject
    if language == "ja":
        assert re.search(r"[ぁ-ん]", letter.subject)
        assert not re.search(r"[A-Za-z]+ [a-z]+ [a-z]+", whole)


def test_a_compensated_citizen_reads_both_prices_and_what_comes_of_it(anna: Investor) -> None:
    told = Message(user_id=anna.user_id, topic="orders.compensated", facts=FACTS)
    assert "¥10,060 per 10,000 口 instead of ¥10,000 per 10,000 口, an error of +0.6000%" in told.text
    assert "299 口 more" in told.text
    told.facts = FACTS | {"units": 0, "error": "-0.6000"}
    assert "nothing is asked back" in told.text and "\N{MINUS SIGN}0.6000%" in told.text
    with translation.override("ja"):
        assert "返還はお願いしません" in told.text


def test_officers_of_valuation_hear_which_input_is_late(keys: object) -> None:
    LateInput.objects.create(valuation_day=NOW.date(), code="late_rate", name="2026-11-20", noticed_at=NOW)
    note = note_of("nav.late", noticed_at=NOW.isoformat())
    valuers = Officer.objects.filter(duties__contains=["valuation"]).count()
    assert send(note=note, now=NOW) == valuers > 1 and send(note=note, now=NOW) == 0
    told = Message.objects.order_by("pk").first()
    assert told is not None and "The reference rate of November 20, 2026 has not been recorded." in told.text
    Officer.objects.update(duties=["payments"])
    assert send(note=note_of("nav.late", noticed_at=NOW.isoformat()), now=NOW) == 0


def test_a_mail_that_the_server_refuses_is_sent_later(anna: Investor, monkeypatch: pytest.MonkeyPatch) -> None:
    send(note=note_of("security.changed", user=anna.user_id), now=NOW)

    def refuse(*_: object, **__: object) -> None:
        raise ConnectionRefusedError

    with monkeypatch.context() as broken:
        broken.setattr("django.core.mail.EmailMessage.send", refuse)
        assert mail.send_due(now=NOW) == 0
    assert mail.send_due(now=NOW) == 0, "not at once"
    assert mail.send_due(now=NOW + mail.AGAIN) == 1
    assert Message.objects.get().mailed_at == NOW + mail.AGAIN


def test_the_inbox_marks_what_was_read(everything: Stage, signed_in: Any) -> None:
    send(note=note_of("subscription.placed", order=everything.order.reference), now=NOW)
    client = signed_in(everything.hanako)
    assert "1 new message" in client.get("/en/account/").content.decode()
    first = client.get("/en/account/inbox").content.decode()
    assert "k-unread" in first
    assert f"Order {everything.order.reference} has been placed" in first
    assert "k-unread" not in client.get("/en/account/inbox").content.decode()
    assert "new message" not in client.get("/en/account/").content.decode()


def test_texts_follow_the_language_of_the_moment(anna: Investor) -> None:
    send(note=note_of("security.changed", user=anna.user_id), now=datetime(2026, 11, 20, tzinfo=UTC))
    message = Message.objects.get()
    with translation.override("ja"):
        assert message.title == "アカウントのセキュリティ設定が変更されました"
    with translation.override("en"):
        assert message.title == "The security of your account was changed"


def test_a_redemption_is_told_of_from_the_request_to_the_money(everything: Stage) -> None:
    asked = redeemed(everything)
    line = asked.lines.get()
    for note in Note.objects.filter(topic__startswith="redemption.").order_by("id"):
        send(note=note, now=NOW)
    told = {one.topic: one.text for one in everything.hanako.user.inbox.filter(topic__startswith="redemption.")}
    assert set(told) == {"redemption.placed", "redemption.decided", "redemption.settled"}
    assert f"{line.filled:,} 口 are redeemed" in told["redemption.decided"], told
    assert "The rest stays on hold" in told["redemption.decided"]
    assert f"¥{line.paid:,} are paid to your bank account" in told["redemption.settled"]
    request.withdraw(redemption=asked.pk, holder_id=asked.holder_id, now=NOW)
    assert send(note=Note.objects.filter(topic="redemption.withdrawn").get(), now=NOW) == 1


def test_a_cancelled_window_is_told_to_whoever_stands_in_it(everything: Stage) -> None:
    assert everything.hanako.holder_id
    one = redeeming.opened()
    request.place(class_code="JP", holder_id=everything.hanako.holder_id, units=10, key="k", now=one.opens_at)
    assert send(note=note_of("redemption.cancelled", window=one.code), now=NOW) == 1
