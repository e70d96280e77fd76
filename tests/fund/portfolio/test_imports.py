"""Tables: what a file would change is shown, and exactly that is done; a fault names line and column (D4, D40)."""

import io
from datetime import date
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from fund import rates
from fund.governance.approval import Proposal
from fund.governance.officers import NotOnDuty, Officer
from fund.money import Money
from fund.portfolio import entries, imports, tables, valuation
from fund.portfolio.models import Deployment, Expense, FacilityBalance, ImportedFile, Investment, Valuation
from fund.portfolio.movements import Refused
from tests.fund import building
from tests.fund.building import DAY, NOW, USD, dollars

Kind = ImportedFile.Kind

INVESTMENTS = """code,name_en,name_ja,sector,state,stage,ownership_percent,committed,currency,since,effective_on
GRID-2,Plains grid,平原送電網,power,KS,committed,33.3,1000000.00,USD,2026-02-01,
PORT,Port of Tacoma dry dock,タコマ港ドック,ports,WA,operating,49.00,10000000.00,USD,2026-01-05,2026-03-15
"""
MOVEMENTS = f"""investment,day,movement,amount,currency,bank_account,cost,reference
PORT,2026-03-30,drawdown,1000,USD,{USD},,A
PORT,2026-03-30,drawdown,1000,USD,{USD},,A
PORT,2026-03-31,income,12.5,USD,{USD},,
PORT,2026-03-31,realisation,700.00,USD,{USD},500.00,
"""
VALUATIONS = """investment,day,amount,currency,source_en,source_ja
PORT,2026-03-31,2500000.00,USD,Appraisal,鑑定
"""
DEBT = f"""facility,day,movement,amount,currency,bank_account
LINE,2026-03-30,borrow,300000.00,USD,{USD}
LINE,2026-03-31,repay,100000.00,USD,{USD}
LINE,2026-03-31,statement,200500.00,USD,
"""
EXPENSES = f"""kind,against,day,amount,currency,bank_account,description_en,description_ja
operating,,2026-03-31,500.00,USD,{USD},Audit,監査
"""
ECB = "Date,USD,GBP,JPY,\n2026-03-30,1.1480,0.8,183.10,\n2026-03-27,1.15,N/A,183,\n"


def plan(kind: str, content: str) -> imports.Plan:
    return imports.plan(kind=kind, content=content, now=NOW)


def bring(kind: str, content: str) -> ImportedFile:
    return imports.bring(kind=kind, name="table.csv", content=content, officer=building.bookkeepers()[0], now=NOW)


def take(kind: str, content: str, *, digest: str = "") -> Proposal | int:
    """Look at the plan, take it, and turn the second key where one is needed."""
    done = imports.take(
        file=bring(kind, content), digest=digest or plan(kind, content).digest, officer=building.bookkeepers()[0],
        reason="as agreed", now=NOW,
    )  # fmt: skip
    if isinstance(done, Proposal):
        entries.carry_out(proposal=building.approved(done), now=NOW)
    return done


def states(kind: str, content: str) -> list[str]:
    made = plan(kind, content)
    assert made.faults == []
    return [one.state for one in made.differences]


def told(kind: str, content: str) -> list[tuple[int, str]]:
    return [(fault.line, fault.column) for fault in plan(kind, content).faults]


def test_investments_new_and_changed():
    building.investment()
    new, changed = plan(Kind.INVESTMENTS, INVESTMENTS).differences
    assert (new.state, changed.state) == ("new", "changed")
    assert changed.changes == [("stage", "construction", "operating")]
    take(Kind.INVESTMENTS, INVESTMENTS)
    assert Investment.objects.get(pk="GRID-2").ownership_percent == Decimal("33.30")
    assert states(Kind.INVESTMENTS, INVESTMENTS) == ["known", "known"]


def test_what_never_changes_is_a_fault_in_its_column():
    building.investment()
    wrong = INVESTMENTS.replace("タコマ港ドック,ports,WA", "タコマ港ドック,ports,OR").replace("2026-03-15", "")
    assert told(Kind.INVESTMENTS, wrong) == [(3, "state")]
    assert told(Kind.INVESTMENTS, wrong.replace(",OR,", ",WA,")) == [(3, "effective_on")]


def test_movements_and_two_equal_lines_are_two():
    port = building.investment()
    assert states(Kind.MOVEMENTS, MOVEMENTS) == ["new"] * 4
    take(Kind.MOVEMENTS, MOVEMENTS)
    (mark,) = valuation.marks(on=DAY)
    assert (mark.deployed, mark.income, mark.realised) == (dollars(2_000), Money(12_50, "USD"), dollars(700))
    assert valuation.given_up(port) == 500_00


