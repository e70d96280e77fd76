"""The audit log: who did what to which thing. Searched by index, paged by id, exported safely and with its proof."""

import csv
import json
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance import audit
from fund.governance.audit import Act, Seal
from fund.governance.officers import Duty, Officer
from fund.ledger.prove import LEDGER, SETTLEMENTS
from fund.refusal import Refusal
from portal.officers import entry, shown, traces, words
from portal.officers.fields import DayField
from portal.officers.room import Group, Line, Room, act
from portal.officers.site import site

PAGE = 50
EXPORT_AT_MOST = 50_000
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class SearchForm(forms.Form):
    """What to look for; actor and subject are exact because the log is found by them."""

    actor = forms.CharField(label=gettext_lazy("Actor"), required=False, max_length=80)
    subject = forms.CharField(label=gettext_lazy("Subject"), required=False, max_length=140)
    verb = forms.CharField(label=gettext_lazy("Verb"), required=False, max_length=40)
    trace = forms.UUIDField(label=gettext_lazy("Trace"), required=False)
    since = DayField(label=gettext_lazy("From day"), required=False)
    until = DayField(label=gettext_lazy("To day"), required=False)
    before = forms.IntegerField(required=False, min_value=1, max_value=2**63 - 1, widget=forms.HiddenInput)


def found(asked: dict[str, Any]) -> QuerySet[Act]:
    """The acts that were asked for, newest first."""
    rows = Act.objects.order_by("-id")
    for name in ("actor", "subject", "verb", "trace"):
        if asked.get(name):
            rows = rows.filter(**{name: asked[name]})
    if asked.get("since"):
        rows = rows.filter(at__gte=_midnight(asked["since"]))
    if asked.get("until"):
        rows = rows.filter(at__lt=_midnight(asked["until"] + timedelta(days=1)))
    if asked.get("before"):
        rows = rows.filter(id__lt=asked["before"])
    return rows


def _midnight(day: Any) -> datetime:
    return timezone.make_aware(datetime.combine(day, time.min))


def cell(value: Any) -> str:
    """A cell that no spreadsheet takes for a formula: a leading apostrophe makes it text."""
    text = str(value)
    return f"'{text}" if text.lstrip(" \u3000\u200b\ufeff").startswith(FORMULA_STARTS) else text


def _newest(asked: dict[str, Any]) -> QuerySet[Act]:
    """What was found, the newest first, as far as an export goes; as a set that can be ordered otherwise."""
    return Act.objects.filter(pk__in=found(asked).values("pk")[:EXPORT_AT_MOST])


class Echo:
    """A file that hands back what is written to it."""

    def write(self, line: str) -> str:
        return line


def as_csv(rows: QuerySet[Act]) -> Iterator[str]:
    writer = csv.writer(Echo(), quoting=csv.QUOTE_ALL)
    yield "\ufeff"
    yield writer.writerow(["id", "at", "actor", "verb", "subject", "detail"])
    for one in rows.iterator(chunk_size=2_000):
        line = [
            one.id,
            one.at.isoformat(),
            one.actor,
            one.verb,
            one.subject,
            words.plain(one.detail),
        ]
        yield writer.writerow([cell(value) for value in line])


class BrokenChain(Refusal):
    """The audit log is not as it was sealed."""

    code = "broken_chain"


@admin.register(Act, site=site)
class AuditLog(Room):
    """Reading the log is part of every duty; taking it out of the house is itself an act in it."""

    group = Group.EVIDENCE
    name = gettext_lazy("Audit log")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        officer = entry.on_duty(request, self.duties)
        form = SearchForm(request.POST or request.GET)
        asked = form.cleaned_data if form.is_valid() else {}
        rows = list(found(asked)[: PAGE + 1]) if form.is_valid() else []
        older = rows[PAGE - 1].id if len(rows) > PAGE else None
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "room": self,
            "title": self.name,
            "officer": officer,
            "form": form,
            "rows": [(one, words.plain(one.detail)) for one in rows[:PAGE]],
            "older": older,
            "joined": traces.joined(asked["trace"]) if asked.get("trace") else None,
            "heads": [(log.name, audit.head(log=log)) for log in (audit.AUDIT, LEDGER, SETTLEMENTS)],
            "may_recompute": officer.has(Duty.AUDIT),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "officers/audit.html", context)

    def title_of(self, row: Act) -> str:
        return f"{row.actor} · {row.verb}"

    def page(self, *, row: Act, officer: Officer, now: datetime) -> dict[str, Any]:
        seal = Seal.objects.filter(log=audit.AUDIT.name, to_xact__gt=row.xact).order_by("to_xact").first()
        return {
            "lines": [
                Line(_("Number"), row.id),
                Line(_("When"), shown.instant(row.at)),
                Line(_("Actor"), row.actor),
                Line(_("Verb"), row.verb),
                Line(_("Subject"), row.subject),
                *(Line(name, words.plain(value)) for name, value in row.detail.items()),
                Line(_("Trace"), traces.link(row.trace)),
                Line(_("Sealed"), bytes(seal.hash).hex() if seal else _("not yet")),
            ]
        }

    @act(form=SearchForm, on_row=False)
    def export(
        self,
        request: HttpRequest,
        *,
        form: dict[str, Any],
        officer: Officer,
        now: datetime,
    ) -> StreamingHttpResponse:
        asked = {name: str(value) for name, value in form.items() if value}
        audit.record(actor=officer.actor, verb="export", subject="audit", now=now, asked=asked)
        response = StreamingHttpResponse(as_csv(found(form)[:EXPORT_AT_MOST]), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="audit-{now:%Y%m%d-%H%M%S}.csv"'
        return response

    @act(form=SearchForm, on_row=False)
    def prove(
        self, request: HttpRequest, *, form: dict[str, Any], officer: Officer, now: datetime
    ) -> StreamingHttpResponse:
        """The same with the links of the chain, for whoever trusts neither the fund nor its paper."""
        asked = {name: str(value) for name, value in form.items() if value}
        audit.record(actor=officer.actor, verb="export", subject="audit", now=now, asked=asked, proof=True)
        lines = (f"{json.dumps(one, ensure_ascii=False)}\n" for one in audit.evidence(acts=_newest(form)))
        response = StreamingHttpResponse(lines, content_type="application/jsonl; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="audit-{now:%Y%m%d-%H%M%S}.jsonl"'
        return response

    @act(duty=Duty.AUDIT, on_row=False)
    def recompute(self, request: HttpRequest, *, officer: Officer, now: datetime) -> str:
        """Recompute the audit chain from its rows. Raises Refusal naming the first row that differs."""
        check = audit.prove(log=audit.AUDIT)
        audit.record(
            actor=officer.actor,
            verb="recompute",
            subject="audit",
            now=now,
            rows=check.rows,
            differences=check.differences,
        )
        if not check.clean:
            raise BrokenChain(
                _("The chain does not hold: %(first)s") % {"first": check.first},
                first=check.first,
            )
        return _("The chain holds over %(rows)s rows.") % {"rows": shown.whole(check.rows)}
