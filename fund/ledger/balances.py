"""What is on an account: now, or as of any instant (D39). A balance is credits − debits."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Case, F, Q, Sum, When
from django.db.models.functions import Coalesce

from fund.ledger.accounts import account
from fund.ledger.models import Card, Control, Leg, Phase, column

FINAL = Q(phase__in=[Phase.FINAL, Phase.POSTED])


def balance(code: str, *, holder_id: int | None = None) -> int:
    """The balance now, in minor or smallest units; 0 where nothing was ever posted."""
    one = account(code)
    if not one.per_holder:
        return Control.objects.get(pk=one.pk).amount
    return Card.objects.filter(pk=holder_id).values_list(column(code), flat=True).first() or 0


# A holder's smallest units by class, of the classes of which there are any.
UNITS = """
    SELECT substr(a.asset, 6) AS unit_class, b.amount
      FROM fund_account a JOIN fund_balance b ON b.account_id = a.id AND b.holder_id = %(holder)s
     WHERE a.per_holder AND a.asset LIKE 'unit:%%' AND b.amount <> 0
"""


def total(code: str) -> int:
    """The sum over all holders of a per-holder account now: all units of a class, all money held."""
    one = account(code)
    if not one.per_holder:
        return Control.objects.get(pk=one.pk).amount
    return int(Card.objects.aggregate(all=Coalesce(Sum(column(code)), 0))["all"])


def balance_at(
    code: str, *, effective: datetime, holder_id: int | None = None, recorded: datetime | None = None
) -> int:
    """The balance as of an instant, from the book: effective by then, and (if given) recorded by ``recorded``.

    Without ``holder_id`` it is the whole account, over all holders.
    """
    one = account(code)
    moved = Leg.objects.filter(FINAL, Q(debit=one) | Q(credit=one), effective_at__lte=effective)
    if holder_id is not None:
        moved = moved.filter(holder_id=holder_id)
    if recorded is not None:
        moved = moved.filter(recorded_at__lte=recorded)
    signed = Case(When(credit=one, then=F("amount")), default=-F("amount"))
    return int(moved.aggregate(sum=Coalesce(Sum(signed), 0))["sum"])


@dataclass(frozen=True)
class Books:
    """The balances of all accounts that are not per holder, by code, at one instant of effect.

    ``snapshot`` is the database's own name (``pg_snapshot``) of what had been recorded when they were read.
    """

    balances: dict[str, int]
    assets: dict[str, str]
    snapshot: str

    def __getitem__(self, code: str) -> int:
        return self.balances[code]

    def without(self, *names: str, asset: str) -> int:
        """The sum over the accounts of one asset, leaving out the given names (``bank`` for ``bank:<account>``)."""
        return sum(
            amount
            for code, amount in self.balances.items()
            if self.assets[code] == asset and code.partition(":")[0] not in names
        )


def books_before(instant: datetime) -> Books:
    """The fund's own accounts from the movements effective before an instant, all read by one statement.

    Balances now less what is effective later: the cost does not depend on the number of holders.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT a.code, a.asset, (b.amount - coalesce(l.amount, 0))::bigint, pg_current_snapshot()::text
              FROM fund_account a
              JOIN fund_control b ON b.account_id = a.id
              LEFT JOIN (SELECT s.account_id, sum(s.amount) AS amount
                           FROM fund_leg t,
                                LATERAL (VALUES (t.debit_id, -t.amount), (t.credit_id, t.amount)) s(account_id, amount)
                          WHERE t.effective_at >= %s AND t.phase IN (0, 2)
                          GROUP BY 1) l ON l.account_id = a.id
             WHERE NOT a.per_holder
            """,
            [instant],
        )
        rows = cursor.fetchall()
    balances = {code: amount for code, _, amount, _ in rows}
    return Books(balances, {code: asset for code, asset, _, _ in rows}, rows[0][3] if rows else "")
