"""Answers that are kept, so that a request which is sent again has one effect (decision 2).

An answer may tell a name, an account or what somebody wrote, so its body is sealed.
"""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from fund import envelope


class KeptAnswer(models.Model):
    """The first answer to one key of one account for one operation, written in the transaction of its effect."""

    id = models.BigAutoField(primary_key=True)
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    operation = models.CharField(max_length=40)
    key = models.CharField(max_length=128)
    request_digest = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    location = models.CharField(max_length=200, blank=True)
    sealed = envelope.SealedColumn(row="key")
    created_at = models.DateTimeField(db_default=Now(), editable=False)

    app_may: ClassVar[tuple[str, ...]] = ("SELECT", "INSERT", "DELETE")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "operation", "key"], name="kept_answer_one_a_key")]
        indexes = [models.Index(fields=["created_at"], name="kept_answer_age")]

    def __str__(self) -> str:
        return f"{self.operation} {self.pk}"

    @property
    def body(self) -> bytes:
        """The JSON that was answered."""
        return envelope.unseal(bytes(self.sealed), **PLACE, row=self.key)


PLACE = {"table": KeptAnswer._meta.db_table, "column": "sealed"}


def sealed(*, body: str, key: str) -> bytes:
    """A body as ``KeptAnswer.sealed`` keeps it for a key."""
    return envelope.seal(body.encode(), **PLACE, row=key)
