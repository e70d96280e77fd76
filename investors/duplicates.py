"""One person is one registration (D5): likely twins become one case for an officer, who finds one person or several.

Found by blind index on SSN, ITIN and My Number, on the document's number, and on birth date with each writing of the
name. The database refuses a second holder who is like one, unless an officer has found them to be different people.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils.translation import gettext_lazy as _

from fund import envelope
from fund.append_only import AppendOnly
from fund.governance import audit
from fund.governance.officers import Officer
from investors import people, vault
from investors.applications import Application, Status
from investors.cases import CannotDecide, on_duty, opened
from investors.people import Investor
from investors.steps import Answers
from investors.vault import Purpose, SealedField

NUMBERS = ("ssn", "itin", "my_number")


class Evidence(models.TextChoices):
    """Which index is the same."""

    SSN = "ssn", _("Social Security number")
    ITIN = "itin", _("individual taxpayer identification number")
    MY_NUMBER = "my_number", _("My Number")
    DOCUMENT = "document", _("number of the identity document")
    LATIN = "latin", _("birth date and name in Latin letters")
    KANJI = "kanji", _("birth date and name in Japanese writing")
    KANA = "kana", _("birth date and name in kana")


class DuplicateCase(models.Model):
    """Registrations that may be of one person. Closed when each pair of them was decided on or is no longer alike."""

    id = models.BigAutoField(primary_key=True)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["opened_at"], condition=Q(closed_at=None), name="duplicate_case_open")]

    def __str__(self) -> str:
        return f"duplicate case {self.pk}"


class Pair(models.Model):
    """Two registrations that are alike, once (``first`` is the older). ``evidence``: which indexes are the same."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        SAME = "same", _("one person")
        DIFFERENT = "different", _("different people")
        LAPSED = "lapsed", _("no longer alike")

    id = models.BigAutoField(primary_key=True)
    case = models.ForeignKey(DuplicateCase, on_delete=models.PROTECT, related_name="pairs")
    first = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="+")
    second = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="+")
    evidence = ArrayField(models.CharField(max_length=12, choices=Evidence))
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first", "second"], name="pair_once"),
            models.CheckConstraint(name="pair_in_order", condition=Q(first__lt=F("second"))),
            models.CheckConstraint(name="pair_state", condition=Q(state__in=["open", "same", "different", "lapsed"])),
        ]
        indexes = [
            models.Index(fields=["first"], condition=Q(state="open"), name="pair_open_first"),
            models.Index(fields=["second"], condition=Q(state="open"), name="pair_open_second"),
        ]

    def __str__(self) -> str:
        return f"investors {self.first_id} and {self.second_id}"

    def other(self, investor: Investor) -> int:
        """The key of the other registration."""
        return self.second_id if self.first_id == investor.pk else self.first_id

    @property
    def by_number(self) -> bool:
        """Whether a tax number is the same."""
        return bool(set(self.evidence) & set(NUMBERS))


class Finding(AppendOnly):
    """What an officer found about a pair, with the sealed reason. ``kept``: the registration that stays."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    pair = models.ForeignKey(Pair, on_delete=models.PROTECT, related_name="findings")
    outcome = models.CharField(max_length=10, choices=Pair.State)
    kept = models.ForeignKey(Investor, null=True, on_delete=models.PROTECT, related_name="+")
    reason = SealedField()
    officer = models.ForeignKey(Officer, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [models.CheckConstraint(name="finding_outcome", condition=Q(outcome__in=["same", "different"]))]

    def __str__(self) -> str:
        return f"{self.outcome}: pair {self.pair_id}"


def likeness(answers: Mapping[str, Answers]) -> dict[Evidence, bytes]:
    """Blind indexes under which a person is found again, by what they are of (D5)."""
    name, born = answers.get("name"), answers.get("birth", {}).get("birth_date")
    found = people.likeness(name=name, born=date.fromisoformat(born)) if name and born else {}
    document = answers.get("identity_document", {})
    if document.get("number"):
        text = f"{document['issuer']}|{document['number']}"
        found["document"] = envelope.blind_index(text, purpose="likeness document")
    return {Evidence(writing): index for writing, index in found.items()}


def look(*, investor: Investor, answers: Mapping[str, Answers], now: datetime) -> None:
    """Open a case for everybody who is like this applicant and has handed in an application.

    Who is no longer alike, because a number or a name was corrected, is let go. Pairs that an officer has decided on
    are never opened again. Call it under the lock of the investor.
    """
    own = likeness(answers)
    found = _alike(investor, own)
    for other, evidence in sorted(found.items()):
        _pair(investor.pk, other, evidence, now)
    gone = [pair.pk for pair in pairs(investor).filter(state=Pair.State.OPEN) if pair.other(investor) not in found]
    Pair.objects.filter(pk__in=gone).update(state=Pair.State.LAPSED)
    _close_decided(now)


def let_go(*, investor: Investor, now: datetime) -> None:
    """The application was refused: it stands in nobody's way any more."""
    pairs(investor).filter(state=Pair.State.OPEN).update(state=Pair.State.LAPSED)
    _close_decided(now)


