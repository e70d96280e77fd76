"""The application to take part (D10): a draft in steps, its submission, and the decision with its reasons."""

from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError as DomainValidationError
from django.db import transaction
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from investors import appeals, evidence, onboarding, prospects, steps
from investors.appeals import AppealDecision
from investors.applications import Application, Decision, Occasion, Reason, Status
from investors.evidence import Document
from investors.people import Investor
from investors.steps import Known, papers
from investors.steps.papers import HINTS, Kind
from investors.vault import Purpose
from portal import uploading
from portal.api.border import Body, Choice, FileField, OneFileParser, Text, Whole
from portal.api.documented import KEY_PARAMETER, documented
from portal.api.forms import Instant
from portal.api.idempotency import Done, once
from portal.api.problems import as_detail
from portal.api.view import Applicants
from portal.api.who import HasSecondFactor, IsApplicant

TAG = "Application"
QUESTIONS = ["text", "lines", "secret", "date", "choice", "choices", "yes_no", "confirm"]


class AnswersForm(Body):
    """Answers by step; steps that are not named stay as they are.

    ``versions``: by step, the version that was read (0: none); a step that was saved elsewhere since is then refused.
    """

    answers = serializers.DictField(child=serializers.DictField(), help_text="Step → question → answer.")
    versions = serializers.DictField(child=Whole(min_value=0, max_value=2**31 - 1), required=False)


class SubmissionForm(Body):
    """Nothing needs to be said."""


class AppealBody(Body):
    """Which reason is wrong, and why, in the citizen's own words. No identity numbers, please."""

    words = Text(max_length=appeals.LONGEST, trim_whitespace=True)


class ReasonForm(serializers.Serializer[Any]):
    """Why, what that means, and whether a new application makes sense (``from_day``: from that day on)."""

    code = serializers.ChoiceField(choices=Reason.values)
    detail = serializers.CharField()
    meaning = serializers.CharField()
    advice = serializers.CharField()
    again = serializers.BooleanField()
    from_day = serializers.DateField(allow_null=True)


class BarrierForm(serializers.Serializer[Any]):
    """What makes it certain already that this person cannot take part, or not before ``from_day``."""

    reason = serializers.ChoiceField(choices=Reason.values)
    detail = serializers.CharField()
    step = serializers.CharField(help_text="Where the answer can be corrected.")
    from_day = serializers.DateField(allow_null=True)


class AppealForm(serializers.Serializer[Any]):
    """The appeal against a refusal, and what came of it."""

    until = Instant(help_text="When the time to appeal ends.")
    open = serializers.BooleanField(help_text="Whether an appeal is still possible.")
    filed_at = Instant(allow_null=True)
    words = serializers.CharField()
    outcome = serializers.ChoiceField(choices=AppealDecision.Outcome.values, allow_null=True)
    answer = serializers.CharField()
    decided_at = Instant(allow_null=True)


class DecisionForm(serializers.Serializer[Any]):
    """What an officer decided."""

    outcome = serializers.ChoiceField(choices=Decision.Outcome.values)
    decided_at = Instant()
    reasons = ReasonForm(many=True)


class DocumentForm(serializers.Serializer[Any]):
    """A document as it is kept. ``size``: bytes of all its pages."""

    kind = serializers.ChoiceField(choices=Kind.values)
    version = serializers.IntegerField()
    pages = serializers.IntegerField()
    size = serializers.IntegerField()
    added_at = Instant()


class AskedDocumentForm(serializers.Serializer[Any]):
    """A document that can be given. ``version``: the one to send when it is replaced, 0 when there never was one."""

    kind = serializers.ChoiceField(choices=Kind.values)
    title = serializers.CharField()
    help = serializers.CharField(allow_blank=True)
    needed = serializers.BooleanField(help_text="Without it the application cannot be sent.")
    version = serializers.IntegerField()
    given = DocumentForm(allow_null=True)


class FileForm(Body):
    """A picture of a document: JPEG, PNG, WebP, or a PDF of at most 8 pages; at most 15 MB.

    ``version``: of this kind, the one that was seen (0: none); a document given elsewhere since is then not replaced.
    """

    kind = Choice(choices=Kind.values)
    file = FileField()
    version = serializers.IntegerField(min_value=0, max_value=2**31 - 1, required=False)


class ConditionForm(serializers.Serializer[Any]):
    """A question is asked only where another ``field`` of its step is answered by one of ``values``.

    Of a ``yes_no`` they are ``true`` and ``false``.
    """

    field = serializers.CharField()
    values = serializers.ListField(child=serializers.CharField())


class OptionForm(serializers.Serializer[Any]):
    """One of the answers to choose from: ``value`` is sent, ``label`` is shown."""

    def get_fields(self) -> dict[str, Any]:
        return {"value": serializers.CharField(), "label": serializers.CharField()}


