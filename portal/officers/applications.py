"""Applications of citizens: a queue by age, one page a case with rules, evidence, history and decision (D10, D11).

The queue is worked through without a mouse and without choosing: take the next, read, decide, and the next is there.
No personal data stands on the page until an officer says what it is read for; the reading is itself in the audit log.
"""

from base64 import b64encode
from collections.abc import Iterator
from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import get_language, gettext_lazy, ngettext
from django.utils.translation import gettext as _

from fund.governance.officers import Duty, Officer
from investors import appeals, casework, evidence, judging, steps
from investors.appeals import AppealDecision
from investors.applications import Application, Decision, Occasion, Reason, Status
from investors.evidence import Document
from investors.steps import Field, Known
from investors.vault import Purpose
from portal.officers import offices, shown, words
from portal.officers.room import Group, Line, Queue, Room, act, column, titled
from portal.officers.site import site

PURPOSES = [(one.value, one.label) for one in (Purpose.REVIEW, Purpose.CORRESPONDENCE)]


class Chosen(forms.TypedMultipleChoiceField):
    """Keys of documents; which of them belong to the application is asked where they are opened."""

    def valid_value(self, value: Any) -> bool:
        return True


class PurposeForm(forms.Form):
    """What personal data is read for, and the pictures of documents that are opened with it."""

    purpose = forms.ChoiceField(
        label=gettext_lazy("What do you read it for?"), choices=PURPOSES, widget=forms.RadioSelect
    )
    documents = Chosen(
        label=gettext_lazy("Documents to open"), required=False, coerce=UUID, widget=forms.CheckboxSelectMultiple
    )

    def clean(self) -> dict[str, Any]:
        given = super().clean() or {}
        if given.get("documents") and given.get("purpose") == Purpose.CORRESPONDENCE:
            self.add_error("documents", _("Pictures of documents are opened for checking an application only."))
        return given


