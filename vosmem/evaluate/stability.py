"""Temporal stability T: how much the outline of a mask changes its shape from frame to frame.

The outline's points are described by shape contexts (Belongie, Malik, Puzicha, PAMI 2002) and matched in order, as
in Perazzi et al., CVPR 2016, section 4. Lower is better.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import as_strided

from vosmem.evaluate import polygon

ANGLES = 12
RADII = np.logspace(np.log10(1 / 8), np.log10(2), 5)  # outer edges of the rings, in mean distances
BINS = ANGLES * len(RADII)
SCALE = 5.0  # brings T to the range of the other measures
TAN_30, TAN_60 = np.sqrt(1 / 3), np.sqrt(3)
ROUNDING = 1e-5  # sums of costs, in single precision, that differ by less are equal
CELLS = 1_500_000  # of cost matrices worked on together
STRIP = 8  # points whose costs are worked out together, so that what is at hand stays in the processor's cache


def describe(mask: np.ndarray) -> np.ndarray | None:
    """The descriptor of a mask (H, W): see :func:`shape_context`; None where it has no outline worth the name."""
    points = polygon.contour(mask)
    return None if points is None else shape_context(points)


def instabilities(descriptors: Sequence[np.ndarray | None]) -> list[float]:
    """T between neighbours of several frames' descriptors, in order; NaN where either is None."""
    values = [float("nan")] * (len(descriptors) - 1)
    group: list[int] = []
    cells = 0
    for number, (before, after) in enumerate(pairwise(descriptors)):
        if before is None or after is None:
            continue
        group.append(number)
        cells += len(before) * len(after)
        if cells >= CELLS:
            _match_group(descriptors, group, values)
            group, cells = [], 0
    _match_group(descriptors, group, values)
    return values


def _match_group(descriptors: Sequence[np.ndarray | None], group: list[int], values: list[float]) -> None:
    """Put the values of a group of neighbours, by the numbers of the first of each two, where they belong."""
    estimates = [costs(descriptors[number], descriptors[number + 1]) for number in group]
    starts = []
    for number, path in zip(group, ordered_match(estimates), strict=True):  # begin anew behind the cheapest pair
        price = cost_of(path[:-1] if len(path) > 1 else path, descriptors[number], descriptors[number + 1])
        starts.append(path[price.argmin()] + 1)
    turned = [np.roll(estimate, -start, axis=(0, 1)) for estimate, start in zip(estimates, starts, strict=True)]
    for number, start, path in zip(group, starts, ordered_match(turned), strict=True):
        before, after = descriptors[number], descriptors[number + 1]
        pairs = (path + start) % (len(before), len(after))
        price = cost_of(pairs, before, after)
        values[number] = SCALE * float(price[one_to_one(pairs, price)].mean())


def shape_context(points: np.ndarray) -> np.ndarray:
    """Where the other points lie, seen from each: shares of 12 directions times 5 rings.

    ``points``: (N, 2). Returns (N, 60) float64, rows that sum to 1. Direction 0 begins on the first axis and turns to
    the second. A point sees itself, in direction 0; points beyond two mean distances are not counted. The mean is over
    all pairs, those of a point with itself included.
    """
    rows, columns = points.astype(float).T
    u, v = rows - rows[:, None], columns - columns[:, None]  # (N, N): from each point to each
    distance = u * u
    distance += v * v
    np.sqrt(distance, out=distance)
    cell = 6 * directions(u, v)  # (N, N) uint8: 6 * direction + ring; ring 0 is too far, ring 5 the nearest
    for edge in RADII * distance.mean():
        cell += distance < edge
    cell[distance == 0] = len(RADII)
    cells = 6 * ANGLES
    of_point = cells * np.arange(len(points))[:, None]
    count = np.bincount((of_point + cell).ravel(), minlength=cells * len(points)).reshape(-1, ANGLES, 6)
    seen = count[:, :, 1:].reshape(-1, BINS)
    return seen / seen.sum(axis=1, keepdims=True)


