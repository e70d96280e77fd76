"""Transfers on death and gift between eligible citizens (D32): reception's part, before the vault and beside it.

A gift: the giver names the recipient by a code, the recipient answers, an officer of each nation approves. A death: an
officer opens the estate from documents, which closes the account; names the heirs with their shares; and both nations
approve. Whether a recipient may hold the units is asked when it is answered, and again when the units pass on.

The locks of this room are the investors' own rows, all that take part, in key order and before the proposal.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from fund.conveyance import estate as estates
from fund.conveyance import give, move
from fund.conveyance.models import Conveyance, Estate, Refusing
from fund.governance import approval, audit, config
from fund.governance.approval import Kind as Act
from fund.governance.approval import Proposal
from fund.governance.officers import Officer
from fund.holders import Holder
from fund.money import value_of
from fund.nav import prices
from fund.redemption import request as redemptions
from fund.redemption.models import Redemption
from fund.refusal import Refusal
from investors import people, plans, recipients, subscribing, transfer_papers, vault
from investors.cases import lock, on_duty
from investors.eligibility import cap
from investors.evidence import Taken
from investors.people import Investor
from investors.screening.models import STANDING as STANDING_HITS
from investors.transfer_papers import Kind, TransferPaper
from investors.vault import Purpose

State = Conveyance.State
MOST_HEIRS = 50


class Refused(Refusal):
    """The transfer cannot be made or decided like this; the message says why."""

    code = "transfer"


# ── a gift ────────────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def offer(
    *, investor: Investor, recipient: Investor, class_code: str, units: int, key: str, now: datetime
) -> Conveyance:
    """Offer units to another citizen, whom ``recipients.find`` has found. The same ``key`` gives the same offer again.

    Raises subscribing.NotEligible, and what ``give.offer`` refuses.
    """
    lock(investor)
    investor = Investor.objects.select_related("holder").get(pk=investor.pk)
    holder = subscribing.check_may_invest(investor=investor, now=now)
    if investor.hits.filter(state__in=STANDING_HITS).exists():
        raise subscribing.NotEligible(
            _("Your registration is being checked again. You cannot give units until that is done.")
        )
    assert recipient.holder_id is not None
    if recipients.of(investor) is None:
        recipients.draw(investor=investor, now=now)  # by which the recipient sees from whom it comes
    return give.offer(
        holder_id=holder.pk, recipient_id=recipient.holder_id, class_code=class_code, units=units, key=key, now=now
    )


@transaction.atomic
def accept(*, investor: Investor, transfer: UUID, now: datetime) -> Conveyance:
    """Take a gift. Raises subscribing.NotEligible, OverTheCap; give.Refused: unknown_transfer, not_standing."""
    lock(investor)
    investor = Investor.objects.select_related("holder").get(pk=investor.pk)
    holder = subscribing.check_may_invest(investor=investor, now=now)
    given = give.accept(transfer=transfer, recipient_id=holder.pk, now=now)
    if (why := _obstacle(given, investor, [given], now)) == Refusing.OVER_THE_CAP:
        raise subscribing.OverTheCap(_("With these units you would hold more than one citizen can hold."))
    if why:
        raise subscribing.NotEligible(
            _("Your registration is being checked again. You cannot receive units until that is done.")
        )
    return given


@transaction.atomic
def decline(*, investor: Investor, transfer: UUID, now: datetime) -> Conveyance:
    """Do not take a gift, or no longer, until both nations have approved it. Raises as ``give.decline`` does."""
    lock(investor)
    given = give.decline(transfer=transfer, recipient_id=investor.holder_id or 0, now=now)
    _let_go(given.subject, investor.actor, now)
    return given


@transaction.atomic
def withdraw(*, investor: Investor, transfer: UUID, now: datetime) -> Conveyance:
    """Take an offer back, until both nations have approved it. Raises as ``give.withdraw`` does."""
    lock(investor)
    given = give.withdraw(transfer=transfer, holder_id=investor.holder_id or 0, now=now)
    _let_go(given.subject, investor.actor, now)
    return given


def _let_go(subject: str, actor: str, now: datetime) -> None:
    """What the two no longer want is not signed any more."""
    for proposal in open_proposals(subject).select_for_update():
        open_proposals(subject).filter(pk=proposal.pk).update(state=Proposal.State.WITHDRAWN)
        audit.record(actor=actor, verb="withdraw", subject=str(proposal), now=now)


def missing(*, given: Conveyance, now: datetime) -> list[Kind]:
    """The documents that a gift still needs by the law of the giver's nation (``config``)."""
    nation = Holder.objects.values_list("nation", flat=True).get(pk=given.holder_id)
    needed = [Kind.DEED] if nation in config.get("transfer.deed_required", at=now) else []
    return [kind for kind in needed if kind not in transfer_papers.current(given.pk)]


