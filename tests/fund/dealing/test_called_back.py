"""Units bought with collected money are not redeemable for 60 days; what happens when it comes back on day 59 (D36)."""

from datetime import date, timedelta

import pytest

from fund import calendars
from fund.conveyance import give
from fund.conveyance.models import Conveyance
from fund.dealing import allotment, called_back, offering, settlement, subscription
from fund.dealing.models import Subscription
from fund.dealing.prove import prove as prove_dealing
from fund.governance.approval import Proposal
from fund.ledger import balances, post
from fund.ledger.models import Event
from fund.ledger.prove import prove as prove_ledger
from fund.payments import receipts, suspense
from fund.payments.prove import prove as prove_payments
from fund.redemption import request, window
from fund.redemption.models import Redemption
from tests.fund import building
from tests.fund.dealing.conftest import AFTER, BANK, CLOSES, DURING, citizen, place
from tests.fund.payments import bank_files

pytestmark = pytest.mark.django_db(transaction=True)
BOOKED = DURING.date()
LAST = BOOKED + timedelta(days=60)
DAY_59 = BOOKED + timedelta(days=59)


def told(order: Subscription, day: date, **more) -> bytes:
    one = bank_files.entry(
        order.amount, currency="JPY", creditor_reference=order.reference, booking_date=day, value_date=day, **more
    )
    return bank_files.file(one, account=BANK, currency="JPY")


def take(data: bytes, now=DURING) -> int:
    return receipts.import_file(data=data, name="bank.xml", actor="officer:1", now=now).file.pk


@pytest.fixture
def bought(opened, american, second_key):
    """A citizen's units, paid by direct debit; the half of the order that was not allotted waits as a refund."""

    def buy(*, capacity: int = 1, direct_debit: bool = True) -> Subscription:
        one = opened(capacity=capacity * 10_000)
        order = place(one, citizen(), 20_000)
        subscription.fund(file_id=take(told(order, BOOKED, direct_debit=direct_debit)), now=DURING)
        offering.close_due(now=CLOSES)
        allotment.carry_out(
            proposal=second_key(allotment.propose(offering=one, officer=american, now=AFTER)), now=AFTER
        )
        while settlement.settle_next(offering_code=one.code, now=AFTER):
            pass
        return order

    return buy


def units(order: Subscription) -> int:
    return balances.balance("units:JP", holder_id=order.holder_id)


def clean() -> bool:
    return all(check.clean for check in [*prove_payments(), *prove_dealing(), *prove_ledger()])


def test_units_of_collected_money_are_not_redeemable_until_the_last_day_is_over(bought):
    order = bought()
    assert called_back.not_redeemable(holder_id=order.holder_id, on=LAST) == [
        called_back.NotRedeemable("JP", units(order), LAST)
    ]
    assert called_back.not_redeemable(holder_id=order.holder_id, on=LAST + timedelta(days=1)) == []


def test_units_of_money_that_was_sent_are_redeemable(bought):
    """Control of the test above: a credit transfer cannot be called back."""
    order = bought(direct_debit=False)
    assert units(order) and called_back.not_redeemable(holder_id=order.holder_id, on=BOOKED) == []


@pytest.fixture
def window_open(american, second_key):
    """A redemption window that is open beyond the last day."""
    one = window.announce(
        code="JP-2026-R1", class_code="JP", opens_at=AFTER, closes_at=AFTER + timedelta(days=60),
        dealing_day=date(2026, 12, 2), actor="officer:1", now=AFTER,
    )  # fmt: skip
    proposal = window.propose_opening(window=one, officer=american, now=AFTER)
    window.carry_out_opening(proposal=second_key(proposal), now=AFTER)


def redeem(order: Subscription, count: int, day: date):
    now = calendars.books_open(day) + timedelta(hours=9)
    return request.place(class_code="JP", holder_id=order.holder_id, units=count, key=str(day), now=now)


def test_units_of_collected_money_cannot_be_asked_for_until_the_last_day_is_over(bought, window_open):
    order = bought()
    with pytest.raises(request.Refused, check=lambda refused: refused.code == "not_redeemable_yet"):
        redeem(order, 1, LAST)
    assert not Redemption.objects.exists()
    assert redeem(order, units(order), LAST + timedelta(days=1)).units == units(order)


def test_without_the_rule_they_can(bought, window_open, monkeypatch):
    """Negative control of the test above."""
    order = bought()
    monkeypatch.setattr(request.called_back, "not_redeemable", lambda **told: [])
    assert redeem(order, 1, LAST).units == 1


def pass_to_another(order: Subscription, count: int, day: date):
    now, to = calendars.books_open(day) + timedelta(hours=9), building.citizen(building.Nation.JP).pk
    return give.offer(
        holder_id=order.holder_id, recipient_id=to, class_code="JP", units=count, key=str(day), now=now
    )  # fmt: skip


