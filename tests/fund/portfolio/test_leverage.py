"""Leverage, headroom and stress, worked out by hand (D41)."""

import uuid
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from fund.governance import approval
from fund.money import Currency
from fund.portfolio import debt, leverage, valuation
from tests.fund import building
from tests.fund.building import DAY, NOW, USD, dollars, yen


def borrow(amount: int, *, covenant: str = "60") -> None:
    line = building.facility(limit=10_000_000, covenant=covenant)
    building.borrow(facility=line, money=dollars(amount), bank_account=USD, day=DAY, now=NOW, event_id=uuid.uuid4())


def test_gross_assets_over_net_assets():
    borrow(1_000_000)  # $2,000,000 of its own: gross 3,000,000
    figures = leverage.figures(on=DAY)
    assert (figures.gross, figures.debt, figures.nav) == (dollars(3_000_000), dollars(1_000_000), dollars(2_000_000))
    assert (figures.ratio, figures.limit) == (Decimal("1.50"), Decimal("2.50"))
    assert figures.headroom == dollars(2_000_000) and figures.within
    (covenant,) = figures.covenants
    assert (covenant.drawn, covenant.limit) == (dollars(1_000_000), dollars(10_000_000))
    assert (covenant.debt_percent, covenant.allowed_percent) == (Decimal("33.33"), Decimal("60.00"))
    assert covenant.headroom.amount == 133_333_333  # 3,000,000 − 1,000,000 ÷ 60 %


def test_the_limit_is_judged_on_the_exact_figures():
    borrow(3_000_000)
    at_the_limit = leverage.figures(on=DAY)
    assert (at_the_limit.ratio, at_the_limit.headroom, at_the_limit.within) == (Decimal("2.50"), dollars(0), True)
    building.borrow(
        facility=debt.drawn(on=DAY)[0].facility,
        money=dollars(1),
        bank_account=USD,
        day=DAY,
        now=NOW,
        event_id=uuid.uuid4(),
    )
    beyond = leverage.figures(on=DAY)
    assert (beyond.ratio, beyond.headroom, beyond.within) == (Decimal("2.50"), dollars(-1), False)


def losses(figures: leverage.Leverage) -> dict[str, tuple[int, int]]:
    return {one.code: (one.loss_usd.amount, one.loss_jpy.amount) for one in figures.stress}


def test_the_loss_of_a_stake():
    borrow(1_000_000)
    assert losses(leverage.figures(on=DAY)) == {
        "assets-10": (15_00, 1_500),  # 10 % × 1.5
        "assets-20": (30_00, 3_000),
        "assets-30": (45_00, 4_500),
        "yen+10": (0, 909),  # nothing in yen: a dollar buys 1 ÷ 1.1 of the yen
        "yen-10": (0, -1_111),
    }


def test_yen_among_the_assets():
    port = building.investment("KOBE", currency=Currency.JPY)
    valuation.record_valuation(
        investment=port, effective_on=DAY, money=yen(320_000_000), source_en="a", source_ja="b", now=NOW
    )
    figures = leverage.figures(on=DAY)  # half of $4,000,000 is in yen
    assert losses(figures)["yen+10"] == (-5_00, 455)  # 1.05 ÷ 1.1
    assert losses(figures)["yen-10"] == (5_00, -556)  # 0.95 ÷ 0.9


def test_nobody_loses_more_than_the_stake():
    borrow(7_000_000)
    assert losses(leverage.figures(on=DAY))["assets-30"] == (100_00, 10_000)


def test_where_nothing_is_left_there_is_no_ratio():
    debt.record_drawn(facility=building.facility(), effective_on=DAY, drawn=dollars(2_000_000), now=NOW)
    figures = leverage.figures(on=DAY)
    assert (figures.nav, figures.ratio, figures.stress, figures.within) == (dollars(0), None, [], False)


# ── over time and by setting ──────────────────────────────────────────────────────────────────────────────────────────
def test_each_day_is_judged_by_the_limit_and_the_covenants_of_then():
    building.facility(covenant="60")
    building.agree("leverage.limit", "2.00", on=datetime(2026, 6, 1, tzinfo=UTC))
    building.enter(
        "facility_terms", facility="LINE", effective_on="2026-06-01", limit=100, covenant="50.00", rate_bps=0
    )
    gross, owed, net = dollars(2_200), dollars(1_200), dollars(1_000)
    before, after = leverage.over_time([(date(2026, 5, 30), gross, owed, net), (date(2026, 6, 1), gross, owed, net)])
    assert (before.ratio, before.limit, before.headroom, before.within) == (
        Decimal("2.20"), Decimal("2.50"), dollars(300), True
    )  # fmt: skip
    assert (after.limit, after.headroom, after.within) == (Decimal("2.00"), dollars(-200), False)
    assert (before.tightest, after.tightest) == (dollars(200), dollars(-200))  # 2,200 − 1,200 ÷ 60 % and ÷ 50 %


def test_the_stress_cases_are_a_setting():
    borrow(1_000_000)
    building.agree("leverage.stress_cases", [{"code": "both", "assets_percent": -40, "yen_percent": -20}], on=NOW)
    assert losses(leverage.figures(on=DAY))["assets-10"] == (15_00, 1_500)
    building.rate(date(2026, 4, 1), 160)
    (case,) = leverage.figures(on=date(2026, 4, 1)).stress
    assert (case.code, case.loss_usd, case.loss_jpy) == ("both", dollars(60), yen(5_000))  # 1 − 0.4 ÷ 0.8


@pytest.mark.parametrize(
    "wrong",
    [
        [{"code": "a", "assets_percent": -10}],
        [{"code": "a", "assets_percent": "-10", "yen_percent": 0}],
        [{"code": "a", "assets_percent": True, "yen_percent": 0}],
        [{"code": "a", "assets_percent": -101, "yen_percent": 0}],
        [{"code": "a", "assets_percent": 0, "yen_percent": -100}],
        [{"code": "", "assets_percent": 0, "yen_percent": 0}],
        [{"code": "a", "assets_percent": 0, "yen_percent": 0}] * 2,
        ["a"],
        {"code": "a"},
    ],
)
def test_a_case_that_cannot_be_reckoned_is_refused(wrong):
    with pytest.raises(approval.Refused):
        building.agree("leverage.stress_cases", wrong, on=NOW)
