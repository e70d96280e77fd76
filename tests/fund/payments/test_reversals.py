"""What a bank takes back is taken from where the payment went, and nothing goes below zero (D34, D35)."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from fund.governance.outbox import Note
from fund.ledger import balances, post
from fund.ledger.models import Event
from fund.ledger.prove import prove as prove_ledger
from fund.payments import matching, receipts, suspense
from fund.payments.models import BankEntry, Expected
from fund.payments.prove import prove
from tests.fund.payments.bank_files import NOW, TODAY, USD, entry, file
from tests.fund.payments.test_outcomes import held
from tests.fund.payments.test_outcomes import suspense as in_suspense

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _always_proved(request, _accounts):
    yield
    if "unproved" not in request.fixturenames:
        assert [check for check in [*prove(), *prove_ledger()] if not check.clean] == []


def undone(amount: int, **told):
    return entry(amount, credit=False, reversal=True, **told)


def test_money_that_is_still_held_is_taken_back_and_the_order_is_no_longer_paid(citizen, expect, take):
    asked = expect(50_000)
    first = take(file(entry(50_000, creditor_reference=asked.reference)))
    take(file(undone(50_000, creditor_reference=asked.reference)))
    assert (held(citizen), in_suspense(), balances.balance(f"bank:{USD}")) == (0, 0, 0)
    assert Expected.objects.get(pk=asked.pk).received == 0
    assert list(receipts.funded_orders(file_id=first.file.pk)) == []
    assert Note.objects.get(topic="payment.reversed").payload == {"order": str(asked.order_id)}


def test_a_reversal_is_known_by_the_banks_reference_alone(citizen, expect, take):
    asked = expect(50_000)
    take(file(entry(50_000, creditor_reference=asked.reference, bank_reference="BANK-7")))
    take(file(undone(50_000, bank_reference="BANK-7")))
    assert (held(citizen), in_suspense()) == (0, 0)
    assert BankEntry.objects.get(credit=False).reverses == BankEntry.objects.get(credit=True)


def test_one_reversal_undoes_one_of_two_equal_payments(citizen, expect, take):
    asked = expect(100)
    take(file(*(entry(50, creditor_reference=asked.reference) for _ in range(2))))
    take(file(undone(50, creditor_reference=asked.reference)))
    assert (held(citizen), in_suspense()) == (50, 0)
    take(file(undone(50, creditor_reference=asked.reference), undone(50, creditor_reference=asked.reference)))
    assert (held(citizen), in_suspense()) == (0, -50)
    assert [one.amount for one in suspense.missing()] == [50]


def test_the_excess_of_a_payment_goes_back_out_of_suspense(citizen, expect, take):
    asked = expect(50)
    take(file(entry(70, creditor_reference=asked.reference)))
    take(file(undone(70, creditor_reference=asked.reference)))
    assert (held(citizen), in_suspense(), list(suspense.waiting()), list(suspense.missing())) == (0, 0, [], [])


def test_a_payment_nobody_owned_is_cancelled_in_suspense_and_cannot_go_out_any_more(take, american):
    take(file(entry(70, bank_reference="BANK-1", payer_account="021000021")))
    one = BankEntry.objects.get()
    take(file(undone(70, bank_reference="BANK-1")))
    assert (in_suspense(), list(suspense.waiting()), list(suspense.missing())) == (0, [], [])
    with pytest.raises(suspense.Refused, match="no longer in suspense"):
        suspense.return_to_payer(entry=one, officer=american, reason="unknown", now=NOW)


@pytest.mark.usefixtures("unproved")
def test_without_a_look_at_reversals_the_money_would_go_out_though_it_is_gone(take, american, monkeypatch):
    """Negative control, and prove finds it."""
    take(file(entry(70, bank_reference="BANK-1", payer_account="021000021")))
    one = BankEntry.objects.get()
    take(file(undone(70, bank_reference="BANK-1")))
    monkeypatch.setattr(suspense, "waiting", BankEntry.objects.all)
    suspense.return_to_payer(entry=one, officer=american, reason="unknown", now=NOW)
    assert (in_suspense(), balances.balance("returns:USD")) == (-70, 70)
    assert any("went out and was reversed" in check.first for check in prove())


@pytest.mark.parametrize("same_file", [True, False])
def test_a_reversal_that_is_told_of_first_keeps_the_payment_from_being_credited(citizen, expect, take, same_file):
    asked = expect(50)
    told = [undone(50, bank_reference="BANK-2"), entry(50, bank_reference="BANK-2", creditor_reference=asked.reference)]
    for data in [file(*told)] if same_file else [file(one) for one in told]:
        take(data)
    assert (held(citizen), in_suspense(), list(suspense.waiting()), list(suspense.missing())) == (0, 0, [], [])
    assert Expected.objects.get(pk=asked.pk).received == 0


@pytest.mark.parametrize("event", [Event.SETTLEMENT, Event.REFUND])
def test_money_that_was_used_is_missing_in_suspense_and_no_other_order_pays_for_it(citizen, expect, take, event):
    used, other = expect(50), expect(50)
    take(file(*(entry(50, creditor_reference=one.reference) for one in (used, other))))
    account = "capital:US" if event is Event.SETTLEMENT else "refunds:USD"
    line = post.Line("held:USD", account, 50, citizen)
    post.post(event=event, event_id=used.order_id, lines=[line], effective_at=NOW)
    taken = take(file(undone(50, creditor_reference=used.reference)))
    assert (held(citizen), in_suspense()) == (50, -50)
    assert (taken.suspense, [one.suspense_reason for one in suspense.missing()]) == (1, ["reversed_too_late"])
    assert not Note.objects.filter(topic="payment.reversed").exists()


def test_money_of_a_withdrawn_order_is_not_taken_from_another_one(citizen, expect, take):
    withdrawn, other = expect(50), expect(50)
    take(file(*(entry(50, creditor_reference=one.reference) for one in (withdrawn, other))))
    receipts.forget(order_id=withdrawn.order_id, now=NOW)
    take(file(undone(50, creditor_reference=withdrawn.reference)))
    assert (held(citizen), in_suspense()) == (100, -50)


def test_what_is_being_allotted_stays_and_short_orders_are_named(citizen, expect, take):
    short, full = expect(50), expect(50)
    take(file(*(entry(50, creditor_reference=one.reference) for one in (short, full))))
    take(file(undone(50, creditor_reference=short.reference)))
    assert receipts.earmark(subject="US-2027-1", now=NOW) == [short.order_id]
    assert receipts.earmark(subject="US-2027-1", now=NOW) == [short.order_id]
    take(file(undone(50, creditor_reference=full.reference)))
    assert (held(citizen), in_suspense()) == (50, -50)


@pytest.mark.usefixtures("unproved")
def test_without_the_look_at_the_book_another_orders_money_would_be_taken(citizen, expect, take, monkeypatch):
    """Negative control: the money of the second order pays for the reversal of the first one."""
    used, other = expect(50), expect(50)
    take(file(*(entry(50, creditor_reference=one.reference) for one in (used, other))))
    line = post.Line("held:USD", "capital:US", 50, citizen)
    post.post(event=Event.SETTLEMENT, event_id=used.order_id, lines=[line], effective_at=NOW)
    blind = matching.TAKE_BACK.replace("t.event_id = x.order_id", "false")
    assert blind != matching.TAKE_BACK
    monkeypatch.setattr(matching, "TAKE_BACK", blind)
    take(file(undone(50, creditor_reference=used.reference)))
    assert held(citizen) == 0


def test_even_then_the_book_does_not_go_below_zero(citizen, expect, take, monkeypatch):
    used = expect(50)
    take(file(entry(50, creditor_reference=used.reference)))
    line = post.Line("held:USD", "capital:US", 50, citizen)
    post.post(event=Event.SETTLEMENT, event_id=used.order_id, lines=[line], effective_at=NOW)
    monkeypatch.setattr(matching, "TAKE_BACK", matching.TAKE_BACK.replace("t.event_id = x.order_id", "false"))
    with pytest.raises(IntegrityError, match="not_below_zero"):
        take(file(undone(50, creditor_reference=used.reference)))
    assert held(citizen) == 0


@pytest.mark.usefixtures("unproved")
def test_prove_names_a_reversal_of_another_payment(expect, take):
    asked = expect(50)
    take(file(entry(50, creditor_reference=asked.reference), entry(70)))
    take(file(undone(50, creditor_reference=asked.reference)))
    wrong = BankEntry.objects.get(amount=70)
    BankEntry.objects.filter(credit=False).update(reverses=wrong)
    assert any("reverses another payment" in check.first for check in prove())


def test_a_collected_payment_can_be_called_back_for_sixty_days(expect, take):
    asked, plain = expect(50), expect(60)
    family = b"<BkTxCd><Domn><Cd>PMNT</Cd><Fmly><Cd>IDDT</Cd><SubFmlyCd>OTHR</SubFmlyCd></Fmly></Domn></BkTxCd>"
    collected = file(entry(50, creditor_reference=asked.reference))
    assert collected.count(b"<BkTxCd/>") == 1
    take(collected.replace(b"<BkTxCd/>", family))
    take(file(entry(60, creditor_reference=plain.reference)))
    assert receipts.returnable_until(order_id=asked.order_id) == TODAY + timedelta(days=60)
    assert receipts.returnable_until(order_id=plain.order_id) is None


def test_what_a_reversal_names_does_not_change(expect, take):
    take(file(entry(50)))
    with pytest.raises(DatabaseError, match="(?i)read-only|cannot update"), transaction.atomic():
        BankEntry.objects.update(original="another")
