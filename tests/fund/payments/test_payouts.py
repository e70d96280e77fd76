"""Payout runs (D4, D17): gathered as a set, frozen, approved by both nations, written once, each line ended once."""

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, connection, transaction

from fund import holders
from fund.governance import approval
from fund.governance.officers import Officer
from fund.holders import Holder, Nation
from fund.ledger import balances, post
from fund.ledger.models import Event, Transfer
from fund.ledger.prove import prove as prove_ledger
from fund.money import Currency
from fund.payments import payout_files, payout_results, payouts, suspense
from fund.payments.models import BankEntry
from fund.payments.payee import Payee
from fund.payments.payout_files import Order
from fund.payments.payout_models import Format, Obstacle, PayoutFile, PayoutLine, PayoutRun
from fund.payments.payout_results import Answer, Result
from fund.payments.prove import prove
from tests.fund.payments.bank_files import NOW, USD, entry, everything_in, file
from tests.fund.payments.conftest import turn_second_key

pytestmark = pytest.mark.django_db
PAYEE = Payee(name="HANAKO SECRETNAME", bank="021000021", account="998877665544", kind="checking")
State = PayoutLine.State


@pytest.fixture(autouse=True)
def _always_proved(request, _accounts):
    yield
    if "unproved" not in request.fixturenames:
        assert [check for check in [*prove(), *prove_ledger()] if not check.clean] == []


def owed(amount: int, currency: str = "USD") -> int:
    """A new citizen with so much on refunds, paid into the bank before."""
    holder = holders.register(kind=Holder.Kind.CITIZEN, nation=Nation.US, now=NOW).pk
    line = post.Line(f"bank:DEMO-{currency}-001", f"refunds:{currency}", amount, holder)
    post.post(event=Event.CORRECTION, event_id=uuid.uuid4(), lines=[line], effective_at=NOW)
    return holder


def refunds(holder: int) -> int:
    return balances.balance("refunds:USD", holder_id=holder)


def everyone(ids):
    return dict.fromkeys(ids, PAYEE)


def elsewhere(ids):
    """Another account of everyone: the bank has refused the first."""
    return dict.fromkeys(ids, replace(PAYEE, account="5"))


def written(order: Order) -> bytes:
    """A bank format of this test's own."""
    lines = [f"{one.reference};{one.amount};{one.payee.name};{one.payee.account}" for one in order.payments]
    return "\n".join([order.reference, *lines]).encode()


WRITERS = {Format.NACHA: written, Format.PAIN001: written, Format.ZENGIN: written}


@pytest.fixture
def gather(american) -> Callable[..., PayoutRun]:
    def run(payees=everyone, now=NOW) -> PayoutRun:
        return payouts.gather(currency=Currency.USD, payees=payees, officer=american, now=now, chunk=2)

    return run


@pytest.fixture
def approve(american, japanese) -> Callable[[PayoutRun], PayoutRun]:
    def both(run: PayoutRun) -> PayoutRun:
        proposal = payouts.propose(run=run, officer=american, now=NOW)
        turn_second_key(proposal, japanese)
        approved = payouts.carry_out(proposal=proposal, now=NOW)
        assert approved is not None
        return approved

    return both


def export(run: PayoutRun, format: Format = Format.NACHA, **told) -> payout_files.Made:
    return payout_files.export(run=run, format=format, actor="officer:1", now=NOW, **{"writers": WRITERS} | told)


def answer(run: PayoutRun, what: Answer, code: str = "") -> payout_results.Taken:
    results = [Result(line.reference, what, code) for line in run.lines.order_by("pk")]
    return payout_results.take(results=results, actor="officer:1", now=NOW)


@pytest.fixture
def sent(gather, approve) -> Callable[..., PayoutRun]:
    def one() -> PayoutRun:
        run = approve(gather())
        export(run)
        return run

    return one


def test_a_run_holds_everything_that_waits_and_its_payees_sealed(gather):
    first, second, third = owed(100), owed(70), owed(5)
    run = gather()
    assert (run.state, run.count, run.total, run.left_out) == ("ready", 3, 175, 0)
    assert {line.holder_id: line.amount for line in run.lines.all()} == {first: 100, second: 70, third: 5}
    stored = everything_in("fund_payoutline") + everything_in("fund_payoutrun") + everything_in("fund_act")
    assert "SECRETNAME" not in stored
    assert PAYEE.account not in stored


