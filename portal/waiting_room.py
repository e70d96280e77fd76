"""The waiting room: when more people come to an offering than the site can serve, they come in one after another.

Everybody gets one turn, an instant that does not move: those who are there before the opening in a random order, then
the others as they come (decision 22). Turns are ``1 / WAITING_ROOM_RATE`` seconds apart, and while nobody waits a turn
is now: a day without a rush costs one question to Valkey and nothing else. Nobody waits for a lock. A question is one
script, which moves the next free turn and keeps that of the person who asks. Programs are not even asked about while
the room is calm; how many came in meanwhile is told with the next question.

Nothing but comfort hangs on it: what is allotted does not depend on when an order came (D28). So it stands open while
Valkey does not answer, and in the last minutes before the close, over which it never keeps anybody (D26).
"""

import math
import secrets
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

import structlog
from django.conf import settings
from redis import RedisError

from fund.dealing.models import Offering
from portal.store import store

BEFORE = timedelta(minutes=30)  # the opening: since when people can wait for it
OPENS_LATE = timedelta(minutes=10)  # an offering that is not open by then is not waited for
BEFORE_CLOSE = timedelta(minutes=15)  # the room stands open
STAY = timedelta(minutes=20)  # after one's turn
AT_ONCE = timedelta(seconds=2)  # turns that are nearer than this are now
PAGES, PROGRAM = 1.0, 0.05  # what somebody takes: an order by the API costs a twentieth of one by the pages
KNOWN = 2  # seconds for which a process knows the state of an offering
CALM = 1.0  # seconds for which a process lets programs in unasked after it was told that nobody waits
AWAY = 5  # seconds for which Valkey is not asked again after it did not answer

log = structlog.get_logger(__name__)

# Times are milliseconds. KEYS: when the first came in after the opening; who was there before that; the line (the next
# free turn, and the last one that is waited for: nobody comes in at once before it); the turn of who asks. Processes
# learn of the opening one after the other, so the first that knows of it decides for all. Told are the turn, how many
# are there before the opening, and until when the next would wait.
ASK = """
    local now, apart, weight, others = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
    local who, drawn, open = ARGV[5], ARGV[6], ARGV[7] == 'open'
    local at_once, stay, latest, day = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11])
    local function keep(key, at, how_long)
        redis.call('SET', key, string.format('%.0f', at), 'PX', string.format('%.0f', how_long))
    end
    local opened = tonumber(redis.call('GET', KEYS[1]))
    if not opened and not open then
        redis.call('ZADD', KEYS[2], 'NX', drawn, who)
        redis.call('PEXPIRE', KEYS[2], day)
        return {-1, redis.call('ZCARD', KEYS[2]), latest}
    end
    if not opened then
        opened = now
        keep(KEYS[1], opened, day)
    end
    local line = redis.call('HMGET', KEYS[3], 'free', 'last')
    local free = tonumber(line[1]) or opened + redis.call('ZCARD', KEYS[2]) * apart
    local last = tonumber(line[2]) or free
    if others > 0 then free = math.max(now, free) + apart * others end
    local turn = tonumber(redis.call('GET', KEYS[4]))
    local has_turn, rank = turn, redis.call('ZRANK', KEYS[2], who)
    if not turn and rank and opened + rank * apart + stay > now then
        turn = opened + rank * apart
    elseif not turn then
        turn = math.max(now, free)
        free = turn + apart * weight
        if turn - now <= at_once and last <= now then turn = now else last = turn end
    end
    redis.call('HSET', KEYS[3], 'free', string.format('%.3f', free), 'last', string.format('%.0f', last))
    redis.call('PEXPIRE', KEYS[3], string.format('%.0f', math.max(free - now, 0) + day))
    if not has_turn then
        if turn > latest then turn = math.max(now, latest) end
        keep(KEYS[4], turn, math.max(turn - now, 0) + stay)
    end
    return {turn, 0, math.max(last, free - at_once)}
"""
DAY = 86_400_000


@dataclass(frozen=True)
class Place:
    """Somebody's place in line.

    ``turn``: when they are let in; None before the opening, at which it is drawn. ``before``: people before them, by
    the time until their turn; before the opening: how many are there. ``again``: seconds until one should ask again.
    """

    turn: datetime | None
    before: int
    again: int
    opens_at: datetime


