#!/usr/bin/env python3
"""Run the allotment of an offering again from its published book, and say whether everyone got what they should.

    python3 rerun_allotment.py page1.json page2.json …

The files are the pages of /api/v1/offerings/CODE/book in any order, or one file with all applicants. Nothing but Python
is needed. The rules: everyone receives min(requested, level) lots, with the highest level that fits the capacity. Those
who asked for more are put in ascending order of HMAC-SHA256(seed, ticket); each receives one lot more until none is
left. The SHA-256 of the seed was published before the offering opened, so that nobody could choose the seed afterwards.
"""

import hashlib
import hmac
import json
import sys


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


def faults(pages):
    """Every sentence in which the published book is wrong; none when it is right."""
    first = pages[0]
    for page in pages:
        for fact in ("offering", "capacity_lots", "seed", "seed_commitment", "level"):
            if page[fact] != first[fact]:
                yield f"The pages disagree about {fact}."
    rows = [row for page in pages for row in page["applicants"]]
    requested = {row["ticket"]: row["requested_lots"] for row in rows}
    if len(requested) != len(rows):
        yield "A ticket appears twice."
    seed = bytes.fromhex(first["seed"])
    if hashlib.sha256(seed).hexdigest() != first["seed_commitment"]:
        yield "The seed is not the one that was committed to."
    level, lots = allot(requested, first["capacity_lots"], seed)
    if level != first["level"]:
        yield f"The level is {first['level']}, and should be {level}."
    for row in rows:
        if row["allotted_lots"] != lots[row["ticket"]]:
            yield f"Ticket {row['ticket']} got {row['allotted_lots']} lots, and should have {lots[row['ticket']]}."


def main(names):
    if not names:
        sys.exit(__doc__)
    pages = []
    for name in names:
        with open(name, encoding="utf-8") as file:
            pages.append(json.load(file))
    found = list(faults(pages))
    for fault in found:
        print(fault)
    applicants = sum(len(page["applicants"]) for page in pages)
    print(
        f"{pages[0]['offering']}: {applicants} applicants, {'NOT as published' if found else 'exactly as published'}."
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
