"""Probabilities steadied along the optical flow: what the frames before and behind say of the same point counts too.

With the weight a of one step and the confidence c_t of the flow that leads from frame t to a neighbour, the maps p_t
become the weighted mean over all frames s of what lies, in s, on the way of the same point,

    y_t(x) = sum_s w_s p_s(x_s) / sum_s w_s,    w_t = 1,    w_(s +- 1) = w_s a c_s(x_s).

The sums over earlier and over later frames obey a recursion each, so a pass forward and one backward find them all.
Not of the paper, whose memory is to do this. The confidence is the usual check by the way back (Sundaram et al., 2010).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator

import numpy as np

from vosmem.grid import Grid, resample

LENIENCE = 0.02  # of the squared displacement: longer flows are less exact
IN_MEMORY = 1 << 26  # bytes of the forward pass's sums that are kept there; more go to a file

Maps = Callable[[int], np.ndarray]


def steady(
    maps: Maps, forward: Maps, backward: Maps, length: int, weight: float, tolerance: float,
    folder: str | os.PathLike | None = None,
) -> Iterator[tuple[int, np.ndarray]]:  # fmt: skip
    """The steadied maps of a sequence, last frame first: pairs of t and (h, w) float32 within the values of the maps.

    ``maps(t)``: (h, w); ``forward(t)``, ``backward(t)``: flow t -> t+1 and t -> t-1, (2, h, w) in cells, u right and v
    down; never asked for where they lead out of the sequence. ``weight``: a, 0..1. ``tolerance``: cells by which a flow
    and the one back may miss, where the confidence falls to 1/e. Memory does not grow with the length: what the forward
    pass found waits in a nameless file in ``folder`` (default: the system's for such files).
    """
    shape = maps(0).shape
    size = 2 * 4 * shape[0] * shape[1]  # bytes of a frame's sums
    with tempfile.SpooledTemporaryFile(IN_MEMORY, dir=folder) as kept:
        sums = None  # (2, h, w): of w p, and of w, over the frames up to t
        for t in range(length):
            sums = _step(maps(t), sums, t and backward(t), t and forward(t - 1), weight, tolerance)
            kept.write(sums.tobytes())
        sums = None  # over the frames from t
        for t in range(length - 1, -1, -1):
            last = t == length - 1
            sums = _step(maps(t), sums, 0 if last else forward(t), 0 if last else backward(t + 1), weight, tolerance)
            kept.seek(t * size)
            past = np.frombuffer(kept.read(size), np.float32).reshape(2, *shape)
            total, weights = sums + past - _alone(maps(t))  # frame t itself is in both
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


def _step(
    rows: np.ndarray, sums: np.ndarray | None, there: np.ndarray, back: np.ndarray, weight: float, tolerance: float
) -> np.ndarray:
    """The sums of a frame from those of the neighbour that ``there`` leads to."""
    if sums is None:
        return _alone(rows)
    return _alone(rows) + weight * confidence(there, back, tolerance) * follow(sums, there)
