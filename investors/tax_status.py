"""The hand-over to the vault (D12, D46): for some holders, how they are taxed, from the forms that they signed.

Told right before they are paid, in the same transaction, so that a form signed this morning counts and one that lapsed
yesterday does not. The vault learns no number and no name.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection

from fund.holders import Nation
from investors.people import Investor
from investors.tax_forms import Form, TaxForm

# The newest of the two forms decides whether somebody is a US person; the certification of a W-9 counts unless the IRS
# has asked for backup withholding. Where no form says where somebody lives, the nation does.
TELL = """
    INSERT INTO fund_taxstatus AS t (holder_id, us_person, certified, treaty_until, residence, told_at)
    SELECT i.holder_id, coalesce(f.form = 'w9', 'US' = ANY(i.nations)),
           coalesce(f.form = 'w9' AND NOT f.backup_withholding, false),
           CASE WHEN f.form = 'w8ben' AND f.treaty_claim THEN f.lapses_on END,
           coalesce(nullif(f.residence, ''), h.nation), %(now)s
      FROM investors_investor i
      JOIN fund_holder h ON h.id = i.holder_id
      LEFT JOIN LATERAL (SELECT * FROM investors_taxform x
                          WHERE x.investor_id = i.id AND x.form IN ('w9', 'w8ben') AND x.signed_at <= %(now)s
                          ORDER BY x.signed_at DESC, x.id DESC LIMIT 1) f ON true
     WHERE {whose}
     ORDER BY i.holder_id
        ON CONFLICT (holder_id) DO UPDATE
       SET (us_person, certified, treaty_until, residence, told_at)
           = (EXCLUDED.us_person, EXCLUDED.certified, EXCLUDED.treaty_until, EXCLUDED.residence, EXCLUDED.told_at)
     WHERE (t.us_person, t.certified, t.treaty_until, t.residence)
           IS DISTINCT FROM (EXCLUDED.us_person, EXCLUDED.certified, EXCLUDED.treaty_until, EXCLUDED.residence)
"""


def tell(*, first: int, last: int, now: datetime) -> int:
    """Tell the tax status of the citizens among these holders; returns for how many it is new or another."""
    return _tell("i.holder_id BETWEEN %(first)s AND %(last)s", {"first": first, "last": last, "now": now})


def tell_of(*, holders: Sequence[int], now: datetime) -> int:
    """The same of these holders alone, who are few of their range."""
    return _tell("i.holder_id = ANY(%(holders)s)", {"holders": list(holders), "now": now})


def _tell(whose: str, params: dict[str, Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(TELL.format(whose=whose), params)
        return int(cursor.rowcount)


def is_backup_withheld(*, investor: Investor, now: datetime) -> bool:
    """Whether ``tell`` would tell of a US person without a certified number at this moment (D46)."""
    signed = TaxForm.objects.filter(investor=investor, form__in=[Form.W9, Form.W8BEN], signed_at__lte=now)
    form = signed.order_by("-signed_at", "-pk").first()
    if form is None:
        return Nation.US in investor.nations
    return form.form == Form.W9 and form.backup_withholding
