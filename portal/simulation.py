"""A nation in a minute: a synthetic population and its paid orders, written as sets, for rehearsals and measurements.

Everything follows from the seed (only the sealed words of the payers differ). What a citizen, a bank and the verbs of
the fund would have left behind is there: holders, applicants under their tickets, orders with sound references, the
payments that were expected, one bank file with an entry for each order, and the receipts in the ledger. Each step is a
transaction after which ``prove`` is clean, so that a run may be interrupted.
"""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from hashlib import sha256
from math import ceil
from typing import Any

from django.db import IntegrityError, connection, transaction
from django.utils.translation import gettext_lazy as _

from fund import envelope
from fund.dealing.models import Offering
from fund.governance import audit
from fund.ledger import accounts, post
from fund.ledger.models import Event
from fund.payments import matching, receipts
from fund.payments.models import BankFile
from fund.refusal import Refusal

STEP = 10_000  # rows a transaction
MOST_ORDERS = 100_000_000  # of 900 million references
NOBODY = json.dumps(asdict(matching.Payer("", "", "", "", ()))).encode()

# The ten rows of Damm's table, one after the other, as in ``fund.payments.references``.
DAMM = "0317598642709215486342068713591750983426612304597836742095815869720134894536201794386172052581436790"


def check_digit(nine: str) -> str:
    """SQL for the Damm check digit (0–9, as text) of the SQL text ``nine`` of nine digits."""
    digit = "'0'"
    for place in range(1, 10):
        digit = f"substr('{DAMM}', 10 * {digit}::int + substr({nine}, {place}, 1)::int + 1, 1)"
    return digit


def rf(ten: str) -> str:
    """SQL for the ISO 11649 reference of the SQL text ``ten``; 2715 is "RF" in digits, 00 the place of the check."""
    return f"'RF' || lpad((98 - ({ten} || '271500')::bigint %% 97)::text, 2, '0') || {ten}"


def body(place: str) -> str:
    """SQL for the nine digits at a place of one fixed round through all of them; the step shares no factor with it."""
    return f"(100000000 + (%(random)s + ({place}) * 472882027) %% 900000000)::text"


def time_ordered(purpose: str) -> str:
    """SQL for a UUID7 that follows from seed, purpose and n, in the order of ``received_at``."""
    return f"""
        (lpad(to_hex((extract(epoch FROM received_at) * 1000)::bigint), 12, '0')
         || '7' || lpad(to_hex(4 * (n %% 1000)), 3, '0')
         || '8' || substr(md5('{purpose} ' || %(seed)s || ' ' || %(offering)s || ' ' || n), 1, 15))::uuid"""


# n is the place of an order in the rush. Citizens come in no order: their numbers are walked through in steps of a
# prime. Many ask for little and few for much.
ASKED = f"""
    SELECT n, received_at, holder_id, amount, rf, ten, ticket, first, order_id, entry_id
      FROM (SELECT g AS n, %(opens_at)s::timestamptz + g * interval '1 microsecond' AS received_at,
                   1 + ((g - 1) %% %(investors)s * 2147483647 + %(random)s) %% %(investors)s AS citizen,
                   g <= %(investors)s AS first
              FROM generate_series(%(from)s::bigint, %(to)s::bigint) g) o
      JOIN simulated_citizen c USING (citizen)
     CROSS JOIN LATERAL (SELECT abs(hashint8extended(n, %(seed)s) %% 1000) AS chance) d
     CROSS JOIN LATERAL (SELECT %(minimum)s + %(step)s * div(%(steps)s * chance * chance * chance, 1000000000)::bigint
                                AS amount) m
     CROSS JOIN LATERAL (SELECT {body("n")} AS first_body) b
     CROSS JOIN LATERAL (
        SELECT first_body || {check_digit("first_body")} AS first_ten) t
     CROSS JOIN LATERAL (
        SELECT CASE WHEN EXISTS (SELECT FROM fund_expected x WHERE x.numeric_reference = first_ten)
                    THEN {body("n + %(orders)s")} ELSE first_body END AS body
        OFFSET 0  -- once for each order, not once for each digit
     ) e
     CROSS JOIN LATERAL (SELECT body || {check_digit("body")} AS ten) u
     CROSS JOIN LATERAL (SELECT {rf("ten")} AS rf) r
     CROSS JOIN LATERAL (SELECT {time_ordered("order")} AS order_id, {time_ordered("payment")} AS entry_id,
                                md5('ticket ' || %(seed)s || ' ' || %(offering)s || ' ' || citizen)::uuid AS ticket) i
"""

