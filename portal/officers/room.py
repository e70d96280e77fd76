"""The shape of every room: read-only pages of one table, and buttons that post an act to the fund's own verb."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, NamedTuple, Protocol, cast

from django.contrib import admin, messages
from django.contrib.admin.utils import quote, unquote
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db import models
from django.db.models import QuerySet
from django.forms import Form
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from fund.governance.approval import Proposal
from fund.governance.officers import Duty, Officer
from fund.refusal import Refusal
from portal import step_up
from portal.officers import entry

COUNT_AT_MOST = 1_000
NEXT = 10  # of what is coming, on the desk


class Group(models.TextChoices):
    """The navigation: the rooms by the kind of work, in this order."""

    KEYS = "keys", gettext_lazy("Two keys")
    CITIZENS = "citizens", gettext_lazy("Citizens")
    DEALING = "dealing", gettext_lazy("Dealing")
    PORTFOLIO = "portfolio", gettext_lazy("Portfolio")
    PRICES = "prices", gettext_lazy("Valuation")
    PAYMENTS = "payments", gettext_lazy("Payments")
    EVIDENCE = "evidence", gettext_lazy("Evidence")
    HOUSE = "house", gettext_lazy("Operations")


class Column(Protocol):
    """One value of a row under a translated label, in lists and on pages."""

    short_description: Any

    def __call__(self, row: Any) -> Any: ...


def column(name: str, label: Any, show: Callable[[Any], Any] | None = None, *, ordered: bool = False) -> Column:
    """The value ``show`` makes of a row, or the attribute ``name`` itself."""

    def value(row: Any) -> Any:
        return show(row) if show is not None else getattr(row, name)

    value.__name__ = name
    shown = admin.display(description=label, ordering=name if ordered else None)(value)
    return cast(Column, shown)


def titled(label: Any, base: type[admin.FieldListFilter] = admin.ChoicesFieldListFilter) -> type[admin.FieldListFilter]:
    """A list filter under a translated title."""

    class Titled(base):  # type: ignore[misc, valid-type]
        def __init__(self, *args: Any, **named: Any) -> None:
            super().__init__(*args, **named)
            self.title = label

    return Titled


class ShortPaginator(Paginator):  # type: ignore[type-arg]
    """Counts no further than a thousand rows: who wants more searches. Big tables are never counted whole."""

    @cached_property
    def count(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]
        return len(rows.order_by().values_list("pk")[:COUNT_AT_MOST])


class Line(NamedTuple):
    """One line of a page: what it is, and the value as it is shown."""

    label: Any
    value: Any
    note: Any = ""


@dataclass(frozen=True)
class Queue:
    """Work that waits on the desk: how many (counted to a thousand), the oldest since when, and where it is."""

    title: Any
    count: int
    oldest: datetime | None
    url: str


class Coming(NamedTuple):
    """Something that will happen by the clock, and where it is."""

    at: datetime
    what: Any
    url: str


class Figure(NamedTuple):
    """A key figure of the desk."""

    label: Any
    value: str
    note: Any = ""


@dataclass(frozen=True)
class Act:
    """What a button needs: the duty, and whether a fresh sign-in. ``form`` checks what was typed."""

    duty: Duty | None
    fresh: bool
    form: Callable[..., Form] | None
    on_row: bool


def act(
    *,
    duty: Duty | None = None,
    fresh: bool = False,
    form: Callable[..., Form] | None = None,
    on_row: bool = True,
) -> Callable[..., Any]:
    """Mark a method as an act: it gets ``row`` (on a row), ``form`` (with a form), ``officer`` and ``now``, and returns
    the sentence that says what happened, or a response of its own.
    """

    def mark(method: Callable[..., Any]) -> Callable[..., Any]:
        method.act = Act(duty, fresh, form, on_row)  # type: ignore[attr-defined]
        return method

    return mark


def proposed(request: HttpRequest, proposal: Proposal) -> HttpResponseRedirect:
    """After an act that was put up for both keys: the page of its proposal."""
    messages.success(request, _("It is proposed with your key. The other nation’s key is still missing."))
    return redirect("admin:fund_proposal_change", proposal.pk)


class Room(admin.ModelAdmin):  # type: ignore[type-arg]
    """A table's pages. ``duties``: who may look (empty: every officer in office). Nothing is ever edited here."""

    duties: ClassVar[frozenset[Duty]] = frozenset()
    group: ClassVar[Group]
    name: ClassVar[Any]
    change_list_template = "officers/list.html"
    page_template: ClassVar[str] = "officers/row.html"
    page_columns: ClassVar[tuple[Column, ...]] = ()
    is_endless: ClassVar[bool] = False  # paged by key, see ``newest``
    paginator = ShortPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    actions = None

    # ── who may look ──────────────────────────────────────────────────────────────────────────────────────────────
    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        officer = entry.officer_of(request)
        return officer is not None and (not self.duties or any(officer.has(duty) for duty in self.duties))

    has_module_permission = has_view_permission

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    # ── addresses ─────────────────────────────────────────────────────────────────────────────────────────────────
    def get_urls(self) -> list[URLPattern]:
        """The list, one page a row, and one address per act; no others."""
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        door = self.admin_site.admin_view
        acts = [
            path(
                f"<path:object_id>/{act_name}/" if rule.on_row else f"{act_name}/",
                door(require_POST(self._performing(act_name, rule))),
                name=f"{name}_{act_name}",
            )
            for act_name, rule in self.acts().items()
        ]
        return [
            path("", door(require_safe(self.changelist_view)), name=f"{name}_changelist"),
            *acts,
            path(
                "<path:object_id>/",
                door(require_safe(self.page_view)),
                name=f"{name}_change",
            ),
        ]

    @classmethod
    def acts(cls) -> dict[str, Act]:
        found = ((name, getattr(getattr(cls, name), "act", None)) for name in dir(cls) if not name.startswith("_"))
        return {name: rule for name, rule in found if isinstance(rule, Act)}

    def address(self, name: str = "changelist", *args: Any) -> str:
        return reverse(
            f"admin:{self.opts.app_label}_{self.opts.model_name}_{name}",
            args=[quote(arg) for arg in args],
        )

    # ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────
    def row(self, request: HttpRequest, object_id: str) -> Any:
        """The row an address names. Raises Http404."""
        key = unquote(object_id)
        found = None if "\0" in key else self.get_object(request, key)  # PostgreSQL has no texts with NUL
        if found is None:
            raise Http404
        return found

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        officer = entry.on_duty(request, self.duties)
        return super().changelist_view(request, {**self._about_list(request, officer), **(extra_context or {})})

    def _about_list(self, request: HttpRequest, officer: Officer) -> dict[str, Any]:
        return {
            "title": self.name,
            "room": self,
            "officer": officer,
            **self.beside_list(officer=officer, now=timezone.now()),
        }

    def beside_list(self, *, officer: Officer, now: datetime) -> dict[str, Any]:
        """What the list's template shows beside the list: forms of acts, above all."""
        return {}

    def page_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        officer = entry.on_duty(request, self.duties)
        return self.shown(request, self.row(request, object_id), officer)

    def shown(self, request: HttpRequest, row: Any, officer: Officer, **more: Any) -> HttpResponse:
        """The page of one row."""
        now = timezone.now()
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "room": self,
            "row": row,
            "title": self.title_of(row),
            "officer": officer,
            "now": now,
            **self.page(row=row, officer=officer, now=now),
            **more,
        }
        return TemplateResponse(request, self.page_template, context)

    def title_of(self, row: Any) -> Any:
        return str(row)

    def page(self, *, row: Any, officer: Officer, now: datetime) -> dict[str, Any]:
        """What the page's template shows; by default the columns named in ``page_columns``."""
        return {"lines": [Line(column.short_description, column(row)) for column in self.page_columns]}

    # ── acts ──────────────────────────────────────────────────────────────────────────────────────────────────────
    def _performing(self, name: str, rule: Act) -> Callable[..., HttpResponseBase]:
        def perform(request: HttpRequest, object_id: str | None = None) -> HttpResponseBase:
            officer = entry.on_duty(request, self.duties)
            if rule.duty is not None and not officer.has(rule.duty):
                raise PermissionDenied
            row = self.row(request, object_id) if object_id is not None else None
            if rule.fresh and (question := step_up.ask(request)):
                return question
            return self._perform(request, name, rule, row, officer)

        return perform

    def _perform(self, request: HttpRequest, name: str, rule: Act, row: Any, officer: Officer) -> HttpResponseBase:
        given: dict[str, Any] = {"officer": officer, "now": timezone.now()}
        if rule.on_row:
            given["row"] = row
        if rule.form is not None:
            form = rule.form(request.POST, request.FILES)
            if not form.is_valid():
                return self.typed_wrong(request, name, row, officer, form)
            given["form"] = form.cleaned_data
        try:
            said = getattr(self, name)(request, **given)
        except Refusal as refusal:
            messages.error(request, refusal.message)
        except ValidationError as wrong:
            messages.error(request, " ".join(wrong.messages))
        else:
            if isinstance(said, HttpResponseBase):
                return said
            messages.success(request, said)
        return self.back(row)

    def typed_wrong(self, request: HttpRequest, name: str, row: Any, officer: Officer, form: Form) -> HttpResponse:
        """The page again, with what was typed and what is wrong with it, under the act's name."""
        messages.error(request, _("Nothing was done. Check what you entered."))
        if row is None:
            response = super().changelist_view(request, {**self._about_list(request, officer), f"{name}_form": form})
        else:
            response = self.shown(request, row, officer, **{f"{name}_form": form})
        response.status_code = 422
        return response

    def back(self, row: Any) -> HttpResponseRedirect:
        return redirect(self.address("change", row.pk) if row is not None else self.address())

    # ── the desk ──────────────────────────────────────────────────────────────────────────────────────────────────
    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        """What waits here for this officer."""
        return []

    def figures(self, *, now: datetime) -> list[Figure]:
        """Key figures for the desk."""
        return []

    def coming(self, *, now: datetime) -> list[Coming]:
        """What happens here next, by the clock."""
        return []

    def waiting(self, title: Any, rows: QuerySet[Any], since: str, *, query: str = "") -> Queue:
        """A queue over rows that an index finds, counted to a thousand."""
        times = list(rows.order_by(since).values_list(since, flat=True)[:COUNT_AT_MOST])
        return Queue(title, len(times), times[0] if times else None, self.address() + query)
