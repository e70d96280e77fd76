"""The bank takes a payment back (D34): the order waits again, and nobody is allotted money that is gone."""

import pytest

from fund.dealing import allotment, offering, prove, subscription
from fund.dealing.models import Status, Subscription
from fund.ledger import balances
from fund.payments import receipts
from tests.fund.dealing.conftest import AFTER, BANK, CLOSES, DURING, citizen, pay, place
from tests.fund.payments import bank_files

pytestmark = pytest.mark.django_db(transaction=True)


def reverse(order: Subscription) -> None:
    """A file in which the bank takes this payment back."""
    entry = bank_files.entry(
        order.amount, currency="JPY", credit=False, reversal=True, creditor_reference=order.reference,
        booking_date=DURING.date(), value_date=DURING.date(),
    )  # fmt: skip
    data = bank_files.file(entry, account=BANK, currency="JPY")
    receipts.import_file(data=data, name="reversal.xml", actor="officer:1", now=DURING)


def test_a_reversed_payment_makes_the_order_wait_again(opened):
    one, holder = opened(), citizen()
    order = place(one, holder, 30_000)
    pay(order)
    reverse(order)
    assert balances.balance("held:JPY", holder_id=holder) == 0
    assert subscription.unfund(order_id=order.pk, now=DURING)
    assert not subscription.unfund(order_id=order.pk, now=DURING)
    order.refresh_from_db()
    assert order.status == Status.PLACED
    assert all(check.clean for check in prove.prove())


def test_what_was_reversed_since_the_proposal_is_not_allotted(opened, american, second_key):
    one = opened()
    kept, gone = place(one, citizen(), 10_000), place(one, citizen(), 30_000)
    pay(kept, gone)
    offering.close_due(now=CLOSES)
    proposal = second_key(allotment.propose(offering=one, officer=american, now=AFTER))
    reverse(gone)
    with pytest.raises(allotment.Refused, match="changed since"):
        allotment.carry_out(proposal=proposal, now=AFTER)


def test_without_the_earmark_it_would_be(opened, american, second_key, monkeypatch):
    """Negative control of the test above."""
    one = opened()
    kept, gone = place(one, citizen(), 10_000), place(one, citizen(), 30_000)
    pay(kept, gone)
    offering.close_due(now=CLOSES)
    proposal = second_key(allotment.propose(offering=one, officer=american, now=AFTER))
    reverse(gone)
    monkeypatch.setattr(receipts, "earmark", lambda *, subject, now: [])
    assert allotment.carry_out(proposal=proposal, now=AFTER).allotted_lots == 4
