"""Which points are worth having, where better in one thing means worse in another."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

WIDTH, HEIGHT, EDGE = 720, 460, 60


@dataclass(frozen=True, slots=True)
class Figures:
    """A point's quality (more is better), and what it costs (less is better); a cost that nobody knows is None."""

    name: str
    quality: float
    quality_low: float
    quality_high: float
    latency_ms: float | None
    memory_mib: float | None


def front(points: Sequence[Figures]) -> list[bool]:
    """For each point whether no other is at least as good in everything and better in something."""
    return [not any(_dominates(other, point) for other in points) for point in points]


def picture(points: Sequence[Figures], *, quality: str) -> str:
    """An SVG of quality against latency; the area of a dot is its memory. It follows light and dark by itself."""
    placed = [point for point in points if point.latency_ms is not None]
    on_front = dict(zip((p.name for p in points), front(points), strict=True))
    across = _Scale([p.latency_ms or 0 for p in placed], EDGE, WIDTH - EDGE)
    upward = _Scale([end for p in placed for end in (p.quality_low, p.quality_high)], HEIGHT - EDGE, EDGE)
    most_mib = max((p.memory_mib or 0 for p in placed), default=0)
    dots = [_dot(p, across, upward, most_mib, on_front=on_front[p.name]) for p in placed]
    best = sorted((p for p in placed if on_front[p.name]), key=lambda p: p.latency_ms or 0)
    line = " ".join(f"{across(p.latency_ms or 0):.1f},{upward(p.quality):.1f}" for p in best)
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img"'
            f' aria-label="{escape(quality)} against latency; the front is drawn as a line">',
            f"<style>{_STYLE}</style>",
            f'<rect class="ground" width="{WIDTH}" height="{HEIGHT}"/>',
            *_axes(across, upward, quality),
            f'<polyline class="front" points="{line}"/>',
            *dots,
            "</svg>",
            "",
        ]
    )


_STYLE = (
    "text{font:12px system-ui,sans-serif;fill:#1b1f24}.ground{fill:#fff}.axis{stroke:#6a737d}.front{fill:none;"
    "stroke:#0b62c4;stroke-width:2}.dot{fill:#9aa4af;fill-opacity:.75}.best{fill:#0b62c4}.bar{stroke:#6a737d}"
    "@media(prefers-color-scheme:dark){text{fill:#e6edf3}.ground{fill:#0d1117}.axis,.bar{stroke:#8b949e}"
    ".front{stroke:#58a6ff}.dot{fill:#6e7681}.best{fill:#58a6ff}}"
)


class _Scale:
    """Values to places, with a margin; one value stands in the middle."""

    def __init__(self, values: Sequence[float], start: float, end: float) -> None:
        low, high = (min(values), max(values)) if values else (0.0, 1.0)
        margin = (high - low) * 0.08 or max(abs(high) * 0.1, 0.01)
        self.low, self.high = low - margin, high + margin
        self._start, self._end = start, end

    def __call__(self, value: float) -> float:
        return self._start + (value - self.low) / (self.high - self.low) * (self._end - self._start)


def _dominates(one: Figures, other: Figures) -> bool:
    costs = [(one.latency_ms, other.latency_ms), (one.memory_mib, other.memory_mib)]
    known = [(a, b) for a, b in costs if a is not None and b is not None]
    no_worse = one.quality >= other.quality and all(a <= b for a, b in known)
    return no_worse and (one.quality > other.quality or any(a < b for a, b in known))


def _dot(point: Figures, across: _Scale, upward: _Scale, most_mib: float, *, on_front: bool) -> str:
    x, y = across(point.latency_ms or 0), upward(point.quality)
    radius = 4 + 8 * ((point.memory_mib or 0) / most_mib) ** 0.5 if most_mib else 5
    kind = "dot best" if on_front else "dot"
    told = f"{point.name}: {point.quality:.3f}, {point.latency_ms or 0:.0f} ms"
    memory = "" if point.memory_mib is None else f", {point.memory_mib:.1f} MiB"
    return (
        f'<g tabindex="0"><title>{escape(told + memory)}</title>'
        f'<line class="bar" x1="{x:.1f}" x2="{x:.1f}" y1="{upward(point.quality_low):.1f}"'
        f' y2="{upward(point.quality_high):.1f}"/><circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="{radius:.1f}"/>'
        f'<text x="{x + radius + 3:.1f}" y="{y - 4:.1f}">{escape(point.name)}</text></g>'
    )


def _axes(across: _Scale, upward: _Scale, quality: str) -> list[str]:
    bottom, right = HEIGHT - EDGE, WIDTH - EDGE
    return [
        f'<line class="axis" x1="{EDGE}" x2="{right}" y1="{bottom}" y2="{bottom}"/>',
        f'<line class="axis" x1="{EDGE}" x2="{EDGE}" y1="{EDGE}" y2="{bottom}"/>',
        f'<text x="{EDGE}" y="{bottom + 18}">{across.low:.0f}</text>',
        f'<text x="{right}" y="{bottom + 18}" text-anchor="end">{across.high:.0f}</text>',
        f'<text x="{WIDTH / 2}" y="{bottom + 36}" text-anchor="middle">latency, ms (dots: memory of the index)</text>',
        f'<text x="{EDGE - 6}" y="{bottom}" text-anchor="end">{upward.low:.2f}</text>',
        f'<text x="{EDGE - 6}" y="{EDGE + 4}" text-anchor="end">{upward.high:.2f}</text>',
        f'<text x="{EDGE}" y="{EDGE - 14}">{escape(quality)}</text>',
    ]
