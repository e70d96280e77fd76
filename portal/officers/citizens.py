"""Citizens: found by the address they write from, their number or an order, with all that stands about them here.

Names, birth dates and numbers are not among it: they are read where a case is, for a purpose.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.dealing.models import Subscription
from fund.governance.officers import Duty, Officer
from fund.ledger import balances
from fund.units import UnitClass
from investors.applications import Status
from investors.people import Investor
from portal.officers import shown
from portal.officers.newest import Endless
from portal.officers.room import Group, Line, column
from portal.officers.site import site

NEWEST = 20  # orders on a citizen's page


@admin.register(Investor, site=site)
class Citizens(Endless):
    """The way from a letter or a call to the case, the orders and the acts of one person."""

    duties = frozenset({Duty.ONBOARDING, Duty.PAYMENTS, Duty.AUDIT})
    group = Group.CITIZENS
    name = gettext_lazy("Citizens")
    page_template = "officers/citizen.html"
    list_display = (
        column("id", gettext_lazy("Number")),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display()),
        column("nations", gettext_lazy("Citizenship"), lambda row: shown.nations(row.nations)),
        column("registered_at", gettext_lazy("Registered"), lambda row: shown.moment(row.registered_at)),
    )
    search_fields = ("id",)
    search_help_text = gettext_lazy("An e-mail address, a number, or the reference of an order")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Each by an index, so that ten million are searched at once."""
        asked = search_term.strip()
        if not asked:
            return queryset, False
        if "@" in asked:
            return queryset.filter(user__email=asked.lower()), False
        if asked.isdecimal() and len(asked) < 10:
            return queryset.filter(pk=int(asked)), False
        told = asked.replace(" ", "").upper()
        order = Subscription.objects.filter(**{"numeric_reference" if told.isdecimal() else "reference": told}).first()
        return (queryset.filter(holder_id=order.holder_id) if order else queryset.none()), False

    def title_of(self, row: Investor) -> str:
        return _("Citizen %(number)s") % {"number": row.pk}

    def page(self, *, row: Investor, officer: Officer, now: datetime) -> dict[str, Any]:
        orders = Subscription.objects.with_outcomes().filter(holder_id=row.holder_id or 0).order_by("-pk")
        applications = row.applications.exclude(status=Status.DRAFT).order_by("-pk")
        return {
            "lines": list(_about(row)),
            "applications": [
                (one.pk, one.get_occasion_display(), one.get_status_display(), shown.instant(one.submitted_at))
                for one in applications
                if one.submitted_at
            ],
            "sees_applications": officer.has(Duty.ONBOARDING),
            "orders": [_order(one) for one in orders[:NEWEST]],
            "acts": f"{reverse('admin:fund_act_changelist')}?actor={row.actor}",
        }


def _about(row: Investor) -> Iterator[Line]:
    yield Line(_("Status"), row.get_state_display())
    yield Line(_("Citizenship"), shown.nations(row.nations))
    yield Line(_("Registered"), shown.instant(row.registered_at))
    if row.verified_until:
        yield Line(_("Verified until"), shown.instant(row.verified_until))
    if row.holder_id:
        yield Line(_("Holder"), row.holder_id)
        for unit_class in UnitClass.objects.filter(owner_kind="citizen").order_by("code"):
            if held := balances.balance(f"units:{unit_class.pk}", holder_id=row.holder_id):
                yield Line(UnitClass.Code(unit_class.pk).label, shown.units(held, unit_class))


def _order(one: Subscription) -> dict[str, Any]:
    return {
        "pk": one.pk,
        "reference": one.reference,
        "offering": one.offering_id,
        "amount": shown.money(one.money),
        "status": one.standing.label,
        "received": shown.moment(one.received_at),
    }
