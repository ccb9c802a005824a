"""One outline of a mask as points at most three pixels apart: what temporal stability compares from frame to frame."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from vosmem.evaluate.outline import Corner, Outline, is_clockwise, outlines

STRAIGHT, TOLERANCE = 0.05, 1.5  # pixels
SPACING = 3.0  # pixels
FEWEST = 4  # vertices of a polygon, its first counted again as its last
SINGLE = 2.0**29 + 1  # x * SINGLE - (x * SINGLE - x) is x in single precision (Dekker, Numerische Mathematik 1971)


def contour(mask: np.ndarray) -> np.ndarray | None:
    """The points that stand for a mask: its polygon with most vertices, long edges divided.

    ``mask``: (H, W) bool. Returns (N, 2) float64, rows and columns of pixel corners; the first point comes again as the
    last. Holes have polygons too; of polygons with equally many vertices the first of :func:`outlines` is taken. None
    where nothing is left.
    """
    found = outlines(mask)
    most, chosen = FEWEST - 1, None
    for number in sorted(range(len(found)), key=lambda n: -len(found[n][0])):
        outline, is_hole = found[number]
        if 2 * len(outline) < most:
            break  # thinning adds one vertex to an edge at most
        polygon = thin(outline)
        if len(polygon) > most or (len(polygon) == most and chosen and number < chosen[0]):
            most, chosen = len(polygon), (number, polygon, is_hole)
    if chosen is None:
        return None
    _, polygon, is_hole = chosen
    if is_clockwise(polygon) == is_hole:
        polygon = polygon[::-1]
    return divide(np.array(polygon, float))


def thin(outline: Outline) -> Outline:
    """An outline's corners without those that hardly matter.

    DAVIS's own tool simplifies the outline twice, pixel by pixel the first time. That leaves the corners and, where
    rounding says so, a few points between them, from which the second time goes on.
    """
    return simplify(simplify(outline, STRAIGHT, pixels=True), TOLERANCE)


def simplify(path: Outline, tolerance: float, pixels: bool = False) -> Outline:
    """A path without the points that are nearer than ``tolerance`` to the rest; its first and last stay.

    First every point nearer than that to the last one kept is left out, then Douglas and Peucker's algorithm is run,
    with distances to segments. ``pixels``: the path runs along the grid, and its pixel corners between two points
    count too.
    """
    near = [path[0]]
    y, x = path[0]
    for point in path[1:-1]:
        if (point[0] - y) ** 2 + (point[1] - x) ** 2 >= tolerance**2:
            near.append(point)
            y, x = point
    near.append(path[-1])

    kept = [near[0]]
    stretches = [near]
    while stretches:
        stretch = stretches.pop()
        if len(stretch) == 2 or (pixels and len(stretch) == 3):  # the corner of two edges is never near a line
            kept += stretch[1:]
            continue
        distance, following, furthest = _furthest(stretch, pixels)
        if distance > tolerance**2:
            before = stretch[:following]
            stretches.append([furthest, *stretch[following:]])
            stretches.append(before if before[-1] == furthest else [*before, furthest])
        else:
            kept.append(stretch[-1])
    return kept


def _furthest(stretch: Outline, pixels: bool) -> tuple[float, int, Corner]:
    """Of the points between a stretch's ends that furthest from the segment between these.

    Returns its squared distance, the number of the point that follows it in the stretch, and itself. On a grid many are
    equally far. DAVIS's own tool rounds the place along the segment to single precision, which then decides between
    them; where that leaves a tie, the last wins.
    """
    (y1, x1), (y2, x2) = stretch[0], stretch[-1]
    v, u = y2 - y1, x2 - x1
    length = u * u + v * v
    points = enumerate(stretch[1:-1], 2)
    if pixels and (u == 0) != (v == 0):  # only between lines parallel to a segment there are ties
        points = _pixels(stretch, along_rows=v == 0)
    furthest, following, found = 0.0, 1, stretch[0]
    surely_nearer = 0.0  # below it, in units of ``across``, rounding cannot decide
    for number, (y, x) in points:
        dy, dx = y - y1, x - x1
        along = u * dx + v * dy
        if along >= length:
            dy, dx = y - y2, x - x2
        elif along > 0:
            across = u * dy - v * dx
            if across * across < surely_nearer:
                continue
            share = along / length
            spread = share * SINGLE
            share = spread - (spread - share)
            dy, dx = y1 + share * v - y, x1 + share * u - x
        distance = dx * dx + dy * dy
        if distance >= furthest:
            furthest, following, found = distance, number, (y, x)
            surely_nearer = 0.999 * furthest * length
    return furthest, following, found


def _pixels(stretch: Outline, along_rows: bool) -> Iterator[tuple[int, Corner]]:
    """The points between a stretch's ends, and the pixel corners on its edges in one direction, in their order.

    With each comes the number of the point that follows it in the stretch.
    """
    for number, ((y, x), (y2, x2)) in enumerate(pairwise(stretch), 1):
        if along_rows and y == y2:
            step = 1 if x2 > x else -1
            yield from ((number, (y, at)) for at in range(x + step, x2, step))
        elif not along_rows and x == x2:
            step = 1 if y2 > y else -1
            yield from ((number, (at, x)) for at in range(y + step, y2, step))
        if number < len(stretch) - 1:
            yield number + 1, (y2, x2)


def divide(polygon: np.ndarray) -> np.ndarray:
    """A polygon (N, 2) with edges longer than the spacing divided evenly: (M, 2)."""
    edges = np.diff(polygon, axis=0)  # (N-1, 2)
    parts = np.maximum(np.ceil(np.hypot(*edges.T) / SPACING), 1).astype(int)  # (N-1)
    edge = np.repeat(np.arange(len(parts)), parts)  # (M-1): on which edge a point lies, and where there
    share = (np.arange(len(edge)) - (np.cumsum(parts) - parts)[edge]) / parts[edge]
    points = np.vstack([polygon[:-1][edge] + edges[edge] * share[:, None], polygon[-1:]])
    return points.round(6)  # what is level must be exactly so: directions begin there
