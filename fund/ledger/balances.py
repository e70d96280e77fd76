"""What is on an account: now, or as of any instant (D39). A balance is credits − debits."""

from datetime import datetime

from django.db.models import Case, F, Q, Sum, When
from django.db.models.functions import Coalesce

from fund.ledger.accounts import account
from fund.ledger.models import Balance, Phase, Transfer

FINAL = Q(phase__in=[Phase.FINAL, Phase.POSTED])


def balance(code: str, *, holder_id: int | None = None) -> int:
    """The balance now, in minor or smallest units; 0 where nothing was ever posted."""
    row = Balance.objects.filter(account_id=account(code).pk, holder_id=holder_id or 0).first()
    return row.amount if row else 0


def total(code: str) -> int:
    """The sum over all holders of a per-holder account now: all units of a class, all money held."""
    return int(Balance.objects.filter(account_id=account(code).pk).aggregate(all=Coalesce(Sum("amount"), 0))["all"])


def balance_at(
    code: str, *, effective: datetime, holder_id: int | None = None, recorded: datetime | None = None
) -> int:
    """The balance as of an instant, from the transfers: effective by then, and (if given) recorded by ``recorded``.

    Without ``holder_id`` it is the whole account, over all holders.
    """
    one = account(code)
    moved = Transfer.objects.filter(FINAL, Q(debit=one) | Q(credit=one), effective_at__lte=effective)
    if holder_id is not None:
        moved = moved.filter(holder_id=holder_id)
    if recorded is not None:
        moved = moved.filter(recorded_at__lte=recorded)
    signed = Case(When(credit=one, then=F("amount")), default=-F("amount"))
    return int(moved.aggregate(sum=Coalesce(Sum(signed), 0))["sum"])
