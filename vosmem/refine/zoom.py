"""A closer look: U2-Net sees a window round the object, where one that was 40 pixels wide fills the picture.

Not of the paper. The first pass has told where the object is; the network, which has learned from photographs what the
outlines of things are like, then finds that outline at several times the resolution. Its sides d1 .. d6 are fused anew,
together with the first pass's logits: the coarse ones count against the fine ones, for where the object is, is known.

What stands out in a window need not be what moves in it. So the look counts by how far it agrees with the first pass,
over some seconds, and not at all where they differ. The weights are the same for every video, and so is the network
that corrects their sum (:mod:`vosmem.refine.correction`); both are fitted to predictions for sequences on which the
memory was not trained (:mod:`vosmem.refine.learn`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from vosmem import weights as weight_files
from vosmem.ahead import side_by_side
from vosmem.errors import UserError
from vosmem.grid import Axis, Grid, resample
from vosmem.refine import TRAINED
from vosmem.refine.logits import logit
from vosmem.waiting import Waiting

# Of the keys of the config's section `refine.zoom` those of :func:`closer`, and those of the step after it.
KEYS, FINISH = ("margin", "weights", "agreement"), ("sdims", "schan", "subsample", "rounds")
INPUT = (320, 320)  # pixels that a window is resized to, about what the networks were trained at
UNTOLD = "u2netp"  # the network of corrections that do not tell: they were trained when there was one alone
FINE = 2  # pixels of the working frame to a cell of the result
QUANTILE = 0.01  # of the object's probability that lies beyond each side of its extent
LEAST = 96  # pixels of the working frame that a window has at least, where the frame has: in less there is only blur
BESIDE = 3  # frames to each side over which a window holds the object: so it moves slowly, and misses nothing
NEAR = 24  # frames to each side over which the agreement is averaged
CLEAR = 1.0  # logits of sides are cut at: beyond, they are surer than right

Window = tuple[slice, slice]  # rows and columns, in pixels of the working frame
# The sides d1 .. d6, (6, h', w') logits that cover a window edge to edge, and what is to be added to their weighed sum,
# (h', w'), or None.
View = tuple[np.ndarray, np.ndarray | None]
# A window's pixels, (h, w, 3) uint8 BGR, and the first pass's logits in it, (320, 320), to one view or several.
Look = Callable[[np.ndarray, np.ndarray], Sequence[View]]


@dataclass(frozen=True)
class Seen:
    """One frame between the network and the fusion. Nothing is known but its map where nothing was found in it."""

    t: int
    cells: np.ndarray  # (h, w), the first pass's map
    window: Window | None = None
    sides: np.ndarray | None = None  # (6, h', w') logits that cover the window edge to edge, as they are weighed
    correction: np.ndarray | None = None  # (h', w') logits; None where nothing corrects the sum
    agreement: float = np.nan  # see :func:`agreed`

    @classmethod
    def of(cls, t: int, cells: np.ndarray, grid: Grid, window: Window, views: Sequence[View]) -> Seen:
        """The mean of views. Sides are cut before it, or one that is wrong and sure would outvote the others."""
        sides = np.mean([clear(s) for s, _ in views], 0)
        added = [c.astype(np.float32) for _, c in views if c is not None]
        correction = np.mean(added, 0).astype(np.float16) if added else None
        agreement = np.mean([agreed(cells, grid, window, s[0]) for s, _ in views])
        return cls(t, cells, window, sides.astype(np.float16), correction, float(agreement))


def shipped(network: str) -> weight_files.Entry:
    """The correction that comes with vosmem for what ``network`` sees, a value of the key ``refine.zoom.network``."""
    return weight_files.entry(f"zoom-{network}")


def corrected_by(keys: Mapping[str, Any]) -> Path | None:
    """The weight file that ``correction`` of the config's section `refine.zoom` names; None where nothing corrects.

    Raises UserError where it is one that a run is to train, so that there is no one file.
    """
    setting = keys["correction"]
    if setting == "none":
        return None
    if setting == TRAINED:
        raise UserError(
            f"refine.zoom.correction: got {TRAINED}, which the workflow alone can do; name a file, shipped or none"
        )
    return shipped(keys["network"]).path() if setting == "shipped" else Path(setting)


def check_network(correction: Path, network: str) -> None:
    """Raise UserError where a correction's file tells that it was trained on what another network sees."""
    told = weight_files.metadata(correction)
    sees = told.get("network", UNTOLD)
    if told and sees != network:
        raise UserError(
            f"{correction}: corrects what {sees} sees, but refine.zoom.network is {network}; set that, or set "
            "refine.zoom.correction to shipped or none"
        )


