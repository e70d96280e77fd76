"""The inbox: what each person has been told. The text is made when it is read, from the topic and a few facts."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.template.loader import render_to_string


class Message(models.Model):
    """One person was told of one note. ``facts`` are references, codes and figures, never a name or an identity number.

    ``mail_due_at``: when the e-mail is to be sent, empty once it was (``mailed_at``) or where there is none.
    """

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="inbox")
    note_id = models.BigIntegerField()
    topic = models.CharField(max_length=60)
    facts = models.JSONField(default=dict)
    created_at = models.DateTimeField()
    read_at = models.DateTimeField(null=True)
    mail_due_at = models.DateTimeField(null=True)
    mailed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["note_id", "user"], name="message_once_a_note")]
        indexes = [
            models.Index(fields=["user", "-id"], name="message_inbox"),
            models.Index(fields=["mail_due_at"], condition=~Q(mail_due_at=None), name="message_mail_due"),
        ]

    def __str__(self) -> str:
        return f"{self.topic} to user {self.user_id}"

    @property
    def title(self) -> str:
        """One line in the language of the moment."""
        return self._written().partition("\n")[0].strip()

    @property
    def text(self) -> str:
        """The paragraphs below the title, in the language of the moment."""
        return self._written().partition("\n")[2].strip()

    def _written(self) -> str:
        facts: dict[str, Any] = self.facts
        return render_to_string(f"notices/{self.topic}.txt", {"facts": facts}).strip()
