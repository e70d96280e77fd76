"""Registrations that may be of one person: one case, all of them side by side, decided pair by pair (D5)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any, NamedTuple

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance.officers import Duty, Officer
from investors import duplicates, judging, steps
from investors.cases import CannotDecide
from investors.duplicates import DuplicateCase, Evidence, Finding, Pair, Registration
from investors.steps import Known
from investors.vault import Purpose
from portal.officers import applications, shown
from portal.officers.room import Group, Line, Queue, Room, act, column
from portal.officers.site import site

WHO = ("citizenship", "birth", "residence", "name", "numbers", "identity_document", "bank_account")


class FindingForm(forms.Form):
    """One person or different people; and why."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("Finding"),
        choices=[(one.value, one.label) for one in (Pair.State.SAME, Pair.State.DIFFERENT)],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))
    pair = forms.IntegerField(widget=forms.HiddenInput)


class Compared(NamedTuple):
    """One answer of every registration of a case."""

    label: Any
    values: list[str]
    same: bool


@admin.register(DuplicateCase, site=site)
class Duplicates(Room):
    """Whose registrations they are stays sealed until a purpose is stated."""

    duties = frozenset({Duty.ONBOARDING})
    group = Group.CITIZENS
    name = gettext_lazy("Possible duplicates")
    page_template = "officers/duplicate.html"
    list_display = (
        column("id", gettext_lazy("Number")),
        column("opened_at", gettext_lazy("Found"), lambda row: shown.moment(row.opened_at), ordered=True),
        column("closed_at", gettext_lazy("Closed"), lambda row: shown.moment(row.closed_at), ordered=True),
    )
    ordering = ("-closed_at", "opened_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[DuplicateCase]:
        return super().get_queryset(request).prefetch_related("pairs")

    def title_of(self, row: DuplicateCase) -> str:
        return _("Possible duplicate %(number)s") % {"number": row.pk}

    def page(self, *, row: DuplicateCase, officer: Officer, now: datetime) -> dict[str, Any]:
        pairs = list(row.pairs.select_related("first", "second").order_by("pk"))
        findings = Finding.objects.filter(pair__case=row).select_related("officer", "pair").order_by("decided_at")
        return {
            "lines": [Line(_("Found"), shown.instant(row.opened_at))],
            "pairs": [
                {
                    "title": _title(pair),
                    "lines": list(_about(pair)),
                    "form": FindingForm(initial={"pair": pair.pk}, auto_id=f"id_{pair.pk}_%s"),
                    "may_decide": pair.state != Pair.State.LAPSED,
                }
                for pair in pairs
            ],
            "history": [
                f"{shown.instant(one.decided_at)} · {one.officer.actor} · {_title(one.pair)}:"
                f" {one.get_outcome_display()}"
                for one in findings
            ],
            "read_form": applications.PurposeForm(),
        }

    @act(form=applications.PurposeForm)
    def read(
        self, request: HttpRequest, *, row: DuplicateCase, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        """Show all registrations side by side, this once; the purpose and the reading are recorded."""
        found = duplicates.review(case_id=row.pk, officer=officer, purpose=Purpose(form["purpose"]), now=now)
        heads = [_("Registration %(number)s") % {"number": one.investor.pk} for one in found]
        return self.shown(request, row, officer, heads=heads, compared=list(_compared(found, now)))

    @act(form=FindingForm)
    def decide(
        self, request: HttpRequest, *, row: DuplicateCase, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str:
        pair = self.pair_of(row, form["pair"])
        finding = judging.settle_pair(
            pair_id=pair.pk, officer=officer, outcome=form["outcome"], reason=form["reason"], now=now
        )
        return _("Recorded: %(finding)s.") % {"finding": finding.get_outcome_display()}

    def pair_of(self, row: DuplicateCase, pair_id: int) -> Pair:
        """Raises CannotDecide for a pair of another case."""
        pair = row.pairs.filter(pk=pair_id).first()
        if pair is None:
            raise CannotDecide(_("There is no such pair in this case."))
        return pair

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        return [self.waiting(_("Possible duplicates to decide"), duplicates.waiting(), "opened_at")]


def _title(pair: Pair) -> str:
    return _("Registrations %(first)s and %(second)s") % {"first": pair.first_id, "second": pair.second_id}


def _about(pair: Pair) -> Iterator[Line]:
    yield Line(_("The same"), ", ".join(str(Evidence(code).label) for code in pair.evidence))
    yield Line(_("Finding"), pair.get_state_display())
    for one in (pair.first, pair.second):
        newest = one.applications.order_by("-pk").exclude(status="draft").first()
        label = _("Registration %(number)s") % {"number": one.pk}
        if newest and newest.first_submitted_at:
            since = shown.instant(newest.first_submitted_at)
            yield Line(label, f"{newest.get_status_display()} · {shown.nations(one.nations)}", since)


def _compared(found: list[Registration], now: datetime) -> Iterator[dict[str, Any]]:
    """What tells who somebody is, the answers of all beside each other; the rest stays closed."""
    for code in WHO:
        step = steps.STEPS[code]
        answered = [
            dict(applications.lines(code, Known(now, one.answers))) if code in one.answers else {} for one in found
        ]
        labels = list(dict.fromkeys(str(label) for lines in answered for label in lines))
        rows = [Compared(label, values := [lines.get(label, "—") for lines in answered], len(set(values)) == 1)
                for label in labels]  # fmt: skip
        if rows:
            yield {"title": step.title, "rows": rows}
