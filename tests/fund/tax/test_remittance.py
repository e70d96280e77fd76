"""Withheld taxes are remitted: how much, by when, to an account that both nations entered, once (D4, D22, D46)."""

from datetime import UTC, date, datetime

import pytest
from django.db import DatabaseError, transaction

from fund.distribution.prove import prove as prove_distribution
from fund.governance.config import DECLARED, remittance_rules
from fund.holders import Holder, Nation
from fund.ledger import balances, post
from fund.ledger.models import Entitlement, Event
from fund.ledger.post import Line
from fund.money import Currency
from fund.payments import payee_accounts, payout_files, payout_results, payouts, remittance
from fund.payments.payee import Payee
from fund.payments.payee_accounts import PayeeAccount
from fund.payments.payout_models import Format, Obstacle, PayoutLine, PayoutRun
from fund.payments.payout_results import Answer, Result
from fund.payments.prove import prove
from fund.payments.remittance import Authority
from tests.fund import building
from tests.fund.distribution.conftest import FIRST, after, citizen, tax
from tests.fund.payments.test_payouts import WRITERS

RULES = DECLARED["withholding.remittance"].default
MAY = datetime(2026, 5, 4, 3, tzinfo=UTC)
TOKYO = Payee(name="コウジマチゼイムシヨ", bank="0001", branch="001", account="1234567", kind="ordinary")
IRS = Payee(name="US TREASURY", bank="021000021", account="998877", kind="checking")


@pytest.mark.parametrize(
    ("authority", "to", "due"),
    [
        (Authority.JP_NATIONAL, date(2026, 3, 31), date(2026, 4, 10)),
        (Authority.JP_LOCAL, date(2026, 4, 30), date(2026, 5, 11)),  # the 10th is a Sunday
        (Authority.JP_NATIONAL, date(2026, 12, 31), date(2027, 1, 12)),  # a Sunday, and Coming of Age Day
        (Authority.US_945, date(2026, 4, 30), date(2026, 5, 15)),
        (Authority.US_945, date(2026, 7, 31), date(2026, 8, 17)),  # the 15th is a Saturday
        (Authority.US_1042, date(2026, 4, 15), date(2026, 4, 20)),
        (Authority.US_1042, date(2026, 11, 22), date(2026, 11, 25)),
        (Authority.US_1042, date(2026, 7, 31), date(2026, 8, 5)),
    ],
)
def test_the_day_on_which_a_period_is_due(authority, to, due):
    assert remittance.due_on(authority, to, RULES[authority.value]) == due


def test_periods_that_are_over():
    month, quarter = RULES["jp_local"], RULES["us_1042"]
    assert remittance.last_end(month, date(2026, 5, 1)) == date(2026, 4, 30)
    assert remittance.last_end(month, date(2026, 4, 30)) == date(2026, 3, 31)
    ends = [remittance.last_end(quarter, date(2026, 5, day)).isoformat()[5:] for day in (1, 7, 8, 16, 23, 31)]
    assert ends == ["04-30", "04-30", "05-07", "05-15", "05-22", "05-22"]


def test_a_rule_that_cannot_be_used_is_no_setting():
    assert remittance_rules(RULES)
    for wrong in (
        "month",
        {}, {"period": "month", "day": 31}, {"period": "month", "day": "10"}, {"period": "week"},
        {"period": "quarter_month", "banking_days": 0}, {"period": "month", "day": 10, "more": 1},
    ):  # fmt: skip
        assert not remittance_rules(RULES | {"jp_local": wrong})


@pytest.fixture
def withheld(fund):
    """In April something was withheld for all four."""
    fund.jp, fund.bare, fund.abroad = (
        citizen(Nation.JP, 1_000_000, 1_000_000),
        citizen(Nation.US, 500_000, 50_000),
        citizen(Nation.US, 400_000, 40_000),
    )
    tax(fund.jp)
    tax(fund.bare, us_person=True, residence="US")
    tax(fund.abroad)
    fund.value(FIRST)
    fund.value(date(2026, 4, 2))
    fund.declared = {one.unit_class_id: one for one in fund.declare({"JP": "300", "US": "0.3"})}
    fund.run(fund.declared["JP"])
    return fund


def due(now=MAY) -> dict[str, tuple[int, date, date]]:
    found = [one for currency in Currency for one in remittance.due(currency=currency, now=now)]
    return {one.authority.value: (one.amount.amount, one.to, one.due_on) for one in found}


def entered(fund, payee: str, currency: Currency, to: Payee) -> PayeeAccount:
    proposal = payee_accounts.propose(
        payee=payee, currency=currency, to=to, officer=fund.keys[0], now=MAY, reason="the authority's letter"
    )
    building.sign(proposal, fund.keys[1], MAY)
    made = payee_accounts.carry_out(proposal=proposal, now=MAY)
    assert made is not None and payee_accounts.carry_out(proposal=proposal, now=MAY) is None
    return made


def sent(fund, currency: Currency) -> PayoutRun:
    run = payouts.gather(currency=currency, payees=lambda ids: {}, officer=fund.keys[0], now=MAY)
    if run.state == "withdrawn":
        return run
    proposal = payouts.propose(run=run, officer=fund.keys[0], now=MAY)
    building.sign(proposal, fund.keys[1], MAY)
    done = payouts.carry_out(proposal=proposal, now=MAY)
    assert done is not None
    format = Format.ZENGIN if currency is Currency.JPY else Format.NACHA
    payout_files.export(run=done, format=format, writers=WRITERS, actor="officer:1", now=MAY)
    return done


def answered(run: PayoutRun, what: Answer) -> None:
    lines = run.lines.filter(state__in=["pending", "paid"])
    payout_results.take(results=[Result(one.reference, what) for one in lines], actor="officer:1", now=MAY)


