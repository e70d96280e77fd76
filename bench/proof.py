"""P8: everybody's units at a NAV are committed to, beside the bare hashing of the same tree; and one holder's proof."""

import random
import time
from dataclasses import dataclass
from hashlib import sha256

from bench import nav, stage
from fund.holders import Holder
from fund.ledger.balances import total
from fund.register import proof, tree
from fund.register.proof_models import HoldingRoot

PROOFS = 20
MESSAGE = 1 + tree.SALT + 7 + tree.UNITS, 1 + 2 * tree.NODE  # bytes of a leaf of a seven-digit holder, and of a node


@dataclass(frozen=True)
class Round:
    """Seconds of a commitment, of hashing as many messages of those sizes, and of one holder's proof."""

    committed: float
    hashed: float
    proved: float


def run(database: str, *, number: int) -> Round:
    """Publish the NAV of the next dealing day, commit to the holdings of Japan's citizens, and prove some of them."""
    nav.run(database, number=number)
    stage.use(database)
    hashed = bare(Holder.objects.filter(kind="citizen").count())
    began = time.perf_counter()
    if not proof.commit_next(now=stage.AFTER):
        raise RuntimeError("there is nothing to commit")
    committed = time.perf_counter() - began
    proved = proofs(HoldingRoot.objects.select_related("nav").latest("pk"), seed=number)
    while proof.commit_next(now=stage.AFTER):
        pass
    stage.connection.close()
    return Round(committed, hashed, proved)


def proofs(root: HoldingRoot, *, seed: int) -> float:
    """Seconds of one holder's proof, of some chosen by chance; each of them is checked."""
    if (root.unit_class_id, root.total_units) != ("JP", total("units:JP")):
        raise RuntimeError("the commitment is not the register")
    first, last = (Holder.objects.filter(kind="citizen").order_by(by)[0].pk for by in ("id", "-id"))
    chosen = random.Random(seed).choices(range(first, last + 1), k=PROOFS)
    began = time.perf_counter()
    found = [proof.of_holder(holder_id=one, class_code="JP") for one in chosen]
    seconds = time.perf_counter() - began
    for one in found:
        tree.check(tree.read(one))
    return seconds / PROOFS


def bare(holders: int) -> float:
    """Seconds to hash the leaves and the nodes of a tree, each message ready and each result kept."""
    seconds = 0.0
    for size, count in zip(MESSAGE, (holders, holders - 1), strict=True):
        pool = random.Random(size).randbytes(1_000_000)
        messages = [pool[k % 900_000 : k % 900_000 + size] for k in range(0, 80 * count, 80)]
        began = time.perf_counter()
        found = [sha256(message).digest() for message in messages]
        seconds += time.perf_counter() - began
        assert len(found) == count
    return seconds
