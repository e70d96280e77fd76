"""A file is taken whole or not at all, once, and each bank entry once (D34); each protection has its control."""

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from fund.governance.audit import Act
from fund.governance.outbox import Note
from fund.ledger import balances
from fund.ledger.models import Transfer
from fund.ledger.prove import prove as prove_ledger
from fund.money import Currency
from fund.payments import matching, receipts
from fund.payments.formats.model import Flaw, Kind
from fund.payments.models import BankEntry, BankFile, Fault
from fund.payments.prove import prove
from fund.payments.receipts import Quarantined
from tests.fund.payments.bank_files import NOW, SAMPLES, USD, entry, everything_in, file, files_of, statement
from tests.fund.payments.conftest import open_account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _always_proved(_accounts, request):
    yield
    if "unproved" not in request.fixturenames:
        assert [check for check in [*prove(), *prove_ledger()] if not check.clean] == []


@pytest.fixture
def unproved():
    """The test itself breaks what is proved."""


def refused(take, data: bytes) -> Quarantined:
    with pytest.raises(Quarantined) as caught:
        take(data)
    assert not Transfer.objects.exists() and not BankEntry.objects.exists() and not Note.objects.exists()
    return caught.value


# ── the same again ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_same_file_again_is_a_replay_and_posts_nothing(citizen, expect, take):
    data = file(entry(50_000, creditor_reference=expect(50_000).reference), entry(7))
    first, again = take(data), take(data)
    assert (again.replay, again.posted, again.file.pk) == (True, 0, first.file.pk)
    assert (Transfer.objects.count(), Note.objects.count()) == (2, 1)


def test_overlapping_statements_post_their_common_entries_once(take):
    morning, noon, evening = entry(100), entry(20), entry(3)
    take(file(morning, noon))
    taken = take(file(noon, evening))
    assert (taken.posted, taken.repeated, balances.balance("suspense:USD")) == (1, 1, 123)


def test_a_notification_and_the_statement_after_it_post_once(take):
    one = entry(100)
    take(file(one, kind=Kind.NOTIFICATION))
    taken = take(file(one))
    assert (taken.file.kind, taken.posted, taken.repeated) == ("camt.053", 0, 1)


def test_a_batch_posts_once_whether_or_not_a_file_lists_its_parts(take):
    shared = {"line": 1, "bank_reference": "BATCH"}
    parts = [entry(amount, detail=detail, **shared) for detail, amount in enumerate((100, 20), 1)]
    take(file(entry(120, **shared), kind=Kind.NOTIFICATION))
    taken = take(file(*parts))
    assert (taken.posted, taken.repeated, balances.balance("suspense:USD")) == (0, 2, 120)


def test_two_statements_of_one_file_post_their_common_entry_once(take):
    one = entry(100)
    taken = take(files_of([statement(one), statement(one, entry(20))]))
    assert (taken.posted, taken.repeated, balances.balance("suspense:USD")) == (2, 1, 120)


@pytest.mark.parametrize("reference", ["", "SAME"])
def test_two_genuine_equal_entries_post_twice(take, reference):
    twins = [entry(100, bank_reference=reference, payer_name="TARO", line=line) for line in (1, 2)]
    taken = take(file(*twins))
    assert (taken.posted, balances.balance("suspense:USD")) == (2, 200)
    assert take(file(*twins)).repeated == 2


def test_without_the_memory_of_entries_an_overlap_is_refused_by_their_identity(take, monkeypatch):
    """The second protection behind ``news``: the import fails whole rather than posting twice."""
    one = entry(100)
    take(file(one))
    monkeypatch.setattr(matching, "news", all_of_them)
    with pytest.raises(IntegrityError, match="identity"):
        take(file(one, entry(20)))
    assert balances.balance("suspense:USD") == 100


def test_without_both_protections_an_overlap_would_post_twice(unproved, take, monkeypatch):
    """Negative control of the overlap tests; and ``prove`` would see it."""
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE fund_bankentry DROP CONSTRAINT bank_entry_identity")
    monkeypatch.setattr(matching, "news", all_of_them)
    one = entry(100)
    take(file(one))
    take(file(one, entry(20)))
    assert balances.balance("suspense:USD") == 220
    (found,) = [check for check in prove() if not check.clean]
    assert "kept twice" in found.first


def all_of_them(statements):
    return [(one.account, entry) for one in statements for entry in one.entries], 0


