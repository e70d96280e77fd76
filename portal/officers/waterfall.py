"""A small picture of what moved a figure: from the last to the new one by steps. Plain SVG, always with its table."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Any

WIDTH, HEIGHT, GAP = 700, 200, 12


@dataclass(frozen=True)
class Step:
    """One column in the picture's own coordinates. ``kind``: a step up, a step down, or a whole figure."""

    label: Any
    value: str
    kind: str
    x: int
    y: int
    width: int
    height: int
    middle: int


def of(steps: Sequence[tuple[Any, int, str]], *, start: int) -> list[Step]:
    """Columns over (label, amount, amount as written): the start, each step where the one before ended, and the end.

    The first and the last are whole figures, of which only the part that moves is drawn: the scale begins below the
    lowest level, so that steps of a thousandth are seen.
    """
    levels = list(accumulate((amount for _label, amount, _text in steps[1:-1]), initial=start))
    low, high = min(levels), max(levels)
    floor = low - max((high - low) // 4, 1)
    scale = HEIGHT / (high - floor)
    width = WIDTH // len(steps)

    def column(place: int, between: tuple[int, int], kind: str) -> Step:
        label, _amount, text = steps[place]
        top, bottom = max(between), min(between)
        y = round((high - top) * scale)
        return Step(
            label=label, value=text, kind=kind, x=place * width + GAP // 2, y=y, width=width - GAP,
            height=max(1, round((top - bottom) * scale)), middle=place * width + width // 2,
        )  # fmt: skip

    moves = [
        column(place, (before, after), "up" if after >= before else "down")
        for place, (before, after) in enumerate(pairwise(levels), 1)
    ]
    last = len(steps) - 1
    return [column(0, (levels[0], floor), "whole"), *moves, column(last, (levels[-1], floor), "whole")]
