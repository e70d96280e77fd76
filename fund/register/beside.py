"""Work for all processors: forked processes take numbers out of a pipe, and leave what they find in shared memory.

``multiprocessing`` starts no process in a Celery worker, which is one of a pool itself. The work only computes: the
connection to the database, which a forked process inherits, is not its own.
"""

import os
import traceback
from collections.abc import Callable, Iterable
from io import FileIO
from mmap import mmap
from signal import SIGKILL

Work = Callable[[int], object]

NUMBER = 8  # bytes: so few go into a pipe and out of it whole, whoever else writes and reads


class Failed(Exception):
    """A process did not come to its end. Why was printed, unless it was killed."""


def memory(size: int) -> mmap:
    """So many zero bytes, at least one, which this process shares with those that are forked from it later."""
    return mmap(-1, size)


def processes(whole: int, *, least: int) -> int:
    """How many work on a whole, so that none has less than what is worth a process."""
    return max(1, min(os.process_cpu_count() or 1, whole // least))


def each(work: Work, numbers: Iterable[int], *, processes: int) -> None:
    """Do the work of each number, in this process and others beside it. Raises Failed.

    The others begin with the first numbers while this one still takes the next from ``numbers``. Whoever is free does
    the next, so that nobody waits for one that is slower.
    """
    queue = _Queue()
    helpers: list[_Helper] = []
    try:
        for _ in range(processes - 1):
            helpers.append(_Helper(queue, work))
        for number in numbers:
            if not queue.put(number):  # more are waiting than the others can do for now
                work(number)
        queue.work_off(work)
        for helper in helpers:
            helper.join()
    finally:
        queue.close()
        for helper in helpers:
            helper.stop()


class _Queue:
    """Numbers on their way to whoever is free."""

    def __init__(self) -> None:
        leaving, entering = os.pipe()
        os.set_blocking(entering, False)
        self.leaving, self.entering = FileIO(leaving), FileIO(entering, "w")

    def put(self, number: int) -> bool:
        """Whether there was room for it."""
        return self.entering.write(number.to_bytes(NUMBER)) is not None

    def work_off(self, work: Work) -> None:
        """Put nothing more in; do what is left, and what others put in until they are done with it, or dead."""
        self.entering.close()
        while number := self.leaving.read(NUMBER):
            work(int.from_bytes(number))

    def close(self) -> None:
        self.entering.close()
        self.leaving.close()


class _Helper:
    """A process that works a queue off."""

    def __init__(self, queue: _Queue, work: Work) -> None:
        self.process = os.fork()
        if self.process == 0:
            failed = True
            try:
                queue.work_off(work)
                failed = False
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(failed)

    def join(self) -> None:
        """Wait for it. Raises Failed."""
        _process, status = os.waitpid(self.process, 0)
        self.process = 0
        if status:
            raise Failed(f"a process ended with status {status}")

    def stop(self) -> None:
        if self.process:
            os.kill(self.process, SIGKILL)
            os.waitpid(self.process, 0)
