"""A small picture of a book: how many citizens asked for how many lots. Plain SVG, always with its table."""

from collections.abc import Sequence
from dataclasses import dataclass

from portal.officers import shown

BARS = 20
WIDTH, HEIGHT, GAP = 700, 160, 4


@dataclass(frozen=True)
class Bar:
    """One bar in the picture's own coordinates; ``served``: these requests are met in full."""

    label: str
    citizens: str
    x: int
    y: int
    width: int
    height: int
    served: bool


def of(rows: Sequence[tuple[int, int]], *, level: int) -> list[Bar]:
    """Bars over (requested lots, citizens), gathered into at most twenty ranges of equal width."""
    if not rows:
        return []
    highest = max(lots for lots, _citizens in rows)
    span = -(-highest // BARS)
    ranges = -(-highest // span)
    counts = [0] * ranges
    for lots, citizens in rows:
        counts[max(lots - 1, 0) // span] += citizens
    tallest, width = max(counts), WIDTH // ranges
    return [
        Bar(
            label=str(number + 1) if span == 1 else f"{number * span + 1:,}–{(number + 1) * span:,}",
            citizens=shown.whole(count),
            x=number * width,
            y=HEIGHT - HEIGHT * count // tallest,
            width=width - GAP,
            height=HEIGHT * count // tallest,
            served=(number + 1) * span <= level,
        )
        for number, count in enumerate(counts)
    ]
