"""Where a citizen is paid (D17): what stands, a change after a fresh proof, and taking it back within its hold."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as DomainValidationError
from django.http import HttpResponse
from django.utils import timezone
from rest_framework import serializers
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from fund.governance import config
from fund.holders import Nation
from investors import bank_accounts
from investors.bank_accounts import BankAccount
from investors.people import Investor
from investors.steps.banking import JAPANESE_TYPES, US_TYPES
from portal.api.border import Body, Choice, Text
from portal.api.documented import KEY_PARAMETER, documented
from portal.api.forms import Instant
from portal.api.idempotency import Done, once
from portal.api.problems import as_detail
from portal.api.view import Citizens
from portal.api.who import IsApplicant, IsCitizen, SteppedUp

TAG = "Bank account"
JAPANESE, AMERICAN = "Of an account in Japan.", "Of an account in the United States."


class ChangeForm(Body):
    """Another account in the citizen's own name, in kana where it is in Japan."""

    country = Choice(choices=Nation.choices)
    holder = Text(max_length=200)
    bank_code = Text(max_length=20, required=False, help_text=JAPANESE)
    branch_code = Text(max_length=20, required=False, help_text=JAPANESE)
    deposit_type = Choice(choices=JAPANESE_TYPES, required=False, help_text=JAPANESE)
    deposit_number = Text(max_length=40, required=False, help_text=JAPANESE)
    routing_number = Text(max_length=20, required=False, help_text=AMERICAN)
    account_type = Choice(choices=US_TYPES, required=False, help_text=AMERICAN)
    account_number = Text(max_length=40, required=False, help_text=AMERICAN)


class KeepForm(Body):
    """Nothing needs to be said."""


class NamedAccountForm(serializers.Serializer[Any]):
    """An account as it is shown again: ``ending`` are the last digits of its number."""

    country = serializers.ChoiceField(choices=Nation.choices)
    holder = serializers.CharField()
    bank_code = serializers.CharField(allow_null=True)
    branch_code = serializers.CharField(allow_null=True)
    deposit_type = serializers.CharField(allow_null=True, help_text="``ordinary``, ``current`` or ``savings``.")
    routing_number = serializers.CharField(allow_null=True)
    account_type = serializers.CharField(allow_null=True, help_text="``checking`` or ``savings``.")
    ending = serializers.CharField()
    recorded_at = Instant()
    usable_from = Instant()


class BankAccountForm(serializers.Serializer[Any]):
    """``waiting``: a change on hold until its ``usable_from``; until then nothing is paid out to either account."""

    account = NamedAccountForm(allow_null=True)
    waiting = NamedAccountForm(allow_null=True)
    hold_hours = serializers.IntegerField(help_text="How long a change made now would be on hold.")


ASKED = {
    "country": "JP",
    "holder": "タカサキ ショウタ",
    "bank_code": "0001",
    "branch_code": "001",
    "deposit_type": "ordinary",
    "deposit_number": "1234567",
}


class TheBankAccount(Citizens):
    permission_classes = [IsApplicant, IsCitizen, SteppedUp]

    @documented("getBankAccount", tag=TAG, answers=BankAccountForm)
    def get(self, request: Request) -> Response:
        """The account that money goes to, and a change that is on hold."""
        return Response(shown(self.investor, timezone.now()))

    @documented("changeBankAccount", tag=TAG, body=ChangeForm, asked=ASKED, answers=BankAccountForm)
    def put(self, request: Request) -> Response:
        """Name another account. It is told on every channel, and nothing is paid out until its hold is over."""
        given, now = self.read(ChangeForm), timezone.now()
        try:
            bank_accounts.change(investor=self.investor, answers=given, now=now)
        except DomainValidationError as refused:
            raise ValidationError(as_detail(refused)) from None
        return Response(shown(self.investor, now))


class KeptAccount(Citizens):
    permission_classes = [IsApplicant, IsCitizen, SteppedUp]

    @documented("keepBankAccount", tag=TAG, answers={200: BankAccountForm}, parameters=(KEY_PARAMETER,))
    def post(self, request: Request) -> HttpResponse:
        """Take back a change that is on hold: the account before it stays."""
        return once(request, operation="keep_bank_account", act=self._keep)

    def _keep(self, key: str) -> Done:
        self.read(KeepForm)
        now = timezone.now()
        bank_accounts.cancel(investor=self.investor, now=now)
        return Done(200, shown(self.investor, now))


def shown(investor: Investor, now: datetime) -> Any:
    standing = bank_accounts.standing(investor=investor, at=now)
    return BankAccountForm(
        {
            "account": standing.account and named(standing.account, investor, now),
            "waiting": standing.waiting and named(standing.waiting, investor, now),
            "hold_hours": config.get("bank_change.hold_hours", at=now),
        }
    ).data


def named(account: BankAccount, investor: Investor, now: datetime) -> dict[str, Any]:
    told = bank_accounts.masked(account=account, actor=investor.actor, now=now)
    absent = dict.fromkeys(NamedAccountForm().fields)
    return absent | told | {"recorded_at": account.recorded_at, "usable_from": account.usable_from}
