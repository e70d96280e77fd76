"""Redemptions in a year of tax by hand: Form 1099-B, the sales of the annual report, a corrected price (D43, D48)."""

from datetime import UTC, date, datetime, timedelta

import pytest
from django.db import connection, transaction

from fund import calendars
from fund.holders import Holder
from fund.ledger import post
from fund.ledger.models import Event
from fund.ledger.post import Line
from fund.nav import correct
from fund.redemption import compensation, correction, settle, share, window
from fund.redemption.models import RedemptionLine
from fund.tax import prove, year
from fund.tax.forms import FIELDS
from fund.tax.models import Form, TaxStatement
from tests.fund import building
from tests.fund.distribution.conftest import tax
from tests.fund.redemption.conftest import AFTER, CLOSES, DEALING, ask, fund
from tests.fund.redemption.test_compensation import income
from tests.fund.tax.test_year import LATER, prepared, released

__all__ = ["fund"]
pytestmark = pytest.mark.django_db
A_YEAR_BEFORE = date(2025, 4, 22)


@pytest.fixture
def sold(fund, monkeypatch):
    """Four citizens with 1,000 units each for ¥1,200; 900 are redeemed at ¥1, 200 of them within a year.

    400 came more than a year before the dealing day, 300 on that very day a year before, and 300 lately.
    """
    fund.citizen(1_000_000, 999_200)
    fund.both, fund.us, fund.jp, fund.neither = [_buyer(fund) for _ in range(4)]
    told = {"both": (True, "JP"), "us": (True, "US"), "jp": (False, "JP"), "neither": (False, "US")}
    for name, (us_person, residence) in told.items():
        tax(Holder.objects.get(pk=getattr(fund, name)), us_person=us_person, residence=residence)
    fund.window = fund.opened()
    for name in told:
        ask(getattr(fund, name), 900)
    fund.settled(fund.window)
    for day in (date(2025, 12, 31), date(2026, 12, 31)):
        building.rate(day, 150)
    return fund


def _buyer(fund) -> int:
    holder = fund.citizen(400, 480, day=A_YEAR_BEFORE - timedelta(days=1))
    fund.buy(holder, 300, 360, day=A_YEAR_BEFORE)
    return fund.buy(holder, 300, 360)


def lines(one, form: Form, holder: int) -> list[dict]:
    return TaxStatement.objects.get(tax_year=one, form=form, holder=holder).lines


def test_a_redemption_is_a_sale_on_both_forms(sold):
    line = RedemptionLine.objects.get(holder_id=sold.both)
    assert (line.gross, line.charge, line.cost, line.charged_units, line.long_units) == (900, 2, 1_080, 200, 400)
    one = prepared(sold)
    plain = {"class": "JP", "currency": "JPY", "window": sold.window.code, "1b": "VARIOUS", "1c": "2026-04-22", "4": 0,
             "5": "X", "6": "NET", "12": ""}  # fmt: skip
    of_sales = [
        plain | {"2": "long", "1a": 400, "1d": 400, "1e": 480, "charge": 0},
        plain | {"2": "short", "1a": 500, "1d": 498, "1e": 600, "charge": 2},
    ]
    assert lines(one, Form.SALES, sold.both) == of_sales == lines(one, Form.SALES, sold.us)
    assert all(line.keys() == {field.key for field in FIELDS[Form.SALES]} | {"class", "currency", "window"}
               for line in of_sales)  # fmt: skip
    report = {"class": "JP", "currency": "JPY", "dividends": 0, "income_tax": 0, "local_tax": 0, "special": 0,
              "foreign_tax": 0, "units": 100, "sale_proceeds": 900, "sale_costs": 1_082, "sale_gain": -182}  # fmt: skip
    assert lines(one, Form.ANNUAL, sold.both) == [report] == lines(one, Form.ANNUAL, sold.jp)
    who = {form: set(one.statements.filter(form=form).values_list("holder", flat=True)) for form in Form}
    assert who[Form.SALES] == {sold.both, sold.us} and who[Form.ANNUAL] == {sold.both, sold.jp}
    assert not who[Form.DIV] and not who[Form.FOREIGN]


def test_who_was_taxed_how_stands_from_the_day_of_the_sale(sold):
    """Whoever moves or signs another form later changes nothing of a year that is over."""
    Holder.objects.get(pk=sold.us)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE fund_taxstatus SET us_person = NOT us_person, residence = 'JP'")
    one = prepared(sold)
    who = {form: set(one.statements.filter(form=form).values_list("holder", flat=True)) for form in Form}
    assert who[Form.SALES] == {sold.both, sold.us} and who[Form.ANNUAL] == {sold.both, sold.jp}


