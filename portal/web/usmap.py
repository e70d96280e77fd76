"""A map of the United States in equal tiles: a small state is seen as well as a large one, and nothing is fetched."""

from dataclasses import dataclass
from typing import Any

TILES = """
    AK .. .. .. .. .. .. .. .. .. ME
    .. .. .. .. .. .. .. .. .. VT NH
    WA ID MT ND MN IL WI MI NY RI MA
    OR NV WY SD IA IN OH PA NJ CT ..
    CA UT CO NE MO KY WV VA MD DE ..
    .. AZ NM KS AR TN NC SC DC .. ..
    .. .. .. OK LA MS AL GA .. .. ..
    HI .. .. TX .. .. .. .. FL .. ..
"""
SIDE, GAP = 60, 4
PLACES = {
    code: (column * (SIDE + GAP), row * (SIDE + GAP))
    for row, line in enumerate(TILES.strip().splitlines())
    for column, code in enumerate(line.split())
    if code != ".."
}
WIDTH = max(x for x, _ in PLACES.values()) + SIDE
HEIGHT = max(y for _, y in PLACES.values()) + SIDE
SHADES = 4


@dataclass(frozen=True)
class Tile:
    """A state at its place. ``group`` is its line in the table, None where nothing is; ``shade`` is 0 to ``SHADES``."""

    code: str
    x: int
    y: int
    shade: int
    group: dict[str, Any] | None


@dataclass(frozen=True)
class Map:
    """Every state, and the groups of a table that have no place on the map (territories)."""

    tiles: list[Tile]
    elsewhere: list[dict[str, Any]]
    width: int = WIDTH
    height: int = HEIGHT
    side: int = SIDE
    middle: int = SIDE // 2


def drawn(groups: list[dict[str, Any]]) -> Map:
    """The lines of a table by state (``portfolio.groups``) as tiles; the larger the value, the darker."""
    found = {group["code"]: group for group in groups}
    tiles = [Tile(code, x, y, _shade(found.get(code)), found.get(code)) for code, (x, y) in PLACES.items()]
    return Map(tiles, [group for group in groups if group["code"] not in PLACES])


def _shade(group: dict[str, Any] | None) -> int:
    """From the bar, which is in percent of the largest."""
    return 0 if group is None else min(1 + int(group["bar"]) * SHADES // 101, SHADES)
