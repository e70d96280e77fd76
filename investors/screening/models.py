"""The screening's tables (D15): what was loaded, who is listed, who may be one of them, what an officer found."""

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance.officers import Officer
from investors.people import Investor
from investors.screening.listed import Birth, Kind
from investors.screening.match import Named
from investors.vault import SealedField


class SanctionsList(models.TextChoices):
    """The lists that citizens are screened against."""

    OFAC = "ofac", _("OFAC Specially Designated Nationals")
    UN = "un", _("United Nations Security Council consolidated list")
    MOF = "mof", _("Ministry of Finance of Japan, asset freeze list")


class ListFile(AppendOnly):
    """A file as it was received, byte for byte (compressed). ``part``: which of the files of its list it is."""

    id = models.BigAutoField(primary_key=True)
    digest = models.BinaryField(max_length=32, unique=True)
    part = models.CharField(max_length=8)
    content = models.BinaryField()
    received_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.part} {bytes(self.digest).hex()[:12]}"


class ListVersion(AppendOnly):
    """One state of a list, made of ``files``; the newest one of a list is in force. ``digest`` is over those files."""

    id = models.BigAutoField(primary_key=True)
    source = models.CharField(max_length=4, choices=SanctionsList)
    digest = models.BinaryField(max_length=32)
    files = models.ManyToManyField(ListFile, related_name="+")
    entries = models.PositiveIntegerField()
    added = models.PositiveIntegerField()
    changed = models.PositiveIntegerField()
    removed = models.PositiveIntegerField()
    loaded_at = models.DateTimeField()
    loaded_by = models.CharField(max_length=80)

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="list_version_source", condition=Q(source__in=["ofac", "un", "mof"])),
            models.UniqueConstraint(fields=["source", "digest"], name="list_version_once"),
        ]
        indexes = [models.Index(fields=["source", "-id"], name="list_version_newest")]

    def __str__(self) -> str:
        return f"{self.source}:{self.pk}"


class Entry(models.Model):
    """One wording of one entry, in force from version ``since`` until version ``until``; a change is a new row.

    Old versions therefore stay readable, and what was found about an entry stays as long as the entry does.
    """

    id = models.BigAutoField(primary_key=True)
    source = models.CharField(max_length=4, choices=SanctionsList)
    number = models.CharField(max_length=60)
    kind = models.CharField(max_length=12, choices=[(one.value, one.value) for one in Kind])
    names = ArrayField(models.TextField())
    weak = ArrayField(models.TextField(), default=list)
    births = models.JSONField(default=list)
    countries = ArrayField(models.TextField(), default=list)
    remarks = models.TextField(blank=True)
    digest = models.BinaryField(max_length=32)
    since = models.ForeignKey(ListVersion, on_delete=models.PROTECT, related_name="begun")
    until = models.ForeignKey(ListVersion, null=True, on_delete=models.PROTECT, related_name="ended")

    class Meta:
        verbose_name_plural = "entries"
        constraints = [
            models.CheckConstraint(name="entry_source", condition=Q(source__in=["ofac", "un", "mof"])),
            models.CheckConstraint(name="entry_kind", condition=Q(kind__in=["individual", "entity"])),
            models.UniqueConstraint(fields=["source", "number"], condition=Q(until=None), name="entry_in_force_once"),
        ]
        triggers = [
            pgtrigger.ReadOnly(name="entry_stays", exclude=["until"]),
            pgtrigger.Protect(name="entry_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.number}"

    @property
    def born(self) -> list[Birth]:
        return [Birth.from_json(one) for one in self.births]

    @property
    def named(self) -> Named:
        """As it is matched."""
        return Named(self.pk, Kind(self.kind), tuple(self.names), tuple(self.weak), tuple(self.born))


class Hit(models.Model):
    """A citizen who may be somebody on a list: a case for an officer (D15).

    ``seen``: keyed fingerprint of the names and the birth date that were compared; under others it is another case.
    ``evidence`` is sealed, for it says how near a citizen's name and birth date are to public ones.
    """

    class State(models.TextChoices):
        OPEN = "open", _("open: to be reviewed")
        CLEARED = "cleared", _("cleared: another person")
        CONFIRMED = "confirmed", _("confirmed: the listed person")
        LAPSED = "lapsed", _("lapsed: no longer listed so")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="hits")
    entry = models.ForeignKey(Entry, on_delete=models.PROTECT, related_name="hits")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    score = models.PositiveSmallIntegerField()
    seen = models.BinaryField(max_length=32)
    evidence = SealedField()
    opened_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="hit_state", condition=Q(state__in=["open", "cleared", "confirmed", "lapsed"])),
            models.CheckConstraint(name="hit_score", condition=Q(score__lte=100)),
            models.UniqueConstraint(fields=["investor", "entry", "seen"], name="hit_once"),
        ]
        indexes = [
            models.Index(fields=["opened_at"], condition=Q(state="open"), name="hit_waiting"),
            models.Index(fields=["investor"], condition=Q(state__in=["open", "confirmed"]), name="hit_standing"),
        ]
        triggers = [
            # Sealed evidence is wrapped anew when keys rotate; nothing else but the state ever changes.
            pgtrigger.ReadOnly(name="hit_stays", exclude=["state", "evidence"]),
            pgtrigger.Protect(name="hit_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"hit {self.pk}"


STANDING = (Hit.State.OPEN, Hit.State.CONFIRMED)


class HitDecision(models.Model):
    """What an officer found about a hit, and why. Never edited; a later one takes its place."""

    OUTCOMES = (Hit.State.CLEARED, Hit.State.CONFIRMED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    hit = models.ForeignKey(Hit, on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=10, choices=[(one.value, one.label) for one in OUTCOMES])
    reason = SealedField()
    officer = models.ForeignKey(Officer, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(name="hit_decision_outcome", condition=Q(outcome__in=["cleared", "confirmed"]))
        ]
        triggers = [
            pgtrigger.ReadOnly(name="hit_decision_stays", exclude=["reason"]),
            pgtrigger.Protect(name="hit_decision_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}, {self.hit_id}"


class Rescreening(models.Model):
    """Everybody screened anew against one version of a list. ``last_investor``: how far it is, in order of key."""

    id = models.BigAutoField(primary_key=True)
    version = models.ForeignKey(ListVersion, on_delete=models.PROTECT, related_name="rescreenings")
    total = models.PositiveBigIntegerField()
    screened = models.PositiveBigIntegerField(default=0)
    opened = models.PositiveIntegerField(default=0)
    last_investor = models.BigIntegerField(default=0)
    begun_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["version"], condition=Q(ended_at=None), name="rescreening_one_at_a_time")
        ]

    def __str__(self) -> str:
        return f"rescreening {self.pk}"

    @property
    def percent(self) -> int:
        """How much is done, for the officers' page."""
        return 100 if self.ended_at or not self.total else min(99, 100 * self.screened // self.total)
