"""Everyone first, the rest by ballot; what was approved is what is carried out; anyone can run it again (D28)."""

import hmac
import json
import subprocess
import sys
from dataclasses import asdict
from hashlib import sha256
from pathlib import Path

import pytest
from django.db import DatabaseError, connection, transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fund import envelope
from fund.dealing import allotment, offering, prove
from fund.dealing.models import Allotment, AllotmentLine, Applicant, Offering
from fund.governance import approval
from fund.governance.outbox import Note
from fund.refusal import Refusal
from tests.fund.dealing import reference
from tests.fund.dealing.conftest import (
    AFTER,
    CLOSES,
    DURING,
    citizen,
    crowd,
    paid_list,
    pay,
    place,
    settle,
)
from tests.fund.dealing.reference import Citizen

SCRIPT = Path(__file__).parents[3] / "docs" / "rerun_allotment.py"


def histogram(requests: list[int]) -> list[tuple[int, int]]:
    return [(lots, requests.count(lots)) for lots in set(requests)]


VECTORS = [
    ([(7, 1), (20, 1), (23, 1), (51, 1), (299, 1)], 100, (25, 0)),
    ([(2, 1), (5, 1), (7, 1)], 5, (1, 2)),
    ([(4, 1), (8, 1), (11, 1), (13, 1)], 20, (5, 1)),  # $10,000 into 2,000/4,000/5,500/6,500 in $500 lots
    ([(10, 597_895)], 1_000_000, (1, 402_105)),  # iBond 2015
    ([(1, 24_123), (2, 31_258), (9, 653_817)], 2_000_000, (2, 605_727)),  # iBond 2021
    ([(3, 2), (5, 1)], 11, (5, 0)),
    ([(3, 2), (5, 1)], 1_000, (5, 0)),
    ([(3, 5)], 4, (0, 4)),
    ([], 10, (0, 0)),
]


@pytest.mark.parametrize(("requests", "capacity", "expected"), VECTORS)
def test_the_level_and_the_rest_of_known_allotments(requests, capacity, expected):
    assert allotment.fill(requests, capacity) == expected


def test_the_first_vector_gives_each_applicant_the_known_lots():
    requests = [7, 20, 23, 51, 299]
    level, left = allotment.fill(histogram(requests), 100)
    assert [min(request, level) for request in requests] == [7, 20, 23, 25, 25] and left == 0


@given(st.lists(st.integers(1, 40), max_size=30), st.integers(1, 400))
def test_the_level_is_the_highest_that_fits(requests, capacity):
    level, left = allotment.fill(histogram(requests), capacity)
    given_out = sum(min(request, level) for request in requests)
    assert given_out + left == min(capacity, sum(requests))
    above = sum(request > level for request in requests)
    assert left < above or left == above == 0


def tickets(one: Offering) -> dict[int, str]:
    return {
        holder: str(ticket)
        for holder, ticket in Applicant.objects.filter(offering_id=one.pk).values_list("holder_id", "ticket")
    }


def allot_by_reference(one: Offering, orders: list[tuple[int, int]], seed: bytes) -> dict[int, Citizen]:
    citizens = {holder: Citizen(ticket, []) for holder, ticket in tickets(one).items()}
    for holder, lots in orders:
        citizens[holder].orders.append(lots)
    reference.allot(list(citizens.values()), one.capacity_lots, seed)
    return citizens


BOOK = st.lists(st.tuples(st.integers(1, 9), st.integers(1, 12)), min_size=1, max_size=25)


@pytest.mark.django_db
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(BOOK, st.integers(1, 90), st.integers(1, 5))
@example([(1, 2), (2, 5), (3, 7)], 5, 1)
@example([(1, 1), (1, 1), (1, 5), (2, 7), (2, 1)], 9, 2)
def test_every_order_gets_what_the_slow_reference_gives(opened, allot, orders, capacity, chunk):
    with transaction.atomic():
        one = opened(capacity=capacity * 10_000)
        paid_list(one, orders)
        allot(one)
        assert sum(settle(one, chunk=chunk)) == len(orders)
        expected = allot_by_reference(one, orders, bytes(one.seed))
        lines = AllotmentLine.objects.order_by("order_id").values_list("holder_id", "allotted")
        for holder, who in expected.items():
            assert [money for owner, money in lines if owner == holder] == [lots * 10_000 for lots in who.per_order()]
        page = allotment.book(offering=one)
        assert {row.ticket: (row.requested_lots, row.allotted_lots) for row in page.applicants} == {
            who.ticket: (sum(who.orders), who.lots) for who in expected.values()
        }
        assert [check for check in prove.prove() if not check.clean] == []
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_draw_in_the_database_is_the_hmac_of_the_standard_library(opened):
    one = opened()
    crowd(one, citizens=50, lots="1")
    seed = bytes(range(32))
    with connection.cursor() as cursor:
        draw = allotment.DRAW.format(ticket="ticket")
        cursor.execute(f"SELECT ticket::text, {draw} FROM fund_applicant", allotment.pads(seed))
        rows = cursor.fetchall()
    assert len(rows) == 50
    for ticket, drawn in rows:
        assert bytes(drawn) == hmac.digest(seed, ticket.encode("ascii"), "sha256")