# ── not at all ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_an_unsound_file_is_kept_in_quarantine_with_its_reason(take):
    data = file(entry(100)).replace(b'<Amt Ccy="USD">1.00</Amt>', b'<Amt Ccy="USD">2.00</Amt>', 1)
    refusal = refused(take, data)
    kept = BankFile.objects.get()
    assert refusal.code == kept.reason and refusal.code in {"balance_mismatch", "sum_mismatch"}
    assert (kept.state, kept.size, refusal.facts["file"]) == ("quarantined", len(data), kept.pk)
    assert Act.objects.get(verb="statement.quarantined").detail == {"reason": kept.reason}
    assert receipts.open_file(file=kept, actor="officer:1", purpose="complaint", now=NOW) == data


def test_a_file_cut_anywhere_posts_nothing(take):
    data = file(*(entry(100 + number) for number in range(20)))
    for end in range(0, len(data) - 20, 1024):
        refused(take, data[:end])
    assert take(data).posted == 20


def test_one_account_that_is_not_ours_quarantines_the_whole_file(take):
    data = files_of([statement(entry(100)), statement(entry(20), account="NOT-OURS")])
    assert refused(take, data).code == "unknown_account"


def test_a_quarantined_file_can_be_taken_once_its_reason_is_mended(take):
    data = file(entry(100), account="NEW-USD")
    assert refused(take, data).code == "unknown_account"
    assert refused(take, data).code == "unknown_account"
    open_account("NEW-USD", Currency.USD)
    taken = take(data)
    assert (taken.posted, taken.replay, taken.file.state, taken.file.reason) == (1, False, "posted", "")
    assert BankFile.objects.count() == 1 and take(data).replay


def test_a_statement_in_another_currency_than_the_account_is_quarantined(take):
    assert refused(take, file(entry(100, currency="EUR"))).code == "account_currency"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "not_a_bank_file"),
        (b"\x89PNG\r\n", "not_a_bank_file"),
        (b"date,amount\n2027-01-01,5\n", "not_a_bank_file"),
        (b"<html/>", "unknown_message"),
        (b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "doctype"),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>".encode("utf-16"), "encoding"),
        (b"1010" + b"030112" * 3 + b"0001" + b" " * 174 + b"\r\n2" + b" " * 199, "malformed"),
        (b"1010" + b"030112" * 3 + b"0001" + b" " * 50, "not_a_bank_file"),
        (b"101 03130001202313801041908161055A094101" + b" " * 54, "not_a_bank_file"),
    ],
    ids=["empty", "picture", "csv", "html", "doctype", "utf-16", "zengin", "almost zengin", "nacha"],
)
def test_files_are_told_apart_by_content(take, data, code):
    assert refused(take, data).code == code


def test_every_flaw_of_the_formats_has_its_sentence():
    assert {flaw.value for flaw in Flaw} <= set(Fault.values)


def test_an_import_refuses_to_run_inside_another_transaction(take, transactional_db):
    """Because that one could take the quarantine, or the post, back."""
    with pytest.raises(RuntimeError, match="durable"), transaction.atomic():
        take(file(entry(100)))


# ── what stays secret ───────────────────────────────────────────────────────────────────────────────────────────────

TABLES = ["fund_bankfile", "fund_bankentry", "fund_expected", "fund_act", "fund_note", "fund_transfer"]


def test_what_a_payer_wrote_is_nowhere_in_clear(take, caplog):
    words = {"payer_name": "Hanako Planted", "payer_account": "DE99PLANTED", "remittance": ("Planted 愛",)}
    take(file(entry(100, **words)))
    with pytest.raises(Quarantined):
        take(file(entry(100, **words), account="NOT-OURS"))
    stored = "".join(map(everything_in, TABLES))
    for planted in ("Planted", "PLANTED", "愛", b"Planted".hex()):
        assert planted not in stored and planted not in caplog.text
    assert USD in stored  # the control: what is in clear would be found


def test_an_officer_opens_it_with_a_purpose_that_is_recorded(take):
    take(file(entry(100, payer_name="Hanako", remittance=("a", "b"))))
    payer = receipts.open_payer(entry=BankEntry.objects.get(), actor="officer:3", purpose="refund", now=NOW)
    assert (payer.name, payer.remittance) == ("Hanako", ("a", "b"))
    assert Act.objects.get(verb="payer.opened").detail == {"purpose": "refund"}


# ── what real banks send ────────────────────────────────────────────────────────────────────────────────────────────

