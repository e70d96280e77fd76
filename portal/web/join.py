"""The application, one step a page (D10). Every step is saved by itself; the steps themselves belong to investors."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from fund.refusal import Refusal
from investors import agreements, appeals, duplicates, onboarding, people, prospects, steps
from investors.agreements import Change
from investors.applications import Application, Occasion, Reason, Status
from investors.people import Investor
from investors.steps import Known
from investors.vault import Purpose
from portal import step_up
from portal.access import applicant, as_the_house
from portal.web import words

FEW = 8  # choices up to which all are shown at once

YES_NO = [("true", gettext_lazy("Yes")), ("false", gettext_lazy("No"))]


@applicant
@require_safe
def overview(request: HttpRequest) -> HttpResponse:
    """Where the application stands and what is left of it."""
    now = timezone.now()
    investor = people.register(user=request.user, now=now)
    draft = onboarding.draft(investor=investor, now=now)
    application = draft.application if draft else None
    if application is None or application.editable:
        if found := onboarding.barrier(investor=investor, now=now):
            return render(request, "join/barred.html", {"barrier": found})
        return render(
            request,
            "join/overview.html",
            way(investor)
            | {
                "application": application,
                "reasons": _reasons(application),
                "again": application is not None and application.occasion == Occasion.REVERIFICATION,
                "lapsed": investor.holder_id is not None and not investor.may_invest(now),
            },
        )
    return render(
        request,
        "join/status.html",
        {
            "application": application,
            "status": application.status,
            "again": application.occasion == Occasion.REVERIFICATION,
            "verified_until": investor.verified_until,
        }
        | _refusal(investor, application, now),
    )


@applicant
@require_http_methods(["GET", "HEAD", "POST"])
def step(request: HttpRequest, code: str) -> HttpResponse:
    """One step: shown with what was saved, checked and saved by investors."""
    now = timezone.now()
    investor = people.register(user=request.user, now=now)
    if code not in onboarding.asked(investor=investor):
        raise Http404
    draft = onboarding.draft(investor=investor, now=now)
    if draft and not draft.application.editable:
        return redirect("join")
    known = Known(now, draft.answers if draft else {})
    if code not in prospects.DECISIVE and onboarding.barrier(investor=investor, now=now):
        return redirect("join")
    kept = known.answers.get(code, {})
    described = steps.describe(code, known)
    form = StepForm(described, kept, request.POST if request.method == "POST" else None)
    elsewhere = []
    if request.method == "POST" and form.is_valid() and _save(investor, code, form, version(request), now):
        return redirect(*after(investor, code, now))
    if form.overtaken:
        elsewhere = _differing(described, kept, form)
    order = onboarding.asked(investor=investor)
    place = order.index(code)
    return render(
        request,
        "join/step.html",
        way(investor)
        | {
            "form": form,
            "described": described,
            "code": code,
            "number": place + 1,
            "version": draft.versions.get(code, 0) if draft else 0,
            "changes": _new_versions(investor, now) if code == "agreements" else [],
            "overtaken": form.overtaken,
            "elsewhere": elsewhere,
            "before": order[place - 1] if place else None,
        },
        status=409 if form.overtaken else 422 if form.errors else 200,
    )


@applicant
@require_POST
def check(request: HttpRequest, code: str, name: str) -> HttpResponse:
    """What is wrong with one answer as it is typed, as a line for beside its field; nothing is kept.

    The answer comes in the body alone: an identity number is never part of an address.
    """
    now = timezone.now()
    investor = people.register(user=request.user, now=now)
    if code not in onboarding.asked(investor=investor):
        raise Http404
    errors: list[str] = []
    try:
        steps.STEPS[code].check(name, request.POST.dict(), onboarding.known(investor=investor, now=now))
    except ValidationError as refused:
        errors = refused.messages
    except KeyError:
        raise Http404 from None
    return render(request, "base/errors.html", {"errors": errors})


@applicant
@require_POST
def submit(request: HttpRequest) -> HttpResponse:
    """Hand the application in; nobody's account is protected by a password alone then. The answers are kept."""
    if first := step_up.second_factor_first(request):
        return first
    now = timezone.now()
    investor = people.register(user=request.user, now=now)
    try:
        onboarding.submit(investor=investor, now=now)
    except onboarding.Incomplete as refused:
        messages.error(request, words.refusal(refused))
    except Refusal as refused:
        messages.warning(request, words.refusal(refused))
    return redirect("join")