def pairs(investor: Investor) -> QuerySet[Pair]:
    """All pairs that a registration is one of."""
    return Pair.objects.filter(Q(first=investor) | Q(second=investor)).order_by("pk")


def standing(*, investor: Investor) -> list[Pair]:
    """The pairs because of which a registration cannot be approved: open, or found to be another registration's."""
    other_kept = Finding.objects.filter(pair=OuterRef("pk"), outcome=Pair.State.SAME).exclude(kept=investor)
    return list(pairs(investor).filter(Q(state=Pair.State.OPEN) | Q(Exists(other_kept), state=Pair.State.SAME)))


def _alike(investor: Investor, own: Mapping[Evidence, bytes]) -> dict[int, list[str]]:
    """Other investors with an application that counts, and by which indexes they are alike."""
    found: dict[int, set[str]] = {}
    for other, kinds in people.same_number(investor).items():
        found.setdefault(other, set()).update(kinds)
    overlapping = Investor.objects.filter(likeness__overlap=list(own.values())).exclude(pk=investor.pk)
    for other, likeness_ in overlapping.values_list("pk", "likeness"):
        theirs = {bytes(one) for one in likeness_}
        found.setdefault(other, set()).update(kind.value for kind, index in own.items() if index in theirs)
    handed_in = Application.objects.filter(investor__in=found).exclude(
        status__in=[Status.DRAFT, Status.REFUSED, Status.APPEALED]
    )
    standing = set(handed_in.values_list("investor_id", flat=True))
    return {other: sorted(kinds) for other, kinds in found.items() if other in standing}


def _pair(one: int, other: int, evidence: list[str], now: datetime) -> None:
    first, second = sorted((one, other))
    kept = Pair.objects.filter(first=first, second=second).first()
    if kept is None:
        Pair.objects.create(first_id=first, second_id=second, evidence=evidence, case=_case((one, other), now))
        return
    lost_its_ground = kept.state == Pair.State.DIFFERENT and bool(set(evidence) & set(NUMBERS))
    if kept.state == Pair.State.LAPSED or lost_its_ground:
        case = _case((one, other), now)
        Pair.objects.filter(pk=kept.pk).update(state=Pair.State.OPEN, evidence=evidence, case=case)
    elif kept.state == Pair.State.OPEN and kept.evidence != evidence:
        Pair.objects.filter(pk=kept.pk).update(evidence=evidence)


def _case(investors: tuple[int, int], now: datetime) -> DuplicateCase:
    """The open case of one of the two, which the other joins, or a new one."""
    touched = Pair.objects.filter(Q(first__in=investors) | Q(second__in=investors), state=Pair.State.OPEN)
    pair = touched.select_related("case").order_by("pk").first()
    return pair.case if pair else DuplicateCase.objects.create(opened_at=now)


