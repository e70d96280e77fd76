"""Ways out of suspense (D35): each entry once, by an officer on duty with a reason, with two keys above the limit."""

import uuid

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from fund import holders
from fund.governance.approval import Proposal
from fund.governance.audit import Act
from fund.governance.officers import Duty, NotOnDuty
from fund.governance.outbox import Note
from fund.holders import Holder, Nation
from fund.ledger import balances, post
from fund.ledger.models import Event, Transfer
from fund.ledger.prove import prove as prove_ledger
from fund.money import Currency
from fund.payments import payer_names, receipts, suspense
from fund.payments.models import BankEntry, Expected
from fund.payments.prove import prove
from fund.payments.suspense import Resolution, Way
from tests.fund import building
from tests.fund.payments.bank_files import NOW, entry, file
from tests.fund.payments.conftest import appoint, turn_second_key
from tests.fund.payments.test_outcomes import held
from tests.fund.payments.test_outcomes import suspense as in_suspense

pytestmark = pytest.mark.django_db
LIMIT = 1_000_000


@pytest.fixture(autouse=True)
def _always_proved(request, _accounts):
    yield
    if "unproved" not in request.fixturenames:
        assert [check for check in [*prove(), *prove_ledger()] if not check.clean] == []


@pytest.fixture
def unknown(take):
    def pay(amount: int = 100, **told) -> BankEntry:
        taken = take(file(entry(amount, **told)))
        return BankEntry.objects.get(file=taken.file)

    return pay


def test_recognised_money_is_applied_to_its_order_which_is_then_paid(citizen, expect, unknown, american):
    asked, one = expect(100), unknown()
    done = suspense.apply(entry=one, order_id=asked.order_id, officer=american, reason="wrong digit", now=NOW)
    assert isinstance(done, Resolution)
    assert (held(citizen), in_suspense(), Expected.objects.get(pk=asked.pk).received) == (100, 0, 100)
    assert list(receipts.funded_orders(file_id=one.file_id)) == [asked.order_id]
    assert Note.objects.get(topic="payment.applied").payload == {"file": one.file_id, "order": str(asked.order_id)}
    assert Act.objects.get(verb="suspense.applied").actor == american.actor
    assert Transfer.objects.get(event_id=done.pk).event == Event.APPLICATION


def test_what_the_order_does_not_need_is_its_holders_refund(citizen, expect, unknown, american):
    asked, one = expect(60), unknown()
    suspense.apply(entry=one, order_id=asked.order_id, officer=american, reason="wrong digit", now=NOW)
    refunds = balances.balance("refunds:USD", holder_id=citizen)
    assert (held(citizen), refunds, in_suspense()) == (60, 40, 0)


def test_an_overpayment_is_refunded_to_the_holder_who_gave_the_reference(citizen, expect, unknown, american):
    asked = expect(60)
    one = unknown(100, creditor_reference=asked.reference)
    suspense.refund(entry=one, officer=american, reason="paid too much", now=NOW)
    assert (held(citizen), balances.balance("refunds:USD", holder_id=citizen), in_suspense()) == (60, 40, 0)


def test_money_of_nobody_goes_back_to_its_payer(unknown, american):
    one = unknown(100, payer_account="0001234")
    suspense.return_to_payer(entry=one, officer=american, reason="third party", now=NOW)
    assert (in_suspense(), balances.balance("returns:USD")) == (0, 100)


def test_what_cannot_be_done_is_refused_with_its_code(citizen, expect, unknown, american):
    one = unknown()
    gone, yen, allotted = expect(100), expect(100, Currency.JPY), expect(100, subject="ALLOTTED")
    receipts.forget(order_id=gone.order_id, now=NOW)
    receipts.earmark(subject="ALLOTTED", now=NOW)
    told = {"entry": one, "officer": american, "now": NOW}
    refused = [
        (suspense.apply, {"order_id": gone.order_id, "reason": "x"}, "order_not_open"),
        (suspense.apply, {"order_id": allotted.order_id, "reason": "x"}, "order_not_open"),
        (suspense.apply, {"order_id": yen.order_id, "reason": "x"}, "wrong_currency"),
        (suspense.apply, {"order_id": uuid.uuid4(), "reason": "x"}, "order_unknown"),
        (suspense.apply, {"order_id": gone.order_id, "reason": " "}, "reason_missing"),
        (suspense.refund, {"reason": "x"}, "order_unknown"),
        (suspense.return_to_payer, {"reason": "x"}, "payer_unknown"),
        (suspense.write_off, {"reason": "x"}, "not_in_suspense"),
    ]
    for verb, more, code in refused:
        with pytest.raises(suspense.Refused) as stopped:
            verb(**told, **more)
        assert stopped.value.code == code
    assert in_suspense() == 100


