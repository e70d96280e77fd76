"""Leverage, headroom and stress, worked out by hand (D41)."""

import uuid
from decimal import Decimal

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
