"""Approvals: what waits for a second key, in words, and the two buttons sign and withdraw (D4)."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Case, Exists, OuterRef, QuerySet, Value, When
from django.forms import Form, RegexField
from django.http import HttpRequest
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fund.governance import approval
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Officer
from fund.holders import Nation
from portal.officers import changes, shown, words
from portal.officers.room import Group, Queue, Room, act, column, titled
from portal.officers.site import site

OPEN = Proposal.State.OPEN


class ReadForm(Form):
    """The digest of the payload that the officer has read."""

    digest = RegexField(r"\A[0-9a-f]{64}\Z")


@admin.register(Proposal, site=site)
class Approvals(Room):
    """Every officer reads them, and turns a key for the acts of their duties; the database refuses what the page should
    not offer.
    """

    group = Group.KEYS
    page_template = "officers/approval.html"
    name = gettext_lazy("Approvals")
    list_display = (
        column("subject", gettext_lazy("Subject"), lambda row: _subject(row) or capfirst(row.get_kind_display())),
        column("kind", gettext_lazy("Kind of act"), lambda row: row.get_kind_display(), ordered=True),
        column("state", gettext_lazy("Status"), lambda row: row.get_state_display(), ordered=True),
        column("proposed_at", gettext_lazy("Proposed"), lambda row: shown.moment(row.proposed_at), ordered=True),
        column("keys", gettext_lazy("Keys turned"), lambda row: _turned(row)),
    )
    list_filter = (("state", titled(gettext_lazy("status"))), ("kind", titled(gettext_lazy("kind of act"))))
    ordering = (Case(When(state=OPEN, then=Value(0)), default=Value(1)), "-proposed_at")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Proposal]:
        return super().get_queryset(request).prefetch_related("signatures")

    def title_of(self, row: Proposal) -> str:
        return ": ".join(filter(None, [capfirst(row.get_kind_display()), _subject(row)]))

    def page(self, *, row: Proposal, officer: Officer, now: datetime) -> dict[str, Any]:
        language = get_language() or "en"
        standing = [one for one in row.signatures.select_related("officer") if bytes(one.digest) == bytes(row.digest)]
        compared = changes.since(row, now=now) if row.state == OPEN else []
        voided = row.signatures.exclude(digest=row.digest).count()
        return {
            "words": words.of(row, language=language),
            "other_words": words.of(row, language="ja" if language == "en" else "en"),
            "other_language": "ja" if language == "en" else "en",
            "changes": compared,
            "changed": any(change.differs for change in compared),
            "keys": [(nation, next((one for one in standing if one.nation == nation), None)) for nation in Nation],
            "voided": voided,
            "blocked": _why_not(row, officer, standing),
            "waiting": row.state == OPEN,
            "approved": len({one.nation for one in standing}) == len(Nation),
            "proposed": shown.instant(row.proposed_at),
            "age": shown.age(row.proposed_at, now),
        }

    @act(fresh=True, form=ReadForm)
    def sign(
        self,
        request: HttpRequest,
        *,
        row: Proposal,
        form: dict[str, Any],
        officer: Officer,
        now: datetime,
    ) -> str:
        complete = approval.sign(proposal=row, officer=officer, digest=bytes.fromhex(form["digest"]), now=now)
        if complete:
            return _("You have turned the second key. It takes effect now.")
        return _("You have turned your nation’s key. The other nation’s key is still missing.")

    @act(fresh=True)
    def withdraw(self, request: HttpRequest, *, row: Proposal, officer: Officer, now: datetime) -> str:
        approval.withdraw(proposal=row, officer=officer, now=now)
        return _("The proposal is withdrawn. Nothing was changed.")

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        """Open proposals of this officer’s duties whose payload, as it stands, the officer’s nation has not signed."""
        turned = approval.Signature.objects.filter(
            proposal=OuterRef("pk"), digest=OuterRef("digest"), nation=officer.nation
        )
        own = [kind for kind, duty in approval.DUTY.items() if officer.has(duty)]
        rows = Proposal.objects.filter(~Exists(turned), state=OPEN, kind__in=own)
        return [
            self.waiting(
                _("Waiting for your nation’s key"),
                rows,
                "proposed_at",
                query="?state__exact=open",
            )
        ]


def _subject(row: Proposal) -> str:
    """What is acted on; nothing more is said where it is a matter of the whole fund and has the name of its kind."""
    return "" if row.subject == row.kind else row.subject


def _turned(row: Proposal) -> str:
    """The nations whose signature stands for the payload as it is."""
    nations = sorted({one.nation for one in row.signatures.all() if bytes(one.digest) == bytes(row.digest)})
    return ", ".join(str(Nation(nation).label) for nation in nations) or "—"


def _why_not(row: Proposal, officer: Officer, standing: list[approval.Signature]) -> str:
    """Why this officer cannot turn a key here; empty when the verb is to decide."""
    if row.state != OPEN:
        return ""
    if not officer.has(approval.DUTY[Kind(row.kind)]):
        return _("Your duties do not include this act.")
    if any(one.person == officer.person for one in standing):
        return _("You have turned a key here. The second key must be turned by another person, of the other nation.")
    if any(one.nation == officer.nation for one in standing):
        return _("Your nation’s key is turned. The second key belongs to the other nation.")
    return ""