def test_only_an_officer_on_duty_for_payments_may(expect, unknown):
    asked, one = expect(100), unknown()
    other = appoint(Nation.US, Duty.DEALING)
    with pytest.raises(NotOnDuty):
        suspense.apply(entry=one, order_id=asked.order_id, officer=other, reason="x", now=NOW)


def test_an_entry_goes_out_once(expect, unknown, american):
    asked, one = expect(300), unknown(payer_account="1")
    suspense.apply(entry=one, order_id=asked.order_id, officer=american, reason="x", now=NOW)
    for again in (suspense.return_to_payer, suspense.refund):
        with pytest.raises(suspense.Refused):
            again(entry=one, officer=american, reason="x", now=NOW)
    with pytest.raises(IntegrityError, match="entry_id"), transaction.atomic():
        Resolution.objects.create(
            entry=one, way=Way.RETURNED, amount=100, currency="USD", officer=american, reason="x", resolved_at=NOW
        )
    assert Expected.objects.get(pk=asked.pk).received == 100


def test_above_the_limit_it_waits_for_both_keys(citizen, expect, unknown, american, japanese):
    asked, one = expect(LIMIT + 1), unknown(LIMIT + 1)
    proposal = suspense.apply(entry=one, order_id=asked.order_id, officer=american, reason="wrong digit", now=NOW)
    assert isinstance(proposal, Proposal)
    assert (held(citizen), in_suspense()) == (0, LIMIT + 1)
    turn_second_key(proposal, japanese)
    done = suspense.carry_out(proposal=proposal, now=NOW)
    assert done is not None
    assert (done.proposal_id, done.reason, held(citizen), in_suspense()) == (proposal.pk, "wrong digit", LIMIT + 1, 0)
    assert suspense.carry_out(proposal=proposal, now=NOW) is None


def test_an_approved_way_out_that_is_no_longer_possible_is_refused_whole(expect, unknown, american, japanese):
    asked, one = expect(LIMIT + 1), unknown(LIMIT + 1)
    proposal = suspense.apply(entry=one, order_id=asked.order_id, officer=american, reason="x", now=NOW)
    turn_second_key(proposal, japanese)
    receipts.forget(order_id=asked.order_id, now=NOW)
    with pytest.raises(suspense.Refused, match="takes no more money"):
        suspense.carry_out(proposal=proposal, now=NOW)
    assert (in_suspense(), Resolution.objects.count()) == (LIMIT + 1, 0)


def large(one: BankEntry, officer, **told) -> Resolution:
    plain = {"way": Way.RETURNED, "amount": one.amount, "currency": one.currency, "reason": "x", "resolved_at": NOW}
    return Resolution.objects.create(entry=one, officer=officer, **plain | told)


def test_the_database_wants_both_keys_above_the_limit(unknown, american, japanese):
    one, other = unknown(LIMIT + 1), unknown(LIMIT + 1, payer_account="1")
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        large(one, american)
    proposal = suspense.return_to_payer(entry=other, officer=american, reason="x", now=NOW)
    turn_second_key(proposal, japanese)
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        large(one, american, proposal=proposal)  # approved for another entry


@pytest.mark.usefixtures("unproved")
def test_without_its_trigger_one_officer_could_send_any_amount(unknown, american):
    """Negative control."""
    one = unknown(LIMIT + 1)
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_resolution DISABLE TRIGGER USER")
    large(one, american)
    assert Resolution.objects.get().proposal is None


def test_the_limit_is_the_setting_in_force(expect, unknown, american):
    asked, one = expect(50), unknown(50)
    building.agree(suspense.THRESHOLD, {"USD": 10, "JPY": 10}, on=NOW)
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        large(one, american)
    found = suspense.apply(entry=one, order_id=asked.order_id, officer=american, reason="x", now=NOW)
    assert isinstance(found, Proposal)


def test_what_a_bank_took_too_late_is_written_off_with_both_keys_only(expect, take, american, japanese):
    take(file(entry(50, credit=False, reversal=True)))
    one = suspense.missing().get()
    proposal = suspense.write_off(entry=one, officer=american, reason="the payer is gone", now=NOW)
    assert isinstance(proposal, Proposal)
    turn_second_key(proposal, japanese)
    suspense.carry_out(proposal=proposal, now=NOW)
    assert (in_suspense(), balances.balance("expenses:USD"), list(suspense.missing())) == (0, -50, [])


@pytest.fixture
def third_party(citizen, expect, take) -> BankEntry:
    """Money with a citizen's reference from the account of somebody else."""
    payer_names.know(holder_id=citizen, names=["Hanako Yamada"])
    asked = expect(100)
    take(file(entry(100, creditor_reference=asked.reference, payer_name="TARO SUZUKI", payer_account="1")))
    return BankEntry.objects.get(suspense_reason="third_party")


