"""What the rooms say in codes, in words for people; and data that is kept in both languages."""

from datetime import datetime
from typing import Any

from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext_lazy as _

from fund.holders import Holder, Nation
from fund.refusal import Refusal
from portal.templatetags import figures

PRICE_RULES = {
    "fixed": _("Fixed in advance"),
    "forward": _("The price of the dealing day, which is published after the close; nobody knows it when ordering"),
}
ROUNDING_RULES = {
    "units_down_remainder_to_fund": _(
        "Units are rounded down to the smallest unit. What is left is worth less than one smallest unit"
        " and stays in the fund."
    ),
}
ORDER_STATES = {
    "placed": _("Waiting for your payment"),
    "funded": _("Paid"),
    "withdrawn": _("Withdrawn"),
    "lapsed": _("Lapsed: not paid in time"),
    "allotted": _("Allotted in full"),
    "part_allotted": _("Allotted in part"),
    "unallotted": _("Not allotted"),
    "settled": _("Settled"),
}
OFFERING_STATES = {
    "announced": _("Announced"),
    "open": _("Open"),
    "closed": _("Closed"),
    "allotted": _("Allotted"),
    "settled": _("Settled"),
    "cancelled": _("Cancelled"),
}
OWNERS = (
    (Holder.Kind.SOVEREIGN, Nation.US, _("US Treasury")),
    (Holder.Kind.SOVEREIGN, Nation.JP, _("Ministry of Finance, Japan")),
    (Holder.Kind.LIMITED_PARTNER, None, _("Limited partners")),
    (Holder.Kind.CITIZEN, Nation.US, _("Citizens of the United States")),
    (Holder.Kind.CITIZEN, Nation.JP, _("Citizens of Japan")),
)
RANGES = {"6m": _("6 months"), "1y": _("1 year"), "3y": _("3 years"), "all": _("Whole time")}
NO_RETURN = {
    "no_solution": _("There is none: these payments have no rate of return."),
    "ambiguous": _("There is none: these payments have more than one rate of return."),
}
FIRST_PRICE = _("First price")
PAID_IN = _("paid in")
AT_COST = _("at cost")
CITIZENS_OF = {"US": _("Citizens of the United States"), "JP": _("Citizens of Japan")}

STATES_JA = {
    "AL": "アラバマ", "AK": "アラスカ", "AZ": "アリゾナ", "AR": "アーカンソー",
    "CA": "カリフォルニア", "CO": "コロラド", "CT": "コネチカット", "DE": "デラウェア",
    "FL": "フロリダ", "GA": "ジョージア", "HI": "ハワイ", "ID": "アイダホ",
    "IL": "イリノイ", "IN": "インディアナ", "IA": "アイオワ", "KS": "カンザス",
    "KY": "ケンタッキー", "LA": "ルイジアナ", "ME": "メイン", "MD": "メリーランド",
    "MA": "マサチューセッツ", "MI": "ミシガン", "MN": "ミネソタ", "MS": "ミシシッピ",
    "MO": "ミズーリ", "MT": "モンタナ", "NE": "ネブラスカ", "NV": "ネバダ",
    "NH": "ニューハンプシャー", "NJ": "ニュージャージー", "NM": "ニューメキシコ", "NY": "ニューヨーク",
    "NC": "ノースカロライナ", "ND": "ノースダコタ", "OH": "オハイオ", "OK": "オクラホマ",
    "OR": "オレゴン", "PA": "ペンシルベニア", "RI": "ロードアイランド", "SC": "サウスカロライナ",
    "SD": "サウスダコタ", "TN": "テネシー", "TX": "テキサス", "UT": "ユタ",
    "VT": "バーモント", "VA": "バージニア", "WA": "ワシントン", "WV": "ウェストバージニア",
    "WI": "ウィスコンシン", "WY": "ワイオミング",
}  # fmt: skip


def owner(kind: str, nation: str | None) -> str:
    """One of ``OWNERS`` by its kind and nation."""
    return next(str(name) for of, where, name in OWNERS if of == kind and where in (None, nation))


def language() -> str:
    """``ja`` or ``en``, as the columns that are kept in both are named."""
    return "ja" if (get_language() or "en").startswith("ja") else "en"


def of(one: Any, field: str) -> str:
    """``of(offering, "name")``: the column of the reader's language."""
    return str(getattr(one, f"{field}_{language()}"))


def state(code: str, names: dict[str, str]) -> str:
    """A US state by its letters, from ``names`` in English."""
    if language() == "ja":
        return f"{STATES_JA[code]}州" if code in STATES_JA else "ワシントンD.C." if code == "DC" else code
    return names.get(code, code)


def countdown(until: datetime, now: datetime) -> str:
    """The time until an instant in its two largest units, "9 days 4 hours"; empty when it has passed."""
    minutes = int((until - now).total_seconds()) // 60
    if minutes < 0:
        return ""
    days, hours = minutes // 1440, minutes // 60
    parts = [
        ngettext("%(count)s day", "%(count)s days", days) % {"count": days},
        ngettext("%(count)s hour", "%(count)s hours", hours % 24) % {"count": hours % 24},
        ngettext("%(count)s minute", "%(count)s minutes", minutes % 60) % {"count": minutes % 60},
    ]
    said = parts[:2] if days else parts[1:] if hours else parts[2:]
    return ("" if language() == "ja" else " ").join(said)


def refusal(refused: Refusal) -> str:
    """A refusal's sentence; where it names an amount, the amount is written as the reader writes it."""
    return refused.worded(figures.money)
