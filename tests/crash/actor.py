"""`python -m tests.crash.actor VERB DATABASE …`: one thing that a process of the site does, to be killed at will."""

# ruff: noqa: E402  models can be imported only after Django's setup
import contextlib
import itertools
import json
import os
import random
import re
import sys
import time
import traceback
from collections import Counter
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import django

django.setup()

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from kombu.exceptions import OperationalError

from bench import distribution, nav, stage
from fund import calendars
from fund.dealing import allotment, offering, settlement
from fund.dealing.models import Offering
from fund.distribution import declare, pay
from fund.distribution import prove as proofs
from fund.distribution.models import Distribution
from fund.governance import audit, fence, outbox
from fund.governance.approval import Proposal
from fund.governance.audit import Act
from fund.governance.officers import Officer
from fund.holders import Nation
from fund.ledger import post
from fund.ledger import prove as ledger
from fund.payments import payout_files
from fund.payments.payout_models import Format, PayoutRun
from fund.register import capital
from portal import relay, tasks, witness
from portal.management.commands import prove
from portal.notices import mail
from portal.notices.models import Message
from portal.owner import connected_as_owner
from portal.relay import Delivery
from tests.crash import busy, recount, story
from tests.crash.state import STATE


def migrate() -> None:
    connection.close()
    call_command("migrate", verbosity=0)


def prepare(orders: str) -> None:
    """A paid book, closed, and an allotment with both keys that nobody has carried out yet."""
    stage.paid_book(orders=int(orders), seed=int(orders))
    story.tell()
    offering.close_due(now=stage.CLOSES)
    american = Officer.objects.get(person="officer-US")
    one = Offering.objects.get(pk=stage.CODE)
    stage.sign(allotment.propose(offering=one, officer=american, now=stage.AFTER))


def carry_out() -> None:
    assert allotment.carry_out(proposal=Proposal.objects.get(kind="allotment"), now=stage.AFTER) is not None


def settle(chunk: str) -> None:
    while orders := settlement.settle_next(offering_code=stage.CODE, now=stage.AFTER, chunk=int(chunk)):
        print(orders, flush=True)


def half_settle(chunk: str) -> None:
    """A settlement without its transaction, in a process that dies between two statements of a range."""
    count = iter(range(1000))

    def die_in_the_third_range(chunk: Any, rows: int) -> None:
        if next(count) == 2:
            os._exit(9)

    settlement._expect = die_in_the_third_range
    settlement.transaction = SimpleNamespace(atomic=contextlib.nullcontext)  # type: ignore[assignment]
    take = settlement._take

    def take_unlocked(one: Offering, *, ready: Any) -> Any:
        with django.db.transaction.atomic():
            return take(one, ready=ready)

    settlement._take = take_unlocked
    settle(chunk)


def declare_distribution(holders: str, size: str) -> None:
    """A distribution to so many holders, recorded in ranges, both of whose prices are published."""
    database = connection.settings_dict["NAME"]
    stage.officer(Nation.US), stage.officer(Nation.JP)
    nav.fill(citizens=int(holders), bought=True)
    bought = f"SELECT id, {nav.UNITS} + id % 11, {nav.UNITS} + id % 7 FROM fund_holder WHERE kind = 'citizen'"
    with connected_as_owner(), connection.cursor() as cursor:
        recount.begin(cursor, holdings=bought)
    distribution.declared(database)
    one = Distribution.objects.get()
    declare.record(distribution=one, now=calendars.books_close(distribution.RECORD), size=int(size))
    for number in (1, 2):
        nav.run(database, number=number)


def distribute(_chunk: str) -> None:
    while entries := pay.pay_next(now=distribution.LATER):
        print(entries, flush=True)


def half_distribute(chunk: str) -> None:
    """A payment without its transaction, in a process that dies between two statements of a range."""
    count, entitle = iter(range(1000)), post.entitle_set

    def die_in_the_third_range(*given: Any, **named: Any) -> int:
        booked = entitle(*given, **named)
        if next(count) == 2:
            os._exit(9)
        return booked

    pay.post = SimpleNamespace(entitle_set=die_in_the_third_range)  # type: ignore[assignment]
    pay.transaction = SimpleNamespace(atomic=contextlib.nullcontext)  # type: ignore[assignment]
    take = pay._take

    def take_unlocked(one: Distribution, ready: Any) -> Any:
        with django.db.transaction.atomic():
            return take(one, ready)

    pay._take = take_unlocked
    distribute(chunk)


