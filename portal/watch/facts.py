"""Facts that an operator watches, read from the database: the same numbers for `/metrics`, `/status` and the alerts.

Read from what all processes share, they need no adding up, whichever process is asked. Each group is read by itself
within two seconds or is said to be unreadable. Nothing counts a whole table: where a queue could be long, so many rows
are looked at as MOST says. Labels are names of this program, never of a person, a file or an address.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime

from django.db import DatabaseError, connection, transaction

from fund import calendars
from fund.dealing.models import Offering
from fund.distribution.models import Distribution
from fund.governance import audit, fence
from fund.nav import strike
from fund.nav.models import Nav
from fund.payments.models import BankFile
from portal import health, relay
from portal.schedule import EVERY
from portal.watch import beats, rounds
from portal.watch.models import Beat, Observation

MOST = 10_000  # rows of a queue that are looked at
TIMEOUT = 2000  # milliseconds for one group
FAILING = 5  # times that a task has failed by now
NEVER = float("inf")

# How long after its instant something may still happen by itself, in seconds.
GRACE = {
    "offering_opens": 60,
    "offering_closes": 60,
    "distribution_record": 900,
    "distribution_pay": 6 * 3600,  # a nation is paid in ranges, and the price of the day comes first
}
VALUED_WITHIN = 24 * 3600  # the reference rate of a day is published on that day


@dataclass(frozen=True)
class Metric:
    """What a number means, and by what it is told apart."""

    text: str
    label: str = ""


METRICS = {
    "kakehashi_part_down": Metric("1 while a part of the service does not answer", "part"),
    "kakehashi_facts_unreadable": Metric("1 for a group of these facts that could not be read", "facts"),
    "kakehashi_fenced": Metric("1 while nothing leaves the house: this is a restored copy, or was closed by hand"),
    "kakehashi_ledger_imbalances": Metric("Assets whose balances do not sum to zero, as of the last pass"),
    "kakehashi_chain_faults": Metric("Links or rows that are not as they were sealed", "log"),
    "kakehashi_chain_rewritten": Metric("Changed or deleted rows in tables that are only added to", "log"),
    "kakehashi_chain_unsealed_seconds": Metric("Age of the oldest row that no link holds yet", "log"),
    "kakehashi_chain_proven_seconds": Metric("Age of the last whole turn over a chain", "log"),
    "kakehashi_watch_age_seconds": Metric("Time since a round has looked", "round"),
    "kakehashi_scheduler_silent_seconds": Metric("Time since any job of the clock has ended well"),
    "kakehashi_job_age_seconds": Metric("Time since a job of the clock has ended well", "job"),
    "kakehashi_job_overdue_seconds": Metric("Time since then, less two intervals and a minute", "job"),
    "kakehashi_job_failing": Metric("1 while the last run of a job has failed", "job"),
    "kakehashi_date_overdue_seconds": Metric("Time since what the calendar asks for was due, less its grace", "date"),
    "kakehashi_valuation_late_seconds": Metric("Time since a dealing day was over, less a day, while it is not valued"),
    "kakehashi_outbox_lag_seconds": Metric("Age of the oldest note that was not turned into tasks"),
    "kakehashi_deliveries_waiting": Metric("Tasks to be done, at most ten thousand in all", "task"),
    "kakehashi_delivery_lag_seconds": Metric("How long the oldest of these waits for a worker", "task"),
    "kakehashi_deliveries_failing": Metric("Tasks that have failed five times or more and are tried again", "task"),
    "kakehashi_deliveries_dead": Metric("Tasks that were given up", "task"),
    "kakehashi_work_stalled_seconds": Metric("How long tasks wait while no worker does any"),
    "kakehashi_mail_lag_seconds": Metric("How long the oldest e-mail is due"),
    "kakehashi_webhook_lag_seconds": Metric("How long the oldest event for an app is due"),
    "kakehashi_bank_files_quarantined": Metric("Bank files that are kept aside"),
}  # fmt: skip


@dataclass(frozen=True)
class Fact:
    """One number. ``of``: the value of its metric's label."""

    metric: str
    value: float
    of: str = ""


