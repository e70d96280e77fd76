"""Regular plans of a day on which many are due: one worker takes their turns, each an ordinary order (D30)."""

import time
from datetime import datetime, timedelta

from django.db import connection
from django.utils import timezone

from bench import orders, stage
from investors import plans
from portal.local.place import Place

# Citizens who accepted the prospectus before, each with a plan whose turn has begun.
PLANS = """
    WITH n AS (SELECT g AS id FROM generate_series(%(first)s::bigint, %(last)s) g),
    accepted AS (
        INSERT INTO investors_acceptance (investor_id, agreement_id, sha256, accepted_at)
        SELECT n.id, a.id, a.sha256, %(now)s FROM n, investors_agreement a
         WHERE a.version = 1 AND a.language = 'ja' AND a.kind = 'prospectus'
    ), begun AS (
        INSERT INTO investors_plan (investor_id, unit_class_id, amount, day, state, key, begun_at)
        SELECT id, 'JP', %(amount)s, 1, 'active', id::text, %(now)s FROM n RETURNING id
    )
    INSERT INTO investors_planturn (plan_id, month, due_at, over_at, state, reason, order_reference)
    SELECT id, %(month)s, %(now)s, %(over)s, 'waiting', '', '' FROM begun
"""


def prepare(place: Place, *, citizens: int) -> None:
    """Approved citizens and an open offering, in the database of P2."""
    orders.prepare(place, citizens=citizens)


def run(*, number: int, turns: int) -> float:
    """Turns a second of one worker, each a citizen's own. Raises RuntimeError unless each has made its order."""
    now = timezone.now()
    with connection.cursor() as cursor:
        cursor.execute(PLANS, _given(orders.FIRST + number * turns, turns, now))
        cursor.execute("ANALYZE investors_planturn, investors_plan, investors_acceptance")
    began = time.monotonic()
    moved = 0
    while taken := plans.run_due(now=timezone.now()):
        moved += taken
    seconds = time.monotonic() - began
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM fund_subscription WHERE key LIKE 'plan:%'")
        (placed,) = cursor.fetchone()
    if (moved, placed) != (turns, (number + 1) * turns):
        raise RuntimeError(f"{moved} of {turns} turns were taken, and {placed} orders are there")
    return turns / seconds


def _given(first: int, turns: int, now: datetime) -> dict[str, object]:
    month = now.date().replace(day=1)
    over = now + timedelta(days=20)
    return {"first": first, "last": first + turns - 1, "now": now, "amount": stage.LOT, "month": month, "over": over}