def distribute_again() -> None:
    """Pay one range once more, with nothing left that says it was or refuses it; prints what refused to end the run."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute(
            "UPDATE fund_distributionrange SET paid_at = NULL, waiting = NULL, done_at = NULL WHERE number = 0"
        )
        cursor.execute("UPDATE fund_distribution SET state = 'recorded', paid_at = NULL")
        cursor.execute("SET session_replication_role = origin")
    drop_constraints("fund_entitlement", kinds="pu")
    pay.pay_next(now=distribution.LATER)
    try:
        pay.pay_next(now=distribution.LATER)
    except RuntimeError as error:
        print(error)


def deliver(seed: str, most: str) -> None:
    """Run every task that notes and clock ask for, each up to ``most`` times, in an order that the seed shuffles.

    Prints how many.
    """
    dice, delivered = random.Random(int(seed)), 0
    tasks.timezone = SimpleNamespace(now=lambda: stage.AFTER)  # type: ignore[assignment]
    due: list[tuple[str, int]] = []
    while True:
        relay.sweep(now=stage.AFTER, send=lambda task, number: due.append((task, number)))
        if not due:
            break
        asked = [(f"portal.{task}", (number,)) for task, number in due] + [(task, ()) for task in CLOCK]
        sent = [each for each in asked for _ in range(dice.randint(1, int(most)))]
        due.clear()
        dice.shuffle(sent)
        for task, given in sent:
            tasks.app.tasks[task].run(*given)
            delivered += 1
    print(delivered)


# The relay is what runs here. Mails leave this house, and it has no way out.
CLOCK = sorted({one["task"] for one in tasks.SCHEDULE.values()} - {"portal.relay", "portal.mail"})


def redeliver() -> None:
    """Deliver everything again, with one protection less each time; prints what then refused, and the state hash."""
    tasks.timezone = SimpleNamespace(now=lambda: stage.AFTER)  # type: ignore[assignment]
    delivered = list(Delivery.objects.order_by("id").values_list("task", "pk"))
    lifted: dict[str, Callable[[], None]] = {
        "nothing": lambda: None,
        "claim": ignore_claims,
        "marks": forget_what_was_settled,
        "keys": lambda: drop_constraints("fund_settlement", "fund_transfer", kinds="pu"),
        "limits": lambda: drop_constraints("fund_card", kinds="c"),
    }
    found = {}
    for protection, lift in lifted.items():
        lift()
        found[protection] = {"refused": sorted(filter(None, map(refused, delivered))), "hash": state_hash()}
    print(json.dumps(found))


def refused(message: tuple[str, int]) -> str:
    task, number = message
    try:
        tasks.app.tasks[f"portal.{task}"].run(number)
    except Exception as error:  # whatever refuses is the answer
        return type(error.__cause__ or error).__name__
    return ""


def ignore_claims() -> None:
    """Every message is worked on, and nothing says afterwards that it was."""

    def work_unmarked(*, delivery: Delivery, work: Callable[..., Any], now: Any) -> bool:
        with django.db.transaction.atomic():
            return bool(work(delivery.note, now))

    relay.claim = lambda *, delivery_id, now: Delivery.objects.select_related("note").get(pk=delivery_id)
    relay.step = work_unmarked  # type: ignore[assignment]


def forget_what_was_settled() -> None:
    """The orders, the ranges and the offering stand as before their settlement; what was booked stays booked."""
    with connection.cursor() as cursor:
        cursor.execute("SET session_replication_role = replica")
        cursor.execute("UPDATE fund_subscription SET status = 'funded' WHERE status = 'settled'")
        cursor.execute("UPDATE fund_settlementchunk SET allotted_at = NULL, settled_at = NULL")
        cursor.execute("UPDATE fund_offering SET state = 'allotted' WHERE state = 'settled'")
        cursor.execute("SET session_replication_role = origin")


def drop_constraints(*tables: str, kinds: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT conrelid::regclass::text, conname FROM pg_constraint"
            ' WHERE conrelid = ANY(%s::regclass[]) AND contype = ANY(string_to_array(%s, NULL)::"char"[])',
            [list(tables), kinds],
        )
        for table, name in cursor.fetchall():
            cursor.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name} CASCADE")


def state_hash() -> str:
    with connection.cursor() as cursor:
        cursor.execute(STATE)
        (digest,) = cursor.fetchone() or ("",)
    return str(digest)


def state() -> None:
    digest = state_hash()
    wrong = [f"{check.name}: {check.first}" for check in prove.every_check() if not check.clean]
    one = Offering.objects.get(pk=stage.CODE)
    print(json.dumps({"hash": digest, "wrong": "; ".join(wrong), "offering": one.state}))


def distributed() -> None:
    """What is wrong in book, register and distribution.

    The units were not bought by orders, of which the other rooms would ask.
    """
    checks = [*ledger.prove(), *capital.prove(), *proofs.prove()]
    wrong = [f"{check.name}: {check.first}" for check in checks if not check.clean]
    print(json.dumps({"wrong": "; ".join(wrong)}))


def prepare_day(orders: str, citizens: str) -> None:
    busy.prepare(int(orders), int(citizens))


def sign_navs() -> None:
    busy.sign_navs()


def nudge() -> None:
    """A second scheduler, which asks for everything that the clock asks for once a second until it is killed."""
    while True:
        with contextlib.suppress(OperationalError):
            for task in ("portal.value_day", "portal.pay_distributions", "portal.lapse", "portal.open_and_close"):
                tasks.app.send_task(task, expires=5)
        time.sleep(1)


def carry_on(name: str) -> None:
    """Acts, notes and messages without end, mailed after every fifth. Each is told once it is acknowledged: its number,
    its transaction, and between which moments of the machine it came about.
    """
    user, _new = get_user_model().objects.get_or_create(email=f"{name}@example.org")
    for number in itertools.count():
        began, now = time.monotonic(), timezone.now()
        with transaction.atomic():
            note = outbox.leave(topic="drill", subject=name, now=now)
            audit.record(actor="system", verb="drill", subject=f"{name}-{number}", now=now)
            facts = {"change": "recovery_opened", "number": f"{name}-{number}"}
            Message.objects.create(
                user=user, note_id=note.pk, topic="security.changed", facts=facts, created_at=now, mail_due_at=now
            )
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_current_xact_id()::text")
                (xid,) = cursor.fetchone() or ("",)
        print(json.dumps([number, int(xid), began, time.monotonic()]), flush=True)
        if number % 5 == 4:
            mail.send_due(now=timezone.now())


def boot() -> None:
    """A copy comes up: what it holds, and what leaves it while it is fenced, without its fence, and once released."""
    tasks.send = lambda task, delivery_id: None
    found: dict[str, Any] = {"acts": list(Act.objects.filter(verb="drill").values_list("subject", flat=True))}
    found["wrong"] = [f"{check.name}: {check.first}" for check in prove.every_check() if not check.clean]
    found["waiting"], before = Message.objects.exclude(mail_due_at=None).count(), letters()
    let_out()
    found |= {"why": fence.state().why.value, "fenced": (letters() - before).total(), "exported": exported()}
    found["deliveries"] = Delivery.objects.count()
    asks = witness.is_open, fence.is_open
    with transaction.atomic():  # negative control
        witness.is_open = fence.is_open = lambda **_now: True
        let_out()
        found |= {"unfenced": (letters() - before).total(), "unfenced_deliveries": Delivery.objects.count()}
        transaction.set_rollback(True)
    witness.is_open, fence.is_open = asks
    found["twice"] = sum(count > 1 for count in letters().values())
    american = Officer.objects.get(person="officer-US")
    stage.sign(fence.propose_release(officer=american, now=timezone.now(), reason="a rehearsal"), timezone.now())
    before = letters()
    let_out()
    found |= {"released": (letters() - before).total(), "released_deliveries": Delivery.objects.count()}
    print(json.dumps(found))


def let_out() -> None:
    """What the clock does within its first seconds, and a message that the queue still held."""
    tasks.relay_notes()
    tasks.send_mail()
    tasks.deliver_to_webhooks()
    tasks.open_and_close_offerings()
    tasks.pay_distributions()


def exported() -> str:
    """What comes of asking for a bank file."""
    try:
        payout_files.export(run=PayoutRun(pk=1), format=Format.ZENGIN, writers={}, actor="system", now=timezone.now())
    except fence.Fenced as refused:
        return refused.code
    return "made"


def letters() -> Counter[str]:
    """How often each message was mailed, by whichever database."""
    folder = Path(settings.MAILERS["default"]["OPTIONS"]["file_path"])
    return Counter(number for file in folder.glob("*") for number in re.findall(r"\b[ab]-\d+", file.read_text()))


VERBS: dict[str, Callable[..., None]] = {
    verb.__name__: verb
    for verb in (
        migrate,
        prepare,
        carry_out,
        settle,
        half_settle,
        deliver,
        redeliver,
        state,
        declare_distribution,
        distribute,
        half_distribute,
        distribute_again,
        distributed,
        carry_on,
        boot,
        prepare_day,
        sign_navs,
        nudge,
    )
}


def perform(words: Sequence[str], said: Connection, as_owner: bool) -> None:
    """In a process that was forked for it: do one verb, print to ``said``, and end with 1 when something is raised."""
    os.dup2(said.fileno(), 1)
    sys.stdout = os.fdopen(1, "w", buffering=1)
    verb, database, *given = words
    try:
        with connected_as_owner() if as_owner else contextlib.nullcontext():
            stage.use(database)
            VERBS[verb](*given)
    except BaseException as error:
        print("".join(traceback.format_exception(error))[-3000:].replace("\n", " "))
        sys.stdout.flush()
        os._exit(1)
    connection.close()
    sys.stdout.flush()


if __name__ == "__main__":
    stage.use(sys.argv[2])
    print("ready", flush=True)
    VERBS[sys.argv[1]](*sys.argv[3:])