def test_units_of_collected_money_cannot_be_given_to_another_until_the_last_day_is_over(bought):
    order = bought()
    with pytest.raises(request.Refused, check=lambda refused: refused.code == "not_redeemable_yet"):
        pass_to_another(order, 1, LAST)
    assert not Conveyance.objects.exists()
    assert pass_to_another(order, units(order), LAST + timedelta(days=1)).units == units(order)


def test_without_the_rule_they_could_be_given(bought, monkeypatch):
    """Negative control of the test above."""
    order = bought()
    monkeypatch.setattr(request.called_back, "not_redeemable", lambda **told: [])
    assert pass_to_another(order, 1, LAST).units == 1


def test_units_that_were_asked_for_cannot_be_taken_back_and_the_fund_bears_them(
    bought, window_open, american, second_key
):
    """The bank comes back later than it may."""
    order = bought()
    asked = redeem(order, units(order) // 2, LAST + timedelta(days=1))
    entry = called_back_on_day_59(order)
    proposal = called_back.propose(entry=entry, officer=american, reason="R10, late", now=AFTER)
    called_back.carry_out(proposal=second_key(proposal), now=AFTER)
    assert units(order) == asked.units and balances.balance("suspense:JPY") == 0
    assert balances.balance("expenses:JPY") == -5_000 and clean()


def called_back_on_day_59(order: Subscription):
    take(told(order, DAY_59, credit=False, reversal=True), now=AFTER)
    return suspense.missing().get()


def test_a_return_on_day_59_is_made_up_for_by_the_unused_refund_and_the_units(bought, american, second_key):
    order = bought()
    before = balances.balance("capital:JP")
    entry = called_back_on_day_59(order)
    assert (entry.suspense_reason, balances.balance("suspense:JPY")) == ("reversed_too_late", -20_000)
    assert called_back.can_rescind(entry=entry)
    proposal = called_back.propose(entry=entry, officer=american, reason="R10 on day 59", now=AFTER)
    assert isinstance(proposal, Proposal) and units(order) > 0  # nothing before both keys
    done = called_back.carry_out(proposal=second_key(proposal), now=AFTER)
    assert done is not None and called_back.carry_out(proposal=proposal, now=AFTER) is None
    assert (units(order), balances.balance("suspense:JPY")) == (0, 0)
    assert balances.balance("refunds:JPY", holder_id=order.holder_id) == 0
    assert before > 0 == balances.balance("capital:JP") == balances.balance("expenses:JPY")
    assert balances.balance(f"bank:{BANK}") == 0
    assert not suspense.missing().exists() and not called_back.can_rescind(entry=entry)
    assert called_back.not_redeemable(holder_id=order.holder_id, on=BOOKED) == []
    assert clean()


def test_what_was_refunded_to_the_bank_meanwhile_is_the_funds_loss(bought, american, second_key):
    order = bought()
    line = post.Line("refunds:JPY", "income:JPY", 10_000, order.holder_id)  # it left the holder's refunds
    post.post(event=Event.CORRECTION, event_id=order.pk, lines=[line], effective_at=AFTER)
    entry = called_back_on_day_59(order)
    proposal = called_back.propose(entry=entry, officer=american, reason="R10", now=AFTER)
    called_back.carry_out(proposal=second_key(proposal), now=AFTER)
    assert (units(order), balances.balance("suspense:JPY")) == (0, 0)
    assert balances.balance("expenses:JPY") == -10_000


def test_a_rescission_needs_both_keys(bought, american, second_key):
    entry = called_back_on_day_59(bought())
    proposal = called_back.propose(entry=entry, officer=american, reason="R10", now=AFTER)
    with pytest.raises(Exception, match="each nation must approve"):
        called_back.carry_out(proposal=proposal, now=AFTER)
    assert balances.balance("suspense:JPY") == -20_000


def test_a_return_before_the_settlement_only_makes_the_order_wait(opened):
    order = place(opened(), citizen(), 20_000)
    take(told(order, BOOKED, direct_debit=True))
    take(told(order, BOOKED, credit=False, reversal=True))
    assert not suspense.missing().exists() and balances.balance("suspense:JPY") == 0


def test_an_entry_that_bought_nothing_cannot_be_rescinded(opened, american):
    opened()
    one = bank_files.entry(500, currency="JPY", credit=False, reversal=True, booking_date=BOOKED, value_date=BOOKED)
    take(bank_files.file(one, account=BANK, currency="JPY"))
    with pytest.raises(suspense.Refused, match="Nothing is left"):
        called_back.propose(entry=suspense.missing().get(), officer=american, reason="x", now=AFTER)
