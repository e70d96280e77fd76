"""Work in forked processes: all results, in their order; who dies is noticed; nobody is left behind."""

import os
import signal
from functools import partial

import psutil
import pytest

from fund.register import beside


@pytest.fixture(autouse=True)
def two_processors(monkeypatch):
    monkeypatch.setattr("os.process_cpu_count", lambda: 2)


def of(number: int) -> bytes:
    return b"%04d" % number


def whose() -> bytes:
    return os.getpid().to_bytes(8)


def children() -> list[psutil.Process]:
    return psutil.Process().children()


def test_results_come_in_order_however_many():
    before = children()
    for count in range(6):
        assert [one[:] for one in beside.each((partial(of, number), 4) for number in range(count))] == [
            of(number) for number in range(count)
        ]
    assert children() == before


def test_the_last_is_done_here_and_the_others_are_not():
    *others, last = [one[:] for one in beside.each([(whose, 8)] * 4)]
    assert last == whose() and len({*others, last}) == 4


def killed() -> bytes:
    os.kill(os.getpid(), signal.SIGKILL)
    return b""


def broken() -> bytes:
    raise ValueError("seen")


@pytest.mark.parametrize("how", [killed, broken, bytes])
def test_a_piece_that_does_not_end_is_no_result(how, capfd):
    before = children()
    with pytest.raises(beside.Failed):
        list(beside.each([(how, 4), (partial(of, 1), 4), (partial(of, 2), 4)]))
    assert ("ValueError: seen" in capfd.readouterr().err) == (how is broken)
    assert children() == before


def test_who_stops_asking_leaves_nobody_behind():
    before = children()
    asked = beside.each([(partial(of, number), 4) for number in range(4)])
    next(asked)
    asked.close()
    assert children() == before


def test_nobody_has_less_than_a_share():
    assert [beside.share(whole, least=10) for whole in (1, 20, 21, 100)] == [10, 10, 11, 50]
