"""Getting in again after every factor was lost: a case that the citizen opens and two officers decide.

The page in front proves the mailbox and the password; the case replaces the factor that is gone, and never more than
that one. One officer sees the citizen and a document in a video call and records what was shown; another person, of
either nation, confirms. Two persons, because a recovered account moves money, and one officer can be deceived or
bought. Not two nations, because a call is held in the citizen's language, and a lost telephone should not wait for the
other side of the earth. Nobody decides on an account of his own. The citizen can stop a case until it is used.
"""

import json
import re
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

import pgtrigger
from django.core.exceptions import ValidationError
from django.db import IntegrityError, models, transaction
from django.db.models import F, Max, Q
from django.utils.translation import gettext_lazy as _

from fund.governance import audit, config, outbox
from fund.governance.officers import Duty, NotOnDuty, Officer
from fund.refusal import Refusal
from investors import identifiers, names, vault
from investors.applications import Answer, Application
from investors.people import Investor
from investors.vault import Purpose, SealedField

ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # no letters that look like digits
NUMBER = 12  # characters, 60 bits: who knows it can stop the case, and nothing else


class State(models.TextChoices):
    """Where a case stands; the first three live."""

    OPEN = "open", _("waiting for the video call")
    REPROVED = "reproved", _("identity shown, waiting for a second officer")
    APPROVED = "approved", _("approved, not used yet")
    USED = "used", _("used")
    REFUSED = "refused", _("refused")
    STOPPED = "stopped", _("stopped by the citizen")
    LAPSED = "lapsed", _("lapsed")


LIVING = (State.OPEN, State.REPROVED, State.APPROVED)
MOVES = {
    State.OPEN: (State.REPROVED, State.REFUSED, State.STOPPED, State.LAPSED),
    State.REPROVED: (State.APPROVED, State.REFUSED, State.STOPPED, State.LAPSED),
    State.APPROVED: (State.USED, State.STOPPED, State.LAPSED),
}
ALLOWED = ", ".join(f"('{old.value}', '{new.value}')" for old, targets in MOVES.items() for new in targets)


class RecoveryCase(models.Model):
    """One recovery of one account. ``number``: mailed to the citizen, stops the case. ``lapses_at``: it ends unused.

    ``reproved_person`` and ``decided_person`` are the officers' persons at the time: an account more makes nobody two.
    ``hold_until``: from the use on, no change of where money goes before this instant.
    """

    app_may: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "UPDATE")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    number = models.CharField(max_length=NUMBER, unique=True)
    investor = models.ForeignKey(Investor, on_delete=models.PROTECT, related_name="recovery_cases")
    state = models.CharField(max_length=10, choices=State, default=State.OPEN)
    statement = SealedField()
    opened_at = models.DateTimeField()
    lapses_at = models.DateTimeField()
    reproof = SealedField(null=True)
    reproved_by = models.ForeignKey(Officer, null=True, on_delete=models.PROTECT, related_name="+")
    reproved_person = models.CharField(max_length=40, blank=True)
    reproved_at = models.DateTimeField(null=True)
    reason = SealedField(null=True)
    decided_by = models.ForeignKey(Officer, null=True, on_delete=models.PROTECT, related_name="+")
    decided_person = models.CharField(max_length=40, blank=True)
    decided_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    hold_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="recovery_state", condition=Q(state__in=State.values)),
            models.UniqueConstraint(
                fields=["investor"], condition=Q(state__in=LIVING), name="recovery_one_living_a_person"
            ),
            models.CheckConstraint(
                name="recovery_reproved_by_somebody",
                condition=~Q(state__in=["reproved", "approved", "used"])
                | (Q(reproved_by__isnull=False, reproved_at__isnull=False, reproof__isnull=False))
                & ~Q(reproved_person=""),
            ),
            models.CheckConstraint(
                name="recovery_decided_by_another_person",
                condition=~Q(state__in=["approved", "used"])
                | (
                    Q(decided_by__isnull=False, decided_at__isnull=False, reason__isnull=False)
                    & ~Q(decided_person="")
                    & ~Q(decided_person=F("reproved_person"))
                ),
            ),
            models.CheckConstraint(
                name="recovery_used_holds",
                condition=Q(state="used", ended_at__isnull=False, hold_until__isnull=False)
                | (~Q(state="used") & Q(hold_until=None)),
            ),
        ]
        indexes = [
            models.Index(fields=["opened_at"], condition=Q(state__in=["open", "reproved"]), name="recovery_waiting"),
            models.Index(fields=["investor", "hold_until"], name="recovery_hold"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="recovery_moves",
                when=pgtrigger.Before,
                operation=pgtrigger.Update,
                func=f"""
                IF NEW.state <> OLD.state AND (OLD.state, NEW.state) NOT IN ({ALLOWED}) THEN
                    RAISE EXCEPTION 'a recovery case does not move from % to %', OLD.state, NEW.state
                        USING ERRCODE = 'check_violation';
                END IF;
                IF EXISTS (SELECT FROM investors_investor i
                             JOIN fund_officer own ON own.user_id = i.user_id
                             JOIN fund_officer acting ON acting.person = own.person
                            WHERE i.id = NEW.investor_id AND acting.id IN (NEW.reproved_by_id, NEW.decided_by_id)) THEN
                    RAISE EXCEPTION 'nobody decides on an account of his own' USING ERRCODE = 'check_violation';
                END IF;
                RETURN NEW;
                """,
            ),
            # Sealed values are wrapped anew when keys rotate; who asked for what and when never changes.
            pgtrigger.ReadOnly(name="recovery_case_stays", fields=["number", "investor", "opened_at"]),
            pgtrigger.Protect(name="recovery_case_is_kept", operation=pgtrigger.Delete),
        ]

    def __str__(self) -> str:
        return f"recovery case {self.pk}"


