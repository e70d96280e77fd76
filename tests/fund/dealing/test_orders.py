"""Orders: placed within the rules, paid, withdrawn, lapsed, each once (D18, D25–D27)."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from fund.dealing import offering, prove, subscription
from fund.dealing.models import Applicant, Status, Subscription
from fund.governance import config
from fund.governance.audit import Act
from fund.governance.outbox import Note
from fund.ledger import balances
from fund.money import Currency, Money
from fund.payments.models import Expected
from fund.refusal import Refusal
from tests.fund.dealing.conftest import (
    CLOSES,
    DURING,
    LAPSES,
    OPENS,
    PAY_BY,
    announce,
    citizen,
    pay,
    place,
    take,
    yen,
)

pytestmark = pytest.mark.django_db


def test_an_order_is_expected_recorded_and_told(opened):
    one, holder = opened(), citizen()
    order = place(one, holder, 30_000)
    expected = Expected.objects.get(order_id=order.pk)
    assert (expected.reference, expected.amount, expected.pay_by) == (order.reference, 30_000, PAY_BY)
    assert order.status == Status.PLACED and order.placed_at is not None
    assert Applicant.objects.filter(offering_id=one.pk, holder_id=holder).count() == 1
    assert Note.objects.get(topic="subscription.placed").payload == {"holder": holder, "order": order.reference}
    assert Act.objects.get(verb="place").subject == f"order:{order.reference}"


def test_the_receipt_tells_every_fact(opened):
    one = opened()
    order = place(one, citizen(), 30_000)
    told = subscription.receipt(subscription=order)
    assert (told.reference, told.numeric_reference) == (order.reference, order.numeric_reference)
    assert (told.dealing_day, told.price_rule, told.pay_by) == (one.dealing_day, "fixed", PAY_BY)
    assert told.rounding_rule == "units_down_remainder_to_fund"
    assert (told.withdraw_until, told.amount, told.account.code) == (CLOSES, yen(30_000), "DEMO-JPY-001")


def test_a_repeated_key_gives_the_same_order_even_after_the_close(opened):
    one, holder = opened(), citizen()
    order = place(one, holder, 30_000, key="k")
    offering.close_due(now=CLOSES)
    again = place(one, holder, 30_000, key="k", now=CLOSES)
    assert again.pk == order.pk and Subscription.objects.count() == 1 == Expected.objects.count()


def test_a_key_reused_for_another_order_is_refused(opened):
    one, other, holder = opened(), opened(code="JP-2026-2"), citizen()
    place(one, holder, 30_000, key="k")
    for where, amount in ((one, 40_000), (other, 30_000)):
        with pytest.raises(Refusal) as refused:
            place(where, holder, amount, key="k")
        assert refused.value.code == "key_reused"
    assert place(one, citizen(), 40_000, key="k").amount == 40_000


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (yen(9_999), "below_minimum"),
        (yen(0), "below_minimum"),
        (yen(-10_000), "below_minimum"),
        (yen(10_001), "not_in_steps"),
        (yen(60_000), "above_maximum"),
        (Money(10_000, Currency.USD), "wrong_currency"),
    ],
)
def test_an_amount_outside_the_terms_is_refused_and_leaves_nothing(opened, amount, code):
    one = opened(maximum=50_000)
    with pytest.raises(Refusal) as refused, transaction.atomic():
        subscription.place(offering_code=one.code, holder_id=citizen(), amount=amount, key="k", now=DURING)
    assert refused.value.code == code
    assert not Applicant.objects.exists() and not Expected.objects.exists()


def test_one_order_has_a_maximum_of_its_own_and_a_citizen_may_place_several(opened):
    one, holder = opened(maximum=50_000, order_maximum=30_000), citizen()
    with pytest.raises(Refusal) as refused:
        place(one, holder, 40_000)
    assert refused.value.code == "above_order_maximum"
    place(one, holder, 30_000)
    with pytest.raises(Refusal) as refused:
        place(one, holder, 30_000)
    assert refused.value.code == "above_maximum"
    assert place(one, holder, 20_000)


def test_the_maximum_binds_the_sum_of_a_citizens_live_orders(opened):
    one, holder = opened(maximum=50_000), citizen()
    first = place(one, holder, 30_000)
    with pytest.raises(Refusal, match="50000"):
        place(one, holder, 30_000)
    place(one, citizen(), 50_000)
    subscription.withdraw(reference=first.reference, holder_id=holder, now=DURING)
    assert place(one, holder, 50_000).amount == 50_000


def test_orders_are_taken_only_while_it_is_open(opened):
    announced, one = announce(code="JP-2026-9"), opened()
    for where, now in ((announced, DURING), (one, OPENS - timedelta(seconds=1)), (one, CLOSES)):
        with pytest.raises(Refusal) as refused:
            place(where, citizen(), 10_000, now=now)
        assert refused.value.code == "not_open"
    with pytest.raises(Refusal) as refused:
        subscription.place(offering_code="NONE", holder_id=1, amount=yen(1), key="k", now=DURING)
    assert refused.value.code == "unknown_offering"


def test_a_request_received_before_the_close_counts_when_it_is_handled_after(opened):
    one = opened()
    offering.close_due(now=CLOSES)
    late, in_time = CLOSES + timedelta(minutes=5), CLOSES - timedelta(seconds=1)
    assert place(one, citizen(), 10_000, now=late, received_at=in_time).received_at == in_time
    with pytest.raises(Refusal):
        place(one, citizen(), 10_000, now=late, received_at=CLOSES)
    with pytest.raises(Refusal):
        place(one, citizen(), 10_000, now=PAY_BY, received_at=in_time)


def test_a_file_funds_what_it_pays_in_full_and_only_once(opened):
    one, holder = opened(), citizen()
    full, part = place(one, holder, 30_000), place(one, holder, 20_000)
    file = take((full, 30_000), (part, 19_999))
    assert subscription.fund(file_id=file, now=DURING) == 1
    assert subscription.fund(file_id=file, now=DURING) == 0
    full.refresh_from_db()
    part.refresh_from_db()
    assert (full.status, full.funded_at, part.status) == (Status.FUNDED, DURING, Status.PLACED)
    assert subscription.fund(file_id=take((part, 1)), now=DURING) == 1
    assert Note.objects.filter(topic="subscription.funded").count() == 2
    assert subscription.on_order(holder_id=holder) == {Currency.JPY: 50_000}
    assert all(check.clean for check in prove.prove())


def test_withdrawing_refunds_what_was_paid_and_can_be_repeated(opened):
    one, holder = opened(), citizen()
    unpaid, part, full = place(one, holder, 10_000), place(one, holder, 20_000), place(one, holder, 30_000)
    pay(full)
    take((part, 5_000))
    for order in (unpaid, part, full, full):
        done = subscription.withdraw(reference=order.reference, holder_id=holder, now=DURING)
        assert done.status == Status.WITHDRAWN and done.ended_at == DURING
    assert balances.balance("held:JPY", holder_id=holder) == 0
    assert balances.balance("refunds:JPY", holder_id=holder) == 35_000
    assert subscription.on_order(holder_id=holder) == {}
    assert Note.objects.filter(topic="subscription.withdrawn").count() == 3
    take((unpaid, 10_000))
    assert balances.balance("suspense:JPY") == 10_000
    assert all(check.clean for check in prove.prove())


def test_a_withdrawal_ends_at_the_close_unless_it_was_received_before(opened):
    one, holder = opened(), citizen()
    late, in_time = place(one, holder, 10_000), place(one, holder, 20_000)
    offering.close_due(now=CLOSES)
    with pytest.raises(Refusal) as refused:
        subscription.withdraw(reference=late.reference, holder_id=holder, now=CLOSES)
    assert refused.value.code == "too_late_to_withdraw"
    before = CLOSES - timedelta(seconds=1)
    done = subscription.withdraw(reference=in_time.reference, holder_id=holder, now=CLOSES, received_at=before)
    assert done.status == Status.WITHDRAWN


def test_someone_elses_order_answers_as_a_missing_one(opened):
    order = place(opened(), citizen(), 10_000)
    answers = []
    for reference in (order.reference, "RF000000000000"):
        with pytest.raises(Refusal) as refused:
            subscription.withdraw(reference=reference, holder_id=citizen(), now=DURING)
        answers.append((refused.value.code, str(refused.value)))
    assert answers[0] == answers[1] and answers[0][0] == "unknown_order"


def test_unpaid_orders_lapse_at_the_deadline_with_part_payments_refunded(opened, monkeypatch):
    monkeypatch.setattr(subscription, "LAPSE_CHUNK", 2)
    one, holder = opened(), citizen()
    unpaid = [place(one, holder, 10_000) for _ in range(4)]
    part, full, unmarked = place(one, holder, 20_000), place(one, holder, 30_000), place(one, holder, 40_000)
    pay(full)
    take((part, 5_000))
    file = take((unmarked, 40_000))  # paid in time, and not marked yet
    offering.close_due(now=CLOSES)
    assert subscription.lapse_due(now=LAPSES - timedelta(seconds=1)) == 0
    assert subscription.lapse_due(now=LAPSES) == 5
    assert subscription.lapse_due(now=LAPSES) == 0
    assert set(
        Subscription.objects.filter(pk__in=[o.pk for o in (*unpaid, part)]).values_list("status", flat=True)
    ) == {Status.LAPSED}
    assert subscription.fund(file_id=file, now=PAY_BY) == 1
    assert balances.balance("refunds:JPY", holder_id=holder) == 5_000
    assert balances.balance("held:JPY", holder_id=holder) == 70_000
    assert all(check.clean for check in prove.prove())


CHANGES = [
    {"amount": 20_000},
    {"holder_id": 0},
    {"key": "other"},
    {"status": Status.UNALLOTTED},
    {"status": Status.SETTLED},  # never written on an order
    {"status": Status.ALLOTTED},
    {"status": "gone"},
]


@pytest.mark.parametrize("change", CHANGES)
def test_the_database_keeps_an_order_as_it_was_placed(opened, change):
    order = place(opened(), citizen(), 10_000)
    with pytest.raises(DatabaseError, match="moves on by its status|subscription_status"), transaction.atomic():
        Subscription.objects.filter(pk=order.pk).update(**change)
    with pytest.raises(DatabaseError), transaction.atomic():
        Subscription.objects.filter(pk=order.pk).delete()


@pytest.mark.parametrize("change", CHANGES[:4])
def test_without_the_trigger_it_would_change(opened, change):
    """Negative control of the test above."""
    order = place(opened(), citizen(), 10_000)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE fund_subscription DISABLE TRIGGER USER")
    assert Subscription.objects.filter(pk=order.pk).update(**change) == 1


def test_the_sites_own_role_can_deal(opened, as_site):
    one, holder = opened(), citizen()
    order = place(one, holder, 10_000)
    assert pay(order) == 1
    assert subscription.withdraw(reference=order.reference, holder_id=holder, now=DURING).status == Status.WITHDRAWN


def test_lapsing_waits_for_the_banks_statements_as_officers_have_set(opened, american, second_key):
    one = opened()
    place(one, citizen(), 10_000)
    proposal = config.propose(
        key="payment.statement_hours",
        value=36,
        effective_from=DURING,
        officer=american,
        now=DURING,
        reason="slow banks",
    )
    config.carry_out(proposal=second_key(proposal), now=DURING)
    assert subscription.lapse_due(now=PAY_BY + timedelta(hours=35)) == 0
    assert subscription.lapse_due(now=PAY_BY + timedelta(hours=36)) == 1