ORDERS = f"""
    WITH asked AS MATERIALIZED ({ASKED}),
    applicants AS (
        INSERT INTO fund_applicant (offering_id, holder_id, ticket)
        SELECT %(offering)s, holder_id, ticket FROM asked WHERE first
    ), orders AS (
        INSERT INTO fund_subscription (id, reference, numeric_reference, offering_id, holder_id, amount, currency, key,
                                       status, received_at, placed_at, funded_at)
        SELECT order_id, rf, ten, %(offering)s, holder_id, amount, %(currency)s,
               'simulated ' || %(offering)s || ' ' || n, 'funded', received_at, received_at, received_at
          FROM asked ORDER BY n
    ), expected AS (
        INSERT INTO fund_expected (reference, numeric_reference, holder_id, currency, amount, received, pay_by,
                                   order_id, offering_code, expected_at)
        SELECT rf, ten, holder_id, %(currency)s, amount, amount, %(pay_by)s, order_id, %(offering)s, received_at
          FROM asked ORDER BY n
    )
    INSERT INTO fund_bankentry (id, file_id, account_id, number, identity, bank_entry, amount, currency, credit,
                                reversal, booking_date, value_date, reference, expected_id, original, outcome,
                                suspense_reason, held, suspended, sealed)
    SELECT entry_id, %(file)s, %(bank)s, n, identity, identity, amount, %(currency)s, true, false, %(booked)s,
           %(booked)s, rf, rf, '', 'matched', '', amount, 0, s.sealed
      FROM asked
      JOIN unnest(%(identities)s::text[], %(sealed)s::bytea[]) WITH ORDINALITY AS s(identity, sealed, place)
        ON s.place = n - %(from)s + 1
     ORDER BY n
"""

RECEIPTS = """
    SELECT b.id, %(receipt)s, 0, %(bank_account)s, %(held_account)s, x.holder_id, b.held, %(opens_at)s, 0, NULL::uuid
      FROM fund_bankentry b JOIN fund_expected x ON x.reference = b.expected_id
     WHERE b.file_id = %(file)s AND b.number BETWEEN %(from)s AND %(to)s
     ORDER BY x.holder_id
"""

CITIZENS = """
    WITH new AS (
        INSERT INTO fund_holder (kind, nation, name_en, name_ja, registered_at)
        SELECT 'citizen', %(nation)s, '', '', %(now)s FROM generate_series(%(from)s::bigint, %(to)s) RETURNING id
    )
    INSERT INTO simulated_citizen (citizen, holder_id)
    SELECT %(from)s - 1 + row_number() OVER (ORDER BY id), id FROM new
"""


class Refused(Refusal):
    """Nothing is simulated; the message says why."""

    code = "simulation"


