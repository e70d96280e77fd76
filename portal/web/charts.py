"""Charts that the server draws as SVG attributes; colours stand in the stylesheet, the figures in the table below."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

WIDTH, HEIGHT = 720, 300
LEFT, RIGHT, TOP, BOTTOM = 84, 16, 16, 34


@dataclass(frozen=True)
class Tick:
    """A ruled line with its label; ``at`` is the place in the drawing."""

    at: int
    value: Decimal


@dataclass(frozen=True)
class Point:
    """One day of a line: where it is in the drawing and what it is worth."""

    x: int
    y: int
    day: date
    value: Decimal


@dataclass(frozen=True)
class Line:
    """A line over days: SVG path data, its points, the ruled values and the days at both ends."""

    line: str
    area: str
    points: list[Point]
    ticks: list[Tick]
    last: tuple[int, int]
    first_day: date
    last_day: date
    width: int = WIDTH
    height: int = HEIGHT
    left: int = LEFT
    right: int = WIDTH - RIGHT
    label_right: int = LEFT - 10
    label_base: int = HEIGHT - 8


def line(points: Sequence[tuple[date, Decimal]], *, least: Decimal) -> Line | None:
    """A line chart of at least two days, oldest first; None where there is nothing to draw.

    ``least`` is the smallest step that its labels can tell apart: no two rules bear the same figure.
    """
    if len(points) < 2:
        return None
    ruled = rules(min(value for _, value in points), max(value for _, value in points), least)
    low, high = ruled[0], ruled[-1]
    first, last = points[0][0], points[-1][0]
    days = max((last - first).days, 1)
    base = HEIGHT - BOTTOM

    def across(on: date) -> int:
        return LEFT + (on - first).days * (WIDTH - LEFT - RIGHT) // days

    def down(value: Decimal) -> int:
        return base - int((value - low) * (base - TOP) / (high - low))

    places = [(across(on), down(value)) for on, value in points]
    path = "M" + "L".join(f"{x} {y}" for x, y in places)
    return Line(
        line=path,
        area=f"{path}V{base}H{places[0][0]}Z",
        points=[Point(x, y, on, value) for (x, y), (on, value) in zip(places, points, strict=True)],
        ticks=[Tick(down(value), value) for value in ruled],
        last=places[-1],
        first_day=first,
        last_day=last,
    )


def labelled(drawn: Line | None, write: Callable[[Decimal], str]) -> dict[str, list[dict[str, Any]]]:
    """The ruled values and the points of a line with their figures as people read them."""
    ticks = drawn.ticks if drawn else []
    points = drawn.points if drawn else []
    return {
        "ticks": [{"at": tick.at, "label": write(tick.value)} for tick in ticks if tick.value > 0],
        "points": [{"x": one.x, "y": one.y, "day": one.day, "label": write(one.value)} for one in points],
    }


def rules(low: Decimal, high: Decimal, least: Decimal) -> list[Decimal]:
    """Round values from at most low to at least high, a round step apart that is no smaller than the least."""
    spread = (high - low) or abs(high) / 10 or Decimal(1)
    step = Decimal(1).scaleb(spread.adjusted())
    if spread / step > 4:
        step *= 2
    elif spread / step < 2:
        step /= 2
    step = max(step, least)
    ruled = [low // step * step]
    while len(ruled) < 2 or ruled[-1] < high:
        ruled.append(ruled[-1] + step)
    return ruled


@dataclass(frozen=True)
class Share:
    """One part of a whole as a piece of a bar that is 1000 wide."""

    start: int
    size: int


def shares(parts: Sequence[int]) -> list[Share]:
    """Parts of a whole side by side; a part that is not nothing is at least 4 wide, so that it is seen."""
    whole = sum(parts) or 1
    placed, start = [], 0
    for part in parts:
        size = max(part * 1000 // whole, 4 if part else 0)
        placed.append(Share(start, size))
        start += size
    return placed
