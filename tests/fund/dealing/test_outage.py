"""A declared outage moves cut-offs by rule, under two keys; a request that reached us in time counts (D26)."""

from datetime import datetime, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import F

from fund.dealing import allotment, offering, outage, prove, subscription
from fund.dealing.models import Offering, Status, Subscription
from fund.dealing.outage import Extension, Outage
from fund.governance import approval
from fund.governance.outbox import Note
from fund.payments.models import Expected
from fund.refusal import Refusal
from tests.fund.dealing.conftest import (
    AFTER,
    BANK,
    CLOSES,
    DURING,
    NOW,
    PAY_BY,
    announce,
    citizen,
    pay,
    place,
    take,
)

pytestmark = pytest.mark.django_db
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
CAUSE = {"cause_en": "A line of the data centre was cut.", "cause_ja": "データセンターの回線が切断されました。"}
BEGAN, ENDED = CLOSES - 2 * HOUR, CLOSES - HOUR - 20 * MINUTE  # forty minutes


def test_the_bank_is_in_the_same_zone_as_the_fixtures():
    assert BANK.startswith("DEMO-JPY")


@pytest.fixture
def declare(american, second_key):
    def decide(starts_at: datetime = BEGAN, ends_at: datetime = ENDED, now: datetime = ENDED) -> Outage | None:
        told = {"starts_at": starts_at, "ends_at": ends_at, **CAUSE}
        proposal = outage.propose(**told, officer=american, now=now)
        return outage.carry_out(proposal=second_key(proposal), now=now)

    return decide


def refusal(act, *given, **named) -> str:
    with pytest.raises(Refusal) as refused, transaction.atomic():
        act(*given, **named)
    return refused.value.code


def by(starts_at: datetime, ends_at: datetime) -> timedelta:
    """How far the rule moves the one offering that is open."""
    return sum((move.by for move in outage.moves(starts_at=starts_at, ends_at=ends_at, now=ends_at)), timedelta(0))


def test_cut_off_payment_deadline_and_withdrawal_move_together_and_the_terms_stay(opened, declare):
    one, holder = opened(), citizen()
    before, digest = place(one, holder, 20_000), bytes(one.terms_digest)
    declared = declare()
    one.refresh_from_db()
    assert (one.closes_at, one.pay_by, one.extension) == (CLOSES + HOUR, PAY_BY + HOUR, HOUR)
    assert bytes(one.terms_digest) == digest and one.state == Offering.State.OPEN
    receipt = subscription.receipt(subscription=Subscription.objects.get(pk=before.pk))
    assert (receipt.withdraw_until, receipt.pay_by) == (CLOSES + HOUR, PAY_BY + HOUR)
    assert offering.close_due(now=CLOSES) == [] and place(one, citizen(), 20_000, now=CLOSES)
    subscription.withdraw(reference=before.reference, holder_id=holder, now=CLOSES + 59 * MINUTE)
    assert offering.close_due(now=CLOSES + HOUR) == [one.code]
    (moved,) = declared.extensions.all()
    assert (moved.closed_at, moved.closes_at, moved.paid_by, moved.pay_by) == (
        CLOSES, CLOSES + HOUR, PAY_BY, PAY_BY + HOUR
    )  # fmt: skip
    note = Note.objects.get(topic="offering.extended")
    assert note.payload == {"offering": one.code, "outage": declared.pk}


def test_a_payment_that_the_old_deadline_would_have_refused_is_taken(opened, declare):
    """What was expected before the outage is judged by the new deadline, without rewriting a million rows."""
    one = opened(pay_by=PAY_BY.replace(hour=14, minute=30))  # half an hour before midnight in Tokyo
    late = place(one, citizen(), 20_000)
    old = one.pay_by + 10 * HOUR  # on the next day, in which the new deadline lies
    declare()
    assert subscription.fund(file_id=take((late, 20_000), now=old), now=old) == 1
    assert Expected.objects.get(order_id=late.pk).pay_by == one.pay_by


def test_without_the_postponement_that_payment_is_late(opened):
    """Negative control of the test above."""
    one = opened(pay_by=PAY_BY.replace(hour=14, minute=30))
    late = place(one, citizen(), 20_000)
    old = one.pay_by + 10 * HOUR
    assert subscription.fund(file_id=take((late, 20_000), now=old), now=old) == 0


def test_an_order_lapses_by_the_new_deadline(opened, declare):
    one = opened()
    place(one, citizen(), 20_000)
    declare()
    assert subscription.lapse_due(now=PAY_BY + 24 * HOUR + 59 * MINUTE) == 0
    assert subscription.lapse_due(now=PAY_BY + 25 * HOUR) == 1


