"""The papers and the authority's table of redemptions in a year of tax, in both languages (D48)."""

import csv
import io
from datetime import timedelta

import pytest

from fund.governance.outbox import Note
from fund.money import Currency, Money
from fund.tax.models import Form, TaxStatement
from fund.units import UnitClass
from investors import people, tax_files
from investors.people import Investor
from portal.accounts import User
from portal.archive import Kind, Paper
from portal.documents import taxes
from portal.notices.models import Message
from portal.notices.send import send
from portal.templatetags import figures
from tests.fund.redemption.conftest import DEALING, fund
from tests.fund.tax.test_sales import sold
from tests.fund.tax.test_year import LATER, released
from tests.portal.documents.test_papers import in_both
from tests.portal.documents.test_tax_papers import lacks, newest

__all__ = ["fund", "sold"]
pytestmark = pytest.mark.django_db


def investor(holder: int) -> Investor:
    one = people.register(user=User.objects.create_user(f"sold{holder}@example.org", language="ja"), now=LATER)
    Investor.objects.filter(pk=one.pk).update(
        holder_id=holder, state="approved", nations=["JP"], verified_until=LATER + timedelta(days=365)
    )
    return one


def test_form_1099_b_and_the_sales_of_the_annual_report(sold):
    both, resident = investor(sold.both), investor(sold.jp)
    one = released(sold)
    while taxes.write_next(tax_year_id=one.pk, now=LATER):
        pass
    jp = UnitClass.objects.get(pk="JP")
    wanted = {"Form1099-B2026", "様式1099-B2026", "1d.Proceeds", "1e.Costorotherbasis", "長期", "short-term", "§1291"}
    wanted |= {sold.window.code, "averagecost", "PFIC"} | in_both(figures.day, DEALING)
    for amount in (400, 498, 480, 600, 2):
        wanted |= in_both(figures.money, Money(amount, Currency.JPY))
    for units in (400, 500):
        wanted |= in_both(figures.units, units, jp)
    assert lacks(newest(Kind.SALES, both), wanted) == set()
    wanted = {
        "譲渡の対価の額",
        "取得費及び譲渡に要した費用の額等",
        "差引金額",
        "特定口座を扱っていない",
        "specifiedaccounts",
    }
    for amount in (900, 1_082, -182):
        wanted |= in_both(figures.money, Money(amount, Currency.JPY))
    assert lacks(newest(Kind.ANNUAL, resident), wanted) == set()
    assert not Paper.objects.filter(kind=Kind.SALES, investor=resident).exists()
    assert send(note=Note.objects.get(topic="tax.released"), now=LATER) == 2
    assert "Form 1099-B" in Message.objects.get(user=both.user).text


def test_the_authoritys_table_has_a_row_a_sale(sold):
    investor(sold.us)
    one = released(sold)
    while tax_files.write_next(tax_year=one, now=LATER):
        pass
    text = tax_files.read(tax_year=one, form=Form.SALES, actor="officer:9", now=LATER).decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text)))
    said = [line for row in TaxStatement.objects.filter(form=Form.SALES).order_by("pk") for line in row.lines]
    assert [row["1d"] for row in rows] == [str(line["1d"]) for line in said] == ["400", "498"] * 2
    assert {(row["1c"], row["6"], row["12"]) for row in rows} == {("2026-04-22", "NET", "")}


def test_without_sales_the_annual_report_says_nothing_of_them(sold):
    line = {"class": "JP", "currency": "JPY", "dividends": 1, "income_tax": 0, "local_tax": 0, "special": 0,
            "foreign_tax": 0, "units": 1}  # fmt: skip
    part = taxes._line(Form.ANNUAL, line, UnitClass.objects.in_bulk())
    assert len(part.rows) == 6
