"""A year of tax by hand for citizens of both nations: computed, compared with the ledger, released, corrected (D48)."""

import json
from datetime import UTC, date, datetime
from fractions import Fraction
from uuid import uuid4

import pytest
from django.db import DatabaseError, connection, transaction

from fund.governance import approval
from fund.holders import Nation
from fund.ledger import post
from fund.ledger.models import Entitlement, Event
from fund.ledger.post import Line
from fund.nav.models import ClassNav
from fund.portfolio import fees
from fund.tax import pfic, year
from fund.tax.forms import FIELDS
from fund.tax.models import Form, TaxStatement, TaxYear
from fund.tax.prove import prove
from tests.fund import building
from tests.fund.distribution.conftest import FIRST, PAY, RECORD, citizen, tax

pytestmark = pytest.mark.django_db
LATER = datetime(2027, 1, 12, 3, tzinfo=UTC)
RIGHT = date(2026, 4, 2)


@pytest.fixture
def paid(fund):
    """Six citizens in April 2026, one of them in the last minute; both classes are paid once."""
    fund.jp = citizen(Nation.JP, 1_000_000, 1_000_000)
    fund.away = citizen(Nation.JP, 300_000, 300_000)
    fund.us = citizen(Nation.US, 1_000_000, 100_000)
    fund.bare = citizen(Nation.US, 500_000, 50_000)
    fund.abroad = citizen(Nation.US, 400_000, 40_000)
    tax(fund.jp)
    tax(fund.away, residence="US")
    tax(fund.us, us_person=True, certified=True, residence="US")
    tax(fund.bare, us_person=True, residence="US")
    tax(fund.abroad, treaty_until=date(2028, 12, 31))
    fund.value(FIRST)
    fund.value(RIGHT)
    fund.late = citizen(Nation.US, 100_000, 10_000, day=RECORD)
    tax(fund.late, us_person=True, certified=True, residence="US")
    fund.declared = {one.unit_class_id: one for one in fund.declare({"JP": "300", "US": "0.3"})}
    for one in fund.declared.values():
        fund.run(one) if one.unit_class_id == "JP" else None
    fund.declared["US"].refresh_from_db()
    assert fund.declared["US"].state == "paid"
    building.rate(date(2026, 12, 31), 150)
    return fund


def prepared(fund, now=LATER, size=2) -> TaxYear:
    one = year.begin(year=2026, officer=fund.keys[0], now=now)
    while year.prepare_next(tax_year=one, now=now, size=size):
        pass
    one.refresh_from_db()
    return one


def released(fund, now=LATER) -> TaxYear:
    proposal = year.propose(tax_year=prepared(fund, now), officer=fund.keys[0], now=now, reason="checked")
    building.sign(proposal, fund.keys[1], now)
    one = year.carry_out(proposal=proposal, now=now)
    assert one is not None and year.carry_out(proposal=proposal, now=now) is None
    return one


def lines(one: TaxYear, form: Form, holder) -> list[dict]:
    return TaxStatement.objects.get(tax_year=one, form=form, holder=holder).lines


def entry(holder, one) -> Entitlement:
    return Entitlement.objects.get(holder=holder, distribution_id=one.pk, reversal=False)


