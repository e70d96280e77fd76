"""Where a citizen is paid (D17): sealed details of an account in the citizen's own name. A change is a new row."""

import json
import uuid
from datetime import datetime
from typing import Any

import pgtrigger
from django.db import models
from django.db.models import Q

from fund.holders import Nation
from investors import vault
from investors.people import Investor
from investors.vault import Purpose, SealedField


class BankAccount(models.Model):
    """An account from ``usable_from`` until the next one is usable. ``details``: the clean answers of the step."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="bank_accounts")
    nation = models.CharField(max_length=2, choices=Nation)
    details = SealedField()
    usable_from = models.DateTimeField()
    recorded_at = models.DateTimeField()

    class Meta:
        constraints = [models.CheckConstraint(name="bank_account_nation", condition=Q(nation__in=["US", "JP"]))]
        indexes = [models.Index(fields=["investor", "usable_from"], name="bank_account_latest")]
        triggers = [
            # Sealed details are wrapped anew when keys rotate; nothing else of a row ever changes.
            pgtrigger.ReadOnly(name="bank_account_stays", exclude=["details"]),
            pgtrigger.Protect(name="bank_account_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"bank account of investor {self.investor_id}"


def record(*, investor: Investor, answers: dict[str, Any], usable_from: datetime, now: datetime) -> BankAccount:
    """Keep an account whose answers were checked by the step."""
    row = BankAccount(investor=investor, nation=answers["country"], usable_from=usable_from, recorded_at=now)
    vault.seal(row, "details", json.dumps(answers, ensure_ascii=False))
    row.save(force_insert=True)
    return row


def usable(*, investor: Investor, at: datetime) -> BankAccount | None:
    """The account that money goes to at an instant."""
    accounts = BankAccount.objects.filter(investor=investor, usable_from__lte=at)
    return accounts.order_by("-usable_from", "-recorded_at").first()


def details(*, account: BankAccount, purpose: Purpose, actor: str, now: datetime) -> dict[str, Any]:
    """Holder, bank and number of an account, opened for a purpose."""
    found: dict[str, Any] = json.loads(vault.read(account, "details", purpose=purpose, actor=actor, now=now))
    return found
