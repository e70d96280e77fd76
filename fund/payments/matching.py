"""Whose money is it (D35): from the bank's entries to rows, from references to expected payments, and into the book.

Rows are written first with the safe answer, *money without an owner*, and then matched and posted as sets.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from fund import envelope
from fund.ledger import post
from fund.ledger.models import Event
from fund.payments import payer_names, references
from fund.payments.formats.model import Entry, Statement, original_of
from fund.payments.models import BankEntry, BankFile, Reason

# The table and column that a payer's words are sealed for.
PLACE = {"table": "fund_bankentry", "column": "sealed"}

# What ``payout_models`` calls a line or a whole run.
PAYOUT_IN_TEXT = re.compile(r"(?<![0-9A-Z])K[PR][0-9]{12}(?![0-9A-Z])")

ACCOUNT_NUMBER = re.compile(r"[0-9A-Za-z-]{1,34}", re.ASCII)


@dataclass(frozen=True)
class Payer:
    """What a payer wrote. Personal: it exists in clear only in memory."""

    name: str
    account: str
    creditor_reference: str
    end_to_end_id: str
    remittance: tuple[str, ...]
    bank: str = ""
    branch: str = ""

    @property
    def is_payable(self) -> bool:
        """Whether the bank told the account, and not only, as Zengin files do, the names of bank and branch."""
        return ACCOUNT_NUMBER.fullmatch(self.account) is not None


# What is copied into the database of every entry, in this order; nobody has claimed it yet.
COPIED = (
    "account_id", "number", "identity", "bank_entry", "amount", "currency", "credit", "reversal", "booking_date",
    "value_date", "reference", "original", "returnable_until", "outcome", "suspense_reason", "suspended",
    "payer_digest", "sealed",
)  # fmt: skip
INCOMING = "CREATE TEMPORARY TABLE incoming (LIKE fund_bankentry INCLUDING DEFAULTS) ON COMMIT DROP"
NOT_COPIED = "ALTER TABLE incoming ALTER file_id DROP NOT NULL, ALTER held SET DEFAULT 0"


def row(entry: Entry, *, account: str, number: int, call_back: timedelta) -> tuple[Any, ...]:
    """``COPIED`` of a booked entry. A collected payment can be called back for so long (D36)."""
    found = found_references(entry)
    outcome, reason = unclaimed(entry, found)
    words = {
        "name": entry.payer_name,
        "account": entry.payer_account,
        "creditor_reference": entry.creditor_reference,
        "end_to_end_id": entry.end_to_end_id,
        "remittance": entry.remittance,
        "bank": entry.payer_bank,
        "branch": entry.payer_branch,
    }
    return (
        account,
        number,
        entry.fingerprint,
        entry.bank_entry,
        entry.amount,
        entry.currency,
        entry.credit,
        entry.reversal,
        entry.booking_date,
        entry.value_date,
        next(iter(found)) if len(found) == 1 else "",
        original_of(account, entry) if entry.reversal else "",
        entry.booking_date + call_back if entry.direct_debit and entry.is_receipt else None,
        outcome.value,
        reason.value,
        entry.amount if outcome is BankEntry.Outcome.SUSPENSE else 0,
        payer_names.fingerprint(entry.payer_name),
        envelope.seal(json.dumps(words).encode(), **PLACE, row=entry.fingerprint),
    )


def take_in(entries: Iterable[tuple[str, Entry]], *, file: BankFile, call_back: timedelta) -> None:
    """Keep the entries of a file, each with its account, and give them to the payments that are expected (D35).

    They stream through a temporary table, so that every row of the book is written once, with its owner. Only where
    the bank takes something back must the pairs be found first (``match``).
    """
    with connection.cursor() as cursor:
        cursor.execute(INCOMING)
        cursor.execute(NOT_COPIED)
        with cursor.copy(f"COPY incoming ({', '.join(COPIED)}) FROM STDIN") as copy:
            for number, (account, entry) in enumerate(entries, 1):
                copy.write_row(row(entry, account=account, number=number, call_back=call_back))
        cursor.execute("ANALYZE incoming (id, reference, account_id)")
        cursor.execute(TAKES_BACK.format(entries="(SELECT * FROM incoming)"))
        told = {"file": file.pk, "at_once": cursor.fetchone() == (False,)}
        for statement in (ROOM_TO_JOIN, LOCK_INCOMING, TAKE_IN):
            cursor.execute(statement, told)
        cursor.execute("DROP TABLE incoming")


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
    """Every reference of ours that the payer gave; the ten digits count only where a text begins with them (D27).

    What we pay out carries references of ours as well: they come back with the debit, and with a returned payment.
    """
    texts = {entry.creditor_reference, " ".join(entry.remittance), *entry.remittance, entry.payer_name} - {""}
    found = {reference for text in texts if (reference := references.find_reference(text))}
    if references.is_reference(entry.end_to_end_id):  # a payer's own number there may well have ten digits
        found.add(entry.end_to_end_id)
    for text in filter(None, (entry.end_to_end_id, *entry.remittance)):
        found.update(PAYOUT_IN_TEXT.findall(text))
    return found


# Entries by themselves are found by their identity, those told in parts by the whole that they are parts of.
KNOWN = """
    SELECT identity FROM fund_bankentry WHERE identity = ANY(%(told)s) AND bank_entry = identity
     UNION ALL
    SELECT bank_entry FROM fund_bankentry WHERE bank_entry = ANY(%(told)s) AND bank_entry <> identity
