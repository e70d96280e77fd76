"""Settings: what is in force, what is announced, and the form that proposes a change (two keys)."""

import json
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponseRedirect
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance import config
from fund.governance.approval import Kind, Proposal
from fund.governance.config import DECLARED, Setting
from fund.governance.officers import Duty, Officer
from portal.officers import shown, words
from portal.officers.fields import LocalInstant
from portal.officers.room import Group, Line, Room, act
from portal.officers.site import site


@dataclass(frozen=True)
class Policy:
    """One declared setting as a row of the list."""

    pk: str
    meaning: Any
    value: Any
    since: datetime | None
    announced: list[Setting]


class ChangeForm(forms.Form):
    """A new value in the form of the setting's shipped one; the day in the officer's own time zone."""

    value = forms.CharField(label=gettext_lazy("New value"), max_length=4000, strip=True)
    effective_from = LocalInstant(label=gettext_lazy("Effective from"))
    reason = forms.CharField(
        label=gettext_lazy("Reason"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )


def form_for(key: str, value: Any = None) -> ChangeForm:
    """The empty form, with the value in force to start from."""
    form = ChangeForm(initial={"value": typed(value)})
    if isinstance(DECLARED[key].default, dict | list):
        form.fields["value"].widget = forms.Textarea(attrs={"rows": 6, "class": "code", "spellcheck": "false"})
        form.fields["value"].help_text = _("Keep the form of the value: braces, quotation marks and commas (JSON).")
    return form


def typed(value: Any) -> str:
    """A value as an officer types it."""
    return json.dumps(value, ensure_ascii=False, indent=2) if isinstance(value, dict | list) else str(value)


def read(key: str, text: str) -> Any:
    """What was typed, as the setting's own type. Raises ValidationError."""
    shipped = DECLARED[key].default
    try:
        if isinstance(shipped, bool):
            return {"true": True, "false": False}[text.lower()]
        if isinstance(shipped, int):
            return int(text)
        if isinstance(shipped, str):
            return _same_kind_of_text(shipped, text)
        return json.loads(text)
    except (ValueError, KeyError, InvalidOperation) as wrong:
        raise ValidationError(_("“%(text)s” does not have the form of this setting.") % {"text": text}) from wrong


def _same_kind_of_text(shipped: str, text: str) -> str:
    """A ratio or percentage is a finite decimal; other texts are free."""
    try:
        Decimal(shipped)
    except InvalidOperation:
        return text
    if not Decimal(text).is_finite():
        raise ValueError(text)
    return text


@admin.register(Setting, site=site)
class Settings(Room):
    """Officers of every duty read the settings; administration proposes changes."""

    group = Group.KEYS
    name = gettext_lazy("Settings")
    page_template = "officers/setting.html"
    change_list_template = "officers/settings.html"

    def row(self, request: HttpRequest, object_id: str) -> Policy:
        if object_id not in DECLARED:
            raise Http404
        return policies(now=timezone.now())[object_id]

    def title_of(self, row: Policy) -> Any:
        return row.meaning

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        return {"policies": policies(now=now).values()}

    def page(self, *, row: Policy, officer: Officer, now: datetime) -> dict[str, Any]:
        open_proposal = Proposal.objects.filter(kind=Kind.CONFIG, subject=row.pk, state=Proposal.State.OPEN).first()
        return {
            "lines": [
                Line(_("Setting"), row.pk),
                Line(_("In force"), words.setting(row.value)),
                Line(
                    _("In force since"),
                    shown.instant(row.since) if row.since else _("shipped with the system"),
                ),
                *(
                    Line(
                        _("Announced change"),
                        words.plain(one.value),
                        shown.instant(one.effective_from),
                    )
                    for one in row.announced
                ),
            ],
            "open_proposal": open_proposal,
            "propose_form": form_for(row.pk, row.value),
            "may_propose": officer.has(Duty.ADMINISTRATION) and open_proposal is None,
        }

    @act(duty=Duty.ADMINISTRATION, fresh=True, form=ChangeForm)
    def propose(
        self,
        request: HttpRequest,
        *,
        row: Policy,
        form: dict[str, Any],
        officer: Officer,
        now: datetime,
    ) -> HttpResponseRedirect:
        proposal = config.propose(
            key=row.pk,
            value=read(row.pk, form["value"]),
            effective_from=form["effective_from"],
            officer=officer,
            now=now,
            reason=form["reason"],
        )
        messages.success(
            request,
            _("The change is proposed. An officer of the other nation must turn the second key."),
        )
        return redirect("admin:fund_proposal_change", proposal.pk)


def policies(*, now: datetime) -> dict[str, Policy]:
    """Every declared setting with its value in force and what is announced."""
    rows = list(Setting.objects.order_by("effective_from", "id"))
    found = {}
    for key, declared in DECLARED.items():
        mine = [row for row in rows if row.key == key]
        in_force = [row for row in mine if row.effective_from <= now]
        found[key] = Policy(
            pk=key,
            meaning=declared.meaning,
            value=in_force[-1].value if in_force else declared.default,
            since=in_force[-1].effective_from if in_force else None,
            announced=[row for row in mine if row.effective_from > now],
        )
    return found
