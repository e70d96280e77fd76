"""How figures are written in each language, and read from what people type."""

from datetime import UTC, date, datetime
from decimal import Decimal
from fractions import Fraction

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation

from fund.money import Currency, Money, Price
from fund.portfolio.leverage import Stress
from fund.units import UnitClass
from investors.steps.places import STATE_NAMES
from portal.templatetags import figures
from portal.web import amounts, charts, usmap, words

US = UnitClass(code="US", unit_decimals=4, lot=10_000, currency="USD")
JP = UnitClass(code="JP", unit_decimals=0, lot=10_000, currency="JPY")


def case(assets: int, yen: int) -> Stress:
    return Stress("case", assets, yen, Fraction(1), Fraction(1))


TEN_DOLLARS, SOME_YEN = Price(Decimal(10), Currency.USD, 10_000), Price(Decimal(10_049), Currency.JPY, 10_000)


@pytest.mark.parametrize(
    ("written", "en", "ja"),
    [
        (lambda: figures.money(Money(250_000, Currency.USD)), "$2,500.00", "$2,500.00"),
        (lambda: figures.money(Money(1_234_567, Currency.JPY)), "¥1,234,567", "¥1,234,567"),
        (lambda: figures.money(Money(-5, Currency.USD)), "−$0.05", "−$0.05"),
        (lambda: figures.money(None), "–", "–"),
        (lambda: figures.big(Money(21_639_876_543_210, Currency.USD)), "$216.4 billion", "2,163.99億ドル"),
        (lambda: figures.big(Money(99_999_999, Currency.USD)), "$999,999.99", "$999,999.99"),
        (lambda: figures.quoted(TEN_DOLLARS, US), "$10.0000 per unit", "1口当たり$10.0000"),
        (lambda: figures.quoted(SOME_YEN, JP), "¥10,049 per 10,000 口", "10,000口当たり¥10,049"),
        (lambda: figures.units(25_000, US), "2.5000 units", "2.5000口"),
        (lambda: figures.units(1_340_000, JP), "1,340,000 口", "1,340,000口"),
        (lambda: figures.day(date(2026, 10, 30)), "October 30, 2026", "2026年10月30日"),
        (lambda: figures.ratio(Decimal("1.4")), "1.40×", "1.40×"),
        (lambda: figures.percentage(Decimal("47.17")), "47.17%", "47.17%"),
        (lambda: figures.supposed(case(-10, 0)), "assets fall by 10%", "資産が10%下落"),
        (lambda: figures.supposed(case(0, 10)), "the yen rises by 10% against the dollar", "円が対ドルで10%上昇"),
        (lambda: figures.supposed(case(-40, -20)),
         "assets fall by 40%, and the yen falls by 20% against the dollar", "資産が40%下落、円が対ドルで20%下落"),
    ],
)  # fmt: skip
def test_written(written, en: str, ja: str) -> None:
    with translation.override("en"):
        assert written() == en
    with translation.override("ja"):
        assert written() == ja


def test_a_cut_off_shows_both_clocks_and_only_one_of_them_changes_for_summer() -> None:
    winter, summer = datetime(2026, 12, 1, 14, 59, tzinfo=UTC), datetime(2026, 7, 1, 14, 59, tzinfo=UTC)
    with translation.override("en"):
        assert (
            figures.clocks_in_text(winter)
            == "December 1, 2026, 9:59 AM EST (Washington) · December 1, 2026, 11:59 PM JST (Tokyo)"
        )
        assert (
            figures.clocks_in_text(summer)
            == "July 1, 2026, 10:59 AM EDT (Washington) · July 1, 2026, 11:59 PM JST (Tokyo)"
        )
    with translation.override("ja"):
        assert figures.clocks_in_text(winter) == "2026年12月1日 9:59 (ワシントン) · 2026年12月1日 23:59 (東京)"