class QuestionForm(serializers.Serializer[Any]):
    """One question: what a form shows, and what is sent as ``answers[step][name]``.

    Of ``text``, ``lines`` (several) and ``secret`` (an identity number, of which only ``<name>_ending`` is shown again)
    a string is sent; of ``date`` ``2027-01-31``; of ``choice`` one ``value`` of ``choices``, of ``choices`` a list of
    them; of ``yes_no`` a boolean; of ``confirm`` ``true``.
    """

    def get_fields(self) -> dict[str, Any]:
        return {
            "name": serializers.CharField(),
            "type": serializers.ChoiceField(choices=QUESTIONS),
            "label": serializers.CharField(),
            "help": serializers.CharField(allow_blank=True),
            "required": serializers.BooleanField(help_text="Where it is asked; else it may be left out or empty."),
            "when": ConditionForm(allow_null=True),
            "choices": OptionForm(many=True),
            "autocomplete": serializers.CharField(help_text="As the attribute of HTML."),
            "max_length": serializers.IntegerField(help_text="Characters."),
            "checked": serializers.BooleanField(help_text="Whether more is checked than that something was answered."),
        }


class AskedStepForm(serializers.Serializer[Any]):
    """A step as it is asked of this person now. Later steps follow from earlier answers: read them again."""

    def get_fields(self) -> dict[str, Any]:
        return {
            "step": serializers.CharField(),
            "title": serializers.CharField(),
            "intro": serializers.CharField(allow_blank=True),
            "fields": QuestionForm(many=True),
        }


@extend_schema_field(AskedStepForm(many=True))
class StepsField(serializers.ListField):
    """Steps as ``AskedStepForm`` describes them, which are shown as they are."""

    child = serializers.DictField()


class ApplicationForm(serializers.Serializer[Any]):
    """The application. ``steps`` describes every question as it stands after the answers so far.

    The step ``documents`` is answered by giving them (``addDocument``).
    """

    status = serializers.ChoiceField(choices=Status.values)
    occasion = serializers.ChoiceField(
        choices=Occasion.values, help_text="A re-verification is filled in already; ``remaining`` is to be confirmed."
    )
    verified_until = Instant(allow_null=True, help_text="When a holder's verification ends.")
    submitted_at = Instant(allow_null=True, help_text="Of the first submission: what counts against a cut-off.")
    answers = serializers.DictField(
        child=serializers.DictField(), help_text="Step → question → answer, as it is kept: of numbers the last digits."
    )
    versions = serializers.DictField(child=serializers.IntegerField(), help_text="By step, to be sent with a change.")
    remaining = serializers.ListField(
        child=serializers.CharField(), help_text="Steps that are to be answered before it can be submitted, in order."
    )
    steps = StepsField()
    documents = AskedDocumentForm(many=True)
    decision = DecisionForm(allow_null=True)
    appeal = AppealForm(allow_null=True, help_text="Only after a refusal.")
    barrier = BarrierForm(allow_null=True)


class SubmittedForm(serializers.Serializer[Any]):
    """Where the application stands."""

    status = serializers.ChoiceField(choices=Status.values)
    submitted_at = Instant()


class TheApplication(Applicants):
    @documented("getApplication", tag=TAG, answers=ApplicationForm)
    def get(self, request: Request) -> Response:
        """The draft or the application, and its decision."""
        return Response(shown(self.investor))

    @documented(
        "saveApplication",
        tag=TAG,
        body=AnswersForm,
        asked={"answers": {"citizenship": {"nations": ["JP"]}}, "versions": {"citizenship": 0}},
        answers=ApplicationForm,
    )
    def patch(self, request: Request) -> Response:
        """Save one or more steps of the draft: all that are sent, or none."""
        given = self.read(AnswersForm)
        versions = given.get("versions", {})
        if unknown := [code for code in {**given["answers"], **versions} if code not in steps.STEPS]:
            wrong = [ErrorDetail(gettext("There is no such step."), code="unknown_step")]
            raise ValidationError({"answers": dict.fromkeys(unknown, wrong)})
        investor = self.investor
        with transaction.atomic():
            for code in steps.STEPS:
                if code in given["answers"]:
                    save(investor, code, given["answers"][code], versions.get(code))
        return Response(shown(investor))


def save(investor: Investor, step: str, answers: dict[str, Any], version: int | None) -> None:
    """Raises ValidationError with pointers into the answers of the step, and Refusals."""
    try:
        onboarding.save(investor=investor, step=step, answers=answers, version=version, now=timezone.now())
    except DomainValidationError as refused:
        raise ValidationError({"answers": {step: as_detail(refused)}}) from None


class Documents(Applicants):
    parser_classes = [OneFileParser]
    pointers = dict.fromkeys([*evidence.WHY, evidence.SameFile.code], "/file")

    @documented(
        "addDocument",
        tag=TAG,
        body={"multipart/form-data": FileForm},
        answers={201: DocumentForm},
        parameters=(KEY_PARAMETER,),
    )
    def post(self, request: Request) -> HttpResponse:
        """Give a document, in place of the one of its kind before. Of the file only the picture itself is kept."""
        return once(request, operation="add_document", act=self._add)

    def _add(self, key: str) -> Done:
        given = self.read(FileForm)
        investor = self.investor
        document = onboarding.add_document(
            investor=investor,
            kind=Kind(given["kind"]),
            taken=uploading.take(user_id=investor.user_id, data=given["file"].data),
            version=given.get("version"),
            now=timezone.now(),
        )
        return Done(201, DocumentForm(document).data)