@applicant
@require_http_methods(["GET", "HEAD", "POST"])
def appeal(request: HttpRequest) -> HttpResponse:
    """Why a refusal is wrong, in the citizen's own words."""
    now = timezone.now()
    investor = people.register(user=request.user, now=now)
    application = onboarding.current(investor=investor)
    if application is None or application.status != Status.REFUSED:
        return redirect("join")
    form = AppealForm(request.POST if request.method == "POST" else None, label_suffix="")
    if request.method == "POST" and form.is_valid():
        try:
            appeals.file(investor=investor, words=form.cleaned_data["words"], now=now)
            messages.success(request, _("Your appeal has arrived."))
            return redirect("join")
        except ValidationError as refused:
            form.add_error("words", refused.error_list)
        except Refusal as refused:
            form.add_error("words", words.refusal(refused))
    refusal = _refusal(investor, application, now)
    if not refusal["standing"] or not refusal["standing"].open:
        return redirect("join")
    return render(request, "join/appeal.html", {"form": form} | refusal, status=422 if form.errors else 200)


@applicant
@require_POST
def again(request: HttpRequest) -> HttpResponse:
    """A new application after a refusal."""
    now = timezone.now()
    try:
        onboarding.begin_again(investor=people.register(user=request.user, now=now), now=now)
    except Refusal as refused:
        messages.warning(request, words.refusal(refused))
    return redirect("join")


class AppealForm(forms.Form):
    """What the citizen wants to say about the refusal."""

    words = forms.CharField(
        label=gettext_lazy("Which reason is wrong, and why?"),
        help_text=gettext_lazy("In English or Japanese. Please do not write identity numbers here."),
        max_length=appeals.LONGEST,
        widget=forms.Textarea(attrs={"rows": 8}),
        error_messages={"required": gettext_lazy("Please say which reason is wrong and why.")},
    )


class StepForm(forms.Form):
    """A step's fields as form fields. Nothing is checked here but the form's own shape: investors check the answers."""

    def __init__(self, described: dict[str, Any], kept: dict[str, Any], data: Any = None) -> None:
        super().__init__(data, label_suffix="")
        self.sent = data
        self.overtaken = False  # another device has saved this step meanwhile
        self.described = described["fields"]
        labels = {one["name"]: one["label"] for one in self.described}
        options = {one["name"]: {c["value"]: c["label"] for c in one["choices"]} for one in self.described}
        for one in self.described:
            made = _field(one)
            made.initial = _shown(one, kept)
            if ending := kept.get(f"{one['name']}_ending"):
                made.help_text = _("Given already, ending in %(ending)s. Leave it empty to keep it.") % {
                    "ending": ending
                }
            if one["checked"]:
                made.check_at = reverse("join-check", args=[described["step"], one["name"]])  # type: ignore[attr-defined]
            if when := one["when"]:
                told = options[when["field"]] or dict(YES_NO)
                made.only_if = _("Only if: %(question)s %(answers)s") % {  # type: ignore[attr-defined]
                    "question": labels[when["field"]],
                    "answers": " / ".join(str(told[value]) for value in when["values"]),
                }
                made.when = f"{when['field']}={' '.join(when['values'])}"  # type: ignore[attr-defined]
            self.fields[one["name"]] = made

    def take(self, refused: ValidationError) -> None:
        """Put what the step found beside its fields."""
        found = refused.error_dict if hasattr(refused, "error_dict") else {"__all__": refused.error_list}
        for name, errors in found.items():
            self.add_error(name if name in self.fields else None, errors)

    def answers(self) -> dict[str, Any]:
        """What was typed, as investors expect it: text, lists for several choices."""
        return {
            one["name"]: self.sent.getlist(one["name"]) if one["type"] == "choices" else self.sent.get(one["name"], "")
            for one in self.described
        }


def _field(one: dict[str, Any]) -> forms.Field:
    choices = [(choice["value"], choice["label"]) for choice in one["choices"]]
    attrs = {"autocomplete": one["autocomplete"], "maxlength": one["max_length"]}
    about: dict[str, Any] = {"label": one["label"], "help_text": one["help"], "required": False}
    made: forms.Field
    match one["type"]:
        case "choice" if len(choices) > FEW:
            blank = [("", _("Choose"))]
            made = forms.CharField(
                widget=forms.Select(choices=blank + choices, attrs={"autocomplete": one["autocomplete"]}), **about
            )
        case "choice":
            made = forms.CharField(widget=forms.RadioSelect(choices=choices), **about)
        case "choices" if len(choices) > FEW:
            made = forms.Field(widget=forms.SelectMultiple(choices=choices, attrs={"size": 8}), **about)
        case "choices":
            made = forms.Field(widget=forms.CheckboxSelectMultiple(choices=choices), **about)
        case "yes_no":
            made = forms.CharField(widget=forms.RadioSelect(choices=YES_NO), **about)
        case "confirm":
            made = forms.CharField(widget=forms.CheckboxInput(attrs={"value": "true"}), **about)
        case "date":
            made = forms.CharField(
                widget=forms.DateInput(attrs={"type": "date", "autocomplete": one["autocomplete"]}), **about
            )
        case "lines":
            made = forms.CharField(widget=forms.Textarea(attrs=attrs | {"rows": 3, "spellcheck": "false"}), **about)
        case "secret":
            made = forms.CharField(
                widget=forms.TextInput(attrs=attrs | {"inputmode": "numeric", "autocomplete": "off"}), **about
            )
        case _:
            made = forms.CharField(widget=forms.TextInput(attrs=attrs), **about)
    made.optional = not one["required"]  # type: ignore[attr-defined]
    return made