def test_a_holder_without_or_with_a_changed_or_incomplete_account_waits_for_a_later_run(gather, approve):
    plain, nowhere, changed, half = owed(10), owed(20), owed(30), owed(40)
    until = NOW + timedelta(hours=72)
    known = {
        plain: PAYEE,
        changed: Payee(name="X", bank="021000021", account="1", hold_until=until),
        half: Payee(name="X", bank="02", account="1"),
    }
    run = gather(lambda ids: {holder: known[holder] for holder in ids if holder in known})
    assert (run.count, run.total, run.left_out) == (1, 10, 3)
    reasons = {line.holder_id: (line.obstacle, line.hold_until) for line in run.lines.filter(state=State.LEFT_OUT)}
    assert reasons == {
        nowhere: (Obstacle.NO_ACCOUNT, None),
        changed: (Obstacle.BANK_CHANGE, until),
        half: (Obstacle.INCOMPLETE, None),
    }
    approve(run)
    later = gather(lambda ids: {holder: known[holder] for holder in ids if holder in known}, until)
    assert {line.holder_id for line in later.lines.filter(state=State.READY)} == {changed}


def test_a_run_in_which_nobody_is_paid_is_given_up(gather):
    owed(10)
    assert gather(lambda ids: {}).state == "withdrawn"
    assert gather().state == "ready"


def test_nothing_to_pay_and_a_second_open_run_are_refused(gather):
    with pytest.raises(payouts.Refused, match="nothing to pay"):
        gather()
    owed(10)
    gather()
    with pytest.raises(payouts.Refused, match="waits for its approval"):
        gather()
    assert PayoutRun.objects.count() == 1


def test_a_run_that_was_broken_off_is_continued(american, gather):
    owed(10), owed(20), owed(30)
    run = payouts.begin(currency=Currency.USD, officer=american, now=NOW)
    payouts.address_next(run=run, payees=everyone, now=NOW, chunk=1)
    assert gather().pk == run.pk
    assert PayoutRun.objects.get().count == 3


def test_approved_money_is_reserved_and_in_no_other_run(gather, approve):
    holder = owed(100)
    run = approve(gather())
    assert (run.state, refunds(holder)) == ("approved", 100)
    with pytest.raises(payouts.Refused, match="nothing to pay"):
        gather()
    line = post.Line("refunds:USD", "suspense:USD", 1, holder)
    with pytest.raises(DatabaseError, match="not_below_zero"), transaction.atomic():
        post.post(event=Event.CORRECTION, event_id=uuid.uuid4(), lines=[line], effective_at=NOW)


def test_carried_out_twice_it_is_approved_once(gather, american, japanese):
    owed(100)
    proposal = payouts.propose(run=gather(), officer=american, now=NOW)
    with pytest.raises(approval.Refused):
        payouts.carry_out(proposal=proposal, now=NOW)
    turn_second_key(proposal, japanese)
    assert payouts.carry_out(proposal=proposal, now=NOW) is not None
    assert payouts.carry_out(proposal=proposal, now=NOW) is None
    assert Transfer.objects.filter(event=Event.PAYOUT).count() == 1


def test_a_run_is_withdrawn_until_it_is_approved_and_its_money_waits(gather, approve, american):
    owed(100)
    run = gather()
    payouts.propose(run=run, officer=american, now=NOW)
    payouts.withdraw(run=run, officer=american, now=NOW)
    run = approve(gather())
    with pytest.raises(payouts.Refused):
        payouts.withdraw(run=run, officer=american, now=NOW)


def test_the_database_approves_only_what_both_keys_were_turned_for(gather, american, japanese):
    owed(100)
    run = gather()
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        PayoutRun.objects.filter(pk=run.pk).update(state="approved")
    proposal = payouts.propose(run=run, officer=american, now=NOW)
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        PayoutRun.objects.filter(pk=run.pk).update(state="approved", proposal=proposal)
    with pytest.raises(DatabaseError, match="frozen"), transaction.atomic():
        PayoutRun.objects.filter(pk=run.pk).update(total=1)
    line = PayoutLine.objects.get()
    for change in ({"amount": 1}, {"payee_digest": b"1" * 32}, {"state": "paid"}):
        with pytest.raises(DatabaseError, match="does not move"), transaction.atomic():
            PayoutLine.objects.filter(pk=line.pk).update(**change)
    with pytest.raises(DatabaseError, match="while it is gathered"), transaction.atomic():
        PayoutLine.objects.create(run=run, holder_id=owed(5), amount=5, state="new", obstacle="", bank_code="")


@pytest.mark.parametrize("wrong", [{"state": "left_out", "obstacle": "refused"}, {"run_id": 10**9}])
def test_a_line_joins_as_new_and_joins_a_run(wrong, american):
    owed(100)
    run = payouts.begin(currency=Currency.USD, officer=american, now=NOW)
    of = {"run_id": run.pk, "holder_id": owed(5), "amount": 5, "state": "new", "obstacle": "", "bank_code": ""}
    PayoutLine.objects.create(**of)
    with pytest.raises(DatabaseError, match="while it is gathered"), transaction.atomic():
        PayoutLine.objects.create(**of | {"holder_id": owed(6)} | wrong)


