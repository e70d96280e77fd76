"""What is too heavy for a scrape is looked at by the clock, in bounded pieces; what was found is kept with its date.

- **The book**: all balances are added up, in one pass over the cards. It grows with the holders, so that a pass rests
  ten times as long as it took: a tenth of one processor at most.
- **The chains**: every round recomputes some more rows of each, from the first link to the last and over again.
- **Rewritten rows**: the database itself counts updates and deletes. On a table that is only ever added to, one is an
  intrusion, seen in the next round wherever it was. It stands until a whole turn that began afterwards found nothing.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from django.db import connection

from fund.governance import audit
from fund.governance.audit import Log, Seal
from fund.ledger import prove as ledger
from portal.schedule import EVERY
from portal.watch import beats
from portal.watch.models import Observation

LOGS = (audit.AUDIT, ledger.LEDGER, ledger.SETTLEMENTS)
BOOK = "ledger"
ROWS = 50_000  # of each chain in a round
REST = 10  # times as long as a pass over the book took


def watch(*, clock: Callable[[], datetime]) -> None:
    """One round over everything."""
    beats.expect(jobs=EVERY, now=clock())
    look_at_book(clock=clock)
    for log in LOGS:
        look_for_rewriting(log=log, now=clock())
        look_at_chain(log=log, clock=clock)


def look_at_book(*, clock: Callable[[], datetime]) -> None:
    """Whether every asset sums to zero over all balances, unless the last pass is still being rested from."""
    one, now = _of(BOOK), clock()
    if one is not None and now < one.at + REST * timedelta(milliseconds=one.took):
        return
    found = ledger.assets()
    _keep(Observation(name=BOOK, at=now, took=_since(now, clock), faults=found.differences, first=found.first[:200]))


def look_at_chain(*, log: Log, clock: Callable[[], datetime], most: int = ROWS) -> None:
    """Go on along a chain. A fault is told at once; it is taken back by a whole turn without one."""
    now, one = clock(), _of(f"chain {log.name}") or Observation(name=f"chain {log.name}")
    place = one.place or {"after": 0, "began": now.isoformat(), "faults": 0, "first": ""}
    went = audit.walk(log=log, after=place["after"], most=most)
    place["faults"] += went.check.differences
    place["first"] = place["first"] or went.check.first
    place["after"] = went.reached
    if went.ended or place["faults"]:
        one.faults, one.first = place["faults"], place["first"][:200]
    if went.ended:
        one.whole_since, place = datetime.fromisoformat(place["began"]), {}
    one.at, one.took, one.place = now, _since(now, clock), place
    _keep(one)


def look_for_rewriting(*, log: Log, now: datetime) -> None:
    """Whether the database has counted a changed or deleted row in the tables of a log since the last round."""
    name, counts = f"rewritten {log.name}", _rewritten(log)
    one = _of(name) or Observation(name=name, place={"counts": counts})
    seen = one.place["counts"]
    grown = [table for table, count in counts.items() if count > seen.get(table, 0)]
    if grown:
        one.faults, one.first = one.faults + len(grown), ", ".join(grown)[:200]
        one.place = {"counts": counts, "since": now.isoformat()}
        Observation.objects.filter(name=f"chain {log.name}").update(place={})  # from the beginning, at once
    else:
        one.place = {**one.place, "counts": counts}
        if one.faults and _proven_since(log, datetime.fromisoformat(one.place["since"])):
            one.faults, one.first = 0, ""
    one.at = now
    _keep(one)


def _proven_since(log: Log, at: datetime) -> bool:
    chain = _of(f"chain {log.name}")
    return chain is not None and not chain.faults and chain.whole_since is not None and chain.whole_since > at


def _rewritten(log: Log) -> dict[str, int]:
    """Updates and deletes by table, those of transactions that were taken back among them."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname, n_tup_upd + n_tup_del FROM pg_stat_user_tables WHERE relname = ANY(%s)",
            [[log.table, *log.parts, Seal._meta.db_table]],
        )
        return dict(cursor.fetchall())


def _of(name: str) -> Observation | None:
    return Observation.objects.filter(pk=name).first()


def _since(began: datetime, clock: Callable[[], datetime]) -> int:
    return max(0, round((clock() - began).total_seconds() * 1000))


def _keep(one: Observation) -> None:
    changed = ["at", "took", "faults", "first", "place", "whole_since"]
    Observation.objects.bulk_create([one], update_conflicts=True, unique_fields=["name"], update_fields=changed)
