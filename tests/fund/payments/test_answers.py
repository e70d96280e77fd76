"""Files of answers (pain.002, NACHA returns) end or reopen payout lines; Zengin files are statements (D33, D36)."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from fund.governance.audit import Act
from fund.governance.officers import NotOnDuty
from fund.ledger import balances
from fund.ledger.models import Transfer
from fund.ledger.prove import prove as prove_ledger
from fund.money import Currency
from fund.payments import answers, payout_results, payouts
from fund.payments.formats import nacha, pain, zengin
from fund.payments.formats.model import Entry, Kind, Statement, identified, total
from fund.payments.models import BankEntry, BankFile
from fund.payments.payout_models import BankAnswer, PayoutLine, PayoutRun
from fund.payments.prove import prove
from fund.payments.receipts import Quarantined
from tests.fund.payments.bank_files import JPY, NOW, TODAY, entry, everything_in, file
from tests.fund.payments.conftest import COMPANY, appoint, turn_second_key
from tests.fund.payments.test_payouts import PAYEE, everyone, export, owed, refunds

pytestmark = pytest.mark.django_db
What, State = BankAnswer.What, PayoutLine.State
MADE = datetime(2027, 1, 14, 9)  # noqa: DTZ001  a NACHA file tells no offset


@pytest.fixture(autouse=True)
def _always_proved(_accounts, request):
    yield
    if "unproved" not in request.fixturenames:
        assert [check for check in [*prove(), *prove_ledger()] if not check.clean] == []


@pytest.fixture
def sent(american, japanese):
    """A run of these amounts whose file the bank has."""

    def one(*amounts: int) -> PayoutRun:
        for amount in amounts:
            owed(amount)
        run = payouts.gather(currency=Currency.USD, payees=everyone, officer=american, now=NOW)
        proposal = payouts.propose(run=run, officer=american, now=NOW)
        turn_second_key(proposal, japanese)
        payouts.carry_out(proposal=proposal, now=NOW)
        export(run)
        return run

    return one


def lines_of(run: PayoutRun) -> list[PayoutLine]:
    return list(run.lines.order_by("pk"))


def states_of(run: PayoutRun) -> list[str]:
    return [line.state for line in lines_of(run)]


# ── pain.002 ──


def report(run: PayoutRun, *payments: pain.PaymentStatus, status: str = "", **told: Any) -> bytes:
    block = pain.BlockStatus(block_id=run.reference, payments=payments, status=status)
    plain: dict[str, Any] = {
        "message_id": "BANK-1",
        "created_at": NOW,
        "original_message_id": run.reference,
        "original_message": "pain.001.001.09",
        "blocks": (block,),
    }
    return pain.write_status(pain.StatusReport(**plain | told))


def status(line: PayoutLine, code: str, reason: str = "", **told: Any) -> pain.PaymentStatus:
    reasons = (pain.StatusReason(code=reason, text=("HANAKO moved away",)),) if reason else ()
    return pain.PaymentStatus(end_to_end_id=line.reference, status=code, reasons=reasons, **told)


def test_a_status_report_ends_each_line_it_decides(sent, take):
    run = sent(100, 70, 5)
    paid, rejected, under_way = lines_of(run)
    data = report(run, status(paid, "ACSC"), status(rejected, "RJCT", "AC04"), status(under_way, "ACSP"))
    taken = take(data)
    assert (taken.file.kind, taken.file.state) == ("pain.002", "posted")
    assert (taken.answered.paid, taken.answered.rejected, taken.answered.notices) == (1, 1, 1)
    assert states_of(run) == [State.PAID, State.REJECTED, State.PENDING]
    assert refunds(rejected.holder_id) == 70
    kept = BankAnswer.objects.get()
    assert (kept.what, kept.code, kept.reference, kept.line) == (What.REJECTED, "AC04", rejected.reference, rejected)
    assert "moved away" not in everything_in("fund_bankanswer")
    assert (
        answers.open_words(answer=kept, actor="officer:1", purpose="refund", now=NOW)["text"] == "\nHANAKO moved away"
    )
    assert Act.objects.get(verb="bank_answer.opened").detail == {"purpose": "refund"}


def test_a_run_is_rejected_or_settled_as_a_whole(sent, take):
    run = sent(100, 70)
    assert take(report(run, status="RJCT")).answered.rejected == 2
    assert states_of(run) == [State.REJECTED] * 2
    run.refresh_from_db()
    assert run.state == PayoutRun.State.CLOSED


def test_the_same_answer_in_another_file_changes_nothing(sent, take):
    run = sent(100)
    (line,) = lines_of(run)
    take(report(run, status(line, "RJCT", "AC04")))
    again = take(report(run, status(line, "RJCT", "AC04"), message_id="BANK-2"))
    assert (again.answered.rejected, again.answered.unchanged, again.answered.notices) == (0, 1, 0)
    assert take(report(run, status(line, "RJCT", "AC04"))).replay
    assert refunds(line.holder_id) == 100


def test_an_answer_about_another_amount_or_payment_is_for_an_officer_and_moves_nothing(sent, take):
    run = sent(100)
    (line,) = lines_of(run)
    stranger = pain.PaymentStatus(end_to_end_id="P-666", status="RJCT")
    take(report(run, status(line, "RJCT", amount=101, currency="USD"), stranger))
    assert states_of(run) == [State.PENDING]
    assert list(BankAnswer.objects.values_list("what", "line")) == [(What.NOT_OURS, None)] * 2


@pytest.mark.parametrize("name", ["RUN-1", "KR000000999999", "KR00000099999X"])
def test_a_report_about_no_run_of_ours_is_quarantined(sent, take, name):
    run = sent(100)
    with pytest.raises(Quarantined) as refused:
        take(report(run, status="RJCT", original_message_id=name))
    assert refused.value.code == "not_our_payments"
    assert states_of(run) == [State.PENDING] and not BankAnswer.objects.exists()


def test_a_run_whose_file_was_never_made_is_not_answered(take, american, japanese):
    owed(100)
    run = payouts.gather(currency=Currency.USD, payees=everyone, officer=american, now=NOW)
    with pytest.raises(Quarantined):
        take(report(run, status="ACSC"))
    assert states_of(run) == [State.READY]


# ── NACHA ──


def returns(*told: tuple[str, str, str, int], company: str = COMPANY) -> bytes:
    """A file of returns and changes: (transaction code, reason, identification, cents) each."""
    entries = []
    for number, (code, reason, identification, amount) in enumerate(told, 1):
        kind, words = ("98", "1918171614") if reason.startswith("C") else ("99", "")
        text = f"{reason}12104288{number:07}{'':6}11100002{words}".rstrip()
        trace = f"11100002{number:07}"
        entries.append(
            nacha.AchEntry(
                code=code, routing="121042882", account="987654321", amount=amount, identification=identification,
                name="HANAKO SECRETNAME", trace=trace, addenda=(nacha.Addenda(type=kind, text=text, trace=trace),),
            )
        )  # fmt: skip
    batch = nacha.AchBatch(
        company_name="KAKEHASHI FUND", company_id=company, kind="PPD", description="RETURN", effective_on=TODAY,
        bank="11100002", number=1, entries=tuple(entries),
    )  # fmt: skip
    return nacha.write(nacha.AchFile(destination=" 121042882", origin=" 111000025", created_at=MADE, batches=(batch,)))


def test_a_return_reopens_its_line_whether_or_not_the_payment_was_known(sent, take):
    run = sent(100, 70)
    known, unknown = lines_of(run)
    payout_results.take(
        results=[payout_results.Result(known.reference, payout_results.Answer.PAID)], actor="system", now=NOW
    )
    taken = take(returns(("21", "R03", known.reference, 100), ("21", "R01", unknown.reference, 70)))
    assert (taken.file.kind, taken.answered.returned, taken.answered.notices) == ("nacha.returns", 2, 2)
    assert states_of(run) == [State.RETURNED] * 2
    assert [refunds(line.holder_id) for line in (known, unknown)] == [100, 70]
    assert "SECRETNAME" not in everything_in("fund_bankanswer")


def test_nothing_goes_to_a_refused_account_again_until_another_is_named(sent, take, american):
    run = sent(100)
    (line,) = lines_of(run)
    take(returns(("21", "R02", line.reference, 100)))
    again = payouts.gather(currency=Currency.USD, payees=everyone, officer=american, now=NOW)
    assert (again.state, again.lines.get().obstacle) == ("withdrawn", "refused")
    other = replace(PAYEE, account="5")
    third = payouts.gather(
        currency=Currency.USD, payees=lambda ids: dict.fromkeys(ids, other), officer=american, now=NOW
    )
    assert (third.state, third.total) == ("ready", 100)


def test_an_account_that_was_only_short_of_something_else_is_paid_again(sent, take, american):
    """Control of the test above: a reason that is not the account's."""
    run = sent(100)
    take(returns(("21", "R01", lines_of(run)[0].reference, 100)))
    assert payouts.gather(currency=Currency.USD, payees=everyone, officer=american, now=NOW).state == "ready"


