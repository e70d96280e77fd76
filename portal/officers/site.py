"""The officers' site at ``/officers/``: who may enter, the desk, and the rooms in the order of the work."""

from typing import Any

from allauth.account.decorators import secure_admin_login
from django.contrib.admin import AdminSite
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, URLResolver, include, path
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.http import require_safe

from fund.holders import Nation
from portal.officers import desk, entry, shown
from portal.officers.room import Group, Room


class OfficersSite(AdminSite):
    """An officer in office enters, with a second factor; nobody else, whatever flags the account carries."""

    site_title = _("Kakehashi officers")
    site_header = _("Kakehashi officers")
    index_title = _("Desk")
    index_template = "officers/desk.html"
    enable_nav_sidebar = False

    def has_permission(self, request: HttpRequest) -> bool:
        return entry.officer_of(request) is not None

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Officers sign in where everybody does; who has signed in and is no officer is refused."""
        if request.user.is_authenticated:
            raise PermissionDenied
        return secure_admin_login(super().login)(request)

    def admin_view(self, view: Any, cacheable: bool = False) -> Any:
        """The gate before every page: an officer, in a session that is not over, with the second factor; then the page
        in the officer's time zone.
        """

        @never_cache
        @csrf_protect
        def gate(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            officer = entry.officer_of(request)
            if officer is None:
                return self.login(request)
            if answer := entry.session_over(request) or entry.second_factor_first(request):
                return answer
            if any("\0" in text for _name, texts in request.GET.lists() for text in texts):
                raise BadRequest  # PostgreSQL has no texts with NUL
            with timezone.override(shown.ZONES[Nation(officer.nation)]):
                response: HttpResponse = view(request, *args, **kwargs)
                return response.render() if isinstance(response, TemplateResponse) else response

        return gate

    def get_urls(self) -> list[URLPattern | URLResolver]:
        """The desk and the rooms; the admin's own sign-in, password form and lookups are not among them."""
        return [
            path("", self.admin_view(require_safe(self.index)), name="index"),
            *(
                path(f"{model._meta.app_label}/{model._meta.model_name}/", include(room.urls))
                for model, room in self._registry.items()
            ),
        ]

    def rooms(self, request: HttpRequest) -> list[Room]:
        """The rooms this officer may look into, in the order they were opened."""
        return [
            room for room in self._registry.values() if isinstance(room, Room) and room.has_view_permission(request)
        ]

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[dict[str, Any]]:
        """The rooms by their group, for the navigation."""
        rooms = self.rooms(request)
        links = {room: {"name": room.name, "admin_url": room.address(), "model": room.model} for room in rooms}
        return [
            {"name": group.label, "models": [link for room, link in links.items() if room.group == group]}
            for group in Group
            if any(room.group == group for room in rooms)
        ]

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        return {**super().each_context(request), "officer": entry.officer_of(request)}

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        officer = entry.on_duty(request, frozenset())
        laid_out = desk.lay_out(rooms=self.rooms(request), officer=officer, now=timezone.now())
        return super().index(request, {"desk": laid_out, **(extra_context or {})})


site = OfficersSite(name="admin")
