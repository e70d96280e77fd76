"""The audit log and its hash chain (decision 6).

An act is recorded in the transaction that performs it; nobody queues for the chain. Behind the acts a sealer takes all
rows of transactions that have ended, in one order that never changes again, and chains their digests. A seal keeps
eight bytes of each row's digest, so that ``prove`` names the row that was tampered with, not only the range.
"""

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any, cast

from django.db import connection, models, transaction

from fund import rows, trace
from fund.append_only import AppendOnly, Sealable
from fund.governance.checks import Check

ROW_DIGEST = 8
GENESIS = bytes(32)
SEALER_LOCK = 0x6B616B65  # one sealer at a time, see docs/locking.md


class Act(Sealable):
    """Who did what to which thing, when. ``detail`` holds ids, states and figures, never personal data.

    ``trace`` joins it to the request or task in which it was done; it is not sealed.
    """

    id = models.BigAutoField(primary_key=True)
    at = models.DateTimeField()
    actor = models.CharField(max_length=80)
    verb = models.CharField(max_length=40)
    subject = models.CharField(max_length=140)
    detail = models.JSONField(default=dict)
    trace = models.UUIDField(null=True, default=trace.current, editable=False)

    class Meta(Sealable.Meta):
        indexes = [
            *Sealable.Meta.indexes,
            models.Index(fields=["subject", "id"], name="act_subject"),
            models.Index(fields=["actor", "id"], name="act_actor"),
            models.Index(fields=["trace"], condition=~models.Q(trace=None), name="act_trace"),
        ]

    def __str__(self) -> str:
        return f"{self.actor} {self.verb} {self.subject}"


class Seal(AppendOnly):
    """One link: the rows of ``log`` written by transactions in [from_xact, to_xact), chained to the link before."""

    id = models.BigAutoField(primary_key=True)
    log = models.CharField(max_length=16)
    from_xact = models.BigIntegerField()
    to_xact = models.BigIntegerField()
    rows = models.PositiveBigIntegerField()
    digests = models.BinaryField()
    previous = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)
    sealed_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [models.UniqueConstraint(fields=["log", "previous"], name="seal_chain_does_not_fork")]
        indexes = [models.Index(fields=["log", "to_xact"], name="seal_head")]

    def __str__(self) -> str:
        return f"{self.log} {bytes(self.hash).hex()[:12]}"


@dataclass(frozen=True)
class Log:
    """A sealable table: ``line`` is SQL for the bytes of one row, ``order`` its fixed order, ``label`` a row's name.

    ``written`` is the column with the time of writing; ``parts`` are further tables whose rows a row's bytes cover.
    """

    name: str
    table: str
    line: str
    order: str
    label: str
    written: str
    parts: tuple[str, ...] = ()


AUDIT = Log(
    name="audit",
    table="fund_act",
    line="convert_to(jsonb_build_array(id, at AT TIME ZONE 'UTC', actor, verb, subject, detail)::text, 'UTF8')",
    order="xact, id",
    label="'act ' || id",
    written="at",
)


# The acts of a set, from (at, actor, verb, subject, detail).
INTO = "INSERT INTO fund_act (at, actor, verb, subject, detail)"


def record(*, actor: str, verb: str, subject: str, now: datetime, **detail: Any) -> Act:
    """Write an act in the running transaction. ``actor`` is ``officer:7``, ``investor:3`` or ``system``."""
    done = act(actor=actor, verb=verb, subject=subject, now=now, **detail)
    rows.insert(done)
    return done


def act(*, actor: str, verb: str, subject: str, now: datetime, **detail: Any) -> Act:
    """The act of ``record``, not written yet: for a verb that writes it together with its effect."""
    return rows.new(Act, at=now, actor=actor, verb=verb, subject=subject, detail=detail)


def link(*, log: str, from_xact: int, to_xact: int, digests: bytes, previous: bytes) -> bytes:
    """The hash of one link of the chain."""
    return sha256(b"|".join([log.encode(), b"%d" % from_xact, b"%d" % to_xact, previous, digests])).digest()


def head(*, log: Log) -> Seal | None:
    """The newest link; its hash is what is published."""
    return Seal.objects.filter(log=log.name).order_by("-to_xact").first()


@transaction.atomic
def seal(*, log: Log, now: datetime) -> Seal | None:
    """Seal every row of transactions that have ended since the last link; None when there is nothing new.

    Any transaction still running has an id at or above the horizon, so the range below it can gain no more rows.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [SEALER_LOCK])
        if cursor.fetchone() != (True,):
            return None
        last = head(log=log)
        start = last.to_xact if last else 0
        cursor.execute("SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint")
        (horizon,) = cursor.fetchone() or (start,)
        digests = _digests(log, start, horizon)
    if not digests:
        return None
    previous = bytes(last.hash) if last else GENESIS
    return Seal.objects.create(
        log=log.name,
        from_xact=start,
        to_xact=horizon,
        rows=len(digests) // ROW_DIGEST,
        digests=digests,
        previous=previous,
        hash=link(log=log.name, from_xact=start, to_xact=horizon, digests=digests, previous=previous),
        sealed_at=now,
    )


def _digests(log: Log, from_xact: int, to_xact: int) -> bytes:
    """The first eight bytes of each row's SHA-256, in order."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT coalesce(string_agg(substr(sha256({log.line}), 1, {ROW_DIGEST}), ''::bytea"
            f" ORDER BY {log.order}), ''::bytea) FROM {log.table} WHERE xact >= %s AND xact < %s",
            [from_xact, to_xact],
        )
        (digests,) = cursor.fetchone() or (b"",)
    return bytes(digests)


