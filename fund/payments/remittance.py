"""Withheld taxes on their way to who they are withheld for (D46): how much of which, and by when.

What was withheld stands on an account of the ledger. A period's taxes are due by a dated rule, the setting
``withholding.remittance``: on a day of the next month, or some banking days after a quarter of a month, which ends on
the 7th, 15th, 22nd and last day. A payout run takes everything that was withheld up to the end of the last period that
is over and is not remitted yet: what a correction took back lowers it, what a bank returned is in it again. A day on
which the nation's banks are closed is moved to the next banking day (D22).

Japan: the 10th of the next month (所得税法181条, 地方税法71条の31; 国税通則法10条2項 for closed days).
United States: Form 945 (backup withholding) by month, Form 1042 by quarter of a month (Treas. Reg. §§31.6302-4,
1.6302-2).
"""

from calendar import monthrange
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db import connection, models
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.governance import config
from fund.holders import Nation
from fund.ledger import balances
from fund.money import Currency, Money


class Authority(models.TextChoices):
    """For whom taxes are withheld, as they are remitted apart."""

    US_945 = "us_945", _("IRS, Form 945 (backup withholding)")
    US_1042 = "us_1042", _("IRS, Form 1042 (foreign persons)")
    JP_NATIONAL = "jp_national", _("Japan, income tax")
    JP_LOCAL = "jp_local", _("Japan, local taxes")


NATION = {
    Authority.US_945: Nation.US,
    Authority.US_1042: Nation.US,
    Authority.JP_NATIONAL: Nation.JP,
    Authority.JP_LOCAL: Nation.JP,
}
# The account of the ledger without its currency.
ACCOUNTS = {
    Authority.US_945.value: "withheld_us",
    Authority.US_1042.value: "withheld_us",
    Authority.JP_NATIONAL.value: "withheld_national",
    Authority.JP_LOCAL.value: "withheld_local",
}
# The same of a payout line, for statements.
ACCOUNT = "CASE l.authority " + " ".join(f"WHEN '{one}' THEN '{name}:'" for one, name in ACCOUNTS.items()) + " END"
QUARTERS = (7, 15, 22)  # the days of a month on which a quarter of it ends, besides the last

# Of one kind of tax: what was withheld since the end of the period that was remitted last, less what was taken back,
# and what banks have sent back since then of earlier remittances; and the first day of it.
OPEN = """
    WITH last AS (
        SELECT l.id, l.period_to, r.begun_at
          FROM fund_payoutline l JOIN fund_payoutrun r ON r.id = l.run_id AND r.currency = %(currency)s
         WHERE l.authority = %(authority)s AND l.state IN ('new', 'ready', 'pending', 'paid')
         ORDER BY l.id DESC LIMIT 1
    ), back AS (
        SELECT sum(l.amount) AS amount, min(l.period_to) AS first
          FROM fund_payoutline l JOIN fund_payoutrun r ON r.id = l.run_id AND r.currency = %(currency)s
          JOIN last ON l.id < last.id AND l.ended_at >= last.begun_at
         WHERE l.authority = %(authority)s AND l.state IN ('rejected', 'returned')
    ), withheld AS (
        SELECT sum(CASE WHEN e.reversal THEN -x.amount ELSE x.amount END) AS amount,
               min((b.effective_at AT TIME ZONE 'UTC')::date) FILTER (WHERE x.amount > 0) AS first
          FROM fund_settlementbatch b
          JOIN fund_unitclass c ON c.code = b.unit_class_id AND c.currency = %(currency)s
          JOIN fund_entitlement e ON e.batch_id = b.id
         CROSS JOIN LATERAL (SELECT {column} AS amount) x
         WHERE b.subject LIKE 'distribution:%%' AND b.effective_at < %(until)s
           AND b.effective_at >= coalesce((SELECT period_to + 1 FROM last), '2000-01-01')::timestamp AT TIME ZONE 'UTC'
    )
    SELECT (coalesce(w.amount, 0) + coalesce(b.amount, 0))::bigint, least(w.first, b.first) FROM withheld w, back b
"""
COLUMN = {
    Authority.US_945: "CASE e.us_basis WHEN 2 THEN e.us ELSE 0 END",
    Authority.US_1042: "CASE e.us_basis WHEN 2 THEN 0 ELSE e.us END",
    Authority.JP_NATIONAL: "e.national",
    Authority.JP_LOCAL: "e.local",
}


@dataclass(frozen=True)
class Due:
    """What is to be remitted to an authority for everything up to the end of a period, and by when."""

    authority: Authority
    to: date
    amount: Money
    due_on: date


def due(*, currency: Currency, now: datetime) -> list[Due]:
    """What is due of the periods that are over, by authority; nothing where nothing or less is left. Raises Unknown."""
    found = []
    for authority in Authority:
        rule = _rule(authority, now)
        to = last_end(rule, now.date())
        amount, first = _open(authority, currency, to)
        if amount > 0 and first is not None:
            due_first = next(_ends(rule, first))
            found.append(Due(authority, to, Money(amount, currency), due_on(authority, due_first, rule)))
    return found


def accruing(*, currency: Currency, now: datetime) -> dict[Authority, Money]:
    """What was withheld and not remitted up to now, of the period that runs as well.

    Less than nothing where corrections took back what is remitted already: it lowers what is due next.
    """
    return {one: Money(_open(one, currency, now.date())[0], currency) for one in Authority}


def _rule(authority: Authority, at: datetime) -> dict[str, Any]:
    rule: dict[str, Any] = config.get("withholding.remittance", at=at)[authority.value]
    return rule


def _open(authority: Authority, currency: Currency, to: date) -> tuple[int, date | None]:
    """What is to be remitted of everything up to the end of a day, and since when."""
    if not balances.total(f"{ACCOUNTS[authority]}:{currency}") and NATION[authority] == Nation.JP:
        return 0, None
    params = {"authority": authority.value, "currency": currency.value, "until": calendars.books_close(to)}
    with connection.cursor() as cursor:
        cursor.execute(OPEN.replace("{column}", COLUMN[authority]), params)
        amount, first = cursor.fetchone() or (0, None)
    return int(amount), first


def last_end(rule: dict[str, Any], today: date) -> date:
    """The end of the last period that is over."""
    month_before = today.replace(day=1) - timedelta(days=1)
    return max(end for start in (month_before.replace(day=1), today.replace(day=1))
               for end in _in_month(rule, start) if end < today)  # fmt: skip


def _ends(rule: dict[str, Any], since: date) -> Iterator[date]:
    """The ends of periods on a day or later."""
    month = since.replace(day=1)
    while True:
        yield from (end for end in _in_month(rule, month) if end >= since)
        month = (month + timedelta(days=31)).replace(day=1)


def _in_month(rule: dict[str, Any], month: date) -> list[date]:
    last = month.replace(day=monthrange(month.year, month.month)[1])
    quarters = [month.replace(day=day) for day in QUARTERS] if rule["period"] == "quarter_month" else []
    return [*quarters, last]


def due_on(authority: Authority, to: date, rule: dict[str, Any]) -> date:
    """The day on which a period's taxes are due; banks of the authority's nation are open on it. Raises Unknown."""
    nation = NATION[authority]
    if rule["period"] == "quarter_month":
        return calendars.nth_banking_day(nation, to, rule["banking_days"])
    day = (to + timedelta(days=1)).replace(day=rule["day"])
    return calendars.next_banking_day(nation, day - timedelta(days=1))