needs_samples = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the real files (../shared/data) are not here")
REAL = {
    "camt053.v2.multi.statement.xml": ("EUR", "NL26VAYB8060476890"),
    "Business_Sample_camt.053.001.04.xml": ("SEK", "50000000054910000003"),
}


@needs_samples
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("camt053.v2.multi.statement.xml", "unknown_account"),
        ("Business_Sample_camt.053.001.04.xml", "unknown_account"),
        ("camt053.v8.xml", "currency_mixed"),
        ("camt054.v8.xml", "count_mismatch"),
        ("pain.001.001.08_ABC_JPY_EUR_USD.xml", "unknown_message"),
    ],
)
def test_real_samples_are_nobodys_here(take, name, code):
    assert refused(take, (SAMPLES / name).read_bytes()).code == BankFile.objects.get().reason == code


@needs_samples
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("nacha/ppd-credit.ach", "not_a_bank_file"),  # so is this
        ("nacha/cor-example.ach", "not_our_payments"),
        ("zengin/sougou-furikomi.sample.sjis.txt", "not_a_bank_file"),  # what we send, not what a bank tells us
    ],
)
def test_real_files_of_other_formats_are_told_apart(take, name, code):
    assert refused(take, (SAMPLES.parent.parent / name).read_bytes()).code == code


@needs_samples
@pytest.mark.parametrize(("name", "received", "paid"), [
    ("camt053.v2.multi.statement.xml", 885, 700),
    ("Business_Sample_camt.053.001.04.xml", 13_567_850, 20_000_000),
])  # fmt: skip
def test_a_real_statement_about_an_account_of_ours_goes_to_suspense_and_ties(take, name, received, paid):
    currency, code = REAL[name]
    data = (SAMPLES / name).read_bytes()
    open_account(code, Currency.USD)
    assert refused(take, data).code == "account_currency"
    taken = take(data.replace(currency.encode(), b"USD"))
    assert (taken.matched, taken.repeated) == (0, 0)
    assert sum(line.suspended for line in taken.lines) == balances.balance("suspense:USD") == received
    assert sum(line.amount for line in taken.lines if not line.credit) == paid
    assert balances.balance(f"bank:{code}") == -received


# ── what prove sees ─────────────────────────────────────────────────────────────────────────────────────────────────

FORGERIES = [
    "UPDATE fund_bankentry SET amount = amount + 1, suspended = suspended + 1",
    "UPDATE fund_bankentry SET credit = NOT credit",
    "DELETE FROM fund_bankentry",
    "DELETE FROM fund_transfer",
    "UPDATE fund_expected SET received = received + 1",
]


@pytest.mark.parametrize("forgery", FORGERIES)
def test_prove_sees_a_difference_between_the_bank_and_the_book(unproved, take, expect, forgery):
    expect(100)
    with connection.cursor() as cursor:
        take(file(entry(100)))
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(forgery)
    assert [check.differences for check in prove() if not check.clean][:1] == [1]


REWRITES = [
    FORGERIES[0],
    FORGERIES[2],
    "UPDATE fund_bankfile SET digest = 'x'",
    "DELETE FROM fund_bankfile",
    "UPDATE fund_bankaccount SET number = '666'",
    "UPDATE fund_expected SET amount = 1",
]


@pytest.mark.parametrize("rewrite", REWRITES)
@pytest.mark.parametrize("role", ["owner", "site"])
def test_nobody_rewrites_what_the_bank_said_or_where_citizens_pay_to(take, expect, rewrite, role):
    expect(100)
    take(file(entry(100)))
    with pytest.raises(DatabaseError, match="[Cc]annot|permission denied"), transaction.atomic():
        with connection.cursor() as cursor:
            if role == "site":
                cursor.execute("SET LOCAL ROLE kakehashi_app")
            cursor.execute(rewrite)


@pytest.mark.parametrize("rewrite", REWRITES)
def test_without_the_triggers_the_owner_could(unproved, take, expect, rewrite):
    """Negative control of the test above."""
    expect(100)
    take(file(entry(100)))
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET LOCAL session_replication_role = replica")
        cursor.execute(rewrite)
        assert cursor.rowcount > 0


def test_the_sites_own_role_may_do_all_of_it(as_site, take, expect):
    asked = expect(100)
    with pytest.raises(Quarantined):
        take(b"nothing")
    assert take(file(entry(100, creditor_reference=asked.reference), entry(1))).posted == 2
    receipts.forget(order_id=asked.order_id, now=NOW)