def prove(*, log: Log) -> Check:
    """Recompute the whole chain of a log; names the first row or link that differs."""
    return walk(log=log).check


@dataclass(frozen=True)
class Walk:
    """A piece of the chain recomputed. ``reached``: the ``to_xact`` of its last link; ``ended``: it is the chain's."""

    check: Check
    reached: int
    ended: bool


def walk(*, log: Log, after: int = 0, most: int | None = None) -> Walk:
    """Recompute the links after the one that ends at ``after``, until ``most`` rows are read; names the first fault."""
    rows = differences = 0
    first = ""
    before = Seal.objects.filter(log=log.name, to_xact=after).first() if after else None
    previous, expected_start = (bytes(before.hash), after) if before else (GENESIS, 0)
    for one in (
        Seal.objects.filter(log=log.name, to_xact__gt=expected_start).order_by("to_xact").iterator(chunk_size=50)
    ):
        if most is not None and rows >= most:
            return Walk(Check(f"{log.name} chain", rows, differences, first), expected_start, False)
        rows += one.rows
        found = _fault(log, one, previous, expected_start)
        if found:
            differences += 1
            first = first or found
        previous, expected_start = bytes(one.hash), one.to_xact
    return Walk(Check(f"{log.name} chain", rows, differences, first), expected_start, True)


def unsealed_since(*, log: Log) -> datetime | None:
    """When the oldest row was written that no link holds yet, None when all are sealed."""
    last = head(log=log)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT min({log.written}) FROM {log.table} WHERE xact >= %s", [last.to_xact if last else 0])
        (at,) = cursor.fetchone() or (None,)
    return at if at is None else cast("datetime", at)


def _fault(log: Log, one: Seal, previous: bytes, expected_start: int) -> str:
    digests = bytes(one.digests)
    made = link(log=log.name, from_xact=one.from_xact, to_xact=one.to_xact, digests=digests, previous=previous)
    if bytes(one.previous) != previous or one.from_xact != expected_start or bytes(one.hash) != made:
        return f"seal {one.pk} does not continue the chain"
    now = _digests(log, one.from_xact, one.to_xact)
    if now == digests:
        return ""
    place = next(
        (at for at in range(0, len(digests), ROW_DIGEST) if now[at : at + ROW_DIGEST] != digests[at : at + ROW_DIGEST]),
        len(digests),
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {log.label} FROM {log.table} WHERE xact >= %s AND xact < %s"
            f" ORDER BY {log.order} OFFSET %s LIMIT 1",
            [one.from_xact, one.to_xact, place // ROW_DIGEST],
        )
        row = cursor.fetchone()
    return f"{row[0]} is not as it was sealed" if row else f"a row at the end of seal {one.pk} is gone"


def evidence(*, acts: models.QuerySet[Act]) -> Iterator[dict[str, Any]]:
    """These acts with what proves them, in the order of the chain: lines for ``docs/verify_audit.py``.

    Every link from the first act's to the last act's is there, so that the chain can be followed; after a link come
    the acts of it that were asked for, each with its place among the link's rows and the very text that was sealed.
    Acts that no link holds yet come last, without a place.
    """
    wanted = sorted(acts.values_list("xact", "id"))
    if not wanted:
        return
    links = Seal.objects.filter(log=AUDIT.name, to_xact__gt=wanted[0][0], from_xact__lte=wanted[-1][0])
    done = 0
    for one in links.order_by("to_xact").iterator(chunk_size=50):
        yield {
            "link": {
                "log": one.log,
                "from": one.from_xact,
                "to": one.to_xact,
                "previous": bytes(one.previous).hex(),
                "digests": bytes(one.digests).hex(),
                "hash": bytes(one.hash).hex(),
            }
        }
        end = bisect_left(wanted, (one.to_xact, 0), lo=done)
        yield from _placed(one, [pk for _xact, pk in wanted[done:end]])
        done = end
    with connection.cursor() as cursor:
        ids = [pk for _xact, pk in wanted[done:]]
        cursor.execute(f"SELECT convert_from({AUDIT.line}, 'UTF8') FROM fund_act WHERE id = ANY(%s) ORDER BY id", [ids])
        yield from ({"act": line, "place": None} for (line,) in cursor.fetchall())


def _placed(one: Seal, ids: list[int]) -> Iterator[dict[str, Any]]:
    """Acts of one link with their places in it, from 0."""
    if not ids:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT line, place FROM (SELECT id, convert_from({AUDIT.line}, 'UTF8') AS line,"
            f" row_number() OVER (ORDER BY {AUDIT.order}) - 1 AS place"
            " FROM fund_act WHERE xact >= %s AND xact < %s) sealed WHERE id = ANY(%s) ORDER BY place",
            [one.from_xact, one.to_xact, ids],
        )
        yield from ({"act": line, "place": place} for line, place in cursor.fetchall())
