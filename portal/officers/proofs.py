"""Proofs of holding: what was committed of each class at each NAV, beside the register and the ledger (D49, D50)."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from fund.governance import audit
from fund.governance.officers import Duty, Officer
from fund.ledger import balances
from fund.refusal import Refusal
from fund.register import capital, proof
from fund.register.proof_models import HoldingRoot
from portal.officers import shown
from portal.officers.room import Group, Line, Room, act, column, titled
from portal.officers.site import site


class AnotherRoot(Refusal):
    """The ledger does not give what was committed."""

    code = "another_root"


@admin.register(HoldingRoot, site=site)
class Proofs(Room):
    """Every officer may look; that the ledger gives the same root again is itself an act in the log."""

    group = Group.EVIDENCE
    name = gettext_lazy("Proofs of holding")
    list_display = (
        column("day", gettext_lazy("Day"), lambda row: shown.day(row.nav.valuation_day)),
        column("version", gettext_lazy("Version"), lambda row: row.nav.version),
        column("unit_class", gettext_lazy("Class"), lambda row: row.unit_class_id),
        column("total", gettext_lazy("Units"), lambda row: shown.units(row.total_units, row.unit_class)),
        column("holders", gettext_lazy("Holders"), lambda row: shown.whole(row.holders)),
        column("root", gettext_lazy("Root"), lambda row: f"{row.root_hex[:16]}…"),
    )
    list_filter = (("unit_class", titled(gettext_lazy("class"), admin.RelatedFieldListFilter)),)
    list_select_related = ("nav", "unit_class")
    ordering = ("-nav__valuation_day", "-nav__version", "unit_class")
    page_template = "officers/proof.html"

    def title_of(self, row: HoldingRoot) -> str:
        return _("Proof of holding %(class)s, %(day)s, version %(version)s") % {
            "class": row.unit_class_id, "day": shown.day(row.nav.valuation_day), "version": row.nav.version,
        }  # fmt: skip

    def page(self, *, row: HoldingRoot, officer: Officer, now: datetime) -> dict[str, Any]:
        at = capital.end_of(row.nav.valuation_day)
        issued = balances.balance_at(f"issued:{row.unit_class_id}", effective=at)
        register = sum(one.units for one in capital.table(at=at).rows if one.unit_class == row.unit_class)
        return {
            "lines": [
                Line(_("Root"), row.root_hex),
                Line(_("Holders"), shown.whole(row.holders)),
                Line(_("Units committed to"), shown.units(row.total_units, row.unit_class)),
                Line(_("Units in the register at the end of the day"), *_beside(register, row)),
                Line(_("Units issued in the ledger by the end of the day"), *_beside(-issued, row)),
                Line(_("Committed"), shown.instant(row.committed_at)),
            ],
            "may_recompute": officer.has(Duty.AUDIT),
        }

    @act(duty=Duty.AUDIT)
    def recompute(self, request: HttpRequest, *, row: HoldingRoot, officer: Officer, now: datetime) -> str:
        """Hash every holding again from the movements of the ledger. Raises AnotherRoot."""
        found = proof.recompute(row)
        same = (found.root, found.units, found.holders) == (bytes(row.root), row.total_units, row.holders)
        audit.record(actor=officer.actor, verb="recompute", subject=f"proof:{row}", now=now, same=same)
        if not same:
            raise AnotherRoot(_("The ledger gives another root: %(root)s") % {"root": found.root.hex()})
        return _("The ledger gives the same root over %(holders)s holders.") % {"holders": shown.whole(found.holders)}


def _beside(units: int, row: HoldingRoot) -> tuple[str, str]:
    """A figure that should be that of the commitment. What was recorded later for that day makes it differ rightly."""
    same = units == row.total_units
    note = _("equal") if same else _("differs: something was recorded for that day after it was valued")
    return shown.units(units, row.unit_class), note
