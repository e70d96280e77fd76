"""The code by which one citizen names another as the recipient of a gift (D32).

Only who has a code can be named, and only by whoever was told it: it is drawn at random, says nothing of the person,
and a new one takes the place of the old. A wrong code answers as one of somebody who cannot receive units.
"""

import re
import secrets
from datetime import datetime

from django.db import IntegrityError, models, transaction
from django.utils.translation import gettext_lazy as _

from fund.governance import audit
from fund.refusal import Refusal
from investors.people import Investor
from investors.recovery import ALPHABET
from investors.screening.models import STANDING

LENGTH = 12  # characters, 60 bits
APART = re.compile(r"[\s-]+")


class NoSuchRecipient(Refusal):
    """There is nobody with this code who can receive units; which of the two is not said."""

    code = "no_such_recipient"


class RecipientCode(models.Model):
    """The code of one citizen."""

    investor = models.OneToOneField(Investor, primary_key=True, on_delete=models.PROTECT, related_name="recipient_code")
    code = models.CharField(max_length=LENGTH, unique=True)
    drawn_at = models.DateTimeField()

    def __str__(self) -> str:
        return "-".join(self.code[at : at + 4] for at in range(0, LENGTH, 4))


def of(investor: Investor) -> RecipientCode | None:
    return RecipientCode.objects.filter(pk=investor.pk).first()


def draw(*, investor: Investor, now: datetime) -> RecipientCode:
    """A new code for a citizen; the one before leads nowhere from now on. Gifts that were offered stand."""
    while True:
        code = "".join(secrets.choice(ALPHABET) for _place in range(LENGTH))
        try:
            with transaction.atomic():
                row, _new = RecipientCode.objects.update_or_create(
                    investor=investor, defaults={"code": code, "drawn_at": now}
                )
                audit.record(actor=investor.actor, verb="draw", subject=f"recipient_code:{investor.pk}", now=now)
                return row
        except IntegrityError:  # somebody has this very code
            continue


def find(*, code: str, now: datetime) -> Investor:
    """Who has a code and can receive units; to be asked for the house. Raises NoSuchRecipient."""
    plain = APART.sub("", code).upper()
    row = RecipientCode.objects.select_related("investor__holder").filter(code=plain).first()
    if row is None or not can_receive(row.investor, now):
        raise NoSuchRecipient(_("There is nobody with this code who can receive units at this time."))
    return row.investor


def can_receive(investor: Investor, now: datetime) -> bool:
    """Approved and verified, no hit of the sanctions lists open, and alive."""
    holder = investor.holder
    return (
        holder is not None
        and holder.estate_since is None
        and investor.may_invest(now)
        and not investor.hits.filter(state__in=STANDING).exists()
    )