def closer(
    maps: Iterable[tuple[int, np.ndarray]], grid: Grid, length: int, size: tuple[int, int],
    frame: Callable[[int], np.ndarray], look: Look, margin: float, weights: Sequence[float],
    agreement: tuple[float, float], folder: str | PathLike | None = None, threads: int = 1,
) -> Iterator[tuple[int, np.ndarray]]:  # fmt: skip
    """The maps of a video after the closer look: pairs of t and (h', w') float32 in 0..1, on :func:`fine_grid`.

    ``maps``: pairs of t and (h, w) float32 on ``grid``, each of ``length`` once, first to last or last to first;
    ``size``: the working frame's (H, W); ``frame(t)``: it, (H, W, 3) uint8 BGR; ``margin``: see :func:`windows`;
    ``weights``: (8,), see :func:`fused`; ``agreement``: where the look begins to count, and from where on it counts in
    full; ``threads``: on which frames are looked at side by side. A frame in which nothing was found keeps its map.
    Memory does not grow with the length: maps wait in ``folder``, see :class:`vosmem.waiting.Waiting`.
    """
    extents, order = np.full((length, 4), np.nan), []
    with Waiting(folder) as kept:
        for t, cells in maps:
            extents[t] = extent(cells, grid)
            kept.append(cells)
            order.append(t)
        found = windows(extents, size, margin)

        def waiting() -> Iterator[tuple[int, np.ndarray]]:
            for i, t in enumerate(order):
                yield t, kept[i]

        def seen(of: tuple[int, np.ndarray]) -> Seen:
            (t, cells), window = of, found[of[0]]
            if window is None:
                return Seen(t, cells)
            views = look(frame(t)[window], logits(cells, grid, covering(window, INPUT)))
            return Seen.of(t, cells, grid, window, views)

        for one, mean in _averaged(side_by_side(seen, waiting(), threads)):
            yield one.t, fused(one, grid, size, np.asarray(weights, np.float32), counts(mean, agreement))


def fine_grid(size: tuple[int, int]) -> Grid:
    """The cells of the result for a working frame of (H, W): as many as the frame has pixels where it is halved."""
    return Grid.of_image((max(1, round(size[0] / FINE)), max(1, round(size[1] / FINE))), size)


def extent(cells: np.ndarray, grid: Grid) -> np.ndarray:
    """Top, left, bottom and right, (4,) pixels of the working frame, between which the object's probability lies.

    ``cells``: (h, w) in 0..1 on ``grid``. Those above a half count; NaN where there is none.
    """
    found = np.where(cells > 0.5, cells, 0).astype(np.float64)
    if not found.any():
        return np.full(4, np.nan)
    ends = []
    for axis, across in ((grid.y, 1), (grid.x, 0)):
        share = np.cumsum(found.sum(across)) / found.sum()
        first, last = np.searchsorted(share, (QUANTILE, 1 - QUANTILE))
        # cell i covers half a stride to each side of its centre, pixel 0 of the frame begins at 0
        ends.append(axis.stride * np.array([first - 0.5, last + 0.5]) + axis.offset + 0.5)
    return np.stack(ends, 1).ravel()


def windows(extents: np.ndarray, size: tuple[int, int], margin: float) -> list[Window | None]:
    """Where to look in each frame: (T, 4) extents to a window a frame within the working frame of ``size`` (H, W).

    It holds the extents of the frame and of ``BESIDE`` frames to each side, and ``margin`` times their size more to
    each side: the size along that axis and the larger one count alike, so that thin objects have some room. None where
    the frame's own extent is NaN.
    """
    found: list[Window | None] = []
    for t, own in enumerate(extents):
        if np.isnan(own).any():
            found.append(None)
            continue
        near = extents[max(0, t - BESIDE) : t + BESIDE + 1]
        low, high = np.nanmin(near[:, :2], 0), np.nanmax(near[:, 2:], 0)  # (2,), of y and x
        room = margin * (high - low + (high - low).max()) / 2
        rows, columns = (_within(a, b, n) for a, b, n in zip(low - room, high + room, size, strict=True))
        found.append((rows, columns))
    return found


