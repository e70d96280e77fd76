"""Where tax offices, governments and partners are paid: entered under both keys, never changed (D4, D46, D47)."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from fund.holders import Holder
from fund.money import Currency
from fund.payments import payee_accounts
from fund.payments.payee import Payee
from fund.payments.payee_accounts import PayeeAccount
from fund.payments.remittance import Authority
from portal.officers import words
from portal.officers.fields import ReasonForm
from portal.officers.room import Group, Line, Room, act, column, proposed, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

KINDS = [
    ("", gettext_lazy("as the bank has it")),
    ("checking", gettext_lazy("checking account")),
    ("savings", gettext_lazy("savings account")),
    ("ordinary", gettext_lazy("ordinary account (普通)")),
    ("current", gettext_lazy("current account (当座)")),
]


def name_of(payee: str) -> str:
    """An authority's or a holder's name in the language of the page."""
    if payee in Authority.values:
        return str(Authority(payee).label)
    holder = Holder.objects.get(pk=int(payee.partition(":")[2]))
    return holder.name_ja if get_language() == "ja" else holder.name_en


class AccountForm(ReasonForm):
    """An account as bank files need it."""

    payee = forms.ChoiceField(label=gettext_lazy("Who is paid"))
    currency = forms.ChoiceField(
        label=gettext_lazy("Currency"), choices=[(one.value, one.value) for one in Currency], widget=forms.RadioSelect
    )
    name = forms.CharField(
        label=gettext_lazy("Name of the account"), max_length=120, help_text=gettext_lazy("For yen in katakana.")
    )
    bank = forms.CharField(label=gettext_lazy("Routing number, or number of the bank"), max_length=9)
    branch = forms.CharField(label=gettext_lazy("Number of the branch (Japan)"), max_length=3, required=False)
    account = forms.CharField(label=gettext_lazy("Account number"), max_length=17)
    kind = forms.ChoiceField(label=gettext_lazy("Kind of account"), choices=KINDS, required=False)
    field_order = ("payee", "currency", "name", "bank", "branch", "account", "kind", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["payee"].choices = [(code, name_of(code)) for code, _name in payee_accounts.payable()]  # type: ignore[attr-defined]


@admin.register(PayeeAccount, site=site)
class PayeeAccounts(Room):
    """Public bodies and companies: both officers read what they sign."""

    duties = frozenset({Duty.PAYMENTS, Duty.AUDIT})
    group = Group.PAYMENTS
    name = gettext_lazy("Accounts of payees")
    change_list_template = "officers/payee_accounts.html"
    list_display = (
        column("payee", gettext_lazy("Who is paid"), lambda row: name_of(row.payee), ordered=True),
        column("currency", gettext_lazy("Currency")),
        column("name", gettext_lazy("Name of the account")),
        column("account", gettext_lazy("Account"), lambda row: " ".join(filter(None, _place(row)))),
        column("entered_at", gettext_lazy("Entered"), lambda row: row.entered_at, ordered=True),
    )
    page_columns = list_display
    list_filter = (("currency", titled(gettext_lazy("currency"))),)
    ordering = ("-id",)

    def title_of(self, row: PayeeAccount) -> str:
        return _("Account of %(payee)s") % {"payee": name_of(row.payee)}

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"enter_form": AccountForm(auto_id="enter_%s"), "may_enter": officer.has(Duty.PAYMENTS)}

    @act(duty=Duty.PAYMENTS, fresh=True, form=AccountForm, on_row=False)
    def enter(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        to = Payee(**{name: form[name].strip() for name in ("name", "bank", "branch", "account", "kind")})
        proposal = payee_accounts.propose(
            payee=form["payee"], currency=Currency(form["currency"]), to=to, officer=officer, now=now,
            reason=form["reason"],
        )  # fmt: skip
        return proposed(request, proposal)


def _place(row: PayeeAccount) -> tuple[str, str, str]:
    return row.bank, row.branch, row.account


# ── what the proposal says ────────────────────────────────────────────────────────────────────────────────────────────
@words.reads(Kind.PAYEE)
def _payee(proposal: Proposal, payload: Payload) -> Words:
    told = {"payee": name_of(payload.pop("payee")), "currency": payload.pop("currency")}
    said = Words(_("%(payee)s is paid in %(currency)s to this account from now on.") % told)
    said.lines = [
        Line(_("Name of the account"), payload.pop("name")),
        Line(_("Routing number, or number of the bank"), payload.pop("bank")),
        Line(_("Number of the branch (Japan)"), payload.pop("branch") or "—"),
        Line(_("Account number"), payload.pop("account")),
        Line(_("Kind of account"), dict(KINDS).get(payload.pop("kind"), "—")),
    ]
    return said