def directions(u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """floor(angle / 30 degrees) of vectors, 0..11, the angle from the axis of u to that of v. Not of the zero vector.

    Returns uint8. By comparisons, which is several times faster than the arc tangent.
    """
    along, across = u * np.copysign(1.0, v), np.abs(v)  # turned by 180 degrees where v is negative
    gentle, steep = along * TAN_30, along * TAN_60
    found = 6 * (v < 0).view(np.uint8)
    for passed in (across >= gentle, across >= steep, along <= 0, across <= -steep, across <= -gentle):
        found += passed
    found += (v == 0) & (u < 0)
    return found


def cost_of(pairs: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Half the chi-square distance of the histograms of pairs: (L, 2), (N, 60), (M, 60) -> (L)."""
    x, y = a[pairs[:, 0]], b[pairs[:, 1]]
    return 0.5 * ((x - y) ** 2 / (x + y + np.finfo(float).eps)).sum(axis=1)


def costs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """:func:`cost_of` all pairs, in single precision: (N, 60), (M, 60) -> (N, M). Equal histograms cost nothing."""
    # 1/2 sum (a-b)^2 / (a+b) = 1 - 2 sum ab / (a+b), and ab / (a+b) = 1 / (1/a + 1/b), 0 where a bin is empty.
    with np.errstate(divide="ignore"):
        inverse_a, inverse_b = 1 / a.astype(np.float32)[:, :, None], 1 / np.ascontiguousarray(b.T, np.float32)
    cost = np.empty((len(a), len(b)), np.float32)
    room = np.empty(STRIP * BINS * len(b), np.float32)
    for first in range(0, len(a), STRIP):
        strip = slice(first, first + STRIP)
        filled = np.flatnonzero(a[strip].any(axis=0))
        ours, theirs = inverse_a[strip, filled], inverse_b[filled]
        sums = room[: ours.size * len(b)].reshape(len(ours), len(filled), len(b))  # (strip, k, M)
        np.add(ours, theirs, out=sums)
        np.divide(np.float32(1), sums, out=sums)
        np.add.reduce(sums, axis=1, out=cost[strip])
    cost *= -2
    cost += 1
    rounded = np.argwhere(cost < 1e-4)
    cost[tuple(rounded.T)] = cost_of(rounded, a, b)
    return cost


def ordered_match(costs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """The cheapest paths from the first pair of points to the last, onwards in either contour or in both at each step.

    ``costs``: K matrices (N, M). Returns the paths' pairs, the last first, each (L, 2). The first pair's cost does not
    count. Of equal ways the one on in both contours is taken, then the one on in the second.
    """
    if not costs:
        return []
    # Diagonal d holds the pairs (i, d - i) and needs the two diagonals before it only: a step does all its pairs in all
    # matrices, which stand side by side. Of a smaller matrix what is beyond its end is worked out in vain.
    n, m = (max(cost.shape[axis] for cost in costs) for axis in (0, 1))
    price = np.zeros((n, m, len(costs)), np.float32)
    for k, cost in enumerate(costs):
        price[: cost.shape[0], : cost.shape[1], k] = cost
    row, column, matrix = price.strides
    diagonals = as_strided(price, (n + m - 1, n, len(costs)), (column, row - column, matrix))  # [d, i, k]
    total = np.empty((n + m - 1, n + 1, len(costs)), np.float32)  # [d, i + 1, k]: what getting to (i, d - i) costs
    total[:, 0] = np.inf  # there is nothing before the first pair of a diagonal, and nothing behind its last
    total[np.arange(n - 1), np.arange(2, n + 1)] = np.inf
    total[0, 1] = 0
    for d in range(1, n + m - 1):
        low, high = max(0, d - m + 1), min(n, d + 1)
        before, here = total[d - 1], total[d, low + 1 : high + 1]
        np.minimum(before[low + 1 : high + 1], before[low:high], out=here)
        if d > 1:
            np.minimum(here, total[d - 2, low:high], out=here)
        here += diagonals[d, low:high]
    return [_way_back(total[:, :, k], cost.shape) for k, cost in enumerate(costs)]


def _way_back(total: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The path to the last pair of a matrix of ``size`` (N, M); ``total``: [d, i + 1], what (i, d - i) costs."""
    spent = memoryview(total)  # gives single elements faster
    i, d = size[0] - 1, size[0] + size[1] - 2
    path = [(i, d - i)]
    while d:
        second = spent[d - 1, i + 1] if d > i else np.inf
        first, both = spent[d - 1, i], spent[d - 2, i] if d > 1 else np.inf
        least = min(both, second, first) + ROUNDING
        if both <= least:
            i, d = i - 1, d - 2
        elif second <= least:
            d -= 1
        else:
            i, d = i - 1, d - 1
        path.append((i, d - i))
    return np.array(path)


def one_to_one(pairs: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """Which of the pairs (L, 2) of ``cost`` (L) stay, as numbers.

    For each point of the first contour its cheapest, and of those for each point of the second the cheapest; the first
    of equals.
    """
    kept = np.arange(len(pairs))
    for side in (0, 1):
        order = kept[np.lexsort((cost[kept], pairs[kept, side]))]
        _, first = np.unique(pairs[order, side], return_index=True)
        kept = order[first]
    return kept
