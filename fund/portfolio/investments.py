"""Investments and facilities with the terms that hold on a day: a row is never changed, later terms follow it (D40)."""

from collections.abc import Iterable
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from fund.governance.approval import Proposal
from fund.portfolio.models import Facility, FacilityTerms, Investment, InvestmentTerms
from fund.portfolio.movements import Refused

INVESTMENT_TERMS = ("stage", "ownership_percent", "committed")
FACILITY_TERMS = ("limit", "covenant", "rate_bps")


def investments(*, on: date) -> list[Investment]:
    """Every investment that had begun, by code, each with the terms in force at the end of a day."""
    rows = list(Investment.objects.order_by("pk"))
    _lay_over(rows, InvestmentTerms.objects.filter(effective_on__lte=on), "investment", INVESTMENT_TERMS)
    return rows


def investment(*, code: str, on: date) -> Investment:
    """One investment with the terms in force at the end of a day. Raises Refused for an unknown code."""
    rows = list(Investment.objects.filter(pk=code))
    if not rows:
        raise Refused(_("There is no such investment."), code="unknown_investment")
    later = InvestmentTerms.objects.filter(investment=code, effective_on__lte=on)
    _lay_over(rows, later, "investment", INVESTMENT_TERMS)
    return rows[0]


def facilities(*, on: date) -> list[Facility]:
    """Every facility, by code, each with the terms in force at the end of a day."""
    rows = list(Facility.objects.order_by("pk"))
    _lay_over(rows, FacilityTerms.objects.filter(effective_on__lte=on), "facility", FACILITY_TERMS)
    return rows


def facility(*, code: str, on: date) -> Facility:
    """One facility with the terms in force at the end of a day. Raises Refused for an unknown code."""
    found = next((one for one in facilities(on=on) if one.pk == code), None)
    if found is None:
        raise Refused(_("There is no such facility."), code="unknown_facility")
    return found


def covenants_over_time() -> list[list[tuple[date, Decimal]]]:
    """For every facility its covenants in the order of their days, each with the day it is in force from."""
    later: dict[str, list[tuple[date, Decimal]]] = {}
    for terms in FacilityTerms.objects.order_by("effective_on", "recorded_at"):
        later.setdefault(terms.facility_id, []).append((terms.effective_on, terms.covenant))
    return [[(date.min, one.covenant), *later.get(one.pk, [])] for one in Facility.objects.order_by("pk")]


def _lay_over(rows: Iterable[Any], later: Any, of: str, names: tuple[str, ...]) -> None:
    """Give each row, which is only read from here on, the newest of the later terms."""
    newest = {
        getattr(terms, f"{of}_id"): terms for terms in later.order_by(of, "-effective_on", "-recorded_at").distinct(of)
    }
    for row in rows:
        if terms := newest.get(row.pk):
            for name in names:
                setattr(row, name, getattr(terms, name))


def change_investment(
    *,
    investment: Investment,
    effective_on: date,
    stage: Investment.Stage,
    ownership_percent: Decimal,
    committed: int,
    event_id: UUID,
    proposal: Proposal,
) -> InvestmentTerms:
    """From a day on an investment has another stage, share or commitment. The database refuses it without two keys.

    Raises Refused for a day before it began, or a commitment below what is already paid in.
    """
    held = Investment.objects.select_for_update(no_key=True).get(pk=investment.pk)
    require_terms(held, effective_on, committed)
    return InvestmentTerms.objects.create(
        event_id=event_id,
        proposal=proposal,
        investment=held,
        effective_on=effective_on,
        stage=stage,
        ownership_percent=ownership_percent,
        committed=committed,
    )


def require_terms(held: Investment, effective_on: date, committed: int) -> None:
    if effective_on < held.since:
        raise Refused(_("The investment had not begun on this day."), code="before_it_began")
    paid = sum(held.deployments.values_list("amount", flat=True))
    if committed < paid:
        raise Refused(_("More than this is paid in already."), code="below_deployed", paid=paid)


def change_facility(
    *,
    facility: Facility,
    effective_on: date,
    limit: int,
    covenant: Decimal,
    rate_bps: int,
    event_id: UUID,
    proposal: Proposal,
) -> FacilityTerms:
    """From a day on a facility has another limit, covenant or rate. The database refuses it without two keys."""
    return FacilityTerms.objects.create(
        event_id=event_id,
        proposal=proposal,
        facility=facility,
        effective_on=effective_on,
        limit=limit,
        covenant=covenant,
        rate_bps=rate_bps,
    )
