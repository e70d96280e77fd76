"""The calculator says what the fund's own functions say, on whatever is typed; the example is a real allotment."""

import random
from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from django.test import Client
from django.utils import translation

from fund import money
from fund.dealing import allotment
from fund.dealing.models import Offering
from fund.distribution import withholding
from fund.money import Currency, Money
from fund.nav import strike
from fund.portfolio import leverage
from portal.web import calculator, words
from tests.portal.web import stage
from tests.portal.web.stage import NOW


@pytest.fixture
def offered(keys, current: Offering) -> list[Offering]:
    """One at a fixed price in yen, one forward-priced in dollars, after three published NAVs."""
    stage.publish_navs(keys)
    dollars = stage.announce("US-2026-2", opens=NOW - timedelta(days=2), closes=NOW + timedelta(days=9))
    Offering.objects.filter(pk=dollars.pk).update(price_basis="forward", fixed_price=None)
    return [current, Offering.objects.select_related("unit_class").get(pk=dollars.pk)]


def test_every_figure_is_that_of_the_fund(offered: list[Offering]) -> None:
    chosen = random.Random(20261120)
    nav = strike.latest()
    assert nav is not None
    cases = leverage.figures(on=nav.valuation_day).stress
    for one in offered:
        for _ in range(25):
            amount = one.money(one.minimum + one.step * chosen.randrange((one.maximum - one.minimum) // one.step))
            said = calculator.estimate(offering=one, amount=amount, now=NOW)
            quoted = Decimal(10_000) if one.pk.startswith("JP") else Decimal(10)
            assert said.price == one.unit_class.price(quoted)
            assert said.bought == money.buy(amount, said.price)
            assert said.bought.units == amount.amount * 10_000 // (quoted * amount.currency.minor_per_major)
            assert said.bought.cost + said.bought.remainder == amount
            assert said.worth == money.value_of(said.bought.units, said.price)
            other = Currency.JPY if amount.currency == Currency.USD else Currency.USD
            assert said.abroad == money.convert(amount, to=other, usd_jpy=nav.usd_jpy)
            assert abs(said.fee.amount - said.worth.amount * Fraction(20, 10_000)) <= Fraction(1, 2)
            assert [(case, loss) for case, loss, _left in said.losses] == [(case, case.loss(amount)) for case in cases]
            percent = Decimal(chosen.randrange(1, 2000)) / 100
            asked = calculator.estimate(offering=one, amount=amount, now=NOW, percent=percent)
            paid = int(asked.worth.amount * Fraction(percent) / 100)
            assert asked.paid.amount == paid
            by = withholding.rates(at=NOW)
            for taxed in asked.taxed:
                assert taxed.withheld == withholding.withhold(asked.paid, us=taxed.us, japan=taxed.japan, by=by)
                assert taxed.left + taxed.withheld.total == asked.paid
            if one.pk.startswith("JP"):  # 15.315 % and 5 %, each truncated by itself (D46)
                resident = asked.taxed[0].withheld
                assert (resident.national.amount, resident.local.amount) == (paid * 15315 // 100_000, paid * 5 // 100)
            else:
                assert [each.withheld.us.amount for each in asked.taxed] == [
                    paid * part // 100 for part in (0, 24, 10, 30)
                ]
            assert all(loss + left == amount for _case, loss, left in said.losses)


def test_the_page_shows_them_without_javascript(offered: list[Offering]) -> None:
    page = Client().get("/en/offerings/JP-2026-2?amount=１２万円")
    assert page.context["estimate"].amount == Money(120_000, Currency.JPY)
    text = page.content.decode()
    for figure in ("120,000 口", "about $759.49 at 158.0000 yen for a dollar", "¥240"):
        assert figure in text, figure


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("5000", "The smallest order is ¥10,000."),
        ("15,000", "Orders go up in steps of ¥10,000."),
        ("99999万", "may reach ¥2,000,000"),
        ("ten", "Enter an amount in figures"),
        ("", "This field is required"),
        ("50000&distribution=21", "less than or equal to 20"),
    ],
)
def test_what_could_not_be_ordered_is_not_worked_out(current: Offering, typed: str, told: str) -> None:
    answer = Client().get(f"/en/offerings/JP-2026-2?amount={typed}")
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert answer.context["estimate"] is None


@pytest.mark.django_db
def test_before_the_first_nav_there_is_the_first_price_and_no_rate(current: Offering) -> None:
    said = calculator.estimate(offering=current, amount=Money(10_000, Currency.JPY), now=NOW)
    assert (said.bought.units, said.abroad, said.losses) == (10_000, None, [])


def test_the_example_is_allotted_by_the_allotment_itself(current: Offering, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = calculator.oversubscribed(current)
    received = [row["received_lots"] for row in shown["rows"]]
    assert received == [7, 20, 23, 25, 25] and sum(received) == shown["lots"]
    assert all(row["received"] + row["back"] == row["asked"] for row in shown["rows"])
    assert (shown["level_then"], shown["ballot"], shown["above"]) == (25, 1, 2)
    monkeypatch.setattr(allotment, "fill", lambda requests, lots: (3, 1))
    assert [row["received_lots"] for row in calculator.oversubscribed(current)["rows"]] == [3] * 5


def test_the_time_left_is_said_in_two_units() -> None:
    with translation.override("ja"):
        said = [
            words.countdown(NOW + timedelta(minutes=minutes), NOW) for minutes in (9 * 1440 + 90, 1440, 125, 3, 0, -1)
        ]
    assert said == ["9日1時間", "1日0時間", "2時間5分", "3分", "0分", ""]
