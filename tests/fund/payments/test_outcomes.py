"""Every payment ends with its holder or in suspense with a reason (D35); nothing is credited that should not be."""

import uuid
from datetime import date, timedelta

import pytest

from fund.governance.audit import Act
from fund.governance.outbox import Note
from fund.ledger import balances
from fund.ledger.models import Event, Transfer
from fund.ledger.prove import prove as prove_ledger
from fund.money import Currency, Money
from fund.payments import payer_names, receipts
from fund.payments.models import BankEntry, Expected
from fund.payments.prove import prove
from tests.fund.payments.bank_files import JPY, NOW, TODAY, USD, entry, file

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _always_proved(_accounts):
    yield
    assert [check for check in [*prove(), *prove_ledger()] if not check.clean] == []


def held(holder_id: int, currency: str = "USD") -> int:
    return balances.balance(f"held:{currency}", holder_id=holder_id)


def suspense(currency: str = "USD") -> int:
    return balances.balance(f"suspense:{currency}")


def reasons() -> set[str]:
    return set(BankEntry.objects.values_list("suspense_reason", flat=True))


def test_a_payment_with_its_reference_is_the_citizens_held_money(citizen, expect, take):
    asked = expect(50_000)
    taken = take(file(entry(50_000, creditor_reference=asked.reference)))
    assert (taken.posted, taken.matched, taken.suspense, taken.replay) == (1, 1, 0, False)
    assert (held(citizen), suspense(), balances.balance(f"bank:{USD}")) == (50_000, 0, -50_000)
    assert list(receipts.funded_orders(file_id=taken.file.pk)) == [asked.order_id]
    one = Transfer.objects.get(holder_id=citizen)
    assert (one.event, one.event_id, one.line) == (Event.RECEIPT, BankEntry.objects.get().pk, 0)


@pytest.mark.parametrize(
    "told",
    [
        lambda asked: {"remittance": ("Thank you", f"for {asked.reference[:8]}", asked.reference[8:])},
        lambda asked: {"end_to_end_id": asked.reference},
        lambda asked: {"payer_name": f"{asked.numeric_reference} ﾔﾏﾀﾞ ﾊﾅｺ"},
    ],
    ids=["in the text, broken over two lines", "as end-to-end id", "ten digits before the kana name"],
)
def test_the_reference_is_found_wherever_payers_put_it(citizen, expect, take, told):
    asked = expect(100_000, Currency.JPY)
    take(file(entry(100_000, currency="JPY", **told(asked)), account=JPY))
    assert held(citizen, "JPY") == 100_000


def test_ten_digits_of_a_payers_own_are_not_taken_for_ours(citizen, expect, take):
    asked = expect(50_000)
    take(file(entry(50_000, end_to_end_id=asked.numeric_reference)))
    assert (held(citizen), reasons()) == (0, {"unknown_reference"})


def test_part_payments_are_held_and_the_order_is_funded_when_they_are_complete(citizen, expect, take):
    asked = expect(50_000)
    first = take(file(entry(20_000, creditor_reference=asked.reference)))
    assert held(citizen) == 20_000
    assert list(receipts.funded_orders(file_id=first.file.pk)) == []
    second = take(file(entry(30_000, creditor_reference=asked.reference)))
    assert held(citizen) == 50_000
    assert list(receipts.funded_orders(file_id=second.file.pk)) == [asked.order_id]


def test_the_excess_goes_to_suspense_as_a_second_line_of_the_same_event(citizen, expect, take):
    asked = expect(50_000)
    taken = take(file(entry(53_000, creditor_reference=asked.reference)))
    one = BankEntry.objects.get()
    assert (one.outcome, one.suspense_reason, one.held, one.suspended) == ("matched", "overpaid", 50_000, 3_000)
    assert (held(citizen), suspense()) == (50_000, 3_000)
    assert list(Transfer.objects.order_by("line").values_list("event_id", "event", "line", "amount")) == [
        (one.pk, Event.RECEIPT, 0, 50_000),
        (one.pk, Event.RECEIPT, 1, 3_000),
    ]
    assert list(receipts.funded_orders(file_id=taken.file.pk)) == [asked.order_id]


