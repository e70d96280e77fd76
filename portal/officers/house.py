"""The house itself: the notes on their way out, and the officers in office."""

from datetime import datetime

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance.officers import Duty, Officer
from fund.governance.outbox import Note
from portal.officers.room import Group, Queue, Room
from portal.officers.site import site


@admin.register(Note, site=site)
class Notes(Room):
    """The outbox: what has happened and whether the news went out."""

    duties = frozenset({Duty.ADMINISTRATION, Duty.AUDIT})
    group = Group.HOUSE
    list_display = ("topic", "subject", "left_at", "relayed_at")
    list_filter = (("relayed_at", admin.EmptyFieldListFilter),)
    search_fields = ("=topic", "=subject")
    search_help_text = gettext_lazy("A whole topic or a whole subject")
    ordering = ("-id",)
    page_fields = ("id", "topic", "subject", "payload", "left_at", "relayed_at")

    def queues(self, *, officer: Officer, now: datetime) -> list[Queue]:
        rows = Note.objects.filter(relayed_at=None)
        return [
            self.waiting(
                _("Notes not yet sent on"),
                rows,
                "left_at",
                query="?relayed_at__isempty=1",
            )
        ]


@admin.register(Officer, site=site)
class OfficersList(Room):
    """Who is in office. The ministry’s number of the person is for administration and audit."""

    duties = frozenset({Duty.ADMINISTRATION, Duty.AUDIT})
    group = Group.HOUSE
    list_display = ("name", "nation", "duty_names", "in_office_from", "in_office_until")
    list_filter = ("nation",)
    ordering = ("nation", "id")
    page_fields = (
        "name_en",
        "name_ja",
        "nation",
        "person",
        "duty_names",
        "in_office_from",
        "in_office_until",
    )

    @admin.display(description=gettext_lazy("name"), ordering="name_en")
    def name(self, row: Officer) -> str:
        return f"{row.name_en} · {row.name_ja}"

    @admin.display(description=gettext_lazy("duties"))
    def duty_names(self, row: Officer) -> str:
        return ", ".join(str(Duty(duty).label) for duty in row.duties)
