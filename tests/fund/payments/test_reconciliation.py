"""The bank's closing balance = the book, and each difference is a line with its cause (D34)."""

import uuid
from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from fund.ledger import post
from fund.ledger.models import Event
from fund.payments import payout_results, reconciliation
from fund.payments.formats.model import Kind, total
from fund.payments.models import BankAccount, BankEntry
from fund.payments.payout_results import Answer, Result
from fund.payments.reconciliation import Cause, NoStatement
from tests.fund.payments.bank_files import NOW, TODAY, USD, entry, file, files_of, statement
from tests.fund.payments.test_payouts import approve, gather, owed, sent  # noqa: F401

pytestmark = pytest.mark.django_db
TOMORROW = TODAY + timedelta(days=1)


def reconcile(day=TODAY, code: str = USD) -> reconciliation.Reconciliation:
    return reconciliation.day(account=BankAccount.objects.get(pk=code), day=day)


def causes(told: reconciliation.Reconciliation) -> dict[Cause, int]:
    return {
        cause: sum(line.amount for line in told.lines if line.cause is cause)
        for cause in {line.cause for line in told.lines}
    }


def of_day(*entries, day=TODAY, opening=0):
    told = {"opened_on": day, "closed_on": day, "opening": opening, "closing": opening + total(entries)}
    return statement(*entries, **told)


def test_what_was_posted_agrees_without_a_line(expect, take):
    asked = expect(50)
    take(files_of([of_day(entry(50, creditor_reference=asked.reference), entry(7))]))
    told = reconcile()
    assert (told.bank, told.book, told.difference, told.lines, told.unexplained) == (57, 57, 0, (), 0)


def test_every_kind_of_difference_is_a_line(take):
    take(files_of([of_day(entry(10), entry(4, credit=False), opening=1_000)]))
    post.post(
        event=Event.CORRECTION,
        event_id=uuid.uuid4(),
        lines=[post.Line(f"bank:{USD}", "income:USD", 33)],
        effective_at=NOW,
    )
    later = [entry(5, booking_date=TOMORROW), entry(2, booking_date=TODAY)]
    take(files_of([of_day(*later, day=TOMORROW, opening=1_100)]))
    today, tomorrow = reconcile(), reconcile(TOMORROW)
    assert causes(today) == {Cause.CARRIED_IN: 1_000, Cause.NOT_IN_THE_BOOK: -4, Cause.STATED_LATER: -2}
    assert causes(tomorrow) == {
        Cause.CARRIED_IN: 1_000,
        Cause.NOT_IN_THE_BOOK: -4,
        Cause.STATEMENT_MISSING: 94,
        Cause.NOT_AT_THE_BANK: -33,
    }
    assert (today.unexplained, tomorrow.unexplained) == (0, 0)


def test_what_a_statement_carries_with_a_later_day_is_booked_later(take):
    take(files_of([of_day(entry(5, booking_date=TOMORROW), entry(6))]))
    told = reconcile()
    assert (causes(told), told.unexplained) == ({Cause.BOOKED_LATER: 5}, 0)


def test_a_notification_before_its_statement_counts_once(take):
    early = entry(50, bank_reference="BANK-N")
    take(file(early, kind=Kind.NOTIFICATION))
    take(files_of([of_day(early)]))
    assert (reconcile().lines, reconcile().unexplained) == ((), 0)


def test_the_same_day_told_twice_counts_once(take):
    one = entry(50, bank_reference="BANK-T")
    take(files_of([of_day(one)]))
    take(files_of([of_day(one)]))
    assert (reconcile().bank, reconcile().lines, reconcile().unexplained) == (50, (), 0)


def test_what_notifications_alone_have_told_is_in_the_book_and_no_line(take):
    """Before the first statement, and on days between two of which none is there."""
    yesterday, after = TODAY - timedelta(days=1), TODAY + timedelta(days=2)
    told = [entry(40, booking_date=yesterday), entry(3, credit=False, booking_date=yesterday)]
    take(file(*told, kind=Kind.NOTIFICATION))
    take(files_of([of_day(entry(10), opening=100 + 37)]))
    assert causes(reconcile()) == {Cause.CARRIED_IN: 100, Cause.NOT_IN_THE_BOOK: -3} and reconcile().unexplained == 0
    take(file(entry(20, booking_date=TOMORROW), kind=Kind.NOTIFICATION))
    take(files_of([of_day(entry(5, booking_date=after), day=after, opening=147 + 20 + 1)]))
    found = reconcile(after)
    assert causes(found)[Cause.STATEMENT_MISSING] == 1 and found.unexplained == 0


def test_a_payout_is_a_line_until_a_statement_shows_it(sent, take):  # noqa: F811
    owed(100)
    run = sent()
    line = run.lines.get()
    took = NOW - timedelta(days=1)
    payout_results.take(results=[Result(line.reference, Answer.PAID)], actor="officer:1", now=took)
    take(files_of([of_day(entry(1))]))
    told = reconcile()
    assert (causes(told), told.unexplained) == ({Cause.NOT_AT_THE_BANK: 100}, 0)
    assert [one.row for one in told.lines if one.amount == 100] == [f"payout {line.reference}"]
    debit = entry(100, credit=False, end_to_end_id=line.reference, booking_date=TOMORROW)
    take(files_of([of_day(debit, day=TOMORROW, opening=1)]))
    assert causes(reconcile()) == {Cause.NOT_AT_THE_BANK: 100}
    told = reconcile(TOMORROW)
    # the money that was owed came in by a correction, not by a statement
    assert (causes(told), told.unexplained) == ({Cause.NOT_AT_THE_BANK: -100}, 0)


def test_what_no_line_explains_is_told(take):
    """Negative control: an entry that is lost from our books behind everyone's back."""
    take(files_of([of_day(entry(10), entry(20))]))
    reversed_id = BankEntry.objects.get(amount=20).pk
    post.reverse(
        event_id=reversed_id,
        reversed_id=reversed_id,
        reversed_event=Event.SUSPENSE,
        effective_at=NOW - timedelta(days=1),
    )
    assert reconcile().unexplained == 20


def test_without_a_statement_there_is_nothing_to_compare(take):
    with pytest.raises(NoStatement):
        reconcile()


def run_command(*args: str) -> tuple[int, str]:
    out = StringIO()
    try:
        call_command("reconcile", *args, stdout=out)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue()
    return 0, out.getvalue()


def test_the_command_prints_each_account_and_fails_on_what_is_unexplained(take):
    take(files_of([of_day(entry(1_050), entry(400, credit=False))]))
    code, told = run_command()
    assert code == 0
    assert f"ok   {USD} {TODAY}: bank USD 6.50, book USD 10.50, explained by 1 lines, unexplained USD 0.00" in told
    assert "not_in_the_book: USD -4.00, bank entry" in told
    assert "DEMO-JPY-001: The bank has not sent a statement" in told
    one = BankEntry.objects.get(amount=1_050)
    post.reverse(
        event_id=one.pk, reversed_id=one.pk, reversed_event=Event.SUSPENSE, effective_at=NOW - timedelta(days=1)
    )
    code, told = run_command("--account", USD, "--day", TODAY.isoformat())
    assert (code, "DIFF" in told, "unexplained USD 10.50" in told) == (1, True, True)
    with pytest.raises(CommandError, match="no bank account"):
        run_command("--account", "X")
