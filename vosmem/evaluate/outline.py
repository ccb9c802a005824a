"""The outlines of a mask: closed curves along pixel corners.

Part of temporal stability T (Perazzi et al., *A Benchmark Dataset and Evaluation Methodology for Video Object
Segmentation*, CVPR 2016). Corner (r, c) is the upper left corner of pixel (r, c); beyond the image nothing is object.

A *vertex* is a corner at which an outline turns. Along each line of the corner grid the vertices pair up, the first
with the second, the third with the fourth, and between the two of a pair runs an edge; so an outline is followed by
taking the partner in the row and the partner in the column in turn. Only at a *junction*, where four pixels meet
crosswise, there are two partners each way.

Which outlines part at a junction, where an outline begins, which way it runs, and which one is compared first decide
how it is thinned, so they are part of the measure. Here they are as in DAVIS's own tools: an outline turns at each
junction and passes it once.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

Corner = tuple[int, int]
Outline = list[Corner]  # closed: the last corner is the first

UP, LEFT, DOWN, RIGHT = range(4)  # sides of a junction, in the order in which its edges are followed


def outlines(mask: np.ndarray) -> list[tuple[Outline, bool]]:
    """All outlines of a mask.

    ``mask``: (H, W) bool. Returns, in the order in which they are compared, pairs of an outline, that is the corners
    (row, column) at which it turns, and whether it bounds a hole.
    """
    box = _bounding_box(mask)
    if box is None:
        return []
    top, bottom, left, right = box
    inside = np.zeros((bottom - top + 2, right - left + 2), np.uint8)  # the object and a margin of one pixel
    inside[1:-1, 1:-1] = mask[top:bottom, left:right]
    graph = _Graph(inside)
    pieces = graph.pieces()
    found = []
    for vertices in [*graph.plain_curves(pieces), *_junction_curves(pieces)]:
        curve = [divmod(vertex, graph.width) for vertex in vertices]
        found.append(([(r + top, c + left) for r, c in curve], graph.is_hole(curve)))
    return found


def _bounding_box(mask: np.ndarray) -> tuple[int, int, int, int] | None:
    """Rows [top, bottom) and columns [left, right) of the object; None where there is none."""
    rows = np.flatnonzero(mask.any(axis=1))
    if not rows.size:
        return None
    top, bottom = int(rows[0]), int(rows[-1]) + 1
    columns = np.flatnonzero(mask[top:bottom].any(axis=0))
    return top, bottom, int(columns[0]), int(columns[-1]) + 1


@dataclass(frozen=True)
class _Piece:
    """A stretch of outline from junction to junction, the side at which it leaves the one and reaches the other."""

    vertices: list[int]
    leaves: int
    reaches: int

    def side(self, junction: int) -> int:
        return self.leaves if self.vertices[0] == junction else self.reaches

    def other_end(self, junction: int) -> int:
        return self.vertices[-1] if self.vertices[0] == junction else self.vertices[0]

    def from_end(self, junction: int) -> list[int]:
        return self.vertices if self.vertices[0] == junction else self.vertices[::-1]


class _Graph:
    """The vertices of a mask that has a margin. Vertex r * width + c lies between its pixels r, r + 1 and c, c + 1."""

    def __init__(self, inside: np.ndarray):
        self.inside = inside
        vertical = inside[:, :-1] ^ inside[:, 1:]  # (h, w-1): whether an edge parts horizontal neighbours
        horizontal = inside[:-1] ^ inside[1:]  # (h-1, w): whether an edge parts vertical neighbours
        turns = vertical[:-1] ^ vertical[1:]  # (h-1, w-1)
        junctions = vertical[:-1] & vertical[1:] & horizontal[:, :-1] & horizontal[:, 1:]  # (h-1, w-1)
        ends = turns + 2 * junctions  # (h-1, w-1): how many edges end here, each way
        number = np.arange(ends.size).reshape(ends.shape)
        self.width = ends.shape[1]
        self.in_row = _partners(np.repeat(number.ravel(), ends.ravel()))
        self.in_column = _partners(np.repeat(number.T.ravel(), ends.T.ravel()))
        self.junctions = np.flatnonzero(junctions).tolist()

    def plain_curves(self, pieces: list[_Piece]) -> list[list[int]]:
        """The curves without junctions, the last in reading order first. Each begins at its first vertex, downwards."""
        seen = {vertex for piece in pieces for vertex in piece.vertices}
        found = []
        for start in self.in_row:  # in reading order
            if start in seen:
                continue
            curve = [start]
            while True:
                curve.append(self.in_column[curve[-1]][0])
                curve.append(self.in_row[curve[-1]][0])
                if curve[-1] == start:
                    break
            seen.update(curve)
            found.append(curve)
        return found[::-1]

    def pieces(self) -> list[_Piece]:
        """What lies between junctions. The last junction's are followed first."""
        found, followed = [], set()
        for junction in reversed(self.junctions):
            for side in (UP, LEFT, DOWN, RIGHT):
                if (junction, side) in followed:
                    continue
                piece = self._piece(junction, side)
                followed |= {(junction, side), (piece.vertices[-1], piece.reaches)}
                found.append(piece)
        return found

    def _piece(self, junction: int, side: int) -> _Piece:
        vertices = [junction]
        partners = self.in_column if side in (UP, DOWN) else self.in_row
        vertex = partners[junction][side in (DOWN, RIGHT)]  # a junction's partners: before it, behind it
        while True:
            vertices.append(vertex)
            if len(partners[vertex]) == 2:
                break
            partners = self.in_row if partners is self.in_column else self.in_column
            vertex = partners[vertex][0]
        before = vertices[-2] < vertices[-1]
        reaches = (UP if before else DOWN) if partners is self.in_column else (LEFT if before else RIGHT)
        return _Piece(vertices, side, reaches)

    def is_hole(self, curve: Outline) -> bool:
        """Whether the object lies outside a curve."""
        (r, c), (r2, c2) = curve[:2]
        if r == r2:  # whether the object is to the right of the curve's first edge, as one walks along it
            right = self.inside[r + 1, c + 1] if c2 > c else self.inside[r, c]
        else:
            right = self.inside[r + 1, c] if r2 > r else self.inside[r, c + 1]
        return bool(right) != is_clockwise(curve)


