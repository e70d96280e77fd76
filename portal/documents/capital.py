"""The notice of a capital call to each co-owner and partner who pays: how much, by when, where to, what for (D48)."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from fund.money import Currency, Money
from fund.payments.models import BankAccount
from fund.register import calls
from fund.register.calls import Standing
from fund.register.models import Call, CallLine
from portal.archive import Kind
from portal.documents import making
from portal.documents.making import Layout, Part, both, row
from portal.documents.orders import head
from portal.templatetags import figures


def notices(*, call_id: UUID, now: datetime) -> int:
    """The notices of a call, once; there are as many as it has lines."""
    call = Call.objects.select_related("unit_class").get(pk=call_id)
    account = BankAccount.objects.get(pk=call.bank_account)
    before = {one.holder.pk: one for one in calls.standings(on=call.called_on - timedelta(days=1))}
    now_there = {one.holder.pk: one for one in calls.standings(on=call.called_on)}
    lines = call.lines.select_related("holder").order_by("holder__name_en")
    return making.issue(
        [_notice(call, line, account, now_there[line.holder_id], before.get(line.holder_id)) for line in lines], now=now
    )


def _notice(call: Call, line: CallLine, account: BankAccount, standing: Standing, before: Standing | None) -> Layout:
    def named(thing: object, name: str) -> Callable[[], Any]:
        return lambda: getattr(thing, f"{name}_{figures.language()}")

    amount = Money(line.amount, Currency(call.unit_class.currency))
    called = [
        row(_("Capital call"), str(call)),
        row(_("Class"), call.unit_class.get_code_display),
        row(_("Amount"), figures.money, amount),
        row(_("Day of the call"), figures.day, call.called_on),
        row(_("Due on"), figures.day, call.due_on),
        row(_("Purpose"), named(call, "purpose")),
    ]
    committed = [
        row(_("Committed"), figures.money, standing.committed),
        row(_("Called before"), figures.money, before.called if before else amount - amount),
        row(_("Still uncalled"), figures.money, standing.uncalled),
    ]
    pay = [
        row(_("Account name"), named(account, "name")),
        row(_("Bank"), named(account, "bank_name")),
        row(_("Routing number or bank and branch"), account.routing),
        row(_("Account number"), account.number),
        row(_("Payment message"), str(call)),
    ]
    return Layout(
        owner=line.holder,
        kind=Kind.CALL,
        subject=str(call),
        title=both(Kind.CALL.label),
        lead=[
            both(_("Of what you have committed to the fund the following is called. Units are issued when it is in."))
        ],
        parts=[
            Part(both(_("The call")), head(), rows=called),
            Part(both(_("Your commitment")), head(), rows=committed),
            Part(both(_("How to pay")), head(), rows=pay),
        ],
    )
