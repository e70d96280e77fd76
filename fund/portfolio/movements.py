"""What every movement of the fund's own money has in common (D38, D40)."""

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _

from fund import calendars
from fund.ledger import post
from fund.ledger.models import Event
from fund.money import Currency
from fund.payments.models import BankAccount
from fund.refusal import Refusal

# Of what is not per holder, what is not the fund's own; its cash is the sum of its other accounts (``position``).
NOT_ITS_OWN = ("bank", "suspense", "returns", "distributions", "withheld_us", "withheld_national", "withheld_local")


class Refused(Refusal):
    """A movement or a mark of the portfolio is refused."""

    code = "portfolio"


def require_past(day: date, now: datetime) -> None:
    """Raises Refused for a day that has not begun."""
    if calendars.books_open(day) > now:
        raise Refused(_("This day is still to come."), code="day_to_come")


def require_bank(code: str, currency: Currency) -> None:
    """Raises Refused unless the fund has this bank account, in this currency."""
    account = BankAccount.objects.filter(pk=code).first()
    if account is None:
        raise Refused(_("The fund has no such bank account."), code="unknown_bank")
    if account.currency != currency:
        raise Refused(_("This bank account is in another currency."), code="wrong_currency")


def move(event: Event, event_id: UUID, lines: Sequence[post.Line], day: date) -> None:
    """Post one movement of the fund's own money on a day.

    Raises Refused when it would spend what is held for citizens or waits in suspense: that is not the fund's.
    """
    post.post(event=event, event_id=event_id, lines=lines, effective_at=calendars.books_open(day))
    for currency in Currency:
        if own_cash(currency) < 0:
            raise Refused(_("The fund does not have this money of its own."), code="over_cash", currency=currency)


def own_cash(currency: Currency) -> int:
    """The fund's own money in minor units, as ``position`` reads it, from the balances of this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT coalesce(sum(c.amount), 0)::bigint FROM fund_control c JOIN fund_account a ON a.id = c.account_id
             WHERE a.asset = %s AND split_part(a.code, ':', 1) <> ALL(%s)
            """,
            [currency.value, list(NOT_ITS_OWN)],
        )
        return int(cursor.fetchone()[0])
