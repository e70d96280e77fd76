"""What the bank says an account held = what the book says, and every difference by name (D34, D38).

The bank's side is the closing balances of its statements. The book's side is the ledger as of the end of that day at
the bank. What is on one side only is listed line by line; what no line explains must be found by somebody.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from itertools import pairwise
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Case, F, Max, Min, Sum, When
from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from fund.ledger import balances
from fund.ledger.models import Event
from fund.payments.models import BankAccount, BankEntry, BankStatement
from fund.refusal import Refusal


class NoStatement(Refusal):
    """No statement with balances covers the day yet."""

    code = "no_statement"


class Cause(StrEnum):
    """Why the two sides differ by a line."""

    CARRIED_IN = "carried_in"  # on the account before our first statement
    STATEMENT_MISSING = "statement_missing"  # a closing that is not the next opening
    NOT_IN_THE_BOOK = "not_in_the_book"  # an entry that moved nothing, such as outgoing money that is not ours
    BOOKED_LATER = "booked_later"  # on a statement, in the book with a later day
    STATED_LATER = "stated_later"  # in the book, on the statement of a later day
    NOT_AT_THE_BANK = "not_at_the_bank"  # in the book, on no statement: payouts under way, the fund's own movements


@dataclass(frozen=True)
class Difference:
    """One line: minor units that the bank has more than the book, and the row that says so."""

    cause: Cause
    day: date
    amount: int
    row: str


@dataclass(frozen=True)
class Reconciliation:
    """One account on one day, minor units. ``bank`` is the closing balance of the statement of ``stated_on``."""

    account: str
    currency: str
    day: date
    stated_on: date
    bank: int
    book: int
    lines: tuple[Difference, ...]

    @property
    def difference(self) -> int:
        return self.bank - self.book

    @property
    def unexplained(self) -> int:
        """What no line explains; zero when the account is reconciled."""
        return self.difference - sum(line.amount for line in self.lines)


def day(*, account: BankAccount, day: date) -> Reconciliation:
    """An account at the end of a day at its bank, by the latest statement until then. Raises NoStatement."""
    statements = _statements(account, day)
    if not statements:
        raise NoStatement(_("The bank has not sent a statement with balances of this account until that day."))
    stated_on = statements[-1].closed_on
    lines = [
        *_breaks(account, statements),
        *_not_in_the_book(account, stated_on),
        *_other_days(account, stated_on),
        *_movements(UNSEEN, Cause.NOT_AT_THE_BANK, account, stated_on),
        *_movements(SEEN_EARLIER, Cause.BOOKED_LATER, account, stated_on),
    ]
    return Reconciliation(
        account=account.code,
        currency=account.currency,
        day=day,
        stated_on=stated_on,
        bank=statements[-1].closing,
        book=-balances.balance_at(f"bank:{account.code}", effective=_end_of(account, stated_on)),
        lines=tuple(sorted(lines, key=lambda line: (line.day, line.cause, line.row))),
    )


def latest_day(*, account: BankAccount) -> date | None:
    """The last day that a statement of an account closes."""
    last = BankStatement.objects.filter(account=account).order_by("closed_on").last()
    return last.closed_on if last else None


def _end_of(account: BankAccount, day: date) -> datetime:
    """The last instant of a day at the bank."""
    midnight = datetime.combine(day + timedelta(days=1), time(), ZoneInfo(account.time_zone))
    return midnight - timedelta(microseconds=1)


def _statements(account: BankAccount, until: date) -> list[BankStatement]:
    """In the order of their days; of several that tell the same, such as an old one sent again, the first."""
    told: dict[tuple[date, date, int, int], BankStatement] = {}
    for one in BankStatement.objects.filter(account=account, closed_on__lte=until).order_by(
        "closed_on", "opened_on", "written_at", "pk"
    ):
        told.setdefault((one.opened_on, one.closed_on, one.opening, one.closing), one)
    return list(told.values())


def _breaks(account: BankAccount, statements: list[BankStatement]) -> Iterator[Difference]:
    """What no statement covers, less what notifications alone have told of those days: that is in the book."""
    first = statements[0]
    if carried := first.opening - _notified(account, None, first.opened_on):
        yield Difference(Cause.CARRIED_IN, first.opened_on, carried, f"statement {first.pk}")
    for before, after in pairwise(statements):
        gap = after.opening - before.closing
        if gap and (missing := gap - _notified(account, before.closed_on, after.opened_on)):
            yield Difference(Cause.STATEMENT_MISSING, after.opened_on, missing, f"statement {after.pk}")


def _notified(account: BankAccount, after: date | None, before: date) -> int:
    """The sum of the entries booked between two days, both excluded, that came with no statement."""
    files = BankStatement.objects.filter(account=account).values("file")
    entries = BankEntry.objects.filter(account=account, booking_date__lt=before).exclude(file__in=files)
    if after is not None:
        entries = entries.filter(booking_date__gt=after)
    signed = Case(When(credit=True, then=F("amount")), default=-F("amount"))
    return int(entries.aggregate(sum=Coalesce(Sum(signed), 0))["sum"])


def _not_in_the_book(account: BankAccount, until: date) -> Iterator[Difference]:
    ignored = BankEntry.objects.filter(account=account, outcome=BankEntry.Outcome.IGNORED, amount__gt=0)
    for one in ignored.filter(booking_date__lte=until).order_by("booking_date", "id"):
        yield Difference(Cause.NOT_IN_THE_BOOK, one.booking_date, _signed(one), f"bank entry {one.pk}")


def _other_days(account: BankAccount, until: date) -> Iterator[Difference]:
    """Entries whose booking day lies on the other side of this day than the statement that carries them."""
    entries = BankEntry.objects.filter(account=account).exclude(outcome=BankEntry.Outcome.PAYOUT)
    files = BankStatement.objects.filter(account=account).values("file").order_by()
    stated = files.annotate(last=Max("closed_on")).filter(last__lte=until).values("file")
    not_stated = files.annotate(first=Min("opened_on")).filter(first__gt=until).values("file")
    for one in entries.filter(file__in=stated, booking_date__gt=until).order_by("id"):
        yield Difference(Cause.BOOKED_LATER, one.booking_date, _signed(one), f"bank entry {one.pk}")
    for one in entries.filter(file__in=not_stated, booking_date__lte=until).order_by("id"):
        yield Difference(Cause.STATED_LATER, one.booking_date, -_signed(one), f"bank entry {one.pk}")


def _signed(entry: BankEntry) -> int:
    return entry.amount if entry.credit else -entry.amount


# The book's side of a payout: its end (by ``resolves``) or its return (a reversal under its own event), and the bank
# entry that shows it, by its own reference or the run's.
PAYOUT = """
      LEFT JOIN fund_payoutline l ON l.event_id = CASE WHEN t.event = %(reversal)s THEN t.event_id ELSE t.resolves END
      LEFT JOIN fund_bankentry p
        ON p.outcome = 'payout' AND p.credit = (t.event = %(reversal)s) AND p.booking_date <= %(day)s
       AND p.reference IN ('KP' || lpad(l.id::text, 12, '0'), 'KR' || lpad(l.run_id::text, 12, '0'))
