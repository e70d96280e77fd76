"""What officers enter by hand takes effect with both keys, all or none, once (D4, D38, D40)."""

import uuid
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, connection, transaction
from django.db.utils import ProgrammingError

from fund.governance import approval
from fund.ledger import balances, post
from fund.ledger import prove as ledger
from fund.ledger.models import Event, Transfer
from fund.money import Currency, Money
from fund.portfolio import entries, investments, position, valuation
from fund.portfolio.models import Deployment, Income, InvestmentTerms
from fund.portfolio.movements import Refused
from tests.fund import building
from tests.fund.building import DAY, NOW, USD, dollars


def drawdown(amount: int, *, code: str = "PORT", **other: str) -> entries.Entry:
    return {
        "act": "drawdown", "event": str(uuid.uuid4()), "investment": code, "day": DAY.isoformat(),
        "amount": str(amount * 100), "currency": "USD", "bank_account": USD, **other,
    }  # fmt: skip


def propose(*listed: entries.Entry) -> approval.Proposal:
    return entries.propose(entries=listed, officer=building.bookkeepers()[0], now=NOW, reason="agreed")


def carry_out(proposal: approval.Proposal) -> int:
    return entries.carry_out(proposal=proposal, now=NOW)


def test_nothing_moves_before_the_second_key_and_then_once():
    port = building.investment()
    proposal = propose(drawdown(100), drawdown(200))
    with pytest.raises(approval.Refused):
        carry_out(proposal)
    assert not Deployment.objects.exists()
    building.approved(proposal)
    assert carry_out(proposal) == 2
    assert carry_out(proposal) == 0
    assert valuation.deployed(port) == 300_00
    assert balances.balance("investments:USD") == -300_00
    assert all(check.clean for check in ledger.prove())


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        (drawdown(10_000_001), "over_commitment"),
        (drawdown(0), "no_amount"),
        (drawdown(1, code="NOWHERE"), "unknown_investment"),
        (drawdown(1, bank_account="ELSEWHERE"), "unknown_bank"),
        (drawdown(1, bank_account="TEST-JPY"), "wrong_currency"),
        (drawdown(1, day="2026-04-02"), "day_to_come"),
    ],
)
def test_what_cannot_be_is_not_even_proposed(entry, code):
    building.investment()
    with pytest.raises(Refused) as refusal:
        propose(entry)
    assert refusal.value.code == code
    assert not approval.Proposal.objects.filter(kind="portfolio").exists()


def test_the_entries_of_one_proposal_are_reckoned_together():
    building.investment(committed=100)
    propose(drawdown(60), drawdown(40))
    with pytest.raises(Refused, match="left of the commitment"):
        propose(drawdown(60), drawdown(41))


def test_all_or_none():
    """Two proposals that each fit and together do not: the second changes nothing, and says why."""
    port = building.investment(committed=100)
    first, second = propose(drawdown(60)), propose(drawdown(10), drawdown(50))
    building.approved(first)
    building.approved(second)
    carry_out(first)
    with pytest.raises(Refused) as refusal, transaction.atomic():
        carry_out(second)
    assert refusal.value.code == "over_commitment"
    assert valuation.deployed(port) == 60_00


def test_money_that_is_held_for_citizens_is_never_spent():
    """The fund has $2,000,000 of its own and $500 of a citizen at the same bank."""
    lines = [post.Line(f"bank:{USD}", "held:USD", 500_00, building.citizen("US").pk)]
    post.post(event=Event.RECEIPT, event_id=uuid.uuid4(), lines=lines, effective_at=NOW)
    port = building.investment()
    with pytest.raises(Refused) as refusal, transaction.atomic():
        building.invest(investment=port, money=Money(2_000_000_01, Currency.USD))
    assert refusal.value.code == "over_cash"
    building.invest(investment=port, money=dollars(2_000_000))
    assert position.at(day=DAY).cash == dollars(0)


def test_money_on_its_way_back_to_a_payer_is_not_the_funds():
    lines = [post.Line(f"bank:{USD}", "suspense:USD", 500), post.Line("suspense:USD", "returns:USD", 500)]
    post.post(event=Event.REFUND, event_id=uuid.uuid4(), lines=lines, effective_at=NOW - timedelta(days=1))
    assert position.at(day=DAY).cash == dollars(2_000_000)


# ── the database refuses ──────────────────────────────────────────────────────────────────────────────────────────────
def commit_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")