class Submission(Applicants):
    permission_classes = [IsApplicant, HasSecondFactor]

    @documented(
        "submitApplication",
        tag=TAG,
        answers={200: SubmittedForm},
        parameters=(KEY_PARAMETER,),
    )
    def post(self, request: Request) -> HttpResponse:
        """Hand the application in. The time of this request is what counts against a cut-off.

        Where it is ``incomplete``, ``remaining`` of the application names the steps.
        """
        return once(request, operation="submit_application", act=self._submit)

    def _submit(self, key: str) -> Done:
        self.read(SubmissionForm)
        application = onboarding.submit(investor=self.investor, now=timezone.now())
        facts = {"status": application.status, "submitted_at": application.first_submitted_at}
        return Done(200, SubmittedForm(facts).data)


class Appealing(Applicants):
    @documented(
        "appeal",
        tag=TAG,
        body=AppealBody,
        asked={"words": "The document that I sent is valid until 2031; please look at it again."},
        answers={200: ApplicationForm},
        parameters=(KEY_PARAMETER,),
    )
    def post(self, request: Request) -> HttpResponse:
        """Appeal against a refusal: another officer looks at the application again. Once a decision."""
        return once(request, operation="appeal", act=self._appeal)

    def _appeal(self, key: str) -> Done:
        words = self.read(AppealBody)["words"]
        try:
            appeals.file(investor=self.investor, words=words, now=timezone.now())
        except DomainValidationError as refused:
            raise ValidationError({"words": as_detail(refused)}) from None
        return Done(200, shown(self.investor))


class Beginning(Applicants):
    @documented("applyAgain", tag=TAG, answers={200: ApplicationForm}, parameters=(KEY_PARAMETER,))
    def post(self, request: Request) -> HttpResponse:
        """Open a new draft after a refusal, with the answers of the refused application."""
        return once(request, operation="apply_again", act=self._begin)

    def _begin(self, key: str) -> Done:
        self.read(SubmissionForm)
        onboarding.begin_again(investor=self.investor, now=timezone.now())
        return Done(200, shown(self.investor))


def shown(investor: Investor) -> Any:
    """An application as data for JSON; before the first step was saved, an empty draft."""
    now = timezone.now()
    draft = onboarding.draft(investor=investor, now=now)
    known = steps.Known(now, draft.answers if draft else {})
    application = draft and draft.application
    return ApplicationForm(
        {
            "status": application.status if application else Status.DRAFT,
            "occasion": application.occasion if application else Occasion.JOINING,
            "verified_until": investor.verified_until,
            "submitted_at": application and application.first_submitted_at,
            "answers": draft.answers if draft else {},
            "versions": draft.versions if draft else {},
            "remaining": onboarding.remaining(investor=investor),
            "steps": [steps.describe(code, known) for code in onboarding.asked(investor=investor)],
            "documents": asked_documents(known, draft.application if draft else None),
            "decision": application and decision(application, known),
            "appeal": application and appeal(application, investor, now),
            "barrier": barrier(investor, now),
        }
    ).data


def asked_documents(known: Known, application: Application | None) -> list[dict[str, Any]]:
    """The documents that can be given, and those that are there."""
    here: dict[str, Document] = evidence.current(application) if application else {}
    return [
        {
            "kind": kind,
            "title": kind.label,
            "help": HINTS.get(kind, ""),
            "needed": kind in papers.needed(known),
            "version": evidence.version(application, kind) if application else 0,
            "given": here.get(kind),
        }
        for kind in papers.asked(known)
    ]


def barrier(investor: Investor, now: datetime) -> dict[str, Any] | None:
    found = onboarding.barrier(investor=investor, now=now)
    return (
        None
        if found is None
        else {
            "reason": found.reason,
            "detail": found.reason.label,
            "step": found.step,
            "from_day": found.from_day,
        }
    )


def appeal(application: Application, investor: Investor, now: datetime) -> dict[str, Any] | None:
    standing = appeals.standing(application=application, purpose=Purpose.DRAFT, actor=investor.actor, now=now)
    if standing is None:
        return None
    return {
        "until": standing.until,
        "open": standing.open,
        "filed_at": standing.appeal and standing.appeal.filed_at,
        "words": standing.words,
        "outcome": standing.outcome and standing.outcome.outcome,
        "answer": standing.answer,
        "decided_at": standing.outcome and standing.outcome.decided_at,
    }


def decision(application: Application, known: steps.Known) -> dict[str, Any] | None:
    latest = application.decisions.order_by("-pk").first()
    if latest is None:
        return None
    reasons = [
        {
            "code": one.code,
            "detail": one.label,
            "meaning": one.meaning,
            "advice": one.advice,
            "again": one.again,
            "from_day": one.from_day,
        }
        for one in prospects.after_refusal(reasons=latest.reasons, known=known)
    ]
    return {"outcome": latest.outcome, "decided_at": latest.decided_at, "reasons": reasons}