def exchange_payee(run: PayoutRun) -> None:
    """What a thief with the database and the vault would do: another account in the sealed payee."""
    line = run.lines.get()
    thief = payouts._words(Payee(name="THIEF", bank="021000021", account="666"))
    PayoutLine.objects.filter(pk=line.pk).update(
        sealed=payouts.envelope.seal(thief, **payouts.PLACE, row=line.event_id)
    )


def test_a_payee_that_was_exchanged_after_the_approval_is_not_written(gather, approve):
    owed(100)
    run = approve(gather())
    exchange_payee(run)
    with pytest.raises(RuntimeError, match="not the one that was approved"):
        export(run)
    assert not PayoutFile.objects.exists()


def test_without_the_fingerprint_the_thief_would_be_paid(gather, approve, monkeypatch):
    """Negative control."""
    owed(100)
    run = approve(gather())
    exchange_payee(run)
    approved = bytes(run.lines.get().payee_digest)
    monkeypatch.setattr(payout_files.envelope, "blind_index", lambda text, purpose: approved)
    assert b"THIEF;666" in export(run).data


def test_a_file_is_made_once_and_is_the_same_ever_after(gather, approve):
    holder = owed(100)
    run = approve(gather())
    made = export(run)
    assert (made.again, PayoutRun.objects.get().state) == (False, "exported")
    assert f"KP{run.lines.get().pk:012d};100;HANAKO SECRETNAME;998877665544".encode() in made.data
    again = export(run, writers={Format.NACHA: lambda order: b"something else"})
    assert (again.data, again.digest, again.again) == (made.data, made.digest, True)
    answer(run, Answer.PAID)
    assert export(run).data == made.data
    assert "SECRETNAME" not in everything_in("fund_payoutfile")
    assert refunds(holder) == 0


@pytest.mark.parametrize(("format", "code"), [(Format.ZENGIN, "format_does_not_fit"), (Format.PAIN001, "other_format")])
def test_a_second_format_is_refused_because_it_would_pay_twice(sent, format, code):
    owed(100)
    with pytest.raises(payouts.Refused) as refused:
        export(sent(), format)
    assert refused.value.code == code


def test_an_unapproved_run_and_one_that_cannot_be_written_have_no_file(gather, approve):
    owed(100)
    run = gather()
    with pytest.raises(payouts.Refused) as refused:
        export(run)
    assert refused.value.code == "not_approved"

    def cannot(order: Order) -> bytes:
        raise ValueError("a letter")

    run = approve(run)
    with pytest.raises(payouts.Refused) as refused:
        export(run, writers={Format.NACHA: cannot})
    assert (refused.value.code, PayoutRun.objects.get().state) == ("cannot_be_written", "approved")


def test_paid_lines_leave_the_book_once_and_the_run_is_closed(sent):
    holder = owed(100)
    run = sent()
    assert answer(run, Answer.PAID) == payout_results.Taken(1, 0, 0, ())
    again = answer(run, Answer.PAID)
    assert (again.paid, len(again.unchanged)) == (0, 1)
    assert (refunds(holder), balances.balance(f"bank:{USD}"), PayoutRun.objects.get().state) == (0, 0, "closed")


def test_a_rejected_line_is_voided_and_its_money_is_in_the_next_run(sent, gather):
    holder = owed(100)
    run = sent()
    assert answer(run, Answer.REJECTED, "AC04").rejected == 1
    assert (refunds(holder), run.lines.get().bank_code, PayoutRun.objects.get().state) == (100, "AC04", "closed")
    assert answer(run, Answer.PAID).paid == 0  # too late: it was rejected
    assert gather(elsewhere).total == 100


def test_a_return_after_payment_is_reversed_and_paid_out_again(sent, gather):
    holder = owed(100)
    run = sent()
    answer(run, Answer.PAID)
    assert answer(run, Answer.RETURNED, "R03").returned == 1
    assert answer(run, Answer.RETURNED, "R03").returned == 0
    assert (refunds(holder), balances.balance(f"bank:{USD}")) == (100, -100)
    assert gather(elsewhere).total == 100


def test_a_return_that_comes_before_the_payment_is_known_is_both(sent):
    holder = owed(100)
    run = sent()
    assert answer(run, Answer.RETURNED, "R03") == payout_results.Taken(0, 0, 1, ())
    assert (refunds(holder), Transfer.objects.filter(event=Event.REVERSAL).count()) == (100, 1)


