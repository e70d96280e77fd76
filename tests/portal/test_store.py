"""Scripts in Valkey: named, on a line of each thread's own, that is opened anew and given back."""

import os
import threading

import pytest
from redis import Redis, RedisError

from portal.store import Store, store

TWICE = "return {KEYS[1], ARGV[1] * 2}"


@pytest.fixture
def own(settings) -> Store:
    return Store.from_url(settings.REDIS_URL, max_connections=2)


def test_a_script_answers_whether_valkey_knows_it_or_not(own):
    for _again in range(2):
        own.script_flush()
        assert [own.eval(TWICE, 1, "key", number) for number in (1, 2)] == [[b"key", 2], [b"key", 4]]


def test_a_script_is_sent_once(own):
    own.eval(TWICE, 1, "key", 1)
    own.config_resetstat()
    own.eval(TWICE, 1, "key", 1)
    asked = own.info("commandstats")
    assert asked["cmdstat_evalsha"]["calls"] == 1 and "cmdstat_eval" not in asked


def test_a_line_that_was_closed_is_opened_anew(own):
    own.eval(TWICE, 1, "key", 1)
    lines = [one["id"] for one in own.client_list() if one["cmd"].startswith("eval")]
    assert lines
    for line in lines:
        own.client_kill_filter(_id=line)
    assert own.eval(TWICE, 1, "key", 3) == [b"key", 6]


def test_a_fault_of_the_script_is_told_and_leaves_the_line_in_order(own):
    with pytest.raises(RedisError):
        own.eval("return redis.call('GET')", 0)
    assert own.eval(TWICE, 1, "key", 1) == [b"key", 2]


def test_a_thread_gives_its_line_back_when_it_ends(own):
    """Else the third thread would find no line: the pool has two."""
    found = []
    for number in range(6):
        thread = threading.Thread(target=lambda n=number: found.append(own.eval(TWICE, 1, "key", n)))
        thread.start()
        thread.join()
    assert [twice for _key, twice in found] == [0, 2, 4, 6, 8, 10]


def test_without_valkey_it_says_so():
    with pytest.raises(RedisError):
        Store.from_url("redis://localhost:1/0").eval(TWICE, 1, "key", 1)


def test_a_child_of_this_process_has_a_line_of_its_own():
    mine = store()
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writes, b"other" if store() is not mine else b"same!")
        os._exit(0)
    os.waitpid(child, 0)
    assert os.read(reads, 5) == b"other" and isinstance(mine, Redis)
