"""What the closer look learns from: frames whose masks are known, and what is seen in the windows round what was found.

The predictions should be by memories that were not trained on these sequences, or what is learned is to trust them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from vosmem import video
from vosmem.data import describe
from vosmem.grid import Grid, resample
from vosmem.refine import correction, stage, steps_before, zoom
from vosmem.refine.look import SIDES

EVERY = 8  # frames: those between look much alike
MOST = 300  # frames of all sequences together that are looked at: each takes some 18 MB
THINNED = 11  # of a window's cells every eleventh is fitted to


@dataclass
class Lesson:
    """A window, h x w cells, whose mask is known."""

    maps: list[np.ndarray]  # the network's `correction.LAYERS`, (64, h, w) and (64, h/2, w/2) float16
    logits: np.ndarray  # (h, w) float32, of the first pass
    sides: np.ndarray  # (6, h, w), logits
    truth: np.ndarray  # (h, w), the object's share of each cell
    share: float  # how much the look counts, 0..1


@dataclass
class Frame:
    """A frame that was looked at, and what is right: its mask."""

    seen: zoom.Seen
    mask: np.ndarray  # (H', W') bool
    maps: list[np.ndarray]  # see :class:`Lesson`; none where there is no window
    share: float = 0.0


@dataclass
class Video:
    """The frames of a sequence that were looked at."""

    sequence: describe.Sequence
    grid: Grid
    frames: list[Frame]

    def samples(self) -> list[tuple[np.ndarray, np.ndarray, float]]:
        """Of each frame with a window what is weighed, (n, 8) float32, the object's share of as many cells, (n,)
        float32, and how much the look counts."""
        size = self.sequence.working_size
        fine, found = zoom.fine_grid(size), []
        for frame in self.frames:
            if frame.seen.window is None:
                continue
            inputs, inside = zoom.evidence(frame.seen, self.grid, fine)
            truth = self._shares(frame, fine)[inside]
            x, y = (a.reshape(n, -1)[:, ::THINNED] for a, n in ((inputs, 8), (truth, 1)))
            found.append((np.ascontiguousarray(x.T), y[0].copy(), frame.share))
        return found

    def lessons(self) -> list[Lesson]:
        """Of each frame with a window what a correction learns from."""
        found = []
        for frame in self.frames:
            if frame.seen.window is not None:
                cells = zoom.covering(frame.seen.window, frame.seen.sides.shape[-2:])
                logits = zoom.logits(frame.seen.cells, self.grid, cells)
                truth = self._shares(frame, cells).astype(np.float16)
                found.append(Lesson(frame.maps, logits, frame.seen.sides, truth, frame.share))
        return found

    def _shares(self, frame: Frame, cells: Grid) -> np.ndarray:
        """The object's share of each of ``cells``, float32."""
        pixels = Grid.of_image(frame.mask.shape, self.sequence.working_size)
        return resample(frame.mask.astype(np.float32), pixels, cells, "area")


def apart(lengths: list[int]) -> int:
    """Every how many frames of sequences of these lengths one is looked at."""
    return max(EVERY, -(-sum(lengths) // MOST))


def watch(
    description: Path, cells: Path, flow: Path | None, appearance: Sequence[Path], settings: Mapping[str, Any],
    see: Callable[[np.ndarray], dict[str, np.ndarray]], step: int,
) -> Video:  # fmt: skip
    """Look at a sequence's frames that have masks: one in ``step``, or all where they are further apart.

    ``cells``: the probability file; ``flow``, ``appearance``: what the steps before the look ask for, see
    :func:`vosmem.refine.stage.run`; ``settings``: the config's section `refine`; ``see``:
    :func:`vosmem.refine.look.eye`, with the correction's layers.
    """
    sequence = describe.read(description)
    size, keys = sequence.working_size, settings["zoom"]
    steps = steps_before("zoom", settings, along_flow=flow is not None)
    maps: dict[int, np.ndarray] = {}
    windows: list[zoom.Window | None] = []
    with stage.opened(sequence, cells, steps, flow, appearance) as files:
        grid = files.cells.grid("probability")
        for first, shot in zip(sequence.starts, files.shots(), strict=True):
            found = dict(stage.maps(shot, steps, cells.parent))
            extents = [zoom.extent(found[t], grid) for t in sorted(found)]
            windows += zoom.windows(np.stack(extents), size, keys["margin"])
            maps |= {first + t: rows for t, rows in found.items()}
    paths = {t: path for t, path in enumerate(sequence.mask_paths) if path is not None}
    every = -(-step * len(paths) // len(maps))
    frames = []
    for t in [*paths][min(every, len(paths)) // 2 :: max(1, every)]:
        window = windows[t]
        told = {} if window is None else see(stage.working_frame(sequence, t)[window])
        told = {layer: m.astype(np.float16) for layer, m in told.items()}
        views = [(told.pop(SIDES), None)] if told else []
        seen = zoom.Seen.of(t, maps[t], grid, window, views) if views else zoom.Seen(t, maps[t])
        frames.append(Frame(seen, video.read_mask(paths[t]), [told[layer] for layer in correction.LAYERS if told]))
    known = np.array([frame.seen.agreement for frame in frames])
    times = np.array([frame.seen.t for frame in frames])
    shots = np.searchsorted(sequence.starts, times, "right")
    for frame, shot in zip(frames, shots, strict=True):
        near = known[(np.abs(times - frame.seen.t) <= zoom.NEAR) & (shots == shot)]
        frame.share = zoom.counts(zoom.mean_agreement(near), keys["agreement"])
    return Video(sequence, grid, frames)
