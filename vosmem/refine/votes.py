"""Probabilities that cells of other frames have a vote on: what looks alike is alike, in frames near and far.

The memory sees seconds at most, and a part that it missed in one frame it often has in another. So each cell of frame t
asks those of frames near t, and its logit moves by a share w of what sets them apart from it:

    l_t(x) += w (logit(v_t(x)) - logit(p_t(x))),    v_t(x) = sum_(s, y) k p_s(y) / sum_(s, y) k,
    k = exp(sum_i cos(a_i,t(x), a_i,s(y)) / T - |x - y|^2 / 2 R^2)

with what a cell looks like, a_i: the network's features that the memory was given, and the colours of the frame. Not of
the paper; non-local means (Buades et al., 2005), over a video and of what is known in the place of what is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from math import sqrt

import numpy as np

from vosmem import video
from vosmem.grid import Grid, resample
from vosmem.refine.logits import logit

CELLS = 720  # of a frame, about: 20x36 of 480x854
NEAR, APART = 32, 4  # frames to each side that vote, and every how many of them one does
FEW = 8  # a shorter video has more of its frames vote
TEMPERATURE = 0.05  # T: of the sum of cosines
REACH = 0.236  # R: of the frame's shorter side
AROUND = (1, 3, 7)  # cells across over which colours are averaged: of the cell itself, and of what it lies in
CLEAR = 3.0  # deviations at which features are cut: beyond, one channel would be all that counts

Maps = Callable[[int], np.ndarray]


def cells(size: tuple[int, int]) -> Grid:
    """The grid of those who vote, for a working frame of (H, W)."""
    side = sqrt(size[0] * size[1] / CELLS)
    return Grid.of_image((max(1, round(size[0] / side)), max(1, round(size[1] / side))), size)


def voted(
    maps: Maps, grid: Grid, length: int, size: tuple[int, int], looks: Sequence[Maps], weight: float
) -> Iterator[tuple[int, np.ndarray]]:
    """The maps of a video after the vote, pairs of t and (h, w) float32 in 0..1, first to last.

    ``maps(t)``: (h, w) float32 in 0..1 on ``grid``, of each of ``length`` frames; ``size``: the working frame's (H, W);
    ``looks``: of each way to tell alike from unlike what it says of frame t, (C, h', w') float32 on :func:`cells`, in
    any units; ``weight``: w, 0..1. A video of one frame stays as it is. Memory does not grow with the length.
    """
    coarse = cells(size)
    here, there = _near(coarse, min(size))
    apart = max(1, min(APART, length // FEW))

    @lru_cache(maxsize=2 * (NEAR + APART))  # what the next APART frames ask for
    def known(t: int) -> tuple[np.ndarray, np.ndarray, list[np.ndarray]]:
        """A frame's map, the probabilities of its cells, (n,), and what they look like, (n, C) each."""
        own, seen = maps(t), [look(t) for look in looks]
        return own, on_cells(own, grid, size).ravel(), [look.reshape(len(look), -1).T for look in seen]

    for t in range(length):
        own, low, seen = known(t)
        others = [s for s in range(t % apart, length, apart) if s != t and abs(s - t) <= NEAR]
        if others:
            _, values, looks_of_others = zip(*map(known, others), strict=True)
            asking, asked = _alike(seen, looks_of_others)
            asking = np.concatenate([asking / TEMPERATURE, here], 1)
            asked = np.concatenate([asked, np.tile(there, (len(others), 1))], 1)
            found = _mean(asking, asked, np.concatenate(values))
            moved = (logit(found) - logit(low)).reshape(coarse.shape)
            own = 1 / (1 + np.exp(-logit(own) - weight * resample(moved, coarse, grid)))
        yield t, own


def colours(frame: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """What cells look like by colour alone: (C, h, w) float32 on :func:`cells` of ``size``, the frame's.

    ``frame``: (H, W, 3) uint8 BGR. Means and deviations of L, a and b in the cell, and averages of both around it.
    """
    lab, pixels, coarse = video.to_lab(frame).astype(np.float32), Grid.of_image(size, size), cells(size)
    lab = lab.transpose(2, 0, 1)  # (3, H, W)
    mean, square = (resample(m, pixels, coarse, "area") for m in (lab, lab**2))
    own = np.concatenate([mean, np.sqrt(np.maximum(square - mean**2, 0))])  # (6, h, w)
    return np.concatenate([_around(own, n) for n in AROUND])


def on_cells(rows: np.ndarray, grid: Grid, size: tuple[int, int]) -> np.ndarray:
    """Maps (..., h, w) on ``grid`` brought to :func:`cells` of the working frame's ``size``, float32."""
    coarse = cells(size)
    how = "area" if max(coarse.stride) > max(grid.stride) else "linear"
    return resample(rows.astype(np.float32), grid, coarse, how)


def _near(coarse: Grid, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Of the cells that ask and of those that are asked (n, 4) float32, whose product is -|x - y|^2 / 2 R^2."""
    y, x = np.meshgrid(coarse.y.centres(), coarse.x.centres(), indexing="ij")
    place = (np.stack([y, x], -1).reshape(-1, 2) / (REACH * side)).astype(np.float32)
    square, one = (place**2).sum(1, keepdims=True) / 2, np.ones_like(place[:, :1])
    return np.concatenate([place, -square, one], 1), np.concatenate([place, one, -square], 1)


def _alike(own: Sequence[np.ndarray], others: Sequence[Sequence[np.ndarray]]) -> tuple[np.ndarray, np.ndarray]:
    """Of the cells of one frame (n, C) and those of others (m, C), whose product is the sum of their cosines.

    Each way of looking, (n, C_i) a frame, is standardised over all these frames first.
    """
    asking, asked = [], []
    for i, look in enumerate(own):
        every = np.concatenate([look, *(other[i] for other in others)])
        mean, deviation = every.mean(0), every.std(0)
        deviation[deviation <= 1e-5 * np.abs(mean)] = np.inf  # all alike, but for rounding
        every = np.clip((every - mean) / deviation, -CLEAR, CLEAR)
        every /= np.maximum(np.linalg.norm(every, axis=1, keepdims=True), 1e-6)
        asking.append(every[: len(look)])
        asked.append(every[len(look) :])
    return np.concatenate(asking, 1), np.concatenate(asked, 1)


def _mean(asking: np.ndarray, asked: np.ndarray, values: np.ndarray) -> np.ndarray:
    """The mean (n,) of ``values`` (m,), whose weights are exp() of the product of (n, C) and (m, C)."""
    weights = asking @ asked.T  # (n, m); at most 1 / T a look, far from where exp() overflows
    np.exp(weights, out=weights)
    summed = weights @ np.stack([values, np.ones_like(values)], 1)  # (n, 2)
    return summed[:, 0] / summed[:, 1]


def _around(maps: np.ndarray, cells: int) -> np.ndarray:
    """Means of maps (C, h, w) over squares of ``cells``, an odd number, across; of what the frame has of them."""
    if cells == 1:
        return maps
    rows, columns = (_band(n, cells) for n in maps.shape[1:])
    return rows @ maps @ columns.T


def _band(size: int, width: int) -> np.ndarray:
    """(size, size) float32, whose rows average what lies within half of ``width``."""
    at = np.arange(size)
    within = (np.abs(at[:, None] - at) <= width // 2).astype(np.float32)
    return within / within.sum(1, keepdims=True)
