"""The application's tables (D10): a draft that is never thrown away, its history, and how it was judged (D11)."""

import uuid

import pgtrigger
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance.officers import Officer
from investors.people import Investor
from investors.vault import SealedField


class Status(models.TextChoices):
    """Where an application stands."""

    DRAFT = "draft", _("draft")
    SUBMITTED = "submitted", _("submitted")
    IN_REVIEW = "in_review", _("in review")
    MORE_INFORMATION = "more_information", _("more information needed")
    APPROVED = "approved", _("approved")
    REFUSED = "refused", _("refused")
    APPEALED = "appealed", _("appealed")


class Occasion(models.TextChoices):
    """Why somebody is looked at: to take part, or because the verification ends (D10)."""

    JOINING = "joining", _("joining")
    REVERIFICATION = "reverification", _("re-verification")


MOVES = {
    Status.DRAFT: (Status.SUBMITTED,),
    Status.SUBMITTED: (Status.IN_REVIEW, Status.APPROVED),  # at once: a re-verification with nothing to look at
    Status.IN_REVIEW: (Status.APPROVED, Status.REFUSED, Status.MORE_INFORMATION),
    Status.MORE_INFORMATION: (Status.SUBMITTED, Status.REFUSED),
    Status.REFUSED: (Status.APPEALED,),  # with an appeal against the latest decision
    Status.APPEALED: (Status.REFUSED, Status.IN_REVIEW),  # as the appeal was decided
}
EDITABLE = (Status.DRAFT, Status.MORE_INFORMATION)

ALLOWED = ", ".join(f"('{old.value}', '{new.value}')" for old, targets in MOVES.items() for new in targets)


class Reason(models.TextChoices):
    """Why an officer refuses or asks for more. All but the last are the codes of the rules."""

    CITIZENSHIP = "citizenship", _("Citizenship of the United States or Japan was not shown.")
    ADULT = "adult", _("Not yet an adult by the law of the place of residence.")
    RESIDENCE = "residence", _("The country of residence is not accepted.")
    IDENTITY_DOCUMENT = "identity_document", _("The identity document is not valid or not readable.")
    NUMBER_VALID = "number_valid", _("A tax number is missing or not valid.")
    NO_DUPLICATE = "no_duplicate", _("This person is already registered.")
    SANCTIONS_CLEAR = "sanctions_clear", _("The comparison with the sanctions lists has not been settled.")
    TAX_FORMS = "tax_forms", _("The tax self-certification is not complete.")
    SUITABILITY = "suitability", _("The fund does not suit what you told us about your aims and means.")
    COMPREHENSION = "comprehension", _("The questions on the risks are not all answered rightly.")
    AGREEMENTS = "agreements", _("An agreement has not been accepted.")
    CONTRADICTION = "contradiction", _("Answers contradict each other or the document.")