def test_of_several_payments_in_one_file_the_earliest_booked_fill_the_order(citizen, expect, take):
    asked = expect(50_000)
    days = [TODAY, TODAY - timedelta(days=1), TODAY]
    take(file(*(entry(30_000, creditor_reference=asked.reference, booking_date=day) for day in days)))
    assert list(BankEntry.objects.order_by("number").values_list("held", "suspended", "suspense_reason")) == [
        (20_000, 10_000, "overpaid"),
        (30_000, 0, ""),
        (0, 30_000, "duplicate"),
    ]
    assert (held(citizen), suspense()) == (50_000, 40_000)


@pytest.mark.parametrize(
    ("currency", "booked", "outcome"),
    [
        (Currency.JPY, date(2027, 1, 20), ""),
        (Currency.JPY, date(2027, 1, 21), "late"),
        (Currency.USD, date(2027, 1, 20), ""),
        (Currency.USD, date(2027, 1, 21), "late"),
    ],
)
def test_a_payment_is_late_after_the_banks_own_day_of_the_deadline(expect, take, currency, booked, outcome):
    asked = expect(100, currency)
    account = JPY if currency == Currency.JPY else USD
    late = entry(100, currency=currency.value, creditor_reference=asked.reference, booking_date=booked)
    take(file(late, account=account))
    assert reasons() == {outcome}


def test_money_for_a_withdrawn_order_goes_to_suspense(citizen, expect, take):
    asked = expect(50_000)
    take(file(entry(20_000, creditor_reference=asked.reference)))
    assert receipts.forget(order_id=asked.order_id, now=NOW) == Money(20_000, Currency.USD)
    take(file(entry(30_000, creditor_reference=asked.reference)))
    assert (held(citizen), suspense()) == (20_000, 30_000)
    assert reasons() == {"", "withdrawn"}


def test_an_order_is_forgotten_once_and_only_if_it_is_expected(expect):
    asked, other = expect(), expect()
    receipts.forget(order_id=asked.order_id, now=NOW)
    for order_id in (asked.order_id, uuid.uuid4()):
        with pytest.raises(Expected.DoesNotExist):
            receipts.forget(order_id=order_id, now=NOW)
    assert receipts.forget_all(order_ids=Expected.objects.values("order_id"), now=NOW) == 1
    other.refresh_from_db()
    assert other.forgotten_at == NOW


def test_money_in_another_currency_than_the_orders_goes_to_suspense(citizen, expect, take):
    asked = expect(50_000, Currency.JPY)
    take(file(entry(50_000, creditor_reference=asked.reference)))
    assert (held(citizen, "JPY"), held(citizen), suspense()) == (0, 0, 50_000)
    assert reasons() == {"wrong_currency"}


KNOWN = ["Yamada Hanako", "Yamada Hanako Marie", "ヤマダ ハナコ", "山田花子"]


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("YAMADA HANAKO", ""),
        ("Mrs. Hanako M. Yamada", ""),
        ("HANAKO MARIE YAMADA", ""),
        ("ﾔﾏﾀﾞ ﾊﾅｺ", ""),
        ("0123456789ﾔﾏﾀﾞﾊﾅｺ", ""),
        ("ヤマダハナコ", ""),
        ("山田 花子", ""),
        ("", ""),  # the bank does not tell
        ("SUZUKI HANAKO", "third_party"),
        ("ﾔﾏﾀﾞ ﾀﾛｳ", "third_party"),
        ("カ)シヨウジ", "third_party"),
    ],
)
def test_a_payer_of_another_name_is_a_third_party(citizen, expect, take, name, reason):
    payer_names.know(holder_id=citizen, names=KNOWN)
    payer_names.know(holder_id=citizen, names=KNOWN)  # again: the same
    asked = expect(100)
    take(file(entry(100, creditor_reference=asked.reference, payer_name=name)))
    assert reasons() == {reason}
    assert held(citizen) == (0 if reason else 100)


