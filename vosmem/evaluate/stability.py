"""Temporal stability T: how much the outline of a mask changes its shape from frame to frame.

The outline's points are described by shape contexts (Belongie, Malik, Puzicha, PAMI 2002) and matched in order, as
in Perazzi et al., CVPR 2016, section 4. Lower is better.
"""

from __future__ import annotations

import numpy as np

from vosmem.evaluate import polygon

ANGLES = 12
RADII = np.logspace(np.log10(1 / 8), np.log10(2), 5)  # outer edges of the rings, in mean distances
BINS = ANGLES * len(RADII)
SCALE = 5.0  # brings T to the range of the other measures


def describe(mask: np.ndarray) -> np.ndarray | None:
    """The descriptor of a mask (H, W): see :func:`shape_context`; None where it has no outline worth the name."""
    points = polygon.contour(mask)
    return None if points is None else shape_context(points)


def instability(before: np.ndarray | None, after: np.ndarray | None) -> float:
    """T of two neighbouring frames' descriptors; NaN where either is None."""
    if before is None or after is None:
        return float("nan")
    cost = costs(before, after)
    _, (row, column) = ordered_match(cost)
    row, column = row + 1, column + 1  # begin anew behind the cheapest pair
    path, _ = ordered_match(np.roll(cost, (-row, -column), axis=(0, 1)))
    pairs = np.add(path, (row, column)) % cost.shape
    return SCALE * float(np.mean(cost[tuple(one_to_one(pairs, cost).T)]))


def shape_context(points: np.ndarray) -> np.ndarray:
    """Where the other points lie, seen from each: shares of 12 directions times 5 rings.

    ``points``: (N, 2), x and y. Returns (N, 60) float64, rows that sum to 1. A point sees itself, in direction 0;
    points
    beyond two mean distances are not counted. The mean is over all pairs, those of a point with itself included.
    """
    x, y = points.astype(np.float64).T
    dx, dy = x[None] - x[:, None], y[None] - y[:, None]  # (N, N): from the row's point to the column's
    distance = np.sqrt(dx * dx + dy * dy)
    ring = (distance / distance.mean() < RADII[:, None, None]).sum(axis=0, dtype=np.intp)  # 0: too far; 5: nearest
    angle = np.arctan2(dy, dx) + 2 * np.pi
    angle[angle >= 2 * np.pi] -= 2 * np.pi
    direction = np.minimum(angle / (2 * np.pi / ANGLES), ANGLES - 1).astype(np.intp)
    cell = direction * len(RADII) + ring - 1 + BINS * np.arange(len(points))[:, None]
    count = np.bincount(cell[ring > 0], minlength=BINS * len(points)).reshape(-1, BINS)
    return count / count.sum(axis=1, keepdims=True)


def costs(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Half the chi-square distance of all pairs of histograms: (N, 60), (M, 60) -> (N, M)."""
    with np.errstate(divide="ignore"):
        inverse_a, inverse_b = 1 / a, np.ascontiguousarray(1 / b.T)  # (N, 60), (60, M); an empty bin gives inf
    overlap = np.empty((len(a), len(b)))
    for row, inverse in zip(overlap, inverse_a, strict=True):
        seen = np.flatnonzero(inverse != np.inf)
        sums = inverse_b[seen] + inverse[seen, None]  # (k, M)
        np.reciprocal(sums, out=sums)  # ab / (a + b)
        sums.sum(axis=0, out=row)
    cost = 1 - 2 * overlap  # 1/2 sum (a-b)^2 / (a+b), where both sum to 1
    rows, columns = np.nonzero(cost < 1e-9)  # near 0 that is rounding only, and equal histograms must cost exactly 0
    x, y = a[rows], b[columns]
    cost[rows, columns] = 0.5 * ((x - y) ** 2 / (x + y + np.finfo(float).eps)).sum(axis=1)
    return cost


def ordered_match(cost: np.ndarray) -> tuple[np.ndarray, tuple[int, int]]:
    """The cheapest path from the first pair of points to the last, onwards in either contour or in both at each step.

    ``cost``: (N, M). Returns the path's pairs, the last first, (L, 2), and its cheapest pair (the first one not
    counted).
    """
    n, m = cost.shape
    # Anti-diagonal d holds the pairs (i, d - i); all that a diagonal needs are the two before it.
    total = np.full((n + m - 1, n + 1), np.inf)  # [d, i + 1]
    skewed = np.full((n, n + m), np.inf)
    skewed[:, :m] = cost
    skewed = np.ascontiguousarray(skewed.ravel()[: n * (n + m - 1)].reshape(n, n + m - 1).T)  # [d, i]
    total[0, 1] = 0
    total[1, 1:] = np.minimum(total[0, 1:], total[0, :-1]) + skewed[1] if n + m > 2 else np.inf
    for two_back, back, here, added in zip(total, total[1:], total[2:], skewed[2:], strict=False):
        target = here[1:]
        np.minimum(back[1:], back[:-1], out=target)
        np.minimum(target, two_back[:-1], out=target)
        target += added

    i, d = n - 1, n + m - 2
    path, cheapest, at = [(i, d - i)], np.inf, (i, d - i)
    while d > 0:
        if cost[i, d - i] < cheapest:
            cheapest, at = cost[i, d - i], (i, d - i)
        both = total[d - 2, i] if d > 1 else np.inf
        second, first = total[d - 1, i + 1], total[d - 1, i]
        if both <= second and both <= first:
            i, d = i - 1, d - 2
        elif second <= first:
            d -= 1
        else:
            i, d = i - 1, d - 1
        path.append((i, d - i))
    return np.array(path), at


def one_to_one(pairs: np.ndarray, cost: np.ndarray) -> np.ndarray:
    """For each point of the first contour its cheapest pair, of those for each point of the second the cheapest."""
    for side in (0, 1):
        price = cost[tuple(pairs.T)]
        order = np.lexsort((np.arange(len(pairs)), price, pairs[:, side]))
        _, first = np.unique(pairs[order, side], return_index=True)
        pairs = pairs[order[first]]
    return pairs