def _within(low: float, high: float, length: int) -> slice:
    """The pixels from ``low`` to ``high`` that the frame has; where they are few, ``LEAST`` about them."""
    start, stop = max(0, round(low)), min(length, round(high))
    size = min(length, max(LEAST, stop - start))
    start = min(max(0, start - (size - (stop - start)) // 2), length - size)
    return slice(start, start + size)


def agreed(cells: np.ndarray, grid: Grid, window: Window, side: np.ndarray) -> float:
    """How far a view and the first pass agree, 0..1: the soft Jaccard index of d1 and the map, within the window.

    ``cells``: the map, on ``grid``; ``side``: d1, (h', w') logits that cover the window.
    """
    probability = resample(cells, grid, covering(window, side.shape))
    side = 1 / (1 + np.exp(-side.astype(np.float32)))
    both = probability * side
    return float(both.sum() / (probability + side - both).sum())


def counts(mean: float, agreement: tuple[float, float]) -> float:
    """How much the look counts, 0..1, where the agreement is ``mean``: nothing up to the first, all from the second."""
    return float(np.interp(mean, agreement, (0, 1)))


def mean_agreement(near: Iterable[float]) -> float:
    """Of frames near each other; those where nothing was found, NaN, do not count. 0 where there are no others."""
    known = [value for value in near if not np.isnan(value)]
    return sum(known) / len(known) if known else 0.0


def _averaged(frames: Iterable[Seen]) -> Iterator[tuple[Seen, float]]:
    """Each of ``frames``, in order, with the mean agreement of those up to ``NEAR`` before and behind it."""
    waiting: list[Seen] = []
    known: list[float] = []  # of all frames so far; numbers only, so they may stay

    def mean(i: int) -> float:
        return mean_agreement(known[max(0, i - NEAR) : i + NEAR + 1])

    for one in frames:
        waiting.append(one)
        known.append(one.agreement)
        if len(waiting) > NEAR:
            yield waiting.pop(0), mean(len(known) - 1 - NEAR)
    for k, one in enumerate(waiting, len(known) - len(waiting)):
        yield one, mean(k)


def fused(one: Seen, grid: Grid, size: tuple[int, int], weights: np.ndarray, share: float) -> np.ndarray:
    """The map of one frame after the look, (h', w') float32 in 0..1 on :func:`fine_grid`.

    ``weights``: (8,), of the map's logit, of the sides d1 .. d6, and of one; ``share``: 0..1, how much that sum, with
    its correction, counts against the map's logit alone. Beyond the window the map stays as it is.
    """
    fine = fine_grid(size)
    found = np.array(resample(one.cells, grid, fine))  # a copy: where both grids are one, it is the map itself
    if one.window is None:
        return found
    inputs, inside = evidence(one, grid, fine)
    summed = np.tensordot(weights, inputs, 1)
    if one.correction is not None:
        summed += resample(
            one.correction.astype(np.float32), covering(one.window, one.correction.shape), fine.window(*inside)
        )
    total = np.clip(share * summed + (1 - share) * inputs[0], -30, 30)  # further off exp() overflows
    found[inside] = 1 / (1 + np.exp(-total))
    return found


def evidence(one: Seen, grid: Grid, fine: Grid) -> tuple[np.ndarray, Window]:
    """What is weighed within the window, (8, h, w) float32: the map's logit, the six sides, one; and which cells of
    ``fine`` those are."""
    inside = tuple(
        slice(*(int(i) for i in np.searchsorted(axis.centres(), (pixels.start - 0.5, pixels.stop - 0.5))))
        for axis, pixels in zip((fine.y, fine.x), one.window, strict=True)
    )
    part = fine.window(*inside)
    sides = resample(one.sides.astype(np.float32), covering(one.window, one.sides.shape[-2:]), part)  # (6, h, w)
    return np.concatenate([logits(one.cells, grid, part)[None], sides, np.ones_like(sides[:1])]), inside


def logits(cells: np.ndarray, grid: Grid, part: Grid) -> np.ndarray:
    """Of the map ``cells`` on ``grid``, the logits at the cells of ``part``, float32, as far from 0 as they may be."""
    return logit(resample(cells, grid, part))


def clear(sides: np.ndarray) -> np.ndarray:
    """Sides as they are weighed, float32."""
    return np.clip(sides.astype(np.float32), -CLEAR, CLEAR)


def covering(window: Window, shape: tuple[int, int]) -> Grid:
    """Cells of ``shape`` (h, w) that cover the window's pixels edge to edge."""
    axes = []
    for pixels, cells in zip(window, shape, strict=True):
        stride = (pixels.stop - pixels.start) / cells
        axes.append(Axis(int(cells), stride, pixels.start + 0.5 * stride - 0.5))
    return Grid(*axes)