@pytest.mark.django_db
def test_the_preview_leaves_the_seed_sealed_and_the_publication_reveals_it(opened, allot):
    one = opened()
    paid_list(one, [(1, 7), (2, 20)])
    basis = allotment.preview(offering=one)
    assert (basis.applicants, basis.requested_lots, basis.level, basis.ballot_lots) == (2, 27, 5, 0)
    one.refresh_from_db()
    assert one.seed is None
    with pytest.raises(Refusal) as refused:
        allotment.book(offering=one)
    assert refused.value.code == "not_published"
    allot(one)
    assert sha256(bytes(one.seed)).digest() == bytes(one.seed_commitment)
    assert bytes(one.seed) == envelope.unseal(bytes(one.sealed_seed), **offering.seed_place(one.code))
    assert Note.objects.get(topic="allotment.published").payload == {"offering": one.code}


@pytest.mark.django_db
def test_one_key_allots_nothing_and_a_doubled_message_allots_once(opened, american, second_key):
    one = opened()
    paid_list(one, [(1, 7)])
    offering.close_due(now=CLOSES)
    proposal = allotment.propose(offering=one, officer=american, now=AFTER)
    with pytest.raises(approval.Refused):
        allotment.carry_out(proposal=proposal, now=AFTER)
    assert allotment.carry_out(proposal=second_key(proposal), now=AFTER).level == 7
    assert allotment.carry_out(proposal=proposal, now=AFTER) is None
    assert Allotment.objects.count() == 1


def allotment_row(one: Offering, proposal: approval.Proposal, **more: int) -> Allotment:
    basis = asdict(allotment.preview(offering=one))
    book = bytes.fromhex(basis.pop("book"))
    basis.pop("above_level")
    return Allotment(offering=one, proposal=proposal, book_digest=book, published_at=AFTER, **basis | more)


@pytest.mark.django_db
def test_the_database_refuses_an_allotment_without_both_keys_or_with_other_figures(opened, american, second_key):
    one = opened()
    paid_list(one, [(1, 5)])
    offering.close_due(now=CLOSES)
    proposal = allotment.propose(offering=one, officer=american, now=AFTER)
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        allotment_row(one, proposal).save(force_insert=True)
    second_key(proposal)
    with pytest.raises(DatabaseError, match="officer of each nation"), transaction.atomic():
        allotment_row(one, proposal, level=6).save(force_insert=True)
    allotment_row(one, proposal).save(force_insert=True)


@pytest.mark.django_db
def test_without_the_trigger_it_would_be_allotted(opened, american):
    """Negative control of the test above."""
    one = opened()
    paid_list(one, [(1, 5)])
    offering.close_due(now=CLOSES)
    proposal = allotment.propose(offering=one, officer=american, now=AFTER)
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE fund_allotment DISABLE TRIGGER USER")
    allotment_row(one, proposal, level=6).save(force_insert=True)
    assert Allotment.objects.get().level == 6


@pytest.mark.django_db
def test_an_allotment_beyond_the_capacity_is_refused_by_the_database_even_with_both_keys(opened, american, second_key):
    one = opened()
    paid_list(one, [(1, 50)])
    offering.close_due(now=CLOSES)
    too_much = allotment_row(one, None, level=50, allotted_lots=50)
    payload = {"offering": one.code, "level": "50", "capacity_lots": "10", "allotted_lots": "50", "ballot_lots": "0"}
    payload |= {"received_lots": "0", "given_lots": "0"}
    payload["book"] = bytes(too_much.book_digest).hex()
    proposal = approval.propose(
        kind=approval.Kind.ALLOTMENT, subject=one.code, payload=payload, officer=american, now=AFTER
    )
    too_much.proposal = second_key(proposal)
    with pytest.raises(DatabaseError, match="within_capacity"), transaction.atomic():
        too_much.save(force_insert=True)


