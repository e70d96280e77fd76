"""Each job of the clock leaves a beat, so that silence is seen from the database whoever fell silent."""

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime

from django.utils import timezone

from portal.watch.models import Beat

AT_WORK = "worker"  # not a job of the clock: some worker has just done, or tried, what a note asked for
AT_WORK_EVERY = 5.0  # seconds between two such beats of one process

_told = -AT_WORK_EVERY


@contextmanager
def beating(job: str) -> Iterator[None]:
    """Note that a job ended well, or that it failed and with what kind of error, which is raised on."""
    try:
        yield
    except Exception as error:
        now, kind = timezone.now(), type(error).__qualname__[:80]
        _keep(Beat(job=job, known_at=now, failed_at=now, error=kind), ["failed_at", "error"])
        raise
    ran(job=job, now=timezone.now())


def ran(*, job: str, now: datetime) -> None:
    """A job ended well."""
    _keep(Beat(job=job, known_at=now, ran_at=now), ["ran_at", "error"])


def at_work(*, now: datetime) -> None:
    """This process has worked for a note; told every few seconds, not for each."""
    global _told
    if time.monotonic() - _told >= AT_WORK_EVERY:
        _told = time.monotonic()
        ran(job=AT_WORK, now=now)


def expect(*, jobs: Iterable[str], now: datetime) -> None:
    """These jobs should run from now on, if they were not known before."""
    Beat.objects.bulk_create([Beat(job=job, known_at=now) for job in jobs], ignore_conflicts=True)


def _keep(beat: Beat, changed: list[str]) -> None:
    Beat.objects.bulk_create([beat], update_conflicts=True, unique_fields=["job"], update_fields=changed)
