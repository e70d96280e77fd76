"""No mail leads anywhere: a false mail cannot look like one of ours by its link (JSDA, FSA)."""

import re
from pathlib import Path

import allauth
import pytest
from django.conf import settings
from django.template.loader import get_template

OURS = Path(settings.BASE_DIR) / "portal/templates"
THEIRS = Path(allauth.__file__).parent / "templates"
# Every text that can be mailed: ours, and the library's where we have none of our own.
NAMES = sorted(
    {
        str(path.relative_to(folder))
        for folder in (OURS, THEIRS)
        for path in folder.rglob("*.txt")
        if "messages" not in path.parts  # on pages
    }
)
UNSENT = "account/email/password_reset_key_message.txt"  # a password is reset by a code
LINK = re.compile(r"https?:|www\.|<a\b|\{%\s*url\b|\w*_url\b|absolute_uri|domain\b", re.IGNORECASE)


def led_to(template: str) -> list[str]:
    """What of a template is, or could become, a link."""
    said = re.sub(r"\{#.*?#\}|\{% comment.*?\{% endcomment %\}", "", template, flags=re.DOTALL)
    return LINK.findall(said)


def test_all_mails_are_looked_at() -> None:
    assert {"notices/mail.txt", "account/email/password_reset_code_message.txt"} <= set(NAMES)
    assert len(NAMES) > 50


def test_a_password_is_reset_by_a_code() -> None:
    assert settings.ACCOUNT_PASSWORD_RESET_BY_CODE_ENABLED and settings.ACCOUNT_EMAIL_VERIFICATION_BY_CODE_ENABLED
    assert not settings.ACCOUNT_LOGIN_BY_CODE_ENABLED


@pytest.mark.parametrize("name", [name for name in NAMES if name != UNSENT])
def test_a_mail_has_no_link(name: str) -> None:
    assert led_to(get_template(name).template.source) == []  # type: ignore[attr-defined]


def test_the_look_sees_a_link() -> None:
    for bad in ("{% url 'account' %}", "https://fund.example", "{{ password_reset_url }}", '<a href="x">', "www.x.jp"):
        assert led_to(bad), bad
