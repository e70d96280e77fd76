"""Whose money is it (D35): from the bank's entries to rows, from references to expected payments, and into the book.

Rows are written first with the safe answer, *money without an owner*, and then matched and posted as sets.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass

from django.db import connection

from fund import envelope
from fund.ledger import post
from fund.ledger.models import Event
from fund.payments import references
from fund.payments.formats.model import Entry, Statement
from fund.payments.models import BankEntry, BankFile, Reason

# The table and column that a payer's words are sealed for.
PLACE = {"table": "fund_bankentry", "column": "sealed"}


@dataclass(frozen=True)
class Payer:
    """What a payer wrote. Personal: it exists in clear only in memory."""

    name: str
    account: str
    creditor_reference: str
    end_to_end_id: str
    remittance: tuple[str, ...]


def row(entry: Entry, *, file: BankFile, account: str, number: int) -> BankEntry:
    """A booked entry as a row that nobody has claimed yet."""
    found = found_references(entry)
    outcome, reason = unclaimed(entry, found)
    payer = Payer(
        entry.payer_name, entry.payer_account, entry.creditor_reference, entry.end_to_end_id, entry.remittance
    )
    return BankEntry(
        file=file,
        account_id=account,
        number=number,
        identity=entry.fingerprint,
        bank_entry=entry.bank_entry,
        amount=entry.amount,
        currency=entry.currency,
        credit=entry.credit,
        reversal=entry.reversal,
        booking_date=entry.booking_date,
        value_date=entry.value_date,
        reference=next(iter(found)) if len(found) == 1 else "",
        outcome=outcome,
        suspense_reason=reason,
        suspended=entry.amount if outcome == BankEntry.Outcome.SUSPENSE else 0,
        sealed=envelope.seal(json.dumps(asdict(payer)).encode(), **PLACE, row=entry.fingerprint),
    )


def payer(entry: BankEntry) -> Payer:
    """Unseal what the payer wrote; who asks, and why, is recorded by ``receipts.open_payer``."""
    told = json.loads(envelope.unseal(bytes(entry.sealed), **PLACE, row=entry.identity))
    return Payer(**{**told, "remittance": tuple(told["remittance"])})


def unclaimed(entry: Entry, found: set[str]) -> tuple[BankEntry.Outcome, Reason]:
    """What an entry is before anything is known to be expected. A reversal is nobody's credit, whatever it names."""
    if entry.amount == 0:
        return BankEntry.Outcome.IGNORED, Reason.NO_AMOUNT
    if entry.reversal:
        return BankEntry.Outcome.SUSPENSE, Reason.REVERSED_BY_BANK
    if not entry.credit:
        return BankEntry.Outcome.IGNORED, Reason.UNEXPECTED_DEBIT
    if len(found) > 1:
        return BankEntry.Outcome.SUSPENSE, Reason.SEVERAL_REFERENCES
    return BankEntry.Outcome.SUSPENSE, Reason.UNKNOWN_REFERENCE


def found_references(entry: Entry) -> set[str]:
    """Every reference of ours that the payer gave; the ten digits count only where a text begins with them (D27)."""
    texts = [entry.creditor_reference, " ".join(entry.remittance), *entry.remittance, entry.payer_name]
    found = {reference for text in texts if (reference := references.find_reference(text))}
    if references.is_reference(entry.end_to_end_id):  # a payer's own number there may well have ten digits
        found.add(entry.end_to_end_id)
    return found


def news(statements: Iterable[Statement]) -> tuple[list[tuple[str, Entry]], int]:
    """The booked entries that no file told of before, each with its account; and how many were told of before.

    A bank entry is the same with or without its details, and in two statements of one file (D34).
    """
    told: dict[str, tuple[int, int]] = {}
    booked = []
    for place, statement in enumerate(statements):
        for entry in statement.entries:
            if entry.booked:
                first = told.setdefault(entry.bank_entry, (place, entry.line))
                booked.append((statement.account, entry, first == (place, entry.line)))
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT bank_entry FROM fund_bankentry WHERE bank_entry = ANY(%s)", [list(told)])
        known = {bank_entry for (bank_entry,) in cursor.fetchall()}
    new = [(account, entry) for account, entry, is_first in booked if is_first and entry.bank_entry not in known]
    return new, len(booked) - len(new)