type Group = Callable[[datetime], Iterator[Fact]]


def read(*, now: datetime) -> list[Fact]:
    """All facts as of ``now``. Never raises for a database that does not answer: that is one of the facts."""
    facts = [Fact("kakehashi_part_down", float(not check()), name) for name, check in health.CHECKS.items()]
    down = any(one.of == "database" and one.value for one in facts)
    for name, group in GROUPS.items():
        found = None if down else _within_bounds(group, now)
        facts += found or []
        facts.append(Fact("kakehashi_facts_unreadable", float(found is None), name))
    return facts


def _within_bounds(group: Group, now: datetime) -> list[Fact] | None:
    try:
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute(f"SET LOCAL statement_timeout = {TIMEOUT}")
            found = list(group(now))
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL statement_timeout TO DEFAULT")  # where this is part of a longer transaction
            return found
    except (DatabaseError, calendars.Unknown):
        return None


def _book(now: datetime) -> Iterator[Fact]:
    """What the rounds found. A round that never looked is as old as can be, and has found nothing."""
    kept = {one.name: one for one in Observation.objects.all()}
    book = kept.get(rounds.BOOK)
    yield Fact("kakehashi_ledger_imbalances", book.faults if book else 0)
    yield Fact("kakehashi_watch_age_seconds", _age(now, book.at if book else None), rounds.BOOK)
    for log in rounds.LOGS:
        chain, rewritten = kept.get(f"chain {log.name}"), kept.get(f"rewritten {log.name}")
        yield Fact("kakehashi_chain_faults", chain.faults if chain else 0, log.name)
        yield Fact("kakehashi_chain_rewritten", rewritten.faults if rewritten else 0, log.name)
        yield Fact("kakehashi_chain_proven_seconds", _age(now, chain.whole_since if chain else None), log.name)
        yield Fact("kakehashi_watch_age_seconds", _age(now, chain.at if chain else None), f"chain {log.name}")


def _fence(now: datetime) -> Iterator[Fact]:
    yield Fact("kakehashi_fenced", float(not fence.is_open()))


def _unsealed(now: datetime) -> Iterator[Fact]:
    for log in rounds.LOGS:
        since = audit.unsealed_since(log=log)
        yield Fact("kakehashi_chain_unsealed_seconds", _age(now, since) if since else 0, log.name)


def _clock(now: datetime) -> Iterator[Fact]:
    kept = {one.job: one for one in Beat.objects.all()}
    jobs = {job: kept.get(job) for job in EVERY}
    ages = {job: _age(now, beat.ran_at if beat else None) for job, beat in jobs.items()}
    yield Fact("kakehashi_scheduler_silent_seconds", min(ages.values()))
    for job, beat in jobs.items():
        since = (beat.ran_at or beat.known_at) if beat else now  # none is expected before the first round
        yield Fact("kakehashi_job_age_seconds", ages[job], job)
        yield Fact("kakehashi_job_overdue_seconds", max(0.0, _age(now, since) - 2 * EVERY[job] - 60), job)
        yield Fact("kakehashi_job_failing", float(bool(beat and beat.error)), job)


def _dates(now: datetime) -> Iterator[Fact]:
    """What should have happened by itself, the earliest of each kind."""
    offerings, distributions = Offering.objects.order_by(), Distribution.objects.order_by()
    opening = offerings.filter(state="announced", opens_at__lte=now, closes_at__gt=now).exclude(proposal=None)
    closing = offerings.filter(state="open", closes_at__lte=now)
    recording = distributions.filter(state="declared", record_day__lt=now.date()).order_by("record_day").first()
    paying = distributions.filter(state="recorded", pay_day__lte=now.date()).order_by("pay_day").first()
    due: dict[str, datetime | None] = {
        "offering_opens": opening.order_by("opens_at").values_list("opens_at", flat=True).first(),
        "offering_closes": closing.order_by("closes_at").values_list("closes_at", flat=True).first(),
        "distribution_record": calendars.books_close(recording.record_day) if recording else None,
        "distribution_pay": calendars.books_open(paying.pay_day) if paying else None,
    }
    for name, at in due.items():
        yield Fact("kakehashi_date_overdue_seconds", max(0.0, _age(now, at) - GRACE[name]) if at else 0, name)
    day = strike.next_day(now=now)
    late = day is not None and not Nav.objects.filter(valuation_day=day).exists()
    over = calendars.books_close(day) if late and day else now
    yield Fact("kakehashi_valuation_late_seconds", max(0.0, _age(now, over) - VALUED_WITHIN))