def _close_decided(now: datetime) -> None:
    open_pairs = Pair.objects.filter(case=OuterRef("pk"), state=Pair.State.OPEN)
    DuplicateCase.objects.filter(~Exists(open_pairs), closed_at=None).update(closed_at=now)
    DuplicateCase.objects.filter(Exists(open_pairs)).exclude(closed_at=None).update(closed_at=None)


# ── the officer ──


@dataclass(frozen=True)
class Registration:
    """One side of a case: the investor, the newest application that counts and its answers, opened."""

    investor: Investor
    application: Application
    answers: dict[str, Answers]


def waiting() -> QuerySet[DuplicateCase]:
    """Open cases, the oldest first."""
    return DuplicateCase.objects.filter(closed_at=None).order_by("opened_at", "pk")


def review(*, case_id: int, officer: Officer, purpose: Purpose, now: datetime) -> list[Registration]:
    """All registrations of a case side by side, the oldest first; the reading is logged. Raises NotOnDuty."""
    on_duty(officer, now)
    case = DuplicateCase.objects.get(pk=case_id)
    investors = sorted({pk for pair in case.pairs.all() for pk in (pair.first_id, pair.second_id)})
    audit.record(
        actor=officer.actor, verb="review", subject=str(case), now=now, purpose=purpose.value, investors=investors
    )
    return [_registration(pk, purpose, officer, now) for pk in investors]


def _registration(investor_id: int, purpose: Purpose, officer: Officer, now: datetime) -> Registration:
    newest = Application.objects.filter(investor=investor_id).exclude(status=Status.DRAFT).order_by("-pk")
    application = newest.select_related("investor")[0]
    return Registration(
        investor=application.investor,
        application=application,
        answers=opened(application, purpose=purpose, actor=officer.actor, now=now),
    )


def in_order(pair: Pair) -> tuple[Application, Application]:
    """The application of the registration that stays, then the other: a holder's first, else as they were submitted.

    Raises CannotDecide for two holders.
    """
    if pair.first.holder_id and pair.second.holder_id:
        raise CannotDecide(_("Both are holders already. Please tell the administration of the fund."))
    newest = [
        Application.objects.filter(investor=one).exclude(status=Status.DRAFT).select_related("investor").latest("pk")
        for one in (pair.first, pair.second)
    ]
    kept, other = sorted(newest, key=lambda one: (one.investor.holder_id is None, one.first_submitted_at, one.pk))
    return kept, other


def record(
    *, pair: Pair, outcome: Pair.State, kept: Investor | None, officer: Officer, reason: str, now: datetime
) -> Finding:
    """Keep what an officer found, also when it revises an earlier finding. Raises CannotDecide without a reason,
    when the finding stands already, and for different people with an equal number.
    """
    if outcome not in (Pair.State.SAME, Pair.State.DIFFERENT):
        raise CannotDecide(_("Registrations are found to be of one person or of different people."))
    if not reason.strip():
        raise CannotDecide(_("Please say why: the next officer has to understand it."))
    if outcome == Pair.State.DIFFERENT and pair.by_number:
        raise CannotDecide(
            _("Two people cannot have the same tax number. Ask the one whose number is wrong to correct it first.")
        )
    moved = Pair.objects.filter(pk=pair.pk).exclude(state__in=[outcome, Pair.State.LAPSED]).update(state=outcome)
    if moved != 1:
        raise CannotDecide(_("This was decided meanwhile, or the two are no longer alike."))
    finding = Finding(pair=pair, outcome=outcome, kept=kept, officer=officer, decided_at=now)
    vault.seal(finding, "reason", reason)
    finding.save(force_insert=True)
    audit.record(actor=officer.actor, verb=f"found_{outcome.value}", subject=str(pair), now=now)
    _close_decided(now)
    return finding


def existing(*, investor: Investor) -> Investor | None:
    """The registration that an officer found to be the same person's, for somebody who was refused as a duplicate."""
    found = Finding.objects.filter(
        Q(pair__first=investor) | Q(pair__second=investor), outcome=Pair.State.SAME, pair__state=Pair.State.SAME
    )
    newest = found.exclude(kept=investor).select_related("kept").order_by("-decided_at").first()
    return newest.kept if newest else None