def simulate(*, investors: int, orders: int, offering_code: str, seed: int, now: datetime) -> Iterator[int]:
    """Register ``investors`` new citizens and place ``orders`` paid orders; yields how many rows each step wrote.

    Orders go round the citizens: every citizen has one before any has two. Raises Refused: numbers (not positive, or
    too many), unknown_offering, not_open, above_maximum (so many orders of a citizen do not fit), again (this offering
    was simulated with this seed before).
    """
    if not (investors > 0 and 0 < orders <= MOST_ORDERS):
        raise Refused(_("Give at least one investor and between one and 100 million orders."), code="numbers")
    offering = _open_offering(offering_code, now)
    params = {**_terms(offering, investors, orders, seed), **_open_file(offering, seed, now)}
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE TEMPORARY TABLE simulated_citizen (citizen bigint PRIMARY KEY, holder_id bigint NOT NULL)"
        )
        try:
            for part in _parts(investors):
                cursor.execute(CITIZENS, {**part, "nation": offering.unit_class_id, "now": now})
                yield cursor.rowcount
            cursor.execute("ANALYZE simulated_citizen")
            for part in _parts(orders):
                yield _place(params, part)
        finally:
            if not connection.needs_rollback:
                cursor.execute("DROP TABLE simulated_citizen")


def _open_offering(code: str, now: datetime) -> Offering:
    offering = Offering.objects.select_related("unit_class").filter(pk=code).first()
    if offering is None:
        raise Refused(_("There is no such offering."), code="unknown_offering")
    if offering.state != Offering.State.OPEN or not offering.opens_at < now < offering.closes_at:
        raise Refused(_("This offering is not open."), code="not_open")
    return offering


def _terms(offering: Offering, investors: int, orders: int, seed: int) -> dict[str, Any]:
    most = min(offering.largest_order, offering.maximum // ceil(orders / investors))
    if most < offering.minimum:
        raise Refused(_("So many orders of one citizen do not fit under the offering's maximum."), code="above_maximum")
    bank = receipts.payment_account(currency=offering.currency)
    book = accounts.ids(f"bank:{bank.code}", f"held:{offering.currency}")
    return {
        "offering": offering.code,
        "currency": offering.currency.value,
        "opens_at": offering.opens_at,
        "pay_by": offering.pay_by,
        "booked": offering.opens_at.date(),
        "minimum": offering.minimum,
        "step": offering.step,
        "steps": (most - offering.minimum) // offering.step + 1,
        "investors": investors,
        "orders": orders,
        "seed": seed,
        "random": int.from_bytes(_digest(offering, seed)[:3], "big"),
        "bank": bank.code,
        "bank_account": book[f"bank:{bank.code}"],
        "held_account": book[f"held:{offering.currency}"],
        "receipt": Event.RECEIPT.value,
    }


def _digest(offering: Offering, seed: int) -> bytes:
    return sha256(f"simulated payments {offering.code} {seed}".encode()).digest()


@transaction.atomic
def _open_file(offering: Offering, seed: int, now: datetime) -> dict[str, Any]:
    try:
        with transaction.atomic():
            file = BankFile.objects.create(
                digest=_digest(offering, seed).hex(),
                kind=BankFile.Kind.STATEMENT,
                state=BankFile.State.POSTED,
                name=f"simulated payments of {offering.code}",
                size=0,
                received_at=now,
                received_by="system",
            )
    except IntegrityError:
        raise Refused(
            _("This offering was simulated with this seed before. Choose another seed."), code="again"
        ) from None
    audit.record(actor="system", verb="simulate", subject=f"offering:{offering.code}", now=now, seed=seed)
    return {"file": file.pk, "digest": file.digest}


def _parts(rows: int) -> Iterator[dict[str, int]]:
    for first in range(1, rows + 1, STEP):
        yield {"from": first, "to": min(first + STEP - 1, rows)}


@transaction.atomic
def _place(params: dict[str, Any], part: dict[str, int]) -> int:
    """One part of the orders with their payments. Nobody wrote anything on them, which is sealed like any words."""
    identities = [
        sha256(f"{params['digest']} {number}".encode()).hexdigest() for number in range(part["from"], part["to"] + 1)
    ]
    sealed = [envelope.seal(NOBODY, **matching.PLACE, row=identity) for identity in identities]
    with connection.cursor() as cursor:
        cursor.execute(ORDERS, {**params, **part, "identities": identities, "sealed": sealed})
    return post.post_set(RECEIPTS, {**params, **part})