@pytest.mark.django_db
def test_everything_withheld_in_a_period_is_due_and_remitted_once(withheld):
    jp = Entitlement.objects.get(holder=withheld.jp)
    bare, abroad = (Entitlement.objects.get(holder=who) for who in (withheld.bare, withheld.abroad))
    assert min(jp.national, jp.local, bare.us, abroad.us) > 0
    assert due() == {
        "jp_national": (jp.national, date(2026, 4, 30), date(2026, 5, 11)),
        "jp_local": (jp.local, date(2026, 4, 30), date(2026, 5, 11)),
        "us_945": (bare.us, date(2026, 4, 30), date(2026, 5, 15)),
        "us_1042": (
            abroad.us,
            date(2026, 4, 30),
            date(2026, 4, 20),
        ),  # withheld on the 10th, in the quarter to the 15th
    }
    assert due(datetime(2026, 4, 14, tzinfo=UTC)) == {}  # no period is over yet
    run = sent(withheld, Currency.JPY)
    assert run.state == "withdrawn"  # nobody knows where to: nothing is lost
    assert set(run.lines.values_list("obstacle", flat=True)) == {Obstacle.NO_ACCOUNT}

    entered(withheld, "jp_national", Currency.JPY, TOKYO)
    entered(withheld, "jp_local", Currency.JPY, TOKYO)
    run = sent(withheld, Currency.JPY)
    lines = dict(run.lines.exclude(authority="").values_list("authority", "amount"))
    assert lines == {"jp_national": jp.national, "jp_local": jp.local} and (run.count, run.left_out) == (2, 1)
    assert set(due()) == {"us_945", "us_1042"}  # what is on its way is not due again
    answered(run, Answer.PAID)
    assert balances.balance("withheld_national:JPY") == 0 == balances.balance("withheld_local:JPY")
    assert [check for check in [*prove(), *prove_distribution()] if not check.clean] == []

    answered(run, Answer.RETURNED)  # the bank sends it back: it is due as before
    assert due()["jp_national"] == (jp.national, date(2026, 4, 30), date(2026, 5, 11))
    assert balances.balance("withheld_national:JPY") == jp.national
    assert [check for check in prove() if not check.clean] == []


@pytest.mark.django_db
def test_what_a_correction_takes_back_lowers_what_is_due_next(withheld):
    entered(withheld, "us_945", Currency.USD, IRS)
    entered(withheld, "us_1042", Currency.USD, IRS)
    answered(sent(withheld, Currency.USD), Answer.PAID)
    assert balances.balance("withheld_us:USD") == 0
    before = {one.holder_id: one.us for one in Entitlement.objects.all()}
    withheld.correct(withheld.declared["US"], record=date(2026, 4, 2), per_lot="0.2", now=after(date(2026, 5, 4)))
    withheld.pay(after(date(2026, 5, 4)))
    left = remittance.accruing(currency=Currency.USD, now=after(date(2026, 5, 5)))
    now = {one.holder_id: one.us for one in Entitlement.objects.filter(reversal=False).order_by("distribution_id")}
    for authority, holder in ((Authority.US_945, withheld.bare.pk), (Authority.US_1042, withheld.abroad.pk)):
        assert left[authority].amount == now[holder] - before[holder] < 0
    assert due(datetime(2026, 6, 2, tzinfo=UTC)).keys() == {"jp_national", "jp_local"}


@pytest.mark.django_db
def test_governments_and_partners_are_paid_to_the_account_that_both_nations_entered(withheld):
    owner = Holder.objects.get(kind="sovereign", nation="US")
    line = Line(f"bank:{building.USD}", "refunds:USD", 7_000, owner.pk)  # as a distribution leaves it there
    post.post(event=Event.CORRECTION, event_id=building.uuid.uuid4(), lines=[line], effective_at=MAY)
    run = payouts.gather(currency=Currency.USD, payees=lambda ids: {}, officer=withheld.keys[0], now=MAY)
    assert run.lines.get(holder=owner).obstacle == Obstacle.NO_ACCOUNT
    entered(withheld, payee_accounts.of_holder(owner.pk), Currency.USD, IRS)
    run = payouts.gather(currency=Currency.USD, payees=lambda ids: {}, officer=withheld.keys[0], now=MAY)
    assert run.lines.get(holder=owner).state == PayoutLine.State.READY


@pytest.mark.django_db
def test_an_account_is_entered_by_both_keys_as_it_was_approved(withheld):
    proposal = payee_accounts.propose(
        payee="jp_local", currency=Currency.JPY, to=TOKYO, officer=withheld.keys[0], now=MAY, reason="x"
    )
    told = {"payee": "jp_local", "currency": "JPY", "name": TOKYO.name, "bank": TOKYO.bank, "branch": TOKYO.branch}
    row = {**told, "account": TOKYO.account, "kind": TOKYO.kind, "proposal": proposal, "entered_at": MAY}
    with pytest.raises(DatabaseError), transaction.atomic():
        PayeeAccount.objects.create(**row)  # with one key
    building.sign(proposal, withheld.keys[1], MAY)
    with pytest.raises(DatabaseError), transaction.atomic():
        PayeeAccount.objects.create(**row | {"account": "7654321"})  # another account than was signed
    assert PayeeAccount.objects.create(**row).as_payee == TOKYO
    for payee, currency, to in (
        ("nobody", Currency.JPY, TOKYO),
        ("jp_local", Currency.USD, TOKYO),
        ("us_945", Currency.USD, Payee(name="X", bank="021000022", account="1")),
    ):
        with pytest.raises(payee_accounts.Refused):
            payee_accounts.propose(payee=payee, currency=currency, to=to, officer=withheld.keys[0], now=MAY, reason="x")
