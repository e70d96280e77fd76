"""Who is asking the database: everybody's keeper (a worker, an officer, a sum), or one citizen.

On behalf of a citizen the role is ``kakehashi_citizen``, which sees rows of that citizen alone (``portal.walls``). The
words that say so are good for one transaction, so they work behind pgbouncer, and they travel with what is sent anyway.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache
from typing import Any

_account: ContextVar[Any] = ContextVar("account", default=None)


@contextmanager
def for_a_while() -> Iterator[None]:
    """Whoever is named inside the block is forgotten at its end."""
    before = _account.set(_account.get())
    try:
        yield
    finally:
        _account.reset(before)


def ask_for(account: Any) -> None:
    """From now on everything is asked on behalf of this account, to the end of the block that surrounds us."""
    _account.set(account)


def words() -> str:
    """SQL that tells the database who is asking; empty for the keeper.

    Investor and holder are told as soon as the account's investor was read, which the account itself suffices for.
    """
    account = _account.get()
    if account is None:
        return ""
    investor = account._state.fields_cache.get("investor")
    if investor is None:
        return _words(account.id, None, None)
    return _words(account.id, investor.id, investor.holder_id)


@lru_cache(maxsize=16)
def _words(account: int, investor: int | None, holder: int | None) -> str:
    return (
        f"SET LOCAL ROLE kakehashi_citizen; SET LOCAL kakehashi.account = '{int(account)}'; "
        f"SET LOCAL kakehashi.investor = '{_number(investor)}'; "
        f"SET LOCAL kakehashi.holder = '{_number(holder)}'"
    )


def _number(key: int | None) -> str:
    return "" if key is None else str(int(key))