def test_a_notification_of_change_is_told_to_officers_and_the_payment_stands(sent, take, japanese):
    run = sent(100)
    (line,) = lines_of(run)
    taken = take(returns(("21", "C01", line.reference, 0)))
    assert (taken.answered.paid, taken.answered.notices) == (0, 1)
    assert states_of(run) == [State.PENDING]
    (kept,) = answers.waiting()
    assert (kept.what, kept.code, kept.line) == (What.CHANGED, "C01", line)
    assert answers.open_words(answer=kept, actor="officer:1", purpose="refund", now=NOW)["corrected"] == "1918171614"
    answers.deal_with(answer=kept, officer=japanese, now=NOW)
    assert not answers.waiting().exists()
    with pytest.raises(answers.Refused, match="already"):
        answers.deal_with(answer=kept, officer=japanese, now=NOW)
    with pytest.raises(NotOnDuty):
        answers.deal_with(answer=kept, officer=appoint("US", "audit"), now=NOW)


def test_a_called_back_debit_is_told_and_only_the_statement_takes_its_money(citizen, expect, take):
    asked = expect(50_000)
    take(file(entry(50_000, creditor_reference=asked.reference, direct_debit=True)))
    before = Transfer.objects.count()
    taken = take(returns(("26", "R10", asked.reference, 50_000)))
    assert taken.answered.notices == 1 and Transfer.objects.count() == before
    assert BankAnswer.objects.get().what == What.CALLED_BACK
    assert balances.balance("held:USD", holder_id=citizen) == 50_000
    take(file(entry(50_000, creditor_reference=asked.reference, credit=False, reversal=True)))
    assert balances.balance("held:USD", holder_id=citizen) == 0


