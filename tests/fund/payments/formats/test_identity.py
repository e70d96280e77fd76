"""The same bank entry twice is one; two genuine equal entries are two (D34)."""

from dataclasses import replace
from datetime import date

import pytest

from fund.payments.formats import camt
from fund.payments.formats.model import Entry, Kind, Statement, identified
from tests.fund.payments.formats.bank import batch, entry, statement


def posted(*statements: Statement) -> int:
    """Minor units on the books after these came in, each identity posting once."""
    seen: dict[str, int] = {}
    for one in statements:
        for part in one.entries:
            seen.setdefault(part.fingerprint, part.signed)
    return sum(seen.values())


def notified(*entries: Entry) -> Statement:
    return statement(*entries, kind=Kind.NOTIFICATION)


def test_the_same_file_twice_posts_once() -> None:
    data = camt.write([statement(entry(5), entry(5, line=2), entry(7, line=3, bank_reference="A"))])
    assert posted(*camt.read(data), *camt.read(data)) == 17


def test_two_genuine_equal_entries_post_twice() -> None:
    assert posted(statement(entry(5), entry(5, line=2))) == 10
    assert posted(statement(entry(5, bank_reference="A"), entry(5, line=2, bank_reference="B"))) == 10
    one_reference = statement(entry(5, bank_reference="A"), entry(5, line=2, bank_reference="A"))
    assert posted(one_reference) == 10  # the balances prove that it moved twice


def test_equal_entries_of_two_statements_in_one_file_post_twice() -> None:
    assert posted(*identified([statement(entry(5)), statement(entry(5), statement_id="STMT-2")])) == 10


def test_a_notification_and_the_statement_are_the_same_money() -> None:
    told = {"bank_reference": "BANK-1", "end_to_end_id": "E2E"}
    early = notified(entry(5, entry_reference="1", booking_date=date(2026, 4, 1), **told))
    later = statement(entry(5, entry_reference="77", line=9, booking_date=date(2026, 4, 2), bank_reference="BANK-1"))
    assert early.entries[0].fingerprint == later.entries[0].fingerprint
    assert posted(early, later) == 5


def test_a_notification_that_lists_one_reference_twice_counts_once() -> None:
    twice = notified(entry(5, bank_reference="A"), entry(5, line=2, bank_reference="A"))
    assert posted(twice) == 5
    proved = statement(entry(5, bank_reference="A"), entry(5, line=2, bank_reference="A"))
    assert posted(twice, proved) == 10


def test_overlapping_statements_post_once() -> None:
    monday, tuesday = entry(5), entry(5, line=2, booking_date=date(2026, 4, 2))
    assert posted(statement(monday), statement(monday, tuesday)) == 10


def test_a_reversal_under_the_same_reference_is_another_movement() -> None:
    credit = entry(5, bank_reference="A")
    reversal = entry(5, line=2, bank_reference="A", credit=False, reversal=True)
    assert posted(statement(credit), statement(reversal)) == 0


@pytest.mark.parametrize("placeholder", ["NONREF", "NOTPROVIDED", "notprovided"])
def test_a_placeholder_is_no_reference(placeholder: str) -> None:
    first = entry(5, bank_reference=placeholder, end_to_end_id="A")
    second = entry(5, bank_reference=placeholder, end_to_end_id="B")
    assert posted(statement(first), statement(second)) == 10


@pytest.mark.parametrize(
    "change",
    [
        {"amount": 6},
        {"credit": False},
        {"reversal": True},
        {"booking_date": date(2026, 4, 2)},
        {"value_date": None},
        {"end_to_end_id": "X"},
        {"creditor_reference": "X"},
        {"remittance": ("X",)},
        {"payer_name": "X"},
        {"payer_account": "X"},
    ],
)
def test_without_a_reference_any_difference_tells_entries_apart(change: dict[str, object]) -> None:
    plain = entry(5)
    prints = {statement(plain).entries[0].fingerprint, statement(replace(plain, **change)).entries[0].fingerprint}
    assert len(prints) == 2


def test_a_position_in_the_file_is_no_identity() -> None:
    early, later = statement(entry(5, entry_reference="1")), statement(entry(5, entry_reference="2"))
    assert posted(early, later) == 5


def test_accounts_are_kept_apart() -> None:
    ours = statement(entry(5, bank_reference="A"))
    other = statement(entry(5, bank_reference="A"), account="000999")
    assert posted(ours, other) == 10


def test_a_pending_entry_does_not_change_the_identity_of_booked_ones() -> None:
    booked = statement(entry(5)).entries[0]
    beside = statement(entry(5, booked=False), entry(5, line=2)).entries[1]
    assert booked.fingerprint == beside.fingerprint


def test_a_batch_posts_each_transaction_once_in_any_order() -> None:
    def transactions(*names: str) -> list[Entry]:
        parts = batch(*(5 for _ in names), bank_reference="BATCH")
        return [replace(part, end_to_end_id=name) for part, name in zip(parts, names, strict=True)]

    early, later = notified(*transactions("A", "B", "B")), statement(*transactions("B", "A", "B"))
    assert len({part.fingerprint for part in early.entries}) == 3  # two genuine equal ones among them
    assert posted(early, later) == 15


def test_the_transactions_own_references_identify_them() -> None:
    parts = batch(5, 5, bank_reference="BATCH")
    told = [replace(part, detail_reference=name) for part, name in zip(parts, "XY", strict=True)]
    early = notified(*(replace(part, payer_name="only here") for part in told))
    assert posted(early, statement(*told)) == 10


def test_a_batch_told_whole_is_known_as_the_same_bank_entry() -> None:
    early = notified(*batch(5, 7, bank_reference="BATCH"))
    whole = statement(entry(12, bank_reference="BATCH"))
    assert {part.bank_entry for part in early.entries} == {whole.entries[0].bank_entry}
    assert whole.entries[0].fingerprint not in {part.fingerprint for part in early.entries}


def test_identities_survive_the_file() -> None:
    written = statement(entry(5), *batch(5, 7, line=2, bank_reference="B"), entry(5, line=3))
    assert [one.fingerprint for one in camt.read(camt.write([written]))[0].entries] == [
        one.fingerprint for one in written.entries
    ]
