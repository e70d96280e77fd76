"""An offering lives by two keys and the clock, and the database refuses every other way (D4, D24)."""

from datetime import date
from decimal import Decimal
from hashlib import sha256

import pytest
from django.db import DatabaseError, connection, transaction

from fund import envelope
from fund.dealing import cancellation, offering, prove, subscription
from fund.dealing.models import Offering, Status
from fund.governance import approval
from fund.governance.outbox import Note
from fund.ledger import balances
from fund.refusal import Refusal
from tests.fund.dealing.conftest import (
    AFTER,
    CLOSES,
    DURING,
    NOW,
    OPENS,
    PAY_BY,
    announce,
    citizen,
    pay,
    place,
    take,
)

pytestmark = pytest.mark.django_db


def test_the_announcement_publishes_the_commitment_and_seals_the_seed():
    announced = announce()
    announced.refresh_from_db()
    seed = envelope.unseal(bytes(announced.sealed_seed), **offering.seed_place(announced.code))
    assert len(seed) == 32 and announced.seed is None
    assert bytes(announced.seed_commitment) == sha256(seed).digest()
    assert len(offering.terms(announced)) == 64


@pytest.mark.parametrize(
    ("terms", "code"),
    [
        ({"capacity": 100_001}, "unsound_terms"),
        ({"minimum": 10_001}, "unsound_terms"),
        ({"step": 5_000}, "unsound_terms"),
        ({"lot": 0}, "unsound_terms"),
        ({"lot": -10_000}, "unsound_terms"),
        ({"capacity": -100_000}, "unsound_terms"),
        ({"maximum": 0}, "unsound_terms"),
        ({"maximum": 50_000, "order_maximum": 60_000}, "unsound_terms"),
        ({"minimum": 20_000, "order_maximum": 10_000}, "unsound_terms"),
        ({"fixed_price": None, "dealing_day": date(2026, 9, 11)}, "not_a_dealing_day"),  # it would begin at the close
        ({"fixed_price": Decimal(0)}, "unsound_terms"),
        ({"opens_at": CLOSES}, "unsound_terms"),
        ({"pay_by": DURING}, "unsound_terms"),
        ({"code": "jp 1"}, "unsound_terms"),
        ({"dealing_day": date(2026, 9, 23)}, "not_a_dealing_day"),
        ({"dealing_day": date(2026, 9, 26)}, "not_a_dealing_day"),
        ({"dealing_day": date(2091, 9, 24)}, "not_a_dealing_day"),
        ({"dealing_day": date(2026, 9, 2)}, "not_a_dealing_day"),
    ],
)
def test_unsound_terms_are_refused(terms, code):
    with pytest.raises(Refusal) as refused:
        announce(**terms)
    assert refused.value.code == code and not Offering.objects.exists()


def test_a_code_is_taken_once():
    announce()
    with pytest.raises(Refusal) as refused:
        announce()
    assert refused.value.code == "code_taken"


def test_it_opens_and_closes_by_the_clock(opened):
    one = opened()
    assert one.state == Offering.State.OPEN
    assert offering.close_due(now=DURING) == []
    assert offering.close_due(now=CLOSES) == [one.code] and offering.close_due(now=CLOSES) == []
    assert list(Note.objects.filter(subject=one.code).order_by("id").values_list("topic", flat=True)) == [
        "offering.opened",
        "offering.closed",
    ]


def test_one_key_opens_nothing(american):
    one = announce()
    proposal = offering.propose_opening(offering=one, officer=american, now=NOW)
    with pytest.raises(approval.Refused):
        offering.carry_out_opening(proposal=proposal, now=NOW)
    assert offering.open_due(now=OPENS) == []


def open_by_hand(code: str, **more: object) -> int:
    return Offering.objects.filter(pk=code).update(state=Offering.State.OPEN, **more)


def test_the_database_refuses_to_open_without_two_keys(american):
    one = announce()
    proposal = offering.propose_opening(offering=one, officer=american, now=NOW)
    for more in ({}, {"proposal": proposal}):
        with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
            open_by_hand(one.code, **more)


def test_without_the_trigger_it_would_open():
    """Negative control of the test above."""
    one = announce()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE fund_offering DISABLE TRIGGER USER")
    assert open_by_hand(one.code) == 1


def test_terms_changed_after_the_approval_do_not_open(american, second_key):
    one = announce()
    proposal = second_key(offering.propose_opening(offering=one, officer=american, now=NOW))
    Offering.objects.filter(pk=one.pk).update(capacity=200_000)
    with pytest.raises(Refusal) as refused, transaction.atomic():
        offering.carry_out_opening(proposal=proposal, now=NOW)
    assert refused.value.code == "terms_changed"
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        open_by_hand(one.code, proposal=proposal)


