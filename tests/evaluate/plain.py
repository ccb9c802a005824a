"""Plain references for the measures, written from their definitions: slow, in float64, a step at a time."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np


def boundary(mask):
    height, width = mask.shape
    out = np.zeros_like(mask)
    for y in range(height):
        for x in range(width):
            right, down = min(x + 1, width - 1), min(y + 1, height - 1)
            neighbours = [mask[y, right], mask[down, x], mask[down, right]]
            if (y, x) == (height - 1, width - 1):
                neighbours = []
            elif y == height - 1:
                neighbours = [mask[y, right]]
            elif x == width - 1:
                neighbours = [mask[down, x]]
            out[y, x] = any(n != mask[y, x] for n in neighbours)
    return out


def jaccard(mask, annotation):
    union = (mask | annotation).sum()
    return (mask & annotation).sum() / union if union else 1.0


def f_measure(mask, annotation, radius=None):
    ours, theirs = (np.argwhere(boundary(m)) for m in (mask, annotation))
    if not len(ours) or not len(theirs):
        return float(len(ours) == len(theirs))
    radius = radius or math.ceil(0.008 * math.sqrt(mask.shape[0] ** 2 + mask.shape[1] ** 2))
    squared = ((ours[:, None] - theirs[None]) ** 2).sum(2)
    precision = (squared.min(1) <= radius**2).mean()
    recall = (squared.min(0) <= radius**2).mean()
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def outlines(mask):
    """Closed paths along pixel corners, corner by corner: [(row, column), ...], the first again as the last.

    A path turns at every corner where four pixels meet crosswise, and passes it once.
    """
    height, width = mask.shape
    pad = np.zeros((height + 2, width + 2), bool)
    pad[1:-1, 1:-1] = mask

    def edge(corner, step):  # whether an outline runs from a corner in a direction; the edge's own name
        (r, c), (dr, dc) = corner, step
        if dr:
            row = min(r, r + dr)
            there = 0 <= row < height and pad[row + 1, c] != pad[row + 1, c + 1]
            return there and ("down", row, c)
        column = min(c, c + dc)
        return 0 <= column < width and pad[r, column + 1] != pad[r + 1, column + 1] and ("right", r, column)

    steps = [(1, 0), (-1, 0), (0, 1), (0, -1)]
    corners = [(r, c) for r in range(height + 1) for c in range(width + 1)]
    junctions = [corner for corner in corners if all(edge(corner, step) for step in steps)]
    number = {corner: i for i, corner in enumerate(junctions)}
    seen, pieces = set(), []  # pieces: number of the junction at either end, path

    def follow(start, step):
        path, at = [start], start
        while True:
            seen.add(edge(at, step))
            at = (at[0] + step[0], at[1] + step[1])
            path.append(at)
            if at in number:
                return path
            step = next(s for s in steps if edge(at, s) and edge(at, s) not in seen)

    for junction in reversed(junctions):
        for step in ((-1, 0), (0, -1), (1, 0), (0, 1)):
            if edge(junction, step) not in seen:
                path = follow(junction, step)
                pieces.append((number[junction], number[path[-1]], path))
    for corner in corners:  # closed paths without a junction, each made one of its own
        name = edge(corner, (1, 0))
        if name and name not in seen:
            number[corner] = len(number)
            path = follow(corner, (1, 0))
            pieces.append((number[corner], number[corner], path))

    def first_step(i, junction):  # into piece i from one of its ends
        one, other = pieces[i][2][:2] if pieces[i][0] == junction else pieces[i][2][:-3:-1]
        return other[0] - one[0], other[1] - one[1]

    waiting = {}
    for i, (one, other, _) in enumerate(pieces):
        waiting.setdefault(one, set()).add(i)
        waiting.setdefault(other, set()).add(i)
    found = []
    for start in sorted(waiting, reverse=True):
        while waiting[start]:
            trail, at, chosen = [], start, min(waiting[start])
            while True:
                one, other, _ = pieces[chosen]
                ahead = other if at == one else one
                waiting[one].discard(chosen)
                waiting[other].discard(chosen)
                trail.append((at, chosen))
                at = ahead
                passed = [junction for junction, _ in trail]
                if at in passed:
                    k = passed.index(at)
                    path = []
                    for junction, i in trail[k:]:
                        stretch = pieces[i][2] if pieces[i][0] == junction else pieces[i][2][::-1]
                        path += stretch if not path else stretch[1:]
                    found.append(path)
                    trail = trail[:k]
                    if not trail:
                        break
                    chosen = trail[-1][1]
                came = first_step(chosen, at)
                left = sorted(waiting[at])
                chosen = left[0] if (first_step(left[0], at)[0] == 0) != (came[0] == 0) else left[1]
    return found


def thin(path, tolerance):
    """Radial distance, then Douglas-Peucker with distances to segments, in single precision; the last of equals."""
    if len(path) < 3:
        return path
    kept = [path[0]]
    for p in path[1:-1]:
        if math.dist(p, kept[-1]) >= tolerance:
            kept.append(p)
    kept.append(path[-1])

    def distance(p, a, b):
        v, w = np.subtract(b, a).astype(float), np.subtract(p, a).astype(float)
        if v @ w <= 0:
            return float(w @ w)
        if v @ v <= v @ w:
            return float(np.sum(np.subtract(p, b).astype(float) ** 2))
        share = float(np.float32(v @ w) / np.float32(v @ v))
        return float(np.sum((a + share * v - p) ** 2))

    def between(first, last):
        far, key = 0.0, None
        for k in range(first + 1, last):
            if (d := distance(kept[k], kept[first], kept[last])) >= far:
                far, key = d, k
        return [*between(first, key), key, *between(key, last)] if far > tolerance**2 else []

    return [kept[k] for k in [0, *between(0, len(kept) - 1), len(kept) - 1]]


def area(path):
    return sum((r2 - r) * (c2 + c) for (r, c), (r2, c2) in pairwise(path))


def contour(mask):
    """The polygon with most vertices, the first of equals, edges divided to at most 3 pixels; (N, 2) or None."""
    best = None
    for path in outlines(mask):
        polygon = thin(thin(path, 0.05), 1.5)
        (r, c), (r2, c2) = path[:2]
        middle = (r + r2) / 2, (c + c2) / 2  # the pixel to the right of the first edge, and where it is
        y, x = math.floor(middle[0] + (c2 - c) / 2), math.floor(middle[1] - (r2 - r) / 2)
        object_right = 0 <= y < mask.shape[0] and 0 <= x < mask.shape[1] and bool(mask[y, x])
        is_hole = object_right != (area(path) > 0)
        if (area(polygon) > 0) == is_hole:
            polygon = polygon[::-1]
        if len(polygon) > 3 and (best is None or len(polygon) > len(best)):
            best = polygon
    if best is None:
        return None
    points = []
    for a, b in pairwise(best):
        parts = max(math.ceil(math.dist(a, b) / 3), 1)
        points += [tuple(a[k] + (b[k] - a[k]) * (i / parts) for k in (0, 1)) for i in range(parts)]
    return np.array([*points, best[-1]], float).round(6)


def histograms(points):
    n = len(points)
    mean = np.mean([[math.dist(p, q) for q in points] for p in points])
    edges = np.logspace(np.log10(1 / 8), np.log10(2), 5)
    out = np.zeros((n, 12, 5))
    for i in range(n):
        for j in range(n):
            dr, dc = points[j] - points[i]
            ring = sum(math.dist(points[i], points[j]) / mean < e for e in edges)
            if ring:
                angle = math.fmod(math.fmod(math.atan2(dc, dr), 2 * math.pi) + 2 * math.pi, 2 * math.pi)
                out[i, min(int(angle / (2 * math.pi / 12)), 11), ring - 1] += 1
    out = out.reshape(n, 60)
    return out / out.sum(1, keepdims=True)


def cost_matrix(a, b):
    return np.array([[0.5 * ((x - y) ** 2 / (x + y + np.finfo(float).eps)).sum() for y in b] for x in a])


def cheapest_path(cost):
    """Pairs from the last to the first, the first one's cost not summed."""
    n, m = cost.shape
    total = np.full((n, m), np.inf)
    total[0, 0] = 0

    def before(i, j):
        return [(i - di, j - dj) for di, dj in ((1, 1), (0, 1), (1, 0)) if i >= di and j >= dj]

    for i in range(n):
        for j in range(m):
            if (i, j) != (0, 0):
                total[i, j] = cost[i, j] + min(total[p] for p in before(i, j))
    path = [(n - 1, m - 1)]
    while path[-1] != (0, 0):
        options = before(*path[-1])
        least = min(total[p] for p in options)
        path.append(next(p for p in options if total[p] <= least + 1e-5))
    return path