def test_an_outage_over_the_close_opens_the_book_again(opened, declare):
    one = opened()
    pay(place(one, citizen(), 20_000))
    assert offering.close_due(now=CLOSES) == [one.code]
    declare(CLOSES - 10 * MINUTE, CLOSES + 20 * MINUTE, CLOSES + 25 * MINUTE)
    one.refresh_from_db()
    assert (one.state, one.closes_at) == (Offering.State.OPEN, CLOSES + HOUR)
    assert place(one, citizen(), 20_000, now=CLOSES + 30 * MINUTE)
    assert offering.close_due(now=CLOSES + HOUR) == [one.code]


RULE = [
    (CLOSES - 2 * HOUR, 15 * MINUTE, timedelta(0)),  # not longer than a quarter of an hour
    (CLOSES - 2 * HOUR, 16 * MINUTE, HOUR),
    (CLOSES - 2 * HOUR, HOUR, HOUR),
    (CLOSES - 2 * HOUR, 61 * MINUTE, 2 * HOUR),
    (CLOSES - 5 * MINUTE, 40 * MINUTE, HOUR),  # ends after the close
    (CLOSES, HOUR, timedelta(0)),  # begins with it
    (CLOSES - 26 * HOUR, HOUR, timedelta(0)),  # over before the last day began
    (CLOSES - 26 * HOUR, 3 * HOUR, HOUR),  # of which one hour fell into the last day
    (CLOSES - 26 * HOUR, 2 * HOUR + MINUTE, HOUR),
    (CLOSES - 20 * HOUR, 10 * HOUR, 10 * HOUR),
]


@pytest.mark.parametrize(("starts_at", "lasted", "moved"), RULE)
def test_the_rule(opened, starts_at, lasted, moved):
    opened()
    assert by(starts_at, starts_at + lasted) == moved


@pytest.mark.parametrize(
    ("key", "value", "moved"),
    [
        ("outage.longer_than_minutes", 45, timedelta(0)),
        ("outage.window_hours", 1, timedelta(0)),
        ("outage.rounding_minutes", 30, HOUR),
        ("outage.rounding_minutes", 15, 45 * MINUTE),
    ],
)
def test_the_rule_is_configuration(opened, monkeypatch, key, value, moved):
    opened()
    monkeypatch.setitem(outage.config.DECLARED, key, outage.config.Declared("", value))
    assert by(BEGAN, ENDED) == moved


def test_a_cut_off_never_moves_into_the_dealing_day(opened):
    """The dealing day, the 24th, begins in Tokyo at 15:00 UTC of the 23rd; its price could be known from then on."""
    dealing = datetime.fromisoformat("2026-09-23T15:00:00+00:00")
    opened(closes_at=dealing - 90 * MINUTE, pay_by=AFTER + timedelta(days=30), fixed_price=None)
    assert by(dealing - 10 * HOUR, dealing - 8 * HOUR) == 90 * MINUTE


def test_a_cut_off_that_would_have_passed_does_not_move(opened, declare, american):
    opened()
    offering.close_due(now=CLOSES)
    told = {"starts_at": BEGAN, "ends_at": ENDED, **CAUSE}
    assert refusal(outage.propose, **told, officer=american, now=CLOSES + HOUR) == "moves_nothing"


def test_what_makes_no_sense_is_refused(opened, declare):
    opened()
    assert refusal(declare, ENDED, BEGAN) == "not_over"
    assert refusal(declare, BEGAN, ENDED, now=ENDED - MINUTE) == "not_over"
    assert refusal(declare, BEGAN, BEGAN + 5 * MINUTE) == "moves_nothing"
    declare()
    assert refusal(declare, ENDED - MINUTE, ENDED + HOUR, now=ENDED + HOUR) == "declared_before"


def test_a_second_outage_adds_to_the_first_and_the_same_one_counts_once(opened, declare, american, second_key):
    one = opened()
    declare()
    declare(CLOSES, CLOSES + 30 * MINUTE, CLOSES + 30 * MINUTE)
    one.refresh_from_db()
    assert (one.closes_at, one.extension) == (CLOSES + 2 * HOUR, 2 * HOUR)
    with pytest.raises(IntegrityError, match="outage_counts_once"), transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE fund_outage DISABLE TRIGGER USER")
        twin = Outage.objects.first()
        Outage.objects.create(
            starts_at=twin.starts_at + MINUTE, ends_at=twin.ends_at, **CAUSE, declared_at=AFTER,
            proposal=approval.Proposal.objects.filter(kind="offering").first(),
        )  # fmt: skip


