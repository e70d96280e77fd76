"""What became of our payouts, told by the bank's answers (pain.002, returns) or by its statements: each line once."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.db import connection, transaction

from fund.governance import audit, outbox
from fund.ledger import post
from fund.ledger.models import Event, Phase
from fund.payments.models import BankFile
from fund.payments.payout_models import PayoutLine, PayoutRun

State = PayoutLine.State


class Answer(StrEnum):
    """What a bank says of one payment."""

    PAID = "paid"
    REJECTED = "rejected"  # never left our account
    RETURNED = "returned"  # left it and came back


@dataclass(frozen=True)
class Result:
    """One answer: the line's ``reference`` (KP…), and the bank's ``code`` (AC04, R03) where it gives one."""

    reference: str
    answer: Answer
    code: str = ""


@dataclass(frozen=True)
class Taken:
    """How many lines moved. ``unchanged`` names the references that are not ours, or whose end was known already."""

    paid: int
    rejected: int
    returned: int
    unchanged: tuple[str, ...]


@transaction.atomic
def take(*, results: Sequence[Result], actor: str, now: datetime) -> Taken:
    """Close or reopen the lines that the bank answers for, each exactly once; the same answers again change nothing.

    A rejected line is voided, a returned one reversed: both leave the money with its holder for the next run.
    """
    lines = {number: result for result in results if (number := line_number(result.reference))}
    _lock(lines)
    of = {answer: [number for number, one in lines.items() if one.answer is answer] for answer in Answer}
    paid = _pay([*of[Answer.PAID], *of[Answer.RETURNED]], now)
    rejected = _reject(of[Answer.REJECTED], now)
    returned = _return(of[Answer.RETURNED], now)
    moved = {*paid, *rejected, *returned}
    for code in {lines[number].code for number in moved} - {""}:
        with_code = [number for number in moved if lines[number].code == code]
        PayoutLine.objects.filter(pk__in=with_code).update(bank_code=code[:8])
    _close_runs(moved)
    unchanged = tuple(one.reference for one in results if line_number(one.reference) not in moved)
    counts = {"paid": len(set(paid) - set(returned)), "rejected": len(rejected), "returned": len(returned)}
    audit.record(actor=actor, verb="payouts.answered", subject="payouts", now=now, unchanged=len(unchanged), **counts)
    _tell(moved, now)
    return Taken(**counts, unchanged=unchanged)


def line_number(reference: str) -> int | None:
    """The line that a reference of ours names."""
    digits = reference[2:]
    return int(digits) if reference.startswith("KP") and len(digits) == 12 and digits.isdecimal() else None


RECOGNISE = """
    WITH told AS (
        SELECT b.id, l.id AS line, row_number() OVER (PARTITION BY b.reference, b.credit, l.id
                                                      ORDER BY b.booking_date, b.number) AS nth
          FROM fund_bankentry b
          JOIN fund_payoutline l ON l.id = substr(b.reference, 3)::bigint
          JOIN fund_payoutrun r ON r.id = l.run_id
         WHERE b.file_id = %(file)s AND b.reference LIKE 'KP%%' AND b.amount = l.amount
           AND b.account_id = r.account_id AND r.state IN ('exported', 'closed')
           AND (b.credit OR NOT b.reversal) AND l.state IN ('pending', 'paid', 'returned')
           AND (b.credit OR NOT EXISTS (SELECT FROM fund_bankentry k  -- paid with the whole run
                                         WHERE k.outcome = 'payout'
                                           AND k.reference = 'KR' || lpad(r.id::text, 12, '0')))
    ), whole AS (
        SELECT b.id, row_number() OVER (PARTITION BY r.id ORDER BY b.booking_date, b.number) AS nth
          FROM fund_bankentry b
          JOIN fund_payoutrun r ON r.id = substr(b.reference, 3)::bigint
         WHERE b.file_id = %(file)s AND b.reference LIKE 'KR%%' AND NOT b.credit AND NOT b.reversal
           AND b.amount = r.total AND b.account_id = r.account_id AND r.state IN ('exported', 'closed')
           AND NOT EXISTS (SELECT FROM fund_payoutline l WHERE l.run_id = r.id AND l.state = 'rejected')
    )
    UPDATE fund_bankentry b SET outcome = 'payout', suspended = 0, suspense_reason = ''
     WHERE b.id IN (SELECT id FROM told WHERE nth = 1 UNION ALL SELECT id FROM whole WHERE nth = 1)
       AND NOT EXISTS (SELECT FROM fund_bankentry k
                        WHERE (k.reference, k.credit, k.outcome) = (b.reference, b.credit, 'payout'))
"""

RECOGNISED = """
    SELECT l.id, b.credit
      FROM fund_bankentry b
      JOIN fund_payoutline l ON CASE WHEN b.reference LIKE 'KP%%' THEN l.id = substr(b.reference, 3)::bigint
                                     ELSE l.run_id = substr(b.reference, 3)::bigint END
     WHERE b.file_id = %(file)s AND b.outcome = 'payout'
