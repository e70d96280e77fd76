#!/usr/bin/env python3
"""Run the allotment of an offering again from its published book, and say whether everyone got what they should.

    python3 rerun_allotment.py page1.json page2.json …

The files are the pages of /api/v1/offerings/CODE/book in any order, of one offering or of both tranches of an issue.
Nothing but Python is needed. The rules: everyone receives min(requested, level) lots, with the highest level that fits
the capacity. Those who asked for more are put in ascending order of HMAC-SHA256(seed, ticket); each receives one lot
more until none is left. The SHA-256 of the seed was published before the offering opened, so that nobody could choose
the seed afterwards.

Where the terms of an issue say so, what one tranche leaves unsold passes to the other: the lots that it lacks, at most
what the unsold ones are worth at the rate of the terms (yen per dollar), rounded down to its lots. What the other gave
is rounded up to its own lots.
"""

import hashlib
import hmac
import json
import sys
from fractions import Fraction
from math import ceil, floor


def find_level(requests, capacity):
    """The highest level for which everyone can receive min(requested, level)."""
    low, high = 0, max(requests, default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if sum(min(request, middle) for request in requests) <= capacity:
            low = middle
        else:
            high = middle - 1
    return low


def allot(applicants, capacity, seed):
    """The level, and the lots of each ticket, by the rules above."""
    level = find_level(applicants.values(), capacity)
    lots = {ticket: min(request, level) for ticket, request in applicants.items()}
    above = [ticket for ticket, request in applicants.items() if request > level]
    above.sort(key=lambda ticket: hmac.new(seed, ticket.encode("ascii"), hashlib.sha256).digest())
    for ticket in above[: capacity - sum(lots.values())]:
        lots[ticket] += 1
    return level, lots


def one_book(pages):
    """The pages of one offering as one book; the first page has the facts of all."""
    book = dict(pages[0])
    book["applicants"] = [row for page in pages for row in page["applicants"]]
    return book


def disagreements(pages):
    """Every fact that is not the same on all pages of an offering."""
    for fact in pages[0].keys() - {"applicants", "next"}:
        if any(page[fact] != pages[0][fact] for page in pages):
            yield f"The pages disagree about {fact}."


def faults(book):
    """Every sentence in which a published book is wrong; none when it is right."""
    rows = book["applicants"]
    requested = {row["ticket"]: row["requested_lots"] for row in rows}
    if len(requested) != len(rows):
        yield "A ticket appears twice."
    seed = bytes.fromhex(book["seed"])
    if hashlib.sha256(seed).hexdigest() != book["seed_commitment"]:
        yield "The seed is not the one that was committed to."
    if book["capacity_lots"] != book["own_lots"] + book["received_lots"] - book["given_lots"]:
        yield "The capacity is not its own lots, more what it received and less what it gave."
    level, lots = allot(requested, book["capacity_lots"], seed)
    if level != book["level"]:
        yield f"The level is {book['level']}, and should be {level}."
    for row in rows:
        if row["allotted_lots"] != lots[row["ticket"]]:
            yield f"Ticket {row['ticket']} got {row['allotted_lots']} lots, and should have {lots[row['ticket']]}."


def yen(book):
    """What a lot is worth in yen, exactly, at the rate of the terms."""
    rate = Fraction(book["usd_jpy"]) if book["lot"]["currency"] == "USD" else 1
    return Fraction(book["lot"]["value"]) * rate


def handed_over(taker, giver):
    """The lots of the taker that pass to it, if the giver's terms say so."""
    if not giver["hands_over"]:
        return 0
    wanted, sold = (sum(row["requested_lots"] for row in book["applicants"]) for book in (taker, giver))
    worth = floor(max(0, giver["own_lots"] - sold) * yen(giver) / yen(taker))
    return min(max(0, wanted - taker["own_lots"]), worth)


def hand_over_faults(book, other):
    """Every sentence in which what passed between two tranches is wrong."""
    received = handed_over(book, other)
    given = ceil(handed_over(other, book) * yen(other) / yen(book))
    for verb, published, right in (("received", book["received_lots"], received), ("gave", book["given_lots"], given)):
        if published != right:
            yield f"{book['offering']} {verb} {published} lots, and should have {right}."


def main(names):
    if not names:
        sys.exit(__doc__)
    pages = {}
    for name in names:
        with open(name, encoding="utf-8") as file:
            page = json.load(file)
        pages.setdefault(page["offering"], []).append(page)
    books = {code: one_book(of_one) for code, of_one in pages.items()}
    wrong = False
    for code, book in books.items():
        other = books.get(book["other_tranche"])
        found = [*disagreements(pages[code]), *faults(book), *(hand_over_faults(book, other) if other else ())]
        for fault in found:
            print(fault)
        if other:
            print(f"{code}: the hand-over was recomputed with {book['other_tranche']}.")
        elif book["other_tranche"]:
            print(f"{code}: to recompute the hand-over as well, give the book of {book['other_tranche']}.")
        verdict = "NOT as published" if found else "exactly as published"
        print(f"{code}: {len(book['applicants'])} applicants, {verdict}.")
        wrong = wrong or bool(found)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
