"""Work for all processors: pieces of it in forked processes, whose results come back in shared memory.

``multiprocessing`` starts no process in a Celery worker, which is one of a pool itself. A piece only computes: the
connection to the database, which it inherits, is not its own.
"""

import os
import traceback
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from mmap import mmap
from signal import SIGKILL

Work = tuple[Callable[[], bytes], int]


class Failed(Exception):
    """A piece did not come to its end. Why was printed, unless it was killed."""


class Piece:
    """A piece of work in a process of its own, begun at once."""

    def __init__(self, compute: Callable[[], bytes], size: int) -> None:
        self.memory = mmap(-1, size)
        self.process = os.fork()
        if self.process == 0:
            failed = True
            try:
                self.memory[:] = compute()
                failed = False
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(failed)

    def result(self) -> mmap:
        """Wait for it. Raises Failed."""
        _process, status = os.waitpid(self.process, 0)
        self.process = 0
        if status:
            raise Failed(f"a piece of work ended with status {status}")
        return self.memory

    def stop(self) -> None:
        if self.process:
            os.kill(self.process, SIGKILL)
            os.waitpid(self.process, 0)


def share(whole: int, *, least: int) -> int:
    """How much of a whole each processor does, so that none has less than what is worth a process."""
    return max(least, -(-whole // _processors()))


def _processors() -> int:
    return os.process_cpu_count() or 1


def each(works: Iterable[Work]) -> Iterator[bytes | mmap]:
    """What each of some works computes, in their order. With a work comes the size of its result in bytes, not 0.

    As many run at a time as there are processors, while the next is taken from ``works``. The last, and so one alone,
    is done in this process. Raises Failed.
    """
    running: deque[Piece] = deque()
    last: Work | None = None
    try:
        for work in works:
            if last is not None:
                if len(running) == _processors():
                    yield running.popleft().result()
                running.append(Piece(*last))
            last = work
        own = last and last[0]()
        while running:
            yield running.popleft().result()
        if own is not None:
            yield own
    finally:
        for piece in running:
            piece.stop()
