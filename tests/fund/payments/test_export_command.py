"""`export_payouts`: the approved run as each bank's file, which the formats read back line by line."""

import os
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from fund.money import Currency
from fund.payments import payouts, receipts
from fund.payments.formats import nacha, pain, zengin
from fund.payments.models import BankAccount
from fund.payments.payee import Payee
from fund.payments.payout_files import order_of
from fund.payments.payout_models import PayoutRun
from tests.fund.payments.bank_files import NOW
from tests.fund.payments.conftest import turn_second_key
from tests.fund.payments.test_payouts import owed

pytestmark = pytest.mark.django_db
AMERICAN = Payee(name="Zoë Maximiliana Featherstonehaugh", bank="021000021", account="998877665544", kind="savings")
JAPANESE = Payee(name="ヤマダ ハナコ", bank="0005", branch="123", account="7654321", kind="ordinary")


@pytest.fixture
def own_accounts() -> dict[str, str]:
    """Accounts with all that the banks' files want, opened before the others of their currency."""
    codes = {}
    for currency, routing, customer in (("USD", "111000025", "1110000251"), ("JPY", "0990001", "7001234000")):
        codes[currency] = f"PAY-{currency}"
        receipts.open_account(
            code=codes[currency], currency=Currency(currency), name_en="Kakehashi Fund, payouts", name_ja="架け橋",
            bank_name_en="Bank", bank_name_ja="銀行", number="7001234", routing=routing, name_kana="カケハシフアンド",
            customer_code=customer, now=NOW.replace(year=2026),
        )  # fmt: skip
    return codes


@pytest.fixture
def approved(own_accounts, american, japanese):
    def run(currency: Currency, payee: Payee) -> PayoutRun:
        owed(100, currency.value), owed(70, currency.value)
        told = {"currency": currency, "payees": lambda ids: dict.fromkeys(ids, payee), "officer": american}
        gathered = payouts.gather(now=NOW, **told)
        proposal = payouts.propose(run=gathered, officer=american, now=NOW)
        turn_second_key(proposal, japanese)
        payouts.carry_out(proposal=proposal, now=NOW)
        return gathered

    return run


def export(run: PayoutRun, format: str, path) -> bytes:
    call_command("export_payouts", str(run.pk), "--format", format, "--output", str(path), stderr=StringIO())
    assert os.stat(path).st_mode & 0o777 == 0o600
    return path.read_bytes()


def references(run: PayoutRun) -> list[str]:
    return [line.reference for line in run.lines.order_by("pk")]


def test_dollars_as_nacha(approved, tmp_path):
    run = approved(Currency.USD, AMERICAN)
    (batch,) = nacha.read(export(run, "nacha", tmp_path / "file")).batches
    assert [
        (one.identification, one.amount, one.routing, one.account, one.name, one.code) for one in batch.entries
    ] == [
        (reference, amount, AMERICAN.bank, AMERICAN.account, "Zoe Maximiliana Feathe", "32")
        for reference, amount in zip(references(run), (100, 70), strict=True)
    ]


def test_yen_as_general_transfer(approved, tmp_path):
    run = approved(Currency.JPY, JAPANESE)
    made = zengin.read_transfers(export(run, "zengin", tmp_path / "file"), today=NOW.date())
    assert [(one.message, one.amount, one.bank, one.branch, one.account_number) for one in made.transfers] == [
        (reference, amount, "0005", "123", "7654321")
        for reference, amount in zip(references(run), (100, 70), strict=True)
    ]
    assert made.transfers[0].payee == "ﾔﾏﾀﾞ ﾊﾅｺ"


@pytest.mark.parametrize(
    ("currency", "payee", "member"),
    [(Currency.USD, AMERICAN, "021000021"), (Currency.JPY, JAPANESE, "0005123")],
)
def test_either_currency_as_pain001(approved, tmp_path, currency, payee, member):
    run = approved(currency, payee)
    made = pain.read(export(run, "pain001", tmp_path / "file"))
    (block,) = made.blocks
    assert (made.message_id, block.currency, sum(one.amount for one in block.payments)) == (
        run.reference,
        currency,
        170,
    )
    assert [one.end_to_end_id for one in block.payments] == references(run)
    assert {(one.payee, one.account, one.agent.member) for one in block.payments} == {
        (payee.name, payee.account, member)
    }


def test_it_is_the_same_file_ever_after_and_nothing_is_overwritten(approved, tmp_path):
    run = approved(Currency.USD, AMERICAN)
    first = export(run, "nacha", tmp_path / "one")
    assert export(run, "nacha", tmp_path / "two") == first
    with pytest.raises(CommandError, match="cannot be written"):
        export(run, "nacha", tmp_path / "one")
    out = TextIOWrapper(BytesIO())
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.stdout", out)
        call_command("export_payouts", str(run.pk), "--format", "nacha", stderr=StringIO())
    assert out.buffer.getvalue() == first


def test_what_cannot_be_exported_is_said(approved, own_accounts, american, tmp_path):
    with pytest.raises(CommandError, match="no payout run 77"):
        export(PayoutRun(pk=77), "nacha", tmp_path / "file")
    run = approved(Currency.USD, AMERICAN)
    with pytest.raises(CommandError, match="format_does_not_fit"):
        export(run, "zengin", tmp_path / "file")
    owed(5)
    told = {"currency": Currency.USD, "payees": lambda ids: dict.fromkeys(ids, AMERICAN), "officer": american}
    with pytest.raises(CommandError, match="not_approved"):
        export(payouts.gather(now=NOW, **told), "nacha", tmp_path / "file")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "payee",
    [
        Payee(name="山田 花子", bank="0005", branch="123", account="7654321"),
        Payee(name="ヤマダ", bank="0005", branch="12", account="7654321"),
        Payee(name="ヤマダ", bank="0005", branch="123", account="87654321"),
    ],
    ids=["kanji", "branch", "number"],
)
def test_a_payee_that_no_file_can_carry_is_left_out_before_anyone_approves(own_accounts, american, payee):
    owed(100, "JPY")
    run = payouts.gather(currency=Currency.JPY, payees=lambda ids: dict.fromkeys(ids, payee), officer=american, now=NOW)
    assert (run.state, run.lines.get().obstacle) == ("withdrawn", "incomplete")


def test_payments_are_made_on_the_next_day_on_which_the_banks_work(approved):
    run = approved(Currency.USD, AMERICAN)
    run.refresh_from_db()
    friday = NOW.replace(day=15)  # before a week-end and the Monday of Martin Luther King
    assert BankAccount.objects.get(pk=run.account_id).currency == "USD"
    assert order_of(run, friday).pay_on.isoformat() == "2027-01-19"
