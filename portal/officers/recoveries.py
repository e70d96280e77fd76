"""Recoveries of accounts: the citizen's statement against the record, the video call, a second officer's decision."""

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
from investors import recovery
from investors.recovery import RecoveryCase, State
from portal.officers import shown
from portal.officers.room import Group, Line, Queue, Room, act, column, titled
from portal.officers.site import site

APPROVE, REFUSE = "approve", "refuse"
LABELS = {
    "name": gettext_lazy("Name"),
    "birth_date": gettext_lazy("Date of birth"),
    "number_ending": gettext_lazy("Last four digits of the tax number"),
    "phone": gettext_lazy("Telephone"),
    "times": gettext_lazy("When to call"),
}
FOUND = {
    True: gettext_lazy("agrees with the record"),
    False: gettext_lazy("does NOT agree with the record"),
    None: gettext_lazy("not in the record"),
}


class ReproofForm(forms.Form):
    """Who was seen, and what was shown."""

    shown = forms.CharField(
        label=gettext_lazy("What was shown in the video call"),
        help_text=gettext_lazy("The document and its number's last digits, the comparison of faces, what was asked."),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class DecisionForm(forms.Form):
    """Approve or refuse, and why."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("Decision"),
        choices=[(APPROVE, gettext_lazy("approve")), (REFUSE, gettext_lazy("refuse"))],
        widget=forms.RadioSelect,
    )
    reason = forms.CharField(label=gettext_lazy("Reason"), max_length=2000, widget=forms.Textarea(attrs={"rows": 3}))


@admin.register(RecoveryCase, site=site)
class Recoveries(Room):
    """Who it is stays sealed until the case is opened. Whoever was in the call does not approve."""

    duties = frozenset({Duty.ONBOARDING})
    group = Group.CITIZENS
    name = gettext_lazy("Recoveries of accounts")
    page_template = "officers/recovery.html"
    list_display = (
        column("id", gettext_lazy("Case"), lambda row: str(row.pk)[:8]),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("opened_at", gettext_lazy("Opened"), lambda row: shown.moment(row.opened_at), ordered=True),
        column("lapses_at", gettext_lazy("Lapses"), lambda row: shown.moment(row.lapses_at)),
    )
    list_filter = (("state", titled(gettext_lazy("status"))),)
    list_select_related = ("investor",)
    ordering = (
        Case(When(state=State.OPEN, then=Value(0)), When(state=State.REPROVED, then=Value(0)), default=Value(1)),
        "opened_at",
    )

    def title_of(self, row: RecoveryCase) -> str:
        return _("Recovery %(case)s") % {"case": str(row.pk)[:8]}

    def page(self, *, row: RecoveryCase, officer: Officer, now: datetime) -> dict[str, Any]:
        alive = row.lapses_at > now
        return {
            "lines": list(_about(row)),
            "may_reprove": alive and row.state == State.OPEN,
            "may_decide": alive and row.state in (State.OPEN, State.REPROVED),
            "reprove_form": ReproofForm(),
            "decide_form": DecisionForm(),
        }

    @act(duty=Duty.ONBOARDING)
    def open(self, request: HttpRequest, *, row: RecoveryCase, officer: Officer, now: datetime) -> HttpResponse:
        """Show what was stated and what agrees, this once; the reading is recorded as done for the recovery."""
        opened = recovery.read(case_id=row.pk, officer=officer, now=now)
        return self.shown(request, row, officer, stated=list(_stated(opened)), said=list(_said(opened)))

    @act(duty=Duty.ONBOARDING, fresh=True, form=ReproofForm)
    def reprove(
        self, request: HttpRequest, *, row: RecoveryCase, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str:
        recovery.reprove(case_id=row.pk, officer=officer, shown=form["shown"], now=now)
        return _("Recorded. Another officer has to confirm it.")

    @act(duty=Duty.ONBOARDING, fresh=True, form=DecisionForm)
    def decide(
        self, request: HttpRequest, *, row: RecoveryCase, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str:
        verb = recovery.approve if form["outcome"] == APPROVE else recovery.refuse
        verb(case_id=row.pk, officer=officer, reason=form["reason"], now=now)
        return _("Decided. The citizen is told.")

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        rows = RecoveryCase.objects.filter(lapses_at__gt=now)
        call, confirm = rows.filter(state=State.OPEN), rows.filter(state=State.REPROVED)
        return [
            self.waiting(_("Recoveries that wait for a call"), call, "opened_at", query="?state__exact=open"),
            self.waiting(
                _("Recoveries that wait for a second officer"),
                confirm.exclude(reproved_person=officer.person),
                "opened_at",
                query="?state__exact=reproved",
            ),
        ]


def _about(row: RecoveryCase) -> Iterator[Line]:
    yield Line(_("Status"), row.get_state_display())
    yield Line(_("Opened"), shown.instant(row.opened_at))
    yield Line(_("Lapses"), shown.instant(row.lapses_at))
    if row.reproved_by and row.reproved_at:
        yield Line(_("Seen in a call by"), str(row.reproved_by), shown.instant(row.reproved_at))
    if row.decided_by and row.decided_at:
        yield Line(_("Decided by"), str(row.decided_by), shown.instant(row.decided_at))
    if row.ended_at:
        yield Line(_("Ended"), shown.instant(row.ended_at))
    if row.hold_until:
        yield Line(_("No change of where money goes until"), shown.instant(row.hold_until))


def _stated(opened: recovery.Opened) -> Iterator[Line]:
    for field, label in LABELS.items():
        note = FOUND[opened.matches[field]] if field in opened.matches else ""
        yield Line(label, getattr(opened.statement, field), note)


def _said(opened: recovery.Opened) -> Iterator[Line]:
    if opened.reproof:
        yield Line(_("What was shown in the video call"), opened.reproof)
    if opened.reason:
        yield Line(_("Reason"), opened.reason)
