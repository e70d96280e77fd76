"""The estate of a holder who has died: closed account, heirs and their shares, and the units (D32)."""

from fractions import Fraction

import pytest
from django.db import DatabaseError, transaction

from fund.conveyance import estate, move
from fund.conveyance.models import Conveyance, Estate, Refusing
from fund.holders import Holder
from fund.ledger import balances
from tests.fund import building
from tests.fund.conveyance.conftest import DURING, OLD, YOUNG, clean, opened, pass_on
from tests.fund.conveyance.test_gifts import by_day, cost, refused, units
from tests.fund.redemption.conftest import ask

pytestmark = pytest.mark.django_db
HALF, QUARTER = Fraction(1, 2), Fraction(1, 4)


@pytest.fixture
def heirs() -> list[int]:
    return sorted(building.citizen(building.Nation.JP).pk for _ in range(3))


def name(one: Estate, shares: dict[int, Fraction]) -> list[Conveyance]:
    return estate.name_heirs(estate=one, shares=shares, actor="officer:1", now=DURING)


def test_shares_are_whole_units_and_nothing_is_left():
    assert estate.split(7, [HALF, QUARTER, QUARTER]) == [3, 2, 2]
    assert estate.split(1, [Fraction(1, 3)] * 3) == [1, 0, 0]
    assert estate.split(10, [Fraction(1, 3), Fraction(2, 3)]) == [3, 7]
    with pytest.raises(ValueError, match="make one"):
        estate.split(10, [HALF])


def test_all_units_go_to_the_heirs_with_cost_and_days(fund, heirs):
    holder = fund.citizen(1_000, 1_001, day=OLD)
    fund.buy(holder, 7, 13, day=YOUNG)
    one = opened(holder)
    lines = name(one, dict(zip(heirs, [HALF, QUARTER, QUARTER], strict=True)))
    assert [line.units for line in lines] == [503, 252, 252] and clean()
    with transaction.atomic():
        pass_on(fund, lines)
        estate.settle(estate=one, now=DURING)
    assert units(holder) == 0 and cost(holder) == 0 and by_day(holder) == {}
    assert [units(heir) for heir in heirs] == [503, 252, 252] and sum(cost(heir) for heir in heirs) == 1_014
    assert [by_day(heir) for heir in heirs] == [{OLD: 503}, {OLD: 252}, {OLD: 245, YOUNG: 7}]
    gone = Holder.objects.get(pk=holder)
    assert gone.estate_since and gone.estate_settled_at and clean()


def test_heirs_are_named_anew_and_only_the_last_ones_have_a_hold(fund, heirs):
    one = opened(fund.citizen(1_000))
    name(one, {heirs[0]: Fraction(1)})
    lines = name(one, {heirs[0]: HALF, heirs[1]: HALF})
    assert [line.units for line in lines] == [500, 500] and clean()
    assert Conveyance.objects.filter(state="withdrawn").count() == 1


@pytest.mark.parametrize("shares", [{}, {0: HALF}, {0: HALF, 1: HALF, 2: HALF}, {0: Fraction(3, 2), 1: -HALF}])
def test_shares_that_do_not_make_one_are_refused(fund, heirs, shares):
    one = opened(fund.citizen(1_000))
    with refused("shares_unsound"):
        name(one, {heirs[place]: share for place, share in shares.items()})


def test_what_cannot_be_shared_out_yet_says_so(fund, heirs):
    holder = fund.citizen(1_000)
    fund.opened()
    ask(holder, 100)
    one = opened(holder)
    with refused("to_oneself"):
        name(one, {holder: Fraction(1)})
    with refused("still_asked_for"):
        name(one, {heirs[0]: Fraction(1)})
    with refused("nothing_held"):
        name(opened(building.citizen(building.Nation.JP).pk), {heirs[0]: Fraction(1)})
    with refused("estate_open"), transaction.atomic():
        opened(holder)


def test_while_it_waits_for_keys_the_heirs_stand(fund, heirs):
    one = opened(fund.citizen(1_000))
    lines = name(one, {heirs[0]: Fraction(1)})
    move.propose(lines=lines, papers={}, officer=fund.keys[0], now=DURING)
    with refused("proposed"):
        name(one, {heirs[1]: Fraction(1)})


def test_keys_for_one_line_do_not_open_another_of_the_estate(fund, heirs):
    one = opened(fund.citizen(1_000))
    lines = name(one, {heirs[0]: HALF, heirs[1]: HALF})
    proposal = move.propose(lines=lines[:1], papers={}, officer=fund.keys[0], now=DURING)
    building.sign(proposal, fund.keys[1], DURING)
    with pytest.raises(DatabaseError, match="needs an officer"), transaction.atomic():
        Conveyance.objects.filter(pk=lines[1].pk).update(state="approved", proposal=proposal)


def test_a_case_that_was_opened_by_mistake_leaves_the_account_as_it_was(fund, heirs):
    holder = fund.citizen(1_000)
    one = opened(holder)
    name(one, {heirs[0]: Fraction(1)})
    estate.refuse(estate=one, reason=Refusing.MISTAKEN, actor="officer:1", now=DURING)
    assert Holder.objects.get(pk=holder).estate_since is None and clean()
    assert not Conveyance.objects.exclude(state="withdrawn").exists()
    with refused("not_open"):
        name(one, {heirs[0]: Fraction(1)})
    with pytest.raises(DatabaseError, match="while it is open"), transaction.atomic():
        Estate.objects.filter(pk=one.pk).update(state="open", ended_at=None, reason="")


def test_what_comes_after_it_was_settled_is_another_case(fund, heirs):
    holder = fund.citizen(1_000)
    first = opened(holder)
    with transaction.atomic():
        pass_on(fund, name(first, {heirs[0]: Fraction(1)}))
        estate.settle(estate=first, now=DURING)
    fund.buy(holder, 10)
    second = opened(holder)
    assert Holder.objects.get(pk=holder).estate_settled_at is None and clean()
    estate.refuse(estate=second, reason=Refusing.MISTAKEN, actor="officer:1", now=DURING)
    assert Holder.objects.get(pk=holder).estate_settled_at is not None and clean()
    assert balances.balance("units:JP", holder_id=holder) == 10


def test_an_approved_case_is_neither_refused_nor_named_anew(fund, heirs):
    one = opened(fund.citizen(1_000))
    lines = name(one, {heirs[0]: Fraction(1)})
    proposal = move.propose(lines=lines, papers={}, officer=fund.keys[0], now=DURING)
    building.sign(proposal, fund.keys[1], DURING)
    move.approve(proposal=proposal, now=DURING)
    with refused("approved"):
        estate.refuse(estate=one, reason=Refusing.MISTAKEN, actor="officer:1", now=DURING)
    with refused("approved"):
        name(one, {heirs[1]: Fraction(1)})