class AlreadyOpen(Refusal):
    """The account has a case that lives."""

    code = "recovery_already_open"


class CannotDecideCase(Refusal):
    """The case is not where this act belongs, its time is over, or this officer may not perform it."""

    code = "cannot_decide_case"


class NotUsable(Refusal):
    """There is no approved case whose time has not run out."""

    code = "recovery_not_usable"


class Held(Refusal):
    """The account was recovered a short while ago: where money goes cannot be changed; ``facts["until"]`` says when."""

    code = "recently_recovered"


@dataclass(frozen=True)
class Statement:
    """What the citizen says: name and birth date (ISO) as registered, last four digits of the tax number, and how and
    when the officer can call.
    """

    name: str
    birth_date: str
    number_ending: str
    phone: str
    times: str


@dataclass(frozen=True)
class Opened:
    """A case before an officer. ``matches``: which facts agree with the record; None where the record says nothing."""

    case: RecoveryCase
    statement: Statement
    matches: dict[str, bool | None]
    reproof: str
    reason: str


# ── the citizen ──


def checked(statement: Statement, *, now: datetime) -> Statement:
    """The statement as it is kept. Raises ValidationError by field."""
    wrong: dict[str, list[ValidationError]] = {}
    clean = asdict(statement)

    def check(field: str, by: Any) -> None:
        try:
            clean[field] = by(clean[field].strip())
        except ValidationError as error:
            wrong[field] = error.error_list

    check("name", names.check_name)
    check("birth_date", lambda text: _birth_date(text, now))
    check("number_ending", _ending)
    check("phone", _phone)
    check("times", names.check_visible)
    if wrong:
        raise ValidationError(wrong)
    return Statement(**clean)


@transaction.atomic
def open_case(*, investor: Investor, statement: Statement, now: datetime) -> RecoveryCase:
    """Open a case; one whose time is over makes room. Raises ValidationError by field, and AlreadyOpen."""
    clean = checked(statement, now=now)
    over = RecoveryCase.objects.filter(investor=investor, state__in=LIVING, lapses_at__lte=now)
    over.update(state=State.LAPSED, ended_at=now)
    case = RecoveryCase(
        number="".join(secrets.choice(ALPHABET) for _ in range(NUMBER)),
        investor=investor,
        opened_at=now,
        lapses_at=now + timedelta(days=config.get("recovery.open_days", at=now)),
    )
    vault.seal(case, "statement", json.dumps(asdict(clean), ensure_ascii=False))
    try:
        with transaction.atomic():
            case.save(force_insert=True)
    except IntegrityError:
        raise AlreadyOpen(_("A recovery of this account is going on already.")) from None
    _tell(case, actor=investor.actor, verb="recovery_opened", now=now, number=case.number)
    return case


def living(*, investor: Investor, now: datetime) -> RecoveryCase | None:
    """The case that is going on, if any."""
    return RecoveryCase.objects.filter(investor=investor, state__in=LIVING, lapses_at__gt=now).first()


@transaction.atomic
def stop(*, case: RecoveryCase, actor: str, now: datetime) -> bool:
    """End a living case; False when it had ended before."""
    if RecoveryCase.objects.filter(pk=case.pk, state__in=LIVING).update(state=State.STOPPED, ended_at=now) != 1:
        return False
    _tell(case, actor=actor, verb="recovery_stopped", now=now)
    return True