@transaction.atomic
def add_deed(*, investor: Investor, transfer: UUID, taken: Taken, now: datetime) -> TransferPaper:
    """The giver's signed deed, while nobody has decided. Raises give.Refused: unknown_transfer, not_standing."""
    lock(investor)
    given = Conveyance.objects.filter(pk=transfer, holder_id=investor.holder_id or 0, estate=None).first()
    if given is None:
        raise give.Refused(_("There is no such gift."), code="unknown_transfer")
    if given.state not in (State.OFFERED, State.ACCEPTED):
        raise give.Refused(_("This gift has been decided already."), code="not_standing")
    _not_proposed(given.subject)
    return transfer_papers.add(
        investor=investor, case=given.pk, kind=Kind.DEED, taken=taken, actor=investor.actor, now=now
    )


# ── an estate ─────────────────────────────────────────────────────────────────────────────────────────────────────
@transaction.atomic
def open_estate(*, investor: Investor, officer: Officer, now: datetime) -> Estate:
    """Open the estate of a citizen: plans end, requests to redeem are withdrawn as far as they can be, and what was
    offered or asked for as a gift is refused.

    Raises NotOnDuty; Refused: no_holder; give.Refused: estate_open.
    """
    on_duty(officer, now)
    lock(investor)
    if investor.holder_id is None:
        raise Refused(_("This person holds no account."), code="no_holder")
    estate = estates.open_case(holder_id=investor.holder_id, actor=officer.actor, now=now)
    plans.end_of(investors=[investor.pk], actor=officer.actor, now=now)
    for asked in Redemption.objects.filter(holder_id=investor.holder_id, status=Redemption.Status.PLACED):
        if redemptions.may_be_withdrawn(asked=asked, now=now):
            redemptions.withdraw(redemption=asked.pk, holder_id=asked.holder_id, now=now)
    own = give.of_holder(holder_id=investor.holder_id).filter(estate=None, state__in=[State.OFFERED, State.ACCEPTED])
    standing = move.locked(own.values_list("pk", flat=True))
    for given in standing:
        _withdraw_proposals(given.subject, officer, now)
        # A giver of somebody who has died is told no more than of anybody who cannot receive.
        reason = Refusing.ESTATE if given.holder_id == investor.holder_id else Refusing.NOT_ELIGIBLE
        give.refuse(lines=[given], reason=reason, actor=officer.actor, now=now)
    return estate


@transaction.atomic
def add_paper(*, case: Estate | Conveyance, kind: Kind, taken: Taken, officer: Officer, now: datetime) -> TransferPaper:
    """A document that reached the officers otherwise. Raises NotOnDuty; Refused: over, proposed."""
    on_duty(officer, now)
    investor = of_holder(case.holder_id)
    lock(investor)
    case.refresh_from_db()
    if case.ended_at is not None:
        raise Refused(_("This case has been decided already."), code="over")
    _not_proposed(str(case.pk))
    return transfer_papers.add(investor=investor, case=case.pk, kind=kind, taken=taken, actor=officer.actor, now=now)


@transaction.atomic
def name_heirs(
    *, estate: Estate, heirs: Sequence[tuple[str, Fraction]], officer: Officer, now: datetime
) -> list[Conveyance]:
    """Name the heirs of an estate, each by recipient's code or citizen's number, with the share.

    Raises NotOnDuty; recipients.NoSuchRecipient; Refused: named_twice, too_many_heirs; what ``estate.name_heirs``
    refuses.
    """
    on_duty(officer, now)
    if len(heirs) > MOST_HEIRS:
        raise Refused(_("One case has %(most)s heirs at most.") % {"most": MOST_HEIRS}, code="too_many_heirs")
    lock(of_holder(estate.holder_id))
    shares: dict[int, Fraction] = {}
    for named, share in heirs:
        heir = _heir(named, now)
        assert heir.holder_id is not None
        if heir.holder_id in shares:
            raise Refused(_("An heir is named twice: %(heir)s.") % {"heir": named}, code="named_twice")
        shares[heir.holder_id] = share
    return estates.name_heirs(estate=estate, shares=shares, actor=officer.actor, now=now)


