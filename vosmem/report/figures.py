"""Line charts as small inline SVG. Colours are the page's: a line of class s0, s1, ... takes its style sheet's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, HEIGHT = 320, 150  # of a chart, in units that are about a CSS pixel
LEFT, RIGHT, TOP, BOTTOM = 30, 8, 8, 20
DASH = 5  # what a point is that no line goes through
COLOURS = 7  # the style sheet's s0 ... s6; further lines repeat them, dashed


@dataclass(frozen=True)
class Line:
    """One line: a name, points (x, y), y None where the line breaks, and its place in the legend, hence its colour."""

    name: str
    points: Sequence[tuple[float, float | None]]
    series: int


def line_chart(
    lines: Sequence[Line],
    x_range: tuple[float, float],
    y_range: tuple[float, float],
    x_ticks: Sequence[tuple[float, str]],
    y_ticks: Sequence[tuple[float, str]],
    label: str,
    height: float = HEIGHT,
    name: str = "",
) -> Markup:
    """A chart as an SVG element. ``label`` tells those who cannot see it what it shows; ``name`` stands by its axis."""

    def at(x: float, y: float) -> tuple[float, float]:
        (x0, x1), (y0, y1) = x_range, y_range
        u = LEFT + (x - x0) / ((x1 - x0) or 1) * (WIDTH - LEFT - RIGHT)
        v = height - BOTTOM - (min(max(y, y0), y1) - y0) / ((y1 - y0) or 1) * (height - TOP - BOTTOM)
        return u, v

    parts = [f'<svg class="chart" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">']
    for y, text in y_ticks:
        _, v = at(x_range[0], y)
        parts.append(f'<path class="grid" d="M{LEFT} {v:.1f}H{WIDTH - RIGHT}"/>')
        parts.append(f'<text class="y" x="{LEFT - 5}" y="{v + 3.5:.1f}">{escape(text)}</text>')
    for i, (x, text) in enumerate(x_ticks):
        u, _ = at(x, y_range[0])
        anchor = "start" if i == 0 else "end" if i == len(x_ticks) - 1 else "middle"
        parts.append(f'<text x="{u:.1f}" y="{height - 5}" text-anchor="{anchor}">{escape(text)}</text>')
    if name:
        parts.append(f'<text class="name" x="0" y="{(TOP + height - BOTTOM) / 2 + 3.5:.1f}">{escape(name)}</text>')
    for line in lines:
        d, title = _path(line.points, at), escape(line.name)
        parts.append(f'<path class="{series_class(line.series)}" d="{d}"><title>{title}</title></path>')
    return Markup("".join([*parts, "</svg>"]))


def series_class(series: int) -> str:
    """The style of the n-th line: a colour, and dashes once the colours are used up."""
    return f"line s{series % COLOURS}" + (" dashed" if series >= COLOURS else "")


def _path(points: Sequence[tuple[float, float | None]], at) -> str:
    """The d attribute; a point between two gaps becomes a dash that can be seen."""
    text, pen = [], "M"
    for i, (x, y) in enumerate(points):
        if y is None:
            pen = "M"
            continue
        u, v = at(x, y)
        alone = pen == "M" and (i + 1 == len(points) or points[i + 1][1] is None)
        text.append(f"M{u - DASH / 2:.1f} {v:.1f}h{DASH}" if alone else f"{pen}{u:.1f} {v:.1f}")
        pen = "L"
    return "".join(text)


def thin(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most about ``most`` points: means of neighbouring ones, the last x of each."""
    step = -(-len(points) // most)
    blocks = [points[i : i + step] for i in range(0, len(points), step)]
    return [(block[-1][0], sum(y for _, y in block) / len(block)) for block in blocks]
