"""Borrowing, repaying and the lender's own figures (D40)."""

import uuid
from datetime import date, timedelta

import pytest

from fund.ledger import balances, prove
from fund.portfolio import debt, position
from fund.portfolio.valuation import Refused
from tests.fund import building
from tests.fund.building import DAY, NOW, USD, dollars


def move(verb, facility, amount, *, day=DAY):
    return verb(facility=facility, money=dollars(amount), bank_account=USD, day=day, now=NOW, event_id=uuid.uuid4())


def drawn(on: date = DAY) -> list[int]:
    return [one.drawn // 100 for one in debt.drawn(on=on)]


def test_borrowing_adds_cash_and_debt_alike():
    line = building.facility()
    move(building.borrow, line, 300_000, day=date(2026, 3, 30))
    move(building.borrow, line, 200_000)
    move(building.repay, line, 50_000)
    assert drawn(date(2026, 3, 30)) == [300_000] and drawn() == [450_000] and drawn(date(2026, 3, 29)) == []
    assert balances.balance("debt:USD") == 45_000_000
    at = position.at(day=DAY)
    assert (at.cash, at.debt, at.net) == (dollars(2_450_000), dollars(450_000), dollars(2_000_000))
    assert all(check.clean for check in prove.prove())


@pytest.mark.parametrize(
    ("verb", "amount", "code"), [(building.borrow, 700_001, "over_limit"), (building.repay, 300_001, "over_drawn")]
)
def test_never_more_than_there_is(verb, amount, code):
    line = building.facility()
    move(building.borrow, line, 300_000)
    with pytest.raises(Refused) as refusal:
        move(verb, line, amount)
    assert refusal.value.code == code
    assert drawn() == [300_000]


def test_a_movement_before_the_last_balance_is_refused():
    line = building.facility()
    move(building.borrow, line, 300_000)
    with pytest.raises(Refused) as refusal:
        move(building.borrow, line, 1, day=DAY - timedelta(days=1))
    assert refusal.value.code == "later_balance"


def test_the_lenders_figure_counts_and_is_carried_on():
    line = building.facility()
    move(building.borrow, line, 300_000)
    debt.record_drawn(facility=line, effective_on=DAY, drawn=dollars(301_000), now=NOW)
    assert drawn() == [301_000]
    assert position.at(day=DAY).net == dollars(1_999_000)
    move(building.repay, line, 1_000)
    assert drawn() == [300_000]