def test_answers_to_what_is_not_ours_or_was_never_sent_change_nothing(gather, approve):
    owed(100)
    run = approve(gather())
    taken = payout_results.take(
        results=[
            Result("KP000000000000", Answer.PAID),
            Result("INVOICE 7", Answer.PAID),
            Result(run.lines.get().reference, Answer.PAID),
        ],
        actor="officer:1",
        now=NOW,
    )
    assert (taken.paid, len(taken.unchanged)) == (0, 3)


def test_statements_end_lines_by_reference_and_later_answers_change_nothing(sent, take):
    one, two = owed(100), owed(70)
    run = sent()
    first, second = (line.reference for line in run.lines.order_by("pk"))
    take(file(entry(100, credit=False, end_to_end_id=first), entry(70, credit=False, remittance=(second,))))
    assert (refunds(one), refunds(two), PayoutRun.objects.get().state) == (0, 0, "closed")
    assert answer(run, Answer.PAID).paid == 0
    take(file(entry(70, reversal=True, end_to_end_id=second)))
    assert (refunds(two), balances.balance("suspense:USD"), balances.balance(f"bank:{USD}")) == (70, 0, -70)
    assert answer(run, Answer.RETURNED).returned == 1  # the first line only
    assert refunds(one) == 100


def test_one_debit_for_the_whole_run_pays_all_its_lines(sent, take):
    one, two = owed(100), owed(70)
    run = sent()
    take(file(entry(170, credit=False, end_to_end_id=run.reference)))
    assert (refunds(one), refunds(two), PayoutRun.objects.get().state) == (0, 0, "closed")


def test_another_amount_or_a_second_debit_is_not_taken_for_the_payout(sent, take):
    holder = owed(100)
    reference = sent().lines.get().reference
    take(file(entry(99, credit=False, end_to_end_id=reference)))
    assert refunds(holder) == 100
    take(file(*(entry(100, credit=False, end_to_end_id=reference) for _ in range(2))))
    assert refunds(holder) == 0
    outcomes = sorted(BankEntry.objects.values_list("outcome", flat=True))
    assert outcomes == ["ignored", "ignored", "payout"]


def test_suspense_money_is_returned_to_the_sealed_payer(american, take, sent, gather):
    told = {"payer_name": "JOHN PAYER", "payer_account": "555111", "payer_bank": "021000021"}
    taken = take(file(entry(100)))
    one = BankEntry.objects.get(file=taken.file)
    words = dict.fromkeys(("creditor_reference", "end_to_end_id"), "")
    sealed = {"name": "JOHN PAYER", "account": "555111", "bank": told["payer_bank"], "remittance": [], **words}
    place = {"table": "fund_bankentry", "column": "sealed", "row": one.identity}
    BankEntry.objects.update(sealed=payouts.envelope.seal(json.dumps(sealed).encode(), **place))
    suspense.return_to_payer(entry=one, officer=american, reason="unknown", now=NOW)
    run = sent()
    assert b"JOHN PAYER;555111" in export(run).data
    answer(run, Answer.REJECTED)
    assert balances.balance("returns:USD") == 100
    run = sent()
    answer(run, Answer.PAID)
    assert (balances.balance("returns:USD"), balances.balance(f"bank:{USD}")) == (0, 0)
    with pytest.raises(payouts.Refused, match="nothing to pay"):
        gather()


@pytest.mark.usefixtures("unproved")
def test_prove_names_a_run_whose_lines_were_changed(sent):
    owed(100)
    run = sent()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE fund_payoutline SET amount = 1000")
        cursor.execute("SET LOCAL session_replication_role = origin")
    found = {check.first for check in prove() if not check.clean}
    assert found == {f"payout run {run.pk}", f"payout line {run.lines.get().pk}"}


def test_an_officer_without_the_duty_gathers_nothing(american):
    owed(1)
    Officer.objects.update(duties=["audit"])
    american.refresh_from_db()
    with pytest.raises(payouts.officers.NotOnDuty):
        payouts.begin(currency=Currency.USD, officer=american, now=NOW)


def test_the_sites_own_role_may_do_all_of_it(expect, take, american, japanese, sent, as_site):
    asked = expect(60)
    taken = take(file(entry(100, bank_reference="BANK-SITE")))
    one = BankEntry.objects.get(file=taken.file)
    suspense.apply(entry=one, order_id=asked.order_id, officer=american, reason="wrong digit", now=NOW)
    run = sent()
    assert answer(run, Answer.RETURNED, "R02").returned == 1
    take(file(entry(100, credit=False, reversal=True, bank_reference="BANK-SITE")))
    assert [missing.suspended for missing in suspense.missing()] == [40]