@dataclass(frozen=True)
class Terms:
    """What the room knows of an offering."""

    state: str
    opens_at: datetime
    closes_at: datetime


def place(
    *, offering_code: str, user_id: int, now: datetime, weight: float = PAGES, others: float = 0.0
) -> Place | None:
    """The place of somebody who wants to order; None: come in. Asking again keeps the place and never moves the turn.

    ``weight``: what they take of the site, ``PAGES`` or ``PROGRAM``; ``others``: what those took who came in unasked.
    """
    rate = settings.WAITING_ROOM_RATE
    terms = known(offering_code, int(time.monotonic() / KNOWN)) if rate else None
    if terms is None or not _in_use(terms, now):
        return None
    told = _ask(offering_code, user_id, terms, now, rate, weight, others)
    if told is None:
        return None
    turn, there = told
    if turn < 0:
        left = max((terms.opens_at - now).total_seconds(), 0)
        return Place(
            turn=None, before=there, again=min(30, int(left) + 1 + secrets.randbelow(4)), opens_at=terms.opens_at
        )
    wait = turn / 1000 - now.timestamp()
    if wait <= 0:
        return None
    again = wait if wait <= 8 else max(8, min(wait / 4, 60))
    at = datetime.fromtimestamp(turn / 1000, UTC)
    return Place(turn=at, before=math.floor(wait * rate), again=math.ceil(again), opens_at=terms.opens_at)


@dataclass
class Calm:
    """Until when programs come in unasked, by the clock that never jumps, and how many have."""

    until: float
    let_in: int = 0


_calm: dict[str, Calm] = {}  # by offering


def place_of_program(*, offering_code: str, user_id: int, now: datetime) -> Place | None:
    """``place`` for an order by the API. While nobody waits, a process asks once in ``CALM`` seconds.

    A rush is seen that much later. Those who came in meanwhile are in front of the next who is asked about.
    """
    calm = _calm.get(offering_code)
    if calm is not None and time.monotonic() < calm.until:
        calm.let_in += 1
        return None
    others = PROGRAM * calm.let_in if calm is not None else 0.0
    return place(offering_code=offering_code, user_id=user_id, now=now, weight=PROGRAM, others=others)


@lru_cache(maxsize=64)
def known(offering_code: str, period: int) -> Terms | None:
    """An offering as of the beginning of a period of ``KNOWN`` seconds; None where there is none."""
    found = Offering.objects.filter(pk=offering_code).values_list("state", "opens_at", "closes_at").first()
    return found and Terms(*found)


def _in_use(terms: Terms, now: datetime) -> bool:
    match terms.state:
        case Offering.State.ANNOUNCED:
            return terms.opens_at - BEFORE <= now < terms.opens_at + OPENS_LATE
        case Offering.State.OPEN:
            return now < terms.closes_at - BEFORE_CLOSE
        case _:
            return False


_away_until = 0.0


def _ask(
    offering_code: str, user_id: int, terms: Terms, now: datetime, rate: float, weight: float, others: float
) -> tuple[int, int] | None:
    """The turn in milliseconds (−1 before the opening) and how many are there; None while Valkey does not answer."""
    global _away_until
    if time.monotonic() < _away_until:
        return None
    room = f"room:{{{offering_code}}}"
    keys = [f"{room}:opened", f"{room}:before", f"{room}:free", f"{room}:turn:{user_id}"]
    drawn = secrets.randbits(53) / 2**53 if now < terms.opens_at else _ms(now)  # the late are behind all who were drawn
    given = [
        _ms(now), 1000 / rate, weight, others, user_id, drawn, "open" if terms.state == "open" else "",
        AT_ONCE // MS, STAY // MS, _ms(terms.closes_at - BEFORE_CLOSE), DAY,
    ]  # fmt: skip
    try:
        turn, there, waited = store().eval(ASK, len(keys), *keys, *given)
    except RedisError as error:
        log.warning("the waiting room stands open: Valkey does not answer", error=type(error).__qualname__)
        _away_until = time.monotonic() + AWAY
        return None
    if waited <= _ms(now):
        _calm[offering_code] = Calm(time.monotonic() + CALM)
    else:
        _calm.pop(offering_code, None)
    return int(turn), int(there)


MS = timedelta(milliseconds=1)


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
