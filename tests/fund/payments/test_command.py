"""`manage.py import_statement`: what it prints, and how it exits."""

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line

from fund.ledger.models import Transfer
from tests.fund.payments.bank_files import entry, file

pytestmark = pytest.mark.django_db


@pytest.fixture
def command(tmp_path, capsys):
    def run(data: bytes) -> str:
        path = tmp_path / "bank.xml"
        path.write_bytes(data)
        call_command("import_statement", str(path))
        return capsys.readouterr().out

    return run


def test_it_says_what_posted_matched_and_went_to_suspense(command, expect):
    asked = expect(50_000)
    data = file(
        entry(53_000, creditor_reference=asked.reference),
        entry(1_234, payer_name="Hanako"),
        entry(500, credit=False),
        entry(600, credit=False, reversal=True),
        entry(700, booked=False),
    )
    printed = command(data)
    assert printed.splitlines() == [
        "DEMO-USD-001: ignored, 1 out, USD 5.00, outgoing money, kept for reconciliation [unexpected_debit]",
        "DEMO-USD-001: matched, 1 in, USD 530.00, of which USD 30.00 to suspense, more than the order needs [overpaid]",
        "DEMO-USD-001: suspense, 1 out, USD 6.00, reversed by the bank [reversed_by_bank]",
        "DEMO-USD-001: suspense, 1 in, USD 12.34, no reference that we know [unknown_reference]",
        printed.splitlines()[-1],
    ]
    assert printed.splitlines()[-1].endswith(
        "(camt.053): posted 3, matched 1, suspense 2, ignored 1, repeated 0, not booked 1"
    )
    assert "Hanako" not in printed
    assert "was taken before" in command(data) and Transfer.objects.count() == 4


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (file(entry(100), account="NOT-OURS"), r"account that is not the fund's\. \[unknown_account\]"),
        (file(entry(100))[:-30], r"\[malformed\] .*\(line \d+\)"),
        (b"hello", r"not a bank file that we know\. \[not_a_bank_file\]"),
    ],
)
def test_an_unsound_file_is_refused_with_the_reason(command, data, said):
    with pytest.raises(
        CommandError, match=rf"^Nothing was posted\. .*{said}.* quarantine as bank file \d+\.$"
    ) as caught:
        command(data)
    assert caught.value.returncode == 1
    assert not Transfer.objects.exists()


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(CommandError, match="cannot be read"):
        call_command("import_statement", str(tmp_path / "missing.xml"))


def test_a_file_too_large_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large.xml"
    with path.open("wb") as large:
        large.truncate(200 * 2**20)
    with pytest.raises(CommandError, match="larger than"):
        call_command("import_statement", str(path))


@pytest.mark.django_db(transaction=True)
def test_the_shell_sees_the_exit_code(tmp_path, capsys):
    path = tmp_path / "bank.xml"
    path.write_bytes(b"hello")
    with pytest.raises(SystemExit) as left:
        execute_from_command_line(["manage.py", "import_statement", str(path)])
    assert left.value.code == 1
    assert "Nothing was posted" in capsys.readouterr().err
