"""Rescreening (D10, D15): when a list changes everybody is screened anew, as a set, in chunks that can be resumed.

The row of a rescreening says how far it is and is locked by the chunk that runs: a killed chunk leaves it as it was,
and two workers follow one another. Applicants whose application is not yet before an officer are screened when it is.
"""

import json
from collections.abc import Iterator
from datetime import date, datetime

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from fund.governance import audit
from investors import vault
from investors.applications import Answer, Application, Status
from investors.people import Investor
from investors.screening import screen
from investors.screening.match import Matcher, Person
from investors.screening.models import ListVersion, Rescreening, SanctionsList
from investors.vault import Purpose

CHUNK = 10_000
ACTOR = "system"


def begin(*, version: ListVersion, now: datetime) -> Rescreening:
    """Start screening everybody against a version, or go on with what was started."""
    running = Rescreening.objects.filter(version=version, ended_at=None).first()
    return running or Rescreening.objects.create(version=version, total=_everybody().count(), begun_at=now)


def newest(*, of: SanctionsList) -> Rescreening | None:
    """The latest rescreening against a list, for showing its progress."""
    return Rescreening.objects.filter(version__source=of).order_by("-id").select_related("version").first()


@transaction.atomic
def screen_next(*, version_id: int, now: datetime, chunk: int = CHUNK) -> int:
    """Screen the next citizens against a version in one transaction; returns how many, 0 when everybody is done.

    Call it until 0. A version that is no longer in force is not gone on with: the newer one has its own rescreening.
    """
    row = Rescreening.objects.select_for_update(of=("self",)).select_related("version")
    running = row.filter(version_id=version_id, ended_at=None).first()
    if running is None:
        return 0
    screen.lock(alone=False)
    rest = _everybody().filter(pk__gt=running.last_investor).only("state", "name", "birth_date")
    people = [] if _superseded(running.version) else list(rest[:chunk])
    if not people:
        return _end(running, now)
    opened = _screen(running, people, now)
    Rescreening.objects.filter(pk=running.pk).update(
        last_investor=people[-1].pk, screened=F("screened") + len(people), opened=F("opened") + opened
    )
    return len(people)


def _everybody() -> QuerySet[Investor]:
    """Approved citizens, and those whose application is before an officer."""
    reviewed = Application.objects.filter(investor=OuterRef("pk"), status=Status.IN_REVIEW)
    return Investor.objects.filter(Q(state=Investor.State.APPROVED) | Exists(reviewed)).order_by("pk")


def _superseded(version: ListVersion) -> bool:
    return ListVersion.objects.filter(source=version.source, pk__gt=version.pk).exists()


def _screen(running: Rescreening, people: list[Investor], now: datetime) -> int:
    audit.record(
        actor=ACTOR,
        verb="open",
        subject=str(running),
        now=now,
        purpose=Purpose.SCREENING.value,
        columns=["name", "birth_date"],
        investors=[people[0].pk, people[-1].pk],
        number=len(people),
    )
    matcher = Matcher(screen.index(running.version_id))
    found = [(pk, person, match) for pk, person in _persons(people, now) for match in matcher.matches(person)]
    screen.lapse(investors=[one.pk for one in people], sources=[running.version.source])
    return screen.open_hits(found, now=now)


def _persons(people: list[Investor], now: datetime) -> Iterator[tuple[int, Person]]:
    """Approved citizens by their own record, the others by their answers.

    Whoever was decided on since ``people`` was read was screened by that decision, and is passed over.
    """
    waiting = [one.pk for one in people if one.state != Investor.State.APPROVED]
    answers = Answer.objects.filter(
        application__investor__in=waiting, application__status=Status.IN_REVIEW, step__in=["name", "birth"]
    ).select_related("application")
    told: dict[int, dict[str, str]] = {}
    for row in answers:
        told.setdefault(row.application.investor_id, {})[row.step] = _read(row, "content", now)
    for one in people:
        if one.state == Investor.State.APPROVED:
            name, birth = _read(one, "name", now), _read(one, "birth_date", now)
        elif one.pk in told:
            name, birth = told[one.pk]["name"], json.loads(told[one.pk]["birth"])["birth_date"]
        else:
            continue
        yield one.pk, Person.of(json.loads(name), date.fromisoformat(birth))


def _read(row: Investor | Answer, column: str, now: datetime) -> str:
    return vault.read(row, column, purpose=Purpose.SCREENING, actor=ACTOR, now=now)


def _end(running: Rescreening, now: datetime) -> int:
    Rescreening.objects.filter(pk=running.pk, ended_at=None).update(ended_at=now)
    audit.record(
        actor=ACTOR,
        verb="rescreened",
        subject=str(running),
        now=now,
        version=str(running.version),
        screened=running.screened,
        opened=running.opened,
    )
    return 0
