"""What a person reads after a change of how the account is entered: a text of its own for each, in both languages."""

import re

import pytest
from django.utils import timezone, translation

from fund.governance.outbox import leave
from portal.accounts import User
from portal.notices import mail
from portal.notices.models import Message
from portal.notices.send import send

CHANGES = [
    "recovery_opened",
    "recovery_reproved",
    "recovery_approved",
    "recovery_refused",
    "recovery_stopped",
    "recovery_used",
    "government_id_connected",
    "government_id_disconnected",
    "webhook_registered",
    "webhook_removed",
    "webhook_disabled",
]


def written(change: str, language: str, **facts: str) -> str:
    now = timezone.now()
    user, _new = User.objects.get_or_create(email=f"{language}@example.org", defaults={"language": language})
    note = leave(topic="security.changed", subject="test", now=now, user=user.pk, change=change, **facts)
    assert send(note=note, now=now) == 1
    letter = mail.write(Message.objects.select_related("user").get(note_id=note.pk))
    return f"{letter.subject}\n{letter.body}"


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "ja"])
def test_each_change_has_its_own_words(language):
    texts = [written(change, language) for change in CHANGES]
    assert len({text.partition("\n")[0] for text in [*texts, written("something else", language)]}) == len(CHANGES) + 1
    for text in texts:
        assert not re.search(r"https?:|www\.|</|%\(|\{\{|None", text), text
        if language == "ja":
            assert not re.search(r"[A-Za-z]+ [a-z]+ [a-z]+", text), text


@pytest.mark.django_db
def test_the_case_number_is_mailed_when_the_case_opens():
    for language in ("en", "ja"):
        assert "ABCDEFGH2345" in written("recovery_opened", language, number="ABCDEFGH2345")
    with translation.override("en"):
        assert Message.objects.latest("pk").title == "Somebody asked to recover your account"
