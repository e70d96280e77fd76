"""Outages of the portal: declaring one, and what the rule made of it (D26)."""

from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from fund.dealing import outage
from fund.dealing.models import Offering
from fund.dealing.outage import Outage
from fund.governance import config
from fund.governance.approval import Kind, Proposal
from fund.governance.officers import Duty, Officer
from portal.officers import changes, shown, words
from portal.officers.fields import LocalInstant
from portal.officers.room import Group, Line, Room, act, column, proposed
from portal.officers.site import site
from portal.officers.words import Payload, Words

RULE = ("outage.longer_than_minutes", "outage.window_hours", "outage.rounding_minutes")


class DeclareForm(forms.Form):
    """When citizens could not reach the portal, and why, as they will read it."""

    starts_at = LocalInstant(label=gettext_lazy("Began"))
    ends_at = LocalInstant(label=gettext_lazy("Ended"))
    cause_en = forms.CharField(label=gettext_lazy("Cause in English, for citizens"), max_length=200)
    cause_ja = forms.CharField(label=gettext_lazy("Cause in Japanese, for citizens"), max_length=200)


@admin.register(Outage, site=site)
class Outages(Room):
    """Every officer sees the outages, because every officer may be asked for a key."""

    group = Group.DEALING
    name = gettext_lazy("Outages")
    change_list_template = "officers/outages.html"
    list_display = (
        column("starts_at", gettext_lazy("Began"), lambda row: shown.moment(row.starts_at), ordered=True),
        column("ends_at", gettext_lazy("Ended"), lambda row: shown.moment(row.ends_at), ordered=True),
        column("cause", gettext_lazy("Cause"), lambda row: _cause(row)),
        column("offerings", gettext_lazy("Offerings extended"), lambda row: _codes(row)),
    )
    ordering = ("-starts_at",)

    def title_of(self, row: Outage) -> str:
        return _("Outage of %(moment)s") % {"moment": shown.moment(row.starts_at)}

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        least, window, rounding = (config.get(key, at=now) for key in RULE)
        return {
            "declare_form": DeclareForm(),
            "may_declare": officer.has(Duty.DEALING),
            "least": least,
            "window": window,
            "rounding": rounding,
        }

    def page(self, *, row: Outage, officer: Officer, now: datetime) -> dict[str, Any]:
        return {
            "lines": [
                Line(_("Began"), shown.instant(row.starts_at)),
                Line(_("Ended"), shown.instant(row.ends_at)),
                Line(_("Cause in English, for citizens"), row.cause_en),
                Line(_("Cause in Japanese, for citizens"), row.cause_ja),
                *(
                    line
                    for one in row.extensions.all()
                    for line in _moved(one.offering_id, one.closed_at, one.closes_at, one.pay_by)
                ),
            ]
        }

    @act(duty=Duty.DEALING, fresh=True, form=DeclareForm, on_row=False)
    def declare(self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime) -> HttpResponse:
        proposal = outage.propose(**form, officer=officer, now=now)
        return proposed(request, proposal)


def _cause(row: Outage) -> str:
    return row.cause_ja if get_language() == "ja" else row.cause_en


def _codes(row: Outage) -> str:
    return ", ".join(sorted(one.offering_id for one in row.extensions.all()))


def _moved(code: str, before: datetime | None, closes_at: datetime, pay_by: datetime) -> list[Line]:
    until_now = _("until now %(instant)s") % {"instant": shown.instant(before)} if before else ""
    return [
        Line(_("%(offering)s closes") % {"offering": code}, shown.instant(closes_at), until_now),
        Line(_("%(offering)s: pay by") % {"offering": code}, shown.instant(pay_by)),
    ]


# ── what the proposal says ────────────────────────────────────────────────────────────────────────────────────────
@words.reads(Kind.OUTAGE)
def _declaration(proposal: Proposal, payload: Payload) -> Words:
    extensions = payload.pop("extensions")
    said = Words(
        _("The portal could not be reached. By the rule, these offerings close later: %(offerings)s.")
        % {"offerings": ", ".join(sorted(extensions))}
    )
    said.lines = [
        Line(_("Began"), words.instant(payload.pop("starts_at"))),
        Line(_("Ended"), words.instant(payload.pop("ends_at"))),
        Line(_("Cause in English, for citizens"), payload.pop("cause_en")),
        Line(_("Cause in Japanese, for citizens"), payload.pop("cause_ja")),
    ]
    before = dict(Offering.objects.filter(pk__in=extensions).values_list("code", "closes_at"))
    for code, moved in sorted(extensions.items()):
        closes_at, pay_by = (datetime.fromisoformat(moved[name]) for name in ("closes_at", "pay_by"))
        stands = before.get(code) if proposal.state == Proposal.State.OPEN else None
        minutes = _("%(minutes)s minutes later") % {"minutes": int(moved["seconds"]) // 60}
        said.lines += [*_moved(code, stands, closes_at, pay_by), Line(code, minutes)]
    return said


@changes.compares(Kind.OUTAGE)
def _moves_now(payload: Payload, now: datetime) -> list[changes.Change]:
    """What the rule says at this moment."""
    starts_at, ends_at = (datetime.fromisoformat(payload[name]) for name in ("starts_at", "ends_at"))
    current = outage.said(outage.moves(starts_at=starts_at, ends_at=ends_at, now=now))
    proposed = payload["extensions"]
    return [changes.change(code, proposed.get(code, {}), current.get(code, {})) for code in sorted(proposed | current)]