"""


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
        cursor.execute(KNOWN, {"told": list(told)})
        known = {bank_entry for (bank_entry,) in cursor.fetchall()}
    new = [(account, entry) for account, entry, is_first in booked if is_first and entry.bank_entry not in known]
    return new, len(booked) - len(new)


# Which reversal undoes which entry: the bank's own reference of it decides, else ours with the same amount. Each row of
# one file meets those of all files, whichever came first. Equal candidates pair off in the order they were booked.
PAIR = """
    WITH candidate AS (
        SELECT r.id AS reversal, o.id AS original
          FROM fund_bankentry r JOIN fund_bankentry o ON o.identity = r.original AND o.bank_entry = o.identity
         WHERE r.file_id = %(file)s AND r.reversal AND r.original <> ''
        UNION
        SELECT r.id, o.id
          FROM fund_bankentry r JOIN fund_bankentry o ON o.bank_entry = r.original AND o.bank_entry <> o.identity
         WHERE r.file_id = %(file)s AND r.reversal AND r.original <> ''
        UNION
        SELECT r.id, o.id
          FROM fund_bankentry r JOIN fund_bankentry o ON o.expected_id = r.reference
         WHERE r.file_id = %(file)s AND r.reversal AND r.reference <> ''
        UNION
        SELECT r.id, o.id
          FROM fund_bankentry r JOIN fund_bankentry o
            ON o.file_id = %(file)s AND (o.bank_entry = r.original OR (o.reference = r.reference AND r.reference <> ''))
         WHERE r.reversal AND NOT r.credit AND r.reverses_id IS NULL
           AND NOT EXISTS (SELECT FROM fund_resolution s WHERE s.entry_id = r.id)
    ), ranked AS (
        SELECT c.reversal, c.original, rank() OVER (PARTITION BY c.reversal ORDER BY best) AS of_reversal,
               rank() OVER (PARTITION BY c.original ORDER BY best) AS of_original
          FROM (SELECT c.*, row_number() OVER (
                           ORDER BY o.bank_entry = r.original DESC, o.held, o.booking_date, o.number, o.id,
                                    r.booking_date, r.number, r.id) AS best
                  FROM candidate c
                  JOIN fund_bankentry r ON r.id = c.reversal
                  JOIN fund_bankentry o ON o.id = c.original
                 WHERE r.reversal AND NOT r.credit AND r.reverses_id IS NULL AND r.outcome = 'suspense'
                   AND o.credit AND NOT o.reversal AND o.outcome IN ('matched', 'suspense')
                   AND (o.account_id, o.currency, o.amount) = (r.account_id, r.currency, r.amount)
                   AND o.booking_date <= r.booking_date
                   AND NOT EXISTS (SELECT FROM fund_bankentry t WHERE t.reverses_id = o.id)) c
    )
    UPDATE fund_bankentry r SET reverses_id = p.original
      FROM ranked p WHERE r.id = p.reversal AND p.of_reversal = 1 AND p.of_original = 1
"""

# Whether there is a reversal to find the pair of, in the file or from before: then nothing of the file is claimed yet.
TAKES_BACK = """
    WITH entries AS {entries}
    SELECT EXISTS (SELECT FROM entries WHERE reversal)
        OR EXISTS (SELECT FROM fund_bankentry
                    WHERE reversal AND NOT credit AND reverses_id IS NULL
                      AND account_id IN (SELECT account_id FROM entries))