HAND_MADE = [Event.CAPITAL_CALL, Event.INVESTMENT, Event.BORROWING, Event.EXPENSE, Event.INCOME]


@pytest.mark.parametrize("event", HAND_MADE)
def test_a_transfer_by_hand_alone_is_refused(event):
    with pytest.raises(ProgrammingError, match="not approved"), transaction.atomic():
        lines = [post.Line("exchange:USD", f"bank:{USD}", 1)]
        post.post(event=event, event_id=uuid.uuid4(), lines=lines, effective_at=NOW)
        commit_now()


def test_other_events_and_taken_away_triggers_are_not():
    """Negative control of the test above."""
    lines = [post.Line("exchange:USD", f"bank:{USD}", 1)]
    post.post(event=Event.SUSPENSE, event_id=uuid.uuid4(), lines=lines, effective_at=NOW)
    commit_now()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_transfer DISABLE TRIGGER entry_is_approved")
    for event in HAND_MADE:
        post.post(event=event, event_id=uuid.uuid4(), lines=lines, effective_at=NOW)
    commit_now()
    assert Transfer.objects.filter(event__in=HAND_MADE, debit__code="exchange:USD").count() == len(HAND_MADE)


@pytest.mark.parametrize("changed", [{}, {"amount": 999}, {"event_id": uuid.uuid4()}, {"day": date(2026, 3, 30)}])
def test_a_row_that_is_not_the_approved_entry_is_refused(changed):
    port, entry = building.investment(), drawdown(100)
    proposal = building.approved(propose(entry))
    row = {
        "event_id": entry["event"],
        "investment": port,
        "day": DAY,
        "amount": 100_00,
        "proposal": proposal,
        **changed,
    }
    if changed:
        with pytest.raises(DatabaseError, match="needs an officer of each nation"), transaction.atomic():
            Deployment.objects.create(**row)
    else:  # the control: the very entry is taken
        assert Deployment.objects.create(**row).pk


def test_one_key_alone_is_refused_by_the_database_too():
    port, entry = building.investment(), drawdown(100)
    proposal = propose(entry)
    with pytest.raises(DatabaseError, match="needs an officer of each nation"), transaction.atomic():
        Deployment.objects.create(event_id=entry["event"], investment=port, day=DAY, amount=100_00, proposal=proposal)


# ── terms ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
def change(on: date, *, stage: str = "operating", committed: int = 10_000_000) -> None:
    building.enter(
        "terms", investment="PORT", effective_on=on, stage=stage, ownership_percent="51.00", committed=committed * 100
    )


def test_terms_hold_from_their_day_on_and_the_ones_before_stay():
    building.investment()
    change(date(2026, 3, 1))
    change(date(2026, 4, 1), stage="realised", committed=5)

    def stage(on: date) -> tuple[str, str]:
        one = investments.investment(code="PORT", on=on)
        return one.stage, str(one.ownership_percent)

    assert stage(date(2026, 2, 28)) == ("construction", "49.00")
    assert stage(date(2026, 3, 1)) == stage(DAY) == ("operating", "51.00")
    assert stage(date(2026, 4, 1)) == ("realised", "51.00")
    change(date(2026, 3, 1), stage="committed")  # a newer row for the same day corrects the older one
    assert stage(DAY) == ("committed", "51.00") and InvestmentTerms.objects.count() == 3


def test_a_commitment_never_falls_below_what_is_paid_in():
    port = building.investment()
    building.invest(investment=port, money=dollars(10))
    with pytest.raises(Refused) as refusal:
        change(DAY, committed=9)
    assert refusal.value.code == "below_deployed"
    change(DAY, committed=10)
    with pytest.raises(Refused, match="left of the commitment"):
        building.invest(investment=port, money=dollars(1))


def test_an_investment_is_never_edited_in_place():
    building.investment()
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("UPDATE fund_investment SET stage = 'operating'")


# ── what an investment pays ───────────────────────────────────────────────────────────────────────────────────────────
def value(on: date = DAY) -> tuple[valuation.Mark, Money]:
    (mark,) = valuation.marks(on=on)
    return mark, position.at(day=on).net


def test_income_adds_cash_and_leaves_the_value():
    port = building.investment()
    building.invest(investment=port, money=dollars(1_000))
    building.receive(investment=port, money=dollars(40))
    mark, net = value()
    assert (mark.amount, mark.income, mark.realised, net) == (
        dollars(1_000), dollars(40), dollars(0), dollars(2_000_040)
    )  # fmt: skip
    assert balances.balance("income:USD") == 40_00


