"""The average cost of one citizen of each nation over twenty events, by hand; the book as a set says the same (D46)."""

from datetime import date, timedelta
from decimal import Decimal
from uuid import uuid4

import pytest
from django.db import connection

from fund import calendars
from fund.distribution import average_cost, declare, withholding
from fund.distribution.average_cost import Change, Event, Standing, follow
from fund.distribution.models import Choice
from fund.distribution.prove import prove
from fund.distribution.withholding import JpBasis, UsBasis
from fund.holders import Nation
from fund.ledger import models as book
from fund.ledger import post
from fund.ledger.models import Entitlement
from fund.ledger.post import Line
from fund.money import Currency, Money
from fund.units import UnitClass
from tests.fund import building
from tests.fund.distribution.conftest import FIRST, at, citizen, tax

pytestmark = pytest.mark.django_db
B, C, X, R = Change.BOUGHT, Change.COMPENSATED, Change.RESCINDED, Change.RETURNED

# What happens, in minor units and smallest units; beside it, by hand, units and cost afterwards, and the cost of a lot.
JAPAN = [
    (Event(B, 1_000_000, 1_000_000), 1_000_000, 1_000_000, "10000"),
    (Event(B, 500_000, 550_000), 1_500_000, 1_550_000, "10333"),
    (Event(C, 15_000), 1_515_000, 1_550_000, "10231"),
    (Event(R, 0, 15_150), 1_515_000, 1_534_850, "10131"),
    (Event(B, 9_901, 10_000), 1_524_901, 1_544_850, "10131"),
    (Event(X, 500_000, 550_000), 1_024_901, 994_850, "9707"),
    (Event(B, 200_000, 190_001), 1_224_901, 1_184_851, "9673"),
    (Event(R, 0, 0), 1_224_901, 1_184_851, "9673"),
    (Event(B, 1_234, 1_200), 1_226_135, 1_186_051, "9673"),
    (Event(C, 7), 1_226_142, 1_186_051, "9673"),
    (Event(B, 1, 1), 1_226_143, 1_186_052, "9673"),
    (Event(R, 0, 12_261), 1_226_143, 1_173_791, "9573"),
    (Event(B, 73_857, 77_550), 1_300_000, 1_251_341, "9626"),
    (Event(B, 300_000, 315_000), 1_600_000, 1_566_341, "9790"),
    (Event(X, 150_000, 157_500), 1_450_000, 1_408_841, "9716"),
    (Event(R, 0, 29_000), 1_450_000, 1_379_841, "9516"),
    (Event(B, 3_048, 2_900), 1_453_048, 1_382_741, "9516"),
    (Event(C, 1_952), 1_455_000, 1_382_741, "9503"),
    (Event(B, 45_000, 44_100), 1_500_000, 1_426_841, "9512"),
    (Event(R, 0, 26_841), 1_500_000, 1_400_000, "9333"),
]
AMERICA = [
    (Event(B, 1_000_000, 100_000), 1_000_000, 100_000, "10.0000"),
    (Event(B, 476_190, 50_000), 1_476_190, 150_000, "10.1613"),
    (Event(C, 2_381), 1_478_571, 150_000, "10.1449"),
    (Event(R, 0, 1_479), 1_478_571, 148_521, "10.0449"),
    (Event(B, 9_709, 1_000), 1_488_280, 149_521, "10.0466"),
    (Event(X, 476_190, 50_000), 1_012_090, 99_521, "9.8332"),
    (Event(B, 102_041, 10_000), 1_114_131, 109_521, "9.8302"),
    (Event(R, 0, 0), 1_114_131, 109_521, "9.8302"),
    (Event(B, 869, 85), 1_115_000, 109_606, "9.8301"),
    (Event(C, 11), 1_115_011, 109_606, "9.8300"),
    (Event(B, 1, 1), 1_115_012, 109_607, "9.8301"),
    (Event(R, 0, 2_230), 1_115_012, 107_377, "9.6301"),
    (Event(B, 84_988, 8_499), 1_200_000, 115_876, "9.6563"),
    (Event(B, 300_000, 31_500), 1_500_000, 147_376, "9.8251"),
    (Event(X, 100_000, 10_500), 1_400_000, 136_876, "9.7769"),
    (Event(R, 0, 2_800), 1_400_000, 134_076, "9.5769"),
    (Event(B, 3_125, 300), 1_403_125, 134_376, "9.5769"),
    (Event(C, 1_875), 1_405_000, 134_376, "9.5641"),
    (Event(B, 95_000, 9_405), 1_500_000, 143_781, "9.5854"),
    (Event(R, 0, 3_781), 1_500_000, 140_000, "9.3333"),
]


