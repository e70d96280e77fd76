"""Entitlements and what is withheld from them, by hand and at random (D45, D46)."""

import random
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest

from fund.distribution import entitlement, withholding
from fund.distribution.withholding import JpBasis, Rates, UsBasis
from fund.money import Currency, Money, Price

AUTHORITIES = {"SOV": [], "LP": [], "US": ["US"], "JP": ["JP"]}
LAW = Rates(*(Fraction(one) / 100 for one in ("24", "10", "30", "15.315", "5")), authorities=AUTHORITIES)


def yen(amount: int) -> Money:
    return Money(amount, Currency.JPY)


def dollars(amount: int) -> Money:
    return Money(amount, Currency.USD)


def test_a_hundred_yen_over_three_equal_holders():
    rate = Price(Decimal("33.334"), Currency.JPY, 10_000)
    assert entitlement.split(rate, {7: 10_000, 3: 10_000, 5: 10_000}) == {3: 34, 5: 33, 7: 33}


def test_the_larger_remainder_comes_before_the_older_holder():
    rate = Price(Decimal("1.5"), Currency.JPY, 10)
    assert entitlement.split(rate, {1: 1, 2: 6, 3: 3}) == {1: 0, 2: 1, 3: 0}  # 0.15, 0.9, 0.45: one yen for 0.9
    assert entitlement.split(rate, {1: 7, 2: 7, 3: 6}) == {1: 1, 2: 1, 3: 1}  # 1.05, 1.05, 0.9: the third yen for 0.9


def test_ten_thousand_random_distributions_pay_exactly_what_is_declared():
    seed = random.randrange(10**9)
    print(f"seed {seed}")
    dice = random.Random(seed)
    for _round in range(10_000):
        lot = dice.choice([1, 7, 10_000])
        rate = Price(Decimal(dice.randrange(1, 10**7)).scaleb(-dice.randrange(7)), dice.choice(list(Currency)), lot)
        units = {holder: dice.randrange(1, 10 ** dice.randrange(1, 12)) for holder in range(1, dice.randrange(2, 12))}
        paid = entitlement.split(rate, units)
        exact = {holder: held * rate.minor_per_unit for holder, held in units.items()}
        assert sum(paid.values()) == sum(exact.values()) // 1
        assert all(-1 < paid[holder] - exact[holder] < 1 for holder in units)
        assert entitlement.split(rate, dict(reversed(units.items()))) == paid


@pytest.mark.parametrize(
    ("income", "national", "local"), [(10_000, 1_531, 500), (999, 152, 49), (1_200_000, 183_780, 60_000), (0, 0, 0)]
)
def test_japan_computes_its_two_taxes_separately_and_truncates_each(income, national, local):
    found = withholding.withhold(yen(income), us=UsBasis.NOT_TAXED, japan=JpBasis.RESIDENT, by=LAW)
    assert found == withholding.Withheld(yen(0), yen(national), yen(local))
    together = int(income * (LAW.jp_national + LAW.jp_local))
    assert income != 999 or together == 202 != national + local  # negative control: one tax of 20.315 % is another


def test_who_does_not_live_in_japan_owes_no_local_tax():
    found = withholding.withhold(yen(10_000), us=UsBasis.NOT_TAXED, japan=JpBasis.NON_RESIDENT, by=LAW)
    assert (found.national.amount, found.local.amount) == (1_531, 0)


@pytest.mark.parametrize(
    ("basis", "withheld"),
    [(UsBasis.CERTIFIED, 0), (UsBasis.BACKUP, 2_400), (UsBasis.TREATY, 1_000), (UsBasis.FOREIGN, 3_000)],
)
def test_the_united_states_withhold_by_the_form_that_was_signed(basis, withheld):
    found = withholding.withhold(dollars(10_000), us=basis, japan=JpBasis.NOT_TAXED, by=LAW)
    assert found.total == dollars(withheld)


def test_where_both_withhold_japan_taxes_what_the_united_states_have_left():
    found = withholding.withhold(yen(10_000), us=UsBasis.TREATY, japan=JpBasis.RESIDENT, by=LAW)
    assert [one.amount for one in (found.us, found.national, found.local)] == [1_000, 1_378, 450]


def test_a_w8ben_holds_to_its_last_day_and_not_a_day_longer():
    lapses = date(2029, 12, 31)
    for day, basis in ((lapses, UsBasis.TREATY), (date(2030, 1, 1), UsBasis.FOREIGN)):
        assert withholding.us_basis(person=False, certified=False, treaty_until=lapses, on=day) == basis
    assert withholding.us_basis(person=False, certified=False, treaty_until=None, on=lapses) == UsBasis.FOREIGN
    assert withholding.us_basis(person=True, certified=True, treaty_until=None, on=lapses) == UsBasis.CERTIFIED
    assert withholding.us_basis(person=True, certified=False, treaty_until=None, on=lapses) == UsBasis.BACKUP


@pytest.mark.parametrize(
    ("cost", "worth_before", "paid", "ordinary", "returned"),
    [
        (100_000, 102_000, 3_000, 2_000, 1_000),
        (100_000, 103_000, 3_000, 3_000, 0),
        (100_000, 110_000, 3_000, 3_000, 0),
        (100_000, 90_000, 3_000, 0, 3_000),
    ],
)
def test_what_leaves_the_units_worth_less_than_they_cost_is_the_holders_own_money(
    cost, worth_before, paid, ordinary, returned
):
    found = withholding.parts(gross=yen(paid), cost=yen(cost), worth=yen(worth_before - paid))
    assert found == withholding.Parts(yen(ordinary), yen(returned))