def test_somebody_elses_money_goes_back_or_to_the_order_but_never_to_the_holders_own_account(third_party, american):
    told = {"entry": third_party, "officer": american, "reason": "asked the payer", "now": NOW}
    assert suspense.ways(entry=third_party) == [Way.APPLIED, Way.RETURNED]
    with pytest.raises(suspense.Refused, match="Somebody else"):
        suspense.refund(**told)
    assert suspense.return_to_payer(**told).way == Way.RETURNED
    assert (in_suspense(), balances.balance("returns:USD")) == (0, 100)


def test_an_officer_can_find_that_it_was_the_holder_after_all(third_party, american, citizen):
    told = {"entry": third_party, "officer": american, "reason": "maiden name", "now": NOW}
    suspense.apply(order_id=third_party.expected.order_id, **told)
    assert (held(citizen), in_suspense()) == (100, 0)


@pytest.mark.parametrize(
    ("told", "ways"),
    [
        ({}, [Way.APPLIED]),
        ({"payer_account": "1"}, [Way.APPLIED, Way.RETURNED]),
        ({"payer_account": "ﾐｽﾞﾎ/ﾎﾝﾃﾝ"}, [Way.APPLIED]),  # a Zengin file names the bank and not the account
        ({"credit": False, "reversal": True}, [Way.WRITTEN_OFF]),
    ],
)
def test_the_ways_out_are_those_that_are_possible(unknown, told, ways):
    assert suspense.ways(entry=unknown(100, **told)) == ways


def test_overpaid_money_can_be_refunded_and_once_it_went_out_no_more(expect, take, american):
    asked = expect(60)
    take(file(entry(100, creditor_reference=asked.reference)))
    one = suspense.waiting().get()
    assert Way.REFUNDED in suspense.ways(entry=one)
    suspense.refund(entry=one, officer=american, reason="x", now=NOW)
    assert suspense.ways(entry=one) == []


def test_suggestions_are_open_payments_of_that_amount_or_name_the_likeliest_first(citizen, expect, unknown, take):
    payer_names.know(holder_id=citizen, names=["Hanako Yamada"])
    other_holder = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.JP, now=NOW).pk
    one = unknown(100, payer_name="YAMADA, MS HANAKO")
    amount_alone = expect(100, holder_id=other_holder)
    name_alone, both = expect(777), expect(100)
    found = suspense.suggestions(entry=one)
    assert [hint.expected.pk for hint in found] == [both.pk, name_alone.pk, amount_alone.pk]
    assert [(hint.same_name, hint.same_amount) for hint in found] == [(True, True), (True, False), (False, True)]


def test_suggestions_are_open_payments_in_the_currency(citizen, expect, unknown, take):
    one = unknown(100)
    right, part = expect(100), expect(150)
    take(file(entry(50, creditor_reference=part.reference)))
    other, yen, gone = expect(99), expect(100, Currency.JPY), expect(100)
    receipts.forget(order_id=gone.order_id, now=NOW)
    found = {hint.expected.pk for hint in suspense.suggestions(entry=one)}
    assert found == {right.pk, part.pk}
    assert not found & {other.pk, yen.pk, gone.pk}


def test_applied_money_that_the_bank_reverses_is_taken_back_from_the_order(citizen, expect, unknown, american, take):
    asked, one = expect(100), unknown(100, bank_reference="BANK-9")
    suspense.apply(entry=one, order_id=asked.order_id, officer=american, reason="x", now=NOW)
    take(file(entry(100, credit=False, reversal=True, bank_reference="BANK-9")))
    assert (held(citizen), in_suspense(), Expected.objects.get(pk=asked.pk).received) == (0, 0, 0)


def test_money_that_went_out_and_is_reversed_is_missing(unknown, american, take):
    one = unknown(100, bank_reference="BANK-8", payer_account="1")
    suspense.return_to_payer(entry=one, officer=american, reason="x", now=NOW)
    take(file(entry(100, credit=False, reversal=True, bank_reference="BANK-8")))
    assert (in_suspense(), balances.balance("returns:USD")) == (-100, 100)
    assert [missing.suspense_reason for missing in suspense.missing()] == ["reversed_too_late"]


@pytest.mark.usefixtures("unproved")
def test_prove_names_suspense_money_without_a_reason(unknown):
    unknown(100)
    line = post.Line("expenses:USD", "suspense:USD", 10)
    post.post(event=Event.CORRECTION, event_id=uuid.uuid4(), lines=[line], effective_at=NOW)
    assert any("suspense:USD is 110, its entries say 100" in check.first for check in prove())
