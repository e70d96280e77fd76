"""The allotment in the slowest and plainest way: lots are handed round one at a time (D28)."""

import hashlib
import hmac
from dataclasses import dataclass


@dataclass
class Citizen:
    ticket: str
    orders: list[int]  # lots of each order, the oldest first
    lots: int = 0

    @property
    def wants_more(self) -> bool:
        return self.lots < sum(self.orders)

    def draw(self, seed: bytes) -> bytes:
        return hmac.new(seed, self.ticket.encode("ascii"), hashlib.sha256).digest()

    def per_order(self) -> list[int]:
        """The citizen's lots over the orders, the oldest first, each to its own size."""
        left, parts = self.lots, []
        for size in self.orders:
            parts.append(min(size, left))
            left -= parts[-1]
        return parts


def allot(citizens: list[Citizen], capacity: int, seed: bytes) -> None:
    """One lot to everybody who wants more, round after round; a round that cannot serve all is drawn for."""
    while wanting := [citizen for citizen in citizens if citizen.wants_more]:
        if len(wanting) > capacity:
            wanting = sorted(wanting, key=lambda citizen: citizen.draw(seed))[:capacity]
        for citizen in wanting:
            citizen.lots += 1
        capacity -= len(wanting)
        if not capacity:
            return