def test_reception_tells_before_a_line_is_settled(fund):
    fund.citizen(1_000_000)
    holder = fund.citizen(1_000)
    one = fund.opened()
    ask(holder, 500)
    window.close_due(now=CLOSES)
    fund.value(DEALING)
    proposal = fund.signed(share.propose(window=one, officer=fund.keys[0], now=AFTER), AFTER)
    share.carry_out(proposal=proposal, now=AFTER)
    told = []

    def tell(holders):
        told.extend(holders)
        tax(Holder.objects.get(pk=holder), us_person=True, residence="US")

    while settle.settle_next(code=one.code, now=AFTER, tell=tell):
        pass
    line = RedemptionLine.objects.get()
    assert told == [holder] and (line.us_person, line.jp_resident) == (True, False)


def test_without_a_word_of_reception_the_nation_decides(fund):
    fund.citizen(1_000_000)
    one = fund.opened()
    ask(fund.citizen(1_000), 500)
    fund.settled(one)
    line = RedemptionLine.objects.get()
    assert (line.us_person, line.jp_resident) == (False, True)


@pytest.mark.parametrize(
    ("day", "came", "longer"),
    [
        (date(2026, 4, 22), date(2025, 4, 21), True),
        (date(2026, 4, 22), date(2025, 4, 22), False),  # the year begins the day after it came
        (date(2028, 2, 29), date(2027, 2, 28), True),
        (date(2028, 2, 28), date(2027, 2, 28), False),
        (date(2029, 3, 1), date(2028, 2, 29), True),
        (date(2029, 2, 28), date(2028, 2, 28), False),
    ],
)
def test_more_than_a_year(day, came, longer):
    assert (calendars.books_open(came) < settle.held_for_long_before(day)) is longer


def test_statements_are_compared_with_the_ledger_before_they_are_released(sold):
    one = prepared(sold)
    found = {row.account: row for row in year.compared(tax_year=one)}
    assert found["redeemed_us:JPY"].told.amount == 1_800 == found["redeemed_jp:JPY"].told.amount
    assert all(row.agrees for row in found.values())
    proposal = year.propose(tax_year=one, officer=sold.keys[0], now=LATER)
    assert proposal.facts["redeemed"] == {"redeemed_us:JPY": "1800", "redeemed_jp:JPY": "1800"}
    line = RedemptionLine.objects.get(holder_id=sold.us)
    extra = Line("capital:JP", "refunds:JPY", 5, line.holder_id)  # somebody pays beside the redemption
    with transaction.atomic():
        post.post(event=Event.CORRECTION, event_id=line.pk, lines=[extra], effective_at=LATER)
        with pytest.raises(year.Refused) as refused:
            year._payload(one)
        assert refused.value.code == "sums_differ"


def clean() -> bool:
    return [check for check in prove.prove() if not check.clean] == []


def test_a_price_that_is_corrected_later_makes_another_version(fund):
    """Paid at ¥0.99 in April, the right price was ¥1: who sold gets 1 percent more of the year that is over."""
    fund.citizen(1_000_000, 998_000)
    holders = [_buyer(fund) for _ in range(10)]
    tax(Holder.objects.get(pk=holders[0]), us_person=True, residence="JP")
    one = fund.opened()
    ask(holders[0], 900)
    income(-1_100)
    fund.settled(one)
    income(1_100)
    for day in (date(2025, 12, 31), date(2026, 12, 31)):
        building.rate(day, 150)
    first = released(fund)
    before = lines(first, Form.SALES, holders[0])
    assert sum(line["1d"] for line in before) == RedemptionLine.objects.get().paid and clean()

    drafts = correct.revalue(day=DEALING, now=LATER)
    proposal = correction.propose(drafts=drafts, officer=fund.keys[0], now=LATER, reason="It never came")
    assert correction.carry_out(proposal=fund.signed(proposal, LATER), now=LATER)
    while compensation.compensate_next(now=LATER):
        pass
    assert not clean()  # until the year has its next version
    second = released(fund, datetime(2027, 1, 13, 3, tzinfo=UTC))
    after = lines(second, Form.SALES, holders[0])
    assert sum(line["1d"] for line in after) - sum(line["1d"] for line in before) == 8
    assert [line["1e"] for line in after] == [line["1e"] for line in before]
    assert lines(second, Form.ANNUAL, holders[0])[0]["sale_gain"] == 900 - 2 - 1_080 and clean()
    with connection.cursor() as cursor:  # a changed figure shows
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute("UPDATE fund_taxstatement SET lines = jsonb_set(lines, '{0,1d}', '1') WHERE form = '1099-b'")
    assert "statements of released years say what was redeemed" in [
        check.name for check in prove.prove() if not check.clean
    ]


def test_a_year_waits_for_its_windows(fund):
    fund.opened()
    with pytest.raises(year.Refused, match="not settled yet"):
        year.begin(year=2026, officer=fund.keys[0], now=LATER)