LOCK = """
    SELECT FROM fund_expected
     WHERE reference IN (SELECT reference FROM fund_bankentry WHERE file_id = %(file)s)
     ORDER BY reference FOR UPDATE
"""

CLAIM = """
    WITH candidate AS (
        SELECT b.id, b.number, b.booking_date, b.amount, x.reference, x.amount - x.received AS open,
               CASE WHEN b.currency <> x.currency THEN 'wrong_currency'
                    WHEN b.booking_date > (x.pay_by AT TIME ZONE a.time_zone)::date THEN 'late'
                    WHEN x.forgotten_at IS NOT NULL THEN 'withdrawn'
                    ELSE '' END AS refusal
          FROM fund_bankentry b
          JOIN fund_expected x ON x.reference = b.reference
          JOIN fund_bankaccount a ON a.code = b.account_id
         WHERE b.file_id = %(file)s AND b.suspense_reason = 'unknown_reference'
    ), claimed AS (
        SELECT id, reference, refusal,
               CASE WHEN refusal <> '' THEN 0
                    ELSE least(amount, greatest(0, open - coalesce(sum(amount) OVER earlier, 0)))::bigint END AS held
          FROM candidate
        WINDOW earlier AS (PARTITION BY reference, refusal ORDER BY booking_date, number
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    )
    UPDATE fund_bankentry b
       SET expected_id = c.reference, held = c.held, suspended = b.amount - c.held,
           outcome = CASE WHEN c.held > 0 THEN 'matched' ELSE 'suspense' END,
           suspense_reason = CASE WHEN c.refusal <> '' THEN c.refusal WHEN c.held < b.amount THEN 'overpaid' ELSE '' END
      FROM claimed c
     WHERE b.id = c.id
"""

RECEIVE = """
    UPDATE fund_expected x SET received = x.received + s.held
      FROM (SELECT expected_id, sum(held)::bigint AS held FROM fund_bankentry
             WHERE file_id = %(file)s AND held > 0 GROUP BY 1) s
     WHERE x.reference = s.expected_id
"""


def match(*, file: BankFile) -> None:
    """Give the entries of a file to the payments that are expected, the earliest booked first (D35).

    What exceeds the expected amount stays in suspense. The expected payments are locked first, in key order, so that
    two files never both fill the same one and a withdrawal waits; the lock is held until the import commits.
    """
    with connection.cursor() as cursor:
        for statement in (LOCK, CLAIM, RECEIVE):
            cursor.execute(statement, {"file": file.pk})


MOVEMENTS = """
    SELECT b.id, m.event, m.line, m.debit, m.credit, m.holder_id, m.amount,
           b.booking_date::timestamp AT TIME ZONE a.time_zone, 0, NULL::uuid
      FROM fund_bankentry b
      JOIN fund_bankaccount a ON a.code = b.account_id
      JOIN fund_account bank ON bank.code = 'bank:' || b.account_id
      JOIN fund_account held ON held.code = 'held:' || b.currency
      JOIN fund_account suspense ON suspense.code = 'suspense:' || b.currency
      LEFT JOIN fund_expected x ON x.reference = b.expected_id
     CROSS JOIN LATERAL (
        SELECT %(receipt)s, 0, bank.id, held.id, x.holder_id, b.held WHERE b.held > 0
        UNION ALL
        SELECT CASE WHEN b.reversal THEN %(reversal)s WHEN b.held > 0 THEN %(receipt)s ELSE %(suspense)s END,
               (b.held > 0)::int,
               CASE WHEN b.credit THEN bank.id ELSE suspense.id END,
               CASE WHEN b.credit THEN suspense.id ELSE bank.id END,
               NULL, b.suspended
         WHERE b.suspended > 0
     ) AS m(event, line, debit, credit, holder_id, amount)
     WHERE b.file_id = %(file)s
"""


def post_entries(*, file: BankFile) -> int:
    """Move the money of a file's entries, each from its booking day at the bank on; returns the movements (D38)."""
    events = {"receipt": Event.RECEIPT.value, "suspense": Event.SUSPENSE.value, "reversal": Event.REVERSAL.value}
    return post.post_set(MOVEMENTS, {"file": file.pk, **events})