def _heir(named: str, now: datetime) -> Investor:
    if not (named.isascii() and named.isdigit()) or len(named) >= recipients.LENGTH:
        return recipients.find(code=named, now=now)
    heir = Investor.objects.select_related("holder").filter(pk=int(named)).first()
    if heir is None or not recipients.can_receive(heir, now):
        message = _("There is no citizen %(number)s who can receive units at this time.")
        raise recipients.NoSuchRecipient(message % {"number": named})
    return heir


def lines_of(case: Estate | Conveyance) -> list[Conveyance]:
    """The lines that stand of a case, or have moved; of a gift itself."""
    if isinstance(case, Conveyance):
        return [case]
    stands = [State.ACCEPTED, State.APPROVED, State.MOVED]
    return list(case.lines.filter(state__in=stands).select_related("unit_class").order_by("pk"))


def of_holder(holder_id: int) -> Investor:
    """The citizen behind a holder."""
    return Investor.objects.select_related("holder", "user").get(holder=holder_id)


@dataclass(frozen=True)
class Person:
    """Who takes part in a case, as the register of citizens has it: the name in its writings, the date of birth."""

    investor: Investor
    name: dict[str, str]
    born: str


def look(
    *, case: Estate | Conveyance, officer: Officer, now: datetime
) -> tuple[list[Person], list[tuple[TransferPaper, list[bytes]]]]:
    """Everybody in a case, the giver first, and its documents, opened for deciding on it; the look is recorded.

    Raises NotOnDuty.
    """
    on_duty(officer, now)
    holders = dict.fromkeys([case.holder_id, *(one.recipient_id for one in lines_of(case))])
    audit.record(actor=officer.actor, verb="look", subject=f"transfer:{case.pk}", now=now, holders=list(holders))
    everybody = [_person(of_holder(holder), officer, now) for holder in holders]
    return everybody, transfer_papers.inspect(case=case.pk, officer=officer, now=now)


def _person(investor: Investor, officer: Officer, now: datetime) -> Person:
    purpose, actor = Purpose.TRANSFER, officer.actor
    name = people.name(investor=investor, purpose=purpose, actor=actor, now=now)
    return Person(investor, name, vault.read(investor, "birth_date", purpose=purpose, actor=actor, now=now))


# ── the decision ──────────────────────────────────────────────────────────────────────────────────────────────────
def lacking(*, case: Estate | Conveyance, now: datetime) -> list[Any]:
    """What a case still needs before anybody may propose it, in words."""
    found: list[Any] = []
    if isinstance(case, Conveyance):
        if case.state == State.OFFERED:
            found.append(_("The recipient has not answered yet."))
        found += [_("Missing: %(paper)s.") % {"paper": kind.label} for kind in missing(given=case, now=now)]
        return found
    here = transfer_papers.current(case.pk)
    if Kind.DEATH not in here:
        found.append(_("Missing: %(paper)s.") % {"paper": Kind.DEATH.label})
    if Kind.FAMILY not in here and Kind.SUCCESSION not in here:
        found.append(_("Missing: proof of who succeeds (family register, will, agreement or court paper)."))
    if not lines_of(case):
        found.append(_("No heirs are named yet."))
    return found


@transaction.atomic
def propose(*, case: Estate | Conveyance, officer: Officer, now: datetime, reason: str = "") -> Proposal:
    """Put a case up for the second key, with its documents and lines as they are.

    Raises NotOnDuty; Refused: own_transfer, incomplete, cannot_receive; what ``move.propose`` refuses.
    """
    on_duty(officer, now)
    parties = [case.holder_id, *(one.recipient_id for one in lines_of(case))]
    _lock_all(parties)
    case.refresh_from_db()
    _nobodys_own([officer.user_id], parties)
    if wanting := lacking(case=case, now=now):
        raise Refused(" ".join(str(one) for one in wanting), code="incomplete")
    lines = lines_of(case)
    for one in lines:
        if why := _obstacle(one, of_holder(one.recipient_id), lines, now):
            raise Refused(why.label, code="cannot_receive")
    return move.propose(lines=lines, papers=transfer_papers.told(case.pk), officer=officer, now=now, reason=reason)


@transaction.atomic
def carry_out(*, proposal: Proposal, now: datetime) -> list[Conveyance]:
    """Approve what both nations have signed, and let it pass on at once if it can; none when this was done before.

    Raises Refused: own_transfer, papers_changed since; what ``move.approve`` refuses.
    """
    facts = proposal.facts
    parties = [int(facts["from"]), *(int(one["to"]) for one in facts["lines"])]
    _lock_all(parties)
    _nobodys_own(proposal.signatures.values_list("officer__user", flat=True), parties)
    lines = move.approve(proposal=proposal, now=now)
    if lines:
        if transfer_papers.told(UUID(lines[0].subject)) != facts["papers"]:
            raise Refused(_("The documents have changed since this was approved."), code="papers_changed")
        _pass_on(lines, now)
    return lines


