"""`python -m tests.crash.actor VERB DATABASE …`: one thing that a process of the site does, to be killed at will."""

# ruff: noqa: E402  models can be imported only after Django's setup
import contextlib
import json
import os
import random
import sys
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import django

django.setup()

from django.core.management import call_command
from django.db import connection

from bench import stage
from fund.dealing import allotment, offering, settlement
from fund.dealing.models import Offering
from fund.governance.approval import Proposal
from fund.governance.officers import Officer
from portal import relay, tasks
from portal.management.commands import prove

STATE = """
    SELECT encode(sha256(convert_to(string_agg(line, chr(10) ORDER BY line), 'UTF8')), 'hex') FROM (
        SELECT 'order ' || id || ' ' || status AS line FROM fund_subscription
        UNION ALL SELECT 'line ' || to_jsonb(l)::text FROM fund_allotmentline l
        UNION ALL SELECT 'balance ' || account_id || ' ' || holder_id || ' ' || amount || ' ' || reserved
          FROM fund_balance WHERE (amount, reserved) <> (0, 0)
        UNION ALL SELECT concat_ws(' ', 'transfer', event_id, event, line, debit_id, credit_id, holder_id, phase,
                                   amount)
          FROM fund_leg
        UNION ALL SELECT concat_ws(' ', 'offering', code, state, encode(seed, 'hex')) FROM fund_offering
        UNION ALL SELECT concat_ws(' ', 'allotment', offering_id, level, cut, allotted_lots, price)
          FROM fund_allotment
        UNION ALL SELECT concat_ws(' ', 'note', topic, subject) FROM fund_note
    ) lines
"""


def prepare(orders: str) -> None:
    """A paid book, closed, and an allotment with both keys that nobody has carried out yet."""
    connection.close()
    call_command("migrate", verbosity=0)
    stage.paid_book(orders=int(orders), seed=int(orders))
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


def deliver(seed: str, most: str) -> None:
    """Run every task that the notes ask for, each up to ``most`` times and in an order that the seed shuffles."""
    dice, delivered = random.Random(int(seed)), 0
    tasks.timezone = SimpleNamespace(now=lambda: stage.AFTER)  # type: ignore[assignment]
    due: list[tuple[str, int]] = []
    while True:
        relay.sweep(now=stage.AFTER, send=lambda task, number: due.append((task, number)))
        sent = [each for each in due for _ in range(dice.randint(1, int(most)))]
        if not sent:
            break
        dice.shuffle(sent)
        for task, number in sent:
            tasks.app.tasks[f"portal.{task}"].run(number)
            delivered += 1
        due.clear()
    print(delivered)


def state() -> None:
    with connection.cursor() as cursor:
        cursor.execute(STATE)
        (digest,) = cursor.fetchone() or ("",)
    wrong = [f"{check.name}: {check.first}" for check in prove.every_check() if not check.clean]
    one = Offering.objects.get(pk=stage.CODE)
    print(json.dumps({"hash": digest, "wrong": "; ".join(wrong), "offering": one.state}))


VERBS: dict[str, Callable[..., None]] = {
    verb.__name__: verb for verb in (prepare, carry_out, settle, half_settle, deliver, state)
}

if __name__ == "__main__":
    stage.use(sys.argv[2])
    print("ready", flush=True)
    VERBS[sys.argv[1]](*sys.argv[3:])