def find(*, number: str) -> RecoveryCase | None:
    """The case of a mailed number, written in any way a person writes it."""
    plain = re.sub(r"[^A-Z0-9]", "", number.upper())
    return RecoveryCase.objects.select_related("investor").filter(number=plain).first()


def usable(*, investor: Investor, proved_at: datetime, now: datetime) -> RecoveryCase:
    """The approved case. ``proved_at``: when the mailbox was proved, which must be after the approval.

    Raises NotUsable.
    """
    case = RecoveryCase.objects.filter(investor=investor, state=State.APPROVED, lapses_at__gt=now).first()
    if case is None or case.decided_at is None or proved_at <= case.decided_at:
        raise NotUsable(_("There is no approved recovery that you could use now."))
    return case


@transaction.atomic
def use(*, case: RecoveryCase, now: datetime) -> None:
    """Spend an approved case, in the transaction that replaces the factor. Raises NotUsable, also the second time."""
    hold = now + timedelta(hours=config.get("recovery.hold_hours", at=now))
    rows = RecoveryCase.objects.filter(pk=case.pk, state=State.APPROVED, lapses_at__gt=now)
    if rows.update(state=State.USED, ended_at=now, hold_until=hold) != 1:
        raise NotUsable(_("There is no approved recovery that you could use now."))
    _tell(case, actor=case.investor.actor, verb="recovery_used", now=now)


def held_until(*, investor: Investor, now: datetime) -> datetime | None:
    """Until when nothing may be changed about where this citizen's money goes; None when it may."""
    until: datetime | None = RecoveryCase.objects.filter(investor=investor, hold_until__gt=now).aggregate(
        until=Max("hold_until")
    )["until"]
    return until


def check_not_held(*, investor: Investor, now: datetime) -> None:
    """For every verb that changes where money goes: a bank account, a payout. Raises Held."""
    if until := held_until(investor=investor, now=now):
        raise Held(
            _("Your account was recovered a short while ago. For your safety this cannot be changed yet."),
            until=until.isoformat(),
        )


# ── the officers ──


@transaction.atomic
def read(*, case_id: uuid.UUID | str, officer: Officer, now: datetime) -> Opened:
    """Open a case: what was stated, and which of it agrees with the record. The reading is logged. Raises NotOnDuty."""
    _on_duty(officer, now)
    case = RecoveryCase.objects.select_related("investor").get(pk=case_id)
    audit.record(
        actor=officer.actor, verb="open", subject=str(case), now=now, purpose=Purpose.RECOVERY.value,
        investor=case.investor_id,
    )  # fmt: skip

    def opened(row: models.Model, column: str) -> str:
        return vault.read(row, column, purpose=Purpose.RECOVERY, actor=officer.actor, now=now)

    statement = Statement(**json.loads(opened(case, "statement")))
    return Opened(
        case=case,
        statement=statement,
        matches=matches(statement, _record(case.investor, opened)),
        reproof=opened(case, "reproof"),
        reason=opened(case, "reason"),
    )


@transaction.atomic
def reprove(*, case_id: uuid.UUID | str, officer: Officer, shown: str, now: datetime) -> None:
    """Record who was seen in the call and what was shown. Raises NotOnDuty, CannotDecideCase."""
    case = _before(case_id, officer, shown, now)
    vault.seal(case, "reproof", shown)
    _move(
        case, [State.OPEN], State.REPROVED, officer, now,
        reproof=case.reproof, reproved_by=officer, reproved_person=officer.person, reproved_at=now,
    )  # fmt: skip


@transaction.atomic
def approve(*, case_id: uuid.UUID | str, officer: Officer, reason: str, now: datetime) -> None:
    """Confirm what another person saw: now the factor can be replaced. Raises NotOnDuty, CannotDecideCase."""
    case = _before(case_id, officer, reason, now)
    if case.reproved_person == officer.person:
        raise CannotDecideCase(_("You have seen the citizen yourself: another officer has to confirm it."))
    vault.seal(case, "reason", reason)
    _move(
        case, [State.REPROVED], State.APPROVED, officer, now,
        lapses_at=now + timedelta(days=config.get("recovery.use_days", at=now)), **_decision(case, officer, now),
    )  # fmt: skip


@transaction.atomic
def refuse(*, case_id: uuid.UUID | str, officer: Officer, reason: str, now: datetime) -> None:
    """End a case that is not approved; one officer is enough. Raises NotOnDuty, CannotDecideCase."""
    case = _before(case_id, officer, reason, now)
    vault.seal(case, "reason", reason)
    _move(
        case, [State.OPEN, State.REPROVED], State.REFUSED, officer, now,
        ended_at=now, **_decision(case, officer, now),
    )  # fmt: skip