"""


def recognise(*, file: BankFile) -> None:
    """Find our own payouts, and their returns, among a file's entries: they end the lines that still wait."""
    with connection.cursor() as cursor:
        cursor.execute(RECOGNISE, {"file": file.pk})
        if not cursor.rowcount:
            return
        cursor.execute(RECOGNISED, {"file": file.pk})
        told = cursor.fetchall()
    _lock(line for line, _ in told)
    paid = _pay([line for line, _ in told], file.received_at)
    returned = _return([line for line, credit in told if credit], file.received_at)
    _close_runs({*paid, *returned})
    _tell({*paid, *returned}, file.received_at)


def _lock(lines: Iterable[int]) -> None:
    """The runs, then the lines, each in key order: two answers never close one run past each other."""
    numbers = list(lines)
    runs = PayoutLine.objects.filter(pk__in=numbers).values("run_id")
    list(PayoutRun.objects.select_for_update().filter(pk__in=runs).order_by("pk").values_list("pk"))
    list(PayoutLine.objects.select_for_update().filter(pk__in=numbers).order_by("pk").values_list("pk"))


# A payout moves at its booking day where a statement told of it, else when the bank answered.
BOOKED_AT = """
    LEFT JOIN fund_bankentry e ON e.outcome = 'payout' AND e.credit = %(credit)s
          AND e.reference IN ('KP' || lpad(l.id::text, 12, '0'), 'KR' || lpad(l.run_id::text, 12, '0'))
"""

END = f"""
    SELECT uuidv7(), {Event.PAYOUT}, t.line, t.debit_id, t.credit_id, t.holder_id, t.amount,
           coalesce(e.booking_date::timestamp AT TIME ZONE a.time_zone, %(now)s), %(phase)s, t.event_id
      FROM fund_payoutline l
      JOIN fund_payoutrun r ON r.id = l.run_id
      JOIN fund_bankaccount a ON a.code = r.account_id
      JOIN fund_transfer t ON t.event_id = l.event_id AND t.event = {Event.PAYOUT} AND t.phase = {Phase.PENDING}
      {BOOKED_AT}
     WHERE l.id = ANY(%(lines)s)
"""

COME_BACK = f"""
    SELECT l.event_id, {Event.REVERSAL}, t.line, t.credit_id, t.debit_id, t.holder_id, t.amount,
           coalesce(e.booking_date::timestamp AT TIME ZONE a.time_zone, %(now)s), {Phase.FINAL}, NULL::uuid
      FROM fund_payoutline l
      JOIN fund_payoutrun r ON r.id = l.run_id
      JOIN fund_bankaccount a ON a.code = r.account_id
      JOIN fund_transfer t ON t.event_id = l.event_id AND t.event = {Event.PAYOUT} AND t.phase = {Phase.PENDING}
      {BOOKED_AT}
     WHERE l.id = ANY(%(lines)s)
"""


def _pay(lines: Sequence[int], now: datetime) -> list[int]:
    moved = _move(lines, State.PENDING, State.PAID, now)
    _post(END, moved, now, credit=False, phase=Phase.POSTED)
    return moved


def _reject(lines: Sequence[int], now: datetime) -> list[int]:
    moved = _move(lines, State.PENDING, State.REJECTED, now)
    _post(END, moved, now, credit=False, phase=Phase.VOIDED)
    return moved


def _return(lines: Sequence[int], now: datetime) -> list[int]:
    moved = _move(lines, State.PAID, State.RETURNED, now)
    _post(COME_BACK, moved, now, credit=True, phase=Phase.FINAL)
    return moved


def _move(lines: Sequence[int], before: PayoutLine.State, after: PayoutLine.State, now: datetime) -> list[int]:
    """Those of these lines that were in the state before; lines of a run whose file was never made do not move."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE fund_payoutline l SET state = %(after)s, ended_at = %(now)s
              FROM fund_payoutrun r
             WHERE l.id = ANY(%(lines)s) AND l.state = %(before)s
               AND r.id = l.run_id AND r.state IN ('exported', 'closed')
            RETURNING l.id
            """,
            {"lines": list(lines), "before": before.value, "after": after.value, "now": now},
        )
        return [line for (line,) in cursor.fetchall()]


def _post(select: str, lines: list[int], now: datetime, *, credit: bool, phase: Phase) -> None:
    told = {"lines": lines, "now": now, "credit": credit, "phase": phase.value}
    if lines and post.post_set(select, told) != len(lines):
        raise RuntimeError("a payout line has no pending transfer")


def _close_runs(lines: Iterable[int]) -> None:
    """Close the runs of these lines in which no payment is waiting any more."""
    touched = PayoutRun.objects.filter(lines__in=list(lines), state=PayoutRun.State.EXPORTED).distinct()
    for run in touched.order_by("pk").exclude(lines__state=State.PENDING):
        PayoutRun.objects.filter(pk=run.pk, state=PayoutRun.State.EXPORTED).update(state=PayoutRun.State.CLOSED)


def _tell(lines: Iterable[int], now: datetime) -> None:
    """One note a run: holders hear of what was paid or came back."""
    runs = PayoutRun.objects.filter(lines__in=list(lines)).distinct().order_by("pk").values_list("pk", flat=True)
    for run in runs:
        outbox.leave(topic="payouts.answered", subject=f"payout_run:{run}", now=now, run=run, ended_at=now.isoformat())
