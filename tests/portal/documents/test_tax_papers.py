"""The papers of distributions, calls and a year of tax: their figures are the database's, in both languages (D48)."""

import csv
import io
from datetime import UTC, date, datetime
from uuid import UUID

import pytest

from fund.governance.audit import Act
from fund.governance.outbox import Note
from fund.holders import Nation
from fund.ledger.models import Entitlement
from fund.money import Currency, Money
from fund.register.models import Call
from fund.tax import year
from fund.tax.models import Form, TaxStatement, TaxYear
from fund.units import UnitClass
from investors import tax_files
from investors.vault import NotForThisPurpose, Purpose, read
from portal import tasks
from portal.archive import Kind, Paper
from portal.documents import capital, distributions, taxes
from portal.notices.models import Message
from portal.notices.send import send
from portal.templatetags import figures
from tests.fund import building
from tests.fund.distribution.conftest import FIRST, PAY, RECORD, Fund, after, fund
from tests.portal.documents.test_papers import content, in_both, text_of
from tests.portal.test_distribution import reception
from tests.portal.web import stage

__all__ = ["fund"]
pytestmark = pytest.mark.django_db
LATER = datetime(2027, 1, 12, 3, tzinfo=UTC)
RIGHT = date(2026, 4, 2)


@pytest.fixture
def paid(fund: Fund):
    """A citizen of each nation whom reception knows is paid one distribution, in April, as the workers do it."""
    officer = reception(fund)
    fund.jane = stage.approved(stage.person("jane@example.org"), officer, nation="US")
    fund.hanako = stage.approved(stage.person("hanako@example.org", language="ja"), officer)
    for one, nation, money in (
        (fund.jane, Nation.US, Money(100_000, Currency.USD)),
        (fund.hanako, Nation.JP, Money(1_000_000, Currency.JPY)),
    ):
        building.settle(one.holder, nation.value, money, 1_000_000, at=after(FIRST))
    fund.value(RIGHT)
    fund.declared = {one.unit_class_id: one for one in fund.declare({"JP": "300", "US": "0.3"})}
    tasks.declare.record_due(now=after(RECORD))
    fund.value(RECORD)
    fund.value(PAY)
    while tasks.pay_range(now=after(PAY)):
        pass
    building.rate(date(2026, 12, 31), 150)
    return fund


def of(topic: str) -> Note:
    return Note.objects.filter(topic=topic).latest("id")


def write_notices() -> None:
    for note in Note.objects.filter(topic="distribution.booked"):
        told = {name: note.payload[name] for name in ("first_holder", "last_holder")}
        while distributions.notices(distribution_id=note.payload["distribution"], **told, now=LATER):
            pass


def released(fund) -> TaxYear:
    one = year.begin(year=2026, officer=fund.keys[0], now=LATER)
    while year.prepare_next(
        tax_year=one, now=LATER, tell=lambda first, last: tasks.tax_status.tell(first=first, last=last, now=LATER)
    ):
        pass
    proposal = year.propose(tax_year=one, officer=fund.keys[0], now=LATER, reason="checked")
    building.sign(proposal, fund.keys[1], LATER)
    done = year.carry_out(proposal=proposal, now=LATER)
    assert done is not None
    while taxes.write_next(tax_year_id=done.pk, now=LATER) + tax_files.write_next(tax_year=done, now=LATER, most=1):
        pass
    return done


def lacks(paper: Paper, wanted: set[str]) -> set[str]:
    told = text_of(paper)
    return {text for text in wanted if text not in told}


def newest(kind: Kind, investor) -> Paper:
    return Paper.objects.filter(kind=kind, investor=investor).latest("version")


def test_every_paper_says_what_the_database_does(paid):
    write_notices()
    one = released(paid)
    of_jane = TaxStatement.objects.get(tax_year=one, form=Form.DIV, holder=paid.jane.holder).lines[0]
    wanted = {"1a.Totalordinarydividends", "XXX-XX-4399", "Form1099-DIV2026"}
    for key in ("1a", "1b", "3", "4"):
        wanted |= in_both(figures.money, Money(of_jane[key], Currency.USD))
    assert lacks(newest(Kind.DIV, paid.jane), wanted) == set()
    assert "536904399" not in text_of(newest(Kind.DIV, paid.jane)).replace("-", "")

    share = TaxStatement.objects.get(tax_year=one, form=Form.PFIC, holder=paid.jane.holder).lines[0]
    assert share["ordinary"] > 0
    wanted = in_both(figures.money, Money(share["ordinary"], Currency.USD)) | in_both(figures.whole, share["unit_days"])
    wanted |= in_both(figures.day, date(2026, 1, 1)) | {"§1.1295-1(g)", "permanentbooksofaccount", "恒久的な帳簿"}
    assert lacks(newest(Kind.PFIC, paid.jane), wanted) == set()

    report = TaxStatement.objects.get(tax_year=one, form=Form.ANNUAL, holder=paid.hanako.holder).lines[0]
    wanted = {"年間取引報告書2026", "配当等の額", "源泉徴収税額（所得税）", "配当割額（住民税）", "特別分配金の額"}
    for key in ("dividends", "income_tax", "local_tax", "special"):
        wanted |= in_both(figures.money, Money(report[key], Currency.JPY))
    wanted |= in_both(figures.units, 1_000_000, UnitClass.objects.get(pk="JP"))
    paper = newest(Kind.ANNUAL, paid.hanako)
    assert lacks(paper, wanted) == set() and "6214" not in text_of(paper)
    assert {one.kind for one in Paper.objects.filter(investor=paid.hanako)} == {"annual-report", "distribution"}

    entry = Entitlement.objects.get(holder=paid.hanako.holder)
    wanted = {"Distributionnotice", "分配金支払通知書", "15.315%", "5.000%"}
    for amount in (entry.gross, entry.returned, entry.national, entry.local, entry.paid):
        wanted |= in_both(figures.money, Money(amount, Currency.JPY))
    assert lacks(newest(Kind.DISTRIBUTION, paid.hanako), wanted) == set()
    assert taxes.write_next(tax_year_id=one.pk, now=LATER) == 0  # again makes nothing
    count = Paper.objects.count()
    write_notices()
    assert Paper.objects.count() == count

    assert send(note=of("tax.released"), now=LATER) == 2
    told = Message.objects.get(user=paid.jane.user)
    assert "Your tax papers of 2026" in told.title and "Form 1099-DIV" in told.text