def _shown(one: dict[str, Any], kept: dict[str, Any]) -> Any:
    value = kept.get(one["name"])
    if one["type"] == "yes_no" and isinstance(value, bool):
        return "true" if value else "false"
    return None if one["type"] == "secret" else value


def version(request: HttpRequest) -> int | None:
    """The version of the step that was on the page, so that another device's newer answers are not overwritten."""
    given = request.POST.get("version", "")
    return int(given) if given.isascii() and given.isdigit() and len(given) < 10 else None


def _save(investor: Investor, code: str, form: StepForm, version: int | None, now: datetime) -> bool:
    """Let investors check and keep the step; what they find stands beside the fields."""
    try:
        onboarding.save(investor=investor, step=code, answers=form.answers(), now=now, version=version)
    except ValidationError as refused:
        form.take(refused)
        return False
    except onboarding.DraftChanged:
        form.overtaken = True
        return False
    except Refusal as refused:
        form.add_error(None, words.refusal(refused))
        return False
    return True


def _differing(described: dict[str, Any], kept: dict[str, Any], form: StepForm) -> list[tuple[str, str]]:
    """What another device has saved meanwhile, where it differs from what stands on this page; no identity number."""
    typed = form.answers()
    found = []
    for one in described["fields"]:
        saved = _shown(one, kept)
        if one["type"] == "secret" or saved in (None, "") or saved == typed[one["name"]]:
            continue
        labels = dict(YES_NO) | {choice["value"]: choice["label"] for choice in one["choices"]}
        told = saved if isinstance(saved, list) else [saved]
        found.append((one["label"], ", ".join(str(labels.get(value, value)) for value in told)))
    return found


def after(investor: Investor, code: str, now: datetime) -> tuple[str, ...]:
    """The next step that is left after this one, else the overview, which also says if no step is of use any more."""
    if onboarding.barrier(investor=investor, now=now):
        return ("join",)
    order = onboarding.asked(investor=investor)
    left = onboarding.remaining(investor=investor)
    later = [one for one in left if order.index(one) > order.index(code)]
    return ("join-step", later[0]) if later else ("join",)


def way(investor: Investor) -> dict[str, Any]:
    left = onboarding.remaining(investor=investor)
    order = onboarding.asked(investor=investor)
    way = [{"code": code, "title": steps.STEPS[code].title, "done": code not in left} for code in order]
    return {"way": way, "left": len(left), "all": len(way), "next": left[0] if left else None}


def _new_versions(investor: Investor, now: datetime) -> list[Change]:
    """What changed in the agreements since the versions that somebody accepted."""
    texts = agreements.in_force(kinds=agreements.FOR_JOINING, at=now)
    return agreements.changed_since(investor=investor, texts=[one for one in texts if one.language == words.language()])


def _refusal(investor: Investor, application: Application, now: datetime) -> dict[str, Any]:
    """What an applicant who was refused has to know: what each reason means, what is possible, where an appeal is."""
    standing = appeals.standing(application=application, purpose=Purpose.DRAFT, actor=investor.actor, now=now)
    if standing is None:
        return {"standing": None}
    found = prospects.after_refusal(
        reasons=standing.refusal.reasons, known=onboarding.known(investor=investor, now=now)
    )
    return {
        "standing": standing,
        "prospects": found,
        "anew": all(one.again for one in found),
        "existing": _twin(investor) if Reason.NO_DUPLICATE in standing.refusal.reasons else None,
    }


def _twin(investor: Investor) -> Investor | None:
    """The other registration of the same person, which stands behind another wall; the page tells its day alone."""
    with as_the_house():
        return duplicates.existing(investor=investor)


def _reasons(application: Application | None) -> list[str]:
    """What is still needed, as the officer stated it."""
    if application is None or application.status != Status.MORE_INFORMATION:
        return []
    decision = application.decisions.order_by("-pk").first()
    return [str(Reason(code).label) for code in decision.reasons] if decision else []