def matches(statement: Statement, record: dict[str, Any]) -> dict[str, bool | None]:
    """Which facts agree with a record of ``name`` (its writings), ``birth_date`` and ``endings``."""
    writings = _writings(record.get("name", {}))
    said = {form(statement.name) for form in (names.latin_form, names.kanji_form, names.kana_form)} - {""}
    return {
        "name": bool(said & writings) if writings else None,
        "birth_date": statement.birth_date == record["birth_date"] if record.get("birth_date") else None,
        "number_ending": statement.number_ending in record["endings"] if record.get("endings") else None,
    }


# ── what they share ──


def _before(case_id: uuid.UUID | str, officer: Officer, said: str, now: datetime) -> RecoveryCase:
    _on_duty(officer, now)
    case = RecoveryCase.objects.select_related("investor").get(pk=case_id)
    if Officer.objects.filter(user_id=case.investor.user_id, person=officer.person).exists():
        raise CannotDecideCase(_("This is an account of your own: another officer has to decide."))
    if not said.strip():
        raise CannotDecideCase(_("Please write it down: the next officer has to understand it."))
    return case


def _on_duty(officer: Officer, now: datetime) -> None:
    if not officer.in_office(now) or not officer.has(Duty.ONBOARDING):
        raise NotOnDuty(_("Your duties do not include this."), duty=Duty.ONBOARDING)


def _decision(case: RecoveryCase, officer: Officer, now: datetime) -> dict[str, Any]:
    return {"reason": case.reason, "decided_by": officer, "decided_person": officer.person, "decided_at": now}


def _move(case: RecoveryCase, old: Iterable[State], new: State, officer: Officer, now: datetime, **values: Any) -> None:
    rows = RecoveryCase.objects.filter(pk=case.pk, state__in=list(old), lapses_at__gt=now)
    if rows.update(state=new, **values) != 1:
        raise CannotDecideCase(_("This case has moved on meanwhile, or its time is over."))
    _tell(case, actor=officer.actor, verb=f"recovery_{new.value}", now=now)


def _tell(case: RecoveryCase, *, actor: str, verb: str, now: datetime, **facts: Any) -> None:
    """An act in the audit log, and the alert to the account's owner."""
    audit.record(actor=actor, verb=verb, subject=str(case), now=now, investor=case.investor_id)
    user_id = case.investor.user_id
    outbox.leave(topic="security.changed", subject=f"user:{user_id}", now=now, user=user_id, change=verb, **facts)


def _record(investor: Investor, opened: Any) -> dict[str, Any]:
    """Name, birth date and endings of the tax numbers: those of the approved record, else of the newest application."""
    application = Application.objects.filter(investor=investor).order_by("-pk").first()
    rows = Answer.objects.filter(application=application, step__in=["name", "birth", "numbers"])
    told = {row.step: json.loads(opened(row, "content")) for row in rows}
    endings = {value for key, value in told.get("numbers", {}).items() if key.endswith("_ending")}
    if investor.state == Investor.State.APPROVED:
        name, born = json.loads(opened(investor, "name")), opened(investor, "birth_date")
    else:
        name, born = told.get("name", {}), told.get("birth", {}).get("birth_date")
    return {"name": name, "birth_date": born, "endings": endings}


def _writings(name: dict[str, str]) -> set[str]:
    """Every way in which a registered name may be written in full, as it is compared."""
    found: set[str] = set()
    for writing, form in (("latin", names.latin_form), ("kanji", names.kanji_form), ("kana", names.kana_form)):
        family, given, middle = (form(name.get(f"{part}_{writing}", "")) for part in ("family", "given", "middle"))
        if family or given:
            found |= {family + given, given + family, given + middle + family, family + given + middle}
    return found - {""}


def _birth_date(text: str, now: datetime) -> str:
    try:
        born = date.fromisoformat(text)
    except ValueError:
        raise ValidationError(_("Please give the day as year-month-day."), code="not_a_day") from None
    if not date(1890, 1, 1) <= born <= now.date():
        raise ValidationError(_("Please check the year."), code="not_a_day")
    return born.isoformat()


def _ending(text: str) -> str:
    digits = identifiers.compact(text)
    if not re.fullmatch(r"[0-9]{4}", digits):
        raise ValidationError(_("Please give the last four digits."), code="not_four_digits")
    return digits


def _phone(text: str) -> str:
    """As it was typed: an officer dials it."""
    if not re.fullmatch(r"[+]?[0-9()]{8,20}", identifiers.compact(text)):
        raise ValidationError(_("Please give a telephone number with its area code."), code="not_a_phone")
    return names.check_visible(text)
