"""One outline of a mask as points at most three pixels apart: what temporal stability compares from frame to frame."""

from __future__ import annotations

import numpy as np

from vosmem.evaluate.outline import Outline, is_clockwise, outlines

TOLERANCE = 1.5  # pixels
SPACING = 3.0  # pixels
FEWEST = 4  # vertices of a polygon, its first counted again as its last


def contour(mask: np.ndarray) -> np.ndarray | None:
    """The points that stand for a mask: its polygon with most vertices, long edges divided.

    ``mask``: (H, W) bool. Returns (N, 2) float64, rows and columns of pixel corners; the first point comes again as the
    last. Holes have polygons too; of polygons with equally many vertices the one found last is taken. None where
    nothing is left.
    """
    best: tuple[int, int] = (FEWEST - 1, -1)
    chosen = None
    found = outlines(mask)
    for number in sorted(range(len(found)), key=lambda n: -len(found[n][0])):
        outline, is_hole = found[number]
        if len(outline) < best[0]:
            break  # thinning only takes vertices away
        polygon = thin(outline)
        if len(polygon) >= FEWEST and (len(polygon), number) > best:
            best, chosen = (len(polygon), number), (polygon, is_hole)
    if chosen is None:
        return None
    polygon, is_hole = chosen
    if is_clockwise(polygon) == is_hole:
        polygon = polygon[::-1]
    return divide(np.array(polygon, float))


def thin(outline: Outline) -> Outline:
    """An outline's corners without those that hardly matter.

    First every corner nearer than the tolerance to the last one kept is left out, then Douglas and Peucker's algorithm
    is run on the rest, with distances to segments; of equally far corners it keeps the last. First and last stay.
    """
    kept = [outline[0]]
    y, x = outline[0]
    for corner in outline[1:-1]:
        if (corner[0] - y) ** 2 + (corner[1] - x) ** 2 >= TOLERANCE**2:
            kept.append(corner)
            y, x = corner
    kept.append(outline[-1])

    keys = {0, len(kept) - 1}
    stretches = [(0, len(kept) - 1)]
    while stretches:
        first, last = stretches.pop()
        furthest, key = _furthest(kept, first, last)
        if furthest > TOLERANCE**2:
            keys.add(key)
            stretches += [(first, key), (key, last)]
    return [kept[key] for key in sorted(keys)]


def _furthest(corners: Outline, first: int, last: int) -> tuple[float, int]:
    """The largest squared distance of the corners between two from the segment between these, and whose it is."""
    (y1, x1), (y2, x2) = corners[first], corners[last]
    v, u = y2 - y1, x2 - x1
    length = u * u + v * v
    furthest, key = 0.0, first
    for number in range(first + 1, last):
        y, x = corners[number]
        dy, dx = y - y1, x - x1
        along = u * dx + v * dy
        if along >= length:
            dy, dx = y - y2, x - x2
        elif along > 0:
            share = along / length
            dy, dx = y1 + share * v - y, x1 + share * u - x
        distance = dx * dx + dy * dy
        if distance >= furthest:
            furthest, key = distance, number
    return furthest, key


def divide(polygon: np.ndarray) -> np.ndarray:
    """A polygon (N, 2) with edges longer than the spacing divided evenly: (M, 2)."""
    edges = np.diff(polygon, axis=0)  # (N-1, 2)
    parts = np.maximum(np.ceil(np.hypot(*edges.T) / SPACING), 1).astype(int)  # (N-1)
    edge = np.repeat(np.arange(len(parts)), parts)  # (M-1): on which edge a point lies, and where there
    share = (np.arange(len(edge)) - (np.cumsum(parts) - parts)[edge]) / parts[edge]
    points = np.vstack([polygon[:-1][edge] + edges[edge] * share[:, None], polygon[-1:]])
    return points.round(6)  # what is level must be exactly so: directions begin there
