"""Where lines of text are, from a map of how likely each pixel is part of one (differentiable binarization)."""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

_LIKELY = 0.3
_LEAST_MEAN = 0.5
_LEAST_SIDE = 3.0
_MAX_REGIONS = 1000
# The map marks the core of a line; its outline is grown by area times this over circumference (PP-OCR's setting).
_UNCLIP = 1.6

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Region:
    """A rectangle in a picture, perhaps askew: its upper left corner, its sides as vectors along and down the line."""

    corner: Point
    along: Point
    down: Point

    @property
    def width(self) -> float:
        return math.hypot(*self.along)

    @property
    def height(self) -> float:
        return math.hypot(*self.down)

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of the upright rectangle around it."""
        (x, y), (ax, ay), (dx, dy) = self.corner, self.along, self.down
        xs, ys = (x, x + ax, x + dx, x + ax + dx), (y, y + ay, y + dy, y + ay + dy)
        return min(xs), min(ys), max(xs), max(ys)

    def right_per(self, pixels: int) -> Point:
        return self.along[0] / pixels, self.along[1] / pixels

    def down_per(self, pixels: int) -> Point:
        return self.down[0] / pixels, self.down[1] / pixels

    def scaled(self, by_x: float, by_y: float) -> "Region":
        sides = (self.corner, self.along, self.down)
        return Region(*((x * by_x, y * by_y) for x, y in sides))

    def turned_about(self, width: int, height: int) -> "Region":
        """The same rectangle after the picture, of the size given, was turned by 180 degrees."""
        (x, y), (ax, ay), (dx, dy) = self.corner, self.along, self.down
        return Region((width - x - ax - dx, height - y - ay - dy), self.along, self.down)


def regions_of(chances: "np.ndarray") -> list[Region]:
    """The regions of a map (height, width) of chances from 0 to 1: at most a thousand, the largest first."""
    import numpy as np

    mask = chances > _LIKELY
    mask[1:] |= mask[:-1].copy()
    mask[:, 1:] |= mask[:, :-1].copy()
    rows, starts, ends = _runs(mask)
    labels = _joined(rows, starts, ends)
    sums = np.concatenate(([0.0], np.cumsum(chances, dtype=np.float64)))
    width = chances.shape[1]
    weights = sums[rows * width + ends] - sums[rows * width + starts]
    order = np.argsort(labels, kind="stable")
    bounds = np.flatnonzero(np.diff(labels[order], prepend=-1))
    groups = np.split(order, bounds[1:])
    groups.sort(key=len, reverse=True)
    found: list[Region] = []
    for group in groups[:_MAX_REGIONS]:
        pixels = int((ends[group] - starts[group]).sum())
        if pixels and float(weights[group].sum()) / pixels >= _LEAST_MEAN:
            found += _region(rows[group], starts[group], ends[group])
    return found


def _runs(mask: "np.ndarray") -> "tuple[np.ndarray, np.ndarray, np.ndarray]":
    """Row, start and end (exclusive) of each horizontal run, from top to bottom and left to right."""
    import numpy as np

    edges = np.diff(np.pad(mask.astype(np.int8), ((0, 0), (1, 1))), axis=1)
    rows, starts = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    return rows, starts, ends


def _joined(rows: "np.ndarray", starts: "np.ndarray", ends: "np.ndarray") -> "np.ndarray":
    """A label for each run; runs of neighbouring rows that touch share one."""
    import numpy as np

    parents = list(range(len(rows)))
    row, start, end = rows.tolist(), starts.tolist(), ends.tolist()

    def root(i: int) -> int:
        while parents[i] != i:
            parents[i] = parents[parents[i]]
            i = parents[i]
        return i

    above = 0
    for i in range(len(row)):
        while row[above] < row[i] - 1 or (row[above] == row[i] - 1 and end[above] < start[i]):
            above += 1
        other = above
        while row[other] == row[i] - 1 and start[other] <= end[i]:
            parents[root(other)] = root(i)
            other += 1
    return np.array([root(i) for i in range(len(row))], dtype=np.int64)


def _region(rows: "np.ndarray", starts: "np.ndarray", ends: "np.ndarray") -> list[Region]:
    """The smallest rectangle around some runs, grown to the outline of the line; none if it is too small."""
    import numpy as np

    x = np.concatenate([starts, ends, starts, ends]).astype(np.float64)
    y = np.concatenate([rows, rows, rows + 1, rows + 1]).astype(np.float64)
    hull = _hull(sorted(set(zip(x.tolist(), y.tolist(), strict=True))))
    centre, direction, along, down = _smallest_rectangle(np.array(hull))
    if min(along, down) < _LEAST_SIDE:
        return []
    grown = along * down * _UNCLIP / (2 * (along + down))
    along, down = along + 2 * grown, down + 2 * grown
    ux, uy = direction
    a, d = (along * ux, along * uy), (-down * uy, down * ux)
    return [Region((centre[0] - (a[0] + d[0]) / 2, centre[1] - (a[1] + d[1]) / 2), a, d)]


def _hull(points: list[Point]) -> list[Point]:
    """Andrew's monotone chain, over sorted points."""

    def half(ordered: list[Point]) -> list[Point]:
        chain: list[Point] = []
        for p in ordered:
            while len(chain) > 1 and _turn(chain[-2], chain[-1], p) <= 0:
                chain.pop()
            chain.append(p)
        return chain[:-1]

    return half(points) + half(points[::-1])


def _turn(a: Point, b: Point, c: Point) -> float:
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])


def _smallest_rectangle(hull: "np.ndarray") -> tuple[Point, Point, float, float]:
    """Centre, direction of its more level side, and lengths along and across: one side lies on an edge of the hull."""
    import numpy as np

    edges = np.roll(hull, -1, axis=0) - hull
    angles = np.unique(np.mod(np.arctan2(edges[:, 1], edges[:, 0]) + np.pi / 4, np.pi / 2) - np.pi / 4)
    cos, sin = np.cos(angles)[:, None], np.sin(angles)[:, None]
    u = cos * hull[:, 0] + sin * hull[:, 1]
    v = cos * hull[:, 1] - sin * hull[:, 0]
    spans_u, spans_v = np.ptp(u, axis=1), np.ptp(v, axis=1)
    best = int(np.argmin(spans_u * spans_v))
    mid_u, mid_v = (u[best].min() + u[best].max()) / 2, (v[best].min() + v[best].max()) / 2
    c, s = float(cos[best, 0]), float(sin[best, 0])
    centre = (float(c * mid_u - s * mid_v), float(s * mid_u + c * mid_v))
    return centre, (c, s), float(spans_u[best]), float(spans_v[best])
