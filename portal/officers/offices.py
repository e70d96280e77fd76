"""Officers: who is and was in office, and every way in which that changes (``fund.governance.office``)."""

from datetime import datetime
from typing import Any

from allauth.account.models import EmailAddress
from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fund.governance import config, office
from fund.governance.approval import Kind, Proposal
from fund.governance.office import OfficeEntry
from fund.governance.officers import Duty, Officer
from fund.holders import Nation
from portal.officers import changes, shown, words
from portal.officers.fields import ReasonForm
from portal.officers.room import Group, Line, Queue, Room, act, column, proposed, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

IN_AN_EMERGENCY = [(one.value, one.label) for one in Duty if one not in (Duty.ADMINISTRATION, Duty.AUDIT)]


class DutiesField(forms.TypedMultipleChoiceField):
    """Duties by their names."""

    def __init__(self, **kwargs: Any) -> None:
        given = {"choices": Duty.choices, **kwargs}
        super().__init__(label=gettext_lazy("Duties"), coerce=Duty, widget=forms.CheckboxSelectMultiple, **given)


class AppointForm(ReasonForm):
    """An account that has signed up on the site, and the person whom the ministry has named."""

    email = forms.EmailField(
        label=gettext_lazy("E-mail address of the account"),
        help_text=gettext_lazy("The person has signed up with it and confirmed it."),
    )
    nation = forms.TypedChoiceField(label=gettext_lazy("Nation"), choices=Nation.choices, coerce=Nation)
    person = forms.CharField(label=gettext_lazy("The ministry’s number of the person"), max_length=40)
    name_en = forms.CharField(label=gettext_lazy("Name in English"), max_length=120)
    name_ja = forms.CharField(label=gettext_lazy("Name in Japanese"), max_length=120)
    duties = DutiesField()
    field_order = ("email", "nation", "person", "name_en", "name_ja", "duties", "reason")

    def clean_email(self) -> int:
        """The account's number. An address that nobody has confirmed is nobody's."""
        found = EmailAddress.objects.filter(email__iexact=self.cleaned_data["email"], verified=True).first()
        if found is None:
            raise ValidationError(_("No account has confirmed this address."))
        return int(found.user_id)


class DutiesForm(ReasonForm):
    """All duties from then on."""

    duties = DutiesField()
    field_order = ("duties", "reason")


class EmergencyForm(ReasonForm):
    """The duties that nobody is there for."""

    duties = DutiesField(choices=IN_AN_EMERGENCY)
    field_order = ("duties", "reason")