@pytest.mark.parametrize(
    ("typed", "currency", "value"),
    [
        ("100000", Currency.JPY, "100000"),
        ("100,000", Currency.JPY, "100000"),
        ("１００，０００円", Currency.JPY, "100000"),
        ("￥１００，０００", Currency.JPY, "100000"),
        ("10万円", Currency.JPY, "100000"),
        (" ¥ 100 000 ", Currency.JPY, "100000"),
        ("$2,500", Currency.USD, "2500.00"),
        ("2500.5", Currency.USD, "2500.50"),
        ("US$2,500.00", Currency.USD, "2500.00"),
    ],
)
def test_amounts_as_people_type_them(typed: str, currency: Currency, value: str) -> None:
    assert amounts.read(typed, currency) == Money.parse(value, currency)


@pytest.mark.parametrize("typed", ["", "-5", "1,00", "2.500,00", "1e5", "ten", "1.5万", "٣", "1_000", "9" * 19, "NaN"])
def test_amounts_that_could_mean_something_else_are_asked_again(typed: str) -> None:
    for currency in Currency:
        with pytest.raises(ValidationError):
            amounts.read(typed, currency)


def test_what_is_left_is_said_in_its_two_largest_units() -> None:
    now = datetime(2026, 11, 20, tzinfo=UTC)
    with translation.override("en"):
        said = [words.countdown(datetime(2026, 11, day, hour, minute, tzinfo=UTC), now) for day, hour, minute in
                [(29, 5, 0), (21, 0, 0), (20, 1, 0), (20, 0, 59), (20, 0, 1), (19, 23, 59)]]  # fmt: skip
    assert said == ["9 days 5 hours", "1 day 0 hours", "1 hour 0 minutes", "59 minutes", "1 minute", ""]


@pytest.mark.parametrize(("low", "high"), [("10", "10"), ("9990", "10432"), ("10.0100", "10.0200"), ("1", "1000000")])
def test_ruled_values_enclose_the_prices(low: str, high: str) -> None:
    ruled = charts.rules(Decimal(low), Decimal(high), Decimal("0.0001"))
    assert ruled[0] <= Decimal(low)
    assert ruled[-1] >= Decimal(high)
    assert 2 <= len(ruled) <= 7


def test_no_two_rules_bear_the_same_figure() -> None:
    low, high = Decimal("1.4163"), Decimal("1.4257")
    assert charts.rules(low, high, Decimal("0.01")) == [Decimal("1.41"), Decimal("1.42"), Decimal("1.43")]
    assert len({figures.ratio(one) for one in charts.rules(low, high, Decimal("0.0001"))}) < 3, "it would be told twice"


def test_a_line_needs_two_days_and_stays_in_its_frame() -> None:
    days = [
        (date(2026, 8, 31), Decimal("9.9446")),
        (date(2026, 9, 30), Decimal("10.0760")),
        (date(2026, 10, 30), Decimal("10.2074")),
    ]
    assert charts.line(days[:1], least=Decimal("0.0001")) is None
    drawn = charts.line(days, least=Decimal("0.0001"))
    assert drawn is not None
    places = [tuple(map(int, place.split())) for place in drawn.line.removeprefix("M").split("L")]
    assert all(drawn.left <= x <= drawn.right and 0 <= y <= drawn.height for x, y in places)
    assert places[0][1] > places[-1][1], "a rising price is drawn rising"


def test_shares_are_seen_however_small() -> None:
    placed = charts.shares([1_000_000, 1_000_000, 1, 0])
    assert [part.size for part in placed] == [499, 499, 4, 0]
    assert [part.start for part in placed] == [0, 499, 998, 1002]


def test_every_state_has_a_tile_of_its_own_and_territories_are_told_apart() -> None:
    assert len(usmap.PLACES) == len(set(usmap.PLACES.values())) == 51
    assert set(STATE_NAMES) - set(usmap.PLACES) == {"AS", "GU", "MP", "PR", "VI"}
    lines = [
        {"code": code, "bar": Decimal(bar)} for code, bar in (("OH", 100), ("TX", 26), ("ME", 1), ("AK", 0), ("PR", 5))
    ]
    drawn = usmap.drawn(lines)
    shades = {tile.code: tile.shade for tile in drawn.tiles if tile.group}
    assert shades == {"OH": 4, "TX": 2, "ME": 1, "AK": 1}
    assert drawn.elsewhere == [lines[-1]]
