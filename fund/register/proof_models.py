"""What is committed of the holdings at a NAV: the root of the tree over all holders of a class (D50)."""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.db.models.lookups import Exact
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.nav.models import Nav
from fund.units import UnitClass


class HoldingRoot(AppendOnly):
    """The commitment to everybody's units of a class at the end of a NAV's day. A corrected NAV has one of its own.

    ``total_units`` smallest units are those that the NAV priced; ``holders`` is how many leaves there are.
    """

    id = models.BigAutoField(primary_key=True)
    nav = models.ForeignKey(Nav, on_delete=models.PROTECT, related_name="holding_roots")
    unit_class = models.ForeignKey(UnitClass, on_delete=models.PROTECT, related_name="+")
    root = models.BinaryField()
    total_units = models.BigIntegerField()
    holders = models.BigIntegerField()
    committed_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now(), editable=False)

    class Meta(AppendOnly.Meta):
        verbose_name = _("proof of holding")
        verbose_name_plural = _("proofs of holding")
        constraints = [
            models.UniqueConstraint(fields=["nav", "unit_class"], name="holding_root_one_a_class"),
            models.CheckConstraint(name="holding_root_of_somebody", condition=Q(total_units__gt=0, holders__gt=0)),
            models.CheckConstraint(
                name="holding_root_is_a_sha256",
                condition=Exact(models.Func("root", function="length", output_field=models.IntegerField()), 32),
            ),
        ]
        triggers = [
            *AppendOnly.Meta.triggers,
            pgtrigger.Trigger(
                name="of_a_published_nav",
                when=pgtrigger.Before,
                operation=pgtrigger.Insert,
                func="""
                PERFORM FROM fund_nav n JOIN fund_classnav c ON c.nav_id = n.id
                  WHERE n.id = NEW.nav_id AND n.state = 'published'
                    AND c.unit_class_id = NEW.unit_class_id AND c.units = NEW.total_units;
                IF NOT FOUND THEN
                    RAISE EXCEPTION 'the units of the holders are not those of a published NAV'
                        USING ERRCODE = 'check_violation';
                END IF;
                RETURN NEW;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.unit_class_id} {self.nav}"

    @property
    def root_hex(self) -> str:
        return bytes(self.root).hex()


class HoldingBlock(AppendOnly):
    """A piece of a committed tree, from which one holder's proof is made without hashing all the others again.

    ``node`` is the hash and the units of the whole piece, ``first`` the hash of its first leaf; ``rows`` are units and
    holder of each leaf in their order (``tree.Block``). No salts: they are made from a key that is not in the database.
    """

    pk = models.CompositePrimaryKey("holding_root_id", "number")
    holding_root = models.ForeignKey(HoldingRoot, on_delete=models.PROTECT, related_name="blocks")
    number = models.PositiveIntegerField()
    first = models.BinaryField()
    node = models.BinaryField()
    rows = models.BinaryField()

    class Meta(AppendOnly.Meta):
        pass

    def __str__(self) -> str:
        return f"{self.holding_root_id}/{self.number}"