class DecisionForm(forms.Form):
    """Approve, refuse or ask for more, with the reasons that the applicant will read."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("Decision"), choices=Decision.Outcome.choices, widget=forms.RadioSelect
    )
    reasons = forms.MultipleChoiceField(
        label=gettext_lazy("Reasons"), choices=Reason.choices, required=False, widget=forms.CheckboxSelectMultiple
    )

    go_on = forms.BooleanField(label=gettext_lazy("Then take the next application"), required=False, initial=True)


class HandOverForm(forms.Form):
    """To a colleague, or back to the queue; with a word about the case."""

    to = forms.ModelChoiceField(
        label=gettext_lazy("Hand over to"), queryset=Officer.objects.none(), required=False,
        empty_label=gettext_lazy("back to the queue"),
    )  # fmt: skip
    words = forms.CharField(
        label=gettext_lazy("Note for colleagues"),
        required=False,
        max_length=casework.LONGEST,
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        now = timezone.now()
        in_office = Officer.objects.filter(duties__contains=[Duty.ONBOARDING], in_office_from__lte=now)
        field = self.fields["to"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = in_office.exclude(in_office_until__lte=now).order_by("nation", "name_en")


class NoteForm(forms.Form):
    """A word to colleagues about the case."""

    words = forms.CharField(
        label=gettext_lazy("Note for colleagues"), max_length=casework.LONGEST, widget=forms.Textarea(attrs={"rows": 3})
    )


class AppealForm(forms.Form):
    """Whether a refusal stands, with the answer that the applicant reads."""

    outcome = forms.ChoiceField(
        label=gettext_lazy("Decision"), choices=AppealDecision.Outcome.choices, widget=forms.RadioSelect
    )
    reasons = forms.MultipleChoiceField(
        label=gettext_lazy("Reasons"), choices=Reason.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    answer = forms.CharField(
        label=gettext_lazy("Answer to the applicant"), max_length=2000, widget=forms.Textarea(attrs={"rows": 5})
    )


@admin.register(Application, site=site)
class Applications(Room):
    """Drafts belong to their citizens alone: only what was submitted is seen here."""

    duties = frozenset({Duty.ONBOARDING})
    group = Group.CITIZENS
    name = gettext_lazy("Applications")
    page_template = "officers/application.html"
    change_list_template = "officers/applications.html"
    list_display = (
        column("id", gettext_lazy("Number")),
        column("status", gettext_lazy("Status"), lambda row: row.get_status_display()),
        column("occasion", gettext_lazy("Occasion"), lambda row: row.get_occasion_display()),
        column("nations", gettext_lazy("Citizenship"), lambda row: shown.nations(row.investor.nations)),
        column("submitted_at", gettext_lazy("Submitted"), lambda row: shown.moment(row.submitted_at)),
        column("with", gettext_lazy("With"), lambda row: _with(row)),
    )
    list_filter = (("status", titled(gettext_lazy("status"))), ("occasion", titled(gettext_lazy("occasion"))))
    list_select_related = ("investor", "assignment__officer")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Application]:
        return super().get_queryset(request).exclude(status=Status.DRAFT)

    def get_ordering(self, request: HttpRequest) -> tuple[str, ...]:
        """What waits, the longest waiting first, through the index of what waits; all of them, the newest first."""
        return ("submitted_at",) if request.GET.get("status__exact") in casework.HERE else ("-pk",)

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        mine = Application.objects.filter(
            status__in=casework.HERE, assignment__in=casework.standing(now=now).filter(officer=officer)
        )
        return {"mine": [(self.title_of(one), self.address("change", one.pk)) for one in mine.order_by("submitted_at")]}

    def title_of(self, row: Application) -> str:
        return _("Application %(number)s") % {"number": row.pk}

    def page(self, *, row: Application, officer: Officer, now: datetime) -> dict[str, Any]:
        newest = row.assessments.order_by("-id").first()
        may_hear = appeals.waiting(officer=officer).filter(pk=row.pk).exists()
        holder = casework.with_whom(application=row, now=now)
        free = holder is None or holder.pk == officer.pk
        return {
            "lines": [*_about(row, now), Line(_("With"), offices.who(holder) if holder else "—")],
            "may_take": row.status in casework.HERE and holder is None,
            "may_hand_over": row.status in casework.HERE and free,
            "hand_over_form": HandOverForm(),
            "note_form": NoteForm(),
            "noted": row.notes.count(),
            "assessment": newest,
            "outcomes": [_outcome(outcome) for outcome in newest.outcomes] if newest else [],
            "history": [_step_of_history(change) for change in row.history.order_by("-id")],
            "may_decide": row.status == Status.IN_REVIEW and free,
            "may_hear": may_hear,
            "refused_by_reader": row.status == Status.APPEALED and not may_hear,
            "hear_form": AppealForm(),
            "read_form": _offering(PurposeForm(), row),
            "decide_form": DecisionForm(initial={"reasons": newest.failed if newest else []}),
        }

    @act(form=PurposeForm)
    def read(
        self, request: HttpRequest, *, row: Application, form: dict[str, Any], officer: Officer, now: datetime
    ) -> HttpResponse:
        """Show the answers and the documents chosen, this once; the purpose and every opening are recorded.

        A picture is a part of this very answer (``data:``), which nobody keeps: so it has no address that could be
        opened, linked or cached, and a browser takes it for nothing but an image.
        """
        answers = judging.review(application_id=row.pk, officer=officer, purpose=Purpose(form["purpose"]), now=now)
        known = Known(now, answers)
        answered = [_answered(step, known) for step, one in steps.STEPS.items() if one.fields and step in answers]
        pictures = evidence.inspect(application=row, keys=form["documents"], officer=officer, now=now)
        return self.shown(
            request,
            row,
            officer,
            answers=answered,
            documents=[_opened(*one) for one in pictures],
            appeal=_heard(row, officer, now),
            notes=[_noted(*one) for one in casework.notes(application=row, officer=officer, now=now)],
        )

    def typed_wrong(
        self, request: HttpRequest, name: str, row: Any, officer: Officer, form: forms.Form
    ) -> HttpResponse:
        given = _offering(form, row) if isinstance(form, PurposeForm) else form
        return super().typed_wrong(request, name, row, officer, given)

    @act(form=DecisionForm)
    def decide(
        self, request: HttpRequest, *, row: Application, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str | HttpResponse:
        decision = judging.decide(
            application_id=row.pk, officer=officer, outcome=form["outcome"], reasons=form["reasons"], now=now
        )
        said = _("Decided: %(outcome)s. The applicant is told.") % {"outcome": decision.get_outcome_display()}
        if not form["go_on"]:
            return said
        messages.success(request, f"{self.title_of(row)}: {said}")
        return self.take_next(request, officer=officer, now=now)

    @act(on_row=False)
    def take_next(self, request: HttpRequest, *, officer: Officer, now: datetime) -> HttpResponse:
        """The longest waiting case that nobody works on; the list when there is none."""
        application = casework.take_next(officer=officer, now=now)
        if application is None:
            messages.info(request, _("No application waits that nobody works on."))
            return redirect(self.address())
        return redirect(self.address("change", application.pk))

    @act()
    def take(self, request: HttpRequest, *, row: Application, officer: Officer, now: datetime) -> str:
        casework.take(application_id=row.pk, officer=officer, now=now)
        return _("You work on this application now.")

    @act(form=HandOverForm)
    def hand_over(
        self, request: HttpRequest, *, row: Application, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str:
        to = form["to"]
        casework.hand_over(application_id=row.pk, to=to, officer=officer, words=form["words"], now=now)
        if to is None:
            return _("The application is back in the queue.")
        return _("%(name)s works on this application now.") % {"name": offices.who(to)}

    @act(form=NoteForm)
    def note(
        self, request: HttpRequest, *, row: Application, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str:
        casework.note(application_id=row.pk, officer=officer, words=form["words"], now=now)
        return _("The note is kept. Colleagues read it with the answers.")

    @act(form=AppealForm)
    def hear(
        self, request: HttpRequest, *, row: Application, form: dict[str, Any], officer: Officer, now: datetime
    ) -> str:
        decision = appeals.decide(
            application_id=row.pk,
            officer=officer,
            outcome=form["outcome"],
            reasons=form["reasons"],
            answer=form["answer"],
            now=now,
        )
        return _("Decided: %(outcome)s. The applicant is told.") % {"outcome": decision.get_outcome_display()}

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        rows = Application.objects.filter(status=Status.IN_REVIEW)
        appealed = appeals.waiting(officer=officer)
        mine = rows.filter(assignment__in=casework.standing(now=now).filter(officer=officer))
        return [
            self.waiting(_("Applications that you work on"), mine, "submitted_at"),
            self.waiting(_("Applications to review"), rows, "submitted_at", query="?status__exact=in_review"),
            self.waiting(_("Appeals to decide"), appealed, "submitted_at", query="?status__exact=appealed"),
        ]


def _offering(form: PurposeForm, row: Application) -> PurposeForm:
    """The form with the documents that are there: those that count are chosen, those replaced are not."""
    rows = sorted(row.documents.order_by("kind", "version"), key=lambda one: one.replaced_at is not None)
    field = form.fields["documents"]
    assert isinstance(field, Chosen)
    field.choices = [(str(one.pk), _document(one)) for one in rows]
    field.initial = [str(one.pk) for one in rows if one.replaced_at is None]
    if not rows:
        del form.fields["documents"]
    return form


def _document(one: Document) -> str:
    pages = ngettext("%(count)d page", "%(count)d pages", one.pages) % {"count": one.pages}
    line = f"{one.get_kind_display()} ({pages}, {shown.moment(one.added_at)})"
    return _("%(document)s, replaced") % {"document": line} if one.replaced_at else line


def _opened(document: Document, pages: list[bytes]) -> dict[str, Any]:
    return {
        "title": _document(document),
        "pages": [f"data:image/jpeg;base64,{b64encode(page).decode()}" for page in pages],
    }


def _heard(row: Application, officer: Officer, now: datetime) -> list[Line]:
    """What the applicant says in an appeal, and what was answered."""
    standing = appeals.standing(application=row, purpose=Purpose.REVIEW, actor=officer.actor, now=now)
    lines = [Line(_("What the applicant says"), standing.words)] if standing and standing.words else []
    if standing and standing.answer:
        lines.append(Line(_("Answer to the applicant"), standing.answer))
    return lines


def _noted(note: casework.CaseNote, words: str) -> Line:
    return Line(offices.who(note.officer), words, shown.instant(note.written_at))


def _with(row: Application) -> str:
    """Who took it, however long ago; "—" where it is nobody's turn."""
    held = getattr(row, "assignment", None)
    return offices.who(held.officer) if held and row.status in casework.HERE else "—"


