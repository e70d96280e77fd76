"""Each check finds what it is for; a blocking finding stops the proposal, another asks for a reason (D42)."""

import json
import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from django.db import DatabaseError, connection, transaction

from fund import rates
from fund.governance import approval
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.nav import checks, strike, value
from fund.portfolio import valuation
from tests.fund import building
from tests.fund.building import DAY, JPY, NOW, USD, dollars
from tests.fund.nav.test_publish import drop_trigger

pytestmark = pytest.mark.django_db


@pytest.fixture
def nav(small_fund):
    return strike.value(day=DAY, now=NOW)


def found(nav) -> list[tuple[str, bool]]:
    return [(one.code, one.blocking) for one in checks.run(nav=nav)]


def test_a_sound_nav_has_no_findings(nav):
    assert found(nav) == []


def mark(amount: int, *, on: date, paid: int = 1_000) -> None:
    port = building.investment()
    building.invest(
        investment=port, money=dollars(paid), bank_account=USD, day=date(2025, 12, 1), now=NOW, event_id=uuid.uuid4()
    )
    valuation.record_valuation(
        investment=port, effective_on=on, money=dollars(amount), source_en="Appraisal", source_ja="鑑定", now=NOW
    )


@pytest.mark.parametrize(("on", "findings"), [(date(2025, 12, 26), []), (date(2025, 12, 25), [("stale_mark", False)])])
def test_a_mark_older_than_its_limit_needs_a_reason(small_fund, on, findings):
    mark(1_000, on=on)
    assert found(strike.value(day=DAY, now=NOW)) == findings


def test_an_investment_never_valued_grows_stale_too(small_fund):
    building.invest(
        investment=building.investment(),
        money=dollars(5),
        bank_account=USD,
        day=date(2025, 12, 1),
        now=NOW,
        event_id=uuid.uuid4(),
    )
    assert found(strike.value(day=DAY, now=NOW)) == [("stale_mark", False)]


@pytest.mark.parametrize(
    ("amount", "findings"),
    [(1_100, []), (900, []), (1_101, [("price_move", False)]), (899, [("price_move", False)])],
)
def test_a_price_that_moves_more_than_the_tolerance_needs_a_reason(small_fund, amount, findings):
    mark(amount, on=DAY)  # on $2,000 of net assets, $100 is 5 %
    assert found(strike.value(day=DAY, now=NOW)) == findings


def test_units_in_the_ledger_that_are_not_priced_block(nav):
    building.contribute(building.partner(), dollars(10))
    assert found(nav) == [("units_differ", True), ("figures_changed", True)]
    assert found(strike.value(day=DAY, now=NOW)) == []


def test_money_without_units_blocks(small_fund):
    lines = [Line(f"bank:{JPY}", "capital:JP", 1_000)]
    post.post(
        event=Event.SETTLEMENT, event_id=uuid.uuid4(), lines=lines, effective_at=datetime(2026, 3, 31, tzinfo=UTC)
    )
    assert found(strike.value(day=DAY, now=NOW)) == [("capital_without_units", True)]


def test_a_ledger_out_of_balance_blocks(nav):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE fund_card SET held_usd = 1 WHERE holder_id = %s", [building.citizen("US").pk])
    assert found(nav) == [("trial_balance", True)]


def test_figures_that_no_longer_stand_block(nav):
    lines = [Line(f"bank:{USD}", "income:USD", 1)]
    post.post(
        event=Event.CORRECTION, event_id=uuid.uuid4(), lines=lines, effective_at=datetime(2026, 3, 31, tzinfo=UTC)
    )
    assert found(nav) == [("figures_changed", True)]


def test_a_rate_of_the_day_that_came_later_blocks(small_fund):
    rates_day = date(2026, 4, 1)
    nav = strike.value(day=rates_day, now=NOW)
    assert found(nav) == [("late_rate", False)]
    rates.record(day=rates_day, usd_per_eur=Decimal(1), jpy_per_eur=Decimal(161), source="test")
    assert ("missing_rate", True) in found(nav)


def test_a_rate_that_is_gone_blocks(nav):
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_referencerate DISABLE TRIGGER USER")
        cursor.execute("DELETE FROM fund_referencerate")
    assert found(nav) == [("missing_rate", True), ("late_rate", False)]


