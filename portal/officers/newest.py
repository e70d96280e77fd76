"""Lists that may grow without bounds: the newest rows first, and from there on by key, never by count or offset."""

from typing import Any

from django.contrib.admin.views.main import ChangeList
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from portal.officers.room import Room

BEFORE = "before"


class NewestFirst(ChangeList):
    """A page of the rows before a key. ``older`` is the key from which the next page goes on, None on the last."""

    older: Any

    def __init__(self, request: HttpRequest, *args: Any, **named: Any) -> None:
        self.before = request.GET.get(BEFORE, "")
        super().__init__(request, *args, **named)

    def get_filters_params(self, params: Any = None) -> Any:
        found = super().get_filters_params(params)
        found.pop(BEFORE, None)
        return found

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        for params in (self.params, self.filter_params):
            params.pop(BEFORE, None)  # a filter begins at the newest again
        rows = super().get_queryset(request, exclude_parameters)
        if not self.before:
            return rows
        try:
            return rows.filter(pk__lt=self.model._meta.pk.to_python(self.before))
        except ValidationError:
            return rows.none()

    def get_results(self, request: HttpRequest) -> None:
        rows = list(self.queryset[: self.list_per_page + 1])
        self.result_list = rows[: self.list_per_page]
        self.older = self.result_list[-1].pk if len(rows) > self.list_per_page else None
        self.result_count = len(self.result_list)
        self.full_result_count = None
        self.show_full_result_count = self.show_admin_actions = self.can_show_all = self.multi_page = False
        self.paginator = self.model_admin.get_paginator(request, self.queryset, self.list_per_page)


class Endless(Room):
    """A room over such a list. Its columns are not sorted, and it has no filter that few rows would pass."""

    is_endless = True
    ordering = ("-pk",)
    sortable_by = ()

    def get_changelist(self, request: HttpRequest, **named: Any) -> type[ChangeList]:
        return NewestFirst
