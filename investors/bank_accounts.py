"""Where a citizen is paid (D17): sealed details of an account in the citizen's own name. A change is a new row.

A changed account is published as on hold for some hours (``bank_change.hold_hours``). Meanwhile payouts wait: to the
new account, because whoever got into the citizen's account may have changed it; and to the old one, because a citizen
who changes it may have lost it. Within the hold the citizen can take the change back, and the old account stays.
"""

import json
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pgtrigger
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from fund.governance import audit, config, outbox
from fund.holders import Nation
from fund.refusal import Refusal
from investors import people, recovery, vault
from investors.people import Investor
from investors.steps import Answers, Known, clean
from investors.vault import Purpose, SealedField

STEP = "bank_account"
SHOWN = {"account_number": 4, "deposit_number": 3}  # how many of the last digits are ever shown again


class Refused(Refusal):
    """The account stays as it is; the message says why."""

    code = "bank_account"


class BankAccount(models.Model):
    """An account, usable from ``usable_from`` on unless the change was taken back before that (``cancelled_at``).

    ``details``: the clean answers of the step.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="bank_accounts")
    nation = models.CharField(max_length=2, choices=Nation)
    details = SealedField()
    usable_from = models.DateTimeField()
    recorded_at = models.DateTimeField()
    cancelled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="bank_account_nation", condition=Q(nation__in=["US", "JP"])),
            models.CheckConstraint(
                name="bank_account_cancelled_in_its_hold",
                condition=Q(cancelled_at=None) | Q(cancelled_at__lt=models.F("usable_from")),
            ),
        ]
        indexes = [models.Index(fields=["investor", "usable_from"], name="bank_account_latest")]
        triggers = [
            # Sealed details are wrapped anew when keys rotate; nothing else of a row ever changes.
            pgtrigger.ReadOnly(name="bank_account_stays", exclude=["details", "cancelled_at"]),
            pgtrigger.Trigger(
                name="bank_account_cancelled_once",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                condition=pgtrigger.Condition(
                    "(OLD.cancelled_at IS NOT NULL AND NEW.cancelled_at IS DISTINCT FROM OLD.cancelled_at)"
                ),
                func="RAISE EXCEPTION 'a change is taken back once' USING ERRCODE = 'restrict_violation';",
            ),
            pgtrigger.Protect(name="bank_account_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"bank account of investor {self.investor_id}"


@dataclass(frozen=True)
class Standing:
    """Where money goes at an instant: to ``account``, or nowhere until ``waiting`` is usable."""

    account: BankAccount | None
    waiting: BankAccount | None

    @property
    def usable(self) -> BankAccount | None:
        return None if self.waiting else self.account


def record(*, investor: Investor, answers: Answers, usable_from: datetime, now: datetime) -> BankAccount:
    """Keep an account whose answers were checked by the step."""
    row = BankAccount(investor=investor, nation=answers["country"], usable_from=usable_from, recorded_at=now)
    vault.seal(row, "details", json.dumps(answers, ensure_ascii=False))
    row.save(force_insert=True)
    return row


@transaction.atomic
def change(*, investor: Investor, answers: Answers, now: datetime) -> BankAccount:
    """Put another account in the place of the one that stands; nothing is paid to it before the hold is over (D17).

    A change that still waits is replaced. Whoever calls has asked for a fresh strong authentication. Raises
    ValidationError by field, also for an account in another name, Refused for the account that stands already, and
    recovery.Held within the hold of a recovered account.
    """
    Investor.objects.select_for_update().get(pk=investor.pk)
    recovery.check_not_held(investor=investor, now=now)
    named = people.name(investor=investor, purpose=Purpose.OWN, actor=investor.actor, now=now)
    checked = clean(STEP, answers, Known(now, {"name": named}))
    newest = newest_of(investors=Investor.objects.filter(pk=investor.pk)).first()
    if newest and details(account=newest, purpose=Purpose.OWN, actor=investor.actor, now=now) == checked:
        raise Refused(_("This is the account that we have."), code="same_account")
    _cancel_waiting(investor, now)
    usable_from = now + timedelta(hours=config.get("bank_change.hold_hours", at=now))
    row = record(investor=investor, answers=checked, usable_from=usable_from, now=now)
    _tell(investor, "changed", row, now)
    return row


@transaction.atomic
def cancel(*, investor: Investor, now: datetime) -> BankAccount:
    """Take a change back before its hold is over: the account before it stays. Raises Refused when none waits."""
    Investor.objects.select_for_update().get(pk=investor.pk)
    waiting = standing(investor=investor, at=now).waiting
    if not _cancel_waiting(investor, now) or waiting is None:
        raise Refused(_("There is no change that could be taken back."), code="nothing_waits")
    _tell(investor, "kept", waiting, now)
    return waiting


def _cancel_waiting(investor: Investor, now: datetime) -> int:
    """End what is on hold, whichever device's clock it was recorded by; returns how many changes, one at most."""
    waiting = BankAccount.objects.filter(investor=investor, cancelled_at=None, usable_from__gt=now)
    return waiting.update(cancelled_at=now)


def _tell(investor: Investor, what: str, row: BankAccount, now: datetime) -> None:
    """The record of the act, and the alert on every channel."""
    until = row.usable_from.isoformat()
    audit.record(actor=investor.actor, verb=f"bank_account.{what}", subject=str(investor), now=now, usable_from=until)
    outbox.leave(
        topic="security.changed",
        subject=f"user:{investor.user_id}",
        now=now,
        user=investor.user_id,
        change=f"bank_account_{what}",
        until=until,
    )


def newest_of(*, investors: QuerySet[Investor]) -> QuerySet[BankAccount]:
    """The account that each of these people named last and did not take back, one a person, usable or still on hold."""
    rows = BankAccount.objects.filter(investor__in=investors, cancelled_at=None).select_related("investor")
    return rows.order_by("investor", "-usable_from", "-recorded_at").distinct("investor")


def standing(*, investor: Investor, at: datetime) -> Standing:
    """Which account stands and which one waits at an instant."""
    rows = BankAccount.objects.filter(Q(cancelled_at=None) | Q(cancelled_at__gt=at), investor=investor)
    told = rows.filter(recorded_at__lte=at).order_by("-usable_from", "-recorded_at")
    return Standing(account=told.filter(usable_from__lte=at).first(), waiting=told.filter(usable_from__gt=at).first())


def usable(*, investor: Investor, at: datetime) -> BankAccount | None:
    """The account that money goes to at an instant; None while there is none, or while a change is on hold."""
    return standing(investor=investor, at=at).usable


def history(*, investor: Investor) -> QuerySet[BankAccount]:
    """Every account that was ever named, the latest first."""
    return BankAccount.objects.filter(investor=investor).order_by("-recorded_at", "-usable_from")


def details(*, account: BankAccount, purpose: Purpose, actor: str, now: datetime) -> dict[str, Any]:
    """Holder, bank and number of an account, opened for a purpose."""
    found: dict[str, Any] = json.loads(vault.read(account, "details", purpose=purpose, actor=actor, now=now))
    return found


def masked(*, account: BankAccount, actor: str, now: datetime) -> dict[str, Any]:
    """An account as its owner sees it again: of the number the last digits only, under ``ending``."""
    told = details(account=account, purpose=Purpose.OWN, actor=actor, now=now)
    number = next(name for name in SHOWN if name in told)
    ending = str(told.pop(number))[-SHOWN[number] :]
    return told | {"ending": ending}