def test_one_key_moves_nothing_and_a_doubled_message_moves_once(opened, american, second_key):
    one = opened()
    proposal = outage.propose(starts_at=BEGAN, ends_at=ENDED, **CAUSE, officer=american, now=ENDED)
    with pytest.raises(approval.Refused):
        outage.carry_out(proposal=proposal, now=ENDED)
    assert outage.carry_out(proposal=second_key(proposal), now=ENDED)
    assert outage.carry_out(proposal=proposal, now=ENDED) is None
    one.refresh_from_db()
    assert one.extension == HOUR and Extension.objects.count() == 1


def test_offerings_that_changed_since_the_approval_are_not_extended(opened, american, second_key):
    opened()
    proposal = second_key(outage.propose(starts_at=BEGAN, ends_at=ENDED, **CAUSE, officer=american, now=ENDED))
    opened(code="JP-2026-2")
    assert refusal(outage.carry_out, proposal=proposal, now=ENDED) == "offerings_changed"


def longer(**more) -> int:
    return Offering.objects.update(
        closes_at=F("closes_at") + HOUR, pay_by=F("pay_by") + HOUR, extension=F("extension") + HOUR, **more
    )


def test_the_database_refuses_to_move_a_cut_off_without_two_keys_or_by_another_time(opened, american, second_key):
    opened()
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        longer()
    with pytest.raises(DatabaseError, match="cannot change so"), transaction.atomic():
        Offering.objects.update(closes_at=F("closes_at") + HOUR, pay_by=F("pay_by") + HOUR)
    told = {"starts_at": BEGAN, "ends_at": ENDED, **CAUSE}
    proposal = outage.propose(**told, officer=american, now=ENDED)
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        longer(proposal=proposal)
    second_key(proposal)
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        longer(proposal=proposal)
        longer(proposal=proposal)  # the same keys again
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        Outage.objects.create(starts_at=BEGAN, ends_at=CLOSES, **CAUSE, declared_at=AFTER, proposal=proposal)
    assert longer(proposal=proposal) == 1


def test_without_the_trigger_anybody_could_move_it(opened):
    """Negative control of the test above."""
    opened()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE fund_offering DISABLE TRIGGER USER")
    assert longer() == 1


def test_neither_an_announced_nor_an_allotted_offering_moves(opened, allot, american):
    announce(code="JP-2026-2")
    one = opened()
    pay(place(one, citizen(), 20_000))
    allot(one)
    told = {"starts_at": BEGAN, "ends_at": ENDED, **CAUSE}
    assert refusal(outage.propose, **told, officer=american, now=ENDED) == "moves_nothing"


def test_an_approved_allotment_of_a_book_that_opened_again_is_not_carried_out(opened, declare, american, second_key):
    one = opened()
    pay(place(one, citizen(), 20_000))
    offering.close_due(now=CLOSES)
    soon = CLOSES + 10 * MINUTE
    proposal = second_key(allotment.propose(offering=one, officer=american, now=soon))
    declare(CLOSES - 40 * MINUTE, CLOSES - 10 * MINUTE, soon)
    assert refusal(allotment.carry_out, proposal=proposal, now=soon) == "not_closed"
    assert [check for check in prove.prove() if not check.clean] == []


def test_the_sites_own_role_can_extend(opened, declare, as_site):
    one = opened()
    declare()
    assert Offering.objects.get(pk=one.pk).extension == HOUR


# ── what reached us in time counts ────────────────────────────────────────────────────────────────────────────────
def test_a_request_before_the_cut_off_that_is_handled_after_it_counts_and_a_later_one_does_not(opened):
    one, holder = opened(), citizen()
    offering.close_due(now=CLOSES)
    in_time = {"now": CLOSES + 30 * MINUTE, "received_at": CLOSES - timedelta(seconds=1)}
    placed = place(one, holder, 20_000, **in_time)
    assert Subscription.objects.get(pk=placed.pk).received_at == in_time["received_at"]
    assert refusal(place, one, holder, 20_000, now=CLOSES + MINUTE, received_at=CLOSES) == "not_open"
    assert refusal(place, one, holder, 20_000, now=CLOSES - MINUTE, received_at=NOW) == "not_open"  # before it opened
    told = {"reference": placed.reference, "holder_id": holder}
    assert refusal(subscription.withdraw, **told, now=CLOSES, received_at=CLOSES) == "too_late_to_withdraw"
    assert refusal(subscription.withdraw, **told, now=PAY_BY, received_at=DURING) == "too_late_to_withdraw"
    assert subscription.withdraw(**told, **in_time).status == Status.WITHDRAWN


def test_nobody_can_claim_to_have_reached_us_in_the_future(opened):
    one = opened()
    placed = place(one, citizen(), 20_000, now=DURING, received_at=DURING + HOUR)
    assert placed.received_at == DURING
