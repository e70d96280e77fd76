"""Orders: found by the reference a citizen or a bank tells, with where each stands and what was paid for it (D25)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.dealing.models import Subscription
from fund.governance.officers import Duty, Officer
from fund.payments.models import BankEntry
from investors.people import Investor
from portal.officers import shown
from portal.officers.newest import Endless
from portal.officers.room import Group, Line, column
from portal.officers.site import site


@admin.register(Subscription, site=site)
class Orders(Endless):
    """Whoever answers a citizen sees what was ordered; nobody here moves an order."""

    duties = frozenset({Duty.ONBOARDING, Duty.DEALING, Duty.PAYMENTS, Duty.AUDIT})
    group = Group.DEALING
    name = gettext_lazy("Orders")
    page_template = "officers/order.html"
    list_display = (
        column("reference", gettext_lazy("Reference")),
        column("offering", gettext_lazy("Offering"), lambda row: row.offering_id),
        column("amount", gettext_lazy("Amount"), lambda row: shown.money(row.money)),
        column("status", gettext_lazy("Status"), lambda row: row.standing.label),
        column("received_at", gettext_lazy("Received"), lambda row: shown.moment(row.received_at)),
    )
    search_fields = ("reference",)
    search_help_text = gettext_lazy("A whole reference, RF… or ten digits")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscription]:
        return Subscription.objects.with_outcomes()

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """One row by either of its references: both are unique, so that the largest book is searched at once."""
        asked = search_term.replace(" ", "").upper()
        return (queryset.filter(Q(reference=asked) | Q(numeric_reference=asked)) if asked else queryset), False

    def page(self, *, row: Subscription, officer: Officer, now: datetime) -> dict[str, Any]:
        paid = BankEntry.objects.filter(expected__order_id=row.pk).order_by("booking_date", "id")
        return {
            "lines": list(_about(row)),
            "investor": Investor.objects.filter(holder_id=row.holder_id).first(),
            "entries": [_entry(one) for one in paid],
            "sees_entries": officer.has(Duty.PAYMENTS) or officer.has(Duty.AUDIT),
        }


def _about(row: Subscription) -> Iterator[Line]:
    yield Line(_("Offering"), row.offering_id)
    yield Line(_("Amount"), shown.money(row.money))
    yield Line(_("Status"), row.standing.label)
    yield Line(_("Ten digits"), row.numeric_reference)
    yield Line(_("Received"), shown.instant(row.received_at))
    for label, at in ((_("Paid"), row.funded_at), (_("Ended"), row.ended_at)):
        if at is not None:
            yield Line(label, shown.instant(at))
    if line := row.line():
        yield Line(_("Allotted"), shown.minor(line.allotted, row.currency))
        yield Line(_("To be refunded"), shown.minor(line.refund, row.currency))
        if line.units is not None and line.settled_at is not None:
            yield Line(_("Units"), shown.units(line.units, row.offering.unit_class))
            yield Line(_("Settled"), shown.instant(line.settled_at))


def _entry(one: BankEntry) -> dict[str, Any]:
    return {
        "pk": one.pk,
        "day": shown.day(one.booking_date),
        "amount": shown.minor(one.amount if one.credit else -one.amount, one.currency),
        "outcome": one.get_outcome_display(),
        "suspended": one.suspended > 0,
    }