# The first so many that are due, which is all of them on any day but a very bad one. Work that is being done does not
# wait; work that was interrupted or failed waits since then.
WAITING = f"""
    SELECT d.task, count(*), count(*) FILTER (WHERE d.failures >= {FAILING}),
           min(greatest(n.left_at, d.claimed_until))
               FILTER (WHERE d.claimed_until IS NULL OR d.claimed_until <= %(now)s)
      FROM (SELECT task, failures, claimed_until, note_id FROM portal_delivery
             WHERE done_at IS NULL AND dead_at IS NULL ORDER BY due_at LIMIT {MOST}) d
      JOIN fund_note n ON n.id = d.note_id
     GROUP BY d.task
"""
DEAD = (
    f"SELECT task, count(*) FROM (SELECT task FROM portal_delivery WHERE dead_at IS NOT NULL LIMIT {MOST}) d GROUP BY 1"
)
OLDEST_NOTE = "SELECT left_at FROM fund_note WHERE relayed_at IS NULL ORDER BY id LIMIT 1"


def _work(now: datetime) -> Iterator[Fact]:
    with connection.cursor() as cursor:
        cursor.execute(OLDEST_NOTE)
        note = cursor.fetchone()
        cursor.execute(WAITING, {"now": now})
        waiting = {task: found for task, *found in cursor.fetchall()}
        cursor.execute(DEAD)
        dead = dict(cursor.fetchall())
    yield Fact("kakehashi_outbox_lag_seconds", _age(now, note[0]) if note else 0)
    oldest = 0.0
    for task in sorted({task for tasks in relay.TASKS.values() for task in tasks}):
        count, failing, since = waiting.get(task, (0, 0, None))
        lag = _age(now, since) if since else 0.0
        oldest = max(oldest, lag)
        yield Fact("kakehashi_deliveries_waiting", count, task)
        yield Fact("kakehashi_deliveries_failing", failing, task)
        yield Fact("kakehashi_deliveries_dead", dead.get(task, 0), task)
        yield Fact("kakehashi_delivery_lag_seconds", lag, task)
    worker = Beat.objects.filter(pk=beats.AT_WORK).first()
    yield Fact("kakehashi_work_stalled_seconds", min(oldest, _age(now, worker.ran_at if worker else None)))


MAIL = "SELECT min(mail_due_at) FROM portal_message WHERE mail_due_at IS NOT NULL"
WEBHOOKS = f"""
    SELECT min(due_at) FROM (SELECT due_at FROM portal_webhookdelivery
                              WHERE done_at IS NULL AND dead_at IS NULL AND due_at <= %(now)s LIMIT {MOST}) d
"""


def _letters(now: datetime) -> Iterator[Fact]:
    for metric, statement in (("mail", MAIL), ("webhook", WEBHOOKS)):
        with connection.cursor() as cursor:
            cursor.execute(statement, {"now": now})
            (at,) = cursor.fetchone() or (None,)
        yield Fact(f"kakehashi_{metric}_lag_seconds", _age(now, at) if at else 0)


def _bank(now: datetime) -> Iterator[Fact]:
    aside = BankFile.objects.filter(state=BankFile.State.QUARANTINED)
    yield Fact("kakehashi_bank_files_quarantined", aside.count())


GROUPS: dict[str, Group] = {
    "fence": _fence,
    "book": _book,
    "unsealed": _unsealed,
    "clock": _clock,
    "dates": _dates,
    "work": _work,
    "letters": _letters,
    "bank": _bank,
}


def _age(now: datetime, at: datetime | None) -> float:
    return NEVER if at is None else max(0.0, (now - at).total_seconds())