def test_the_same_file_twice_moves_money_once():
    building.investment()
    take(Kind.MOVEMENTS, MOVEMENTS)
    assert states(Kind.MOVEMENTS, MOVEMENTS) == ["known"] * 4
    with pytest.raises(Refused) as refusal:
        take(Kind.MOVEMENTS, MOVEMENTS)
    assert refusal.value.code == "nothing"
    assert states(Kind.MOVEMENTS, MOVEMENTS.replace(",A\n", ",B\n"))[:2] == ["new", "new"]  # another reference
    assert Deployment.objects.count() == 2


def test_valuations_need_one_key_and_a_correction_shows_what_it_replaces():
    building.investment()
    assert take(Kind.VALUATIONS, VALUATIONS) == 1
    assert states(Kind.VALUATIONS, VALUATIONS) == ["known"]
    corrected = VALUATIONS.replace("2500000.00", "2400000.00")
    (one,) = plan(Kind.VALUATIONS, corrected).differences
    assert (one.state, one.changes) == ("changed", [("amount", "2500000.00", "2400000.00")])
    take(Kind.VALUATIONS, corrected)
    assert [row.amount for row in Valuation.objects.order_by("id")] == [2_500_000_00, 2_400_000_00]


def test_debt_movements_and_the_lenders_figure():
    building.facility()
    take(Kind.DEBT, DEBT)
    assert [row.drawn for row in FacilityBalance.objects.order_by("id")] == [300_000_00, 200_000_00, 200_500_00]
    assert states(Kind.DEBT, DEBT) == ["known"] * 3


def test_expenses():
    take(Kind.EXPENSES, EXPENSES)
    assert Expense.objects.get().amount == 500_00
    assert states(Kind.EXPENSES, EXPENSES) == ["known"]


def test_the_ecbs_own_file():
    assert take(Kind.RATES, ECB) == 2
    assert rates.usd_jpy(date(2026, 3, 30)) == Decimal("159.4948")
    assert states(Kind.RATES, ECB) == ["known", "known"]
    assert told(Kind.RATES, ECB.replace("183.10", "183.11")) == [(2, "JPY")]


def test_a_reversal_shows_what_goes_and_is_known_afterwards():
    building.investment()
    take(Kind.MOVEMENTS, MOVEMENTS)
    wrong = Deployment.objects.first()
    table = f"reverses,day\n{wrong.pk},2026-03-31\n"
    (one,) = plan(Kind.REVERSALS, table).differences
    assert one.changes == [("amount", "1000.00", ""), ("currency", "USD", "")]
    take(Kind.REVERSALS, table)
    assert states(Kind.REVERSALS, table) == ["known"]
    assert valuation.deployed(wrong.investment) == 1_000_00
    assert told(Kind.REVERSALS, "reverses,day\nx,2026-03-31\n") == [(2, "reverses")]
    unknown = "reverses,day\n00000000-0000-0000-0000-000000000000,2026-03-31\n"
    assert told(Kind.REVERSALS, unknown) == [(2, "")]


# ── nothing of an unsound table ───────────────────────────────────────────────────────────────────────────────────────
@pytest.mark.parametrize(
    ("content", "faults"),
    [
        ("", [(1, "amount"), (1, "currency"), (1, "day"), (1, "investment"), (1, "source_en"), (1, "source_ja")]),
        (VALUATIONS.replace("source_ja\n", "source\n"), [(1, "source"), (1, "source_ja")]),
        (VALUATIONS.replace("2026-03-31", "31/03/2026"), [(2, "day")]),
        (VALUATIONS.replace("2500000.00", "1e6"), [(2, "amount")]),
        (VALUATIONS.replace("2500000.00", "2,5"), [(2, "")]),
        (VALUATIONS.replace("2500000.00", "２５"), [(2, "amount")]),
        (VALUATIONS.replace("2500000.00", "1.234"), [(2, "amount")]),
        (VALUATIONS.replace("2500000.00", "99999999999999999999"), [(2, "amount")]),
        (VALUATIONS.replace("USD", "EUR"), [(2, "currency")]),
        (VALUATIONS.replace("USD", "JPY").replace("2500000.00", "5"), [(2, "")]),
        (VALUATIONS.replace("PORT", "port"), [(2, "investment")]),
        (VALUATIONS.replace("PORT", "NOWHERE"), [(2, "")]),
        (VALUATIONS.replace("2026-03-31", "2026-04-02"), [(2, "")]),
        (VALUATIONS.replace("Appraisal", ""), [(2, "source_en")]),
        (VALUATIONS.replace("Appraisal", "A\x07"), [(2, "source_en")]),
        (VALUATIONS + VALUATIONS.splitlines()[1], [(3, "")]),
        (VALUATIONS + '"open', [(3, "")]),
        (VALUATIONS.splitlines()[0], [(1, "")]),
    ],
)
def test_every_fault_names_its_line_and_column(content, faults):
    building.investment()
    assert sorted(told(Kind.VALUATIONS, content)) == faults
    with pytest.raises(imports.Unsound):
        take(Kind.VALUATIONS, content)
    assert not Valuation.objects.exists()


