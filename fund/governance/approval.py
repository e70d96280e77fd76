"""Two keys (D4): an act of the fund takes effect only when an officer of each nation has signed the same payload.

The proposer's signature is the first key. The database computes the digest of the payload, accepts a signature only for
that digest, one per nation and one per person, and refuses the effect until both nations' signatures stand. A revised
payload has another digest, so that earlier signatures no longer count.
"""

import json
from datetime import datetime
from hashlib import sha256
from typing import Any

import pgtrigger
import rfc8785
from django.db import models, transaction
from django.db.models import Q
from django.db.models.functions import UUID7
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance import audit, outbox
from fund.governance.officers import Duty, Officer
from fund.holders import Nation
from fund.refusal import Refusal


class Refused(Refusal):
    """The signature or the effect is refused; the message says why."""

    code = "two_keys"


class Kind(models.TextChoices):
    """The acts that need two keys."""

    CONFIG = "config", _("change of a setting")
    OFFICE = "office", _("appointment or duties of an officer")
    OFFERING = "offering", _("opening of an offering")
    CANCELLATION = "cancellation", _("cancellation of an offering")
    OUTAGE = "outage", _("outage that extends offerings")
    ALLOTMENT = "allotment", _("allotment")
    NAV = "nav", _("net asset value")
    CORRECTION = "correction", _("correction of net asset values")
    PAYOUT = "payout", _("payout run")
    DISTRIBUTION = "distribution", _("distribution")
    TAX_YEAR = "tax_year", _("year of tax")
    PAYEE = "payee", _("account of a payee")
    ENTRY = "entry", _("manual ledger entry")
    PORTFOLIO = "portfolio", _("entries of the portfolio")
    CAPITAL = "capital", _("capital of co-owners and partners")
    RELEASE = "release", _("release of the outbox")
    WINDOW = "window", _("opening of a redemption window")
    WINDOW_CANCEL = "window_cancel", _("cancellation of a redemption window")
    REDEMPTION = "redemption", _("redemptions of a window")
    TRANSFER = "transfer", _("transfer between citizens")


# Whose act it is: who has another duty neither proposes it nor turns a key for it.
DUTY = {
    Kind.CONFIG: Duty.ADMINISTRATION,
    Kind.OFFICE: Duty.ADMINISTRATION,
    Kind.OFFERING: Duty.DEALING,
    Kind.CANCELLATION: Duty.DEALING,
    Kind.OUTAGE: Duty.DEALING,
    Kind.ALLOTMENT: Duty.DEALING,
    Kind.NAV: Duty.VALUATION,
    Kind.CORRECTION: Duty.VALUATION,
    Kind.PORTFOLIO: Duty.VALUATION,
    Kind.CAPITAL: Duty.VALUATION,
    Kind.PAYOUT: Duty.PAYMENTS,
    Kind.DISTRIBUTION: Duty.PAYMENTS,
    Kind.TAX_YEAR: Duty.PAYMENTS,
    Kind.PAYEE: Duty.PAYMENTS,
    Kind.ENTRY: Duty.PAYMENTS,
    Kind.RELEASE: Duty.PAYMENTS,
    Kind.WINDOW: Duty.DEALING,
    Kind.WINDOW_CANCEL: Duty.DEALING,
    Kind.REDEMPTION: Duty.DEALING,
    Kind.TRANSFER: Duty.ONBOARDING,
}
DUTY_OF_KIND = " ".join(f"WHEN '{kind.value}' THEN '{duty.value}'" for kind, duty in DUTY.items())