def test_an_approved_opening_is_carried_out_once(american, second_key):
    one = announce()
    proposal = second_key(offering.propose_opening(offering=one, officer=american, now=NOW))
    assert offering.carry_out_opening(proposal=proposal, now=OPENS).state == Offering.State.OPEN
    assert offering.carry_out_opening(proposal=proposal, now=OPENS) is None
    with pytest.raises(Refusal) as refused:
        offering.propose_opening(offering=one, officer=american, now=OPENS)
    assert refused.value.code == "not_announced"


@pytest.mark.parametrize(
    "change",
    [
        {"capacity": 1_000_000},
        {"closes_at": PAY_BY},
        {"seed_commitment": bytes(32)},
        {"state": "announced"},
        {"state": "settled"},
        {"state": "allotted", "seed": bytes(32)},
    ],
)
def test_the_database_keeps_terms_and_states_of_an_open_offering(opened, change):
    one = opened()
    with pytest.raises(DatabaseError, match="cannot change so|seed_revealed"), transaction.atomic():
        Offering.objects.filter(pk=one.pk).update(**change)


def test_a_closed_offering_is_not_allotted_without_an_approved_allotment(opened):
    one = opened()
    offering.close_due(now=CLOSES)
    seed = envelope.unseal(bytes(one.sealed_seed), **offering.seed_place(one.code))
    with pytest.raises(DatabaseError, match="no approved allotment"), transaction.atomic():
        Offering.objects.filter(pk=one.pk).update(state="allotted", seed=seed)


def test_demand_counts_what_is_asked_and_what_is_paid(opened):
    one = opened()
    first, second = citizen(), citizen()
    pay(place(one, first, 30_000))
    place(one, first, 20_000)
    withdrawn = place(one, second, 10_000)
    subscription.withdraw(reference=withdrawn.reference, holder_id=second, now=DURING)
    found = offering.demand(offering=one)
    assert (found.applicants, found.requested.amount, found.funded.amount) == (1, 50_000, 30_000)
    assert found.capacity.amount == 100_000


def test_a_cancellation_needs_two_keys_and_refunds_everything(opened, american, second_key):
    one, holder = opened(), citizen()
    paid, partly = place(one, holder, 30_000), place(one, holder, 20_000)
    pay(paid)
    take((partly, 5_000))
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        Offering.objects.filter(pk=one.pk).update(state="cancelled")
    proposal = cancellation.propose(offering=one, officer=american, now=DURING, reason="markets closed")
    with pytest.raises(approval.Refused):
        cancellation.carry_out(proposal=proposal, now=DURING)
    assert cancellation.carry_out(proposal=second_key(proposal), now=DURING).state == Offering.State.CANCELLED
    assert cancellation.carry_out(proposal=proposal, now=DURING) is None
    assert subscription.refund_next(offering_code=one.code, now=DURING) == 2
    assert subscription.refund_next(offering_code=one.code, now=DURING) == 0
    assert balances.balance("held:JPY", holder_id=holder) == 0
    assert balances.balance("refunds:JPY", holder_id=holder) == 35_000
    paid.refresh_from_db()
    partly.refresh_from_db()
    assert (paid.status, partly.status) == (Status.UNALLOTTED, Status.LAPSED)


@pytest.mark.parametrize("state", ["announced", "open", "closed"])
def test_it_can_be_cancelled_in_every_state_before_the_allotment(american, second_key, state):
    one = announce()
    if state != "announced":
        offering.carry_out_opening(
            proposal=second_key(offering.propose_opening(offering=one, officer=american, now=NOW)), now=OPENS
        )
        pay(place(one, citizen(), 30_000), place(one, citizen(), 20_000))
    if state == "closed":
        offering.close_due(now=CLOSES)
    one.refresh_from_db()
    assert one.state == state
    proposal = cancellation.propose(offering=one, officer=american, now=CLOSES, reason="a rehearsal")
    cancellation.carry_out(proposal=second_key(proposal), now=CLOSES)
    while subscription.refund_next(offering_code=one.code, now=CLOSES):
        pass
    assert balances.total("held:JPY") == 0
    assert balances.total("refunds:JPY") == (0 if state == "announced" else 50_000)
    assert [check for check in prove.prove() if not check.clean] == []
    assert offering.open_due(now=OPENS) == [] and offering.close_due(now=CLOSES) == []


def test_the_seed_cannot_be_chosen_again_once_its_commitment_is_published():
    one = announce()
    with pytest.raises(DatabaseError, match="cannot change so"), transaction.atomic():
        Offering.objects.filter(pk=one.pk).update(seed_commitment=sha256(b"another").digest())
    with connection.cursor() as cursor:  # negative control
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE fund_offering DISABLE TRIGGER USER")
    assert Offering.objects.filter(pk=one.pk).update(seed_commitment=sha256(b"another").digest()) == 1


def test_an_allotted_offering_is_not_cancelled(opened, allot, american):
    one = opened()
    pay(place(one, citizen(), 30_000))
    allot(one)
    with pytest.raises(Refusal) as refused:
        cancellation.propose(offering=one, officer=american, now=AFTER, reason="too late")
    assert refused.value.code == "not_cancellable"