def instability(mask, following):
    """T of two masks; NaN where one has no polygon."""
    first, second = contour(mask), contour(following)
    if first is None or second is None:
        return math.nan
    cost = cost_matrix(histograms(first), histograms(second))
    path = cheapest_path(cost)
    i, j = min(path[:-1] or path, key=lambda p: cost[p])
    turned = np.roll(np.roll(cost, -(i + 1), 0), -(j + 1), 1)
    pairs = [((p + i + 1) % cost.shape[0], (q + j + 1) % cost.shape[1]) for p, q in cheapest_path(turned)]
    for side in (0, 1):
        pairs = [
            min((p for p in pairs if p[side] == k), key=lambda p: cost[p]) for k in sorted({p[side] for p in pairs})
        ]
    return 5 * float(np.mean([cost[p] for p in pairs]))


def blobs(seed, size):
    """Two masks that agree more or less: blobs, noise, thin lines, single pixels, full, empty, at the border."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[: size[0], : size[1]]
    pair = []
    for _ in range(2):
        kind = rng.integers(8)
        mask = np.zeros(size, bool)
        if kind < 3:
            for _ in range(kind + 1):
                cy, cx, r = rng.random(3) * (size[0], size[1], min(size) / 2)
                mask |= (y - cy) ** 2 + (x - cx) ** 2 < r**2
        elif kind == 3:
            mask[rng.integers(size[0])] = True
        elif kind == 4:
            mask[rng.integers(size[0]), rng.integers(size[1])] = True
        elif kind == 5:
            mask = rng.random(size) < rng.random()
        elif kind == 6:
            mask[:, rng.integers(size[1]) :] = True
        elif rng.random() < 0.5:
            mask[:] = True
        pair.append(mask)
    return pair