"""

MOVEMENT = """
    SELECT t.effective_at, CASE WHEN d.code = %(bank)s THEN -t.amount ELSE t.amount END,
           coalesce('payout KP' || lpad(l.id::text, 12, '0'), 'transfer ' || t.event_id || ' event ' || t.event)
      FROM fund_transfer t
      JOIN fund_account d ON d.id = t.debit_id
      JOIN fund_account c ON c.id = t.credit_id
"""

# Movements in the book that no statement has told of by then: payouts that the bank has answered but not shown, and
# what other rooms book straight on the account.
UNSEEN = f"""
    {MOVEMENT} {PAYOUT}
      LEFT JOIN fund_bankentry b ON b.id = t.event_id
     WHERE %(bank)s IN (d.code, c.code) AND t.phase IN (0, 2) AND t.effective_at <= %(until)s
       AND b.id IS NULL AND p.id IS NULL
"""

# Payouts that a statement has shown by then, and that are in the book with a later day.
SEEN_EARLIER = f"""
    SELECT effective_at, -amount, row FROM ({MOVEMENT} {PAYOUT}
     WHERE %(bank)s IN (d.code, c.code) AND t.phase IN (0, 2) AND t.effective_at > %(until)s
       AND p.id IS NOT NULL) AS m(effective_at, amount, row)
"""


def _movements(select: str, cause: Cause, account: BankAccount, day: date) -> Iterator[Difference]:
    told: dict[str, str | date | datetime | int] = {
        "bank": f"bank:{account.code}",
        "day": day,
        "until": _end_of(account, day),
        "reversal": Event.REVERSAL.value,
    }
    with connection.cursor() as cursor:
        cursor.execute(select, told)
        rows = cursor.fetchall()
    zone = ZoneInfo(account.time_zone)
    for effective_at, amount, row in rows:
        yield Difference(cause, effective_at.astimezone(zone).date(), amount, row)
