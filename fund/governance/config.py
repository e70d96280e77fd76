"""Dated settings: figures of law and policy that officers change under two keys, never constants in code.

Each key is declared here with its meaning and the default that ships with the system. A row overrides the default from
its day on; rows are never edited, a new one supersedes.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from django.db import connection, models, transaction
from django.utils.translation import gettext_lazy as _

from fund.append_only import AppendOnly
from fund.governance import approval
from fund.governance.officers import Officer


@dataclass(frozen=True)
class Declared:
    """What a setting means and the value it ships with (JSON; amounts in minor units, ratios as strings).

    ``sound`` judges a value whose type alone does not say that it can be used.
    """

    meaning: Any
    default: Any
    sound: Callable[[Any], bool] = lambda value: True


def stress_cases(value: Any) -> bool:
    """Each case has a code of its own and whole percents, none below a total loss; the yen does not vanish."""
    names = {"code": str, "assets_percent": int, "yen_percent": int}
    return all(
        isinstance(case, dict)
        and case.keys() == names.keys()
        and all(type(case[name]) is kind for name, kind in names.items())
        and case["code"]
        and -100 <= case["assets_percent"] <= 100
        and -100 < case["yen_percent"] <= 100
        for case in value
    ) and len({case["code"] for case in value}) == len(value)


def percentage(value: Any) -> bool:
    """A plain decimal from 0 to 100."""
    return bool(PERCENTAGE.fullmatch(value)) and 0 <= Decimal(value) <= 100


def positive_percentage(value: Any) -> bool:
    """The same, and more than nothing."""
    return percentage(value) and Decimal(value) > 0


def authorities(value: Any) -> bool:
    """For each class of units the nations whose authorities withhold, each once."""
    return value.keys() == {"SOV", "LP", "US", "JP"} and all(
        isinstance(nations, list) and len(nations) == len(set(nations)) and set(nations) <= {"US", "JP"}
        for nations in value.values()
    )


def remittance_rules(value: Any) -> bool:
    """For each authority a day of the next month, or banking days after a quarter of a month (``remittance``)."""
    return value.keys() == {"us_945", "us_1042", "jp_national", "jp_local"} and all(map(_remittance, value.values()))


def _remittance(rule: Any) -> bool:
    for period, name, most in (("month", "day", 28), ("quarter_month", "banking_days", 10)):
        if isinstance(rule, dict) and rule.keys() == {"period", name} and rule["period"] == period:
            return type(rule[name]) is int and 1 <= rule[name] <= most
    return False


def by_nation(value: Any) -> bool:
    """A text for each nation."""
    return value.keys() == {"US", "JP"} and all(isinstance(one, str) for one in value.values())


PERCENTAGE = re.compile(r"[0-9]{1,3}(\.[0-9]{1,6})?", re.ASCII)
DECLARED: dict[str, Declared] = {
    "age.adult": Declared(
        _("Age of majority by nation and US state"), {"JP": 18, "US": 18, "US-AL": 19, "US-NE": 19, "US-MS": 21}
    ),
    "residence.accepted": Declared(_("Countries of residence that are accepted"), ["US", "JP"]),
    "reverification.months": Declared(_("Months until an approved citizen is verified again"), 24),
    "reverification.notice_days": Declared(_("Days before its end in which a verification is asked for again"), 60),
    "review.hold_hours": Declared(_("Hours for which an application stays with the officer who took it"), 24),
    "appeal.days": Declared(_("Days in which a refusal can be appealed"), 60),
    "document.register_days": Declared(_("Days for which a certificate of the family register is recent"), 90),
    "deletion.days": Declared(
        _("Days after which personal data of a refused application, and the numbers of an abandoned one, are deleted"),
        {"refused": 180, "abandoned": 365},
    ),
    "deletion.former_holder_years": Declared(
        _("Years after which the identity numbers of somebody who holds nothing any more are deleted"), 7
    ),
    "deletion.transfer_years": Declared(
        _("Years after which the documents of a transfer between citizens that was carried out are deleted"), 10
    ),
    "transfer.deed_required": Declared(
        _("Nations whose citizens give units by a signed document alone"),
        ["JP"],
        sound=lambda nations: set(nations) <= {"US", "JP"} and len(nations) == len(set(nations)),
    ),
    "transfer.heirs_over_the_cap": Declared(
        _("Whether an heir may hold more than one citizen can hold otherwise"), False
    ),
    "suitability.mismatch": Declared(
        _("Whether a mismatch can be acknowledged or is refused, by question"),
        {
            "purpose": "acknowledge",
            "horizon": "acknowledge",
            "loss_capacity": "acknowledge",
            "experience": "acknowledge",
        },
    ),
    "payments.two_keys_above": Declared(
        _("Suspense money above which its way out needs both keys, in minor units"),
        {"USD": 1_000_000, "JPY": 1_500_000},
    ),
    "payments.ach_return_days": Declared(_("Days in which a collected payment can be called back"), 60),
    "cap.citizen": Declared(_("Holding cap of one citizen, in minor units"), {"USD": 10_000_000, "JPY": 15_000_000}),
    "bank_change.hold_hours": Declared(_("Hours until payouts go to a changed bank account"), 72),
    "recovery.open_days": Declared(_("Days in which the recovery of an account is decided"), 30),
    "recovery.use_days": Declared(_("Days in which an approved recovery is used"), 7),
    "recovery.hold_hours": Declared(
        _("Hours after the recovery of an account in which nobody changes where its money goes"), 72
    ),
    "payment.statement_hours": Declared(
        _("Hours after the payment deadline until unpaid orders lapse, for the banks' statements to arrive"), 24
    ),
    "outage.longer_than_minutes": Declared(_("Minutes that an outage must exceed to extend an offering"), 15),
    "outage.window_hours": Declared(_("Hours before a cut-off in which an outage extends it"), 24),
    "outage.rounding_minutes": Declared(_("Minutes to whose next multiple an extension is rounded up"), 60),
    "office.emergency_hours": Declared(
        _("Hours for which an officer has duties of an emergency"), 8, sound=lambda hours: 1 <= hours <= 24
    ),
    "leverage.limit": Declared(_("Limit of gross assets to net asset value"), "2.50"),
    "leverage.stress_cases": Declared(
        _("Stress cases: change of all assets and of the yen against the dollar, in percent"),
        [
            {"code": "assets-10", "assets_percent": -10, "yen_percent": 0},
            {"code": "assets-20", "assets_percent": -20, "yen_percent": 0},
            {"code": "assets-30", "assets_percent": -30, "yen_percent": 0},
            {"code": "yen+10", "assets_percent": 0, "yen_percent": 10},
            {"code": "yen-10", "assets_percent": 0, "yen_percent": -10},
        ],
        sound=stress_cases,
    ),
    "co_owners.equal": Declared(_("Whether both co-owners must hold the same number of units"), True),
    "valuation.max_age_days": Declared(_("Days after which a mark is stale"), 95),
    "expense.max_age_days": Declared(_("Days after which an operating expense is awaited again"), 95),
    "nav.tolerance_percent": Declared(_("Price move that needs a recorded reason, in percent"), "5"),
    "nav.correction_percent": Declared(_("Pricing error above which orders are compensated, in percent"), "0.5"),
    "withholding.authorities": Declared(
        _("Nations whose authorities withhold on the distributions of a class; none: it is paid gross"),
        {"SOV": [], "LP": [], "US": ["US"], "JP": ["JP"]},
        sound=authorities,
    ),
    "withholding.us_backup": Declared(_("US backup withholding, in percent"), "24", sound=percentage),
    "withholding.us_treaty": Declared(_("US withholding by treaty with a W-8BEN, in percent"), "10", sound=percentage),
    "withholding.us_foreign": Declared(_("US withholding without a treaty claim, in percent"), "30", sound=percentage),
    "withholding.jp_national": Declared(_("Japanese income tax withheld, in percent"), "15.315", sound=percentage),
    "withholding.jp_local": Declared(_("Japanese local tax withheld, in percent"), "5", sound=percentage),
    "withholding.remittance": Declared(
        _("By when withheld taxes are remitted, by authority"),
        {
            "us_945": {"period": "month", "day": 15},
            "us_1042": {"period": "quarter_month", "banking_days": 3},
            "jp_national": {"period": "month", "day": 10},
            "jp_local": {"period": "month", "day": 10},
        },
        sound=remittance_rules,
    ),
    "tax.pfic": Declared(_("Whether the fund is a passive foreign investment company to US persons"), True),
    "tax.qualified_percent": Declared(
        _("Part of ordinary dividends that is qualified, in percent; none of a passive foreign investment company’s"),
        "0",
        sound=percentage,
    ),
    "tax.payer": Declared(
        _("The fund as a payer: its taxpayer number by nation, empty until one is issued"),
        {"US": "", "JP": ""},
        sound=by_nation,
    ),
    "redemption.cap": Declared(
        _("Net assets of a class that a redemption window redeems at most, in percent"), "5", sound=positive_percentage
    ),
    "redemption.charge": Declared(
        _("Charge on units that are redeemed within a year, in percent"), "1", sound=percentage
    ),
    "redemption.notice_days": Declared(
        _("Days from the close of a redemption window to its dealing day, at least"), 10, sound=lambda days: days >= 1
    ),
    "fee.management_bps": Declared(_("Management fee in basis points of net asset value a year"), 20),
}


class Setting(AppendOnly):
    """A value of one key from one instant on."""

    id = models.BigAutoField(primary_key=True)
    key = models.CharField(max_length=60)
    value = models.JSONField()
    effective_from = models.DateTimeField()
    proposal = models.ForeignKey(approval.Proposal, on_delete=models.PROTECT, related_name="+")

    class Meta(AppendOnly.Meta):
        constraints = [models.UniqueConstraint(fields=["key", "effective_from"], name="setting_one_a_key_and_instant")]
        triggers = [
            *AppendOnly.Meta.triggers,
            approval.two_keys_trigger(
                approval.Kind.CONFIG, subject="NEW.key", facts="jsonb_build_object('key', NEW.key, 'value', NEW.value)"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.key} from {self.effective_from:%Y-%m-%d}"


# The value of a key that is in force at an instant, as text.
IN_FORCE = """
    SELECT value::text AS value FROM fund_setting
     WHERE key = %(key)s AND effective_from <= %(at)s
     ORDER BY effective_from DESC LIMIT 1
