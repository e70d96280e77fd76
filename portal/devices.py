"""The devices from which an account has signed in, so that its owner hears of the first sign-in from another one.

A browser keeps a random mark for a year; an app is known by how it names itself. Only a keyed fingerprint is stored.
"""

import re
import secrets
from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from fund import envelope

YEAR = 365 * 24 * 3600  # seconds
BROWSERS = {"Edg": "Edge", "OPR": "Opera", "Firefox|FxiOS": "Firefox", "Chrome|CriOS": "Chrome", "Safari": "Safari"}
SYSTEMS = ["iPhone", "iPad", "Android", "Windows", "Macintosh", "Linux"]


class Device(models.Model):
    """One account has signed in from one device."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="devices")
    fingerprint = models.BinaryField(max_length=32)
    first_at = models.DateTimeField()

    app_may: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "fingerprint"], name="device_once_an_account")]

    def __str__(self) -> str:
        return f"device {self.pk} of user {self.user_id}"


def is_new(*, user_id: int, mark: str, now: datetime) -> bool:
    """Remember a device; True when the account has signed in before, but never from this one."""
    others = Device.objects.filter(user_id=user_id).exists()
    fingerprint = envelope.blind_index(f"{user_id} {mark}", purpose="device")
    _device, created = Device.objects.get_or_create(
        user_id=user_id, fingerprint=fingerprint, defaults={"first_at": now}
    )
    return created and others


def mark_of(request: HttpRequest) -> str | None:
    """The mark that a browser has kept."""
    mark = request.COOKIES.get(cookie_name(), "")
    return mark if re.fullmatch(r"[\w-]{32}", mark) else None


def leave_mark(response: HttpResponseBase) -> str:
    """Give a browser a new mark to keep."""
    mark = secrets.token_urlsafe(24)
    response.set_cookie(cookie_name(), mark, max_age=YEAR, secure=settings.HTTPS, httponly=True, samesite="Lax")
    return mark


def cookie_name() -> str:
    return "__Host-device" if settings.HTTPS else "device"


def name_of(user_agent: str) -> str:
    """A browser and its system as people call them; what calls itself otherwise is shown as it is."""
    browser = next((name for sign, name in BROWSERS.items() if re.search(f"({sign})/", user_agent)), "")
    system = next((name for name in SYSTEMS if name in user_agent), "").replace("Macintosh", "Mac")
    return " · ".join(filter(None, (browser, system))) if browser else user_agent[:60]
