"""Work in forked processes: each number's is done once; who dies is noticed; nobody is left, and nothing open."""

import os
import signal
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from fund.register import beside

MANY = 20_000  # more than a pipe of 64 kB holds


@pytest.fixture(autouse=True)
def nothing_is_left():
    """No process and no open file more than before."""
    before = psutil.Process().children(), len(list(Path("/proc/self/fd").iterdir()))
    yield
    assert (psutil.Process().children(), len(list(Path("/proc/self/fd").iterdir()))) == before


class Noted:
    """Who did the work of which number, and how often: in shared memory."""

    def __init__(self, count: int) -> None:
        self.count, self.memory = count, beside.memory(8 * count or 1)

    def __call__(self, number: int) -> None:
        here = slice(8 * number, 8 * number + 8)
        assert not any(self.memory[here])
        self.memory[here] = os.getpid().to_bytes(8)

    def by(self) -> Counter[int]:
        return Counter(int.from_bytes(self.memory[8 * one : 8 * one + 8]) for one in range(self.count))


@pytest.mark.parametrize("processes", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 5, MANY])
def test_the_work_of_every_number_is_done_once(processes, count):
    work = Noted(count)
    beside.each(work, range(count), processes=processes)
    assert 0 not in work.by() and len(work.by()) <= processes


def test_the_others_begin_while_the_next_numbers_are_awaited():
    work = Noted(3)

    def numbers():
        for number in range(2):
            yield number
            while not any(work.memory[8 * number : 8 * number + 8]):
                time.sleep(0.001)  # for ever, if nobody began
        yield 2

    beside.each(work, numbers(), processes=2)
    assert work.by().total() == 3


def test_nobody_waits_for_one_that_is_slower():
    work, here = Noted(40), os.getpid()

    def slow_elsewhere(number: int) -> None:
        work(number)
        if os.getpid() != here:
            time.sleep(0.5)

    beside.each(slow_elsewhere, range(40), processes=2)
    assert work.by()[here] >= 30


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def broken() -> None:
    raise ValueError("seen")


@pytest.mark.parametrize("how", [killed, broken])
@pytest.mark.parametrize("count", [100, MANY])
def test_a_process_that_does_not_come_to_its_end_is_a_failure(how, count, capfd):
    here, begun = os.getpid(), beside.memory(1)

    def work(number: int) -> None:
        if os.getpid() != here:
            begun[0] = 1
            how()

    def numbers():
        yield 0
        while not begun[0]:  # until the other one has taken it
            time.sleep(0.001)
        yield from range(1, count)

    with pytest.raises(beside.Failed):
        beside.each(work, numbers(), processes=2)
    assert ("ValueError: seen" in capfd.readouterr().err) == (how is broken)


def test_who_fails_here_leaves_nobody_behind():
    def numbers():
        yield from range(4)
        raise ValueError("here")

    with pytest.raises(ValueError, match="here"):
        beside.each(lambda _number: time.sleep(60), numbers(), processes=3)


def test_the_others_end_when_this_process_is_killed():
    work = Noted(1)

    def numbers():
        yield 0
        while not any(work.memory):
            time.sleep(0.001)
        killed()

    if (process := os.fork()) == 0:
        beside.each(work, numbers(), processes=2)
        os._exit(0)
    assert os.waitpid(process, 0)[1] == signal.SIGKILL
    (other,) = work.by()
    assert other != process
    until = time.monotonic() + 20
    while is_alive(other):
        assert time.monotonic() < until
        time.sleep(0.01)


def is_alive(process: int) -> bool:
    try:
        return psutil.Process(process).status() != psutil.STATUS_ZOMBIE  # whom nobody has waited for yet
    except psutil.NoSuchProcess:
        return False


def test_nobody_has_less_than_a_share(monkeypatch):
    monkeypatch.setattr("os.process_cpu_count", lambda: 2)
    assert [beside.processes(whole, least=10) for whole in (0, 1, 19, 20, 100)] == [1, 1, 1, 2, 2]
