"""Gaussian filtering in d dimensions on the permutohedral lattice, in numpy.

Adams, Baek, Davis, *Fast High-Dimensional Filtering Using the Permutohedral Lattice*, Eurographics 2010. The points are
embedded in the hyperplane of R^(d+1) whose coordinates sum to 0. The lattice's simplices tile it: a point lies in one
and spreads its value over that simplex's d+1 vertices (splat), the vertices are blurred along d+1 directions (blur),
and the point reads its value back from the same vertices (slice).
"""

from __future__ import annotations

import numpy as np

from vosmem.errors import UserError


class Lattice:
    """The lattice around a set of points, which filters values given at the points.

    ``features``: (d, N) real, the points' positions in units of the Gaussian's standard deviation.
    Raises UserError where they lie too far apart for 64-bit vertex numbers.
    """

    def __init__(self, features: np.ndarray):
        base, rank, self._weights = _simplices(_elevate(np.asarray(features, np.float32)))
        d = len(base) - 1

        # A simplex is known by its vertices' sum, and that by all but the last coordinate, packed into one integer.
        corner = base * (d + 1)  # (d + 1, N): the vertex of remainder 0
        centre = corner[:d] - rank[:d]
        low = centre.min(1) - 2 * d  # room for the vertices and for their neighbours
        shape = centre.max(1) + 3 * d + 1 - low
        if np.log2(shape).sum() > 62:
            raise UserError(
                f"refine: got pixels that spread over {shape.tolist()} lattice cells by place and colour, expected no "
                "more than 64 bits number; raise the method's sdims or schan, or lower data.short_side"
            )
        steps = np.append(np.cumprod(shape[:0:-1].astype(np.int64))[::-1], 1)  # of the packed number, per coordinate
        found, self._simplex = np.unique(steps @ (centre - low[:, None]), return_inverse=True)  # (S), (N)

        centre = np.stack(np.unravel_index(found, shape)) + low[:, None]  # (d, S)
        rank = -centre % (d + 1)
        first = steps @ (centre + rank - low[:, None])  # (S): the packed vertex of remainder 0
        vertices = [
            first + m * steps.sum() - (d + 1) * (steps @ (rank > d - m)) for m in range(d + 1)
        ]  # the vertex of remainder m: +m in the coordinates of low rank, m - (d + 1) in the others
        packed, self._vertex = np.unique(np.stack(vertices), return_inverse=True)  # (M), (d + 1, S)
        self._vertex = self._vertex.reshape(d + 1, -1)

        # Neighbours along direction i: +1 in all coordinates but i, which loses d; index M stands for none.
        self._neighbours = []
        for step in (*(steps.sum() - (d + 1) * steps), steps.sum()):
            onwards = _find(packed, packed + step)
            self._neighbours.append((onwards, _inverse(onwards)))

    def __call__(self, values: np.ndarray) -> np.ndarray:
        """Filter ``values`` (N,): near to sum_j exp(-|f_i - f_j|^2 / 2) v_j, j = i included, up to one constant factor.

        Returns (N,) float32.
        """
        blurred = np.zeros(len(self._neighbours[0][0]) + 1, np.float32)  # (M + 1), the last stays 0
        for vertex, weight in zip(self._vertex, self._weights, strict=True):
            blurred[:-1] += np.bincount(vertex[self._simplex], weight * values, len(blurred) - 1)
        for onwards, back in self._neighbours:
            blurred[:-1] += 0.5 * (blurred[onwards] + blurred[back])
        result = np.zeros(len(values), np.float32)
        for vertex, weight in zip(self._vertex, self._weights, strict=True):
            result += weight * blurred[vertex][self._simplex]
        return result


def positions(frame: np.ndarray, sdims: float, schan: float) -> np.ndarray:
    """The pixels of a frame (H, W, 3) by place, in ``sdims`` pixels, and colour, in ``schan``: (5, H * W) float32."""
    height, width = frame.shape[:2]
    y, x = np.mgrid[:height, :width].astype(np.float32) / np.float32(sdims)
    colours = frame.astype(np.float32).transpose(2, 0, 1) / np.float32(schan)  # (3, H, W)
    return np.concatenate([[y, x], colours]).reshape(5, -1)


def _elevate(features: np.ndarray) -> np.ndarray:
    """Positions (d, N) in the hyperplane, (d + 1, N), scaled so that splat, blur and slice have deviation 1."""
    d = len(features)
    i = np.arange(1, d + 1)
    scaled = features * (np.sqrt(2 / 3) * (d + 1) / np.sqrt(i * (i + 1))).astype(np.float32)[:, None]
    after = np.cumsum(scaled[::-1], axis=0)[::-1]  # (d, N): sum of this and the later ones
    elevated = np.empty((d + 1, features.shape[1]), np.float32)
    elevated[0] = after[0]
    elevated[1:] = -i[:, None].astype(np.float32) * scaled
    elevated[1:-1] += after[1:]
    return elevated


def _simplices(elevated: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The simplex around each point of (d + 1, N).

    Returns its vertex of remainder 0 in units of d + 1, (d + 1, N) int32; the coordinates' ranks, the furthest above
    that vertex first, (d + 1, N) int32; the barycentric weights of the vertices of remainder 0 .. d, (d + 1, N)
    float32.
    """
    d = len(elevated) - 1
    scaled = elevated * np.float32(1 / (d + 1))
    nearest = np.rint(scaled)
    base, above = nearest.astype(np.int32), scaled - nearest
    rank = np.zeros(base.shape, np.int32)
    for i in range(d + 1):
        for j in range(i + 1, d + 1):
            less = above[i] < above[j]
            rank[i] += less
            rank[j] += ~less
    rank += base.sum(0)  # rounding may have left the hyperplane: those that went furthest go back
    wrap = (rank < 0).astype(np.int32) - (rank > d)
    rank += wrap * (d + 1)
    base += wrap
    above -= wrap

    ordered = np.empty_like(above)
    np.put_along_axis(ordered, rank, above, axis=0)  # the furthest first
    weights = np.empty_like(above)
    weights[0] = 1 + ordered[d] - ordered[0]
    weights[1:] = (ordered[:-1] - ordered[1:])[::-1]
    return base, rank, weights


def _find(ordered: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Where each of ``wanted`` stands in ``ordered``, and len(ordered) where it does not."""
    place = np.searchsorted(ordered, wanted)
    place[ordered[np.minimum(place, len(ordered) - 1)] != wanted] = len(ordered)
    return place


def _inverse(places: np.ndarray) -> np.ndarray:
    """Where each index stands in ``places``, and len(places) where it does not, which names no other twice."""
    inverse = np.full_like(places, len(places))
    there = np.flatnonzero(places < len(places))
    inverse[places[there]] = there
    return inverse
