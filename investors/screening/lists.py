"""Loading a list (D15): whole or not at all, each state of it once, the states before it kept.

An entry whose wording did not change keeps its row, and with it what officers found about it.
"""

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256

from django.db import transaction
from django.utils.translation import gettext_lazy as _

from fund.governance import audit, outbox
from investors.screening import mof, ofac, rescreen, screen, un
from investors.screening.listed import Listed, UnsoundList, decoded
from investors.screening.models import Entry, ListFile, ListVersion, Rescreening, SanctionsList

SMALLEST = 80  # percent of the entries before; a file with fewer is taken for cut off
BATCH = 2000


class Shrunk(UnsoundList):
    """Far fewer entries than before: the file is probably cut off. ``facts["before"]`` and ``facts["now"]``."""

    code = "shrunk_list"


@dataclass(frozen=True)
class Loaded:
    """``replay``: these very files were loaded before, and nothing was done. Then there may be no rescreening."""

    version: ListVersion
    replay: bool
    rescreening: Rescreening | None


def current(*, of: SanctionsList) -> ListVersion | None:
    """The version of a list in force."""
    return ListVersion.objects.filter(source=of).order_by("-id").first()


@transaction.atomic
def load(*, of: SanctionsList, files: Sequence[bytes], actor: str, now: datetime, may_shrink: bool = False) -> Loaded:
    """Load the files of a list; who must be screened anew is screened by whoever hears of ``sanctions.loaded``.

    OFAC: sdn.csv, alt.csv and add.csv in any order and number; a part that is not among them stays as it was loaded
    last. The same files again change nothing. Raises UnsoundList and, without ``may_shrink``, Shrunk.
    """
    for data in files:
        decoded(data, encodings=("utf-8-sig", "cp932", "cp1252"))  # too large, or no text, before anything is parsed
    screen.lock(alone=True)
    before = current(of=of)
    given = _parts(of, files)
    parts = {**_kept(before), **given}
    digest = sha256(b"".join(name.encode() + sha256(parts[name]).digest() for name in sorted(parts))).digest()
    if earlier := ListVersion.objects.filter(source=of, digest=digest).first():
        return Loaded(earlier, True, None)
    listed = _read(of, parts)
    if before and not may_shrink and len(listed) * 100 < before.entries * SMALLEST:
        raise Shrunk(
            _("The list would shrink from %(before)s to %(now)s entries; the file is probably cut off.")
            % {"before": before.entries, "now": len(listed)},
            before=before.entries,
            now=len(listed),
        )
    version = _keep(of, digest, listed, actor, now)
    version.files.add(*(_file(name, data, now) for name, data in parts.items()))
    rescreening = rescreen.begin(version=version, now=now)
    outbox.leave(topic="sanctions.loaded", subject=str(version), now=now, version=version.pk)
    return Loaded(version, False, rescreening)


def _parts(of: SanctionsList, files: Sequence[bytes]) -> dict[str, bytes]:
    if of != SanctionsList.OFAC:
        if len(files) != 1:
            raise UnsoundList(_("This list is one file."))
        return {of.value: files[0]}
    parts = {ofac.part(data): data for data in files}
    if len(parts) != len(files):
        raise UnsoundList(_("The same part of the list was given twice."))
    return parts


def _kept(version: ListVersion | None) -> dict[str, bytes]:
    """The files that a version was made of."""
    if version is None:
        return {}
    return {one.part: zlib.decompress(bytes(one.content)) for one in version.files.all()}


def _read(of: SanctionsList, parts: Mapping[str, bytes]) -> list[Listed]:
    match of:
        case SanctionsList.OFAC:
            return ofac.read(parts)
        case SanctionsList.UN:
            return un.read(parts[of.value])
        case SanctionsList.MOF:
            return mof.read(parts[of.value])


def _file(part: str, data: bytes, now: datetime) -> ListFile:
    digest = sha256(data).digest()
    found = ListFile.objects.filter(digest=digest).first()
    return found or ListFile.objects.create(digest=digest, part=part, content=zlib.compress(data), received_at=now)


def _keep(of: SanctionsList, digest: bytes, listed: list[Listed], actor: str, now: datetime) -> ListVersion:
    """The new version and its rows: what changed or is gone ends, what changed or is new begins."""
    rows = Entry.objects.filter(source=of, until=None).values_list("number", "pk", "digest")
    before = {number: (pk, bytes(held)) for number, pk, held in rows}
    fresh = [one for one in listed if one.number not in before or before[one.number][1] != one.digest]
    gone = set(before) - {one.number for one in listed}
    changed = {one.number for one in fresh if one.number in before}
    version = ListVersion.objects.create(
        source=of,
        digest=digest,
        entries=len(listed),
        added=len(fresh) - len(changed),
        changed=len(changed),
        removed=len(gone),
        loaded_at=now,
        loaded_by=actor,
    )
    ending = [before[number][0] for number in gone | changed]
    if Entry.objects.filter(pk__in=ending, until=None).update(until=version) != len(ending):
        raise RuntimeError("an entry was ended by somebody else meanwhile")
    Entry.objects.bulk_create((_row(one, of, version) for one in fresh), batch_size=BATCH)
    audit.record(
        actor=actor,
        verb="load_sanctions",
        subject=str(version),
        now=now,
        digest=digest.hex(),
        entries=version.entries,
        added=version.added,
        changed=version.changed,
        removed=version.removed,
    )
    return version


def _row(one: Listed, of: SanctionsList, version: ListVersion) -> Entry:
    return Entry(
        source=of,
        number=one.number,
        kind=one.kind.value,
        names=list(one.names),
        weak=list(one.weak),
        births=[birth.to_json() for birth in one.births],
        countries=list(one.countries),
        remarks=one.remarks,
        digest=one.digest,
        since=version,
    )