class Proposal(models.Model):
    """An act waiting for its keys: ``payload`` in canonical JSON (RFC 8785), ``digest`` its SHA-256 by the database."""

    class State(models.TextChoices):
        OPEN = "open", _("waiting for keys")
        CARRIED_OUT = "carried_out", _("carried out")
        WITHDRAWN = "withdrawn", _("withdrawn")

    id = models.UUIDField(primary_key=True, db_default=UUID7())
    kind = models.CharField(max_length=16, choices=Kind)
    subject = models.CharField(max_length=120)
    payload = models.TextField()
    digest = models.BinaryField(max_length=32, editable=False)
    reason = models.TextField(blank=True)
    state = models.CharField(max_length=12, choices=State, default=State.OPEN)
    proposed_by = models.ForeignKey(Officer, on_delete=models.PROTECT, related_name="proposals")
    proposed_at = models.DateTimeField()
    carried_out_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(name="proposal_kind", condition=Q(kind__in=Kind.values)),
            models.CheckConstraint(name="proposal_state", condition=Q(state__in=["open", "carried_out", "withdrawn"])),
            models.CheckConstraint(
                name="proposal_carried_out_at", condition=Q(state="carried_out") ^ Q(carried_out_at__isnull=True)
            ),
            models.UniqueConstraint(fields=["kind", "subject"], condition=Q(state="open"), name="proposal_one_open"),
        ]
        triggers = [
            pgtrigger.Trigger(
                name="digest_of_payload",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert | pgtrigger.Update,
                func="NEW.digest := sha256(convert_to(NEW.payload, 'UTF8')); RETURN NEW;",
            ),
            pgtrigger.Trigger(
                name="proposal_moves",
                when=pgtrigger.Before,
                operation=pgtrigger.Update | pgtrigger.Delete,
                func="""
                IF TG_OP = 'DELETE' OR OLD.state <> 'open'
                   OR (NEW.id, NEW.kind, NEW.subject, NEW.proposed_by_id, NEW.proposed_at)
                      IS DISTINCT FROM (OLD.id, OLD.kind, OLD.subject, OLD.proposed_by_id, OLD.proposed_at) THEN
                    RAISE EXCEPTION 'a proposal is revised, carried out or withdrawn while it is open, nothing else'
                        USING ERRCODE = 'restrict_violation';
                END IF;
                IF NEW.state = 'carried_out' AND NOT fund_two_keys(OLD.id, OLD.kind, OLD.subject, '{}') THEN
                    RAISE EXCEPTION 'two keys are missing' USING ERRCODE = 'insufficient_privilege';
                END IF;
                RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.subject}"

    @property
    def facts(self) -> dict[str, Any]:
        """The payload as data."""
        read: dict[str, Any] = json.loads(self.payload)
        return read

    @property
    def hex_digest(self) -> str:
        return bytes(self.digest).hex()


class Signature(AppendOnly):
    """One key. ``person`` and ``nation`` are copied from the officer by the database, which also checks the digest and
    the officer's duty.
    """

    id = models.BigAutoField(primary_key=True)
    proposal = models.ForeignKey(Proposal, on_delete=models.PROTECT, related_name="signatures")
    officer = models.ForeignKey(Officer, on_delete=models.PROTECT, related_name="signatures")
    digest = models.BinaryField(max_length=32)
    person = models.CharField(max_length=40, editable=False)
    nation = models.CharField(max_length=2, editable=False)
    signed_at = models.DateTimeField()

    class Meta(AppendOnly.Meta):
        constraints = [
            models.UniqueConstraint(fields=["proposal", "digest", "nation"], name="signature_one_a_nation"),
            models.UniqueConstraint(fields=["proposal", "digest", "person"], name="signature_one_a_person"),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            pgtrigger.Trigger(
                name="signature_is_an_officers",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                declare=[("duty", "text"), ("held", "text[]")],
                func=f"""
                SELECT person, nation,
                       duties || CASE WHEN NEW.signed_at < emergency_until THEN emergency_duties ELSE '{{}}' END
                  INTO STRICT NEW.person, NEW.nation, held FROM fund_officer
                 WHERE id = NEW.officer_id AND in_office_from <= NEW.signed_at
                   AND (in_office_until IS NULL OR NEW.signed_at < in_office_until);
                SELECT CASE kind {DUTY_OF_KIND} END INTO duty FROM fund_proposal
                 WHERE id = NEW.proposal_id AND state = 'open' AND digest = NEW.digest FOR UPDATE;
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'the proposal is not open with this payload' USING ERRCODE = 'restrict_violation';
                END IF;
                IF duty <> ALL (held) THEN
                    RAISE EXCEPTION 'this key needs the duty %', duty USING ERRCODE = 'insufficient_privilege';
                END IF;
                RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.nation} {self.signed_at:%Y-%m-%d}"


def two_keys_trigger(kind: Kind, *, when: str = "TRUE", subject: str, facts: str = "'{}'::jsonb") -> pgtrigger.Trigger:
    """A trigger for the table of an effect: refuses the row unless its ``proposal_id`` carries both keys.

    ``when``, ``subject`` and ``facts`` are SQL over NEW (and OLD): when the effect happens, which subject must have
    been approved, and which facts (jsonb) the approved payload must contain.
    """
    return pgtrigger.Trigger(
        name=f"two_keys_{kind.value}",
        when=pgtrigger.Before,
        operation=pgtrigger.Insert | pgtrigger.Update,
        func=f"""
        IF ({when}) AND NOT fund_two_keys(NEW.proposal_id, '{kind.value}', {subject}, {facts}) THEN
            RAISE EXCEPTION '% needs an officer of each nation', TG_TABLE_NAME USING ERRCODE = 'insufficient_privilege';
        END IF;
        RETURN NEW;
        """,
    )


def canonical(payload: dict[str, Any]) -> str:
    """The one text of a payload (RFC 8785). Amounts and decimals are strings in it."""
    return rfc8785.dumps(payload).decode()


def digest_of(value: Any) -> str:
    """The SHA-256 of a value's one text, in hex."""
    return sha256(rfc8785.dumps(value)).hexdigest()


@transaction.atomic
def propose(
    *, kind: Kind, subject: str, payload: dict[str, Any], officer: Officer, now: datetime, reason: str = ""
) -> Proposal:
    """Put an act up for approval, with the proposer's own key. Raises Refused when one is open for this subject, or the
    act is not of the officer's duty.
    """
    if Proposal.objects.filter(kind=kind, subject=subject, state=Proposal.State.OPEN).exists():
        raise Refused(_("A proposal for this is already waiting."))
    proposal = Proposal.objects.create(
        kind=kind, subject=subject, payload=canonical(payload), reason=reason, proposed_by=officer, proposed_at=now
    )
    proposal.refresh_from_db(fields=["digest"])
    audit.record(actor=officer.actor, verb="propose", subject=str(proposal), now=now, proposal=str(proposal.pk))
    sign(proposal=proposal, officer=officer, digest=bytes(proposal.digest), now=now)
    return proposal


@transaction.atomic
def revise(*, proposal: Proposal, payload: dict[str, Any], officer: Officer, now: datetime) -> Proposal:
    """Change the payload: the signatures so far no longer count, the reviser's key is the first again."""
    moved = Proposal.objects.filter(pk=proposal.pk, state=Proposal.State.OPEN).update(payload=canonical(payload))
    if moved != 1:
        raise Refused(_("This proposal is no longer open."))
    proposal.refresh_from_db()
    audit.record(actor=officer.actor, verb="revise", subject=str(proposal), now=now, digest=proposal.hex_digest)
    sign(proposal=proposal, officer=officer, digest=bytes(proposal.digest), now=now)
    return proposal


@transaction.atomic
def sign(*, proposal: Proposal, officer: Officer, digest: bytes, now: datetime) -> bool:
    """Turn a key for the payload with this digest; True when both keys have now been turned.

    The note ``proposal.approved`` is left with the second key; the room of the act carries it out from there.
    Raises Refused for the same person or nation, an officer out of office, or a payload edited since it was read.
    """
    held = Proposal.objects.select_for_update().get(pk=proposal.pk)
    if held.state != Proposal.State.OPEN:
        raise Refused(_("This proposal is no longer open."))
    if bytes(held.digest) != digest:
        raise Refused(_("The proposal was changed after you read it. Read it again before you approve."))
    if not officer.in_office(now):
        raise Refused(_("Only an officer in office can approve."))
    if not officer.has(DUTY[Kind(held.kind)]):
        raise Refused(_("Your duties do not include this act."))
    standing = list(held.signatures.filter(digest=digest))
    if any(signature.person == officer.person for signature in standing):
        raise Refused(_("The second key must be turned by another person."))
    if any(signature.nation == officer.nation for signature in standing):
        raise Refused(_("The second key belongs to the other nation."))
    Signature.objects.create(proposal=held, officer=officer, digest=digest, signed_at=now)
    audit.record(actor=officer.actor, verb="sign", subject=str(held), now=now, digest=digest.hex())
    complete = len(standing) == 1
    if complete:
        outbox.leave(topic="proposal.approved", subject=str(held.pk), now=now, kind=held.kind)
    return complete


@transaction.atomic
def withdraw(*, proposal: Proposal, officer: Officer, now: datetime) -> None:
    """Take an open proposal back. Raises Refused when it is no longer open, or the act is not of the officer's duty."""
    if not officer.has(DUTY[Kind(proposal.kind)]):
        raise Refused(_("Your duties do not include this act."))
    moved = Proposal.objects.filter(pk=proposal.pk, state=Proposal.State.OPEN).update(state=Proposal.State.WITHDRAWN)
    if moved != 1:
        raise Refused(_("This proposal is no longer open."))
    audit.record(actor=officer.actor, verb="withdraw", subject=str(proposal), now=now)


def approved(*, proposal: Proposal) -> bool:
    """Whether both nations' keys stand for the payload as it is now."""
    nations = proposal.signatures.filter(digest=proposal.digest).values("nation").distinct().count()
    return proposal.state != Proposal.State.WITHDRAWN and nations == len(Nation)


def carry_out(*, proposal: Proposal, now: datetime) -> bool:
    """Mark an approved proposal as carried out, inside the transaction of its effect.

    False when it was carried out before, so that a doubled message does nothing. Raises Refused without both keys.
    """
    held = Proposal.objects.select_for_update().get(pk=proposal.pk)
    if held.state == Proposal.State.CARRIED_OUT:
        return False
    if not approved(proposal=held):
        raise Refused(_("An officer of each nation must approve this first."))
    moved = Proposal.objects.filter(pk=held.pk, state=Proposal.State.OPEN).update(
        state=Proposal.State.CARRIED_OUT, carried_out_at=now
    )
    if moved != 1:
        raise Refused(_("This proposal is no longer open."))
    audit.record(actor="system", verb="carry_out", subject=str(held), now=now, digest=held.hex_digest)
    return True
