"""Hits of the sanctions screening: one page a case, both sides side by side once a purpose is stated (D15)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Case, Value, When
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance.officers import Duty, Officer
from investors.screening import review
from investors.screening.listed import Birth
from investors.screening.match import Agreement
from investors.screening.models import Hit, HitDecision
from portal.officers import shown
from portal.officers.room import Group, Line, Queue, Room, act, column, titled
from portal.officers.site import site

BIRTHS = {
    Agreement.SAME_DAY: gettext_lazy("the same day"),
    Agreement.SAME_YEAR: gettext_lazy("the same year"),
    Agreement.NEAR: gettext_lazy("near each other"),
    Agreement.UNKNOWN: gettext_lazy("not known of the listed person"),
    Agreement.DIFFERENT: gettext_lazy("clearly different"),
}


class FindingForm(forms.Form):
    """Another person, or the listed one; and why."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("Finding"),
        choices=[(one.value, one.label) for one in HitDecision.OUTCOMES],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


@admin.register(Hit, site=site)
class Hits(Room):
    """A citizen whose name is like one on a list. Who it is stays sealed until the case is opened."""

    duties = frozenset({Duty.ONBOARDING})
    group = Group.CITIZENS
    name = gettext_lazy("Screening hits")
    page_template = "officers/hit.html"
    list_display = (
        column("entry", gettext_lazy("Listed as"), lambda row: str(row.entry)),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("score", gettext_lazy("Likeness of the names"), lambda row: f"{row.score} / 100", ordered=True),
        column("opened_at", gettext_lazy("Found"), lambda row: shown.moment(row.opened_at), ordered=True),
    )
    list_filter = (("state", titled(gettext_lazy("status"))),)
    list_select_related = ("entry",)
    ordering = (Case(When(state=Hit.State.OPEN, then=Value(0)), default=Value(1)), "opened_at")

    def title_of(self, row: Hit) -> str:
        return _("Hit on %(entry)s") % {"entry": row.entry}

    def page(self, *, row: Hit, officer: Officer, now: datetime) -> dict[str, Any]:
        return {
            "lines": list(_entry(row)),
            "history": [
                f"{shown.instant(one.decided_at)} · {one.officer.actor} · {one.get_outcome_display()}"
                for one in row.decisions.select_related("officer").order_by("decided_at")
            ],
            "may_decide": row.state != Hit.State.LAPSED,
            "finding_form": FindingForm(),
        }

    @act(duty=Duty.ONBOARDING)
    def open(self, request: HttpRequest, *, row: Hit, officer: Officer, now: datetime) -> HttpResponse:
        """Show the citizen's side, this once; the reading is recorded as done for the screening."""
        case = review.read(hit_id=row.pk, officer=officer, now=now)
        reasons = [Line(one.get_outcome_display(), why) for one, why in case.reasons]
        return self.shown(request, row, officer, citizen=list(_citizen(case)), reasons=reasons)

    @act(duty=Duty.ONBOARDING, form=FindingForm)
    def decide(self, request: HttpRequest, *, row: Hit, form: dict[str, Any], officer: Officer, now: datetime) -> str:
        decision = review.decide(
            hit_id=row.pk, officer=officer, outcome=form["outcome"], reason=form["reason"], now=now
        )
        return _("Recorded: %(finding)s.") % {"finding": decision.get_outcome_display()}

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        return [self.waiting(_("Screening hits to review"), review.waiting(), "opened_at", query="?state__exact=open")]


def _entry(row: Hit) -> Iterator[Line]:
    entry = row.entry
    yield Line(_("Status"), row.get_state_display())
    yield Line(_("List"), entry.get_source_display(), entry.number)
    yield Line(_("Names on the list"), "\n".join([*entry.names, *entry.weak]))
    if entry.born:
        yield Line(_("Born, as listed"), ", ".join(_days(one) for one in entry.born))
    if entry.countries:
        yield Line(_("Countries"), ", ".join(entry.countries))
    if entry.remarks:
        yield Line(_("Remarks of the list"), entry.remarks)
    yield Line(_("Likeness of the names"), f"{row.score} / 100")
    yield Line(_("Found"), shown.instant(row.opened_at))


def _days(born: Birth) -> str:
    first, last = shown.day(born.first), shown.day(born.last)
    return first if first == last else f"{first} – {last}"


def _citizen(case: review.Case) -> Iterator[Line]:
    yield Line(_("Name"), " / ".join(part for part in case.name.values() if part))
    yield Line(_("Date of birth"), case.birth_date.isoformat())
    yield Line(_("Alike are"), f"{case.evidence['listed']} ≈ {case.evidence['writing']}")
    yield Line(_("Birth dates"), str(BIRTHS[Agreement(str(case.evidence["birth"]))]))