"""

# What came and was undone before anyone could claim it belongs to nobody; the two cancel each other in suspense.
NEVER_CAME = """
    UPDATE fund_bankentry o SET suspense_reason = 'reversed_by_bank'
     WHERE o.file_id = %(file)s AND o.outcome = 'suspense'
       AND EXISTS (SELECT FROM fund_bankentry r WHERE r.reverses_id = o.id)
"""

LOCK = """
    SELECT FROM fund_expected
     WHERE reference IN (SELECT reference FROM fund_bankentry WHERE file_id = %(file)s
                          UNION ALL
                         SELECT o.expected_id FROM fund_bankentry r JOIN fund_bankentry o ON o.id = r.reverses_id
                          WHERE r.file_id = %(file)s
                          UNION ALL
                         SELECT s.expected_id FROM fund_bankentry r JOIN fund_resolution s ON s.entry_id = r.reverses_id
                          WHERE r.file_id = %(file)s)
     ORDER BY reference FOR UPDATE
"""

LOCK_ORIGINALS = """
    SELECT FROM fund_bankentry
     WHERE id IN (SELECT reverses_id FROM fund_bankentry WHERE file_id = %(file)s)
     ORDER BY id FOR UPDATE
"""

# Whose reference it is, and why it cannot be credited all the same. A payer whose name is told is the holder or one of
# the names that the holder's money comes under (``payer_names``); where none is known nobody is a third party.
CLAIMED = """
    WITH candidate AS (
        SELECT b.id, b.number, b.booking_date, b.amount, x.reference, x.amount - x.received AS open,
               CASE WHEN b.currency <> x.currency THEN 'wrong_currency'
                    WHEN (SELECT bool_or(k.digest = b.payer_digest) FROM fund_knownname k
                           WHERE k.holder_id = x.holder_id) IS FALSE THEN 'third_party'
                    WHEN b.booking_date > (greatest(x.pay_by, p.pay_by) AT TIME ZONE a.time_zone)::date THEN 'late'
                    WHEN x.forgotten_at IS NOT NULL THEN 'withdrawn'
                    ELSE '' END AS refusal
          FROM {entries} b
          JOIN fund_expected x ON x.reference = b.reference
          JOIN fund_bankaccount a ON a.code = b.account_id
          LEFT JOIN (SELECT subject, max(pay_by) AS pay_by FROM fund_postponement GROUP BY subject) p
            ON p.subject = x.offering_code
         WHERE b.suspense_reason = 'unknown_reference' AND {which}
    ), filled AS (
        SELECT id, amount, reference, refusal, open - coalesce(sum(amount) OVER earlier, 0) AS open
          FROM candidate
        WINDOW earlier AS (PARTITION BY reference, refusal ORDER BY booking_date, number
                           ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
    ), claimed AS (
        SELECT id, reference, held, amount - held AS suspended,
               CASE WHEN held > 0 THEN 'matched' ELSE 'suspense' END AS outcome,
               CASE WHEN refusal <> '' THEN refusal WHEN held = amount THEN ''
                    WHEN held = 0 THEN 'duplicate' ELSE 'overpaid' END AS reason
          FROM (SELECT f.*, CASE WHEN refusal <> '' THEN 0
                                 ELSE least(amount, greatest(0, open))::bigint END AS held FROM filled f OFFSET 0) f
    )
"""

ROOM_TO_JOIN = "SET LOCAL work_mem = '64MB'"  # for a hundred thousand entries, until the import commits

LOCK_INCOMING = """
    SELECT FROM fund_expected
     WHERE %(at_once)s AND reference IN (SELECT reference FROM incoming WHERE reference <> '')
     ORDER BY reference FOR UPDATE
"""

# While the bank takes something back that could be one of these, they wait unclaimed for ``match``.
TAKE_IN = (
    CLAIMED.format(
        entries="incoming",
        which="%(at_once)s",
    )
    + """
    INSERT INTO fund_bankentry (
           id, file_id, account_id, number, identity, bank_entry, amount, currency, credit, reversal, booking_date,
           value_date, reference, original, returnable_until, payer_digest, sealed,
           expected_id, outcome, suspense_reason, held, suspended)
    SELECT b.id, %(file)s, b.account_id, b.number, b.identity, b.bank_entry, b.amount, b.currency, b.credit, b.reversal,
           b.booking_date, b.value_date, b.reference, b.original, b.returnable_until, b.payer_digest, b.sealed,
           c.reference, coalesce(c.outcome, b.outcome), coalesce(c.reason, b.suspense_reason), coalesce(c.held, 0),
           coalesce(c.suspended, b.suspended)
      FROM incoming b LEFT JOIN claimed c ON c.id = b.id
"""
)

CLAIM = (
    CLAIMED.format(entries="fund_bankentry", which="b.file_id = %(file)s AND b.expected_id IS NULL")
    + """
    UPDATE fund_bankentry b
       SET expected_id = c.reference, held = c.held, suspended = c.suspended, outcome = c.outcome,
           suspense_reason = c.reason
      FROM claimed c
     WHERE b.id = c.id
"""
)

# A reversal takes back what the entry gave an order, by itself or by an officer's hand, while that money is still held
# for the order: not settled, not refunded, not spoken for. Whatever else it takes is missing in suspense.
TAKE_BACK = """
    WITH undone AS (
        SELECT r.id, r.amount, o.suspended, s.entry_id IS NOT NULL AS resolved,
               CASE WHEN o.held > 0 THEN o.held ELSE s.applied END AS given,
               CASE WHEN o.held > 0 THEN o.expected_id ELSE s.expected_id END AS expected
          FROM fund_bankentry r
          JOIN fund_bankentry o ON o.id = r.reverses_id
          LEFT JOIN fund_resolution s ON s.entry_id = o.id
         WHERE r.file_id = %(file)s
    ), possible AS (
        SELECT u.*, x.reference IS NOT NULL AND e.subject IS NULL
                    AND NOT EXISTS (SELECT FROM fund_leg t
                                     WHERE t.event_id = x.order_id AND t.holder_id = x.holder_id
                                       AND t.event IN (%(settlement)s, %(refund)s)) AS there
          FROM undone u
          LEFT JOIN fund_expected x ON x.reference = u.expected AND x.forgotten_at IS NULL AND u.given > 0
          LEFT JOIN fund_earmark e ON e.subject = x.offering_code
    ), taken AS (
        SELECT p.*, CASE WHEN there THEN given ELSE 0 END AS held,
               p.amount - CASE WHEN there THEN given ELSE 0 END AS short
          FROM possible p
    )
    UPDATE fund_bankentry r
       SET expected_id = CASE WHEN t.held > 0 THEN t.expected END, held = t.held, suspended = t.short,
           outcome = CASE WHEN t.held > 0 THEN 'matched' ELSE 'suspense' END,
           suspense_reason = CASE WHEN t.short = 0 THEN ''
                                  WHEN t.short = t.suspended AND NOT t.resolved THEN 'reversed_by_bank'
                                  ELSE 'reversed_too_late' END
      FROM taken t
     WHERE r.id = t.id
"""

RECEIVE = """
    UPDATE fund_expected x SET received = x.received + s.held
      FROM (SELECT expected_id, sum(CASE WHEN credit THEN held ELSE -held END)::bigint AS held FROM fund_bankentry
             WHERE file_id = %(file)s AND held > 0 GROUP BY 1) s
     WHERE x.reference = s.expected_id
"""


def match(*, file: BankFile) -> None:
    """Take back what the bank reverses, and give the entries that waited for it to the payments that are expected, the
    earliest booked first (D35).

    What exceeds the expected amount stays in suspense. The expected payments are locked first, in key order, so that
    two files never both fill the same one and a withdrawal waits; then the entries that are undone, so that no officer
    gives their money away meanwhile. The locks are held until the import commits.
    """
    told = {"file": file.pk, "settlement": Event.SETTLEMENT.value, "refund": Event.REFUND.value}
    with connection.cursor() as cursor:
        cursor.execute(TAKES_BACK.format(entries="(SELECT * FROM fund_bankentry WHERE file_id = %(file)s)"), told)
        if cursor.fetchone() == (True,):
            cursor.execute(PAIR, told)
            while cursor.rowcount:
                cursor.execute(PAIR, told)
            for statement in (NEVER_CAME, LOCK, LOCK_ORIGINALS, CLAIM, TAKE_BACK):
                cursor.execute(statement, told)
        cursor.execute(RECEIVE, told)


def reversed_orders(*, file: BankFile) -> list[UUID]:
    """The orders that this file took money back from."""
    undone = BankEntry.objects.filter(file=file, credit=False, held__gt=0)
    orders = undone.order_by("expected__order_id").values_list("expected__order_id", flat=True).distinct()
    return [order for order in orders if order]


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
        SELECT CASE WHEN b.reversal THEN %(reversal)s ELSE %(receipt)s END, 0,
               CASE WHEN b.credit THEN bank.id ELSE held.id END,
               CASE WHEN b.credit THEN held.id ELSE bank.id END,
               x.holder_id, b.held
         WHERE b.held > 0
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