def test_without_the_holders_names_anybodys_money_is_the_holders(citizen, expect, take):
    """Negative control of the test above."""
    asked = expect(100)
    take(file(entry(100, creditor_reference=asked.reference, payer_name="SUZUKI HANAKO")))
    assert held(citizen) == 100


def test_a_second_payment_of_a_paid_order_is_a_duplicate(citizen, expect, take):
    asked = expect(100)
    take(file(entry(100, creditor_reference=asked.reference)))
    take(file(entry(100, creditor_reference=asked.reference)))
    assert (held(citizen), suspense(), reasons()) == (100, 100, {"", "duplicate"})


@pytest.mark.parametrize("words", [{}, {"creditor_reference": "RF18539007547034"}, {"remittance": ("for my units",)}])
def test_money_without_a_reference_that_we_know_goes_to_suspense(take, words):
    taken = take(file(entry(7_700, **words)))
    assert (taken.suspense, suspense(), reasons()) == (1, 7_700, {"unknown_reference"})


def test_a_payment_for_two_orders_at_once_waits_for_an_officer(expect, take):
    asked, other = expect(100), expect(200)
    take(file(entry(300, remittance=(asked.reference, other.reference))))
    assert (suspense(), reasons()) == (300, {"several_references"})


def test_a_reversal_that_brings_money_in_credits_nobody_either(citizen, expect, take):
    asked = expect(50_000)
    take(file(entry(50_000, reversal=True, creditor_reference=asked.reference)))
    assert (held(citizen), suspense(), reasons()) == (0, 50_000, {"reversed_by_bank"})


def test_outgoing_money_is_kept_for_reconciliation_and_moves_nothing(take):
    taken = take(file(entry(9_900, credit=False), entry(0)))
    assert (taken.posted, taken.ignored) == (0, 2)
    assert reasons() == {"unexpected_debit", "no_amount"}
    assert not Transfer.objects.exists()


def test_what_is_not_booked_yet_is_neither_kept_nor_posted_until_it_is(citizen, expect, take):
    asked = expect(50_000)
    told = {"creditor_reference": asked.reference, "bank_reference": "BANK-PENDING"}
    early = take(file(entry(50_000, booked=False, **told)))
    assert (early.posted, early.pending, held(citizen)) == (0, 1, 0)
    take(file(entry(50_000, **told)))
    assert held(citizen) == 50_000


def test_the_parts_of_a_batch_are_posted_one_by_one(citizen, expect, take):
    asked, other = expect(100), expect(200)
    shared = {"line": 1, "bank_reference": "BATCH"}
    parts = [
        entry(100, detail=1, creditor_reference=asked.reference, **shared),
        entry(200, detail=2, creditor_reference=other.reference, **shared),
        entry(5, detail=3, **shared),
    ]
    taken = take(file(*parts))
    assert (taken.matched, taken.suspense, held(citizen), suspense()) == (2, 1, 300, 5)
    assert set(receipts.funded_orders(file_id=taken.file.pk)) == {asked.order_id, other.order_id}


def test_a_file_leaves_one_act_and_one_note(expect, take):
    asked = expect(50_000)
    taken = take(file(entry(50_000, creditor_reference=asked.reference), entry(1), entry(2, credit=False)))
    act = Act.objects.get(verb="statement.posted")
    assert (act.actor, act.subject) == ("officer:1", f"bank_file:{taken.file.pk}")
    assert act.detail == {"matched": 1, "suspense": 1, "ignored": 1, "repeated": 0, "pending": 0}
    note = Note.objects.get()
    assert (note.topic, note.payload) == ("statement.posted", {"file": taken.file.pk})


def test_money_is_effective_from_its_booking_day_at_the_bank(expect, take):
    take(file(entry(100, currency="JPY"), account=JPY))
    assert Transfer.objects.get().effective_at.isoformat() == "2027-01-11T15:00:00+00:00"


def test_references_are_a_pair_and_an_order_is_expected_once(expect):
    asked = expect()
    assert asked.reference.endswith(asked.numeric_reference) and asked.offering_code == "US-2027-1"
    assert receipts.payment_account(currency=Currency.JPY).code == JPY
