"""Two hundred apps for the last hundred lots: each is answered, none with a failure, and exactly the lots are sold."""

import json
import os
import random
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from fund.dealing import allotment, offering, prove, settlement, subscription
from fund.dealing.models import Offering
from fund.governance import approval
from fund.governance.officers import Officer
from fund.payments import receipts
from tests.fund.payments import bank_files
from tests.portal.api.conftest import CODE, Api, make_citizen, make_offering, order, problem

RELEASE = "RUSH_SEEDS" in os.environ  # the full rush of a release; a fifth of it otherwise
CLIENTS, LOTS, LOT = (200, 100, 10_000) if RELEASE else (40, 20, 10_000)
AT_THE_DATABASE = threading.BoundedSemaphore(60)  # as many as the site's processes would connect
PATIENCE = 8  # as many attempts as the reference clients make
SEEDS = int(os.environ.get("RUSH_SEEDS", "1"))


def send_all(apps: list[tuple[Api, int]]) -> list[Any]:
    """Every app sends its order at the same moment; the answers, in the order of the apps."""
    start = threading.Barrier(len(apps))

    def send(app: Api, lots: int) -> Any:
        start.wait(timeout=60)
        with AT_THE_DATABASE:
            try:
                return ask(app, lots)
            finally:
                connection.close()

    with ThreadPoolExecutor(len(apps)) as pool:
        return [sent.result(timeout=120) for sent in [pool.submit(send, *app) for app in apps]]


def ask(app: Api, lots: int) -> Any:
    """As the reference clients do: told to come again, an app comes again with the same key."""
    for _attempt in range(PATIENCE):
        answer = app.post("/subscriptions", order(str(lots * LOT)), key="rush")
        if answer.status_code != 503:
            break
        assert problem(answer)["code"] == "unavailable", "the machine was too busy to connect in time"
        time.sleep(float(answer["Retry-After"]))
    return answer


def pay(placed: list[dict[str, Any]]) -> None:
    now = timezone.now()
    entries = [
        bank_files.entry(
            int(one["amount"]["value"]), currency="JPY", creditor_reference=one["reference"],
            booking_date=now.date(), value_date=now.date(), bank_reference=f"BANK-{number}", line=number,
        )
        for number, one in enumerate(placed, 1)
    ]  # fmt: skip
    data = bank_files.file(*entries, account="DEMO-JPY-001", opened_on=now.date(), closed_on=now.date())
    taken = receipts.import_file(data=data, name="statement.xml", actor="officer:1", now=now)
    assert subscription.fund(file_id=taken.file.pk, now=now) == len(placed)


def allot_and_settle(one: Offering) -> None:
    offering.close_due(now=one.closes_at)
    american, japanese = Officer.objects.get(nation="US"), Officer.objects.get(nation="JP")
    proposal = allotment.propose(offering=one, officer=american, now=one.pay_by)
    approval.sign(proposal=proposal, officer=japanese, digest=bytes(proposal.digest), now=one.pay_by)
    allotment.carry_out(proposal=proposal, now=one.pay_by)
    while settlement.settle_next(offering_code=CODE, now=one.pay_by, chunk=30):
        pass


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("seed", [random.randrange(10**9) for _ in range(SEEDS)], ids=range(SEEDS))
def test_many_apps_for_the_last_lots(seed):
    print(f"seed {seed}")
    dice = random.Random(seed)
    one = make_offering(capacity=LOTS * LOT)
    apps = [(Api(make_citizen().user), dice.randint(1, 4)) for _ in range(CLIENTS)]
    answers = send_all(apps)
    assert [answer.status_code for answer in answers] == [201] * CLIENTS
    placed = [json.loads(answer.content) for answer in answers]
    assert len({each["reference"] for each in placed}) == CLIENTS
    pay(placed)
    allot_and_settle(one)
    told = [
        json.loads(app.get(f"/subscriptions/{each['reference']}").content)
        for (app, _lots), each in zip(apps, placed, strict=True)
    ]
    allotted = [int(each["allotted"]["value"]) for each in told]
    for (_app, lots), each, got in zip(apps, told, allotted, strict=True):
        assert each["status"] == "settled" and got in (0, LOT), "there is a lot for every second citizen"
        assert got + int(each["refund"]["value"]) == lots * LOT
    assert sum(allotted) == LOTS * LOT
    assert [check for check in prove.prove() if not check.clean] == []