@pytest.mark.parametrize("amount", [99, 0])
def test_a_return_of_another_amount_moves_nothing(sent, take, amount):
    run = sent(100)
    take(returns(("21", "R03", lines_of(run)[0].reference, amount)))
    assert states_of(run) == [State.PENDING]
    assert BankAnswer.objects.get().what == What.NOT_OURS


def test_another_companys_returns_are_quarantined(sent, take):
    run = sent(100)
    with pytest.raises(Quarantined) as refused:
        take(returns(("21", "R03", lines_of(run)[0].reference, 100), company="9999999999"))
    assert refused.value.code == "not_our_payments" and states_of(run) == [State.PENDING]


def test_returns_cut_anywhere_change_nothing(sent, take):
    run = sent(*range(100, 140))
    data = returns(*(("21", "R03", line.reference, line.amount) for line in lines_of(run)))
    for end in range(0, len(data) - 1, 1024):
        with pytest.raises(Quarantined):
            take(data[:end])
    assert set(states_of(run)) == {State.PENDING} and not BankAnswer.objects.exists()
    assert take(data).answered.returned == 40


# ── Zengin ──

ZENGIN_ACCOUNT = "0001-001-1-1234567"


def zengin_file(
    *entries: Entry, kind: Kind = Kind.STATEMENT, account: str = ZENGIN_ACCOUNT, day: date = TODAY
) -> bytes:
    """What the bank in Japan sends about the fund's account in yen."""
    proved = kind is Kind.STATEMENT
    began = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=9)
    told = zengin.referenced([replace(one, line=line, bank_reference="") for line, one in enumerate(entries, 1)])
    plain = {
        "kind": kind, "message_id": "", "statement_id": "", "sequence": None, "created_at": began,
        "covers_from": began, "covers_to": began + timedelta(hours=23, minutes=59, seconds=59), "account": account,
        "currency": "JPY", "opening": 0 if proved else None, "closing": total(entries) if proved else None,
        "opened_on": day if proved else None, "closed_on": day if proved else None, "entries": told,
    }  # fmt: skip
    return zengin.write(identified([Statement(**plain)]))