@pytest.mark.parametrize(("amount", "cost", "gain"), [(700, 600, 100), (500, 600, -100), (600, 600, 0)])
def test_a_realisation_gives_up_its_cost_and_books_the_gain_or_loss(amount, cost, gain):
    port = building.investment()
    building.invest(investment=port, money=dollars(1_000))
    building.receive(investment=port, money=dollars(amount), cost=dollars(cost))
    assert balances.balance("investments:USD") == -(1_000 - cost) * 100
    assert (balances.balance("gains:USD"), balances.balance("income:USD")) == (gain * 100, 0)
    mark, net = value()
    # the value falls by what came in, so that the payment alone changes no net asset value
    assert (mark.amount, mark.realised, net) == (dollars(1_000 - amount), dollars(amount), dollars(2_000_000))
    assert all(check.clean for check in ledger.prove())


def test_what_is_realised_whole_is_no_longer_owned():
    port = building.investment()
    building.invest(investment=port, money=dollars(1_000))
    building.receive(investment=port, money=dollars(1_200), cost=dollars(1_000))
    building.enter(
        "terms", investment="PORT", effective_on=DAY, stage="realised", ownership_percent="0.00", committed=100_000
    )
    assert valuation.marks(on=DAY) == []
    assert position.at(day=DAY).net == dollars(2_000_200)
    with pytest.raises(Refused) as refusal:
        building.receive(investment=port, money=dollars(1), cost=dollars(1))
    assert refusal.value.code == "over_cost"
    assert Income.objects.count() == 1


def test_stale_marks_are_named_the_oldest_first():
    for code, day in (("NEW", DAY - timedelta(days=95)), ("OLD", DAY - timedelta(days=96)), ("PORT", date(2025, 1, 1))):
        building.invest(investment=building.investment(code), money=dollars(1), day=day)
    assert [mark.investment.pk for mark in valuation.stale(on=DAY)] == ["PORT", "OLD"]


# ── a mistake ─────────────────────────────────────────────────────────────────────────────────────────────────────────
def reversal_of(row, *, day: date = DAY, **more: str) -> None:
    told = {"investment": row.investment_id} if hasattr(row, "investment_id") else {"kind": row.kind, "against": ""}
    if isinstance(row, Income):
        told["cost"] = row.cost
    building.enter("reversal", reverses=row.pk, day=day, amount=row.amount, currency="USD", **told, **more)


def test_a_mistake_is_taken_back_in_the_book_and_in_the_portfolio():
    port = building.investment()
    wrong = building.invest(investment=port, money=dollars(1_000))
    gain = building.receive(investment=port, money=dollars(700), cost=dollars(600))
    bill = building.pay(kind=building.Expense.Kind.OPERATING, money=dollars(5))
    with pytest.raises(Refused) as refusal:
        reversal_of(wrong)
    assert refusal.value.code == "over_cost"
    for row in (gain, bill, wrong):
        reversal_of(row)
    commit_now()
    for account in ("investments:USD", "gains:USD", "expenses:USD"):
        assert balances.balance(account) == 0
    (mark,) = valuation.marks(on=DAY)
    assert (mark.amount, mark.deployed, mark.realised) == (dollars(0), dollars(0), dollars(0))
    assert position.at(day=DAY).net == dollars(2_000_000)
    assert all(check.clean for check in ledger.prove())


def test_nothing_is_taken_back_twice_or_before_it_happened():
    wrong = building.invest(investment=building.investment(), money=dollars(10))
    with pytest.raises(Refused) as refusal:
        reversal_of(wrong, day=DAY - timedelta(days=1))
    assert refusal.value.code == "before_it_happened"
    reversal_of(wrong)
    for row in (wrong, Deployment.objects.get(reverses=wrong)):
        with pytest.raises(Refused) as refusal:
            reversal_of(row)
        assert refusal.value.code == "reversed"


def test_the_database_refuses_a_second_reversal_too():
    wrong = building.invest(investment=building.investment(), money=dollars(10))
    reversal_of(wrong)
    first = Deployment.objects.get(reverses=wrong)
    with pytest.raises(DatabaseError), transaction.atomic():
        Deployment.objects.create(
            event_id=uuid.uuid4(),
            proposal=first.proposal,
            investment=first.investment,
            day=DAY,
            amount=-10_00,
            reverses=wrong,
        )
