"""Probabilities steadied along the optical flow: what the frames before and behind say of the same point counts too.

With the weight a of one step and the confidence c_t of the flow that leads from frame t to a neighbour, the maps p_t
become the weighted mean over all frames s of what lies, in s, on the way of the same point,

    y_t(x) = sum_s w_s p_s(x_s) / sum_s w_s,    w_t = 1,    w_(s +- 1) = w_s a c_s(x_s).

The sums over earlier and over later frames obey a recursion each, so a pass forward and one backward find them all.
Not of the paper, whose memory is to do this. The confidence is the usual check by the way back (Sundaram et al., 2010).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator

import numpy as np

from vosmem.grid import Grid, resample
from vosmem.waiting import Waiting

LENIENCE = 0.02  # of the squared displacement: longer flows are less exact

Flow = Callable[[int], np.ndarray]  # of frame t, to the next or the one before: (2, h, w) in cells, u right, v down


def steady(
    maps: Iterable[tuple[int, np.ndarray]], forward: Flow, backward: Flow, weight: float, tolerance: float,
    folder: str | os.PathLike | None = None,
) -> Iterator[tuple[int, np.ndarray]]:  # fmt: skip
    """The steadied maps of a sequence, pairs of t and (h, w) float32 within the values of the maps.

    ``maps``: pairs of t and (h, w), one a frame, first to last or last to first; they come out the other way round.
    ``forward(t)``, ``backward(t)``: flow t -> t+1 and t -> t-1, (2, h, w) in cells, u right and v down; never asked for
    where they lead out of the sequence. ``weight``: a, 0..1. ``tolerance``: cells by which a flow and the one back may
    miss, where the confidence falls to 1/e. Memory does not grow with the length: the maps, and what the first pass
    found, wait in ``folder``, see :class:`vosmem.waiting.Waiting`.
    """

    def carried(sums: np.ndarray | None, t: int, beside: int) -> np.ndarray | float:
        """What the sums (2, h, w) of the frame ``beside`` t, of w p and of w, add to those of t."""
        if sums is None:
            return 0.0
        there, back = (backward(t), forward(beside)) if beside < t else (forward(t), backward(beside))
        return weight * confidence(there, back, tolerance) * follow(sums, there)

    with Waiting(folder) as kept:
        order: list[int] = []
        sums = None
        for t, rows in maps:
            alone = _alone(rows)
            past = carried(sums, t, order[-1] if order else t) + np.zeros_like(alone)
            kept.append(np.concatenate([alone[:1], past]))
            sums = alone + past
            order.append(t)
        sums, beside = None, -1
        for i, t in reversed(list(enumerate(order))):
            rows, *past = kept[i]
            sums = _alone(rows) + carried(sums, t, beside)
            total, weights = sums + past
            beside = t
            yield t, total / weights


def on_grid(rows: np.ndarray, source: Grid, target: Grid) -> np.ndarray:
    """Flow (2, h, w) in pixels of the frame on ``source`` -> (2, h', w') float32 in cells of ``target``."""
    stride = np.array([target.x.stride, target.y.stride], np.float32)[:, None, None]
    return resample(rows.astype(np.float32), source, target) / stride


def confidence(there: np.ndarray, back: np.ndarray, tolerance: float) -> np.ndarray:
    """How far a flow can be trusted, (h, w) float32 in 0..1; 0 where it leads out of the frame.

    ``there``: (2, h, w) in cells; ``back``: of the frame where it leads, the flow to this one.
    """
    y, x = np.mgrid[: there.shape[1], : there.shape[2]]
    inside = (x + there[0] >= 0) & (x + there[0] <= x.max()) & (y + there[1] >= 0) & (y + there[1] <= y.max())
    miss = ((there + follow(back, there)) ** 2).sum(0)  # (h, w)
    return (inside * np.exp(-miss / (tolerance**2 + LENIENCE * (there**2).sum(0)))).astype(np.float32)


def follow(maps: np.ndarray, flow: np.ndarray) -> np.ndarray:
    """Maps (C, h, w) read, between the cells, where the flow (2, h, w) leads; beyond the border the border's value."""
    height, width = maps.shape[1:]
    y, x = np.mgrid[:height, :width]
    y, x = np.clip(y + flow[1], 0, height - 1), np.clip(x + flow[0], 0, width - 1)
    top, left = np.minimum(y.astype(int), max(0, height - 2)), np.minimum(x.astype(int), max(0, width - 2))
    bottom, right = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    a, b = (y - top).astype(maps.dtype), (x - left).astype(maps.dtype)  # (h, w) each, 0..1
    upper = maps[:, top, left] * (1 - b) + maps[:, top, right] * b
    lower = maps[:, bottom, left] * (1 - b) + maps[:, bottom, right] * b
    return upper * (1 - a) + lower * a


def _alone(rows: np.ndarray) -> np.ndarray:
    """The sums (2, h, w) float32 of a frame by itself."""
    return np.stack([rows, np.ones_like(rows)]).astype(np.float32)