@admin.register(Officer, site=site)
class Offices(Room):
    """Every officer sees who is in office and can end an emergency; the ministry's number is for administration and
    audit.
    """

    group = Group.HOUSE
    name = gettext_lazy("Officers")
    change_list_template = "officers/officers.html"
    page_template = "officers/officer.html"
    list_display = (
        column("who", gettext_lazy("Name"), lambda row: who(row)),
        column("nation", gettext_lazy("Nation"), lambda row: row.get_nation_display()),
        column("duties", gettext_lazy("Duties"), lambda row: named(row.duties)),
        column("in_office_from", gettext_lazy("In office from"), lambda row: shown.moment(row.in_office_from)),
        column("in_office_until", gettext_lazy("In office until"), lambda row: shown.moment(row.in_office_until)),
    )
    list_filter = (("nation", titled(gettext_lazy("nation"))),)
    ordering = ("nation", "id")

    def title_of(self, row: Officer) -> str:
        return who(row)

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"appoint_form": AppointForm(), "may_appoint": officer.has(Duty.ADMINISTRATION)}

    def page(self, *, row: Officer, officer: Officer, now: datetime) -> dict[str, Any]:
        administers = officer.has(Duty.ADMINISTRATION)
        in_office, own_nation = row.in_office(now), officer.nation == row.nation
        in_emergency = row.emergency_until is not None and row.emergency_until > now
        open_proposal = Proposal.objects.filter(
            kind=Kind.OFFICE, subject=f"user:{row.user_id}", state=Proposal.State.OPEN
        ).first()
        return {
            "lines": list(_about(row, sees_number=administers or officer.has(Duty.AUDIT), in_emergency=in_emergency)),
            "history": [_told(one) for one in _entries(row)],
            "open_proposal": open_proposal,
            "may_propose": administers and in_office and open_proposal is None,
            "propose_form": DutiesForm(initial={"duties": row.duties}),
            "may_leave": in_office and (row.pk == officer.pk or (administers and own_nation)),
            "own": row.pk == officer.pk,
            "leave_form": ReasonForm(),
            "may_break_glass": administers and in_office and own_nation and row.person != officer.person,
            "break_glass_form": EmergencyForm(),
            "hours": config.get("office.emergency_hours", at=now),
            "in_emergency": in_emergency,
        }  # fmt: skip

    @act(duty=Duty.ADMINISTRATION, fresh=True, form=AppointForm, on_row=False)
    def appoint(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        proposal = office.propose_appointment(user_id=form.pop("email"), **form, officer=officer, now=now)
        return proposed(request, proposal)

    @act(duty=Duty.ADMINISTRATION, fresh=True, form=DutiesForm)
    def propose(
        self, request: HttpRequest, *, row: Officer, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        return proposed(request, office.propose_duties(held=row, **form, officer=officer, now=now))

    @act(fresh=True, form=ReasonForm)
    def leave(
        self, request: HttpRequest, *, row: Officer, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str | HttpResponse:
        office.leave(held=row, reason=form["reason"], officer=officer, now=now)
        if row.pk == officer.pk:
            return redirect("home")
        return _("The office has ended. Nobody enters the desk with this account any more.")

    @act(duty=Duty.ADMINISTRATION, fresh=True, form=EmergencyForm)
    def break_glass(
        self, request: HttpRequest, *, row: Officer, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str:
        entry = office.break_glass(held=row, **form, officer=officer, now=now)
        assert entry.until
        return _("The duties are given until %(until)s. Every officer of both nations is told.") % {
            "until": shown.instant(entry.until)
        }

    @act()
    def end_emergency(self, request: HttpRequest, *, row: Officer, officer: Officer, now: datetime) -> str:
        office.end_emergency(held=row, officer=officer, now=now)
        return _("The emergency duties have ended.")

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        """An alarm, as long as it lasts: it stands on everybody's desk."""
        rows = list(office.in_emergency(now=now))
        if not rows:
            return []
        began = OfficeEntry.objects.filter(act=OfficeEntry.Act.EMERGENCY, until__gt=now).order_by("at").first()
        return [
            Queue(
                _("Officers with emergency duties"),
                len(rows),
                began.at if began else None,
                self.address("change", rows[0].pk),
            )
        ]


def who(row: Officer) -> str:
    """The name in the page's language."""
    return row.name_ja if get_language() == "ja" else row.name_en


def named(duties: list[str]) -> str:
    """Duties by their names, in one line."""
    return ", ".join(str(Duty(one).label) for one in duties) or "—"


def _about(row: Officer, *, sees_number: bool, in_emergency: bool) -> list[Line]:
    lines = [
        Line(_("Name"), f"{row.name_en} · {row.name_ja}"),
        Line(_("Nation"), row.get_nation_display()),
        Line(_("Duties"), named(row.duties)),
        Line(_("In office from"), shown.instant(row.in_office_from)),
    ]
    if row.in_office_until:
        lines.append(Line(_("In office until"), shown.instant(row.in_office_until)))
    if in_emergency and row.emergency_until:
        until = _("until %(instant)s") % {"instant": shown.instant(row.emergency_until)}
        lines.append(Line(_("Emergency duties"), named(row.emergency_duties), until))
    if sees_number:
        lines.append(Line(_("The ministry’s number of the person"), row.person))
    return lines


def _entries(row: Officer) -> QuerySet[OfficeEntry]:
    return OfficeEntry.objects.filter(user_id=row.user_id).select_related("by").order_by("-id")


def _told(entry: OfficeEntry) -> dict[str, Any]:
    return {
        "at": shown.instant(entry.at),
        "act": entry.get_act_display(),
        "duties": named(entry.duties) if entry.duties else "",
        "by": who(entry.by) if entry.by else "",
        "proposal": entry.proposal_id,
        "reason": entry.reason,
    }


# ── what the proposal says ────────────────────────────────────────────────────────────────────────────────────────
@words.reads(Kind.OFFICE)
def _office(proposal: Proposal, payload: Payload) -> Words:
    duties = named(payload.pop("duties"))
    account = Line(_("Account"), payload.pop("user"))
    if payload.pop("act") == OfficeEntry.Act.APPOINTED:
        name = payload.pop("name_ja"), payload.pop("name_en")
        said = Words(_("%(name)s becomes an officer of %(nation)s, with these duties: %(duties)s.") % {
            "name": name[0] if get_language() == "ja" else name[1],
            "nation": Nation(payload.pop("nation")).label,
            "duties": duties,
        })  # fmt: skip
        said.lines = [
            Line(_("Name"), f"{name[1]} · {name[0]}"),
            Line(_("The ministry’s number of the person"), payload.pop("person")),
            account,
        ]
        return said
    held = Officer.objects.get(user_id=account.value)
    said = Words(_("The duties of %(name)s become: %(duties)s.") % {"name": who(held), "duties": duties})
    said.lines = [
        Line(_("Name"), f"{held.name_en} · {held.name_ja}"),
        Line(_("Nation"), held.get_nation_display()),
        account,
    ]
    return said


@changes.compares(Kind.OFFICE)
def _duties_now(payload: Payload, now: datetime) -> list[changes.Change]:
    held = Officer.objects.filter(user_id=payload["user"]).first()
    current = named(held.duties) if held else _("not in office")
    return [changes.change(_("Duties"), named(payload["duties"]), current)]
