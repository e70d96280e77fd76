"""The fence before everything that leaves the house: closed on a restored copy until both nations release it.

The database says which one it is (``fund_generation``, sql/fence.sql), the fence keeps which one was released. A
restored copy is another one, whatever it was restored from: its fence is closed from its first moment, and nobody has
to remember to close it. What was paid and mailed after the restored moment is unknown to the copy; only people, with
the banks' files before them, can say whether it may go on.

Closing needs one hand, opening both keys.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pgtrigger
from django.db import DEFAULT_DB_ALIAS, connections, models, transaction
from django.db.models import Func, Q, TextField
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance import approval, audit
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Officer
from fund.governance.outbox import Note
from fund.refusal import Refusal

SUBJECT = Kind.RELEASE.value


class Fenced(Refusal):
    """Nothing leaves the house now; the message says why."""

    code = "fenced"


class NotFenced(Refusal):
    """There is nothing to release."""

    code = "not_fenced"


class FenceEntry(AppendOnly):
    """The fence was closed or opened. It is open while the last entry says so of this very ``generation``."""

    class Act(models.TextChoices):
        OPENED = "opened", _("opened with the new database")
        CLOSED = "closed", _("fenced")
        RELEASED = "released", _("released by both nations")

    class Why(models.TextChoices):
        RESTORED = "restored", _("this database is a restored copy")
        WENT_BACK = "went_back", _("the database has gone back in time")
        BY_HAND = "by_hand", _("closed by an officer or the operator")

    id = models.BigAutoField(primary_key=True)
    act = models.CharField(max_length=8, choices=Act)
    why = models.CharField(max_length=9, choices=Why, blank=True)
    generation = models.CharField(max_length=120)
    at = models.DateTimeField()
    reason = models.TextField(blank=True)
    by = models.ForeignKey(Officer, null=True, on_delete=models.PROTECT, related_name="+")
    proposal = models.OneToOneField(Proposal, null=True, on_delete=models.PROTECT, related_name="+")

    class Meta(AppendOnly.Meta):
        verbose_name_plural = "fence entries"
        constraints = [
            models.CheckConstraint(name="fence_act", condition=Q(act__in=["opened", "closed", "released"])),
            models.CheckConstraint(
                name="fence_closed_for_a_reason",
                condition=Q(act="closed", why__in=["restored", "went_back", "by_hand"]) | ~Q(act="closed") & Q(why=""),
            ),
            models.CheckConstraint(
                name="fence_released_by_keys", condition=Q(act="released") ^ Q(proposal__isnull=True)
            ),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            approval.two_keys_trigger(
                Kind.RELEASE,
                when="NEW.act = 'released'",
                subject=f"'{SUBJECT}'",
                facts="jsonb_build_object('generation', NEW.generation, 'closed',"
                " (SELECT max(id)::text FROM fund_fenceentry WHERE act = 'closed'))",
            ),
            pgtrigger.Trigger(
                name="fence_of_this_database",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                IF NEW.act <> 'closed' AND NEW.generation <> fund_generation() THEN
                    RAISE EXCEPTION 'what is released is another database' USING ERRCODE = 'restrict_violation';
                END IF;
                IF NEW.act = 'opened' AND (EXISTS (SELECT FROM fund_note) OR EXISTS (SELECT FROM fund_fenceentry)) THEN
                    RAISE EXCEPTION 'this database is not new: both nations release it'
                        USING ERRCODE = 'insufficient_privilege';
                END IF;
                RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.act} {self.at:%Y-%m-%d %H:%M}"


@dataclass(frozen=True)
class State:
    """``last`` is None where the fence was never opened: a database from before there was a fence."""

    generation: str
    last: FenceEntry | None

    @property
    def is_open(self) -> bool:
        last = self.last
        return last is not None and last.act != FenceEntry.Act.CLOSED and last.generation == self.generation

    @property
    def closed(self) -> FenceEntry | None:
        """The entry that closed it; None also where it is closed and nobody has written it down yet."""
        return self.last if self.last is not None and self.last.act == FenceEntry.Act.CLOSED else None

    @property
    def why(self) -> FenceEntry.Why:
        """Why it is closed. Asked of a closed one only."""
        return FenceEntry.Why(self.closed.why) if self.closed else FenceEntry.Why.RESTORED


def state() -> State:
    """Where the fence stands, by one statement to the very database that is written to, never a replica."""
    mine = Func(function="fund_generation", output_field=TextField())
    last = FenceEntry.objects.using(DEFAULT_DB_ALIAS).annotate(mine=mine).order_by("-id").first()
    return State(last.mine if last else generation(), last)


def generation() -> str:
    """Which database this is."""
    with connections[DEFAULT_DB_ALIAS].cursor() as cursor:
        cursor.execute("SELECT fund_generation()")
        return str((cursor.fetchone() or ("",))[0])


def is_open() -> bool:
    """Whether anything may leave the house."""
    return state().is_open


def insist() -> None:
    """Raises Fenced while the fence is closed."""
    if not is_open():
        raise Fenced(_("The outbox is fenced: nothing is paid, mailed or handed out until both nations release it."))


@transaction.atomic
def open_new(*, now: datetime) -> None:
    """Open the fence of a database that has never had anything to tell, once; nothing happens to any other."""
    if not FenceEntry.objects.exists() and not Note.objects.exists():
        FenceEntry.objects.create(act=FenceEntry.Act.OPENED, generation=generation(), at=now)


@transaction.atomic
def close(*, why: FenceEntry.Why, now: datetime, officer: Officer | None = None, reason: str = "") -> FenceEntry:
    """Close it, at once; the entry that closed it where it is closed already. Without an officer the system does it."""
    found = state()
    if found.closed:
        return found.closed
    entry = FenceEntry.objects.create(
        act=FenceEntry.Act.CLOSED, why=why, generation=found.generation, at=now, reason=reason, by=officer
    )
    audit.record(
        actor=officer.actor if officer else "system", verb="fence.closed", subject=f"fence:{entry.pk}", now=now,
        why=why.value, generation=entry.generation, reason=reason,
    )  # fmt: skip
    return entry


def record_copy(*, now: datetime) -> None:
    """Write down that this database was found to be a copy, where nobody has yet."""
    found = state()
    if not found.is_open and not found.closed:
        close(why=found.why, now=now)


@transaction.atomic
def propose_release(*, officer: Officer, now: datetime, reason: str) -> Proposal:
    """Put up for both keys that what waits goes out, from this very database. Raises NotFenced, and Refused like
    every proposal.
    """
    found = state()
    if found.is_open:
        raise NotFenced(_("The outbox is not fenced."))
    closed = close(why=found.why, now=now)
    payload: dict[str, Any] = {"generation": found.generation, "closed": str(closed.pk)}
    return approval.propose(
        kind=Kind.RELEASE, subject=SUBJECT, payload=payload, officer=officer, now=now, reason=reason
    )


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> FenceEntry | None:
    """Open it again; None when it was carried out before. The database refuses it without both keys, or when it was
    closed anew, or restored, since they were turned.
    """
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    entry = FenceEntry.objects.create(
        act=FenceEntry.Act.RELEASED, generation=proposal.facts["generation"], at=now, proposal=proposal
    )
    audit.record(
        actor="system", verb="fence.released", subject=f"fence:{entry.pk}", now=now, generation=entry.generation
    )
    return entry


def carry_out_signed(*, now: datetime) -> bool:
    """Carry out the release that both nations have signed for this database, if there is one.

    It cannot wait in the outbox like other acts, for that is what it opens.
    """
    found = state()
    if found.closed is None:
        return False
    wanted = {"generation": found.generation, "closed": str(found.closed.pk)}
    for proposal in Proposal.objects.filter(kind=Kind.RELEASE, state=Proposal.State.OPEN):
        if proposal.facts == wanted and approval.approved(proposal=proposal):
            return carry_out(proposal=proposal, now=now) is not None
    return False
