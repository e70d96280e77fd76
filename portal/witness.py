"""What the fence is told from outside the database: how far it had come.

A snapshot of a whole disk that is put back looks like the database it was: its timeline and its files are the same. The
queue, which lies elsewhere, remembers how far the log of this database had been written. One that has not come so far
has gone back, and its fence is closed. A queue that was emptied knows nothing and begins anew.
"""

from datetime import datetime

import redis
import structlog
from django.conf import settings
from django.db import connection

from fund.governance import fence
from fund.governance.fence import FenceEntry

log = structlog.get_logger(__name__)

# Only forward, whoever comes last. Positions are exact below 2^53, which is 9 petabytes.
REMEMBER = """
if tonumber(ARGV[1]) > tonumber(redis.call('GET', KEYS[1]) or '0') then redis.call('SET', KEYS[1], ARGV[1]) end
"""


def is_open(*, now: datetime) -> bool:
    """Whether anything may leave the house; a copy is written down as such. Without the witness it is closed."""
    found = fence.state()
    if not found.is_open:
        fence.record_copy(now=now)
        return False
    assert found.last is not None
    try:
        back = has_gone_back(f"fence:{found.generation}:{found.last.pk}")
    except redis.RedisError as error:
        log.warning("fence closed, no witness", error=type(error).__qualname__)
        return False
    if back:
        fence.close(why=FenceEntry.Why.WENT_BACK, now=now)
        log.error("fence closed, the database has gone back")
    return not back


def has_gone_back(key: str) -> bool:
    """Whether the database was once further than it is. After a release the key is another one.

    The queue is asked before the database: what it remembers was then reached already. Asked the other way round, a
    worker that is slow between the two would find what others have seen meanwhile, and take it for the future.
    """
    with redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=2) as client:
        remembered = int(client.get(key) or 0)
        found = position()
        client.eval(REMEMBER, 1, key, found)
    return remembered > found


def position() -> int:
    """How far the log of this database is written, in bytes since its beginning; it only grows, over crashes too."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')::bigint")
        return int((cursor.fetchone() or (0,))[0])
