"""The house itself: the notes on their way out, and the officers in office."""

from datetime import datetime

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance.officers import Duty, Officer
from fund.governance.outbox import Note
from portal.officers import shown, words
from portal.officers.room import Group, Queue, Room, column, titled
from portal.officers.site import site


@admin.register(Note, site=site)
class Notes(Room):
    """The outbox: what has happened and whether the news went out."""

    duties = frozenset({Duty.ADMINISTRATION, Duty.AUDIT})
    group = Group.HOUSE
    name = gettext_lazy("Outbox")
    list_display = (
        column("topic", gettext_lazy("Topic")),
        column("subject", gettext_lazy("Subject")),
        column("left_at", gettext_lazy("Noted"), lambda row: shown.moment(row.left_at)),
        column("relayed_at", gettext_lazy("Sent on"), lambda row: shown.moment(row.relayed_at)),
    )
    page_columns = (*list_display, column("payload", gettext_lazy("Payload"), lambda row: words.plain(row.payload)))
    list_filter = (("relayed_at", titled(gettext_lazy("sent on (empty: not yet)"), admin.EmptyFieldListFilter)),)
    search_fields = ("=topic", "=subject")
    search_help_text = gettext_lazy("A whole topic or a whole subject")
    ordering = ("-id",)

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
    """Who is and was in office. The ministry’s number of the person is for administration and audit."""

    duties = frozenset({Duty.ADMINISTRATION, Duty.AUDIT})
    group = Group.HOUSE
    name = gettext_lazy("Officers")
    list_display = (
        column("who", gettext_lazy("Name"), lambda row: f"{row.name_en} · {row.name_ja}"),
        column("nation", gettext_lazy("Nation"), lambda row: row.get_nation_display()),
        column("duties", gettext_lazy("Duties"), lambda row: ", ".join(str(Duty(one).label) for one in row.duties)),
        column("in_office_from", gettext_lazy("In office from"), lambda row: shown.moment(row.in_office_from)),
        column("in_office_until", gettext_lazy("In office until"), lambda row: shown.moment(row.in_office_until)),
    )
    page_columns = (*list_display, column("person", gettext_lazy("The ministry’s number of the person")))
    list_filter = (("nation", titled(gettext_lazy("nation"))),)
    ordering = ("nation", "id")
