"""Words of the officers' pages: instants of both nations, names of both languages, values in plain."""

from datetime import datetime
from typing import Any, NamedTuple

from django import template
from django.conf import settings
from django.utils.translation import get_language

from portal.officers import shown, words

register = template.Library()


class Language(NamedTuple):
    code: str
    name: str


NAMES = {"en": "English", "ja": "日本語"}


@register.simple_tag
def other_language() -> Language:
    """The language that the page is not in."""
    code = next(code for code, _name in settings.LANGUAGES if code != get_language())
    return Language(code, NAMES[code])


@register.simple_tag
def bilingual(english: str, japanese: str) -> str:
    """The one of two columns that is in the page's language."""
    return japanese if get_language() == "ja" else english


@register.simple_tag
def instant(value: datetime) -> str:
    return shown.instant(value)


@register.simple_tag
def setting(value: Any) -> str:
    return words.setting(value)


@register.simple_tag(name="hex")
def as_hex(value: bytes) -> str:
    return bytes(value).hex()
