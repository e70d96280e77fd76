"""Investing moves cash, marks are append-only, and the latest one up to the day counts (D40)."""

import uuid
from datetime import date, timedelta

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from fund.ledger import balances, prove
from fund.money import Currency
from fund.portfolio import position, valuation
from fund.portfolio.models import Deployment
from tests.fund import building
from tests.fund.building import DAY, JPY, NOW, USD, dollars, yen


def invest(investment, amount, *, day=DAY, event_id=None):
    return building.invest(
        investment=investment,
        money=dollars(amount),
        bank_account=USD,
        day=day,
        now=NOW,
        event_id=event_id or uuid.uuid4(),
    )


def mark(investment, amount, on):
    return valuation.record_valuation(
        investment=investment, effective_on=on, money=dollars(amount), source_en="Appraisal", source_ja="鑑定", now=NOW
    )


def worth(on: date) -> list[tuple[str, int]]:
    return [(one.investment.pk, one.amount.amount // 100) for one in valuation.marks(on=on)]


def test_investing_turns_cash_into_an_investment_at_cost():
    invest(building.investment(), 400_000)
    assert balances.balance("investments:USD") == -40_000_000
    assert balances.balance(f"bank:{USD}") == -160_000_000
    at = position.at(day=DAY)
    assert (at.investments, at.cash, at.net) == (dollars(400_000), dollars(1_600_000), dollars(2_000_000))
    assert all(check.clean for check in prove.prove())


def test_the_same_event_invests_once():
    port, event_id = building.investment(), uuid.uuid4()
    invest(port, 5, event_id=event_id)
    with pytest.raises(IntegrityError), transaction.atomic():
        invest(port, 5, event_id=event_id)
    assert Deployment.objects.count() == 1


def test_never_more_than_was_committed():
    port = building.investment(committed=100)
    invest(port, 60)
    with pytest.raises(valuation.Refused) as refusal:
        invest(port, 41)
    assert (refusal.value.code, refusal.value.facts["left"]) == ("over_commitment", 4_000)
    invest(port, 40)


def test_another_currency_and_a_day_to_come_are_refused():
    port = building.investment()
    with pytest.raises(valuation.Refused, match="another currency"):
        building.invest(investment=port, money=yen(5), bank_account=JPY, day=DAY, now=NOW, event_id=uuid.uuid4())
    with pytest.raises(valuation.Refused, match="another currency"):
        valuation.record_valuation(
            investment=port, effective_on=DAY, money=yen(5), source_en="a", source_ja="b", now=NOW
        )
    with pytest.raises(valuation.Refused, match="still to come"):
        mark(port, 5, NOW.date() + timedelta(days=1))


def test_the_latest_mark_up_to_the_day_counts_and_a_newer_row_corrects_it():
    port = building.investment()
    mark(port, 100, date(2026, 1, 31))
    mark(port, 120, date(2026, 2, 28))
    assert worth(date(2026, 1, 30)) == []
    assert worth(date(2026, 2, 27)) == [("PORT", 100)]
    assert worth(date(2026, 2, 28)) == [("PORT", 120)]
    mark(port, 110, date(2026, 1, 31))
    assert worth(date(2026, 2, 27)) == [("PORT", 110)]
    assert worth(date(2026, 2, 28)) == [("PORT", 120)]


def test_money_paid_in_after_a_mark_is_added_at_cost():
    port = building.investment()
    invest(port, 50, day=date(2026, 1, 10))
    assert worth(date(2026, 1, 10)) == [("PORT", 50)]
    mark(port, 60, date(2026, 1, 31))
    invest(port, 7, day=date(2026, 1, 31))  # the mark is of the end of that day
    invest(port, 5, day=date(2026, 2, 1))
    assert worth(date(2026, 1, 31)) == [("PORT", 60)]
    assert worth(date(2026, 2, 1)) == [("PORT", 65)]
    (one,) = valuation.marks(on=date(2026, 2, 10))
    assert (one.deployed, one.since, one.age(date(2026, 2, 10))) == (dollars(62), date(2026, 1, 31), 10)


def test_an_investment_in_yen_is_converted():
    port = building.investment("KOBE", currency=Currency.JPY)
    valuation.record_valuation(
        investment=port, effective_on=DAY, money=yen(1_601), source_en="a", source_ja="b", now=NOW
    )
    at = position.at(day=DAY)
    assert at.investments.amount == 1_001  # ¥1,601 ÷ 160 = $10.00625
    assert at.yen == yen(1_601)


REWRITES = ["UPDATE fund_valuation SET amount = 1", "DELETE FROM fund_valuation"]


@pytest.mark.parametrize("statement", REWRITES)
def test_marks_are_never_rewritten(statement):
    mark(building.investment(), 5, DAY)
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize("statement", REWRITES)
def test_without_the_triggers_they_could_be(statement):
    """Negative control of the test above."""
    mark(building.investment(), 5, DAY)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE fund_valuation DISABLE TRIGGER USER")
        cursor.execute(statement)
        assert cursor.rowcount == 1