def test_the_authoritys_table_has_the_full_numbers_and_leaves_who_took_it(paid):
    one = released(paid)
    rows = {form: list(csv.DictReader(io.StringIO(taken(one, form)))) for form in tax_files.FILED}
    (jane,), (hanako,) = rows[Form.DIV], rows[Form.ANNUAL]
    assert (jane["number_kind"], jane["number"], jane["name"]) == ("ssn", "536904399", "José Marie O'Neill")
    assert (jane["country"], jane["postcode"], jane["street"]) == ("US", "10001-1234", "1 Main Street")
    said = TaxStatement.objects.get(tax_year=one, form=Form.DIV).lines[0]
    assert {key: jane[key] for key in ("1a", "3", "4", "7")} == {k: str(said[k]) for k in ("1a", "3", "4", "7")}
    assert (hanako["number_kind"], hanako["number"]) == ("my_number", "621498320257")
    assert (hanako["name"], hanako["name_kana"]) == ("髙﨑 翔太", "タカサキ ショウタ")
    assert rows[Form.FOREIGN] == []

    opened = Act.objects.filter(verb="open", detail__purpose="tax_report")
    parts = opened.filter(subject__startswith="investors_taxfilepart:", actor="officer:9")
    assert parts.count() == 2 and opened.filter(subject=f"investors_mynumber:{paid.hanako.pk}").exists()
    part = tax_files.TaxFilePart.objects.first()
    assert b"536904399" not in bytes(part.sealed)
    with pytest.raises(NotForThisPurpose):
        read(part, "sealed", purpose=Purpose.REVIEW, actor="officer:9", now=LATER)
    with pytest.raises(tax_files.Refused):
        taken(one, Form.PFIC)


def taken(one: TaxYear, form: Form) -> str:
    return tax_files.read(tax_year=one, form=form, actor="officer:9", now=LATER).decode("utf-8-sig")


def test_a_corrected_distribution_and_year_say_what_has_changed(paid):
    write_notices()
    released(paid)
    before = Entitlement.objects.get(holder=paid.hanako.holder)
    paid.correct(paid.declared["JP"], record=RIGHT, per_lot="200", now=LATER)
    while tasks.pay_range(now=LATER):
        pass
    write_notices()
    second = released(paid)
    now = Entitlement.objects.get(holder=paid.hanako.holder, reversal=False, distribution_id__gt=before.distribution_id)
    notice = newest(Kind.DISTRIBUTION, paid.hanako)
    money = {amount: in_both(figures.money, Money(amount, Currency.JPY)) for amount in (before.gross, now.gross)}
    wanted = {"Whathaschanged", "変わった点"} | money[before.gross] | money[now.gross]
    wanted |= in_both(figures.day, RIGHT) | in_both(figures.day, RECORD)
    assert notice.version == 2 and lacks(notice, wanted) == set()

    paper = newest(Kind.ANNUAL, paid.hanako)
    line = TaxStatement.objects.get(tax_year=second, form=Form.ANNUAL).lines[0]
    assert (line["dividends"] + line["special"], line["income_tax"]) == (20_000, now.national)
    wanted = {"Whathaschanged", "Before", "訂正", str(paper.number)}
    for amount in (before.national, now.national):
        wanted |= in_both(figures.money, Money(amount, Currency.JPY))
    assert (paper.version, paper.subject) == (2, "2026") and lacks(paper, wanted) == set()
    assert newest(Kind.DIV, paid.jane).version == 1  # nothing of the class of the United States was corrected
    (row,) = csv.DictReader(io.StringIO(taken(second, Form.ANNUAL)))
    assert row["version"] == "2" and row["income_tax"] == str(now.national)
    send(note=of("tax.released"), now=LATER)
    assert "were corrected" in Message.objects.get(user=paid.hanako.user, topic="tax.released").title


def test_a_call_is_told_to_every_co_owner_in_a_paper_of_its_own(fund):
    capital.notices(call_id=Call.objects.get().pk, now=LATER)
    call = Call.objects.get()
    assert of("capital.called").payload == {"call": str(call.pk)} and isinstance(call.pk, UUID)
    papers = Paper.objects.filter(kind=Kind.CALL)
    assert {one.holder_id for one in papers} == set(call.lines.values_list("holder", flat=True))
    for paper in papers:
        line = call.lines.get(holder=paper.holder_id)
        wanted = {"Capitalcallnotice", "払込請求書", str(call), paper.holder.name_ja.replace(" ", "")}
        wanted |= in_both(figures.money, Money(line.amount, Currency.USD)) | in_both(figures.day, call.due_on)
        assert lacks(paper, wanted) == set()
    assert capital.notices(call_id=call.pk, now=LATER) == 0 and content(papers[0]).startswith(b"%PDF")
