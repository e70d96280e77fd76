"""Template tags about the page itself: where the reader is, the same page in the other language, form fields."""

from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect, Select, Textarea
from django.http import HttpRequest
from django.template import Context
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from portal import devices

register = template.Library()


@register.simple_tag(takes_context=True)
def current(context: Context, address: str, *, exact: bool = False) -> SafeString | str:
    """The attribute that marks a link of the navigation as the page, or a page above the one, that is shown."""
    request: HttpRequest | None = context.get("request")
    path = request.path if request else ""
    here = path == address or (not exact and path.startswith(address.rstrip("/") + "/"))
    return format_html(' aria-current="{}"', "page" if path == address else "true") if here else ""


@register.inclusion_tag("base/field.html")
def field(bound: BoundField, *, hint: str = "") -> dict[str, Any]:
    """A field with its label, hint and errors, drawn as USWDS draws it."""
    widget = bound.field.widget
    kind = "input"
    css = "usa-input"
    match widget:
        case RadioSelect() | CheckboxSelectMultiple():
            kind, css = "choices", ""
        case CheckboxInput():
            kind, css = "check", ""
        case Select():
            css = "usa-select"
        case Textarea():
            css = "usa-textarea"
    described = [bound.auto_id + "-hint"] if (hint or bound.help_text) else []
    check_at = getattr(bound.field, "check_at", "")
    described += [bound.auto_id + "-error"] if bound.errors or check_at else []
    attrs: dict[str, Any] = {"class": f"{css} usa-input--error" if css and bound.errors else css} if css else {}
    if described:
        attrs["aria-describedby"] = " ".join(described)
    if bound.errors:
        attrs["aria-invalid"] = "true"
    if check_at:  # as it is typed, where there is JavaScript; the whole step is checked when it is saved
        attrs |= {
            "hx-post": check_at,
            "hx-trigger": "change, keyup changed delay:700ms",
            "hx-include": "closest form",
            "hx-target": f"#{bound.auto_id}-error",
        }
    return {
        "bound": bound,
        "kind": "hidden" if widget.is_hidden else kind,
        "control": bound.as_widget(attrs=attrs),
        "hint": hint or bound.help_text,
        "optional": getattr(bound.field, "optional", not bound.field.required),
    }


@register.filter
def device(user_agent: str) -> str:
    """A browser and its system as people call them."""
    return devices.name_of(user_agent)


def other_languages(request: HttpRequest) -> dict[str, list[dict[str, str]]]:
    """Context processor: the address of this very page in each other language."""
    _, _, rest = request.path.lstrip("/").partition("/")
    here = request.path.lstrip("/").partition("/")[0]
    tail = rest if here in dict(settings.LANGUAGES) else ""
    query = f"?{request.GET.urlencode()}" if request.method in {"GET", "HEAD"} and request.GET else ""
    return {
        "other_languages": [
            {"code": code, "name": NAMES[code], "path": f"/{code}/{tail}{query}"}
            for code, _name in settings.LANGUAGES
            if code != (here if here in NAMES else get_language())
        ]
    }


# Each language is named in itself, so that its reader can find it.
NAMES = {"en": "English", "ja": "日本語"}