class Application(models.Model):
    """One person's application. The database stamps its submissions and lets the status move along ``MOVES`` only.

    ``first_submitted_at`` is what counts against a cut-off (D10); ``submitted_at`` is the latest submission.
    Of a re-verification, ``cycle`` is the end of the verification for which the clock opened it, ``changed`` the steps
    in which something of weight is no longer what it was.
    """

    id = models.BigAutoField(primary_key=True)
    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="applications")
    occasion = models.CharField(max_length=16, choices=Occasion, default=Occasion.JOINING)
    cycle = models.DateTimeField(null=True)
    changed = ArrayField(models.CharField(max_length=20), default=list)
    lapse_told_at = models.DateTimeField(null=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.DRAFT)
    opened_at = models.DateTimeField()
    first_submitted_at = models.DateTimeField(null=True, editable=False)
    submitted_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(name="application_status", condition=Q(status__in=Status.values)),
            models.CheckConstraint(
                name="application_submitted_at",
                condition=Q(status="draft") | Q(first_submitted_at__isnull=False, submitted_at__isnull=False),
            ),
            models.CheckConstraint(name="application_occasion", condition=Q(occasion__in=Occasion.values)),
            models.UniqueConstraint(
                fields=["investor"],
                condition=Q(occasion="joining") & ~Q(status="refused"),
                name="application_one_a_person",
            ),
            models.UniqueConstraint(
                fields=["investor"],
                condition=Q(occasion="reverification") & ~Q(status__in=["approved", "refused"]),
                name="application_one_reverification",
            ),
            models.UniqueConstraint(fields=["investor", "cycle"], name="application_once_a_cycle"),
        ]
        indexes = [
            models.Index(
                fields=["submitted_at"], condition=Q(status__in=["submitted", "in_review"]), name="application_waiting"
            ),
            models.Index(fields=["submitted_at"], condition=Q(status="appealed"), name="application_appealed"),
            models.Index(fields=["opened_at"], condition=Q(occasion="reverification"), name="reverification_opened"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="application_moves",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func=f"""
                NEW.first_submitted_at := OLD.first_submitted_at;
                NEW.submitted_at := OLD.submitted_at;
                NEW.occasion := OLD.occasion;
                NEW.cycle := OLD.cycle;
                IF NEW.status <> OLD.status THEN
                    IF (OLD.status, NEW.status) NOT IN ({ALLOWED}) THEN
                        RAISE EXCEPTION 'an application does not move from % to %', OLD.status, NEW.status
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF OLD.status = 'submitted' AND NEW.status = 'approved' AND (
                        OLD.occasion <> 'reverification' OR NEW.changed <> '{{}}' OR NOT coalesce((
                            SELECT passed FROM investors_assessment
                             WHERE application_id = OLD.id ORDER BY id DESC LIMIT 1), false)
                    ) THEN
                        RAISE EXCEPTION 'only an officer approves this application'
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF 'appealed' IN (OLD.status, NEW.status) AND (
                        SELECT coalesce(o.outcome, 'pending') FROM investors_appeal a
                          LEFT JOIN investors_appealdecision o ON o.appeal_id = a.id
                         WHERE a.decision_id = (SELECT max(id) FROM investors_decision WHERE application_id = OLD.id)
                    ) IS DISTINCT FROM (
                        CASE NEW.status WHEN 'appealed' THEN 'pending' WHEN 'refused' THEN 'upheld' ELSE 'reopened' END
                    ) THEN
                        RAISE EXCEPTION 'no appeal moves this application from % to %', OLD.status, NEW.status
                            USING ERRCODE = 'restrict_violation';
                    END IF;
                    IF NEW.status = 'submitted' THEN
                        NEW.submitted_at := statement_timestamp();
                        NEW.first_submitted_at := coalesce(OLD.first_submitted_at, NEW.submitted_at);
                    END IF;
                END IF;
                RETURN NEW;
                """,
            ),
            pgtrigger.Protect(name="application_never_thrown_away", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"application {self.pk}"

    @property
    def editable(self) -> bool:
        return self.status in EDITABLE


class Answer(models.Model):
    """The clean answers of one step, sealed. ``version`` counts the saves; ``stale``: no longer fits later answers."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="answers")
    step = models.CharField(max_length=20)
    content = SealedField()
    version = models.PositiveIntegerField(default=1)
    stale = models.BooleanField(default=False)
    saved_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["application", "step"], name="answer_one_a_step")]

    def __str__(self) -> str:
        return f"{self.step} of application {self.application_id}"


class StatusChange(AppendOnly):
    """History of an application: every move, who made it and for which reasons."""

    id = models.BigAutoField(primary_key=True)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="history")
    old = models.CharField(max_length=16, choices=Status)
    new = models.CharField(max_length=16, choices=Status)
    actor = models.CharField(max_length=80)
    reasons = ArrayField(models.CharField(max_length=24), default=list)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"application {self.application_id}: {self.old} → {self.new}"


class Assessment(AppendOnly):
    """What the rules said: version, facts and outcomes, enough to judge the same facts again (D11).

    ``answers_digest``: a keyed fingerprint of the answers that the facts were drawn from.
    """

    id = models.BigAutoField(primary_key=True)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="assessments")
    rules = models.CharField(max_length=20)
    facts = models.JSONField()
    outcomes = models.JSONField()
    passed = models.BooleanField()
    answers_digest = models.BinaryField(max_length=32)
    assessed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"assessment {self.pk} of application {self.application_id}"

    @property
    def failed(self) -> list[str]:
        """Codes of the rules that did not pass."""
        return [outcome["code"] for outcome in self.outcomes if not outcome["passed"]]


# Whether the officer of the new row is the person who made the decision ``d``.
SAME_OFFICER = """
    (SELECT person FROM fund_officer WHERE id = d.officer_id)
        = (SELECT person FROM fund_officer WHERE id = NEW.officer_id)
"""


class Decision(AppendOnly):
    """What an officer decided on an assessment. Never edited (D11)."""

    class Outcome(models.TextChoices):
        APPROVED = "approved", _("approved")
        REFUSED = "refused", _("refused")
        MORE_INFORMATION = "more_information", _("more information needed")

    id = models.BigAutoField(primary_key=True)
    application = models.ForeignKey(Application, on_delete=models.PROTECT, related_name="decisions")
    assessment = models.ForeignKey(Assessment, on_delete=models.PROTECT, related_name="decisions")
    outcome = models.CharField(max_length=16, choices=Outcome)
    reasons = ArrayField(models.CharField(max_length=24, choices=Reason), default=list)
    officer = models.ForeignKey(Officer, on_delete=models.PROTECT, related_name="+")
    decided_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.CheckConstraint(
                name="decision_outcome", condition=Q(outcome__in=["approved", "refused", "more_information"])
            ),
            models.CheckConstraint(name="decision_says_why", condition=Q(outcome="approved") | Q(reasons__len__gt=0)),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            pgtrigger.Trigger(
                name="after_appeal_by_another",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func=f"""
                IF EXISTS (
                    SELECT FROM investors_appeal a JOIN investors_decision d ON d.id = a.decision_id
                     WHERE d.application_id = NEW.application_id AND {SAME_OFFICER}
                ) THEN
                    RAISE EXCEPTION 'after an appeal another officer decides' USING ERRCODE = 'restrict_violation';
                END IF;
                RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.outcome}, application {self.application_id}"
