"""Screening people: whoever is like an entry gets a hit, once; hits on entries that are gone lapse.

Citizens' names are sealed, and no key for matching is stored in their place. Fuzzy comparing needs the letters: a blind
index of a word finds only its equals, and one of every variant of a word would give the names away by their frequency.
So names are unsealed in chunks, compared in memory and forgotten, and every chunk leaves an act with its purpose.
Unsealing costs about as much as the match itself: a dozen microseconds a citizen each.
"""

import json
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any

from django.db import connection
from django.db.models import Q

from fund import envelope
from investors import vault
from investors.people import Investor
from investors.screening.match import Index, Match, Matcher, Person
from investors.screening.models import STANDING, Entry, Hit, ListVersion

SCREENING_LOCK = 0x73616E63  # shared by whoever screens, held alone by whoever loads a list; see docs/locking.md


def lock(*, alone: bool) -> None:
    """Until the end of the transaction: no list is loaded while somebody is screened, and the other way round."""
    function = "pg_advisory_xact_lock" if alone else "pg_advisory_xact_lock_shared"
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {function}(%s)", [SCREENING_LOCK])


def in_force() -> list[ListVersion]:
    """The newest version of each list that was ever loaded."""
    return list(ListVersion.objects.order_by("source", "-id").distinct("source"))


def screen(*, investor: Investor, answers: Mapping[str, Mapping[str, Any]], now: datetime) -> int:
    """Screen one applicant against every list in force, from the opened answers; how many hits are new.

    Call it inside the transaction that opened the answers and logged that.
    """
    if not answers.get("name") or not answers.get("birth"):
        return 0
    lock(alone=False)
    person = Person.of(dict(answers["name"]), date.fromisoformat(answers["birth"]["birth_date"]))
    versions = in_force()
    found = [match for version in versions for match in Matcher(index(version.pk)).matches(person)]
    lapse(investors=[investor.pk], sources=[version.source for version in versions])
    return open_hits([(investor.pk, person, match) for match in found], now=now)


def in_version(version: ListVersion) -> Q:
    """The entries of a list as they were in a version."""
    begun = Q(source=version.source, since_id__lte=version.pk)
    return begun & (Q(until=None) | Q(until_id__gt=version.pk))


@lru_cache(maxsize=4)
def index(version_id: int) -> Index:
    """A version made ready to be asked; kept by the process, for a version never changes and holds public names."""
    version = ListVersion.objects.get(pk=version_id)
    return Index.of(entry.named for entry in Entry.objects.filter(in_version(version)).order_by("pk").iterator())


def open_hits(found: Iterable[tuple[int, Person, Match]], *, now: datetime) -> int:
    """A case for each match that has none yet; returns how many are new."""
    rows = [_hit(investor, person, match, now) for investor, person, match in found]
    Hit.objects.bulk_create(rows, ignore_conflicts=True)
    return Hit.objects.filter(pk__in=[row.pk for row in rows]).count()


def _hit(investor: int, person: Person, match: Match, now: datetime) -> Hit:
    hit = Hit(investor_id=investor, entry_id=match.key, score=match.score, seen=seen(person), opened_at=now)
    evidence = {
        "listed": match.listed,
        "writing": match.writing,
        "name_score": match.name_score,
        "birth": match.birth.value,
    }
    vault.seal(hit, "evidence", json.dumps(evidence, ensure_ascii=False))
    return hit


def seen(person: Person) -> bytes:
    """A keyed fingerprint of what is compared."""
    text = json.dumps([person.written, person.born.isoformat()], ensure_ascii=False)
    return envelope.blind_index(text, purpose="screening")


def lapse(*, investors: Iterable[int], sources: Iterable[str]) -> int:
    """Hits on entries that were taken off a list or changed no longer stand; the new wording was just compared."""
    gone = Hit.objects.filter(investor_id__in=investors, entry__source__in=sources, entry__until__isnull=False)
    return gone.filter(state__in=STANDING).update(state=Hit.State.LAPSED)
