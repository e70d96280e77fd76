"""The thread that joins a request, the tasks that follow from it, and what all of them write.

A trace is a random 128-bit id (W3C Trace Context). It says nothing of anybody; acts and notes keep it, with the
transaction that wrote them, by which the entries of the ledger that the same transaction made are found.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from uuid import UUID, uuid4

_CURRENT: ContextVar[UUID | None] = ContextVar("kakehashi_trace", default=None)


def current() -> UUID | None:
    """The trace of what is being done now, None outside of any."""
    return _CURRENT.get()


@contextmanager
def following(trace: UUID | None = None) -> Iterator[UUID]:
    """What is done inside belongs to this trace; without one, to a new one."""
    one = trace or uuid4()
    token = _CURRENT.set(one)
    try:
        yield one
    finally:
        _CURRENT.reset(token)
