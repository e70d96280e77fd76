"""What every act on an application shares: the lock of its person, its moves, the officer's duty, its answers."""

import json
from collections.abc import Iterable
from datetime import datetime

from django.utils.translation import gettext_lazy as _

from fund.governance import audit, outbox
from fund.governance.officers import Duty, NotOnDuty, Officer
from fund.refusal import Refusal
from investors import vault
from investors.applications import Answer, Application, Status, StatusChange
from investors.people import Investor
from investors.steps import Answers
from investors.vault import Purpose


class NotEditable(Refusal):
    """The application is being checked or has been decided."""

    code = "not_editable"


class CannotDecide(Refusal):
    """The decision is not possible as things stand."""

    code = "cannot_decide"


def lock(investor: Investor) -> None:
    """Whoever acts on a person's applications waits for whoever does."""
    Investor.objects.select_for_update(of=("self",)).get(pk=investor.pk)


def locked(application_id: int) -> Application:
    """The application, locked after its investor as everywhere in this room."""
    lock(Application.objects.select_related("investor").get(pk=application_id).investor)
    return Application.objects.select_for_update(of=("self",)).select_related("investor").get(pk=application_id)


def on_duty(officer: Officer, now: datetime) -> None:
    """Raises NotOnDuty."""
    if not officer.in_office(now) or not officer.has(Duty.ONBOARDING):
        raise NotOnDuty(_("Your duties do not include this."), duty=Duty.ONBOARDING)


def move(
    application: Application,
    old: Iterable[Status],
    new: Status,
    *,
    actor: str,
    now: datetime,
    reasons: Iterable[str] = (),
) -> None:
    """Move an application on and write its history. Raises NotEditable when it has moved meanwhile."""
    moved = Application.objects.filter(pk=application.pk, status__in=list(old)).update(status=new)
    if moved != 1:
        raise NotEditable(_("This application has moved on meanwhile."))
    StatusChange.objects.create(
        application=application, old=application.status, new=new, actor=actor, reasons=list(reasons), at=now
    )
    audit.record(actor=actor, verb=new.value, subject=str(application), now=now, reasons=list(reasons))
    application.refresh_from_db()


def opened(application: Application, *, purpose: Purpose, actor: str, now: datetime) -> dict[str, Answers]:
    """All answers of an application by step."""
    return {
        row.step: json.loads(vault.read(row, "content", purpose=purpose, actor=actor, now=now))
        for row in application.answers.order_by("step")
    }


def copied(*, source: Application, target: Application, actor: str, now: datetime) -> list[Answer]:
    """The answers of one application, sealed for another of the same person; the caller saves them."""
    rows = []
    for step, answers in opened(source, purpose=Purpose.DRAFT, actor=actor, now=now).items():
        row = Answer(application=target, step=step, saved_at=now)
        vault.seal(row, "content", as_text(answers))
        rows.append(row)
    return rows


def as_text(answers: Answers) -> str:
    """Answers as they are sealed."""
    return json.dumps(answers, ensure_ascii=False)


def tell(topic: str, application: Application, now: datetime) -> None:
    """Leave the news of an application for who is told of it."""
    outbox.leave(
        topic=topic,
        subject=f"application:{application.pk}",
        now=now,
        investor=application.investor_id,
        application=application.pk,
    )