"""


def get(key: str, *, at: datetime) -> Any:
    """The value in force at an instant. Raises KeyError for a key that is not declared."""
    with connection.cursor() as cursor:
        cursor.execute(IN_FORCE, {"key": key, "at": at})
        row = cursor.fetchone()
    return read(key, row and row[0])


def read(key: str, value: str | None) -> Any:
    """What ``IN_FORCE`` has found, else the default. Raises KeyError for a key that is not declared."""
    default = DECLARED[key].default
    return default if value is None else json.loads(value)


def steps(key: str) -> list[tuple[datetime | None, Any]]:
    """Every value a key has had or will have, with the instant it is in force from; first the default, from ever.

    Raises KeyError for a key that is not declared.
    """
    rows = Setting.objects.filter(key=key).order_by("effective_from").values_list("effective_from", "value")
    return [(None, DECLARED[key].default), *rows]


def propose(
    *, key: str, value: Any, effective_from: datetime, officer: Officer, now: datetime, reason: str
) -> approval.Proposal:
    """Put a change up for approval. Raises Refused when it would change the past or the key is not declared."""
    if key not in DECLARED:
        raise approval.Refused(_("There is no such setting."))
    if effective_from < now:
        raise approval.Refused(_("A setting cannot change in the past."))
    if type(value) is not type(DECLARED[key].default) or not DECLARED[key].sound(value):
        raise approval.Refused(_("The value does not have the form of this setting."))
    payload = {"key": key, "value": value, "effective_from": effective_from.astimezone(UTC).isoformat()}
    return approval.propose(
        kind=approval.Kind.CONFIG, subject=key, payload=payload, officer=officer, now=now, reason=reason
    )


@transaction.atomic
def carry_out(*, proposal: approval.Proposal, now: datetime) -> Setting | None:
    """Carry out an approved change; None when it was carried out before. The database refuses it without two keys."""
    if not approval.carry_out(proposal=proposal, now=now):
        return None
    facts = proposal.facts
    return Setting.objects.create(
        key=facts["key"],
        value=facts["value"],
        effective_from=datetime.fromisoformat(facts["effective_from"]),
        proposal=proposal,
    )