def _about(row: Application, now: datetime) -> Iterator[Line]:
    assert row.first_submitted_at and row.submitted_at, "drafts are not seen here"
    yield Line(_("Status"), row.get_status_display())
    yield Line(_("Occasion"), row.get_occasion_display())
    if row.occasion == Occasion.REVERIFICATION:
        changed = [str(steps.STEPS[code].title) for code in row.changed if code in steps.STEPS]
        yield Line(_("Changed since the last time"), ", ".join(changed) or "—")
    yield Line(_("Citizenship"), shown.nations(row.investor.nations))
    if same := evidence.elsewhere(row):
        where = ", ".join(_("Application %(number)s") % {"number": number} for number in same)
        yield Line(_("The same file elsewhere"), where, _("One of the documents was given there as well."))
    yield Line(_("First submitted"), shown.instant(row.first_submitted_at))
    yield Line(_("Submitted"), shown.instant(row.submitted_at), shown.age(row.submitted_at, now))


def _outcome(outcome: dict[str, Any]) -> dict[str, Any]:
    """A rule's answer in the page's language, with the evidence that it saw."""
    language = "ja" if get_language() == "ja" else "en"
    code = outcome["code"]
    return {
        "code": code,
        "passed": outcome["passed"],
        "reason": outcome[f"reason_{language}"],
        "evidence": [Line(name, words.plain(value)) for name, value in outcome["evidence"].items()],
    }


def _step_of_history(change: Any) -> dict[str, Any]:
    known = dict(Reason.choices)
    return {
        "at": shown.instant(change.at),
        "actor": change.actor,
        "old": change.get_old_display(),
        "new": change.get_new_display(),
        "reasons": [known.get(code, code) for code in change.reasons],
    }


def _answered(code: str, known: Known) -> dict[str, Any]:
    """One step as it was asked and answered."""
    return {"title": steps.STEPS[code].title, "lines": [Line(label, value) for label, value in lines(code, known)]}


def lines(code: str, known: Known) -> list[tuple[str, str]]:
    """The questions of one step and what was answered; choices by their labels."""
    fields = {one.name: one for one in steps.STEPS[code].fields}
    return [
        (str(fields[name].label) if name in fields else name, _value(fields.get(name), value, known))
        for name, value in known.answers[code].items()
    ]


def _value(field: Field | None, value: Any, known: Known) -> str:
    labels = {given: str(label) for given, label in field.options(known)} if field else {}
    if isinstance(value, list):
        return ", ".join(labels.get(one, str(one)) for one in value)
    return labels.get(value) or words.plain(value)