def is_clockwise(curve: list[tuple[float, float]]) -> bool:
    """Whether a closed curve of (row, column) runs clockwise, as one sees it, rows counted downwards."""
    return sum((r2 - r) * (c2 + c) for (r, c), (r2, c2) in pairwise(curve)) > 0


def _partners(ends: np.ndarray) -> dict[int, tuple[int, ...]]:
    """By vertex, the vertices that edges lead to; ``ends`` names an edge's two ends one after the other."""
    partners: dict[int, tuple[int, ...]] = {}
    listed = ends.tolist()
    for first, second in zip(listed[::2], listed[1::2], strict=True):
        partners[first] = (*partners.get(first, ()), second)
        partners[second] = (*partners.get(second, ()), first)
    return partners


def _junction_curves(pieces: list[_Piece]) -> list[list[int]]:
    """The curves that pass junctions, joined from pieces.

    From the last junction on: follow pieces, the first found first, never straight on; where a junction is met again,
    what was followed since is a curve.
    """
    waiting: dict[int, set[int]] = {}
    for number, piece in enumerate(pieces):
        for junction in (piece.vertices[0], piece.vertices[-1]):
            waiting.setdefault(junction, set()).add(number)
    found = []
    for start in sorted(waiting, reverse=True):
        while waiting[start]:
            trail: list[tuple[int, int]] = []  # junction and the piece by which it was left
            at, chosen = start, min(waiting[start])
            while True:
                ahead = pieces[chosen].other_end(at)
                waiting[at].discard(chosen)
                waiting[ahead].discard(chosen)
                trail.append((at, chosen))
                at = ahead
                again = next((i for i, (junction, _) in enumerate(trail) if junction == at), None)
                if again is not None:
                    curve = [at]
                    for junction, number in trail[again:]:
                        curve += pieces[number].from_end(junction)[1:]
                    found.append(curve)
                    del trail[again:]
                    if not trail:
                        break
                came = pieces[trail[-1][1]].side(at)
                chosen = next(n for n in sorted(waiting[at]) if abs(pieces[n].side(at) - came) != 2)
    return found