def test_one_bad_line_keeps_the_good_ones_out_too():
    """And the control: without it they are taken."""
    building.investment()
    bad = "PORT,2026-03-30,nonsense,USD,Appraisal,鑑定\n"
    with pytest.raises(imports.Unsound):
        take(Kind.VALUATIONS, VALUATIONS + bad)
    assert not Valuation.objects.exists()
    take(Kind.VALUATIONS, VALUATIONS)
    assert Valuation.objects.count() == 1


def test_more_than_is_committed_over_several_lines_is_told_at_the_line_that_breaks_it():
    building.investment(committed=1_500)
    assert told(Kind.MOVEMENTS, MOVEMENTS)[0] == (3, "")


def test_a_plan_that_has_changed_since_it_was_read_is_not_taken():
    building.investment()
    read = plan(Kind.VALUATIONS, VALUATIONS).digest
    take(Kind.VALUATIONS, VALUATIONS)
    with pytest.raises(Refused) as refusal:
        take(Kind.VALUATIONS, VALUATIONS, digest=read)
    assert refusal.value.code == "plan_changed"
    assert Valuation.objects.count() == 1


def test_what_is_signed_is_what_was_read():
    building.investment()
    read = plan(Kind.MOVEMENTS, MOVEMENTS)
    done = imports.take(
        file=bring(Kind.MOVEMENTS, MOVEMENTS),
        digest=read.digest,
        officer=building.bookkeepers()[0],
        reason="x",
        now=NOW,
    )
    assert isinstance(done, Proposal)
    assert done.facts["entries"] == read.entries
    assert not Deployment.objects.exists()


def test_only_the_duty_of_valuation_brings_and_takes():
    building.investment()
    file, digest = bring(Kind.VALUATIONS, VALUATIONS), plan(Kind.VALUATIONS, VALUATIONS).digest
    Officer.objects.update(duties=["audit"])
    officer = Officer.objects.get(person="books-us")
    with pytest.raises(NotOnDuty):
        imports.take(file=file, digest=digest, officer=officer, reason="x", now=NOW)
    with pytest.raises(NotOnDuty):
        bring(Kind.VALUATIONS, VALUATIONS)


@pytest.mark.parametrize("data", [b"\xff\xfe", "日本".encode("cp932"), b"a\0b", b"x" * (tables.LARGEST + 1)])
def test_a_file_that_is_no_text_is_refused(data):
    with pytest.raises(tables.Wrong):
        tables.decode(data)


def test_a_file_with_a_byte_order_mark_is_read():
    assert tables.decode("\ufeffcode".encode()) == "code"


# ── the command ───────────────────────────────────────────────────────────────────────────────────────────────────────
def command(tmp_path, kind: str, content: str, **options: str) -> str:
    file, out = tmp_path / "table.csv", io.StringIO()
    file.write_text(content)
    call_command("import_portfolio", kind, file, stdout=out, **options)
    return out.getvalue()


def test_the_command_shows_and_does_what_was_read(tmp_path, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    building.investment()
    officer = building.bookkeepers()[0].user.email
    said = command(tmp_path, "valuations", VALUATIONS)
    assert "line 2: new PORT 2026-03-31: amount 2500000.00" in said and "Nothing was changed." in said
    read = plan(Kind.VALUATIONS, VALUATIONS).digest
    assert read in said and not Valuation.objects.exists()
    with pytest.raises(CommandError, match="plan_changed"):
        command(tmp_path, "valuations", VALUATIONS, officer=officer, digest="0" * 64)
    assert "1 entries were recorded" in command(tmp_path, "valuations", VALUATIONS, officer=officer, digest=read)
    moves = plan(Kind.MOVEMENTS, MOVEMENTS).digest
    said = command(tmp_path, "movements", MOVEMENTS, officer=officer, digest=moves, reason="x")
    assert "an officer of the other nation has to approve it" in said


def test_the_command_names_line_and_column(tmp_path, monkeypatch):
    monkeypatch.setattr(timezone, "now", lambda: NOW)
    building.investment()
    with pytest.raises(CommandError, match="line 2, amount"):
        command(tmp_path, "valuations", VALUATIONS.replace("2500000.00", "x"))
    with pytest.raises(CommandError, match="no such officer"):
        command(tmp_path, "valuations", VALUATIONS, officer="nobody@example.org")