def transfer(amount: int, number: int, **told: Any) -> Entry:
    return entry(amount, **{"currency": "JPY", "entry_reference": f"{number:08}", **told})


def test_a_zengin_statement_posts_to_the_account_of_ours_that_it_names(citizen, expect, take):
    asked = expect(100_000, Currency.JPY)
    named = transfer(100_000, 1, payer_name=f"{asked.numeric_reference}ﾔﾏﾀﾞ ﾊﾅｺ")
    taken = take(zengin_file(named, transfer(700, 2, payer_name="ｼﾗﾅｲ ﾋﾄ")))
    assert (taken.file.kind, taken.matched, taken.suspense) == ("zengin.03", 1, 1)
    assert balances.balance("held:JPY", holder_id=citizen) == 100_000
    assert balances.balance(f"bank:{JPY}") == -100_700
    assert set(BankEntry.objects.values_list("account", flat=True)) == {JPY}


def test_overlapping_zengin_statements_post_their_common_entries_once(take):
    first, second = transfer(100, 1, payer_name="ﾔﾏﾀﾞ"), transfer(20, 2, payer_name="ﾔﾏﾀﾞ")
    take(zengin_file(first))
    taken = take(zengin_file(first, second))
    assert (taken.posted, taken.repeated, balances.balance("suspense:JPY")) == (1, 1, 120)


def test_a_zengin_notice_posts_and_its_cancelled_transfer_credits_nobody(citizen, expect, take):
    asked = expect(100_000, Currency.JPY)
    told = {"payer_name": f"{asked.numeric_reference}ﾔﾏﾀﾞ"}
    paid = transfer(100_000, 1, **told)
    cancelled = transfer(100_000, 2, credit=False, reversal=True, **told)
    short = [replace(one, entry_reference=one.entry_reference[2:]) for one in (paid, cancelled)]
    taken = take(zengin_file(*short, kind=Kind.NOTIFICATION))
    assert taken.file.kind == "zengin.01"
    assert (balances.balance("held:JPY", holder_id=citizen), balances.balance("suspense:JPY")) == (0, 0)


def test_an_account_read_from_one_form_is_not_read_from_another(take):
    """Nothing tells that an entry of a notice and one of a statement are the same money."""
    take(zengin_file(transfer(100, 1, payer_name="ﾔﾏﾀﾞ")))
    for other in (
        file(entry(100, currency="JPY"), account=JPY),
        zengin_file(transfer(100, 1, payer_name="ﾔﾏﾀﾞ", entry_reference="000001"), kind=Kind.NOTIFICATION),
    ):
        with pytest.raises(Quarantined) as refused:
            take(other)
        assert refused.value.code == "other_form"
    assert balances.balance("suspense:JPY") == 100


def test_without_that_rule_the_same_money_would_post_twice(take, monkeypatch):
    """Negative control of the test above."""
    monkeypatch.setattr("fund.payments.receipts._check_family", lambda statements, kind: None)
    take(zengin_file(transfer(100, 1, payer_name="ﾔﾏﾀﾞ")))
    take(file(entry(100, currency="JPY"), account=JPY))
    assert balances.balance("suspense:JPY") == 200


def test_a_zengin_account_that_is_not_ours_is_quarantined(take):
    with pytest.raises(Quarantined) as refused:
        take(zengin_file(transfer(100, 1, payer_name="ﾔﾏﾀﾞ"), account="0001-001-1-7654321"))
    assert refused.value.code == "unknown_account"
    assert BankFile.objects.get().state == BankFile.State.QUARANTINED
