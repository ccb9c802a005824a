"""A chart of differences with their intervals, a row each, about a line where there is none. Inline SVG, the page's
colours.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup, escape

WIDTH, LABELS, RIGHT = 900, 330, 20  # of the chart, in units that are about a CSS pixel
ROW, HEAD, AXIS = 22, 30, 34  # heights of a row, of a group's heading and of the axis
STEPS = (0.5, 1, 2, 5, 10, 20, 50)


@dataclass(frozen=True)
class Interval:
    """A difference and its interval, in points."""

    name: str
    mean: float
    low: float
    high: float


def chart(groups: Sequence[tuple[str, Sequence[Interval]]], label: str, axis: str) -> Markup:
    """Groups of rows, each with a heading. ``label`` tells those who cannot see it; ``axis``: what is drawn.

    An interval that leaves the line of no difference out is drawn in full colour, one that holds it is pale.
    """
    every = [row for _, rows in groups for row in rows]
    low, high = min([0.0, *(r.low for r in every)]), max([0.0, *(r.high for r in every)])
    step = next((s for s in STEPS if (high - low) / s <= 10), STEPS[-1])
    low, high = step * (low // step), -step * (-high // step)
    high = high if high > low else low + step
    height = AXIS + sum(HEAD + ROW * len(rows) for _, rows in groups)

    def at(value: float) -> float:
        return LABELS + (value - low) / (high - low) * (WIDTH - LABELS - RIGHT)

    parts = [f'<svg class="chart intervals" viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(label)}">']
    for i in range(round((high - low) / step) + 1):
        value = low + i * step
        kind = "zero" if abs(value) < step / 100 else "grid"
        text = f"{value:+g}".replace("-", "−") if kind == "grid" else "0"
        parts.append(f'<path class="{kind}" d="M{at(value):.1f} 0V{height - AXIS}"/>')
        parts.append(f'<text x="{at(value):.1f}" y="{height - AXIS + 14}" text-anchor="middle">{text}</text>')
    middle = (LABELS + WIDTH - RIGHT) / 2
    parts.append(f'<text x="{middle:.0f}" y="{height - 4}" text-anchor="middle">{escape(axis)}</text>')
    top = 0.0
    for heading, rows in groups:
        parts.append(f'<text class="name" x="0" y="{top + HEAD - 8}">{escape(heading)}</text>')
        top += HEAD
        for row in rows:
            v, sure = top + ROW / 2, "" if row.low > 0 or row.high < 0 else " open"
            told = f"{row.name}: {row.mean:+.1f} [{row.low:+.1f}, {row.high:+.1f}]"
            parts.append(f'<g class="interval{sure}"><title>{escape(told)}</title>')
            parts.append(f'<text x="{LABELS - 14}" y="{v + 4:.1f}" text-anchor="end">{escape(row.name)}</text>')
            parts.append(f'<path class="line s0" d="M{at(row.low):.1f} {v:.1f}H{at(row.high):.1f}"/>')
            parts.append(f'<circle cx="{at(row.mean):.1f}" cy="{v:.1f}" r="4"/></g>')
            top += ROW
    return Markup("".join([*parts, "</svg>"]))
