"""The hand-over to the vault (D17): for a set of holders, where their money goes, or until when nothing goes there."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.db.models import Q

from fund.governance import audit
from fund.payments.payee import Payee
from investors import bank_accounts
from investors.people import Investor
from investors.vault import Purpose


def of(holder_ids: Sequence[int], *, actor: str, now: datetime) -> Mapping[int, Payee]:
    """The payees of these holders, as many as have named an account; one on hold says so and is opened like the others.

    Nothing is paid to a holder whose estate is open (D32): who gets it is not known yet.

    Opening them is one act over the set: who, for which purpose, how many, and between which ids.
    """
    if not holder_ids:
        return {}
    open_estate = Q(holder__estate_since__isnull=False, holder__estate_settled_at=None)
    wanted = Investor.objects.filter(~open_estate, holder__in=holder_ids)
    accounts = list(bank_accounts.newest_of(investors=wanted))
    audit.record(
        actor=actor,
        verb="open",
        subject="investors_bankaccount",
        now=now,
        column="details",
        purpose=Purpose.PAYOUT.value,
        number=len(accounts),
        holders=[min(holder_ids), max(holder_ids)],
    )
    return {_holder(account.investor): _payee(account, actor, now) for account in accounts}


def _holder(investor: Investor) -> int:
    assert investor.holder_id is not None
    return investor.holder_id


def _payee(account: bank_accounts.BankAccount, actor: str, now: datetime) -> Payee:
    told = bank_accounts.details(account=account, purpose=Purpose.PAYOUT, actor=actor, now=now)
    if told["country"] == "JP":
        place = {"bank": told["bank_code"], "branch": told["branch_code"], "account": told["deposit_number"]}
    else:
        place = {"bank": told["routing_number"], "account": told["account_number"]}
    kind = told.get("deposit_type") or told["account_type"]
    return Payee(name=told["holder"], kind=kind, hold_until=account.usable_from, **place)
