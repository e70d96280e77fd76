"""Holders: whoever owns units, without a name where the holder is a citizen."""

from datetime import datetime

from django.db import connection, models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from fund.refusal import Refusal


class Nation(models.TextChoices):
    """The two nations of the fund, ISO 3166-1 alpha-2."""

    US = "US", _("United States")
    JP = "JP", _("Japan")


class Holder(models.Model):
    """A co-owner, a limited partner or a citizen (D1). Public names only: a citizen's name stays in reception.

    ``estate_since``: the case of the deceased holder's estate was opened (D32); from then on nothing is ordered,
    redeemed or given in this name. ``estate_settled_at``: what there was has gone to the heirs.
    """

    class Kind(models.TextChoices):
        SOVEREIGN = "sovereign", _("co-owner")
        LIMITED_PARTNER = "limited_partner", _("limited partner")
        CITIZEN = "citizen", _("citizen")

    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=16, choices=Kind)
    nation = models.CharField(max_length=2, choices=Nation)
    name_en = models.CharField(max_length=120, blank=True)
    name_ja = models.CharField(max_length=120, blank=True)
    registered_at = models.DateTimeField()
    estate_since = models.DateTimeField(null=True)
    estate_settled_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="holder_kind", condition=Q(kind__in=["sovereign", "limited_partner", "citizen"])
            ),
            models.CheckConstraint(name="holder_nation", condition=Q(nation__in=["US", "JP"])),
            models.CheckConstraint(
                name="holder_citizens_have_no_name_here",
                condition=Q(kind="citizen", name_en="", name_ja="")
                | (~Q(kind="citizen") & ~Q(name_en="") & ~Q(name_ja="")),
            ),
            models.UniqueConstraint(
                fields=["nation"], condition=Q(kind="sovereign"), name="holder_one_co_owner_a_nation"
            ),
        ]

    def __str__(self) -> str:
        return self.name_en or f"holder {self.pk}"


class InEstate(Refusal):
    """The holder has died: nothing is ordered, redeemed or given in this name any more."""

    code = "in_estate"


def check_alive(*, holder_id: int) -> None:
    """Raises InEstate. Until the transaction ends no estate of this holder is opened."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT estate_since FROM fund_holder WHERE id = %s FOR SHARE", [holder_id])
        row = cursor.fetchone()
    if row and row[0] is not None:
        raise InEstate(_("The case of an estate is open for this account. Nothing can leave it. Please write to us."))


def register(*, kind: Holder.Kind, nation: Nation, now: datetime, name_en: str = "", name_ja: str = "") -> Holder:
    """Open a holder. A citizen has no name here; a co-owner or partner has one in both languages."""
    return Holder.objects.create(kind=kind, nation=nation, name_en=name_en, name_ja=name_ja, registered_at=now)