def test_every_box_is_what_the_entries_say(paid):
    one = prepared(paid)
    us, jp = paid.declared["US"], paid.declared["JP"]
    certified, bare, abroad = (entry(who, us) for who in (paid.us, paid.bare, paid.abroad))
    assert (certified.gross, bare.gross, abroad.gross) == (3_000, 1_500, 1_200)
    assert lines(one, Form.DIV, paid.us) == [
        {"class": "US", "currency": "USD", "1a": 3_000 - certified.returned, "1b": 0, "3": certified.returned, "4": 0,
         "7": 0, "8": ""}
    ]  # fmt: skip
    ordinary = 1_500 - bare.returned
    assert bare.us == ordinary * 24 // 100 > 0
    (line,) = lines(one, Form.DIV, paid.bare)
    assert (line["1a"], line["3"], line["4"]) == (ordinary, bare.returned, bare.us)

    ordinary = 1_200 - abroad.returned
    assert lines(one, Form.FOREIGN, paid.abroad) == [
        {"class": "US", "currency": "USD", "1": code, "2": gross, "3a": exempt, "3b": rate, "7a": withheld, "13f": "16"}
        for code, gross, exempt, rate, withheld in (
            ("06", ordinary, "00", "10.00", ordinary // 10),
            ("37", abroad.returned, "02", "0.00", 0),
        )
        if gross
    ]
    resident, away = entry(paid.jp, jp), entry(paid.away, jp)
    ordinary = 30_000 - resident.returned
    assert lines(one, Form.ANNUAL, paid.jp) == [
        {"class": "JP", "currency": "JPY", "dividends": ordinary, "income_tax": ordinary * 15_315 // 100_000,
         "local_tax": ordinary * 5 // 100, "special": resident.returned, "foreign_tax": 0, "units": 1_000_000}
    ]  # fmt: skip
    (line,) = lines(one, Form.ANNUAL, paid.away)
    assert (line["income_tax"], line["local_tax"]) == (away.national, 0) and away.national > 0
    who = {form: set(one.statements.filter(form=form).values_list("holder", flat=True)) for form in Form}
    assert who[Form.DIV] == {paid.us.pk, paid.bare.pk, paid.late.pk} == who[Form.PFIC]
    assert who[Form.FOREIGN] == {paid.abroad.pk} and who[Form.ANNUAL] == {paid.jp.pk, paid.away.pk}
    for statement in one.statements.all():
        names = {field.key for field in FIELDS[Form(statement.form)] if "sale" not in field.key} | {"class", "currency"}
        assert all(line.keys() == names for line in statement.lines)


def test_pfic_shares_are_those_of_every_day(paid):
    """By hand: no factor, no set; each day's part of the class by its NAV, over its units, times one's own."""
    one = prepared(paid)
    first, last = year.span(2026)
    earned = pfic.earnings(first, last)
    fee = fees.accrued(on=last).amount
    assert fee > 0 and (earned.ordinary, earned.gain) == (5_000_000 - fee, 0)  # what the fixture received, in cents
    held = ClassNav.objects.filter(unit_class="US", nav__state="published").order_by("nav__valuation_day")
    shares = [(row.nav.valuation_day, Fraction(row.value_base, row.nav.net)) for row in held.select_related("nav")]
    days = [date.fromordinal(number) for number in range(first.toordinal(), last.toordinal() + 1)]
    share = {day: next((s for at, s in reversed(shares) if at <= day), shares[0][1]) for day in days}
    whole = {day: share[day] * earned.ordinary / 365 for day in days if day >= FIRST}
    exact = sum(part * Fraction(10, 19 if day < RECORD else 20) for day, part in whole.items())
    (line,) = lines(one, Form.PFIC, paid.us)
    assert line["ordinary"] == int(exact) and line["gain"] == 0 and line["distributed"] == 3_000
    assert line["unit_days"] == 1_000_000 * len([day for day in days if day >= FIRST])
    told = year.sums(tax_year=one)[Form.PFIC, "USD", "ordinary"]
    theirs = sum(part * (Fraction(15, 19) if day < RECORD else Fraction(16, 20)) for day, part in whole.items())
    assert 0 <= theirs - told < 3  # a cent at most for each of three


def test_it_agrees_with_the_accounts_and_is_refused_where_it_does_not(paid):
    one = prepared(paid)
    found = {row.account: row for row in year.compared(tax_year=one)}
    assert all(row.agrees for row in found.values()) and found["withheld_us:USD"].told.amount > 0
    line = Line(f"bank:{building.USD}", "withheld_us:USD", 1)  # somebody books beside the distributions
    post.post(event=Event.CORRECTION, event_id=uuid4(), lines=[line], effective_at=LATER)
    with pytest.raises(year.Refused) as refused:
        year.propose(tax_year=one, officer=paid.keys[0], now=LATER)
    assert refused.value.code == "sums_differ"


def test_it_is_released_by_both_keys_alone_and_stands(paid):
    one = prepared(paid)
    with pytest.raises(DatabaseError), transaction.atomic():
        proposal = year.propose(tax_year=one, officer=paid.keys[0], now=LATER)
        TaxYear.objects.filter(pk=one.pk).update(state="released", proposal=proposal, released_at=LATER)
    with pytest.raises(year.Refused, match="waits for its approval"):
        year.begin(year=2026, officer=paid.keys[0], now=LATER)
    year.withdraw(tax_year=one, officer=paid.keys[0], now=LATER)
    one = released(paid)
    assert [check for check in prove() if not check.clean] == []
    for change in (
        lambda: one.statements.update(lines=[]),
        lambda: TaxStatement.objects.create(tax_year=one, form=Form.DIV, holder=paid.jp, version=1, lines=[]),
        lambda: TaxYear.objects.filter(pk=one.pk).update(count=0),
    ):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()
    with connection.cursor() as cursor:  # the same without the protection: a changed figure shows
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(
            "UPDATE fund_taxstatement SET lines = jsonb_set(lines, '{0,4}', '1')"
            " WHERE form = '1099-div' AND holder_id = %s",
            [paid.bare.pk],
        )
    assert [check.name for check in prove() if not check.clean]


def test_a_correction_in_the_next_year_makes_another_version_of_this_one(paid):
    first = released(paid)
    again = prepared(paid)
    assert (again.version, again.count) == (2, 0)  # nothing is new
    year.withdraw(tax_year=again, officer=paid.keys[0], now=LATER)

    new = paid.correct(paid.declared["US"], record=RIGHT, per_lot="0.2", now=LATER)
    paid.pay(LATER)
    new.refresh_from_db()
    assert new.state == "paid"
    second = released(paid)
    assert second.version == 2
    assert set(second.statements.exclude(form=Form.PFIC).values_list("form", "holder")) == {
        ("1099-div", paid.us.pk), ("1099-div", paid.bare.pk), ("1042-s", paid.abroad.pk), ("1099-div", paid.late.pk),
    }  # fmt: skip
    statement = TaxStatement.objects.get(tax_year=second, form=Form.DIV, holder=paid.bare)
    earlier = year.before(statement=statement)
    assert earlier is not None and earlier.tax_year == first and (earlier.version, statement.version) == (1, 2)
    assert statement.lines[0]["1a"] == 1_000 - statement.lines[0]["3"] != earlier.lines[0]["1a"]
    gone = TaxStatement.objects.get(tax_year=second, form=Form.DIV, holder=paid.late)
    assert (gone.lines, gone.version) == ([], 2)  # who joined after the right day has nothing left to report
    assert [check for check in prove() if not check.clean] == []


def test_a_year_is_prepared_when_it_is_over_and_everything_of_it_is_paid(fund):
    with pytest.raises(year.Refused, match="not over"):
        year.begin(year=2026, officer=fund.keys[0], now=datetime(2026, 12, 31, 23, tzinfo=UTC))
    citizen(Nation.JP, 1_000_000, 1_000_000)
    fund.value(FIRST)
    fund.declare({"JP": "300"}, record=RECORD, paid=PAY)
    with pytest.raises(year.Refused, match="not paid"):
        year.begin(year=2026, officer=fund.keys[0], now=LATER)


def test_the_ranges_and_their_size_change_nothing(paid):
    one = prepared(paid, size=1)
    digest = bytes(one.digest)
    year.withdraw(tax_year=one, officer=paid.keys[0], now=LATER)
    assert bytes(prepared(paid, size=1_000).digest) == digest
    assert json.loads(approval.canonical(one.basis))["pfic"] is True