@pytest.mark.django_db
def test_a_book_that_changed_after_the_approval_is_not_allotted(opened, american, second_key):
    one = opened()
    orders = [place(one, citizen(), 30_000), place(one, citizen(), 30_000)]
    pay(*orders)
    offering.close_due(now=CLOSES)
    proposal = second_key(allotment.propose(offering=one, officer=american, now=AFTER))
    straggler = place(one, citizen(), 10_000, now=CLOSES, received_at=DURING)
    pay(straggler, now=CLOSES)
    with pytest.raises(Refusal) as refused, transaction.atomic():
        allotment.carry_out(proposal=proposal, now=AFTER)
    assert refused.value.code == "book_changed"
    one.refresh_from_db()
    assert one.state == Offering.State.CLOSED and one.seed is None


@pytest.mark.django_db
def test_it_is_proposed_only_for_a_closed_book_without_waiting_orders(opened, american):
    one = opened()
    place(one, citizen(), 10_000)
    for code in ("not_closed", "orders_waiting"):
        with pytest.raises(Refusal) as refused:
            allotment.propose(offering=one, officer=american, now=AFTER)
        assert refused.value.code == code
        offering.close_due(now=CLOSES)


def as_json(page: allotment.Page) -> dict[str, object]:
    return {**asdict(page), "lot": {"currency": page.lot.currency, "value": page.lot.value}}


def rerun(tmp_path: Path, pages: list[dict[str, object]]) -> subprocess.CompletedProcess[str]:
    names = []
    for number, page in enumerate(pages):
        (tmp_path / f"{number}.json").write_text(json.dumps(page))
        names.append(str(tmp_path / f"{number}.json"))
    return subprocess.run(
        [sys.executable, "-I", str(SCRIPT), *names], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.django_db
def test_anyone_can_run_the_published_book_again(opened, allot, tmp_path):
    one = opened(capacity=700_000)
    paid_list(one, [(1, 7), (2, 20), (2, 3), (3, 51), (4, 2), (5, 30), (6, 30)])
    place(one, citizen(), 10_000)  # never paid: not in the book
    allot(one)
    pages, after = [], None
    while True:
        page = allotment.book(offering=one, after=after, limit=2)
        pages.append(as_json(page))
        after = page.next
        if after is None:
            break
    assert sum(len(page["applicants"]) for page in pages) == 6 and len(pages) > 2
    good = rerun(tmp_path, pages)
    assert (good.returncode, good.stderr) == (0, "") and "6 applicants, exactly as published" in good.stdout
    pages[0]["applicants"][0]["allotted_lots"] += 1
    bad = rerun(tmp_path, pages)
    assert bad.returncode == 1 and pages[0]["applicants"][0]["ticket"] in bad.stdout


@pytest.mark.django_db
def test_another_seed_is_noticed(opened, allot, tmp_path):
    one = opened()
    paid_list(one, [(holder, 2) for holder in range(1, 9)])
    allot(one)
    page = as_json(allotment.book(offering=one))
    assert page["level"] == 1
    bad = rerun(tmp_path, [{**page, "seed": bytes(32).hex()}])
    assert bad.returncode == 1 and "not the one that was committed to" in bad.stdout
    with pytest.raises(Refusal) as refused:
        allotment.book(offering=one, after="nonsense")
    assert refused.value.code == "unknown_ticket"


@pytest.mark.django_db
def test_a_crowd_of_ibond_shape_is_allotted_by_three_scalars(opened, allot):
    """The iBond of 2015 at a tenth of its size, in the database: one lot each, and a second by ballot."""
    one = opened(capacity=100_000 * 10_000)
    crowd(one, citizens=59_790, lots="10")
    allot(one)
    decided = one.allotment
    assert (decided.level, decided.ballot_lots, decided.allotted_lots) == (1, 40_210, 100_000)
    with connection.cursor() as cursor:
        lots = allotment.lots("10", "ticket")
        cursor.execute(f"SELECT {lots}, count(*) FROM fund_applicant GROUP BY 1", allotment.scalars(one, decided))
        assert dict(cursor.fetchall()) == {1: 19_580, 2: 40_210}
