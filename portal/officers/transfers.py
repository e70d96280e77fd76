"""Transfers between citizens: gifts that wait for the keys, and the estates of those who have died (D32).

Nobody's name stands on a page until an officer looks into the case; the look is in the audit log. Who signs can look
first: the documents are opened here, and what is signed names them by their fingerprints.
"""

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from fractions import Fraction
from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from fund.conveyance.models import Conveyance, Estate, Refusing
from fund.governance.approval import Kind as Act
from fund.governance.approval import Proposal
from fund.governance.officers import Duty, Officer
from fund.units import UnitClass
from investors import evidence, pictures, transfer_papers, transfers
from investors.people import Investor
from investors.transfer_papers import Kind, TransferPaper
from investors.transfers import Person
from portal import uploading
from portal.officers import changes, shown, words
from portal.officers.room import Group, Line, Queue, Room, act, column, proposed, titled
from portal.officers.site import site
from portal.officers.words import Payload, Words

State = Conveyance.State
OF_OFFICERS = [Refusing.PAPERS, Refusing.NOT_A_GIFT, Refusing.DOUBTS, Refusing.MISTAKEN]


class PaperForm(forms.Form):
    """One document of a case."""

    kind = forms.ChoiceField(label=gettext_lazy("Document"), choices=Kind.choices)
    file = forms.FileField(label=gettext_lazy("File"), help_text=gettext_lazy("JPEG, PNG, WebP or PDF"))

    def clean_file(self) -> Any:
        given = self.cleaned_data["file"]
        if given.size > pictures.LARGEST:
            raise ValidationError(evidence.WHY["too_large"])
        return given


class RefusalForm(forms.Form):
    """Why nothing passes on; both sides read it."""

    reason = forms.ChoiceField(
        label=gettext_lazy("Reason"), choices=[(one.value, one.label) for one in OF_OFFICERS], widget=forms.RadioSelect
    )


class OpenForm(forms.Form):
    """Whose estate it is."""

    citizen = forms.IntegerField(
        label=gettext_lazy("Number of the citizen who has died"), min_value=1, max_value=2**62,
        help_text=gettext_lazy("Under Citizens it is found by an e-mail address or an order."),
    )  # fmt: skip


