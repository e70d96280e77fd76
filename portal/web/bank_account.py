"""The citizen's bank account (D17): what stands, a change with a fresh proof and its hold, and taking it back."""

from datetime import datetime
from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST
from zengin_code import Bank

from fund.governance import config
from fund.refusal import Refusal
from investors import bank_accounts, steps
from investors.bank_accounts import BankAccount
from investors.people import Investor
from investors.steps import Known
from investors.steps.banking import JAPANESE_TYPES, US_TYPES
from portal import step_up
from portal.access import citizen
from portal.templatetags.figures import clocks_in_text
from portal.web import who, words
from portal.web.join import StepForm

TYPES = {**dict(US_TYPES), **dict(JAPANESE_TYPES)}


@citizen
@require_http_methods(["GET", "HEAD", "POST"])
@step_up.required
def bank_account(request: HttpRequest) -> HttpResponse:
    """What stands, what waits, and the form for another account."""
    now = timezone.now()
    investor = who.citizen(request)
    described = steps.describe(bank_accounts.STEP, Known(now))
    form = StepForm(described, {}, request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid() and (changed := _change(investor, form, now)):
        until = clocks_in_text(changed.usable_from)
        messages.success(request, _("Saved. We pay to this account from %(until)s on.") % {"until": until})
        return redirect("bank-account")
    standing = bank_accounts.standing(investor=investor, at=now)
    return render(
        request,
        "account/bank_account.html",
        {
            "form": form,
            "account": standing.account and _shown(standing.account, investor, now),
            "waiting": standing.waiting and _shown(standing.waiting, investor, now),
            "hold": _hold(now),
            "earlier": [
                {"recorded_at": one.recorded_at, "usable_from": one.usable_from, "cancelled_at": one.cancelled_at}
                for one in bank_accounts.history(investor=investor)
            ],
        },
        status=422 if form.errors else 200,
    )


@citizen
@require_POST
@step_up.required
def keep(request: HttpRequest) -> HttpResponse:
    """Take a change back while it is on hold."""
    try:
        bank_accounts.cancel(investor=who.citizen(request), now=timezone.now())
    except Refusal as refused:
        messages.error(request, words.refusal(refused))
    else:
        messages.success(request, _("The change was taken back. We pay to the account that you had before."))
    return redirect("bank-account")


def _change(investor: Investor, form: StepForm, now: datetime) -> BankAccount | None:
    try:
        return bank_accounts.change(investor=investor, answers=form.answers(), now=now)
    except ValidationError as refused:
        form.take(refused)
    except Refusal as refused:
        form.add_error(None, words.refusal(refused))
    return None


def _hold(now: datetime) -> str:
    hours = config.get("bank_change.hold_hours", at=now)
    return ngettext("%(hours)s hour", "%(hours)s hours", hours) % {"hours": hours}


def _shown(account: BankAccount, investor: Investor, now: datetime) -> dict[str, Any]:
    """An account in words: the bank by its name where it is known, the number by its last digits."""
    told = bank_accounts.masked(account=account, actor=investor.actor, now=now)
    shown = {
        "holder": told["holder"],
        "ending": told["ending"],
        "type": TYPES.get(told.get("deposit_type") or told.get("account_type", ""), ""),
        "usable_from": account.usable_from,
        "recorded_at": account.recorded_at,
    }
    if account.nation == "US":
        return shown | {"bank": _("Routing number %(number)s") % {"number": told["routing_number"]}}
    bank = Bank.all[told["bank_code"]]
    branch = bank.branches.get(told["branch_code"])
    return shown | {"bank": f"{bank.name} {branch.name if branch else told['branch_code']}"}