# Of the five distributions among them, by hand: number of the event, gross amount, worth of the units after it, the two
# parts, and what is withheld of the ordinary one: 15.315 % and 5 %, or 24 %.
PARTS = {
    Nation.JP: [
        (4, 30_300, 1_534_850, 15_150, 15_150, [2_320, 757]),
        (8, 24_498, 1_190_000, 24_498, 0, [3_751, 1_224]),  # worth more than it cost: all of it is income
        (12, 12_261, 1_173_791, 0, 12_261, [0, 0]),  # just what is missing: none of it is
        (16, 29_000, 1_300_000, 0, 29_000, [0, 0]),  # more is missing than is paid
        (20, 30_000, 1_400_000, 3_159, 26_841, [483, 157]),
    ],
    Nation.US: [
        (4, 2_957, 148_521, 1_478, 1_479, [354]),
        (8, 2_228, 112_000, 2_228, 0, [534]),
        (12, 2_230, 107_377, 0, 2_230, [0]),
        (16, 2_800, 130_000, 0, 2_800, [0]),
        (20, 4_500, 140_000, 719, 3_781, [172]),
    ],
}


@pytest.mark.parametrize(("nation", "told"), [(Nation.JP, JAPAN), (Nation.US, AMERICA)])
def test_both_parts_of_every_distribution_among_the_twenty_by_hand(nation, told):
    currency = Currency.JPY if nation == Nation.JP else Currency.USD
    by = withholding.rates(at=at(FIRST))
    assert [number for number, (one, *_) in enumerate(told, 1) if one.change == R] == [row[0] for row in PARTS[nation]]
    for number, gross, worth, ordinary, returned, taxes in PARTS[nation]:
        cost = follow([event for event, *_ in told[: number - 1]], currency).cost
        parts = withholding.parts(gross=Money(gross, currency), cost=cost, worth=Money(worth, currency))
        assert (parts.ordinary.amount, parts.returned.amount) == (ordinary, returned)
        assert told[number - 1][0].cost == returned  # which lowers the cost of the events that follow
        bases = (UsBasis.NOT_TAXED, JpBasis.RESIDENT) if nation == Nation.JP else (UsBasis.BACKUP, JpBasis.NOT_TAXED)
        held = withholding.withhold(parts.ordinary, us=bases[0], japan=bases[1], by=by)
        found = [held.national, held.local] if nation == Nation.JP else [held.us]
        assert [one.amount for one in found] == taxes


@pytest.mark.parametrize(("nation", "told"), [(Nation.JP, JAPAN), (Nation.US, AMERICA)])
def test_twenty_events_by_hand_and_in_the_book(nation, told, fund):
    currency, decimals = (Currency.JPY, 0) if nation == Nation.JP else (Currency.USD, 4)
    holder = citizen(nation, *_first(told))
    unit_class = UnitClass.objects.get(pk=nation)
    for number, (one, units, cost, average) in enumerate(told, 1):
        if number > 1:
            _book(one, nation, currency, holder.pk, number)
        by_hand = Standing(units, Money(cost, currency))
        assert follow([event for event, *_ in told[:number]], currency) == by_hand
        assert by_hand.average(lot=10_000, decimals=decimals) == Decimal(average)
        assert _in_the_book(unit_class, holder.pk) == cost, number


def _first(told) -> tuple[int, int]:
    return told[0][0].units, told[0][0].cost


