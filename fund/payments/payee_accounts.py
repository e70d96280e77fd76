"""Bank accounts of payees who are not citizens: tax offices, governments, partners (D4, D46, D47).

They are public bodies and companies, so that nothing here is personal: both officers read what they sign. An entry is
never changed; the newest one of a payee and currency counts.
"""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import models, transaction
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance import approval, officers
from fund.governance.approval import Kind, Proposal, two_keys_trigger
from fund.governance.officers import Duty, Officer
from fund.holders import Holder
from fund.money import Currency
from fund.payments.models import CURRENCIES
from fund.payments.payee import Payee, complete
from fund.payments.remittance import Authority
from fund.refusal import Refusal


class Refused(Refusal):
    """The account is not taken; the message says why."""

    code = "payee"


class PayeeAccount(AppendOnly):
    """Where a payee is paid in a currency, from an approval on: ``payee`` is an authority's code or ``holder:<id>``."""

    id = models.BigAutoField(primary_key=True)
    payee = models.CharField(max_length=40)
    currency = models.CharField(max_length=3, choices=CURRENCIES)
    name = models.CharField(max_length=120)
    bank = models.CharField(max_length=9)
    branch = models.CharField(max_length=3, blank=True)
    account = models.CharField(max_length=17)
    kind = models.CharField(max_length=8, blank=True)
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="+")
    entered_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(name="payee_account_currency", condition=Q(currency__in=list(Currency))),
            models.UniqueConstraint(fields=["proposal"], name="payee_account_once"),
        ]
        indexes = [models.Index(fields=["payee", "currency", "-id"], name="payee_account_newest")]
        triggers = [
            *AppendOnly.Meta.triggers,
            two_keys_trigger(
                Kind.PAYEE,
                subject="NEW.payee || ' ' || NEW.currency",
                facts=(
                    "jsonb_build_object('payee', NEW.payee, 'currency', NEW.currency, 'name', NEW.name, 'bank',"
                    " NEW.bank, 'branch', NEW.branch, 'account', NEW.account, 'kind', NEW.kind)"
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.payee} {self.currency}"

    @property
    def as_payee(self) -> Payee:
        return Payee(name=self.name, bank=self.bank, branch=self.branch, account=self.account, kind=self.kind)


def of_holder(holder_id: int) -> str:
    """How a holder is named as a payee."""
    return f"holder:{holder_id}"


def payable() -> list[tuple[str, Any]]:
    """Everybody for whom an account can be entered, with the name: the authorities, co-owners and partners."""
    others = Holder.objects.exclude(kind=Holder.Kind.CITIZEN).order_by("kind", "name_en")
    return [*Authority.choices, *((of_holder(one.pk), one.name_en) for one in others)]


def newest(*, payees: Iterable[str], currency: Currency) -> dict[str, Payee]:
    """The account of each of these payees in a currency, as many as are known."""
    rows = PayeeAccount.objects.filter(payee__in=set(payees), currency=currency.value)
    return {one.payee: one.as_payee for one in rows.order_by("payee", "-id").distinct("payee")}


def propose(
    *, payee: str, currency: Currency, to: Payee, officer: Officer, now: datetime, reason: str
) -> Proposal:  # fmt: skip
    """Put an account up for both keys. Raises Refused: unknown_payee, incomplete; and NotOnDuty."""
    officers.on_duty(user_id=officer.user_id, duty=Duty.PAYMENTS, now=now)
    if payee not in dict(payable()):
        raise Refused(_("Nobody of this name is paid by the fund."), code="unknown_payee")
    if not complete(to, currency):
        message = _("No bank file can carry this account. Compare name, bank and account number.")
        raise Refused(message, code="incomplete")
    told = {name: value for name, value in asdict(to).items() if name != "hold_until"}
    return approval.propose(
        kind=Kind.PAYEE,
        subject=f"{payee} {currency}",
        payload={"payee": payee, "currency": currency.value, **told},
        officer=officer,
        now=now,
        reason=reason,
    )


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> PayeeAccount | None:
    """Enter what both nations approved; None when this was done before."""
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    return PayeeAccount.objects.create(**proposal.facts, proposal=proposal, entered_at=now)