class HeirsForm(forms.Form):
    """The heirs with their shares, a line each; they make one."""

    heirs = forms.CharField(
        label=gettext_lazy("Heirs and their shares"),
        help_text=gettext_lazy("A line each: the heir’s number or code, a space, the share. Such as: 1204 1/2"),
        max_length=4_000,
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def clean_heirs(self) -> list[tuple[str, Fraction]]:
        found = []
        for line in self.cleaned_data["heirs"].splitlines():
            if line.strip():
                found.append(self._heir(line.strip()))
        return found

    def _heir(self, line: str) -> tuple[str, Fraction]:
        named, _space, share = line.rpartition(" ")
        above, _slash, below = share.partition("/")
        if not named.strip() or not (above.isascii() and above.isdecimal() and len(above) < 7):
            raise ValidationError(_("This line does not name an heir and a share: %(line)s") % {"line": line})
        if _slash and not (below.isascii() and below.isdecimal() and len(below) < 7 and int(below)):
            raise ValidationError(_("This line does not name an heir and a share: %(line)s") % {"line": line})
        return named.strip(), Fraction(int(above), int(below or 1))


class Cases(Room):
    """What gifts and estates have in common: documents, the proposal, the refusal."""

    duties = frozenset({Duty.ONBOARDING})
    group = Group.CITIZENS
    page_template = "officers/transfer.html"

    def page(self, *, row: Any, officer: Officer, now: datetime) -> dict[str, Any]:
        waiting = transfers.open_proposals(str(row.pk))
        lines = transfers.lines_of(row)
        approved = any(one.state == State.APPROVED for one in lines)
        stands = row.ended_at is None and not approved
        lacking = transfers.lacking(case=row, now=now) if stands else []
        free = stands and not waiting.exists()
        return {
            "state": row.get_state_display(),
            "lines": list(_about(row)),
            "passing": [_passing(one) for one in lines],
            "papers": [_paper(one) for one in transfer_papers.current(row.pk).values()],
            "lacking": lacking,
            "proposals": waiting,
            "approved": approved,
            "may_add": free,
            "may_propose": free and not lacking,
            "may_refuse": stands,
            "add_paper_form": PaperForm(),
            "refuse_form": RefusalForm(),
            "address": {name: self.address(name, row.pk) for name, rule in self.acts().items() if rule.on_row},
        }

    @act(duty=Duty.ONBOARDING)
    def look(self, request: HttpRequest, *, row: Any, officer: Officer, now: datetime) -> HttpResponse:
        """Show who takes part and the documents, this once; the look and every opening are recorded."""
        everybody, papers = transfers.look(case=row, officer=officer, now=now)
        opened = [{"title": _paper(one).label, "pages": [_picture(page) for page in pages]} for one, pages in papers]
        return self.shown(request, row, officer, people=[_person(one) for one in everybody], documents=opened)

    @act(duty=Duty.ONBOARDING, form=PaperForm)
    def add_paper(
        self, request: HttpRequest, *, row: Any, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str:
        taken = uploading.take(user_id=officer.user_id, data=form["file"].read())
        kind = Kind(form["kind"])
        transfers.add_paper(case=row, kind=kind, taken=taken, officer=officer, now=now)
        return _("Saved: %(document)s.") % {"document": kind.label}

    @act(duty=Duty.ONBOARDING, fresh=True)
    def propose(self, request: HttpRequest, *, row: Any, officer: Officer, now: datetime) -> HttpResponse:
        return proposed(request, transfers.propose(case=row, officer=officer, now=now))

    @act(duty=Duty.ONBOARDING, fresh=True, form=RefusalForm)
    def refuse(self, request: HttpRequest, *, row: Any, form: dict[str, Any], officer: Officer, now: datetime) -> str:
        transfers.refuse(case=row, reason=Refusing(form["reason"]), officer=officer, now=now)
        return _("Refused. Those whom it concerns are told.")


@admin.register(Conveyance, site=site)
class Gifts(Cases):
    """Gifts that citizens have offered each other."""

    name = gettext_lazy("Gifts of units")
    list_display = (
        column("id", gettext_lazy("Gift"), lambda row: str(row.pk)[-8:]),
        column("unit_class", gettext_lazy("Class"), lambda row: row.unit_class.get_code_display()),
        column("units", gettext_lazy("Units"), lambda row: shown.units(row.units, row.unit_class)),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("offered_at", gettext_lazy("Offered"), lambda row: shown.moment(row.offered_at), ordered=True),
    )
    list_filter = (("state", titled(gettext_lazy("status"))),)
    list_select_related = ("unit_class",)
    ordering = ("-offered_at",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conveyance]:
        return super().get_queryset(request).filter(estate=None)

    def title_of(self, row: Conveyance) -> str:
        return _("Gift %(case)s") % {"case": str(row.pk)[-8:]}

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        if not officer.has(Duty.ONBOARDING):
            return []
        rows = Conveyance.objects.filter(estate=None, state=State.ACCEPTED)
        return [self.waiting(_("Gifts of units to decide"), rows, "answered_at", query="?state__exact=accepted")]


@admin.register(Estate, site=site)
class Estates(Cases):
    """Estates of citizens who have died."""

    name = gettext_lazy("Estates")
    change_list_template = "officers/estates.html"
    list_display = (
        column("id", gettext_lazy("Estate"), lambda row: str(row.pk)[-8:]),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("opened_at", gettext_lazy("Opened"), lambda row: shown.moment(row.opened_at), ordered=True),
    )
    list_filter = (("state", titled(gettext_lazy("status"))),)
    ordering = ("-opened_at",)

    def title_of(self, row: Estate) -> str:
        return _("Estate %(case)s") % {"case": str(row.pk)[-8:]}

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"open_case_form": OpenForm(), "may_open": officer.has(Duty.ONBOARDING)}

    def page(self, *, row: Estate, officer: Officer, now: datetime) -> dict[str, Any]:
        found = super().page(row=row, officer=officer, now=now)
        return {**found, "may_name": found["may_add"], "heirs_form": HeirsForm()}

    @act(duty=Duty.ONBOARDING, fresh=True, form=OpenForm, on_row=False)
    def open_case(
        self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str | HttpResponse:
        investor = Investor.objects.filter(pk=form["citizen"]).first()
        if investor is None:
            raise ValidationError(_("There is no citizen with this number."))
        estate = transfers.open_estate(investor=investor, officer=officer, now=now)
        return redirect(self.address("change", estate.pk))

    @act(duty=Duty.ONBOARDING, form=HeirsForm)
    def heirs(self, request: HttpRequest, *, row: Estate, form: dict[str, Any], officer: Officer, now: datetime) -> str:
        named = transfers.name_heirs(estate=row, heirs=form["heirs"], officer=officer, now=now)
        return ngettext("%(count)d line is on hold.", "%(count)d lines are on hold.", len(named)) % {
            "count": len(named)
        }

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        if not officer.has(Duty.ONBOARDING):
            return []
        rows = Estate.objects.filter(state=Estate.State.OPEN)
        return [self.waiting(_("Estates to settle"), rows, "opened_at", query="?state__exact=open")]


def _about(row: Estate | Conveyance) -> Iterator[Line]:
    yield Line(_("Status"), row.get_state_display())
    if isinstance(row, Conveyance):
        yield Line(_("Offered"), shown.instant(row.offered_at))
        if row.answered_at:
            yield Line(_("Accepted"), shown.instant(row.answered_at))
    else:
        yield Line(_("Who has died"), _citizen(row.holder_id))
        yield Line(_("Opened"), shown.instant(row.opened_at))
    if row.reason:
        yield Line(_("Reason"), row.get_reason_display())
    if row.ended_at:
        yield Line(_("Ended"), shown.instant(row.ended_at))


def _passing(one: Conveyance) -> Line:
    """A line in words; once it has moved with what went with it."""
    said = _("%(giver)s → %(recipient)s") % {
        "giver": _citizen(one.holder_id), "recipient": _citizen(one.recipient_id)
    }  # fmt: skip
    note = one.get_state_display()
    if one.cost is not None and one.worth is not None:
        note = _("cost %(cost)s, worth %(worth)s on that day") % {
            "cost": shown.money(one.money(one.cost)), "worth": shown.money(one.money(one.worth))
        }  # fmt: skip
    return Line(said, shown.units(one.units, one.unit_class), note)


def _citizen(holder_id: int) -> str:
    number = Investor.objects.filter(holder=holder_id).values_list("pk", flat=True).first()
    return _("Citizen %(number)s") % {"number": number or "—"}


def _paper(one: TransferPaper) -> Line:
    pages = ngettext("%(count)d page", "%(count)d pages", one.pages) % {"count": one.pages}
    return Line(one.get_kind_display(), pages, shown.instant(one.added_at))


def _person(one: Person) -> Line:
    written = [
        " ".join(filter(None, (one.name.get(f"family_{by}"), one.name.get(f"given_{by}"))))
        for by in ("kanji", "kana", "latin")
    ]
    title = _("Citizen %(number)s") % {"number": one.investor.pk}
    return Line(title, " · ".join(filter(None, written)) or "—", one.born)


def _picture(page: bytes) -> str:
    return f"data:image/jpeg;base64,{b64encode(page).decode()}"


# ── what the proposals say ────────────────────────────────────────────────────────────────────────────────────────
@words.reads(Act.TRANSFER)
def _transfer(proposal: Proposal, payload: Payload) -> Words:
    giver, lines, papers = payload.pop("from"), payload.pop("lines"), payload.pop("papers")
    classes = UnitClass.objects.in_bulk()
    is_estate = Estate.objects.filter(pk=proposal.subject).exists()
    said = Words(
        _("The units of %(giver)s, who has died, pass to the heirs.") % {"giver": _citizen(int(giver))}
        if is_estate
        else _("%(giver)s gives units to another citizen.") % {"giver": _citizen(int(giver))}
    )
    said.lines = [
        Line(_citizen(int(one["to"])), shown.units(one["units"], classes[one["class"]]), one["line"]) for one in lines
    ]
    said.lines += [Line(Kind(kind).label, digest) for kind, digest in papers.items()]
    return said


@changes.compares(Act.TRANSFER)
def _papers_now(payload: Payload, now: datetime) -> list[changes.Change]:
    """The documents as they are at this moment beside those that are signed."""
    first = Conveyance.objects.filter(pk=payload["lines"][0]["line"]).first()
    here = transfer_papers.told(first.estate_id or first.pk) if first else {}
    return [
        changes.change(Kind(kind).label, payload["papers"].get(kind, "—"), here.get(kind, "—"))
        for kind in sorted({*here, *payload["papers"]})
    ]