def test_a_blocking_finding_stops_the_proposal_whatever_the_reason(nav, small_fund):
    building.contribute(building.partner(), dollars(10))
    with pytest.raises(value.Refused) as refusal:
        strike.propose(nav=nav, officer=small_fund[0], now=NOW, reason="I know")
    assert refusal.value.code == "units_differ"


def test_an_overridable_finding_needs_a_reason_that_the_second_key_reads(small_fund):
    mark(2_000, on=DAY)
    nav = strike.value(day=DAY, now=NOW)
    with pytest.raises(value.Refused) as refusal:
        strike.propose(nav=nav, officer=small_fund[0], now=NOW, reason=" ")
    assert refusal.value.code == "reason_needed"
    proposal = strike.propose(nav=nav, officer=small_fund[0], now=NOW, reason="The dock was sold on")
    payload = json.loads(proposal.payload)
    assert payload["reason"] == "The dock was sold on"
    assert [one["code"] for one in payload["findings"]] == ["price_move"]
    assert payload["net"] == "300000"
    assert payload["classes"]["SOV"] == {
        "units": "2000000",
        "value_base": "300000",
        "value": "300000",
        "price": "15.0000",
    }
    assert payload["classes"]["JP"]["price"] is None


def test_an_older_version_is_not_proposed(nav, small_fund):
    newer = strike.value(day=DAY, now=NOW)
    assert (nav.version, newer.version) == (1, 2)
    with pytest.raises(value.Refused) as refusal:
        strike.propose(nav=nav, officer=small_fund[0], now=NOW)
    assert refusal.value.code == "newer_version"


def stale(small_fund):
    mark(1_000, on=date(2025, 12, 25))
    return strike.value(day=DAY, now=NOW)


def moved(small_fund):
    mark(2_000, on=DAY)
    return strike.value(day=DAY, now=NOW)


def unbalanced(small_fund):
    nav = strike.value(day=DAY, now=NOW)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE fund_card SET held_usd = 1 WHERE holder_id = %s", [building.citizen("US").pk])
    return nav


CASES = [(stale, "stale_marks"), (moved, "price_moves"), (unbalanced, "trial_balance")]


@pytest.mark.parametrize(("case", "check"), CASES)
def test_staleness_tolerance_and_imbalance_each_stop_the_proposal(small_fund, case, check):
    nav = case(small_fund)
    with pytest.raises(value.Refused):
        strike.propose(nav=nav, officer=small_fund[0], now=NOW)


@pytest.mark.parametrize(("case", "check"), CASES)
def test_without_its_check_each_would_pass(small_fund, case, check, monkeypatch):
    """Negative control of the test above."""
    nav = case(small_fund)
    monkeypatch.setattr(checks, check, lambda *_args: iter([]))
    building.publish(nav, small_fund, reason="")


@pytest.mark.parametrize("case", [stale, moved])
def test_the_override_needs_a_reason_and_both_keys(small_fund, case):
    nav = case(small_fund)
    proposal = strike.propose(nav=nav, officer=small_fund[0], now=NOW, reason="Seen and agreed")
    with pytest.raises(approval.Refused, match="officer of each nation"):
        strike.publish(proposal=proposal, now=NOW)
    building.sign(proposal, small_fund[1])
    assert strike.publish(proposal=proposal, now=NOW)


def without_reason(nav, keys) -> approval.Proposal:
    """Both keys under an override that nobody gave a reason for, past the verb."""
    payload = {**strike.facts(nav), "findings": strike.told(checks.run(nav=nav)), "reason": " "}
    proposal = approval.propose(
        kind=approval.Kind.NAV, subject=DAY.isoformat(), payload=payload, officer=keys[0], now=NOW
    )
    building.sign(proposal, keys[1])
    return proposal


def test_the_database_refuses_an_override_without_a_reason(small_fund):
    proposal = without_reason(moved(small_fund), small_fund)
    with pytest.raises(DatabaseError, match="recorded reason"), transaction.atomic():
        strike.publish(proposal=proposal, now=NOW)
    drop_trigger("fund_nav", "figures_stand")
    assert strike.publish(proposal=proposal, now=NOW), "negative control: without the trigger it would be published"