def _nobodys_own(officers: Iterable[int], parties: Iterable[int]) -> None:
    """An officer who is one of the citizens takes no part in the decision."""
    if Investor.objects.filter(user__in=list(officers), holder__in=list(parties)).exists():
        raise Refused(_("An officer who is a party to a transfer does not decide on it."), code="own_transfer")


def pass_on_due(*, now: datetime) -> int:
    """Let approved cases pass on that had to wait for a distribution, each in a transaction; returns how many did.

    A fault in one stops no other; all faults are raised together in the end.
    """
    waiting = Conveyance.objects.filter(state=State.APPROVED).order_by("pk")
    subjects = dict.fromkeys(one.subject for one in waiting)
    moved, faults = 0, []
    for subject in subjects:
        try:
            moved += _pass_on_one(subject, now)
        except Exception as fault:
            faults.append(fault)
    if faults:
        raise ExceptionGroup(f"{len(faults)} transfers could not pass on", faults)
    return moved


@transaction.atomic
def _pass_on_one(subject: str, now: datetime) -> bool:
    approved = Conveyance.objects.filter(state=State.APPROVED)
    of = approved.filter(estate_id=UUID(subject)) | approved.filter(pk=subject, estate=None)
    parties = of.values_list("holder_id", "recipient_id")
    _lock_all([holder for pair in parties for holder in pair])
    lines = move.locked(of.values_list("pk", flat=True))
    return bool(lines) and _pass_on(lines, now)


def _lock_all(holders: Iterable[int]) -> None:
    rows = Investor.objects.select_for_update(of=("self",)).filter(holder__in=set(holders))
    list(rows.order_by("pk").values_list("pk"))


def _pass_on(lines: list[Conveyance], now: datetime) -> bool:
    """Move approved lines; refuse them where a recipient may not have them now; False while they have to wait."""
    if any(move.waits_for(unit_class=one.unit_class, now=now) for one in lines):
        return False
    found = [_obstacle(one, of_holder(one.recipient_id), lines, now) for one in lines]
    if why := next((one for one in found if one), None):
        give.refuse(lines=lines, reason=why, actor="system", now=now)
        return True
    move.move(lines=lines, now=now)
    if lines[0].estate is not None:
        estates.settle(estate=lines[0].estate, now=now)
    return True


def _obstacle(line: Conveyance, recipient: Investor, lines: Sequence[Conveyance], now: datetime) -> Refusing | None:
    """Why a recipient may not have the units of these lines at this moment (D18)."""
    if not recipients.can_receive(recipient, now):
        return Refusing.NOT_ELIGIBLE
    if line.estate_id is not None and config.get("transfer.heirs_over_the_cap", at=now):
        return None
    holder = recipient.holder
    assert holder is not None
    figures = None
    for one in lines:
        if one.recipient_id == holder.pk:
            worth = value_of(one.units, prices.latest_price(one.unit_class_id, now))
            more = subscribing.cap_with(holder=holder, more=worth, now=now)
            figures = (
                more if figures is None else cap.Figures(more.cap, more.held, more.on_order, figures.new + more.new)
            )
    return Refusing.OVER_THE_CAP if figures and not cap.within(figures) else None


@transaction.atomic
def refuse(*, case: Estate | Conveyance, reason: Refusing, officer: Officer, now: datetime) -> None:
    """End a case without anything passing on, with its open proposal. One key is enough to leave things as they are.

    Raises NotOnDuty; give.Refused: not_standing, not_open, approved.
    """
    on_duty(officer, now)
    lock(of_holder(case.holder_id))
    _withdraw_proposals(str(case.pk), officer, now)
    if isinstance(case, Estate):
        estates.refuse(estate=case, reason=reason, actor=officer.actor, now=now)
    else:
        give.refuse(lines=move.locked([case.pk]), reason=reason, actor=officer.actor, now=now)


def open_proposals(subject: str) -> QuerySet[Proposal]:
    """The proposal of a case that waits for its keys."""
    return Proposal.objects.filter(kind=Act.TRANSFER, subject=subject, state=Proposal.State.OPEN)


def _not_proposed(subject: str) -> None:
    if open_proposals(subject).exists():
        raise Refused(_("This waits for its keys. Withdraw the proposal first."), code="proposed")


def _withdraw_proposals(subject: str, officer: Officer, now: datetime) -> None:
    for proposal in open_proposals(subject):
        approval.withdraw(proposal=proposal, officer=officer, now=now)