def _book(one: Event, nation: Nation, currency: Currency, holder: int, number: int) -> None:
    """As the rooms post it: a purchase and its rescission with their money, a compensation without, and what was
    returned in the entry of a distribution."""
    bank = building.JPY if currency == Currency.JPY else building.USD
    capital, units, issued = f"capital:{nation}", f"units:{nation}", f"issued:{nation}"
    match one.change:
        case Change.BOUGHT:
            event = book.Event.SETTLEMENT
            lines = [Line(f"bank:{bank}", capital, one.cost), Line(issued, units, one.units, holder)]
        case Change.COMPENSATED:
            event, lines = book.Event.CORRECTION, [Line(issued, units, one.units, holder)]
        case Change.RESCINDED:
            event = book.Event.REVERSAL
            lines = [Line(capital, f"suspense:{currency}", one.cost), Line(units, issued, one.units, holder)]
        case _:
            gross = max(one.cost, 1)
            owed = Line(capital, f"distributions:{currency}", gross)
            # One that is not of this holder's units: it moves no average cost by itself.
            post.post(event=book.Event.DISTRIBUTION, event_id=uuid4(), lines=[owed], effective_at=at(FIRST))
            amounts = f"{gross}, {one.cost}, 0, 0, 0, {gross}, 0, 0, 0, 0"
            row = f"SELECT %(batch)s, {holder}, {number}, false, 1, {amounts}, 1, 0"
            with connection.cursor() as cursor:  # its distribution is not there, only its entry
                cursor.execute("ALTER TABLE fund_entitlement DISABLE TRIGGER entitlement_is_recorded")
            post.entitle_set(row, {}, subject="distribution", class_code=nation, effective_at=at(FIRST))
            return
    post.post(event=event, event_id=uuid4(), lines=lines, effective_at=at(FIRST))


def _in_the_book(unit_class: UnitClass, holder: int) -> int:
    params = {
        **declare.scalars(unit_class, rate=unit_class.price(Decimal(1)).minor_per_unit),
        **declare._snapshot(),
        "close": calendars.books_close(FIRST),
        "first": holder,
        "last": holder,
        "earlier": list(Entitlement.objects.values_list("distribution_id", flat=True)),
    }
    with connection.cursor() as cursor:
        cursor.execute(average_cost.COST, {**params, **declare.headings(params)})
        ((_holder, cost),) = cursor.fetchall()
    return int(cost)


def test_three_distributions_in_a_row_split_by_the_cost_that_each_leaves(fund):
    """Both parts followed by hand where a citizen of each nation bought above what the units are worth now."""
    days = [
        (date(2026, 4, 6), date(2026, 4, 10)),
        (date(2026, 4, 13), date(2026, 4, 17)),
        (date(2026, 4, 20), date(2026, 4, 24)),
    ]
    jp, us = citizen(Nation.JP, 1_000_000, 1_000_000), citizen(Nation.US, 1_000_000, 100_000)
    tax(jp)
    tax(us, us_person=True, residence="US")
    Choice.objects.create(holder=jp, unit_class_id="JP", reinvest=True, chosen_at=at(FIRST))
    fund.value(FIRST)
    cost = {jp.pk: 1_000_000, us.pk: 100_000}
    for record, paid in days:
        declared = fund.declare({"JP": "300", "US": "0.3"}, record=record, paid=paid, now=at(record))
        for one in declared:
            fund_class = one.unit_class
            holder = jp if fund_class.pk == "JP" else us
            if fund_class.pk == "JP":
                declare.record_due(now=calendars.books_close(record) + timedelta(hours=1))
                nav = fund.value(record)
        fund.pay(at(paid))
        fund.value(paid)
        fund.pay(calendars.books_close(paid) + timedelta(hours=1))
        for one in declared:
            one.refresh_from_db()
            assert one.state == "paid"
            holder = jp if one.unit_class_id == "JP" else us
            entry = Entitlement.objects.get(distribution_id=one.pk, holder=holder)
            price = nav.classes.get(unit_class=one.unit_class_id).price
            minor = int(price * 10_000) if one.unit_class_id == "JP" else int(price * 1_000_000)
            worth = entry.units * minor // 100_000_000
            returned = min(entry.gross, max(0, cost[holder.pk] - worth))
            assert (entry.gross, entry.returned) == (entry.units * (300 if holder == jp else 30) // 10_000, returned)
            ordinary = entry.gross - returned
            if holder == jp:
                assert (entry.us, entry.national, entry.local) == (0, ordinary * 15_315 // 100_000, ordinary // 20)
            else:
                assert (entry.us, entry.national, entry.local) == (ordinary * 24 // 100, 0, 0)
            cost[holder.pk] += entry.cost - returned
    assert cost[jp.pk] != 1_000_000 and [check for check in prove() if not check.clean] == []
